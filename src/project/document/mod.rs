//! JSON, TOML and YAML read into one form that remembers the line of every key
//! and value, so that a fact can name its evidence.

mod json;
mod toml;
mod yaml;

use std::ops::Range;

/// A syntax that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// JSON, with comments and trailing commas allowed.
    Json,
    /// TOML.
    Toml,
    /// YAML 1.2; of several documents only the first is read.
    Yaml,
}

/// Why a text could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Line at which the value starts, counted from 1. For an alias of YAML, the
    /// alias's line.
    pub line: usize,
    /// Column in characters at which it starts, counted from 1. For an alias of YAML,
    /// the alias's.
    pub column: usize,
    /// Where it is written, in bytes: any value of JSON, a value of TOML that is no table
    /// with a header, and a scalar of YAML, with its anchor, tag, quotes and perhaps
    /// blanks behind. For an alias, where its anchor's scalar is written. Empty for
    /// everything else.
    pub span: Range<usize>,
    /// The value.
    pub value: Value,
}

/// The kinds of value that the three syntaxes share.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// A text.
    String(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the text.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Line of the key, counted from 1.
    pub line: usize,
    /// Column of the key in characters, counted from 1.
    pub column: usize,
    /// Where the key is written, in bytes, with its quotes.
    pub span: Range<usize>,
    /// The value.
    pub node: Node,
}

/// Reads a text.
///
/// # Errors
/// Where the text does not follow the syntax, nests deeper than any real file
/// does, or expands without end.
pub fn parse(text: &str, syntax: Syntax) -> Result<Node, SyntaxError> {
    match syntax {
        Syntax::Json => json::parse(text),
        Syntax::Toml => toml::parse(text),
        Syntax::Yaml => yaml::parse(text),
    }
}

impl Node {
    /// A value that is written nowhere.
    pub const fn new(value: Value) -> Self {
        Self {
            line: 1,
            column: 1,
            span: 0..0,
            value,
        }
    }

    /// The entry of a mapping; `None` for anything else.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// The entry at the end of a path of keys.
    pub fn entry_at(&self, keys: &[&str]) -> Option<&Entry> {
        let (last, folders) = keys.split_last()?;
        folders
            .iter()
            .try_fold(self, |node, key| node.get(key))?
            .entry(last)
    }

    /// The value at the end of a path of keys.
    pub fn at(&self, keys: &[&str]) -> Option<&Self> {
        self.entry_at(keys).map(|entry| &entry.node)
    }

    /// The entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a string.
    pub fn str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text of any scalar, as it is written: `3.10` stays `3.10`.
    pub fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) | Value::Number(text) => Some(text),
            Value::Bool(true) => Some("true"),
            Value::Bool(false) => Some("false"),
            _ => None,
        }
    }

    /// True only for the boolean.
    pub const fn is_true(&self) -> bool {
        matches!(self.value, Value::Bool(true))
    }
}

/// Farther from the start of a line, a column is counted in bytes.
const MAX_COUNTED: usize = 4_096;

/// Turns byte offsets into lines and columns.
struct Lines<'t> {
    text: &'t str,
    is_ascii: bool,
    newlines: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let newlines = memchr::memchr_iter(b'\n', text.as_bytes()).collect();
        Self {
            text,
            is_ascii: text.is_ascii(),
            newlines,
        }
    }

    /// Line and column in characters, both counted from 1.
    fn place(&self, offset: usize) -> (usize, usize) {
        let line = self.newlines.partition_point(|newline| *newline < offset);
        let start = line
            .checked_sub(1)
            .map_or(0, |before| self.newlines[before] + 1);
        let bytes = offset.saturating_sub(start);
        // In a line of a megabyte, each of its many values would count all that is before.
        let column = if self.is_ascii || bytes > MAX_COUNTED {
            bytes
        } else {
            let before = self.text.get(start..offset);
            before.map_or(bytes, |before| before.chars().count())
        };
        let column = column + 1;
        (line + 1, column)
    }

    /// A value that is written here.
    fn node(&self, span: Range<usize>, value: Value) -> Node {
        let (line, column) = self.place(span.start);
        Node {
            line,
            column,
            span,
            value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_syntaxes_give_the_same_form_with_lines() {
        let json = "{\n  // why\n  \"a\": {\n    \"b\": [\"x\", 1]\n  }\n}\n";
        let toml = "# why\n\n[a]\nb = [\"x\", 1]\n";
        let yaml = "# why\n\na:\n  b: [x, 1]\n";
        for (text, syntax) in [
            (json, Syntax::Json),
            (toml, Syntax::Toml),
            (yaml, Syntax::Yaml),
        ] {
            let node = parse(text, syntax).expect("the text is valid");
            let entry = node.entry_at(&["a", "b"]).expect("a.b is there");
            assert_eq!(entry.line, 4, "{syntax:?}");
            assert_eq!(&text[entry.span.clone()].trim_matches('"'), &"b");
            let column = if syntax == Syntax::Json {
                5
            } else if syntax == Syntax::Toml {
                1
            } else {
                3
            };
            assert_eq!(entry.column, column, "{syntax:?}");
            let item = &entry.node.items()[0];
            assert_eq!(text[item.span.clone()].trim_matches('"'), "x");
            let line = text.lines().nth(3).expect("four lines");
            assert_eq!(
                line.find('x'),
                Some(item.column - usize::from(syntax == Syntax::Yaml)),
                "{syntax:?}"
            );
            assert_eq!(entry.node.items()[0].str(), Some("x"), "{syntax:?}");
            assert_eq!(entry.node.items()[1].scalar(), Some("1"), "{syntax:?}");
        }
    }

    #[test]
    fn broken_texts_name_the_line() {
        for (text, syntax, line) in [
            ("{\n \"a\": }\n", Syntax::Json, 2),
            ("a = 1\nb = = 2\n", Syntax::Toml, 2),
            ("a: 1\nb: [\n", Syntax::Yaml, 2),
        ] {
            let error = parse(text, syntax).expect_err("the text is broken");
            assert!(
                error.line == line || error.line == line + 1,
                "{syntax:?} {error:?}"
            );
            assert!(!error.message.is_empty());
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_not_a_crash() {
        for syntax in [Syntax::Json, Syntax::Toml, Syntax::Yaml] {
            let prefix = if syntax == Syntax::Toml { "a = " } else { "" };
            let text = format!("{prefix}{}", "[".repeat(20_000));
            parse(&text, syntax).expect_err("too deep");
        }
    }

    #[test]
    fn dotted_and_inline_tables_have_lines() {
        let node = parse("[tool.x]\ny.z = 1\nw = { v = 2 }\n", Syntax::Toml).expect("valid");
        assert_eq!(
            node.entry_at(&["tool", "x", "y", "z"]).map(|e| e.line),
            Some(2)
        );
        assert_eq!(
            node.entry_at(&["tool", "x", "w", "v"]).map(|e| e.line),
            Some(3)
        );
        assert_eq!(node.entry_at(&["tool", "x"]).map(|e| e.line), Some(1));
    }
}

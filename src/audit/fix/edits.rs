//! The text of a file, and edits of it that keep its format.

use std::ops::Range;
use std::sync::Arc;

use super::Change;
use crate::project::Tree;
use crate::project::document::Entry;

/// A file that is edited.
#[derive(Debug)]
pub struct Text {
    path: String,
    text: Arc<str>,
}

impl Text {
    /// The file at a path.
    pub fn of(tree: &Tree, path: &str) -> Option<Self> {
        Some(Self {
            path: path.to_owned(),
            text: tree.text(path)?,
        })
    }

    /// Its text.
    pub fn str(&self) -> &str {
        &self.text
    }

    /// Replaces bytes.
    pub fn replace(&self, span: Range<usize>, text: impl Into<String>) -> Change {
        Change::Edit {
            path: self.path.clone(),
            span,
            text: text.into(),
        }
    }

    /// Where lines are, counted from 1, with their ends; `None` beyond the last one.
    pub fn lines(&self, first: usize, last: usize) -> Option<Range<usize>> {
        let mut at = 0;
        let mut start = None;
        for (number, line) in (1..).zip(self.text.split_inclusive('\n')) {
            if number == first {
                start = Some(at);
            }
            at += line.len();
            if number == last {
                return Some(start?..at);
            }
        }
        None
    }

    /// Where a line is, without its end.
    pub fn line(&self, number: usize) -> Option<Range<usize>> {
        let span = self.lines(number, number)?;
        let line = self.text[span.clone()].trim_end_matches(['\n', '\r']);
        Some(span.start..span.start + line.len())
    }

    /// Takes lines out.
    pub fn without_lines(&self, first: usize, last: usize) -> Option<Change> {
        Some(self.replace(self.lines(first, last)?, ""))
    }

    /// Replaces the first occurrence of a text in a line.
    pub fn in_line(&self, number: usize, from: &str, to: &str) -> Option<Change> {
        let span = self.line(number)?;
        let at = span.start + self.text[span].find(from)?;
        Some(self.replace(at..at + from.len(), to))
    }

    /// Puts lines behind a line, each with an end.
    pub fn after_line(&self, number: usize, text: &str) -> Option<Change> {
        let span = self.lines(number, number)?;
        let ends = self.text[span.clone()].ends_with('\n');
        let text = if ends {
            format!("{text}\n")
        } else {
            format!("\n{text}")
        };
        Some(self.replace(span.end..span.end, text))
    }

    /// The blanks in front of a line.
    pub fn indent(&self, number: usize) -> Option<&str> {
        let line = &self.text[self.line(number)?];
        Some(&line[..line.len() - line.trim_start().len()])
    }

    /// Takes an entry out of an object of JSON, with the comma that it needs no more, and
    /// with its lines where nothing else is on them.
    pub fn without_entry(&self, entry: &Entry) -> Option<Change> {
        let text = &self.text[..];
        let (mut start, mut end) = (entry.span.start, entry.node.span.end);
        if start >= end || end > text.len() {
            return None;
        }
        let blank = |text: &str| text.len() - text.trim_start().len();
        let after = end + blank(&text[end..]);
        if text[after..].starts_with(',') {
            end = after + 1;
        } else {
            // The last one: the comma before it goes, if there is one.
            let before = text[..start].trim_end();
            match before.chars().next_back()? {
                ',' => start = before.len() - 1,
                '{' => {}
                _ => return None,
            }
        }
        let rest = &text[end..];
        // Only blanks may be between the entry and the ends of its lines.
        let is_blank = |c: char| matches!(c, ' ' | '\t' | '\r');
        let line_start = text[..start].trim_end_matches(is_blank).len();
        let is_alone = line_start == 0 || text[..line_start].ends_with('\n');
        let blanks = rest.len() - rest.trim_start_matches(is_blank).len();
        let line_end = rest[blanks..].starts_with('\n').then_some(end + blanks + 1);
        match line_end {
            Some(line_end) if is_alone => {
                (start, end) = (line_start, line_end);
            }
            // What follows on the same line moves up to where the entry was.
            _ if text[entry.span.start..end].ends_with(',') => {
                let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
                end += blanks;
            }
            _ => {}
        }
        Some(self.replace(start..end, ""))
    }

    /// Puts an entry at the end of an object of JSON, in the format of the one before.
    pub fn with_entry(&self, last: &Entry, key: &str, value: &str) -> Option<Change> {
        let end = last.node.span.end;
        let line_start = self.text[..last.span.start]
            .rfind('\n')
            .map_or(0, |at| at + 1);
        let before = &self.text[line_start..last.span.start];
        let text = if line_start > 0 && before.trim().is_empty() {
            format!(",\n{before}\"{key}\": {value}")
        } else {
            format!(", \"{key}\": {value}")
        };
        (last.span.start < end).then(|| self.replace(end..end, text))
    }
}

/// Makes edits in a text, with the ends of lines that it has; `None` where two of them
/// touch, or one is not in it. What is put into one place comes in the order that is given.
pub(super) fn apply(text: &str, edits: &[(Range<usize>, &str)]) -> Option<String> {
    let mut edits: Vec<&(Range<usize>, &str)> = edits.iter().collect();
    edits.sort_by_key(|(span, _)| (span.start, span.end));
    let is_dos = text.contains("\r\n");
    let mut out = String::with_capacity(text.len() + 256);
    let mut at = 0;
    for (number, (span, new)) in edits.iter().enumerate() {
        let is_same = number > 0 && edits[number - 1].0 == *span && !span.is_empty();
        let touches = number > 0 && (span.start < at || is_same);
        if touches || span.start > span.end {
            return None;
        }
        out.push_str(text.get(at..span.start)?);
        text.get(span.clone())?;
        if is_dos {
            out.push_str(&new.replace("\r\n", "\n").replace('\n', "\r\n"));
        } else {
            out.push_str(new);
        }
        at = span.end;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::document::{self, Syntax};

    fn text(text: &str) -> Text {
        Text {
            path: "a".to_owned(),
            text: Arc::from(text),
        }
    }

    fn changed(text: &Text, change: Option<Change>) -> String {
        match change {
            Some(Change::Edit {
                span, text: new, ..
            }) => apply(text.str(), &[(span, new.as_str())]).expect("it fits"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn entries_leave_json_with_their_commas_and_lines() {
        let cases = [
            (
                "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": 2\n  },\n  \"d\": 3\n}\n",
                "b",
                "{\n  \"a\": 1,\n  \"d\": 3\n}\n",
            ),
            ("{\n  \"a\": 1,\n  \"b\": 2\n}\n", "b", "{\n  \"a\": 1\n}\n"),
            ("{\n  \"b\": 2\n}\n", "b", "{\n}\n"),
            (
                "{\"a\": 1, \"b\": 2, \"c\": 3}",
                "b",
                "{\"a\": 1, \"c\": 3}",
            ),
            ("{\"a\": 1, \"b\": 2}", "b", "{\"a\": 1}"),
            ("{\"b\": 2}", "b", "{}"),
            (
                "{\r\n  \"b\": 2,\r\n  \"c\": 1\r\n}",
                "b",
                "{\r\n  \"c\": 1\r\n}",
            ),
        ];
        for (before, key, after) in cases {
            let file = text(before);
            let node = document::parse(before, Syntax::Json).expect("JSON");
            let entry = node.entry(key).expect("an entry");
            assert_eq!(changed(&file, file.without_entry(entry)), after, "{before}");
            document::parse(after, Syntax::Json).expect("JSON");
        }
    }

    #[test]
    fn entries_come_in_the_format_of_the_one_before() {
        for (before, after) in [
            (
                "{\n    \"a\": 1\n}\n",
                "{\n    \"a\": 1,\n    \"b\": true\n}\n",
            ),
            ("{\"a\": 1}", "{\"a\": 1, \"b\": true}"),
        ] {
            let file = text(before);
            let node = document::parse(before, Syntax::Json).expect("JSON");
            let last = node.entries().last().expect("an entry");
            assert_eq!(changed(&file, file.with_entry(last, "b", "true")), after);
        }
    }

    #[test]
    fn lines_go_and_come() {
        let file = text("one\n  two\nthree");
        assert_eq!(changed(&file, file.without_lines(2, 2)), "one\nthree");
        assert_eq!(changed(&file, file.without_lines(2, 3)), "one\n");
        assert_eq!(
            changed(&file, file.after_line(1, "x")),
            "one\nx\n  two\nthree"
        );
        assert_eq!(
            changed(&file, file.after_line(3, "x")),
            "one\n  two\nthree\nx"
        );
        assert_eq!(
            changed(&file, file.in_line(2, "tw", "TW")),
            "one\n  TWo\nthree"
        );
        assert_eq!(file.indent(2), Some("  "));
        assert!(file.lines(4, 4).is_none());
    }

    #[test]
    fn edits_keep_the_ends_of_lines_and_do_not_touch() {
        assert_eq!(
            apply("a\r\nb\r\n", &[(3..4, "x\ny")]).as_deref(),
            Some("a\r\nx\r\ny\r\n")
        );
        assert_eq!(apply("abc", &[(0..2, "x"), (1..3, "y")]), None);
        assert_eq!(
            apply("abc", &[(1..1, "x"), (1..1, "y")]).as_deref(),
            Some("axybc")
        );
        assert_eq!(apply("abc", &[(1..2, "x"), (1..2, "y")]), None);
        assert_eq!(
            apply("abc", &[(0..1, "x"), (1..2, "y")]).as_deref(),
            Some("xyc")
        );
        assert_eq!(apply("é", &[(1..2, "x")]), None);
        assert_eq!(apply("a", &[(0..9, "x")]), None);
    }

    /// An object of JSON in any format, with the keys `k0`, `k1` and so on.
    fn object() -> impl proptest::strategy::Strategy<Value = (String, usize)> {
        use proptest::prelude::*;
        let blank = prop_oneof![
            Just(""),
            Just(" "),
            Just("\n  "),
            Just("\r\n\t"),
            Just("\n\n    "),
        ];
        let value = prop_oneof![
            Just("1".to_owned()),
            Just("\"é, }\"".to_owned()),
            Just("{\"x\": [1,\n 2]}".to_owned()),
            Just("[]".to_owned()),
        ];
        let entry = (blank.clone(), blank.clone(), value, blank.clone());
        proptest::collection::vec(entry, 1..6).prop_map(|entries| {
            let count = entries.len();
            let inner: Vec<String> = entries
                .iter()
                .enumerate()
                .map(|(at, (before, colon, value, after))| {
                    format!("{before}\"k{at}\":{colon}{value}{after}")
                })
                .collect();
            (format!("{{{}}}\n", inner.join(",")), count)
        })
    }

    proptest::proptest! {
        #[test]
        fn any_object_loses_and_gains_entries_and_nothing_else((json, count) in object(), pick in 0_usize..6) {
            let file = text(&json);
            let node = document::parse(&json, Syntax::Json).expect("JSON");
            let entry = &node.entries()[pick % count];
            let after = changed(&file, file.without_entry(entry));
            let left = document::parse(&after, Syntax::Json).expect("JSON");
            let keys = |node: &document::Node| -> Vec<String> {
                node.entries().iter().map(|one| format!("{} {:?}", one.key, plain(&one.node))).collect()
            };
            let mut expected = keys(&node);
            expected.remove(pick % count);
            proptest::prop_assert_eq!(keys(&left), expected);
            // What is left is there as it was written, one part before and one behind.
            let same = after.bytes().zip(json.bytes()).take_while(|(a, b)| a == b).count();
            let rest = &after[..].as_bytes()[same..];
            proptest::prop_assert!(json.as_bytes().ends_with(rest), "{json:?} {after:?}");

            let last = node.entries().last().expect("one");
            let more = changed(&file, file.with_entry(last, "new", "true"));
            let grown = document::parse(&more, Syntax::Json).expect("JSON");
            proptest::prop_assert_eq!(grown.entries().len(), count + 1);
            let (front, back) = json.split_at(last.node.span.end);
            proptest::prop_assert!(more.starts_with(front) && more.ends_with(back));
        }
    }

    /// A value without its places.
    fn plain(node: &document::Node) -> String {
        match &node.value {
            document::Value::Map(entries) => {
                let all: Vec<String> = entries
                    .iter()
                    .map(|one| format!("{}: {}", one.key, plain(&one.node)))
                    .collect();
                format!("{{{}}}", all.join(", "))
            }
            document::Value::List(items) => {
                let all: Vec<String> = items.iter().map(plain).collect();
                format!("[{}]", all.join(", "))
            }
            _ => format!("{:?}", node.scalar()),
        }
    }
}

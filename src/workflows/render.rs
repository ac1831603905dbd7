//! Fills templates in. A template is YAML before and after: values are
//! `<%= x %>`, control flow stands in lines that start with `#%`, and GitHub's
//! own `${{ }}` passes through untouched.
//!
//! Values are written as YAML scalars, plain where that is safe and quoted
//! where it is not, so no value can change the structure around it. Inside a
//! larger scalar a filter says what the place can take: `ident`, `plain`,
//! `shell` or `literal`.

use minijinja::value::Value;
use minijinja::{
    Environment, Error, ErrorKind, Output, State, UndefinedBehavior, syntax::SyntaxConfig,
};
use serde::Serialize;

use super::OwnAction;
use super::actions::ACTIONS;
use super::header;
use crate::error::SourceError;

/// Marks the end of each template line in the text that is rendered, so that
/// every line of the output knows where it comes from. Private-use characters,
/// refused in values.
const LINE_START: char = '\u{E000}';
const LINE_END: char = '\u{E001}';

/// A template that needs more is one that does not end.
const MAX_INSTRUCTIONS: u64 = 2_000_000;

/// No workflow is larger.
const MAX_TEXT_BYTES: usize = 4 * 1024 * 1024;

/// Takes text up to [`MAX_TEXT_BYTES`].
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_TEXT_BYTES {
            return Err(std::io::Error::other("the text is larger than 4 MiB"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A rendered template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// For each line of the text the template and the line (from 1) it comes from.
    pub origins: Vec<Origin>,
    /// How many lines at the top are the mark of a generated file.
    pub mark_lines: usize,
}

impl Rendered {
    /// Puts the mark of a generated file on top; its lines come from the
    /// template's first.
    pub fn stamp(&mut self, template: &str, version: u32) {
        let stamped = header::stamp(template, version, &self.text);
        let added = stamped.lines().count() - self.text.lines().count();
        let first = self.origins.first().map_or_else(
            || Origin {
                template: template.to_owned(),
                line: 1,
            },
            Clone::clone,
        );
        self.origins.splice(0..0, std::iter::repeat_n(first, added));
        self.text = stamped;
        self.mark_lines = added;
    }
}

/// A line of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The template's name.
    pub template: String,
    /// The line, counted from 1.
    pub line: usize,
}

/// A set of templates that can include each other.
#[derive(Debug)]
pub struct Renderer<'a> {
    environment: Environment<'a>,
    /// Names and sources; a line mark names a template by its place here.
    sources: Vec<(String, String)>,
}

impl Renderer<'_> {
    /// Compiles named templates.
    ///
    /// # Errors
    /// At the first syntax error, with its place in the template.
    pub fn new<'s>(
        templates: impl IntoIterator<Item = (&'s str, &'s str)>,
        own_action: &OwnAction,
    ) -> Result<Self, SourceError> {
        let mut environment = Environment::empty();
        minijinja_builtins(&mut environment);
        let syntax = SyntaxConfig::builder()
            .block_delimiters("<%", "%>")
            .variable_delimiters("<%=", "%>")
            .comment_delimiters("<%#", "%>")
            .line_statement_prefix("#%")
            .line_comment_prefix("#%#")
            .keep_trailing_newline(true)
            .build();
        match syntax {
            Ok(syntax) => environment.set_syntax(syntax),
            Err(error) => {
                return Err(SourceError::new(
                    "template syntax",
                    "",
                    1,
                    1,
                    error.to_string(),
                ));
            }
        }
        environment.set_debug(true);
        environment.set_fuel(Some(MAX_INSTRUCTIONS));
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_formatter(format_scalar);
        environment.add_filter("ident", ident);
        environment.add_filter("plain", plain);
        environment.add_filter("shell", shell);
        environment.add_filter("literal", literal);
        environment.add_filter("quoted", quoted);
        environment.add_function("pin", pin);
        let own = own_action.clone();
        environment.add_function("own_action", move || {
            own.reference()
                .map(Value::from_safe_string)
                .map_err(|why| Error::new(ErrorKind::InvalidOperation, why))
        });
        let mut renderer = Self {
            environment,
            sources: Vec::new(),
        };
        for (name, source) in templates {
            let marked = mark_lines(source, renderer.sources.len());
            renderer.sources.push((name.to_owned(), source.to_owned()));
            renderer
                .environment
                .add_template_owned(name.to_owned(), marked)
                .map_err(|error| renderer.locate(&error))?;
        }
        Ok(renderer)
    }

    /// Lets errors show lines of a text that is no template.
    pub fn know(&mut self, name: &str, text: &str) {
        self.sources.push((name.to_owned(), text.to_owned()));
    }

    /// Renders one template.
    ///
    /// # Errors
    /// Where it uses what is not there, or a value does not fit its place.
    pub fn render(&self, name: &str, view: &impl Serialize) -> Result<Rendered, SourceError> {
        let mut text = Bounded(Vec::new());
        self.environment
            .get_template(name)
            .and_then(|template| {
                template
                    .render_captured_to(minijinja::value::Serde(view), &mut text)
                    .map(drop)
            })
            .map_err(|error| match error.kind() {
                ErrorKind::WriteFailure => self.error_at(
                    &Origin {
                        template: name.to_owned(),
                        line: 1,
                    },
                    "what the template gives is larger than 4 MiB",
                ),
                _ => self.locate(&error),
            })?;
        Ok(self.unmark(&String::from_utf8_lossy(&text.0)))
    }

    /// Evaluates an expression to true or false.
    ///
    /// # Errors
    /// As [`Renderer::render`]; `path` and `source` say where it is written.
    pub fn test(
        &self,
        expression: &str,
        view: &impl Serialize,
        path: &str,
        source: &str,
    ) -> Result<bool, SourceError> {
        self.environment
            .compile_expression(expression)
            .and_then(|compiled| compiled.eval(minijinja::value::Serde(view)))
            .map(|value| value.is_true())
            .map_err(|error| {
                let line = source
                    .lines()
                    .position(|line| line.contains(expression))
                    .map_or(1, |at| at + 1);
                SourceError::new(path, source, line, 1, describe(&error))
            })
    }

    /// The place in its template that a line of the output comes from, as an error.
    pub fn error_at(&self, origin: &Origin, message: impl Into<String>) -> SourceError {
        let source = self
            .sources
            .iter()
            .find(|(name, _)| *name == origin.template)
            .map_or("", |(_, source)| source);
        let text = source
            .lines()
            .nth(origin.line.saturating_sub(1))
            .unwrap_or("");
        let column = text.chars().take_while(|c| c.is_whitespace()).count() + 1;
        SourceError::new(&origin.template, source, origin.line, column, message)
            .width(text.trim().chars().count())
    }

    fn locate(&self, error: &Error) -> SourceError {
        // The innermost error knows the place: an include only passes it on.
        let mut inner = error;
        while let Some(source) =
            std::error::Error::source(inner).and_then(|source| source.downcast_ref::<Error>())
        {
            inner = source;
        }
        let name = inner.name().unwrap_or("template").to_owned();
        let source = self
            .sources
            .iter()
            .find(|(known, _)| *known == name)
            .map_or("", |(_, source)| source);
        let line = inner.line().unwrap_or(1);
        let (mut column, mut width) = (1, 1);
        if let (Some(range), Some(marked)) = (inner.range(), inner.template_source()) {
            let start = marked[..range.start].rfind('\n').map_or(0, |at| at + 1);
            column = marked[start..range.start].chars().count() + 1;
            width = marked[range.start..range.end]
                .lines()
                .next()
                .unwrap_or("")
                .chars()
                .take_while(|c| *c != LINE_START)
                .count()
                .max(1);
        }
        SourceError::new(name, source, line, column, describe(inner)).width(width)
    }

    /// Takes the line marks out again and keeps what they say.
    fn unmark(&self, marked: &str) -> Rendered {
        let mut text = String::with_capacity(marked.len());
        let mut origins = Vec::new();
        let mut previous: Option<Origin> = None;
        for line in marked.split_inclusive('\n') {
            let mut origin = None;
            let mut rest = line;
            while let Some((before, after)) = rest.split_once(LINE_START) {
                text.push_str(before);
                let Some((mark, after)) = after.split_once(LINE_END) else {
                    break;
                };
                origin = mark.split_once(':').and_then(|(template, line)| {
                    let (name, _) = self.sources.get(template.parse::<usize>().ok()?)?;
                    Some(Origin {
                        template: name.clone(),
                        line: line.parse().ok()?,
                    })
                });
                rest = after;
            }
            text.push_str(rest);
            let origin = origin.or_else(|| previous.clone()).unwrap_or(Origin {
                template: String::new(),
                line: 1,
            });
            previous = Some(origin.clone());
            origins.push(origin);
        }
        // A list's last separator would leave blank lines at the end.
        let kept = text.trim_end().len();
        text.truncate(kept);
        text.push('\n');
        origins.truncate(text.lines().count());
        Rendered {
            text,
            origins,
            mark_lines: 0,
        }
    }
}

/// The few of minijinja's own that templates need; an empty environment keeps
/// the list of what a template can do short.
fn minijinja_builtins(environment: &mut Environment<'_>) {
    environment.add_filter("length", minijinja::filters::length);
    environment.add_filter("items", minijinja::filters::items);
    environment.add_filter("join", minijinja::filters::join);
    environment.add_filter("first", minijinja::filters::first);
    environment.add_filter("last", minijinja::filters::last);
    environment.add_test("defined", minijinja::tests::is_defined);
    environment.add_test("undefined", minijinja::tests::is_undefined);
    environment.add_test("none", minijinja::tests::is_none);
    environment.add_test("in", minijinja::tests::is_in);
}

fn mark_lines(source: &str, template: usize) -> String {
    let mut marked = String::with_capacity(source.len() * 2);
    for (at, line) in source.split_inclusive('\n').enumerate() {
        let (text, newline) = match line.strip_suffix('\n') {
            Some(text) => (text, "\n"),
            None => (line, ""),
        };
        marked.push_str(text);
        if !text.trim_start().starts_with("#%") {
            marked.push_str(&format!("{LINE_START}{template}:{}{LINE_END}", at + 1));
        }
        marked.push_str(newline);
    }
    marked
}

fn describe(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

fn refuse(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// No value may open a GitHub expression or look like a line mark.
fn checked(text: &str) -> Result<&str, Error> {
    if text.contains("${{") {
        return Err(refuse(format!(
            "the value {text:?} contains a GitHub expression"
        )));
    }
    if text.contains([LINE_START, LINE_END]) {
        return Err(refuse(format!(
            "the value {text:?} contains a reserved character"
        )));
    }
    Ok(text)
}

fn format_scalar(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        return Err(Error::new(
            ErrorKind::UndefinedError,
            "the value is not there",
        ));
    }
    let text = match value.as_str() {
        Some(text) if value.is_safe() => text.to_owned(),
        Some(text) => scalar(checked(text)?),
        None => serde_json::to_string(value)
            .map_err(|error| refuse(format!("cannot be written as YAML: {error}")))
            .and_then(|text| checked(&text).map(str::to_owned))?,
    };
    out.write_str(&text)
        .map_err(|_| refuse("cannot be written"))
}

/// A text as a YAML scalar: plain where every reader takes it for that text.
pub(super) fn scalar(text: &str) -> String {
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || " _-./@:+,=()&;*$%<>~^|'\"\\{}[]!?#".contains(c))
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || "_./$(".contains(c))
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n" | "."
        )
        && text.parse::<f64>().is_err();
    if plain {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

/// `ident`: a name inside an expression or as a key.
fn ident(value: String) -> Result<Value, Error> {
    let fits = value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if fits {
        Ok(Value::from_safe_string(value))
    } else {
        Err(refuse(format!("{value:?} is no identifier")))
    }
}

/// `plain`: a line of a block scalar, or a part of a larger one.
fn plain(value: String) -> Result<Value, Error> {
    checked(&value)?;
    if value.contains(['\n', '\r']) {
        return Err(refuse(format!("{value:?} has several lines")));
    }
    Ok(Value::from_safe_string(value))
}

/// `shell`: one word of a shell command.
fn shell(value: String) -> Result<Value, Error> {
    checked(&value)?;
    if value.contains(['\n', '\r', '\0']) {
        return Err(refuse(format!("{value:?} has several lines")));
    }
    Ok(Value::from_safe_string(shell_word(&value)))
}

/// A text as one word of a POSIX shell, quoted where it has to be.
pub(super) fn shell_word(text: &str) -> String {
    let bare = !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-./@:+,=".contains(&byte));
    if bare {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// `literal`: a string inside a GitHub expression.
fn literal(value: String) -> Result<Value, Error> {
    checked(&value)?;
    Ok(Value::from_safe_string(format!(
        "'{}'",
        value.replace('\'', "''")
    )))
}

/// `quoted`: a branch inside the quotes of a GitLab rule, which knows no escapes.
fn quoted(value: String) -> Result<Value, Error> {
    checked(&value)?;
    // git takes none of these in a branch's name but the quote.
    if value.contains(|c: char| c.is_control() || "\" :\\".contains(c)) {
        return Err(refuse(format!("{value:?} cannot stand in quotes")));
    }
    Ok(Value::from_safe_string(value))
}

/// `pin("owner/name")`: the action at its pinned commit, its release behind it.
fn pin(name: &str) -> Result<Value, Error> {
    let action = ACTIONS
        .get(name)
        .ok_or_else(|| refuse(format!("{name} is not in workflows-templates/actions.toml")))?;
    Ok(Value::from_safe_string(format!(
        "{name}@{} # {}",
        action.commit, action.version
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn render(source: &str, view: serde_json::Value) -> Result<Rendered, SourceError> {
        Renderer::new([("t.yml", source)], &OwnAction::default())?.render("t.yml", &view)
    }

    #[test]
    fn githubs_syntax_passes_through_and_values_are_scalars() {
        let source = "on: push\n#% for x in list\n- <%= x %>\n#% endfor\nrun: echo ${{ github.sha }} <<EOF ${#a[@]}\n";
        let rendered = render(
            source,
            json!({"list": ["plain", "3.10", "a: b", "yes", "x\ny", "npm run build", "# no"]}),
        )
        .expect("renders");
        assert_eq!(
            rendered.text,
            "on: push\n- plain\n- \"3.10\"\n- \"a: b\"\n- \"yes\"\n- \"x\\ny\"\n- npm run build\n- \"# no\"\nrun: echo ${{ github.sha }} <<EOF ${#a[@]}\n"
        );
        assert_eq!(rendered.origins[1].line, 3);
        assert_eq!(rendered.origins[7].line, 3);
        assert_eq!(rendered.origins[8].line, 5);
    }

    #[test]
    fn every_plain_scalar_is_read_back_as_the_same_text() {
        for text in [
            "a",
            "a b",
            "a:b",
            "a'b",
            "x=1",
            "1",
            "1e3",
            ".5",
            "~",
            "-",
            "*a",
            "&a",
            "!a",
            "a #b",
            "a:",
            "é",
            "[x]",
            "{x}",
            "a, b",
            "on",
            "No",
            "0x1",
            "null",
            "",
            " a",
            "$(x)",
            "@x",
            "`x`",
            "%x",
            "|",
            ">",
            "a\tb",
            "${X:-1}",
            "(a) && b",
            "./x",
            "..",
            ".",
            "'x'",
            "\"x\"",
            "a\u{85}b",
            "=",
            "_",
            "/x",
            "a\u{feff}",
        ] {
            let yaml = format!("k: {}\n", scalar(text));
            let node =
                crate::project::document::parse(&yaml, crate::project::document::Syntax::Yaml)
                    .unwrap_or_else(|error| panic!("{yaml}: {error}"));
            let read = node.get("k").and_then(crate::project::document::Node::str);
            assert_eq!(read, Some(text), "{yaml}");
        }
    }

    #[test]
    fn errors_point_into_the_template() {
        let error = render("a: 1\n#% if x\nb: 2\n", json!({"x": 1})).expect_err("no endif");
        assert!(error.path == "t.yml" && error.line >= 2, "{error}");
        let error = render("a: 1\nb: <%= missing.name %>\n", json!({})).expect_err("undefined");
        assert_eq!((error.line, error.column), (2, 8), "{error}");
        assert!(error.source_line.contains("missing.name"), "{error}");
        let error = render(
            "b: ${{ needs.<%= x | ident %>.result }}\n",
            json!({"x": "a b"}),
        )
        .expect_err("no identifier");
        assert!(error.message.contains("no identifier"), "{error}");
        let error =
            render("a: 1\nuses: <%= pin(\"a/b\") %>\n", json!({})).expect_err("unknown action");
        assert!(
            error.line == 2 && error.message.contains("actions.toml"),
            "{error}"
        );
    }

    #[test]
    fn errors_inside_an_include_point_into_it() {
        let templates = [
            ("t.yml", "x: 1\n#% include \"p.yml\"\n"),
            ("p.yml", "a: 1\n\nb: <%= nope %>\n"),
        ];
        let renderer = Renderer::new(templates, &OwnAction::default()).expect("compiles");
        let error = renderer.render("t.yml", &json!({})).expect_err("undefined");
        assert_eq!((error.path.as_str(), error.line), ("p.yml", 3), "{error}");
    }

    #[test]
    fn a_branch_cannot_leave_its_quotes() {
        let rule = "if: $B == \"<%= b | quoted %>\"\n";
        let rendered = render(rule, json!({"b": "release/#1"})).expect("renders");
        assert_eq!(rendered.text, "if: $B == \"release/#1\"\n");
        render(rule, json!({"b": "a\" || \"b"})).expect_err("a quote");
    }

    #[test]
    fn values_cannot_open_an_expression() {
        let view = json!({"x": "a ${{ secrets.TOKEN }}", "s": "it's"});
        render("b: <%= x %>\n", view.clone()).expect_err("an expression in a value");
        render("b: |\n  <%= x | plain %>\n", view.clone()).expect_err("an expression in a value");
        render("b: <%= x | shell %>\n", view.clone()).expect_err("an expression in a value");
        let rendered =
            render("b: |\n  cd <%= s | shell %>\nc: <%= s | literal %>\n", view).expect("renders");
        assert!(rendered.text.contains("'it'\\''s'") && rendered.text.contains("'it''s'"));
    }
}

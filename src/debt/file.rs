//! The file of a debt: TOML, a complaint a line, so that a diff shows what went and
//! `git blame` since when it is there.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Debt, FOLDER, LEFT_OUT, readers};

/// Version of the form; raised when an older ci-tool could not read it.
const VERSION: u32 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    version: u32,
    component: String,
    directory: Option<String>,
    step: String,
    command: String,
    recorded: Option<String>,
    reader: String,
    why: Option<String>,
    mend: Option<String>,
    #[serde(default)]
    known: BTreeMap<String, u64>,
    #[serde(default)]
    flaky: BTreeSet<String>,
}

/// Why a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}: {why}")]
pub struct Unreadable {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// Why.
    pub why: String,
}

impl Unreadable {
    /// A file that is no TOML, or of another form.
    pub(super) fn toml(path: &str, text: &str, error: &toml_edit::de::Error) -> Self {
        let start = error.span().map_or(0, |span| span.start);
        Self {
            path: path.to_owned(),
            line: line_at(text, start),
            why: error.message().replace('\n', ", "),
        }
    }
}

impl Debt {
    /// Reads a file's text; `name` is the file's name without its ending.
    ///
    /// # Errors
    /// Where it is no such file, or of a newer form.
    pub fn parse(name: &str, text: &str) -> Result<Self, Unreadable> {
        let path = format!("{FOLDER}/{name}.toml");
        let form: Form =
            toml_edit::de::from_str(text).map_err(|error| Unreadable::toml(&path, text, &error))?;
        let unreadable = |line: usize, why: String| Unreadable {
            path: path.clone(),
            line,
            why,
        };
        let line_of = |key: &str| {
            let at = text.lines().position(|line| line.starts_with(key));
            at.map_or(1, |at| at + 1)
        };
        if form.version != VERSION {
            let why = format!(
                "version {} of the form is not known here, {VERSION} is",
                form.version
            );
            return Err(unreadable(line_of("version"), why));
        }
        if form.reader != LEFT_OUT && readers::named(&form.reader).is_none() {
            let known: Vec<&str> = readers::READERS.iter().map(|reader| reader.name).collect();
            let why = format!(
                "there is no reader `{}`; these are: {}",
                form.reader,
                known.join(", ")
            );
            return Err(unreadable(line_of("reader"), why));
        }
        if let Some((what, _)) = form.known.iter().find(|(_, count)| **count == 0) {
            let why = format!("`{what}` stands there 0 times; take the line out");
            let at = text.lines().position(|line| line.ends_with("= 0"));
            return Err(unreadable(at.map_or(1, |at| at + 1), why));
        }
        Ok(Self {
            name: name.to_owned(),
            directory: form.directory.unwrap_or_else(|| form.component.clone()),
            component: form.component,
            step: form.step,
            recorded: form.recorded.unwrap_or_else(|| form.command.clone()),
            command: form.command,
            reader: form.reader,
            why: form.why,
            mend: form.mend,
            known: form.known,
            flaky: form.flaky,
        })
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let mut text = String::from(
            "# What this step may go on complaining about. Lines may go, none may come:\n\
             # `ci-tool debt --prune` takes out what is mended.\n",
        );
        let mut say = |key: &str, value: &str| {
            text.push_str(&format!("{key} = {}\n", quoted(value)));
        };
        say("component", &self.component);
        if self.directory != self.component {
            say("directory", &self.directory);
        }
        say("step", &self.step);
        say("command", &self.command);
        if self.recorded != self.command {
            say("recorded", &self.recorded);
        }
        say("reader", &self.reader);
        if let Some(why) = &self.why {
            say("why", why);
        }
        if let Some(mend) = &self.mend {
            say("mend", mend);
        }
        text.push_str(&format!("version = {VERSION}\n"));
        if !self.flaky.is_empty() {
            text.push_str(
                "# Not there in every run: these may be there and need not.\nflaky = [\n",
            );
            for what in &self.flaky {
                text.push_str(&format!("  {},\n", quoted(what)));
            }
            text.push_str("]\n");
        }
        text.push_str("\n[known]\n");
        for (what, count) in &self.known {
            text.push_str(&format!("{} = {count}\n", quoted(what)));
        }
        text
    }
}

/// A basic string of TOML, which JSON's strings are but for one character.
/// The line of a place in a text, from 1.
pub(super) fn line_at(text: &str, place: usize) -> usize {
    let before = &text.as_bytes()[..place.min(text.len())];
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

pub(super) fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    json.replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::debt) fn sample() -> Debt {
        Debt {
            name: "backend-lint".to_owned(),
            component: "backend".to_owned(),
            directory: "backend".to_owned(),
            step: "Lint with ruff".to_owned(),
            command: "ruff check .".to_owned(),
            recorded: "ruff check . --output-format=concise".to_owned(),
            reader: "ruff".to_owned(),
            why: None,
            mend: None,
            known: [("app/main.py F401".to_owned(), 2)].into(),
            flaky: BTreeSet::new(),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut debt = sample();
        debt.why = Some("a \"quoted\" reason\nof two lines, \u{7f} and \u{1b}[31m".to_owned());
        debt.flaky.insert("tests/a.py::b[x = 'y']".to_owned());
        debt.known
            .insert("tests/t.py::t[\\\u{202e}]\r\n".to_owned(), 1);
        assert_eq!(Debt::parse("backend-lint", &debt.text()), Ok(debt.clone()));
        debt.directory = "backend/tools".to_owned();
        debt.known.clear();
        assert_eq!(Debt::parse("backend-lint", &debt.text()), Ok(debt));
    }

    #[test]
    fn a_broken_file_is_told_with_its_line() {
        let text = sample().text();
        let error = |text: &str| Debt::parse("d", text).expect_err("broken").to_string();
        let of = error(&text.replace("\"ruff\"", "\"rough\""));
        assert!(
            of.starts_with(".github/debt/d.toml:7: there is no reader `rough`"),
            "{of}"
        );
        let of = error(&text.replace("version = 1", "version = 2"));
        assert!(of.starts_with(".github/debt/d.toml:8: version 2"), "{of}");
        let of = error(&format!("{text}\"app/main.py F401\" = 3\n"));
        assert!(of.contains("d.toml:12: "), "{of}");
        let of = error(&text.replace("F401\" = 2", "F401\" = 0"));
        assert!(of.contains(":11: ") && of.contains("0 times"), "{of}");
        let of = error(&text.replace("step =", "stop ="));
        assert!(of.contains("stop"), "{of}");
    }
}

//! `.github/ci-tool.lock`: what was generated last. It is the base of the next
//! merge, and says what a file was made from. A record in the repository works
//! where history does not: in a shallow clone, after a squash, without the
//! binary that wrote it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::catalog::{Catalog, Template};
use super::header;
use super::view::View;
use crate::error::SourceError;

/// Where the lock lies, from the repository's root.
pub const PATH: &str = ".github/ci-tool.lock";

/// Version of the form. Raised when an older binary must not read it.
const SCHEMA: u32 = 1;

const COMMENT: &str = "\
# Written by `ci-tool generate`: what it generated last, so that the next run can
# join its changes with yours. Commit it. After a merge conflict in this file take
# either side whole and run `ci-tool generate`.
";

/// What was generated, by the file's path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    schema: u32,
    /// The files.
    pub files: BTreeMap<String, Record>,
}

impl Default for Lock {
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            files: BTreeMap::new(),
        }
    }
}

/// One generated file: its text, and what it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Record {
    /// The template's name.
    pub template: String,
    /// The template's version.
    pub version: u32,
    /// Digest of the template's texts.
    pub template_digest: String,
    /// The facts that the template could use, each by its path.
    pub facts: BTreeMap<String, String>,
    /// Each action that the text uses, with its commit and release.
    pub pins: BTreeMap<String, String>,
    /// The text as it was generated, with its mark.
    pub text: String,
}

impl Lock {
    /// Reads a lock.
    ///
    /// # Errors
    /// Where it is none, or of a form that this binary does not know.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let conflict = text
            .lines()
            .position(|line| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> "));
        if let Some(at) = conflict {
            return Err(SourceError::new(
                PATH,
                text,
                at + 1,
                1,
                "git left a merge conflict in the lock",
            )
            .help("take either side whole (`git checkout --ours .github/ci-tool.lock`), then run `ci-tool generate`"));
        }
        let lock: Self = serde_yaml::from_str(text).map_err(|error| {
            let (line, column) = error
                .location()
                .map_or((1, 1), |place| (place.line(), place.column()));
            SourceError::new(
                PATH,
                text,
                line,
                column,
                format!("the lock is damaged: {error}"),
            )
            .help("bring it back from git; without it, files that were edited cannot be updated")
        })?;
        if lock.schema != SCHEMA {
            return Err(SourceError::new(
                PATH,
                text,
                1,
                1,
                format!(
                    "the lock has form {}, this ci-tool knows form {SCHEMA}",
                    lock.schema
                ),
            )
            .help("use the ci-tool that wrote it, or a newer one"));
        }
        for (path, record) in &lock.files {
            let is_whole = matches!(
                header::origin(&record.text),
                header::Origin::Ours { template, version }
                    if template == record.template && version == record.version
            );
            if !is_whole {
                let line = text
                    .lines()
                    .position(|line| line.trim_end().trim_matches(['"', '\'', ' ', ':']) == path)
                    .map_or(1, |at| at + 1);
                return Err(SourceError::new(
                    PATH,
                    text,
                    line,
                    1,
                    format!("the recorded text of {path} was changed by hand"),
                )
                .help("bring the lock back from git: it is no place for edits"));
            }
        }
        Ok(lock)
    }

    /// The lock's text.
    ///
    /// # Errors
    /// Never in practice: the form holds nothing that YAML cannot.
    pub fn to_text(&self) -> Result<String, serde_yaml::Error> {
        Ok(format!("{COMMENT}{}", serde_yaml::to_string(self)?))
    }
}

impl Record {
    /// What is recorded of a file whose text, with its mark, is `text`.
    pub fn new(template: &Template, catalog: &Catalog, view: &View, text: String) -> Self {
        let parts = catalog.parts(template);
        let mut digest = Sha256::new();
        for part in std::iter::once(template.manifest_text.as_str()).chain(parts.iter().copied()) {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        Self {
            template: template.name.clone(),
            version: template.manifest.version,
            template_digest: header::hexadecimal(&digest.finalize()),
            facts: facts(view, &parts),
            pins: pins(&text),
            text,
        }
    }
}

/// The values of the view that the template's texts name, each by its path.
fn facts(view: &View, parts: &[&str]) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let Ok(Value::Object(values)) = serde_json::to_value(view) else {
        return facts;
    };
    for (name, value) in values {
        let is_used = parts.iter().any(|text| {
            text.lines()
                .filter(|line| line.contains("#%") || line.contains("<%"))
                .any(|line| names(line).any(|word| word == name))
        });
        // They follow from the template alone.
        if is_used && name != "title" && name != "file_path" {
            flatten(&name, &value, &mut facts);
        }
    }
    // What only a pipeline of GitLab's needs says the same again in its words.
    if !parts.iter().any(|text| text.contains(".gitlab.")) {
        facts.retain(|path, _| !path.contains(".gitlab."));
    }
    facts
}

fn names(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

/// A list of things with a name is told by their names, so that one more does
/// not look like a change of all that follow.
fn flatten(path: &str, value: &Value, facts: &mut BTreeMap<String, String>) {
    match value {
        Value::Null => {}
        Value::Object(entries) => {
            for (key, value) in entries {
                flatten(&format!("{path}.{key}"), value, facts);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (at, item) in items.iter().enumerate() {
                let name = ["id", "name"]
                    .iter()
                    .find_map(|key| item.get(key)?.as_str())
                    .map_or_else(|| (at + 1).to_string(), str::to_owned);
                let mut place = format!("{path}.{name}");
                let mut count = 1;
                while facts
                    .keys()
                    .any(|known| known.starts_with(&format!("{place}.")))
                {
                    count += 1;
                    place = format!("{path}.{name} ({count})");
                }
                flatten(&place, item, facts);
            }
        }
        Value::Array(items) if items.is_empty() => {}
        Value::String(text) => {
            facts.insert(path.to_owned(), text.clone());
        }
        other => {
            facts.insert(path.to_owned(), other.to_string());
        }
    }
}

/// Each action of a generated text: `owner/name` with `commit # release`.
fn pins(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| {
            let line = line.trim_start().trim_start_matches("- ");
            let (name, reference) = line.strip_prefix("uses: ")?.split_once('@')?;
            Some((name.to_owned(), reference.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str) -> Record {
        Record {
            template: "t".to_owned(),
            version: 1,
            template_digest: "0".to_owned(),
            facts: BTreeMap::from([("a.b".to_owned(), "3.10".to_owned())]),
            pins: pins(text),
            text: header::stamp("t", 1, text),
        }
    }

    fn lock(text: &str) -> Lock {
        Lock {
            files: BTreeMap::from([(".github/workflows/t.yml".to_owned(), record(text))]),
            ..Lock::default()
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let body = "on: push\njobs:\n  a:\n    steps:\n      - uses: actions/checkout@0123 # v7\n      - run: |\n          # é: 'x' \"y\"\n\n          more\n";
        let lock = lock(body);
        let text = lock.to_text().expect("text");
        assert_eq!(Lock::parse(&text).expect("read"), lock);
        assert!(
            text.contains("\n      on: push\n"),
            "it reads as a diff does: {text}"
        );
        assert_eq!(
            lock.files[".github/workflows/t.yml"].pins["actions/checkout"],
            "0123 # v7"
        );
        // A checkout may have changed the line endings.
        assert_eq!(
            Lock::parse(&text.replace('\n', "\r\n")).expect("read"),
            lock
        );
    }

    #[test]
    fn what_is_no_lock_is_an_error_at_its_line() {
        let text = lock("on: push\n").to_text().expect("text");
        for (broken, line, word) in [
            (text.replace("on: push", "on: pull"), 6, "by hand"),
            (text.replace("schema: 1", "schema: 9"), 1, "form 9"),
            (text.replace("version: 1", "version: x"), 8, "damaged"),
            (format!("a\n<<<<<<< HEAD\n{text}"), 2, "merge conflict"),
            ("[".to_owned(), 1, "damaged"),
        ] {
            let error = Lock::parse(&broken).expect_err(word);
            assert!(error.message.contains(word), "{error}");
            assert_eq!(error.line, line, "{error}\n{broken}");
        }
    }

    #[test]
    fn facts_are_told_by_names_and_one_more_changes_no_other() {
        let mut facts = BTreeMap::new();
        let jobs = serde_json::json!([
            {"id": "api", "version": "3.12", "lock_file": null, "steps": [{"name": "Test", "run": "t"}]},
            {"id": "web", "paths": ["web", "lock"], "steps": []},
        ]);
        flatten("backends", &jobs, &mut facts);
        let shown: Vec<String> = facts
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        assert_eq!(
            shown,
            [
                "backends.api.id=api",
                "backends.api.steps.Test.name=Test",
                "backends.api.steps.Test.run=t",
                "backends.api.version=3.12",
                "backends.web.id=web",
                "backends.web.paths=[\"web\",\"lock\"]",
            ]
        );
    }
}

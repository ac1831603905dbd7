//! The actions that workflows use, as text and JSON. `docs/pins.md` describes the
//! JSON.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use crate::sys::ui::escape_line;
use crate::workflows::pins::check::{Finding, known};
use crate::workflows::pins::{Target, Use};

/// The version of the JSON's form.
const SCHEMA: u32 = 1;

/// A use of an action.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Listed {
    /// The file, relative to the repository's root.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What stands behind `uses:`.
    pub uses: String,
    /// `commit`, `short-commit`, `tag`, `name` (a branch, mostly), `image`,
    /// `image-digest`, `local` or `malformed`.
    pub kind: &'static str,
    /// The comment behind it.
    pub comment: Option<String>,
    /// The tag that the comment claims.
    pub claim: Option<String>,
    /// The release in the table of known actions.
    pub known: Option<Known>,
}

/// A release in the table of known actions.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Known {
    /// Its tag.
    pub version: String,
    /// Its commit.
    pub commit: String,
}

impl Listed {
    /// A use in a file.
    pub fn new(file: &str, found: &Use) -> Self {
        let (kind, known) = match &found.target {
            Target::Local => ("local", None),
            Target::Image { has_digest: true } => ("image-digest", None),
            Target::Image { has_digest: false } => ("image", None),
            Target::Malformed(_) => ("malformed", None),
            Target::Repository(repository) => (repository.reference.kind(), known(repository)),
        };
        Self {
            file: file.to_owned(),
            line: found.line,
            column: found.column,
            uses: found.text.clone(),
            kind,
            comment: found.comment.as_ref().map(|comment| comment.text.clone()),
            claim: found.claim().map(str::to_owned),
            known: known.map(|action| Known {
                version: action.version.clone(),
                commit: action.commit.clone(),
            }),
        }
    }
}

/// What `ci-tool pins list --format json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct List<'a> {
    /// The version of this form.
    pub schema: u32,
    /// Every use, by file and line.
    pub uses: &'a [Listed],
}

/// The list for programs.
pub const fn list_json(uses: &[Listed]) -> List<'_> {
    List {
        schema: SCHEMA,
        uses,
    }
}

/// The list for people: file by file.
pub fn list_text(uses: &[Listed]) -> String {
    let mut text = String::new();
    let mut file = "";
    let width = uses
        .iter()
        .map(|found| found.kind.len())
        .max()
        .unwrap_or_default();
    for found in uses {
        if found.file != file {
            file = &found.file;
            let _ = writeln!(text, "{}", escape_line(file));
        }
        let _ = write!(
            text,
            "  {:>4}  {:width$}  {}",
            found.line,
            found.kind,
            escape_line(&found.uses)
        );
        if let Some(comment) = &found.comment {
            let _ = write!(text, " {}", escape_line(comment));
        }
        if let Some(known) = &found.known {
            let _ = write!(text, "  (known: {})", known.version);
        }
        text.push('\n');
    }
    text
}

/// A finding with its place.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Located {
    /// The file, relative to the repository's root.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What stands behind `uses:`.
    pub uses: String,
    /// What there is to say.
    #[serde(flatten)]
    pub finding: Finding,
}

impl Located {
    /// A finding of a use in a file.
    pub fn new(file: &str, found: &Use, finding: Finding) -> Self {
        Self {
            file: file.to_owned(),
            line: found.line,
            column: found.column,
            uses: found.text.clone(),
            finding,
        }
    }

    /// What findings are ordered by; failures come first at one place.
    pub fn place(&self) -> (&str, usize, usize, bool) {
        (&self.file, self.line, self.column, !self.finding.fails)
    }
}

/// What `ci-tool pins check --format json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Checked {
    /// The version of this form.
    pub schema: u32,
    /// Whether GitHub was asked.
    pub online: bool,
    /// How many files were looked at.
    pub files: usize,
    /// How many uses were judged.
    pub uses: usize,
    /// What there is to say, by file and line.
    pub findings: Vec<Located>,
    /// What GitHub did not say: exit code 3.
    pub undecided: Vec<String>,
}

impl Checked {
    /// A judgement.
    pub const fn new(
        online: bool,
        files: usize,
        uses: usize,
        findings: Vec<Located>,
        undecided: Vec<String>,
    ) -> Self {
        Self {
            schema: SCHEMA,
            online,
            files,
            uses,
            findings,
            undecided,
        }
    }

    /// Whether something has to be mended.
    pub fn fails(&self) -> bool {
        self.findings.iter().any(|found| found.finding.fails)
    }
}

/// The judgement for people.
pub fn check_text(checked: &Checked) -> String {
    let mut text = String::new();
    for found in &checked.findings {
        let level = if found.finding.fails {
            "problem"
        } else {
            "hint"
        };
        let _ = writeln!(
            text,
            "{}:{}:{}: {level}: {}: {}\n  {}",
            escape_line(&found.file),
            found.line,
            found.column,
            escape_line(&found.uses),
            escape_line(&found.finding.message),
            escape_line(&found.finding.help)
        );
    }
    let problems = checked
        .findings
        .iter()
        .filter(|found| found.finding.fails)
        .count();
    let _ = writeln!(
        text,
        "{} in {}: {}, {}{}",
        count(checked.uses, "use"),
        count(checked.files, "file"),
        count(problems, "problem"),
        count(checked.findings.len() - problems, "hint"),
        match checked.undecided.len() {
            0 => String::new(),
            undecided => format!(", {undecided} not decided"),
        }
    );
    text
}

/// `1 file`, `2 files`.
pub fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

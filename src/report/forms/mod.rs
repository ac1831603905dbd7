//! The forms in which a verdict is written beside the answer: one file each, and one line in
//! [`FORMS`].

mod code_quality;
mod csv;
mod cyclonedx;
mod gitlab;
mod html;
mod junit;
mod lines;

pub(super) use self::html::escape;

use std::collections::HashMap;
use std::io::{self, Write as _};

use chrono::NaiveDateTime;

use super::findings_json::Finding;
use super::gate::Gate;
use super::picture::Picture;
use super::trend::History;
use super::verdict::{self, Told};
use crate::audit::score::Score;

/// What a form is made from.
#[derive(Debug, Clone, Copy)]
pub struct Input<'i> {
    /// The verdict with every finding.
    pub gate: &'i Gate<'i>,
    /// Findings of the baseline that are not there any more.
    pub gone: &'i [Finding<'static>],
    /// The same with what ran.
    pub told: Told<'i>,
    /// How mature the delivery is, where that was found out.
    pub score: Option<&'i Score>,
    /// How it went before, where that is to be shown.
    pub history: Option<&'i History>,
    /// What is planned beside it.
    pub pictures: &'i [Picture],
    /// Lines of files, by the identities of the findings that they belong to.
    pub excerpts: &'i HashMap<String, String>,
    /// When it was decided, in UTC.
    pub time: NaiveDateTime,
}

/// A form.
#[derive(Debug)]
pub struct Form {
    /// Its name on the command line.
    pub name: &'static str,
    /// What reads it.
    pub what: &'static str,
    /// Writes it.
    pub write: Write,
}

/// Where a form goes. Its many small parts meet in a buffer that the compiler knows: a call
/// through a table for each of them takes longer than what it copies.
type Out<'o> = io::BufWriter<&'o mut dyn io::Write>;

/// Writes through a buffer.
fn buffered(
    out: &mut dyn io::Write,
    write: impl FnOnce(&mut Out<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(256 * 1024, out);
    write(&mut out)?;
    out.flush()
}

/// How a form is written.
#[derive(Debug, Clone, Copy)]
pub enum Write {
    /// It is a text.
    Text(fn(&Input<'_>) -> String),
    /// It goes out as it is made: it would be long.
    Stream(fn(&Input<'_>, &mut Out<'_>) -> io::Result<()>),
}

impl Form {
    /// Writes it.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, input: &Input<'_>, out: &mut dyn io::Write) -> io::Result<()> {
        match self.write {
            Write::Text(make) => out.write_all(make(input).as_bytes()),
            Write::Stream(write) => buffered(out, |out| write(input, out)),
        }
    }
}

/// All forms that are made from a verdict; SARIF is made from the findings themselves.
pub const FORMS: &[Form] = &[
    Form {
        name: "json",
        what: "programs; docs/gate.schema.json describes it",
        write: Write::Stream(|input, out| lines::write(out, input.gate)),
    },
    Form {
        name: "markdown",
        what: "a job's summary, a comment",
        write: Write::Text(|input| verdict::markdown(&input.told)),
    },
    Form {
        name: "html",
        what: "people: one page without anything from elsewhere, to search and filter",
        write: Write::Stream(html::page),
    },
    Form {
        name: "junit",
        what: "CI servers that show tests: each finding is one, those that fail the gate fail",
        write: Write::Stream(junit::xml),
    },
    Form {
        name: "csv",
        what: "spreadsheets",
        write: Write::Stream(csv::table),
    },
    Form {
        name: "code-quality",
        what: "GitLab's widget for code quality in merge requests",
        write: Write::Stream(code_quality::json),
    },
    Form {
        name: "gitlab-sast",
        what: "GitLab's security dashboard: defects of code and settings",
        write: Write::Stream(gitlab::sast),
    },
    Form {
        name: "gitlab-dependency-scanning",
        what: "GitLab's security dashboard: vulnerabilities of dependencies",
        write: Write::Stream(gitlab::dependency_scanning),
    },
    Form {
        name: "gitlab-container-scanning",
        what: "GitLab's security dashboard: vulnerabilities of images",
        write: Write::Stream(gitlab::container_scanning),
    },
    Form {
        name: "gitlab-secret-detection",
        what: "GitLab's security dashboard: secrets",
        write: Write::Stream(gitlab::secret_detection),
    },
    Form {
        name: "cyclonedx",
        what: "Dependency-Track and others: the packages with findings, and what was decided about each (VEX)",
        write: Write::Stream(cyclonedx::bom),
    },
];

/// The form of that name.
pub fn form(name: &str) -> Option<&'static Form> {
    FORMS.iter().find(|form| form.name == name)
}

/// Writes values as JSON, each in a line of its own, with commas between them.
fn json_lines(
    out: &mut Out<'_>,
    values: impl Iterator<Item = impl serde::Serialize>,
) -> io::Result<()> {
    for (at, value) in values.enumerate() {
        out.write_all(if at > 0 { b",\n" } else { b"\n" })?;
        serde_json::to_writer(&mut *out, &value)?;
    }
    Ok(())
}

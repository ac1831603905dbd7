//! GitLab's code quality report (docs.gitlab.com, "Code Quality report format").

use std::io::{self, Write as _};

use serde::Serialize;

use super::{Input, Out, json_lines};
use crate::sys::ui::escape_line;

#[derive(Serialize)]
struct Issue<'i> {
    description: String,
    check_name: &'i str,
    fingerprint: &'i str,
    severity: &'static str,
    location: Place<'i>,
}

#[derive(Serialize)]
struct Place<'i> {
    path: &'i str,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}

/// All findings but those that people set aside; GitLab has no place for these.
pub(super) fn json(input: &Input<'_>, out: &mut Out<'_>) -> io::Result<()> {
    let findings = input
        .gate
        .findings
        .iter()
        .filter(|decided| decided.outcome != "suppressed")
        .map(|decided| &decided.finding);
    let issues = findings.map(|finding| {
        let place = finding.locations.first();
        Issue {
            description: escape_line(&format!("{}: {}", finding.name, finding.message)),
            check_name: &finding.name,
            fingerprint: &finding.identity,
            severity: severity(finding.severity),
            location: Place {
                path: place.map_or_else(
                    // It must have a path: what is in no file is shown under its target.
                    || finding.target.as_deref().unwrap_or("."),
                    |place| &place.path,
                ),
                lines: Lines {
                    begin: place.and_then(|place| place.line).unwrap_or(1),
                },
            },
        }
    });
    out.write_all(b"[")?;
    json_lines(out, issues)?;
    out.write_all(b"]\n")
}

fn severity(word: &str) -> &'static str {
    match word {
        "critical" => "blocker",
        "high" => "critical",
        "medium" => "major",
        "low" => "minor",
        _ => "info",
    }
}

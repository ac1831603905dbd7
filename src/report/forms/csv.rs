//! CSV (RFC 4180) that no spreadsheet executes.

use std::borrow::Cow;
use std::io::{self, Write as _};

use super::{Input, Out};
use crate::sys::ui::{escape_line, is_plain};

const HEAD: [&str; 15] = [
    "outcome",
    "severity",
    "score",
    "kind",
    "name",
    "message",
    "path",
    "line",
    "package",
    "version",
    "fixed in",
    "scanners",
    "state",
    "decided by",
    "identity",
];

/// A line for each finding.
pub(super) fn table(input: &Input<'_>, out: &mut Out<'_>) -> io::Result<()> {
    line(out, HEAD)?;
    for decided in &input.gate.findings {
        let finding = &decided.finding;
        let place = finding.locations.first();
        let number = |number: Option<u32>| number.map(|number| number.to_string());
        let scanners: Vec<&str> = finding
            .reported_by
            .iter()
            .map(|one| &*one.scanner)
            .collect();
        let package = finding.package.as_ref();
        line(
            out,
            [
                decided.outcome,
                finding.severity,
                &finding
                    .score
                    .map(|score| score.to_string())
                    .unwrap_or_default(),
                finding.kind,
                &finding.name,
                &finding.message,
                place.map_or("", |place| &place.path),
                &number(place.and_then(|place| place.line)).unwrap_or_default(),
                package.map_or("", |package| &package.name),
                package
                    .and_then(|package| package.version.as_deref())
                    .unwrap_or_default(),
                &finding.fixed_versions.join(" "),
                &scanners.join(" "),
                finding.state.unwrap_or_default(),
                &decided.rule,
                &finding.identity,
            ],
        )?;
    }
    Ok(())
}

fn line(out: &mut Out<'_>, cells: [&str; 15]) -> io::Result<()> {
    for (at, text) in cells.iter().enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        out.write_all(cell(text).as_bytes())?;
    }
    out.write_all(b"\r\n")
}

/// A cell; what a spreadsheet would take for a formula begins with an apostrophe (OWASP, CSV
/// injection).
fn cell(text: &str) -> Cow<'_, str> {
    let text = match is_plain(text) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(escape_line(text)),
    };
    let first = text.trim_start().chars().next();
    let is_formula = matches!(first, Some('=' | '+' | '-' | '@')) || text.starts_with('\t');
    let text = match is_formula {
        true => Cow::Owned(format!("'{text}")),
        false => text,
    };
    if text.contains([',', '"', '\'']) || text.starts_with(' ') || text.ends_with(' ') {
        Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_executed_and_nothing_ends_a_cell() {
        assert_eq!(cell("=cmd|' /C calc'!A0"), "\"'=cmd|' /C calc'!A0\"");
        assert_eq!(cell(" +1"), "\"' +1\"");
        assert_eq!(cell("a\"b,c\r\nd"), "\"a\"\"b,c\\nd\"");
        assert_eq!(cell("plain"), "plain");
        assert_eq!(cell("a-b"), "a-b");
    }
}

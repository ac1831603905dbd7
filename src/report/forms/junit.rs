//! JUnit's XML, in the subset that Jenkins, GitLab and others read.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use super::{Input, Out};
use crate::report::gate::Decided;
use crate::sys::ui::is_plain;

/// A suite for each kind of finding; a finding is a test, and fails where it fails the gate.
pub(super) fn xml(input: &Input<'_>, out: &mut Out<'_>) -> io::Result<()> {
    let mut suites: BTreeMap<&str, Vec<&Decided>> = BTreeMap::new();
    for decided in &input.gate.findings {
        suites
            .entry(decided.finding.kind)
            .or_default()
            .push(decided);
    }
    let count =
        |all: &[&Decided], outcome: &str| all.iter().filter(|one| one.outcome == outcome).count();
    let failures = input.gate.counts.denied;
    let tests = input.gate.findings.len().max(1);
    writeln!(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"ci-tool\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">"
    )?;
    for (kind, all) in &suites {
        writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">",
            escape(kind),
            all.len(),
            count(all, "denied"),
            count(all, "suppressed")
        )?;
        for decided in all {
            case(out, decided)?;
        }
        out.write_all(b"  </testsuite>\n")?;
    }
    if suites.is_empty() {
        // A report without a test reads as one that was not made.
        out.write_all(b"  <testsuite name=\"findings\" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\">\n    <testcase classname=\"ci-tool\" name=\"nothing was found\"/>\n  </testsuite>\n")?;
    }
    out.write_all(b"</testsuites>\n")
}

fn case(out: &mut dyn io::Write, decided: &Decided) -> io::Result<()> {
    let finding = &decided.finding;
    let place = finding.locations.first();
    let path = place.map_or("", |place| &*place.path);
    let shown = match place.and_then(|place| place.line) {
        Some(line) => format!("{path}:{line}"),
        None => path.to_owned(),
    };
    let class = match (path, &finding.target) {
        ("", Some(target)) => &**target,
        ("", None) => "findings",
        (path, _) => path,
    };
    // No `file`: the schema that Jenkins holds reports against has no such attribute.
    write!(
        out,
        "    <testcase classname=\"{}\" name=\"{}\"",
        escape(class),
        escape(format!("{} {shown}", finding.name).trim_end())
    )?;
    let message = finding.message.lines().next().unwrap_or_default();
    match decided.outcome {
        "denied" => {
            let fixed = match finding.fixed_versions.is_empty() {
                true => String::new(),
                false => format!("\nfixed in {}", finding.fixed_versions.join(", ")),
            };
            writeln!(
                out,
                ">\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>",
                escape(finding.severity),
                escape(message),
                escape(&format!("{}\n{}{fixed}", finding.message, decided.rule))
            )
        }
        "suppressed" => {
            writeln!(
                out,
                ">\n      <skipped message=\"{}\"/>\n    </testcase>",
                escape(&decided.rule)
            )
        }
        _ => out.write_all(b"/>\n"),
    }
}

/// A text in XML: markup is none, and what XML 1.0 has no place for is made visible.
fn escape(text: &str) -> String {
    let is_special = |byte| matches!(byte, b'&' | b'<' | b'>' | b'"');
    if is_plain(text) && !text.bytes().any(is_special) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find(is_written_otherwise) {
        out.push_str(&rest[..at]);
        let mut chars = rest[at..].chars();
        let c = chars.next().unwrap_or_default();
        rest = chars.as_str();
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push(' '),
            c => out.extend(c.escape_unicode()),
        }
    }
    out.push_str(rest);
    out
}

fn is_written_otherwise(c: char) -> bool {
    c.is_control()
        || matches!(c, '&' | '<' | '>' | '"')
        || matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_an_attribute() {
        assert_eq!(
            escape("a\"><b>\u{1b}[0m\u{0}&amp;\n\u{202e}"),
            "a&quot;&gt;&lt;b&gt;\\u{1b}[0m\\u{0}&amp;amp;&#10;\\u{202e}"
        );
    }
}

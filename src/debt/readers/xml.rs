//! JUnit reports, as pytest and vitest write them.

use super::{Place, Record, Seen};

/// A test that did not pass.
pub(super) struct Failed<'t> {
    /// Its class, as the report says it.
    pub(super) class: &'t str,
    /// Its name.
    pub(super) name: &'t str,
    /// The file, where the report says it.
    pub(super) file: Option<&'t str>,
    /// The line in it, from 1; 0 where nobody says it.
    line: u64,
    message: String,
    detail: String,
}

/// The tests that did not pass; `name` makes one's name.
pub(super) fn failures(
    record: &Record,
    name: impl Fn(&Failed<'_>) -> String,
) -> Result<Seen, String> {
    let text = record.report()?;
    let document = roxmltree::Document::parse(text)
        .map_err(|error| format!("the report of the tests is none: {error}"))?;
    let mut seen = Seen::default();
    let tests = document
        .descendants()
        .filter(|node| node.has_tag_name("testcase"));
    for test in tests {
        let reason = test
            .children()
            .find(|node| node.has_tag_name("failure") || node.has_tag_name("error"));
        let Some(reason) = reason else {
            continue;
        };
        let message = reason.attribute("message").or_else(|| reason.text());
        let message = message.unwrap_or_default().trim().lines().next();
        let failed = Failed {
            class: test.attribute("classname").unwrap_or_default(),
            name: test.attribute("name").unwrap_or_default(),
            file: test.attribute("file"),
            line: test
                .attribute("line")
                .and_then(|line| line.parse::<u64>().ok())
                .map_or(0, |line| line + 1),
            message: message.unwrap_or("it fails").to_owned(),
            detail: reason.text().unwrap_or_default().to_owned(),
        };
        let what = name(&failed);
        // One that fails and cannot be taken down fails once.
        if !seen.complaints.contains_key(&what) {
            let path = failed.file.unwrap_or_default();
            seen.add(
                what,
                Place {
                    path: record.relative(path),
                    line: failed.line,
                    message: failed.message,
                    detail: failed.detail,
                },
            );
        }
    }
    Ok(seen)
}

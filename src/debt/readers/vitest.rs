//! `vitest`, by file and name of each test that fails.

use super::xml;
use super::{Reader, Record, Seen};

pub(super) const READER: Reader = Reader {
    name: "vitest",
    tools: &[&["vitest"]],
    options: "--reporter=default --reporter=junit --outputFile.junit={report}",
    report: Some("xml"),
    tests: true,
    read,
};

fn read(record: &Record) -> Result<Seen, String> {
    record.ended_with(1, "vitest")?;
    xml::failures(record, |test| {
        if test.class == test.name {
            test.class.to_owned()
        } else {
            format!("{} > {}", test.class, test.name)
        }
    })
}

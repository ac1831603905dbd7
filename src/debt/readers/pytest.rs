//! `pytest`, by the id of each test that fails. It runs them all, so that one which
//! passes again is seen.

use super::xml::{self, Failed};
use super::{Reader, Record, Seen, coverage};

pub(super) const READER: Reader = Reader {
    name: "pytest",
    tools: &[&["pytest"], &["py.test"]],
    options: "--continue-on-collection-errors -o junit_family=xunit1 --junitxml={report}",
    report: Some("xml"),
    tests: true,
    read,
};

fn read(record: &Record) -> Result<Seen, String> {
    // 2: stopped; 3: broken; 4: called wrongly; 5: there are no tests.
    record.ended_with(1, "pytest")?;
    let mut seen = xml::failures(record, id)?;
    // pytest-cov makes the whole run fail where its threshold is not reached.
    coverage::add(&record.output, &mut seen);
    Ok(seen)
}

/// The id as pytest takes it: the file, the classes, the name.
fn id(test: &Failed<'_>) -> String {
    let Some(file) = test.file else {
        return format!("{}::{}", test.class, test.name);
    };
    // What could not be collected has no class, and its file as its name.
    if test.class.is_empty() {
        return file.to_owned();
    }
    let module = file.strip_suffix(".py").unwrap_or(file).replace('/', ".");
    let classes = test.class.strip_prefix(&module).unwrap_or_default();
    format!("{file}{}::{}", classes.replace('.', "::"), test.name)
}

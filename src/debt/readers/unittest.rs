//! Python's `unittest` and Django's tests, by the name of each test that fails.

use super::{Place, Reader, Record, Seen, all_of, plain};

pub(super) const READER: Reader = Reader {
    name: "unittest",
    tools: &[
        &["unittest"],
        &["python", "manage.py", "test"],
        &["python3", "manage.py", "test"],
        &["./manage.py", "test"],
        &["django-admin", "test"],
    ],
    options: "",
    report: None,
    tests: true,
    read,
};

fn read(record: &Record) -> Result<Seen, String> {
    record.ended_with(1, "the tests")?;
    let output = plain(&record.output);
    let mut seen = Seen::default();
    for line in output.lines() {
        let test = line
            .strip_prefix("FAIL: ")
            .or_else(|| line.strip_prefix("ERROR: "))
            .or_else(|| line.strip_prefix("UNEXPECTED SUCCESS: "));
        let Some((name, rest)) = test.and_then(|test| test.split_once(" (")) else {
            continue;
        };
        // `test_a (shop.tests.Cart.test_a)`, before 3.11 without the name at the end;
        // what cannot be loaded is `shop.tests (unittest.loader._FailedTest.shop.tests)`.
        let place = rest.split(')').next().unwrap_or_default();
        let what = match place.strip_prefix("unittest.loader._FailedTest") {
            Some(_) => name.to_owned(),
            None if place.ends_with(&format!(".{name}")) => place.to_owned(),
            None => format!("{place}.{name}"),
        };
        seen.add(what, Place::new(String::new(), 0, line));
    }
    all_of(seen, said(&output))
}

/// How many there are: `FAILED (failures=2, errors=1, skipped=3)`.
fn said(output: &str) -> Option<u64> {
    let line = output
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("FAILED ("))?;
    let counts = line.trim_end_matches(')').split(", ").filter_map(|part| {
        let (kind, count) = part.split_once('=')?;
        let counts = ["failures", "errors", "unexpected successes"].contains(&kind);
        counts.then(|| count.parse::<u64>().ok()).flatten()
    });
    Some(counts.sum())
}

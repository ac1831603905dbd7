//! `go test`, by package and test.

use super::{Place, Reader, Record, Seen, plain};

pub(super) const READER: Reader = Reader {
    name: "go-test",
    tools: &[&["go", "test"]],
    options: "",
    report: None,
    tests: true,
    read,
};

fn read(record: &Record) -> Result<Seen, String> {
    let mut seen = Seen::default();
    let mut failed: Vec<&str> = Vec::new();
    let output = plain(&record.output);
    for line in output.lines() {
        let place = || Place::new(String::new(), 0, line.trim());
        if let Some(test) = line.trim_start().strip_prefix("--- FAIL: ") {
            failed.extend(test.split(" (").next());
        } else if let Some(rest) = line.strip_prefix("FAIL\t") {
            // The package comes behind its tests; one that does not build has none.
            let package = rest.split([' ', '\t']).next().unwrap_or_default();
            if failed.is_empty() {
                seen.add(package, place());
            }
            for test in failed.drain(..) {
                seen.add(format!("{package} {test}"), place());
            }
        } else if line.starts_with("ok  \t") {
            failed.clear();
        }
    }
    Ok(seen)
}

//! `cargo test`, by the path of each test that fails.

use super::{Place, Reader, Record, Seen, plain};

pub(super) const READER: Reader = Reader {
    name: "cargo-test",
    tools: &[&["cargo", "test"]],
    options: "",
    report: None,
    tests: true,
    read,
};

fn read(record: &Record) -> Result<Seen, String> {
    // 101 is also what a crate ends with that does not build: then no test is named.
    record.ended_with(101, "cargo")?;
    let mut seen = Seen::default();
    for line in plain(&record.output).lines() {
        let test = line
            .strip_prefix("test ")
            .and_then(|line| line.strip_suffix(" ... FAILED"));
        if let Some(test) = test {
            seen.add(test, Place::new(String::new(), 0, "it fails".to_owned()));
        }
    }
    Ok(seen)
}

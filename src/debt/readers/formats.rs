//! Formatters, by file: black, ruff, prettier, isort.

use super::{Place, Reader, Record, Seen, plain};

pub(super) const READER: Reader = Reader {
    name: "format",
    tools: &[&["black"], &["ruff", "format"], &["prettier"], &["isort"]],
    options: "",
    report: None,
    tests: false,
    read,
};

/// What stands before the name of a file that has another format.
const BEFORE: [&str; 4] = ["would reformat ", "Would reformat: ", "[warn] ", "ERROR: "];

/// What isort says behind it.
const BEHIND: &str = " Imports are incorrectly sorted and/or formatted.";

fn read(record: &Record) -> Result<Seen, String> {
    // A file that a formatter cannot read makes it end otherwise.
    record.ended_with(1, "the formatter")?;
    let mut seen = Seen::default();
    for line in plain(&record.output).lines() {
        let file = BEFORE.iter().find_map(|before| line.strip_prefix(before));
        let Some(file) = file.filter(|file| !file.starts_with("Code style issues")) else {
            continue;
        };
        let path = record.relative(file.strip_suffix(BEHIND).unwrap_or(file));
        seen.add(
            path.clone(),
            Place::new(path, 0, "has another format".to_owned()),
        );
    }
    Ok(seen)
}

//! `ruff check`, by file and rule.

use super::{Place, Reader, Record, Seen, all_of, located, number_before, plain};

pub(super) const READER: Reader = Reader {
    name: "ruff",
    tools: &[&["ruff", "check"]],
    options: "--output-format=concise",
    report: None,
    tests: false,
    read,
};

fn read(record: &Record) -> Result<Seen, String> {
    record.ended_with(1, "ruff")?;
    let output = plain(&record.output);
    let mut seen = Seen::default();
    for (path, line, rest) in output.lines().filter_map(located) {
        let code = rest.split([' ', ':']).next().unwrap_or_default();
        let path = record.relative(path);
        seen.add(format!("{path} {code}"), Place::new(path, line, rest));
    }
    let said = number_before(&output, "errors.").or_else(|| number_before(&output, "error."));
    all_of(seen, said)
}

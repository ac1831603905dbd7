//! `mypy`, by file and kind of error.

use super::{Place, Reader, Record, Seen, all_of, located, number_before, plain};

pub(super) const READER: Reader = Reader {
    name: "mypy",
    tools: &[&["mypy"]],
    options: "--no-pretty --hide-error-context --show-error-codes --no-color-output --error-summary",
    report: None,
    tests: false,
    read,
};

fn read(record: &Record) -> Result<Seen, String> {
    // 2: it could not go on, so that what else is wrong is not known.
    record.ended_with(1, "mypy")?;
    let output = plain(&record.output);
    let mut seen = Seen::default();
    for (path, line, rest) in output.lines().filter_map(located) {
        let Some(message) = rest.strip_prefix("error: ") else {
            continue;
        };
        let code = message
            .strip_suffix(']')
            .and_then(|message| message.rsplit_once("  ["))
            .map_or("error", |(_, code)| code);
        let path = record.relative(path);
        seen.add(format!("{path} {code}"), Place::new(path, line, message));
    }
    let said = number_before(&output, "errors in").or_else(|| number_before(&output, "error in"));
    all_of(seen, said)
}

//! `flake8`, by file and rule.

use super::{Place, Reader, Record, Seen, located, plain};

pub(super) const READER: Reader = Reader {
    name: "flake8",
    tools: &[&["flake8"]],
    options: "--format=default --no-show-source",
    report: None,
    tests: false,
    read,
};

fn read(record: &Record) -> Result<Seen, String> {
    record.ended_with(1, "flake8")?;
    let mut seen = Seen::default();
    for (path, line, rest) in plain(&record.output).lines().filter_map(located) {
        let code = rest.split(' ').next().unwrap_or_default();
        let is_code = code.len() >= 2
            && code.starts_with(|c: char| c.is_ascii_uppercase())
            && code.ends_with(|c: char| c.is_ascii_digit());
        if is_code {
            let path = record.relative(path);
            seen.add(format!("{path} {code}"), Place::new(path, line, rest));
        }
    }
    Ok(seen)
}

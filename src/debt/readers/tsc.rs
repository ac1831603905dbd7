//! TypeScript's compiler and what wraps it, by file and number of the error.

use super::{Place, Reader, Record, Seen, plain};

pub(super) const READER: Reader = Reader {
    name: "tsc",
    tools: &[&["tsc"], &["vue-tsc"]],
    options: "--pretty false",
    report: None,
    tests: false,
    read,
};

fn read(record: &Record) -> Result<Seen, String> {
    if !matches!(record.status, 1 | 2) {
        return Err(format!("tsc ended with {}", record.status));
    }
    let mut seen = Seen::default();
    for line in plain(&record.output).lines() {
        // The lines that go on with a message are indented.
        let (place, message) = match line.split_once("): error TS") {
            Some((place, message)) if !line.starts_with(' ') => (Some(place), message),
            _ => match line.strip_prefix("error TS") {
                Some(message) => (None, message),
                None => continue,
            },
        };
        let Some((number, message)) = message.split_once(": ") else {
            continue;
        };
        let (path, at) = place.and_then(|place| place.rsplit_once('(')).unzip();
        let path = path.map_or_else(String::new, |path| record.relative(path));
        let what = format!("{path} TS{number}");
        let line = at.and_then(|at| at.split(',').next()?.parse().ok());
        seen.add(
            what.trim_start(),
            Place::new(path, line.unwrap_or(0), message),
        );
    }
    Ok(seen)
}

//! `pyright` and `basedpyright`, by file and rule.

use super::{Place, Reader, Record, Seen, all_of, number_before, plain};

pub(super) const READER: Reader = Reader {
    name: "pyright",
    tools: &[&["pyright"], &["basedpyright"]],
    options: "",
    report: None,
    tests: false,
    read,
};

fn read(record: &Record) -> Result<Seen, String> {
    record.ended_with(1, "pyright")?;
    let output = plain(&record.output);
    let mut seen = Seen::default();
    for line in output.lines() {
        let Some((place, message)) = line.split_once(" - error: ") else {
            continue;
        };
        let mut parts = place.trim().rsplitn(3, ':');
        let (_, at, Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let rule = message
            .strip_suffix(')')
            .and_then(|message| message.rsplit_once(" ("))
            .map_or("error", |(_, rule)| rule);
        let path = record.relative(path);
        seen.add(
            format!("{path} {rule}"),
            Place::new(
                path,
                at.and_then(|at| at.parse().ok()).unwrap_or(0),
                message.to_owned(),
            ),
        );
    }
    // A message of several lines has its rule at the end of the last one.
    let said = number_before(&output, "errors,").or_else(|| number_before(&output, "error,"));
    all_of(seen, said)
}

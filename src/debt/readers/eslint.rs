//! `eslint` without suppressions of its own, by file and rule. Newer ones freeze
//! themselves, in `eslint-suppressions.json`.

use serde::Deserialize;

use super::{Place, Reader, Record, Seen};

pub(super) const READER: Reader = Reader {
    name: "eslint",
    tools: &[&["eslint"], &["next", "lint"]],
    options: "--format json --output-file {report}",
    report: Some("json"),
    tests: false,
    read,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    file_path: String,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    rule_id: Option<String>,
    severity: u8,
    message: String,
    #[serde(default)]
    line: u64,
}

fn read(record: &Record) -> Result<Seen, String> {
    record.ended_with(1, "eslint")?;
    let files: Vec<File> = serde_json::from_str(record.report()?)
        .map_err(|error| format!("eslint's report is none: {error}"))?;
    let mut seen = Seen::default();
    for file in files {
        let path = record.relative(&file.file_path);
        for message in file.messages {
            // Under `--max-warnings` they count too.
            let level = if message.severity < 2 {
                " (warning)"
            } else {
                ""
            };
            let rule = message.rule_id.as_deref().unwrap_or("cannot be read");
            seen.add(
                format!("{path} {rule}{level}"),
                Place::new(path.clone(), message.line, message.message),
            );
        }
    }
    Ok(seen)
}

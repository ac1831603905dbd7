//! `jest`, by file and name of each test that fails.

use serde::Deserialize;

use super::{Place, Reader, Record, Seen};

pub(super) const READER: Reader = Reader {
    name: "jest",
    tools: &[&["jest"], &["react-scripts", "test"]],
    options: "--json --outputFile={report}",
    report: Some("json"),
    tests: true,
    read,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    test_results: Vec<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    name: String,
    status: String,
    #[serde(default)]
    message: String,
    assertion_results: Vec<Test>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    full_name: String,
    status: String,
    #[serde(default)]
    failure_messages: Vec<String>,
}

fn read(record: &Record) -> Result<Seen, String> {
    record.ended_with(1, "jest")?;
    let report: Report = serde_json::from_str(record.report()?)
        .map_err(|error| format!("jest's report is none: {error}"))?;
    let mut seen = Seen::default();
    let first = |text: &str| {
        let line = super::plain(text);
        let line = line.lines().map(str::trim).find(|line| !line.is_empty());
        line.unwrap_or("it fails").to_owned()
    };
    for file in report.test_results {
        let path = record.relative(&file.name);
        let failed = file
            .assertion_results
            .iter()
            .filter(|test| test.status == "failed");
        let mut is_told = false;
        for test in failed {
            is_told = true;
            let message = test.failure_messages.first();
            seen.add(
                format!("{path} > {}", test.full_name),
                Place {
                    path: path.clone(),
                    line: 0,
                    message: message.map_or_else(|| "it fails".to_owned(), |text| first(text)),
                    detail: message.cloned().unwrap_or_default(),
                },
            );
        }
        if file.status == "failed" && !is_told {
            seen.add(
                path.clone(),
                Place {
                    path,
                    line: 0,
                    message: first(&file.message),
                    detail: String::new(),
                },
            );
        }
    }
    Ok(seen)
}

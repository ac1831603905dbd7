//! GitLab's code quality report (docs.gitlab.com, "Code Quality report format").

use serde_json::json;

use super::Input;
use crate::sys::ui::escape_line;

/// All findings but those that people set aside; GitLab has no place for these.
pub(super) fn json(input: &Input<'_>) -> String {
    let findings = input
        .gate
        .findings
        .iter()
        .filter(|decided| decided.outcome != "suppressed");
    let list: Vec<serde_json::Value> = findings
        .map(|decided| {
            let finding = &decided.finding;
            let place = finding.locations.first();
            let path = place.map_or_else(
                // It must have a path: what is in no file is shown under its target.
                || finding.target.clone().unwrap_or_else(|| ".".to_owned()),
                |place| place.path.clone(),
            );
            json!({
                "description": escape_line(&format!("{}: {}", finding.name, finding.message)),
                "check_name": finding.name,
                "fingerprint": finding.identity,
                "severity": severity(&finding.severity),
                "location": {
                    "path": path,
                    "lines": {"begin": place.and_then(|place| place.line).unwrap_or(1)},
                },
            })
        })
        .collect();
    let mut text = serde_json::Value::from(list).to_string();
    text.push('\n');
    text
}

fn severity(word: &str) -> &'static str {
    match word {
        "critical" => "blocker",
        "high" => "critical",
        "medium" => "major",
        "low" => "minor",
        _ => "info",
    }
}

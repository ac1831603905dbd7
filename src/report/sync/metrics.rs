//! What a sync came to, in the text form of Prometheus, for a collector that reads files.

use std::fmt::Write as _;

use super::Told;

/// The metrics of a sync that came to an end; where one fails, its file stays what it was,
/// and its last time grows old.
pub fn metrics(told: &Told<'_>, now: i64) -> String {
    let (source, mirror) = (label(told.source), label(told.mirror));
    let labels = format!("source=\"{source}\",mirror=\"{mirror}\"");
    let (counts, tried) = (told.counts(), told.outcome.tried);
    let mut out = String::new();
    let states = [
        ("equal", counts.equal),
        ("written", counts.written),
        ("conflict", counts.conflicts),
        ("held", counts.held),
        ("mirror-only", counts.mirror_only),
        ("left-out", counts.left_out),
    ];
    let refs =
        states.map(|(state, count)| (format!("{labels},state=\"{state}\""), count.to_string()));
    gauge(
        &mut out,
        "refs",
        "Branches and tags by what became of them.",
        &refs,
    );
    let mut one = |name: &str, help: &str, value: String| {
        gauge(&mut out, name, help, &[(labels.clone(), value)]);
    };
    one(
        "in_sync",
        "Whether nothing is left for a person.",
        u8::from(told.is_in_sync()).to_string(),
    );
    one("pushes", "Pushes that were made.", tried.pushes.to_string());
    one(
        "retries",
        "What failed and was tried again.",
        tried.retries.to_string(),
    );
    one(
        "overtaken",
        "How often somebody else was faster.",
        tried.overtaken.to_string(),
    );
    one(
        "sent_bytes",
        "Bytes that were sent to either side.",
        told.traffic.sent.to_string(),
    );
    one(
        "received_bytes",
        "Bytes that came from either side.",
        told.traffic.received.to_string(),
    );
    one(
        "duration_seconds",
        "How long it took.",
        format!("{:.3}", told.seconds),
    );
    one(
        "last_run_timestamp_seconds",
        "When it ended, in seconds since 1970.",
        now.to_string(),
    );
    out
}

/// A metric with its values by labels.
fn gauge(out: &mut String, name: &str, help: &str, values: &[(String, String)]) {
    let _ = writeln!(
        out,
        "# HELP ci_tool_sync_{name} {help}\n# TYPE ci_tool_sync_{name} gauge"
    );
    for (labels, value) in values {
        let _ = writeln!(out, "ci_tool_sync_{name}{{{labels}}} {value}");
    }
}

/// A text as the value of a label.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

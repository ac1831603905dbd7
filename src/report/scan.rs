//! What scanners did, for a terminal and as JSON.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::gate::Gate;
use crate::sys::ui::escape_line;

/// The version of the JSON form; a change that breaks readers raises it.
pub const VERSION: u32 = 1;

/// A scan with its verdict.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scan<'r> {
    /// The version of this form.
    pub version: u32,
    /// Whether every scanner that counts has looked. Without it the verdict is none.
    pub complete: bool,
    /// The scanners.
    pub scanners: Vec<Scanner>,
    /// The verdict about what they found.
    pub gate: Gate<'r>,
}

/// What a scanner did.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scanner {
    /// Its name.
    pub name: String,
    /// Its version, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What became of it.
    pub state: State,
    /// How many things it reports, before they are merged with those of others.
    pub findings: usize,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
    /// Why it is in this state, or what one should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
    /// Whether its state keeps the scan from being complete.
    pub counts: bool,
}

/// What became of a scanner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It looked, to the end.
    Looked,
    /// It ended well, and may not have seen what there is to see.
    Inconclusive,
    /// It did not look, or not to the end.
    Failed,
    /// It fits and is not installed.
    Absent,
    /// It does not fit, or was left out.
    Skipped,
}

/// The scanners for people, before the verdict.
pub fn text(scanners: &[Scanner], all: bool) -> String {
    let mut out = String::new();
    let width = scanners.iter().map(|one| one.name.len()).max().unwrap_or(0);
    for one in scanners {
        let why = one.why.join("; ");
        let said = match one.state {
            State::Skipped if !all => continue,
            State::Looked => match one.findings {
                0 => format!("found nothing, {}", seconds(one)),
                1 => format!("1 finding, {}", seconds(one)),
                many => format!("{many} findings, {}", seconds(one)),
            },
            State::Inconclusive => format!("INCONCLUSIVE: {why} ({} findings)", one.findings),
            State::Failed => format!("FAILED: {why}"),
            State::Absent => format!("is not installed: {why}"),
            State::Skipped => format!("not run: {why}"),
        };
        let version = one.version.as_deref().unwrap_or_default();
        let line = format!("  {:width$}  {version:<9} {said}", one.name);
        let _ = writeln!(out, "{}", escape_line(&line));
    }
    out.push('\n');
    out
}

fn seconds(one: &Scanner) -> String {
    #[allow(clippy::cast_precision_loss)]
    let seconds = one.milliseconds as f64 / 1000.0;
    format!("{seconds:.1} s")
}

//! What people and machines read: one file for each thing that is told.

pub mod audit;
pub mod check_run;
pub mod comment;
pub mod debt;
pub mod deploy;
pub mod diff;
pub mod excerpt;
pub mod explanation;
pub mod findings_json;
pub mod forms;
pub mod gate;
pub mod mending;
pub mod picture;
pub mod pins;
pub mod plan;
pub mod probe;
pub mod project;
pub mod scan;
pub mod score;
pub mod suggestion;
pub mod sync;
pub mod trend;
pub mod verdict;
pub mod verify;

/// JSON with a line break at its end.
///
/// # Errors
/// Where a map has keys that are no texts.
pub fn json(value: &impl serde::Serialize) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(text)
}

//! What `ci-tool verify` found, for people and machines.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::plan::cell;
use crate::sys::ui::escape_line;

/// The version of the JSON form; a change that breaks readers raises it.
pub const VERSION: u32 = 1;

/// All addresses.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// The version of this form.
    pub version: u32,
    /// Whether all are well.
    pub healthy: bool,
    /// The addresses, in the order in which they were given.
    pub addresses: Vec<Address>,
}

/// One address.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// The address.
    pub url: String,
    /// Whether it is well.
    pub healthy: bool,
    /// How often it was asked.
    pub tries: u32,
    /// The status of the last answer, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How long the last answer took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<u64>,
    /// What is wrong with the last answer, a sentence each.
    pub wrong: Vec<String>,
}

/// For a terminal.
pub fn text(verified: &Verified) -> String {
    let mut out = String::new();
    for one in &verified.addresses {
        let word = if one.healthy { "well" } else { "NOT WELL" };
        let status = one.status.map(|status| format!("  {status}"));
        let took = one.milliseconds.map(|took| format!("  {took} ms"));
        let again = match one.tries {
            1 => String::new(),
            tries => format!("  asked {tries} times"),
        };
        let line = format!(
            "{word:<8}  {}{}{}{again}",
            one.url,
            status.unwrap_or_default(),
            took.unwrap_or_default()
        );
        let _ = writeln!(out, "{}", escape_line(&line));
        for wrong in &one.wrong {
            let _ = writeln!(out, "          {}", escape_line(wrong));
        }
    }
    out
}

/// For a job's summary.
pub fn markdown(verified: &Verified) -> String {
    let title = if verified.healthy {
        "All addresses are well"
    } else {
        "Not all addresses are well"
    };
    let mut out = format!(
        "## {title}\n\n| address | | status | ms | what is wrong |\n|---|---|---|---|---|\n"
    );
    for one in &verified.addresses {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            cell(&escape_line(&one.url)),
            if one.healthy { "well" } else { "**not well**" },
            one.status
                .map_or_else(String::new, |status| status.to_string()),
            one.milliseconds
                .map_or_else(String::new, |took| took.to_string()),
            cell(&escape_line(&one.wrong.join("; ")))
        );
    }
    out
}

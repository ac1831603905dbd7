//! Debts for people and machines: what is frozen, since when and by whom, and what a
//! check found.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use schemars::JsonSchema;
use serde::Serialize;

use super::plan::cell;
use crate::debt::{Change, Comparison};
use crate::sys::ui::escape_line;

/// The version of the JSON form; a change that breaks readers raises it.
pub const VERSION: u32 = 1;

/// So many complaints of a debt are named to people.
const NAMED: usize = 10;

/// All debts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Debts {
    /// The version of this form.
    pub version: u32,
    /// How many complaints are frozen in all.
    pub complaints: u64,
    /// Each debt, by its name.
    pub debts: Vec<Listed>,
}

/// One debt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// The folder of the component; empty where the step is not known any more.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub component: String,
    /// The folder that the step runs in.
    #[serde(skip)]
    pub directory: String,
    /// The step's name in the workflow.
    pub step: String,
    /// The step's command.
    pub command: String,
    /// How many complaints are frozen.
    pub complaints: u64,
    /// How many there were when it was frozen, and on which day that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<FirstFrozen>,
    /// Why the step is red.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
    /// Each complaint.
    pub known: Vec<Known>,
    /// What may be there and need not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flaky: Vec<String>,
    /// What a check found, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
}

/// When a debt was frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FirstFrozen {
    /// How many complaints there were.
    pub complaints: u64,
    /// The day of the commit.
    pub day: String,
}

/// A frozen complaint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Known {
    /// What is complained about.
    pub what: String,
    /// How often.
    pub count: u64,
    /// Since when its line is as it is, where git knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Who wrote the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What a check found of a debt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Check {
    /// It is as it was frozen.
    Unchanged,
    /// It is not.
    Changed {
        /// What differs.
        #[serde(flatten)]
        comparison: Comparison,
    },
    /// Its step is in no workflow.
    LeftOut,
    /// There is no such step any more.
    Stale,
    /// Nobody can say.
    Unproved {
        /// Why.
        why: String,
    },
}

impl Check {
    /// Whether the debt is as it should be; `None` where nobody can say.
    pub fn is_well(&self) -> Option<bool> {
        match self {
            Self::Unchanged | Self::LeftOut => Some(true),
            Self::Changed { .. } | Self::Stale => Some(false),
            Self::Unproved { .. } => None,
        }
    }
}

/// For a terminal.
pub fn text(debts: &Debts) -> String {
    let (bold, dim) = (Style::new().bold(), Style::new().dimmed());
    let mut out = String::new();
    if debts.debts.is_empty() {
        return "There is no debt.\n".to_owned();
    }
    for debt in &debts.debts {
        let trend = trend(debt).map_or_else(String::new, |trend| format!("  {dim}{trend}{dim:#}"));
        let _ = writeln!(
            out,
            "{bold}{}{bold:#}  {}{trend}",
            escape_line(&debt.name),
            complaints(debt.complaints)
        );
        let _ = writeln!(
            out,
            "    {}  {dim}{}{dim:#}",
            escape_line(&debt.command),
            escape_line(&debt.file)
        );
        for sentence in [&debt.why, &debt.mend].into_iter().flatten() {
            let _ = writeln!(out, "    {}", escape_line(sentence));
        }
        match &debt.check {
            None => {
                for known in debt.known.iter().take(NAMED) {
                    let since = known.since.as_deref().unwrap_or_default();
                    let by = known.by.as_deref().unwrap_or_default();
                    let _ = writeln!(
                        out,
                        "    {:>5}  {}  {dim}{since} {}{dim:#}",
                        known.count,
                        escape_line(&known.what),
                        escape_line(by)
                    );
                }
                more(&mut out, debt.known.len());
            }
            Some(check) => checked(&mut out, check, debt),
        }
    }
    let _ = writeln!(out, "\n{}", sentence(debts));
    out
}

fn checked(out: &mut String, check: &Check, debt: &Listed) {
    let (green, red) = (AnsiColor::Green.on_default(), AnsiColor::Red.on_default());
    let _ = match check {
        Check::Unchanged => writeln!(out, "    {green}as it was frozen{green:#}"),
        Check::LeftOut => writeln!(out, "    left out of the workflow, and not run"),
        Check::Stale => writeln!(
            out,
            "    {red}there is no such step any more: delete {}{red:#}",
            escape_line(&debt.file)
        ),
        Check::Unproved { why } => {
            writeln!(out, "    {red}not compared: {}{red:#}", escape_line(why))
        }
        Check::Changed { comparison } => {
            for change in comparison.grown.iter().take(NAMED) {
                let _ = writeln!(out, "    {red}new{red:#}    {}", told(change));
                for place in change.places.iter().take(NAMED) {
                    let at = match (place.path.as_str(), place.line) {
                        ("", _) => String::new(),
                        (path, 0) => format!("{path}: "),
                        (path, line) => format!("{path}:{line}: "),
                    };
                    let line = format!("{at}{}", place.message);
                    let _ = writeln!(out, "             {}", escape_line(&line));
                }
            }
            more(out, comparison.grown.len());
            for change in comparison.fixed.iter().take(NAMED) {
                let _ = writeln!(out, "    {green}mended{green:#} {}", told(change));
            }
            more(out, comparison.fixed.len());
            if comparison.fixed.is_empty() {
                Ok(())
            } else {
                writeln!(
                    out,
                    "    take what is mended out of {}: `ci-tool debt --prune`",
                    escape_line(&debt.file)
                )
            }
        }
    };
}

fn more(out: &mut String, all: usize) {
    if all > NAMED {
        let _ = writeln!(out, "           and {} more", all - NAMED);
    }
}

fn told(change: &Change) -> String {
    let what = escape_line(&change.what);
    match (change.frozen, change.now) {
        (0, 1) | (1, 0) => what,
        (frozen, now) => format!("{what} ({frozen} frozen, {now} now)"),
    }
}

fn trend(debt: &Listed) -> Option<String> {
    let first = debt.frozen.as_ref()?;
    Some(if first.complaints == debt.complaints {
        format!("since {}", first.day)
    } else {
        format!("{} on {}", first.complaints, first.day)
    })
}

fn complaints(count: u64) -> String {
    match count {
        1 => "1 complaint".to_owned(),
        count => format!("{count} complaints"),
    }
}

/// How it stands in one sentence.
pub fn sentence(debts: &Debts) -> String {
    let count = debts.debts.len();
    let all = format!(
        "{count} {}, {} in all",
        if count == 1 { "debt" } else { "debts" },
        complaints(debts.complaints)
    );
    let checks: Vec<&Check> = debts
        .debts
        .iter()
        .filter_map(|debt| debt.check.as_ref())
        .collect();
    if checks.is_empty() {
        return format!("{all}.");
    }
    let bad = checks.iter().filter(|check| check.is_well() == Some(false));
    let unknown = checks.iter().filter(|check| check.is_well().is_none());
    match (bad.count(), unknown.count()) {
        (0, 0) => format!("{all}, and none grew."),
        (bad, 0) => format!("{all}; {bad} not as frozen."),
        (bad, unknown) => format!("{all}; {bad} not as frozen, {unknown} not compared."),
    }
}

/// For a job summary.
pub fn markdown(debts: &Debts) -> String {
    let mut out = format!("### Debt\n\n{}\n", sentence(debts));
    if debts.debts.is_empty() {
        return out;
    }
    out.push_str("\n| debt | complaints | when frozen | now |\n|---|---:|---|---|\n");
    for debt in &debts.debts {
        let first = debt.frozen.as_ref().map_or_else(String::new, |first| {
            format!("{} on {}", first.complaints, first.day)
        });
        let now = match &debt.check {
            None => String::new(),
            Some(Check::Unchanged) => "as frozen".to_owned(),
            Some(Check::LeftOut) => "left out".to_owned(),
            Some(Check::Stale) => "**no such step any more**".to_owned(),
            Some(Check::Unproved { why }) => format!("**not compared**: {}", cell(why)),
            Some(Check::Changed { comparison }) => format!(
                "**{} new, {} mended**",
                comparison.grown.len(),
                comparison.fixed.len()
            ),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {now} |",
            cell(&debt.name),
            debt.complaints,
            cell(&first)
        );
    }
    for debt in &debts.debts {
        let Some(Check::Changed { comparison }) = &debt.check else {
            continue;
        };
        let _ = writeln!(out, "\n**{}**\n", cell(&debt.name));
        for (word, changes) in [("new", &comparison.grown), ("mended", &comparison.fixed)] {
            for change in changes.iter().take(NAMED) {
                let _ = writeln!(out, "- {word}: {}", cell(&told(change)));
            }
            if changes.len() > NAMED {
                let _ = writeln!(out, "- and {} more", changes.len() - NAMED);
            }
        }
    }
    out
}

//! What a sync did, would do, or leaves to people, as text, Markdown and JSON.
//! `docs/sync.md` describes the JSON.

mod advice;
mod compared;
mod metrics;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use self::advice::{meaning, reason, ways_out, why};
pub use self::compared::{Compared, ComparedJson, compared_json, compared_text};
pub use self::metrics::metrics;
use super::picture::mirror::Drawn;
use super::picture::{Picture, Tone, mirror as drawing};
use super::plan::cell;
use crate::mirror::decide::Cause;
use crate::mirror::refs::Oid;
use crate::mirror::transport::Traffic;
use crate::mirror::{Decision, Difference, Names, Outcome, Planned, Side, Tried, Written};
use crate::sys::ui::escape_line;

/// The version of the JSON's form.
const SCHEMA: u32 = 1;

/// Text and Markdown tell at most so many refs of a kind; JSON tells all.
const MAX_LINES: usize = 50;

/// What is told.
#[derive(Debug)]
pub struct Told<'a> {
    /// The source's address.
    pub source: &'a str,
    /// The mirror's address.
    pub mirror: &'a str,
    /// What happened.
    pub outcome: &'a Outcome,
    /// What is called otherwise on the mirror.
    pub names: &'a Names,
    /// What was done beside refs, a sentence each.
    pub notes: &'a [Note],
    /// Whether nothing was written by wish.
    pub is_dry_run: bool,
    /// How much went over the network.
    pub traffic: Traffic,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// Something beside refs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Note {
    /// What it is about, as a sentence.
    pub text: String,
    /// Whether it is left for a person.
    #[serde(rename = "undone")]
    pub is_undone: bool,
}

impl Note {
    /// It was done, or would be.
    pub const fn done(text: String) -> Self {
        Self {
            text,
            is_undone: false,
        }
    }

    /// It could not be done.
    pub const fn undone(text: String) -> Self {
        Self {
            text,
            is_undone: true,
        }
    }
}

/// How many refs there are of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// The same on both sides.
    pub equal: usize,
    /// Written, or in a dry run to be written.
    pub written: usize,
    /// Both sides have changed: a person has to decide.
    pub conflicts: usize,
    /// Decided, but not done.
    pub held: usize,
    /// Only the mirror has them, and they never were ours.
    pub mirror_only: usize,
    /// Left out by choice.
    pub left_out: usize,
}

impl Told<'_> {
    /// How many refs there are of each kind.
    pub fn counts(&self) -> Counts {
        let plan = &self.outcome.plan;
        let count = |is: fn(&Planned) -> bool| plan.refs.iter().filter(|one| is(one)).count();
        Counts {
            equal: count(|one| one.decision == Decision::Equal),
            written: self.writes().len(),
            conflicts: count(|one| matches!(one.decision, Decision::Conflict { .. })),
            held: count(|one| one.hold.is_some()),
            mirror_only: count(|one| one.decision == Decision::MirrorOnly),
            left_out: plan.left_out,
        }
    }

    /// What was written, or in a dry run would be.
    fn writes(&self) -> Vec<Written> {
        if !self.is_dry_run {
            return self.outcome.written.clone();
        }
        let planned = self.outcome.plan.refs.iter().filter_map(|planned| {
            let (side, update) = planned.write()?;
            Some(Written {
                side,
                name: update.name,
                old: update.old,
                new: update.new,
                decision: Some(planned.decision),
                backup: planned.backup.clone(),
            })
        });
        let shown = &self.outcome.plan.conflict_branches;
        let shown = shown.iter().map(|update| Written {
            side: Side::Mirror,
            name: update.name.clone(),
            old: update.old.clone(),
            new: update.new.clone(),
            decision: None,
            backup: None,
        });
        planned.chain(shown).collect()
    }

    /// A ref for people, with what it is called on the mirror where that differs.
    fn named(&self, name: &str) -> String {
        let there = self.names.on_mirror(name);
        match there == name {
            true => name.to_owned(),
            false => format!("{name} ({there} on the mirror)"),
        }
    }

    /// Whether nothing is left for a person to look at.
    pub fn is_in_sync(&self) -> bool {
        self.outcome.plan.open().next().is_none() && !self.notes.iter().any(|note| note.is_undone)
    }

    fn open(&self, is: fn(&Planned) -> bool) -> Vec<&Planned> {
        let refs = &self.outcome.plan.refs;
        refs.iter().filter(|planned| is(planned)).collect()
    }
}

/// What `ci-tool sync --format json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Json<'a> {
    schema: u32,
    /// The source's address.
    source: &'a str,
    /// The mirror's address.
    mirror: &'a str,
    /// Whether nothing was written by wish.
    dry_run: bool,
    /// Whether nothing is left for a person to look at.
    in_sync: bool,
    counts: Counts,
    /// What was written, or in a dry run would be, in order.
    written: Vec<JsonWritten>,
    /// Conflicts and what is held back.
    open: Vec<&'a Planned>,
    /// Names that only the mirror has.
    mirror_only: Vec<&'a str>,
    /// What the sides of a conflict have, by name.
    differences: &'a BTreeMap<String, Difference>,
    /// What was done beside refs: a repository made, a default branch set, a pull request.
    notes: &'a [Note],
    /// The default branch of the mirror, where it says so.
    mirror_default_branch: Option<String>,
    tried: Tried,
    /// How much went over the network, as far as it is known.
    traffic: Traffic,
    /// How long it took.
    seconds: f64,
    /// What goes where, as `ci-tool report --plan` draws it.
    picture: Picture,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct JsonWritten {
    side: Side,
    name: String,
    /// What it is called on the mirror, where `sync.names` says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    mirror_name: Option<String>,
    old: Option<Oid>,
    new: Option<Oid>,
    /// `create`, `fast-forward`, `overwrite`, `delete`, or `show-conflict` for a branch
    /// that shows one.
    action: &'static str,
    /// Why something was written over.
    cause: Option<Cause>,
    /// The ref that saves what was there.
    backup: Option<String>,
}

/// The outcome for programs.
pub fn json<'a>(told: &'a Told<'_>) -> Json<'a> {
    let outcome = told.outcome;
    let written = told.writes().into_iter().map(|written| JsonWritten {
        action: action(&written),
        cause: match written.decision {
            Some(Decision::Overwrite { cause }) => Some(cause),
            _ => None,
        },
        side: written.side,
        mirror_name: Some(told.names.on_mirror(&written.name))
            .filter(|there| *there != written.name),
        name: written.name,
        old: written.old,
        new: written.new,
        backup: written.backup,
    });
    let open: Vec<&Planned> = told.open(Planned::is_open);
    let mirror_only = told.open(|planned| planned.decision == Decision::MirrorOnly);
    Json {
        schema: SCHEMA,
        source: told.source,
        mirror: told.mirror,
        dry_run: told.is_dry_run,
        in_sync: told.is_in_sync(),
        counts: told.counts(),
        written: written.collect(),
        open,
        mirror_only: mirror_only
            .into_iter()
            .map(|planned| planned.name.as_str())
            .collect(),
        differences: &outcome.differences,
        notes: told.notes,
        mirror_default_branch: outcome
            .default_branches
            .1
            .as_deref()
            .map(|name| told.names.on_mirror(name)),
        tried: outcome.tried,
        traffic: told.traffic,
        seconds: (told.seconds * 1000.0).round() / 1000.0,
        picture: picture(told),
    }
}

const fn action(written: &Written) -> &'static str {
    match written.decision {
        Some(Decision::Create { .. }) => "create",
        Some(Decision::FastForward { .. }) => "fast-forward",
        Some(Decision::Overwrite { .. }) => "overwrite",
        Some(Decision::Delete) => "delete",
        _ => "show-conflict",
    }
}

/// The outcome for people.
pub fn text(told: &Told<'_>) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "source  {}", escape_line(told.source));
    let _ = writeln!(out, "mirror  {}", escape_line(told.mirror));
    let writes = told.writes();
    if !writes.is_empty() {
        out.push_str(if told.is_dry_run {
            "\nwould be written\n"
        } else {
            "\nwritten\n"
        });
        for written in writes.iter().take(MAX_LINES) {
            let _ = writeln!(
                out,
                "  {:<13} {}  {}",
                action(written),
                escape_line(&told.named(&written.name)),
                movement(written)
            );
            for remark in remarks(written) {
                let _ = writeln!(out, "      {remark}");
            }
        }
        rest(&mut out, writes.len());
    }
    let conflicts = told.open(|planned| matches!(planned.decision, Decision::Conflict { .. }));
    if !conflicts.is_empty() {
        out.push_str("\nconflicts: neither side was changed\n");
        for planned in conflicts.iter().take(MAX_LINES) {
            let Decision::Conflict { conflict } = planned.decision else {
                continue;
            };
            let _ = writeln!(
                out,
                "  {}: {}",
                escape_line(&told.named(&planned.name)),
                meaning(conflict)
            );
            if let Some(difference) = told.outcome.differences.get(&planned.name) {
                commits(
                    &mut out,
                    "source",
                    difference.source_count,
                    &difference.source,
                );
                commits(
                    &mut out,
                    "mirror",
                    difference.mirror_count,
                    &difference.mirror,
                );
            }
            for (purpose, commands) in ways_out(told, planned, conflict) {
                let _ = writeln!(out, "      {purpose}:");
                for command in commands {
                    let _ = writeln!(out, "        {command}");
                }
            }
        }
        rest(&mut out, conflicts.len());
    }
    let held = told.open(|planned| planned.hold.is_some());
    if !held.is_empty() {
        out.push_str("\nheld back\n");
        for planned in held.iter().take(MAX_LINES) {
            let why = planned.hold.as_ref().map(reason).unwrap_or_default();
            let _ = writeln!(
                out,
                "  {}: {}",
                escape_line(&told.named(&planned.name)),
                escape_line(&why)
            );
        }
        rest(&mut out, held.len());
    }
    if !told.notes.is_empty() {
        out.push('\n');
    }
    for note in told.notes {
        let _ = writeln!(out, "{}", escape_line(&note.text));
    }
    let _ = writeln!(out, "\n{}", summary(told));
    out
}

fn rest(out: &mut String, count: usize) {
    if count > MAX_LINES {
        let _ = writeln!(
            out,
            "  and {} more; --format json tells all",
            count - MAX_LINES
        );
    }
}

fn commits(out: &mut String, side: &str, count: usize, list: &[crate::mirror::transport::Subject]) {
    if count == 0 {
        return;
    }
    let plural = if count == 1 { "commit" } else { "commits" };
    let _ = writeln!(out, "      only on the {side}: {count} {plural}");
    for subject in list {
        let _ = writeln!(
            out,
            "        {} {}",
            subject.id.short(),
            escape_line(&subject.subject)
        );
    }
}

/// What a person has to look at, in a sentence each.
pub fn sentences(told: &Told<'_>, limit: usize) -> Vec<String> {
    let open = told.open(Planned::is_open);
    let open = open.iter().map(|planned| {
        format!(
            "{}: {}",
            escape_line(&told.named(&planned.name)),
            why(planned)
        )
    });
    let undone = told.notes.iter().filter(|note| note.is_undone);
    let undone = undone.map(|note| escape_line(&note.text));
    open.chain(undone).take(limit).collect()
}

/// One sentence of numbers.
pub fn summary(told: &Told<'_>) -> String {
    let counts = told.counts();
    let mut parts = Vec::new();
    let verb = if told.is_dry_run {
        "to write"
    } else {
        "written"
    };
    let mut part = |count: usize, one: &str, many: &str| {
        if count > 0 {
            parts.push(format!("{count} {}", if count == 1 { one } else { many }));
        }
    };
    part(counts.equal, "ref is the same", "refs are the same");
    part(counts.written, verb, verb);
    part(counts.conflicts, "conflict", "conflicts");
    part(counts.held, "held back", "held back");
    part(
        counts.mirror_only,
        "only on the mirror",
        "only on the mirror",
    );
    part(counts.left_out, "left out", "left out");
    if parts.is_empty() {
        parts.push("nothing to do".to_owned());
    }
    let tried = told.outcome.tried;
    let mut text = format!("{} ({:.1} s", parts.join(", "), told.seconds);
    if tried.retries > 0 {
        let _ = write!(text, ", {} tried again", tried.retries);
    }
    if tried.overtaken > 0 {
        let _ = write!(text, ", {} looked again", tried.overtaken);
    }
    text.push(')');
    text
}

fn movement(written: &Written) -> String {
    let short = |oid: &Option<Oid>| oid.as_ref().map_or("nothing", Oid::short).to_owned();
    let side = match written.side {
        Side::Source => "  (at the source)",
        Side::Mirror => "",
    };
    match (&written.old, &written.new) {
        (None, Some(new)) => format!("{}{side}", new.short()),
        (Some(old), None) => format!("{}{side}", old.short()),
        _ => format!("{} → {}{side}", short(&written.old), short(&written.new)),
    }
}

fn remarks(written: &Written) -> Vec<String> {
    let mut found = Vec::new();
    match written.decision {
        Some(Decision::Overwrite { cause }) => found.push(
            match cause {
                Cause::Rewritten => {
                    "the source was rewritten, and the mirror had nothing of its own"
                }
                Cause::TagMoved => "the tag may move",
                Cause::SourceWins => "both sides had changed, and the source wins",
            }
            .to_owned(),
        ),
        Some(Decision::Create { restored: true, .. }) => {
            found.push("somebody had deleted it there".to_owned());
        }
        _ => {}
    }
    if let Some(backup) = &written.backup {
        found.push(format!("what was there is in {}", escape_line(backup)));
    }
    found
}

/// What goes where, and what does not.
fn picture(told: &Told<'_>) -> Picture {
    let writes = told.writes();
    let done = writes.iter().map(|written| Drawn {
        name: written.name.clone(),
        what: format!("{} {}", action(written), movement(written)),
        is_backwards: written.side == Side::Source,
    });
    let open = |is: fn(&Planned) -> bool| {
        let refs = told.open(is).into_iter();
        let drawn = refs.map(|planned| Drawn {
            name: planned.name.clone(),
            what: why(planned),
            is_backwards: false,
        });
        drawn.collect()
    };
    drawing::picture(vec![
        (
            if told.is_dry_run {
                "to write"
            } else {
                "written"
            },
            Tone::Change,
            done.collect(),
        ),
        (
            "conflicts",
            Tone::Trouble,
            open(|planned| matches!(planned.decision, Decision::Conflict { .. })),
        ),
        (
            "held back",
            Tone::Trouble,
            open(|planned| planned.hold.is_some()),
        ),
    ])
}

/// The outcome for a job's summary.
pub fn markdown(told: &Told<'_>) -> String {
    let title = match (told.is_in_sync(), told.is_dry_run) {
        (_, true) => "Sync: what would be done",
        (true, false) => "Sync: both sides are the same",
        (false, false) => "Sync: a person has to look at it",
    };
    let mut out = format!("## {title}\n\n{}\n", cell(&summary(told)));
    let writes = told.writes();
    if !writes.is_empty() {
        out.push_str("\n| | ref | | saved in |\n|---|---|---|---|\n");
        for written in writes.iter().take(MAX_LINES) {
            let backup = written.backup.as_deref().map(code).unwrap_or_default();
            let _ = writeln!(
                out,
                "| {} | {} | {} | {backup} |",
                action(written),
                code(&told.named(&written.name)),
                movement(written)
            );
        }
        if writes.len() > MAX_LINES {
            let _ = writeln!(out, "\nAnd {} more.", writes.len() - MAX_LINES);
        }
    }
    if !told.notes.is_empty() {
        out.push('\n');
    }
    for note in told.notes {
        let _ = writeln!(out, "- {}", cell(&note.text));
    }
    out.push_str(&picture(told).markdown());
    let open = told.open(Planned::is_open);
    if !open.is_empty() {
        out.push_str("\n### For a person\n\n");
    }
    for planned in open.iter().take(MAX_LINES) {
        let _ = writeln!(
            out,
            "- {}: {}",
            code(&told.named(&planned.name)),
            cell(&why(planned))
        );
        let Decision::Conflict { conflict } = planned.decision else {
            continue;
        };
        for (purpose, commands) in ways_out(told, planned, conflict) {
            let _ = writeln!(out, "  - {}:", cell(purpose));
            let _ = writeln!(out, "    ```sh\n    {}\n    ```", commands.join("\n    "));
        }
    }
    out
}

/// A name as code that cannot end itself.
fn code(text: &str) -> String {
    format!("`{}`", cell(&escape_line(text)).replace('`', "'"))
}

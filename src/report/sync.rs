//! What a sync did, would do, or leaves to people, as text, Markdown and JSON.
//! `docs/sync.md` describes the JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::picture::mirror::Drawn;
use super::picture::{Picture, Tone, mirror as drawing};
use super::plan::cell;
use crate::mirror::plan::Hold;
use crate::mirror::refs::Oid;
use crate::mirror::{self, decide::Cause};
use crate::mirror::{Conflict, Decision, Difference, Outcome, Planned, Side, Tried, Written};
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
    /// Whether nothing was written by wish.
    pub is_dry_run: bool,
    /// How long it took, in seconds.
    pub seconds: f64,
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
    /// The default branch of the mirror, where it says so.
    mirror_default_branch: Option<&'a str>,
    tried: Tried,
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
        in_sync: open.is_empty(),
        counts: told.counts(),
        written: written.collect(),
        open,
        mirror_only: mirror_only
            .into_iter()
            .map(|planned| planned.name.as_str())
            .collect(),
        differences: &outcome.differences,
        mirror_default_branch: outcome.default_branches.1.as_deref(),
        tried: outcome.tried,
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
                escape_line(&written.name),
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
                escape_line(&planned.name),
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
                escape_line(&planned.name),
                escape_line(&why)
            );
        }
        rest(&mut out, held.len());
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
    let told = open.iter().take(limit);
    told.map(|planned| format!("{}: {}", escape_line(&planned.name), why(planned)))
        .collect()
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

/// What a conflict is, in a sentence.
const fn meaning(conflict: Conflict) -> &'static str {
    match conflict {
        Conflict::MirrorAhead => "the mirror has commits that the source lacks",
        Conflict::Diverged => "both sides have commits that the other lacks",
        Conflict::DeletedAtSource => {
            "deleted at the source, and the mirror has commits that it never had"
        }
        Conflict::DeletedOnMirror => "deleted on the mirror, and the source has new commits",
        Conflict::MirrorRewritten => "rewritten on the mirror; that never goes to the source",
        Conflict::TagMoved => "the tag was moved at the source, and it is none of those that may",
        Conflict::TagDiffers => "the tag means two things",
    }
}

/// What a person can do: for what, and by which commands.
fn ways_out(
    told: &Told<'_>,
    planned: &Planned,
    conflict: Conflict,
) -> Vec<(&'static str, Vec<String>)> {
    let name = quoted(&planned.name);
    let short = planned.name.strip_prefix("refs/").unwrap_or(&planned.name);
    let (source, mirror) = (quoted(told.source), quoted(told.mirror));
    let to_source = vec![
        format!("git fetch {mirror} {name}"),
        format!(
            "git push {source} {}",
            quoted(&format!("FETCH_HEAD:{}", planned.name))
        ),
    ];
    let adopt = vec![format!("ci-tool sync --adopt {}", quoted(short))];
    let give_up = (
        "to give up the mirror's commits; a backup ref keeps them",
        adopt,
    );
    match conflict {
        Conflict::MirrorAhead => vec![("to bring them to the source", to_source), give_up],
        Conflict::Diverged => {
            let merge = vec![
                format!("git fetch {source} {name} && git switch --detach FETCH_HEAD"),
                format!("git fetch {mirror} {name} && git merge FETCH_HEAD"),
                format!(
                    "git push {source} {}",
                    quoted(&format!("HEAD:{}", planned.name))
                ),
            ];
            vec![("to merge both at the source", merge), give_up]
        }
        Conflict::DeletedAtSource => vec![("to bring it back to the source", to_source), give_up],
        Conflict::DeletedOnMirror => {
            let back = vec![
                format!("git fetch {source} {name}"),
                format!(
                    "git push {mirror} {}",
                    quoted(&format!("FETCH_HEAD:{}", planned.name))
                ),
            ];
            vec![("to bring it back to the mirror", back)]
        }
        Conflict::MirrorRewritten => {
            let lease = planned.source.as_ref().map_or("", Oid::as_str);
            let lease = quoted(&format!("--force-with-lease={}:{lease}", planned.name));
            let rewrite = vec![
                format!("git fetch {mirror} {name}"),
                format!(
                    "git push {lease} {source} {}",
                    quoted(&format!("FETCH_HEAD:{}", planned.name))
                ),
            ];
            vec![("to rewrite the source too", rewrite), give_up]
        }
        Conflict::TagMoved | Conflict::TagDiffers => {
            let lease = planned.mirror.as_ref().map_or("", Oid::as_str);
            let lease = quoted(&format!("--force-with-lease={}:{lease}", planned.name));
            let take = vec![
                format!("git fetch --no-tags {source} {name}"),
                format!(
                    "git push {lease} {mirror} {}",
                    quoted(&format!("FETCH_HEAD:{}", planned.name))
                ),
            ];
            vec![(
                "to take the source's, once; `sync.moving-tags` lists tags that move often",
                take,
            )]
        }
    }
}

/// Why a person has to look at it.
fn why(planned: &Planned) -> String {
    match (&planned.hold, planned.decision) {
        (Some(hold), _) => reason(hold),
        (None, Decision::Conflict { conflict }) => meaning(conflict).to_owned(),
        _ => String::new(),
    }
}

fn reason(hold: &Hold) -> String {
    match hold {
        Hold::PruneLimit { deletions } => format!(
            "deleted at the source, but {deletions} deletions at once may be a mistake; if not: --prune-limit {deletions} --prune-percent 100"
        ),
        Hold::PruneNever => "deleted at the source, and nothing is deleted on the mirror".to_owned(),
        Hold::DefaultBranch => {
            "deleted at the source, but it is the mirror's default branch: choose another one there first".to_owned()
        }
        Hold::SourceIncomplete => {
            "deleted at the source, but the source lacks even the mirror's default branch: it may not be whole".to_owned()
        }
        Hold::RewritesNever => {
            "rewritten at the source, and the mirror does not follow".to_owned()
        }
        Hold::NameClash { with } => {
            format!("{with} is in the way: git cannot have both names")
        }
        Hold::Refused { reason } => format!("the server refuses it: {reason}"),
    }
}

/// A word of a POSIX shell.
fn quoted(text: &str) -> String {
    let is_plain = !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/:._-=@+,%".contains(c));
    match is_plain {
        true => text.to_owned(),
        false => format!("'{}'", escape_line(text).replace('\'', "'\\''")),
    }
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
    let title = match (told.open(Planned::is_open).is_empty(), told.is_dry_run) {
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
                code(&written.name),
                movement(written)
            );
        }
        if writes.len() > MAX_LINES {
            let _ = writeln!(out, "\nAnd {} more.", writes.len() - MAX_LINES);
        }
    }
    out.push_str(&picture(told).markdown());
    let open = told.open(Planned::is_open);
    if !open.is_empty() {
        out.push_str("\n### For a person\n\n");
    }
    for planned in open.iter().take(MAX_LINES) {
        let _ = writeln!(out, "- {}: {}", code(&planned.name), cell(&why(planned)));
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

/// Both sides compared, without any record.
#[derive(Debug)]
pub struct Compared<'a> {
    /// The source's address.
    pub source: &'a str,
    /// The mirror's address.
    pub mirror: &'a str,
    /// How many refs there are.
    pub count: usize,
    /// Those that differ.
    pub differing: &'a [mirror::Differing],
}

/// What `ci-tool sync --verify --format json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ComparedJson<'a> {
    schema: u32,
    source: &'a str,
    mirror: &'a str,
    /// How many refs there are.
    refs: usize,
    in_sync: bool,
    differing: Vec<Differing<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Differing<'a> {
    name: &'a str,
    source: Option<&'a Oid>,
    mirror: Option<&'a Oid>,
}

/// The comparison for programs.
pub fn compared_json<'a>(compared: &'a Compared<'_>) -> ComparedJson<'a> {
    let differing = compared.differing.iter();
    ComparedJson {
        schema: SCHEMA,
        source: compared.source,
        mirror: compared.mirror,
        refs: compared.count,
        in_sync: compared.differing.is_empty(),
        differing: differing
            .map(|(name, source, mirror)| Differing {
                name,
                source: source.as_ref(),
                mirror: mirror.as_ref(),
            })
            .collect(),
    }
}

/// The comparison for people.
pub fn compared_text(compared: &Compared<'_>) -> String {
    let mut out = format!(
        "source  {}\nmirror  {}\n\n",
        escape_line(compared.source),
        escape_line(compared.mirror)
    );
    let short = |oid: &Option<Oid>| oid.as_ref().map_or("nothing", Oid::short).to_owned();
    for (name, source, mirror) in compared.differing.iter().take(MAX_LINES) {
        let (source, mirror) = (short(source), short(mirror));
        let _ = writeln!(
            out,
            "  {}: {source} at the source, {mirror} on the mirror",
            escape_line(name)
        );
    }
    rest(&mut out, compared.differing.len());
    let _ = match compared.differing.len() {
        0 => writeln!(
            out,
            "{} refs are the same on both sides, and the mirror has all that they reach",
            compared.count
        ),
        differing => writeln!(out, "{differing} of {} refs differ", compared.count),
    };
    out
}

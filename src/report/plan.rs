//! The plan of `generate` for people, in a terminal and in Markdown.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::diff;
use super::picture::pipeline;
use crate::probe::Probe;
use crate::sys::ui::{escape_line, escape_terminal};
use crate::workflows::merge::Conflict;
use crate::workflows::plan::{Plan, PlannedFile, Status};

/// What becomes of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is only shown.
    DryRun,
    /// It is only compared.
    Check,
    /// It was carried out.
    Written,
    /// It goes into a pull request.
    Proposed,
}

/// How a status is told: a verb that fits what happens, and its style.
const fn words(status: Status, mode: Mode) -> (&'static str, Style) {
    let written = matches!(mode, Mode::Written);
    match status {
        Status::Create if written => ("created", AnsiColor::Green.on_default()),
        Status::Create if matches!(mode, Mode::Check) => ("missing", AnsiColor::Red.on_default()),
        Status::Create => ("would create", AnsiColor::Green.on_default()),
        Status::Update if written => ("updated", AnsiColor::Green.on_default()),
        Status::Update if matches!(mode, Mode::Check) => {
            ("out of date", AnsiColor::Red.on_default())
        }
        Status::Update => ("would update", AnsiColor::Green.on_default()),
        Status::Merge if written => ("merged", AnsiColor::Green.on_default()),
        Status::Merge if matches!(mode, Mode::Check) => {
            ("out of date", AnsiColor::Red.on_default())
        }
        Status::Merge => ("would merge", AnsiColor::Green.on_default()),
        Status::Overwrite if written => ("replaced", AnsiColor::Yellow.on_default()),
        Status::Overwrite => ("would replace", AnsiColor::Yellow.on_default()),
        Status::Unchanged => ("unchanged", Style::new().dimmed()),
        Status::Edited => ("edited", AnsiColor::Yellow.on_default()),
        Status::Conflict => ("conflict", AnsiColor::Red.on_default()),
        Status::Removed => ("deleted", Style::new().dimmed()),
        Status::TakenOver => ("taken over", Style::new().dimmed()),
        Status::Foreign => ("not ours", AnsiColor::Red.on_default()),
        Status::Covered => ("covered", Style::new().dimmed()),
        Status::NotApplicable => ("not needed", Style::new().dimmed()),
        Status::Obsolete => ("obsolete", AnsiColor::Yellow.on_default()),
    }
}

/// Whether the file's difference is worth showing.
fn shows_diff(file: &PlannedFile, mode: Mode) -> bool {
    match file.status {
        // The blocks in question say more, where they are known.
        Status::Conflict => file.conflicts.is_empty(),
        Status::Foreign => mode == Mode::Check,
        status => mode != Mode::Written && status.writes(),
    }
}

/// The versions of a place that two sides changed, each under its name.
fn versions(conflict: &Conflict) -> [(&'static str, &str); 3] {
    [
        ("generated last", &conflict.base),
        ("in the file", &conflict.theirs),
        ("generated now", &conflict.ours),
    ]
}

/// The plan for a terminal. Reasons, gaps and differences quote the repository,
/// so they are made harmless first.
pub fn text(plan: &Plan, mode: Mode) -> String {
    let bold = Style::new().bold();
    let dim = Style::new().dimmed();
    let mut out = String::new();
    for file in &plan.files {
        let (verb, style) = words(file.status, mode);
        let _ = writeln!(
            out,
            "{style}{verb:>13}{style:#}  {bold}{}{bold:#}",
            file.path
        );
        let _ = writeln!(out, "{:15}{}", "", escape_line(&file.reason));
        if !file.components.is_empty() {
            let proves = escape_line(&file.components.join(", "));
            let _ = writeln!(out, "{:15}proves {proves}", "");
        }
        for note in &file.notes {
            let note = escape_line(note);
            let _ = writeln!(out, "{:15}{dim}note: {note}{dim:#}", "");
        }
        for conflict in &file.conflicts {
            let place = escape_line(&format!(
                "{}:{}: {}: {}",
                file.path, conflict.line, conflict.block, conflict.why
            ));
            let _ = writeln!(out, "{:15}{bold}{place}{bold:#}", "");
            for (name, version) in versions(conflict) {
                let _ = writeln!(out, "{:17}{dim}{name}:{dim:#}", "");
                let version = match version.trim_end() {
                    "" => "(nothing)",
                    version => version,
                };
                for line in version.lines() {
                    let _ = writeln!(out, "{:19}{}", "", escape_line(line));
                }
            }
        }
    }
    if plan.lock.changes {
        let verb = if mode == Mode::Written {
            "written"
        } else {
            "would write"
        };
        let _ = writeln!(
            out,
            "{dim}{verb:>13}{dim:#}  {}\n{:15}the record of what was generated: commit it with the rest",
            plan.lock.path, ""
        );
    }
    for file in plan.files.iter().filter(|file| shows_diff(file, mode)) {
        let Some(content) = &file.content else {
            continue;
        };
        let diff = escape_terminal(&diff::unified(&file.path, file.before.as_deref(), content));
        let _ = write!(out, "\n{}", diff::coloured(&diff));
    }
    for pattern in &plan.unused_rules {
        let note = format!("`generate.jobs` names no job of these files by {pattern:?}");
        let _ = writeln!(out, "\n{}", escape_line(&note));
    }
    if !plan.gaps.is_empty() {
        let _ = writeln!(out, "\n{bold}What no workflow can prove yet{bold:#}");
        for gap in &plan.gaps {
            let message = format!("{}: {}", gap.component, gap.gap.message);
            let _ = writeln!(out, "  {}", escape_line(&message));
            let _ = writeln!(out, "      {dim}{}{dim:#}", escape_line(&gap.gap.mend));
        }
    }
    let _ = writeln!(out, "\n{}", summary(plan, mode));
    out
}

/// One sentence that says how it stands.
pub fn summary(plan: &Plan, mode: Mode) -> String {
    let written = plan
        .files
        .iter()
        .filter(|file| file.status.writes())
        .count();
    let left = plan
        .files
        .iter()
        .filter(|file| {
            matches!(
                file.status,
                Status::Foreign | Status::Edited | Status::TakenOver
            )
        })
        .count();
    let conflicts = plan
        .files
        .iter()
        .filter(|file| file.status == Status::Conflict)
        .count();
    let drift = plan
        .files
        .iter()
        .filter(|file| file.status.is_drift())
        .count();
    let mut text = match mode {
        Mode::DryRun if written == 0 => "Nothing to write.".to_owned(),
        Mode::DryRun => format!(
            "{} to write; nothing was written (--dry-run).",
            files(written)
        ),
        Mode::Proposed if written == 0 => "Nothing to propose.".to_owned(),
        Mode::Proposed => format!("{} for the pull request.", files(written)),
        Mode::Check if drift == 0 => "Every workflow is there and up to date.".to_owned(),
        Mode::Check => format!(
            "{} missing or out of date: run `ci-tool generate` and commit the result.",
            files(drift)
        ),
        Mode::Written if written == 0 => "Nothing to write.".to_owned(),
        Mode::Written => format!("{} written.", files(written)),
    };
    if conflicts > 0 {
        text.push_str(&format!(
            " {} left as they were, with edits that cannot be joined.",
            files(conflicts)
        ));
    }
    if left > 0 {
        text.push_str(&format!(" {} left alone.", files(left)));
    }
    text
}

fn files(count: usize) -> String {
    match count {
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    }
}

/// The plan for programs: the plan itself, what became of it, and each file's
/// difference.
///
/// # Errors
/// Never in practice: the form holds nothing that JSON cannot.
pub fn json(plan: &Plan, mode: Mode, probe: Option<&Probe>) -> serde_json::Result<String> {
    let mut value = serde_json::to_value(plan)?;
    if let Some(files) = value
        .get_mut("files")
        .and_then(serde_json::Value::as_array_mut)
    {
        for (shown, file) in files.iter_mut().zip(&plan.files) {
            shown["written"] = (mode == Mode::Written && file.status.writes()).into();
            if let Some(content) = file.content.as_ref().filter(|_| shows_diff(file, mode)) {
                shown["diff"] = diff::unified(&file.path, file.before.as_deref(), content).into();
            }
        }
    }
    value["summary"] = summary(plan, mode).into();
    value["picture"] = serde_json::to_value(pipeline::picture(plan))?;
    if let Some(probe) = probe {
        value["probe"] = serde_json::to_value(probe)?;
    }
    super::json(&value)
}

/// The plan as Markdown, for a job summary or a pull request.
pub fn markdown(plan: &Plan, mode: Mode) -> String {
    let mut out = String::from("## Workflows\n\n| | file | why |\n|---|---|---|\n");
    for file in &plan.files {
        let (verb, _) = words(file.status, mode);
        let _ = writeln!(
            out,
            "| {verb} | `{}` | {} |",
            cell(&file.path),
            cell(&file.reason)
        );
    }
    out.push_str(&pipeline::picture(plan).markdown());
    for file in plan.files.iter().filter(|file| shows_diff(file, mode)) {
        let Some(content) = &file.content else {
            continue;
        };
        let diff = diff::unified(&file.path, file.before.as_deref(), content);
        let fence = fence(&diff);
        let _ = write!(
            out,
            "\n<details><summary><code>{}</code></summary>\n\n{fence}diff\n{diff}{fence}\n\n</details>\n",
            html(&file.path)
        );
    }
    for file in &plan.files {
        for conflict in &file.conflicts {
            let _ = writeln!(
                out,
                "\n### `{}`, line {}: {}\n\n{}",
                cell(&file.path),
                conflict.line,
                cell(&conflict.block),
                cell(&conflict.why)
            );
            for (name, version) in versions(conflict) {
                let version = format!("{}\n", version.trim_end());
                let fence = fence(&version);
                let _ = write!(out, "\n{name}:\n\n{fence}yaml\n{version}{fence}\n");
            }
        }
    }
    for pattern in &plan.unused_rules {
        let _ = writeln!(
            out,
            "\n`generate.jobs` names no job of these files by {}",
            cell(&format!("{pattern:?}"))
        );
    }
    if !plan.gaps.is_empty() {
        out.push_str("\n### What no workflow can prove yet\n\n");
        for gap in &plan.gaps {
            let _ = writeln!(
                out,
                "- **{}**: {} {}",
                cell(&gap.component),
                cell(&gap.gap.message),
                cell(&gap.gap.mend)
            );
        }
    }
    let _ = writeln!(out, "\n{}", summary(plan, mode));
    out
}

/// A text in a table cell: nothing in it is markup.
pub(super) fn cell(text: &str) -> String {
    let is_special = |byte| matches!(byte, b'&' | b'<' | b'>' | b'|' | b'\n' | b'\r' | b'@');
    if !text.bytes().any(is_special) {
        return text.to_owned();
    }
    html(text)
        .replace('|', "\\|")
        .replace(['\n', '\r'], " ")
        .replace('@', "&#64;")
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// A fence that is longer than any run of backticks inside.
pub(super) fn fence(text: &str) -> String {
    let longest = text
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflows::plan::PlannedLock;

    fn plan(status: Status) -> Plan {
        Plan {
            schema: 1,
            files: vec![PlannedFile {
                template: "backend-ci".to_owned(),
                path: ".github/workflows/backend-ci.yml".to_owned(),
                status,
                reason: "a | b <x>".to_owned(),
                components: vec!["api".to_owned()],
                drift: Vec::new(),
                conflicts: Vec::new(),
                notes: Vec::new(),
                before: None,
                content: Some("run: echo '```'\n".to_owned()),
                generated: None,
            }],
            lock: PlannedLock {
                path: ".github/ci-tool.lock".to_owned(),
                changes: false,
                content: String::new(),
            },
            unused_rules: Vec::new(),
            gaps: Vec::new(),
        }
    }

    #[test]
    fn text_from_outside_is_no_markup() {
        let text = markdown(&plan(Status::Create), Mode::DryRun);
        assert!(text.contains("a \\| b &lt;x&gt;"), "{text}");
        assert!(text.contains("````diff"), "{text}");
    }

    #[test]
    fn text_from_outside_moves_no_cursor_and_begins_no_line() {
        let mut plan = plan(Status::Create);
        plan.files[0].reason = "why\n::error::x".to_owned();
        plan.files[0].components = vec!["a\u{1b}]0;t\u{7}".to_owned()];
        plan.files[0].before = Some("# \u{1b}[8mhidden\n".to_owned());
        let text = text(&plan, Mode::DryRun);
        assert!(text.contains("why\\n::error::x"), "{text:?}");
        assert!(
            !text.contains("\u{1b}]") && !text.contains("\u{1b}[8m"),
            "{text:?}"
        );
        assert!(text.contains("-# \\u{1b}[8mhidden"), "{text:?}");
    }

    #[test]
    fn a_conflict_shows_all_versions_and_no_markup_of_theirs() {
        let mut plan = plan(Status::Conflict);
        plan.files[0].conflicts = vec![Conflict {
            block: "jobs.<b>".to_owned(),
            line: 7,
            base: "a: 1\n".to_owned(),
            theirs: "a: ```\u{1b}[2J\n".to_owned(),
            ours: String::new(),
            why: "both changed it".to_owned(),
        }];
        let shown = text(&plan, Mode::Written);
        for part in [
            "backend-ci.yml:7: jobs.<b>: both changed it",
            "a: 1",
            "a: ```\\u{1b}[2J",
            "(nothing)",
            "cannot be joined",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let shown = markdown(&plan, Mode::Written);
        assert!(shown.contains("jobs.&lt;b&gt;"), "{shown}");
        assert!(shown.contains("````yaml\na: ```"), "{shown}");
    }

    #[test]
    fn the_summary_says_what_happened() {
        assert!(summary(&plan(Status::Create), Mode::DryRun).contains("nothing was written"));
        assert!(summary(&plan(Status::Create), Mode::Check).contains("missing or out of date"));
        assert!(summary(&plan(Status::Create), Mode::Written).contains("1 file written"));
        assert!(summary(&plan(Status::Edited), Mode::Check).contains("left alone"));
        assert!(summary(&plan(Status::Unchanged), Mode::Check).contains("up to date"));
    }
}

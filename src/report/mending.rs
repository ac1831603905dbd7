//! What `ci-tool audit --fix` did, or would do.

use std::fmt::Write as _;

use super::diff;
use super::verdict::plain;
use crate::audit::fix::{Mended, Told};

/// The differences of all files, for people and for `git apply`.
pub fn diffs(mended: &Mended, before: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    for (path, after) in &mended.files {
        let old = before(path);
        match after {
            Some(after) => out.push_str(&diff::unified(path, old.as_deref(), after)),
            None => out.push_str(&diff::removed(path, &old.unwrap_or_default())),
        }
    }
    out
}

/// What was mended, and what was not and why. `patch` gives what each choice would change,
/// where that is to be shown.
pub fn text(
    mended: &Mended,
    is_written: bool,
    patch: impl Fn(&Told, &str, &str) -> Option<String>,
) -> String {
    let mut out = String::new();
    let verb = if is_written { "mended" } else { "would mend" };
    for told in &mended.mended {
        let title = told.defect.fix.as_ref().map_or("", |fix| &fix.title);
        let _ = writeln!(out, "{verb} {}: {title}", place(told));
        for command in told.defect.fix.iter().flat_map(|fix| &fix.then) {
            let _ = writeln!(out, "     then run: {command}");
        }
    }
    for (told, why) in &mended.taken_back {
        let _ = writeln!(out, "left {}: {why}", place(told));
    }
    for (told, choice) in &mended.open {
        let title = told.defect.fix.as_ref().map_or("", |fix| &fix.title);
        let _ = writeln!(out, "asks {}: {title}: {}", place(told), choice.question);
        for candidate in &choice.candidates {
            let _ = writeln!(out, "     --answer {}={candidate}", choice.name);
            let patch = patch(told, choice.name, candidate).unwrap_or_default();
            for line in patch.lines() {
                let _ = writeln!(out, "       {line}");
            }
        }
    }
    for told in &mended.held_back {
        let title = told.defect.fix.as_ref().map_or("", |fix| &fix.title);
        let _ = writeln!(
            out,
            "held {}: {title}: changes what runs today, so only with --fix-unsafe",
            place(told)
        );
    }
    if out.is_empty() {
        out.push_str("nothing that a machine can mend\n");
    }
    out
}

/// What was mended, as the text of a pull request.
pub fn markdown(mended: &Mended) -> String {
    let mut out = String::from(
        "What `ci-tool audit --fix` mends; `ci-tool explain RULE` says why each matters.\n\n| rule | place | what was done |\n|---|---|---|\n",
    );
    let mut then = Vec::new();
    for told in &mended.mended {
        let fix = told.defect.fix.as_ref();
        let title = fix.map_or("", |fix| &fix.title);
        let _ = writeln!(
            out,
            "| {} | {} | {} |",
            plain(told.rule.id),
            plain(&format!("{}:{}", told.defect.path, told.defect.line)),
            plain(title)
        );
        then.extend(fix.iter().flat_map(|fix| &fix.then));
    }
    if !then.is_empty() {
        out.push_str("\nTo be run by a person:\n\n");
        for command in then {
            let _ = writeln!(out, "- {}", plain(command));
        }
    }
    let held = mended.held_back.len();
    if held > 0 {
        let _ = writeln!(
            out,
            "\n{held} more would change what runs today: `--fix-unsafe` mends them too."
        );
    }
    if !mended.open.is_empty() {
        let _ = writeln!(
            out,
            "\n{} more need an answer: `ci-tool audit --fix --dry-run` asks.",
            mended.open.len()
        );
    }
    out
}

fn place(told: &Told) -> String {
    format!("{}:{} {}", told.defect.path, told.defect.line, told.rule.id)
}

//! What `ci-tool audit --fix` did, or would do.

use std::fmt::Write as _;

use super::diff;
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

fn place(told: &Told) -> String {
    format!("{}:{} {}", told.defect.path, told.defect.line, told.rule.id)
}

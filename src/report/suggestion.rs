//! What a machine can mend, as suggestions that a pull request takes with one click.

use similar::{DiffOp, TextDiff};

use super::plan::fence;
use super::verdict::plain;
use crate::audit::fix::Told;

/// Other lines in place of some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The first line that goes, from 1.
    pub first: usize,
    /// The last line that goes.
    pub last: usize,
    /// The comment, as Markdown.
    pub text: String,
}

/// What is to be changed in a file, one suggestion for each place; `told` says why.
pub fn suggestions(path: &str, before: &str, after: &str, told: &[Told]) -> Vec<Suggestion> {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    let diff = TextDiff::from_lines(before, after);
    let mut found = Vec::new();
    for op in diff.ops() {
        let (mut lines, inserted) = match *op {
            DiffOp::Equal { .. } => continue,
            DiffOp::Delete {
                old_index, old_len, ..
            } => (old_index..old_index + old_len, String::new()),
            DiffOp::Insert {
                old_index,
                new_index,
                new_len,
            } => (
                old_index..old_index,
                new[new_index..new_index + new_len].concat(),
            ),
            DiffOp::Replace {
                old_index,
                old_len,
                new_index,
                new_len,
            } => (
                old_index..old_index + old_len,
                new[new_index..new_index + new_len].concat(),
            ),
        };
        let mut inserted = inserted;
        // A suggestion takes the place of a line: what is only added takes that of its neighbour.
        if lines.is_empty() {
            match lines.start.checked_sub(1) {
                Some(above) => {
                    inserted = format!("{}\n{inserted}", old[above].trim_end_matches('\n'));
                    lines = above..above + 1;
                }
                None if !old.is_empty() => {
                    inserted.push_str(old[0]);
                    lines = 0..1;
                }
                None => continue,
            }
        }
        let (first, last) = (lines.start + 1, lines.end);
        found.push(Suggestion {
            first,
            last,
            text: text(path, (first, last), &inserted, told),
        });
    }
    found
}

fn text(path: &str, (first, last): (usize, usize), inserted: &str, told: &[Told]) -> String {
    let of_file = || told.iter().filter(|one| one.defect.path == path);
    let is_near = |one: &&Told| (first.saturating_sub(1)..=last + 1).contains(&one.defect.line);
    let near: Vec<&Told> = of_file().filter(is_near).collect();
    let why = if near.is_empty() {
        of_file().collect()
    } else {
        near
    };
    let mut out = String::new();
    for one in why {
        let title = one.defect.fix.as_ref().map_or("", |fix| &fix.title);
        out.push_str(&format!("**{}**: {}\n", plain(one.rule.id), plain(title)));
    }
    let block = match inserted {
        "" => String::new(),
        text => format!("{}\n", text.trim_end_matches('\n')),
    };
    let fence = fence(&block);
    format!("{out}\n{fence}suggestion\n{block}{fence}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(before: &str, after: &str) -> String {
        let mut lines: Vec<String> = before.lines().map(str::to_owned).collect();
        for one in suggestions("x", before, after, &[]).iter().rev() {
            let (_, rest) = one.text.split_once("suggestion\n").expect("a block");
            let body = &rest[..rest.rfind("``").expect("a fence")];
            let body = body.trim_end_matches('`');
            let new = body.lines().map(str::to_owned);
            lines.splice(one.first - 1..one.last, new);
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn whoever_takes_all_has_the_mended_file() {
        for (before, after) in [
            ("a\nb\nc\n", "a\nB\nc\n"),
            ("a\nb\nc\n", "a\nc\n"),
            ("a\nb\nc\n", "a\nb\nb2\nc\n"),
            ("a\nb\nc\n", "zero\na\nb\nc\nd\n"),
            ("a\nb\nc\nd\ne\n", "A\nb\nc\nd\nE\n```\n"),
        ] {
            assert_eq!(taken(before, after), after, "{before:?}");
        }
        assert_eq!(suggestions("x", "a\n", "a\n", &[]), Vec::new());
    }
}

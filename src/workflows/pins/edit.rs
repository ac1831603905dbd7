//! Writes pins into a text: the reference and the comment change, every other
//! byte stays.

use super::{Use, find};
use crate::project::document::{self, Node, Syntax, Value};

/// What is to be written at a use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The place in the list that [`find`] gave.
    pub at: usize,
    /// The full commit.
    pub commit: String,
    /// The tag for the comment.
    pub tag: String,
}

/// A use that cannot be edited without touching more than itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: `{text}` is written in a way that cannot be edited in place")]
pub struct NotEditable {
    /// Line, counted from 1.
    pub line: usize,
    /// What stands there.
    pub text: String,
}

impl Edit {
    /// Whether commit and tag stay in their places: they come from a server.
    fn is_plain(&self) -> bool {
        let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '#';
        crate::workflows::is_full_commit(&self.commit)
            && !self.tag.is_empty()
            && self.tag.chars().all(is_plain)
    }
}

/// The text with the edits made, and the uses that could not be edited. Each edit
/// is proved by reading the result again: it says the same in all other places. A
/// comment that would change what the text says is left out.
pub fn apply(text: &str, uses: &[Use], edits: &[Edit]) -> (String, Vec<NotEditable>) {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    // From the back, so that the places before stay where they are.
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.at));
    let mut result = text.to_owned();
    let mut refused = Vec::new();
    for edit in edits {
        let found = &uses[edit.at];
        let written = [true, false]
            .into_iter()
            .filter_map(|with_comment| write(&result, found, edit, with_comment))
            .find(|candidate| edit.is_plain() && says_the_same(&result, candidate, edit));
        match written {
            Some(written) => result = written,
            None => refused.push(NotEditable {
                line: found.line,
                text: found.text.clone(),
            }),
        }
    }
    refused.reverse();
    (result, refused)
}

fn write(text: &str, found: &Use, edit: &Edit, with_comment: bool) -> Option<String> {
    let spot = found.spot.as_ref()?;
    let mut result = text.to_owned();
    if with_comment {
        let claim = found
            .comment
            .as_ref()
            .and_then(|comment| comment.claim.as_ref());
        match (claim, spot.line_end) {
            (Some(claim), _) => result.replace_range(claim.span.clone(), &edit.tag),
            // Behind words of a person, which other tools may read too.
            (None, Some(end)) => result.insert_str(end, &format!(" # {}", edit.tag)),
            (None, None) => {}
        }
    }
    if spot.reference.is_empty() {
        return None;
    }
    if !result[spot.reference.clone()].eq_ignore_ascii_case(&edit.commit) {
        result.replace_range(spot.reference.clone(), &edit.commit);
    }
    Some(result)
}

/// Whether two texts differ in the edited use alone.
fn says_the_same(before: &str, after: &str, edit: &Edit) -> bool {
    let (Ok(old), Ok(new)) = (find("", before), find("", after)) else {
        return false;
    };
    let (Ok(old_root), Ok(new_root)) = (
        document::parse(before, Syntax::Yaml),
        document::parse(after, Syntax::Yaml),
    ) else {
        return false;
    };
    let others_stay = old.len() == new.len()
        && old.iter().zip(&new).enumerate().all(|(at, (old, new))| {
            at == edit.at
                || old.text == new.text
                    && old.comment.as_ref().map(|comment| &comment.text)
                        == new.comment.as_ref().map(|comment| &comment.text)
        });
    others_stay && {
        let pair = (old[edit.at].text.as_str(), new[edit.at].text.as_str());
        let expected = pair
            .0
            .split_once('@')
            .map(|(action, _)| format!("{action}@{}", edit.commit));
        expected.is_some_and(|expected| pair.1.eq_ignore_ascii_case(&expected))
            && same(&old_root, &new_root, pair)
    }
}

/// Whether two values are the same, but for texts that were to be replaced.
fn same(old: &Node, new: &Node, replaced: (&str, &str)) -> bool {
    match (&old.value, &new.value) {
        (Value::String(old), Value::String(new)) => {
            old == new || replaced == (old.trim(), new.trim())
        }
        (Value::List(old), Value::List(new)) => {
            old.len() == new.len()
                && old
                    .iter()
                    .zip(new)
                    .all(|(old, new)| same(old, new, replaced))
        }
        (Value::Map(old), Value::Map(new)) => {
            old.len() == new.len()
                && old
                    .iter()
                    .zip(new)
                    .all(|(old, new)| old.key == new.key && same(&old.node, &new.node, replaced))
        }
        (old, new) => old == new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "3d3c42e5aac5ba805825da76410c181273ba90b1";

    fn edited(text: &str) -> (String, Vec<NotEditable>) {
        let uses = find("x.yml", text).expect("valid");
        let edits: Vec<Edit> = (0..uses.len())
            .map(|at| Edit {
                at,
                commit: SHA.to_owned(),
                tag: "v7.0.1".to_owned(),
            })
            .collect();
        apply(text, &uses, &edits)
    }

    #[test]
    fn only_the_reference_and_the_comment_change() {
        let new = format!("a/b@{SHA}");
        for (before, after) in [
            ("- uses: a/b@v1", "- uses: {new} # v7.0.1"),
            ("- uses: a/b@v1   ", "- uses: {new} # v7.0.1   "),
            (
                "- uses: \"a/b@v1\"  # tag=v1",
                "- uses: \"{new}\"  # tag=v7.0.1",
            ),
            ("- 'uses' :   'a/b@v1'", "- 'uses' :   '{new}' # v7.0.1"),
            ("- {uses: a/b@v1}", "- {uses: {new}} # v7.0.1"),
            (
                "- {uses: a/b@v1, with: {x: \"a # b\"}} # v1 # why",
                "- {uses: {new}, with: {x: \"a # b\"}} # v7.0.1 # why",
            ),
            (
                "- uses: a/b@v1 # zizmor: ignore[x]",
                "- uses: {new} # zizmor: ignore[x] # v7.0.1",
            ),
            ("- uses: &x a/b@v1 # v1", "- uses: &x {new} # v7.0.1"),
            ("- uses: !!str a/b@v1", "- uses: !!str {new} # v7.0.1"),
            // A comment here would end the plain text that goes on below.
            (
                "- {uses: a/b@v1, name: one\n         two}",
                "- {uses: {new}, name: one\n         two}",
            ),
            // Two on one line: the comment belongs to the last.
            (
                "- [{uses: a/b@v1}]\n      - uses: a/b@v1 # v1",
                "- [{uses: a/b@v1}]\n      - uses: {new} # v7.0.1",
            ),
            (
                "- uses: >-\n          a/b@v1",
                "- uses: >-\n          {new}",
            ),
            ("- uses: |\n          a/b@v1", "- uses: |\n          {new}"),
        ] {
            let around = |step: &str| {
                format!(
                    "# é\r\njobs:\n  a: # here\n    steps:\n      {step}\r\n      - run: x # y\n"
                )
            };
            let after = after.replace("{new}", &new);
            assert_eq!(
                edited(&around(before)),
                (around(&after), vec![]),
                "{before}"
            );
        }
    }

    #[test]
    fn what_cannot_be_edited_is_refused() {
        let text = "jobs: {a: {steps: [{uses: \"a/b\\x40v1\"}]}}\n";
        let (same, refused) = edited(text);
        assert_eq!((same.as_str(), refused.len()), (text, 1));
        assert_eq!(refused[0].line, 1);
    }

    #[test]
    fn what_a_server_says_stays_in_its_place() {
        let text = "jobs:\n  a:\n    steps:\n      - uses: a/b@v1\n";
        let uses = find("x.yml", text).expect("valid");
        for (commit, tag) in [
            (SHA, "v1\n      - run: evil"),
            (SHA, "v1 # v2"),
            (SHA, ""),
            ("main", "v1"),
            ("0123\n      - run: evil", "v1"),
        ] {
            let edit = Edit {
                at: 0,
                commit: commit.to_owned(),
                tag: tag.to_owned(),
            };
            let (after, refused) = apply(text, &uses, &[edit]);
            assert_eq!((after.as_str(), refused.len()), (text, 1), "{commit} {tag}");
        }
    }

    #[test]
    fn two_on_one_line_are_both_pinned() {
        let text = "jobs: {a: {steps: [{uses: a/b@v1}, {uses: c/d@v1}]}}\n";
        let expected = format!(
            "jobs: {{a: {{steps: [{{uses: a/b@{SHA}}}, {{uses: c/d@{SHA}}}]}}}} # v7.0.1\n"
        );
        assert_eq!(edited(text), (expected, vec![]));
    }
}

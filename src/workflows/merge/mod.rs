//! Three texts become one: what was generated last (`base`), what a person made
//! of it (`theirs`), and what would be generated now (`ours`).
//!
//! Two rules stand above all others: no line that a person wrote is lost, and
//! what cannot be joined is left as it is and told. [`Block`] takes a text apart,
//! [`pair`] finds what belongs together in two texts, [`join`] puts the parts
//! together. A text that has no blocks is joined by lines. Whatever was joined is
//! then read again and compared with what was meant.

mod join;
mod pair;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::join::Joiner;
use super::block::Block;
use crate::project::document::{self, Syntax};

/// The three texts.
#[derive(Debug, Clone, Copy)]
pub struct Versions<'a> {
    /// What was generated last.
    pub base: &'a str,
    /// What a person made of it.
    pub theirs: &'a str,
    /// What would be generated now.
    pub ours: &'a str,
}

/// What became of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All changes of both sides.
    Merged {
        /// The text.
        text: String,
        /// Where the person's word stands against a change of ours.
        notes: Vec<String>,
    },
    /// Both changed the same place.
    Conflict(Vec<Conflict>),
}

/// A place that both sides changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The block, for example `jobs.api.steps[Run tests].run`. Empty for the whole file.
    pub block: String,
    /// Its line in the person's text, counted from 1.
    pub line: usize,
    /// What was generated last; empty where it was not there.
    pub base: String,
    /// What the person made of it; empty where they removed it.
    pub theirs: String,
    /// What would be generated now; empty where it is dropped.
    pub ours: String,
    /// What the two sides did.
    pub why: String,
}

/// Joins the texts.
pub fn merge(versions: Versions<'_>) -> Outcome {
    let Versions { base, theirs, ours } = versions;
    if ours == base || ours == theirs {
        return merged(theirs.to_owned());
    }
    // A text that is Windows' throughout stays so; one that is mixed is joined
    // by what its lines are.
    let crlf = theirs.matches('\n').count();
    if crlf > 0 && theirs.matches("\r\n").count() == crlf {
        let unix = theirs.replace("\r\n", "\n");
        return match merge(Versions {
            theirs: &unix,
            ..versions
        }) {
            Outcome::Merged { text, notes } => Outcome::Merged {
                text: text.replace('\n', "\r\n"),
                notes,
            },
            conflict @ Outcome::Conflict(_) => conflict,
        };
    }
    if theirs == base {
        return merged(ours.to_owned());
    }
    let their_block = Block::parse(theirs);
    if let Some(twin) = their_block.as_ref().ok().and_then(Block::twin) {
        let why = format!("the file has `{}` twice in one block", twin.key);
        return refused(versions, twin.line, &why);
    }
    if let Some((line, why)) = syntax_error(theirs) {
        let why = format!("the file cannot be read as YAML: {why}");
        return refused(versions, line, &why);
    }
    let (Ok(their_block), Ok(base_block), Ok(our_block)) =
        (their_block, Block::parse(base), Block::parse(ours))
    else {
        return by_line(versions);
    };
    let mut joiner = Joiner::new(&their_block);
    let (text, shape) = joiner.document(&base_block, &their_block, &our_block);
    if !joiner.conflicts.is_empty() {
        return Outcome::Conflict(joiner.conflicts);
    }
    let is_meant =
        Block::parse(&text).is_ok_and(|block| block.shape() == shape && block.twin().is_none());
    if !is_meant {
        return refused(versions, 1, "what both sides changed does not fit together");
    }
    if let Some(line) = lost_line(base, theirs, &text) {
        return refused(
            versions,
            line,
            "the new version has no place for a line of yours",
        );
    }
    Outcome::Merged {
        text,
        notes: joiner.notes,
    }
}

fn merged(text: String) -> Outcome {
    Outcome::Merged {
        text,
        notes: Vec::new(),
    }
}

fn refused(versions: Versions<'_>, line: usize, why: &str) -> Outcome {
    Outcome::Conflict(vec![Conflict {
        block: String::new(),
        line,
        base: versions.base.to_owned(),
        theirs: versions.theirs.to_owned(),
        ours: versions.ours.to_owned(),
        why: why.to_owned(),
    }])
}

/// Where a text is no YAML, and why. Two parsers are asked: one of them is lax
/// where the platforms are not.
fn syntax_error(text: &str) -> Option<(usize, String)> {
    if let Err(error) = document::parse(text, Syntax::Yaml) {
        return Some((error.line, error.to_string()));
    }
    serde_yaml::Deserializer::from_str(text)
        .map(serde_yaml::Value::deserialize)
        .find_map(|document| {
            let error = document.err()?;
            let line = error.location().map_or(1, |place| place.line());
            Some((line, error.to_string()))
        })
}

fn by_line(versions: Versions<'_>) -> Outcome {
    let Versions { base, theirs, ours } = versions;
    let Ok(text) = diffy::merge(base, theirs, ours) else {
        return refused(versions, 1, "both sides changed the same lines");
    };
    if syntax_error(&text).is_some() {
        return refused(versions, 1, "what both sides changed does not fit together");
    }
    match lost_line(base, theirs, &text) {
        Some(line) => refused(
            versions,
            line,
            "the new version has no place for a line of yours",
        ),
        None => merged(text),
    }
}

/// A line that the person wrote and that is not in `text`: its number in their
/// text. Blank lines, indentation and the dash of an item are no content.
fn lost_line(base: &str, theirs: &str, text: &str) -> Option<usize> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for line in text.lines() {
        *left.entry(content(line)).or_default() += 1;
    }
    let mut generated: BTreeMap<&str, usize> = BTreeMap::new();
    for line in base.lines() {
        *generated.entry(content(line)).or_default() += 1;
    }
    let take = |counts: &mut BTreeMap<&str, usize>, line: &str| match counts.get_mut(line) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    };
    // Lines of the person take their places first: a generated line of the same
    // words may go.
    let own: Vec<(usize, &str)> = theirs
        .lines()
        .map(content)
        .enumerate()
        .filter(|(_, line)| !line.is_empty() && !take(&mut generated, line))
        .collect();
    own.into_iter()
        .find(|(_, line)| !take(&mut left, line))
        .map(|(at, _)| at + 1)
}

fn content(line: &str) -> &str {
    let line = line.trim();
    line.strip_prefix("- ").map_or(line, str::trim_start)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "\
name: CI

on:
  push:
    branches: [main]

jobs:
  api:
    name: API
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    steps:
      - name: Check out
        uses: actions/checkout@1111 # v1

      # Python as the image has it.
      - name: Set up Python
        uses: actions/setup-python@2222 # v2
        with:
          python-version: \"3.11\"

      - name: Test
        run: |
          pytest -q
          echo done

  web:
    name: Web
    runs-on: ubuntu-24.04
    steps:
      - name: Test
        run: npm test
";

    fn join(theirs: &str, ours: &str) -> (String, Vec<String>) {
        match merge(Versions {
            base: BASE,
            theirs,
            ours,
        }) {
            Outcome::Merged { text, notes } => (text, notes),
            Outcome::Conflict(conflicts) => panic!("{conflicts:#?}"),
        }
    }

    fn clash(theirs: &str, ours: &str) -> Conflict {
        match merge(Versions {
            base: BASE,
            theirs,
            ours,
        }) {
            Outcome::Merged { text, .. } => panic!("{text}"),
            Outcome::Conflict(mut conflicts) => conflicts.remove(0),
        }
    }

    /// One replacement that must find its place.
    fn with(text: &str, from: &str, to: &str) -> String {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    }

    #[test]
    fn both_sides_changes_are_in_the_text() {
        let new_python = with(BASE, "\"3.11\"", "\"3.12\"");
        for (theirs, expected) in [
            // A step of one's own, in one's own form.
            (
                "      # Python as",
                "      -   name: Mine   # why\n          run: ./mine\n\n      # Python as",
            ),
            // Another key in the same block.
            (
                "          python-version",
                "          cache: pip  # faster\n          python-version",
            ),
            // A comment between, and at the end of a block.
            (
                "      - name: Test\n        run: |",
                "      # slow\n      - name: Test\n        run: |",
            ),
            (
                "          echo done\n",
                "          echo done\n        # below\n    # of the job\n",
            ),
            // A value that the new version leaves alone.
            ("timeout-minutes: 10", "timeout-minutes: 99 # slow runner"),
            // A key that goes away.
            ("    timeout-minutes: 10\n", ""),
            // Another name for a job, and for a step.
            ("  api:\n    name: API", "  backend:\n    name: API"),
            ("- name: Set up Python", "- name: Python"),
        ] {
            let theirs_text = with(BASE, theirs, expected);
            let (text, notes) = join(&theirs_text, &new_python);
            assert_eq!(
                text,
                with(&theirs_text, "\"3.11\"", "\"3.12\""),
                "{expected}"
            );
            assert_eq!(notes, Vec::<String>::new());
        }
    }

    #[test]
    fn what_the_new_version_adds_stands_by_its_neighbours() {
        let ours = with(
            &with(
                BASE,
                "      - name: Test\n        run: |",
                "      - name: Lint\n        run: ruff check\n\n      - name: Test\n        run: |",
            ),
            "\n  web:",
            "\n  audit:\n    name: Audit\n    runs-on: x\n    steps:\n      - run: audit\n\n  web:",
        );
        let theirs = with(
            BASE,
            "        run: npm test\n",
            "        run: npm test\n  mine:\n    runs-on: y\n    steps:\n    - run: z\n# the end\n",
        );
        let (text, _) = join(&theirs, &ours);
        assert_eq!(
            text,
            with(
                &ours,
                "        run: npm test\n",
                "        run: npm test\n  mine:\n    runs-on: y\n    steps:\n    - run: z\n# the end\n"
            )
        );
        // After a comment at the very end of the file nothing is put in.
        let ours = format!("{BASE}\n  last:\n    name: Last\n    runs-on: x\n");
        let (text, _) = join(&format!("{BASE}# the end\n"), &ours);
        assert_eq!(text, format!("{ours}# the end\n"));
    }

    #[test]
    fn a_text_in_another_indentation_takes_the_new_parts_in_it() {
        let theirs = format!(
            "{}\n",
            Block::parse(BASE)
                .expect("blocks")
                .lines(0, Some(4))
                .join("\n")
        );
        let ours = with(
            &with(BASE, "\"3.11\"", "\"3.12\""),
            "    steps:\n      - name: Check",
            "    env:\n      A: b\n    steps:\n      - name: Check",
        );
        let (text, _) = join(&with(&theirs, "name: API", "name: Mine"), &ours);
        assert!(
            text.contains("        env:\n            A: b\n        steps:\n"),
            "{text}"
        );
        assert!(
            text.contains("                  python-version: \"3.12\"\n"),
            "{text}"
        );
        assert!(text.contains("        name: Mine\n"), "{text}");
    }

    #[test]
    fn what_was_removed_on_purpose_stays_removed() {
        let theirs = with(
            BASE,
            "\n  web:\n    name: Web\n    runs-on: ubuntu-24.04\n    steps:\n      - name: Test\n        run: npm test\n",
            "",
        );
        let ours = with(
            &with(BASE, "npm test", "npm run test"),
            "\"3.11\"",
            "\"3.12\"",
        );
        let (text, notes) = join(&theirs, &ours);
        assert_eq!(text, with(&theirs, "\"3.11\"", "\"3.12\""));
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].contains("jobs.web"), "{notes:?}");
        // What the new version drops goes where nobody touched it.
        let theirs = with(BASE, "name: API", "name: Mine");
        let ours = with(
            BASE,
            "      - name: Test\n        run: |\n          pytest -q\n          echo done\n\n",
            "",
        );
        assert_eq!(
            join(&theirs, &ours).0,
            with(&ours, "name: API", "name: Mine")
        );
    }

    #[test]
    fn a_block_that_was_emptied_takes_what_is_new_in_it() {
        let theirs = with(BASE, "          python-version: \"3.11\"\n", "");
        let ours = with(BASE, "\"3.11\"\n", "\"3.11\"\n          cache: pip\n");
        let (text, _) = join(&theirs, &ours);
        assert_eq!(
            text,
            with(
                &theirs,
                "        with:\n",
                "        with:\n          cache: pip\n"
            )
        );
        // What is not new stays away, and the key stays as it was left.
        let ours = with(BASE, "\"3.11\"", "\"3.12\"");
        let (text, notes) = join(&theirs, &ours);
        assert_eq!(text, theirs);
        assert_eq!(notes.len(), 1, "{notes:?}");
    }

    #[test]
    fn an_action_that_a_person_chose_stands_and_it_is_said() {
        let theirs = with(BASE, "setup-python@2222 # v2", "setup-python@9999 # mine");
        let ours = with(BASE, "setup-python@2222 # v2", "setup-python@3333 # v3");
        let (text, notes) = join(&theirs, &ours);
        assert_eq!(text, theirs);
        assert!(
            notes[0].contains("9999") && notes[0].contains("3333"),
            "{notes:?}"
        );
    }

    #[test]
    fn scripts_are_joined_by_line() {
        let theirs = with(
            BASE,
            "          echo done\n",
            "          echo done\n          echo mine\n",
        );
        let ours = with(
            BASE,
            "          pytest -q\n",
            "          pytest -q --strict\n",
        );
        assert_eq!(
            join(&theirs, &ours).0,
            with(&theirs, "pytest -q", "pytest -q --strict")
        );
        let conflict = clash(&with(BASE, "pytest -q", "pytest -x"), &ours);
        assert_eq!(conflict.block, "jobs.api.steps[Test].run");
        assert_eq!(conflict.line, 23);
        assert!(conflict.base.contains("pytest -q\n"), "{conflict:?}");
        assert!(conflict.theirs.contains("pytest -x") && conflict.ours.contains("--strict"));
    }

    #[test]
    fn what_both_changed_is_a_conflict_at_its_block() {
        let ours = with(BASE, "\"3.11\"", "\"3.12\"");
        let conflict = clash(&with(BASE, "\"3.11\"", "\"3.9\""), &ours);
        assert_eq!(
            conflict.block,
            "jobs.api.steps[Set up Python].with.python-version"
        );
        assert_eq!(conflict.line, 20);
        // A line of a person's is no value to lose with what is dropped.
        let dropped = with(
            BASE,
            "      - name: Test\n        run: |\n          pytest -q\n          echo done\n\n",
            "",
        );
        for (from, to) in [
            (
                "      - name: Test\n        run: |",
                "      # mine\n      - name: Test\n        run: |",
            ),
            ("          echo done", "          echo mine"),
            ("        run: |", "        if: always()\n        run: |"),
        ] {
            let conflict = clash(&with(BASE, from, to), &dropped);
            assert_eq!(conflict.block, "jobs.api.steps[Test]");
            assert_eq!(conflict.ours, "");
        }
        // A broken file is named where it is broken.
        let twice = with(BASE, "    name: API\n", "    name: API\n    name: Mine\n");
        assert_eq!(clash(&twice, &ours).line, 10);
        let conflict = clash(&format!("{BASE}  x: [\n"), &ours);
        assert!(conflict.why.contains("YAML"), "{conflict:?}");
    }

    #[test]
    fn steps_that_both_moved_are_not_put_in_an_order_of_chance() {
        let steps = |names: &[&str]| {
            let steps: String = names
                .iter()
                .map(|name| format!("  - name: {name}\n    run: {name}\n"))
                .collect();
            format!("steps:\n{steps}")
        };
        let outcome = |theirs: &[&str], ours: &[&str]| {
            merge(Versions {
                base: &steps(&["a", "b", "c", "d"]),
                theirs: &steps(theirs),
                ours: &steps(ours),
            })
        };
        let text = |names: &[&str]| Outcome::Merged {
            text: steps(names),
            notes: Vec::new(),
        };
        assert_eq!(
            outcome(&["b", "a", "c", "d"], &["a", "b", "c", "x", "d"]),
            text(&["b", "a", "c", "x", "d"])
        );
        assert_eq!(
            outcome(&["a", "b", "m", "c", "d"], &["d", "a", "b", "c"]),
            text(&["d", "a", "b", "m", "c"])
        );
        assert!(matches!(
            outcome(&["b", "a", "c", "d"], &["d", "a", "b", "c"]),
            Outcome::Conflict(_)
        ));
    }

    #[test]
    fn a_text_without_blocks_is_joined_by_line() {
        let base = "a: {b: 1,\n  c: 2}\n---\nd: 1\n";
        let outcome = merge(Versions {
            base,
            theirs: &format!("{base}e: 2\n"),
            ours: &with(base, "b: 1", "b: 3"),
        });
        assert_eq!(
            outcome,
            merged("a: {b: 3,\n  c: 2}\n---\nd: 1\ne: 2\n".to_owned())
        );
        assert!(matches!(
            merge(Versions {
                base,
                theirs: &with(base, "b: 1", "b: 2"),
                ours: &with(base, "b: 1", "b: 3"),
            }),
            Outcome::Conflict(_)
        ));
    }
}

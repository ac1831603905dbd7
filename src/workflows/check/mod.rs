//! Proves a rendered workflow before it is written: it is YAML, a workflow as
//! GitHub types it, its expressions and its graph of jobs hold, and it keeps
//! the rules that we promise. Every problem points to the template's line.

mod dependabot;
mod expressions;
mod gitlab;
mod jobs;
mod keys;
mod rules;

use github_actions_models::workflow::Workflow;

use super::catalog::Kind;
use super::render::{Origin, Rendered, Renderer};
use crate::error::SourceError;
use crate::project::document::{self, Node, Syntax, Value};

/// Something wrong with a workflow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The line of the workflow, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// Whether it is wrong only in a text of ours: others choose their actions
    /// themselves.
    pub in_ours_alone: bool,
}

impl Problem {
    fn new(line: usize, message: impl Into<String>) -> Self {
        Self {
            line,
            message: message.into(),
            in_ours_alone: false,
        }
    }

    fn of_ours(line: usize, message: impl Into<String>) -> Self {
        Self {
            in_ours_alone: true,
            ..Self::new(line, message)
        }
    }
}

/// Looks for everything that is wrong with a workflow's text.
pub fn problems(text: &str) -> Vec<Problem> {
    let node = match document::parse(text, Syntax::Yaml) {
        Ok(node) => node,
        Err(error) => return vec![Problem::new(error.line, error.message)],
    };
    let mut problems = Vec::new();
    if let Err(error) = serde_yaml::from_str::<Workflow>(text) {
        let line = error.location().map_or(1, |location| location.line());
        problems.push(Problem::new(line, format!("is no valid workflow: {error}")));
    }
    duplicate_keys(&node, &mut problems);
    keys::check(&node, &mut problems);
    jobs::check(&node, &mut problems);
    expressions::check(&node, &mut problems);
    rules::check(&node, &mut problems);
    problems.sort();
    problems.dedup();
    problems
}

/// Looks for everything that is wrong with a file of the given kind.
pub fn problems_of(kind: Kind, text: &str) -> Vec<Problem> {
    match kind {
        Kind::Workflow => problems(text),
        Kind::Dependabot | Kind::Gitlab => match document::parse(text, Syntax::Yaml) {
            Ok(node) => {
                let mut problems = Vec::new();
                duplicate_keys(&node, &mut problems);
                match kind {
                    Kind::Gitlab => gitlab::check(&node, &mut problems),
                    _ => dependabot::check(&node, &mut problems),
                }
                problems.sort();
                problems.dedup();
                problems
            }
            Err(error) => vec![Problem::new(error.line, error.message)],
        },
    }
}

/// [`problems_of`] a rendered template, each at the template's line. `is_ours`
/// says which lines are of a template of ours.
pub fn problems_in_template(
    kind: Kind,
    rendered: &Rendered,
    renderer: &Renderer<'_>,
    is_ours: &dyn Fn(&Origin) -> bool,
) -> Vec<SourceError> {
    let last = rendered.origins.len().saturating_sub(1);
    problems_of(kind, &rendered.text)
        .into_iter()
        .filter_map(|problem| {
            let at = problem.line.saturating_sub(1).min(last);
            match rendered.origins.get(at) {
                Some(origin) if problem.in_ours_alone && !is_ours(origin) => None,
                Some(origin) => Some(renderer.error_at(origin, problem.message)),
                None => Some(SourceError::new(
                    "workflow",
                    &rendered.text,
                    problem.line,
                    1,
                    problem.message,
                )),
            }
        })
        .collect()
}

fn duplicate_keys(node: &Node, problems: &mut Vec<Problem>) {
    let entries = node.entries();
    for (at, entry) in entries.iter().enumerate() {
        if entries[..at].iter().any(|earlier| earlier.key == entry.key) {
            problems.push(Problem::new(
                entry.line,
                format!("`{}` is given twice", entry.key),
            ));
        }
        duplicate_keys(&entry.node, problems);
    }
    for item in node.items() {
        duplicate_keys(item, problems);
    }
}

/// Calls `visit` for every text below `node`, with the line it starts at.
fn each_text<'n>(node: &'n Node, visit: &mut impl FnMut(&'n str, usize)) {
    match &node.value {
        Value::String(text) => visit(text, node.line),
        Value::List(items) => items.iter().for_each(|item| each_text(item, visit)),
        Value::Map(entries) => entries
            .iter()
            .for_each(|entry| each_text(&entry.node, visit)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
name: X
on:
  push:
    branches: [main]
permissions: {}
concurrency:
  group: x
jobs:
  a:
    name: A
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions:
      contents: read
    outputs:
      o: ${{ steps.s.outputs.o }}
    steps:
      - name: Check out
        uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - name: S
        id: s
        run: echo o=1 >> \"$GITHUB_OUTPUT\"
  b:
    name: B
    needs: [a]
    if: ${{ needs.a.outputs.o == '1' }}
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions: {}
    steps:
      - name: T
        run: true
";

    /// What is found after one replacement in the good workflow.
    fn after(old: &str, new: &str) -> Vec<Problem> {
        assert!(GOOD.contains(old), "{old}");
        problems(&GOOD.replacen(old, new, 1))
    }

    #[test]
    fn a_good_workflow_has_no_problem() {
        assert_eq!(problems(GOOD), []);
    }

    #[test]
    fn each_mistake_is_found_at_its_line() {
        for (old, new, line, word) in [
            ("  push:", "  pussh:", 3, "pussh"),
            ("run: true", "rnu: true", 34, "rnu"),
            ("  push:", "  push: 3\n  x:", 1, "workflow"),
            ("needs: [a]", "needs: [c]", 27, "no job `c`"),
            (
                "name: A\n",
                "name: A\n    needs: b\n",
                0,
                "wait for each other",
            ),
            ("needs.a.outputs.o", "needs.c.outputs.o", 28, "`c`"),
            (
                "needs.a.outputs.o",
                "needs.a.outputs.p",
                28,
                "no output `p`",
            ),
            ("== '1'", "== ", 28, "expression"),
            ("needs.a.outputs.o", "nedds.a.outputs.o", 28, "nedds"),
            ("steps.s.outputs", "steps.t.outputs", 16, "`t`"),
            (
                "3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
                "v7",
                19,
                "commit",
            ),
            ("3d3c42e5", "4d3c42e5", 19, "actions.toml"),
            (
                "persist-credentials: false",
                "persist-credentails: false",
                21,
                "persist-credentails",
            ),
            (
                "persist-credentials: false",
                "fetch-depth: 1",
                19,
                "persist-credentials",
            ),
            ("permissions: {}\nconc", "conc", 1, "permissions"),
            ("    timeout-minutes: 5\n", "", 9, "timeout-minutes"),
            ("run: true", "run: echo ${{ github.head_ref }}", 34, "run"),
            ("run: true", "run: true\n        run: false", 35, "twice"),
            ("concurrency:\n  group: x\n", "", 1, "concurrency"),
            (
                "  push:\n    branches: [main]\n",
                "  pull_request_target:\n",
                3,
                "pull_request_target",
            ),
            (
                "name: T\n",
                "name: T\n        env:\n          K: ${{ secrets.K }}\n",
                0,
                "environment",
            ),
        ] {
            let found = after(old, new);
            assert!(
                found
                    .iter()
                    .any(|problem| problem.message.contains(word)
                        && (line == 0 || problem.line == line)),
                "{old:?} -> {new:?}: wanted {word:?} at {line}, found {found:?}"
            );
        }
    }
}

//! Jobs that hang for six hours.

use crate::audit::fix::{Fix, Text};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::Node;

pub(super) const RULE: Rule = Rule {
    id: "job-without-timeout",
    title: "A job has no time limit of its own",
    severity: Severity::Low,
    confidence: Confidence::Low,
    category: Category::Pipelines,
    what: "A job of a workflow that runs steps and sets no `timeout-minutes`.",
    why: "GitHub stops it after six hours: a test that hangs costs as many minutes of a runner, and holds back what waits for it.",
    mend: "`timeout-minutes`: twice what the job takes.",
    references: &[
        "https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idtimeout-minutes",
    ],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for (file, document) in facts.workflows() {
        for job in document.get("jobs").map_or(&[][..], Node::entries) {
            let steps = job.node.get("steps").map_or(&[][..], Node::items);
            let is_set = |node: &Node| node.get("timeout-minutes").is_some();
            if steps.is_empty() || is_set(&job.node) || steps.iter().all(is_set) {
                continue;
            }
            let message = format!("`{}` may run for six hours", job.key);
            let fix = job.node.entry("runs-on").and_then(|entry| {
                let text = Text::of(facts.tree, file)?;
                // A list or a group below it goes on in the next lines.
                entry.node.str()?;
                let indent = text.indent(entry.line)?;
                let change =
                    text.after_line(entry.line, &format!("{indent}timeout-minutes: 30"))?;
                Some(Fix::behaviour("stop it after half an hour", [change]))
            });
            let defect = Defect::new(file, job, message).about(&job.key);
            defects.push(defect.mended_by(fix));
        }
    }
    defects
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn with_and_without() {
        let text = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: a\n  b:\n    uses: ./.github/workflows/c.yml\n";
        let path = ".github/workflows/ci.yml";
        assert_eq!(
            found(&RULE, &[(path, text)]),
            [".github/workflows/ci.yml:3 a"]
        );
        for near in [
            text.replace("runs-on: x", "runs-on: x\n    timeout-minutes: 5"),
            text.replace("- run: a", "- run: a\n        timeout-minutes: 5"),
        ] {
            assert!(found(&RULE, &[(path, &near)]).is_empty(), "{near}");
        }
    }
}

//! Actions and workflows of the repository that are not there.

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::{Entry, Node};
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "local-action-missing",
    title: "A workflow uses an action of the repository that is not there",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Pipelines,
    what: "`uses: ./FOLDER` where the folder has no action.yml, and `uses: ./.github/workflows/FILE` where there is no such file.",
    why: "GitHub ends the job, or refuses the whole workflow, before anything runs.",
    mend: "Name the action that is meant, or add it.",
    references: &[
        "https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsuses",
    ],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for (file, document) in facts.workflows() {
        for job in document.get("jobs").map_or(&[][..], Node::entries) {
            if let Some(entry) = job.node.entry("uses") {
                look(facts, file, entry, &mut defects);
            }
            let steps = job.node.get("steps").map_or(&[][..], Node::items);
            // What another checkout brings is not seen here.
            let brings = steps.iter().any(|step| {
                let with = step.get("with");
                let moves = ["path", "repository", "ref", "submodules"];
                let runs = step.get("run").and_then(Node::str).unwrap_or_default();
                with.is_some_and(|with| moves.iter().any(|key| with.get(key).is_some()))
                    || runs.contains("git clone")
                    || runs.contains("git checkout")
                    || runs.contains("action.y")
            });
            for step in steps.iter().filter(|_| !brings) {
                if let Some(entry) = step.entry("uses") {
                    look(facts, file, entry, &mut defects);
                }
            }
        }
    }
    defects
}

fn look(facts: &Facts<'_>, file: &str, entry: &Entry, defects: &mut Vec<Defect>) {
    let Some(named) = entry.node.str().filter(|named| named.starts_with("./")) else {
        return;
    };
    let plain = path::normalise(named);
    if named.contains(['$', '@']) {
        return;
    }
    let is_workflow = plain.ends_with(".yml") || plain.ends_with(".yaml");
    let root = facts.tree.root();
    let is_there = if is_workflow {
        root.join(&plain).is_file()
    } else {
        ["action.yml", "action.yaml", "Dockerfile"]
            .iter()
            .any(|name| root.join(&plain).join(name).is_file())
    };
    if !is_there {
        let message = format!("`{named}` is not in the repository");
        defects.push(Defect::new(file, &entry.node, message).about(named));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn there_and_not_there() {
        let text = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: actions/checkout@v4\n      - uses: ./.github/actions/setup\n  b:\n    uses: ./.github/workflows/other.yml\n";
        let path = ".github/workflows/ci.yml";
        assert_eq!(
            found(&RULE, &[(path, text)]),
            [
                ".github/workflows/ci.yml:7 ./.github/actions/setup",
                ".github/workflows/ci.yml:9 ./.github/workflows/other.yml",
            ]
        );
        let there = [
            (path, text),
            (".github/actions/setup/action.yaml", "runs: {}"),
            (".github/workflows/other.yml", "on: workflow_call"),
        ];
        assert!(found(&RULE, &there).is_empty());
        let brought = text.replace(
            "checkout@v4",
            "checkout@v4\n        with:\n          repository: a/b",
        );
        assert_eq!(found(&RULE, &[(path, &brought), there[2]]).len(), 0);
    }
}

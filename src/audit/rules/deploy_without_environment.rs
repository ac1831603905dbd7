//! Jobs that deploy past every protection.

use crate::audit::deploys::platform;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "deploy-without-environment",
    title: "A job deploys outside of any environment",
    severity: Severity::Low,
    confidence: Confidence::Low,
    category: Category::Pipelines,
    what: "A job of a workflow runs a command that deploys for users, and names no `environment`.",
    why: "Nobody can be asked first, secrets of production are there for every job of the repository, and GitHub keeps no history of what was live when.",
    mend: "`environment: production`, with its own secrets and reviewers.",
    references: &[
        "https://docs.github.com/actions/concepts/workflows-and-actions/deployment-environments",
    ],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for step in facts.steps() {
        let Some(command) = step
            .shell
            .commands
            .iter()
            .find(|one| platform(one).is_some())
        else {
            continue;
        };
        let Some(document) = facts.tree.yaml(&step.path) else {
            continue;
        };
        let Some(job) = document.at(&["jobs", &step.job]) else {
            continue;
        };
        if job.get("environment").is_none() {
            let to = platform(command).unwrap_or_default();
            let message = format!("`{}` deploys to {to} and names no environment", step.job);
            let defect = Defect::new(&step.path, command, message).about(&step.job);
            let line = document
                .entry_at(&["jobs", &step.job])
                .map_or(1, |entry| entry.line);
            defects.push(defect.with(&step.path, line));
        }
    }
    defects.dedup_by(|one, other| (&one.path, &one.about) == (&other.path, &other.about));
    defects
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn inside_and_outside() {
        let text = "on: push\njobs:\n  deploy:\n    runs-on: ubuntu-latest\n    steps:\n      - run: railway up --ci\n      - run: vercel deploy --prod\n";
        let of = |text: &str| found(&RULE, &[(".github/workflows/d.yml", text)]);
        assert_eq!(of(text), [".github/workflows/d.yml:6 deploy"]);
        for near in [
            text.replace("runs-on", "environment: production\n    runs-on"),
            text.replace("railway up --ci", "npm test")
                .replace(" --prod", ""),
        ] {
            assert!(of(&near).is_empty(), "{near}");
        }
    }
}

//! Jobs that need a secret where there is none.

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::{Node, Value};

pub(super) const RULE: Rule = Rule {
    id: "secret-on-fork-pull-request",
    title: "A job of pull requests needs a secret that forks do not have",
    severity: Severity::Low,
    // A repository without forks never sees it.
    confidence: Confidence::Low,
    category: Category::Pipelines,
    what: "A workflow that runs on `pull_request` has a job without any condition that reads a secret other than GITHUB_TOKEN.",
    why: "On a pull request from a fork, and on Dependabot's, the secret is empty: the job fails for everybody who is not of the team, or code that refuses an empty value stops.",
    mend: "Leave the secret out of what proves a change, give tests a value of their own, or guard the step with a condition.",
    references: &["https://docs.github.com/actions/reference/security/secure-use"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for (file, document) in facts.workflows() {
        let runs = document.get("on").is_some_and(|on| {
            on.str() == Some("pull_request")
                || on.get("pull_request").is_some()
                || on
                    .items()
                    .iter()
                    .any(|one| one.str() == Some("pull_request"))
        });
        if !runs {
            continue;
        }
        for job in document.get("jobs").map_or(&[][..], Node::entries) {
            if job.node.get("if").is_some() || job.node.get("environment").is_some() {
                continue;
            }
            let steps = job.node.get("steps").map_or(&[][..], Node::items);
            let always = steps.iter().filter(|step| step.get("if").is_none());
            let env = job.node.get("env").into_iter();
            if let Some((line, name)) = env.chain(always).find_map(secret) {
                let message = format!("`{name}` is empty on pull requests from forks");
                defects.push(Defect::new(file, line, message).about(name));
            }
        }
    }
    defects
}

/// The line and the name of a secret that a node reads, without a value for when it is
/// not there.
fn secret(node: &Node) -> Option<(usize, String)> {
    match &node.value {
        Value::String(text) => {
            let (_, rest) = text.split_once("secrets.")?;
            let end = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            let name = &rest[..end];
            let has_other = rest[end..].trim_start().starts_with("||");
            (name != "GITHUB_TOKEN" && !has_other).then(|| (node.line, name.to_owned()))
        }
        Value::List(items) => items.iter().find_map(secret),
        Value::Map(entries) => entries.iter().find_map(|entry| secret(&entry.node)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn needed_and_guarded() {
        let text = "on: [push, pull_request]\njobs:\n  test:\n    runs-on: x\n    steps:\n      - run: pytest\n        env:\n          NEXTAUTH_SECRET: ${{ secrets.NEXTAUTH_SECRET }}\n";
        let of = |text: &str| found(&RULE, &[(".github/workflows/ci.yml", text)]);
        assert_eq!(of(text), [".github/workflows/ci.yml:8 NEXTAUTH_SECRET"]);
        for near in [
            text.replace("[push, pull_request]", "push"),
            text.replace(
                "- run: pytest",
                "- if: github.event_name == 'push'\n        run: pytest",
            ),
            text.replace(
                "secrets.NEXTAUTH_SECRET }}",
                "secrets.NEXTAUTH_SECRET || 'test' }}",
            ),
            text.replace("secrets.NEXTAUTH_SECRET", "secrets.GITHUB_TOKEN"),
        ] {
            assert!(of(&near).is_empty(), "{near}");
        }
    }
}

//! Two pipelines that push to each other.

use crate::audit::forges;
use crate::audit::pushes::{Push, pushes};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::{Node, Value};

pub(super) const RULE: Rule = Rule {
    id: "two-way-mirror",
    title: "Two pipelines overwrite each other's commits",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Pipelines,
    what: "A workflow that runs on pushes pushes to GitLab, a job of GitLab's pipeline that runs on pushes pushes to GitHub, at least one of them by force, and neither looks at who pushed or asks the other side to run nothing.",
    why: "Each side takes itself for the source: a commit that reaches one of them while the other one pushes is overwritten, and nobody is told.",
    mend: "Choose the side that people push to, and mirror in that direction only; the other side is protected.",
    references: &["https://docs.gitlab.com/user/project/repository/mirror/bidirectional/"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let all = pushes(facts);
    let (here, there): (Vec<_>, Vec<_>) = all
        .iter()
        .filter(|push| !push.is_quiet && !is_guarded(facts, &push.path))
        .partition(|push| push.path != ".gitlab-ci.yml");
    let to_gitlab = |push: &&&Push| {
        forges::names(facts, push, "gitlab") && workflow_runs_on_pushes(facts, &push.path)
    };
    let to_github =
        |push: &&&Push| forges::names(facts, push, "github") && job_runs_on_pushes(facts, push);
    let back: Vec<&&Push> = there.iter().filter(to_github).collect();
    let pair = here.iter().filter(to_gitlab).find_map(|one| {
        let meets =
            |other: &Push| (one.is_forced || other.is_forced) && is_same_branch(facts, one, other);
        Some((one, back.iter().find(|other| meets(other))?))
    });
    let Some((one, other)) = pair else {
        return Vec::new();
    };
    let message = format!(
        "it pushes to `{}`, and the job `{}` of {} pushes back to `{}`",
        one.remote, other.job, other.path, other.remote
    );
    let defect = Defect::new(&one.path, one.place, message);
    vec![defect.with(&other.path, other.place)]
}

/// Whether two pushes may write the same branch: those that do not name theirs write all.
fn is_same_branch(facts: &Facts<'_>, one: &Push, other: &Push) -> bool {
    let (these, those) = (forges::branches(facts, one), forges::branches(facts, other));
    these.is_empty() || those.is_empty() || these.iter().any(|branch| those.contains(branch))
}

/// Whether a pipeline asks who pushed, or what the other side has.
fn is_guarded(facts: &Facts<'_>, file: &str) -> bool {
    let text = facts.tree.text(file).unwrap_or_default();
    [
        "github.actor",
        "GITHUB_ACTOR",
        "head_commit",
        "CI_COMMIT_AUTHOR",
        "CI_COMMIT_MESSAGE",
        "GITLAB_USER",
        "ls-remote",
        "merge-base",
    ]
    .iter()
    .any(|word| text.contains(word))
}

fn workflow_runs_on_pushes(facts: &Facts<'_>, file: &str) -> bool {
    let document = facts.tree.yaml(file);
    let Some(on) = document.as_ref().and_then(|document| document.get("on")) else {
        return false;
    };
    if let Some(push) = on.get("push") {
        // Tags alone overwrite no commits.
        return push.get("tags").is_none() || push.get("branches").is_some();
    }
    on.str() == Some("push") || on.items().iter().any(|item| item.str() == Some("push"))
}

/// Whether nothing keeps a job of GitLab's pipeline from running on pushes.
fn job_runs_on_pushes(facts: &Facts<'_>, push: &Push) -> bool {
    let Some(document) = facts.tree.yaml(&push.path) else {
        return false;
    };
    let Some(job) = document.get(&push.job) else {
        return false;
    };
    let rules = ["rules", "only", "except", "when"];
    let rules = rules.iter().filter_map(|key| job.get(key));
    let whole = document.get("workflow").into_iter();
    // A job that others extend does not run itself, and one that extends others may have
    // its rules there.
    !push.job.starts_with('.')
        && job.get("extends").is_none()
        && !rules.chain(whole).any(|node| {
            ["manual", "schedule", "web", "api", "trigger", "never"]
                .iter()
                .any(|word| says(node, word))
        })
}

fn says(node: &Node, word: &str) -> bool {
    match &node.value {
        Value::String(text) => text.to_ascii_lowercase().contains(word),
        Value::List(items) => items.iter().any(|item| says(item, word)),
        Value::Map(entries) => entries.iter().any(|entry| says(&entry.node, word)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn one_way_and_two() {
        let workflow = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: git push gitlab main --force\n";
        let pipeline = "back:\n  script:\n    - git push github HEAD:main\n";
        let path = ".github/workflows/mirror.yml";
        let both = [(path, workflow), (".gitlab-ci.yml", pipeline)];
        assert_eq!(found(&RULE, &both), [".github/workflows/mirror.yml:6 "]);
        assert!(found(&RULE, &both[..1]).is_empty());
        for near in [
            pipeline.replace("git push github", "git push origin"),
            pipeline.replace("git push", "git push -o ci.skip"),
            pipeline.replace("git push", "echo git push"),
            // Another forge, the own one, another branch, no run on pushes, a guard.
            pipeline.replace("git push github", "git push dokku"),
            pipeline.replace(
                "git push github",
                "git push https://ci:$T@$CI_SERVER_HOST/github/x.git",
            ),
            pipeline.replace("HEAD:main", "HEAD:docs"),
            format!("{pipeline}  when: manual\n"),
            format!("{pipeline}  only: [schedules]\n"),
            format!("{pipeline}  rules:\n    - if: $CI_PIPELINE_SOURCE == \"schedule\"\n"),
            pipeline.replace("back:", ".back:"),
            format!("{pipeline}    - test \"$CI_COMMIT_AUTHOR\" != bot\n"),
        ] {
            let files = [(path, workflow), (".gitlab-ci.yml", near.as_str())];
            assert!(found(&RULE, &files).is_empty(), "{near}");
        }
        for near in [
            workflow.replace("git push gitlab", "git push heroku"),
            workflow.replace("on: push", "on: workflow_dispatch"),
            workflow.replace("on: push", "on:\n  push:\n    tags: ['v*']"),
            workflow.replace("runs-on: x", "runs-on: x\n    if: github.actor != 'bot'"),
        ] {
            let files = [(path, near.as_str()), both[1]];
            assert!(found(&RULE, &files).is_empty(), "{near}");
        }
        // The remote's name says nothing, its address does.
        let added = workflow.replace(
            "git push gitlab main --force",
            "|\n          git remote add mirror https://gitlab.com/a/b\n          git push --force mirror main",
        );
        assert_eq!(
            found(&RULE, &[(path, &added), both[1]]),
            [".github/workflows/mirror.yml:8 "]
        );
        let mild = workflow.replace(" --force", "");
        assert!(found(&RULE, &[(path, &mild), both[1]]).is_empty());
    }
}

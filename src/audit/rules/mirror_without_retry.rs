//! Mirror jobs that try once.

use crate::audit::fix::{Fix, Text};
use crate::audit::forges;
use crate::audit::pushes::pushes;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::Node;

pub(super) const RULE: Rule = Rule {
    id: "mirror-without-retry",
    title: "A mirror job tries once, and nothing runs it again",
    severity: Severity::Low,
    confidence: Confidence::High,
    category: Category::Pipelines,
    what: "A workflow that runs on pushes alone, without a schedule and without a button, pushes to another forge, or all of the repository to another place, outside of any loop or retry.",
    why: "A moment without network, and the mirror lacks the commits until somebody pushes again.",
    mend: "Push in a loop with growing pauses, and add a `schedule` that catches up.",
    references: &[
        "https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows#schedule",
    ],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let all = pushes(facts).into_iter();
    all.filter(|push| !push.is_repeated && runs_on_pushes_alone(facts, &push.path))
        .filter(|push| forges::is_mirror(facts, push))
        .map(|push| {
            let message = format!("the push to `{}` is tried once", push.remote);
            let fix = fix(facts, &push.path);
            Defect::new(&push.path, push.place, message)
                .about(push.remote)
                .mended_by(fix)
        })
        .collect()
}

/// What runs by the clock too brings what an earlier run did not.
fn fix(facts: &Facts<'_>, file: &str) -> Option<Fix> {
    let document = facts.tree.yaml(file)?;
    let first = document.get("on")?.entries().first()?;
    let text = Text::of(facts.tree, file)?;
    // The entries stand below each other, and not in braces.
    let own = &text.str()[text.line(first.line)?];
    let indent = text.indent(first.line)?.to_owned();
    if indent.is_empty() || !own.trim_start().starts_with(&first.key) {
        return None;
    }
    let at = text.line(first.line)?.start;
    let schedule = format!("{indent}schedule:\n{indent}  - cron: \"17 * * * *\"\n");
    let title = "run it every hour too, for what a push did not bring";
    Some(Fix::behaviour(title, [text.replace(at..at, schedule)]))
}

fn runs_on_pushes_alone(facts: &Facts<'_>, file: &str) -> bool {
    let Some(document) = facts.tree.yaml(file) else {
        return false;
    };
    let Some(on) = document.get("on") else {
        return false;
    };
    let harmless = |event: &str| matches!(event, "push" | "delete" | "create");
    match on.str() {
        Some(event) => event == "push",
        None => {
            let listed = on.items().iter().filter_map(Node::str);
            let keyed = on.entries().iter().map(|entry| entry.key.as_str());
            let events: Vec<&str> = listed.chain(keyed).collect();
            events.contains(&"push") && events.iter().all(|event| harmless(event))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn once_and_again() {
        let workflow = "on:\n  push:\n    branches: [main]\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: git push gitlab main\n";
        let path = ".github/workflows/mirror.yml";
        assert_eq!(
            found(&RULE, &[(path, workflow)]),
            [".github/workflows/mirror.yml:8 gitlab"]
        );
        for near in [
            workflow.replace("on:\n", "on:\n  schedule:\n    - cron: '0 * * * *'\n"),
            workflow.replace("on:\n", "on:\n  workflow_dispatch:\n"),
            workflow.replace(
                "git push gitlab main",
                "for i in 1 2; do git push gitlab main && break; done",
            ),
            workflow.replace("git push gitlab", "git push origin"),
            // Releases, pages and wikis are no mirrors.
            workflow.replace("git push gitlab", "git push heroku"),
            workflow.replace(
                "git push gitlab",
                "git push https://u:$T@huggingface.co/spaces/a/b",
            ),
            workflow.replace(
                "git push gitlab",
                "git push https://x:$T@github.com/a/b.wiki.git",
            ),
            workflow.replace(
                "git push gitlab",
                "git push -f https://$T@github.com/me/site.git",
            ),
            workflow.replace(
                "git push gitlab",
                "git push https://x@github.com/${{ github.repository }}",
            ),
        ] {
            assert!(found(&RULE, &[(path, &near)]).is_empty(), "{near}");
        }
        let whole = workflow.replace("git push gitlab main", "git push --mirror $THERE");
        assert_eq!(found(&RULE, &[(path, &whole)]).len(), 1);
    }
}

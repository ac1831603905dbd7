//! Pushes that a platform and a workflow both bring to production.

use std::ops::Range;

use crate::audit::deploys::platform;
use crate::audit::fix::{Fix, Text};
use crate::audit::shell::Command;
use crate::audit::{Category, Confidence, Defect, Facts, Place, Rule};
use crate::findings::Severity;
use crate::project::document::{Entry, Node};

pub(super) const RULE: Rule = Rule {
    id: "deployed-twice",
    title: "The platform and a workflow both deploy the same push",
    severity: Severity::Medium,
    confidence: Confidence::High,
    category: Category::Platforms,
    what: "render.yaml says `autoDeploy: true` or `autoDeployTrigger: commit` for every service, or vercel.json says that pushes to its production branch are deployed, and a workflow that runs on a push to that branch deploys there too.",
    why: "The platform takes the push at once, before the workflow's tests and migrations have run, so that the workflow's gate keeps nothing out; and the second deployment of the same commit replaces the first.",
    mend: "Let one of them deploy: `autoDeployTrigger: off` or `git.deploymentEnabled: false`, or take the step out of the workflow.",
    references: &[
        "https://render.com/docs/blueprint-spec",
        "https://vercel.com/docs/project-configuration/git-configuration",
    ],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    let switches = [("Render", render(facts)), ("Vercel", vercel(facts))];
    for (name, switch) in switches {
        let Some(Switch {
            file,
            place,
            branch,
            off,
        }) = switch
        else {
            continue;
        };
        for step in facts.steps() {
            let mut commands = step.shell.commands.iter();
            let Some(command) = commands.find(|one| deploys_to(one, name)) else {
                continue;
            };
            let document = facts.tree.yaml(&step.path);
            let on = document.as_ref().and_then(|document| document.get("on"));
            if !on.is_some_and(|on| runs_on_push(on, branch.as_deref())) {
                continue;
            }
            let message = format!(
                "{name} deploys every push by itself, and so does the job `{}`",
                step.job
            );
            let defect = Defect::new(&step.path, command, message).about(name);
            let fix = fix(facts, &file, name, &off);
            defects.push(defect.with(&file, place).mended_by(fix));
        }
    }
    defects
}

/// What makes a platform deploy pushes.
struct Switch {
    file: String,
    place: Place,
    branch: Option<String>,
    /// The values that say so, and what switches each off.
    off: Vec<(Range<usize>, &'static str)>,
}

/// The workflow deploys, and the platform waits for it.
fn fix(
    facts: &Facts<'_>,
    file: &str,
    name: &str,
    off: &[(Range<usize>, &'static str)],
) -> Option<Fix> {
    let text = Text::of(facts.tree, file)?;
    let title = format!("let the workflow alone deploy to {name}");
    let changes = off
        .iter()
        .map(|(span, value)| text.replace(span.clone(), *value));
    Some(Fix::behaviour(title, changes))
}

fn deploys_to(command: &Command, name: &str) -> bool {
    // A hook is an address, mostly in a secret.
    let is_hook = |text: &str| {
        let upper = text.to_ascii_uppercase();
        text.contains("api.render.com/deploy/")
            || upper.contains("RENDER") && upper.contains("HOOK")
    };
    platform(command) == Some(name)
        || name == "Render"
            && command.runs(&["curl"])
            && command.words.iter().any(|word| is_hook(&word.text))
}

/// Where render.yaml says that every service is deployed at each push, and the branch.
fn render(facts: &Facts<'_>) -> Option<Switch> {
    let document = facts.tree.yaml("render.yaml")?;
    let mut first: Option<(Place, Option<String>)> = None;
    let mut off = Vec::new();
    for service in document.get("services")?.items() {
        let trigger = service
            .entry("autoDeployTrigger")
            .filter(|entry| entry.node.str() == Some("commit"));
        let (entry, value) = match trigger {
            Some(entry) => (entry, "\"off\""),
            None => (
                service.entry("autoDeploy").filter(|entry| is_yes(entry))?,
                "false",
            ),
        };
        let branch = service.get("branch").and_then(Node::str);
        first.get_or_insert((entry.into(), branch.map(str::to_owned)));
        off.push((entry.node.span.clone(), value));
    }
    let (place, branch) = first?;
    Some(Switch {
        file: "render.yaml".to_owned(),
        place,
        branch,
        off,
    })
}

fn is_yes(entry: &Entry) -> bool {
    entry.node.is_true() || entry.node.str() == Some("yes")
}

/// Where vercel.json says that pushes are deployed. The whole file may be silent of it, and
/// the project may be connected or not: that proves nothing.
fn vercel(facts: &Facts<'_>) -> Option<Switch> {
    facts.tree.named("vercel.json").find_map(|file| {
        let document = facts.tree.json(file)?;
        let whole = document.entry_at(&["git", "deploymentEnabled"])?;
        let main = |one: &&Entry| matches!(one.key.as_str(), "main" | "master");
        let (entry, branch) = match whole.node.is_true() {
            true => (whole, None),
            false => {
                let mut branches = whole.node.entries().iter().filter(main);
                let main = branches.find(|one| one.node.is_true())?;
                (main, Some(main.key.clone()))
            }
        };
        Some(Switch {
            file: file.to_owned(),
            place: entry.into(),
            branch,
            off: vec![(entry.node.span.clone(), "false")],
        })
    })
}

/// Whether a workflow runs on a push to a branch; where none is named, to `main` or `master`.
fn runs_on_push(on: &Node, branch: Option<&str>) -> bool {
    if on.str() == Some("push") || on.items().iter().any(|one| one.str() == Some("push")) {
        return true;
    }
    let Some(push) = on.get("push") else {
        return false;
    };
    let Some(branches) = push.get("branches") else {
        return push.get("tags").is_none() && push.get("branches-ignore").is_none();
    };
    let mut named = branches
        .items()
        .iter()
        .filter_map(Node::str)
        .chain(branches.str());
    named.any(|one| branch.map_or(matches!(one, "main" | "master"), |branch| one == branch))
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    const WORKFLOW: &str = "on:\n  push:\n    branches: [main]\njobs:\n  ship:\n    runs-on: ubuntu-latest\n    steps:\n      - run: curl -fsS \"${{ secrets.RENDER_DEPLOY_HOOK_URL }}\"\n      - run: vercel deploy --prod\n";

    fn of(file: &str, text: &str, workflow: &str) -> Vec<String> {
        found(
            &RULE,
            &[(file, text), (".github/workflows/d.yml", workflow)],
        )
    }

    #[test]
    fn two_hands() {
        let render = "services:\n  - type: web\n    autoDeploy: true\n  - type: worker\n    autoDeployTrigger: commit\n";
        assert_eq!(
            of("render.yaml", render, WORKFLOW),
            [".github/workflows/d.yml:8 Render"]
        );
        let vercel = "{\"git\": {\"deploymentEnabled\": {\"dev\": false, \"main\": true}}}";
        assert_eq!(
            of("vercel.json", vercel, WORKFLOW),
            [".github/workflows/d.yml:9 Vercel"]
        );
    }

    #[test]
    fn one_hand() {
        let render = "services:\n  - type: web\n    autoDeploy: true\n";
        for (text, workflow) in [
            (render.replace("true", "false"), WORKFLOW.to_owned()),
            (render.replace("autoDeploy", "x"), WORKFLOW.to_owned()),
            (format!("{render}    branch: stable\n"), WORKFLOW.to_owned()),
            (format!("{render}  - type: worker\n"), WORKFLOW.to_owned()),
            (render.to_owned(), WORKFLOW.replace("[main]", "[dev]")),
            (
                render.to_owned(),
                WORKFLOW.replace("branches: [main]", "tags: ['v*']"),
            ),
            (
                render.to_owned(),
                WORKFLOW.replace("push:", "workflow_dispatch:"),
            ),
            (
                render.to_owned(),
                WORKFLOW.replace("RENDER_DEPLOY", "OTHER_DEPLOY"),
            ),
        ] {
            assert!(
                of("render.yaml", &text, &workflow).is_empty(),
                "{text}{workflow}"
            );
        }
        for text in [
            "{}",
            "{\"git\": {\"deploymentEnabled\": false}}",
            "{\"git\": {\"deploymentEnabled\": {\"dev\": false}}}",
        ] {
            assert!(of("vercel.json", text, WORKFLOW).is_empty(), "{text}");
        }
    }
}

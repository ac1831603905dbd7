//! The rules that every workflow of ours keeps: no permission that is not
//! named, every action pinned and given only inputs that it knows, no
//! expression inside a script, a time limit for every job.

use super::{Problem, each_text};
use crate::project::document::{Entry, Node};
use crate::workflows::actions::{ACTIONS, OWN_INPUTS};
use crate::workflows::is_full_commit;

/// Triggers that run with the repository's secrets on a stranger's change.
const DANGEROUS_TRIGGERS: [&str; 2] = ["pull_request_target", "workflow_run"];

/// The action that this tool is; its release is chosen by settings.
const OWN_NAME: &str = "ci-action";

pub(super) fn check(workflow: &Node, problems: &mut Vec<Problem>) {
    match workflow.entry("permissions") {
        Some(entry) if entry.node.entries().is_empty() && entry.node.str().is_none() => {}
        Some(entry) => problems.push(Problem::new(
            entry.line,
            "the workflow's `permissions` must be `{}`: each job names its own",
        )),
        None => problems.push(Problem::new(1, "`permissions: {}` is missing")),
    }
    if workflow.entry("concurrency").is_none() {
        problems.push(Problem::new(1, "`concurrency` is missing"));
    }
    for trigger in workflow.get("on").map(Node::entries).unwrap_or_default() {
        if DANGEROUS_TRIGGERS.contains(&trigger.key.as_str()) {
            problems.push(Problem::new(
                trigger.line,
                format!("`{}` gives secrets to a stranger's change", trigger.key),
            ));
        }
    }
    for job in workflow.get("jobs").map(Node::entries).unwrap_or_default() {
        check_job(job, problems);
    }
}

fn check_job(job: &Entry, problems: &mut Vec<Problem>) {
    for key in ["name", "timeout-minutes", "permissions"] {
        if job.node.get(key).is_none() {
            problems.push(Problem::new(
                job.line,
                format!("the job `{}` has no `{key}`", job.key),
            ));
        }
    }
    let mut reads_secrets = None;
    each_text(&job.node, &mut |text, line| {
        if text.contains("${{ secrets.") && !text.contains("secrets.GITHUB_TOKEN") {
            reads_secrets = Some(line);
        }
    });
    if let Some(line) = reads_secrets
        && job.node.get("environment").is_none()
    {
        problems.push(Problem::new(
            line,
            "secrets are read outside an environment, where no rule protects them",
        ));
    }
    for step in job.node.get("steps").map(Node::items).unwrap_or_default() {
        if step.get("name").is_none() {
            problems.push(Problem::new(step.line, "the step has no `name`"));
        }
        if let Some(run) = step.entry("run")
            && run.node.str().is_some_and(|script| script.contains("${{"))
        {
            problems.push(Problem::new(
                run.line,
                "an expression inside `run` is injected into the script: pass it by `env`",
            ));
        }
        if let Some(uses) = step.entry("uses") {
            check_action(step, uses, problems);
        }
    }
}

fn check_action(step: &Node, uses: &Entry, problems: &mut Vec<Problem>) {
    let text = uses.node.str().unwrap_or_default();
    let (name, reference) = text.split_once('@').unwrap_or((text, ""));
    let inputs = step.get("with").map(Node::entries).unwrap_or_default();
    if name.ends_with(OWN_NAME) && !ACTIONS.contains_key(name) {
        check_inputs(name, inputs, &OWN_INPUTS, problems);
        return;
    }
    if !is_full_commit(reference) {
        problems.push(Problem::new(
            uses.line,
            format!("{name} is not pinned to a full commit"),
        ));
        return;
    }
    let Some(action) = ACTIONS.get(name) else {
        let message = format!("{name} is not in actions.toml");
        problems.push(Problem::of_ours(uses.line, message));
        return;
    };
    if action.commit != reference {
        let message = format!("{name} is pinned to another commit than actions.toml says");
        problems.push(Problem::of_ours(uses.line, message));
        return;
    }
    check_inputs(name, inputs, &action.inputs, problems);
    for required in &action.required {
        if !inputs.iter().any(|input| input.key == *required) {
            problems.push(Problem::new(
                uses.line,
                format!("{name} needs the input `{required}`"),
            ));
        }
    }
    let keeps_token = name == "actions/checkout"
        && step
            .at(&["with", "persist-credentials"])
            .and_then(Node::scalar)
            != Some("false");
    if keeps_token {
        problems.push(Problem::new(
            uses.line,
            "`persist-credentials: false` is missing: the token would stay in .git/config",
        ));
    }
}

fn check_inputs(name: &str, inputs: &[Entry], known: &[String], problems: &mut Vec<Problem>) {
    for input in inputs {
        if !known.contains(&input.key) {
            problems.push(Problem::new(
                input.line,
                format!("{name} has no input `{}`", input.key),
            ));
        }
    }
}

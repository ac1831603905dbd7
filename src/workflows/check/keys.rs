//! Keys: GitHub refuses those that it does not know, the typed model takes them.
//! Lists after GitHub's workflow syntax reference.

use super::Problem;
use crate::project::document::{Entry, Node};

const WORKFLOW: [&str; 9] = [
    "name",
    "run-name",
    "on",
    "permissions",
    "env",
    "defaults",
    "concurrency",
    "jobs",
    "description",
];
const TRIGGERS: [&str; 33] = [
    "branch_protection_rule",
    "check_run",
    "check_suite",
    "create",
    "delete",
    "deployment",
    "deployment_status",
    "discussion",
    "discussion_comment",
    "fork",
    "gollum",
    "image_version",
    "issue_comment",
    "issues",
    "label",
    "merge_group",
    "milestone",
    "page_build",
    "public",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_target",
    "push",
    "registry_package",
    "release",
    "repository_dispatch",
    "schedule",
    "status",
    "watch",
    "workflow_call",
    "workflow_dispatch",
    "workflow_run",
];
const JOB: [&str; 19] = [
    "name",
    "permissions",
    "needs",
    "if",
    "runs-on",
    "environment",
    "concurrency",
    "outputs",
    "env",
    "defaults",
    "steps",
    "timeout-minutes",
    "strategy",
    "continue-on-error",
    "container",
    "services",
    "uses",
    "with",
    "secrets",
];
const STEP: [&str; 11] = [
    "id",
    "if",
    "name",
    "uses",
    "run",
    "working-directory",
    "shell",
    "with",
    "env",
    "continue-on-error",
    "timeout-minutes",
];
const SERVICE: [&str; 7] = [
    "image",
    "credentials",
    "env",
    "ports",
    "volumes",
    "options",
    "command",
];

pub(super) fn check(workflow: &Node, problems: &mut Vec<Problem>) {
    known("a workflow", workflow.entries(), &WORKFLOW, problems);
    known(
        "`on`",
        workflow.get("on").map(Node::entries).unwrap_or_default(),
        &TRIGGERS,
        problems,
    );
    for job in workflow.get("jobs").map(Node::entries).unwrap_or_default() {
        known("a job", job.node.entries(), &JOB, problems);
        for step in job.node.get("steps").map(Node::items).unwrap_or_default() {
            known("a step", step.entries(), &STEP, problems);
        }
        for service in job
            .node
            .get("services")
            .map(Node::entries)
            .unwrap_or_default()
        {
            known("a service", service.node.entries(), &SERVICE, problems);
        }
    }
}

/// Looks for keys that are not in the list.
pub(super) fn known(what: &str, entries: &[Entry], keys: &[&str], problems: &mut Vec<Problem>) {
    for entry in entries {
        if !keys.contains(&entry.key.as_str()) {
            problems.push(Problem::new(
                entry.line,
                format!("{what} has no key `{}`", entry.key),
            ));
        }
    }
}

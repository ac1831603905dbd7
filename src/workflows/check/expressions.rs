//! Expressions: each one parses, and names only contexts, jobs, outputs and
//! steps that exist.

use github_actions_expressions::context::Context;
use github_actions_expressions::{Expr, SpannedExpr};

use super::{Problem, each_text, jobs};
use crate::project::document::{Entry, Node};

/// The contexts that GitHub knows.
const CONTEXTS: [&str; 12] = [
    "github", "env", "vars", "job", "jobs", "steps", "runner", "secrets", "strategy", "matrix",
    "needs", "inputs",
];

pub(super) fn check(workflow: &Node, problems: &mut Vec<Problem>) {
    for entry in workflow.entries() {
        if entry.key != "jobs" {
            each_expression(&entry.node, problems, &mut |expression, line, problems| {
                check_contexts(expression, line, problems, |_, _| Ok(()));
            });
        }
    }
    let Some(all_jobs) = workflow.get("jobs") else {
        return;
    };
    for job in all_jobs.entries() {
        check_job(job, all_jobs, problems);
    }
}

fn check_job(job: &Entry, all_jobs: &Node, problems: &mut Vec<Problem>) {
    let needed = jobs::needs(&job.node);
    let step_ids: Vec<(&str, usize)> = job
        .node
        .get("steps")
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .filter_map(|step| Some((step.get("id")?.str()?, step.line)))
        .collect();
    let knows = |parts: &[String], line: usize| -> Result<(), String> {
        match parts {
            [context, id, rest @ ..] if context == "needs" && id != "*" => {
                if !needed.iter().any(|(name, _)| name == id) {
                    return Err(format!("the job does not need `{id}`, so it cannot see it"));
                }
                if let [outputs, name, ..] = rest
                    && outputs == "outputs"
                    && all_jobs.at(&[id, "outputs", name]).is_none()
                {
                    return Err(format!("the job `{id}` has no output `{name}`"));
                }
                Ok(())
            }
            [context, id, ..] if context == "steps" && id != "*" => {
                // Outputs of the job are read after all of its steps.
                let in_steps = job
                    .node
                    .get("steps")
                    .is_some_and(|steps| line >= steps.line);
                if step_ids
                    .iter()
                    .any(|(known, at)| known == id && (!in_steps || *at <= line))
                {
                    Ok(())
                } else {
                    Err(format!("no earlier step has the id `{id}`"))
                }
            }
            [context, key, ..] if context == "matrix" && key != "*" => {
                if job.node.at(&["strategy", "matrix", key]).is_some() {
                    Ok(())
                } else {
                    Err(format!("the job's matrix has no `{key}`"))
                }
            }
            _ => Ok(()),
        }
    };
    each_expression(&job.node, problems, &mut |expression, line, problems| {
        check_contexts(expression, line, problems, |parts, line| knows(parts, line));
    });
}

fn check_contexts(
    expression: &SpannedExpr<'_>,
    line: usize,
    problems: &mut Vec<Problem>,
    knows: impl Fn(&[String], usize) -> Result<(), String>,
) {
    for (context, _) in expression.contexts() {
        let parts = parts(context);
        let Some(first) = parts.first() else { continue };
        if !CONTEXTS.contains(&first.as_str()) {
            problems.push(Problem::new(
                line,
                format!("there is no context `{first}` in an expression"),
            ));
        } else if let Err(message) = knows(&parts, line) {
            problems.push(Problem::new(line, message));
        }
    }
}

/// `needs.a.outputs.b` as its names, `*` for a star, up to a computed index.
fn parts(context: &Context<'_>) -> Vec<String> {
    context
        .parts
        .iter()
        .map_while(|part| match &**part {
            Expr::Identifier(identifier) => Some(identifier.as_str().to_owned()),
            Expr::Star => Some("*".to_owned()),
            _ => None,
        })
        .collect()
}

fn each_expression(
    node: &Node,
    problems: &mut Vec<Problem>,
    visit: &mut dyn FnMut(&SpannedExpr<'_>, usize, &mut Vec<Problem>),
) {
    each_text(node, &mut |text, line| {
        let mut rest = text;
        while let Some((_, after)) = rest.split_once("${{") {
            let Some((inside, after)) = after.split_once("}}") else {
                problems.push(Problem::new(line, "an expression is not closed"));
                return;
            };
            match Expr::parse(inside.trim()) {
                Ok(expression) => visit(&expression, line, problems),
                Err(error) => problems.push(Problem::new(
                    line,
                    format!("an expression cannot be parsed: {error}"),
                )),
            }
            rest = after;
        }
    });
}

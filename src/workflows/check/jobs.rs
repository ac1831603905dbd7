//! The graph of jobs: what a job waits for exists, and nobody waits in a circle.

use std::collections::{HashMap, HashSet};

use super::Problem;
use crate::project::document::Node;

/// The jobs that a job waits for, each with its line.
pub(super) fn needs(job: &Node) -> Vec<(&str, usize)> {
    let Some(needs) = job.get("needs") else {
        return Vec::new();
    };
    match needs.str() {
        Some(one) => vec![(one, needs.line)],
        None => needs
            .items()
            .iter()
            .filter_map(|item| Some((item.str()?, item.line)))
            .collect(),
    }
}

pub(super) fn check(workflow: &Node, problems: &mut Vec<Problem>) {
    let Some(jobs) = workflow.get("jobs") else {
        problems.push(Problem::new(1, "there are no jobs"));
        return;
    };
    let mut graph: HashMap<&str, Vec<&str>> = HashMap::new();
    for entry in jobs.entries() {
        let id = entry.key.as_str();
        if !is_identifier(id) {
            problems.push(Problem::new(entry.line, format!("`{id}` is no job id")));
        }
        for (needed, line) in needs(&entry.node) {
            if jobs.get(needed).is_none() {
                problems.push(Problem::new(
                    line,
                    format!("there is no job `{needed}` to wait for"),
                ));
            }
            graph.entry(id).or_default().push(needed);
        }
        let mut ids = HashSet::new();
        for step in entry.node.get("steps").map(Node::items).unwrap_or_default() {
            if let Some(id) = step
                .entry("id")
                .and_then(|id| Some((id.node.str()?, id.line)))
                && !ids.insert(id.0)
            {
                problems.push(Problem::new(
                    id.1,
                    format!("two steps have the id `{}`", id.0),
                ));
            }
            if step.get("run").is_some() == step.get("uses").is_some() {
                problems.push(Problem::new(step.line, "a step has either `run` or `uses`"));
            }
        }
    }
    for entry in jobs.entries() {
        if reaches(&graph, &entry.key, &entry.key, &mut HashSet::new()) {
            problems.push(Problem::new(
                entry.line,
                format!("`{}` and the jobs it needs wait for each other", entry.key),
            ));
        }
    }
}

fn is_identifier(id: &str) -> bool {
    id.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn reaches<'g>(
    graph: &HashMap<&'g str, Vec<&'g str>>,
    from: &str,
    to: &str,
    seen: &mut HashSet<&'g str>,
) -> bool {
    graph
        .get(from)
        .into_iter()
        .flatten()
        .any(|next| *next == to || seen.insert(next) && reaches(graph, next, to, seen))
}

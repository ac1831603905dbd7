//! Signs that the repository is kept in two places.

use super::git;
use super::model::{Mirror, Task, Workflow};
use super::tree::Tree;

pub(super) fn detect(tree: &Tree, workflows: &[Workflow]) -> Vec<Mirror> {
    let mut found = Vec::new();
    let gitlab = ".gitlab-ci.yml";
    if let Some(text) = tree.text(gitlab) {
        let push = text.lines().position(|line| line.contains("git push"));
        found.push(Mirror {
            kind: "gitlab-ci".to_owned(),
            path: gitlab.to_owned(),
            line: push.map_or(1, |at| at + 1),
            detail: if push.is_some() {
                "a GitLab pipeline that pushes to another repository"
            } else {
                "a GitLab pipeline"
            }
            .to_owned(),
        });
    }
    for workflow in workflows {
        if let Some(doing) = workflow.does.iter().find(|doing| doing.task == Task::Sync) {
            found.push(Mirror {
                kind: "sync-workflow".to_owned(),
                path: workflow.path.clone(),
                line: doing.line,
                detail: "a workflow that pushes to another repository".to_owned(),
            });
        }
    }
    let remotes = git::remotes(tree.root());
    let mut hosts: Vec<String> = remotes.iter().filter_map(|(_, url)| host(url)).collect();
    hosts.sort();
    hosts.dedup();
    if hosts.len() > 1 {
        found.push(Mirror {
            kind: "remote".to_owned(),
            path: ".git/config".to_owned(),
            line: 1,
            detail: format!("remotes on {}", hosts.join(" and ")),
        });
    }
    found
}

/// The host of `https://host/path` and of `git@host:path`.
fn host(url: &str) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
    let end = rest.find(['/', ':'])?;
    (end > 0).then(|| rest[..end].to_owned())
}

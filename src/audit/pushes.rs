//! What pipelines push to another repository than their own.

use super::shell::{Command, Shell, Start};
use super::{Facts, Place};
use crate::project::document::{Node, Value};

/// A push to a remote that is not the pipeline's own.
#[derive(Debug)]
pub(super) struct Push {
    /// The pipeline's file.
    pub(super) path: String,
    /// Where it is.
    pub(super) place: Place,
    /// The job.
    pub(super) job: String,
    /// The remote, by its name or its address.
    pub(super) remote: String,
    /// Whether it may overwrite what is there.
    pub(super) is_forced: bool,
    /// Whether it is in a loop, or the pipeline has another way to try again.
    pub(super) is_repeated: bool,
    /// Whether it asks the other side to run nothing for it.
    pub(super) is_quiet: bool,
}

/// The pushes of all workflows and of GitLab's pipeline.
pub(super) fn pushes(facts: &Facts<'_>) -> Vec<Push> {
    let is_yaml = |file: &&str| file.ends_with(".yml") || file.ends_with(".yaml");
    let workflows = facts.tree.directly_in(".github/workflows").filter(is_yaml);
    let pipeline = Some(".gitlab-ci.yml").filter(|file| facts.tree.contains(file));
    let mut found = Vec::new();
    for file in workflows.chain(pipeline) {
        // Most pipelines push nothing.
        let text = facts.tree.text(file).unwrap_or_default();
        if !text.contains("git push") && !text.contains("push --mirror") {
            continue;
        }
        let Some(document) = facts.tree.yaml(file) else {
            continue;
        };
        let again = text.contains("retry");
        let jobs = document.get("jobs").unwrap_or(&document);
        for job in jobs.entries() {
            let mut scripts = Vec::new();
            texts(&job.node, &mut scripts);
            for (line, script) in scripts {
                let start = Start {
                    stops: true,
                    pipefail: false,
                    offset: Some(line - 1),
                };
                let shell = Shell::parse(script, start);
                for command in shell
                    .commands
                    .iter()
                    .filter(|one| one.runs(&["git", "push"]))
                {
                    let Some(remote) = remote(command) else {
                        continue;
                    };
                    let has = |flags: &[&str]| flags.iter().any(|flag| command.has(flag));
                    found.push(Push {
                        path: file.to_owned(),
                        place: command.place,
                        job: job.key.clone(),
                        is_forced: has(&["--force", "-f", "--mirror", "--force-with-lease"])
                            || command.words.iter().any(|word| word.text.starts_with('+')),
                        is_repeated: again || command.loops > 0,
                        is_quiet: script.contains("ci.skip") || script.contains("skip ci"),
                        remote,
                    });
                }
            }
        }
    }
    found
}

/// The remote that a push names; `None` for the pipeline's own.
fn remote(command: &Command) -> Option<String> {
    let mut words = command.program().iter().skip(2);
    let word = words.find(|word| !word.text.starts_with('-'))?;
    let own = ["origin", "HEAD"].contains(&word.text.as_str())
        || word.text.contains("GITHUB_REPOSITORY")
        || word.text.contains("github.repository")
        || word.text.contains("CI_PROJECT_PATH");
    (!own).then(|| word.text.clone())
}

/// All texts below a node that may be scripts, with the lines on which they begin.
fn texts<'n>(node: &'n Node, found: &mut Vec<(usize, &'n str)>) {
    match &node.value {
        Value::String(text) if text.contains("git push") => found.push((node.line, text)),
        Value::List(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Map(entries) => entries.iter().for_each(|entry| texts(&entry.node, found)),
        _ => {}
    }
}

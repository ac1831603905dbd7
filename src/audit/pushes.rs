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
    /// Whether it has `--force-with-lease` without a commit.
    pub(super) has_bare_lease: bool,
    /// Where its job adds the remote.
    pub(super) added: Option<Place>,
    /// Whether its job asks the remote what it has.
    pub(super) is_fetched: bool,
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
            let shells: Vec<Shell> = scripts
                .iter()
                .map(|(line, script)| {
                    let start = Start {
                        stops: true,
                        pipefail: false,
                        offset: Some(line - 1),
                    };
                    Shell::parse(script, start)
                })
                .collect();
            let all: Vec<&Command> = shells.iter().flat_map(|shell| &shell.commands).collect();
            let is_quiet = scripts
                .iter()
                .any(|(_, script)| script.contains("ci.skip") || script.contains("skip ci"));
            for command in all.iter().filter(|one| one.runs(&["git", "push"])) {
                let Some(remote) = remote(command) else {
                    continue;
                };
                let has = |flags: &[&str]| {
                    let own = command.words.iter().map(|word| word.text.as_str());
                    own.into_iter().any(|word| flags.contains(&word))
                };
                let names = |one: &&&Command, verbs: &[&[&str]]| {
                    verbs.iter().any(|verb| one.runs(verb))
                        && one.words.iter().any(|word| word.text == remote)
                };
                let added = all
                    .iter()
                    .find(|one| names(one, &[&["git", "remote", "add"]]));
                let is_fetched = all.iter().any(|one| {
                    let asks: [&[&str]; 3] =
                        [&["git", "fetch"], &["git", "pull"], &["git", "ls-remote"]];
                    names(&one, &asks)
                        || one.runs(&["git", "remote", "update"])
                        || one.runs(&["git", "fetch"]) && one.has("--all")
                }) || added.is_some_and(|one| one.has("-f"));
                found.push(Push {
                    path: file.to_owned(),
                    place: command.place,
                    job: job.key.clone(),
                    is_forced: command.has("--force-with-lease")
                        || has(&["--force", "-f", "--mirror"])
                        || command.words.iter().any(|word| word.text.starts_with('+')),
                    has_bare_lease: has(&["--force-with-lease"]),
                    added: added.map(|one| one.place),
                    is_fetched,
                    is_repeated: again || command.loops > 0,
                    is_quiet,
                    remote,
                });
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
        Value::String(text) if text.contains("git ") => found.push((node.line, text)),
        Value::List(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Map(entries) => entries.iter().for_each(|entry| texts(&entry.node, found)),
        _ => {}
    }
}

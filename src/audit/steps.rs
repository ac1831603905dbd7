//! The scripts of GitHub's workflows, with where they run.

use super::shell::{Shell, Start};
use crate::project::document::Node;
use crate::project::{Tree, path};

/// A step that runs a script.
#[derive(Debug)]
pub struct Step {
    /// The workflow.
    pub path: String,
    /// The folder that it runs in, relative to the checkout.
    pub folder: String,
    /// Whether its job works in a plain checkout of this repository alone.
    pub is_here: bool,
    /// Its commands; none where another shell than `sh` or `bash` runs it.
    pub shell: Shell,
    /// The job that it belongs to.
    pub job: String,
    /// Which of the job's steps it is, counted from 0.
    pub index: usize,
}

impl Step {
    /// Whether the script changes the folder, so that [`Step::folder`] is not all.
    pub fn moves(&self) -> bool {
        let mut commands = self.shell.commands.iter();
        commands.any(|one| one.runs(&["cd"]) || one.runs(&["pushd"]))
    }
}

/// All steps of all workflows.
pub(super) fn read(tree: &Tree) -> Vec<Step> {
    let is_yaml = |file: &&str| file.ends_with(".yml") || file.ends_with(".yaml");
    let mut found = Vec::new();
    for file in tree.directly_in(".github/workflows").filter(is_yaml) {
        let Some(document) = tree.yaml(file) else {
            continue;
        };
        for job in document.get("jobs").map_or(&[][..], Node::entries) {
            let steps = job.node.get("steps").map_or(&[][..], Node::items);
            let is_here = is_here(steps);
            for (index, step) in steps.iter().enumerate() {
                let Some(run) = step.get("run") else { continue };
                let own = step.get("working-directory").and_then(Node::str);
                let folder = own
                    .or_else(|| default(&job.node, "working-directory"))
                    .or_else(|| default(&document, "working-directory"));
                let text = run.str().unwrap_or_default();
                let named = step.get("shell").and_then(Node::str);
                let named = named.or_else(|| default(&job.node, "shell"));
                let named = named.or_else(|| default(&document, "shell"));
                let start = start(named, &job.node).map(|start| Start {
                    offset: Some(run.line - 1),
                    ..start
                });
                found.push(Step {
                    path: file.to_owned(),
                    folder: path::normalise(folder.unwrap_or(".")),
                    is_here,
                    shell: start.map_or_else(Shell::default, |start| Shell::parse(text, start)),
                    job: job.key.clone(),
                    index,
                });
            }
        }
    }
    found
}

/// What a job or a workflow sets for its scripts.
fn default<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.at(&["defaults", "run", key])?.str()
}

/// How a step's script is started; `None` where no shell that we read runs it.
fn start(named: Option<&str>, job: &Node) -> Option<Start> {
    let start = |pipefail| {
        Some(Start {
            stops: true,
            pipefail,
            offset: None,
        })
    };
    match named {
        Some("bash") => start(true),
        Some("sh") => start(false),
        // Another command line: its first word is the shell, its flags say the rest.
        Some(line) if line.starts_with("bash ") || line.starts_with("sh ") => Some(Start {
            stops: line
                .split_whitespace()
                .any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('e')),
            pipefail: line.contains("pipefail"),
            offset: None,
        }),
        Some(_) => None,
        None => {
            let runner = job.get("runs-on").and_then(Node::str).unwrap_or_default();
            if runner.starts_with("windows") {
                None
            } else {
                start(false)
            }
        }
    }
}

fn is_here(steps: &[Node]) -> bool {
    let mut checkouts = steps.iter().filter(|step| {
        let uses = step.get("uses").and_then(Node::str);
        uses.is_some_and(|uses| uses.starts_with("actions/checkout@"))
    });
    let Some(first) = checkouts.next() else {
        return false;
    };
    let elsewhere = ["path", "repository", "ref"];
    let with = first.get("with");
    let moves = with.is_some_and(|with| elsewhere.iter().any(|key| with.get(key).is_some()));
    !moves && checkouts.next().is_none()
}

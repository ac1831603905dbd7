//! The scripts of GitHub's workflows, with where they run.

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
    /// The lines of the script, with their numbers in the workflow.
    pub lines: Vec<(usize, String)>,
}

impl Step {
    /// Whether the script changes the folder, so that [`Step::folder`] is not all.
    pub fn moves(&self) -> bool {
        let mut lines = self.lines.iter();
        lines.any(|(_, line)| line.contains("cd ") || line.contains("pushd "))
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
            for step in steps {
                let Some(run) = step.get("run") else { continue };
                let own = step.get("working-directory").and_then(Node::str);
                let folder = own
                    .or_else(|| default(&job.node))
                    .or_else(|| default(&document));
                let text = run.str().unwrap_or_default();
                let lines = text.lines().enumerate();
                found.push(Step {
                    path: file.to_owned(),
                    folder: path::normalise(folder.unwrap_or(".")),
                    is_here,
                    lines: lines
                        .map(|(at, line)| (run.line + at, line.to_owned()))
                        .collect(),
                });
            }
        }
    }
    found
}

/// The folder that a job or a workflow sets for its scripts.
fn default(node: &Node) -> Option<&str> {
    node.at(&["defaults", "run", "working-directory"])?.str()
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

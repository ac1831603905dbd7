//! Existing workflows, and what they already do for which component.

mod commands;
mod line;

use std::collections::BTreeSet;

use self::commands::Found;
use self::line::Command;
use super::document::Node;
use super::model::{Component, Doing, Language, Task, Workflow};
use super::path;
use super::tree::Tree;

/// Calls of reusable workflows, composite actions, scripts and Makefile targets
/// are followed this deep.
const MAX_DEPTH: usize = 5;

/// Triggers by which a workflow judges a change.
const CI_TRIGGERS: [&str; 4] = ["push", "pull_request", "pull_request_target", "merge_group"];

/// Where bots that update dependencies are configured.
const UPDATE_BOTS: [&str; 14] = [
    ".github/dependabot.yml",
    ".github/dependabot.yaml",
    "renovate.json",
    "renovate.json5",
    "renovate.jsonc",
    ".github/renovate.json",
    ".github/renovate.json5",
    ".github/renovate.jsonc",
    ".gitlab/renovate.json",
    ".gitlab/renovate.json5",
    ".renovaterc",
    ".renovaterc.json",
    ".renovaterc.json5",
    ".renovaterc.jsonc",
];

pub(super) fn detect(tree: &Tree, components: &[Component]) -> Vec<Workflow> {
    let workflows = tree
        .directly_in(".github/workflows")
        .filter(|file| file.ends_with(".yml") || file.ends_with(".yaml"))
        .filter_map(|file| read(tree, components, file));
    let bots = UPDATE_BOTS
        .iter()
        .filter(|file| tree.contains(file))
        .map(|file| Workflow {
            path: (*file).to_owned(),
            name: None,
            does: vec![Doing {
                task: Task::UpdateDependencies,
                component: None,
                line: 1,
            }],
        });
    bots.chain(workflows).collect()
}

fn read(tree: &Tree, components: &[Component], file: &str) -> Option<Workflow> {
    let node = tree.yaml(file)?;
    let mut reader = Reader {
        tree,
        components,
        does: BTreeSet::new(),
    };
    reader.workflow(&node, None, 0);
    let is_ci = triggers(&node)
        .iter()
        .any(|trigger| CI_TRIGGERS.contains(&trigger.as_str()));
    Some(Workflow {
        path: file.to_owned(),
        name: node.get("name").and_then(Node::str).map(str::to_owned),
        does: reader
            .does
            .into_iter()
            // What runs by hand or by night judges no change.
            .filter(|doing| is_ci || is_for_any_trigger(doing.task))
            .collect(),
    })
}

/// Whether a task is worth the same by hand or by night.
const fn is_for_any_trigger(task: Task) -> bool {
    matches!(
        task,
        Task::SecurityScan | Task::Deploy | Task::Sync | Task::BackUp
    )
}

fn triggers(workflow: &Node) -> Vec<String> {
    let Some(on) = workflow.get("on") else {
        return Vec::new();
    };
    match on.str() {
        Some(one) => vec![one.to_owned()],
        None => on
            .items()
            .iter()
            .filter_map(|item| item.str().map(str::to_owned))
            .chain(on.entries().iter().map(|entry| entry.key.clone()))
            .collect(),
    }
}

struct Reader<'a> {
    tree: &'a Tree,
    components: &'a [Component],
    does: BTreeSet<Doing>,
}

impl Reader<'_> {
    /// Reads all jobs. `line` is the caller's line where another workflow calls
    /// this one.
    fn workflow(&mut self, workflow: &Node, line: Option<usize>, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let default = folder(workflow.at(&["defaults", "run"]));
        for job in workflow.get("jobs").map(Node::entries).unwrap_or_default() {
            if let Some(uses) = job.node.entry("uses") {
                let called = uses.node.str().and_then(|text| text.strip_prefix("./"));
                if let Some(called) = called.and_then(|called| self.tree.yaml(called)) {
                    self.workflow(&called, Some(line.unwrap_or(uses.line)), depth + 1);
                }
                continue;
            }
            let folder = folder(job.node.at(&["defaults", "run"])).or_else(|| default.clone());
            let steps = job.node.get("steps").map(Node::items).unwrap_or_default();
            for step in steps {
                self.step(step, &job.node, folder.as_deref(), line, depth);
            }
        }
    }

    fn step(
        &mut self,
        step: &Node,
        job: &Node,
        default: Option<&str>,
        line: Option<usize>,
        depth: usize,
    ) {
        if let Some(uses) = step.entry("uses") {
            self.action(
                step,
                uses.node.str().unwrap_or_default(),
                line.unwrap_or(uses.line),
                job,
                default,
                depth,
            );
            return;
        }
        let Some(run) = step.entry("run") else { return };
        let Some(script) = run.node.str() else { return };
        let own = folder(Some(step))
            .or_else(|| default.map(str::to_owned))
            .unwrap_or_else(|| ".".to_owned());
        // A literal block's text starts on the line after its key.
        let first = if script.contains('\n') {
            run.line + 1
        } else {
            run.line
        };
        for (script, own) in matrix_values(script, &own, job) {
            let mut folder = own;
            for (at, text) in lines(&script) {
                for (command, folder) in line::split(&text, &mut folder) {
                    self.command(&command, &folder, line.unwrap_or(first + at), 0);
                }
            }
        }
    }

    fn action(
        &mut self,
        step: &Node,
        uses: &str,
        line: usize,
        job: &Node,
        default: Option<&str>,
        depth: usize,
    ) {
        if let Some(local) = uses.strip_prefix("./") {
            let file = ["action.yml", "action.yaml"]
                .iter()
                .map(|name| path::join(local, name))
                .find(|file| self.tree.contains(file));
            if depth < MAX_DEPTH
                && let Some(node) = file.and_then(|file| self.tree.yaml(&file))
            {
                for inner in node
                    .at(&["runs", "steps"])
                    .map(Node::items)
                    .unwrap_or_default()
                {
                    self.step(inner, job, default, Some(line), depth + 1);
                }
            }
            return;
        }
        let name = uses.split('@').next().unwrap_or_default();
        if let Some(task) = commands::task_of_action(name) {
            self.does.insert(Doing {
                task,
                component: None,
                line,
            });
        } else if let Some((task, language)) = commands::tool_of_action(name) {
            let own = folder(step.get("with"))
                .or_else(|| default.map(str::to_owned))
                .unwrap_or_else(|| ".".to_owned());
            self.record(task, Some(language), &own, &[], false, line);
        }
    }

    fn command(&mut self, command: &Command, folder: &str, line: usize, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match commands::classify(command, folder) {
            Found::Nothing => {
                let first = command
                    .words
                    .first()
                    .map(String::as_str)
                    .unwrap_or_default();
                let script = match first {
                    "bash" | "sh" | "source" | "." => command
                        .words
                        .iter()
                        .skip(1)
                        .find(|word| !word.starts_with('-')),
                    _ if first.contains('/') => command.words.first(),
                    _ => None,
                };
                if let Some(file) = script.map(|script| path::join(folder, script))
                    && self.tree.contains(&file)
                {
                    self.shell_script(&file, folder, line, depth);
                }
            }
            Found::Task {
                task,
                language,
                everywhere,
            } => {
                self.record(task, language, folder, &command.words, everywhere, line);
            }
            Found::Script {
                names,
                folder,
                everywhere,
                member,
            } => {
                for name in names {
                    self.script(&name, &folder, everywhere, member.as_deref(), line, depth);
                }
            }
            Found::Make { targets, folder } => {
                for recipe in commands::recipes(self.tree, &folder, &targets) {
                    // Each line of a recipe has a shell of its own.
                    for (command, folder) in line::split(&recipe, &mut folder.clone()) {
                        self.command(&command, &folder, line, depth + 1);
                    }
                }
            }
        }
    }

    /// Whether a package manager means the package in a folder by a name: its own,
    /// or its folder's.
    fn is_member(&self, root: &str, name: &str) -> bool {
        let name = name.trim_start_matches("./").trim_end_matches("...");
        path::is_within(root, name)
            || self
                .tree
                .json(&path::join(root, "package.json"))
                .is_some_and(|node| node.get("name").and_then(Node::str) == Some(name))
    }

    /// A script file of the repository, line by line.
    fn shell_script(&mut self, file: &str, folder: &str, line: usize, depth: usize) {
        let Some(text) = self.tree.text(file) else {
            return;
        };
        let mut folder = folder.to_owned();
        for (_, text) in lines(&text) {
            for (command, folder) in line::split(&text, &mut folder) {
                self.command(&command, &folder, line, depth + 1);
            }
        }
    }

    /// A package script: of the folder's package, or of every member.
    fn script(
        &mut self,
        name: &str,
        folder: &str,
        everywhere: bool,
        member: Option<&str>,
        line: usize,
        depth: usize,
    ) {
        if everywhere {
            let roots: Vec<String> = self
                .components
                .iter()
                .filter(|component| {
                    component.language == Language::Node && path::is_within(&component.root, folder)
                })
                .map(|component| component.root.clone())
                .collect();
            for root in roots {
                if member.is_none_or(|member| self.is_member(&root, member)) {
                    self.script(name, &root, false, None, line, depth + 1);
                }
            }
            return;
        }
        let Some(package) = self.tree.json(&path::join(folder, "package.json")) else {
            return;
        };
        let Some(text) = package.at(&["scripts", name]).and_then(Node::str) else {
            return;
        };
        let by_name = commands::task_of_script(name, text);
        for (command, folder) in line::split(text, &mut folder.to_owned()) {
            self.command(&command, &folder, line, depth + 1);
        }
        if let Some(task) = by_name {
            self.record(task, Some(Language::Node), folder, &[], false, line);
        }
    }

    /// Notes a task for the components that the folder and the paths among the
    /// words mean.
    fn record(
        &mut self,
        task: Task,
        language: Option<Language>,
        folder: &str,
        words: &[String],
        everywhere: bool,
        line: usize,
    ) {
        if is_for_any_trigger(task) {
            self.does.insert(Doing {
                task,
                component: None,
                line,
            });
            return;
        }
        let of_language =
            |component: &&Component| language.is_none_or(|language| component.language == language);
        let named: BTreeSet<String> = words
            .iter()
            .skip(1)
            .filter(|word| !word.starts_with('-'))
            .map(|word| path::join(folder, word.trim_end_matches("/...")))
            .filter(|place| {
                place != "." && (self.tree.has_folder(place) || self.tree.contains(place))
            })
            .collect();
        let places: Vec<&str> = if named.is_empty() {
            vec![folder]
        } else {
            named.iter().map(String::as_str).collect()
        };
        for place in places {
            let holding = self
                .components
                .iter()
                .filter(of_language)
                .filter(|component| path::is_within(place, &component.root))
                .max_by_key(|component| component.root.len());
            let below: Vec<&Component> = self
                .components
                .iter()
                .filter(of_language)
                .filter(|component| path::is_within(&component.root, place))
                .collect();
            let chosen: Vec<&Component> = match holding {
                _ if everywhere => below,
                Some(component) => vec![component],
                None if below.len() == 1 => below,
                None => Vec::new(),
            };
            for component in chosen {
                self.does.insert(Doing {
                    task,
                    component: Some(component.name.clone()),
                    line,
                });
            }
        }
    }
}

/// `working-directory` of a step, of defaults, or of an action's inputs.
fn folder(node: Option<&Node>) -> Option<String> {
    let node = node?;
    let text = node
        .get("working-directory")
        .or_else(|| node.get("working_directory"))
        .or_else(|| node.get("workdir"))?
        .str()?;
    Some(if text.contains("${{") {
        text.to_owned()
    } else {
        path::normalise(text)
    })
}

/// A script's lines, those that a backslash joins as one, each with the number
/// of lines before it.
fn lines(script: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut is_open = false;
    for (at, line) in script.lines().enumerate() {
        let (text, goes_on) = match line.trim_end().strip_suffix('\\') {
            Some(text) => (text, true),
            None => (line, false),
        };
        match found.last_mut() {
            Some((_, joined)) if is_open => {
                joined.push(' ');
                joined.push_str(text);
            }
            _ => found.push((at, text.to_owned())),
        }
        is_open = goes_on;
    }
    found
}

/// The script and the folder for each value of the matrix that they name.
fn matrix_values(script: &str, folder: &str, job: &Node) -> Vec<(String, String)> {
    let mut all = vec![(script.to_owned(), folder.to_owned())];
    for entry in job
        .at(&["strategy", "matrix"])
        .map(Node::entries)
        .unwrap_or_default()
    {
        let spellings = [
            format!("${{{{ matrix.{} }}}}", entry.key),
            format!("${{{{matrix.{}}}}}", entry.key),
        ];
        if !spellings
            .iter()
            .any(|text| script.contains(text) || folder.contains(text))
        {
            continue;
        }
        let values: Vec<&str> = entry.node.items().iter().filter_map(Node::scalar).collect();
        all = all
            .iter()
            .flat_map(|(script, folder)| {
                let spellings = &spellings;
                values.iter().map(move |value| {
                    let fill = |text: &str| {
                        spellings.iter().fold(text.to_owned(), |text, spelling| {
                            text.replace(spelling, value)
                        })
                    };
                    (fill(script), path::normalise(&fill(folder)))
                })
            })
            .collect();
    }
    all
}

#[cfg(test)]
mod tests;

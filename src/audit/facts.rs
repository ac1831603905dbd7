//! What rules look at: the tree, what was detected in it, and documents read once.

use std::sync::{Arc, OnceLock};

use super::Answers;
use super::evidence::{self, Evidence};
use super::shell::{Shell, Start};
use super::steps::{self, Step};
use crate::project::dockerfile::{self, Instruction};
use crate::project::document::Node;
use crate::project::model::Project;
use crate::project::{Tree, path};

/// A Dockerfile.
#[derive(Debug)]
pub struct Dockerfile {
    /// Its path.
    pub path: String,
    /// The folder that it is built from.
    pub context: String,
    /// Its instructions.
    pub instructions: Vec<Instruction>,
}

/// A stage of a Dockerfile.
#[derive(Debug)]
struct Stage<'d> {
    /// Its name, in small letters.
    name: Option<String>,
    /// What it starts from, as it is written: an image, or an earlier stage.
    base: &'d str,
    /// Its instructions, `FROM` first.
    instructions: Vec<&'d Instruction>,
}

impl Dockerfile {
    fn stages(&self) -> Vec<Stage<'_>> {
        let mut stages: Vec<Stage<'_>> = Vec::new();
        for instruction in &self.instructions {
            if instruction.name == "FROM" {
                let words = dockerfile::words(&instruction.rest);
                let words: Vec<&str> = words.filter(|word| !word.starts_with("--")).collect();
                let name = match words.as_slice() {
                    [_, keyword, name, ..] if keyword.eq_ignore_ascii_case("as") => {
                        Some(name.to_ascii_lowercase())
                    }
                    _ => None,
                };
                stages.push(Stage {
                    name,
                    base: words.first().copied().unwrap_or_default(),
                    instructions: vec![instruction],
                });
            } else if let Some(last) = stages.last_mut() {
                last.instructions.push(instruction);
            }
        }
        stages
    }

    /// The instructions that make the image: those of the last stage, and of the stages
    /// that it is built on. The first of them names what it all starts from.
    pub fn image(&self) -> Vec<&Instruction> {
        let stages = self.stages();
        match stages.len().checked_sub(1) {
            Some(last) => built_on(&stages, last),
            None => Vec::new(),
        }
    }

    /// For each stage all that it is made of, as [`Self::image`] tells it of the last one.
    pub fn images(&self) -> Vec<Vec<&Instruction>> {
        let stages = self.stages();
        (0..stages.len())
            .map(|stage| built_on(&stages, stage))
            .collect()
    }
}

/// The instructions of a stage, after those of the stages that it is built on.
fn built_on<'d>(stages: &[Stage<'d>], stage: usize) -> Vec<&'d Instruction> {
    let mut all: Vec<&Instruction> = Vec::new();
    let mut at = Some(stage);
    while let Some(stage) = at {
        all.splice(0..0, stages[stage].instructions.iter().copied());
        let base = stages[stage].base.to_ascii_lowercase();
        let mut before = (0..stage).rev();
        at = before.find(|one| stages[*one].name.as_ref() == Some(&base));
    }
    all
}

/// A shell script.
#[derive(Debug)]
pub struct Script {
    /// Its path.
    pub path: String,
    /// Its commands.
    pub shell: Shell,
}

/// What rules look at.
#[derive(Debug)]
pub struct Facts<'p> {
    /// The files.
    pub tree: &'p Tree,
    /// What was detected in them.
    pub project: &'p Project,
    answers: Answers,
    dockerfiles: OnceLock<Vec<Dockerfile>>,
    scripts: OnceLock<Vec<Script>>,
    steps: OnceLock<Vec<Step>>,
    evidence: OnceLock<Evidence>,
}

impl<'p> Facts<'p> {
    /// The facts of a repository.
    pub fn new(tree: &'p Tree, project: &'p Project) -> Self {
        Self {
            tree,
            project,
            answers: Answers::new(),
            dockerfiles: OnceLock::new(),
            scripts: OnceLock::new(),
            steps: OnceLock::new(),
            evidence: OnceLock::new(),
        }
    }

    /// The facts with what people have said.
    #[must_use]
    pub fn with_answers(mut self, answers: &Answers) -> Self {
        self.answers.clone_from(answers);
        self
    }

    /// What a person has answered to a question.
    pub fn answer(&self, name: &str) -> Option<&str> {
        self.answers.get(name).map(String::as_str)
    }

    /// All Dockerfiles.
    pub fn dockerfiles(&self) -> &[Dockerfile] {
        self.dockerfiles.get_or_init(|| {
            let containers = self.project.containers.iter();
            containers
                .filter_map(|container| {
                    Some(Dockerfile {
                        path: container.path.clone(),
                        context: container.context.clone(),
                        instructions: dockerfile::instructions(&self.tree.text(&container.path)?),
                    })
                })
                .collect()
        })
    }

    /// What the repository shows of good practice.
    pub fn evidence(&self) -> &Evidence {
        self.evidence.get_or_init(|| evidence::gather(self))
    }

    /// All workflows of GitHub that can be read.
    pub fn workflows(&self) -> impl Iterator<Item = (&'p str, Arc<Node>)> {
        let tree = self.tree;
        let is_yaml = |file: &&str| file.ends_with(".yml") || file.ends_with(".yaml");
        let files = tree.directly_in(".github/workflows").filter(is_yaml);
        files.filter_map(move |file| Some((file, tree.yaml(file)?)))
    }

    /// The scripts of all workflows.
    pub fn steps(&self) -> &[Step] {
        self.steps.get_or_init(|| steps::read(self.tree))
    }

    /// All shell scripts.
    pub fn scripts(&self) -> &[Script] {
        self.scripts.get_or_init(|| {
            let files = self.tree.files().iter();
            let files = files.filter(|file| may_be_script(file) && !path::is_sample(file));
            files
                .filter_map(|file| read_script(self.tree, file))
                .collect()
        })
    }
}

/// Whether a file's name says that it is a shell script, or lets it be one.
fn may_be_script(file: &str) -> bool {
    let name = path::name(file);
    is_script(name)
        || !name.contains('.') && {
            let folders = [
                "bin", "scripts", "script", "deploy", "hack", "ci", ".husky", "docker",
            ];
            let names = ["entrypoint", "start", "deploy", "release"];
            folders.contains(&path::name(path::parent(file)))
                || names.iter().any(|word| name.contains(word))
        }
}

fn is_script(name: &str) -> bool {
    [".sh", ".bash"].iter().any(|end| name.ends_with(end))
}

/// A script; `None` for a file that turns out to be something else.
fn read_script(tree: &Tree, file: &str) -> Option<Script> {
    let text = tree.text(file)?;
    let first = text.lines().next().unwrap_or_default();
    let of_shell = first.starts_with("#!")
        && ["sh", "bash", "dash", "ash", "zsh", "ksh"]
            .iter()
            .any(|shell| {
                let mut words = first[2..].split_whitespace().map(path::name);
                words.any(|word| word == *shell)
            });
    if !of_shell && (first.starts_with("#!") || !is_script(path::name(file))) {
        return None;
    }
    Some(Script {
        path: file.to_owned(),
        shell: Shell::parse(&text, Start::default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_its_last_stage_and_what_that_is_built_on() {
        let text = "FROM a AS base\nRUN one\nFROM b AS other\nRUN two\nFROM base\nRUN three\n";
        let file = Dockerfile {
            path: "Dockerfile".to_owned(),
            context: ".".to_owned(),
            instructions: dockerfile::instructions(text),
        };
        let lines: Vec<usize> = file.image().iter().map(|one| one.line).collect();
        assert_eq!(lines, [1, 2, 5, 6]);
    }
}

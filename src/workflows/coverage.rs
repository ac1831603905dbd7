//! What other workflows do already, so that it is not generated again.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::Manifest;
use crate::project::model::{Project, StepKind, Task};

/// What other workflows do already.
pub(super) struct Coverage {
    /// The workflow that makes the whole template superfluous.
    pub(super) whole: Option<String>,
    /// Roots of the components that are proved elsewhere.
    pub(super) components: BTreeSet<String>,
    /// By component name the workflow that proves it.
    pub(super) by: BTreeMap<String, String>,
    /// Steps that could be run and are in no workflow, by component.
    unproved: Vec<(String, String, Vec<&'static str>)>,
}

impl Coverage {
    pub(super) fn new(project: &Project, manifest: &Manifest, own: &BTreeSet<String>) -> Self {
        let others = || {
            project
                .workflows
                .iter()
                .filter(|workflow| !own.contains(&workflow.path))
        };
        let mut coverage = Self {
            whole: None,
            components: BTreeSet::new(),
            by: BTreeMap::new(),
            unproved: Vec::new(),
        };
        if !manifest.covered_by.contains(&Task::Test) {
            coverage.whole = others()
                .find(|workflow| {
                    workflow
                        .does
                        .iter()
                        .any(|doing| manifest.covered_by.contains(&doing.task))
                })
                .map(|workflow| workflow.path.clone());
            return coverage;
        }
        for component in &project.components {
            let tasks = |task: Task| {
                others().find(|workflow| {
                    workflow.does.iter().any(|doing| {
                        doing.task == task
                            && doing.component.as_deref() == Some(component.name.as_str())
                    })
                })
            };
            // Without tests, whatever else can be proved decides.
            let deciding: Vec<Task> = if component.has_step(StepKind::Test) {
                vec![Task::Test]
            } else {
                component
                    .steps
                    .iter()
                    .map(|step| task_of(step.kind))
                    .collect()
            };
            let Some(workflow) = deciding.into_iter().find_map(tasks) else {
                continue;
            };
            coverage.components.insert(component.root.clone());
            coverage
                .by
                .insert(component.name.clone(), workflow.path.clone());
            let unproved: BTreeSet<&'static str> = component
                .steps
                .iter()
                .filter(|step| tasks(task_of(step.kind)).is_none())
                .map(|step| word(step.kind))
                .collect();
            if !unproved.is_empty() {
                coverage.unproved.push((
                    component.name.clone(),
                    workflow.path.clone(),
                    unproved.into_iter().collect(),
                ));
            }
        }
        coverage
    }

    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self
            .by
            .iter()
            .map(|(component, workflow)| {
                format!("{component} is left out: {workflow} tests it already")
            })
            .collect();
        notes.extend(self.unproved.iter().map(|(component, workflow, kinds)| {
            format!(
                "{workflow} could prove more of {component}: {}",
                kinds.join(", ")
            )
        }));
        notes
    }
}

const fn task_of(kind: StepKind) -> Task {
    match kind {
        StepKind::Lint => Task::Lint,
        StepKind::Format => Task::Format,
        StepKind::TypeCheck => Task::TypeCheck,
        StepKind::Migrations => Task::Migrations,
        StepKind::Test | StepKind::Coverage => Task::Test,
        StepKind::Build => Task::Build,
    }
}

const fn word(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Lint => "lint",
        StepKind::Format => "format",
        StepKind::TypeCheck => "type check",
        StepKind::Migrations => "migrations",
        StepKind::Test => "tests",
        StepKind::Coverage => "coverage",
        StepKind::Build => "build",
    }
}

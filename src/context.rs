//! What every command gets: printing, the environment, the configuration.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::config::{self, ConfigError, Loaded};
use crate::error::{Exit, Failure};
use crate::project::model::{Project, Role, StepKind};
use crate::project::{self, Tree};
use crate::sys::env::Env;
use crate::sys::ui::{Ui, escape_line, escape_terminal};

/// The surroundings of a command.
#[derive(Debug)]
pub struct Context {
    /// Prints.
    pub ui: Ui,
    /// The environment.
    pub env: Env,
    /// Whether to say more.
    pub verbose: bool,
    /// The configuration file that was named on the command line.
    pub config_path: Option<PathBuf>,
}

impl Context {
    /// Prints an error with its causes and what to do about it; the result is the
    /// exit code that it asks for.
    pub fn tell(&self, error: &anyhow::Error) -> Exit {
        let mut text = error.to_string();
        for cause in error.chain().skip(1) {
            let cause = cause.to_string();
            // Some libraries repeat their cause in their own message.
            if !text.contains(&cause) {
                text.push_str(&format!(": {cause}"));
            }
        }
        self.ui.error(&escape_terminal(&text));
        let failure = error.downcast_ref::<Failure>();
        for hint in failure.map(Failure::hints).unwrap_or_default() {
            self.ui.hint(&escape_line(hint));
        }
        failure.map_or(Exit::Failed, Failure::exit)
    }

    /// Reads the configuration for the repository at `root`.
    ///
    /// # Errors
    /// Where it is wrong: exit code 2.
    pub fn config(&self, root: &Path) -> Result<Loaded> {
        let given = self
            .config_path
            .clone()
            .or_else(|| self.env.path("CI_TOOL_CONFIG"));
        config::load(root, given.as_deref()).map_err(|error| {
            let hint = match &error {
                ConfigError::Unreadable { .. } => "`--config FILE` names another file",
                ConfigError::Invalid(_) => "every key is described in docs/reference/config.md",
            };
            Failure::usage(error.to_string()).hint(hint).into()
        })
    }

    /// Lists the files of the repository at `root`, without what its
    /// configuration ignores.
    ///
    /// # Errors
    /// Where the folder cannot be listed, or the configuration is wrong.
    pub fn tree(&self, root: &Path) -> Result<(Tree, Loaded)> {
        let started = std::time::Instant::now();
        let loaded = self.config(root)?;
        let ignore = &loaded.config.detect.ignore;
        let tree = Tree::walk_ignoring(root, ignore).map_err(|error| {
            let failure = match &error {
                project::TreeError::Unreadable { source, .. } => {
                    Failure::failed(format!("{error}: {source}"))
                }
                project::TreeError::Glob { .. } => Failure::usage(error.to_string())
                    .hint("`*`, `**`, `?`, `[ab]` and `{a,b}` have a meaning in a glob; `\\` takes it away"),
                _ => Failure::usage(error.to_string())
                    .hint("name the repository's folder: `ci-tool detect PATH`"),
            };
            anyhow::Error::from(failure)
        })?;
        tracing::info!(
            files = tree.files().len(),
            microseconds = started.elapsed().as_micros() as u64,
            "walked"
        );
        Ok((tree, loaded))
    }

    /// Finds out what is in the repository at `root`, with the corrections of
    /// its configuration.
    ///
    /// # Errors
    /// Where the folder cannot be listed, or the configuration is wrong.
    pub fn detect(&self, root: &Path) -> Result<(Project, Loaded)> {
        let (tree, loaded) = self.tree(root)?;
        let mut project = project::detect_in(&tree);
        correct(&mut project, &loaded.config)?;
        for warning in &project.warnings {
            self.ui.warning(&escape_line(&format!(
                "{}:{}: {}",
                warning.path, warning.line, warning.message
            )));
        }
        Ok((project, loaded))
    }
}

/// Applies what a person knows better.
fn correct(project: &mut Project, config: &config::Config) -> Result<()> {
    use config::model::{RoleName, StepName};
    for (root, correction) in &config.detect.components {
        let known: Vec<String> = project
            .components
            .iter()
            .map(|found| found.root.clone())
            .collect();
        let Some(component) = project
            .components
            .iter_mut()
            .find(|found| found.root == *root)
        else {
            return Err(Failure::usage(format!(
                "the configuration corrects a component at `{root}`, and there is none"
            ))
            .hint(format!("components were found at: {}", known.join(", ")))
            .into());
        };
        if let Some(name) = &correction.name {
            component.name.clone_from(name);
        }
        if let Some(role) = correction.role {
            component.role = match role {
                RoleName::Backend => Role::Backend,
                RoleName::Frontend => Role::Frontend,
                RoleName::Library => Role::Library,
            };
        }
        if let Some(version) = &correction.version {
            component.version = Some(project::model::Fact::assumed(version.clone()));
            component.supported_versions = None;
        }
        component.steps.retain(|step| {
            !correction.skip_steps.iter().any(|skipped| {
                step.kind
                    == match skipped {
                        StepName::Lint => StepKind::Lint,
                        StepName::Format => StepKind::Format,
                        StepName::TypeCheck => StepKind::TypeCheck,
                        StepName::Migrations => StepKind::Migrations,
                        StepName::Test => StepKind::Test,
                        StepName::Coverage => StepKind::Coverage,
                        StepName::Build => StepKind::Build,
                    }
            })
        });
    }
    Ok(())
}

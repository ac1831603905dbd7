//! `ci-tool config`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;

use super::deploy::sketch;
use crate::config::Config;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::report;

/// Check or show the configuration.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do with it.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with the configuration.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Say whether the configuration is right
    Check {
        /// The repository's folder
        #[arg(default_value = ".")]
        path: PathBuf,
    },
    /// Print what the configuration file decides, as JSON
    Show {
        /// The repository's folder
        #[arg(default_value = ".")]
        path: PathBuf,
    },
    /// Print a first `deploy:` for what is in the repository
    Sketch {
        /// The repository's folder
        #[arg(default_value = ".")]
        path: PathBuf,
    },
    /// Print the JSON Schema of the configuration, for editors
    Schema,
}

/// Checks, shows or describes the configuration.
///
/// # Errors
/// Where the configuration is wrong: exit code 2.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    if let Action::Check { path } | Action::Show { path } | Action::Sketch { path } = &args.action
        && !path.is_dir()
    {
        return Err(Failure::usage(format!("{} is not a folder", path.display())).into());
    }
    match &args.action {
        Action::Check { path } => {
            let loaded = context.config(path)?;
            context.ui.remark(&match loaded.path {
                Some(path) => format!("{} is right", path.display()),
                None => "there is no configuration file: defaults hold".to_owned(),
            });
        }
        Action::Show { path } => {
            let loaded = context.config(path)?;
            context.ui.result(&report::json(&loaded.config)?)?;
        }
        Action::Sketch { path } => {
            let (project, loaded) = context.detect(path)?;
            context.ui.result(&sketch::of(&project, &loaded))?;
        }
        Action::Schema => context
            .ui
            .result(&report::json(&schemars::schema_for!(Config))?)?,
    }
    Ok(Exit::Yes)
}

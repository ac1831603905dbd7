//! `ci-tool detect`.

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;

use crate::context::Context;
use crate::error::Exit;
use crate::report;

/// Tell what is in a repository, and how that is known.
///
/// Lists the components (what is built and tested by itself) with their facts,
/// each with the file and line that says so and with what contradicts it, then
/// Dockerfiles, platforms, mirrors and what existing workflows do. Reads files
/// only: nothing of the repository is executed, nothing is written.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The repository's folder
    #[arg(default_value = ".")]
    pub path: PathBuf,

    /// The form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// The forms of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs; docs/detect.schema.json describes it.
    Json,
}

/// Detects and prints.
///
/// # Errors
/// Where the folder cannot be read or the configuration is wrong.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let (project, _) = context.detect(&args.path)?;
    let text = match args.format {
        Format::Text => report::project::text(&project),
        Format::Json => report::json(&project)?,
    };
    context.ui.result(&text)?;
    Ok(Exit::Yes)
}

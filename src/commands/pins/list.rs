//! `ci-tool pins list`.

use anyhow::Result;

use super::{Format, Scope};
use crate::context::Context;
use crate::error::Exit;
use crate::report;
use crate::report::pins::Listed;

/// Show every action that is used: where, and pinned how.
///
/// Reads files only. Without `--all`, only workflows that `ci-tool generate`
/// wrote are looked at, edited or not.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which files are looked at.
    #[command(flatten)]
    pub scope: Scope,

    /// The form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// Lists.
///
/// # Errors
/// Where the folder cannot be listed, or the configuration is wrong.
pub(super) fn run(args: &Args, context: &Context) -> Result<Exit> {
    let input = super::read(&args.scope, context)?;
    let listed: Vec<Listed> = input
        .files
        .iter()
        .flat_map(|file| {
            file.uses
                .iter()
                .map(move |found| Listed::new(&file.path, found))
        })
        .collect();
    context.ui.result(&match args.format {
        Format::Text => report::pins::list_text(&listed),
        Format::Json => report::json(&report::pins::list_json(&listed))?,
    })?;
    Ok(input.tell_broken(Exit::Yes, context))
}

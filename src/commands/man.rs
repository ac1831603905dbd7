//! `ci-tool man`.

use anyhow::Result;
use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::context::Context;
use crate::error::Exit;

/// Print the manual page.
///
/// `ci-tool man | man -l -` shows it.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Prints the page.
///
/// # Errors
/// Where standard output cannot be written.
pub fn run(_: &Args, context: &Context) -> Result<Exit> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    context.ui.result(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Yes)
}

//! `ci-tool completions`.

use anyhow::Result;
use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::context::Context;
use crate::error::Exit;

/// Print completions for a shell.
///
/// For bash: `ci-tool completions bash > ~/.local/share/bash-completion/completions/ci-tool`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Prints the completions.
///
/// # Errors
/// Where standard output cannot be written.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ci-tool", &mut script);
    context.ui.result(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Yes)
}

//! The command line: global flags, the commands, and how an outcome is told.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use secrecy::{ExposeSecret as _, SecretString};

use crate::commands::Command;
use crate::context::Context;
use crate::error::Exit;
use crate::sys::askpass;
use crate::sys::env::Env;
use crate::sys::memory;
use crate::sys::ui::{self, Ui};

/// Finds out what a repository contains and brings it the delivery pipeline
/// that fits.
#[derive(Debug, Parser)]
#[command(
    name = "ci-tool",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
}

/// Flags of every command.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// Say more: once for what is done, twice for how
    #[arg(long, short, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,

    /// Say nothing but results and errors
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// The form of log lines on standard error
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,

    /// The configuration file [default: .github/ci-tool.yml of the repository]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl From<ColorChoice> for ui::Color {
    fn from(choice: ColorChoice) -> Self {
        match choice {
            ColorChoice::Auto => Self::Auto,
            ColorChoice::Always => Self::Always,
            ColorChoice::Never => Self::Never,
        }
    }
}

/// Runs the command line to its end; the result is the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    memory::keep_small();
    let env = Env::capture();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let question = arguments.get(1).and_then(|question| question.to_str());
    if let Some(answer) = askpass::asked(&env, question) {
        return tell_git(&env, answer);
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, everything else is wrong usage.
            let exit = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Yes
            };
            let _ = error.print();
            return exit;
        }
    };
    let ui = Ui::new(cli.global.color.into(), cli.global.quiet, &env);
    start_log(&cli.global, &env, &ui);
    let context = Context {
        ui,
        env,
        verbose: cli.global.verbose > 0,
        config_path: cli.global.config,
    };
    match cli.command.run(&context) {
        Ok(exit) => exit,
        Err(error) => context.tell(&error),
    }
}

/// git has started us to ask for a name or a token, and reads standard output.
fn tell_git(env: &Env, answer: std::io::Result<SecretString>) -> Exit {
    let ui = Ui::new(ui::Color::Never, false, env);
    match answer.and_then(|answer| ui.result(answer.expose_secret())) {
        Ok(()) => Exit::Yes,
        Err(error) => {
            ui.error(&format!(
                "git asked for a token, and there is none: {error}"
            ));
            Exit::Failed
        }
    }
}

fn start_log(global: &Global, env: &Env, ui: &Ui) {
    use tracing_subscriber::EnvFilter;
    let level = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, 2) => "debug",
        (false, _) => "trace",
    };
    let filter = env
        .get("CI_TOOL_LOG")
        .and_then(|filter| {
            EnvFilter::try_new(filter)
                .inspect_err(|error| ui.warning(&format!("CI_TOOL_LOG is no filter: {error}")))
                .ok()
        })
        .unwrap_or_else(|| EnvFilter::new(format!("ci_tool={level}")));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false);
    // A second start, as in the container action's inner call, changes nothing.
    let _ = match global.log_format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => builder.without_time().with_target(false).try_init(),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}

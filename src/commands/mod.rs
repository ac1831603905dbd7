//! One file for each command: its arguments, whose doc comments are its help,
//! and its story from top to bottom.

pub mod action;
pub mod audit;
pub mod completions;
pub mod config;
pub mod debt;
pub mod deploy;
pub mod detect;
pub mod docs;
pub mod explain;
pub mod gate;
pub mod generate;
pub mod man;
mod own;
pub mod pins;
mod proposal;
pub mod report;
pub mod sarif;
pub mod scan;
pub mod scanners;
pub mod secrets;
pub mod snapshot;
mod status;
pub mod sync;
pub mod template;
pub mod trend;
pub mod upload;
pub mod verify;

use anyhow::Result;
use clap::Subcommand;

use crate::context::Context;
use crate::error::Exit;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell what is in a repository, and how that is known
    Detect(detect::Args),
    /// Write the workflows that a repository lacks
    Generate(generate::Args),
    /// List what is frozen, and check that it only shrinks
    Debt(Box<debt::Args>),
    /// Show, judge or raise the actions that workflows use
    Pins(pins::Args),
    /// Decide whether the findings of any scanners may pass
    Gate(Box<gate::Args>),
    /// Turn findings of any scanners into a page, or into other forms
    Report(Box<report::Args>),
    /// Tell how findings and the score went over time
    Trend(trend::Args),
    /// Find the defects of delivery files, by proof
    Audit(Box<audit::Args>),
    /// Explain a rule of the audit
    Explain(explain::Args),
    /// Run the scanners that fit, and decide whether what they find may pass
    Scan(Box<scan::Args>),
    /// Put findings into GitHub's code scanning
    Upload(upload::Args),
    /// Tell GitHub's dependency graph what a build contains
    Snapshot(snapshot::Args),
    /// Keep a mirror the same as its source, without losing a commit
    Sync(Box<sync::Args>),
    /// Bring all services to an environment, or leave them as they were
    Deploy(deploy::Args),
    /// Write runbooks: deployment, rollback, incident, restore, secret rotation
    Docs(docs::Args),
    /// Compare what applications need with what is set where they run
    Secrets(secrets::Args),
    /// Tell whether what runs at addresses is well
    Verify(verify::Args),
    /// List, install, verify and update scanners, and fetch their databases
    Scanners(scanners::Args),
    /// Merge, filter, compare, check and convert SARIF files of any scanner
    Sarif(sarif::Args),
    /// List, start, check, try or render templates
    Template(template::Args),
    /// Check or show the configuration
    Config(config::Args),
    /// Print completions for a shell
    Completions(completions::Args),
    /// Print the manual page
    Man(man::Args),
    /// Run as the container action: inputs from the environment
    #[command(hide = true)]
    Action(action::Args),
}

impl Command {
    /// Runs the command.
    ///
    /// # Errors
    /// As the command says; the error knows its exit code.
    pub fn run(&self, context: &Context) -> Result<Exit> {
        match self {
            Self::Detect(args) => detect::run(args, context),
            Self::Generate(args) => generate::run(args, context),
            Self::Debt(args) => debt::run(args, context),
            Self::Pins(args) => pins::run(args, context),
            Self::Gate(args) => gate::run(args, context),
            Self::Report(args) => report::run(args, context),
            Self::Trend(args) => trend::run(args, context),
            Self::Audit(args) => audit::run(args, context),
            Self::Explain(args) => explain::run(args, context),
            Self::Scan(args) => scan::run(args, context),
            Self::Upload(args) => upload::run(args, context),
            Self::Snapshot(args) => snapshot::run(args, context),
            Self::Sync(args) => sync::run(args, context),
            Self::Deploy(args) => deploy::run(args, context),
            Self::Docs(args) => docs::run(args, context),
            Self::Secrets(args) => secrets::run(args, context),
            Self::Verify(args) => verify::run(args, context),
            Self::Scanners(args) => scanners::run(args, context),
            Self::Sarif(args) => sarif::run(args, context),
            Self::Template(args) => template::run(args, context),
            Self::Config(args) => config::run(args, context),
            Self::Completions(args) => completions::run(args, context),
            Self::Man(args) => man::run(args, context),
            Self::Action(args) => action::run(args, context),
        }
    }
}

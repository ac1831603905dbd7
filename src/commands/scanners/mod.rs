//! `ci-tool scanners`: which programs may run, and how they get here.

pub(super) mod install;
mod pull;
mod update;

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;

use super::scan::{cache, read_lock};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::scanners::lock::{self, LockError};
use crate::scanners::{self, run};
use crate::sys::clock;
use crate::sys::ui::escape_line;

/// List, install, verify and update scanners, and fetch their databases.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with scanners.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Show the scanners that are known: which are locked, and which are installed
    List(Where),
    /// Install what `.github/scanners.lock` names, proven by its hashes
    Install(install::Args),
    /// Prove that what is installed is what was locked
    Verify(Where),
    /// Lock a release that is old enough, and show what that changes
    Update(update::Args),
    /// Fetch or renew databases
    #[command(subcommand)]
    Db(Db),
}

/// What can be done with databases.
#[derive(Debug, Subcommand)]
pub enum Db {
    /// Fetch the databases of the scanners that are installed
    Pull(pull::Args),
}

/// Where the repository and the cache are.
#[derive(Debug, clap::Args)]
pub struct Where {
    /// The repository's folder
    #[arg(default_value = ".")]
    pub path: PathBuf,

    /// Where databases and installed scanners stay [default: ~/.cache/ci-tool]
    #[arg(long, value_name = "FOLDER", env = "CI_TOOL_CACHE")]
    pub cache: Option<PathBuf>,
}

/// Does what is asked with scanners.
///
/// # Errors
/// Where the lock is wrong, something cannot be fetched, or is not what was locked.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    match &args.action {
        Action::List(place) => list(place, context),
        Action::Install(args) => install::run(args, context),
        Action::Verify(place) => verify(place, context),
        Action::Update(args) => update::run(args, context),
        Action::Db(Db::Pull(args)) => pull::run(args, context),
    }
}

fn list(place: &Where, context: &Context) -> Result<Exit> {
    let (tree, loaded) = context.tree(&place.path)?;
    let cache = cache(place.cache.as_deref(), context)?;
    let lock = read_lock(&tree)?;
    let platform = lock::platform();
    let surroundings = scanners::Place {
        root: tree.root(),
        files: tree.files(),
        env: &context.env,
        settings: &loaded.config.scan,
        artifacts: &[],
        frozen: &[],
        private: &cache,
        cache: &cache,
        today: clock::today(),
        offline: true,
        licenses: false,
    };
    let mut out = String::new();
    for scanner in scanners::all(&loaded.config.scan) {
        let name = scanner.name();
        let state = match lock.find(name, &platform) {
            Some(entry) if entry.program(&cache).is_file() => {
                format!("{} locked and installed", entry.version)
            }
            Some(entry) => format!("{} locked, not installed", entry.version),
            None => match run::find(&*scanner, &run::Programs::new(), &surroundings) {
                Ok(Some(program)) => format!("{} (not locked)", program.display()),
                Ok(None) => format!("not installed: {}", scanner.get()),
                Err(why) => why,
            },
        };
        let line = format!("{name:<12} {:<58} {state}", scanner.about());
        out.push_str(&escape_line(&line));
        out.push('\n');
    }
    context.ui.result(&out)?;
    Ok(Exit::Yes)
}

/// Reads every program anew, whatever was noted of it before.
fn verify(place: &Where, context: &Context) -> Result<Exit> {
    let (tree, _) = context.tree(&place.path)?;
    let cache = cache(place.cache.as_deref(), context)?;
    let lock = read_lock(&tree)?;
    let platform = lock::platform();
    let mut exit = Exit::Yes;
    let mine = lock.scanners.iter().filter(|one| one.platform == platform);
    for entry in mine {
        let program = entry.program(&cache);
        let (name, version) = (&entry.name, &entry.version);
        if !program.is_file() {
            context
                .ui
                .result(&format!("{name} {version} is not installed\n"))?;
            exit = Exit::No;
            continue;
        }
        let found = lock::sha256_of(&program).map_err(|error| refused(&error))?;
        if found.eq_ignore_ascii_case(&entry.program_sha256) {
            context
                .ui
                .result(&format!("{name} {version} is what was locked\n"))?;
        } else {
            context.ui.result(&format!(
                "{name} {version} WAS CHANGED: its SHA-256 is {found}\n"
            ))?;
            exit = Exit::No;
        }
    }
    Ok(exit)
}

/// A refusal in the words of a command.
fn refused(error: &LockError) -> anyhow::Error {
    Failure::failed(escape_line(&error.to_string())).into()
}

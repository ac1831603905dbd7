//! `ci-tool pins`: the actions that workflows use, and what they are pinned to.

mod check;
mod list;
mod online;
mod update;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Subcommand, ValueEnum};

use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::forge;
use crate::project::{Tree, is_generated};
use crate::workflows::pins::{self, ActionPattern, Use};

/// Show, judge or raise the actions that workflows use.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do with them.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with pins.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Show every action that is used: where, and pinned how
    List(list::Args),
    /// Say whether every action is pinned to the commit that its comment claims
    Check(check::Args),
    /// Raise actions to their newest release that is old enough
    Update(update::Args),
}

/// Which files are looked at.
#[derive(Debug, clap::Args)]
pub struct Scope {
    /// The repository's folder
    #[arg(default_value = ".")]
    pub path: PathBuf,

    /// All workflows and `action.yml` files, not only the workflows that
    /// `ci-tool generate` wrote
    #[arg(long)]
    pub all: bool,
}

/// The forms of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs; docs/pins.md describes it.
    Json,
}

/// Shows, judges or raises.
///
/// # Errors
/// Where the files cannot be read, or GitHub does not answer.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    match &args.action {
        Action::List(args) => list::run(args, context),
        Action::Check(args) => check::run(args, context),
        Action::Update(args) => update::run(args, context),
    }
}

/// A file with the actions that it uses.
pub(super) struct File {
    /// Relative to the repository's root.
    pub(super) path: String,
    /// Its text.
    pub(super) text: String,
    /// Its uses, in the order of the text.
    pub(super) uses: Vec<Use>,
}

/// What the configuration says about pins.
struct Rules {
    cooldown_days: u32,
    allow: Vec<ActionPattern>,
    ignore: Vec<ActionPattern>,
}

impl Rules {
    fn allows(&self, slug: &str) -> bool {
        self.allow.iter().any(|pattern| pattern.matches(slug))
    }

    /// Whether a use is looked at.
    fn covers(&self, found: &Use) -> bool {
        found.repository().is_none_or(|repository| {
            let slug = repository.slug();
            !self.ignore.iter().any(|pattern| pattern.matches(&slug))
        })
    }
}

/// What a command works on.
struct Input {
    files: Vec<File>,
    rules: Rules,
    /// Files that could not be read: the others are looked at, and the exit code
    /// is 3.
    broken: Vec<Failure>,
}

impl Input {
    /// Tells what could not be read; the exit code is then another.
    fn tell_broken(self, exit: Exit, context: &Context) -> Exit {
        self.broken
            .into_iter()
            .fold(exit, |_, failure| context.tell(&failure.into()))
    }
}

/// Reads the files of a scope, and the rules for them.
fn read(scope: &Scope, context: &Context) -> Result<Input> {
    let (tree, loaded) = context.tree(&scope.path)?;
    let settings = loaded.config.pins;
    let patterns = |texts: &[String]| texts.iter().map(|text| ActionPattern::new(text)).collect();
    let rules = Rules {
        cooldown_days: settings.cooldown_days.unwrap_or(7),
        allow: patterns(&settings.allow),
        ignore: patterns(&settings.ignore),
    };
    let mut files = Vec::new();
    let mut broken = Vec::new();
    for path in paths(&tree, scope.all) {
        let Some(text) = tree.text(&path) else {
            let why = tree
                .warnings()
                .into_iter()
                .find(|warning| warning.path == path)
                .map_or_else(|| "cannot be read".to_owned(), |warning| warning.message);
            broken.push(Failure::failed(format!("{path} {why}")));
            continue;
        };
        if !scope.all && !is_generated(&text) {
            continue;
        }
        match pins::find(&path, &text) {
            Ok(uses) => files.push(File {
                path,
                text: text.to_string(),
                uses,
            }),
            Err(error) => broken.push(Failure::failed(error.to_string())),
        }
    }
    if files.is_empty() && broken.is_empty() {
        context.ui.remark(if scope.all {
            "there are no workflows and no actions here"
        } else {
            "there are no workflows that `ci-tool generate` wrote; --all looks at all of them"
        });
    }
    Ok(Input {
        files,
        rules,
        broken,
    })
}

/// The files that can use actions, sorted.
fn paths(tree: &Tree, all: bool) -> Vec<String> {
    let is_yaml = |path: &&str| path.ends_with(".yml") || path.ends_with(".yaml");
    let mut paths: Vec<String> = tree
        .directly_in(".github/workflows")
        .filter(is_yaml)
        .map(str::to_owned)
        .collect();
    if all {
        for name in ["action.yml", "action.yaml"] {
            paths.extend(tree.named(name).map(str::to_owned));
        }
    }
    paths.sort();
    paths.dedup();
    paths
}

/// A failure of the API in the words of a command.
fn explain(error: &forge::Error) -> anyhow::Error {
    Failure::failed(error.to_string()).hint(error.hint()).into()
}

/// Whether asking about other repositories would end the same way.
const fn ends_the_conversation(error: &forge::Error) -> bool {
    matches!(
        error,
        forge::Error::Setup { .. }
            | forge::Error::Unauthorized { .. }
            | forge::Error::RateLimited { .. }
            | forge::Error::Network { .. }
    )
}

/// A path below the repository's root, for messages.
fn shown(root: &Path, path: &str) -> String {
    if root == Path::new(".") {
        path.to_owned()
    } else {
        root.join(path).display().to_string()
    }
}

//! Migrations that a rollback cannot take back: what the audit knows of them, and whether
//! they come with this release.

use anyhow::Result;

use super::Args;
use super::revision::git;
use crate::commands::own;
use crate::config::deploy::MigrationsName;
use crate::context::Context;
use crate::deploy::journal::{Journal, Phase};

/// The rule of the audit that finds them.
const RULE: &str = "destructive-migration";

/// What this release would do that going back does not undo, a sentence each.
///
/// `live` are names of what is live, of which some platforms make commits; a migration that
/// is in one of these, or in the deployment before, is no longer pending.
///
/// # Errors
/// Where the repository cannot be read.
pub(super) fn pending(
    args: &Args,
    wanted: MigrationsName,
    before: Option<&Journal>,
    live: &[String],
    context: &Context,
) -> Result<Vec<String>> {
    if wanted == MigrationsName::Ignore {
        return Ok(Vec::new());
    }
    let (tree, loaded) = context.tree(&args.path)?;
    let (reading, _) = own::look(&tree, &loaded.config, true);
    let deployed = before
        .filter(|before| before.phase == Phase::Deployed)
        .map(|before| before.commit.clone());
    let known: Vec<String> = live.iter().cloned().chain(deployed).collect();
    let is_there = |commit: &String, path: &str| {
        let name = format!("{commit}:./{path}");
        git(args, context, &["cat-file", "-e", &name]).is_some()
    };
    let found = reading
        .observations
        .iter()
        .filter(|one| one.rule.id == RULE);
    Ok(found
        .filter_map(|one| {
            let place = one.location()?;
            let is_old = known.iter().any(|commit| is_there(commit, &place.path));
            let line = place.region.map_or(1, |region| region.start_line.get());
            (!is_old).then(|| {
                format!(
                    "{}:{line}: {}; going back does not undo it, and the old release may need what is gone",
                    place.path, one.message
                )
            })
        })
        .collect())
}

//! `ci-tool pins check`.

use anyhow::Result;

use super::{Format, Scope, online};
use crate::context::Context;
use crate::error::Exit;
use crate::forge::github::GitHub;
use crate::forge::http::Patience;
use crate::report;
use crate::report::pins::{Checked, Located};
use crate::workflows::pins::check;

/// Say whether every action is pinned to the commit that its comment claims.
///
/// Without `--online` only the files and the table of known actions are looked
/// at: that finds what is not pinned, and cannot see whether a commit belongs to
/// the action's repository at all. With `--online` GitHub is asked: whether the
/// tag of the comment is the commit, and whether the commit is in a branch or a
/// tag of the repository, and not only in a fork. A token in GITHUB_TOKEN or
/// GH_TOKEN raises GitHub's limit of requests.
///
/// Exit code 0: all is well. 1: something is not. 2: wrong usage or
/// configuration. 3: it could not be found out, in whole or in part.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which files are looked at.
    #[command(flatten)]
    pub scope: Scope,

    /// Ask GitHub
    #[arg(long)]
    pub online: bool,

    /// The form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// Judges.
///
/// # Errors
/// Where the folder cannot be listed, or GitHub cannot be asked.
pub(super) fn run(args: &Args, context: &Context) -> Result<Exit> {
    let input = super::read(&args.scope, context)?;
    let (files, rules) = (&input.files, &input.rules);
    let uses: Vec<online::Place<'_>> = files
        .iter()
        .flat_map(|file| file.uses.iter().map(|found| (file.path.as_str(), found)))
        .filter(|(_, found)| rules.covers(found))
        .collect();
    let mut findings: Vec<Located> = uses
        .iter()
        .flat_map(|(path, found)| {
            check::offline(found, &rules.allow)
                .into_iter()
                .map(|finding| Located::new(path, found, finding))
        })
        .collect();
    let mut failures = Vec::new();
    if args.online {
        let github = GitHub::new(&context.env, Patience::default())
            .map_err(|error| super::explain(&error))?;
        let (found, failed) = crate::forge::run(online::check(&github, &uses))?;
        findings.extend(found);
        failures = failed;
    }
    findings.sort_by(|left, right| left.place().cmp(&right.place()));
    let checked = Checked::new(
        args.online,
        files.len(),
        uses.len(),
        findings,
        input
            .broken
            .iter()
            .map(ToString::to_string)
            .chain(failures.iter().map(ToString::to_string))
            .collect(),
    );
    context.ui.result(&match args.format {
        Format::Text => report::pins::check_text(&checked),
        Format::Json => report::json(&checked)?,
    })?;
    let mut exit = if checked.fails() { Exit::No } else { Exit::Yes };
    for error in &failures {
        exit = context.tell(&super::explain(error));
    }
    let is_asked = args.online || checked.uses == 0;
    exit = input.tell_broken(exit, context);
    if !is_asked {
        context.ui.remark(
            "whether the commits belong to their repositories was not asked: --online does",
        );
    }
    Ok(exit)
}

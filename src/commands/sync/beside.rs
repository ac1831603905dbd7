//! What a sync does beside refs, where the mirror's server lets it: the mirror itself, its
//! default branch, and pull requests for conflicts.

use anyhow::Result;

use super::failure;
use super::forges::Server;
use crate::error::Failure;
use crate::mirror::plan::Hold;
use crate::mirror::refs;
use crate::mirror::{
    self, Address, Conflict, Decision, Git, Names, Outcome, Planned, Settings, Side, Transport as _,
};
use crate::report::sync::Note;

/// So many pull requests are opened or looked for.
const MAX_PULL_REQUESTS: usize = 10;

/// Makes the mirror where there is none; whether there was none.
pub(super) fn make(git: &Git, server: &Server, is_dry_run: bool) -> Result<bool> {
    if server.exists().map_err(unreachable)? {
        return Ok(false);
    }
    // Nothing is made for a source that cannot be read.
    git.list(Side::Source).map_err(failure)?;
    if !is_dry_run {
        server.create().map_err(|error| {
            Failure::failed(format!("the mirror cannot be made: {error}")).hint(
                "its group or organization must exist, and the token may make repositories in it (GitLab: scope `api`)",
            )
        })?;
    }
    Ok(true)
}

/// Makes the mirror's default branch that of the source. Where the old one was only kept
/// for that, it goes.
pub(super) fn follow(
    git: &Git,
    server: &Server,
    settings: &Settings,
    outcome: &mut Outcome,
) -> Option<Note> {
    // The refs are synced: whatever goes wrong now takes nothing of that away.
    let undone = |why: &dyn std::fmt::Display| {
        let text = format!("the mirror's default branch could not follow the source's: {why}");
        Some(Note::undone(text))
    };
    let wanted = match git.default_branch(Side::Source) {
        Ok(Some(wanted)) => wanted,
        Ok(None) => return None,
        Err(problem) => return undone(&problem),
    };
    if outcome.default_branches.1.as_ref() == Some(&wanted) {
        return None;
    }
    let there = settings.policy.names.on_mirror(&wanted);
    let name = refs::short(&there);
    let mut there = outcome.plan.refs.iter();
    let is_there = there.any(|planned| planned.name == wanted && planned.mirror.is_some());
    if settings.is_dry_run {
        let text = format!("the mirror's default branch would become {name}");
        return Some(Note::done(text));
    }
    if !is_there {
        let text = format!("the mirror lacks {name}, which is the source's default branch");
        return Some(Note::undone(text));
    }
    if let Err(error) = server.set_default_branch(name) {
        return undone(&error);
    }
    let is_held = |planned: &Planned| planned.hold == Some(Hold::DefaultBranch);
    if outcome.plan.open().any(is_held) {
        let mut again = match mirror::run(git, settings) {
            Ok(again) => again,
            Err(problem) => {
                return Some(Note::undone(format!(
                    "the mirror's default branch is now {name}, and the old one is still there: {problem}"
                )));
            }
        };
        std::mem::swap(&mut again.written, &mut outcome.written);
        again.written.append(&mut outcome.written);
        again.tried.add(outcome.tried);
        *outcome = again;
    }
    outcome.default_branches.1 = Some(wanted.clone());
    let text = format!("the mirror's default branch is now {name}");
    Some(Note::done(text))
}

/// Opens a pull request for each branch that shows a conflict.
pub(super) fn pull_requests(server: &Server, outcome: &Outcome, names: &Names) -> Vec<Note> {
    let diverged = |planned: &&Planned| {
        let conflict = Conflict::Diverged;
        planned.decision == Decision::Conflict { conflict }
    };
    let shown = outcome.plan.refs.iter().filter(diverged);
    let asked = shown.take(MAX_PULL_REQUESTS).filter_map(|planned| {
        let there = names.on_mirror(&planned.name);
        let base = refs::short(&there);
        let source = refs::short(&planned.name);
        let head = format!("{}{source}", refs::short(refs::CONFLICTS));
        match server.open_pull_request(&head, base) {
            Ok(url) => Some(Note::done(format!("{base}: pull request {}", url?))),
            Err(error) => Some(Note::undone(format!(
                "{base}: no pull request could be opened: {error}"
            ))),
        }
    });
    asked.collect()
}

/// What keeps us from asking a server.
pub(super) fn unreachable(error: crate::forge::Error) -> anyhow::Error {
    Failure::failed(format!("the mirror's server: {error}"))
        .hint("the token needs access to the API beside git: GitLab's scope `api`; CI_API_V4_URL and GITHUB_API_URL name the API of the server that a job runs on")
        .into()
}

/// Nobody can be asked to do something beside git.
pub(super) fn no_server(mirror: &Address, is_create: bool) -> anyhow::Error {
    let wish = match is_create {
        true => "`--create` makes repositories",
        false => "`sync.default-branch: follow` sets default branches",
    };
    Failure::usage(format!(
        "{wish} on GitHub and GitLab, with a token: {mirror} is on neither, or there is no token for it"
    ))
    .hint("GITHUB_TOKEN and GITLAB_TOKEN hold tokens; `sync.mirror-token` names another variable")
    .into()
}

//! `--pr`: what a command would write goes into one pull request instead, from a branch that is
//! only ever moved forward, and only while nobody else has pushed to it.

use std::path::Path;

use anyhow::Result;

use super::gate::git;
use super::sync::servers;
use super::upload;
use crate::context::Context;
use crate::error::Failure;
use crate::forge::github::{Between, GitHub, PullRequest, Relation, TreeEntry};
use crate::forge::http::Patience;
use crate::forge::{self, Error};
use crate::mirror::address::{Address, Forge};
use crate::sys::ui::escape_line;

/// GitHub takes 65,536 characters as a text.
const MAX_CHARACTERS: usize = 60_000;

/// The line of a commit's message by which ours are known: the tree that we made. Where somebody
/// amends the commit, its tree is another one.
const TRAILER: &str = "Proposed-by-ci-tool: ";

/// What is proposed.
#[derive(Debug)]
pub(super) struct Proposal<'p> {
    /// The branch.
    pub(super) branch: &'p str,
    /// One line.
    pub(super) title: &'p str,
    /// Markdown.
    pub(super) text: String,
    /// Files by their paths from the folder that was looked at; without a text they go.
    pub(super) files: Vec<(String, Option<String>)>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There is nothing to propose.
    Nothing,
    /// A pull request was opened.
    Opened(PullRequest),
    /// The open one was brought up to date.
    Updated(PullRequest),
    /// The open one holds all of it already.
    Unchanged(PullRequest),
    /// Others have pushed to the branch; nothing was changed.
    Theirs {
        /// Their commit.
        commit: String,
        /// What they say of it.
        subject: String,
    },
}

impl Outcome {
    /// In a sentence.
    pub(super) fn sentence(&self, branch: &str) -> String {
        match self {
            Self::Nothing => "nothing to propose".to_owned(),
            Self::Opened(request) => format!("opened {}", request.html_url),
            Self::Updated(request) => format!("brought {} up to date", request.html_url),
            Self::Unchanged(request) => format!("{} holds all of it", request.html_url),
            Self::Theirs { commit, subject } => {
                let short: String = commit.chars().take(12).collect();
                let subject = escape_line(subject);
                format!(
                    "the branch {branch} has commits of others ({short} {subject}): it is left alone"
                )
            }
        }
    }

    /// Where the pull request is.
    pub(super) fn url(&self) -> &str {
        match self {
            Self::Opened(one) | Self::Updated(one) | Self::Unchanged(one) => &one.html_url,
            Self::Nothing | Self::Theirs { .. } => "",
        }
    }
}

/// Opens the pull request, or brings it up to date.
///
/// # Errors
/// Where it is not known of which repository the folder is, it is not at the tip of the default
/// branch, or GitHub does not take it.
pub(super) fn propose(folder: &Path, proposal: Proposal<'_>, context: &Context) -> Result<Outcome> {
    if proposal.files.is_empty() {
        return Ok(Outcome::Nothing);
    }
    let slug = slug(folder, context).ok_or_else(|| {
        Failure::usage("it is not known which repository of GitHub this is").hint(
            "GITHUB_REPOSITORY names it as owner/name; else the remote `origin` has to be there",
        )
    })?;
    let Some((owner, name)) = slug.split_once('/') else {
        return Err(Failure::usage(format!("`{}` is no owner/name", escape_line(&slug))).into());
    };
    let said = |arguments: &[&str]| -> Result<String> {
        let said = git(folder, arguments, context)?;
        Ok(String::from_utf8_lossy(&said).trim().to_owned())
    };
    let head = said(&["rev-parse", "HEAD"])?;
    let mut status = vec!["status", "--porcelain", "--"];
    status.extend(proposal.files.iter().map(|(path, _)| path.as_str()));
    if let Some(line) = said(&status)?.lines().next() {
        return Err(Failure::usage(format!(
            "`{}` is not committed: the pull request would hold it too",
            escape_line(line.trim())
        ))
        .hint("commit it, or put it aside, and run again")
        .into());
    }
    let prefix = upload::prefix(folder, context);
    let entries = proposal.files.iter().map(|(path, text)| {
        let is_executable = is_executable(&folder.join(path));
        TreeEntry::new(format!("{prefix}{path}"), is_executable, text.clone())
    });
    let entries: Vec<TreeEntry> = entries.collect();
    let text = match proposal.text.char_indices().nth(MAX_CHARACTERS) {
        None => proposal.text,
        Some((at, _)) => {
            let cut = proposal.text[..at].rfind("\n\n").unwrap_or(0);
            format!(
                "{}\n\nThe rest is too long for here.\n",
                &proposal.text[..cut]
            )
        }
    };
    let failed = |error: Error| {
        let failure = Failure::failed(format!(
            "no pull request: {}",
            escape_line(&error.to_string())
        ));
        failure.hint(hint(&error))
    };
    let github = GitHub::new(&context.env, Patience::default()).map_err(failed)?;
    if !github.has_token() {
        return Err(Failure::usage("there is no token for GitHub")
            .hint("give one in GITHUB_TOKEN that may write contents, workflows and pull requests")
            .into());
    }
    let wanted = Wanted {
        repository: (owner, name),
        head: &head,
        branch: proposal.branch,
        title: proposal.title,
        text: &text,
        entries: &entries,
    };
    let done = forge::run(wanted.carry_out(&github))
        .map_err(|error| Failure::failed(error.to_string()))?;
    match done.map_err(failed)? {
        Ok(outcome) => Ok(outcome),
        Err(tip) => Err(Failure::usage(format!(
            "this is commit {head}, and the default branch is at {tip}: what is proposed would take back what lies between"
        ))
        .hint("check out the default branch as it is at GitHub, and run again")
        .into()),
    }
}

struct Wanted<'w> {
    repository: (&'w str, &'w str),
    /// The commit that was looked at.
    head: &'w str,
    branch: &'w str,
    title: &'w str,
    text: &'w str,
    entries: &'w [TreeEntry],
}

impl Wanted<'_> {
    /// What came of it, or the tip of the default branch where that is not what was looked at.
    async fn carry_out(&self, github: &GitHub) -> Result<Result<Outcome, String>, Error> {
        let (owner, name) = self.repository;
        let found = github.repository(owner, name).await?;
        let base = found
            .ok_or_else(|| Error::Hidden {
                slug: format!("{owner}/{name}"),
            })?
            .default_branch;
        let tip = github.tip(self.repository, &base).await?;
        if tip.as_deref() != Some(self.head) {
            return Ok(Err(tip.unwrap_or_else(|| "no commit".to_owned())));
        }
        let own = github.tip(self.repository, self.branch).await?;
        let between = match &own {
            Some(own) => Some(github.between(self.repository, self.head, own).await?),
            None => None,
        };
        if let Some(theirs) = between.as_ref().and_then(theirs) {
            return Ok(Ok(theirs));
        }
        let base_tree = github.tree_of(self.repository, self.head).await?;
        let entries = self.entries;
        let tree = github
            .create_tree(self.repository, &base_tree, entries)
            .await?;
        let last = between.as_ref().and_then(|between| between.commits.last());
        let is_ahead = between
            .as_ref()
            .is_some_and(|between| between.status == Relation::Ahead);
        let is_there = is_ahead && last.is_some_and(|last| last.commit.tree.sha == tree);
        if !is_there {
            let parents: Vec<&str> = match (&own, between.as_ref().map(|between| between.status)) {
                (Some(own), Some(Relation::Ahead)) => vec![own],
                // What was moved on meanwhile is joined, so that the branch goes forward.
                (Some(own), Some(Relation::Diverged)) => vec![own, self.head],
                _ => vec![self.head],
            };
            let message = format!("{}\n\n{TRAILER}{tree}\n", self.title);
            let made = github.create_commit(self.repository, &message, &tree, &parents);
            let commit = made.await?;
            match own {
                Some(_) => {
                    let branch = self.branch;
                    github
                        .advance_branch(self.repository, branch, &commit)
                        .await?;
                }
                None => {
                    github
                        .create_branch(self.repository, self.branch, &commit)
                        .await?
                }
            }
        }
        let open = github
            .pull_request(self.repository, self.branch, &base)
            .await?;
        let outcome = match open {
            Some(open) if is_there => Outcome::Unchanged(open),
            Some(open) => {
                let (title, text) = (self.title, self.text);
                let told = github.update_pull_request(self.repository, open.number, title, text);
                Outcome::Updated(told.await?)
            }
            None => {
                let both = (self.branch, base.as_str());
                let opened = github.open_pull_request(self.repository, both, self.title, self.text);
                Outcome::Opened(opened.await?)
            }
        };
        Ok(Ok(outcome))
    }
}

/// The first commit of a branch that is none of ours.
fn theirs(between: &Between) -> Option<Outcome> {
    let is_ours = |message: &str, tree: &str| {
        let trailer = message.lines().rev().find(|line| !line.trim().is_empty());
        trailer.and_then(|line| line.strip_prefix(TRAILER)) == Some(tree)
    };
    let mut commits = between.commits.iter();
    let found = commits.find(|one| !is_ours(&one.commit.message, &one.commit.tree.sha));
    let of = |commit: &str, message: &str| Outcome::Theirs {
        commit: commit.to_owned(),
        subject: message.lines().next().unwrap_or_default().to_owned(),
    };
    match found {
        Some(one) => Some(of(&one.sha, &one.commit.message)),
        // Not all of them were told.
        None if between.total_commits > between.commits.len() => {
            Some(of("", "more than a hundred commits"))
        }
        None => None,
    }
}

/// What a person can do.
fn hint(error: &Error) -> String {
    let said = error.to_string().to_lowercase();
    if said.contains("not permitted to create or approve pull requests") {
        "switch on \"Allow GitHub Actions to create and approve pull requests\" under Settings, Actions, General; the branch is there".to_owned()
    } else if said.contains("workflow")
        && matches!(error, Error::Forbidden { .. } | Error::Status { .. })
    {
        "a job's own token may never change workflows: give the token of an app or a person with the permission `workflows`".to_owned()
    } else if said.contains("fast forward") {
        "somebody has pushed to the branch this very moment: run again".to_owned()
    } else if matches!(error, Error::Forbidden { .. }) {
        "the token needs `contents: write`, `pull-requests: write` and, for files below .github/workflows, `workflows`".to_owned()
    } else {
        error.hint()
    }
}

/// `owner/name` of the job, else of the remote `origin`.
pub(super) fn slug(folder: &Path, context: &Context) -> Option<String> {
    let job = context.env.get("GITHUB_REPOSITORY");
    if let Some(job) = job {
        return Some(job.to_owned());
    }
    let said = git(folder, &["remote", "get-url", "origin"], context).ok()?;
    let address = Address::new(String::from_utf8_lossy(&said).trim()).ok()?;
    // A repository of the same name elsewhere is another one.
    let is_github = address.forge(servers(&context.env)) == Forge::Github;
    is_github.then(|| address.path().to_owned())
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).is_ok_and(|found| found.permissions().mode() & 0o111 != 0)
}

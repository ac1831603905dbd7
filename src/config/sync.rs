//! `sync:` in `.github/ci-tool.yml`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mirror::refs::Globs;
use crate::mirror::{Address, Names};

/// Which repository `ci-tool sync` keeps the same as which, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sync {
    /// The address of the repository that people work in. Without it the one that the job
    /// of GitHub Actions runs for, else the remote `origin`.
    pub source: Option<String>,
    /// The address of the repository that is kept the same.
    pub mirror: Option<String>,
    /// Which way changes go. Without it `push`.
    pub direction: Option<Direction>,
    /// The variable that holds the token for the source. Without it `GITHUB_TOKEN` for
    /// GitHub and `GITLAB_TOKEN` for GitLab.
    pub source_token: Option<String>,
    /// The variable that holds the token for the mirror, as `source-token`.
    pub mirror_token: Option<String>,
    /// Only these branches and tags, as globs: `main`, `release/*`, `tags/v*`. All where
    /// the list is empty.
    pub include: Vec<String>,
    /// Not these branches and tags.
    pub exclude: Vec<String>,
    /// Branches and tags that are called otherwise on the mirror: the source's names, with
    /// the mirror's, as `main: upstream/main`, `release/*: r/*` or `tags/v*: tags/up-v*`.
    pub names: BTreeMap<String, String>,
    /// What becomes of a branch that both sides have changed. Without it `keep`.
    pub on_conflict: Option<ConflictName>,
    /// Tags that may move, as globs: `v1`, `latest`. Any other stays what it was.
    pub moving_tags: Vec<String>,
    /// Whether the mirror follows where a branch of the source was rewritten and the
    /// mirror has nothing of its own; what it had is saved. Without it `true`.
    pub follow_rewrites: Option<bool>,
    /// How many refs one sync may delete on the mirror. Without it 10; 0 deletes none.
    pub prune_limit: Option<u32>,
    /// How large a part of the mirror's refs one sync may delete, in percent. Without it
    /// 25; two are always few enough.
    #[schemars(range(min = 0, max = 100))]
    pub prune_percent: Option<u32>,
    /// Options of pushes to the mirror, such as `ci.skip`.
    pub push_options: Vec<String>,
    /// For how many days the mirror keeps what was written over or deleted. Without it 90.
    pub backup_days: Option<u32>,
    /// What becomes of a repository that keeps files in Git LFS. Without it `transfer`.
    pub lfs: Option<LfsName>,
    /// Which branch is the mirror's default branch. Without it `keep`.
    pub default_branch: Option<DefaultBranchName>,
}

/// Which way changes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the source to the mirror.
    #[default]
    Push,
    /// From the mirror to the source.
    Pull,
    /// Both ways.
    Both,
}

/// What becomes of a branch that both sides have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictName {
    /// Both sides stay as they are, and it is told.
    Keep,
    /// That, and the source's commits are put on a branch `sync-conflict/…` of the mirror.
    Branch,
    /// The mirror gets what the source has; what it had is saved.
    SourceWins,
}

/// What becomes of a repository that keeps files in Git LFS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LfsName {
    /// The files are brought by git-lfs; where that is not installed, it is not synced.
    Transfer,
    /// It is not synced: the mirror would have pointers to nothing.
    Refuse,
    /// It is synced without these files; something else brings them.
    Skip,
}

/// Which branch is the mirror's default branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DefaultBranchName {
    /// The one that is chosen there.
    Keep,
    /// That of the source; set through the API of GitHub or GitLab, with the mirror's token.
    Follow,
}

impl Sync {
    /// The first thing that is wrong: its key, and why.
    pub(super) fn wrong(&self) -> Option<(&'static str, String)> {
        let addresses = [("source", &self.source), ("mirror", &self.mirror)];
        let address = addresses.into_iter().find_map(|(key, text)| {
            let error = Address::new(text.as_deref()?).err()?;
            Some((key, error.to_string()))
        });
        let globs = [
            ("include", &self.include),
            ("exclude", &self.exclude),
            ("moving-tags", &self.moving_tags),
        ];
        let glob = || {
            globs.into_iter().find_map(|(key, globs)| {
                let error = Globs::new(globs).err()?;
                Some((key, error.to_string()))
            })
        };
        let variables = [
            ("source-token", &self.source_token),
            ("mirror-token", &self.mirror_token),
        ];
        let variable = || {
            variables.into_iter().find_map(|(key, name)| {
                let name = name.as_deref()?;
                let is_name = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
                    && name
                        .chars()
                        .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
                // The text may be a token: it is not repeated.
                (!is_name).then(|| (key, "this is no name of a variable".to_owned()))
            })
        };
        let percent = || {
            let percent = self.prune_percent.filter(|percent| *percent > 100)?;
            Some(("prune-percent", format!("`prune-percent` is {percent}")))
        };
        let option = || {
            let is_wrong = |option: &&String| option.contains(['\n', '\0']) || option.is_empty();
            let option = self.push_options.iter().find(is_wrong)?;
            Some(("push-options", format!("{option:?} is no option of a push")))
        };
        let names = || {
            let error = Names::new(&self.names)
                .and_then(|names| names.swapped())
                .err()?;
            Some(("names", error.to_string()))
        };
        address
            .or_else(glob)
            .or_else(names)
            .or_else(variable)
            .or_else(percent)
            .or_else(option)
    }
}

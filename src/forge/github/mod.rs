//! The endpoints of GitHub's REST API that commands ask.

mod check_runs;
mod checks;
mod code_scanning;
mod comments;
mod deployments;
mod pulls;
mod repositories;
mod reviews;
mod rules;
mod sealed;
mod secrets;
mod snapshots;

pub use check_runs::{CheckRun, Output, PER_REQUEST, Remark};
pub use checks::Check;
pub use code_scanning::{Processing, Receipt};
pub use comments::{Author, Comment};
pub use deployments::{Deployment, Links};
pub use pulls::{Between, PullRequest, TreeEntry};
pub use repositories::{Branch, Commit, Comparison, Relation, Release, Repository, Tag, TagObject};
pub use reviews::{ChangedFile, KnownComment, ReviewComment};
pub use rules::Rule;
pub use secrets::SecretName;
pub use snapshots::{Detector, Job, Manifest, ManifestFile, Resolved, Snapshot};

use secrecy::SecretString;

use super::Error;
use super::http::{Client, Patience};
use crate::sys::env::Env;

/// GitHub, as the environment names it.
#[derive(Debug)]
pub struct GitHub {
    client: Client,
}

impl GitHub {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// Where the address or the token of the environment cannot be used.
    pub fn new(env: &Env, patience: Patience) -> Result<Self, Error> {
        Client::github(env, patience).map(|client| Self { client })
    }

    /// Connects to nothing yet: the API at this address, with this token.
    ///
    /// # Errors
    /// Where they cannot be used.
    pub fn at(
        address: &str,
        token: Option<SecretString>,
        patience: Patience,
    ) -> Result<Self, Error> {
        Client::github_at(address, token, patience).map(|client| Self { client })
    }

    /// Whether requests carry a token.
    pub const fn has_token(&self) -> bool {
        self.client.has_token()
    }
}

//! Checks of our own on a commit, with remarks at lines of its files.

use serde::{Deserialize, Serialize};

use super::GitHub;
use crate::forge::Error;

/// So many remarks does GitHub take in one request.
pub const PER_REQUEST: usize = 50;

/// A check that has ended.
#[derive(Debug, Clone, Serialize)]
pub struct CheckRun<'r> {
    /// The name, by which people know it.
    pub name: &'r str,
    /// The commit; of a pull request the one that was pushed and not the merge.
    pub head_sha: &'r str,
    /// Where more is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details_url: Option<&'r str>,
    /// `completed`.
    pub status: &'static str,
    /// `success` or `failure`.
    pub conclusion: &'static str,
    /// What is shown.
    pub output: Output<'r>,
}

/// What a check shows.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Output<'r> {
    /// The verdict.
    pub title: &'r str,
    /// Markdown, of at most 65,535 characters.
    pub summary: &'r str,
    /// At most [`PER_REQUEST`].
    pub annotations: &'r [Remark],
}

/// A remark at a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// The file, relative to the repository.
    pub path: String,
    /// The first line, from 1.
    pub start_line: usize,
    /// The last one.
    pub end_line: usize,
    /// `failure` or `warning`.
    pub annotation_level: &'static str,
    /// At most 255 characters.
    pub title: String,
    /// At most 64 KiB.
    pub message: String,
}

#[derive(Deserialize)]
struct Created {
    id: u64,
}

#[derive(Serialize)]
struct More<'r> {
    output: Output<'r>,
}

impl GitHub {
    /// Writes a check; its number.
    ///
    /// # Errors
    /// Where it was not written, or may have been.
    pub async fn create_check_run(
        &self,
        (owner, name): (&str, &str),
        run: &CheckRun<'_>,
    ) -> Result<u64, Error> {
        let path = ["repos", owner, name, "check-runs"];
        let created: Created = self.client.post(&path, run, false).await?;
        Ok(created.id)
    }

    /// Adds remarks to a check.
    ///
    /// # Errors
    /// Where GitHub does not take them, or may have: sent twice, they would be there twice.
    pub async fn add_remarks(
        &self,
        (owner, name): (&str, &str),
        id: u64,
        output: Output<'_>,
    ) -> Result<(), Error> {
        let id = id.to_string();
        let path = ["repos", owner, name, "check-runs", &id];
        let more = More { output };
        self.client.patch_once::<Created>(&path, &more).await?;
        Ok(())
    }
}

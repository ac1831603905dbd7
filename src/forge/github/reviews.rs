//! What a pull request changes, and reviews of it.

use serde::{Deserialize, Serialize};

use super::GitHub;
use crate::forge::Error;

/// So many pages of a hundred are read.
const MAX_PAGES: usize = 5;

/// A file that a pull request changes.
#[derive(Debug, Clone, Deserialize)]
pub struct ChangedFile {
    /// Its path.
    pub filename: String,
    /// git's name for its text.
    pub sha: Option<String>,
    /// The difference, without its head; none where it is too large.
    pub patch: Option<String>,
}

/// A comment on lines of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReviewComment {
    /// The file.
    pub path: String,
    /// The last line, from 1.
    pub line: usize,
    side: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_side: Option<&'static str>,
    /// Markdown.
    pub body: String,
}

impl ReviewComment {
    /// On these lines of the file as the pull request leaves it.
    pub fn new(path: String, first: usize, last: usize, body: String) -> Self {
        let is_long = first < last;
        Self {
            path,
            line: last,
            side: "RIGHT",
            start_line: is_long.then_some(first),
            start_side: is_long.then_some("RIGHT"),
            body,
        }
    }

    /// The first line.
    pub fn first(&self) -> usize {
        self.start_line.unwrap_or(self.line)
    }
}

/// A comment that is there.
#[derive(Debug, Clone, Deserialize)]
pub struct KnownComment {
    /// The file.
    pub path: String,
    /// Markdown.
    pub body: String,
}

#[derive(Serialize)]
struct Review<'r> {
    commit_id: &'r str,
    body: &'r str,
    event: &'static str,
    comments: &'r [&'r ReviewComment],
}

impl GitHub {
    /// The files that a pull request changes; of more than 500 the first.
    ///
    /// # Errors
    /// Where GitHub does not say.
    pub async fn changed_files(
        &self,
        (owner, name): (&str, &str),
        number: u64,
    ) -> Result<Vec<ChangedFile>, Error> {
        let number = number.to_string();
        self.some(&["repos", owner, name, "pulls", &number, "files"])
            .await
    }

    /// The comments on lines of a pull request; of more than 500 the first.
    ///
    /// # Errors
    /// Where GitHub does not say.
    pub async fn review_comments(
        &self,
        (owner, name): (&str, &str),
        number: u64,
    ) -> Result<Vec<KnownComment>, Error> {
        let number = number.to_string();
        self.some(&["repos", owner, name, "pulls", &number, "comments"])
            .await
    }

    async fn some<T: serde::de::DeserializeOwned>(&self, path: &[&str]) -> Result<Vec<T>, Error> {
        let (mut items, mut pages) = (Vec::new(), 0);
        let mut look = |page: Vec<T>| {
            items.extend(page);
            pages += 1;
            (pages == MAX_PAGES).then_some(())
        };
        self.client.search(path, MAX_PAGES, &mut look).await?;
        Ok(items)
    }

    /// Comments on lines, without a word for or against the pull request.
    ///
    /// # Errors
    /// Where GitHub does not take it, or may have taken it.
    pub async fn create_review(
        &self,
        (owner, name): (&str, &str),
        number: u64,
        commit_id: &str,
        body: &str,
        comments: &[&ReviewComment],
    ) -> Result<(), Error> {
        let number = number.to_string();
        let path = ["repos", owner, name, "pulls", &number, "reviews"];
        let review = Review {
            commit_id,
            body,
            event: "COMMENT",
            comments,
        };
        let made: serde::de::IgnoredAny = self.client.post(&path, &review, false).await?;
        let _ = made;
        Ok(())
    }
}

//! Repositories with their tags, branches, commits and releases.

use std::time::SystemTime;

use serde::Deserialize;

use super::GitHub;
use crate::forge::Error;

/// A repository.
#[derive(Debug, Clone, Deserialize)]
pub struct Repository {
    /// `owner/name` today: asking for an old name is answered by the new one.
    pub full_name: String,
    /// Whether it is read-only.
    pub archived: bool,
    /// The branch that a checkout gives.
    pub default_branch: String,
}

/// A tag with the commit that it points to, annotated or not.
#[derive(Debug, Clone, Deserialize)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// The commit.
    pub commit: Object,
}

/// A branch with its newest commit.
#[derive(Debug, Clone, Deserialize)]
pub struct Branch {
    /// Its name.
    pub name: String,
    /// The commit.
    pub commit: Object,
}

/// A reference to an object of git.
#[derive(Debug, Clone, Deserialize)]
pub struct Object {
    /// Its id.
    pub sha: String,
}

/// A reference, or an annotated tag: both point to an object.
#[derive(Debug, Clone, Deserialize)]
pub struct TagObject {
    /// What it points to.
    pub object: TypedObject,
}

/// A reference to an object of git that says what it is.
#[derive(Debug, Clone, Deserialize)]
pub struct TypedObject {
    /// Its id.
    pub sha: String,
    /// `commit`, `tag`, `tree` or `blob`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A commit.
#[derive(Debug, Clone, Deserialize)]
pub struct Commit {
    /// Its id.
    pub sha: String,
    /// What git knows of it.
    pub commit: CommitDetails,
}

/// What git knows of a commit.
#[derive(Debug, Clone, Deserialize)]
pub struct CommitDetails {
    /// Who made it into a commit, and when.
    pub committer: Option<Signature>,
}

/// A person and a time.
#[derive(Debug, Clone, Deserialize)]
pub struct Signature {
    /// The time, as RFC 3339 writes it.
    pub date: Option<String>,
}

/// A release.
#[derive(Debug, Clone, Deserialize)]
pub struct Release {
    /// Whether it is for testers only.
    pub prerelease: bool,
    /// Whether it is not published yet.
    pub draft: bool,
    /// When it was published, as RFC 3339 writes it.
    pub published_at: Option<String>,
    /// Its files.
    #[serde(default)]
    pub assets: Vec<Asset>,
}

/// A file of a release.
#[derive(Debug, Clone, Deserialize)]
pub struct Asset {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub browser_download_url: String,
    /// Its hash, as `sha256:` and digits; older ones have none.
    #[serde(default)]
    pub digest: Option<String>,
}

/// How one commit stands to another.
#[derive(Debug, Clone, Deserialize)]
pub struct Comparison {
    /// The second, seen from the first.
    pub status: Relation,
}

/// Where a commit stands, seen from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// The other is in its history, it is not in the other's.
    Ahead,
    /// It is in the other's history.
    Behind,
    /// Neither is in the other's.
    Diverged,
    /// They are the same.
    Identical,
}

impl Commit {
    /// When it was made into a commit, as it says itself.
    pub fn time(&self) -> Option<SystemTime> {
        time(self.commit.committer.as_ref()?.date.as_deref()?)
    }
}

impl Release {
    /// When it was published.
    pub fn time(&self) -> Option<SystemTime> {
        time(self.published_at.as_deref()?)
    }
}

fn time(text: &str) -> Option<SystemTime> {
    Some(chrono::DateTime::parse_from_rfc3339(text).ok()?.into())
}

/// Annotated tags may point to annotated tags; nobody nests them deeper.
const MAX_NESTING: usize = 10;

/// Turns "there is no such thing" into an answer.
fn optional<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl GitHub {
    /// A repository; `None` where there is none that the token may know of.
    ///
    /// # Errors
    /// Where GitHub does not say.
    pub async fn repository(&self, owner: &str, name: &str) -> Result<Option<Repository>, Error> {
        optional(self.client.get(&["repos", owner, name], &[]).await)
    }

    /// Whether an account exists. Accounts are public, repositories may not be.
    ///
    /// # Errors
    /// Where GitHub does not say.
    pub async fn has_account(&self, name: &str) -> Result<bool, Error> {
        let found: Option<serde::de::IgnoredAny> =
            optional(self.client.get(&["users", name], &[]).await)?;
        Ok(found.is_some())
    }

    /// All tags.
    ///
    /// # Errors
    /// Where GitHub does not say.
    pub async fn tags(&self, owner: &str, name: &str) -> Result<Vec<Tag>, Error> {
        self.client.list(&["repos", owner, name, "tags"]).await
    }

    /// All branches.
    ///
    /// # Errors
    /// Where GitHub does not say.
    pub async fn branches(&self, owner: &str, name: &str) -> Result<Vec<Branch>, Error> {
        self.client.list(&["repos", owner, name, "branches"]).await
    }

    /// The commit of a tag, annotated or not; `None` where there is no such tag.
    ///
    /// # Errors
    /// Where GitHub does not say, or the tag is of no commit.
    pub async fn commit_of_tag(
        &self,
        owner: &str,
        name: &str,
        tag: &str,
    ) -> Result<Option<String>, Error> {
        let Some(found) = self.reference(owner, name, "tags", tag).await? else {
            return Ok(None);
        };
        self.peel(owner, name, found.object).await.map(Some)
    }

    /// Whether there is a branch of this name.
    ///
    /// # Errors
    /// Where GitHub does not say.
    pub async fn has_branch(&self, owner: &str, name: &str, branch: &str) -> Result<bool, Error> {
        let found = self.reference(owner, name, "heads", branch).await?;
        Ok(found.is_some())
    }

    pub(super) async fn reference(
        &self,
        owner: &str,
        name: &str,
        kind: &str,
        reference: &str,
    ) -> Result<Option<TagObject>, Error> {
        let mut path = vec!["repos", owner, name, "git", "ref", kind];
        path.extend(reference.split('/'));
        optional(self.client.get(&path, &[]).await)
    }

    /// The commit that an annotated tag's own id stands for; `None` where the id
    /// is not a tag's.
    ///
    /// # Errors
    /// Where GitHub does not say, or the tag is of no commit.
    pub async fn commit_of_tag_object(
        &self,
        owner: &str,
        name: &str,
        id: &str,
    ) -> Result<Option<String>, Error> {
        let path = ["repos", owner, name, "git", "tags", id];
        let found: Option<TagObject> = optional(self.client.get(&path, &[]).await)?;
        match found {
            Some(found) => self.peel(owner, name, found.object).await.map(Some),
            None => Ok(None),
        }
    }

    async fn peel(
        &self,
        owner: &str,
        name: &str,
        mut object: TypedObject,
    ) -> Result<String, Error> {
        for _ in 0..MAX_NESTING {
            match object.kind.as_str() {
                "commit" => return Ok(object.sha),
                "tag" => {
                    let path = ["repos", owner, name, "git", "tags", &object.sha];
                    let inner: TagObject = self.client.get(&path, &[]).await?;
                    object = inner.object;
                }
                _ => break,
            }
        }
        Err(Error::Unexpected {
            url: format!("{owner}/{name}"),
            why: format!("the tag of {} {} is of no commit", object.kind, object.sha),
        })
    }

    /// A commit; `None` where GitHub knows none of this id. It finds commits of
    /// forks under the name of the original, too.
    ///
    /// # Errors
    /// Where GitHub does not say.
    pub async fn commit(&self, owner: &str, name: &str, id: &str) -> Result<Option<Commit>, Error> {
        let path = ["repos", owner, name, "commits", id];
        match optional(self.client.get(&path, &[("per_page", "1")]).await) {
            // "No commit found for SHA"
            Err(Error::Status { status: 422, .. }) => Ok(None),
            other => other,
        }
    }

    /// Where `head` stands, seen from `base`; `None` where their histories have
    /// nothing in common.
    ///
    /// # Errors
    /// Where GitHub does not say.
    pub async fn compare(
        &self,
        owner: &str,
        name: &str,
        base: &str,
        head: &str,
    ) -> Result<Option<Relation>, Error> {
        let both = format!("{base}...{head}");
        let path = ["repos", owner, name, "compare", &both];
        let found: Option<Comparison> =
            optional(self.client.get(&path, &[("per_page", "1")]).await)?;
        Ok(found.map(|found| found.status))
    }

    /// The release of a tag; `None` where the tag has none.
    ///
    /// # Errors
    /// Where GitHub does not say.
    pub async fn release(
        &self,
        owner: &str,
        name: &str,
        tag: &str,
    ) -> Result<Option<Release>, Error> {
        let mut path = vec!["repos", owner, name, "releases", "tags"];
        path.extend(tag.split('/'));
        optional(self.client.get(&path, &[]).await)
    }
}

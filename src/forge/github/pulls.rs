//! Pull requests, and the commits and branches that they are made of.

use serde::{Deserialize, Serialize};

use super::GitHub;
use super::repositories::{Object, Relation};
use crate::forge::Error;

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// Where people see it.
    pub html_url: String,
}

/// A file as it shall be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TreeEntry {
    /// Its path from the root.
    pub path: String,
    /// `100644`, or `100755` for what can be executed.
    pub mode: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    /// Its text; without one it is to be gone.
    #[serde(flatten)]
    content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Content {
    Content(String),
    Sha(Option<String>),
}

impl TreeEntry {
    /// A file with this text, or, without one, no file.
    pub fn new(path: String, is_executable: bool, text: Option<String>) -> Self {
        Self {
            path,
            mode: if is_executable { "100755" } else { "100644" },
            kind: "blob",
            content: text.map_or(Content::Sha(None), Content::Content),
        }
    }
}

/// What a branch has that another one lacks.
#[derive(Debug, Clone, Deserialize)]
pub struct Between {
    /// Where the branch stands, seen from the other.
    pub status: Relation,
    /// How many commits it has of its own.
    pub total_commits: usize,
    /// These commits, the oldest first; at most a hundred.
    pub commits: Vec<Own>,
}

/// A commit of a branch's own.
#[derive(Debug, Clone, Deserialize)]
pub struct Own {
    /// Its id.
    pub sha: String,
    /// What git knows of it.
    pub commit: Details,
}

/// What git knows of a commit.
#[derive(Debug, Clone, Deserialize)]
pub struct Details {
    /// What was said of it.
    pub message: String,
    /// Its files.
    pub tree: Object,
}

#[derive(Deserialize)]
struct WithTree {
    tree: Object,
}

#[derive(Serialize)]
struct NewTree<'t> {
    base_tree: &'t str,
    tree: &'t [TreeEntry],
}

#[derive(Serialize)]
struct NewCommit<'c> {
    message: &'c str,
    tree: &'c str,
    parents: &'c [&'c str],
}

#[derive(Serialize)]
struct NewRef<'r> {
    #[serde(rename = "ref")]
    name: &'r str,
    sha: &'r str,
}

#[derive(Serialize)]
struct Moved<'r> {
    sha: &'r str,
    force: bool,
}

#[derive(Serialize)]
struct NewPull<'p> {
    title: &'p str,
    body: &'p str,
    head: &'p str,
    base: &'p str,
}

#[derive(Serialize)]
struct PullText<'p> {
    title: &'p str,
    body: &'p str,
}

impl GitHub {
    /// The newest commit of a branch; nothing where there is no such branch.
    ///
    /// # Errors
    /// Where GitHub does not say.
    pub async fn tip(
        &self,
        (owner, name): (&str, &str),
        branch: &str,
    ) -> Result<Option<String>, Error> {
        let found = self.reference(owner, name, "heads", branch).await?;
        Ok(found.map(|found| found.object.sha))
    }

    /// What `head` has that `base` lacks.
    ///
    /// # Errors
    /// Where GitHub does not say.
    pub async fn between(
        &self,
        (owner, name): (&str, &str),
        base: &str,
        head: &str,
    ) -> Result<Between, Error> {
        let both = format!("{base}...{head}");
        let path = ["repos", owner, name, "compare", &both];
        self.client.get(&path, &[("per_page", "100")]).await
    }

    /// The tree of a commit.
    ///
    /// # Errors
    /// Where GitHub does not say.
    pub async fn tree_of(
        &self,
        (owner, name): (&str, &str),
        commit: &str,
    ) -> Result<String, Error> {
        let path = ["repos", owner, name, "git", "commits", commit];
        let found: WithTree = self.client.get(&path, &[]).await?;
        Ok(found.tree.sha)
    }

    /// Makes a tree that differs from another by these files; its name. Made twice, it is the
    /// same.
    ///
    /// # Errors
    /// Where GitHub does not take it.
    pub async fn create_tree(
        &self,
        (owner, name): (&str, &str),
        base_tree: &str,
        tree: &[TreeEntry],
    ) -> Result<String, Error> {
        let path = ["repos", owner, name, "git", "trees"];
        let body = NewTree { base_tree, tree };
        let made: Object = self.client.post(&path, &body, true).await?;
        Ok(made.sha)
    }

    /// Makes a commit, which no branch has yet; its name. GitHub signs what an app or a job
    /// makes.
    ///
    /// # Errors
    /// Where GitHub does not take it.
    pub async fn create_commit(
        &self,
        (owner, name): (&str, &str),
        message: &str,
        tree: &str,
        parents: &[&str],
    ) -> Result<String, Error> {
        let path = ["repos", owner, name, "git", "commits"];
        let body = NewCommit {
            message,
            tree,
            parents,
        };
        let made: Object = self.client.post(&path, &body, true).await?;
        Ok(made.sha)
    }

    /// Makes a branch.
    ///
    /// # Errors
    /// Where there is one of this name, or GitHub does not take it.
    pub async fn create_branch(
        &self,
        (owner, name): (&str, &str),
        branch: &str,
        sha: &str,
    ) -> Result<(), Error> {
        let path = ["repos", owner, name, "git", "refs"];
        let name = format!("refs/heads/{branch}");
        let body = NewRef { name: &name, sha };
        let made: serde::de::IgnoredAny = self.client.post(&path, &body, false).await?;
        let _ = made;
        Ok(())
    }

    /// Moves a branch forward, never by force: GitHub refuses where somebody has pushed to it
    /// since its tip was read.
    ///
    /// # Errors
    /// Where GitHub does not take it.
    pub async fn advance_branch(
        &self,
        (owner, name): (&str, &str),
        branch: &str,
        sha: &str,
    ) -> Result<(), Error> {
        let mut path = vec!["repos", owner, name, "git", "refs", "heads"];
        path.extend(branch.split('/'));
        let body = Moved { sha, force: false };
        let moved: serde::de::IgnoredAny = self.client.patch(&path, &body).await?;
        let _ = moved;
        Ok(())
    }

    /// The open pull request from one branch of a repository to another.
    ///
    /// # Errors
    /// Where GitHub does not say.
    pub async fn pull_request(
        &self,
        (owner, name): (&str, &str),
        branch: &str,
        base: &str,
    ) -> Result<Option<PullRequest>, Error> {
        let head = format!("{owner}:{branch}");
        let query = [("state", "open"), ("head", &*head), ("base", base)];
        let path = ["repos", owner, name, "pulls"];
        let found: Vec<PullRequest> = self.client.get(&path, &query).await?;
        Ok(found.into_iter().next())
    }

    /// Opens a pull request.
    ///
    /// # Errors
    /// Where GitHub does not take it.
    pub async fn open_pull_request(
        &self,
        (owner, name): (&str, &str),
        (branch, base): (&str, &str),
        title: &str,
        body: &str,
    ) -> Result<PullRequest, Error> {
        let path = ["repos", owner, name, "pulls"];
        let body = NewPull {
            title,
            body,
            head: branch,
            base,
        };
        self.client.post(&path, &body, false).await
    }

    /// Gives a pull request another text.
    ///
    /// # Errors
    /// Where GitHub does not take it.
    pub async fn update_pull_request(
        &self,
        (owner, name): (&str, &str),
        number: u64,
        title: &str,
        body: &str,
    ) -> Result<PullRequest, Error> {
        let number = number.to_string();
        let path = ["repos", owner, name, "pulls", &number];
        self.client.patch(&path, &PullText { title, body }).await
    }
}

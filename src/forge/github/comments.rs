//! Comments on pull requests and issues.

use serde::{Deserialize, Serialize};

use super::GitHub;
use crate::forge::Error;

/// So many pages of a hundred comments are looked through: a run has few questions.
const MAX_PAGES: usize = 4;

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Comment {
    /// Its number.
    pub id: u64,
    /// Its text, as Markdown.
    #[serde(default)]
    pub body: Option<String>,
    /// Who wrote it; nobody where the account is gone.
    pub user: Option<Author>,
}

/// Who wrote a comment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Author {
    /// The name.
    pub login: String,
    /// `User` or `Bot`.
    #[serde(rename = "type")]
    pub kind: String,
}

#[derive(Serialize)]
struct Text<'t> {
    body: &'t str,
}

#[derive(Deserialize)]
struct Myself {
    login: String,
}

impl GitHub {
    /// The first comment on a pull request or issue that is the right one.
    ///
    /// # Errors
    /// Where that is not known; among them where there are more than 400 and it is none of them.
    pub async fn find_comment(
        &self,
        (owner, name): (&str, &str),
        number: u64,
        is_right: impl Fn(&Comment) -> bool,
    ) -> Result<Option<Comment>, Error> {
        let number = number.to_string();
        let path = ["repos", owner, name, "issues", &number, "comments"];
        let mut look = |page: Vec<Comment>| page.into_iter().find(&is_right);
        self.client.search(&path, MAX_PAGES, &mut look).await
    }

    /// Writes a comment.
    ///
    /// # Errors
    /// Where it was not written, or may have been.
    pub async fn create_comment(
        &self,
        (owner, name): (&str, &str),
        number: u64,
        body: &str,
    ) -> Result<Comment, Error> {
        let number = number.to_string();
        let path = ["repos", owner, name, "issues", &number, "comments"];
        self.client.post(&path, &Text { body }, false).await
    }

    /// Gives a comment another text.
    ///
    /// # Errors
    /// Where GitHub does not take it.
    pub async fn update_comment(
        &self,
        (owner, name): (&str, &str),
        id: u64,
        body: &str,
    ) -> Result<Comment, Error> {
        let id = id.to_string();
        let path = ["repos", owner, name, "issues", "comments", &id];
        self.client.patch(&path, &Text { body }).await
    }

    /// The name of the account that the token is of; nothing where it is that of a job or an
    /// app, which may not ask.
    ///
    /// # Errors
    /// Where that is not known.
    pub async fn login(&self) -> Result<Option<String>, Error> {
        match self.client.get::<Myself>(&["user"], &[]).await {
            Ok(myself) => Ok(Some(myself.login)),
            Err(Error::Forbidden { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

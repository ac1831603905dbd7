//! The names of secrets. Their values GitHub gives to nobody.

use serde::Deserialize;

use super::GitHub;
use crate::forge::Error;

/// GitHub has at most a thousand secrets of a kind, a hundred a page.
const MAX_PAGES: usize = 10;

/// A secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SecretName {
    /// Its name, in capital letters.
    pub name: String,
    /// When it was written, as RFC 3339 writes it.
    pub updated_at: String,
}

#[derive(Deserialize)]
struct Page {
    total_count: usize,
    secrets: Vec<SecretName>,
}

impl GitHub {
    /// The secrets of a repository.
    ///
    /// # Errors
    /// Where the token may not know them.
    pub async fn secrets(&self, owner: &str, name: &str) -> Result<Vec<SecretName>, Error> {
        self.names(&["repos", owner, name, "actions", "secrets"])
            .await
    }

    /// The secrets of its organization that a repository may use.
    ///
    /// # Errors
    /// Where the token may not know them.
    pub async fn organization_secrets(
        &self,
        owner: &str,
        name: &str,
    ) -> Result<Vec<SecretName>, Error> {
        self.names(&["repos", owner, name, "actions", "organization-secrets"])
            .await
    }

    /// The secrets of an environment of a repository.
    ///
    /// # Errors
    /// Where there is no such environment, or the token may not know them.
    pub async fn environment_secrets(
        &self,
        owner: &str,
        name: &str,
        environment: &str,
    ) -> Result<Vec<SecretName>, Error> {
        self.names(&["repos", owner, name, "environments", environment, "secrets"])
            .await
    }

    async fn names(&self, path: &[&str]) -> Result<Vec<SecretName>, Error> {
        let mut found = Vec::new();
        for page in 1..=MAX_PAGES {
            let number = page.to_string();
            let query = [("per_page", "100"), ("page", &*number)];
            let page: Page = self.client.get(path, &query).await?;
            let is_last = page.secrets.is_empty();
            found.extend(page.secrets);
            if is_last || found.len() >= page.total_count {
                break;
            }
        }
        Ok(found)
    }
}

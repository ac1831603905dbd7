//! The names of secrets, and setting them. Their values GitHub gives to nobody.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{GitHub, sealed};
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

/// The key for which values are sealed.
#[derive(Deserialize)]
struct Key {
    key_id: String,
    key: String,
}

#[derive(Serialize)]
struct Sealed<'k> {
    encrypted_value: String,
    key_id: &'k str,
}

impl GitHub {
    /// Sets a secret of a repository, or of one of its environments; whether it was there
    /// before is not told.
    ///
    /// # Errors
    /// Where GitHub does not take it, or there is no such environment.
    pub async fn set_secret(
        &self,
        (owner, name): (&str, &str),
        environment: Option<&str>,
        secret: &str,
        value: &SecretString,
    ) -> Result<(), Error> {
        let path = |last| match environment {
            Some(environment) => {
                vec![
                    "repos",
                    owner,
                    name,
                    "environments",
                    environment,
                    "secrets",
                    last,
                ]
            }
            None => vec!["repos", owner, name, "actions", "secrets", last],
        };
        let key: Key = self.client.get(&path("public-key"), &[]).await?;
        let encrypted_value = sealed::seal(&key.key, value).map_err(|why| Error::Setup {
            url: "GitHub".to_owned(),
            why,
        })?;
        let sealed = Sealed {
            encrypted_value,
            key_id: &key.key_id,
        };
        self.client.put_unanswered(&path(secret), &sealed).await
    }

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

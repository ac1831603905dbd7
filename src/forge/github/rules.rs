//! What GitHub lets a push do to a branch, and repositories that are made or set for it.

use serde::Deserialize;
use serde_json::json;

use super::{GitHub, Repository};
use crate::forge::Error;

/// A rule that holds for a branch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Rule {
    /// What it forbids: `deletion`, `non_fast_forward`, `update`, `creation` and others.
    #[serde(rename = "type")]
    pub kind: String,
    /// The ruleset that it belongs to.
    pub ruleset_id: Option<u64>,
}

#[derive(Deserialize)]
struct Ruleset {
    current_user_can_bypass: Option<String>,
}

#[derive(Deserialize)]
struct Account {
    #[serde(rename = "type")]
    kind: String,
}

impl GitHub {
    /// The rules of rulesets that hold for a branch, whether it exists or not.
    ///
    /// # Errors
    /// Where there is no usable answer.
    pub async fn rules(&self, owner: &str, name: &str, branch: &str) -> Result<Vec<Rule>, Error> {
        self.client
            .list(&["repos", owner, name, "rules", "branches", branch])
            .await
    }

    /// Whether a ruleset binds whoever the token belongs to; `None` where GitHub does not say.
    ///
    /// # Errors
    /// Where there is no usable answer.
    pub async fn binds(
        &self,
        owner: &str,
        name: &str,
        ruleset: u64,
    ) -> Result<Option<bool>, Error> {
        let path = ["repos", owner, name, "rulesets", &ruleset.to_string()];
        let found: Ruleset = self.client.get(&path, &[]).await?;
        let bypass = found.current_user_can_bypass;
        Ok(bypass.map(|bypass| !matches!(bypass.as_str(), "always" | "exempt")))
    }

    /// Makes a private, empty repository of an organization, or of the token's own user.
    ///
    /// # Errors
    /// Where there is no such owner, or it is not allowed.
    pub async fn create(&self, owner: &str, name: &str) -> Result<Repository, Error> {
        let account: Account = self.client.get(&["users", owner], &[]).await?;
        let path: &[&str] = match account.kind.as_str() {
            "Organization" => &["orgs", owner, "repos"],
            _ => &["user", "repos"],
        };
        let body = json!({"name": name, "private": true, "auto_init": false});
        self.client.post(path, &body, false).await
    }

    /// Makes a branch the default one.
    ///
    /// # Errors
    /// Where it is not allowed.
    pub async fn set_default_branch(
        &self,
        owner: &str,
        name: &str,
        branch: &str,
    ) -> Result<Repository, Error> {
        let body = json!({"default_branch": branch});
        self.client.patch(&["repos", owner, name], &body).await
    }
}

//! Code scanning: findings are uploaded as SARIF, and GitHub reads them afterwards.

use serde::{Deserialize, Serialize};

use super::GitHub;
use crate::forge::Error;

/// That GitHub has taken a file, and will read it.
#[derive(Debug, Clone, Deserialize)]
pub struct Receipt {
    /// The name under which it can be asked for.
    pub id: String,
}

/// How far GitHub is with reading a file.
#[derive(Debug, Clone, Deserialize)]
pub struct Processing {
    /// `pending`, `complete` or `failed`.
    pub processing_status: Option<String>,
    /// What is wrong with the file.
    pub errors: Option<Vec<String>>,
}

#[derive(Serialize)]
struct Upload<'u> {
    commit_sha: &'u str,
    #[serde(rename = "ref")]
    reference: &'u str,
    sarif: &'u str,
}

impl GitHub {
    /// Uploads a SARIF file, packed by gzip and written in base64, for a commit and a full
    /// ref. It may be sent again: a newer file of the same category takes the older's place.
    ///
    /// # Errors
    /// Where GitHub does not take it.
    pub async fn upload_sarif(
        &self,
        (owner, name): (&str, &str),
        commit: &str,
        reference: &str,
        sarif: &str,
    ) -> Result<Receipt, Error> {
        let path = ["repos", owner, name, "code-scanning", "sarifs"];
        let body = Upload {
            commit_sha: commit,
            reference,
            sarif,
        };
        self.client.post(&path, &body, true).await
    }

    /// How far GitHub is with an uploaded file; nothing where it does not know it yet.
    ///
    /// # Errors
    /// Where that is not known.
    pub async fn sarif(
        &self,
        (owner, name): (&str, &str),
        id: &str,
    ) -> Result<Option<Processing>, Error> {
        let path = ["repos", owner, name, "code-scanning", "sarifs", id];
        match self.client.get(&path, &[]).await {
            Ok(processing) => Ok(Some(processing)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

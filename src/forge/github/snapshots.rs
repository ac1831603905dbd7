//! What a repository really depends on, for GitHub's dependency graph.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::GitHub;
use crate::forge::Error;

/// A snapshot of the dependencies of a commit.
#[derive(Debug, Serialize)]
pub struct Snapshot {
    /// The version of this form: 0.
    pub version: u32,
    /// What found them out.
    pub detector: Detector,
    /// The job.
    pub job: Job,
    /// The commit.
    pub sha: String,
    /// Its branch, in full.
    #[serde(rename = "ref")]
    pub reference: String,
    /// When, as RFC 3339 writes it.
    pub scanned: String,
    /// By any name.
    pub manifests: BTreeMap<String, Manifest>,
}

/// What found dependencies out.
#[derive(Debug, Serialize)]
pub struct Detector {
    /// Its name. Of a job and a detector the latest snapshot counts.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its page.
    pub url: &'static str,
}

/// A job.
#[derive(Debug, Serialize)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// The same for every run.
    pub correlator: String,
    /// Its page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html_url: Option<String>,
}

/// A file that asks for packages.
#[derive(Debug, Serialize)]
pub struct Manifest {
    /// Its name.
    pub name: String,
    /// Where it is in the repository, where it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<ManifestFile>,
    /// The packages, by their package URLs.
    pub resolved: BTreeMap<String, Resolved>,
}

/// Where a manifest is.
#[derive(Debug, Serialize)]
pub struct ManifestFile {
    /// The path from the repository's root.
    pub source_location: String,
}

/// A package.
#[derive(Debug, Serialize)]
pub struct Resolved {
    /// Its package URL.
    pub package_url: String,
    /// `direct` or `indirect`.
    pub relationship: &'static str,
    /// The package URLs of what it needs.
    pub dependencies: Vec<String>,
}

#[derive(Deserialize)]
struct Answer {
    result: String,
    message: String,
}

impl GitHub {
    /// Tells the dependency graph; what it says of that.
    ///
    /// # Errors
    /// Where it does not take it.
    pub async fn submit_snapshot(
        &self,
        (owner, name): (&str, &str),
        snapshot: &Snapshot,
    ) -> Result<String, Error> {
        let path = ["repos", owner, name, "dependency-graph", "snapshots"];
        // The latest counts: sent twice it is the same.
        let answer: Answer = self.client.post(&path, snapshot, true).await?;
        match answer.result.as_str() {
            "SUCCESS" | "ACCEPTED" => Ok(answer.message),
            other => Err(Error::Unexpected {
                url: "GitHub".to_owned(),
                why: format!("the snapshot is {other}: {}", answer.message),
            }),
        }
    }
}

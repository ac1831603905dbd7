//! Deployments, as GitHub keeps a record of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::GitHub;
use crate::forge::Error;

/// What tells our deployments from those that GitHub's own runner records for jobs.
const TASK: &str = "ci-tool";

/// A deployment on record.
#[derive(Debug, Clone, Deserialize)]
pub struct Deployment {
    /// Its number.
    pub id: u64,
    /// The commit.
    pub sha: String,
    /// When it was recorded, as RFC 3339 writes it.
    pub created_at: String,
    /// What was said of it, where that is an object; GitHub takes texts too.
    payload: serde_json::Value,
}

impl Deployment {
    /// The word that was given to it.
    pub fn key(&self) -> Option<&str> {
        self.payload["key"].as_str()
    }
}

/// One thing that was said of a deployment.
#[derive(Debug, Clone, Deserialize)]
struct Status {
    state: String,
}

#[derive(Serialize)]
struct NewDeployment<'d> {
    #[serde(rename = "ref")]
    reference: &'d str,
    task: &'static str,
    auto_merge: bool,
    required_contexts: [&'static str; 0],
    environment: &'d str,
    description: &'d str,
    payload: BTreeMap<&'static str, &'d str>,
}

#[derive(Serialize)]
struct NewStatus<'s> {
    state: &'s str,
    description: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_url: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment_url: Option<&'s str>,
}

/// Where a record leads people.
#[derive(Debug, Clone, Default)]
pub struct Links {
    /// To the log of the job.
    pub log: Option<String>,
    /// To what is deployed.
    pub environment: Option<String>,
}

impl GitHub {
    /// Our newest deployments to an environment, the newest first.
    ///
    /// # Errors
    /// Where that is not known.
    pub async fn deployments(
        &self,
        (owner, name): (&str, &str),
        environment: &str,
    ) -> Result<Vec<Deployment>, Error> {
        let query = [
            ("environment", environment),
            ("task", TASK),
            ("per_page", "20"),
        ];
        self.client
            .get(&["repos", owner, name, "deployments"], &query)
            .await
    }

    /// Records a deployment of a commit, under a word by which it is found again.
    ///
    /// # Errors
    /// Where it was not recorded, or may have been.
    pub async fn create_deployment(
        &self,
        (owner, name): (&str, &str),
        environment: &str,
        commit: &str,
        key: &str,
    ) -> Result<Deployment, Error> {
        let body = NewDeployment {
            reference: commit,
            task: TASK,
            auto_merge: false,
            required_contexts: [],
            environment,
            description: "ci-tool deploy",
            payload: BTreeMap::from([("key", key)]),
        };
        self.client
            .post(&["repos", owner, name, "deployments"], &body, false)
            .await
    }

    /// The newest state of a deployment; nothing where none was ever told.
    ///
    /// # Errors
    /// Where that is not known.
    pub async fn deployment_state(
        &self,
        (owner, name): (&str, &str),
        id: u64,
    ) -> Result<Option<String>, Error> {
        let id = id.to_string();
        let path = ["repos", owner, name, "deployments", &id, "statuses"];
        let statuses: Vec<Status> = self.client.get(&path, &[("per_page", "1")]).await?;
        Ok(statuses.into_iter().next().map(|status| status.state))
    }

    /// Tells the state of a deployment: `in_progress`, `success`, `failure`, `error` or
    /// `inactive`. Told twice, it is the same.
    ///
    /// # Errors
    /// Where GitHub does not take it.
    pub async fn set_deployment_state(
        &self,
        (owner, name): (&str, &str),
        id: u64,
        state: &str,
        description: &str,
        links: &Links,
    ) -> Result<(), Error> {
        let id = id.to_string();
        let path = ["repos", owner, name, "deployments", &id, "statuses"];
        // GitHub takes 140 characters.
        let description: String = description.chars().take(140).collect();
        let body = NewStatus {
            state,
            description: &description,
            log_url: links.log.as_deref(),
            environment_url: links.environment.as_deref(),
        };
        let told: serde_json::Value = self.client.post(&path, &body, true).await?;
        drop(told);
        Ok(())
    }
}

//! What a job was started by, as the runner writes it down.

use serde::Deserialize;

use crate::sys::env::Env;

/// What is read of the event.
#[derive(Debug, Default, Deserialize)]
pub struct Event {
    /// The pull request that it is about.
    pub pull_request: Option<PullRequest>,
}

/// A pull request.
#[derive(Debug, Deserialize)]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// Where it comes from.
    pub head: Head,
}

/// Where a pull request comes from.
#[derive(Debug, Deserialize)]
pub struct Head {
    /// The commit.
    pub sha: String,
    /// The repository; none where it was deleted.
    pub repo: Option<Repository>,
}

/// A repository.
#[derive(Debug, Deserialize)]
pub struct Repository {
    /// Whether it is a fork.
    #[serde(default)]
    pub fork: bool,
}

/// Where the run of this job is shown.
pub fn run_url(env: &Env) -> Option<String> {
    let (server, slug) = (env.get("GITHUB_SERVER_URL")?, env.get("GITHUB_REPOSITORY")?);
    let run: u64 = env.get("GITHUB_RUN_ID")?.parse().ok()?;
    Some(format!("{server}/{slug}/actions/runs/{run}"))
}

impl Event {
    /// The event of this job; an empty one where there is none, or none that can be read.
    pub fn of(env: &Env) -> Self {
        let file = env.path("GITHUB_EVENT_PATH");
        let text = file.and_then(|file| std::fs::read_to_string(file).ok());
        let event = text.and_then(|text| serde_json::from_str(&text).ok());
        event.unwrap_or_default()
    }

    /// Whether the job's token may only read, whatever the workflow says: pull requests of forks
    /// and of Dependabot.
    pub fn may_only_read(&self, env: &Env) -> bool {
        let request = self.pull_request.as_ref();
        let from = request.and_then(|request| request.head.repo.as_ref());
        env.get("GITHUB_ACTOR") == Some("dependabot[bot]") || from.is_some_and(|repo| repo.fork)
    }
}

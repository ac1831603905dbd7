//! What was said of a commit: checks of apps and of GitHub's own jobs, and statuses.

use serde::Deserialize;

use super::GitHub;
use crate::forge::Error;

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// Well, or it had nothing to do.
    Passed,
    /// It has not ended.
    Running,
    /// Otherwise, in GitHub's word.
    Failed(String),
    /// Nothing of this name was said of the commit.
    Missing,
}

#[derive(Deserialize)]
struct Runs {
    check_runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    status: String,
    conclusion: Option<String>,
}

#[derive(Deserialize)]
struct Combined {
    statuses: Vec<Status>,
}

#[derive(Deserialize)]
struct Status {
    context: String,
    state: String,
}

impl GitHub {
    /// How a check of this name ended for a commit; where several have the name, the worst of
    /// them counts.
    ///
    /// # Errors
    /// Where that is not known.
    pub async fn check(
        &self,
        (owner, name): (&str, &str),
        commit: &str,
        wanted: &str,
    ) -> Result<Check, Error> {
        let query = [
            ("check_name", wanted),
            ("filter", "latest"),
            ("per_page", "100"),
        ];
        let runs: Runs = self
            .client
            .get(
                &["repos", owner, name, "commits", commit, "check-runs"],
                &query,
            )
            .await?;
        let ended: Vec<Check> = runs.check_runs.iter().map(Check::of_run).collect();
        if !ended.is_empty() {
            return Ok(Check::worst(ended));
        }
        // Other services than GitHub's own mostly leave statuses.
        let combined: Combined = self
            .client
            .get(
                &["repos", owner, name, "commits", commit, "status"],
                &[("per_page", "100")],
            )
            .await?;
        let own = combined.statuses.iter().filter(|one| one.context == wanted);
        Ok(Check::worst(own.map(Check::of_status).collect()))
    }
}

impl Check {
    fn of_run(run: &Run) -> Self {
        match (run.status.as_str(), run.conclusion.as_deref()) {
            ("completed", Some("success" | "neutral" | "skipped")) => Self::Passed,
            ("completed", conclusion) => {
                Self::Failed(conclusion.unwrap_or("no conclusion").to_owned())
            }
            _ => Self::Running,
        }
    }

    fn of_status(status: &Status) -> Self {
        match status.state.as_str() {
            "success" => Self::Passed,
            "pending" => Self::Running,
            other => Self::Failed(other.to_owned()),
        }
    }

    fn worst(all: Vec<Self>) -> Self {
        let rank = |one: &Self| match one {
            Self::Passed => 0,
            Self::Running => 1,
            Self::Failed(_) => 2,
            Self::Missing => 3,
        };
        all.into_iter().max_by_key(rank).unwrap_or(Self::Missing)
    }
}

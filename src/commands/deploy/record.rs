//! A deployment on record at GitHub: people see it there, and a second one to the same
//! environment, on whatever machine, is refused while it lasts.

use anyhow::Result;

use crate::actions::event;
use crate::context::Context;
use crate::deploy::journal::Journal;
use crate::error::Failure;
use crate::forge::github::{Deployment, GitHub, Links};
use crate::forge::http::Patience;
use crate::forge::{self, Error};
use crate::report::deploy::Deployment as Told;
use crate::sys::clock;
use crate::sys::ui::escape_line;

/// No job of GitHub's lasts longer, in seconds: a record that is older was left behind.
const LONGEST: i64 = 6 * 60 * 60;

/// A deployment on record.
pub(super) struct Record {
    github: GitHub,
    owner: String,
    name: String,
    id: u64,
    links: Links,
}

/// How a deployment ended, as far as its record has to know.
pub(super) struct End<'e> {
    /// What it came to; nothing where nothing was begun.
    pub(super) told: Option<&'e Told>,
    /// Whether a deployment that was good is taken back because somebody asked for it.
    pub(super) was_good: bool,
    /// The commit that is live again, where all services have the same.
    pub(super) restored: Option<&'e str>,
}

impl Record {
    /// Records a deployment that begins or goes on.
    ///
    /// # Errors
    /// Where another one is under way, or it cannot be found out.
    pub(super) fn begin(journal: &Journal, url: Option<String>, context: &Context) -> Result<Self> {
        let env = &context.env;
        let slug = env
            .get("GITHUB_REPOSITORY")
            .and_then(|slug| slug.split_once('/'));
        let Some((owner, name)) = slug else {
            return Err(Failure::usage("it is not known where the deployment is recorded")
                .hint("GITHUB_REPOSITORY names the repository, `owner/name`; without `deploy.record` nothing is recorded")
                .into());
        };
        let github = GitHub::new(env, Patience::default()).map_err(|error| failure(&error))?;
        let mut record = Self {
            github,
            owner: owner.to_owned(),
            name: name.to_owned(),
            id: 0,
            links: Links {
                log: event::run_url(env),
                environment: url,
            },
        };
        let begun = forge::run(record.take(journal));
        record.id = begun.map_err(|error| Failure::failed(error.to_string()))??;
        Ok(record)
    }

    /// The number of our record, made if it is not there.
    async fn take(&self, journal: &Journal) -> Result<u64> {
        let environment = &journal.environment;
        let all = self.list(environment).await?;
        let ours = all.iter().find(|one| one.key() == Some(&journal.id));
        let id = match ours {
            Some(ours) => ours.id,
            None => {
                if let Some(other) = self.active(&all, |_| true).await? {
                    return Err(refused(other, environment));
                }
                self.create(journal).await?
            }
        };
        self.tell(id, "in_progress", "under way").await?;
        // Two that began at the same moment both see the other now: the first one stays.
        let all = self.list(environment).await?;
        if let Some(other) = self.active(&all, |one| one.id < id).await? {
            self.tell(id, "inactive", "another deployment was first")
                .await?;
            return Err(refused(other, environment));
        }
        Ok(id)
    }

    async fn create(&self, journal: &Journal) -> Result<u64> {
        let made = self
            .github
            .create_deployment(
                self.slug(),
                &journal.environment,
                &journal.commit,
                &journal.id,
            )
            .await;
        match made {
            Ok(made) => Ok(made.id),
            // Perhaps it was recorded, and only the answer was lost.
            Err(error @ (Error::Network { .. } | Error::Status { .. })) => {
                let all = self.list(&journal.environment).await?;
                let ours = all.iter().find(|one| one.key() == Some(&journal.id));
                ours.map(|ours| ours.id).ok_or_else(|| failure(&error))
            }
            Err(error) => Err(failure(&error)),
        }
    }

    async fn list(&self, environment: &str) -> Result<Vec<Deployment>> {
        let all = self.github.deployments(self.slug(), environment).await;
        all.map_err(|error| failure(&error))
    }

    /// One of these that is under way.
    async fn active(
        &self,
        all: &[Deployment],
        counts: impl Fn(&Deployment) -> bool,
    ) -> Result<Option<u64>> {
        for one in all.iter().filter(|one| counts(one)) {
            let created = chrono::DateTime::parse_from_rfc3339(&one.created_at);
            let age = created.map_or(0, |created| clock::now() - created.timestamp());
            if age > LONGEST {
                continue;
            }
            let state = self.github.deployment_state(self.slug(), one.id).await;
            let state = state.map_err(|error| failure(&error))?;
            if matches!(
                state.as_deref(),
                None | Some("in_progress" | "queued" | "pending")
            ) {
                return Ok(Some(one.id));
            }
        }
        Ok(None)
    }

    async fn tell(&self, id: u64, state: &str, description: &str) -> Result<()> {
        let told =
            self.github
                .set_deployment_state(self.slug(), id, state, description, &self.links);
        told.await.map_err(|error| failure(&error))
    }

    /// Tells how it ended. The deployment is what it is also where that cannot be told.
    pub(super) fn end(&self, end: &End<'_>, context: &Context) {
        let state = match end.told.map(|told| told.outcome.as_str()) {
            Some("deployed") => "success",
            Some("stuck") => "error",
            // It had not failed, and is not what is live any more.
            Some("rolled-back") if end.was_good => "inactive",
            Some(_) => "failure",
            None => "inactive",
        };
        let sentence = end
            .told
            .map_or_else(|| "nothing was begun".to_owned(), Told::sentence);
        let done = forge::run(async {
            self.tell(self.id, state, &sentence).await?;
            match end.restored.filter(|_| state == "inactive" && end.was_good) {
                Some(commit) => self.restore(commit, end.told).await,
                None => Ok(()),
            }
        });
        let why = match done {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        context.ui.warning(&escape_line(&format!(
            "the end of the deployment is not on record at GitHub: {why}"
        )));
    }

    /// Says of the record of an earlier deployment that it is what is live again.
    async fn restore(&self, commit: &str, told: Option<&Told>) -> Result<()> {
        let environment = told.map_or("", |told| &told.environment);
        let all = self.list(environment).await?;
        let is_it = |one: &&Deployment| one.id != self.id && one.sha == commit;
        match all.iter().find(is_it) {
            Some(earlier) => self.tell(earlier.id, "success", "live again").await,
            None => Ok(()),
        }
    }

    fn slug(&self) -> (&str, &str) {
        (&self.owner, &self.name)
    }
}

fn refused(id: u64, environment: &str) -> anyhow::Error {
    Failure::failed(format!(
        "another deployment to `{environment}` is under way (number {id} at GitHub)"
    ))
    .hint("wait until it has ended; one that was left behind counts for six hours, or until its state is set at GitHub")
    .into()
}

fn failure(error: &Error) -> anyhow::Error {
    let hint = match error {
        Error::Forbidden { .. } => "give the job `permissions: {deployments: write}`".to_owned(),
        error => error.hint(),
    };
    Failure::failed(format!("the deployment cannot be recorded: {error}"))
        .hint(hint)
        .into()
}

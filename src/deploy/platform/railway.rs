//! Railway, by its GraphQL API; sources are uploaded as its command-line program does.
//!
//! A project token names its project and its environment itself, so that what is meant for
//! staging cannot reach production. A rollback makes a deployment of its own.

use std::cell::{OnceCell, RefCell};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::api::Api;
use super::commit::Repository;
use super::{Kind, Platform, Release, State, Trouble, Variable, Wanted};

/// Where the API is.
pub const API: &str = "https://backboard.railway.com";

/// So many deployments are looked at; the live one is among the newest.
const NEWEST: u32 = 30;

/// Where a release comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The commit's files, below a folder, are uploaded.
    Upload {
        /// The folder, `.` for all.
        folder: String,
    },
    /// Railway builds the commit of the repository that the service is connected to.
    Repository,
}

/// A service on Railway.
#[derive(Debug)]
pub struct Railway {
    /// The API.
    pub api: Api,
    /// The service's id.
    pub service: String,
    /// The environment's name or id at Railway.
    pub environment: String,
    /// Where a release comes from.
    pub origin: Origin,
    /// The repository.
    pub repository: Repository,
    /// What the token is for.
    pub place: OnceCell<Place>,
    /// Deployments that a rollback made, with what they are as.
    pub restored: RefCell<Vec<(String, Release)>>,
}

/// What a token is for.
#[derive(Debug, Clone)]
pub struct Place {
    project: String,
    environment: String,
    environment_name: String,
}

/// A deployment, as the API tells it.
#[derive(Debug, Clone)]
struct Deployment {
    release: Release,
    status: String,
    created: String,
    can_roll_back: bool,
    message: Option<String>,
    commit: Option<String>,
}

impl Railway {
    fn ask(&self, query: &str, variables: &Value) -> Result<Value, Trouble> {
        let body = json!({"query": query, "variables": variables});
        let answer = self.api.json("POST", "/graphql/v2", Some(&body))?;
        match answer["errors"][0]["message"].as_str() {
            // The API answers 200 and says so in the body.
            Some(said) => {
                let lower = said.to_lowercase();
                let kind = if lower.contains("not authorized") || lower.contains("token") {
                    Kind::Refused
                } else if lower.contains("rate limit") || lower.contains("problem processing") {
                    Kind::Passing
                } else {
                    Kind::Lasting
                };
                Err(Trouble {
                    kind,
                    message: format!("Railway says: {}", self.api.outside(said)),
                    wait: None,
                })
            }
            None => Ok(answer["data"].clone()),
        }
    }

    fn place(&self) -> Result<&Place, Trouble> {
        if let Some(place) = self.place.get() {
            return Ok(place);
        }
        let query = "query { projectToken { projectId environmentId environment { name } } }";
        let token = &self.ask(query, &json!({}))?["projectToken"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let place = text(&token["projectId"])
            .zip(text(&token["environmentId"]))
            .zip(text(&token["environment"]["name"]))
            .map(|((project, environment), environment_name)| Place {
                project,
                environment,
                environment_name,
            })
            .ok_or_else(|| Trouble::refused("Railway does not say what the token is for"))?;
        // Checked each time, also when a deployment is gone on with.
        let wanted = &self.environment;
        if place.environment != *wanted && !place.environment_name.eq_ignore_ascii_case(wanted) {
            return Err(Trouble::refused(format!(
                "the token is for Railway's environment `{}`, and `{wanted}` is meant",
                self.api.outside(&place.environment_name)
            )));
        }
        Ok(self.place.get_or_init(|| place))
    }

    /// The newest deployments of the service, the newest first.
    fn deployments(&self) -> Result<Vec<Deployment>, Trouble> {
        let place = self.place()?;
        let query = "query ($input: DeploymentListInput!, $first: Int) { deployments(input: $input, first: $first) { edges { node { id status createdAt canRollback meta } } } }";
        let input = json!({
            "projectId": place.project,
            "environmentId": place.environment,
            "serviceId": self.service,
        });
        let answer = self.ask(query, &json!({"input": input, "first": NEWEST}))?;
        let edges = answer["deployments"]["edges"].as_array();
        let edges = edges.ok_or_else(|| Trouble::lasting("Railway lists no deployments"))?;
        let mut all: Vec<Deployment> = edges
            .iter()
            .filter_map(|edge| deployment(&edge["node"]))
            .collect();
        all.sort_by(|a, b| b.created.cmp(&a.created));
        Ok(all)
    }

    fn status(&self, id: &str) -> Result<String, Trouble> {
        let query = "query ($id: String!) { deployment(id: $id) { status } }";
        let answer = self.ask(query, &json!({"id": id}))?;
        let status = answer["deployment"]["status"].as_str();
        status
            .map(str::to_owned)
            .ok_or_else(|| Trouble::lasting(format!("Railway has no deployment {id}")))
    }
}

fn deployment(node: &Value) -> Option<Deployment> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let meta = &node["meta"];
    let digest = text(&meta["imageDigest"]);
    let commit = text(&meta["commitHash"]);
    Some(Deployment {
        release: Release {
            id: text(&node["id"])?,
            origin: digest.or_else(|| commit.clone()),
        },
        status: text(&node["status"])?,
        created: text(&node["createdAt"])?,
        can_roll_back: node["canRollback"].as_bool() == Some(true),
        message: text(&meta["cliMessage"]),
        commit,
    })
}

/// Whether a deployment is on its way.
fn is_pending(status: &str) -> bool {
    matches!(
        status,
        "QUEUED" | "WAITING" | "INITIALIZING" | "BUILDING" | "DEPLOYING" | "NEEDS_APPROVAL"
    )
}

/// Whether it has the traffic; one that sleeps wakes up for it.
fn is_live(status: &str) -> bool {
    matches!(status, "SUCCESS" | "SLEEPING")
}

impl Platform for Railway {
    fn preflight(&self) -> Result<Vec<String>, Trouble> {
        self.place()?;
        let all = self.deployments()?;
        let live = all.iter().find(|one| is_live(&one.status));
        Ok(live
            .filter(|live| !live.can_roll_back)
            .map(|live| {
                format!(
                    "Railway cannot go back to deployment {}: its image is not kept",
                    live.release.id
                )
            })
            .into_iter()
            .collect())
    }

    fn live(&self) -> Result<Option<Release>, Trouble> {
        let all = self.deployments()?;
        let live = all.into_iter().find(|one| is_live(&one.status));
        Ok(live.map(|live| {
            let restored = self.restored.borrow();
            let known = restored.iter().find(|(id, _)| *id == live.release.id);
            known.map_or(live.release, |(_, as_this)| as_this.clone())
        }))
    }

    fn holds_back(&self) -> bool {
        false
    }

    fn start(&self, wanted: &Wanted<'_>) -> Result<String, Trouble> {
        let place = self.place()?;
        match &self.origin {
            Origin::Upload { folder } => {
                let archive = self.repository.archive(wanted.commit, folder, "tar.gz");
                let archive = archive.map_err(|why| Trouble::lasting(self.api.outside(&why)))?;
                let path = format!(
                    "/project/{}/environment/{}/up?serviceId={}&message={}",
                    place.project, place.environment, self.service, wanted.key
                );
                let limit = Duration::from_secs(600);
                let answer =
                    self.api
                        .send("POST", &path, "application/gzip", Some(archive), limit)?;
                let id = answer["deploymentId"].as_str();
                id.map(str::to_owned)
                    .ok_or_else(|| Trouble::passing("Railway names no deployment"))
            }
            Origin::Repository => {
                let query = "mutation ($service: String!, $environment: String!, $commit: String) { serviceInstanceDeployV2(serviceId: $service, environmentId: $environment, commitSha: $commit) }";
                let variables = json!({
                    "service": self.service,
                    "environment": place.environment,
                    "commit": wanted.commit,
                });
                let answer = self.ask(query, &variables)?;
                let id = answer["serviceInstanceDeployV2"].as_str();
                id.map(str::to_owned)
                    .ok_or_else(|| Trouble::passing("Railway names no deployment"))
            }
        }
    }

    fn find(&self, wanted: &Wanted<'_>) -> Result<Vec<String>, Trouble> {
        let all = self.deployments()?;
        let is_ours = |one: &&Deployment| match self.origin {
            Origin::Upload { .. } => one.message.as_deref() == Some(wanted.key),
            Origin::Repository => {
                one.commit.as_deref() == Some(wanted.commit)
                    && seconds(&one.created) >= wanted.since
            }
        };
        let mut ours: Vec<String> = all
            .iter()
            .filter(is_ours)
            .map(|one| one.release.id.clone())
            .collect();
        ours.reverse();
        Ok(ours)
    }

    fn state(&self, id: &str) -> Result<State, Trouble> {
        let status = self.status(id)?;
        Ok(match status.as_str() {
            live if is_live(live) => State::Live,
            pending if is_pending(pending) => {
                State::Pending(pending.to_lowercase().replace('_', " "))
            }
            "SKIPPED" => State::Failed(
                "Railway skipped it: nothing that it watches has changed, or a check failed"
                    .to_owned(),
            ),
            other => State::Failed(format!("it is {}", self.api.outside(&other.to_lowercase()))),
        })
    }

    fn promote(&self, _: &str) -> Result<(), Trouble> {
        Ok(())
    }

    fn cancel(&self, id: &str) -> Result<(), Trouble> {
        if !is_pending(&self.status(id)?) {
            return Ok(());
        }
        let query = "mutation ($id: String!) { deploymentCancel(id: $id) }";
        self.ask(query, &json!({"id": id})).map(drop)
    }

    fn rollback(&self, from: &str, to: Option<&Release>) -> Result<(), Trouble> {
        let Some(to) = to else {
            let query = "mutation ($id: String!) { deploymentRemove(id: $id) }";
            return self.ask(query, &json!({"id": from})).map(drop);
        };
        let before = self.deployments()?;
        let newer = before.iter().take_while(|one| one.release.id != from);
        // It was asked for, and the answer was lost: it is on its way.
        if newer.clone().any(|one| is_pending(&one.status)) {
            return Ok(());
        }
        let target = before.iter().find(|one| one.release.id == to.id);
        if target.is_some_and(|target| !target.can_roll_back) {
            return Err(Trouble::lasting(format!(
                "Railway no longer keeps the image of deployment {}",
                to.id
            )));
        }
        let query = "mutation ($id: String!) { deploymentRollback(id: $id) }";
        let asked = self.ask(query, &json!({"id": to.id}));
        // The schema says Boolean, the documentation selects fields.
        let needs_fields = |trouble: &Trouble| trouble.message.contains("subfields");
        if asked.as_ref().is_err_and(needs_fields) {
            let query = "mutation ($id: String!) { deploymentRollback(id: $id) { id } }";
            self.ask(query, &json!({"id": to.id}))?;
        } else {
            asked?;
        }
        // What appears now, and was not there before, is the old release again.
        let now = self.deployments()?;
        let made = now.iter().find(|one| {
            let is_known = before
                .iter()
                .any(|known| known.release.id == one.release.id);
            !is_known && one.release.id != from
        });
        if let Some(made) = made {
            let pair = (made.release.id.clone(), to.clone());
            self.restored.borrow_mut().push(pair);
        }
        Ok(())
    }

    fn variables(&self) -> Result<Option<Vec<Variable>>, Trouble> {
        let place = self.place()?;
        let query = "query ($project: String!, $environment: String!, $service: String) { variables(projectId: $project, environmentId: $environment, serviceId: $service) }";
        let asked = json!({
            "project": place.project,
            "environment": place.environment,
            "service": self.service,
        });
        let answer = self.ask(query, &asked)?;
        let all = answer["variables"].as_object();
        let all = all.ok_or_else(|| Trouble::lasting("Railway lists no variables"))?;
        // The values come along, and go no further than this.
        let names = all.keys().map(|name| Variable {
            name: name.clone(),
            written: None,
        });
        Ok(Some(names.collect()))
    }

    fn set_variable(&self, name: &str, value: &SecretString) -> Result<bool, Trouble> {
        let place = self.place()?;
        let query = "mutation ($input: VariableUpsertInput!) { variableUpsert(input: $input) }";
        let asked = json!({"input": {
            "projectId": place.project,
            "environmentId": place.environment,
            "serviceId": self.service,
            "name": name,
            "value": value.expose_secret(),
            // Otherwise every variable is a deployment that nobody asked for.
            "skipDeploys": true,
        }});
        let answer = self.ask(query, &asked)?;
        match answer["variableUpsert"].as_bool() {
            Some(true) => Ok(true),
            _ => Err(Trouble::lasting("Railway does not say that it is set")),
        }
    }

    fn log(&self, id: &str) -> Option<String> {
        let read = |query: &str, field: &str| {
            let answer = self.ask(query, &json!({"id": id})).ok()?;
            let lines = answer[field].as_array()?.iter();
            let lines: Vec<String> = lines
                .filter_map(|line| Some(self.api.outside(line["message"].as_str()?)))
                .collect();
            (!lines.is_empty()).then(|| lines.join("\n"))
        };
        read(
            "query ($id: String!) { deploymentLogs(deploymentId: $id, limit: 10) { message } }",
            "deploymentLogs",
        )
        .or_else(|| {
            read(
                "query ($id: String!) { buildLogs(deploymentId: $id, limit: 10) { message } }",
                "buildLogs",
            )
        })
    }
}

/// A time of the API in seconds since 1970; 0 where it is none.
fn seconds(time: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(time).map_or(0, |time| time.timestamp())
}

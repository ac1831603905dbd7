//! Vercel, by its REST API: a deployment is built without domains, then gets them. In
//! production that is a promotion, elsewhere an alias.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::api::Api;
use super::commit::Repository;
use super::files::Files;
use super::{Kind, Platform, Release, State, Trouble, Variable, Wanted};
use crate::forge::web::Response;

/// Where the API is.
pub const API: &str = "https://api.vercel.com";

/// The key of a deployment's metadata that holds our word for it.
const KEY: &str = "ciToolKey";

/// The key that holds the commit of files that were uploaded.
const COMMIT: &str = "ciToolCommit";

/// How long the answer to a list of files may take.
const CREATE_TIME: Duration = Duration::from_secs(120);

/// A project on Vercel.
#[derive(Debug)]
pub struct Vercel {
    /// The API.
    pub api: Api,
    /// The project's id or name.
    pub project: String,
    /// The team's id.
    pub team: Option<String>,
    /// The domain that leads to this environment; nothing for production, whose domains are
    /// the project's.
    pub alias: Option<String>,
    /// What a deployment is made of.
    pub origin: Origin,
    /// The repository.
    pub repository: Repository,
    /// The project, as Vercel knows it.
    pub source: OnceCell<Source>,
}

/// What a deployment is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Vercel builds the commit of the repository that the project is connected to.
    Repository,
    /// The commit's files, below a folder, are uploaded, and Vercel builds them.
    Upload {
        /// The folder, `.` for all.
        folder: String,
    },
    /// What `vercel build` has made is uploaded.
    Prebuilt {
        /// The folder in which it has run, from the repository's root.
        folder: String,
    },
}

/// So many files are uploaded at once.
const AT_ONCE: usize = 8;

/// How long one of them may take.
const UPLOAD_TIME: Duration = Duration::from_secs(300);

/// So many lines of a log are told, of so many events; not every event has one.
const LOG_LINES: usize = 10;
const LOG_EVENTS: usize = 40;

/// A project, and the repository that it is connected to, where it is to one.
#[derive(Debug, Clone)]
pub struct Source {
    id: String,
    name: String,
    git: Option<Value>,
}

impl Vercel {
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Trouble> {
        self.api.json(method, &self.of_team(path), body)
    }

    /// A path with the team that it is about.
    fn of_team(&self, path: &str) -> String {
        let joint = if path.contains('?') { '&' } else { '?' };
        match &self.team {
            Some(team) => format!("{path}{joint}teamId={team}"),
            None => path.to_owned(),
        }
    }

    /// Which of the project's variables are for this environment.
    const fn target(&self) -> &'static str {
        match self.alias {
            Some(_) => "preview",
            None => "production",
        }
    }

    fn project(&self) -> Result<Value, Trouble> {
        let path = format!("/v9/projects/{}?rollbackInfo=true", self.project);
        self.ask("GET", &path, None)
    }

    fn source(&self) -> Result<&Source, Trouble> {
        if let Some(source) = self.source.get() {
            return Ok(source);
        }
        let project = self.project()?;
        let link = &project["link"];
        let branch = link["productionBranch"].as_str().unwrap_or("main");
        let git = match link["type"].as_str() {
            Some("github") => {
                Some(json!({"type": "github", "repoId": link["repoId"], "ref": branch}))
            }
            Some("gitlab") => {
                Some(json!({"type": "gitlab", "projectId": link["projectId"], "ref": branch}))
            }
            _ => None,
        };
        let text = |key: &str| project[key].as_str().map(str::to_owned);
        let source = text("id").zip(text("name"));
        let (id, name) = source.ok_or_else(|| Trouble::lasting("Vercel's project has no id"))?;
        Ok(self.source.get_or_init(|| Source { id, name, git }))
    }

    /// The repository that the project is connected to, as a deployment names it.
    fn git(&self) -> Result<&Value, Trouble> {
        self.source()?.git.as_ref().ok_or_else(|| {
            Trouble::lasting(format!(
                "Vercel's project `{}` is connected to no repository of GitHub or GitLab; `source: upload` does without",
                self.project
            ))
        })
    }

    /// The files that are uploaded, where they are.
    fn files(&self, commit: &str) -> Result<Option<Files>, Trouble> {
        let files = match &self.origin {
            Origin::Repository => return Ok(None),
            Origin::Upload { folder } => {
                let archive = self.repository.archive(commit, folder, "tar");
                archive.and_then(Files::of_commit)
            }
            Origin::Prebuilt { folder } => {
                Files::of_build(&self.repository.root.join(folder), self.target())
            }
        };
        let files = files.map_err(|why| Trouble::lasting(self.api.outside(&why)))?;
        if files.count() == 0 {
            return Err(Trouble::lasting("there is no file to upload"));
        }
        Ok(Some(files))
    }

    /// Uploads what Vercel does not have yet, several at once.
    fn upload(&self, files: &Files, missing: &[String]) -> Result<(), Trouble> {
        let (api, path) = (&self.api, self.of_team("/v2/files"));
        let next = AtomicUsize::new(0);
        let work = || -> Result<(), Trouble> {
            while let Some(sha) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                let content = files.content(sha);
                let content = content.map_err(|why| Trouble::lasting(api.outside(&why)))?;
                let headers = [
                    ("content-type", "application/octet-stream"),
                    ("x-vercel-digest", &**sha),
                ];
                let sent = || {
                    let content = Some(content.clone());
                    api.read(&api.exchange("POST", &path, &headers, content, UPLOAD_TIME)?)
                };
                // The same bytes twice are the same file.
                sent().or_else(|trouble| match trouble.kind {
                    Kind::Passing => {
                        std::thread::sleep(trouble.wait.unwrap_or(Duration::from_secs(1)));
                        sent()
                    }
                    _ => Err(trouble),
                })?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE.min(missing.len()))
                .map(|_| scope.spawn(work))
                .collect();
            workers.into_iter().try_for_each(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        })
    }

    /// Makes a deployment, after the files that Vercel says that it lacks.
    fn create(&self, body: &Value, files: Option<&Files>) -> Result<Value, Trouble> {
        let prebuilt = match self.origin {
            Origin::Prebuilt { .. } => "&prebuilt=1",
            _ => "",
        };
        let path = self.of_team(&format!("/v13/deployments?forceNew=1{prebuilt}"));
        let create = || {
            let (headers, limit) = ([("content-type", "application/json")], CREATE_TIME);
            let body = Some(body.to_string().into_bytes());
            self.api.exchange("POST", &path, &headers, body, limit)
        };
        let answer = create()?;
        let Some((files, missing)) = files.zip(missing(&answer)) else {
            return self.api.read(&answer);
        };
        self.upload(files, &missing)?;
        self.api.read(&create()?)
    }

    fn deployment(&self, id: &str) -> Result<Value, Trouble> {
        self.ask("GET", &format!("/v13/deployments/{id}"), None)
    }

    /// Whether Vercel is moving the domains to a deployment at this moment.
    fn is_moving_to(&self, project: &Value, id: &str) -> bool {
        let request = &project["lastAliasRequest"];
        request["toDeploymentId"].as_str() == Some(id)
            && matches!(
                request["jobStatus"].as_str(),
                Some("pending" | "in-progress")
            )
    }

    fn assign(&self, alias: &str, id: &str) -> Result<(), Trouble> {
        let path = format!("/v2/deployments/{id}/aliases");
        self.ask("POST", &path, Some(&json!({"alias": alias})))
            .map(drop)
    }
}

/// A deployment with the commit that it was made of.
fn release(deployment: &Value) -> Option<Release> {
    let id = deployment["id"].as_str().or(deployment["uid"].as_str())?;
    let meta = &deployment["meta"];
    let commit = meta["githubCommitSha"]
        .as_str()
        .or(meta["gitlabCommitSha"].as_str())
        .or(meta[COMMIT].as_str());
    Some(Release {
        id: id.to_owned(),
        origin: commit.map(str::to_owned),
    })
}

/// The files that Vercel lacks for a deployment, by their SHA-1.
fn missing(answer: &Response) -> Option<Vec<String>> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    let error = &body["error"];
    (error["code"] == "missing_files").then_some(())?;
    let missing = error["missing"].as_array()?.iter();
    Some(
        missing
            .filter_map(|sha| sha.as_str().map(str::to_owned))
            .collect(),
    )
}

impl Platform for Vercel {
    fn preflight(&self) -> Result<Vec<String>, Trouble> {
        match &self.origin {
            Origin::Repository => drop(self.git()?),
            // Whether it is there is known now, and not after the backend is live.
            Origin::Prebuilt { .. } => drop(self.files("")?),
            Origin::Upload { folder } => {
                self.repository.look(folder).map_err(Trouble::lasting)?;
                self.source()?;
            }
        }
        let project = self.project()?;
        let mut remarks = Vec::new();
        if project["autoAssignCustomDomains"].as_bool() == Some(false) && self.alias.is_none() {
            remarks.push(
                "Vercel assigns no domains by itself, as after a rollback; the promotion does"
                    .to_owned(),
            );
        }
        Ok(remarks)
    }

    fn live(&self) -> Result<Option<Release>, Trouble> {
        let Some(alias) = &self.alias else {
            let project = self.project()?;
            return Ok(release(&project["targets"]["production"]));
        };
        match self.ask("GET", &format!("/v4/aliases/{alias}"), None) {
            Ok(found) => Ok(found["deploymentId"].as_str().map(|id| Release {
                id: id.to_owned(),
                origin: None,
            })),
            Err(trouble) if trouble.message.contains("answers 404") => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    fn holds_back(&self) -> bool {
        true
    }

    fn start(&self, wanted: &Wanted<'_>) -> Result<String, Trouble> {
        let source = self.source()?;
        let mut body = json!({
            "name": source.name,
            "project": source.id,
            "meta": {KEY: wanted.key},
        });
        let files = self.files(wanted.commit)?;
        match &files {
            Some(files) => {
                body["files"] = files.list();
                // Nobody else tells Vercel what it is made of.
                body["meta"][COMMIT] = wanted.commit.into();
            }
            None => {
                body["gitSource"] = self.git()?.clone();
                body["gitSource"]["sha"] = wanted.commit.into();
            }
        }
        if self.alias.is_none() {
            body["target"] = "production".into();
            // Without it the domains would move as soon as it is built.
            body["autoAssignCustomDomains"] = false.into();
        }
        let made = self.create(&body, files.as_ref())?;
        release(&made)
            .map(|made| made.id)
            .ok_or_else(|| Trouble::passing("Vercel names no deployment"))
    }

    fn find(&self, wanted: &Wanted<'_>) -> Result<Vec<String>, Trouble> {
        let source = self.source()?;
        let path = format!(
            "/v6/deployments?projectId={}&limit=20&meta-{KEY}={}",
            source.id, wanted.key
        );
        let found = self.ask("GET", &path, None)?;
        let all = found["deployments"].as_array();
        let all = all.ok_or_else(|| Trouble::lasting("Vercel lists no deployments"))?;
        // The newest comes first.
        Ok(all
            .iter()
            .rev()
            .filter_map(release)
            .map(|one| one.id)
            .collect())
    }

    fn state(&self, id: &str) -> Result<State, Trouble> {
        let deployment = self.deployment(id)?;
        let word = deployment["readyState"].as_str().unwrap_or_default();
        let why = || {
            let said = deployment["errorMessage"].as_str();
            self.api.outside(said.unwrap_or("no reason given"))
        };
        match word {
            "READY" => {}
            "ERROR" => return Ok(State::Failed(format!("it failed: {}", why()))),
            "CANCELED" => return Ok(State::Failed("it was cancelled".to_owned())),
            "DELETED" => return Ok(State::Failed("it was deleted".to_owned())),
            pending => {
                let pending = self.api.outside(&pending.to_lowercase());
                return Ok(State::Pending(pending));
            }
        }
        if self.live()?.is_some_and(|live| live.id == id) {
            return Ok(State::Live);
        }
        if self.alias.is_some() {
            return Ok(State::Ready);
        }
        let project = self.project()?;
        if self.is_moving_to(&project, id) {
            return Ok(State::Pending("getting the domains".to_owned()));
        }
        let request = &project["lastAliasRequest"];
        let is_ours = request["toDeploymentId"].as_str() == Some(id);
        Ok(match request["jobStatus"].as_str() {
            Some("failed") if is_ours => {
                State::Failed("not all domains could be moved to it".to_owned())
            }
            _ => State::Ready,
        })
    }

    fn promote(&self, id: &str) -> Result<(), Trouble> {
        match &self.alias {
            Some(alias) => self.assign(alias, id),
            None => {
                let path = format!("/v10/projects/{}/promote/{id}", self.source()?.id);
                self.ask("POST", &path, Some(&json!({}))).map(drop)
            }
        }
    }

    fn cancel(&self, id: &str) -> Result<(), Trouble> {
        if self.alias.is_none() && self.is_moving_to(&self.project()?, id) {
            return Err(Trouble::passing("Vercel is moving the domains to it"));
        }
        let deployment = self.deployment(id)?;
        let is_pending = matches!(
            deployment["readyState"].as_str(),
            Some("QUEUED" | "BUILDING" | "INITIALIZING")
        );
        if !is_pending {
            return Ok(());
        }
        self.ask("PATCH", &format!("/v12/deployments/{id}/cancel"), None)
            .map(drop)
    }

    fn rollback(&self, from: &str, to: Option<&Release>) -> Result<(), Trouble> {
        match (to, &self.alias) {
            (Some(to), Some(alias)) => self.assign(alias, &to.id),
            (Some(to), None) => {
                let project = self.project()?;
                if self.is_moving_to(&project, &to.id) {
                    return Ok(());
                }
                let path = format!("/v1/projects/{}/rollback/{}", self.source()?.id, to.id);
                self.ask("POST", &path, Some(&json!({}))).map(drop)
            }
            (None, Some(alias)) => self
                .ask("DELETE", &format!("/v2/aliases/{alias}"), None)
                .map(drop),
            (None, None) => self
                .ask("DELETE", &format!("/v13/deployments/{from}"), None)
                .map(drop),
        }
    }

    fn variables(&self) -> Result<Option<Vec<Variable>>, Trouble> {
        let path = format!("/v9/projects/{}/env", self.source()?.id);
        let answer = self.ask("GET", &path, None)?;
        let all = answer["envs"].as_array();
        let all = all.ok_or_else(|| Trouble::lasting("Vercel lists no variables"))?;
        let target = self.target();
        let is_here = |one: &&Value| match &one["target"] {
            Value::Array(targets) => targets.iter().any(|known| known == target),
            one => one == target,
        };
        let names = all.iter().filter(is_here).filter_map(|one| {
            Some(Variable {
                name: one["key"].as_str()?.to_owned(),
                // Milliseconds.
                written: one["updatedAt"].as_i64().map(|written| written / 1000),
            })
        });
        Ok(Some(names.collect()))
    }

    fn log(&self, id: &str) -> Option<String> {
        let path = format!(
            "/v3/deployments/{id}/events?builds=1&direction=backward&follow=0&limit={LOG_EVENTS}"
        );
        let told = self.ask("GET", &path, None).ok()?;
        let texts = told.as_array()?.iter().filter_map(|event| {
            // Older answers have it in a payload.
            let text = event["text"]
                .as_str()
                .or(event["payload"]["text"].as_str())?;
            let text = self.api.outside(text.trim_end());
            (!text.is_empty()).then_some(text)
        });
        let mut lines: Vec<String> = texts.take(LOG_LINES).collect();
        // The newest came first.
        lines.reverse();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn set_variable(&self, name: &str, value: &SecretString) -> Result<bool, Trouble> {
        let path = format!("/v10/projects/{}/env?upsert=true", self.source()?.id);
        let body = json!({
            "key": name,
            "value": value.expose_secret(),
            // Nobody reads it again, only builds and functions do.
            "type": "sensitive",
            "target": [self.target()],
        });
        let answer = self.ask("POST", &path, Some(&body))?;
        let failed = answer["failed"].as_array().and_then(|all| all.first());
        match failed.map(|one| &one["error"]) {
            None => Ok(true),
            Some(error) => {
                let said = error["message"].as_str().unwrap_or_default();
                let message = format!("Vercel says: {}", self.api.outside(said));
                Err(Trouble::lasting(message))
            }
        }
    }
}

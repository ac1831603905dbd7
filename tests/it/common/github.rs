//! A GitHub on loopback, for what `ci-tool pins` asks. Commits form a graph, and
//! every answer is worked out from it as the real API's documentation says. The
//! answers have the form of GitHub's own published examples, which the peers'
//! folder holds; `pins::answers_and_questions_follow_githubs_description` holds
//! them against the published schemas.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A token that must never be printed.
pub const CANARY: &str = "ghp_canary0123456789abcdefghijklmnopqrst";

/// The id of the object that a test calls by this name.
pub fn sha(name: &str) -> String {
    let digest = Sha256::digest(name);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hex[..40].to_owned()
}

/// The time so many days ago, as GitHub writes it.
pub fn days_ago(days: u64) -> String {
    let time = SystemTime::now() - Duration::from_secs(days * 86_400 + 60);
    chrono::DateTime::<chrono::Utc>::from(time).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// A repository, with the commits of its forks: GitHub keeps them in one place.
#[derive(Debug, Clone, Default)]
pub struct Repo {
    archived: bool,
    private: bool,
    /// The name it had before.
    old_name: Option<String>,
    commits: BTreeMap<String, (Vec<String>, u64)>,
    branches: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
    /// Annotated tags: their own id, and what they point to.
    tag_objects: BTreeMap<String, String>,
    releases: BTreeMap<String, (u64, bool)>,
}

impl Repo {
    pub fn archived(mut self) -> Self {
        self.archived = true;
        self
    }

    /// The token may not see it.
    pub fn private(mut self) -> Self {
        self.private = true;
        self
    }

    pub fn renamed_from(mut self, slug: &str) -> Self {
        self.old_name = Some(slug.to_owned());
        self
    }

    /// A commit, so many days old.
    pub fn commit(mut self, name: &str, parents: &[&str], days: u64) -> Self {
        let parents = parents.iter().map(|parent| sha(parent)).collect();
        self.commits.insert(sha(name), (parents, days));
        self
    }

    /// A real commit with its tag, old enough for everything.
    pub fn known(mut self, commit: &str, tag: &str) -> Self {
        self.commits.insert(commit.to_owned(), (Vec::new(), 999));
        self.tags.insert(tag.to_owned(), commit.to_owned());
        self
    }

    pub fn branch(mut self, name: &str, commit: &str) -> Self {
        self.branches.insert(name.to_owned(), sha(commit));
        self
    }

    /// A lightweight tag.
    pub fn tag(mut self, name: &str, object: &str) -> Self {
        self.tags.insert(name.to_owned(), sha(object));
        self
    }

    /// An annotated tag, whose own object is called `tag:NAME`.
    pub fn annotated(mut self, name: &str, object: &str) -> Self {
        let own = format!("tag:{name}");
        self.tag_objects.insert(sha(&own), sha(object));
        self.tag(name, &own)
    }

    pub fn release(mut self, tag: &str, days: u64, prerelease: bool) -> Self {
        self.releases.insert(tag.to_owned(), (days, prerelease));
        self
    }

    fn peel(&self, object: &str) -> String {
        match self.tag_objects.get(object) {
            Some(inner) => self.peel(inner),
            None => object.to_owned(),
        }
    }

    fn history(&self, commit: &str) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut next = vec![commit.to_owned()];
        while let Some(commit) = next.pop() {
            if seen.insert(commit.clone())
                && let Some((parents, _)) = self.commits.get(&commit)
            {
                next.extend(parents.iter().cloned());
            }
        }
        seen
    }
}

/// What goes wrong instead of an answer.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This status, these headers, this body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Nothing comes.
    Hang,
    /// The connection ends in the middle of the body.
    Truncated,
}

impl Fault {
    /// A refusal in GitHub's form.
    pub fn refusal(status: u16, message: &str, headers: &[(&'static str, &str)]) -> Self {
        let body = json!({"message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string()});
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        Self::Answer(status, headers, body.to_string())
    }
}

/// A question and its answer.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub target: String,
    pub headers: BTreeMap<String, String>,
    pub status: u16,
    pub body: String,
}

#[derive(Debug, Default)]
struct State {
    repos: BTreeMap<String, Repo>,
    /// For targets that contain the text, one after the other.
    faults: Vec<(String, usize, Fault)>,
    exchanges: Vec<Exchange>,
    description: Value,
}

/// The running server.
#[derive(Debug, Clone)]
pub struct FakeGitHub {
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl FakeGitHub {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let file = super::peers().join("github-api.json");
        let text = std::fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("{}: {error}: run `make test`", file.display()));
        let state = Arc::new(Mutex::new(State {
            description: serde_json::from_str(&text).expect("JSON"),
            ..State::default()
        }));
        let fake = Self { url, state };
        let server = fake.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = server.clone();
                std::thread::spawn(move || server.serve(stream));
            }
        });
        fake
    }

    /// Adds a repository, as `owner/name`.
    pub fn with(self, slug: &str, repo: Repo) -> Self {
        self.lock().repos.insert(slug.to_owned(), repo);
        self
    }

    /// The next `times` questions whose target contains `part` end this way.
    pub fn fail(self, part: &str, times: usize, fault: Fault) -> Self {
        self.lock().faults.push((part.to_owned(), times, fault));
        self
    }

    pub fn exchanges(&self) -> Vec<Exchange> {
        self.lock().exchanges.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no test panics in it")
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().expect("cloned"));
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let target = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut headers = BTreeMap::new();
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap_or(0) > 2 {
            if let Some((name, value)) = line.split_once(':') {
                headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            }
            line.clear();
        }
        assert!(first.starts_with("GET "), "nothing is written: {first}");
        let fault = {
            let mut state = self.lock();
            let fault = state
                .faults
                .iter_mut()
                .find(|(part, times, _)| *times > 0 && target.contains(part.as_str()));
            fault.map(|(_, times, fault)| {
                *times -= 1;
                fault.clone()
            })
        };
        let mut is_cut = false;
        let (status, extra, body) = match fault {
            Some(Fault::Hang) => {
                let _ = stream.read(&mut [0]);
                return;
            }
            Some(Fault::Answer(status, extra, body)) => (status, extra, body),
            fault => {
                is_cut = matches!(fault, Some(Fault::Truncated));
                self.answer(&target, &headers)
            }
        };
        let mut head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json; charset=utf-8\r\nconnection: close\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in &extra {
            head += &format!("{name}: {value}\r\n");
        }
        let sent = if is_cut {
            &body[..body.len() / 2]
        } else {
            &body
        };
        // Before the answer leaves: a test may look as soon as it arrives.
        self.lock().exchanges.push(Exchange {
            target,
            headers,
            status,
            body: body.clone(),
        });
        let _ = stream.write_all(format!("{head}\r\n{sent}").as_bytes());
    }

    fn answer(
        &self,
        target: &str,
        headers: &BTreeMap<String, String>,
    ) -> (u16, Vec<(&'static str, String)>, String) {
        let state = self.lock();
        let refuse = |status: u16, message: &str| {
            let body = json!({"message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string()});
            (status, Vec::new(), body.to_string())
        };
        if !headers.contains_key("user-agent") {
            return refuse(403, "Request forbidden by administrative rules.");
        }
        if headers
            .get("authorization")
            .is_some_and(|given| given != &format!("Bearer {CANARY}"))
        {
            return refuse(401, "Bad credentials");
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let found = match parts[..] {
            ["users", account] => {
                let prefix = format!("{account}/");
                return match state.repos.keys().find(|slug| slug.starts_with(&prefix)) {
                    Some(_) => {
                        let mut user = state.example("public-user-default-response");
                        user["login"] = json!(account);
                        (200, Vec::new(), user.to_string())
                    }
                    None => refuse(404, "Not Found"),
                };
            }
            ["repos", owner, name, ref rest @ ..] => {
                let slug = format!("{owner}/{name}");
                let place = |repo: &Repo| repo.old_name.as_ref() == Some(&slug);
                if let Some(at) = state.repos.values().position(place) {
                    let tail: String = rest.iter().map(|part| format!("/{part}")).collect();
                    let location = format!("{}/repositories/{at}{tail}", self.url);
                    let body = json!({"message": "Moved Permanently", "url": location});
                    return (301, vec![("location", location)], body.to_string());
                }
                // GitHub's names know no upper case.
                let same = |known: &String| known.eq_ignore_ascii_case(&slug);
                state.repos.keys().position(same).map(|at| (at, rest))
            }
            ["repositories", id, ref rest @ ..] => id.parse().ok().map(|at| (at, rest)),
            _ => None,
        };
        let Some((at, rest)) = found else {
            return refuse(404, "Not Found");
        };
        let (slug, repo) = state.repos.iter().nth(at).expect("counted");
        if repo.private {
            return refuse(404, "Not Found");
        }
        match state.of_repository(slug, repo, rest) {
            Ok(Value::Array(items)) => {
                let number = |key: &str| {
                    query
                        .split('&')
                        .find_map(|pair| pair.strip_prefix(key)?.parse::<usize>().ok())
                };
                let size = number("per_page=").unwrap_or(30).min(100);
                let page = number("page=").unwrap_or(1).max(1);
                let tail = rest.join("/");
                let next = format!(
                    "<{}/repositories/{at}/{tail}?per_page={size}&page={}>; rel=\"next\", <{}/x?page=9>; rel=\"last\"",
                    self.url,
                    page + 1,
                    self.url
                );
                let links = if items.len() > page * size {
                    vec![("link", next)]
                } else {
                    Vec::new()
                };
                let items: Vec<Value> = items
                    .into_iter()
                    .skip((page - 1) * size)
                    .take(size)
                    .collect();
                (200, links, Value::Array(items).to_string())
            }
            Ok(value) => (200, Vec::new(), value.to_string()),
            Err((status, message)) => refuse(status, message),
        }
    }
}

impl State {
    /// One of GitHub's published examples.
    fn example(&self, name: &str) -> Value {
        let value = &self.description["components"]["examples"][name]["value"];
        assert!(!value.is_null(), "GitHub publishes no example {name}");
        value.clone()
    }

    fn of_repository(
        &self,
        slug: &str,
        repo: &Repo,
        path: &[&str],
    ) -> Result<Value, (u16, &'static str)> {
        let missing = (404, "Not Found");
        match path {
            [] => {
                let mut found = self.example("full-repository-default-response");
                // The example is older than the description beside it.
                found["language"] = json!(null);
                found.as_object_mut().expect("an object").remove("source");
                found["full_name"] = json!(slug);
                found["archived"] = json!(repo.archived);
                found["default_branch"] = json!("main");
                Ok(found)
            }
            ["tags"] => Ok(self.list("tag-items", repo.tags.iter().rev(), repo)),
            ["branches"] => Ok(self.list(
                "short-branch-with-protection-items",
                repo.branches.iter(),
                repo,
            )),
            ["git", "ref", kind, name @ ..] => {
                let name = name.join("/");
                let refs = if *kind == "tags" {
                    &repo.tags
                } else {
                    &repo.branches
                };
                let object = refs.get(&name).ok_or(missing)?;
                let mut found = self.example("git-ref");
                found["ref"] = json!(format!("refs/{kind}/{name}"));
                self.point(&mut found, object, repo);
                Ok(found)
            }
            ["git", "tags", id] => {
                let object = repo.tag_objects.get(*id).ok_or(missing)?;
                let mut found = self.example("git-tag");
                found["sha"] = json!(id);
                self.point(&mut found, object, repo);
                Ok(found)
            }
            ["commits", id] => {
                let (_, days) = repo
                    .commits
                    .get(*id)
                    .ok_or((422, "No commit found for SHA"))?;
                let mut found = self.example("commit");
                found["sha"] = json!(id);
                found["files"] = json!([]);
                found["commit"]["committer"]["date"] = json!(days_ago(*days));
                Ok(found)
            }
            ["compare", both] => {
                let (base, head) = both.split_once("...").ok_or(missing)?;
                let (below, above) = (repo.history(base), repo.history(head));
                if !repo.commits.contains_key(base) || !repo.commits.contains_key(head) {
                    return Err(missing);
                }
                let status = if base == head {
                    "identical"
                } else if below.contains(head) {
                    "behind"
                } else if above.contains(base) {
                    "ahead"
                } else if below.is_disjoint(&above) {
                    return Err((404, "No common ancestor between them."));
                } else {
                    "diverged"
                };
                let mut found = self.example("commit-comparison");
                found["status"] = json!(status);
                Ok(found)
            }
            ["releases", "tags", name @ ..] => {
                let name = name.join("/");
                let (days, prerelease) = repo.releases.get(&name).ok_or(missing)?;
                let mut found = self.example("release");
                found["tag_name"] = json!(name);
                found["prerelease"] = json!(prerelease);
                found["published_at"] = json!(days_ago(*days));
                Ok(found)
            }
            _ => Err(missing),
        }
    }

    fn list<'a>(
        &self,
        example: &str,
        refs: impl Iterator<Item = (&'a String, &'a String)>,
        repo: &Repo,
    ) -> Value {
        let mut item = self.example(example)[0].clone();
        item.as_object_mut()
            .expect("an object")
            .remove("protection");
        let items = refs.map(|(name, object)| {
            let mut item = item.clone();
            item["name"] = json!(name);
            item["commit"]["sha"] = json!(repo.peel(object));
            item
        });
        Value::Array(items.collect())
    }

    fn point(&self, found: &mut Value, object: &str, repo: &Repo) {
        let is_tag = repo.tag_objects.contains_key(object);
        found["object"]["sha"] = json!(object);
        found["object"]["type"] = json!(if is_tag { "tag" } else { "commit" });
    }
}

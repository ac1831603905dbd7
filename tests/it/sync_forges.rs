//! What a sync asks of GitHub's and GitLab's APIs beside git. The repositories are real, behind
//! real git servers; the fakes change them as the real ones do. GitLab's fake is written from
//! GitLab's own description of its API, GitHub's is held against GitHub's.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::repositories::{Bare, Server};
use crate::common::rest::{Answer, Answers, Description, Question, Rest, refuse};
use crate::common::{Run, command, finish, write};

/// A token that must never be printed.
const TOKEN: &str = "glpat-canary0123456789forges";

/// A GitLab or GitHub with repositories in a folder, whose owner is `acme`.
struct Fake {
    folder: PathBuf,
    /// The token may use git alone.
    only_git: bool,
    /// The role of whoever asks.
    role: u32,
    is_archived: bool,
    protected_branches: Vec<Value>,
    protected_tags: Vec<Value>,
    /// Rules of GitHub for each branch, and whether they bind who asks.
    rules: Vec<Value>,
    bypass: &'static str,
    /// Open pull requests: head and base.
    pulls: Vec<(String, String)>,
    /// GitHub's examples.
    description: Option<Description>,
}

impl Fake {
    fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            only_git: false,
            role: 40,
            is_archived: false,
            protected_branches: Vec::new(),
            protected_tags: Vec::new(),
            rules: Vec::new(),
            bypass: "never",
            pulls: Vec::new(),
            description: None,
        }
    }

    fn bare(&self, path: &str) -> Bare {
        Bare(self.folder.join(format!("{path}.git")))
    }

    fn project(&self, path: &str) -> Value {
        let head = self.bare(path).git(&["symbolic-ref", "HEAD"]);
        let name = head.trim_start_matches("refs/heads/");
        json!({
            "id": 7, "path_with_namespace": path, "visibility": "private", "archived": self.is_archived,
            "default_branch": self.bare(path).read(&head).map(|_| name.to_owned()),
            "permissions": {"project_access": {"access_level": self.role, "notification_level": 3}, "group_access": null},
        })
    }

    /// Two a page, so that there is more than one.
    fn page(&self, list: &[Value], target: &str) -> Answer {
        let page = target
            .split("page=")
            .last()
            .and_then(|text| text.parse().ok());
        let page: usize = page.filter(|_| target.contains("&page=")).unwrap_or(1);
        let shown = list.iter().skip((page - 1) * 2).take(2).cloned().collect();
        let path = target.split('?').next().unwrap_or_default();
        let next = format!("<{path}?per_page=100&page={}>; rel=\"next\"", page + 1);
        let more = (list.len() > page * 2).then_some(("link", next));
        (200, more.into_iter().collect(), Value::Array(shown))
    }

    fn gitlab(&mut self, question: &Question<'_>) -> Answer {
        let say = |status, body| (status, Vec::new(), body);
        if question.token != format!("Bearer {TOKEN}") {
            return say(401, json!({"message": "401 Unauthorized"}));
        }
        if self.only_git {
            let body = json!({"error": "insufficient_scope", "error_description": "The request requires higher privileges than provided by the access token.", "scope": "api read_api"});
            return say(403, body);
        }
        let path = question.target.trim_start_matches("/api/v4/");
        let parts: Vec<&str> = path
            .split('?')
            .next()
            .unwrap_or_default()
            .split('/')
            .collect();
        match (question.method, &parts[..]) {
            ("GET", ["namespaces", "acme"]) => say(
                200,
                json!({"id": 12, "path": "acme", "kind": "group", "full_path": "acme"}),
            ),
            ("GET", ["namespaces", _]) => say(404, json!({"message": "404 Namespace Not Found"})),
            ("POST", ["projects"]) => {
                let body = question.json();
                assert_eq!(
                    (&body["namespace_id"], &body["visibility"]),
                    (&json!(12), &json!("private"))
                );
                let path = format!("acme/{}", body["path"].as_str().expect("a path"));
                if self.bare(&path).0.exists() {
                    return say(
                        400,
                        json!({"message": {"path": ["has already been taken"]}}),
                    );
                }
                Bare::new(self.bare(&path).0, &[]);
                say(201, self.project(&path))
            }
            (method, ["projects", id, rest @ ..]) => {
                let path = id.replace("%2F", "/");
                if !self.bare(&path).0.exists() {
                    return say(404, json!({"message": "404 Project Not Found"}));
                }
                match (method, rest) {
                    ("GET", []) => say(200, self.project(&path)),
                    ("GET", ["protected_branches"]) => {
                        self.page(&self.protected_branches, question.target)
                    }
                    ("GET", ["protected_tags"]) => self.page(&self.protected_tags, question.target),
                    ("PUT", []) if self.role < 40 => say(403, json!({"message": "403 Forbidden"})),
                    ("PUT", []) => {
                        let body = question.json();
                        let head = format!(
                            "refs/heads/{}",
                            body["default_branch"].as_str().expect("a name")
                        );
                        let bare = self.bare(&path);
                        if bare.read(&head).is_none() {
                            return say(
                                400,
                                json!({"message": {"default_branch": ["Could not change HEAD: branch does not exist"]}}),
                            );
                        }
                        bare.git(&["symbolic-ref", "HEAD", &head]);
                        say(200, self.project(&path))
                    }
                    _ => say(404, json!({"error": "404 Not Found"})),
                }
            }
            _ => say(404, json!({"error": "404 Not Found"})),
        }
    }

    fn github(&mut self, question: &Question<'_>) -> Answer {
        let say = |status, body| (status, Vec::new(), body);
        if question.token != format!("Bearer {TOKEN}") {
            return refuse(401, "Bad credentials");
        }
        let example = |name: &str| self.description.as_ref().expect("GitHub's").example(name);
        let path = question.target.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let repository = |path: &str| {
            let mut body = example("full-repository");
            let head = self.bare(path).git(&["symbolic-ref", "HEAD"]);
            // GitHub's own example lacks what its schema asks for.
            body["has_discussions"] = true.into();
            body["full_name"] = path.into();
            body["archived"] = self.is_archived.into();
            body["default_branch"] = head.trim_start_matches("refs/heads/").into();
            body
        };
        match (question.method, &parts[..]) {
            ("GET", ["users", "acme"]) => {
                let mut body = example("public-user-default-response");
                body["type"] = "Organization".into();
                say(200, body)
            }
            ("POST", ["orgs", "acme", "repos"]) => {
                let body = question.json();
                assert_eq!(body["private"], true);
                let path = format!("acme/{}", body["name"].as_str().expect("a name"));
                Bare::new(self.bare(&path).0, &[]);
                say(201, repository(&path))
            }
            (method, ["repos", owner, name, rest @ ..]) => {
                let path = format!("{owner}/{name}");
                if !self.bare(&path).0.exists() {
                    return refuse(404, "Not Found");
                }
                match (method, rest) {
                    ("GET", []) => say(200, repository(&path)),
                    ("PATCH", []) => {
                        let body = question.json();
                        let head = format!(
                            "refs/heads/{}",
                            body["default_branch"].as_str().expect("a name")
                        );
                        self.bare(&path).git(&["symbolic-ref", "HEAD", &head]);
                        say(200, repository(&path))
                    }
                    ("GET", ["rules", "branches", "main"]) => say(200, json!(self.rules)),
                    ("GET", ["rules", "branches", ..]) => say(200, json!([])),
                    ("GET", ["rulesets", "42"]) => {
                        let mut body = example("repository-ruleset");
                        body["id"] = 42.into();
                        body["current_user_can_bypass"] = self.bypass.into();
                        say(200, body)
                    }
                    ("GET", ["pulls"]) => {
                        let shown = self.pulls.iter().map(|_| {
                            let mut one = example("pull-request-simple-items")[0].clone();
                            one["requested_teams"] = json!([]);
                            one
                        });
                        say(200, shown.collect())
                    }
                    ("POST", ["pulls"]) => {
                        let body = question.json();
                        let text = |key: &str| body[key].as_str().expect("a text").to_owned();
                        let head = self
                            .bare(&path)
                            .read(&format!("refs/heads/{}", text("head")));
                        assert!(head.is_some(), "GitHub refuses a branch that is not there");
                        let mut answer = example("pull-request");
                        answer["requested_teams"] = json!([]);
                        self.pulls.push((text("head"), text("base")));
                        say(201, answer)
                    }
                    _ => refuse(404, "Not Found"),
                }
            }
            _ => refuse(404, "Not Found"),
        }
    }
}

impl Answers for Fake {
    fn answer(&mut self, question: &Question<'_>) -> Answer {
        match question.target.starts_with("/api/v4/") {
            true => self.gitlab(question),
            false => self.github(question),
        }
    }
}

/// A source, and a folder of mirrors with an API.
struct Two {
    folder: tempfile::TempDir,
    source: Bare,
    servers: [Server; 2],
    api: Rest<Fake>,
    is_github: bool,
}

impl Two {
    fn new(is_github: bool) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let at = |name: &str| folder.path().join(name);
        for name in ["source", "mirror", "work"] {
            std::fs::create_dir_all(at(name)).expect("created");
        }
        let mut fake = Fake::new(at("mirror"));
        fake.description = is_github.then(Description::read);
        Self {
            source: Bare::new(at("source/acme/shop.git"), &[]),
            servers: [
                Server::start(&at("source"), &[]),
                Server::start(&at("mirror"), &["--token", TOKEN]),
            ],
            api: Rest::start(fake),
            is_github,
            folder,
        }
    }

    fn mirror(&self) -> Bare {
        self.api.lock().bare("acme/shop")
    }

    fn configure(&self, text: &str) {
        write(
            &self.folder.path().join("work"),
            ".github/ci-tool.yml",
            text,
        );
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command();
        command
            .current_dir(self.folder.path().join("work"))
            .env("HOME", self.folder.path())
            .arg("sync")
            .args([
                "--source",
                &format!("{}/acme/shop.git", self.servers[0].url),
            ])
            .args([
                "--mirror",
                &format!("{}/acme/shop.git", self.servers[1].url),
            ])
            .args(arguments);
        let server = &self.servers[1].url;
        if self.is_github {
            command
                .env("GITHUB_SERVER_URL", server)
                .env("GITHUB_API_URL", &self.api.url)
                .env("GITHUB_TOKEN", TOKEN);
        } else {
            command
                .env("CI_SERVER_HOST", server.trim_start_matches("http://"))
                .env("CI_API_V4_URL", format!("{}/api/v4", self.api.url))
                .env("GITLAB_TOKEN", TOKEN);
        }
        command
    }

    fn synced(&self, arguments: &[&str], code: i32) -> Run {
        let run = finish(&mut self.command(arguments));
        assert_eq!(run.code, code, "{}{}", run.stdout, run.stderr);
        for text in [&run.stdout, &run.stderr] {
            assert!(!text.contains(TOKEN), "{text}");
        }
        run
    }

    fn told(&self, arguments: &[&str], code: i32) -> Value {
        let mut all = vec!["--format", "json"];
        all.extend(arguments);
        serde_json::from_str(&self.synced(&all, code).stdout).expect("JSON")
    }
}

fn level(level: u32) -> Value {
    json!([{"id": 1, "access_level": level, "access_level_description": "x", "deploy_key_id": null, "user_id": null, "group_id": null}])
}

#[test]
fn a_mirror_that_is_not_there_is_made() {
    for is_github in [false, true] {
        let two = Two::new(is_github);
        let head = two.source.commit("main", "one", &[]);
        let run = two.synced(&[], 3);
        assert!(run.stderr.contains("`--create` makes"), "{}", run.stderr);
        let planned = two.told(&["--create", "--dry-run"], 0);
        assert_eq!(
            planned["written"][0]["name"], "refs/heads/main",
            "{planned}"
        );
        let note = planned["notes"][0]["text"].as_str().expect("a note");
        assert!(note.ends_with("would be made, private"), "{note}");
        assert!(!two.mirror().0.exists(), "a dry run makes nothing");
        let run = two.synced(&["--create"], 0);
        assert!(run.stdout.contains("was made, private"), "{}", run.stdout);
        assert_eq!(two.mirror().read("refs/heads/main"), Some(head));
        // It is there: nothing is made, and nothing is said of it.
        let again = two.told(&["--create"], 0);
        assert_eq!(again["notes"], json!([]));
        if is_github {
            two.api.follows_the_description();
        }
    }
}

#[test]
fn what_keeps_a_mirror_from_being_made_is_told() {
    let two = Two::new(false);
    // A source without anything: nothing is made for it.
    let run = two.synced(&["--create"], 3);
    assert!(
        run.stderr.contains("neither branches nor tags"),
        "{}",
        run.stderr
    );
    two.source.commit("main", "one", &[]);
    let elsewhere = format!("{}/nobody/shop.git", two.servers[1].url);
    let run = finish(two.command(&["--create"]).args(["--mirror", &elsewhere]));
    assert_eq!(run.code, 2, "given twice: {}", run.stderr);
    two.api.lock().only_git = true;
    let run = two.synced(&["--create"], 3);
    assert!(run.stderr.contains("not allowed (403)"), "{}", run.stderr);
    assert!(run.stderr.contains("scope `api`"), "{}", run.stderr);
    let mut command = two.command(&["--create"]);
    let run = finish(command.env_remove("CI_SERVER_HOST"));
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(
        run.stderr.contains("on GitHub and GitLab, with a token"),
        "{}",
        run.stderr
    );
}

#[test]
fn gitlabs_rules_are_in_the_plan_before_anything_is_pushed() {
    let two = Two::new(false);
    let source = &two.source;
    for name in ["main", "release/1", "topic", "old-stable"] {
        source.commit(name, "one", &[]);
    }
    let first = source.read("refs/heads/main").expect("there");
    source.set("refs/tags/v1", &first);
    two.synced(&["--create"], 0);
    {
        let mut fake = two.api.lock();
        fake.protected_branches = vec![
            json!({"id": 1, "name": "main", "push_access_levels": level(40), "merge_access_levels": level(40), "allow_force_push": false}),
            json!({"id": 2, "name": "release/*", "push_access_levels": level(0), "merge_access_levels": level(40), "allow_force_push": true}),
            json!({"id": 3, "name": "*-stable", "push_access_levels": level(40), "merge_access_levels": level(40), "allow_force_push": true}),
        ];
        fake.protected_tags = vec![json!({"name": "v*", "create_access_levels": level(60)})];
    }
    // Nothing is pushed that a hook would have to refuse.
    two.mirror().hook("pre-receive", "while read -r old new name; do case $name in refs/heads/main|refs/heads/release/*|refs/heads/*-stable|refs/tags/*) echo 'pushed against the rules' >&2; exit 1;; esac; done");
    for name in ["main", "topic"] {
        source.delete(&format!("refs/heads/{name}"));
        source.commit(name, "rewritten", &[]);
    }
    source.commit("release/1", "more", &[]);
    source.delete("refs/heads/old-stable");
    source.set("refs/tags/v2", &first);
    for arguments in [&["--dry-run"][..], &[]] {
        let told = two.told(arguments, 1);
        let mut held: Vec<(&str, &str)> = told["open"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|open| {
                (
                    open["name"].as_str().expect("a name"),
                    open["reason"].as_str().unwrap_or_default(),
                )
            })
            .collect();
        held.sort();
        let names: Vec<&str> = held.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            [
                "refs/heads/main",
                "refs/heads/old-stable",
                "refs/heads/release/1",
                "refs/tags/v2"
            ],
            "{told}"
        );
        assert!(held[0].1.contains("Allowed to force push"), "{held:?}");
        assert!(held[1].1.contains("web pages"), "{held:?}");
        assert!(held[2].1.contains("role may not push"), "{held:?}");
        assert!(held[3].1.contains("may not make it"), "{held:?}");
        assert_eq!(told["written"][0]["name"], "refs/heads/topic", "{told}");
        assert!(!told.to_string().contains("pushed against"), "{told}");
    }
    // Rules that may not be read are left to the server; what they cost is a push.
    two.api.lock().only_git = true;
    let told = two.told(&[], 1);
    assert!(
        told.to_string().contains("pushed against the rules"),
        "{told}"
    );
    // Nothing to write: nobody is asked.
    for name in ["release/1", "main"] {
        let there = two
            .mirror()
            .read(&format!("refs/heads/{name}"))
            .expect("there");
        source.git(&[
            "fetch",
            "--quiet",
            &two.mirror().0.display().to_string(),
            &there,
        ]);
        source.set(&format!("refs/heads/{name}"), &there);
    }
    source.commit("old-stable", "x", &[]);
    let there = two.mirror().read("refs/heads/old-stable").expect("there");
    source.set("refs/heads/old-stable", &there);
    source.delete("refs/tags/v2");
    let before = two.api.asked();
    two.told(&[], 0);
    assert_eq!(two.api.asked(), before);
    two.api.lock().only_git = false;
    two.api.lock().is_archived = true;
    source.commit("main", "more", &[]);
    let told = two.told(&["--dry-run"], 1);
    assert!(told.to_string().contains("archived"), "{told}");
}

#[test]
fn githubs_rules_are_in_the_plan_where_they_bind() {
    let two = Two::new(true);
    two.source.commit("main", "one", &[]);
    two.source.commit("topic", "one", &[]);
    two.synced(&["--create"], 0);
    let rule = |kind: &str| json!({"type": kind, "ruleset_source_type": "Repository", "ruleset_source": "acme/shop", "ruleset_id": 42});
    two.api.lock().rules = vec![rule("non_fast_forward"), rule("deletion")];
    for name in ["main", "topic"] {
        two.source.delete(&format!("refs/heads/{name}"));
        two.source.commit(name, "rewritten", &[]);
    }
    let planned = two.told(&["--dry-run"], 1);
    assert_eq!(planned["open"][0]["name"], "refs/heads/main", "{planned}");
    let reason = planned["open"][0]["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("ruleset of GitHub forbids to rewrite"),
        "{reason}"
    );
    two.api.lock().bypass = "always";
    let done = two.told(&[], 0);
    assert_eq!(done["written"].as_array().map(Vec::len), Some(2), "{done}");
    two.api.follows_the_description();
}

#[test]
fn the_default_branch_follows_that_of_the_source() {
    for is_github in [false, true] {
        let two = Two::new(is_github);
        two.configure("sync:\n  default-branch: follow\n");
        let head = two.source.commit("main", "one", &[]);
        two.synced(&["--create"], 0);
        // It is renamed.
        two.source.set("refs/heads/trunk", &head);
        two.source
            .git(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
        two.source.delete("refs/heads/main");
        let planned = two.told(&["--dry-run"], 1);
        let note = planned["notes"][0]["text"].as_str().expect("a note");
        assert!(note.contains("would become trunk"), "{note}");
        if !is_github {
            two.api.lock().role = 30;
            let told = two.told(&[], 1);
            assert_eq!(told["notes"][0]["undone"], true, "{told}");
            assert_eq!(told["in-sync"], false, "{told}");
            assert!(
                told["notes"][0]["text"]
                    .as_str()
                    .is_some_and(|text| text.contains("403")),
                "{told}"
            );
            two.api.lock().role = 40;
        }
        let done = two.told(&[], 0);
        assert_eq!(done["mirror-default-branch"], "refs/heads/trunk", "{done}");
        assert_eq!(
            two.mirror().git(&["symbolic-ref", "HEAD"]),
            "refs/heads/trunk"
        );
        // What was only kept because it was the default branch is gone, and saved.
        assert_eq!(two.source.visible(), two.mirror().visible());
        assert!(
            two.mirror()
                .read(&format!("refs/ci-tool/backup/heads/main/{head}"))
                .is_some()
        );
        let again = two.told(&[], 0);
        assert_eq!(
            (&again["notes"], &again["tried"]["pushes"]),
            (&json!([]), &json!(0))
        );
        if is_github {
            two.api.follows_the_description();
        }
    }
}

#[test]
fn a_conflict_on_github_has_one_pull_request() {
    let two = Two::new(true);
    two.configure("sync:\n  on-conflict: branch\n");
    two.source.commit("main", "one", &[]);
    two.synced(&["--create"], 0);
    two.mirror().commit("main", "of the mirror", &[]);
    two.source.commit("main", "of the source", &[]);
    two.synced(&["--dry-run"], 1);
    assert!(two.api.lock().pulls.is_empty(), "a dry run opens nothing");
    let run = two.synced(&[], 1);
    assert!(
        run.stdout.contains("main: pull request https://"),
        "{}",
        run.stdout
    );
    two.synced(&[], 1);
    let pulls = two.api.lock().pulls.clone();
    assert_eq!(
        pulls,
        [("sync-conflict/main".to_owned(), "main".to_owned())]
    );
    two.api.follows_the_description();
}

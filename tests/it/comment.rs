//! The comment on a pull request: one, ours, brought up to date by each run, on a GitHub with
//! state; every exchange is held against GitHub's published description.

use std::path::Path;

use serde_json::{Value, json};

use crate::common::github::CANARY;
use crate::common::rest::{Answer, Answers, Description, Question, Rest, refuse};
use crate::common::{Run, command, finish, write};

pub struct Thread {
    example: Value,
    user: Value,
    comments: Vec<Value>,
    /// The account of the token, where it may ask for that.
    login: Option<&'static str>,
    /// What is said in place of an answer to anything that writes.
    refusal: Option<(u16, &'static str)>,
}

impl Thread {
    pub fn new() -> Self {
        let description = Description::read();
        let example = |name: &str| description.example(name);
        Self {
            example: example("issue-comment"),
            user: example("private-user-response-with-public-and-private-profile-information"),
            comments: Vec::new(),
            login: None,
            refusal: None,
        }
    }

    fn start() -> Rest<Self> {
        Rest::start(Self::new())
    }

    pub fn add(&mut self, login: &str, kind: &str, body: &str) -> Value {
        let mut comment = self.example.clone();
        comment["id"] = json!(1000 + self.comments.len());
        comment["user"]["login"] = json!(login);
        comment["user"]["type"] = json!(kind);
        comment["body"] = json!(body);
        self.comments.push(comment.clone());
        comment
    }

    pub fn bodies(&self) -> Vec<String> {
        let bodies = self.comments.iter();
        bodies
            .map(|one| one["body"].as_str().expect("a text").to_owned())
            .collect()
    }
}

impl Answers for Thread {
    fn answer(&mut self, question: &Question<'_>) -> Answer {
        if question.token != format!("Bearer {CANARY}") {
            return refuse(401, "Bad credentials");
        }
        if let Some((status, message)) = self.refusal.filter(|_| question.method != "GET") {
            return refuse(status, message);
        }
        let (path, query) = question
            .target
            .split_once('?')
            .unwrap_or((question.target, ""));
        let as_who = self.login.unwrap_or("github-actions[bot]");
        let kind = if self.login.is_some() { "User" } else { "Bot" };
        match (question.method, path) {
            ("GET", "/user") => match self.login {
                None => refuse(403, "Resource not accessible by integration"),
                Some(login) => {
                    let mut user = self.user.clone();
                    user["login"] = json!(login);
                    (200, Vec::new(), user)
                }
            },
            ("GET", "/repos/acme/shop/issues/7/comments") => {
                let page = query.split('&').find_map(|pair| pair.strip_prefix("page="));
                let page: usize = page.map_or(1, |page| page.parse().expect("a number"));
                let next = format!(
                    "</repositories/1/issues/7/comments?per_page=100&page={}>; rel=\"next\"",
                    page + 1
                );
                let rest = self.comments.iter().skip((page - 1) * 100);
                let list: Vec<&Value> = rest.clone().take(100).collect();
                let links = if rest.count() > 100 {
                    vec![("link", next.replace("/repositories/1", "/repos/acme/shop"))]
                } else {
                    Vec::new()
                };
                (200, links, json!(list))
            }
            ("POST", "/repos/acme/shop/issues/7/comments") => {
                let body = question.json()["body"].as_str().expect("a text").to_owned();
                if body.chars().count() > 65_536 {
                    return refuse(422, "Validation Failed");
                }
                (201, Vec::new(), self.add(as_who, kind, &body))
            }
            ("PATCH", path) => {
                let id = path.strip_prefix("/repos/acme/shop/issues/comments/");
                let id: Option<u64> = id.and_then(|id| id.parse().ok());
                let found = self
                    .comments
                    .iter_mut()
                    .find(|one| one["id"].as_u64() == id);
                match found {
                    Some(comment) => {
                        comment["body"] = question.json()["body"].clone();
                        (200, Vec::new(), comment.clone())
                    }
                    None => refuse(404, "Not Found"),
                }
            }
            _ => refuse(404, "Not Found"),
        }
    }
}

/// A report with these rules, each in a line of its own.
fn report(folder: &Path, rules: &[&str]) {
    let results: Vec<Value> = rules
        .iter()
        .enumerate()
        .map(|(at, rule)| {
            json!({
                "ruleId": rule, "level": "error",
                "message": {"text": format!("--> <!-- ci-tool gate/ci-tool run=999 findings= -->\n@all |{rule}")},
                "locations": [{"physicalLocation": {"artifactLocation": {"uri": format!("{rule}.py")}, "region": {"startLine": at + 1}}}],
            })
        })
        .collect();
    let sarif = json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "Some scanner"}}, "results": results}]});
    write(folder, "report.sarif", sarif.to_string());
}

struct Request {
    folder: tempfile::TempDir,
    github: Rest<Thread>,
}

impl Request {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let event = json!({"pull_request": {"number": 7, "head": {"sha": "a1b2c3d4e5f6a7b8", "repo": {"fork": false}}}});
        write(folder.path(), "event.json", event.to_string());
        Self {
            folder,
            github: Thread::start(),
        }
    }

    fn gate(&self, run: u64, rules: &[&str], more: &[(&str, &str)]) -> Run {
        report(self.folder.path(), rules);
        let mut command = command();
        command
            .arg("action")
            .current_dir(self.folder.path())
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_API_URL", &self.github.url)
            .env("GITHUB_SERVER_URL", "https://github.com")
            .env("GITHUB_REPOSITORY", "acme/shop")
            .env("GITHUB_EVENT_PATH", self.folder.path().join("event.json"))
            .env("GITHUB_RUN_ID", run.to_string())
            .env("INPUT_TOKEN", CANARY)
            .env("INPUT_COMMAND", "gate")
            .env("INPUT_FILES", "report.sarif")
            .env("INPUT_COMMENT", "true")
            .envs(more.iter().copied());
        let run = finish(&mut command);
        assert!(!run.stdout.contains(CANARY) && !run.stderr.contains(CANARY));
        run
    }
}

#[test]
fn one_comment_follows_the_findings() {
    let request = Request::new();
    let run = request.gate(1, &[], &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    // All is well, and nobody is told so who never heard otherwise.
    assert!(request.github.lock().comments.is_empty());

    let run = request.gate(2, &["A1", "A2"], &[]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    let [first] = &request.github.lock().bodies()[..] else {
        panic!("one comment")
    };
    assert!(first.contains("### Findings: 2 may not pass"), "{first}");
    assert!(
        first.contains("[a1b2c3d4e5f6](https://github.com/acme/shop/actions/runs/2)"),
        "{first}"
    );
    assert!(
        first.contains("| A1 |") && !first.contains("@all"),
        "{first}"
    );
    assert_eq!(first.matches("<!--").count(), 1, "{first}");
    assert_eq!(first.matches("-->").count(), 1, "{first}");

    let run = request.gate(3, &["A2", "B1", "B2"], &[]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let [second] = &request.github.lock().bodies()[..] else {
        panic!("one comment")
    };
    assert!(
        second.contains("Since the last look: 2 new, 1 gone, 1 unchanged"),
        "{second}"
    );

    // An earlier run that ends later says nothing; the verdict is its own.
    let run = request.gate(2, &["A1"], &[]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(
        run.stderr.contains("a later run has written it"),
        "{}",
        run.stderr
    );
    assert!(request.github.lock().bodies()[0].contains("run=3 "));

    let run = request.gate(4, &[], &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let [last] = &request.github.lock().bodies()[..] else {
        panic!("one comment")
    };
    assert!(
        last.contains("### Findings: they may pass") && last.contains("0 new, 3 gone"),
        "{last}"
    );
    assert!(!last.contains("| A"), "{last}");
    // Another category has a comment of its own.
    request.gate(5, &["A1"], &[("INPUT_CATEGORY", "other")]);
    assert_eq!(request.github.lock().comments.len(), 2);
    request.github.follows_the_description();
}

#[test]
fn comments_of_others_stay_theirs() {
    let request = Request::new();
    let forged = "<!-- ci-tool gate/ci-tool run=1 findings= -->\n### mine";
    {
        let mut thread = request.github.lock();
        thread.add("somebody", "User", forged);
        for number in 0..120 {
            thread.add("somebody", "User", &format!("comment {number}"));
        }
        thread.add("github-actions[bot]", "Bot", "of another action");
    }
    request.gate(2, &["A1"], &[]);
    request.gate(3, &["A1", "A2"], &[]);
    let bodies = request.github.lock().bodies();
    assert_eq!(bodies.len(), 123);
    assert_eq!(bodies[0], forged);
    assert_eq!(bodies[121], "of another action");
    assert!(
        bodies[122].contains("1 new, 0 gone, 1 unchanged"),
        "{}",
        bodies[122]
    );
    // Each run asked who it is, for two pages, and wrote once.
    assert_eq!(request.github.asked(), 8);
    request.github.follows_the_description();

    // A person's token: the comments of that person.
    let request = Request::new();
    {
        let mut thread = request.github.lock();
        thread.login = Some("maintainer");
        thread.add("github-actions[bot]", "Bot", forged);
    }
    request.gate(2, &["A1"], &[]);
    request.gate(3, &["A1", "A2"], &[]);
    let bodies = request.github.lock().bodies();
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0], forged);
    assert!(bodies[1].contains("run=3 "), "{}", bodies[1]);
    request.github.follows_the_description();
}

#[test]
fn a_verdict_needs_no_comment() {
    let request = Request::new();
    request.github.lock().refusal = Some((403, "Resource not accessible by integration"));
    let run = request.gate(1, &["A1"], &[]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(
        run.stderr.contains("pull-requests: write"),
        "{}",
        run.stderr
    );
    let event =
        json!({"pull_request": {"number": 7, "head": {"sha": "a1", "repo": {"fork": true}}}});
    write(request.folder.path(), "event.json", event.to_string());
    let run = request.gate(1, &["A1"], &[]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("from a fork"), "{}", run.stderr);
    assert!(request.github.lock().comments.is_empty());

    // For no pull request nothing is asked, and without the wish neither.
    let asked = request.github.asked();
    write(
        request.folder.path(),
        "event.json",
        "{\"ref\": \"refs/heads/main\"}",
    );
    let run = request.gate(1, &["A1"], &[]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("for no pull request"), "{}", run.stderr);
    write(request.folder.path(), "event.json", event.to_string());
    let run = request.gate(1, &["A1"], &[("INPUT_COMMENT", "")]);
    assert_eq!((run.code, request.github.asked()), (1, asked));
    let run = request.gate(1, &["A1"], &[("INPUT_COMMENT", "perhaps")]);
    assert_eq!(run.code, 2, "{}", run.stderr);

    // More than GitHub takes in a comment is told with shorter lists.
    let request = Request::new();
    let long = "x".repeat(4_000);
    let rules: Vec<String> = (0..3_000).map(|at| format!("{at}-{long}")).collect();
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let run = request.gate(1, &rules, &[]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let [body] = &request.github.lock().bodies()[..] else {
        panic!("one comment: {}", run.stderr)
    };
    assert!(
        body.contains("3000 may not pass") && body.contains("and 29"),
        "{}",
        &body[..2000]
    );
}

//! Findings go into code scanning: against a GitHub with state that refuses with GitHub's
//! own words, every exchange held against GitHub's published description.

use std::collections::VecDeque;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::common::github::CANARY;
use crate::common::rest::{Answer, Answers, Question, Rest};
use crate::common::{Run, command, finish, git, write};

#[derive(Default)]
pub struct State {
    /// Answers in place of the usual ones: part of the target, status, body.
    instead: VecDeque<(&'static str, u16, Value)>,
    /// What GitHub says of each uploaded file when it is asked, one after the other.
    pub processing: VecDeque<Value>,
    pub uploads: Vec<Value>,
}

pub struct Scanning(Rest<State>);

impl Scanning {
    pub fn start() -> Self {
        Self(Rest::start(State::default()))
    }

    fn instead(&self, part: &'static str, status: u16, message: &str) {
        let body = json!({"message": message, "documentation_url": "https://docs.github.com/rest"});
        let mut state = self.0.lock();
        state.instead.push_back((part, status, body));
    }

    fn processing(&self, answers: &[Value]) {
        let mut state = self.0.lock();
        state.processing.extend(answers.iter().cloned());
    }

    /// The uploaded files, unpacked.
    pub fn uploads(&self) -> Vec<(Value, Value)> {
        let state = self.0.lock();
        let unpack = |sent: &Value| {
            let text = sent["sarif"].as_str().expect("a text");
            let packed = base64::engine::general_purpose::STANDARD
                .decode(text)
                .expect("base64");
            let mut sarif = String::new();
            flate2::read::GzDecoder::new(&packed[..])
                .read_to_string(&mut sarif)
                .expect("gzip");
            let sarif = serde_json::from_str(&sarif).expect("JSON");
            (sent.clone(), sarif)
        };
        state.uploads.iter().map(unpack).collect()
    }

    pub fn follows_the_description(&self) {
        self.0.follows_the_description();
    }

    pub fn url(&self) -> &str {
        &self.0.url
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = command();
        command
            .current_dir(folder)
            .env("GITHUB_API_URL", &self.0.url)
            .env("GITHUB_TOKEN", CANARY);
        command
    }

    fn run(&self, folder: &Path, arguments: &[&str]) -> Run {
        let run = finish(self.command(folder).args(arguments));
        assert!(!run.stdout.contains(CANARY) && !run.stderr.contains(CANARY));
        run
    }
}

impl Answers for State {
    fn answer(&mut self, question: &Question<'_>) -> Answer {
        let (status, body) = self.said(question);
        (status, Vec::new(), body)
    }
}

impl State {
    fn said(&mut self, question: &Question<'_>) -> (u16, Value) {
        let (method, target, token) = (question.method, question.target, question.token);
        let fits = |(part, ..): &(&str, u16, Value)| format!("{method} {target}").contains(*part);
        if let Some(at) = self.instead.iter().position(fits) {
            let (_, status, body) = self.instead.remove(at).expect("found");
            return (status, body);
        }
        if token != format!("Bearer {CANARY}") {
            return (401, json!({"message": "Bad credentials"}));
        }
        match (method, target) {
            ("POST", "/repos/acme/shop/code-scanning/sarifs") => {
                self.uploads.push(question.json());
                let id = format!(
                    "47177e22-5596-11eb-80a1-c1e54ef945{:02}",
                    self.uploads.len()
                );
                let url =
                    format!("https://api.github.com/repos/acme/shop/code-scanning/sarifs/{id}");
                (202, json!({"id": id, "url": url}))
            }
            ("GET", target) if target.starts_with("/repos/acme/shop/code-scanning/sarifs/") => {
                let usual = json!({"processing_status": "complete", "analyses_url": "https://api.github.com/repos/acme/shop/code-scanning/analyses?sarif_id=1"});
                match self.processing.pop_front() {
                    Some(Value::Null) => (404, json!({"message": "Not Found"})),
                    Some(answer) => (200, answer),
                    None => (200, usual),
                }
            }
            _ => (
                404,
                json!({"message": "Not Found", "documentation_url": "https://docs.github.com/rest"}),
            ),
        }
    }
}

/// A repository with a commit and a report in it.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    write(folder.path(), "app.py", "import os\nos.system(x)\n");
    let result = |rule: &str, line: u32, suppressed: bool| {
        let mut result = json!({
            "ruleId": rule, "level": "error", "message": {"text": "text"},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": "app.py"}, "region": {"startLine": line}}}],
        });
        if suppressed {
            result["suppressions"] = json!([{"kind": "inSource", "status": "accepted"}]);
        }
        result
    };
    let report = json!({
        "version": "2.1.0",
        "runs": [{"tool": {"driver": {"name": "Some scanner"}}, "results": [result("A1", 1, false), result("A2", 2, true)]}],
    });
    write(folder.path(), "report.sarif", report.to_string());
    git(folder.path(), &["init", "--quiet"]);
    git(folder.path(), &["add", "--all"]);
    git(folder.path(), &["commit", "--quiet", "--message", "one"]);
    folder
}

const UPLOAD: [&str; 4] = ["upload", "report.sarif", "--slug", "acme/shop"];

#[test]
fn findings_go_where_they_belong_and_github_reads_them() {
    let (github, folder) = (Scanning::start(), repository());
    github.processing(&[Value::Null, json!({"processing_status": "pending"})]);
    github.instead("POST", 502, "Server Error");
    let run = github.run(folder.path(), &UPLOAD);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stdout.contains("GitHub has read them"),
        "{}",
        run.stdout
    );
    let uploads = github.uploads();
    let [(sent, sarif)] = &uploads[..] else {
        panic!("{} uploads", uploads.len())
    };
    let head = Command::new("git")
        .args(["rev-parse", "HEAD"])
        .current_dir(folder.path())
        .output()
        .expect("git");
    assert_eq!(
        sent["commit_sha"],
        String::from_utf8_lossy(&head.stdout).trim()
    );
    assert_eq!(sent["ref"], "refs/heads/main");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    // What is set aside would be opened again.
    assert_eq!(results.len(), 1, "{sarif}");
    assert_eq!(results[0]["ruleId"], "A1");
    assert!(
        results[0]["partialFingerprints"]["primaryLocationLineHash"].is_string(),
        "{sarif}"
    );
    let category = sarif["runs"][0]["automationDetails"]["id"].as_str();
    assert!(
        category.is_some_and(|id| id.starts_with("ci-tool")),
        "{sarif}"
    );
    github.follows_the_description();
}

#[test]
fn every_refusal_has_its_mend() {
    for (status, message, hint, optional) in [
        (
            403,
            "Advanced Security must be enabled for this repository to use code scanning.",
            "Settings",
            true,
        ),
        (
            403,
            "Code Security must be enabled for this repository to use code scanning.",
            "Settings",
            true,
        ),
        (
            403,
            "Code scanning is not enabled for this repository. Please enable code scanning in the repository settings.",
            "Settings",
            true,
        ),
        (
            403,
            "Resource not accessible by integration",
            "security-events: write",
            true,
        ),
        (401, "Bad credentials", "token", false),
        (404, "Not Found", "name", false),
        (400, "commit not found", "--upload-commit", false),
        (
            422,
            "ref 'refs/heads/main' not found in this repository",
            "--upload-ref",
            false,
        ),
        (413, "Payload too large", "ci-tool sarif filter", false),
    ] {
        let (github, folder) = (Scanning::start(), repository());
        github.instead("POST", status, message);
        let run = github.run(folder.path(), &UPLOAD);
        assert_eq!(run.code, 3, "{message}: {}", run.stderr);
        assert!(run.stderr.contains(hint), "{message}: {}", run.stderr);
        github.instead("POST", status, message);
        let run = github.run(folder.path(), &[&UPLOAD[..], &["--optional"]].concat());
        assert_eq!(
            run.code,
            if optional { 0 } else { 3 },
            "{message}: {}",
            run.stderr
        );
        assert!(run.stderr.contains(hint), "{message}: {}", run.stderr);
    }
}

#[test]
fn what_github_cannot_read_is_no_success() {
    for (errors, hint) in [
        (
            json!([
                "CodeQL analyses from advanced configurations cannot be processed when the default setup is enabled"
            ]),
            "default setup",
        ),
        (
            json!(["rejecting SARIF, as there are more runs than allowed (21 > 20)"]),
            "sarif validate",
        ),
    ] {
        let (github, folder) = (Scanning::start(), repository());
        github.processing(&[json!({"processing_status": "failed", "errors": errors})]);
        let run = github.run(folder.path(), &UPLOAD);
        assert_eq!(run.code, 3, "{}", run.stderr);
        assert!(run.stderr.contains(hint), "{}", run.stderr);
        github.follows_the_description();
    }
    let (github, folder) = (Scanning::start(), repository());
    github.processing(&vec![json!({"processing_status": "pending"}); 9]);
    let run = github.run(
        folder.path(),
        &[&UPLOAD[..], &["--upload-wait", "3"]].concat(),
    );
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(
        run.stderr.contains("not read them within 3 seconds"),
        "{}",
        run.stderr
    );
}

#[test]
fn wrong_usage_sends_nothing() {
    let (github, folder) = (Scanning::start(), repository());
    for (arguments, expected) in [
        (vec!["upload", "report.sarif"], "--slug"),
        (
            vec![
                "upload",
                "report.sarif",
                "--slug",
                "acme/shop",
                "--upload-ref",
                "main",
            ],
            "full ref",
        ),
        (
            vec![
                "upload",
                "report.sarif",
                "--slug",
                "acme/shop",
                "--category",
                "scan-0123456789abcdef0123456789abcdef01234567",
            ],
            "category",
        ),
        (
            vec!["upload", "none.sarif", "--slug", "acme/shop"],
            "none.sarif",
        ),
    ] {
        let run = github.run(folder.path(), &arguments);
        assert!(matches!(run.code, 2 | 3), "{arguments:?}: {}", run.stderr);
        assert!(
            run.stderr.contains(expected),
            "{arguments:?}: {}",
            run.stderr
        );
    }
    let run = github.run(folder.path(), &[&UPLOAD[..], &["--dry-run"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout.contains("1 findings in 1 files"),
        "{}",
        run.stdout
    );
    assert!(github.uploads().is_empty());
}

/// As a generated workflow calls it: `command: scan`, and nothing else.
#[test]
fn the_action_uploads_where_it_may_and_the_verdict_is_the_same_without() {
    let (github, folder) = (Scanning::start(), repository());
    write(
        folder.path(),
        ".github/workflows/x.yml",
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: ./none\n",
    );
    let cache = tempfile::tempdir().expect("temporary folder");
    let act = |more: &[(&str, &str)]| {
        let mut command = github.command(folder.path());
        command
            .arg("action")
            .env_remove("GITHUB_TOKEN")
            .env("INPUT_TOKEN", CANARY)
            .env("INPUT_SCANNER", "audit")
            .env("CI_TOOL_CACHE", cache.path())
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_REPOSITORY", "acme/shop")
            .env("GITHUB_SHA", "0123456789abcdef0123456789abcdef01234567")
            .env("GITHUB_REF", "refs/pull/7/merge")
            .envs(more.iter().copied());
        finish(&mut command)
    };
    let run = act(&[]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stderr.contains("GitHub has read them"),
        "{}",
        run.stderr
    );
    let (sent, sarif) = &github.uploads()[0];
    assert_eq!(sent["ref"], "refs/pull/7/merge");
    assert!(
        sarif.to_string().contains("local-action-missing"),
        "{sarif}"
    );

    // A pull request from a fork: the token may only read.
    write(
        folder.path(),
        "event.json",
        r#"{"pull_request": {"number": 7, "head": {"sha": "a1b2c3", "repo": {"fork": true}}}}"#,
    );
    let event = folder.path().join("event.json");
    github.instead("POST", 403, "Resource not accessible by integration");
    let run = act(&[("GITHUB_EVENT_PATH", event.to_str().expect("UTF-8"))]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("from a fork"), "{}", run.stderr);
    assert!(run.stdout.contains("::error file="), "{}", run.stdout);
    // Where it has to be, that is a failure; where it must not be, nothing is sent.
    github.instead("POST", 403, "Resource not accessible by integration");
    assert_eq!(act(&[("INPUT_UPLOAD", "true")]).code, 3);
    let count = github.uploads().len();
    assert_eq!(act(&[("INPUT_UPLOAD", "false")]).code, 1);
    assert_eq!(github.uploads().len(), count);
}

/// A part of the repository is looked at, in a workspace that belongs to another user, as in
/// the container: GitHub gets paths from the repository's root, and what changed is found.
#[test]
fn a_part_of_a_workspace_of_others_keeps_its_paths() {
    let github = Scanning::start();
    let folder = tempfile::tempdir().expect("temporary folder");
    let workflow =
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: ./none\n";
    write(folder.path(), "part/.github/workflows/x.yml", workflow);
    git(folder.path(), &["init", "--quiet"]);
    git(folder.path(), &["add", "--all"]);
    git(folder.path(), &["commit", "--quiet", "--message", "one"]);
    write(
        folder.path(),
        "part/.github/workflows/x.yml",
        format!("{workflow}# more\n"),
    );
    git(
        folder.path(),
        &["commit", "--quiet", "--all", "--message", "two"],
    );
    let given = Command::new("chown")
        .args(["-R", "4321:4321"])
        .arg(folder.path())
        .status();
    if !given.is_ok_and(|status| status.success()) {
        println!("skipped: the workspace belongs to us (chown needs root)");
    }
    let cache = tempfile::tempdir().expect("temporary folder");
    let run = finish(
        github
            .command(folder.path())
            .arg("action")
            .env("INPUT_SCANNER", "audit")
            .env("INPUT_PATH", "part")
            .env("INPUT_ONLY-CHANGED", "files")
            .env("INPUT_DIFF-BASE", "HEAD~1")
            .env("CI_TOOL_CACHE", cache.path())
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_WORKSPACE", folder.path())
            .env("GITHUB_REPOSITORY", "acme/shop"),
    );
    // Denied, since it is in a file that has changed.
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stderr.contains("GitHub has read them"),
        "{}",
        run.stderr
    );
    let (sent, sarif) = &github.uploads()[0];
    assert_eq!(sent["ref"], "refs/heads/main");
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(
        place["artifactLocation"]["uri"], "part/.github/workflows/x.yml",
        "{sarif}"
    );
    assert!(
        run.stdout
            .contains("::error file=part/.github/workflows/x.yml"),
        "{}",
        run.stdout
    );
}

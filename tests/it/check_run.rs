//! The check on a commit, with the findings at their lines, on a GitHub with state; every
//! exchange is held against GitHub's published description.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::github::CANARY;
use crate::common::rest::{Answer, Answers, Description, Question, Rest, refuse};
use crate::common::{Run, command, finish, write};

pub const COMMIT: &str = "a1b2c3d4e5f6a7b8a1b2c3d4e5f6a7b8a1b2c3d4";

/// Checks as GitHub keeps them: a request adds its remarks to those that are there.
pub struct Checks {
    example: Value,
    pub created: Vec<Value>,
    remarks: Vec<Value>,
    /// From which question on it refuses, and how.
    refuses: Option<(usize, u16, &'static str)>,
    asked: usize,
}

impl Checks {
    pub fn new() -> Self {
        Self {
            example: Description::read().example("check-run-example-of-completed-conclusion"),
            created: Vec::new(),
            remarks: Vec::new(),
            refuses: None,
            asked: 0,
        }
    }

    fn start() -> Rest<Self> {
        Rest::start(Self::new())
    }

    fn take(&mut self, output: &Value) -> bool {
        let remarks = output["annotations"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let fits = remarks.len() <= 50
            && output["summary"]
                .as_str()
                .is_some_and(|text| text.chars().count() <= 65_535)
            && remarks.iter().all(|one| {
                one["title"]
                    .as_str()
                    .is_some_and(|text| text.chars().count() <= 255)
            });
        self.remarks.extend(remarks);
        fits
    }
}

impl Answers for Checks {
    fn answer(&mut self, question: &Question<'_>) -> Answer {
        if question.token != format!("Bearer {CANARY}") {
            return refuse(401, "Bad credentials");
        }
        self.asked += 1;
        if let Some((from, status, message)) = self.refuses
            && self.asked > from
        {
            return refuse(status, message);
        }
        let status = match (question.method, question.target) {
            ("POST", "/repos/acme/shop/check-runs") => {
                self.created.push(question.json());
                201
            }
            ("PATCH", "/repos/acme/shop/check-runs/4") => 200,
            _ => return refuse(404, "Not Found"),
        };
        if !self.take(&question.json()["output"]) {
            return refuse(422, "Invalid request");
        }
        (status, Vec::new(), self.example.clone())
    }
}

/// A report with so many errors, each in a line of its own, and one that is in no file.
pub fn report(folder: &Path, errors: usize) {
    let mut results: Vec<Value> = (0..errors)
        .map(|at| {
            json!({
                "ruleId": format!("R{at}"), "level": "error",
                "message": {"text": format!("::error::{at} <b>\u{202e}")},
                "locations": [{"physicalLocation": {"artifactLocation": {"uri": "src/a.py"}, "region": {"startLine": at + 1}}}],
            })
        })
        .collect();
    if errors > 0 {
        results.push(
            json!({"ruleId": "nowhere", "level": "error", "message": {"text": "x".repeat(70_000)}}),
        );
    }
    let sarif = json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "Some scanner"}}, "results": results}]});
    write(folder, "report.sarif", sarif.to_string());
}

/// The action that judges the report, in a job of a pull request on this GitHub.
pub fn job(github: &str, folder: &Path) -> Command {
    let mut command = command();
    command
        .arg("action")
        .current_dir(folder)
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_API_URL", github)
        .env("GITHUB_SERVER_URL", "https://github.com")
        .env("GITHUB_REPOSITORY", "acme/shop")
        .env("GITHUB_EVENT_PATH", folder.join("event.json"))
        .env("GITHUB_SHA", "f".repeat(40))
        .env("GITHUB_RUN_ID", "12")
        .env("INPUT_TOKEN", CANARY)
        .env("INPUT_COMMAND", "gate")
        .env("INPUT_FILES", "report.sarif")
        .env("INPUT_CHECK-RUN", "true");
    command
}

fn gate(github: &Rest<Checks>, folder: &Path, more: &[(&str, &str)]) -> Run {
    let mut command = job(&github.url, folder);
    command.envs(more.iter().copied());
    let run = finish(&mut command);
    assert!(!run.stdout.contains(CANARY) && !run.stderr.contains(CANARY));
    run
}

fn event(folder: &Path) {
    let event =
        json!({"pull_request": {"number": 7, "head": {"sha": COMMIT, "repo": {"fork": false}}}});
    write(folder, "event.json", event.to_string());
}

#[test]
fn a_check_shows_the_worst_findings_at_their_lines() {
    let folder = tempfile::tempdir().expect("temporary folder");
    event(folder.path());
    for (errors, conclusion, requests, remarks) in [
        (0, "success", 1, 0),
        (3, "failure", 1, 3),
        (120, "failure", 3, 120),
        (400, "failure", 3, 150),
    ] {
        let github = Checks::start();
        report(folder.path(), errors);
        let run = gate(&github, folder.path(), &[]);
        assert_eq!(run.code, i32::from(errors > 0), "{}", run.stderr);
        {
            let checks = github.lock();
            let [check] = &checks.created[..] else {
                panic!("one check: {}", run.stderr)
            };
            assert_eq!(check["name"], "ci-tool gate");
            // The merge is no commit that anybody pushed.
            assert_eq!(check["head_sha"], COMMIT);
            assert_eq!(check["conclusion"], conclusion);
            assert_eq!(
                check["details_url"],
                "https://github.com/acme/shop/actions/runs/12"
            );
            let title = check["output"]["title"].as_str().expect("a title");
            assert_eq!(title.contains("may not pass"), errors > 0, "{title}");
            assert_eq!(checks.remarks.len(), remarks, "{errors}");
            let lines: std::collections::BTreeSet<u64> = checks
                .remarks
                .iter()
                .filter_map(|one| one["start_line"].as_u64())
                .collect();
            assert_eq!(lines.len(), remarks, "each line once");
            for one in &checks.remarks {
                assert_eq!(one["path"], "src/a.py");
                assert_eq!(one["annotation_level"], "failure");
                assert!(
                    !one["message"]
                        .as_str()
                        .expect("a text")
                        .contains('\u{202e}')
                );
            }
            let summary = check["output"]["summary"].as_str().expect("a text");
            assert_eq!(
                summary.contains("150 of 400 places"),
                errors == 400,
                "{}",
                &summary[..200]
            );
            assert!(!summary.contains("<b>"));
        }
        assert_eq!(github.asked(), requests);
        github.follows_the_description();
    }
    // A push is for the commit that was pushed; a category has a check of its own.
    let github = Checks::start();
    report(folder.path(), 1);
    write(
        folder.path(),
        "event.json",
        "{\"ref\": \"refs/heads/main\"}",
    );
    gate(&github, folder.path(), &[("INPUT_CATEGORY", "web")]);
    assert_eq!(github.lock().created[0]["head_sha"], "f".repeat(40));
    assert_eq!(github.lock().created[0]["name"], "ci-tool gate (web)");
}

#[test]
fn a_verdict_needs_no_check() {
    let folder = tempfile::tempdir().expect("temporary folder");
    event(folder.path());
    report(folder.path(), 120);
    let github = Checks::start();
    github.lock().refuses = Some((0, 403, "Resource not accessible by integration"));
    let run = gate(&github, folder.path(), &[]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("checks: write"), "{}", run.stderr);
    github.follows_the_description();
    // What was begun is told as not whole, and nothing is sent twice.
    let github = Checks::start();
    github.lock().refuses = Some((1, 502, "Server Error"));
    let run = gate(&github, folder.path(), &[]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("not all of it"), "{}", run.stderr);
    assert_eq!((github.asked(), github.lock().remarks.len()), (2, 50));
    // Without the wish nothing is asked.
    let run = gate(&github, folder.path(), &[("INPUT_CHECK-RUN", "")]);
    assert_eq!((run.code, github.asked()), (1, 2));
    let run = gate(&github, folder.path(), &[("INPUT_CHECK-RUN", "perhaps")]);
    assert_eq!(run.code, 2, "{}", run.stderr);
}

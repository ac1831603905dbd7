//! Suggestions on a pull request: on lines that it changes, once, and such that whoever takes
//! them has what `audit --fix` writes. Every exchange follows GitHub's published description.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::github::CANARY;
use crate::common::rest::{Answer, Answers, Description, Question, Rest, refuse};
use crate::common::{Run, command, finish, git, sample, write};

/// A pull request whose differences are those of the last commit of a repository.
struct Pull {
    description: Description,
    repository: std::path::PathBuf,
    comments: Vec<Value>,
    reviews: usize,
    may_write: bool,
}

fn said(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("git starts");
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

impl Pull {
    fn files(&self) -> Vec<Value> {
        let item = self.description.example("diff-entry-items")[0].clone();
        let names = said(&self.repository, &["diff", "--name-only", "HEAD^", "HEAD"]);
        let files = names.lines().map(|name| {
            let diff = said(&self.repository, &["diff", "HEAD^", "HEAD", "--", name]);
            let at = diff.find("@@ ").expect("a hunk");
            let mut item = item.clone();
            item["filename"] = json!(name);
            item["patch"] = json!(diff[at..]);
            let blob = said(&self.repository, &["rev-parse", &format!("HEAD:{name}")]);
            item["sha"] = json!(blob.trim());
            item
        });
        files.collect()
    }

    /// Whether the line is one that the difference shows as it will be.
    fn shows(&self, path: &str, line: u64) -> bool {
        let files = self.files();
        let Some(file) = files.iter().find(|file| file["filename"] == path) else {
            return false;
        };
        let mut at = 0;
        for text in file["patch"].as_str().expect("a text").lines() {
            if let Some((_, rest)) = text
                .strip_prefix("@@ ")
                .and_then(|rest| rest.split_once('+'))
            {
                let first = rest.split([',', ' ']).next().expect("a number");
                at = first.parse::<u64>().expect("a number");
                continue;
            }
            if text.starts_with(['+', ' ']) {
                if at == line {
                    return true;
                }
                at += 1;
            }
        }
        false
    }
}

impl Answers for Pull {
    fn answer(&mut self, question: &Question<'_>) -> Answer {
        if question.token != format!("Bearer {CANARY}") {
            return refuse(401, "Bad credentials");
        }
        let path = question.target.split('?').next().unwrap_or_default();
        match (question.method, path) {
            ("GET", "/repos/acme/shop/pulls/7/files") => (200, Vec::new(), json!(self.files())),
            ("GET", "/repos/acme/shop/pulls/7/comments") => (200, Vec::new(), json!(self.comments)),
            ("POST", "/repos/acme/shop/pulls/7/reviews") => {
                if !self.may_write {
                    return refuse(403, "Resource not accessible by integration");
                }
                let body = question.json();
                assert_eq!(body["event"], "COMMENT");
                assert_eq!(
                    body["commit_id"],
                    said(&self.repository, &["rev-parse", "HEAD"]).trim()
                );
                for comment in body["comments"].as_array().expect("a list") {
                    let path = comment["path"].as_str().expect("a text");
                    let last = comment["line"].as_u64().expect("a number");
                    let first = comment["start_line"].as_u64().unwrap_or(last);
                    if !(first..=last).all(|line| self.shows(path, line)) {
                        return refuse(422, "Unprocessable Entity");
                    }
                    let mut known = self
                        .description
                        .example("pull-request-review-comment-items")[0]
                        .clone();
                    known["path"] = json!(path);
                    known["body"] = comment["body"].clone();
                    self.comments.push(known);
                }
                self.reviews += 1;
                (
                    200,
                    Vec::new(),
                    self.description.example("pull-request-review"),
                )
            }
            _ => refuse(404, "Not Found"),
        }
    }
}

fn audit(folder: &Path, url: &str, more: &[(&str, &str)]) -> Run {
    let mut command = command();
    command
        .arg("action")
        .current_dir(folder.join("work"))
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_API_URL", url)
        .env("GITHUB_REPOSITORY", "acme/shop")
        .env("GITHUB_EVENT_PATH", folder.join("event.json"))
        .env("INPUT_TOKEN", CANARY)
        .env("INPUT_COMMAND", "audit")
        .env("INPUT_SUGGEST", "true")
        .envs(more.iter().copied());
    let run = finish(&mut command);
    assert!(!run.stdout.contains(CANARY) && !run.stderr.contains(CANARY));
    run
}

#[test]
fn what_can_be_mended_is_suggested_where_the_pull_request_changes_it() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let work = folder.path().join("work");
    std::fs::create_dir(&work).expect("created");
    crate::common::copy(sample("fastapi-nextjs").path(), &work);
    let script = std::fs::read_to_string(work.join("scripts/deploy-all.sh")).expect("read");
    std::fs::remove_file(work.join("scripts/deploy-all.sh")).expect("removed");
    git(&work, &["init", "--quiet"]);
    git(&work, &["add", "--all"]);
    git(&work, &["commit", "--quiet", "--message", "one"]);
    // Others have the same defect, and are not changed here.
    write(&work, "scripts/deploy-all.sh", &script);
    git(&work, &["add", "--all"]);
    git(&work, &["commit", "--quiet", "--message", "two"]);
    let head = said(&work, &["rev-parse", "HEAD"]);
    let event = json!({"pull_request": {"number": 7, "head": {"sha": head.trim(), "repo": {"fork": false}}}});
    write(folder.path(), "event.json", event.to_string());
    let github = Rest::start(Pull {
        description: Description::read(),
        repository: work.clone(),
        comments: Vec::new(),
        reviews: 0,
        may_write: false,
    });

    let run = audit(folder.path(), &github.url, &[]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(
        run.stderr.contains("pull-requests: write"),
        "{}",
        run.stderr
    );
    github.lock().may_write = true;
    let run = audit(folder.path(), &github.url, &[]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(
        run.stderr.contains("1 suggestion on the pull request"),
        "{}",
        run.stderr
    );
    {
        let pull = github.lock();
        let [comment] = &pull.comments[..] else {
            panic!("{:?}", pull.comments)
        };
        assert_eq!(comment["path"], "scripts/deploy-all.sh");
        let body = comment["body"].as_str().expect("a text");
        assert!(body.starts_with("**secret-read-in-the-open**: "), "{body}");
        let (_, rest) = body.split_once("```suggestion\n").expect("a block");
        assert_eq!(
            rest,
            "read -s -p \"NEXTAUTH_SECRET: \" NEXTAUTH_SECRET; echo\n```\n"
        );
    }
    // Said once.
    let asked = github.asked();
    let run = audit(folder.path(), &github.url, &[]);
    assert_eq!((run.code, github.lock().reviews), (1, 1));
    assert_eq!(github.asked() - asked, 2);
    github.follows_the_description();

    // Another text than that of the pull request: its lines are others.
    github.lock().comments.clear();
    write(
        &work,
        "scripts/deploy-all.sh",
        format!("# merged\n{script}"),
    );
    audit(folder.path(), &github.url, &[]);
    assert_eq!(github.lock().reviews, 1);
    // For no pull request, or without the wish, nothing is asked.
    let asked = github.asked();
    audit(folder.path(), &github.url, &[("INPUT_SUGGEST", "false")]);
    write(folder.path(), "event.json", "{}");
    audit(folder.path(), &github.url, &[]);
    assert_eq!(github.asked(), asked);
}

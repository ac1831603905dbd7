//! `ci-tool snapshot` with lists that real tools write, on a GitHub whose exchanges are held
//! against its published description.

use std::path::Path;

use serde_json::{Value, json};

use crate::common::github::CANARY;
use crate::common::rest::{Answer, Answers, Description, Question, Rest, refuse};
use crate::common::{Run, command, finish, peers, write};

struct Graph {
    example: Value,
    refusal: Option<(u16, &'static str)>,
    told: Vec<Value>,
}

impl Answers for Graph {
    fn answer(&mut self, question: &Question<'_>) -> Answer {
        if let Some((status, message)) = self.refusal {
            return refuse(status, message);
        }
        let at = (question.method, question.target);
        if at != ("POST", "/repos/acme/shop/dependency-graph/snapshots") {
            return refuse(404, "Not Found");
        }
        self.told.push(question.json());
        (201, Vec::new(), self.example.clone())
    }
}

fn graph() -> Rest<Graph> {
    Rest::start(Graph {
        example: Description::read().example("dependency-graph-create-snapshot-success"),
        refusal: None,
        told: Vec::new(),
    })
}

fn snapshot(github: &Rest<Graph>, folder: &Path, arguments: &[&str]) -> Run {
    let run = finish(
        command()
            .current_dir(folder)
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_API_URL", &github.url)
            .env("GITHUB_SERVER_URL", "https://github.com")
            .env("GITHUB_REPOSITORY", "acme/shop")
            .env("GITHUB_SHA", "f".repeat(40))
            .env("GITHUB_REF", "refs/heads/main")
            .env("GITHUB_WORKFLOW", "Build")
            .env("GITHUB_JOB", "image")
            .env("GITHUB_RUN_ID", "12")
            .env("GITHUB_EVENT_PATH", folder.join("event.json"))
            .env("GITHUB_TOKEN", CANARY)
            .arg("snapshot")
            .args(arguments),
    );
    assert!(!run.stdout.contains(CANARY) && !run.stderr.contains(CANARY));
    run
}

/// A list that a real tool writes of a repository with two lock files.
fn list(folder: &Path, tool: &str, arguments: &[&str]) {
    let done = std::process::Command::new(peers().join("py/bin").join(tool))
        .args(arguments)
        .current_dir(folder)
        .env("SYFT_CHECK_FOR_APP_UPDATE", "false")
        .output()
        .expect("it starts");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

#[test]
fn lists_of_real_tools_become_dependencies() {
    let folder = tempfile::tempdir().expect("temporary folder");
    write(
        folder.path(),
        "api/requirements.txt",
        "django==2.2\nrequests==2.31.0\n",
    );
    write(
        folder.path(),
        "web/package-lock.json",
        r#"{"name":"w","version":"1.0.0","lockfileVersion":3,"packages":{"":{"name":"w","version":"1.0.0","dependencies":{"a":"1.0.0"}},"node_modules/a":{"version":"1.0.0","dependencies":{"b":"2.0.0"}},"node_modules/b":{"version":"2.0.0"}}}"#,
    );
    let cache = folder.path().join("cache").display().to_string();
    list(
        folder.path(),
        "trivy",
        &[
            "--cache-dir",
            &cache,
            "fs",
            "--quiet",
            "--format",
            "cyclonedx",
            "--offline-scan",
            "--skip-version-check",
            "--output",
            "trivy.cdx.json",
            ".",
        ],
    );
    list(
        folder.path(),
        "syft",
        &["-q", ".", "-o", "cyclonedx-json=syft.cdx.json"],
    );

    let github = graph();
    let run = snapshot(&github, folder.path(), &["trivy.cdx.json"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stdout
            .contains("4 packages of 2 manifests for refs/heads/main of acme/shop"),
        "{}",
        run.stdout
    );
    let told = github.lock().told[0].clone();
    assert_eq!(told["sha"], "f".repeat(40));
    assert_eq!(
        told["job"],
        json!({"id": "12", "correlator": "Build_image", "html_url": "https://github.com/acme/shop/actions/runs/12"})
    );
    let web = &told["manifests"]["trivy.cdx.json:web/package-lock.json"];
    assert_eq!(
        web["file"]["source_location"], "web/package-lock.json",
        "{told}"
    );
    assert_eq!(
        web["resolved"],
        json!({
            "pkg:npm/a@1.0.0": {"package_url": "pkg:npm/a@1.0.0", "relationship": "direct", "dependencies": ["pkg:npm/b@2.0.0"]},
            "pkg:npm/b@2.0.0": {"package_url": "pkg:npm/b@2.0.0", "relationship": "indirect", "dependencies": []},
        })
    );
    // One that says nothing of files, in a job of a pull request.
    let event = json!({"pull_request": {"number": 7, "head": {"sha": "a".repeat(40), "repo": {"fork": false}}}});
    write(folder.path(), "event.json", event.to_string());
    let run = snapshot(
        &github,
        folder.path(),
        &["syft.cdx.json", "--correlator", "syft"],
    );
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let told = github.lock().told[1].clone();
    assert_eq!(told["sha"], "a".repeat(40));
    assert_eq!(told["job"]["correlator"], "syft");
    let resolved = told["manifests"]["syft.cdx.json:syft.cdx.json"]["resolved"]
        .as_object()
        .expect("packages")
        .clone();
    let names: Vec<&str> = resolved
        .keys()
        .map(|purl| purl.split(['?', '#']).next().unwrap_or(purl))
        .collect();
    for purl in [
        "pkg:npm/a@1.0.0",
        "pkg:pypi/django@2.2",
        "pkg:pypi/requests@2.31.0",
    ] {
        assert!(names.contains(&purl), "{names:?}");
    }
    github.follows_the_description();
}

#[test]
fn what_is_not_taken_is_told() {
    let folder = tempfile::tempdir().expect("temporary folder");
    write(
        folder.path(),
        "a.json",
        r#"{"bomFormat": "CycloneDX", "components": [{"type": "library", "name": "a", "purl": "pkg:npm/a@1"}]}"#,
    );
    write(
        folder.path(),
        "none.json",
        r#"{"bomFormat": "CycloneDX", "components": [{"bom-ref": "a", "type": "library", "name": "a"}]}"#,
    );
    write(folder.path(), "spdx.json", r#"{"spdxVersion": "SPDX-2.3"}"#);
    let github = graph();
    let run = snapshot(&github, folder.path(), &["a.json", "--dry-run"]);
    assert_eq!((run.code, github.asked()), (0, 0), "{}", run.stderr);
    for (file, word) in [
        ("none.json", "there is no package"),
        ("spdx.json", "no CycloneDX list"),
        ("gone.json", "cannot be read"),
    ] {
        let run = snapshot(&github, folder.path(), &[file]);
        assert_eq!((run.code, github.asked()), (2, 0), "{file}");
        assert!(run.stderr.contains(word), "{}", run.stderr);
    }
    let run = finish(
        command()
            .current_dir(folder.path())
            .env("GITHUB_API_URL", &github.url)
            .args([
                "snapshot",
                "a.json",
                "--slug",
                "acme/shop",
                "--upload-ref",
                "refs/heads/main",
            ])
            .args(["--upload-commit", &"f".repeat(40)]),
    );
    assert_eq!((run.code, github.asked()), (3, 0), "{}", run.stderr);
    assert!(run.stderr.contains("there is no token"), "{}", run.stderr);
    for (refusal, word) in [
        (
            (403, "Resource not accessible by integration"),
            "contents: write",
        ),
        ((404, "Not Found"), "dependency graph"),
    ] {
        github.lock().refusal = Some(refusal);
        let run = snapshot(&github, folder.path(), &["a.json"]);
        assert_eq!(run.code, 3, "{}", run.stdout);
        assert!(run.stderr.contains(word), "{}", run.stderr);
    }
}

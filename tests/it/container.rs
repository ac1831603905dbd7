//! The action as people use it: its image built from the Dockerfile, run by `act` as a
//! container action in a job that runs in a container, in a workspace of somebody else's.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::github::CANARY;
use crate::common::{containers, finish, git, peers, root, write};
use crate::scan::database;
use crate::upload::Scanning;

/// The user of the runner.
const RUNNER: u32 = 1001;

const WORKFLOW: &str = r#"on: pull_request
permissions: {}
jobs:
  action:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - name: passes
        id: passes
        uses: intowork/ci-action@v1
        with:
          command: audit
          fail-on: critical
          sarif: out/deep/audit.sarif
          baseline: ""
      - name: fails
        id: fails
        continue-on-error: true
        uses: intowork/ci-action@v1
        with:
          command: audit
          fail-on: medium
      - name: is wrong
        id: wrong
        continue-on-error: true
        uses: intowork/ci-action@v1
        with:
          command: audti
      - name: generates
        id: generates
        uses: intowork/ci-action@v1
        with:
          command: generate
          only: backend-ci
      - name: asks git
        id: changed
        uses: intowork/ci-action@v1
        with:
          command: gate
          files: out/deep/audit.sarif
          fail-on: note
          only-changed: lines
          diff-base: HEAD
      - name: scans
        id: scans
        uses: intowork/ci-action@v1
        with:
          command: scan
          scanner: trivy
          fail-on: never
          sarif: out/scan.sarif
        env:
          CI_TOOL_CACHE: cache
      - name: uploads
        uses: intowork/ci-action@v1
        with:
          command: upload
          files: out/deep/audit.sarif
          token: ${{ secrets.UPLOAD_TOKEN }}
      - name: tells
        env:
          PASSES: ${{ steps.passes.outputs.result }} ${{ steps.passes.outputs.sarif }}
          FAILS: ${{ steps.fails.outputs.result }} ${{ steps.fails.outcome }}
          WRONG: ${{ steps.wrong.outputs.result }} ${{ steps.wrong.outcome }}
          GENERATES: ${{ steps.generates.outputs.files }}
          CHANGED: ${{ steps.changed.outputs.result }}
          SCANS: ${{ steps.scans.outputs.result }}
        run: |
          printf '%s\n' "$PASSES" "$FAILS" "$WRONG" "$GENERATES" "$CHANGED" "$SCANS" > told
          cat "$GITHUB_STEP_SUMMARY" > summary || true
"#;

/// Everything below a folder that is not its owner's, without what git, the runner and Trivy made.
fn strangers(folder: &Path, owner: u32) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("listed") {
        let path = entry.expect("listed").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if [".git", "told", "summary", "cache"].contains(&&*name) {
            continue;
        }
        let about = std::fs::symlink_metadata(&path).expect("there");
        if about.uid() != owner {
            found.push(path.display().to_string());
        }
        if about.is_dir() {
            found.extend(strangers(&path, owner));
        }
    }
    found
}

#[test]
fn the_action_runs_in_its_image_as_on_a_runner() {
    if let Ok(why) = std::fs::read_to_string(peers().join("containers/unusable")) {
        println!(
            "skipped: the_action_runs_in_its_image_as_on_a_runner: no container runs here: {why}"
        );
        return;
    }
    let _engine = containers();
    let scanning = Scanning::start();
    let there = tempfile::tempdir().expect("temporary folder");
    let workspace = there.path().join("shop");
    write(&workspace, ".github/workflows/t.yml", WORKFLOW);
    write(
        &workspace,
        "Dockerfile",
        "FROM python:3.12\nCOPY . .\nENV API_KEY=::error::no\nCMD uvicorn main:app\n",
    );
    write(
        &workspace,
        "requirements.txt",
        "fastapi==0.115.0\npytest==8.3.0\ndjango==2.2\n",
    );
    write(
        &workspace,
        "main.py",
        "from fastapi import FastAPI\napp = FastAPI()\n",
    );
    write(&workspace, "test_main.py", "def test():\n    assert True\n");
    git(&workspace, &["init", "--quiet", "-b", "main"]);
    git(
        &workspace,
        &["remote", "add", "origin", "https://github.com/acme/shop"],
    );
    git(&workspace, &["add", "--all"]);
    git(&workspace, &["commit", "--quiet", "--message", "shop"]);
    database(&workspace.join("cache"), 0);
    let done = Command::new("chown")
        .args(["-R", "1001:1001"])
        .arg(&workspace)
        .status();
    assert!(
        done.expect("chown starts").success(),
        "this test needs root, as containers do"
    );
    let event = r#"{"action": "opened", "number": 7, "pull_request": {"number": 7, "head": {"ref": "topic", "repo": {"full_name": "acme/shop"}}, "base": {"ref": "main", "repo": {"full_name": "acme/shop"}}}, "repository": {"full_name": "acme/shop"}}"#;
    write(there.path(), "event.json", event);
    write(
        there.path(),
        "env",
        format!("GITHUB_API_URL={}\n", scanning.url()),
    );
    write(there.path(), "secrets", format!("UPLOAD_TOKEN={CANARY}\n"));
    let run = finish(
        Command::new("python3")
            .arg(root().join("scripts/act/container.py"))
            .arg(peers())
            .arg(&workspace)
            .args([".github/workflows/t.yml", "pull_request"])
            .env("CI_TOOL_BIN", env!("CARGO_BIN_EXE_ci-tool"))
            .env("ACT_EVENT", there.path().join("event.json"))
            .env("ACT_ENV", there.path().join("env"))
            .env("ACT_SECRETS", there.path().join("secrets")),
    );
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let results: Vec<(String, String)> = run
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|step| {
            Some((
                step["step"].as_str()?.to_owned(),
                step["result"].as_str()?.to_owned(),
            ))
        })
        .collect();
    for (step, result) in [
        ("passes", "success"),
        ("fails", "failure"),
        ("is wrong", "failure"),
        ("generates", "success"),
        ("asks git", "success"),
        ("scans", "success"),
        ("uploads", "success"),
        ("tells", "success"),
    ] {
        let found = results.iter().find(|(name, _)| name == step);
        assert_eq!(
            found.map(|(_, result)| &**result),
            Some(result),
            "{step}: {results:?}\n{}",
            run.stderr
        );
    }
    let told = std::fs::read_to_string(workspace.join("told")).expect("written");
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[0], "yes [\"out/deep/audit.sarif\"]");
    assert_eq!(lines[1], "no failure");
    assert_eq!(lines[2], "failed failure");
    assert!(
        lines[3].contains(".github/workflows/backend-ci.yml"),
        "{told}"
    );
    // Nothing has changed since the commit; git was asked in a folder of somebody else's.
    assert_eq!(lines[4], "yes", "{told}");
    // Trivy is in the image, and its database where the job's cache has it.
    assert_eq!(lines[5], "yes", "{told}{}", run.stderr);
    let scanned = std::fs::read_to_string(workspace.join("out/scan.sarif")).expect("written");
    assert!(scanned.contains("CVE-2019-14234"), "{scanned}");
    // What the repository says is no command to the runner, and the token is in no log.
    assert!(!run.stderr.contains("Error: no"), "{}", run.stderr);
    assert!(!run.stderr.contains(CANARY), "{}", run.stderr);
    // The upload is of the pull request, in the form that GitHub describes.
    let uploads = scanning.uploads();
    assert_eq!(uploads.len(), 1, "{}", run.stderr);
    let (sent, sarif) = &uploads[0];
    assert!(
        sent["ref"]
            .as_str()
            .is_some_and(|at| at.starts_with("refs/pull/7/")),
        "{sent}"
    );
    assert!(sarif.to_string().contains("\"Dockerfile\""), "{sarif}");
    scanning.follows_the_description();
    // Later steps of the runner's user can change and delete what was written.
    assert_eq!(
        strangers(&workspace, RUNNER),
        Vec::<String>::new(),
        "{}",
        run.stderr
    );
    for file in [
        "out/deep/audit.sarif",
        ".github/workflows/backend-ci.yml",
        ".github/ci-tool.lock",
    ] {
        assert!(workspace.join(file).is_file(), "{file}");
    }
}

//! Generated workflows really run, under `act`, with real Python, Node.js and
//! PostgreSQL; and where something is broken, the right step fails.

use std::path::Path;
use std::process::Command;

use crate::common::{ci_tool, git, peers, root, sample, write};

/// What a run under act gave: its exit code, and each step's result by job.
struct Ran {
    code: i32,
    steps: Vec<(String, String, String)>,
    log: String,
    /// The last line of the script's answer.
    last: serde_json::Value,
}

impl Ran {
    fn result(&self, job: &str, step: &str) -> &str {
        self.steps
            .iter()
            .rfind(|(known, name, _)| known == job && name == step)
            .map_or_else(
                || panic!("{job} has no step {step:?}: {:?}\n{}", self.steps, self.log),
                |(_, _, result)| result.as_str(),
            )
    }

    fn failed(&self) -> Vec<(&str, &str)> {
        self.steps
            .iter()
            .filter(|(_, _, result)| result == "failure")
            .map(|(job, step, _)| (job.as_str(), step.as_str()))
            .collect()
    }
}

/// Generates in a copy of a sample, changes it, and runs one workflow.
fn run(name: &str, workflow: &str, change: impl FnOnce(&Path)) -> Ran {
    let folder = generated(name, workflow, change);
    let path = format!(".github/workflows/{workflow}.yml");
    run_script("run.py", folder.path(), &[&path])
}

/// A repository from a sample in which a workflow was generated, and then changed.
fn generated(name: &str, workflow: &str, change: impl FnOnce(&Path)) -> tempfile::TempDir {
    let folder = sample(name);
    let generated = ci_tool(folder.path(), &["generate", "--only", workflow]);
    assert_eq!(generated.code, 0, "{}", generated.stderr);
    change(folder.path());
    git(folder.path(), &["init", "--quiet"]);
    git(folder.path(), &["add", "--all"]);
    git(folder.path(), &["commit", "--quiet", "--message", "sample"]);
    folder
}

/// Runs a script of `scripts/act` in a repository.
fn run_script(script: &str, folder: &Path, arguments: &[&str]) -> Ran {
    let output = Command::new("python3")
        .arg(root().join("scripts/act").join(script))
        .arg(peers())
        .arg(folder)
        .args(arguments)
        .output()
        .expect("python3 starts");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    // What differs from GitHub is said in the test's output.
    for line in stdout.lines().filter(|line| line.starts_with("differs: ")) {
        println!("{} {line}", arguments.concat());
    }
    let steps = stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|value| {
            let text = |key: &str| Some(value.get(key)?.as_str()?.to_owned());
            Some((text("job")?, text("step")?, text("result")?))
        })
        .collect();
    let ran = Ran {
        code: output.status.code().unwrap_or(-1),
        steps,
        log,
        last: stdout
            .lines()
            .last()
            .and_then(|line| serde_json::from_str(line).ok())
            .unwrap_or_default(),
    };
    assert_ne!(ran.code, 3, "act could not run: {}", ran.log);
    ran
}

/// Replaces a text in a file; the text must be there.
fn replace(folder: &Path, path: &str, old: &str, new: &str) {
    let path = folder.join(path);
    let text = std::fs::read_to_string(&path).expect("read");
    assert!(text.contains(old), "{} has no {old:?}", path.display());
    std::fs::write(path, text.replacen(old, new, 1)).expect("written");
}

fn nothing(_: &Path) {}

#[test]
fn fastapi_backend_passes() {
    let ran = run("fastapi-nextjs", "backend-ci", nothing);
    assert_eq!(ran.code, 0, "{}", ran.log);
    for step in [
        "Install dependencies",
        "Lint with ruff",
        "Build an empty database by migrations",
        "Check that the migrations equal the models",
        "Test with pytest",
    ] {
        assert_eq!(ran.result("backend", step), "success", "{step}");
    }
    assert_eq!(
        ran.result("result", "Require that no job failed"),
        "success"
    );
}

#[test]
fn next_frontend_passes() {
    let ran = run("fastapi-nextjs", "frontend-ci", nothing);
    assert_eq!(ran.code, 0, "{}", ran.log);
    for step in [
        "Install dependencies",
        "Lint",
        "Check types",
        "Test",
        "Build",
    ] {
        assert_eq!(ran.result("frontend", step), "success", "{step}");
    }
}

#[test]
fn django_server_passes_on_a_real_database() {
    let ran = run("django-vite-pnpm", "backend-ci", nothing);
    assert_eq!(ran.code, 0, "{}", ran.log);
    assert_eq!(ran.result("server", "Test"), "success");
    assert_eq!(
        ran.result("server", "Build an empty database by migrations"),
        "success"
    );
    assert_eq!(ran.result("server", "Check types with mypy"), "success");
}

#[test]
fn vite_frontend_passes() {
    let ran = run("django-vite-pnpm", "frontend-ci", nothing);
    assert_eq!(ran.code, 0, "{}", ran.log);
    for step in [
        "Install dependencies",
        "Lint",
        "Check types",
        "Test",
        "Build",
    ] {
        assert_eq!(ran.result("web", step), "success", "{step}");
    }
}

#[test]
fn a_broken_migration_fails_its_step_and_no_other() {
    let ran = run("fastapi-nextjs", "backend-ci", |folder| {
        replace(
            folder,
            "backend/alembic/versions/0002_city.py",
            "\"jobs\", sa.Column",
            "\"job\", sa.Column",
        );
    });
    assert_ne!(ran.code, 0);
    assert_eq!(
        ran.result("backend", "Build an empty database by migrations"),
        "failure"
    );
    assert_eq!(ran.result("backend", "Lint with ruff"), "success");
    assert_eq!(ran.result("backend", "Test with pytest"), "success");
    assert_eq!(
        ran.result("result", "Require that no job failed"),
        "failure"
    );
}

#[test]
fn a_model_without_its_migration_fails_the_check() {
    let ran = run("fastapi-nextjs", "backend-ci", |folder| {
        replace(
            folder,
            "backend/app/models.py",
            "    city: Mapped",
            "    country: Mapped[str | None] = mapped_column(String(2))\n    city: Mapped",
        );
    });
    assert_ne!(ran.code, 0);
    assert_eq!(
        ran.result("backend", "Build an empty database by migrations"),
        "success"
    );
    assert_eq!(
        ran.result("backend", "Check that the migrations equal the models"),
        "failure"
    );
}

#[test]
fn broken_code_fails_the_tests() {
    let ran = run("django-vite-pnpm", "backend-ci", |folder| {
        replace(
            folder,
            "server/notes/views.py",
            "notes.filter(",
            "notes.exclude(",
        );
    });
    assert_ne!(ran.code, 0);
    assert_eq!(
        ran.failed(),
        [("server", "Test"), ("result", "Require that no job failed")],
        "{}",
        ran.log
    );
}

#[test]
fn a_wrong_type_fails_the_type_check_and_nothing_else() {
    let ran = run("django-vite-pnpm", "frontend-ci", |folder| {
        replace(
            folder,
            "web/src/main.tsx",
            "rather long\", 10",
            "rather long\", \"10\"",
        );
    });
    assert_ne!(ran.code, 0);
    assert_eq!(
        ran.failed(),
        [
            ("web", "Check types"),
            ("result", "Require that no job failed")
        ],
        "{}",
        ran.log
    );
}

/// Runs the backup of a real database, after a step was put before another.
fn back_up(change: Option<(&str, &str)>, arguments: &[&str]) -> Ran {
    let path = ".github/workflows/database-backup.yml";
    let folder = generated("fastapi-nextjs", "database-backup", |folder| {
        if let Some((before, script)) = change {
            let step = format!("      - name: {before}\n");
            let script = script.replace('\n', "\n          ");
            let put_in = format!(
                "      - name: Break it\n        env:\n          AWS_ACCESS_KEY_ID: backup\n          \
                 AWS_SECRET_ACCESS_KEY: ${{{{ secrets.BACKUP_SECRET_ACCESS_KEY }}}}\n          \
                 AWS_DEFAULT_REGION: us-east-1\n          ENDPOINT: ${{{{ vars.BACKUP_ENDPOINT }}}}\n          \
                 KEY: ${{{{ steps.copy.outputs.key }}}}\n        run: |\n          \
                 cd \"$RUNNER_TEMP/backup\"\n          {script}\n\n{step}"
            );
            replace(folder, path, &step, &put_in);
        }
    });
    let origin = [
        "remote",
        "add",
        "origin",
        "https://github.com/owner/shop.git",
    ];
    git(folder.path(), &origin);
    run_script("backup.py", folder.path(), arguments)
}

#[test]
fn a_backup_can_be_restored_and_old_copies_go() {
    let ran = back_up(None, &[]);
    assert_eq!(ran.code, 0, "{}", ran.log);
    assert_eq!(ran.last["rows"], "500 2", "{}", ran.last);
    assert_eq!(ran.last["after"], ran.last["wanted"], "{}", ran.last);
    let count = |key: &str| ran.last[key].as_array().map_or(0, Vec::len);
    assert!(count("after") < count("before") + 1, "{}", ran.last);
    assert_eq!(ran.last["foreign"], true);
    assert!(
        !ran.log.contains("w/rd") && !ran.log.contains("w%2Frd"),
        "{}",
        ran.log
    );
}

#[test]
fn a_backup_that_is_none_fails_and_no_copy_goes() {
    for (before, script, failed) in [
        (
            "Restore the dump and compare",
            "printf 'broken!!' | dd of=database.dump bs=1 conv=notrunc seek=$(( $(stat --format %s database.dump) - 200 ))",
            "Restore the dump and compare",
        ),
        (
            "Restore the dump and compare",
            "PGSERVICE=source pg_dump --format custom --exclude-table-data account --file database.dump",
            "Restore the dump and compare",
        ),
        (
            "Read the copy back",
            "head --bytes 100 database.dump.gpg | aws --endpoint-url \"$ENDPOINT\" s3 cp - \"s3://copies/$KEY\"",
            "Read the copy back",
        ),
    ] {
        let ran = back_up(Some((before, script)), &[]);
        assert_eq!(ran.failed(), [("backup", failed)], "{}", ran.log);
        let kept = ran.last["after"].as_array().expect("copies");
        let before = ran.last["before"].as_array().expect("copies");
        assert!(before.iter().all(|age| kept.contains(age)), "{}", ran.last);
    }
}

#[test]
fn a_backup_of_nothing_fails() {
    let ran = back_up(None, &["EMPTY"]);
    assert_eq!(ran.failed(), [("backup", "Dump")], "{}", ran.log);
    assert!(ran.log.contains("has no tables"), "{}", ran.log);
    assert_eq!(ran.last["after"], ran.last["before"]);
}

/// Runs a workflow beside a small GitHub, once for each phase.
fn beside_github(
    workflow: &str,
    change: impl FnOnce(&Path),
    phases: &[&str],
) -> Vec<serde_json::Value> {
    let folder = sample("poetry-api");
    write(
        folder.path(),
        ".github/ci-tool.yml",
        "generate:\n  only: [backend-ci, uptime, keep-up-to-date]\n  uptime:\n    urls: [http://site.test/health]\n",
    );
    let run = ci_tool(folder.path(), &["generate"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    change(folder.path());
    git(
        folder.path(),
        &["init", "--quiet", "--initial-branch", "main"],
    );
    git(folder.path(), &["add", "--all"]);
    git(folder.path(), &["commit", "--quiet", "--message", "sample"]);
    let output = Command::new("python3")
        .arg(root().join("scripts/act/forge.py"))
        .arg(peers())
        .arg(folder.path())
        .arg(format!(".github/workflows/{workflow}.yml"))
        .args(phases)
        .env("CI_TOOL_BIN", env!("CARGO_BIN_EXE_ci-tool"))
        .output()
        .expect("python3 starts");
    let answers: Vec<serde_json::Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(
        answers.len(),
        phases.len(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for answer in &answers {
        let log = answer["log"].as_str().unwrap_or_default();
        assert!(!log.contains("a-secret-token"), "{log}");
    }
    answers
}

#[test]
fn an_address_that_is_down_has_one_issue_until_it_is_up() {
    let answers = beside_github("uptime", |_| {}, &["up", "down", "down", "up"]);
    let states: Vec<Vec<&str>> = answers
        .iter()
        .map(|answer| {
            assert_eq!(answer["exit"], 0, "{}", answer["log"]);
            let issues = answer["issues"].as_array().expect("issues");
            issues
                .iter()
                .filter_map(|issue| issue[1].as_str())
                .collect()
        })
        .collect();
    assert_eq!(states, [vec![], vec!["open"], vec!["open"], vec!["closed"]]);
    assert_eq!(answers[2]["comments"].as_array().map(Vec::len), Some(0));
    assert_eq!(answers[3]["comments"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_is_out_of_date_is_proposed_once_and_never_over_a_persons_commit() {
    // act now and then loses the last line of a step that fails: it is asked twice.
    let phases = ["no-token", "no-token", "proposal", "proposal", "person"];
    let answers = beside_github(
        "keep-up-to-date",
        |folder| {
            let config = ".github/ci-tool.yml";
            replace(
                folder,
                config,
                "generate:\n",
                "generate:\n  timeout-minutes: 7\n",
            );
        },
        &phases,
    );
    let failed = |at: usize| answers[at]["failed"].to_string();
    for at in [0, 1] {
        assert_eq!(
            failed(at),
            "[\"Propose what changed\"]",
            "{}",
            answers[at]["log"]
        );
        assert_eq!(answers[at]["commits"].to_string(), "[]");
    }
    let says = |at: usize| {
        let log = answers[at]["log"].as_str().expect("log");
        log.contains("CI_TOOL_TOKEN")
    };
    assert!(says(0) || says(1), "{}", answers[1]["log"]);
    for answer in &answers[2..4] {
        assert_eq!(answer["exit"], 0, "{}", answer["log"]);
        assert_eq!(
            answer["pulls"].to_string(),
            "[[\"ci-tool/update\",\"main\"]]"
        );
        assert_eq!(answer["commits"][0], "Update generated workflows");
    }
    assert_eq!(
        failed(4),
        "[\"Propose what changed\"]",
        "{}",
        answers[4]["log"]
    );
    assert_eq!(answers[4]["commits"][0], "A person's commit");

    let nothing = beside_github("keep-up-to-date", |_| {}, &["no-token"]);
    assert_eq!(nothing[0]["exit"], 0, "{}", nothing[0]["log"]);
}

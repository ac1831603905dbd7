//! Probing, freezing and checking: on a team's repository with the failures that an audit
//! found, with the real tools and a real database, and as workflows under `act`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::{ci_tool, command, finish, git, peers, root, sample, write};

fn replace(folder: &Path, path: &str, old: &str, new: &str) {
    let file = folder.join(path);
    let text = std::fs::read_to_string(&file).expect("read");
    assert!(text.contains(old), "{path} has no {old:?}");
    std::fs::write(file, text.replacen(old, new, 1)).expect("written");
}

/// The five failures: a package that nobody installs, tests of what is not built, a linter
/// that complains on both sides, migrations that cannot build a database, and models that
/// therefore cannot be compared.
fn audited() -> tempfile::TempDir {
    let folder = sample("fastapi-nextjs");
    let there = folder.path();
    write(
        there,
        "backend/tests/test_store.py",
        "\"\"\"A store.\"\"\"\n\nimport aiosqlite\n\n\ndef test_store():\n    assert aiosqlite\n",
    );
    write(
        there,
        "backend/tests/test_alerts.py",
        "\"\"\"Alerts.\"\"\"\n\nimport pytest\n\n\n@pytest.mark.parametrize(\"path\", [\"/api/alerts\", \"/api/alerts/1\"])\ndef test_alerts(client, path):\n    assert client.get(path).status_code == 200\n",
    );
    write(there, "backend/app/unused.py", "import os\nimport re\n");
    replace(
        there,
        "backend/alembic/versions/0003_applications.py",
        "def upgrade():\n",
        "def upgrade():\n    op.add_column(\"job_applications\", sa.Column(\"note\", sa.String(10)))\n",
    );
    write(
        there,
        "frontend/lib/format.ts",
        "export function format(value: any): string {\n  return String(value as any);\n}\n",
    );
    git(there, &["init", "--quiet", "--initial-branch", "main"]);
    commit(there, "as it was found");
    folder
}

fn commit(folder: &Path, message: &str) {
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", message]);
}

/// A run with what the machine's package managers need.
fn tool(folder: &Path, arguments: &[&str]) -> crate::common::Run {
    let mut run = command();
    for (name, value) in std::env::vars() {
        if name.starts_with("PIP_") || name.starts_with("NPM_CONFIG_") || name == "HOME" {
            run.env(name, value);
        }
    }
    finish(run.args(arguments).current_dir(folder))
}

/// A workflow under `act`: its exit code, the steps that failed, and the log.
fn act(folder: &Path, workflow: &str) -> (i32, Vec<String>, String) {
    let output = Command::new("python3")
        .arg(root().join("scripts/act/run.py"))
        .arg(peers())
        .arg(folder)
        .arg(format!(".github/workflows/{workflow}.yml"))
        .env("CI_TOOL_BIN", env!("CARGO_BIN_EXE_ci-tool"))
        .output()
        .expect("python3 starts");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code().unwrap_or(-1);
    assert_ne!(code, 3, "act could not run: {log}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let steps = stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|step| step["result"] == "failure")
        .filter_map(|step| Some(step["step"].as_str()?.to_owned()));
    let mut steps: Vec<String> = steps.collect();
    // Our action stands in a step of its own there, which has the same name.
    steps.dedup();
    // It was run with the ports of this machine.
    git(folder, &["checkout", "--quiet", "."]);
    (code, steps, log)
}

fn verdicts(json: &Value) -> Vec<(String, String)> {
    let jobs = json["probe"]["jobs"].as_array().expect("jobs");
    let steps = jobs.iter().flat_map(|job| {
        let steps = job["steps"].as_array().expect("steps").iter();
        steps.map(move |step| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let name = format!("{}: {}", text(&job["id"]), text(&step["name"]));
            (name, text(&step["verdict"]["is"]))
        })
    });
    steps.collect()
}

#[test]
fn a_red_repository_is_green_at_once_and_gets_only_better() {
    let folder = audited();
    let there = folder.path();
    let probed = tool(
        there,
        &[
            "generate",
            "--probe",
            "--only",
            "backend-ci,frontend-ci",
            "--format",
            "json",
        ],
    );
    assert_eq!(probed.code, 0, "{}\n{}", probed.stdout, probed.stderr);
    let json: Value = serde_json::from_str(&probed.stdout).expect("JSON");
    let expected = [
        ("backend: Lint with ruff", "frozen"),
        ("backend: Build an empty database by migrations", "frozen"),
        (
            "backend: Check that the migrations equal the models",
            "frozen",
        ),
        ("backend: Test with pytest", "frozen"),
        ("frontend: Lint", "frozen"),
        ("frontend: Check types", "green"),
        ("frontend: Test", "green"),
        ("frontend: Build", "green"),
    ];
    let expected = expected.map(|(step, is)| (step.to_owned(), is.to_owned()));
    assert_eq!(verdicts(&json), expected, "{}", probed.stdout);
    let debt = |name: &str| {
        std::fs::read_to_string(there.join(format!(".github/debt/{name}.toml"))).expect(name)
    };
    let tests = debt("backend-test");
    assert!(
        tests.contains("`aiosqlite` is imported and not installed"),
        "{tests}"
    );
    for line in [
        "\"tests/test_alerts.py::test_alerts[/api/alerts/1]\" = 1",
        "\"tests/test_alerts.py::test_alerts[/api/alerts]\" = 1",
        "\"tests/test_store.py\" = 1",
    ] {
        assert!(tests.lines().any(|known| known == line), "{line}\n{tests}");
    }
    assert!(debt("backend-lint").contains("\"app/unused.py F401\" = 2"));
    assert!(
        debt("backend-migrations").contains("relation \\\"job_applications\\\" does not exist")
    );
    assert!(debt("backend-migrations-2").contains("not up to date"));
    assert!(
        debt("frontend-lint").contains("\"lib/format.ts @typescript-eslint/no-explicit-any\" = 2")
    );
    // What others say of such workflows.
    let judged = Command::new(root().join("scripts/check-workflows.sh"))
        .args(
            ["backend-ci", "frontend-ci"]
                .map(|name| there.join(format!(".github/workflows/{name}.yml"))),
        )
        .env("CI_TOOL_PEERS", peers())
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&judged.stdout).into_owned();
    assert!(
        judged.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&judged.stderr)
    );
    // Nothing of the copy is left behind.
    assert!(!there.join("frontend/node_modules").exists());
    commit(there, "workflows");

    let listed = tool(there, &["debt", "--format", "json"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let names: Vec<&str> = listed["debts"]
        .as_array()
        .expect("debts")
        .iter()
        .filter_map(|debt| debt["name"].as_str())
        .collect();
    assert_eq!(
        names,
        [
            "backend-lint",
            "backend-migrations",
            "backend-migrations-2",
            "backend-test",
            "frontend-lint"
        ]
    );
    assert_eq!(listed["complaints"], 9);
    assert_eq!(listed["debts"][0]["known"][0]["by"], "test");
    assert_eq!(listed["debts"][0]["frozen"]["complaints"], 2);

    for workflow in ["backend-ci", "frontend-ci"] {
        let (code, failed, log) = act(there, workflow);
        assert_eq!((code, failed), (0, Vec::new()), "{workflow}: {log}");
    }
    // Generated again, nothing changes.
    let again = tool(
        there,
        &["generate", "--only", "backend-ci,frontend-ci", "--check"],
    );
    assert_eq!(again.code, 0, "{}", again.stdout);

    // A new complaint of each kind.
    write(there, "backend/app/auth2.py", "import sys\n");
    replace(
        there,
        "backend/tests/test_jobs.py",
        "{\"status\": \"ok\"}",
        "{\"status\": \"no\"}",
    );
    replace(
        there,
        "frontend/lib/format.ts",
        "String(value as any)",
        "String(value as any as any)",
    );
    replace(
        there,
        "frontend/lib/jobs.ts",
        "return job.city ?",
        "const count: number = \"one\";\n  return count && job.city ?",
    );
    commit(there, "worse");
    let (code, failed, log) = act(there, "backend-ci");
    assert_ne!(code, 0);
    assert_eq!(
        failed,
        ["Compare with the frozen debt", "Require that no job failed"],
        "{log}"
    );
    for words in [
        "app/auth2.py F401",
        "app/auth2.py:1: F401",
        "tests/test_jobs.py::test_health",
    ] {
        assert!(log.contains(words), "{words}: {log}");
    }
    let (code, failed, log) = act(there, "frontend-ci");
    assert_ne!(code, 0);
    assert_eq!(
        failed,
        [
            "Check types",
            "Build",
            "Compare with the frozen debt",
            "Require that no job failed"
        ],
        "{log}"
    );
    assert!(log.contains("no-explicit-any (2 frozen, 3 now)"), "{log}");
}

#[test]
fn what_is_mended_must_be_taken_out() {
    let folder = audited();
    let there = folder.path();
    let step = ["--step", "lint,test"];
    let arguments = [&["generate", "--probe", "--only", "backend-ci"][..], &step].concat();
    let probed = tool(there, &arguments);
    assert_eq!(probed.code, 0, "{}\n{}", probed.stdout, probed.stderr);
    commit(there, "workflows");
    let same = tool(there, &["debt", "--check"]);
    assert_eq!(same.code, 0, "{}\n{}", same.stdout, same.stderr);
    assert!(same.stdout.contains("none grew"), "{}", same.stdout);

    std::fs::remove_file(there.join("backend/tests/test_store.py")).expect("removed");
    std::fs::remove_file(there.join("backend/app/unused.py")).expect("removed");
    let mended = tool(there, &["debt", "--check"]);
    assert_eq!(mended.code, 1, "{}\n{}", mended.stdout, mended.stderr);
    for words in [
        "mended tests/test_store.py",
        "app/unused.py F401 (2 frozen, 0 now)",
        "ci-tool debt --prune",
    ] {
        assert!(mended.stdout.contains(words), "{words}: {}", mended.stdout);
    }
    // A new failure is never taken in.
    write(
        there,
        "backend/tests/test_new.py",
        "\"\"\"New.\"\"\"\n\n\ndef test_new():\n    assert False\n",
    );
    let pruned = tool(there, &["debt", "--prune"]);
    assert_eq!(pruned.code, 1, "{}\n{}", pruned.stdout, pruned.stderr);
    assert!(
        pruned.stdout.contains("tests/test_new.py::test_new"),
        "{}",
        pruned.stdout
    );
    assert!(!there.join(".github/debt/backend-lint.toml").exists());
    let tests =
        std::fs::read_to_string(there.join(".github/debt/backend-test.toml")).expect("read");
    assert!(
        !tests.contains("test_store") && !tests.contains("test_new"),
        "{tests}"
    );
    assert_eq!(tests.matches("test_alerts[").count(), 2, "{tests}");
    // The workflow follows.
    let check = tool(there, &["generate", "--only", "backend-ci", "--check"]);
    assert_eq!(check.code, 1, "{}", check.stdout);
    let followed = tool(there, &["generate", "--only", "backend-ci"]);
    assert_eq!(followed.code, 0, "{}", followed.stderr);
    let workflow =
        std::fs::read_to_string(there.join(".github/workflows/backend-ci.yml")).expect("read");
    assert!(workflow.contains("run: ruff check .\n"), "{workflow}");
}

/// A job's records, and what `debt --records` says of them.
fn recorded(files: &[(&str, &str)], run: &str) -> (i32, String) {
    let folder = sample("fastapi-nextjs");
    let there = folder.path();
    write(
        there,
        ".github/debt/backend-lint.toml",
        "component = \"backend\"\nstep = \"Lint with ruff\"\ncommand = \"ruff check .\"\nreader = \"ruff\"\nversion = 1\n\n[known]\n\"app/a.py F401\" = 1\n",
    );
    for (name, text) in files {
        write(there, &format!("records/{name}"), text);
    }
    std::fs::create_dir_all(there.join("records")).expect("created");
    let mut command = command();
    command.env("GITHUB_RUN_ID", run);
    let arguments = ["debt", "--component", "backend", "--records", "records"];
    let run = finish(command.args(arguments).current_dir(there));
    (run.code, run.stdout + &run.stderr)
}

#[test]
fn a_step_that_is_not_recorded_is_never_taken_for_a_green_one() {
    let said = "app/a.py:1:8: F401 unused\nFound 1 error.\n";
    let same = [
        ("backend-lint.status", "1\n7\n/w/backend\n"),
        ("backend-lint.txt", said),
    ];
    assert_eq!(recorded(&same, "7").0, 0);
    let (code, told) = recorded(&same, "8");
    assert_eq!(code, 3, "{told}");
    assert!(told.contains("of another run"), "{told}");
    let (code, told) = recorded(&[], "7");
    assert_eq!(code, 3, "{told}");
    assert!(told.contains("was not recorded"), "{told}");
    // Its program broke.
    let broken = [
        ("backend-lint.status", "2\n7\n/w/backend\n"),
        ("backend-lint.txt", "ruff failed\n"),
    ];
    let (code, told) = recorded(&broken, "7");
    assert_eq!(code, 3, "{told}");
    assert!(told.contains("ruff ended with 2"), "{told}");
    // It is mended, and still listed.
    let mended = [
        ("backend-lint.status", "0\n7\n/w/backend\n"),
        ("backend-lint.txt", "All checks passed!\n"),
    ];
    let (code, told) = recorded(&mended, "7");
    assert_eq!(code, 1, "{told}");
    // The file was deleted and the workflow was not generated again: the step still counts.
    let deleted = [
        same[0],
        same[1],
        ("backend-test.status", "1\n7\n/w/backend\n"),
        ("backend-test.txt", "1 failed\n"),
    ];
    let (code, told) = recorded(&deleted, "7");
    assert_eq!(code, 3, "{told}");
    assert!(
        told.contains("there is no .github/debt/backend-test.toml any more"),
        "{told}"
    );
}

#[test]
fn a_file_that_cannot_be_understood_stops_everything() {
    let folder = sample("uv-service");
    let there = folder.path();
    write(there, ".github/debt/x.toml", "component = 3\n");
    for arguments in [&["debt"][..], &["generate"]] {
        let run = ci_tool(there, arguments);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(
            run.stderr.contains(".github/debt/x.toml:1: "),
            "{}",
            run.stderr
        );
    }
    assert!(!there.join(".github/workflows").exists());
}

#[test]
fn a_debt_whose_step_is_gone_is_told() {
    let folder = sample("uv-service");
    let there = folder.path();
    write(
        there,
        ".github/debt/old.toml",
        "component = \".\"\nstep = \"Lint\"\ncommand = \"no such command\"\nreader = \"whole\"\nversion = 1\n\n[known]\n\"exit code 1: no\" = 1\n",
    );
    let run = ci_tool(there, &["debt", "--records", "nowhere"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(
        run.stdout
            .contains("there is no such step any more: delete .github/debt/old.toml"),
        "{}",
        run.stdout
    );
}

/// The texts of all workflows.
fn probed_workflows(folder: &Path) -> String {
    let files = std::fs::read_dir(folder.join(".github/workflows")).expect("listed");
    files
        .map(|file| std::fs::read_to_string(file.expect("listed").path()).expect("read"))
        .collect()
}

#[test]
fn eslint_freezes_itself_where_it_can() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let there = folder.path();
    write(
        there,
        "package.json",
        "{\"name\": \"web\", \"private\": true, \"scripts\": {\"lint\": \"eslint .\", \"build\": \"node a.js\"}, \"dependencies\": {\"mitt\": \"3.0.1\"}, \"devDependencies\": {\"eslint\": \"9.39.1\", \"@eslint/js\": \"9.39.1\"}}\n",
    );
    write(
        there,
        "eslint.config.mjs",
        "import js from \"@eslint/js\";\nexport default [js.configs.recommended];\n",
    );
    write(there, "a.js", "const a = 1;\nconst b = 2;\n");
    git(there, &["init", "--quiet", "--initial-branch", "main"]);
    commit(there, "begun");
    let arguments = ["generate", "--probe", "--format", "json"];
    let probed = tool(there, &arguments);
    assert_eq!(probed.code, 0, "{}\n{}", probed.stdout, probed.stderr);
    let json: Value = serde_json::from_str(&probed.stdout).expect("JSON");
    let verdict = &json["probe"]["jobs"][0]["steps"][0]["verdict"];
    assert_eq!(verdict["is"], "frozen-by-tool", "{verdict}");
    assert_eq!(verdict["complaints"], 2);
    let frozen = std::fs::read_to_string(there.join("eslint-suppressions.json")).expect("read");
    assert!(frozen.contains("no-unused-vars"), "{frozen}");
    assert!(!there.join(".github/debt").exists());
    let listed = tool(there, &["debt"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    assert!(
        listed
            .stdout
            .contains("eslint-suppressions.json  2 complaints"),
        "{}",
        listed.stdout
    );
    // The step is an ordinary one.
    assert_eq!(
        probed_workflows(there)
            .matches("run: npm run lint\n")
            .count(),
        1
    );
}

#[test]
fn a_step_that_never_ends_is_left_out() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let there = folder.path();
    write(
        there,
        "package.json",
        "{\"name\": \"web\", \"private\": true, \"scripts\": {\"lint\": \"eslint .\", \"build\": \"node build.js\"}, \"devDependencies\": {}}\n",
    );
    write(
        there,
        "build.js",
        "console.log(\"watching for changes\"); setInterval(() => {}, 1000);\n",
    );
    git(there, &["init", "--quiet", "--initial-branch", "main"]);
    commit(there, "begun");
    let probed = tool(
        there,
        &[
            "generate",
            "--probe",
            "--step",
            "build",
            "--time-limit",
            "5",
        ],
    );
    assert_eq!(probed.code, 0, "{}\n{}", probed.stdout, probed.stderr);
    let debt = std::fs::read_to_string(there.join(".github/debt/web-build.toml")).expect("read");
    assert!(debt.contains("does not end within 5 seconds"), "{debt}");
    assert!(debt.contains("never ends"), "{debt}");
    assert!(!probed_workflows(there).contains("npm run build"));
    let checked = tool(there, &["debt", "--check"]);
    assert_eq!(checked.code, 0, "{}\n{}", checked.stdout, checked.stderr);
    assert!(
        checked.stdout.contains("left out of the workflow"),
        "{}",
        checked.stdout
    );
}

#[test]
fn a_step_that_wants_harm_does_none_outside_of_its_copy() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let there = folder.path().join("repository");
    let outside = folder.path().join("outside");
    write(
        &there,
        "package.json",
        "{\"name\": \"web\", \"private\": true, \"scripts\": {\"build\": \"sh harm.sh\"}}\n",
    );
    let harm = format!(
        "env\ncat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep canary\necho harm > {0}\nmkdir {0}.d\nsetsid sleep 3217 &\nexit 1\n",
        outside.display()
    );
    write(&there, "harm.sh", harm);
    git(&there, &["init", "--quiet", "--initial-branch", "main"]);
    commit(&there, "begun");
    let mut run = command();
    for name in ["GITHUB_TOKEN", "NPM_TOKEN", "DATABASE_URL"] {
        run.env(name, "canary-secret-of-yours");
    }
    let arguments = [
        "generate",
        "--probe",
        "--dry-run",
        "--format",
        "json",
        "--step",
        "build",
    ];
    let ran = finish(run.args(arguments).current_dir(&there));
    let json: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let step = &json["probe"]["jobs"][0]["steps"][0];
    assert_eq!(step["name"], "Build", "{}", ran.stdout);
    if json["probe"]["gaps"].is_array() {
        println!(
            "skipped: this machine cannot hold a step: {}",
            json["probe"]["gaps"]
        );
        return;
    }
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(!said.contains("canary"), "{said}");
    assert!(!outside.exists() && !outside.with_extension("d").exists());
    let left = std::fs::read_dir("/proc").expect("listed").flatten();
    let left = left.filter(|entry| {
        let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        words.starts_with(b"sleep\x003217")
    });
    assert_eq!(left.count(), 0, "a process was left running");
}

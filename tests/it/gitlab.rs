//! Pipelines for GitLab: judges that we did not write find nothing in them, and
//! their jobs really run, under `gitlab-ci-local`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ci_tool::workflows::plan::Current;
use serde_json::Value;

use crate::common::{ci_tool, git, peers, root, sample, samples, write};
use crate::templates;

const IMAGE: &str = "registry.example.com/ci-tool:1@sha256:\
                     0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// What is pushed to GitLab goes to GitHub.
const PULLED: &str = "sync: {direction: pull, source: 'https://github.com/acme/shop', mirror: 'https://gitlab.com/acme/shop'}\n";

/// Makes a folder a repository that `gitlab-ci-local` takes for a clone of the
/// branch `main`.
fn commit(folder: &Path) {
    git(folder, &["init", "--quiet"]);
    git(folder, &["checkout", "--quiet", "-B", "main"]);
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", "sample"]);
    let url = "git@gitlab.example.com:team/sample.git";
    git(folder, &["remote", "add", "origin", url]);
    git(folder, &["update-ref", "refs/remotes/origin/main", "HEAD"]);
}

fn gitlab_ci_local(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(peers().join("npm/node_modules/.bin/gitlab-ci-local"))
        .args(arguments)
        .current_dir(folder)
        .env("HOME", folder)
        .output()
        .expect("it starts")
}

/// The names of the jobs that a push to `main` with this pipeline runs.
fn listed(folder: &Path, file: &str) -> BTreeSet<String> {
    let output = gitlab_ci_local(folder, &["--file", file, "--list-csv"]);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{file}: {stdout}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    stdout
        .lines()
        .skip(1)
        .filter_map(|line| line.split(';').next())
        .map(str::to_owned)
        .collect()
}

/// Asks for the schema that GitLab publishes.
fn schema(files: &[PathBuf]) -> Output {
    Command::new(peers().join("py/bin/check-jsonschema"))
        .args(["--builtin-schema", "vendor.gitlab-ci"])
        .args(["--data-transform", "gitlab-ci"])
        .args(files)
        .output()
        .expect("it starts")
}

/// What the shell of each job gets, as GitLab puts it together.
fn scripts(text: &str) -> Vec<(String, String)> {
    let pipeline: Value = serde_yaml::from_str(text).expect("YAML");
    let lines = |node: &Value| -> Vec<String> {
        node.as_array()
            .into_iter()
            .flatten()
            .map(|line| line.as_str().expect("a line").to_owned())
            .collect()
    };
    let jobs = pipeline.as_object().expect("a mapping");
    jobs.iter()
        .filter(|(name, job)| !name.starts_with('.') && job.get("script").is_some())
        .map(|(name, job)| {
            let base = &jobs[job["extends"].as_str().expect("each extends one")];
            let mut script = vec!["#!/bin/sh".to_owned(), "set -e".to_owned()];
            script.extend(lines(&base["before_script"]));
            script.extend(lines(&job["script"]));
            (name.clone(), script.join("\n") + "\n")
        })
        .collect()
}

#[test]
fn what_is_pushed_to_gitlab_goes_back_where_that_is_wished() {
    for (direction, is_there) in [("pull", true), ("both", true), ("push", false)] {
        let sample = sample("fastapi-nextjs");
        let _ = std::fs::remove_file(sample.path().join(".gitlab-ci.yml"));
        let sync = PULLED.replace("direction: pull", &format!("direction: {direction}"));
        let config = format!("generate: {{gitlab: {{image: '{IMAGE}'}}}}\n{sync}");
        write(sample.path(), ".github/ci-tool.yml", config);
        let run = ci_tool(sample.path(), &["generate", "--target", "gitlab"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        commit(sample.path());
        let jobs = listed(sample.path(), ".gitlab-ci.yml");
        assert_eq!(jobs.contains("sync"), is_there, "{direction}: {jobs:?}");
        let text = std::fs::read_to_string(sample.path().join(".gitlab-ci.yml")).expect("written");
        assert_eq!(text.contains("    - ci-tool sync\n"), is_there, "{text}");
    }
}

#[test]
fn nobody_finds_anything_in_any_pipeline() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut of_samples = Vec::new();
    let mut files = Vec::new();
    for name in samples() {
        for (kind, file) in [("root", ".gitlab-ci.yml"), ("included", ".gitlab/ci.yml")] {
            let sample = sample(&name);
            let _ = std::fs::remove_file(sample.path().join(".gitlab-ci.yml"));
            let config =
                format!("generate: {{gitlab: {{file: {file}, image: '{IMAGE}'}}}}\n{PULLED}");
            write(sample.path(), ".github/ci-tool.yml", config);
            let run = ci_tool(sample.path(), &["generate", "--target", "gitlab"]);
            assert_eq!(run.code, 0, "{name}: {}", run.stderr);
            let text = std::fs::read_to_string(sample.path().join(file)).expect("written");
            let target = format!("{name}-{kind}.yml");
            write(folder.path(), &target, text);
            files.push(folder.path().join(&target));
            of_samples.push(target);
        }
    }
    for (name, project) in templates::projects() {
        let plan = ci_tool::workflows::plan(
            &templates::catalog(),
            &project,
            &templates::settings(),
            &|_| Current::Missing,
        )
        .unwrap_or_else(|error| panic!("{name}: {error}"));
        let pipeline = plan
            .files
            .into_iter()
            .find(|file| file.path == ".gitlab-ci.yml")
            .and_then(|file| file.content)
            .expect("the scan alone is a pipeline");
        let target = format!("made-up-{name}.yml");
        write(folder.path(), &target, pipeline);
        files.push(folder.path().join(target));
    }
    assert!(files.len() > 60, "{}", files.len());

    let output = schema(&files);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");

    let mut shells = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).expect("read");
        let name = file.file_stem().expect("a name").to_string_lossy();
        for (at, (_, script)) in scripts(&text).into_iter().enumerate() {
            let target = format!("{name}-{at}.sh");
            write(folder.path(), &target, script);
            shells.push(folder.path().join(target));
        }
    }
    let output = Command::new(peers().join("py/bin/shellcheck"))
        .args(&shells)
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");

    // This one takes a second for each; the samples have every construct.
    commit(folder.path());
    for file in &of_samples {
        let jobs = listed(folder.path(), file);
        assert!(jobs.contains("security-scan"), "{file}: {jobs:?}");
    }
    println!("{} pipelines, {} scripts judged", files.len(), shells.len());
}

#[test]
fn the_judges_do_find_what_is_wrong_in_a_pipeline() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let bad = "a:\n  stage: nope\n  script: [\"true\"]\n  timeout: []\n";
    write(folder.path(), "bad.yml", bad);
    commit(folder.path());
    let output = schema(&[folder.path().join("bad.yml")]);
    assert_eq!(output.status.code(), Some(1));
    let output = gitlab_ci_local(folder.path(), &["--file", "bad.yml", "--list"]);
    assert!(!output.status.success());
}

#[test]
fn a_job_runs_where_its_component_changed() {
    for (name, changed, jobs) in [
        ("django-vite-pnpm", "web/src/new.ts", &["web", "result"][..]),
        ("django-vite-pnpm", "server/new.py", &["server", "result"]),
        ("django-vite-pnpm", "README.md", &["result"]),
        (
            "django-vite-pnpm",
            ".gitlab-ci.yml",
            &["server", "web", "result"],
        ),
        (
            "turbo-monorepo",
            "packages/ui/src/x.ts",
            &["api", "ui", "web", "result"],
        ),
        (
            "turbo-monorepo",
            "package-lock.json",
            &["api", "ui", "web", "result"],
        ),
        ("turbo-monorepo", "apps/api/src/x.ts", &["api", "result"]),
        ("go-service", "README.md", &["slugs"]),
    ] {
        let sample = sample(name);
        let run = ci_tool(sample.path(), &["generate", "--target", "gitlab"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        commit(sample.path());
        let path = sample.path().join(changed);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        write(sample.path(), changed, format!("{text}\n"));
        git(sample.path(), &["add", "--all"]);
        let expected: BTreeSet<String> = jobs.iter().map(|job| (*job).to_owned()).collect();
        assert_eq!(
            listed(sample.path(), ".gitlab-ci.yml"),
            expected,
            "{name} {changed}"
        );
    }
}

#[test]
fn somebodys_pipeline_is_kept_and_can_include_ours() {
    let sample = sample("fastapi-nextjs");
    let theirs = sample.path().join(".gitlab-ci.yml");
    let before = std::fs::read_to_string(&theirs).expect("the sample has one");
    let run = ci_tool(sample.path(), &["generate", "--target", "gitlab"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(
        run.stdout.contains("generate.gitlab.file"),
        "{}",
        run.stdout
    );
    assert_eq!(std::fs::read_to_string(&theirs).expect("read"), before);

    let config = "generate:\n  gitlab:\n    file: .gitlab/ci-tool.yml\n    tags: [linux]\n";
    write(sample.path(), ".github/ci-tool.yml", config);
    let run = ci_tool(sample.path(), &["generate", "--target", "gitlab"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(
        run.stdout
            .contains("include: [{local: .gitlab/ci-tool.yml}]")
    );
    assert_eq!(std::fs::read_to_string(&theirs).expect("read"), before);
    let ours = std::fs::read_to_string(sample.path().join(".gitlab/ci-tool.yml")).expect("written");
    // The pipeline as a whole stays theirs.
    assert!(
        !ours.contains("workflow:") && ours.contains("- linux\n"),
        "{ours}"
    );

    std::fs::write(
        &theirs,
        format!("include: [{{local: .gitlab/ci-tool.yml}}]\n\n{before}"),
    )
    .expect("written");
    commit(sample.path());
    write(sample.path(), "backend/new.py", "");
    git(sample.path(), &["add", "--all"]);
    let jobs = listed(sample.path(), ".gitlab-ci.yml");
    let expected = ["push-to-github", "backend", "result"].map(str::to_owned);
    assert_eq!(jobs, BTreeSet::from(expected));
}

#[test]
fn targets_are_chosen_by_flag_and_configuration() {
    let workflow = |folder: &Path| folder.join(".github/workflows/backend-ci.yml").exists();
    let pipeline = |folder: &Path| folder.join(".gitlab-ci.yml").exists();
    for (flag, config, github, gitlab) in [
        (None, "", true, false),
        (Some("gitlab"), "", false, true),
        (Some("all"), "", true, true),
        (None, "generate: {target: all}\n", true, true),
        (Some("github"), "generate: {target: gitlab}\n", true, false),
    ] {
        let sample = sample("uv-service");
        write(sample.path(), ".github/ci-tool.yml", config);
        let mut arguments = vec!["generate"];
        arguments.extend(flag.iter().flat_map(|target| ["--target", target]));
        let run = ci_tool(sample.path(), &arguments);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let wrote = (workflow(sample.path()), pipeline(sample.path()));
        assert_eq!(wrote, (github, gitlab), "{flag:?} {config}");
        arguments.push("--check");
        assert_eq!(ci_tool(sample.path(), &arguments).code, 0);
    }
    let sample = sample("uv-service");
    let run = ci_tool(sample.path(), &["generate", "--only", "gitlab-ci"]);
    assert_eq!(run.code, 2, "{}", run.stdout);
    assert!(run.stderr.contains("--target all"), "{}", run.stderr);
}

/// What a run gave: its exit code, and each step's result.
struct Ran {
    code: i32,
    steps: Vec<(String, String)>,
    has_report: bool,
    log: String,
}

/// Generates in a copy of a sample, changes it, and runs one job.
fn run(name: &str, config: &str, job: &str, change: impl FnOnce(&Path)) -> Ran {
    let folder = sample(name);
    write(folder.path(), ".github/ci-tool.yml", config);
    let generated = ci_tool(folder.path(), &["generate", "--target", "gitlab"]);
    assert_eq!(generated.code, 0, "{}", generated.stdout);
    let file = if config.is_empty() {
        ".gitlab-ci.yml"
    } else {
        ".gitlab/ci-tool.yml"
    };
    change(folder.path());
    commit(folder.path());
    let output = Command::new("python3")
        .arg(root().join("scripts/gitlab/run.py"))
        .arg(peers())
        .arg(folder.path())
        .args([file, job])
        .output()
        .expect("python3 starts");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    // What differs from GitLab is said in the test's output.
    for line in stdout.lines().filter(|line| line.starts_with("differs: ")) {
        println!("{name} {job} {line}");
    }
    let steps = stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|value| {
            let text = |key: &str| Some(value.get(key)?.as_str()?.to_owned());
            Some((text("step")?, text("result")?))
        })
        .collect();
    let code = output.status.code().unwrap_or(-1);
    assert_ne!(code, 3, "gitlab-ci-local could not run: {log}");
    Ran {
        code,
        steps,
        has_report: folder.path().join(".cache/junit.xml").is_file(),
        log,
    }
}

fn replace(folder: &Path, path: &str, old: &str, new: &str) {
    let path = folder.join(path);
    let text = std::fs::read_to_string(&path).expect("read");
    assert!(text.contains(old), "{} has no {old:?}", path.display());
    std::fs::write(path, text.replacen(old, new, 1)).expect("written");
}

/// A file of its own, since the sample has a pipeline of another's.
const BESIDE: &str = "generate: {gitlab: {file: .gitlab/ci-tool.yml}}\n";

#[test]
fn a_fastapi_backend_passes_on_gitlab() {
    let ran = run("fastapi-nextjs", BESIDE, "backend", |_| {});
    assert_eq!(ran.code, 0, "{}", ran.log);
    let passed: Vec<&str> = ran
        .steps
        .iter()
        .filter(|(_, result)| result == "passed")
        .map(|(step, _)| step.as_str())
        .collect();
    assert_eq!(
        passed,
        [
            "Lint with ruff",
            "Build an empty database by migrations",
            "Check that the migrations equal the models",
            "Test with pytest",
        ]
    );
    assert!(ran.has_report, "{}", ran.log);
}

#[test]
fn a_broken_migration_fails_on_gitlab_at_its_step_and_no_other() {
    let ran = run("fastapi-nextjs", BESIDE, "backend", |folder| {
        replace(
            folder,
            "backend/alembic/versions/0002_city.py",
            "\"jobs\", sa.Column",
            "\"job\", sa.Column",
        );
    });
    assert_eq!(ran.code, 1, "{}", ran.log);
    let result = |step: &str| {
        let found = ran.steps.iter().find(|(name, _)| name == step);
        found.map(|(_, result)| result.as_str())
    };
    assert_eq!(result("Lint with ruff"), Some("passed"));
    let migrations = "Build an empty database by migrations";
    assert_eq!(result(migrations), Some("failed"));
    assert_eq!(result("Test with pytest"), Some("passed"));
    // What failed is said once more at the end.
    let (_, end) = ran.log.rsplit_once("Failed:").expect("the end says it");
    assert!(end.contains(&format!("- {migrations}")), "{end}");
}

#[test]
fn a_django_server_passes_on_gitlab() {
    let ran = run("django-vite-pnpm", "", "server", |_| {});
    assert_eq!(ran.code, 0, "{}", ran.log);
    assert!(
        ran.steps
            .contains(&("Test".to_owned(), "passed".to_owned())),
        "{:?}",
        ran.steps
    );
}

#[test]
fn a_wrong_type_fails_on_gitlab_and_nothing_else() {
    let ran = run("django-vite-pnpm", "", "web", |folder| {
        replace(
            folder,
            "web/src/main.tsx",
            "rather long\", 10",
            "rather long\", \"10\"",
        );
    });
    assert_eq!(ran.code, 1, "{}", ran.log);
    let steps: Vec<(&str, &str)> = ran
        .steps
        .iter()
        .map(|(step, result)| (step.as_str(), result.as_str()))
        .collect();
    assert_eq!(
        steps,
        [
            ("Lint", "passed"),
            ("Check types", "failed"),
            ("Test", "passed"),
            ("Build", "passed"),
        ],
        "{}",
        ran.log
    );
}

#[test]
fn an_installation_that_fails_ends_the_job() {
    let ran = run("django-vite-pnpm", "", "web", |folder| {
        replace(folder, "web/package.json", "\"vite\":", "\"vote\":");
    });
    assert_eq!(ran.code, 1, "{}", ran.log);
    assert!(ran.steps.is_empty(), "{:?}", ran.steps);
}

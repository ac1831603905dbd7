//! Generated files after people and time have been at them: the record, the
//! merge, drift and explanations, through the binary.

use std::path::Path;

use crate::common::{ci_tool, git, sample, write};

const WORKFLOW: &str = ".github/workflows/backend-ci.yml";
const LOCK: &str = ".github/ci-tool.lock";

fn read(folder: &Path, path: &str) -> String {
    std::fs::read_to_string(folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A sample with its workflows generated.
fn generated(name: &str) -> tempfile::TempDir {
    let folder = sample(name);
    let run = ci_tool(folder.path(), &["generate"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    folder
}

/// Another Python: the project changes.
fn raise_python(folder: &Path) {
    for path in ["backend/.python-version", "Dockerfile"] {
        if folder.join(path).exists() {
            let text = read(folder, path);
            write(folder, path, text.replace("3.11", "3.12"));
        }
    }
}

fn plan(folder: &Path, arguments: &[&str]) -> serde_json::Value {
    let run = ci_tool(
        folder,
        &[&["generate", "--format", "json"], arguments].concat(),
    );
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr))
}

fn file<'p>(plan: &'p serde_json::Value, path: &str) -> &'p serde_json::Value {
    plan["files"]
        .as_array()
        .expect("files")
        .iter()
        .find(|file| file["path"] == path)
        .unwrap_or_else(|| panic!("{path}: {plan}"))
}

#[test]
fn edits_and_a_change_of_the_project_are_joined() {
    let folder = generated("fastapi-nextjs");
    let text = read(folder.path(), WORKFLOW);
    let step = "      # We warm it up, see the wiki.\n      - name:   'Warm up'\n        run: ./warm-up.sh   # ours\n\n";
    let at = text
        .find("      - name: Install dependencies")
        .expect("the step");
    let edited = format!("{}{step}{}", &text[..at], &text[at..]);
    write(folder.path(), WORKFLOW, &edited);
    assert_eq!(
        ci_tool(folder.path(), &["generate", "--check"]).code,
        0,
        "an edit is no drift"
    );

    raise_python(folder.path());
    let check = ci_tool(folder.path(), &["generate", "--check"]);
    assert_eq!(check.code, 1, "{}", check.stdout);
    assert!(
        check.stdout.contains("version: 3.11 → 3.12"),
        "{}",
        check.stdout
    );
    let run = ci_tool(folder.path(), &["generate"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("merged"), "{}", run.stdout);
    let merged = read(folder.path(), WORKFLOW);
    assert!(merged.contains(step), "{merged}");
    assert!(merged.contains("python-version: \"3.12\""), "{merged}");
    assert!(!merged.contains("3.11"), "{merged}");
    let again = ci_tool(folder.path(), &["generate"]);
    assert!(
        again.stdout.contains("Nothing to write"),
        "{}",
        again.stdout
    );
    assert_eq!(read(folder.path(), WORKFLOW), merged);
}

#[test]
fn the_record_works_in_a_shallow_clone_after_a_squash() {
    let origin = generated("fastapi-nextjs");
    let text = read(origin.path(), WORKFLOW);
    write(
        origin.path(),
        WORKFLOW,
        format!("{text}# ours, at the end\n"),
    );
    git(origin.path(), &["init", "--quiet"]);
    git(origin.path(), &["add", "--all"]);
    git(
        origin.path(),
        &["commit", "--quiet", "--message", "squashed"],
    );
    let clones = tempfile::tempdir().expect("temporary folder");
    let url = format!("file://{}", origin.path().display());
    git(
        clones.path(),
        &["clone", "--quiet", "--depth", "1", &url, "clone"],
    );
    let clone = clones.path().join("clone");
    raise_python(&clone);
    let run = ci_tool(&clone, &["generate"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let merged = read(&clone, WORKFLOW);
    assert!(
        merged.contains("# ours, at the end") && merged.contains("3.12"),
        "{merged}"
    );
}

#[test]
fn what_cannot_be_joined_is_left_with_both_versions_and_a_way_out() {
    let folder = generated("fastapi-nextjs");
    let edited = read(folder.path(), WORKFLOW)
        .replace("python-version: \"3.11\"", "python-version: \"3.9\"");
    write(folder.path(), WORKFLOW, &edited);
    raise_python(folder.path());
    let run = ci_tool(folder.path(), &["generate"]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    for part in ["conflict", "3.9", "3.12", "3.11", "--resolved"] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    assert_eq!(read(folder.path(), WORKFLOW), edited, "nothing is lost");
    // The rest was brought up to date, and the conflict is still one.
    assert_eq!(ci_tool(folder.path(), &["generate"]).code, 1);

    let run = ci_tool(folder.path(), &["generate", "--resolved", WORKFLOW]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(read(folder.path(), WORKFLOW).contains("python-version: \"3.9\""));
    assert_eq!(ci_tool(folder.path(), &["generate", "--check"]).code, 0);
    // The next change elsewhere is joined again.
    let text = read(folder.path(), "backend/requirements.txt");
    write(
        folder.path(),
        "backend/requirements.txt",
        format!("{text}mypy\n"),
    );
    write(folder.path(), "backend/mypy.ini", "[mypy]\n");
    let run = ci_tool(folder.path(), &["generate"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let text = read(folder.path(), WORKFLOW);
    assert!(
        text.contains("mypy") && text.contains("python-version: \"3.9\""),
        "{text}"
    );

    let run = ci_tool(folder.path(), &["generate", "--resolved", "README.md"]);
    assert_eq!(run.code, 2, "{}", run.stdout);
    assert!(
        run.stderr.contains("no conflict in README.md"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_deleted_file_stays_deleted_and_one_without_its_mark_is_left_alone() {
    let folder = generated("fastapi-nextjs");
    std::fs::remove_file(folder.path().join(WORKFLOW)).expect("removed");
    raise_python(folder.path());
    let run = ci_tool(folder.path(), &["generate"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(!folder.path().join(WORKFLOW).exists());
    assert_eq!(
        file(&plan(folder.path(), &["--check"]), WORKFLOW)["status"],
        "removed"
    );
    let run = ci_tool(
        folder.path(),
        &["generate", "--only", "backend-ci", "--force"],
    );
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(read(folder.path(), WORKFLOW).contains("3.12"));

    let path = ".github/workflows/security-scan.yml";
    let text = read(folder.path(), path).replace("name: Security scan", "name: Ours");
    let taken: String = text
        .lines()
        .filter(|line| !line.starts_with("# ci-tool:"))
        .map(|line| format!("{line}\n"))
        .collect();
    write(folder.path(), path, &taken);
    let run = ci_tool(folder.path(), &["generate", "--check"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert_eq!(read(folder.path(), path), taken);
}

#[test]
fn drift_says_what_changed() {
    let folder = generated("fastapi-nextjs");
    raise_python(folder.path());
    write(
        folder.path(),
        ".github/ci-tool.yml",
        "generate:\n  runner: large\n",
    );
    std::fs::remove_file(folder.path().join(LOCK)).expect("removed");
    // Unedited files need no record to be out of date.
    let unknown = plan(folder.path(), &["--check"]);
    assert_eq!(file(&unknown, WORKFLOW)["status"], "update");
    assert!(file(&unknown, WORKFLOW)["drift"].is_null(), "{unknown}");

    let folder = generated("fastapi-nextjs");
    raise_python(folder.path());
    write(
        folder.path(),
        ".github/ci-tool.yml",
        "generate:\n  runner: large\n",
    );
    let lock = read(folder.path(), LOCK);
    let with_old_pin = lock.replace("actions/setup-python: ", "actions/setup-python: 0");
    assert_ne!(lock, with_old_pin);
    write(folder.path(), LOCK, with_old_pin);
    let known = plan(folder.path(), &["--check"]);
    let causes: Vec<&str> = file(&known, WORKFLOW)["drift"]
        .as_array()
        .expect("drift")
        .iter()
        .map(|drift| drift["cause"].as_str().expect("a word"))
        .collect();
    assert_eq!(causes, ["project", "configuration", "pins"], "{known}");
    assert_eq!(
        file(&known, ".github/workflows/frontend-ci.yml")["drift"][0]["details"][0],
        "runner: ubuntu-24.04 → large"
    );
}

#[test]
fn a_damaged_record_is_an_error_at_its_line_and_nothing_is_written() {
    let folder = generated("fastapi-nextjs");
    let lock = read(folder.path(), LOCK);
    raise_python(folder.path());
    let before = read(folder.path(), WORKFLOW);
    for (text, word) in [
        (
            lock.replace("runs-on: ubuntu-24.04", "runs-on: mine"),
            "by hand",
        ),
        (format!("<<<<<<< HEAD\n{lock}"), "merge conflict"),
        (lock[..lock.len() / 2].to_owned(), "ci-tool.lock:"),
        ("schema: 99\nfiles: {}\n".to_owned(), "form 99"),
    ] {
        write(folder.path(), LOCK, &text);
        let run = ci_tool(folder.path(), &["generate"]);
        assert_eq!(run.code, 2, "{word}: {}{}", run.stdout, run.stderr);
        assert!(
            run.stderr.contains(word) && run.stderr.contains("ci-tool.lock:"),
            "{}",
            run.stderr
        );
        assert_eq!(read(folder.path(), WORKFLOW), before);
        assert_eq!(read(folder.path(), LOCK), text);
    }
}

#[test]
fn a_line_is_explained_by_template_and_facts() {
    let folder = generated("fastapi-nextjs");
    let text = read(folder.path(), WORKFLOW);
    let line = |needle: &str| {
        let at = text
            .lines()
            .position(|line| line.contains(needle))
            .expect(needle);
        format!("{WORKFLOW}:{}", at + 1)
    };
    let explain = |place: &str| ci_tool(folder.path(), &["generate", "--explain", place]);
    let version = explain(&line("python-version: "));
    assert_eq!(version.code, 0, "{}", version.stderr);
    for part in [
        "partials/setup.yml:",
        "<%= job.version %>",
        "job.version = 3.11",
        "Dockerfile:",
    ] {
        assert!(version.stdout.contains(part), "{part}: {}", version.stdout);
    }
    let test = explain(&line("run: python -m pytest"));
    assert!(
        test.stdout.contains("python -m pytest  backend/"),
        "{}",
        test.stdout
    );
    let mark = explain(&format!("{WORKFLOW}:2"));
    assert!(
        mark.stdout.contains("knows the file again"),
        "{}",
        mark.stdout
    );
    write(folder.path(), WORKFLOW, format!("{text}# ours\n"));
    let ours = explain(&line("Require that no job failed"));
    assert!(
        ours.stdout.contains("component-jobs.yml:"),
        "{}",
        ours.stdout
    );
    let person = explain(&format!("{WORKFLOW}:{}", text.lines().count() + 1));
    assert!(
        person.stdout.contains("a person wrote it"),
        "{}",
        person.stdout
    );
    for (place, word) in [
        ("backend-ci.yml", "is no FILE:LINE"),
        ("README.md:1", "no file that is generated"),
        (".github/workflows/backend-ci.yml:9999", "has "),
        (".github/workflows/backend-ci.yml:0", "is no FILE:LINE"),
    ] {
        let wrong = explain(place);
        assert_eq!(wrong.code, 2, "{place}");
        assert!(wrong.stderr.contains(word), "{place}: {}", wrong.stderr);
    }
}

//! Every sample: the right facts, and generation that settles.

use std::collections::BTreeMap;
use std::path::Path;

use crate::common::{ci_tool, root, sample, samples, write};

#[test]
fn detect_says_of_every_sample_what_was_written_down_by_hand() {
    for name in samples() {
        let run = ci_tool(sample(&name).path(), &["detect", "--format", "json"]);
        assert_eq!(run.code, 0, "{name}: {}", run.stderr);
        let found: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
        let path = root()
            .join("tests/expectations")
            .join(format!("{name}.json"));
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let expected: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let pretty = |value| serde_json::to_string_pretty(value).expect("JSON");
        let diff = similar::TextDiff::from_lines(pretty(&expected), pretty(&found))
            .unified_diff()
            .header("expected", "found")
            .to_string();
        assert!(diff.is_empty(), "{name}:\n{diff}");
    }
}

#[test]
fn every_evidence_of_every_sample_exists() {
    fn visit(value: &serde_json::Value, folder: &Path, count: &mut usize) {
        if let (Some(path), Some(line)) = (
            value.get("path").and_then(|path| path.as_str()),
            value.get("line"),
        ) {
            let text = std::fs::read_to_string(folder.join(path))
                .unwrap_or_else(|error| panic!("{path}: {error}"));
            let line = line.as_u64().expect("a number") as usize;
            assert!(
                line >= 1 && line <= text.lines().count().max(1),
                "{path}:{line}"
            );
            *count += 1;
        }
        match value {
            serde_json::Value::Array(items) => {
                items.iter().for_each(|item| visit(item, folder, count))
            }
            serde_json::Value::Object(entries) => {
                entries.values().for_each(|item| visit(item, folder, count))
            }
            _ => {}
        }
    }
    let mut count = 0;
    for name in samples() {
        let folder = sample(&name);
        let run = ci_tool(folder.path(), &["detect", "--format", "json"]);
        visit(
            &serde_json::from_str(&run.stdout).expect("JSON"),
            folder.path(),
            &mut count,
        );
    }
    assert!(count > 100, "only {count} places were seen");
}

/// Every file with its text and the time of its last change.
fn snapshot(folder: &Path) -> BTreeMap<String, (Vec<u8>, std::time::SystemTime)> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("listed") {
            let path = entry.expect("listed").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let changed = path
                    .metadata()
                    .and_then(|found| found.modified())
                    .expect("known");
                files.insert(
                    path.display().to_string(),
                    (std::fs::read(&path).expect("read"), changed),
                );
            }
        }
    }
    files
}

#[test]
fn generating_twice_changes_nothing() {
    for name in samples() {
        let folder = sample(&name);
        let untouched = snapshot(folder.path());
        for arguments in [&["generate", "--dry-run"][..], &["generate", "--check"]] {
            let run = ci_tool(folder.path(), arguments);
            let is_check = arguments.contains(&"--check");
            assert_eq!(
                run.code,
                i32::from(is_check),
                "{name} {arguments:?}: {}{}",
                run.stdout,
                run.stderr
            );
        }
        assert_eq!(
            snapshot(folder.path()),
            untouched,
            "{name}: something was written"
        );
        let first = ci_tool(folder.path(), &["generate"]);
        assert_eq!(first.code, 0, "{name}: {}", first.stderr);
        let generated = snapshot(folder.path());
        assert!(
            generated.len() > untouched.len(),
            "{name}: nothing was written"
        );
        let second = ci_tool(folder.path(), &["generate"]);
        assert!(
            second.stdout.contains("Nothing to write."),
            "{name}: {}",
            second.stdout
        );
        assert_eq!(
            snapshot(folder.path()),
            generated,
            "{name}: the second run changed something"
        );
        assert_eq!(
            ci_tool(folder.path(), &["generate", "--check"]).code,
            0,
            "{name}"
        );
    }
}

#[test]
fn the_same_input_gives_the_same_bytes_wherever_it_lies() {
    let texts: Vec<_> = (0..2)
        .map(|_| {
            let folder = sample("fastapi-nextjs");
            ci_tool(folder.path(), &["generate"]);
            std::fs::read(folder.path().join(".github/workflows/backend-ci.yml"))
                .expect("generated")
        })
        .collect();
    assert_eq!(texts[0], texts[1]);
}

#[test]
fn what_people_wrote_or_edited_is_left_alone() {
    let folder = sample("go-service");
    let path = ".github/workflows/backend-ci.yml";
    write(
        folder.path(),
        path,
        "name: Theirs\non: workflow_dispatch\njobs: {}\n",
    );
    let run = ci_tool(folder.path(), &["generate"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stdout.contains("not ours"), "{}", run.stdout);
    assert!(
        std::fs::read_to_string(folder.path().join(path))
            .expect("read")
            .starts_with("name: Theirs")
    );
    let run = ci_tool(folder.path(), &["generate", "--force"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let copy =
        std::fs::read_to_string(folder.path().join(format!("{path}.bak"))).expect("a copy is kept");
    assert!(copy.starts_with("name: Theirs"));

    let ours = std::fs::read_to_string(folder.path().join(path)).expect("read");
    let edited = ours.replace("timeout-minutes: 30", "timeout-minutes: 31");
    assert_ne!(ours, edited);
    write(folder.path(), path, &edited);
    let run = ci_tool(folder.path(), &["generate"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(run.stdout.contains("edited"), "{}", run.stdout);
    assert_eq!(
        std::fs::read_to_string(folder.path().join(path)).expect("read"),
        edited
    );
}

#[test]
fn a_change_of_the_project_updates_what_nobody_edited() {
    let folder = sample("go-service");
    ci_tool(folder.path(), &["generate"]);
    let test = folder.path().join("internal/slug/slug_test.go");
    std::fs::remove_file(test).expect("removed");
    let check = ci_tool(folder.path(), &["generate", "--check"]);
    assert_eq!(check.code, 1);
    assert!(
        check.stdout.contains("-        run: go test"),
        "{}",
        check.stdout
    );
    assert!(
        check.stdout.contains("there are no tests"),
        "{}",
        check.stdout
    );
    ci_tool(folder.path(), &["generate"]);
    let text = std::fs::read_to_string(folder.path().join(".github/workflows/backend-ci.yml"))
        .expect("read");
    assert!(!text.contains("go test"));
}

#[test]
fn a_project_that_tests_already_gets_no_second_pipeline() {
    let folder = sample("uv-service");
    write(
        folder.path(),
        ".github/workflows/checks.yml",
        "name: Checks\non: [push]\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: uv run python -m unittest discover\n",
    );
    let run = ci_tool(folder.path(), &["generate", "--only", "backend-ci"]);
    assert!(
        run.stdout.contains("covered") && run.stdout.contains("checks.yml"),
        "{}",
        run.stdout
    );
    assert!(
        !folder
            .path()
            .join(".github/workflows/backend-ci.yml")
            .exists()
    );
}

#[test]
fn dependabot_is_told_every_ecosystem_and_folder() {
    // The package.json beside manage.py is only for hooks: it is no component.
    let expected = [
        (
            "django-vite-pnpm",
            "docker-compose / github-actions / npm /web pip /server",
        ),
        ("docs-only", "github-actions /"),
        (
            "fastapi-nextjs",
            "docker / docker-compose /backend github-actions / npm /frontend pip /backend",
        ),
        ("go-service", "docker / github-actions / gomod /"),
        ("poetry-api", "docker / github-actions / pip /"),
        ("rust-cli", "cargo / github-actions /"),
        ("turbo-monorepo", "github-actions / npm /"),
        ("uv-service", "github-actions / uv /"),
    ];
    assert_eq!(
        expected.map(|(name, _)| name.to_owned()).to_vec(),
        samples()
    );
    for (name, updates) in expected {
        let folder = sample(name);
        let run = ci_tool(folder.path(), &["generate", "--only", "dependabot"]);
        assert_eq!(run.code, 0, "{name}: {}", run.stderr);
        let text =
            std::fs::read_to_string(folder.path().join(".github/dependabot.yml")).expect("written");
        let found: Vec<&str> = text
            .lines()
            .map(str::trim)
            .filter_map(|line| {
                line.strip_prefix("- package-ecosystem: ")
                    .or_else(|| line.strip_prefix("- ").filter(|path| path.starts_with('/')))
            })
            .collect();
        assert_eq!(found.join(" "), updates, "{name}");
    }
}

#[test]
fn another_bot_that_updates_dependencies_is_enough() {
    for (path, text) in [
        ("renovate.json", "{}"),
        (".github/dependabot.yaml", "version: 2\nupdates: []\n"),
        (".github/dependabot.yml", "version: 2\nupdates: []\n"),
    ] {
        let folder = sample("uv-service");
        write(folder.path(), path, text);
        let run = ci_tool(folder.path(), &["generate", "--only", "dependabot"]);
        assert_eq!(run.code, 0, "{path}: {}{}", run.stdout, run.stderr);
        assert!(
            run.stdout.contains(&format!("{path} does this already")),
            "{}",
            run.stdout
        );
        let left = std::fs::read_to_string(folder.path().join(path)).expect("read");
        assert_eq!(left, text);
    }
}

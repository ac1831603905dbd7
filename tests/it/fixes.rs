//! `ci-tool audit --fix` on whole repositories.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::common::{ci_tool, peers, sample, write};

/// What a person of that team would answer.
const ANSWERS: [&str; 10] = [
    "--answer",
    "cors-origin=https://jobs.example.com",
    "--answer",
    "health-url=https://api.example.com/health",
    "--answer",
    "health-route=/",
    "--answer",
    "railway-file=railway.json",
    "--answer",
    "dockerfile=Dockerfile",
];

/// All files of a folder, with their bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(root: &Path, folder: &Path, all: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).expect("listed") {
            let path = entry.expect("listed").path();
            if path.is_dir() {
                walk(root, &path, all);
            } else {
                let name = path.strip_prefix(root).expect("below").to_string_lossy();
                all.insert(name.into_owned(), std::fs::read(&path).expect("read"));
            }
        }
    }
    let mut all = BTreeMap::new();
    walk(folder, folder, &mut all);
    all
}

fn fix(there: &Path, arguments: &[&str]) -> crate::common::Run {
    let run = ci_tool(there, &[&["audit"], arguments, &ANSWERS].concat());
    assert!(run.code <= 1, "{}{}", run.stdout, run.stderr);
    run
}

/// The rules whose findings could be mended.
fn fixable(there: &Path) -> Vec<String> {
    let arguments = [&["audit", "--format", "sarif"], &ANSWERS[..]].concat();
    let run = ci_tool(there, &arguments);
    let sarif: serde_json::Value = serde_json::from_str(&run.stdout).expect("SARIF");
    let results = sarif["runs"]
        .as_array()
        .expect("runs")
        .iter()
        .flat_map(|run| run["results"].as_array().cloned().unwrap_or_default());
    results
        .filter(|result| result.get("fixes").is_some())
        .map(|result| result["ruleId"].as_str().expect("a rule").to_owned())
        .collect()
}

#[test]
fn what_a_machine_can_mend_is_mended_once_and_for_all() {
    let there = sample("fastapi-nextjs");
    let before = files(there.path());
    assert!(fixable(there.path()).len() >= 12);
    let run = fix(there.path(), &["--fix", "--fix-unsafe"]);
    assert!(!run.stderr.contains("left "), "{}", run.stderr);
    assert_eq!(fixable(there.path()), [""; 0]);
    let after = files(there.path());
    fix(there.path(), &["--fix", "--fix-unsafe"]);
    assert_eq!(files(there.path()), after, "a second run changes nothing");

    // Nothing but the lines in question.
    let text = |path: &str| String::from_utf8_lossy(&after[path]).into_owned();
    assert!(!after.contains_key("railway.toml"));
    assert!(text("railway.json").contains("\"healthcheckPath\": \"/health\""));
    assert!(text("railway.json").contains("\"dockerfilePath\": \"Dockerfile\""));
    assert!(text("backend/start.sh").contains("alembic upgrade head || exit 1\n"));
    let changed: Vec<&String> = before
        .iter()
        .filter(|(path, bytes)| after.get(*path) != Some(*bytes))
        .map(|(path, _)| path)
        .collect();
    for path in ["README.md", "backend/app/main.py", ".gitignore"] {
        assert!(!changed.iter().any(|one| *one == path), "{path}");
    }

    // Judges that we did not write find nothing in the new files that was not there before.
    let old = tempfile::tempdir().expect("a folder");
    for (path, bytes) in &before {
        write(old.path(), path, bytes);
    }
    for path in changed.iter().filter(|path| after.contains_key(**path)) {
        let tool = match path.rsplit(['/', '.']).next() {
            Some("sh") => ["shellcheck", "-fgcc"],
            _ if path.contains("Dockerfile") => ["hadolint", "--no-color"],
            _ => continue,
        };
        let count = |folder: &Path| {
            let output = Command::new(peers().join("py/bin").join(tool[0]))
                .args([tool[1], path])
                .current_dir(folder)
                .output()
                .expect("it starts");
            String::from_utf8_lossy(&output.stdout).lines().count()
        };
        let (then, now) = (count(old.path()), count(there.path()));
        assert!(
            now <= then,
            "{} says more of {path}: {then}, {now}",
            tool[0]
        );
    }
}

#[test]
fn safe_fixes_alone_leave_what_runs_today() {
    let there = sample("fastapi-nextjs");
    let run = fix(there.path(), &["--fix"]);
    assert!(run.stderr.contains("--fix-unsafe"), "{}", run.stderr);
    let after = files(there.path());
    let text = |path: &str| String::from_utf8_lossy(&after[path]).into_owned();
    assert!(text("scripts/deploy-railway.sh").contains("read -s -p"));
    assert!(text("scripts/deploy-railway.sh").contains("sleep 10"));
    assert!(!text("backend/start.sh").contains("head || exit 1"));
    assert!(!text("vercel.json").contains("required"));
}

#[test]
fn only_the_rules_that_were_named() {
    let there = sample("fastapi-nextjs");
    let before = files(there.path());
    fix(
        there.path(),
        &["--fix=secret-read-in-the-open,vercel-invalid-variable"],
    );
    let after = files(there.path());
    let changed: Vec<&String> = before
        .keys()
        .filter(|path| before[*path] != after[*path])
        .collect();
    assert_eq!(
        changed,
        [
            "scripts/deploy-all.sh",
            "scripts/deploy-railway.sh",
            "vercel.json"
        ]
    );
    let run = ci_tool(there.path(), &["audit", "--fix=nothing-such"]);
    assert!(run.code == 2 && run.stderr.contains("nothing-such"));
    let run = ci_tool(there.path(), &["audit", "--dry-run"]);
    assert!(run.code == 2 && run.stderr.contains("--fix"));
    let run = ci_tool(there.path(), &["audit", "--fix", "--answer", "x"]);
    assert!(run.code == 2 && run.stderr.contains("NAME=VALUE"));
}

#[test]
fn a_dry_run_is_a_patch_and_writes_nothing() {
    let there = sample("fastapi-nextjs");
    let before = files(there.path());
    let run = fix(there.path(), &["--fix", "--fix-unsafe", "--dry-run"]);
    assert_eq!(files(there.path()), before);
    let patched = sample("fastapi-nextjs");
    let patch = patched.path().join("the.patch");
    std::fs::write(&patch, &run.stdout).expect("written");
    let applied = Command::new("git")
        .args(["apply", "the.patch"])
        .current_dir(patched.path())
        .output()
        .expect("git");
    let said = String::from_utf8_lossy(&applied.stderr);
    assert!(applied.status.success(), "{said}{}", run.stdout);
    std::fs::remove_file(patch).expect("removed");
    fix(there.path(), &["--fix", "--fix-unsafe"]);
    assert_eq!(files(there.path()), files(patched.path()));
}

#[test]
fn what_needs_an_answer_asks_for_it() {
    let there = sample("fastapi-nextjs");
    let run = ci_tool(there.path(), &["audit", "--fix", "--dry-run"]);
    for question in ["cors-origin=", "health-url=", "railway-file=railway.json"] {
        assert!(run.stderr.contains(question), "{question}: {}", run.stderr);
    }
    write(
        there.path(),
        ".github/ci-tool.yml",
        "audit:\n  answers:\n    cors-origin: https://a.example.com\n",
    );
    let run = ci_tool(there.path(), &["audit", "--fix", "--dry-run"]);
    assert!(run.stdout.contains("+        { \"key\": \"Access-Control-Allow-Origin\", \"value\": \"https://a.example.com\" }"), "{}", run.stdout);
}

#[test]
fn a_fix_that_does_not_help_is_taken_back() {
    let there = sample("fastapi-nextjs");
    let arguments = [
        "audit",
        "--fix=missing-dockerfile",
        "--fix-unsafe",
        "--answer",
        "dockerfile=Nowhere",
    ];
    let before = files(there.path());
    let run = ci_tool(there.path(), &arguments);
    assert!(run.stderr.contains("left railway.json:4"), "{}", run.stderr);
    assert_eq!(files(there.path()), before);
}

#[test]
fn ends_of_lines_and_byte_order_marks_stay() {
    let there = tempfile::tempdir().expect("a folder");
    let json = "\u{feff}{\r\n\t\"env\": {\r\n\t\t\"A\": {},\r\n\t\t\"B\": \"x\"\r\n\t}\r\n}\r\n";
    write(there.path(), "vercel.json", json);
    let script = "#!/bin/bash\r\nread -p 'Token: ' API_TOKEN\r\n";
    write(there.path(), "ask.sh", script);
    fix(there.path(), &["--fix"]);
    let after = files(there.path());
    assert_eq!(
        String::from_utf8_lossy(&after["vercel.json"]),
        json.replace("\t\t\"A\": {},\r\n", "")
    );
    assert_eq!(
        String::from_utf8_lossy(&after["ask.sh"]),
        script.replace(
            "read -p 'Token: ' API_TOKEN",
            "read -s -p 'Token: ' API_TOKEN; echo"
        )
    );
}

#[cfg(unix)]
#[test]
fn all_files_are_written_or_none() {
    use std::os::unix::fs::PermissionsExt;

    let there = sample("fastapi-nextjs");
    // A link is not written through.
    let real = there.path().join("scripts/real.txt");
    let link = there.path().join("scripts/deploy-railway.sh");
    std::fs::rename(&link, real).expect("moved");
    std::os::unix::fs::symlink("real.txt", &link).expect("linked");
    let before = files(there.path());
    let run = ci_tool(there.path(), &["audit", "--fix"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("deploy-railway.sh"), "{}", run.stderr);
    assert_eq!(
        files(there.path()),
        before,
        "what was written is taken back"
    );

    // The mode of a file stays.
    let script = there.path().join("scripts/deploy-all.sh");
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).expect("set");
    std::fs::remove_file(link).expect("removed");
    fix(there.path(), &["--fix"]);
    let mode = std::fs::metadata(script)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o755);
}

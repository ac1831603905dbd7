//! The step that finds changed components, on real repositories: what changed runs,
//! and nothing is skipped that git cannot show to be the same.

use std::path::Path;
use std::process::Command;

use crate::common::{ci_tool, git, sample, write};

/// The step's script, out of what is generated.
fn script(folder: &Path) -> String {
    let run = ci_tool(folder, &["generate", "--only", "backend-ci"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let text = std::fs::read_to_string(folder.join(".github/workflows/backend-ci.yml"));
    let workflow: serde_yaml::Value = serde_yaml::from_str(&text.expect("written")).expect("YAML");
    let steps = workflow["jobs"]["changes"]["steps"].as_sequence();
    let step = steps
        .into_iter()
        .flatten()
        .find(|step| step["id"] == "compare")
        .expect("the step");
    step["run"].as_str().expect("a script").to_owned()
}

fn commit(folder: &Path, path: &str, text: &str) -> String {
    write(folder, path, text);
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", "c"]);
    head(folder)
}

fn head(folder: &Path) -> String {
    let output = Command::new("git")
        .args(["rev-parse", "HEAD"])
        .current_dir(folder)
        .output()
        .expect("git starts");
    String::from_utf8(output.stdout)
        .expect("UTF-8")
        .trim()
        .to_owned()
}

/// Whether the backend is found to have changed.
fn is_changed(folder: &Path, script: &str, base: &str, dots: &str) -> bool {
    let out = tempfile::NamedTempFile::new().expect("a file");
    let status = Command::new("bash")
        .args(["-e", "-c", script])
        .current_dir(folder)
        .env("BASE", base)
        .env("DOTS", dots)
        .env("GITHUB_OUTPUT", out.path())
        .output()
        .expect("bash starts");
    assert!(status.status.success(), "{status:?}");
    let text = std::fs::read_to_string(out.path()).expect("read");
    match text.trim() {
        "backend=true" => true,
        "backend=false" => false,
        other => panic!("{other}"),
    }
}

#[test]
fn what_changed_runs_and_nothing_that_might_have_is_skipped() {
    let there = sample("fastapi-nextjs");
    let folder = there.path();
    let script = script(folder);
    git(folder, &["init", "--quiet", "--initial-branch", "main"]);
    let first = commit(folder, "README.md", "one");
    let second = commit(folder, "frontend/x.ts", "x");
    let third = commit(folder, "backend/x.py", "x");
    let push = |base: &str| is_changed(folder, &script, base, "..");
    let pull = |base: &str| is_changed(folder, &script, base, "...");
    assert!(push(&second) && push(&first));
    assert!(push(""), "a merge queue has no base here");
    assert!(push(&"0".repeat(40)), "a new branch has none");
    assert!(push(&"a".repeat(40)), "one that is gone shows nothing");
    let other = commit(folder, "frontend/y.ts", "y");
    assert!(!push(&third) && !pull(&third));
    // The branch is set back: what the push took away is a change.
    git(folder, &["branch", "kept"]);
    git(folder, &["reset", "--quiet", "--hard", &second]);
    assert!(push(&other));
    // A pull request that is behind its base did not change what its base did.
    commit(folder, "frontend/z.ts", "z");
    assert!(!pull(&other));
}

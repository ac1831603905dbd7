//! What is looked at before a deployment: the checks of the commit, and programs that nobody
//! needs.

use serde_json::{Value, json};

use crate::common::{finish, follow_githubs_description, write};
use crate::deploy_platforms::Cloud;

/// Asks for these checks of every commit.
fn require(cloud: &Cloud, checks: &str) {
    let file = cloud.folder.path().join(".github/ci-tool.yml");
    let text = std::fs::read_to_string(&file).expect("read");
    let text = text.replace(
        "      soak: 0\n",
        &format!("      soak: 0\n      checks: {checks}\n"),
    );
    assert!(text.contains("checks:"), "{text}");
    std::fs::write(file, text).expect("written");
}

#[test]
fn a_commit_whose_checks_have_not_passed_is_not_deployed() {
    let cloud = Cloud::start();
    require(&cloud, "[backend / all, 'ci/legacy']");
    let say = |runs: Value, statuses: Value| {
        cloud.control(Some(
            &json!({"checks": {"runs": runs, "statuses": statuses}}),
        ));
    };
    let good = json!([["backend / all", "success"]]);
    for (runs, statuses, says) in [
        (
            json!([]),
            json!([]),
            "the check `backend / all` is not there for this commit",
        ),
        (
            json!([["backend / all", "failure"]]),
            json!([["ci/legacy", "success"]]),
            "`backend / all` ended with failure",
        ),
        (
            json!([["backend / all", "in_progress"]]),
            json!([["ci/legacy", "success"]]),
            "`backend / all` has not ended",
        ),
        // The worst of those with the name counts.
        (
            json!([["backend / all", "success"], ["backend / all", "cancelled"]]),
            json!([["ci/legacy", "success"]]),
            "ended with cancelled",
        ),
        (
            good.clone(),
            json!([["ci/legacy", "pending"]]),
            "`ci/legacy` has not ended",
        ),
        (
            good.clone(),
            json!([["ci/legacy", "error"]]),
            "`ci/legacy` ended with error",
        ),
        (
            good.clone(),
            json!([["ci/other", "success"]]),
            "`ci/legacy` is not there",
        ),
    ] {
        say(runs, statuses);
        for arguments in [&["--dry-run"][..], &[]] {
            let run = cloud.deploy(arguments);
            assert_eq!(run.code, 1, "{says}: {}{}", run.stdout, run.stderr);
            assert!(run.stdout.contains(says), "{says}: {}", run.stdout);
        }
    }
    assert_eq!(
        cloud.count("up") + cloud.count("create"),
        0,
        "nothing was changed"
    );

    // What cannot be found out is no yes.
    say(good.clone(), json!([["ci/legacy", "success"]]));
    let run = finish(
        cloud
            .command("production", &[])
            .env_remove("GITHUB_REPOSITORY"),
    );
    assert_eq!(run.code, 2, "{}", run.stdout);
    let run = finish(
        cloud
            .command("production", &[])
            .env("GITHUB_API_URL", "http://127.0.0.1:1"),
    );
    assert_eq!(run.code, 3, "{}", run.stdout);
    assert_eq!(cloud.count("up") + cloud.count("create"), 0);

    let run = cloud.deploy(&[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(cloud.is_new());
    let state = cloud.control(None);
    let exchanges = state["exchanges"].as_array().expect("a list");
    let lines: String = exchanges.iter().map(|one| format!("{one}\n")).collect();
    let told = follow_githubs_description(&lines);
    assert!(exchanges.len() > 8, "{told}");
}

/// The old script called programs of the platforms whose version nobody had looked at. None
/// of them is needed here: whatever stands in their place is not started.
#[test]
fn issue_17_no_program_of_a_platform_is_needed() {
    let cloud = Cloud::start();
    let bin = tempfile::tempdir().expect("a folder");
    let started = bin.path().join("started");
    let real = std::env::var("PATH").expect("a path");
    for name in ["railway", "vercel", "npx", "npm", "node"] {
        let text = format!(
            "#!/bin/sh\necho {name} \"$@\" >> {}\nexit 0\n",
            started.display()
        );
        write(bin.path(), name, text);
        let file = bin.path().join(name);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(file, mode).expect("executable");
    }
    let run = finish(
        cloud
            .command("production", &[])
            .env("PATH", format!("{}:{real}", bin.path().display())),
    );
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(cloud.is_new());
    assert!(!started.exists(), "{:?}", std::fs::read_to_string(started));
}

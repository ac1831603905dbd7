//! `ci-tool trend`: histories in files, folders and branches, and what is no history.

use std::path::Path;

use serde_json::{Value, json};

use crate::common::{ci_tool, command, finish, git, sample, write};

fn verdict(high: usize, suppressed: usize) -> String {
    let one =
        |outcome: &str| json!({"outcome": outcome, "rule": "r", "finding": {"severity": "high"}});
    let findings: Vec<Value> = std::iter::repeat_n(one("denied"), high)
        .chain(std::iter::repeat_n(one("suppressed"), suppressed))
        .collect();
    json!({"version": 1, "passes": high == 0, "counts": {}, "findings": findings}).to_string()
}

fn entries(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let arguments = [&["trend", "--format", "json"], arguments].concat();
    let run = ci_tool(folder, &arguments);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let answer: Value = serde_json::from_str(&run.stdout).expect("JSON");
    answer["entries"].as_array().expect("a list").clone()
}

#[test]
fn a_file_keeps_what_was_found() {
    let there = sample("fastapi-nextjs");
    let folder = there.path();
    // What the tool itself prints is what it takes.
    let run = ci_tool(folder, &["audit", "--report", "json=verdict.json"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let score = ci_tool(folder, &["audit", "--score", "--format", "json"]);
    write(folder, "score.json", &score.stdout);
    let one = entries(
        folder,
        &[
            "--add",
            "verdict.json",
            "--add",
            "score.json",
            "--commit",
            "aaaaaaa1",
        ],
    );
    let told: Value = serde_json::from_str(&score.stdout).expect("JSON");
    assert_eq!(one[0]["score"], told["total"]);
    let verdict_text = std::fs::read_to_string(folder.join("verdict.json")).expect("read");
    let told: Value = serde_json::from_str(&verdict_text).expect("JSON");
    let sum: u64 = one[0]["findings"]
        .as_object()
        .expect("counts")
        .values()
        .map(|count| count.as_u64().expect("a number"))
        .sum();
    assert_eq!(
        sum as usize,
        told["findings"].as_array().expect("a list").len()
    );
    assert_eq!(one[0]["denied"], told["counts"]["denied"]);

    write(folder, "v.json", verdict(1, 4));
    let two = entries(folder, &["--add", "v.json", "--commit", "bbbbbbb2"]);
    assert_eq!((two.len(), &two[1]["findings"]["high"]), (2, &json!(1)));
    write(folder, "v.json", verdict(3, 0));
    let again = entries(folder, &["--add", "v.json", "--commit", "bbbbbbb2"]);
    assert_eq!((again.len(), &again[1]["findings"]["high"]), (2, &json!(3)));

    let run = ci_tool(folder, &["trend", "--svg", "t.svg"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout.contains("bbbbbbb") && run.stdout.contains("high "),
        "{}",
        run.stdout
    );
    let svg = std::fs::read_to_string(folder.join("t.svg")).expect("written");
    assert!(
        svg.starts_with("<svg") && svg.contains(">score</text>"),
        "{svg}"
    );
}

#[test]
fn what_got_worse_fails_on_request() {
    let there = tempfile::tempdir().expect("a folder");
    let folder = there.path();
    for (high, commit, code) in [(2, "aaaaaaa", 0), (1, "bbbbbbb", 0), (2, "ccccccc", 1)] {
        write(folder, "v.json", verdict(high, 0));
        let run = ci_tool(
            folder,
            &[
                "trend",
                "--history",
                "kept.jsonl",
                "--add",
                "v.json",
                "--commit",
                commit,
                "--fail-on-worse",
            ],
        );
        assert_eq!(run.code, code, "{high}: {}{}", run.stdout, run.stderr);
        // Entries of the same second would have no order.
        std::thread::sleep(std::time::Duration::from_millis(1_100));
    }
    let run = ci_tool(
        folder,
        &["trend", "--history", "kept.jsonl", "--fail-on-worse"],
    );
    assert!(
        run.stderr.contains("high went from 1 to 2"),
        "{}",
        run.stderr
    );
}

fn commit(folder: &Path, name: &str) {
    write(folder, "a.txt", name);
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "-m", name]);
}

/// Two machines push to the branch of the history, and both entries are there.
#[test]
fn a_branch_is_shared_and_nobody_is_overwritten() {
    let there = tempfile::tempdir().expect("a folder");
    let remote = there.path().join("remote.git");
    git(there.path(), &["init", "-q", "--bare", "remote.git"]);
    git(there.path(), &["init", "-q", "one"]);
    let one = there.path().join("one");
    git(
        &one,
        &["remote", "add", "origin", &remote.to_string_lossy()],
    );
    commit(&one, "first");
    git(&one, &["push", "-q", "origin", "HEAD:main"]);
    git(
        there.path(),
        &["clone", "-q", "-b", "main", "remote.git", "two"],
    );
    let two = there.path().join("two");
    commit(&two, "second");
    let add = |folder: &Path, high: usize| {
        let file = folder.with_extension("json");
        std::fs::write(&file, verdict(high, 0)).expect("written");
        let run = finish(
            command()
                .current_dir(folder)
                .args(["trend", "--history", "branch:ci/trend", "--push", "--add"])
                .arg(&file),
        );
        assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    };
    add(&one, 1);
    // The second has never seen the first one's branch, and then the first not the second's.
    add(&two, 2);
    commit(&one, "third");
    add(&one, 3);
    git(
        there.path(),
        &["clone", "-q", "-b", "ci/trend", "remote.git", "three"],
    );
    let text = std::fs::read_to_string(there.path().join("three/trend.jsonl")).expect("read");
    let mut highs: Vec<u64> = text
        .lines()
        .map(|line| {
            let entry: Value = serde_json::from_str(line).expect("JSON");
            entry["findings"]["high"].as_u64().expect("a number")
        })
        .collect();
    highs.sort_unstable();
    assert_eq!(highs, [1, 2, 3]);
    // The work tree and the branch that is checked out are as they were.
    assert_eq!(
        std::fs::read_to_string(one.join("a.txt")).expect("read"),
        "third"
    );
    assert!(!one.join("trend.jsonl").exists());

    // A remote that cannot be reached is no history without entries, and it is asked as its
    // user asks it.
    git(
        &one,
        &[
            "remote",
            "set-url",
            "origin",
            "ssh://git@localhost/shop.git",
        ],
    );
    let asked = there.path().join("asked");
    let file = one.with_extension("json");
    let run = finish(
        command()
            .current_dir(&one)
            .env(
                "GIT_SSH_COMMAND",
                format!("touch {} && false", asked.display()),
            )
            .args(["trend", "--history", "branch:ci/trend", "--push", "--add"])
            .arg(&file),
    );
    assert_eq!(run.code, 3, "{}", run.stdout);
    assert!(asked.exists(), "{}", run.stderr);
}

#[test]
fn what_is_no_history_or_no_verdict_is_told() {
    let there = tempfile::tempdir().expect("a folder");
    let folder = there.path();
    write(
        folder,
        "trend.jsonl",
        "{\"version\":1,\"time\":\"2026-01-01T00:00:00Z\"}\nx\n",
    );
    write(folder, "good.json", verdict(1, 0));
    write(folder, "a.sarif", "{\"version\":\"2.1.0\",\"runs\":[]}");
    write(folder, "half.json", "{\"passes\":");
    for (arguments, code, says) in [
        (&["trend"][..], 3, "trend.jsonl:2:"),
        (&["trend", "--add", "good.json"], 3, "trend.jsonl:2:"),
        (
            &["trend", "--history", "n.jsonl", "--add", "a.sarif"],
            3,
            "neither a verdict nor a score",
        ),
        (
            &["trend", "--history", "n.jsonl", "--add", "half.json"],
            3,
            "half.json: EOF",
        ),
        (
            &["trend", "--history", "branch:-x"],
            2,
            "no name of a branch",
        ),
        (
            &[
                "trend",
                "--history",
                "n.jsonl",
                "--add",
                "good.json",
                "--push",
            ],
            2,
            "`--push` needs",
        ),
        (
            &[
                "trend",
                "--history",
                "n.jsonl",
                "--add",
                "good.json",
                "--commit",
                "x",
            ],
            2,
            "no commit",
        ),
    ] {
        let run = ci_tool(folder, arguments);
        assert_eq!(
            run.code, code,
            "{arguments:?}: {}{}",
            run.stdout, run.stderr
        );
        assert!(run.stderr.contains(says), "{arguments:?}: {}", run.stderr);
    }
    assert!(!folder.join("n.jsonl").exists());
    let kept = std::fs::read_to_string(folder.join("trend.jsonl")).expect("read");
    assert!(kept.ends_with("x\n"), "nothing is lost");
    let run = ci_tool(folder, &["trend", "--history", "n.jsonl"]);
    assert!(
        run.code == 0 && run.stdout.contains("no entries yet"),
        "{}",
        run.stdout
    );
}

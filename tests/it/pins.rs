//! `ci-tool pins` against a fake GitHub.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use ci_tool::workflows::pins::{self, Edit};
use proptest::prelude::*;
use serde_json::Value;

use crate::common::github::{CANARY, FakeGitHub, Fault, Repo, sha};
use crate::common::{
    Run, ci_tool, command, finish, follow_githubs_description, peers, sample, write,
};

const WORKFLOW: &str = ".github/workflows/ci.yml";

/// A repository whose history has everything that a pin can be:
/// v1.0.0 (lightweight) - v1.1.0 (annotated, v1 too) - main, and a release branch,
/// with a commit of a fork beside it.
fn action() -> Repo {
    Repo::default()
        .commit("one", &[], 400)
        .commit("two", &["one"], 300)
        .commit("between", &["two"], 250)
        .commit("three", &["between"], 200)
        .commit("released", &["one"], 100)
        .commit("fork", &["three"], 3)
        .commit("unrelated", &[], 3)
        .branch("main", "three")
        .branch("releases/v0", "released")
        .tag("v1.0.0", "one")
        .annotated("v1.1.0", "two")
        .annotated("v1", "two")
        .annotated("nested", "tag:v1.1.0")
}

/// The binary, which asks the fake.
fn asks(fake: &FakeGitHub) -> Command {
    let mut command = command();
    command
        .env("GITHUB_API_URL", &fake.url)
        .env("GITHUB_TOKEN", CANARY);
    command
}

fn run(fake: &FakeGitHub, folder: &Path, arguments: &[&str]) -> Run {
    let run = finish(asks(fake).arg("pins").args(arguments).current_dir(folder));
    assert!(
        !format!("{run:?}").contains(CANARY),
        "the token was printed: {run:?}"
    );
    run
}

/// A folder with one workflow that uses these.
fn folder(uses: &[String]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    let steps: String = uses
        .iter()
        .map(|uses| format!("      - uses: {uses}\n"))
        .collect();
    let text = format!("on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n{steps}");
    write(folder.path(), WORKFLOW, text);
    folder
}

fn text(folder: &Path) -> String {
    std::fs::read_to_string(folder.join(WORKFLOW)).expect("read")
}

/// What `check --online` says of one use: exit code, kinds, and everything that
/// was printed.
fn judged(fake: &FakeGitHub, uses: &str) -> (i32, Vec<String>, String) {
    let folder = folder(&[uses.to_owned()]);
    let run = run(
        fake,
        folder.path(),
        &["check", "--all", "--online", "--format", "json"],
    );
    let answer: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
    let kinds = answer["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|found| found["kind"].as_str().expect("a kind").to_owned())
        .collect();
    (run.code, kinds, format!("{}{}", run.stdout, run.stderr))
}

#[test]
fn commits_are_what_their_comments_claim_or_it_is_told() {
    let fake = FakeGitHub::start().with("a/b", action());
    for (commit, comment, code, kinds, words) in [
        // Right: lightweight, annotated, nested, a moving tag at its commit, a branch.
        (sha("one"), "# v1.0.0", 0, &[][..], ""),
        (sha("two"), "# v1.1.0", 0, &[], ""),
        (sha("two"), "# tag=nested", 0, &[], ""),
        (sha("two").to_uppercase(), "# v1", 0, &[], ""),
        (sha("three"), "# main", 0, &[], ""),
        (sha("between"), "# main", 0, &[], ""),
        // In the history of a branch, and the comment's tag is elsewhere.
        (sha("between"), "# v1.1.0", 1, &["moved-tag"], "points to"),
        (sha("released"), "# v1", 1, &["moved-tag"], "points to"),
        (sha("one"), "# v1", 1, &["moved-tag"], "it is v1.0.0"),
        (
            sha("one"),
            "# v1.1.0",
            1,
            &["wrong-comment"],
            "write `# v1.0.0`",
        ),
        (sha("one"), "# v9.9.9", 1, &["wrong-comment"], "no such tag"),
        (sha("one"), "", 1, &["no-comment"], ""),
        // In no branch and no tag, whatever the comment says.
        (
            sha("fork"),
            "# v1.1.0",
            1,
            &["impostor"],
            "comes from a fork",
        ),
        (sha("fork"), "# main", 1, &["impostor"], "comes from a fork"),
        (
            sha("unrelated"),
            "# v1",
            1,
            &["impostor"],
            "comes from a fork",
        ),
        (sha("unrelated"), "", 1, &["no-comment", "impostor"], ""),
        (
            sha("nothing"),
            "# v1",
            1,
            &["no-such-commit"],
            "knows no commit",
        ),
        // The annotated tag's own id: it runs the same.
        (
            sha("tag:v1.1.0"),
            "# v1.1.0",
            0,
            &["tag-object"],
            "of an annotated tag",
        ),
    ] {
        let uses = format!("a/b@{commit} {comment}");
        let (found_code, found, told) = judged(&fake, &uses);
        assert_eq!(found, kinds, "{uses}: {told}");
        assert_eq!(found_code, code, "{uses}: {told}");
        assert!(told.contains(words), "{uses}: {told}");
    }
}

#[test]
fn a_commit_that_would_take_too_many_questions_is_not_called_fine() {
    let mut repo = action();
    for number in 0..510 {
        let name = format!("b{number}");
        repo = repo.commit(&name, &["one"], 1).branch(&name, &name);
    }
    let fake = FakeGitHub::start().with("a/b", repo);
    let (code, kinds, told) = judged(&fake, &format!("a/b@{} # v1", sha("fork")));
    assert_eq!((code, kinds.len()), (3, 0), "{told}");
    assert!(told.contains("not in the first 500 of 51"), "{told}");
    // The branch that a checkout gives is looked at first.
    let (code, _, told) = judged(&fake, &format!("a/b@{} # main", sha("between")));
    assert_eq!(code, 0, "{told}");
}

#[test]
fn a_use_that_cannot_be_edited_is_told() {
    let fake = FakeGitHub::start().with("a/b", releases());
    let folder = folder(&["\"a/b\\x40v1.0.0\"".to_owned(), "a/b@v1.0.0".to_owned()]);
    let run = run(&fake, folder.path(), &["update", "--all"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("cannot be edited in place"), "{run:?}");
    assert!(text(folder.path()).contains(&sha("v1.1.0")));
}

#[test]
fn where_a_tag_points_now_is_named() {
    let fake = FakeGitHub::start().with("a/b", action());
    let (_, _, told) = judged(&fake, &format!("a/b@{} # v1", sha("one")));
    assert!(
        told.contains(&format!("points to {} now", sha("two"))),
        "{told}"
    );
}

#[test]
fn repositories_are_there_or_it_is_told() {
    let pin = format!("@{} # v1", sha("two"));
    let fake = FakeGitHub::start()
        .with("a/b", action().archived())
        .with("new/name", action().renamed_from("old/name"))
        .with("a/secret", action().private());
    let (code, kinds, _) = judged(&fake, &format!("a/b/sub{pin}"));
    assert_eq!((code, kinds), (0, vec!["archived".to_owned()]));
    let (code, kinds, told) = judged(&fake, &format!("old/name{pin}"));
    assert_eq!((code, kinds), (1, vec!["renamed".to_owned()]), "{told}");
    assert!(told.contains("write new/name"), "{told}");
    let (code, kinds, told) = judged(&fake, &format!("nobody/b{pin}"));
    assert_eq!(
        (code, kinds),
        (1, vec!["no-such-repository".to_owned()]),
        "{told}"
    );
    // Whether it is missing or private, nobody says: that is no answer.
    for name in ["a/secret", "a/missing"] {
        let (code, kinds, told) = judged(&fake, &format!("{name}{pin}"));
        assert_eq!((code, kinds.len()), (3, 0), "{told}");
        assert!(
            told.contains("private") && told.contains("GITHUB_TOKEN"),
            "{told}"
        );
    }
}

#[test]
fn what_github_does_not_say_is_exit_code_3_and_the_rest_is_told() {
    let uses = [
        format!("a/b@{} # v1", sha("fork")),
        format!("c/d@{} # v1", sha("two")),
    ];
    for (fault, words) in [
        (Fault::refusal(401, "Bad credentials", &[]), "refused (401)"),
        (
            Fault::refusal(403, "SAML enforcement", &[]),
            "SAML enforcement",
        ),
        (
            Fault::refusal(429, "secondary rate limit", &[("retry-after", "86400")]),
            "1440 minutes",
        ),
        (Fault::refusal(451, CANARY, &[]), "***"),
        (Fault::Answer(200, vec![], format!("\"{CANARY}\"")), "JSON"),
        (
            Fault::Answer(
                302,
                vec![("location", "https://example.com/".to_owned())],
                String::new(),
            ),
            "another host",
        ),
    ] {
        let fake = FakeGitHub::start()
            .with("a/b", action())
            .with("c/d", action())
            .fail("/repos/c/d", 100, fault);
        let folder = folder(&uses);
        let run = finish(
            asks(&fake)
                .env("CI_TOOL_LOG", "trace")
                .args(["pins", "check", "--all", "--online"])
                .current_dir(folder.path()),
        );
        assert_eq!(run.code, 3, "{run:?}");
        assert!(run.stdout.contains("comes from a fork"), "{run:?}");
        assert!(run.stdout.contains("1 not decided"), "{run:?}");
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
        assert!(run.stderr.contains("hint:"), "{run:?}");
        assert!(!format!("{run:?}").contains(CANARY), "{run:?}");
    }
}

#[test]
fn a_wrong_token_and_a_wrong_address_are_told() {
    let folder = folder(&[format!("a/b@{} # v1", sha("two"))]);
    let fake = FakeGitHub::start().with("a/b", action());
    let check = |name: &str, value: &str| {
        let mut command = asks(&fake);
        command
            .env(name, value)
            .args(["pins", "check", "--all", "--online"]);
        let run = finish(command.current_dir(folder.path()));
        assert_eq!(run.code, 3, "{run:?}");
        run.stderr
    };
    assert!(check("GITHUB_TOKEN", "wrong-token").contains("Bad credentials"));
    let odd = check("GITHUB_TOKEN", "line\u{1}feed-canary");
    assert!(
        odd.contains("characters that no token has") && !odd.contains("canary"),
        "{odd}"
    );
    assert!(check("GITHUB_API_URL", "http://github.example").contains("https://"));
}

#[test]
fn without_a_token_public_repositories_are_asked_all_the_same() {
    let folder = folder(&[format!("a/b@{} # v1", sha("two"))]);
    let fake = FakeGitHub::start().with("a/b", action());
    let mut command = command();
    command
        .env("GITHUB_API_URL", &fake.url)
        .args(["pins", "check", "--all", "--online"]);
    assert_eq!(finish(command.current_dir(folder.path())).code, 0);
    assert!(
        fake.exchanges()
            .iter()
            .all(|asked| !asked.headers.contains_key("authorization"))
    );
}

#[test]
fn offline_judges_what_was_generated_and_says_what_it_cannot_see() {
    let folder = sample("fastapi-nextjs");
    assert_eq!(ci_tool(folder.path(), &["generate"]).code, 0);
    write(
        folder.path(),
        ".github/workflows/mine.yml",
        "jobs: {a: {steps: [{uses: a/b@v1}]}}\n",
    );
    write(
        folder.path(),
        "action/action.yml",
        "runs: {using: composite, steps: [{uses: c/d@main}]}\n",
    );
    let ours = ci_tool(folder.path(), &["pins", "check"]);
    assert_eq!(ours.code, 0, "{ours:?}");
    assert!(ours.stderr.contains("--online"), "{ours:?}");
    let all = ci_tool(folder.path(), &["pins", "check", "--all"]);
    assert_eq!(all.code, 1, "{all:?}");
    assert!(
        all.stdout
            .contains(".github/workflows/mine.yml:1:27: problem: a/b@v1: `v1` is a tag"),
        "{all:?}"
    );
    assert!(
        all.stdout
            .contains("action/action.yml:1:41: problem: c/d@main"),
        "{all:?}"
    );
    let list = ci_tool(
        folder.path(),
        &["pins", "list", "--all", "--format", "json"],
    );
    let list: Value = serde_json::from_str(&list.stdout).expect("JSON");
    let uses = list["uses"].as_array().expect("a list");
    let named = |name: &str| {
        uses.iter().find(|found| {
            found["uses"]
                .as_str()
                .is_some_and(|uses| uses.starts_with(name))
        })
    };
    assert_eq!(named("a/b").expect("there")["kind"], "tag");
    let checkout = named("actions/checkout").expect("there");
    assert_eq!(checkout["claim"], checkout["known"]["version"]);
    let text = ci_tool(folder.path(), &["pins", "list"]).stdout;
    assert!(
        text.contains("actions/checkout@") && !text.contains("a/b"),
        "{text}"
    );
}

#[test]
fn the_configuration_decides_what_is_looked_at() {
    let folder = folder(&[
        "a/b@v1".to_owned(),
        "c/d@main".to_owned(),
        "e/f@v1".to_owned(),
    ]);
    write(
        folder.path(),
        ".github/ci-tool.yml",
        "pins:\n  allow: [A/*]\n  ignore: [c/d]\n",
    );
    let run = ci_tool(folder.path(), &["pins", "check", "--all"]);
    assert_eq!(run.code, 1);
    assert!(
        run.stdout.contains("e/f@v1") && run.stdout.contains("2 uses in 1 file: 1 problem"),
        "{run:?}"
    );
    assert!(
        !run.stdout.contains("a/b") && !run.stdout.contains("c/d"),
        "{run:?}"
    );
}

#[test]
fn broken_workflows_are_no_clean_ones() {
    let folder = folder(&[]);
    write(
        folder.path(),
        ".github/workflows/broken.yml",
        "jobs:\n  a: [\n",
    );
    write(
        folder.path(),
        ".github/workflows/other.yml",
        "jobs: {a: {uses: a/b/c.yml@v1}}\n",
    );
    let run = ci_tool(folder.path(), &["pins", "check", "--all"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("broken.yml:"), "{run:?}");
    assert!(
        run.stdout.contains("`v1` is a tag") && run.stdout.contains("1 not decided"),
        "{run:?}"
    );
    write(folder.path(), ".github/workflows/broken.yml", b"\xff");
    let run = ci_tool(folder.path(), &["pins", "list", "--all"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("not UTF-8"), "{run:?}");
}

/// Releases of every age: v1.2.0 is fresh, v1.1.9 was released long ago at a
/// commit of yesterday, v1.1.8 is a pre-release by GitHub's word.
fn releases() -> Repo {
    Repo::default()
        .commit("v1.0.0", &[], 300)
        .commit("v1.1.0", &["v1.0.0"], 200)
        .commit("v1.1.8", &["v1.1.0"], 150)
        .commit("v1.1.9", &["v1.1.8"], 1)
        .commit("v1.2.0", &["v1.1.9"], 90)
        .commit("v2.0.0", &["v1.2.0"], 30)
        .branch("main", "v2.0.0")
        .tag("v1.0.0", "v1.0.0")
        .annotated("v1.1.0", "v1.1.0")
        .tag("v1", "v1.1.0")
        .tag("v1.1.8", "v1.1.8")
        .tag("v1.1.9", "v1.1.9")
        .tag("v1.2.0", "v1.2.0")
        .tag("v2.0.0", "v2.0.0")
        .tag("v2.1.0-rc.1", "v2.0.0")
        .release("v1.1.8", 150, true)
        .release("v1.1.9", 140, false)
        .release("v1.2.0", 2, false)
}

fn updated(uses: &str, arguments: &[&str]) -> (String, Run) {
    let fake = FakeGitHub::start().with("a/b", releases());
    let folder = folder(&[uses.to_owned()]);
    let mut all = vec!["update", "--all"];
    all.extend(arguments);
    let run = run(&fake, folder.path(), &all);
    let text = text(folder.path());
    let line = text.lines().last().expect("a line").trim();
    (line.trim_start_matches("- uses: ").to_owned(), run)
}

#[test]
fn the_newest_release_that_is_old_enough_is_taken() {
    let pin = |tag: &str| format!("a/b@{} # {tag}", sha(tag));
    for (uses, arguments, expected, words) in [
        (
            pin("v1.0.0"),
            &[][..],
            pin("v1.1.0"),
            "v1.2.0 is 2 days old and waits until it is 7",
        ),
        ("a/b@v1.0.0".to_owned(), &[], pin("v1.1.0"), ""),
        (pin("v1.0.0"), &["--cooldown", "2"], pin("v1.2.0"), ""),
        (pin("v1.0.0"), &["--cooldown", "0"], pin("v1.2.0"), ""),
        (pin("v1.0.0"), &["--major"], pin("v2.0.0"), ""),
        (
            pin("v1.0.0"),
            &["--major", "--cooldown", "365"],
            pin("v1.0.0"),
            "30 days old",
        ),
        // Already there: nothing is lowered, and nothing is touched.
        (pin("v2.0.0"), &[], pin("v2.0.0"), "nothing to raise"),
        (pin("v1.1.0"), &[], pin("v1.1.0"), "nothing to raise"),
        (
            format!("a/b@{} # v1", sha("v1.1.0")),
            &[],
            format!("a/b@{} # v1", sha("v1.1.0")),
            "",
        ),
        // A moving tag is pinned to what it runs today, not to something older.
        ("a/b@v1".to_owned(), &[], pin("v1.1.0"), ""),
        (
            "a/b@v1".to_owned(),
            &["--cooldown", "365"],
            pin("v1.1.0"),
            "",
        ),
        // Only the comment is mended.
        (format!("a/b@{}", sha("v2.0.0")), &[], pin("v2.0.0"), ""),
        (
            format!("a/b@{} # v1.1.0", sha("v2.0.0")),
            &[],
            pin("v2.0.0"),
            "",
        ),
        // Left for a person.
        (
            "a/b@main".to_owned(),
            &[],
            "a/b@main".to_owned(),
            "is a branch",
        ),
        (
            format!("a/b@{} # v1", sha("x")),
            &[],
            format!("a/b@{} # v1", sha("x")),
            "no tag of a/b",
        ),
    ] {
        let (line, run) = updated(&uses, arguments);
        assert_eq!(line, expected, "{uses} {arguments:?}: {run:?}");
        assert_eq!(run.code, 0, "{uses}: {run:?}");
        assert!(
            run.stderr.contains(words),
            "{uses} {arguments:?}: {}",
            run.stderr
        );
    }
}

#[test]
fn a_dry_run_shows_and_writes_nothing() {
    let (line, run) = updated("a/b@v1.0.0", &["--dry-run"]);
    assert_eq!(line, "a/b@v1.0.0");
    assert!(run.stdout.contains("-      - uses: a/b@v1.0.0"), "{run:?}");
    assert!(
        run.stdout
            .contains(&format!("+      - uses: a/b@{} # v1.1.0", sha("v1.1.0"))),
        "{run:?}"
    );
    assert_eq!(run.code, 0);
}

#[test]
fn an_update_touches_what_it_was_asked_to_and_settles() {
    let fake = FakeGitHub::start()
        .with("a/b", releases())
        .with("c/d", releases());
    let uses = ["a/b@v1.0.0", "c/d/sub@v1.0.0", "./local", "docker://x:1"].map(str::to_owned);
    let folder = folder(&uses);
    let path = folder.path();
    let crlf = format!("\u{feff}{}", text(path).replace('\n', "\r\n"));
    write(path, WORKFLOW, &crlf);
    let first = run(&fake, path, &["update", "--all", "--only", "C/D"]);
    assert_eq!(first.code, 0, "{first:?}");
    let pin = format!("{} # v1.1.0", sha("v1.1.0"));
    let expected = crlf.replace("c/d/sub@v1.0.0", &format!("c/d/sub@{pin}"));
    assert_eq!(text(path), expected);
    write(
        path,
        ".github/ci-tool.yml",
        "pins: {cooldown-days: 1, allow: [a/b]}\n",
    );
    assert_eq!(run(&fake, path, &["update", "--all"]).code, 0);
    let raised = format!("{} # v1.2.0", sha("v1.2.0"));
    assert_eq!(
        text(path),
        crlf.replace("c/d/sub@v1.0.0", &format!("c/d/sub@{raised}"))
    );
    let again = run(&fake, path, &["update", "--all"]);
    assert!(again.stderr.contains("nothing to raise"), "{again:?}");
    let unused = run(&fake, path, &["update", "--all", "--only", "x/y"]);
    assert_eq!(unused.code, 2, "{unused:?}");
}

#[test]
fn one_action_that_cannot_be_asked_about_does_not_stop_the_others() {
    let fake = FakeGitHub::start()
        .with("a/b", releases())
        .with("c/d", releases())
        .fail(
            "/repos/c/d",
            100,
            Fault::refusal(403, "SAML enforcement", &[]),
        );
    let folder = folder(&["a/b@v1.0.0".to_owned(), "c/d@v1.0.0".to_owned()]);
    let run = run(&fake, folder.path(), &["update", "--all"]);
    assert_eq!(run.code, 3, "{run:?}");
    let text = text(folder.path());
    assert!(text.contains(&format!("a/b@{}", sha("v1.1.0"))), "{text}");
    assert!(text.contains("c/d@v1.0.0"), "{text}");
}

#[test]
fn a_generated_file_is_updated_and_it_is_said_that_it_is_edited() {
    let folder = sample("go-service");
    assert_eq!(
        ci_tool(folder.path(), &["generate", "--only", "backend-ci"]).code,
        0
    );
    let before = std::fs::read_to_string(folder.path().join(".github/workflows/backend-ci.yml"))
        .expect("read");
    let uses = pins::find("x", &before).expect("valid");
    let mut fake = FakeGitHub::start();
    for found in &uses {
        let Some(repository) = found.repository() else {
            continue;
        };
        let commit = repository.reference.text();
        let tag = found.claim().expect("generated with a comment");
        fake = fake.with(
            &repository.slug(),
            Repo::default()
                .known(commit, tag)
                .commit("new", &[], 30)
                .tag("v999.0.0", "new"),
        );
    }
    let run = run(&fake, folder.path(), &["update", "--major"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("counts as edited"), "{run:?}");
    let again = ci_tool(folder.path(), &["pins", "check"]);
    assert_eq!(again.code, 0, "{again:?}");
    let after = std::fs::read_to_string(folder.path().join(".github/workflows/backend-ci.yml"))
        .expect("read");
    assert!(
        after.contains(&format!("actions/checkout@{} # v999.0.0", sha("new"))),
        "{after}"
    );
}

#[test]
fn answers_and_questions_follow_githubs_description() {
    let fake = FakeGitHub::start()
        .with("a/b", action())
        .with("new/name", action().renamed_from("old/name"))
        .with("c/d", releases());
    let pins = [
        format!("a/b@{} # v1", sha("fork")),
        format!("a/b@{} # main", sha("nothing")),
        format!("a/b@{} # v1.1.0", sha("tag:v1.1.0")),
        format!("old/name@{} # nested", sha("two")),
        format!("nobody/x@{} # v1", sha("two")),
        format!("c/d@{} # v1.0.0", sha("v1.0.0")),
    ];
    let folder = folder(&pins);
    run(&fake, folder.path(), &["check", "--all", "--online"]);
    run(&fake, folder.path(), &["update", "--all"]);
    let exchanges = fake.exchanges();
    let lines: String = exchanges
        .iter()
        // The address of a moved repository goes by its number.
        .filter(|asked| !asked.target.starts_with("/repositories/"))
        .map(|asked| {
            let line = serde_json::json!({"target": asked.target, "status": asked.status, "body": asked.body});
            format!("{line}\n")
        })
        .collect();
    for part in [
        "/compare/",
        "/git/ref/heads/main",
        "/git/tags/",
        "/releases/tags/",
        "/users/nobody",
        "/branches",
        "/tags?per_page=100",
    ] {
        assert!(lines.contains(part), "{part} was not asked");
    }
    let told = follow_githubs_description(&lines);
    assert!(told.ends_with(" exchanges\n"), "{told}");
}

#[test]
fn what_passes_is_logged_and_asked_again() {
    let folder = folder(&[format!("a/b@{} # v1", sha("two"))]);
    let fake = FakeGitHub::start().with("a/b", action()).fail(
        "/repos/a/b",
        1,
        Fault::refusal(502, "Bad gateway", &[]),
    );
    let run = run(&fake, folder.path(), &["check", "--all", "--online"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(
        run.stderr.contains("502: Bad gateway; asking again in"),
        "{run:?}"
    );
}

#[test]
fn zizmor_finds_the_same_uses_unpinned() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let pinned = sha("one");
    let text = format!(
        "on: push\npermissions: {{}}\njobs:\n  call:\n    uses: a/b/.github/workflows/x.yml@main\n  a:\n    \
         runs-on: x\n    steps:\n      - uses: a/b@v1\n      - uses: a/b@{pinned} # v1\n      - {{uses: 'a/b/c@v1.2.3'}}\n      \
         - uses: ./local\n      - name: x\n        uses: >-\n          a/b@release/v1\n      - uses: a/b@{}\n      \
         - &again {{uses: a/b@stable}}\n      - run: 'uses: a/b@v1'\n",
        &pinned[..7]
    );
    write(folder.path(), WORKFLOW, text);
    write(
        folder.path(),
        "x/action.yml",
        "name: x\ndescription: x\nruns:\n  using: composite\n  steps:\n    - uses: a/b@v2\n",
    );
    let run = ci_tool(
        folder.path(),
        &["pins", "check", "--all", "--format", "json"],
    );
    let ours: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let ours: BTreeSet<(String, u64)> = ours["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|found| found["kind"] == "unpinned" || found["kind"] == "short-commit")
        .map(|found| {
            (
                found["file"].as_str().expect("a path").to_owned(),
                found["line"].as_u64().expect("a line"),
            )
        })
        .collect();
    let zizmor = Command::new(peers().join("py/bin/zizmor"))
        .args(["--offline", "--no-exit-codes", "--format", "json", "."])
        .current_dir(folder.path())
        .output()
        .expect("zizmor starts");
    let theirs: Value = serde_json::from_slice(&zizmor.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&zizmor.stderr)));
    let theirs: BTreeSet<(String, u64)> = theirs
        .as_array()
        .expect("a list")
        .iter()
        .filter(|found| found["ident"] == "unpinned-uses")
        .flat_map(|found| found["locations"].as_array().expect("a list"))
        .filter(|place| place["symbolic"]["kind"] == "Primary")
        .map(|place| {
            let path = place["symbolic"]["key"]["Local"]["verbatim_path"]
                .as_str()
                .expect("a path");
            let row = place["concrete"]["location"]["start_point"]["row"]
                .as_u64()
                .expect("a row");
            (path.trim_start_matches("./").to_owned(), row + 1)
        })
        .collect();
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), 7);
}

/// Ways to write a step, with the reference at `@@` and the comment at `##`.
const FORMS: [&str; 9] = [
    "- uses: a/b@@##",
    "- name: x # y\n        uses: 'a/b@@'##",
    "- uses: \"a/b/c@@\" ##",
    "- {uses: a/b@@, with: {x: \"é # {\", y: 'it''s'}}##",
    "- {\"uses\": a/b@@}##",
    "- { name: \"x\", uses: a/b@@##\n        }",
    "- uses: &n a/b@@##\n      - uses: *n",
    "- uses:   !!str a/b@@   ##",
    "- run: |\n          uses: a/b@v1 # v1\n      - uses: a/b@@##",
];

proptest! {
    /// Whatever surrounds a use: only its reference and its comment change.
    #[test]
    fn edits_touch_the_reference_and_the_comment_alone(
        forms in prop::collection::vec((0..FORMS.len(), 0..5_usize, any::<bool>()), 1..6),
        crlf in any::<bool>(),
        indent in prop::sample::select(vec!["", "  # é\n", "\n"]),
    ) {
        let comments = ["", " # v1.0.0", " # tag=v1.0.0 # keep", " # keep this", "   # ratchet:a/b@v1"];
        let render = |edit: bool| {
            let steps: String = forms
                .iter()
                .map(|(form, comment, chosen)| {
                    let (old, is_edited) = (comments[*comment], edit && *chosen);
                    let new = match (is_edited, *comment) {
                        (false, _) => old.to_owned(),
                        (true, 0) => " # v2.0.0".to_owned(),
                        (true, 3) => format!("{old} # v2.0.0"),
                        (true, _) => old.replace("v1.0.0", "v2.0.0").replace("@v1", "@v2.0.0"),
                    };
                    let reference = if is_edited { format!("@{}", sha("new")) } else { "@v1".to_owned() };
                    let step = FORMS[*form].replace("@@", &reference);
                    // A blank before the comment's place stays before an added one.
                    let step = if new.is_empty() { step.replace("##", "") } else {
                        let at = step.find("##").expect("a place");
                        let before = step[..at].trim_end();
                        let blank = if old.is_empty() { "" } else { &step[before.len()..at] };
                        let behind = if old.is_empty() { &step[before.len()..at] } else { "" };
                        format!("{before}{blank}{new}{behind}{}", &step[at + 2..])
                    };
                    format!("      {step}\n{indent}")
                })
                .collect();
            let text = format!("on: push # p\njobs:\n  a:\n    steps:\n{steps}  b: {{uses: o/r/w.yml@main}} # main\n");
            if crlf { text.replace('\n', "\r\n") } else { text }
        };
        let before = render(false);
        let uses = pins::find("x.yml", &before).expect("valid");
        prop_assert_eq!(uses.len(), forms.len() + 1);
        let edits: Vec<Edit> = forms
            .iter()
            .enumerate()
            .filter(|(_, (_, _, chosen))| *chosen)
            .map(|(at, _)| Edit { at, commit: sha("new"), tag: "v2.0.0".to_owned() })
            .collect();
        let (after, refused) = pins::apply(&before, &uses, &edits);
        prop_assert!(refused.is_empty(), "{refused:?}");
        prop_assert_eq!(&after, &render(true));
    }
}

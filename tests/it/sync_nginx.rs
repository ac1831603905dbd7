//! The mirror as many people serve one: git's own backend behind nginx, with a password.

use serde_json::Value;

use crate::common::noise;
use crate::common::repositories::{Pair, TOKEN};

fn written(run: &crate::common::Run) -> u64 {
    let value: Value = serde_json::from_str(&run.stdout).expect("JSON");
    value["counts"]["written"].as_u64().expect("a number")
}

#[test]
fn a_mirror_behind_nginx_is_kept_the_same() {
    let mut pair = Pair::new();
    pair.behind_nginx(&["--token", TOKEN]);
    let json = ["--format", "json"];
    pair.source.commit("main", "one", &[]);
    for number in 0..500 {
        let main = pair.source.read("refs/heads/main").expect("there");
        pair.source.set(&format!("refs/tags/v{number}"), &main);
    }
    assert_eq!(written(&pair.synced(&json, 0)), 501);
    assert_eq!(written(&pair.synced(&json, 0)), 0);
    // A commit, a deletion and a rewrite, by this program itself and by git.
    for by_git in [false, true] {
        if by_git {
            let settings = "[http]\n\tuserAgent = git/ours\n";
            std::fs::write(pair.folder.path().join(".gitconfig"), settings).expect("written");
        }
        pair.source.commit("main", "more", &[]);
        pair.source.commit("gone", "x", &[]);
        pair.source.commit("topic", "x", &[]);
        assert_eq!(written(&pair.synced(&json, 0)), 3);
        pair.source.delete("refs/heads/gone");
        pair.source.delete("refs/heads/topic");
        pair.source.commit("topic", "rewritten", &[]);
        assert_eq!(written(&pair.synced(&json, 0)), 2);
        assert_eq!(pair.source.visible(), pair.mirror.visible());
        pair.source.delete("refs/heads/topic");
        pair.synced(&[], 0);
    }
    // A rule of the server.
    pair.mirror
        .hook("pre-receive", "echo 'GitLab: not now' >&2; exit 1");
    pair.source.commit("main", "refused", &[]);
    let run = pair.synced(&[], 1);
    assert!(run.stdout.contains("GitLab: not now"), "{}", run.stdout);
    pair.mirror.git(&["fsck", "--strict", "--no-dangling"]);
}

#[test]
fn what_nginx_refuses_is_told_or_goes_another_way() {
    let mut pair = Pair::new();
    pair.behind_nginx(&["--token", "another-token"]);
    pair.source.commit("main", "one", &[]);
    let run = pair.synced(&[], 3);
    assert!(
        run.stderr.contains("Authentication failed"),
        "{}",
        run.stderr
    );
    // A body that is larger than it takes: 413, and so the history goes in parts.
    pair.behind_nginx(&["--token", TOKEN, "--max-body", "100k"]);
    let work = pair.folder.path().join("large");
    std::fs::create_dir_all(&work).expect("created");
    let git = |arguments: &[&str]| crate::common::git(&work, arguments);
    git(&["init", "--quiet", "-b", "large"]);
    for number in 0..8 {
        std::fs::write(work.join("file"), noise(number, 30_000)).expect("written");
        git(&["add", "."]);
        git(&["commit", "--quiet", "-m", "more"]);
    }
    let url = pair.source.0.to_str().expect("UTF-8").to_owned();
    git(&["push", "--quiet", &url, "large"]);
    let run = pair.synced(&["--format", "json"], 0);
    let value: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert!(
        value["tried"]["pushes"].as_u64().expect("a number") > 3,
        "{value}"
    );
    assert_eq!(pair.source.visible(), pair.mirror.visible());
}

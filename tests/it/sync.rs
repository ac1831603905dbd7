//! `ci-tool sync` through the binary, between two real git servers over HTTP.

use std::process::Command;

use serde_json::Value;
use sha2::Digest as _;

use crate::common::repositories::{Bare, Pair, Server, TOKEN};
use crate::common::{finish, write};

fn json(run: &crate::common::Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stdout))
}

/// `name → action` of what was written.
fn written(value: &Value) -> Vec<(String, String)> {
    let list = value["written"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    list.iter()
        .map(|one| (text(&one["name"]), text(&one["action"])))
        .collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(one, other)| ((*one).to_owned(), (*other).to_owned()))
        .collect()
}

#[test]
fn a_mirror_follows_its_source_and_keeps_what_makes_room() {
    let pair = Pair::new();
    let (source, mirror) = (&pair.source, &pair.mirror);
    source.commit("main", "one", &[]);
    let topic = source.commit("topic", "two", &[]);
    source.commit("old", "three", &[]);
    source.set("refs/tags/v1.0", &topic);
    source.set("refs/pull/1/head", &topic);
    // What is to be pushed is handed to git as configuration.
    source.set("refs/tags/\"a\"#;$(b)=]c", &topic);

    let planned = json(&pair.synced(&["--dry-run", "--format", "json"], 0));
    assert!(mirror.refs("refs").is_empty(), "a dry run writes nothing");
    let first = json(&pair.synced(&["--format", "json"], 0));
    assert_eq!(written(&planned), written(&first));
    assert_eq!(written(&first).len(), 5, "{first}");
    assert_eq!(source.visible(), mirror.visible());
    assert!(mirror.read("refs/pull/1/head").is_none());
    // Nothing has changed: nothing is pushed.
    let second = json(&pair.synced(&["--format", "json"], 0));
    assert_eq!(second["tried"]["pushes"], 0, "{second}");
    assert_eq!(second["tried"]["looks"], 1, "{second}");

    // A commit, a rewrite, a deletion, a new name below an old one.
    let old_topic = source.read("refs/heads/topic").expect("there");
    let old = source.read("refs/heads/old").expect("there");
    source.commit("main", "four", &[]);
    source.delete("refs/heads/topic");
    source.commit("topic", "rewritten", &[]);
    source.delete("refs/heads/old");
    source.commit("old/new", "five", &[]);
    let third = json(&pair.synced(&["--format", "json"], 0));
    // What the server took whole is not asked for again.
    assert_eq!(third["tried"]["looks"], 1, "{third}");
    let mut found = written(&third);
    found.sort();
    assert_eq!(
        found,
        pairs(&[
            ("refs/heads/main", "fast-forward"),
            ("refs/heads/old", "delete"),
            ("refs/heads/old/new", "create"),
            ("refs/heads/topic", "overwrite"),
        ])
    );
    assert_eq!(source.visible(), mirror.visible());
    for (name, oid) in [("heads/topic", old_topic), ("heads/old", old)] {
        let backup = format!("refs/ci-tool/backup/{name}/{oid}");
        assert_eq!(
            mirror.read(&backup).as_deref(),
            Some(oid.as_str()),
            "{third}"
        );
    }
    pair.synced(&["--verify"], 0);
    let file = pair.folder.path().join("metrics/sync.prom");
    pair.synced(&["--metrics", &file.display().to_string()], 0);
    let metrics = std::fs::read_to_string(&file).expect("written");
    let labels = format!("source=\"{}\",mirror=\"{}\"", pair.url(0), pair.url(1));
    for line in [
        "# TYPE ci_tool_sync_refs gauge".to_owned(),
        format!("ci_tool_sync_refs{{{labels},state=\"equal\"}} 5"),
        format!("ci_tool_sync_in_sync{{{labels}}} 1"),
        format!("ci_tool_sync_pushes{{{labels}}} 0"),
    ] {
        assert!(
            metrics.lines().any(|there| there == line),
            "{line}\n{metrics}"
        );
    }
    let last = json(&pair.synced(&["--format", "json"], 0));
    assert_eq!(last["tried"]["pushes"], 0, "{last}");
}

#[test]
fn commits_of_the_mirror_stay_and_the_rest_goes_on() {
    let pair = Pair::new();
    let (source, mirror) = (&pair.source, &pair.mirror);
    for branch in ["ahead", "both", "gone", "main"] {
        source.commit(branch, branch, &[]);
    }
    pair.synced(&[], 0);
    let ahead = mirror.commit("ahead", "of the mirror: ahead", &[]);
    let both = mirror.commit("both", "of the mirror: both", &[]);
    let gone = mirror.commit("gone", "of the mirror: gone", &[]);
    mirror.commit("own", "of the mirror: own", &[]);
    source.commit("both", "of the source: both", &[]);
    source.delete("refs/heads/gone");
    source.commit("main", "goes on", &[]);

    let run = pair.synced(&["--format", "json"], 1);
    let told = json(&run);
    assert_eq!(
        written(&told),
        pairs(&[("refs/heads/main", "fast-forward")])
    );
    let open: Vec<(&str, &str)> = told["open"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            (
                one["name"].as_str().unwrap_or(""),
                one["conflict"].as_str().unwrap_or(""),
            )
        })
        .collect();
    assert_eq!(
        open,
        [
            ("refs/heads/ahead", "mirror-ahead"),
            ("refs/heads/both", "diverged"),
            ("refs/heads/gone", "deleted-at-source"),
        ]
    );
    assert_eq!(told["mirror-only"], serde_json::json!(["refs/heads/own"]));
    let difference = &told["differences"]["refs/heads/both"];
    assert_eq!(difference["source"][0]["subject"], "of the source: both");
    assert_eq!(difference["mirror"][0]["subject"], "of the mirror: both");
    for (name, oid) in [("ahead", &ahead), ("both", &both), ("gone", &gone)] {
        assert_eq!(
            mirror.read(&format!("refs/heads/{name}")).as_ref(),
            Some(oid)
        );
    }
    // Again it is told, and nothing is written.
    let again = json(&pair.synced(&["--format", "json"], 1));
    assert_eq!(again["tried"]["pushes"], 0, "{again}");

    // What it says that a person can do works.
    let text = pair.synced(&[], 1).stdout;
    let commands = |after: &str, purpose: &str| -> Vec<String> {
        let lines = text.lines().skip_while(|line| !line.contains(after));
        lines
            .skip_while(|line| !line.contains(purpose))
            .skip(1)
            .take_while(|line| line.starts_with("        "))
            .map(|line| line.trim().to_owned())
            .collect()
    };
    let person = pair.folder.path().join("person");
    let clone = [
        "clone",
        "--quiet",
        &pair.url(0),
        person.to_str().expect("UTF-8"),
    ];
    crate::common::git(pair.folder.path(), &clone);
    let script = [
        commands("refs/heads/ahead:", "to bring them to the source"),
        commands("refs/heads/both:", "to merge both at the source"),
        commands("refs/heads/gone:", "to bring it back to the source"),
    ]
    .concat()
    .join(" && ");
    let script = script.replace(
        &pair.url(1),
        &pair
            .url(1)
            .replace("http://", &format!("http://oauth2:{TOKEN}@")),
    );
    let done = Command::new("sh")
        .args(["-c", &script])
        .current_dir(&person)
        .env("GIT_AUTHOR_NAME", "p")
        .env("GIT_AUTHOR_EMAIL", "p@example.com")
        .env("GIT_COMMITTER_NAME", "p")
        .env("GIT_COMMITTER_EMAIL", "p@example.com")
        .output()
        .expect("sh starts");
    assert!(
        done.status.success(),
        "{script}\n{}",
        String::from_utf8_lossy(&done.stderr)
    );
    pair.synced(&[], 0);
    pair.synced(&["--exclude", "own", "--verify"], 0);
    assert_eq!(source.read("refs/heads/ahead"), Some(ahead));
    source.git(&["merge-base", "--is-ancestor", &both, "refs/heads/both"]);
}

#[test]
fn what_is_given_up_is_saved() {
    let pair = Pair::new();
    let (source, mirror) = (&pair.source, &pair.mirror);
    source.commit("main", "one", &[]);
    source.commit("release/1", "two", &[]);
    pair.synced(&[], 0);
    let theirs = mirror.commit("release/1", "of the mirror", &[]);
    let theirs_main = mirror.commit("main", "of the mirror", &[]);
    let ours = source.commit("release/1", "of the source", &[]);
    pair.synced(&["--adopt", "heads/release/1"], 1);
    assert_eq!(mirror.read("refs/heads/release/1"), Some(ours));
    let backup = format!("refs/ci-tool/backup/heads/release/1/{theirs}");
    assert_eq!(mirror.read(&backup), Some(theirs));
    // It was said of this branch alone.
    assert_eq!(mirror.read("refs/heads/main"), Some(theirs_main));
}

#[test]
fn a_conflict_is_shown_on_a_branch_or_the_source_wins_by_configuration() {
    let pair = Pair::new();
    let (source, mirror) = (&pair.source, &pair.mirror);
    source.commit("main", "one", &[]);
    pair.synced(&[], 0);
    let theirs = mirror.commit("main", "of the mirror", &[]);
    let ours = source.commit("main", "of the source", &[]);
    pair.configure("  on-conflict: branch\n");
    pair.synced(&[], 1);
    assert_eq!(mirror.read("refs/heads/main"), Some(theirs.clone()));
    assert_eq!(
        mirror.read("refs/heads/sync-conflict/main"),
        Some(ours.clone())
    );
    let again = json(&pair.synced(&["--format", "json"], 1));
    assert_eq!(again["tried"]["pushes"], 0, "{again}");
    pair.configure("  on-conflict: source-wins\n");
    pair.synced(&[], 0);
    assert_eq!(mirror.read("refs/heads/main"), Some(ours));
    let backup = format!("refs/ci-tool/backup/heads/main/{theirs}");
    assert_eq!(mirror.read(&backup), Some(theirs));
}

#[test]
fn tags_stay_what_they_are_unless_they_may_move() {
    let pair = Pair::new();
    let (source, mirror) = (&pair.source, &pair.mirror);
    let one = source.commit("main", "one", &[]);
    source.set("refs/tags/v1", &one);
    source.set("refs/tags/v1.0", &one);
    pair.synced(&[], 0);
    let two = source.commit("main", "two", &[]);
    source.set("refs/tags/v1", &two);
    source.set("refs/tags/v1.0", &two);
    pair.configure("  moving-tags: [v1]\n");
    let told = json(&pair.synced(&["--format", "json"], 1));
    assert_eq!(told["open"][0]["conflict"], "tag-moved", "{told}");
    assert_eq!(mirror.read("refs/tags/v1"), Some(two.clone()));
    assert_eq!(mirror.read("refs/tags/v1.0"), Some(one.clone()));
    // The commands that are printed set it.
    let text = pair.synced(&[], 1).stdout;
    let line = text
        .lines()
        .find(|line| line.contains("git push --force-with-lease=refs/tags/v1.0:"));
    assert!(line.is_some_and(|line| line.contains(&one)), "{text}");
}

#[test]
fn deletions_are_held_where_they_look_like_a_mistake() {
    let pair = Pair::new();
    let (source, mirror) = (&pair.source, &pair.mirror);
    source.commit("main", "one", &[]);
    for number in 0..16 {
        source.commit(&format!("b{number:02}"), "x", &[]);
    }
    pair.synced(&[], 0);
    for number in 0..5 {
        source.delete(&format!("refs/heads/b{number:02}"));
    }
    let told = pair.synced(&[], 1).stdout;
    assert!(told.contains("--prune-limit 5"), "{told}");
    assert_eq!(mirror.refs("refs/heads").len(), 17);
    pair.synced(&["--prune-limit", "0", "--prune-percent", "100"], 1);
    assert_eq!(mirror.refs("refs/heads").len(), 17);
    pair.synced(&["--prune-limit", "5", "--prune-percent", "100"], 0);
    assert_eq!(mirror.refs("refs/heads").len(), 12);
    // Without its default branch a source does not look whole.
    source.commit("trunk", "x", &[]);
    source.git(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    source.delete("refs/heads/main");
    source.delete("refs/heads/b10");
    let told = json(&pair.synced(&["--format", "json"], 1));
    let held: Vec<&str> = told["open"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["held"].as_str().unwrap_or(""))
        .collect();
    assert_eq!(held, ["source-incomplete", "default-branch"], "{told}");
    assert!(mirror.read("refs/heads/main").is_some());
}

#[test]
fn both_ways_bring_commits_to_both_and_lose_none() {
    let pair = Pair::new();
    let (source, mirror) = (&pair.source, &pair.mirror);
    source.commit("main", "one", &[]);
    source.commit("both", "two", &[]);
    pair.synced(&["--direction", "both"], 0);
    let theirs = mirror.commit("main", "of the mirror", &[]);
    let new = mirror.commit("new", "of the mirror", &[]);
    source.commit("topic", "of the source", &[]);
    pair.synced(&["--direction", "both"], 0);
    assert_eq!(source.read("refs/heads/main"), Some(theirs));
    assert_eq!(source.read("refs/heads/new"), Some(new));
    assert_eq!(source.visible(), mirror.visible());
    assert!(
        source.refs("refs/ci-tool").is_empty(),
        "nothing of ours is on the source"
    );
    let again = json(&pair.synced(&["--direction", "both", "--format", "json"], 0));
    assert_eq!(
        again["tried"]["pushes"], 0,
        "a sync that changes nothing triggers nothing"
    );
    // Both changed, and a rewrite on the mirror does not reach the source.
    source.commit("both", "of the source", &[]);
    mirror.commit("both", "of the mirror", &[]);
    let kept = source.read("refs/heads/new").expect("there");
    mirror.delete("refs/heads/new");
    mirror.commit("new", "rewritten", &[]);
    let told = json(&pair.synced(&["--direction", "both", "--format", "json"], 1));
    let conflicts: Vec<&str> = told["open"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["conflict"].as_str().unwrap_or(""))
        .collect();
    assert_eq!(conflicts, ["diverged", "mirror-rewritten"], "{told}");
    assert_eq!(source.read("refs/heads/new"), Some(kept));
}

#[test]
fn pull_writes_to_the_source_alone() {
    let pair = Pair::with(&[], &["--token", TOKEN], &[]);
    pair.mirror.commit("main", "one", &[]);
    write(
        &pair.folder.path().join("work"),
        ".github/ci-tool.yml",
        "sync:\n  source-token: MIRROR_TOKEN\n  direction: pull\n",
    );
    pair.synced(&[], 0);
    assert_eq!(pair.source.visible(), pair.mirror.visible());
    assert!(pair.mirror.refs("refs/ci-tool").is_empty());
    assert_eq!(pair.source.refs("refs/ci-tool").len(), 1);
}

/// As GitLab does: one forbidden ref, and the whole push is refused without its name.
const GITLAB: &str = r#"while read old new name; do
  case "$old" in *[!0]*) ;; *) continue ;; esac
  if [ "$name" = refs/heads/main ] && [ "$(git merge-base "$old" "$new" 2>/dev/null)" != "$old" ]; then
    echo "GitLab: You are not allowed to force push code to a protected branch on this project." >&2
    exit 1
  fi
done"#;

#[test]
fn a_protected_branch_is_named_and_the_others_go_on() {
    let pair = Pair::new();
    let (source, mirror) = (&pair.source, &pair.mirror);
    source.commit("main", "one", &[]);
    for number in 0..5 {
        source.commit(&format!("b{number}"), "x", &[]);
    }
    pair.synced(&[], 0);
    mirror.hook("pre-receive", GITLAB);
    let protected = mirror.read("refs/heads/main");
    source.delete("refs/heads/main");
    source.commit("main", "rewritten", &[]);
    for number in 0..5 {
        source.commit(&format!("b{number}"), "more", &[]);
    }
    let told = json(&pair.synced(&["--format", "json"], 1));
    assert_eq!(written(&told).len(), 5, "{told}");
    let open = &told["open"][0];
    assert_eq!(
        (&open["name"], &open["held"]),
        (&"refs/heads/main".into(), &"refused".into())
    );
    let reason = open["reason"].as_str().expect("a reason");
    assert!(reason.contains("not allowed to force push"), "{reason}");
    assert_eq!(mirror.read("refs/heads/main"), protected);
    for number in 0..5 {
        let name = format!("refs/heads/b{number}");
        assert_eq!(source.read(&name), mirror.read(&name));
    }
    // An update hook names its ref; what it lets through goes on all the same.
    std::fs::remove_file(mirror.0.join("hooks/pre-receive")).expect("removed");
    mirror.hook(
        "update",
        "case $1 in refs/heads/b1|refs/heads/main) echo 'no pushes here' >&2; exit 1 ;; esac",
    );
    for number in 0..5 {
        source.commit(&format!("b{number}"), "still more", &[]);
    }
    let told = json(&pair.synced(&["--format", "json"], 1));
    assert_eq!(written(&told).len(), 4, "{told}");
    assert_eq!(told["counts"]["held"], 2, "{told}");
}

#[test]
fn servers_that_know_less_are_served_all_the_same() {
    for settings in [
        &[("receive.advertiseAtomic", "false")][..],
        &[("receive.hideRefs", "refs/ci-tool")],
        &[
            ("receive.hideRefs", "refs/ci-tool"),
            ("receive.advertiseAtomic", "false"),
        ],
    ] {
        let pair = Pair::new();
        let (source, mirror) = (&pair.source, &pair.mirror);
        for (name, value) in settings {
            mirror.git(&["config", name, value]);
        }
        source.commit("main", "one", &[]);
        source.commit("topic", "two", &[]);
        pair.synced(&[], 0);
        let old = source.read("refs/heads/topic").expect("there");
        source.delete("refs/heads/topic");
        source.commit("topic", "rewritten", &[]);
        source.commit("main", "more", &[]);
        pair.synced(&[], 0);
        assert_eq!(source.visible(), mirror.visible(), "{settings:?}");
        let hidden = match settings[0].0 {
            "receive.hideRefs" => "refs/heads/ci-tool/",
            _ => "refs/ci-tool/",
        };
        let backup = format!("{hidden}backup/heads/topic/{old}");
        assert_eq!(mirror.read(&backup), Some(old), "{settings:?}");
        let again = json(&pair.synced(&["--format", "json"], 0));
        assert_eq!(again["tried"]["pushes"], 0, "{settings:?}: {again}");
    }
}

#[test]
fn objects_may_be_named_by_sha256() {
    let pair = Pair::with(&["--object-format=sha256"], &[], &["--token", TOKEN]);
    pair.source.commit("main", "one", &[]);
    pair.synced(&[], 0);
    pair.source.commit("main", "two", &[]);
    pair.synced(&[], 0);
    assert_eq!(pair.source.visible(), pair.mirror.visible());
}

#[test]
fn what_is_not_whole_or_not_ours_stops_before_any_write() {
    let pair = Pair::new();
    let (source, mirror) = (&pair.source, &pair.mirror);
    let before = |mirror: &Bare| mirror.refs("refs");
    // Nothing at all.
    let run = pair.synced(&[], 3);
    assert!(
        run.stderr.contains("neither branches nor tags"),
        "{}",
        run.stderr
    );
    // A shallow source.
    source.commit("main", "one", &[]);
    source.commit("main", "two", &[]);
    let shallow = pair.folder.path().join("source/shallow.git");
    let from = format!("file://{}", source.0.display());
    let clone = [
        "clone",
        "--quiet",
        "--bare",
        "--depth=1",
        &from,
        shallow.to_str().expect("UTF-8"),
    ];
    crate::common::git(pair.folder.path(), &clone);
    let url = pair.url(0).replace("shop.git", "shallow.git");
    let run = pair.synced(&["--source", &url], 2);
    assert!(
        run.stderr.contains("cannot be used multiple times"),
        "{}",
        run.stderr
    );
    let mut command = crate::common::command();
    let run = finish(
        command
            .current_dir(pair.folder.path().join("work"))
            .env("MIRROR_TOKEN", TOKEN)
            .args(["sync", "--source", &url, "--mirror", &pair.url(1)]),
    );
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("shallow"), "{}", run.stderr);
    assert!(before(mirror).is_empty());
    // Another repository altogether.
    mirror.commit("main", "somebody else's", &[]);
    let stranger = before(mirror);
    let run = pair.synced(&[], 3);
    assert!(run.stderr.contains("nothing in common"), "{}", run.stderr);
    assert_eq!(before(mirror), stranger);
    pair.synced(&["--adopt", "main"], 0);
    assert_eq!(source.visible(), mirror.visible());
    // A record that nobody can read, and one of another source.
    let (name, record) = mirror.refs("refs/ci-tool/sync").remove(0);
    source.commit("main", "three", &[]);
    let main = mirror.read("refs/heads/main").expect("there");
    for (text, told) in [
        ("{", "cannot be understood"),
        ("{\"version\":9}", "version 9"),
        (
            "{\"version\":1,\"source\":\"example.com/x\",\"refs\":{}}",
            "example.com/x",
        ),
    ] {
        let file = pair.folder.path().join("state.json");
        std::fs::write(&file, text).expect("written");
        let blob = mirror.git(&["hash-object", "-w", file.to_str().expect("UTF-8")]);
        let entry = format!("100644 blob {blob}\tstate.json");
        let script = format!("printf '%s\\n' '{entry}' | git mktree");
        let tree = Command::new("sh")
            .args(["-c", &script])
            .current_dir(&mirror.0)
            .output()
            .expect("sh starts");
        let tree = String::from_utf8_lossy(&tree.stdout).trim().to_owned();
        let commit = mirror.git(&["commit-tree", &tree, "-m", "x"]);
        mirror.set(&name, &commit);
        let run = pair.synced(&[], 3);
        assert!(run.stderr.contains(told), "{}", run.stderr);
    }
    mirror.set(&name, &main);
    let run = pair.synced(&[], 3);
    assert!(
        run.stderr.contains("is not one of ci-tool"),
        "{}",
        run.stderr
    );
    assert_eq!(mirror.read("refs/heads/main"), Some(main));
    mirror.set(&name, &record);
    pair.synced(&[], 0);
}

#[test]
fn files_under_lfs_and_pushes_that_are_too_large_are_refused_clearly() {
    let pair = Pair::new();
    let (source, mirror) = (&pair.source, &pair.mirror);
    let work = pair.folder.path().join("lfs");
    std::fs::create_dir_all(&work).expect("created");
    crate::common::git(&work, &["init", "--quiet", "-b", "main"]);
    write(
        &work,
        ".gitattributes",
        "*.psd filter=lfs diff=lfs merge=lfs -text\n",
    );
    crate::common::git(&work, &["add", "."]);
    crate::common::git(&work, &["commit", "--quiet", "-m", "one"]);
    crate::common::git(
        &work,
        &["push", "--quiet", source.0.to_str().expect("UTF-8"), "main"],
    );
    // Without git-lfs, or where that is asked for.
    let mut without = pair.command(&[]);
    let bin = pair.folder.path().join("bin");
    std::fs::create_dir_all(&bin).expect("created");
    for program in ["git", "sh"] {
        let there = Command::new("which").arg(program).output().expect("which");
        let there = String::from_utf8_lossy(&there.stdout).trim().to_owned();
        std::os::unix::fs::symlink(there, bin.join(program)).expect("linked");
    }
    let run = finish(without.env("PATH", &bin));
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("git-lfs.com"), "{}", run.stderr);
    pair.configure("  lfs: refuse\n");
    let run = pair.synced(&[], 3);
    assert!(run.stderr.contains("Git LFS"), "{}", run.stderr);
    // A checkout that has all of it: nothing needs to be fetched.
    let config = pair.folder.path().join("work/.github");
    let copied = Command::new("cp").arg("-r").arg(config).arg(&work).status();
    assert!(copied.expect("cp").success());
    let run = pair.synced(&[work.to_str().expect("UTF-8")], 3);
    assert!(run.stderr.contains("Git LFS"), "{}", run.stderr);
    assert!(mirror.refs("refs").is_empty());
    pair.configure("  lfs: skip\n");
    mirror.git(&["config", "receive.maxInputSize", "100"]);
    let run = pair.synced(&[], 3);
    assert!(
        run.stderr.contains("maximum allowed size"),
        "{}",
        run.stderr
    );
    mirror.git(&["config", "receive.maxInputSize", "0"]);
    pair.synced(&[], 0);
    assert_eq!(source.visible(), mirror.visible());
}

/// A server that takes little at once gets the history in parts; a run that ends between
/// them is gone on with.
#[test]
fn a_first_push_that_is_too_large_goes_in_parts() {
    let pair = Pair::new();
    let (source, mirror) = (&pair.source, &pair.mirror);
    let work = pair.folder.path().join("large");
    std::fs::create_dir_all(&work).expect("created");
    let git = |arguments: &[&str]| crate::common::git(&work, arguments);
    git(&["init", "--quiet", "-b", "main"]);
    let mut seed = 0;
    let mut file = |kilobytes: usize| {
        seed += 1;
        let bytes = crate::common::noise(seed, kilobytes * 1_024);
        std::fs::write(work.join("file"), bytes).expect("written");
        git(&["add", "."]);
        git(&["commit", "--quiet", "-m", "more"]);
    };
    for _ in 0..12 {
        file(50);
    }
    git(&["branch", "topic", "main~4"]);
    let url = source.0.to_str().expect("UTF-8");
    git(&["push", "--quiet", url, "main", "topic"]);
    mirror.git(&["config", "receive.maxInputSize", "200000"]);
    // The third part does not come: the connection breaks, and nobody tries again.
    let count = pair.folder.path().join("count");
    let script = format!(
        "echo x >> '{0}'; [ \"$(wc -l < '{0}')\" != 3 ] || kill -9 $PPID",
        count.display()
    );
    mirror.hook("pre-receive", &script);
    let run = pair.sync(&["--retry-for", "0"]);
    assert_ne!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let parts = mirror.refs("refs/ci-tool/parts");
    assert_eq!(parts.len(), 2, "{parts:?}");
    assert!(mirror.visible().is_empty());
    std::fs::remove_file(mirror.0.join("hooks/pre-receive")).expect("removed");
    let run = pair.synced(&["--format", "json"], 0);
    assert_eq!(source.visible(), mirror.visible());
    assert_eq!(mirror.refs("refs/ci-tool/parts"), []);
    let pushes = json(&run)["tried"]["pushes"].as_u64().expect("a number");
    assert!((3..20).contains(&pushes), "{pushes}");
    mirror.git(&["fsck", "--strict", "--no-dangling"]);
    // A commit that is too large by itself is named.
    file(400);
    git(&["push", "--quiet", url, "main"]);
    let run = pair.synced(&[], 3);
    assert!(
        run.stderr.contains("maximum allowed size"),
        "{}",
        run.stderr
    );
    file(10);
    git(&["push", "--quiet", url, "main"]);
    let run = pair.synced(&[], 3);
    let large = source.git(&["rev-parse", "main~1"]);
    let told = format!("commit {large} alone is too much");
    assert!(run.stderr.contains(&told), "{}", run.stderr);
    assert_eq!(mirror.refs("refs/ci-tool/parts"), []);
}

#[test]
fn files_under_lfs_come_before_what_points_to_them() {
    let has = Command::new("git").args(["lfs", "version"]).output();
    if !has.is_ok_and(|has| has.status.success()) {
        println!(
            "skipped: files_under_lfs_come_before_what_points_to_them: git-lfs is not installed"
        );
        return;
    }
    let pair = Pair::new();
    let (source, mirror) = (&pair.source, &pair.mirror);
    let work = pair.folder.path().join("lfs");
    std::fs::create_dir_all(&work).expect("created");
    let git = |arguments: &[&str]| crate::common::git(&work, arguments);
    git(&["init", "--quiet", "-b", "main"]);
    git(&["lfs", "install", "--local"]);
    write(&work, ".gitattributes", "*.psd filter=lfs -text\n");
    let files = |bare: &Bare| {
        let all = std::fs::read_dir(bare.0.join("files"));
        all.map_or(0, |all| all.count())
    };
    // A commit, with what it points to, as a person pushes both.
    let commit = |text: &str, has_file: bool| {
        write(&work, "a.psd", text);
        git(&["add", "."]);
        git(&["commit", "--quiet", "-m", text]);
        git(&[
            "push",
            "--quiet",
            "--no-verify",
            source.0.to_str().expect("UTF-8"),
            "main",
        ]);
        if has_file {
            let of = |name: &str| source.0.join("files").join(name);
            std::fs::create_dir_all(of("")).expect("created");
            let hash = sha2::Sha256::digest(text);
            let name: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            std::fs::write(of(&name), text).expect("written");
        }
    };
    commit("one", true);
    commit("two", true);
    git(&["tag", "-m", "a tag", "v1"]);
    git(&[
        "push",
        "--quiet",
        "--no-verify",
        source.0.to_str().expect("UTF-8"),
        "v1",
    ]);
    pair.synced(&[], 0);
    assert_eq!(source.visible(), mirror.visible());
    // Those of the history too.
    assert_eq!(files(mirror), 2);
    commit("three", true);
    pair.synced(&[], 0);
    assert_eq!((files(mirror), source.visible()), (3, mirror.visible()));

    // What the source itself does not have is no reason to write pointers to nothing.
    commit("four", false);
    let before = mirror.visible();
    let run = pair.synced(&[], 3);
    assert!(run.stderr.contains("git lfs"), "{}", run.stderr);
    assert_eq!(mirror.visible(), before);
    assert_eq!(files(mirror), 3);
}

#[test]
fn wrong_input_is_told_with_its_mend() {
    let pair = Pair::new();
    let work = pair.folder.path().join("work");
    let run = |arguments: &[&str]| {
        let mut command = crate::common::command();
        finish(command.current_dir(&work).arg("sync").args(arguments))
    };
    let source = pair.url(0);
    for (arguments, told) in [
        (&[][..], "what to sync from"),
        (&["--source", &source], "what to sync to"),
        (
            &["--source", &source, "--mirror", &source],
            "the same repository",
        ),
        (
            &[
                "--source",
                &source,
                "--mirror",
                "https://oauth2:hunter2@gitlab.com/a/b",
            ],
            "holds a password",
        ),
        (
            &["--source", &source, "--mirror", "http://gitlab.com/a/b"],
            "not encrypted",
        ),
        (
            &["--source", &source, "--mirror", "ext::sh -c id"],
            "no address",
        ),
        (
            &[
                "--source",
                &source,
                "--mirror",
                "https://gitlab.com/a/b",
                "--include",
                "a[",
            ],
            "is no glob",
        ),
    ] {
        let run = run(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.stderr);
        assert!(
            run.stderr.contains(told) && run.stderr.contains("hint:"),
            "{}",
            run.stderr
        );
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    }
    for (text, told) in [
        (
            "sync:\n  mirror: https://x:hunter2@h/a\n",
            "holds a password",
        ),
        (
            "sync:\n  mirror-token: glpat-hunter2\n",
            "no name of a variable",
        ),
        ("sync:\n  moving-tags: ['v[']\n", "is no glob"),
        ("sync:\n  prune-percent: 101\n", "prune-percent"),
        ("sync:\n  miror: x\n", "unknown key"),
    ] {
        write(&work, ".github/ci-tool.yml", text);
        let run = run(&[]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(
            run.stderr.contains(told) && run.stderr.contains(".github/ci-tool.yml:2:"),
            "{}",
            run.stderr
        );
    }
    // A token that is promised and not there, a wrong one, no server, no repository.
    write(
        &work,
        ".github/ci-tool.yml",
        "sync:\n  mirror-token: MIRROR_TOKEN\n",
    );
    pair.source.commit("main", "one", &[]);
    let missing = run(&["--source", &source, "--mirror", &pair.url(1)]);
    assert!(
        missing.code == 2 && missing.stderr.contains("MIRROR_TOKEN"),
        "{}",
        missing.stderr
    );
    let wrong = finish(pair.command(&[]).env("MIRROR_TOKEN", "glpat-wrong"));
    assert!(
        wrong.code == 3 && wrong.stderr.contains("Authentication failed"),
        "{}",
        wrong.stderr
    );
    assert!(!wrong.stderr.contains("glpat-wrong"), "{}", wrong.stderr);
    let nowhere = pair.url(1).replace("shop.git", "nowhere.git");
    let mut command = crate::common::command();
    let run = finish(
        command
            .current_dir(&work)
            .env("MIRROR_TOKEN", TOKEN)
            .args(["sync", "--source", &source, "--mirror", &nowhere]),
    );
    assert!(
        run.code == 3 && run.stderr.contains("not found"),
        "{}",
        run.stderr
    );
}

/// Every program that is started is watched: no argument and no variable of any
/// holds the token, and no output does.
#[test]
fn the_token_reaches_nobody_but_the_server() {
    reaches_nobody_but_the_server(true);
    reaches_nobody_but_the_server(false);
}

fn reaches_nobody_but_the_server(by_git: bool) {
    use std::os::unix::fs::PermissionsExt as _;
    let pair = Pair::new();
    if by_git {
        // What somebody has set for HTTP is git's to follow.
        let settings = "[http]\n\tuserAgent = git/ours\n";
        std::fs::write(pair.folder.path().join(".gitconfig"), settings).expect("written");
    }
    pair.source.commit("main", "one", &[]);
    let folder = pair.folder.path().join("bin");
    let log = pair.folder.path().join("log");
    std::fs::create_dir_all(&folder).expect("created");
    let real = Command::new("sh")
        .args(["-c", "command -v git"])
        .output()
        .expect("sh starts");
    let real = String::from_utf8_lossy(&real.stdout).trim().to_owned();
    let script = format!(
        "#!/bin/sh\n{{ echo \"git $*\"; env; }} >>'{}'\nexec '{real}' \"$@\"\n",
        log.display()
    );
    let git = folder.join("git");
    std::fs::write(&git, script).expect("written");
    std::fs::set_permissions(&git, std::fs::Permissions::from_mode(0o755)).expect("set");
    let path = std::env::var("PATH").expect("PATH is set");
    let watched = |arguments: &[&str], code: i32| {
        let mut command = pair.command(arguments);
        command.env("PATH", format!("{}:{path}", folder.display()));
        let run = finish(command.env("GIT_TRACE", "1").env("GIT_CURL_VERBOSE", "1"));
        assert_eq!(run.code, code, "{}{}", run.stdout, run.stderr);
        assert!(!format!("{}{}", run.stdout, run.stderr).contains(TOKEN));
    };
    watched(&["-vv"], 0);
    pair.mirror.commit("main", "of the mirror", &[]);
    pair.source.commit("main", "of the source", &[]);
    watched(&["-vv", "--format", "json"], 1);
    pair.mirror.hook("pre-receive", "echo no >&2; exit 1");
    pair.source.commit("topic", "x", &[]);
    watched(&["-vv"], 1);
    let log = std::fs::read_to_string(log).expect("written");
    assert!(log.contains("merge-base"), "the log is that of git");
    for command in ["push --porcelain", "ls-remote"] {
        assert_eq!(log.contains(command), by_git, "{command}");
    }
    let encoded = "b2F1dGgyOmdscGF0LWNhbmFyeT";
    assert!(
        !log.contains(TOKEN) && !log.contains(encoded),
        "the token is in git's surroundings"
    );
    let kept = walk(pair.folder.path());
    let is_ours = |path: &std::path::Path| path.starts_with(&folder);
    for path in kept.iter().filter(|path| !is_ours(path)) {
        let bytes = std::fs::read(path).unwrap_or_default();
        let found = bytes
            .windows(TOKEN.len())
            .any(|window| window == TOKEN.as_bytes());
        assert!(!found, "{} holds the token", path.display());
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("listed").flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(walk(&path)),
            path => found.push(path),
        }
    }
    found
}

/// ISSUE-11 and ISSUE-12 of the audit: its job fetches and pushes with a lease, each
/// way, and so overwrites what others pushed; ours does not, on the same schedule.
#[test]
fn issue_11_and_12_two_jobs_against_each_other() {
    let history = |pair: &Pair| {
        pair.source.commit("main", "one", &[]);
        pair.mirror.git(&[
            "fetch",
            "--quiet",
            pair.source.0.to_str().expect("UTF-8"),
            "main:main",
        ]);
        let theirs = pair.mirror.commit("main", "of GitLab", &[]);
        let ours = pair.source.commit("main", "of GitHub", &[]);
        (ours, theirs)
    };
    let holds = |bare: &Bare, oid: &str| {
        let names = bare.git(&["for-each-ref", "--contains", oid]);
        !names.is_empty()
    };
    // As the audited repository does it.
    let pair = Pair::with(&[], &[], &[]);
    let (ours, theirs) = history(&pair);
    let job = pair.folder.path().join("job");
    crate::common::git(
        pair.folder.path(),
        &["clone", "--quiet", &pair.url(0), "job"],
    );
    crate::common::git(&job, &["remote", "add", "gitlab", &pair.url(1)]);
    crate::common::git(&job, &["fetch", "--quiet", "gitlab"]);
    crate::common::git(
        &job,
        &["push", "--quiet", "gitlab", "main", "--force-with-lease"],
    );
    assert!(holds(&pair.mirror, &ours));
    assert_eq!(pair.mirror.read("refs/heads/main"), Some(ours));
    let unreachable = pair.mirror.git(&["for-each-ref", "--format=%(objectname)"]);
    assert!(
        !unreachable.contains(&theirs),
        "the shell job has overwritten it"
    );
    // Ours, each way, twice.
    let pair = Pair::new();
    let (ours, theirs) = history(&pair);
    for direction in ["push", "both", "push", "both"] {
        pair.synced(&["--direction", direction], 1);
        assert!(holds(&pair.mirror, &theirs) && holds(&pair.source, &ours));
    }
}

/// ISSUE-13: the audited job has no retry.
#[test]
fn issue_13_a_server_that_stumbles_is_asked_again() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let source = Bare::new(folder.path().join("source/shop.git"), &[]);
    let mirror = Bare::new(folder.path().join("mirror/shop.git"), &[]);
    source.commit("main", "one", &[]);
    let first = Server::start(&folder.path().join("source"), &[]);
    // This seed's first requests go wrong.
    let second = Server::start(
        &folder.path().join("mirror"),
        &["--faults", "7", "--first", "2"],
    );
    let mut command = crate::common::command();
    let run = finish(command.current_dir(folder.path()).args([
        "sync",
        "--format",
        "json",
        "--source",
        &format!("{}/shop.git", first.url),
        "--mirror",
        &format!("{}/shop.git", second.url),
    ]));
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(
        json(&run)["tried"]["retries"].as_u64() >= Some(1),
        "{}",
        run.stdout
    );
    assert!(run.stderr.contains("trying again"), "{}", run.stderr);
    assert_eq!(source.visible(), mirror.visible());
}

#[test]
fn the_action_syncs_and_shows_what_a_person_has_to_look_at() {
    let pair = Pair::new();
    let (source, mirror) = (&pair.source, &pair.mirror);
    source.commit("main", "one", &[]);
    pair.configure(&format!("  source: {}\n", pair.url(0)));
    let act = || {
        let files = tempfile::tempdir().expect("temporary folder");
        let at = |name: &str| files.path().join(name);
        let mut command = crate::common::command();
        let run = finish(
            command
                .current_dir(pair.folder.path().join("work"))
                .env("HOME", pair.folder.path())
                .env("GITHUB_ACTIONS", "true")
                .env("GITHUB_OUTPUT", at("output"))
                .env("GITHUB_STEP_SUMMARY", at("summary"))
                .env("INPUT_COMMAND", "sync")
                .env("INPUT_MIRROR", pair.url(1))
                .env("INPUT_DRY-RUN", "false")
                .env("MIRROR_TOKEN", TOKEN)
                .arg("action"),
        );
        let read = |name: &str| std::fs::read_to_string(at(name)).expect("written");
        (run, read("output"), read("summary"))
    };
    let (run, output, summary) = act();
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(output.contains("changed<<ci-tool-end\ntrue\n"), "{output}");
    assert!(output.contains("result<<ci-tool-end\nyes\n"), "{output}");
    assert!(
        summary.contains("| create | `refs/heads/main` |"),
        "{summary}"
    );
    mirror.commit("main", "of the mirror <b>|", &[]);
    let (run, output, summary) = act();
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(output.contains("result<<ci-tool-end\nno\n"), "{output}");
    assert!(
        run.stdout
            .contains("\n::error::refs/heads/main: the mirror has commits"),
        "{}",
        run.stdout
    );
    assert!(summary.contains("git push"), "{summary}");
    for text in [&run.stdout, &run.stderr, &output, &summary] {
        assert!(!text.contains(TOKEN), "{text}");
    }
}

#[test]
fn two_syncs_at_once_agree() {
    let pair = Pair::new();
    let (source, mirror) = (&pair.source, &pair.mirror);
    for number in 0..4 {
        source.commit(&format!("b{number}"), "x", &[]);
    }
    pair.command(&[]);
    for round in 0..3 {
        for number in 0..4 {
            source.commit(&format!("b{number}"), &format!("round {round}"), &[]);
        }
        std::thread::scope(|scope| {
            let syncs: Vec<_> = (0..3)
                .map(|_| scope.spawn(|| pair.synced(&[], 0)))
                .collect();
            for sync in syncs {
                sync.join().expect("it ended well");
            }
        });
        assert_eq!(source.visible(), mirror.visible());
    }
}

#[test]
fn what_takes_long_is_told_on_a_terminal() {
    let pair = Pair::new();
    pair.source.commit("main", "one", &[]);
    pair.mirror.hook("pre-receive", "sleep 1");
    let sync = pair.command(&[]);
    let mut terminal = Command::new("python3");
    terminal
        .args(["-c", "import pty, sys; pty.spawn(sys.argv[1:])"])
        .arg(sync.get_program())
        .args(sync.get_args())
        .current_dir(sync.get_current_dir().expect("a folder"))
        .env_remove("NO_COLOR")
        .env("TERM", "xterm-256color")
        .stdin(std::process::Stdio::null());
    for (name, value) in sync.get_envs() {
        if let Some(value) = value {
            terminal.env(name, value);
        }
    }
    let shown = terminal.output().expect("python3 starts");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(pair.mirror.read("refs/heads/main").is_some(), "{shown}");
    // Over itself, and gone at the end.
    assert!(
        shown.contains("\r\u{1b}[2Kpushing 1 ref to the mirror 0 s"),
        "{shown:?}"
    );
    let last = shown.rfind("pushing").expect("told");
    assert!(shown[last..].contains("\r\u{1b}[2K"), "{shown:?}");
    // A log is no terminal.
    pair.source.commit("main", "two", &[]);
    let run = pair.synced(&[], 0);
    assert!(!run.stderr.contains("pushing"), "{}", run.stderr);
}

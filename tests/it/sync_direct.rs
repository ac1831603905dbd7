//! What is done without git over HTTP is what git does: the same questions to the same
//! servers, asked both ways.

use std::collections::BTreeMap;

use ci_tool::mirror::transport::{How, Pushed, Refusal, Update};
use ci_tool::mirror::{Address, Endpoint, Git, Oid, Problem, Side, Transport as _, Trouble};
use ci_tool::sys::env::Env;

use crate::common::repositories::{Bare, Pair};

const RECORD: &str = "refs/ci-tool/sync/x";

/// Both sides, asked without git where that goes, or by git alone.
fn sides(pair: &Pair, path: &str, by_git: bool) -> Git {
    let env = Env::from_pairs([("PATH", &*std::env::var("PATH").expect("PATH is set"))]);
    let [source, mirror] = [0, 1].map(|at| Endpoint {
        address: Address::new(&format!("{}{path}/shop.git", pair.servers[at].url))
            .expect("an address"),
        credential: None,
    });
    let git = Git::new(source, mirror, &env, 1_000).expect("git is there");
    if by_git { git.by_git_alone() } else { git }
}

fn oid(text: &str) -> Oid {
    Oid::new(text).expect("an id")
}

fn update(name: &str, old: Option<&str>, new: Option<&str>) -> Update {
    Update {
        name: name.to_owned(),
        old: old.map(oid),
        new: new.map(oid),
    }
}

const ATOMIC: How<'_> = How {
    atomic: true,
    options: &[],
};

const SINGLE: How<'_> = How {
    atomic: false,
    options: &[],
};

/// A repository of three commits on `main`, the first of which the mirror has.
fn pair(mirror: &[&str]) -> (Pair, [String; 3]) {
    let pair = Pair::with(&[], &[], mirror);
    let commits = ["one", "two", "three"].map(|message| pair.source.commit("main", message, &[]));
    let source = pair.source.0.to_str().expect("UTF-8").to_owned();
    pair.mirror.git(&[
        "fetch",
        "--quiet",
        &source,
        &format!("{}:refs/heads/main", commits[0]),
    ]);
    (pair, commits)
}

/// What is kept here of the source, so that it can be pushed.
fn fetched(git: &Git) {
    let listing = git.list(Side::Source).expect("a listing");
    let names: Vec<&str> = listing.refs.keys().map(String::as_str).collect();
    git.fetch(Side::Source, &names).expect("fetched");
}

type Scene = fn(&Pair, &[String; 3], &Git) -> Result<Pushed, Problem>;

/// Plays a scene by git and without it, each with repositories of their own: what was
/// refused, and what the mirror has then.
fn both(prepare: fn(&Bare), scene: Scene) -> BTreeMap<String, Refusal> {
    let [one, other] = [true, false].map(|by_git| {
        let (pair, commits) = pair(&[]);
        prepare(&pair.mirror);
        let git = sides(&pair, "", by_git);
        git.list(Side::Mirror).expect("a listing");
        fetched(&git);
        let pushed = scene(&pair, &commits, &git);
        let told = pushed.map_err(|problem| problem.trouble);
        pair.mirror
            .git(&["fsck", "--connectivity-only", "--no-dangling"]);
        let names: Vec<String> = pair
            .mirror
            .refs("refs")
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let main = pair.mirror.read("refs/heads/main").map(|oid| {
            let at = commits.iter().position(|known| *known == oid);
            at.map_or_else(
                || pair.mirror.git(&["log", "-1", "--format=%s", &oid]),
                |at| at.to_string(),
            )
        });
        (told, names, main)
    });
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
    other.0.expect("an answer").refused
}

#[test]
fn lists_and_records_are_the_same() {
    let (pair, commits) = pair(&[]);
    pair.mirror.set("refs/pull/1/head", &commits[0]);
    pair.mirror
        .git(&["tag", "-a", "-m", "a tag", "v1", &commits[0]]);
    let [by_git, direct] = [true, false].map(|by_git| sides(&pair, "", by_git));
    let text = format!("{{\"a\":\"{}\"}}", "0123456789abcdef".repeat(4_000));
    let record = by_git.keep_state(text.as_bytes()).expect("kept");
    assert_eq!(direct.keep_state(text.as_bytes()).expect("kept"), record);
    direct.list(Side::Mirror).expect("a listing");
    let pushed = direct.push(
        Side::Mirror,
        &[update(RECORD, None, Some(record.as_str()))],
        ATOMIC,
    );
    assert!(pushed.expect("pushed").refused.is_empty());
    for side in [Side::Source, Side::Mirror] {
        let lists = [&by_git, &direct].map(|git| git.list(side).expect("a listing"));
        assert_eq!(lists[0], lists[1], "{side:?}");
        assert!(!lists[1].refs.is_empty());
    }
    for git in [&by_git, &direct] {
        let (oid, bytes) = git.read_state(RECORD).expect("a record");
        assert_eq!((oid, bytes.as_slice()), (record.clone(), text.as_bytes()));
    }
}

#[test]
fn what_is_new_is_brought_and_nothing_else_is_touched() {
    let refused = both(
        |_| {},
        |_, commits, git| {
            let record = git.keep_state(b"{}")?;
            let updates = [
                update("refs/heads/main", Some(&commits[0]), Some(&commits[2])),
                update("refs/heads/new", None, Some(&commits[1])),
                update(RECORD, None, Some(record.as_str())),
            ];
            git.push(Side::Mirror, &updates, ATOMIC)?;
            // And back, deleting one.
            let next = git.keep_state(b"{\"next\":1}")?;
            let updates = [
                update("refs/heads/new", Some(&commits[1]), None),
                update(RECORD, Some(record.as_str()), Some(next.as_str())),
            ];
            git.push(Side::Mirror, &updates, ATOMIC)
        },
    );
    assert!(refused.is_empty());
}

#[test]
fn what_somebody_pushed_meanwhile_is_never_written_over() {
    for how in [ATOMIC, SINGLE] {
        for (old, name) in [(true, "refs/heads/main"), (false, "refs/heads/topic")] {
            let (pair, commits) = pair(&[]);
            let git = sides(&pair, "", false);
            git.list(Side::Mirror).expect("a listing");
            fetched(&git);
            let theirs = pair
                .mirror
                .commit(&name["refs/heads/".len()..], "of somebody", &[]);
            let old = old.then_some(commits[0].as_str());
            let updates = [
                update(name, old, Some(&commits[2])),
                update("refs/heads/free", None, Some(&commits[1])),
            ];
            let pushed = git.push(Side::Mirror, &updates, how).expect("an answer");
            assert_eq!(pushed.refused.get(name), Some(&Refusal::Moved), "{how:?}");
            assert_eq!(pair.mirror.read(name), Some(theirs));
            let is_written = pair.mirror.read("refs/heads/free").is_some();
            assert_eq!(
                is_written, !how.atomic,
                "all or nothing only where it is asked for"
            );
        }
    }
    let refused = both(
        |mirror| {
            mirror.commit("main", "of somebody", &[]);
        },
        |_, commits, git| {
            let updates = [
                update("refs/heads/main", Some(&commits[0]), Some(&commits[2])),
                update("refs/heads/free", None, Some(&commits[1])),
            ];
            git.push(Side::Mirror, &updates, ATOMIC)
        },
    );
    assert_eq!(refused.len(), 2);
}

#[test]
fn rules_of_the_server_are_told_alike() {
    let push: Scene = |_, commits, git| {
        let updates = [
            update("refs/heads/main", Some(&commits[0]), Some(&commits[2])),
            update("refs/heads/new", None, Some(&commits[1])),
        ];
        git.push(Side::Mirror, &updates, ATOMIC)
    };
    let single: Scene = |_, commits, git| {
        let updates = [
            update("refs/heads/main", Some(&commits[0]), Some(&commits[2])),
            update("refs/heads/new", None, Some(&commits[1])),
        ];
        git.push(Side::Mirror, &updates, SINGLE)
    };
    let rule = |refused: &BTreeMap<String, Refusal>, name: &str| match &refused[name] {
        Refusal::Rule(reason) => reason.clone(),
        other => panic!("{other:?}"),
    };
    let as_a_whole =
        |mirror: &Bare| mirror.hook("pre-receive", "echo 'GitLab: no, thanks' >&2; exit 1");
    let refused = both(as_a_whole, push);
    assert!(rule(&refused, "refs/heads/main").contains("GitLab: no, thanks"));
    let one = |mirror: &Bare| {
        mirror.hook(
            "update",
            "[ \"$1\" != refs/heads/main ] || { echo 'not main' >&2; exit 1; }",
        )
    };
    let refused = both(one, single);
    assert_eq!(refused.len(), 1);
    assert!(rule(&refused, "refs/heads/main").contains("not main"));
    both(one, push);
}

#[test]
fn what_a_server_cannot_do_or_take_is_told_as_git_tells_it() {
    for (prepare, how, trouble) in [
        (
            (|mirror: &Bare| {
                mirror.git(&["config", "receive.advertiseAtomic", "false"]);
            }) as fn(&Bare),
            ATOMIC,
            Trouble::NotAtomic,
        ),
        (
            |mirror| {
                mirror.git(&["config", "receive.maxInputSize", "1"]);
            },
            ATOMIC,
            Trouble::Size,
        ),
    ] {
        let [one, other] = [true, false].map(|by_git| {
            let (pair, commits) = pair(&[]);
            prepare(&pair.mirror);
            let git = sides(&pair, "", by_git);
            fetched(&git);
            let updates = [update(
                "refs/heads/main",
                Some(&commits[0]),
                Some(&commits[2]),
            )];
            let problem = git.push(Side::Mirror, &updates, how).expect_err("refused");
            assert_eq!(
                pair.mirror.read("refs/heads/main").as_ref(),
                Some(&commits[0])
            );
            problem.trouble
        });
        assert_eq!((one, other), (trouble, trouble));
    }
}

/// A server that speaks an older protocol, or sends elsewhere, is git's to speak to.
#[test]
fn what_is_not_plain_is_left_to_git() {
    for (server, path) in [("--old", ""), ("--moved", "/old")] {
        let (pair, commits) = pair(&[server]);
        // The source is plain, but has another path.
        let git = {
            let env = Env::from_pairs([("PATH", &*std::env::var("PATH").expect("PATH is set"))]);
            let end = |at: usize, path: &str| Endpoint {
                address: Address::new(&format!("{}{path}/shop.git", pair.servers[at].url))
                    .expect("an address"),
                credential: None,
            };
            Git::new(end(0, ""), end(1, path), &env, 1_000).expect("git is there")
        };
        fetched(&git);
        let listing = git.list(Side::Mirror).expect("a listing");
        assert_eq!(listing.refs.len(), 1, "{server}");
        assert_eq!(listing.default_branch.as_deref(), Some("refs/heads/main"));
        let record = git.keep_state(b"{}").expect("kept");
        let updates = [
            update("refs/heads/main", Some(&commits[0]), Some(&commits[2])),
            update(RECORD, None, Some(record.as_str())),
        ];
        let pushed = git.push(Side::Mirror, &updates, ATOMIC).expect("pushed");
        assert!(pushed.refused.is_empty());
        assert_eq!(
            pair.mirror.read("refs/heads/main").as_ref(),
            Some(&commits[2])
        );
        git.list(Side::Mirror).expect("a listing");
        assert_eq!(git.read_state(RECORD).expect("a record").1, b"{}");
    }
}

#[test]
fn how_much_went_over_the_network_is_known_both_ways() {
    for by_git in [false, true] {
        let pair = Pair::with(&[], &[], &[]);
        let work = pair.folder.path().join("large");
        std::fs::create_dir_all(&work).expect("created");
        let git = |arguments: &[&str]| crate::common::git(&work, arguments);
        git(&["init", "--quiet", "-b", "main"]);
        std::fs::write(work.join("file"), crate::common::noise(7, 100_000)).expect("written");
        git(&["add", "."]);
        git(&["commit", "--quiet", "-m", "large"]);
        let url = pair.source.0.to_str().expect("UTF-8").to_owned();
        git(&["push", "--quiet", &url, "main"]);
        let git = sides(&pair, "", by_git);
        git.list(Side::Mirror).expect("a listing");
        fetched(&git);
        let before = git.traffic();
        assert!(
            (100_000..125_000).contains(&before.received),
            "{by_git}: {before:?}"
        );
        let main = pair.source.read("refs/heads/main").expect("there");
        let updates = [update("refs/heads/main", None, Some(&main))];
        git.push(Side::Mirror, &updates, ATOMIC).expect("pushed");
        let sent = git.traffic().sent - before.sent;
        assert!((100_000..105_000).contains(&sent), "{by_git}: {sent}");
    }
}

//! Random histories of two real repositories, kept the same by real git, with people who push
//! while a sync runs, servers with rules, and runs that break and die; what must hold of all of
//! them. `src/mirror/model.rs` is the same with repositories in memory, and many more of them.
//!
//! `CI_TOOL_HISTORIES=5000` takes so many, and `CI_TOOL_FIRST_HISTORY=17` begins with that one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use ci_tool::mirror::decide::Ways;
use ci_tool::mirror::refs::{Globs, Refs};
use ci_tool::mirror::transport::{How, Listing, Pushed, Subject, Update};
use ci_tool::mirror::{
    Address, Decision, Endpoint, Git, Oid, OnConflict, Outcome, Policy, Problem, Settings, Side,
    Transport, Trouble, run,
};
use ci_tool::sys::env::Env;

use crate::common::repositories::{Bare, Server};
use crate::sync_faults;

const NAMES: [&str; 6] = [
    "refs/heads/main",
    "refs/heads/topic",
    "refs/heads/a",
    "refs/heads/a/b",
    "refs/tags/v1",
    "refs/tags/v2.0",
];

/// A small generator of numbers; the same seed gives the same ones.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).expect("small")
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.roll(n) == 0
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Weather {
    Fair,
    /// Connections break, before or after the server has written.
    Breaks,
    /// The run dies, before or after the server has written.
    Crashes,
    /// Somebody pushes between our look and our push, and connections break.
    People,
}

/// Both repositories, and who writes to them.
struct World {
    source: Bare,
    mirror: Bare,
    dice: Dice,
    weather: Weather,
    commits: usize,
    lost: Vec<String>,
    wrote_source: bool,
}

impl World {
    /// All commits that some ref of either side reaches, without the records of syncs.
    fn reachable(&self) -> BTreeSet<String> {
        let of = |bare: &Bare| bare.git(&["log", "--all", "--format=%H %s"]);
        let text = format!("{}\n{}", of(&self.source), of(&self.mirror));
        let commits = text.lines().filter_map(|line| line.split_once(' '));
        commits
            .filter(|(_, subject)| *subject != "What ci-tool sync brought")
            .map(|(commit, _)| commit.to_owned())
            .collect()
    }

    /// Somebody does something on a side.
    fn person(&mut self, side: Side) {
        let name = NAMES[self.dice.roll(NAMES.len())];
        let action = self.dice.roll(10);
        let pick = self.dice.roll(1_000);
        self.commits += 1;
        let message = format!("commit {}", self.commits);
        let (bare, other) = match side {
            Side::Source => (self.source.clone(), &self.mirror),
            Side::Mirror => (self.mirror.clone(), &self.source),
        };
        let refs = bare.refs("refs");
        let there = refs.iter().find(|(known, _)| known == name);
        let below = format!("{name}/");
        let clashes = refs
            .iter()
            .any(|(known, _)| known.starts_with(&below) || name.starts_with(&format!("{known}/")));
        let branch = name.strip_prefix("refs/heads/").filter(|_| !clashes);
        let any = || {
            let all = bare.git(&["log", "--branches", "--tags", "--format=%H"]);
            let all: Vec<&str> = all.lines().collect();
            (!all.is_empty()).then(|| all[pick % all.len()].to_owned())
        };
        match (action, branch, there) {
            (0..=4, Some(branch), Some(_)) => {
                bare.commit(branch, &message, &[]);
            }
            (0..=4, Some(branch), None) => {
                let parents = any();
                bare.commit(
                    branch,
                    &message,
                    &parents.as_deref().into_iter().collect::<Vec<_>>(),
                );
            }
            // Somebody merges what the other side has.
            (5, Some(branch), Some((_, own))) => {
                let theirs = other.refs("refs/heads");
                if let Some((theirs, _)) = theirs.get(pick % theirs.len().max(1)) {
                    let from = other.0.display().to_string();
                    bare.git(&["fetch", "--quiet", "--no-tags", &from, theirs]);
                    let theirs = bare.read("FETCH_HEAD").expect("fetched");
                    bare.commit(branch, &message, &[own, &theirs]);
                }
            }
            // Somebody pushes with force, or moves a tag.
            (6 | 7, _, _) if !clashes => {
                if let Some(any) = any() {
                    bare.set(name, &any);
                }
            }
            (8, _, Some(_)) => bare.delete(name),
            // Somebody renames a branch.
            (9, Some(_), Some((_, own))) => {
                bare.delete(name);
                bare.set("refs/heads/renamed", own);
            }
            _ => {}
        }
        if self.source.refs("refs/heads").is_empty() {
            self.source.commit("main", &message, &[]);
        }
    }
}

/// Real git, in any weather.
struct Rough {
    git: Git,
    world: Mutex<World>,
}

impl Rough {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("one thread")
    }

    /// Breaks one time in `often`, unless the weather is fair.
    fn breaks(&self, often: usize) -> Result<(), Problem> {
        let mut world = self.world();
        let weather = world.weather;
        if weather == Weather::Fair || !world.dice.one_in(often) {
            return Ok(());
        }
        Err(match weather {
            Weather::Crashes => Problem::new(Trouble::Other, "it died"),
            _ => Problem::new(Trouble::Passing, "connection reset"),
        })
    }

    fn people(&self, often: usize) {
        let mut world = self.world();
        if world.weather == Weather::People && world.dice.one_in(often) {
            let side = [Side::Source, Side::Mirror][world.dice.roll(2)];
            world.person(side);
        }
    }
}

impl Transport for Rough {
    fn list(&self, side: Side) -> Result<Listing, Problem> {
        self.breaks(12)?;
        self.git.list(side)
    }

    fn fetch(&self, side: Side, names: &[&str]) -> Result<Refs, Problem> {
        self.people(4);
        self.git.fetch(side, names)
    }

    fn has(&self, objects: &[&Oid]) -> Result<Vec<bool>, Problem> {
        self.git.has(objects)
    }

    fn is_ancestor(&self, ancestor: &Oid, descendant: &Oid) -> Result<bool, Problem> {
        self.git.is_ancestor(ancestor, descendant)
    }

    fn is_related(&self, one: &Oid, other: &Oid) -> Result<bool, Problem> {
        self.git.is_related(one, other)
    }

    fn commits(&self, of: &Oid, without: &Oid) -> Result<(usize, Vec<Subject>), Problem> {
        self.git.commits(of, without)
    }

    fn history(&self, of: &[&Oid], without: &[&Oid]) -> Result<Vec<Oid>, Problem> {
        self.git.history(of, without)
    }

    fn read_state(&self, name: &str) -> Result<(Oid, Vec<u8>), Problem> {
        self.git.read_state(name)
    }

    fn keep_state(&self, state: &[u8]) -> Result<Oid, Problem> {
        self.git.keep_state(state)
    }

    fn push(&self, side: Side, updates: &[Update], how: How<'_>) -> Result<Pushed, Problem> {
        self.people(3);
        self.breaks(8)?;
        let before = self.world().reachable();
        let pushed = self.git.push(side, updates, how);
        {
            let mut world = self.world();
            world.wrote_source |= side == Side::Source;
            let after = world.reachable();
            for commit in before.difference(&after) {
                let text = format!("{commit} by {updates:?} to {side:?}: {pushed:?}");
                world.lost.push(text);
            }
        }
        self.breaks(8)?;
        pushed
    }
}

fn settings(source: &Address, dice: &mut Dice) -> Settings {
    let moving: &[String] = &if dice.one_in(2) {
        vec!["v1".to_owned()]
    } else {
        Vec::new()
    };
    let base = sync_faults::settings(source);
    Settings {
        policy: Policy {
            ways: [Ways::One, Ways::Two][dice.roll(2)],
            on_conflict: [OnConflict::Keep, OnConflict::Branch, OnConflict::SourceWins]
                [dice.roll(3)],
            moving_tags: Globs::new(moving).expect("globs"),
            follow_rewrites: !dice.one_in(4),
            prune_limit: [0, 1, 10][dice.roll(3)],
            ..base.policy
        },
        retries: 30,
        pause: Duration::from_nanos(1),
        ..base
    }
}

/// A sync of its own, as the next job would begin it.
fn sync(
    world: World,
    addresses: &[Address; 2],
    settings: &Settings,
) -> (World, Result<Outcome, Problem>) {
    let env = Env::from_pairs([("PATH", &*std::env::var("PATH").expect("PATH is set"))]);
    let [source, mirror] = addresses.clone().map(|address| Endpoint {
        address,
        credential: None,
    });
    let git = Git::new(source, mirror, &env, settings.now).expect("git is there");
    let rough = Rough {
        git,
        world: Mutex::new(world),
    };
    let outcome = run(&rough, settings);
    (rough.world.into_inner().expect("one thread"), outcome)
}

/// What is told differs, and only that.
fn check(world: &World, outcome: &Outcome, told: &str) {
    let refs = |bare: &Bare| -> BTreeMap<String, String> {
        let all = bare
            .refs("refs/heads")
            .into_iter()
            .chain(bare.refs("refs/tags"));
        let ours = ["refs/heads/ci-tool/", "refs/heads/sync-conflict/"];
        all.filter(|(name, _)| !ours.iter().any(|prefix| name.starts_with(prefix)))
            .collect()
    };
    let (source, mirror) = (refs(&world.source), refs(&world.mirror));
    let open: BTreeSet<&str> = outcome
        .plan
        .refs
        .iter()
        .filter(|planned| planned.is_open() || planned.decision == Decision::MirrorOnly)
        .map(|planned| planned.name.as_str())
        .collect();
    for name in source.keys().chain(mirror.keys()) {
        let (here, there) = (source.get(name), mirror.get(name));
        assert_eq!(
            here != there,
            open.contains(&**name),
            "{told}: {name} is told wrongly: {here:?} {there:?}"
        );
    }
}

/// How the two repositories are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// As folders, by git alone.
    Files,
    /// As a forge serves them; what is plain is done without git.
    Http,
}

/// One history; whether it came to its end.
fn history(seed: u64, over: Over) -> bool {
    let folder = tempfile::tempdir().expect("temporary folder");
    let [source, mirror] =
        ["source", "mirror"].map(|name| Bare::new(folder.path().join(name).join("shop.git"), &[]));
    let parent = |bare: &Bare| bare.0.parent().expect("it has one").to_owned();
    let servers = [&source, &mirror].map(|bare| match over {
        Over::Files => None,
        Over::Http => Some(Server::start(&parent(bare), &[])),
    });
    let addresses = [(&source, &servers[0]), (&mirror, &servers[1])].map(|(bare, server)| {
        let url = match server {
            None => format!("file://{}", bare.0.display()),
            Some(server) => format!("{}/shop.git", server.url),
        };
        Address::new(&url).expect("an address")
    });
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    for _ in 0..8 {
        dice.roll(2);
    }
    let server = [dice.one_in(4), dice.one_in(5), dice.one_in(4)];
    if server[0] {
        mirror.git(&["config", "receive.advertiseAtomic", "false"]);
    }
    if server[1] {
        mirror.git(&["config", "receive.hideRefs", "refs/ci-tool"]);
    }
    if server[2] {
        // As GitLab answers for a protected branch.
        mirror.hook("update", "[ \"$1\" = refs/heads/main ] || exit 0\nif [ \"$3\" = 0000000000000000000000000000000000000000 ] || ! git merge-base --is-ancestor \"$2\" \"$3\" 2> /dev/null && [ \"$2\" != 0000000000000000000000000000000000000000 ]; then\n  echo 'GitLab: You are not allowed to force push code to a protected branch on this project.' >&2\n  exit 1\nfi");
    }
    source.commit("main", "first", &[]);
    let settings = settings(&addresses[0], &mut dice);
    let told = format!(
        "seed {seed}, {over:?}, {server:?}, {:?}, {:?}",
        settings.policy.ways, settings.policy.on_conflict
    );
    let mut world = World {
        source,
        mirror,
        dice,
        weather: Weather::Fair,
        commits: 0,
        lost: Vec::new(),
        wrote_source: false,
    };
    let mut outcome;
    (world, outcome) = sync(world, &addresses, &settings);
    outcome.unwrap_or_else(|problem| panic!("{told}: {problem}"));
    for _ in 0..4 {
        for _ in 0..world.dice.roll(5) {
            let side = if world.dice.one_in(3) {
                Side::Mirror
            } else {
                Side::Source
            };
            world.person(side);
        }
        let all = [
            Weather::Fair,
            Weather::Breaks,
            Weather::Crashes,
            Weather::People,
        ];
        world.weather = all[world.dice.roll(4)];
        // It may fail in bad weather; it may lose nothing.
        (world, _) = sync(world, &addresses, &settings);
        assert!(world.lost.is_empty(), "{told}: lost {:?}", world.lost);
    }
    world.weather = Weather::Fair;
    (world, outcome) = sync(world, &addresses, &settings);
    if let Err(problem) = &outcome {
        // What is no mistake of ours and a person has to see.
        assert_eq!(problem.trouble, Trouble::Incomplete, "{told}: {problem}");
        return false;
    }
    (world, outcome) = sync(world, &addresses, &settings);
    let outcome = outcome.unwrap_or_else(|problem| panic!("{told}: {problem}"));
    assert!(world.lost.is_empty(), "{told}: lost {:?}", world.lost);
    assert!(
        settings.policy.ways == Ways::Two || !world.wrote_source,
        "{told}: the source was written"
    );
    check(&world, &outcome, &told);
    // Nothing changed, and so nothing is written.
    let before = world.mirror.refs("refs");
    let again;
    (world, again) = sync(world, &addresses, &settings);
    let again = again.unwrap_or_else(|problem| panic!("{told}: {problem}"));
    assert!(again.written.is_empty(), "{told}: {:?}", again.written);
    assert_eq!(before, world.mirror.refs("refs"), "{told}");
    world
        .mirror
        .git(&["fsck", "--connectivity-only", "--no-dangling"]);
    true
}

#[test]
fn no_history_of_real_repositories_loses_a_commit() {
    let number = |name: &str, or: u64| {
        let given = std::env::var(name).ok();
        given.map_or(or, |text| text.parse().expect("a number"))
    };
    let first = number("CI_TOOL_FIRST_HISTORY", 1);
    let count = number("CI_TOOL_HISTORIES", 40);
    let is_all_http = std::env::var_os("CI_TOOL_HISTORIES_OVER_HTTP").is_some();
    let seeds = Mutex::new(first..first + count);
    let next = || seeds.lock().expect("no thread panicked").next();
    let ended: u64 = std::thread::scope(|scope| {
        let work = || {
            let mut ended = 0;
            while let Some(seed) = next() {
                let over = match is_all_http || seed % 4 == 0 {
                    true => Over::Http,
                    false => Over::Files,
                };
                ended += u64::from(history(seed, over));
            }
            ended
        };
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        ended.map(|ended| ended.expect("no history failed")).sum()
    });
    assert!(
        ended * 10 >= count * 8,
        "only {ended} of {count} came to their end"
    );
}

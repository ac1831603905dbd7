//! Connections that break at any place: 201 syncs over real HTTP, three with each seed,
//! which all come to their end and lose nothing.

use std::time::Duration;

use ci_tool::mirror::decide::Ways;
use ci_tool::mirror::refs::{Filter, Globs};
use ci_tool::mirror::{Address, Endpoint, Git, Names, OnConflict, Policy, Settings, Trouble, run};
use ci_tool::sys::env::Env;

use crate::common::repositories::{Bare, Server};

const SEEDS: u64 = 67;

/// One way, patient, with everything else as it is without configuration.
pub fn settings(source: &Address) -> Settings {
    let globs = || Globs::new(&[]).expect("globs");
    Settings {
        source: source.id(),
        slug: source.slug(),
        policy: Policy {
            ways: Ways::One,
            filter: Filter::new(&[], &[]).expect("globs"),
            names: Names::default(),
            on_conflict: OnConflict::Keep,
            moving_tags: globs(),
            follow_rewrites: true,
            prune_limit: 10,
            prune_percent: 100,
            adopt: globs(),
            refused: Default::default(),
        },
        push_options: Vec::new(),
        merge_requests: false,
        run: None,
        now: 1_000,
        backup_days: 90,
        is_dry_run: false,
        retries: 60,
        time_limit: Duration::from_secs(120),
        pause: Duration::from_millis(1),
    }
}

/// What happens at the source between two syncs.
fn change(source: &Bare, mirror: &Bare, step: u64) {
    source.commit("main", &format!("commit {step}"), &[]);
    match step % 3 {
        0 => {
            source.delete("refs/heads/topic");
            source.commit("topic", &format!("rewritten {step}"), &[]);
        }
        1 => {
            source.commit(&format!("b{step}"), "new", &[]);
        }
        _ => {
            source.delete(&format!("refs/heads/b{}", step - 1));
            mirror.commit("kept", &format!("of the mirror {step}"), &[]);
        }
    }
}

/// Syncs over connections that break; how often something was tried again.
fn seed(number: u64) -> usize {
    let folder = tempfile::tempdir().expect("temporary folder");
    let source = Bare::new(folder.path().join("source/shop.git"), &[]);
    let mirror = Bare::new(folder.path().join("mirror/shop.git"), &[]);
    let seeds = [number.to_string(), (number + 1_000).to_string()];
    let servers = [("source", &seeds[0]), ("mirror", &seeds[1])]
        .map(|(name, seed)| Server::start(&folder.path().join(name), &["--faults", seed]));
    let [from, to] = [0, 1].map(|at| {
        let url = format!("{}/shop.git", servers[at].url);
        Address::new(&url).expect("an address")
    });
    let path = std::env::var("PATH").expect("PATH is set");
    let env = Env::from_pairs([("PATH", &path)]);
    let mut retries = 0;
    let mut ever = Vec::new();
    for step in 0..3 {
        change(&source, &mirror, step);
        for bare in [&source, &mirror] {
            ever.extend(bare.refs("refs").into_iter().map(|(_, oid)| oid));
        }
        let side = |address: &Address| Endpoint {
            address: address.clone(),
            credential: None,
        };
        let settings = settings(&from);
        let outcome = loop {
            let git = Git::new(side(&from), side(&to), &env, settings.now).expect("git is there");
            // Half of them as where a proxy or settings of the user's leave all to git.
            let git = match number % 2 {
                0 => git,
                _ => git.by_git_alone(),
            };
            match run(&git, &settings) {
                Ok(outcome) => break outcome,
                // A run that gives up is started again, as a schedule would.
                Err(problem) => assert!(
                    matches!(problem.trouble, Trouble::Passing | Trouble::Moved),
                    "seed {number}: {problem}"
                ),
            }
        };
        retries += outcome.tried.retries;
        assert_eq!(outcome.plan.open().count(), 0, "seed {number}: {outcome:?}");
        let visible = |bare: &Bare| -> Vec<(String, String)> {
            let all = bare.visible().into_iter();
            all.filter(|(name, _)| name != "refs/heads/kept").collect()
        };
        assert_eq!(
            visible(&source),
            visible(&mirror),
            "seed {number}, step {step}"
        );
    }
    // Whatever a ref of either side ever was, some ref of the mirror still reaches.
    let reachable = mirror.git(&["rev-list", "--all"]);
    for oid in ever.iter().filter(|oid| !is_record(&mirror, oid)) {
        assert!(
            reachable.contains(oid.as_str()),
            "seed {number}: {oid} is lost"
        );
    }
    mirror.git(&["fsck", "--connectivity-only", "--no-dangling"]);
    retries
}

/// Records of earlier syncs make room for later ones.
fn is_record(bare: &Bare, oid: &str) -> bool {
    bare.git(&["log", "-1", "--format=%s", oid]) == "What ci-tool sync brought"
}

#[test]
fn whatever_breaks_the_mirror_is_right_in_the_end() {
    let numbers = std::sync::Mutex::new(0..SEEDS);
    let next = || numbers.lock().expect("no thread panicked").next();
    let retries: usize = std::thread::scope(|scope| {
        let work = || {
            let mut retries = 0;
            while let Some(number) = next() {
                retries += seed(number);
            }
            retries
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no seed failed"))
            .sum()
    });
    assert!(retries > 150, "only {retries} tries went wrong");
}

//! Thousands of random histories of two repositories in memory, with people who
//! push while a sync runs, servers that refuse and connections that break; what
//! must hold of all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::decide::{Decision, Side, Ways};
use super::engine::{Outcome, Settings, run};
use super::map::Names;
use super::plan::{Hold, OnConflict, Planned, Policy};
use super::refs::{Filter, Globs, HIDDEN, HIDDEN_BRANCHES, Refs};
use super::transport::Trouble;
use super::world::{Dice, Memory, TOO_LARGE, Weather, World, commit};

fn settings(dice: &mut Dice) -> Settings {
    let ways = [Ways::One, Ways::Two][dice.roll(2)];
    let on_conflict = [OnConflict::Keep, OnConflict::Branch, OnConflict::SourceWins][dice.roll(3)];
    let moving = if dice.one_in(2) {
        vec!["v1".to_owned()]
    } else {
        Vec::new()
    };
    Settings {
        source: "source".to_owned(),
        slug: "source".to_owned(),
        policy: Policy {
            ways,
            filter: Filter::new(&[], &[]).expect("globs"),
            names: Names::default(),
            on_conflict,
            moving_tags: Globs::new(&moving).expect("globs"),
            follow_rewrites: !dice.one_in(4),
            prune_limit: [0, 1, 10][dice.roll(3)],
            prune_percent: 100,
            adopt: Globs::new(&[]).expect("globs"),
            refused: BTreeMap::new(),
        },
        push_options: Vec::new(),
        merge_requests: false,
        run: None,
        now: 1_000,
        backup_days: 90,
        is_dry_run: false,
        retries: 30,
        time_limit: Duration::from_secs(60),
        pause: Duration::from_nanos(1),
    }
}

/// Refs that people know.
fn visible(refs: &Refs) -> Refs {
    let is_visible =
        |name: &&String| !name.starts_with(HIDDEN) && !name.starts_with(HIDDEN_BRANCHES);
    refs.iter()
        .filter(|(name, _)| is_visible(name))
        .map(|(name, oid)| (name.clone(), oid.clone()))
        .collect()
}

/// Syncs in fair weather.
fn settle(memory: &Memory, settings: &Settings, told: &str) -> Outcome {
    memory.world().weather = Weather::Fair;
    run(memory, settings).unwrap_or_else(|problem| panic!("{told}: {problem}"))
}

fn check(memory: &Memory, settings: &Settings, outcome: &Outcome, told: &str) {
    let world = memory.world();
    assert!(world.lost.is_empty(), "{told}: lost {:?}", world.lost);
    assert!(
        settings.policy.ways == Ways::Two || !world.wrote_source,
        "{told}: the source was written"
    );
    let is_part = |name: &str| name.contains("ci-tool/parts/");
    for (name, oid) in world.mirror.iter().filter(|(name, _)| is_part(name)) {
        let others = world.mirror.iter().filter(|(other, _)| !is_part(other));
        let is_held = others
            .into_iter()
            .any(|(_, other)| world.is_ancestor(oid, other));
        assert!(!is_held, "{told}: {name} is left");
    }
    let open: BTreeSet<&str> = outcome
        .plan
        .refs
        .iter()
        .filter(|planned| planned.is_open() || planned.decision == Decision::MirrorOnly)
        .map(|planned| planned.name.as_str())
        .collect();
    let names = world.source.keys().chain(world.mirror.keys());
    for name in names.filter(|name| settings.policy.filter.takes(name)) {
        let differs = world.source.get(name) != world.mirror.get(name);
        assert_eq!(
            differs,
            open.contains(name.as_str()),
            "{told}: {name} is told wrongly: {:?} {:?}",
            world.source.get(name),
            world.mirror.get(name)
        );
    }
}

/// Whether it came to its end.
fn history(seed: u64) -> bool {
    let mut world = World::new(seed);
    let settings = settings(&mut world.dice);
    world.source_wins = settings.policy.on_conflict == OnConflict::SourceWins;
    let told = format!(
        "seed {seed}, {:?}, {:?}",
        world.server, settings.policy.ways
    );
    let is_known = world.dice.one_in(2);
    let memory = Memory(Mutex::new(world));
    if is_known {
        settle(&memory, &settings, &told);
    }
    for _ in 0..12 {
        {
            let mut world = memory.world();
            for _ in 0..world.dice.roll(5) {
                let side = if world.dice.one_in(3) {
                    Side::Mirror
                } else {
                    Side::Source
                };
                world.person(side);
            }
            if world.source.is_empty() {
                world.source.insert("refs/heads/main".to_owned(), commit(0));
            }
            let weathers = [
                Weather::Fair,
                Weather::Breaks,
                Weather::Crashes,
                Weather::People,
            ];
            world.weather = weathers[world.dice.roll(4)];
            // A runner that keeps nothing.
            if world.dice.one_in(2) {
                world.here.clear();
            }
        }
        // It may fail in bad weather; it may lose nothing.
        let _ = run(&memory, &settings);
        let world = memory.world();
        assert!(world.lost.is_empty(), "{told}: lost {:?}", world.lost);
    }
    memory.world().weather = Weather::Fair;
    match run(&memory, &settings) {
        // Two sides that never met and share no ref: a person has to say that they belong together.
        Err(problem) if problem.message.contains("nothing in common") => {
            assert!(!is_known, "{told}: {problem}");
            return false;
        }
        Err(problem) if memory.world().source.is_empty() => {
            assert_eq!(problem.trouble, Trouble::Incomplete, "{told}");
            return false;
        }
        _ => {}
    }
    let outcome = settle(&memory, &settings, &told);
    check(&memory, &settings, &outcome, &told);
    let before = memory.world().clone();
    let again = settle(&memory, &settings, &told);
    // What the server refuses is tried again, since its rules may have changed.
    let is_refused = |planned: &Planned| matches!(planned.hold, Some(Hold::Refused { .. }));
    let is_quiet = again.tried.pushes == 0 || again.plan.refs.iter().any(is_refused);
    assert!(
        is_quiet && again.written.is_empty(),
        "{told}: a second run writes {again:?}"
    );
    assert_eq!(before.mirror, memory.world().mirror, "{told}");
    true
}

#[test]
fn no_history_loses_a_commit_and_every_one_settles() {
    let ended = (1..=6_000).filter(|seed| history(*seed)).count();
    assert!(ended > 5_000, "only {ended} histories came to their end");
    let divided = TOO_LARGE.load(Ordering::Relaxed);
    assert!(divided > 1_000, "only {divided} pushes were too large");
}

/// A sync that dies anywhere and is started again ends where one ends that did not.
#[test]
fn a_crash_and_another_run_are_as_good_as_no_crash() {
    let mut crashed = 0;
    for seed in 1..=2_000 {
        let mut world = World::new(seed);
        let settings = settings(&mut world.dice);
        world.source_wins = settings.policy.on_conflict == OnConflict::SourceWins;
        let told = format!("seed {seed}, {:?}", world.server);
        for _ in 0..3 {
            let memory = Memory(Mutex::new(world));
            settle(&memory, &settings, &told);
            world = memory.0.into_inner().expect("one thread");
            for _ in 0..world.dice.roll(6) {
                let side = if world.dice.one_in(4) {
                    Side::Mirror
                } else {
                    Side::Source
                };
                world.person(side);
            }
            if world.source.is_empty() {
                world.source.insert("refs/heads/main".to_owned(), commit(0));
            }
        }
        let fair = Memory(Mutex::new(world.clone()));
        settle(&fair, &settings, &told);
        let rough = Memory(Mutex::new(world));
        rough.world().weather = Weather::Crashes;
        for _ in 0..4 {
            if run(&rough, &settings).is_ok() {
                break;
            }
            crashed += 1;
        }
        settle(&rough, &settings, &told);
        let (fair, rough) = (fair.world(), rough.world());
        assert_eq!(visible(&fair.source), visible(&rough.source), "{told}");
        assert_eq!(visible(&fair.mirror), visible(&rough.mirror), "{told}");
    }
    assert!(crashed > 500, "only {crashed} runs crashed");
}

//! Thousands of random deployments on platforms that fail in every way that real ones do,
//! stopped and killed anywhere: everything is new, or everything is old, or it is said
//! exactly what is not.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use super::health::Patience;
use super::journal::{Journal, Phase};
use super::platform::{Platform, Release, State, Trouble, Wanted};
use super::saga::{End, Saga};
use super::{Plan, Service, World};

/// The program was killed.
struct Killed;

/// Numbers without pattern (xorshift), the same for the same seed.
struct Random(Cell<u64>);

impl Random {
    fn new(seed: u64) -> Self {
        Self(Cell::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1))
    }

    fn below(&self, limit: u64) -> u64 {
        let mut x = self.0.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.set(x);
        (x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }

    fn chance(&self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// How a release behaves once it has the traffic.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Quality {
    Good,
    Bad,
    /// It falls over after so long.
    Falls(Duration),
    /// It ends after so long, and nothing has the traffic.
    Ends(Duration),
    /// Every other answer is wrong.
    Flaps,
}

#[derive(Debug, Clone)]
struct Made {
    release: Release,
    key: Option<String>,
    /// When the platform shows it.
    since: Duration,
    /// When it is built; never where there is no time.
    built: Option<Duration>,
    fails: bool,
    is_cancelled: bool,
    quality: Quality,
    live_since: Duration,
}

/// What is common to all services of one history.
struct Fate {
    dice: Random,
    clock: Cell<Duration>,
    calls: Cell<u64>,
    kill_at: Cell<Option<u64>>,
    stop_at: Option<u64>,
    /// In a hundred calls, so many fail and pass.
    trouble: Cell<u64>,
    revoke_at: Option<u64>,
    /// Whether something lasting went wrong that no program can mend.
    is_hopeless: Cell<bool>,
    answers: Cell<u64>,
}

impl Fate {
    /// A call over the network: it may fail before or after its effect, and the program
    /// may be killed before or after it.
    fn call<T>(&self, effect: impl FnOnce() -> T) -> Result<T, Trouble> {
        let number = self.count();
        self.clock.set(self.clock.get() + Duration::from_millis(50));
        if self.revoke_at.is_some_and(|at| number >= at) {
            self.is_hopeless.set(true);
            return Err(Trouble::refused("the token is no longer valid"));
        }
        let dies = self.kill_at.get() == Some(number);
        if dies && self.dice.chance(50) {
            self.die();
        }
        if self.dice.chance(self.trouble.get()) && self.dice.chance(50) {
            if dies {
                self.die();
            }
            return Err(Trouble::passing("503 before"));
        }
        let answer = effect();
        if dies {
            self.die();
        }
        if self.dice.chance(self.trouble.get()) {
            return Err(Trouble::passing("the answer was lost"));
        }
        Ok(answer)
    }

    fn count(&self) -> u64 {
        self.calls.set(self.calls.get() + 1);
        self.calls.get()
    }

    fn die(&self) -> ! {
        self.kill_at.set(None);
        std::panic::resume_unwind(Box::new(Killed));
    }
}

struct Fake<'f> {
    fate: &'f Fate,
    holds: bool,
    /// Whether a rollback makes a release of its own, as Railway's does.
    renames: bool,
    quality: Quality,
    build_fails: bool,
    build_ends: bool,
    is_rollback_broken: bool,
    made: RefCell<Vec<Made>>,
    live: RefCell<Option<String>>,
    /// Traffic that will move: when, and where to.
    moves: RefCell<Vec<(Duration, Option<String>)>>,
}

impl Fake<'_> {
    fn now(&self) -> Duration {
        self.fate.clock.get()
    }

    /// Lets happen what has happened until now.
    fn settle(&self) {
        let now = self.now();
        let mut due: Vec<(Duration, Option<String>)> = Vec::new();
        self.moves.borrow_mut().retain(|(at, to)| {
            let is_due = *at <= now;
            if is_due {
                due.push((*at, to.clone()));
            }
            !is_due
        });
        due.sort();
        for (at, to) in due {
            if let Some(made) = to.as_ref().and_then(|id| self.position(id)) {
                self.made.borrow_mut()[made].live_since = at;
            }
            *self.live.borrow_mut() = to;
        }
        let live = self.live.borrow().clone();
        let live = live.and_then(|id| self.position(&id));
        if let Some(at) = live
            && let Quality::Ends(after) = self.made.borrow()[at].quality
            && self.made.borrow()[at].live_since.saturating_add(after) <= now
        {
            *self.live.borrow_mut() = None;
        }
    }

    fn position(&self, id: &str) -> Option<usize> {
        self.made
            .borrow()
            .iter()
            .position(|made| made.release.id == id)
    }

    fn make(&self, wanted: &Wanted<'_>, is_late: bool) -> String {
        let dice = &self.fate.dice;
        let late = if is_late { dice.below(5000) } else { 0 };
        let since = self.now() + Duration::from_millis(late);
        let build = Duration::from_secs(1 + dice.below(200));
        let built = self.build_ends.then_some(since + build);
        let id = format!("r{}", self.made.borrow().len());
        self.made.borrow_mut().push(Made {
            release: Release {
                id: id.clone(),
                origin: Some(wanted.commit.to_owned()),
            },
            key: Some(wanted.key.to_owned()),
            since,
            built,
            fails: self.build_fails,
            is_cancelled: false,
            quality: self.quality,
            live_since: Duration::MAX,
        });
        if let Some(built) = built.filter(|_| !self.holds && !self.build_fails) {
            self.moves.borrow_mut().push((built, Some(id.clone())));
        }
        id
    }

    fn current(&self) -> Option<Release> {
        self.settle();
        let live = self.live.borrow().clone()?;
        let made = self.position(&live).expect("what is live was made");
        Some(self.made.borrow()[made].release.clone())
    }
}

impl Platform for Fake<'_> {
    fn preflight(&self) -> Result<Vec<String>, Trouble> {
        self.fate.call(Vec::new)
    }

    fn live(&self) -> Result<Option<Release>, Trouble> {
        self.fate.call(|| self.current())
    }

    fn holds_back(&self) -> bool {
        self.holds
    }

    fn start(&self, wanted: &Wanted<'_>) -> Result<String, Trouble> {
        let is_late = self.fate.dice.chance(10);
        let id = self.fate.call(|| self.make(wanted, is_late))?;
        if is_late {
            return Err(Trouble::passing("504, and it begins later"));
        }
        Ok(id)
    }

    fn find(&self, wanted: &Wanted<'_>) -> Result<Vec<String>, Trouble> {
        self.fate.call(|| {
            let made = self.made.borrow();
            let ours = made
                .iter()
                .filter(|made| made.key.as_deref() == Some(wanted.key) && made.since <= self.now());
            ours.map(|made| made.release.id.clone()).collect()
        })
    }

    fn state(&self, id: &str) -> Result<State, Trouble> {
        self.fate.call(|| {
            self.settle();
            let made = self.made.borrow()[self.position(id).expect("made")].clone();
            let is_live = self.live.borrow().as_deref() == Some(id);
            let is_moving = self
                .moves
                .borrow()
                .iter()
                .any(|(_, to)| to.as_deref() == Some(id));
            match made.built {
                _ if is_live => State::Live,
                _ if made.is_cancelled => State::Failed("cancelled".to_owned()),
                Some(built) if built <= self.now() => match (made.fails, self.holds) {
                    (true, _) => State::Failed("the build failed".to_owned()),
                    (false, true) if is_moving => State::Pending("promoting".to_owned()),
                    (false, true) => State::Ready,
                    (false, false) => State::Failed("another one has the traffic".to_owned()),
                },
                _ => State::Pending("building".to_owned()),
            }
        })
    }

    fn promote(&self, id: &str) -> Result<(), Trouble> {
        self.fate.call(|| {
            let takes = Duration::from_secs(self.fate.dice.below(20));
            let at = self.now() + takes;
            self.moves.borrow_mut().push((at, Some(id.to_owned())));
        })
    }

    fn cancel(&self, id: &str) -> Result<(), Trouble> {
        let is_moving = self.fate.call(|| {
            self.settle();
            if self.holds {
                let moves = self.moves.borrow();
                return moves.iter().any(|(_, to)| to.as_deref() == Some(id));
            }
            let made = self.position(id).expect("made");
            self.made.borrow_mut()[made].is_cancelled = true;
            self.moves
                .borrow_mut()
                .retain(|(_, to)| to.as_deref() != Some(id));
            false
        })?;
        if is_moving {
            return Err(Trouble::passing("a promotion is under way"));
        }
        Ok(())
    }

    fn rollback(&self, _from: &str, to: Option<&Release>) -> Result<(), Trouble> {
        self.fate.call(|| {
            self.settle();
            if self.is_rollback_broken {
                self.fate.is_hopeless.set(true);
                return;
            }
            // Now and then it is accepted and comes to nothing.
            if self.fate.dice.chance(5) {
                return;
            }
            let takes = Duration::from_secs(self.fate.dice.below(30));
            let id = to.map(|to| {
                if !self.renames {
                    return to.id.clone();
                }
                let old = self.made.borrow()[self.position(&to.id).expect("made")].clone();
                let id = format!("r{}", self.made.borrow().len());
                let mut again = old;
                again.release.id.clone_from(&id);
                again.key = None;
                self.made.borrow_mut().push(again);
                id
            });
            self.moves.borrow_mut().push((self.now() + takes, id));
        })
    }
}

struct Stage<'f> {
    fate: &'f Fate,
    services: BTreeMap<String, Fake<'f>>,
    saved: RefCell<Option<String>>,
    stranger: Option<(u64, String)>,
    came: Cell<bool>,
}

impl World for Stage<'_> {
    fn platform(&self, service: &str) -> &dyn Platform {
        if let Some((at, name)) = &self.stranger
            && self.fate.calls.get() >= *at
            && !self.came.get()
        {
            // Somebody else releases something meanwhile.
            self.came.set(true);
            let fake = &self.services[name];
            let id = "stranger".to_owned();
            fake.made.borrow_mut().push(Made {
                release: Release {
                    id: id.clone(),
                    origin: Some("theirs".to_owned()),
                },
                key: None,
                since: Duration::ZERO,
                built: Some(Duration::ZERO),
                fails: false,
                is_cancelled: false,
                quality: Quality::Good,
                live_since: Duration::ZERO,
            });
            fake.settle();
            *fake.live.borrow_mut() = Some(id);
        }
        &self.services[service]
    }

    fn healthy(&self, service: &str, commit: Option<&str>) -> Result<(), String> {
        let fate = self.fate;
        fate.clock.set(fate.clock.get() + Duration::from_millis(20));
        let fake = &self.services[service];
        let Some(live) = fake.current() else {
            return Err("nobody answers".to_owned());
        };
        if commit.is_some_and(|commit| live.origin.as_deref() != Some(commit)) {
            return Err("another commit runs".to_owned());
        }
        let made = fake.made.borrow()[fake.position(&live.id).expect("made")].clone();
        fate.answers.set(fate.answers.get() + 1);
        let is_well = match made.quality {
            Quality::Good => !fate.dice.chance(2),
            Quality::Bad => false,
            Quality::Ends(_) => true,
            Quality::Falls(after) => fake.now() < made.live_since.saturating_add(after),
            Quality::Flaps => fate.answers.get().is_multiple_of(2),
        };
        if is_well {
            Ok(())
        } else {
            Err("503".to_owned())
        }
    }

    fn now(&self) -> Duration {
        self.fate.clock.get()
    }

    fn sleep(&self, time: Duration) {
        self.fate.clock.set(self.fate.clock.get() + time);
    }

    fn save(&self, journal: &Journal) -> Result<(), String> {
        let number = self.fate.count();
        let dies = self.fate.kill_at.get() == Some(number);
        if dies && self.fate.dice.chance(50) {
            self.fate.die();
        }
        if self.fate.trouble.get() > 0 && self.fate.dice.chance(1) {
            return Err("the disk is full".to_owned());
        }
        *self.saved.borrow_mut() = Some(journal.text());
        if dies {
            self.fate.die();
        }
        Ok(())
    }

    fn stop_asked(&self) -> bool {
        let stop_at = self.fate.stop_at;
        stop_at.is_some_and(|at| self.fate.calls.get() >= at)
    }

    fn tell(&self, _: Option<&str>, _: &str) {}
}

/// Runs until the program is killed; nothing then.
fn until_killed<T>(run: impl FnOnce() -> T) -> Option<T> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
        Ok(answer) => Some(answer),
        Err(payload) if payload.is::<Killed>() => None,
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

fn quality(dice: &Random) -> Quality {
    match dice.below(10) {
        0 => Quality::Bad,
        1 => Quality::Falls(Duration::from_secs(dice.below(120))),
        2 => Quality::Flaps,
        // Sooner than the watch ends, so that it does not fall over unseen.
        3 => Quality::Ends(Duration::from_secs(dice.below(40))),
        _ => Quality::Good,
    }
}

/// One history; how it ended, for the figures.
fn history(seed: u64) -> &'static str {
    let dice = Random::new(seed);
    let often = |percent: u64| dice.chance(percent);
    let fate = Fate {
        clock: Cell::new(Duration::from_secs(1000)),
        calls: Cell::new(0),
        kill_at: Cell::new(often(50).then(|| 1 + dice.below(60))),
        stop_at: often(15).then(|| dice.below(80)),
        trouble: Cell::new(if often(50) { 15 } else { 0 }),
        revoke_at: often(8).then(|| dice.below(80)),
        is_hopeless: Cell::new(false),
        answers: Cell::new(0),
        dice: Random::new(seed ^ 0xdead_beef),
    };
    let count = 1 + dice.below(4);
    let mut services = BTreeMap::new();
    let mut plan = Plan {
        environment: "production".to_owned(),
        commit: "new".to_owned(),
        services: Vec::new(),
        soak: Duration::from_secs(if often(70) { 60 } else { 0 }),
        soak_failures: 3,
        retry_for: Duration::from_secs(90),
        undo_for: Duration::from_secs(600),
    };
    for number in 0..count {
        let name = format!("s{number}");
        plan.services.push(Service {
            name: name.clone(),
            time_limit: Duration::from_secs(900),
            poll: Duration::from_secs(2),
            health: Patience {
                times: 3,
                every: Duration::from_secs(1),
                within: Duration::from_secs(60),
            },
        });
        let is_first = often(10);
        let before = Made {
            release: Release {
                id: "r0".to_owned(),
                origin: Some("old".to_owned()),
            },
            key: None,
            since: Duration::ZERO,
            built: Some(Duration::ZERO),
            fails: false,
            is_cancelled: false,
            quality: if often(10) {
                Quality::Bad
            } else {
                Quality::Good
            },
            live_since: Duration::ZERO,
        };
        let fake = Fake {
            fate: &fate,
            holds: often(40),
            renames: often(40),
            quality: quality(&dice),
            build_fails: often(8),
            build_ends: !often(4),
            is_rollback_broken: often(4),
            live: RefCell::new((!is_first).then(|| before.release.id.clone())),
            made: RefCell::new(vec![before]),
            moves: RefCell::default(),
        };
        services.insert(name, fake);
    }
    let stranger = often(5).then(|| (dice.below(60), format!("s{}", dice.below(count))));
    let stage = Stage {
        fate: &fate,
        services,
        saved: RefCell::new(None),
        stranger,
        came: Cell::new(false),
    };
    let before: BTreeMap<String, Option<Release>> = stage
        .services
        .iter()
        .map(|(name, fake)| (name.clone(), fake.current()))
        .collect();

    let mut ended = until_killed(|| {
        let journal = Journal::new(&plan, format!("d{seed}"), 0);
        let mut saga = Saga::new(&stage, &plan, journal);
        match saga.preflight() {
            Ok(_) => Some(saga.run()),
            Err(_) => None,
        }
    });
    // Killed, perhaps more than once; somebody goes on, forwards or backwards.
    let mut was_killed = false;
    while ended.is_none() {
        was_killed = true;
        let pause = Duration::from_secs(dice.below(600));
        fate.clock.set(fate.clock.get() + pause);
        if often(40) {
            fate.kill_at
                .set(Some(fate.calls.get() + 1 + dice.below(40)));
        }
        let saved = stage.saved.borrow().clone();
        let Some(saved) = saved else {
            ended = Some(None);
            break;
        };
        let journal = Journal::parse(&saved).expect("what was written can be read");
        ended = until_killed(|| match journal.phase {
            Phase::Deployed => Some((End::Deployed, journal)),
            Phase::RolledBack => Some((End::RolledBack, journal)),
            Phase::Undoing | Phase::Stuck => {
                Some(Saga::new(&stage, &plan, journal).take_back(false))
            }
            Phase::Releasing if often(50) => {
                Some(Saga::new(&stage, &plan, journal).take_back(false))
            }
            Phase::Releasing => Some(Saga::new(&stage, &plan, journal).run()),
        });
    }

    // Whatever was still on its way arrives.
    fate.clock
        .set(fate.clock.get() + Duration::from_secs(100_000));
    let Some((end, journal)) = ended.flatten() else {
        for (name, fake) in &stage.services {
            let was_theirs = stage.came.get();
            assert!(
                was_theirs || fake.current() == before[name],
                "{seed}: {name} changed before anything was written"
            );
        }
        return "refused";
    };
    let is_old = |name: &str| {
        let live = stage.services[name].current();
        let made = stage.services[name].made.borrow();
        let is_ours = live.as_ref().is_some_and(|live| {
            let mut ours = made.iter().filter(|made| made.key.is_some());
            ours.any(|made| made.release.id == live.id)
        });
        match (&live, &before[name]) {
            (Some(live), Some(before)) => !is_ours && live.is_as(before),
            (None, None) => true,
            _ => false,
        }
    };
    let theirs = |name: &str| {
        let mut stranger = stage.stranger.iter();
        stage.came.get() && stranger.any(|(_, service)| service == name)
    };
    for entry in &journal.services {
        let name = entry.name.as_str();
        if theirs(name) {
            // Which of the two came last is chance.
            continue;
        }
        match end {
            // Nobody watched it.
            End::Deployed
                if plan.soak.is_zero()
                    && matches!(stage.services[name].quality, Quality::Ends(_)) => {}
            End::Deployed => {
                let live = stage.services[name].current();
                let origin = live.and_then(|live| live.origin);
                assert_eq!(origin.as_deref(), Some("new"), "{seed}: {name} {journal:?}");
            }
            End::Unchanged | End::RolledBack => {
                assert!(is_old(name), "{seed}: {name} {journal:?}");
            }
            End::Stuck => {
                assert!(
                    is_old(name) || entry.stuck.is_some(),
                    "{seed}: {name} is not told: {journal:?}"
                );
            }
        }
    }
    if end == End::Stuck {
        assert!(
            fate.is_hopeless.get() || stage.came.get(),
            "{seed}: stuck without need: {journal:?}"
        );
    }
    match (end, was_killed) {
        (End::Deployed, _) => "deployed",
        (End::Unchanged, _) => "unchanged",
        (End::RolledBack, false) => "rolled back",
        (End::RolledBack, true) => "rolled back after a kill",
        (End::Stuck, _) => "stuck",
    }
}

#[test]
fn everything_is_new_or_everything_is_old_or_it_is_said_what_is_not() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..6_000 {
        *counts.entry(history(seed)).or_default() += 1;
    }
    // Histories of every sort were seen, so that none of the claims is empty.
    for end in [
        "refused",
        "deployed",
        "unchanged",
        "rolled back",
        "rolled back after a kill",
        "stuck",
    ] {
        assert!(counts.get(end) > Some(&100), "{end}: {counts:?}");
    }
}

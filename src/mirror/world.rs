//! Two repositories in memory, people who push to them, and servers that refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use super::decide::Side;
use super::refs::{CONFLICTS, HIDDEN, HIDDEN_BRANCHES, Kind, Oid, Refs, kind};
use super::transport::{
    How, Listing, Problem, Pushed, Refusal, Subject, Transport, Trouble, Update, Write,
};

/// A small generator of numbers; the same seed gives the same ones.
#[derive(Debug, Clone)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).expect("small")
    }

    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.roll(n) == 0
    }
}

pub(super) const NAMES: [&str; 7] = [
    "refs/heads/main",
    "refs/heads/topic",
    "refs/heads/a",
    "refs/heads/a/b",
    "refs/tags/v1",
    "refs/tags/v1.0",
    "refs/tags/v2.0",
];

/// How many pushes were too large.
pub(super) static TOO_LARGE: AtomicUsize = AtomicUsize::new(0);

/// How the mirror's server behaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Server {
    pub(super) is_atomic: bool,
    /// It has branches and tags only.
    pub(super) refuses_hidden: bool,
    /// `main` can neither be rewritten nor deleted.
    pub(super) protects_main: bool,
    /// It says so when it is asked.
    pub(super) tells_rules: bool,
    /// It takes one new commit at once.
    pub(super) takes_little: bool,
    /// It refuses a push as a whole and does not say for which ref.
    pub(super) refuses_wholes: bool,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weather {
    /// Nothing.
    Fair,
    /// Connections break, before or after the server has written.
    Breaks,
    /// The program dies, before or after the server has written.
    Crashes,
    /// Somebody pushes between our look and our push, and connections break.
    People,
}

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) dice: Dice,
    pub(super) weather: Weather,
    pub(super) server: Server,
    /// The parents of each commit; its id is its place.
    pub(super) commits: Vec<Vec<usize>>,
    pub(super) source: Refs,
    pub(super) mirror: Refs,
    pub(super) here: BTreeSet<Oid>,
    pub(super) states: BTreeMap<Oid, Vec<u8>>,
    /// The source was written although changes go one way.
    pub(super) wrote_source: bool,
    pub(super) lost: Vec<String>,
    /// What the source ever had, by name.
    pub(super) were: BTreeSet<(String, Oid)>,
    /// The mirror's own commits may make room.
    pub(super) source_wins: bool,
}

pub(super) fn commit(number: usize) -> Oid {
    Oid::new(&format!("{number:040x}")).expect("an id")
}

pub(super) fn number(oid: &Oid) -> Option<usize> {
    usize::from_str_radix(oid.as_str(), 16).ok()
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..8 {
            dice.roll(2);
        }
        let server = Server {
            is_atomic: !dice.one_in(4),
            refuses_hidden: dice.one_in(5),
            protects_main: dice.one_in(4),
            tells_rules: dice.one_in(2),
            refuses_wholes: dice.one_in(2),
            takes_little: dice.one_in(3),
        };
        let first = Refs::from([("refs/heads/main".to_owned(), commit(0))]);
        Self {
            dice,
            weather: Weather::Fair,
            server,
            commits: vec![Vec::new()],
            source: first.clone(),
            mirror: first,
            here: BTreeSet::new(),
            states: BTreeMap::new(),
            wrote_source: false,
            lost: Vec::new(),
            were: BTreeSet::from([("refs/heads/main".to_owned(), commit(0))]),
            source_wins: false,
        }
    }

    pub(super) const fn refs(&mut self, side: Side) -> &mut Refs {
        match side {
            Side::Source => &mut self.source,
            Side::Mirror => &mut self.mirror,
        }
    }

    pub(super) fn history(&self, oid: &Oid) -> BTreeSet<Oid> {
        let mut seen = BTreeSet::new();
        let mut next: Vec<usize> = number(oid).into_iter().collect();
        while let Some(at) = next.pop() {
            if at < self.commits.len() && seen.insert(commit(at)) {
                next.extend(&self.commits[at]);
            }
        }
        seen
    }

    pub(super) fn is_ancestor(&self, ancestor: &Oid, descendant: &Oid) -> bool {
        self.history(descendant).contains(ancestor)
    }

    /// All commits that some ref of either side reaches.
    pub(super) fn reachable(&self) -> BTreeSet<Oid> {
        let tips: BTreeSet<&Oid> = self.source.values().chain(self.mirror.values()).collect();
        tips.into_iter().flat_map(|tip| self.history(tip)).collect()
    }

    /// Somebody does something on a side.
    pub(super) fn person(&mut self, side: Side) {
        let name = NAMES[self.dice.roll(NAMES.len())].to_owned();
        let action = self.dice.roll(10);
        let known = self.commits.len();
        let any = commit(self.dice.roll(known));
        let there = self.refs(side).get(&name).cloned();
        let clashes = clash(self.refs(side), &name);
        match (action, kind(&name), there) {
            // Somebody commits.
            (0..=4, Some(Kind::Branch), there) if !clashes => {
                let parent = there.unwrap_or(any);
                self.commits.push(number(&parent).into_iter().collect());
                self.refs(side).insert(name, commit(known));
            }
            // Somebody merges what the other side has.
            (5, Some(Kind::Branch), Some(there)) => {
                let parents = [&there, &any].into_iter().filter_map(number).collect();
                self.commits.push(parents);
                self.refs(side).insert(name, commit(known));
            }
            // Somebody pushes with force, or moves a tag.
            (6 | 7, _, _) if !clashes => {
                self.refs(side).insert(name, any);
            }
            (8, _, Some(_)) => {
                self.refs(side).remove(&name);
            }
            // Somebody renames a branch.
            (9, Some(Kind::Branch), Some(there)) => {
                let new = "refs/heads/renamed".to_owned();
                self.refs(side).remove(&name);
                self.refs(side).insert(new, there);
            }
            _ => {}
        }
        self.remember();
    }

    pub(super) fn refusal(&self, side: Side, update: &Update) -> Option<Refusal> {
        let refs = match side {
            Side::Source => &self.source,
            Side::Mirror => &self.mirror,
        };
        let there = refs.get(&update.name);
        let is_forward = |old: &Oid, new: &Oid| self.is_ancestor(old, new);
        let is_free = match (&update.old, there, &update.new) {
            (Some(old), there, _) => there == Some(old),
            (None, None, Some(_)) => !clash(refs, &update.name),
            // Without a lease git still writes over nothing.
            (None, Some(there), Some(new)) => {
                there == new
                    || (kind(&update.name) == Some(Kind::Branch)
                        && !update.name.starts_with(HIDDEN)
                        && is_forward(there, new))
            }
            (None, _, None) => false,
        };
        if !is_free {
            return Some(Refusal::Moved);
        }
        if side == Side::Source {
            return None;
        }
        let rule = |text: &str| Some(Refusal::Rule(text.to_owned()));
        if self.server.refuses_hidden && update.name.starts_with(HIDDEN) {
            return rule("hidden");
        }
        let is_main = update.name == "refs/heads/main";
        let is_harmless = match (there, &update.new) {
            (Some(there), Some(new)) => is_forward(there, new),
            (Some(_), None) => false,
            _ => true,
        };
        match self.server.protects_main && is_main && !is_harmless {
            true => rule("protected"),
            false => None,
        }
    }

    /// What the source has now was once its own.
    pub(super) fn remember(&mut self) {
        let now = self
            .source
            .iter()
            .map(|(name, oid)| (name.clone(), oid.clone()));
        self.were.extend(now);
    }

    /// What makes room on a side was the source's once, or nobody's.
    pub(super) fn judge(&mut self, side: Side, update: &Update) {
        let is_people = !update.name.starts_with(HIDDEN)
            && !update.name.starts_with(HIDDEN_BRANCHES)
            && !update.name.starts_with(CONFLICTS);
        let Some(old) = update.old.clone().filter(|_| is_people) else {
            return;
        };
        let is_forward = update
            .new
            .as_ref()
            .is_some_and(|new| self.is_ancestor(&old, new));
        let was_ours = side == Side::Mirror
            && (self.source_wins || self.were.contains(&(update.name.clone(), old)));
        if !is_forward && !was_ours {
            self.lost.push(format!("{side:?}: written over {update:?}"));
        }
    }

    /// What a server does with a push.
    pub(super) fn receive(
        &mut self,
        side: Side,
        updates: &[Update],
        atomic: bool,
    ) -> BTreeMap<String, Refusal> {
        let before = self.reachable();
        let mut refused = BTreeMap::new();
        for update in updates {
            if let Some(refusal) = self.refusal(side, update) {
                refused.insert(update.name.clone(), refusal);
            }
        }
        let ruled = refused
            .values()
            .find(|refusal| matches!(refusal, Refusal::Rule(_)))
            .cloned();
        if side == Side::Mirror
            && self.server.refuses_wholes
            && let Some(rule) = ruled
        {
            let all = updates
                .iter()
                .map(|update| (update.name.clone(), rule.clone()));
            return all.collect();
        }
        if atomic && !refused.is_empty() {
            for update in updates {
                refused
                    .entry(update.name.clone())
                    .or_insert(Refusal::Together);
            }
            return refused;
        }
        for update in updates {
            if refused.contains_key(&update.name) {
                continue;
            }
            // An earlier one of the same push may be in the way now.
            if let Some(refusal) = self.refusal(side, update) {
                refused.insert(update.name.clone(), refusal);
                continue;
            }
            self.judge(side, update);
            match &update.new {
                Some(new) => self.refs(side).insert(update.name.clone(), new.clone()),
                None => self.refs(side).remove(&update.name),
            };
        }
        if side == Side::Source {
            self.wrote_source = true;
            self.remember();
        }
        let after = self.reachable();
        for oid in before.difference(&after) {
            self.lost.push(format!("{oid:?} by {updates:?}"));
        }
        refused
    }
}

/// git has no `a` beside `a/b`.
pub(super) fn clash(refs: &Refs, name: &str) -> bool {
    let below = format!("{name}/");
    refs.keys()
        .any(|there| there.starts_with(&below) || name.starts_with(&format!("{there}/")))
}

pub(super) struct Memory(pub(super) Mutex<World>);

impl Memory {
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("one thread")
    }
}

pub(super) fn breaks(weather: Weather) -> Problem {
    match weather {
        Weather::Crashes => Problem::new(Trouble::Other, "crashed"),
        _ => Problem::new(Trouble::Passing, "connection reset"),
    }
}

impl Transport for Memory {
    fn list(&self, side: Side) -> Result<Listing, Problem> {
        let mut world = self.world();
        let weather = world.weather;
        if weather != Weather::Fair && world.dice.one_in(12) {
            return Err(breaks(weather));
        }
        Ok(Listing {
            refs: world.refs(side).clone(),
            default_branch: Some("refs/heads/main".to_owned()),
        })
    }

    fn fetch(&self, side: Side, names: &[&str]) -> Result<Refs, Problem> {
        let mut world = self.world();
        if world.weather == Weather::People && world.dice.one_in(4) {
            let side = [Side::Source, Side::Mirror][world.dice.roll(2)];
            world.person(side);
        }
        let refs = world.refs(side).clone();
        let mut came = Refs::new();
        for name in names {
            let Some(oid) = refs.get(*name) else {
                return Err(Problem::new(Trouble::Moved, "couldn't find remote ref"));
            };
            let history = world.history(oid);
            world.here.extend(history);
            came.insert((*name).to_owned(), oid.clone());
        }
        Ok(came)
    }

    fn foreseen(&self, writes: &[(&str, Write)]) -> BTreeMap<String, String> {
        let server = self.world().server;
        let is_refused = |(name, write): &&(&str, Write)| {
            *name == "refs/heads/main" && matches!(write, Write::Rewrite | Write::Delete)
        };
        let told = server.protects_main && server.tells_rules;
        let refused = writes.iter().filter(|write| told && is_refused(write));
        refused
            .map(|(name, _)| ((*name).to_owned(), "protected".to_owned()))
            .collect()
    }

    fn has(&self, objects: &[&Oid]) -> Result<Vec<bool>, Problem> {
        let world = self.world();
        Ok(objects.iter().map(|oid| world.here.contains(oid)).collect())
    }

    fn is_ancestor(&self, ancestor: &Oid, descendant: &Oid) -> Result<bool, Problem> {
        Ok(self.world().is_ancestor(ancestor, descendant))
    }

    fn is_related(&self, one: &Oid, other: &Oid) -> Result<bool, Problem> {
        let world = self.world();
        Ok(!world.history(one).is_disjoint(&world.history(other)))
    }

    fn commits(&self, of: &Oid, without: &Oid) -> Result<(usize, Vec<Subject>), Problem> {
        let world = self.world();
        let count = world
            .history(of)
            .difference(&world.history(without))
            .count();
        Ok((count, Vec::new()))
    }

    fn history(&self, of: &[&Oid], without: &[&Oid]) -> Result<Vec<Oid>, Problem> {
        let world = self.world();
        let all = |oids: &[&Oid]| -> BTreeSet<Oid> {
            oids.iter().flat_map(|oid| world.history(oid)).collect()
        };
        // A commit has a higher number than its parents.
        Ok(all(of).difference(&all(without)).cloned().collect())
    }

    fn read_state(&self, name: &str) -> Result<(Oid, Vec<u8>), Problem> {
        let world = self.world();
        let oid = world.mirror.get(name).cloned();
        let oid = oid.ok_or_else(|| Problem::new(Trouble::Moved, "couldn't find remote ref"))?;
        let bytes = world.states.get(&oid).cloned().unwrap_or_default();
        Ok((oid, bytes))
    }

    fn keep_state(&self, state: &[u8]) -> Result<Oid, Problem> {
        let mut world = self.world();
        let same = world.states.iter().find(|(_, known)| *known == state);
        if let Some((oid, _)) = same {
            return Ok(oid.clone());
        }
        // Out of the way of commits.
        let oid = commit(1_000_000_000 + world.states.len());
        world.states.insert(oid.clone(), state.to_vec());
        Ok(oid)
    }

    fn push(&self, side: Side, updates: &[Update], how: How<'_>) -> Result<Pushed, Problem> {
        let mut world = self.world();
        let weather = world.weather;
        if how.atomic && !world.server.is_atomic {
            return Err(Problem::new(
                Trouble::NotAtomic,
                "does not support --atomic",
            ));
        }
        if weather == Weather::People && world.dice.one_in(3) {
            let side = [Side::Source, Side::Mirror][world.dice.roll(2)];
            world.person(side);
        }
        if weather != Weather::Fair && world.dice.one_in(8) {
            return Err(breaks(weather));
        }
        // git pushes nothing that it does not have.
        for oid in updates.iter().filter_map(|update| update.new.as_ref()) {
            let is_here = world.here.contains(oid) || world.states.contains_key(oid);
            assert!(is_here, "{oid:?} is pushed and is not here: {updates:?}");
        }
        if side == Side::Mirror && world.server.takes_little {
            let has: BTreeSet<Oid> = world
                .mirror
                .values()
                .flat_map(|oid| world.history(oid))
                .collect();
            let new = updates.iter().filter_map(|update| update.new.as_ref());
            let new: BTreeSet<Oid> = new.flat_map(|oid| world.history(oid)).collect();
            if new.difference(&has).count() > 1 {
                TOO_LARGE.fetch_add(1, Ordering::Relaxed);
                return Err(Problem::new(Trouble::Size, "more than one commit"));
            }
        }
        let refused = world.receive(side, updates, how.atomic);
        if weather != Weather::Fair && world.dice.one_in(8) {
            return Err(breaks(weather));
        }
        Ok(Pushed { refused })
    }
}

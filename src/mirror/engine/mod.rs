//! Looks, plans, writes, and looks again until there is nothing left to write.
//! Every write is bound to what was seen, and goes together with the record of
//! it; whatever goes wrong, the next look finds out what really happened.

mod parts;
mod write;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use backon::BackoffBuilder as _;

use super::decide::{Conflict, Decision, Relation, Side, Ways};
use super::map::Renamed;
use super::plan::{self, Plan, Planned, Policy, View};
use super::refs::{self, HIDDEN, HIDDEN_BRANCHES, Kind, Oid, Refs};
use super::state::State;
use super::transport::{Listing, Problem, Subject, Transport, Trouble, Write};

/// How often is looked again because somebody else wrote in the meantime.
const MAX_LOOKS: usize = 12;

/// For so many conflicts their commits are listed.
const MAX_TOLD: usize = 20;

/// How a sync is done.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the source is called in the record.
    pub source: String,
    /// The part of a ref's name that stands for it.
    pub slug: String,
    /// What people have chosen.
    pub policy: Policy,
    /// Options of pushes to the mirror.
    pub push_options: Vec<String>,
    /// How a branch that shows a conflict is pushed so that a merge request is
    /// opened; `None` where the server knows no such options.
    pub merge_requests: bool,
    /// Which run of which job this is.
    pub run: Option<String>,
    /// The time in seconds since 1970.
    pub now: i64,
    /// How long saved commits stay, in days.
    pub backup_days: u32,
    /// Whether to plan and write nothing.
    pub is_dry_run: bool,
    /// How often something that may pass is tried again.
    pub retries: usize,
    /// How long all of it may take before nothing is tried again.
    pub time_limit: Duration,
    /// The first pause before something is tried again; later ones are longer.
    pub pause: Duration,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where.
    pub side: Side,
    /// Its full name.
    pub name: String,
    /// What it was.
    pub old: Option<Oid>,
    /// What it is.
    pub new: Option<Oid>,
    /// What was decided; `None` for a branch that shows a conflict.
    pub decision: Option<Decision>,
    /// Where what it was is saved.
    pub backup: Option<String>,
}

/// How hard it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Tried {
    /// How often both sides were looked at.
    pub looks: usize,
    /// How many pushes were made.
    pub pushes: usize,
    /// How often something failed and was tried again.
    pub retries: usize,
    /// How often somebody else was faster.
    pub overtaken: usize,
}

impl Tried {
    /// Counts those of an earlier run too.
    pub const fn add(&mut self, earlier: Self) {
        self.looks += earlier.looks;
        self.pushes += earlier.pushes;
        self.retries += earlier.retries;
        self.overtaken += earlier.overtaken;
    }
}

/// Commits that one side lacks.
#[derive(Debug, Clone, Default, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// How many only the source has.
    pub source_count: usize,
    /// The youngest of them.
    pub source: Vec<Subject>,
    /// How many only the mirror has.
    pub mirror_count: usize,
    /// The youngest of them.
    pub mirror: Vec<Subject>,
}

/// How it ended.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What is still to be done, or what a person has to look at. In a dry run all
    /// that would be written.
    pub plan: Plan,
    /// What was written, in order.
    pub written: Vec<Written>,
    /// What the two sides of a conflict have, by name.
    pub differences: BTreeMap<String, Difference>,
    /// The default branches of source and mirror, where they say so.
    pub default_branches: (Option<String>, Option<String>),
    /// How hard it was.
    pub tried: Tried,
}

/// Brings the mirror, and where both ways are chosen also the source, up to date.
///
/// # Errors
/// Where it cannot be found out or done; what was written until then stands in
/// the mirror's record, and the next run goes on from there.
pub fn run(transport: &dyn Transport, settings: &Settings) -> Result<Outcome, Problem> {
    let policy = &settings.policy;
    let transport = &Renamed::new(transport, &policy.names, &policy.filter);
    let mut engine = Engine {
        transport,
        settings,
        policy: settings.policy.clone(),
        hidden: None,
        is_atomic: true,
        has_foreseen: false,
        known: None,
        seen: None,
        there: parts::There::default(),
        outcome: Outcome::default(),
    };
    let started = Instant::now();
    let mut pauses = pauses(settings, settings.retries);
    loop {
        let step = engine.step();
        let problem = match step {
            Ok(Step::Done) => return Ok(engine.outcome),
            Ok(Step::Again) => None,
            Err(problem) => Some(problem),
        };
        // What failed and may pass has a limit of its own.
        let looks = engine.outcome.tried.looks - engine.outcome.tried.retries;
        match problem {
            Some(problem) if problem.trouble == Trouble::Passing => {
                let pause = pauses
                    .next()
                    .filter(|pause| started.elapsed() + *pause < settings.time_limit);
                let Some(pause) = pause else {
                    return Err(problem);
                };
                tracing::warn!(seconds = pause.as_secs_f32(), "{problem}; trying again");
                engine.outcome.tried.retries += 1;
                std::thread::sleep(pause);
            }
            Some(problem) if problem.trouble == Trouble::NotAtomic && engine.is_atomic => {
                tracing::info!("the mirror cannot write several refs at once");
                engine.is_atomic = false;
            }
            Some(problem) if problem.trouble == Trouble::Moved && looks < MAX_LOOKS => {
                tracing::info!("{problem}; looking again");
                engine.outcome.tried.overtaken += 1;
                // Two syncs that met should not meet again.
                let pause = self::pauses(settings, 1).next();
                std::thread::sleep(pause.unwrap_or_default());
            }
            None if looks < MAX_LOOKS => {}
            Some(problem) => return Err(problem),
            None => {
                return Err(Problem::new(
                    Trouble::Other,
                    format!(
                        "after {looks} looks the two sides still change: is another sync at work?"
                    ),
                ));
            }
        }
    }
}

/// Pauses that grow, of random lengths.
fn pauses(settings: &Settings, times: usize) -> backon::ExponentialBackoff {
    backon::ExponentialBuilder::default()
        .with_min_delay(settings.pause)
        .with_max_delay(Duration::from_secs(60))
        .with_max_times(times)
        .with_jitter()
        .build()
}

/// A ref that differs: its name, what the source has, and what the mirror has.
pub type Differing = (String, Option<Oid>, Option<Oid>);

/// Compares the two sides without any record: names that differ. The mirror's
/// commits are fetched, which fails where one of them is not whole.
///
/// # Errors
/// Where that cannot be found out.
pub fn verify(
    transport: &dyn Transport,
    policy: &Policy,
) -> Result<(usize, Vec<Differing>), Problem> {
    let transport = &Renamed::new(transport, &policy.names, &policy.filter);
    let (source, mirror) = look(transport)?;
    let takes = |name: &&String| policy.filter.takes(name);
    let mut names: Vec<&String> = source
        .refs
        .keys()
        .chain(mirror.refs.keys())
        .filter(takes)
        .collect();
    names.sort();
    names.dedup();
    let differing = names
        .iter()
        .map(|name| {
            let side = |listing: &Listing| listing.refs.get(*name).cloned();
            ((*name).clone(), side(&source), side(&mirror))
        })
        .filter(|(_, source, mirror)| source != mirror)
        .collect();
    let held: Vec<&str> = mirror
        .refs
        .keys()
        .filter(takes)
        .map(String::as_str)
        .collect();
    transport.fetch(Side::Mirror, &held)?;
    Ok((names.len(), differing))
}

/// Looks at both sides at once.
fn look(transport: &dyn Transport) -> Result<(Listing, Listing), Problem> {
    let (source, mirror) = std::thread::scope(|scope| {
        let source = scope.spawn(|| transport.list(Side::Source));
        let mirror = transport.list(Side::Mirror);
        let source = source.join();
        (
            source.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            mirror,
        )
    });
    let source = source?;
    if !source.refs.keys().any(|name| refs::kind(name).is_some()) {
        return Err(Problem::new(
            Trouble::Incomplete,
            "the source has neither branches nor tags; a mirror is not emptied for that",
        ));
    }
    Ok((source, mirror?))
}

enum Step {
    Again,
    Done,
}

/// The record, and where it lies.
struct Record {
    name: String,
    oid: Option<Oid>,
    state: State,
}

struct Engine<'a> {
    transport: &'a dyn Transport,
    settings: &'a Settings,
    policy: Policy,
    /// Where what is ours lies on the mirror, once that is known.
    hidden: Option<&'static str>,
    is_atomic: bool,
    /// Whether the mirror's rules were asked for.
    has_foreseen: bool,
    /// The record that this run has written last: it need not be read again.
    known: Option<(Oid, State)>,
    /// What source and mirror have after all that was to be written was taken.
    seen: Option<(Listing, Listing)>,
    /// What the mirror had before it was written to.
    there: parts::There,
    outcome: Outcome,
}

impl Engine<'_> {
    /// One look, and what follows from it.
    fn step(&mut self) -> Result<Step, Problem> {
        // What a push that was taken whole has left needs no second look; but nothing
        // more is written for it.
        let is_seen = self.seen.is_some();
        let (mut source, mut mirror) = match self.seen.take() {
            Some(seen) => seen,
            None => {
                self.outcome.tried.looks += 1;
                look(self.transport)?
            }
        };
        let mut record = self.record(&mirror)?;
        let hidden = self.hidden.unwrap_or(HIDDEN);
        self.bring(&mut source, &mut mirror, &record.state)?;
        let view = View {
            source: &source,
            mirror: &mirror,
            state: &record.state,
            hidden,
        };
        let transport = self.transport;
        let mut relations: BTreeMap<(Oid, Oid), Relation> = BTreeMap::new();
        let mut relation = |_: &str, source: &Oid, mirror: &Oid| {
            let key = (source.clone(), mirror.clone());
            if let Some(relation) = relations.get(&key) {
                return Ok(*relation);
            }
            let relation = relation(transport, source, mirror)?;
            relations.insert(key, relation);
            Ok(relation)
        };
        let mut plan = plan::plan(&view, &self.policy, &mut relation)?;
        if self.foresee(&plan) {
            plan = plan::plan(&view, &self.policy, relation)?;
        }
        self.outcome.default_branches =
            (source.default_branch.clone(), mirror.default_branch.clone());
        self.refuse_strangers(&plan, record.oid.is_some())?;
        let agreed = plan.agreed(&record.state);
        let writes = plan.writes(Side::Source).count()
            + plan.writes(Side::Mirror).count()
            + plan.conflict_branches.len();
        let is_settled =
            writes == 0 && agreed == record.state.refs && record.state.pending.is_empty();
        if is_settled && !self.settings.is_dry_run {
            self.tidy(&mirror, &mut record)?;
        }
        if is_settled || self.settings.is_dry_run {
            self.outcome.differences = self.differences(&plan)?;
            self.outcome.plan = plan;
            return Ok(Step::Done);
        }
        if is_seen {
            return Ok(Step::Again);
        }
        self.bring_saved(&plan)?;
        let before = self.outcome.written.len();
        self.write_source(&plan)?;
        self.write_mirror(&plan, &mirror, &mut record, hidden)?;
        // The first branch of all becomes the mirror's default branch; that is asked for.
        if self.is_atomic && mirror.default_branch.is_some() {
            for written in &self.outcome.written[before..] {
                let listing = match written.side {
                    Side::Source => &mut source,
                    Side::Mirror => &mut mirror,
                };
                let name = written.name.clone();
                match written.new.clone() {
                    Some(new) => listing.refs.insert(name, new),
                    None => listing.refs.remove(&name),
                };
            }
            let entry = record.oid.clone().map(|oid| (record.name, oid));
            mirror.refs.extend(entry);
            self.seen = Some((source, mirror));
        }
        self.known = record.oid.map(|oid| (oid, record.state));
        Ok(Step::Again)
    }

    /// Asks for the mirror's rules where they matter, once; `true` where they forbid
    /// something. A push that only makes or moves on is tried: its server decides.
    fn foresee(&mut self, plan: &Plan) -> bool {
        let writes: Vec<(&str, Write)> = plan
            .refs
            .iter()
            .filter_map(|planned| Some((planned.name.as_str(), planned.kind_of_write()?)))
            .collect();
        let is_risky = |(_, write): &(&str, Write)| {
            self.settings.is_dry_run || matches!(write, Write::Rewrite | Write::Delete)
        };
        if self.has_foreseen || !writes.iter().any(is_risky) {
            return false;
        }
        self.has_foreseen = true;
        let refused = self.transport.foreseen(&writes);
        let is_any = !refused.is_empty();
        self.policy.refused.extend(refused);
        is_any
    }

    /// The record of the last sync, and which namespace it is in.
    fn record(&mut self, mirror: &Listing) -> Result<Record, Problem> {
        let name = |hidden: &str| format!("{hidden}sync/{}", self.settings.slug);
        for hidden in [HIDDEN, HIDDEN_BRANCHES] {
            let name = name(hidden);
            if !mirror.refs.contains_key(&name) {
                continue;
            }
            self.hidden = Some(hidden);
            if let Some((oid, state)) = &self.known
                && mirror.refs.get(&name) == Some(oid)
            {
                return Ok(Record {
                    name,
                    oid: Some(oid.clone()),
                    state: settled(state.clone(), mirror),
                });
            }
            let (oid, bytes) = self.transport.read_state(&name)?;
            if mirror.refs.get(&name) != Some(&oid) {
                return Err(Problem::new(Trouble::Moved, "another sync has just ended"));
            }
            let state = State::read(&bytes, &self.settings.source).map_err(|error| {
                Problem::new(
                    Trouble::Other,
                    format!("the mirror's record {name} cannot be used: {error}"),
                )
            })?;
            return Ok(Record {
                name,
                oid: Some(oid),
                state: settled(state, mirror),
            });
        }
        Ok(Record {
            name: name(self.hidden.unwrap_or(HIDDEN)),
            oid: None,
            state: State::new(&self.settings.source),
        })
    }

    /// Brings here what is needed to decide and to write, and corrects what was
    /// seen by what came.
    fn bring(
        &self,
        source: &mut Listing,
        mirror: &mut Listing,
        state: &State,
    ) -> Result<(), Problem> {
        let (mut from_source, mut from_mirror) = (Vec::new(), Vec::new());
        let view = View {
            source,
            mirror,
            state,
            hidden: HIDDEN,
        };
        let is_two_way = self.policy.ways == Ways::Two;
        for row in view.rows(&self.policy) {
            let (name, is_ours) = (row.name, row.is_ours);
            match (row.source, row.mirror) {
                (Some(ours), Some(theirs)) if ours != theirs => {
                    from_source.push((name.to_owned(), ours.clone()));
                    if row.kind == Kind::Branch && !is_ours {
                        from_mirror.push((name.to_owned(), theirs.clone()));
                    }
                }
                (Some(ours), None) if !self.settings.is_dry_run => {
                    from_source.push((name.to_owned(), ours.clone()));
                }
                (None, Some(theirs)) if is_two_way && !is_ours && !self.settings.is_dry_run => {
                    from_mirror.push((name.to_owned(), theirs.clone()));
                }
                _ => {}
            }
        }
        self.bring_side(Side::Source, from_source, &mut source.refs)?;
        self.bring_side(Side::Mirror, from_mirror, &mut mirror.refs)
    }

    fn bring_side(
        &self,
        side: Side,
        wanted: Vec<(String, Oid)>,
        seen: &mut Refs,
    ) -> Result<(), Problem> {
        let oids: Vec<&Oid> = wanted.iter().map(|(_, oid)| oid).collect();
        let here = self.transport.has(&oids)?;
        let lacking: Vec<&str> = wanted
            .iter()
            .zip(here)
            .filter(|(_, is_here)| !is_here)
            .map(|((name, _), _)| name.as_str())
            .collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let came = self.transport.fetch(side, &lacking)?;
        for name in lacking {
            match came.get(name) {
                Some(oid) => seen.insert(name.to_owned(), oid.clone()),
                None => {
                    return Err(Problem::new(
                        Trouble::Moved,
                        format!("{name} went away while it was fetched"),
                    ));
                }
            };
        }
        Ok(())
    }

    /// What is saved has to be here: git pushes nothing that it does not have.
    fn bring_saved(&self, plan: &Plan) -> Result<(), Problem> {
        let saved = plan.refs.iter().filter_map(|planned| {
            planned.write()?;
            planned.backup.as_ref()?;
            Some((planned.name.clone(), planned.mirror.clone()?))
        });
        let shown = plan.conflict_branches.iter().filter_map(|update| {
            let old = update.old.clone()?;
            Some((update.name.clone(), old))
        });
        let wanted: Vec<(String, Oid)> = saved.chain(shown).collect();
        let mut seen: Refs = wanted.iter().cloned().collect();
        let before = seen.clone();
        self.bring_side(Side::Mirror, wanted, &mut seen)?;
        match seen == before {
            true => Ok(()),
            false => Err(moved()),
        }
    }

    /// A first sync does not mix two repositories that have nothing in common.
    fn refuse_strangers(&self, plan: &Plan, is_known: bool) -> Result<(), Problem> {
        let mut both = plan
            .refs
            .iter()
            .filter(|planned| planned.mirror.is_some())
            .peekable();
        if is_known || both.peek().is_none() || !self.policy.adopt.is_empty() {
            return Ok(());
        }
        let is_common = |planned: &Planned| {
            planned.base.is_some()
                || matches!(
                    planned.decision,
                    Decision::Equal
                        | Decision::FastForward { .. }
                        | Decision::Overwrite { .. }
                        | Decision::Conflict {
                            conflict: Conflict::MirrorAhead
                        }
                )
        };
        if both.any(is_common) {
            return Ok(());
        }
        // Branches that parted are still of one repository.
        let parted = plan
            .refs
            .iter()
            .filter_map(|planned| Some((planned.source.as_ref()?, planned.mirror.as_ref()?)));
        for (source, mirror) in parted.take(MAX_TOLD) {
            if self.transport.has(&[source, mirror])? == [true, true]
                && self.transport.is_related(source, mirror)?
            {
                return Ok(());
            }
        }
        Err(Problem::new(
            Trouble::Other,
            "the mirror has nothing in common with the source: is it the right one?",
        ))
    }

    /// What the two sides of each conflict have.
    fn differences(&self, plan: &Plan) -> Result<BTreeMap<String, Difference>, Problem> {
        let mut found = BTreeMap::new();
        let branches = plan
            .open()
            .filter(|planned| refs::kind(&planned.name) == Some(Kind::Branch));
        for planned in branches.take(MAX_TOLD) {
            let (Some(source), Some(mirror)) = (&planned.source, &planned.mirror) else {
                continue;
            };
            if self.transport.has(&[source, mirror])? != [true, true] {
                continue;
            }
            let (source_count, of_source) = self.transport.commits(source, mirror)?;
            let (mirror_count, of_mirror) = self.transport.commits(mirror, source)?;
            let difference = Difference {
                source_count,
                source: of_source,
                mirror_count,
                mirror: of_mirror,
            };
            found.insert(planned.name.clone(), difference);
        }
        Ok(found)
    }
}

/// What an interrupted run wrote counts as agreed on; that it was about to stays
/// recorded until the next write.
fn settled(mut state: State, mirror: &Listing) -> State {
    for (name, oid) in &state.pending {
        if mirror.refs.get(name) == Some(oid) {
            state.refs.insert(name.clone(), oid.clone());
        }
    }
    state
}

/// Another look is needed.
fn moved() -> Problem {
    Problem::new(Trouble::Moved, "a side changed in the meantime")
}

/// How two commits lie to each other. The source's is here with all its history,
/// so that a commit of the mirror which is not here is no part of it.
fn relation(transport: &dyn Transport, source: &Oid, mirror: &Oid) -> Result<Relation, Problem> {
    match transport.has(&[source, mirror])?[..] {
        [true, true] => {}
        [true, false] => return Ok(Relation::Diverged),
        _ => {
            return Err(Problem::new(
                Trouble::Incomplete,
                format!("the commit {source} of the source did not come"),
            ));
        }
    }
    if transport.is_ancestor(mirror, source)? {
        Ok(Relation::MirrorBehind)
    } else if transport.is_ancestor(source, mirror)? {
        Ok(Relation::SourceBehind)
    } else {
        Ok(Relation::Diverged)
    }
}

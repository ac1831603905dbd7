//! The story of a deployment, forwards. [`super::undo`] tells it backwards.

use std::time::Duration;

use super::journal::{Journal, Phase, Step};
use super::platform::{Kind, State, Trouble, Wanted};
use super::{Plan, Service, World};

/// The longest pause between two tries of the same thing.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// For so long are questions repeated before anything has begun: a person waits for the answer.
const PREFLIGHT_PATIENCE: Duration = Duration::from_secs(20);

/// Why it does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Halt {
    /// Something failed.
    Failed(String),
    /// Somebody asked to stop: little time is left.
    Stopped,
}

/// What a deployment came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Everything is live and healthy on the new release.
    Deployed,
    /// It failed before any traffic moved.
    Unchanged,
    /// It failed, and everything is as it was before.
    RolledBack,
    /// Not everything could be taken back; the journal names what.
    Stuck,
}

/// A deployment under way.
pub struct Saga<'w> {
    pub(super) world: &'w dyn World,
    pub(super) plan: &'w Plan,
    pub(super) journal: Journal,
    /// While it is taken back, nobody's wish to stop is heard.
    pub(super) is_undoing: bool,
}

impl<'w> Saga<'w> {
    /// A deployment that begins, or goes on from what a journal says.
    pub const fn new(world: &'w dyn World, plan: &'w Plan, journal: Journal) -> Self {
        Self {
            world,
            plan,
            journal,
            is_undoing: false,
        }
    }

    /// What is written down.
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Looks at everything that can be known before anything changes, and records what is
    /// live; what one should know. Nothing is released and nothing is written.
    ///
    /// # Errors
    /// All that stands in the way, one sentence each.
    pub fn preflight(&mut self) -> Result<Vec<String>, Vec<String>> {
        let (mut wrong, mut remarks) = (Vec::new(), Vec::new());
        let patience = self.plan.retry_for.min(PREFLIGHT_PATIENCE);
        for at in 0..self.plan.services.len() {
            let name = &self.plan.services[at].name;
            let platform = self.world.platform(name);
            let about = |text: String| format!("{name}: {text}");
            match self.again(patience, || platform.preflight()) {
                Ok(told) => remarks.extend(told.into_iter().map(about)),
                Err(halt) => {
                    wrong.push(about(in_words(halt)));
                    continue;
                }
            }
            match self.again(patience, || platform.live()) {
                Ok(before) => self.journal.services[at].before = before,
                Err(halt) => {
                    wrong.push(about(format!(
                        "what is live is not known: {}",
                        in_words(halt)
                    )));
                    continue;
                }
            }
            let entry = &mut self.journal.services[at];
            if entry.before.is_none() {
                remarks.push(format!(
                    "{name}: nothing is live yet, so a rollback takes the new release away"
                ));
                continue;
            }
            match self.world.healthy(name, None) {
                Ok(()) => entry.was_healthy = true,
                Err(why) => remarks.push(format!("{name}: is not healthy as it is: {why}")),
            }
        }
        if wrong.is_empty() {
            Ok(remarks)
        } else {
            Err(wrong)
        }
    }

    /// Goes forwards to the end; where that fails, backwards to the beginning.
    pub fn run(mut self) -> (End, Journal) {
        let halt = match self.forwards() {
            Ok(()) => return (End::Deployed, self.journal),
            Err(halt) => halt,
        };
        let is_urgent = halt == Halt::Stopped;
        self.journal.reason = Some(in_words(halt));
        self.take_back(is_urgent)
    }

    fn forwards(&mut self) -> Result<(), Halt> {
        self.save()?;
        // What can be prepared without traffic is, before any traffic moves.
        let (held, flowing): (Vec<usize>, Vec<usize>) =
            (0..self.plan.services.len()).partition(|at| self.platform(*at).holds_back());
        for at in &held {
            self.start(*at)?;
        }
        for at in &held {
            self.wait_until_ready(*at)?;
        }
        for at in 0..self.plan.services.len() {
            if self.journal.services[at].step == Step::Live {
                continue;
            }
            if flowing.contains(&at) {
                self.start(at)?;
            } else {
                self.promote(at)?;
            }
            self.wait_until_live(at)?;
            self.wait_until_healthy(at)?;
            self.set(at, Step::Live)?;
            self.tell(at, "is live and healthy");
        }
        self.soak()?;
        self.journal.phase = Phase::Deployed;
        self.save()
    }

    /// Starts a release, once: where the answer is lost, it is looked for.
    fn start(&mut self, at: usize) -> Result<(), Halt> {
        if !matches!(
            self.journal.services[at].step,
            Step::Untouched | Step::Starting
        ) {
            return Ok(());
        }
        let was_tried = self.journal.services[at].step == Step::Starting;
        self.set(at, Step::Starting)?;
        let key = self.key(at);
        let mut found = if was_tried {
            self.look_for(at, &key)?
        } else {
            None
        };
        let mut tries = 0;
        let id = loop {
            if let Some(id) = found {
                break id;
            }
            self.refuse_to_stop()?;
            tries += 1;
            match self.platform(at).start(&self.wanted(&key)) {
                Ok(id) => break id,
                Err(trouble) if trouble.kind == Kind::Passing && tries < 5 => {
                    self.tell(
                        at,
                        &format!("{}; looking whether it began", trouble.message),
                    );
                    self.pause(trouble.wait.unwrap_or_default())?;
                    found = self.look_for(at, &key)?;
                }
                Err(trouble) => return Err(self.failed(at, &trouble.message)),
            }
        };
        self.tell(at, &format!("release {id} begins"));
        self.journal.services[at].release = Some(id);
        self.set(at, Step::Started)
    }

    /// The newest release that was started with this key.
    fn look_for(&self, at: usize, key: &str) -> Result<Option<String>, Halt> {
        let platform = self.platform(at);
        let started = self.world.now();
        loop {
            let found = self
                .again(self.plan.retry_for, || platform.find(&self.wanted(key)))
                .map_err(|halt| self.about(at, halt))?;
            if let Some(id) = found.into_iter().next_back() {
                return Ok(Some(id));
            }
            if self.world.now() - started >= platform.shows_within() {
                return Ok(None);
            }
            self.pause(Duration::from_secs(1))?;
        }
    }

    fn wait_until_ready(&mut self, at: usize) -> Result<(), Halt> {
        if self.journal.services[at].step != Step::Started {
            return Ok(());
        }
        self.wait_for(at, |state| matches!(state, State::Ready | State::Live))?;
        self.set(at, Step::Ready)?;
        self.tell(at, "is built and held back from traffic");
        Ok(())
    }

    fn promote(&mut self, at: usize) -> Result<(), Halt> {
        self.refuse_to_stop()?;
        self.set(at, Step::Promoting)?;
        let id = self.release(at);
        let platform = self.platform(at);
        self.again(self.plan.retry_for, || platform.promote(&id))
            .map_err(|halt| self.about(at, halt))
    }

    fn wait_until_live(&self, at: usize) -> Result<(), Halt> {
        self.wait_for(at, |state| *state == State::Live)
    }

    /// Asks a platform until a release is where it should be.
    fn wait_for(&self, at: usize, is_there: impl Fn(&State) -> bool) -> Result<(), Halt> {
        let service = &self.plan.services[at];
        let id = self.release(at);
        let started = self.world.now();
        let mut told = String::new();
        loop {
            let mut pause = service.poll;
            match self.platform(at).state(&id) {
                Ok(state) if is_there(&state) => return Ok(()),
                Ok(State::Failed(why)) => {
                    let log = self.platform(at).log(&id);
                    let log = log.map_or_else(String::new, |log| format!("; its log ends:\n{log}"));
                    return Err(self.failed(at, &format!("release {id} failed: {why}{log}")));
                }
                Ok(state) => {
                    let word = match state {
                        State::Pending(word) => word,
                        _ => "ready".to_owned(),
                    };
                    if word != told {
                        self.tell(at, &format!("release {id} is {word}"));
                        told = word;
                    }
                }
                Err(trouble) if trouble.kind == Kind::Passing => {
                    pause = trouble.wait.unwrap_or(pause).max(pause);
                    told = trouble.message;
                }
                Err(trouble) => return Err(self.failed(at, &trouble.message)),
            }
            if self.world.now() - started >= service.time_limit {
                let limit = service.time_limit.as_secs();
                return Err(self.failed(
                    at,
                    &format!("release {id} is not there after {limit} seconds ({told})"),
                ));
            }
            self.pause(pause)?;
        }
    }

    fn wait_until_healthy(&self, at: usize) -> Result<(), Halt> {
        let commit = self.journal.commit.clone();
        self.healthy(at, Some(&commit))
            .map_err(|halt| self.about(at, halt))
    }

    /// Waits for as many good answers in a row as count.
    pub(super) fn healthy(&self, at: usize, commit: Option<&str>) -> Result<(), Halt> {
        let Service { name, health, .. } = &self.plan.services[at];
        let started = self.world.now();
        let mut good = 0;
        let mut told = String::new();
        loop {
            let last = match self.world.healthy(name, commit) {
                Ok(()) => {
                    good += 1;
                    if good >= health.times {
                        return Ok(());
                    }
                    None
                }
                Err(why) => {
                    good = 0;
                    if why != told {
                        self.tell(at, &format!("is not healthy: {why}"));
                        told.clone_from(&why);
                    }
                    Some(why)
                }
            };
            if self.world.now() - started >= health.within {
                let why = last.unwrap_or_else(|| "good answers do not last".to_owned());
                return Err(Halt::Failed(format!(
                    "it is not healthy after {} seconds: {why}",
                    health.within.as_secs()
                )));
            }
            self.pause(health.every)?;
        }
    }

    /// Watches all services for a while: what fails under traffic fails here.
    fn soak(&self) -> Result<(), Halt> {
        if self.plan.soak.is_zero() {
            return Ok(());
        }
        self.world.tell(
            None,
            &format!("watching for {} seconds", self.plan.soak.as_secs()),
        );
        let started = self.world.now();
        let mut wrong = vec![0; self.plan.services.len()];
        let every = self.plan.services.iter().map(|one| one.health.every).min();
        while self.world.now() - started < self.plan.soak {
            for (at, service) in self.plan.services.iter().enumerate() {
                match self
                    .world
                    .healthy(&service.name, Some(&self.journal.commit))
                {
                    Ok(()) => wrong[at] = 0,
                    Err(why) => {
                        wrong[at] += 1;
                        self.tell(at, &format!("is not healthy: {why}"));
                        if wrong[at] >= self.plan.soak_failures {
                            return Err(
                                self.failed(at, &format!("it does not stay healthy: {why}"))
                            );
                        }
                    }
                }
            }
            self.pause(every.unwrap_or(Duration::from_secs(1)))?;
        }
        Ok(())
    }

    /// Asks again while the trouble passes, for so long.
    pub(super) fn again<T>(
        &self,
        limit: Duration,
        ask: impl Fn() -> Result<T, Trouble>,
    ) -> Result<T, Halt> {
        let started = self.world.now();
        let mut pause = Duration::from_millis(500);
        loop {
            let trouble = match ask() {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trouble,
            };
            let wait = trouble.wait.unwrap_or(pause);
            let is_late = self.world.now() - started + wait > limit;
            if trouble.kind != Kind::Passing || is_late {
                return Err(Halt::Failed(trouble.message));
            }
            self.pause(wait)?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Waits, in small pieces, so that a wish to stop is heard.
    pub(super) fn pause(&self, time: Duration) -> Result<(), Halt> {
        const PIECE: Duration = Duration::from_millis(100);
        let end = self.world.now() + time;
        loop {
            self.refuse_to_stop()?;
            let now = self.world.now();
            if now >= end {
                return Ok(());
            }
            self.world.sleep((end - now).min(PIECE));
        }
    }

    fn refuse_to_stop(&self) -> Result<(), Halt> {
        if !self.is_undoing && self.world.stop_asked() {
            return Err(Halt::Stopped);
        }
        Ok(())
    }

    /// Writes down where a service is, before the next thing is done.
    fn set(&mut self, at: usize, step: Step) -> Result<(), Halt> {
        self.journal.services[at].step = step;
        self.save()
    }

    fn save(&self) -> Result<(), Halt> {
        self.world
            .save(&self.journal)
            .map_err(|why| Halt::Failed(format!("the journal cannot be written: {why}")))
    }

    pub(super) fn platform(&self, at: usize) -> &'w dyn super::platform::Platform {
        self.world.platform(&self.plan.services[at].name)
    }

    /// The word by which a release is found again.
    pub(super) fn key(&self, at: usize) -> String {
        format!("{}-{}", self.journal.id, self.plan.services[at].name)
    }

    pub(super) fn wanted<'k>(&'k self, key: &'k str) -> Wanted<'k> {
        Wanted {
            environment: &self.journal.environment,
            commit: &self.journal.commit,
            key,
            since: self.journal.started,
        }
    }

    fn release(&self, at: usize) -> String {
        self.journal.services[at]
            .release
            .clone()
            .unwrap_or_default()
    }

    pub(super) fn tell(&self, at: usize, what: &str) {
        self.world.tell(Some(&self.plan.services[at].name), what);
    }

    fn failed(&self, at: usize, why: &str) -> Halt {
        Halt::Failed(format!("{}: {why}", self.plan.services[at].name))
    }

    fn about(&self, at: usize, halt: Halt) -> Halt {
        match halt {
            Halt::Failed(why) => self.failed(at, &why),
            Halt::Stopped => Halt::Stopped,
        }
    }
}

pub(super) fn in_words(halt: Halt) -> String {
    match halt {
        Halt::Failed(why) => why,
        Halt::Stopped => "it was asked to stop".to_owned(),
    }
}

//! The story of a deployment, backwards: what was released is taken back in reverse order,
//! and each service has to be seen on its old release before it counts.

use std::time::Duration;

use super::journal::{Journal, Phase, Step};
use super::saga::{End, Halt, Saga, in_words};

/// What was asked for and did not come is asked for again after this time.
const ASK_AGAIN: Duration = Duration::from_secs(60);

impl Saga<'_> {
    /// Takes back what was done. Where little time is left (`is_urgent`), everything is set
    /// going before anything is waited for.
    pub fn take_back(mut self, is_urgent: bool) -> (End, Journal) {
        self.is_undoing = true;
        let touched: Vec<usize> = (0..self.journal.services.len())
            .rev()
            .filter(|at| {
                !matches!(
                    self.journal.services[*at].step,
                    Step::Untouched | Step::Undone
                )
            })
            .collect();
        let is_unchanged = self.journal.phase == Phase::Releasing
            && touched.iter().all(|at| {
                let step = self.journal.services[*at].step;
                self.platform(*at).holds_back() && step != Step::Promoting && step != Step::Live
            });
        self.journal.phase = Phase::Undoing;
        if let Some(reason) = self.journal.reason.clone() {
            self.world.tell(None, &format!("taking it back: {reason}"));
        }
        for at in &touched {
            self.journal.services[*at].step = Step::Undoing;
            self.journal.services[*at].stuck = None;
        }
        self.note();
        if is_urgent {
            for at in &touched {
                // What fails here is tried again below.
                let _ = self.let_go(*at, Duration::ZERO);
            }
        }
        // Traffic first, everywhere; whether the old releases are well is looked at then.
        for at in &touched {
            if let Err(halt) = self.undo(*at) {
                self.is_stuck(*at, halt);
            }
        }
        for at in touched {
            if self.journal.services[at].stuck.is_some() {
                continue;
            }
            match self.is_well_again(at) {
                Ok(()) => {
                    self.journal.services[at].step = Step::Undone;
                    self.tell(at, "is as it was before");
                    self.note();
                }
                Err(halt) => self.is_stuck(at, halt),
            }
        }
        let is_stuck = self.journal.stuck().next().is_some();
        let end = match (is_stuck, is_unchanged) {
            (true, _) => End::Stuck,
            (false, true) => End::Unchanged,
            (false, false) => End::RolledBack,
        };
        self.journal.phase = match end {
            End::Stuck => Phase::Stuck,
            _ => Phase::RolledBack,
        };
        self.note();
        (end, self.journal)
    }

    /// Keeps the journal; without it, taking back goes on all the same.
    fn note(&self) {
        if let Err(why) = self.world.save(&self.journal) {
            self.world
                .tell(None, &format!("the journal cannot be written: {why}"));
        }
    }

    fn undo(&mut self, at: usize) -> Result<(), Halt> {
        let started = self.world.now();
        let mut asked = started;
        let ours = self.let_go(at, self.plan.undo_for)?;
        let service = &self.plan.services[at];
        loop {
            if self.is_back(at, &ours)? {
                break;
            }
            let now = self.world.now();
            if now - started >= service.time_limit {
                return Err(Halt::Failed(format!(
                    "the old release has no traffic after {} seconds",
                    service.time_limit.as_secs()
                )));
            }
            if now - asked >= ASK_AGAIN {
                asked = now;
                self.let_go(at, self.plan.undo_for)?;
            }
            self.pause(service.poll)?;
        }
        Ok(())
    }

    /// The old release has to be well, if it was before.
    fn is_well_again(&self, at: usize) -> Result<(), Halt> {
        let entry = &self.journal.services[at];
        if entry.before.is_some() && entry.was_healthy {
            return self.healthy(at, None).map_err(|halt| {
                let why = in_words(halt);
                Halt::Failed(format!("it is on its old release, and {why}"))
            });
        }
        Ok(())
    }

    fn is_stuck(&mut self, at: usize, halt: Halt) {
        let why = in_words(halt);
        self.tell(at, &format!("could not be taken back: {why}"));
        self.journal.services[at].stuck = Some(why);
        self.note();
    }

    /// Stops the new release and asks for the old one, where it has lost the traffic; the
    /// names of what was released. May be called again.
    fn let_go(&mut self, at: usize, limit: Duration) -> Result<Vec<String>, Halt> {
        let platform = self.platform(at);
        let ours = self.ours(at, limit)?;
        for id in &ours {
            // One that is still being built would get the traffic later, by itself.
            self.again(limit, || platform.cancel(id))?;
        }
        let live = self.again(limit, || platform.live())?;
        let before = self.journal.services[at].before.clone();
        let from = match (live, ours.last()) {
            (Some(live), _) if ours.contains(&live.id) => live.id,
            // It fell over after the old one had made room for it.
            (None, Some(last)) if before.is_some() => last.clone(),
            _ => return Ok(ours),
        };
        self.tell(
            at,
            &match &before {
                Some(before) => format!("goes back to release {}", before.id),
                None => "is taken away, since nothing was there before".to_owned(),
            },
        );
        self.again(limit, || platform.rollback(&from, before.as_ref()))?;
        Ok(ours)
    }

    /// All that was released here: the release that is known, and what is found of others.
    fn ours(&mut self, at: usize, limit: Duration) -> Result<Vec<String>, Halt> {
        let platform = self.platform(at);
        let key = self.key(at);
        let known = self.journal.services[at].release.clone();
        let started = self.world.now();
        loop {
            let found = self.again(limit, || platform.find(&self.wanted(&key)));
            let mut ours = match (found, &known) {
                (Ok(found), _) => found,
                // To find more is not worth to do nothing.
                (Err(_), Some(_)) => Vec::new(),
                (Err(halt), None) => return Err(halt),
            };
            ours.extend(known.clone().filter(|known| !ours.contains(known)));
            let is_late = self.world.now() - started >= platform.shows_within().min(limit);
            if !ours.is_empty() || is_late {
                return Ok(ours);
            }
            self.pause(Duration::from_secs(1))?;
        }
    }

    /// Whether the traffic is where it was before.
    fn is_back(&self, at: usize, ours: &[String]) -> Result<bool, Halt> {
        let platform = self.platform(at);
        let live = self.again(self.plan.undo_for, || platform.live())?;
        let before = self.journal.services[at].before.as_ref();
        match (live, before) {
            (Some(live), _) if ours.contains(&live.id) => Ok(false),
            (Some(live), Some(before)) if live.is_as(before) => Ok(true),
            (None, None) => Ok(true),
            // On its way.
            (None, Some(_)) => Ok(false),
            // What others have done is not taken back.
            (Some(other), _) => Err(Halt::Failed(format!(
                "release {} is live, which this deployment did not make; it is left as it is",
                other.id
            ))),
        }
    }
}

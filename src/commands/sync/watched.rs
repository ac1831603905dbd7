//! What a sync is at, for people who wait for it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::commands::status;
use crate::mirror::refs::kind;
use crate::mirror::transport::{How, Listing, Problem, Pushed, Subject, Update, Write};
use crate::mirror::{Oid, Refs, Side, Transport};
use crate::sys::ui::Ui;

/// A transport that tells what is under way on its network.
pub(super) struct Watched<'t> {
    inner: &'t dyn Transport,
    ui: &'t Ui,
    doing: Mutex<Vec<(usize, String, Instant)>>,
}

impl<'t> Watched<'t> {
    pub(super) fn new(inner: &'t dyn Transport, ui: &'t Ui) -> Self {
        Self {
            inner,
            ui,
            doing: Mutex::default(),
        }
    }

    /// Writes what is under way, and for how long.
    pub(super) fn draw(&self) {
        let doing = self.doing.lock().unwrap_or_else(PoisonError::into_inner);
        let all = doing
            .iter()
            .map(|(_, what, since)| format!("{what} {} s", since.elapsed().as_secs()));
        let line = all.collect::<Vec<_>>().join(", ");
        if !line.is_empty() {
            status::show(self.ui, &line);
        }
    }

    fn during<T>(&self, what: String, work: impl FnOnce() -> T) -> T {
        let hold = || self.doing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut doing = hold();
        let number = doing.last().map_or(0, |(number, ..)| number + 1);
        doing.push((number, what, Instant::now()));
        drop(doing);
        let done = work();
        let mut doing = hold();
        doing.retain(|(one, ..)| *one != number);
        // What is told next has a line of its own.
        self.ui.status("");
        done
    }
}

const fn word(side: Side) -> &'static str {
    match side {
        Side::Source => "source",
        Side::Mirror => "mirror",
    }
}

/// So many refs, in words.
fn refs(count: usize) -> String {
    match count {
        1 => "1 ref".to_owned(),
        count => format!("{count} refs"),
    }
}

impl Transport for Watched<'_> {
    fn list(&self, side: Side) -> Result<Listing, Problem> {
        self.during(format!("asking the {}", word(side)), || {
            self.inner.list(side)
        })
    }

    fn fetch(&self, side: Side, names: &[&str]) -> Result<Refs, Problem> {
        let what = format!("fetching {} of the {}", refs(names.len()), word(side));
        self.during(what, || self.inner.fetch(side, names))
    }

    fn foreseen(&self, writes: &[(&str, Write)]) -> BTreeMap<String, String> {
        let what = "asking for the mirror's rules".to_owned();
        self.during(what, || self.inner.foreseen(writes))
    }

    fn has(&self, objects: &[&Oid]) -> Result<Vec<bool>, Problem> {
        self.inner.has(objects)
    }

    fn is_ancestor(&self, ancestor: &Oid, descendant: &Oid) -> Result<bool, Problem> {
        self.inner.is_ancestor(ancestor, descendant)
    }

    fn is_related(&self, one: &Oid, other: &Oid) -> Result<bool, Problem> {
        self.inner.is_related(one, other)
    }

    fn commits(&self, of: &Oid, without: &Oid) -> Result<(usize, Vec<Subject>), Problem> {
        self.inner.commits(of, without)
    }

    fn history(&self, of: &[&Oid], without: &[&Oid]) -> Result<Vec<Oid>, Problem> {
        self.inner.history(of, without)
    }

    fn read_state(&self, name: &str) -> Result<(Oid, Vec<u8>), Problem> {
        let what = "reading the mirror's record".to_owned();
        self.during(what, || self.inner.read_state(name))
    }

    fn keep_state(&self, state: &[u8]) -> Result<Oid, Problem> {
        self.inner.keep_state(state)
    }

    fn push(&self, side: Side, updates: &[Update], how: How<'_>) -> Result<Pushed, Problem> {
        // Without the record, which goes along.
        let told = updates.iter().filter(|one| kind(&one.name).is_some());
        let what = format!("pushing {} to the {}", refs(told.count()), word(side));
        self.during(what, || self.inner.push(side, updates, how))
    }
}

//! A push that is larger than the server takes at once. Its history goes there in parts, the
//! oldest first, each held by a ref of our own until the refs that it is for are written.

use super::super::decide::Side;
use super::super::refs::{HIDDEN, Oid};
use super::super::transport::{How, Listing, Problem, Pushed, Refusal, Trouble, Update};
use super::{Engine, Record, moved};

/// What is on the mirror already.
#[derive(Debug, Default)]
pub(super) struct There {
    /// What its refs point to.
    tips: Vec<Oid>,
    /// Parts, by the ref that holds each: of this run, or of one that did not end.
    parts: Vec<(String, Oid)>,
}

impl Engine<'_> {
    /// Remembers what the mirror has before it is written to.
    pub(super) fn look_at_parts(&mut self, mirror: &Listing, record: &mut Record) {
        let space = self.space();
        let tips = mirror.refs.values().cloned().collect();
        let parts = mirror.refs.iter();
        let parts: Vec<(String, Oid)> = parts
            .filter(|(name, _)| name.starts_with(&space))
            .map(|(name, oid)| (name.clone(), oid.clone()))
            .collect();
        for (name, _) in &parts {
            // What it was for may have gone meanwhile: then it is a saved commit.
            let backups = &mut record.state.backups;
            backups.entry(name.clone()).or_insert(self.settings.now);
        }
        self.there = There { tips, parts };
    }

    /// Deletes what a run has left that did not end, where nothing else is to be written.
    pub(super) fn tidy(&mut self, mirror: &Listing, record: &mut Record) -> Result<(), Problem> {
        let space = self.space();
        let mut first = mirror.refs.range(space.clone()..);
        if first
            .next()
            .is_some_and(|(name, _)| name.starts_with(&space))
        {
            self.look_at_parts(mirror, record);
            self.drop_parts(mirror)?;
        }
        Ok(())
    }

    fn space(&self) -> String {
        format!("{}parts/", self.hidden.unwrap_or(HIDDEN))
    }

    /// Pushes to the mirror, in parts where it is too much at once.
    pub(super) fn push_all(&mut self, updates: &[Update], how: How<'_>) -> Result<Pushed, Problem> {
        loop {
            self.outcome.tried.pushes += 1;
            let problem = match self.transport.push(Side::Mirror, updates, how) {
                Err(problem) if problem.trouble == Trouble::Size => problem,
                other => return other,
            };
            let new: Vec<&Oid> = updates
                .iter()
                .filter_map(|update| update.new.as_ref())
                .collect();
            let Some(middle) = self.middle(&new)? else {
                return Err(problem);
            };
            tracing::info!("{problem}; sending it in parts");
            self.send(&middle)?;
        }
    }

    /// The commit in the middle of what the mirror lacks; nothing where that cannot be
    /// divided.
    fn middle(&self, of: &[&Oid]) -> Result<Option<Oid>, Problem> {
        let there: Vec<&Oid> = self.there.tips.iter().collect();
        let lacking = self.transport.history(of, &there)?;
        let middle = lacking.len().saturating_sub(1) / 2;
        Ok((lacking.len() > 1).then(|| lacking[middle].clone()))
    }

    /// Brings a commit to the mirror, with all that it has.
    fn send(&mut self, commit: &Oid) -> Result<(), Problem> {
        let part = Update {
            name: format!("{}{commit}", self.space()),
            old: None,
            new: Some(commit.clone()),
        };
        loop {
            self.outcome.tried.pushes += 1;
            let pushed =
                self.transport
                    .push(Side::Mirror, std::slice::from_ref(&part), How::default());
            match pushed {
                Ok(pushed) => match pushed.refused.get(&part.name) {
                    None => break,
                    Some(Refusal::Rule(reason)) => {
                        return self.other_namespace(Some(reason.clone()));
                    }
                    Some(_) => return Err(moved()),
                },
                Err(problem) if problem.trouble == Trouble::Size => {
                    let Some(middle) = self.middle(&[commit])? else {
                        return Err(Problem::new(
                            Trouble::Size,
                            format!("commit {commit} alone is too much: {problem}"),
                        ));
                    };
                    self.send(&middle)?;
                }
                Err(problem) => return Err(problem),
            }
        }
        self.there.tips.push(commit.clone());
        self.there.parts.push((part.name, commit.clone()));
        Ok(())
    }

    /// Deletes the refs of parts, once what they were for holds them.
    pub(super) fn drop_parts(&mut self, mirror: &Listing) -> Result<(), Problem> {
        if self.there.parts.is_empty() {
            return Ok(());
        }
        let space = self.space();
        let written = self.outcome.written.iter();
        let written = written.filter_map(|written| written.new.as_ref());
        let held = mirror.refs.iter();
        let held = held.filter(|(name, _)| !name.starts_with(&space));
        let held: Vec<&Oid> = held.map(|(_, oid)| oid).chain(written).collect();
        let mut updates = Vec::new();
        for (name, oid) in &self.there.parts {
            if self.transport.history(&[oid], &held)?.is_empty() {
                updates.push(Update {
                    name: name.clone(),
                    old: Some(oid.clone()),
                    new: None,
                });
            }
        }
        if updates.is_empty() {
            return Ok(());
        }
        self.outcome.tried.pushes += 1;
        // Whoever comes next deletes what is left.
        let pushed = self
            .transport
            .push(Side::Mirror, &updates, How::default())?;
        self.there
            .parts
            .retain(|(name, _)| pushed.refused.contains_key(name));
        Ok(())
    }
}

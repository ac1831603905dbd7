//! What a sync writes, and what it does where a server does not take it.

use std::collections::BTreeMap;

use super::super::decide::{Decision, Side};
use super::super::plan::{Plan, Planned, backup};
use super::super::refs::{self, HIDDEN, HIDDEN_BRANCHES};
use super::super::state::{Entry, State};
use super::super::transport::{How, Listing, Problem, Refusal, Trouble, Update};
use super::{Engine, Record, Written, moved};

/// So many refs are changed in one push at most: git compares each with each.
const BATCH: usize = 200;

/// So many refs are made in one push. git compares each with all that the server has,
/// so that a second push costs far more than a first one of twice the length.
const NEW_BATCH: usize = 100_000;

/// How many names of refs the record of a sync holds.
const MAX_NAMES: usize = 50;

/// What is written together: a ref, and what saves it.
struct Group<'a> {
    /// The ref; `None` for what only cleans up.
    planned: Option<&'a Planned>,
    updates: Vec<Update>,
    backup: Option<String>,
    decision: Option<Decision>,
}

impl Engine<'_> {
    /// Both ways: what the mirror has goes to the source first. Where it ends in
    /// between, the next look finds both sides the same.
    pub(super) fn write_source(&mut self, plan: &Plan) -> Result<(), Problem> {
        let writes: Vec<(&Planned, Update)> = plan.writes(Side::Source).collect();
        for batch in writes.chunks(BATCH) {
            let updates: Vec<Update> = batch.iter().map(|(_, update)| update.clone()).collect();
            let how = How::default();
            self.outcome.tried.pushes += 1;
            let pushed = self.transport.push(Side::Source, &updates, how)?;

            for (planned, update) in batch {
                match pushed.refused.get(&update.name) {
                    None => self.outcome.written.push(Written {
                        side: Side::Source,
                        name: update.name.clone(),
                        old: update.old.clone(),
                        new: update.new.clone(),
                        decision: Some(planned.decision),
                        backup: None,
                    }),
                    Some(Refusal::Rule(reason)) => {
                        self.policy
                            .refused
                            .insert(update.name.clone(), reason.clone());
                    }
                    Some(_) => {}
                }
            }
            if !pushed.refused.is_empty() {
                return Err(moved());
            }
        }
        Ok(())
    }

    pub(super) fn write_mirror(
        &mut self,
        plan: &Plan,
        mirror: &Listing,
        record: &mut Record,
        hidden: &str,
    ) -> Result<(), Problem> {
        self.look_at_parts(mirror, record);
        self.show_conflicts(plan, mirror, record, hidden)?;
        // What needs no write is agreed on with the first one.
        let written: Vec<&str> = plan
            .writes(Side::Mirror)
            .map(|(planned, _)| planned.name.as_str())
            .collect();
        let mut agreed = plan.agreed(&record.state);
        for name in &written {
            match record.state.refs.get(*name) {
                Some(before) => agreed.insert((*name).to_owned(), before.clone()),
                None => agreed.remove(*name),
            };
        }
        record.state.refs = agreed;
        record.state.pending.clear();
        let (mut removed, mut made, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        for (planned, update) in plan.writes(Side::Mirror) {
            let mut updates = vec![update.clone()];
            updates.extend(saving(planned.backup.as_deref(), &update, mirror));
            let list = match (&update.old, &update.new) {
                (_, None) => &mut removed,
                (None, Some(_)) => &mut made,
                _ => &mut changed,
            };
            list.push(Group {
                planned: Some(planned),
                updates,
                backup: planned.backup.clone(),
                decision: Some(planned.decision),
            });
        }
        removed.extend(self.expired(record, mirror));
        let total = removed.len() + made.len() + changed.len();
        let has_few = total <= BATCH && (removed.is_empty() || made.is_empty());
        if has_few {
            changed.append(&mut removed);
            changed.append(&mut made);
        }
        // What is in the way of something new goes first.
        let mut batches: Vec<&[Group<'_>]> = removed.chunks(BATCH).collect();
        batches.extend(made.chunks(NEW_BATCH));
        batches.extend(changed.chunks(BATCH));
        if batches.is_empty() {
            self.write_batch(&[], record)?;
        }
        for batch in batches {
            self.write_batch(&batch.iter().collect::<Vec<_>>(), record)?;
        }
        self.drop_parts(mirror)
    }

    /// Saved commits that stayed long enough.
    fn expired(&self, record: &mut Record, mirror: &Listing) -> Vec<Group<'static>> {
        let limit = self.settings.now - i64::from(self.settings.backup_days) * 86_400;
        let old: Vec<String> = record
            .state
            .backups
            .iter()
            .filter(|(_, time)| **time < limit)
            .map(|(name, _)| name.clone())
            .take(BATCH / 2)
            .collect();
        let groups = old.iter().filter_map(|name| {
            let oid = mirror.refs.get(name)?;
            Some(Group {
                planned: None,
                updates: vec![Update {
                    name: name.clone(),
                    old: Some(oid.clone()),
                    new: None,
                }],
                backup: None,
                decision: None,
            })
        });
        let groups = groups.collect();
        for name in old {
            record.state.backups.remove(&name);
        }
        groups
    }

    /// Writes a batch together with the record of it, so that neither is ever
    /// there without the other.
    fn write_batch(&mut self, batch: &[&Group<'_>], record: &mut Record) -> Result<(), Problem> {
        if !self.is_atomic && !batch.is_empty() {
            return self.write_ahead(batch, record);
        }
        let next = self.recorded(&record.state, batch);
        let oid = self.transport.keep_state(&next.write())?;
        let entry = Update {
            name: record.name.clone(),
            old: record.oid.clone(),
            new: Some(oid.clone()),
        };
        let mut updates: Vec<Update> = batch
            .iter()
            .flat_map(|group| group.updates.iter().cloned())
            .collect();
        updates.push(entry);
        let refused = self.push_mirror(&updates, self.is_atomic)?;
        if refused.is_empty() {
            self.note(batch);
            record.state = next;
            record.oid = Some(oid);
            return Ok(());
        }
        if refused.values().any(|refusal| *refusal == Refusal::Moved) {
            return Err(moved());
        }
        self.blame(batch, &refused, record)
    }

    /// A rule of the server was against it: finds out which ref it was, so that
    /// the others go on without it.
    fn blame(
        &mut self,
        batch: &[&Group<'_>],
        refused: &BTreeMap<String, Refusal>,
        record: &mut Record,
    ) -> Result<(), Problem> {
        let rule = |name: &str| match refused.get(name) {
            Some(Refusal::Rule(reason)) => Some(reason.clone()),
            _ => None,
        };
        let blamed: Vec<(&Planned, String)> = batch
            .iter()
            .filter_map(|group| {
                let reason = group.updates.iter().find_map(|update| rule(&update.name))?;
                Some((group.planned?, reason))
            })
            .collect();
        let record_rule = rule(&record.name);
        if blamed.is_empty() && record_rule.is_some() {
            return self.other_namespace(record_rule);
        }
        // The server names some of them: the others go on at once.
        if blamed.len() < batch.len() && !blamed.is_empty() && record_rule.is_none() {
            let found = blamed
                .into_iter()
                .map(|(planned, reason)| (planned.name.clone(), reason));
            self.policy.refused.extend(found);
            let is_left = |group: &&Group<'_>| {
                let name = group.planned.map(|planned| &planned.name);
                !name.is_some_and(|name| self.policy.refused.contains_key(name))
            };
            let left: Vec<&Group<'_>> = batch.iter().copied().filter(is_left).collect();
            self.write_batch(&left, record)?;
            return Err(moved());
        }
        match batch {
            [] => self.other_namespace(record_rule),
            [group] => {
                // It, or the record? A first record alone says it.
                if record.oid.is_none() {
                    self.write_batch(&[], record)?;
                }
                if let Some(planned) = group.planned {
                    let reason = group.updates.iter().find_map(|update| rule(&update.name));
                    let reason = reason.unwrap_or_else(|| "the server gave no reason".to_owned());
                    self.policy.refused.insert(planned.name.clone(), reason);
                }
                Err(moved())
            }
            _ => {
                // GitLab refuses a whole push and does not say for which ref.
                let (first, second) = batch.split_at(batch.len() / 2);
                let before = self.hidden;
                let one = self.write_batch(first, record);
                if self.hidden != before {
                    // It was the record, and all of it has to be planned anew.
                    return one;
                }
                match one {
                    Err(problem) if problem.trouble != Trouble::Moved => return Err(problem),
                    _ => {}
                }
                // Either way the record is as we know it: what was refused wrote nothing.
                self.write_batch(second, record)?;
                one
            }
        }
    }

    /// A server that takes branches and tags alone gets the record as a branch.
    pub(super) fn other_namespace(&mut self, reason: Option<String>) -> Result<(), Problem> {
        let reason = reason.unwrap_or_else(|| "it gave no reason".to_owned());
        if self.hidden.is_none() {
            tracing::info!("the mirror refuses {HIDDEN}: {reason}");
            self.hidden = Some(HIDDEN_BRANCHES);
            return Err(moved());
        }
        Err(Problem::new(
            Trouble::Access,
            format!("the mirror refuses the record of the sync: {reason}"),
        ))
    }

    /// Where not all can be written at once, what is about to be written is
    /// recorded first: an interrupted run is then known for what it was.
    fn write_ahead(&mut self, batch: &[&Group<'_>], record: &mut Record) -> Result<(), Problem> {
        let mut ahead = record.state.clone();
        for group in batch {
            if let Some(backup) = &group.backup {
                ahead
                    .backups
                    .entry(backup.clone())
                    .or_insert(self.settings.now);
            }
            if let Some((planned, oid)) = group.planned.zip(group.updates[0].new.as_ref()) {
                ahead.pending.insert(planned.name.clone(), oid.clone());
            }
        }
        let mut first: Vec<Update> = batch
            .iter()
            .flat_map(|group| group.updates[1..].iter().cloned())
            .collect();
        let oid = self.transport.keep_state(&ahead.write())?;
        first.push(Update {
            name: record.name.clone(),
            old: record.oid.replace(oid.clone()),
            new: Some(oid),
        });
        let refused = self.push_mirror(&first, false)?;
        if let Some(refusal) = refused.values().next() {
            return match refused.get(&record.name) {
                Some(Refusal::Rule(reason)) => self.other_namespace(Some(reason.clone())),
                _ => {
                    tracing::info!(?refusal, "what saves commits was refused");
                    Err(moved())
                }
            };
        }
        let updates: Vec<Update> = batch.iter().map(|group| group.updates[0].clone()).collect();
        let refused = self.push_mirror(&updates, false)?;
        let (done, left): (Vec<&Group<'_>>, Vec<&Group<'_>>) = batch
            .iter()
            .copied()
            .partition(|group| !refused.contains_key(&group.updates[0].name));
        for (name, refusal) in &refused {
            if let Refusal::Rule(reason) = refusal {
                self.policy.refused.insert(name.clone(), reason.clone());
            }
        }
        ahead.pending.clear();
        let last = self.recorded(&ahead, &done);
        let oid = self.transport.keep_state(&last.write())?;
        let entry = Update {
            name: record.name.clone(),
            old: record.oid.clone(),
            new: Some(oid.clone()),
        };
        if !self.push_mirror(&[entry], false)?.is_empty() {
            return Err(moved());
        }
        self.note(&done);
        record.state = last;
        record.oid = Some(oid);
        match left.is_empty() {
            true => Ok(()),
            false => Err(moved()),
        }
    }

    /// Branches on which people see the source's side of a conflict. They are no
    /// part of what both sides agree on.
    fn show_conflicts(
        &mut self,
        plan: &Plan,
        mirror: &Listing,
        record: &mut Record,
        hidden: &str,
    ) -> Result<(), Problem> {
        for update in &plan.conflict_branches {
            if self.policy.refused.contains_key(&update.name) {
                continue;
            }
            let saved = update
                .old
                .as_ref()
                .map(|old| backup(hidden, &update.name, old));
            let mut updates = vec![update.clone()];
            updates.extend(saving(saved.as_deref(), update, mirror));
            if let Some(name) = &saved {
                record.state.backups.insert(name.clone(), self.settings.now);
            }
            let target = update
                .name
                .strip_prefix(refs::CONFLICTS)
                .unwrap_or_default();
            let options = [
                "merge_request.create".to_owned(),
                format!("merge_request.target={target}"),
                format!("merge_request.title=Commits of {target} that only the source has"),
            ];
            let how = How {
                atomic: self.is_atomic,
                options: if self.settings.merge_requests {
                    &options
                } else {
                    &[]
                },
            };
            let pushed = self.push_all(&updates, how)?;
            match pushed.refused.get(&update.name) {
                None => self.outcome.written.push(Written {
                    side: Side::Mirror,
                    name: update.name.clone(),
                    old: update.old.clone(),
                    new: update.new.clone(),
                    decision: None,
                    backup: saved,
                }),
                Some(Refusal::Rule(reason)) => {
                    tracing::warn!("{} was refused: {reason}", update.name);
                    self.policy
                        .refused
                        .insert(update.name.clone(), reason.clone());
                }
                Some(_) => return Err(moved()),
            }
        }
        Ok(())
    }

    fn push_mirror(
        &mut self,
        updates: &[Update],
        atomic: bool,
    ) -> Result<BTreeMap<String, Refusal>, Problem> {
        let how = How {
            atomic,
            options: &self.settings.push_options,
        };
        Ok(self.push_all(updates, how)?.refused)
    }

    /// The record after a batch.
    fn recorded(&self, state: &State, batch: &[&Group<'_>]) -> State {
        let mut next = state.clone();
        let now = self.settings.now;
        for group in batch {
            let Some(planned) = group.planned else {
                continue;
            };
            match &group.updates[0].new {
                Some(oid) => next.refs.insert(planned.name.clone(), oid.clone()),
                None => next.refs.remove(&planned.name),
            };
            if let Some(backup) = &group.backup {
                next.backups.insert(backup.clone(), now);
            }
        }
        let names: Vec<String> = batch
            .iter()
            .filter_map(|group| Some(group.planned?.name.clone()))
            .collect();
        if !names.is_empty() {
            next.remember(Entry {
                time: now,
                run: self.settings.run.clone(),
                written: names.len(),
                refs: names.into_iter().take(MAX_NAMES).collect(),
            });
        }
        next
    }

    /// Remembers for the report what a batch wrote.
    fn note(&mut self, batch: &[&Group<'_>]) {
        let written = batch
            .iter()
            .filter(|group| group.planned.is_some())
            .map(|group| Written {
                side: Side::Mirror,
                name: group.updates[0].name.clone(),
                old: group.updates[0].old.clone(),
                new: group.updates[0].new.clone(),
                decision: group.decision,
                backup: group.backup.clone(),
            });
        self.outcome.written.extend(written);
    }
}

/// What saves the commits that an update writes over, unless they are saved.
fn saving(backup: Option<&str>, update: &Update, mirror: &Listing) -> Option<Update> {
    let name = backup?;
    (!mirror.refs.contains_key(name)).then(|| Update {
        name: name.to_owned(),
        old: None,
        new: update.old.clone(),
    })
}

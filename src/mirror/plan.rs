//! All decisions together: what is written where, what is held back, and what is
//! agreed on afterwards. Pure.

use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::iter::Peekable;

use schemars::JsonSchema;
use serde::Serialize;

use super::decide::{Cause, Choice, Conflict, Decision, Relation, Side, Sight, Ways, decide};
use super::map::Names;
use super::refs::{self, CONFLICTS, Filter, Globs, Kind, Oid, Refs};
use super::state::State;
use super::transport::{Listing, Update, Write};

/// So many deletions are never held back for their share alone.
const FEW: usize = 2;

/// What people have chosen.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Which way changes go.
    pub ways: Ways,
    /// Which refs are kept the same.
    pub filter: Filter,
    /// What is called otherwise on the mirror.
    pub names: Names,
    /// What becomes of a conflict.
    pub on_conflict: OnConflict,
    /// Tags that may move.
    pub moving_tags: Globs,
    /// Whether the mirror follows where the source was rewritten.
    pub follow_rewrites: bool,
    /// How many refs one sync may delete; 0 deletes none.
    pub prune_limit: usize,
    /// How large a part of the mirror's refs one sync may delete, in percent.
    pub prune_percent: usize,
    /// What of the mirror counts as ours although we do not remember it.
    pub adopt: Globs,
    /// Refs that the server does not let us write, with its words.
    pub refused: BTreeMap<String, String>,
}

/// What becomes of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnConflict {
    /// Both sides stay as they are.
    #[default]
    Keep,
    /// Both stay, and the source's commits are shown on a branch of the mirror.
    Branch,
    /// The mirror gets what the source has, after its own was saved.
    SourceWins,
}

/// Why a decision is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "held", rename_all = "kebab-case")]
pub enum Hold {
    /// Too many refs would be deleted at once.
    PruneLimit {
        /// How many.
        deletions: usize,
    },
    /// Nothing is deleted on the mirror.
    PruneNever,
    /// The mirror's default branch is not deleted.
    DefaultBranch,
    /// The source does not even have the mirror's default branch: it may not be whole.
    SourceIncomplete,
    /// The source was rewritten, and the mirror does not follow.
    RewritesNever,
    /// A ref that stays is in the way: git has no `a` beside `a/b`.
    NameClash {
        /// That ref.
        with: String,
    },
    /// The server does not let us.
    Refused {
        /// Its words.
        reason: String,
    },
}

/// What is done with a ref, and why.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Planned {
    /// Its full name.
    pub name: String,
    /// What the source has.
    pub source: Option<Oid>,
    /// What the mirror has.
    pub mirror: Option<Oid>,
    /// What both had at the end of the last sync.
    pub base: Option<Oid>,
    /// What is done.
    #[serde(flatten)]
    pub decision: Decision,
    /// Why it is not done after all.
    #[serde(flatten)]
    pub hold: Option<Hold>,
    /// The ref that saves what is written over or deleted.
    pub backup: Option<String>,
}

impl Planned {
    /// Whether a person has to look at it.
    pub const fn is_open(&self) -> bool {
        self.hold.is_some() || matches!(self.decision, Decision::Conflict { .. })
    }

    /// What is written for it, and where.
    pub fn write(&self) -> Option<(Side, Update)> {
        if self.hold.is_some() {
            return None;
        }
        let update = |side| {
            let (old, new) = match side {
                Side::Mirror => (&self.mirror, &self.source),
                Side::Source => (&self.source, &self.mirror),
            };
            let update = Update {
                name: self.name.clone(),
                old: old.clone(),
                new: new.clone(),
            };
            Some((side, update))
        };
        match self.decision {
            Decision::Create { side, .. } | Decision::FastForward { side } => update(side),
            Decision::Overwrite { .. } | Decision::Delete => update(Side::Mirror),
            _ => None,
        }
    }

    /// What that does to the ref of the mirror.
    pub fn kind_of_write(&self) -> Option<Write> {
        let (side, _) = self.write()?;
        match self.decision {
            _ if side == Side::Source => None,
            Decision::Create { .. } => Some(Write::Create),
            Decision::FastForward { .. } => Some(Write::Forward),
            Decision::Overwrite { .. } => Some(Write::Rewrite),
            Decision::Delete => Some(Write::Delete),
            _ => None,
        }
    }

    /// What both sides agree on once that is written.
    fn agreed(&self) -> Option<&Oid> {
        if self.is_open() {
            return self.base.as_ref();
        }
        match self.decision {
            Decision::Gone | Decision::Delete => None,
            Decision::Create {
                side: Side::Source, ..
            }
            | Decision::FastForward { side: Side::Source } => self.mirror.as_ref(),
            Decision::MirrorOnly => self.base.as_ref(),
            _ => self.source.as_ref(),
        }
    }
}

/// What a sync does.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Every ref of either side, by name.
    pub refs: Vec<Planned>,
    /// Branches of the mirror that show commits of a conflict.
    pub conflict_branches: Vec<Update>,
    /// How many refs are left out by choice.
    pub left_out: usize,
}

impl Plan {
    /// What is written to the mirror, without what saves and remembers.
    pub fn writes(&self, side: Side) -> impl Iterator<Item = (&Planned, Update)> {
        self.refs.iter().filter_map(move |planned| {
            let (to, update) = planned.write()?;
            (to == side).then_some((planned, update))
        })
    }

    /// What both sides agree on once everything is written.
    pub fn agreed(&self, before: &State) -> Refs {
        let mut agreed = before.refs.clone();
        for planned in &self.refs {
            match planned.agreed() {
                Some(oid) => agreed.insert(planned.name.clone(), oid.clone()),
                None => agreed.remove(&planned.name),
            };
        }
        agreed
    }

    /// Refs that a person has to look at.
    pub fn open(&self) -> impl Iterator<Item = &Planned> {
        self.refs.iter().filter(|planned| planned.is_open())
    }
}

/// The ref that saves a commit of a ref of the mirror. The same commit has the
/// same ref, so that saving it twice is saving it once.
pub fn backup(hidden: &str, name: &str, oid: &Oid) -> String {
    let short = name.strip_prefix("refs/").unwrap_or(name);
    format!("{hidden}backup/{short}/{oid}")
}

/// What a sync sees.
#[derive(Debug)]
pub struct View<'a> {
    /// What the source has.
    pub source: &'a Listing,
    /// What the mirror has.
    pub mirror: &'a Listing,
    /// What both had.
    pub state: &'a State,
    /// Where on the mirror is what is ours.
    pub hidden: &'a str,
}

impl View<'_> {
    /// Every branch and tag that is kept the same, of either side, in the order of
    /// their names. The three lists are walked side by side: there may be many thousands.
    pub fn rows<'v>(&'v self, policy: &'v Policy) -> impl Iterator<Item = Row<'v>> {
        let mut source = self.source.refs.iter().peekable();
        let mut mirror = self.mirror.refs.iter().peekable();
        let mut agreed = self.state.refs.iter().peekable();
        std::iter::from_fn(move || {
            loop {
                let first = [source.peek(), mirror.peek(), agreed.peek()];
                let name = first.into_iter().flatten().map(|(name, _)| *name).min()?;
                let take = |side: &mut Peekable<btree_map::Iter<'v, String, Oid>>| {
                    let (_, oid) = side.next_if(|(found, _)| *found == name)?;
                    Some(oid)
                };
                let (source, mirror) = (take(&mut source), take(&mut mirror));
                let agreed = take(&mut agreed);
                let Some(kind) = refs::kind(name) else {
                    continue;
                };
                if policy.filter.takes(name) {
                    let is_adopted = mirror.is_some() && policy.adopt.matches(name);
                    return Some(Row {
                        name,
                        kind,
                        source,
                        mirror,
                        base: if is_adopted { mirror } else { agreed },
                        is_ours: is_adopted
                            || mirror.is_some_and(|mirror| {
                                agreed == Some(mirror) || self.state.is_pending(name, mirror)
                            }),
                    });
                }
            }
        })
    }
}

/// What is seen of one ref.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Its full name.
    pub name: &'a str,
    /// What it is for.
    pub kind: Kind,
    /// What the source has.
    pub source: Option<&'a Oid>,
    /// What the mirror has.
    pub mirror: Option<&'a Oid>,
    /// What both sides had, or what counts as that.
    pub base: Option<&'a Oid>,
    /// Whether the mirror has what we brought it.
    pub is_ours: bool,
}

/// Plans a sync. `relation` says how two commits of a branch lie to each other.
///
/// # Errors
/// Where `relation` cannot say it.
pub fn plan<E>(
    view: &View<'_>,
    policy: &Policy,
    mut relation: impl FnMut(&str, &Oid, &Oid) -> Result<Relation, E>,
) -> Result<Plan, E> {
    let mut plan = Plan::default();
    for row in view.rows(policy) {
        let Row {
            name,
            kind,
            source,
            mirror,
            base,
            is_ours,
        } = row;
        let relation = match (source, mirror) {
            (Some(source), Some(mirror)) if source != mirror && kind == Kind::Branch => {
                relation(name, source, mirror)?
            }
            _ => Relation::Diverged,
        };
        let sight = Sight {
            kind,
            source,
            mirror,
            base,
            is_ours,
            relation,
        };
        let choice = Choice {
            ways: policy.ways,
            source_wins: policy.on_conflict == OnConflict::SourceWins,
            may_move: policy.moving_tags.matches(name),
        };
        let decision = decide(&sight, &choice);
        let saved = matches!(decision, Decision::Overwrite { .. } | Decision::Delete);
        plan.refs.push(Planned {
            name: name.to_owned(),
            source: source.cloned(),
            mirror: mirror.cloned(),
            base: base.cloned(),
            decision,
            hold: None,
            backup: mirror
                .filter(|_| saved)
                .map(|mirror| backup(view.hidden, name, mirror)),
        });
    }
    let known = view.source.refs.keys().chain(view.mirror.refs.keys());
    let left_out: BTreeSet<&String> = known
        .filter(|name| refs::kind(name).is_some() && !policy.filter.takes(name))
        .filter(|name| !name.starts_with(refs::HIDDEN_BRANCHES))
        .collect();
    plan.left_out = left_out.len();
    hold_back(&mut plan, view, policy);
    if policy.on_conflict == OnConflict::Branch {
        plan.conflict_branches = conflict_branches(&plan, view);
    }
    Ok(plan)
}

/// Holds back what is decided and yet not done.
fn hold_back(plan: &mut Plan, view: &View<'_>, policy: &Policy) {
    let deletions = |plan: &Plan| {
        let deleted = plan
            .refs
            .iter()
            .filter(|planned| planned.hold.is_none() && planned.decision == Decision::Delete);
        deleted.count()
    };
    let default = view.mirror.default_branch.as_deref();
    let lacks_default = default.is_some_and(|name| {
        policy.filter.takes(name)
            && view.mirror.refs.contains_key(name)
            && !view.source.refs.contains_key(name)
    });
    for planned in &mut plan.refs {
        planned.hold = match planned.decision {
            _ if planned.write().is_none() => None,
            _ if policy.refused.contains_key(&planned.name) => Some(Hold::Refused {
                reason: policy.refused[&planned.name].clone(),
            }),
            Decision::Delete if policy.prune_limit == 0 => Some(Hold::PruneNever),
            Decision::Delete if default == Some(planned.name.as_str()) => Some(Hold::DefaultBranch),
            Decision::Delete if lacks_default => Some(Hold::SourceIncomplete),
            Decision::Overwrite {
                cause: Cause::Rewritten,
            } if !policy.follow_rewrites && !policy.adopt.matches(&planned.name) => {
                Some(Hold::RewritesNever)
            }
            _ => None,
        };
    }
    let count = deletions(plan);
    let mirrored = plan.refs.iter().filter(|planned| planned.mirror.is_some());
    let share = mirrored.count() * policy.prune_percent / 100;
    if count > policy.prune_limit || (count > FEW && count > share) {
        for planned in &mut plan.refs {
            if planned.decision == Decision::Delete && planned.hold.is_none() {
                planned.hold = Some(Hold::PruneLimit { deletions: count });
            }
        }
    }
    hold_clashes(plan, view);
}

/// git has no `a` beside `a/b`: what would be made beside a ref that stays is held.
fn hold_clashes(plan: &mut Plan, view: &View<'_>) {
    for side in [Side::Mirror, Side::Source] {
        let listing = match side {
            Side::Mirror => view.mirror,
            Side::Source => view.source,
        };
        let leaving: BTreeSet<&str> = plan
            .refs
            .iter()
            .filter(|planned| planned.decision == Decision::Delete && planned.hold.is_none())
            .map(|planned| planned.name.as_str())
            .collect();
        let stays = |name: &str| {
            listing.refs.contains_key(name) && (side == Side::Source || !leaving.contains(name))
        };
        let clash = |name: &str| {
            let above = name.match_indices('/').map(|(at, _)| &name[..at]);
            let above = above.filter(|above| stays(above)).map(str::to_owned).next();
            above.or_else(|| {
                let below = format!("{name}/");
                let mut below = listing
                    .refs
                    .range(below.clone()..)
                    .take_while(|(found, _)| found.starts_with(&below));
                below
                    .find(|(found, _)| stays(found))
                    .map(|(found, _)| found.clone())
            })
        };
        let held: Vec<(usize, String)> = plan
            .refs
            .iter()
            .enumerate()
            .filter(|(_, planned)| {
                planned.hold.is_none()
                    && matches!(planned.decision, Decision::Create { side: to, .. } if to == side)
            })
            .filter_map(|(at, planned)| Some((at, clash(&planned.name)?)))
            .collect();
        for (at, with) in held {
            plan.refs[at].hold = Some(Hold::NameClash { with });
        }
    }
}

/// Branches that show the source's commits of a conflict.
fn conflict_branches(plan: &Plan, view: &View<'_>) -> Vec<Update> {
    let diverged = plan.refs.iter().filter(|planned| {
        matches!(
            planned.decision,
            Decision::Conflict {
                conflict: Conflict::Diverged
            }
        )
    });
    let mut taken: BTreeSet<String> = view.mirror.refs.keys().cloned().collect();
    let mut updates = Vec::new();
    for planned in diverged {
        let name = format!("{CONFLICTS}{}", refs::short(&planned.name));
        let old = view.mirror.refs.get(&name).cloned();
        let below = format!("{name}/");
        let clashes = taken
            .range(below.clone()..)
            .next()
            .is_some_and(|found| found.starts_with(&below))
            || name
                .match_indices('/')
                .any(|(at, _)| taken.contains(&name[..at]));
        if old == planned.source || clashes {
            continue;
        }
        taken.insert(name.clone());
        updates.push(Update {
            name,
            old,
            new: planned.source.clone(),
        });
    }
    updates
}

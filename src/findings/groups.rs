//! Which observations are of the same problem.

use std::borrow::Cow;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::aliases::Aliases;
use super::identity;
use super::ids::Id;
use super::observation::{Kind, Observation, Region};
use super::order::Keyed;

/// What observations of the same problem have in common.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key<'k> {
    Package {
        name: &'k str,
        package: Cow<'k, str>,
        version: &'k str,
        place: Cow<'k, str>,
    },
    Place {
        name: &'k str,
        target: &'k str,
        path: &'k str,
        region: Option<Region>,
        // Without a package or a scanner's name for it, only what it says tells two problems
        // of one place apart.
        message: &'k str,
    },
}

impl<'k> Key<'k> {
    fn of(one: &'k Observation<'_>, name: Option<&'k Id<'_>>) -> Self {
        let name = name.map_or(identity::rule_key(&one.rule.id), Id::as_str);
        match (&one.package, one.kind) {
            (Some(package), Kind::Vulnerability | Kind::License) => Self::Package {
                name,
                package: package.full_name(),
                version: package.version.as_deref().unwrap_or_default(),
                place: identity::package_place(one),
            },
            _ => {
                let location = one.location();
                Self::Place {
                    name,
                    target: one.target.as_deref().unwrap_or_default(),
                    path: location.map_or("", |location| &location.path),
                    region: location.and_then(|location| location.region),
                    message: &one.message,
                }
            }
        }
    }
}

/// Of what hardly two problems have in common. The message would have to be fetched from far.
pub(super) fn hash(one: &Observation<'_>, name: Option<&Id<'_>>, hasher: &RandomState) -> u64 {
    match Key::of(one, name) {
        Key::Package { name, package, .. } => hasher.hash_one((name, package)),
        Key::Place {
            name, path, region, ..
        } => hasher.hash_one((name, path, region)),
    }
}

/// The numbers of observations of the same problem.
#[derive(Default)]
pub(super) struct Groups {
    members: Vec<usize>,
    /// Where each group ends.
    ends: Vec<usize>,
}

impl Groups {
    /// Groups observations, of which the [`hash`]es are known. Groups are in the order of the first
    /// of each: what lies side by side in memory is worked on one after the other.
    pub(super) fn of(
        observations: &[Arc<Observation<'_>>],
        aliases: &Aliases<'_>,
        hashes: impl Iterator<Item = u64>,
    ) -> Self {
        let key = |at: usize| Key::of(&observations[at], aliases.name(at));
        let hashes = hashes.enumerate();
        let mut order: Vec<Keyed> = hashes.map(|(at, hash)| Keyed::new(hash, at)).collect();
        order.sort_unstable();
        // Most are alone.
        let mut is_alone = vec![true; observations.len()];
        let mut several: Vec<Vec<usize>> = Vec::new();
        let alike = order.chunk_by(Keyed::is_like);
        for alike in alike.filter(|alike| alike.len() > 1) {
            let items = alike.iter().map(|one| one.item());
            let mut alike: Vec<(Key<'_>, usize)> = items.map(|at| (key(at), at)).collect();
            alike.sort_unstable();
            for same in alike.chunk_by(|(a, _), (b, _)| a == b) {
                several.push(same.iter().map(|(_, at)| *at).collect());
            }
            alike.iter().for_each(|(_, at)| is_alone[*at] = false);
        }
        several.sort_unstable();
        let mut groups = Self {
            members: Vec::with_capacity(observations.len()),
            ends: Vec::with_capacity(observations.len()),
        };
        let mut several = several.into_iter().peekable();
        for (at, is_alone) in is_alone.into_iter().enumerate() {
            if is_alone {
                groups.push(&[at]);
            } else if let Some(group) = several.next_if(|group| group[0] == at) {
                split_by_package(observations, group, |group| groups.push(group));
            }
        }
        groups
    }

    fn push(&mut self, group: &[usize]) {
        self.members.extend_from_slice(group);
        self.ends.push(self.members.len());
    }

    /// The groups; none is empty.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &[usize]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let group = &self.members[start..*end];
            start = *end;
            group
        })
    }
}

/// Splits what shares a package's name and version by the package's kind and
/// namespace. A scanner that names no kind joins the others if those agree.
fn split_by_package(
    observations: &[Arc<Observation<'_>>],
    mut members: Vec<usize>,
    mut tell: impl FnMut(&[usize]),
) {
    let package = |at: &usize| {
        let package = observations[*at].package.as_deref()?;
        Some((package.kind.as_deref()?, package.namespace.as_deref()))
    };
    members.sort_by_key(|at| (package(at), *at));
    let (unknown, known) = members.split_at(members.partition_point(|at| package(at).is_none()));
    let kinds = || known.chunk_by(|a, b| package(a) == package(b));
    if kinds().nth(1).is_none() {
        tell(&members);
        return;
    }
    if !unknown.is_empty() {
        tell(unknown);
    }
    kinds().for_each(tell);
}

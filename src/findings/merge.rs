//! Observations of the same problem become one finding.
//!
//! Merging is a function of the set of observations: a finding keeps them all,
//! and merging findings takes them apart and puts all observations together
//! again. So neither order nor grouping nor repetition of the inputs counts.

use std::sync::Arc;

use super::aliases::Aliases;
use super::finding::{Finding, Identity, Report, State};
use super::identity::{self, Fields};
use super::ids::Id;
use super::observation::{Kind, Observation, Scanner};
use super::parallel;

type Shared<'a> = Arc<Observation<'a>>;

impl<'a> Report<'a> {
    /// Merges what scanners observed.
    pub fn new(
        mut scanners: Vec<Arc<Scanner<'a>>>,
        observations: impl IntoIterator<Item = impl Into<Arc<Observation<'a>>>>,
    ) -> Self {
        let observations: Vec<Shared<'a>> = observations.into_iter().map(Into::into).collect();
        let aliases = Aliases::of(&observations);
        let mut findings = Vec::with_capacity(observations.len());
        let mut names = Vec::with_capacity(observations.len());
        for_each_group(&observations, &aliases, |members| {
            let name = aliases.name(members[0]);
            let members = members.iter().map(|at| Arc::clone(&observations[*at]));
            findings.push(finding(members.collect(), name));
            names.push(name);
        });
        identity::assign(&mut findings, &names);
        scanners.sort();
        scanners.dedup();
        sort(&mut findings);
        Self { scanners, findings }
    }

    /// Merges reports. States are those that the scanners said; a comparison with
    /// a baseline comes after merging.
    pub fn merge(reports: impl IntoIterator<Item = Self>) -> Self {
        let mut scanners = Vec::new();
        let mut observations = Vec::new();
        for report in reports {
            scanners.extend(report.scanners);
            let findings = report.findings.into_iter();
            observations.extend(findings.flat_map(|finding| finding.observations));
        }
        Self::new(scanners, observations)
    }
}

/// The worst first, then by place.
fn sort(findings: &mut [Finding<'_>]) {
    // What decides nearly always is looked up once.
    let mut order: Vec<_> = parallel::map(findings, |at, one| {
        let worst = std::cmp::Reverse((one.severity(), one.score()));
        (worst, one.path(), one.kind(), at)
    });
    let region = |one: &Finding<'_>| one.location().map(|location| location.region);
    parallel::sort(&mut order, |a, b| {
        (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)).then_with(|| {
            let (a, b) = (&findings[a.3], &findings[b.3]);
            region(a)
                .cmp(&region(b))
                .then_with(|| a.name().cmp(b.name()))
                .then_with(|| a.package().cmp(&b.package()))
                .then_with(|| a.identity.cmp(&b.identity))
        })
    });
    let order: Vec<usize> = order.into_iter().map(|(.., at)| at).collect();
    for at in 0..findings.len() {
        // What stood there may have been moved further already.
        let mut from = order[at];
        while from < at {
            from = order[from];
        }
        findings.swap(at, from);
    }
}

/// One scanner's "new" does not make new what another one knew before.
const fn known_before(state: Option<State>) -> u8 {
    match state {
        None => 0,
        Some(State::Absent) => 1,
        Some(State::New) => 2,
        Some(State::Updated) => 3,
        Some(State::Unchanged) => 4,
    }
}

fn finding<'a>(mut members: Vec<Shared<'a>>, name: Option<&Id<'a>>) -> Finding<'a> {
    let states = members.iter().map(|one| one.state);
    let state = states.max_by_key(|state| known_before(*state)).flatten();
    if members.len() > 1 {
        // The one that says most is shown; the rest of the order is total.
        let says = |one: &Observation<'_>| {
            let region = one
                .location()
                .is_some_and(|location| location.region.is_some());
            let kind = one
                .package
                .as_ref()
                .is_some_and(|package| package.kind.is_some());
            (one.score.is_some(), kind, region)
        };
        members.sort_by(|a, b| says(b).cmp(&says(a)).then_with(|| a.cmp(b)));
        members = without_repetitions(members);
    }
    let mut ids: Vec<Id<'a>> = members[0].ids.clone();
    for one in &members[1..] {
        ids.extend_from_slice(&one.ids);
    }
    if ids.len() > 1 {
        ids.sort();
        ids.dedup();
    }
    if let Some(name) = name.filter(|name| ids.first() != Some(name)) {
        // The shared name first, even where it is not the best by itself.
        ids.retain(|id| id != name);
        ids.insert(0, name.clone());
    }
    Finding {
        identity: Identity::default(),
        ids,
        state,
        observations: members,
    }
}

/// Without what a scanner says twice: of one place seen in two commits it passes
/// along other properties.
fn without_repetitions(members: Vec<Shared<'_>>) -> Vec<Shared<'_>> {
    let mut kept: Vec<Shared<'_>> = Vec::with_capacity(members.len());
    for one in members {
        if !kept.iter().any(|known| known.says_same(&one)) {
            kept.push(one);
        }
    }
    kept
}

/// Calls `tell` with the numbers of observations of the same problem.
fn for_each_group(
    observations: &[Shared<'_>],
    aliases: &Aliases<'_, '_>,
    mut tell: impl FnMut(&[usize]),
) {
    // As numbers they sort in a fraction of the time.
    let mut keys: Vec<(u128, usize)> = parallel::map(observations, |at, one| {
        (u128::from_be_bytes(key(one, aliases.name(at))), at)
    });
    keys.sort_unstable();
    for same in keys.chunk_by(|(a, _), (b, _)| a == b) {
        match same {
            [(_, alone)] => tell(&[*alone]),
            same => split_by_package(
                observations,
                same.iter().map(|(_, at)| *at).collect(),
                &mut tell,
            ),
        }
    }
}

/// Splits what shares a package's name and version by the package's kind and
/// namespace. A scanner that names no kind joins the others if those agree.
fn split_by_package(
    observations: &[Shared<'_>],
    mut members: Vec<usize>,
    tell: &mut impl FnMut(&[usize]),
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

/// What observations of the same problem have in common.
fn key(one: &Observation<'_>, name: Option<&Id<'_>>) -> [u8; 16] {
    let name = name.map_or(identity::rule_key(&one.rule.id), Id::as_str);
    match (&one.package, one.kind) {
        (Some(package), Kind::Vulnerability | Kind::License) => {
            let mut fields = Fields::new("package");
            let version = package.version.as_deref().unwrap_or_default();
            fields.add_all([
                name,
                &package.full_name(),
                version,
                &identity::package_place(one),
            ]);
            fields.finish()
        }
        _ => {
            let location = one.location();
            let mut fields = Fields::new("place");
            fields.add_all([
                name,
                one.target.as_deref().unwrap_or_default(),
                location.map_or("", |location| &location.path),
                // Without a package or a scanner's name for it, only what it
                // says tells two problems of one place apart.
                &one.message,
            ]);
            fields.add_region(location.and_then(|location| location.region));
            fields.finish()
        }
    }
}

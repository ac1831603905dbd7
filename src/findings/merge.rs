//! Observations of the same problem become one finding.
//!
//! Merging is a function of the set of observations: a finding keeps them all,
//! and merging findings takes them apart and puts all observations together
//! again. So neither order nor grouping nor repetition of the inputs counts.

use std::sync::Arc;

use super::aliases;
use super::finding::{Finding, Identity, Report, State};
use super::identity::{self, Fields};
use super::ids::Id;
use super::observation::{Kind, Observation, Scanner};

impl<'a> Report<'a> {
    /// Merges what scanners observed.
    pub fn new(scanners: Vec<Arc<Scanner<'a>>>, observations: Vec<Observation<'a>>) -> Self {
        merge(scanners, observations)
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
        merge(scanners, observations)
    }
}

fn merge<'a>(
    mut scanners: Vec<Arc<Scanner<'a>>>,
    observations: Vec<Observation<'a>>,
) -> Report<'a> {
    let names = aliases::canonical(&observations);
    let groups = group(&observations, &names);
    let mut observations: Vec<Option<Observation<'a>>> =
        observations.into_iter().map(Some).collect();
    let mut findings = Vec::with_capacity(groups.len());
    let mut finding_names = Vec::with_capacity(groups.len());
    for members in groups {
        let name = names[members[0]].clone();
        let members = members.iter().filter_map(|at| observations[*at].take());
        findings.push(finding(members.collect(), name.as_ref()));
        finding_names.push(name);
    }
    drop(observations);
    identity::assign(&mut findings, &finding_names);
    findings.sort_unstable_by(|a, b| {
        let place = |finding: &Finding<'a>| {
            let location = finding.location().map(|location| location.region);
            (finding.kind(), location)
        };
        (b.severity(), b.score())
            .cmp(&(a.severity(), a.score()))
            .then_with(|| a.path().cmp(&b.path()))
            .then_with(|| place(a).cmp(&place(b)))
            .then_with(|| a.name().cmp(b.name()))
            .then_with(|| a.package().cmp(&b.package()))
            .then_with(|| a.identity.cmp(&b.identity))
    });
    scanners.sort();
    scanners.dedup();
    Report { scanners, findings }
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

fn finding<'a>(mut members: Vec<Observation<'a>>, name: Option<&Id<'a>>) -> Finding<'a> {
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
    let mut ids: Vec<Id<'a>> = members
        .iter()
        .flat_map(|one| one.ids.iter().cloned())
        .collect();
    ids.sort();
    ids.dedup();
    if let Some(name) = name {
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
fn without_repetitions(members: Vec<Observation<'_>>) -> Vec<Observation<'_>> {
    let mut kept: Vec<Observation<'_>> = Vec::with_capacity(members.len());
    for one in members {
        if !kept.iter().any(|known| known.says_same(&one)) {
            kept.push(one);
        }
    }
    kept
}

/// Indices of observations of the same problem, grouped.
fn group(observations: &[Observation<'_>], names: &[Option<Id<'_>>]) -> Vec<Vec<usize>> {
    let mut keys: Vec<([u8; 16], usize)> = observations
        .iter()
        .zip(names)
        .enumerate()
        .map(|(at, (one, name))| (key(one, name.as_ref()), at))
        .collect();
    keys.sort_unstable();
    let mut groups = Vec::new();
    for same in keys.chunk_by(|(a, _), (b, _)| a == b) {
        let members: Vec<usize> = same.iter().map(|(_, at)| *at).collect();
        if members.len() == 1 {
            groups.push(members);
        } else {
            split_by_package(observations, members, &mut groups);
        }
    }
    groups
}

/// Splits what shares a package's name and version by the package's kind and
/// namespace. A scanner that names no kind joins the others if those agree.
fn split_by_package(
    observations: &[Observation<'_>],
    mut members: Vec<usize>,
    groups: &mut Vec<Vec<usize>>,
) {
    let package = |at: &usize| {
        let package = observations[*at].package.as_deref()?;
        Some((package.kind.as_deref()?, package.namespace.as_deref()))
    };
    members.sort_by_key(|at| (package(at), *at));
    let unknown = members.partition_point(|at| package(at).is_none());
    let mut kinds = members[unknown..].chunk_by(|a, b| package(a) == package(b));
    match (kinds.next(), kinds.next()) {
        (None | Some(_), None) => groups.push(members),
        _ => {
            if unknown > 0 {
                groups.push(members[..unknown].to_vec());
            }
            let kinds = members[unknown..].chunk_by(|a, b| package(a) == package(b));
            groups.extend(kinds.map(<[usize]>::to_vec));
        }
    }
}

/// What observations of the same problem have in common.
fn key(one: &Observation<'_>, name: Option<&Id<'_>>) -> [u8; 16] {
    let name = name.map_or(identity::rule_key(&one.rule.id), Id::as_str);
    match (&one.package, one.kind) {
        (Some(package), Kind::Vulnerability | Kind::License) => {
            let mut fields = Fields::new("package");
            fields.add_all([
                name,
                &package.full_name(),
                package.version.as_deref().unwrap_or_default(),
            ]);
            fields.add(&identity::package_place(one));
            fields.finish()
        }
        _ => {
            let location = one.location();
            let mut fields = Fields::new("place");
            fields.add_all([
                name,
                one.target.as_deref().unwrap_or_default(),
                location.map_or("", |location| &location.path),
                &identity::region_key(location.and_then(|location| location.region)),
                // Without a package or a scanner's name for it, only what it
                // says tells two problems of one place apart.
                &one.message,
            ]);
            fields.finish()
        }
    }
}

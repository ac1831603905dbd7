//! Observations of the same problem become one finding.
//!
//! Merging is a function of the set of observations: a finding keeps them all,
//! and merging findings takes them apart and puts all observations together
//! again. So neither order nor grouping nor repetition of the inputs counts.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::aliases::Aliases;
use super::finding::{File, Finding, Identity, Report, State};
use super::groups::Groups;
use super::identity;
use super::ids::Id;
use super::observation::{Observation, Scanner};
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
        let groups = Groups::of(&observations, &aliases);
        // Each is in one group, and moves there.
        let mut observations: Vec<_> = observations.into_iter().map(Some).collect();
        let mut findings = Vec::with_capacity(groups.iter().len());
        let mut names = Vec::with_capacity(groups.iter().len());
        for group in groups.iter() {
            let name = aliases.name(group[0]);
            let members = group.iter().filter_map(|at| observations[*at].take());
            findings.push(finding(members.collect(), name));
            names.push(name);
        }
        identity::assign(&mut findings, &names);
        scanners.sort();
        scanners.dedup();
        let files = sort(&mut findings);
        Self {
            scanners,
            findings,
            files,
        }
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

/// The worst first, then by place. The result is the files that they are in.
fn sort(findings: &mut [Finding<'_>]) -> Vec<File> {
    // What decides nearly always is looked up once.
    let looked_up = parallel::map(findings, |_, one| {
        let region = one.location().and_then(|location| location.region);
        let line = region.map_or(0, |region| region.start_line.get());
        let worst = Reverse((one.severity(), one.score()));
        (worst, one.path(), one.kind(), line, one.package().is_some())
    });
    let mut numbers: HashMap<&str, (usize, bool), RandomState> = HashMap::default();
    for (_, path, .., has_package) in &looked_up {
        let Some(path) = path else { continue };
        numbers.entry(path).or_default().1 |= has_package;
    }
    let mut files: Vec<(&str, bool)> = numbers
        .iter()
        .map(|(path, (_, has))| (*path, *has))
        .collect();
    files.sort_unstable();
    for (number, (path, _)) in files.iter().enumerate() {
        // The first number is that of no file.
        numbers.entry(path).or_default().0 = number + 1;
    }
    let mut order: Vec<_> = looked_up
        .into_iter()
        .enumerate()
        .map(|(at, (worst, path, kind, line, _))| {
            (
                worst,
                path.map_or(0, |path| numbers[path].0),
                kind,
                line,
                at,
            )
        })
        .collect();
    let region = |one: &Finding<'_>| one.location().map(|location| location.region);
    parallel::sort(&mut order, |a, b| {
        (a.0, a.1, a.2, a.3)
            .cmp(&(b.0, b.1, b.2, b.3))
            .then_with(|| {
                let (a, b) = (&findings[a.4], &findings[b.4]);
                region(a)
                    .cmp(&region(b))
                    .then_with(|| a.name().cmp(b.name()))
                    .then_with(|| a.package().cmp(&b.package()))
                    .then_with(|| a.identity.cmp(&b.identity))
            })
    });
    let file = |(path, has_packages): (&str, bool)| File {
        path: path.to_owned(),
        has_packages,
    };
    let files = files.into_iter().map(file).collect();
    let order: Vec<usize> = order.into_iter().map(|(.., at)| at).collect();
    for at in 0..findings.len() {
        // What stood there may have been moved further already.
        let mut from = order[at];
        while from < at {
            from = order[from];
        }
        findings.swap(at, from);
    }
    files
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

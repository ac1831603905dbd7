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
use super::observation::{Kind, Observation, Scanner};
use super::severity::{Score, Severity};

type Shared<'a> = Arc<Observation<'a>>;

impl<'a> Report<'a> {
    /// Merges what scanners observed.
    pub fn new(
        mut scanners: Vec<Arc<Scanner<'a>>>,
        observations: impl IntoIterator<Item = impl Into<Arc<Observation<'a>>>>,
    ) -> Self {
        let mut findings = findings(observations.into_iter().map(Into::into).collect());
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

/// The problems that observations are of, in the order of their first ones.
fn findings(observations: Vec<Shared<'_>>) -> Vec<Finding<'_>> {
    let aliases = Aliases::of(&observations);
    let groups = Groups::of(&observations, &aliases);
    // Each is in one group, and moves there.
    let mut observations: Vec<_> = observations.into_iter().map(Some).collect();
    let mut findings = Vec::with_capacity(groups.iter().len());
    let mut names = Vec::with_capacity(groups.iter().len());
    for group in groups.iter() {
        let name = aliases.name(group[0]);
        // Mostly it is one, and a list that grows makes room for four.
        let mut members = Vec::with_capacity(group.len());
        members.extend(group.iter().filter_map(|at| observations[*at].take()));
        findings.push(finding(members, name));
        names.push(name);
    }
    drop((observations, groups));
    identity::assign(&mut findings, &names);
    findings
}

/// What decides nearly always, looked up once: of the file it is the number in their order.
type Order = (Reverse<(Severity, Option<Score>)>, usize, Kind, u32);

/// The worst first, then by place. The result is the files that they are in.
fn sort(findings: &mut [Finding<'_>]) -> Vec<File> {
    let mut numbers: HashMap<&str, usize, RandomState> = HashMap::default();
    // 0 is no file.
    let mut files: Vec<(&str, usize, bool)> = vec![("", 0, false)];
    let mut order: Vec<(Order, usize)> = Vec::with_capacity(findings.len());
    for (at, one) in findings.iter().enumerate() {
        let file = one.path().map_or(0, |path| {
            let number = *numbers.entry(path).or_insert_with(|| {
                files.push((path, files.len(), false));
                files.len() - 1
            });
            files[number].2 |= one.package().is_some();
            number
        });
        let region = one.location().and_then(|location| location.region);
        let line = region.map_or(0, |region| region.start_line.get());
        let worst = Reverse((one.severity(), one.score()));
        order.push(((worst, file, one.kind(), line), at));
    }
    drop(numbers);
    files.sort_unstable();
    let mut places = vec![0; files.len()];
    for (place, (_, number, _)) in files.iter().enumerate() {
        places[*number] = place;
    }
    order
        .iter_mut()
        .for_each(|((_, file, ..), _)| *file = places[*file]);
    let region = |one: &Finding<'_>| one.location().map(|location| location.region);
    order.sort_unstable_by(|(a, first), (b, second)| {
        a.cmp(b).then_with(|| {
            let (a, b) = (&findings[*first], &findings[*second]);
            region(a)
                .cmp(&region(b))
                .then_with(|| a.name().cmp(b.name()))
                .then_with(|| a.package().cmp(&b.package()))
                .then_with(|| a.identity.cmp(&b.identity))
        })
    });
    let file = |(path, _, has_packages): (&str, usize, bool)| File {
        path: path.to_owned(),
        has_packages,
    };
    let files = files.into_iter().skip(1).map(file).collect();
    let order: Vec<usize> = order.into_iter().map(|(_, at)| at).collect();
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

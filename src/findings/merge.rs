//! Observations of the same problem become one finding.
//!
//! Merging is a function of the set of observations: a finding keeps them all,
//! and merging findings takes them apart and puts all observations together
//! again. So neither order nor grouping nor repetition of the inputs counts.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::aliases::Aliases;
use super::finding::{File, Finding, Identity, Report, State};
use super::groups::{self, Groups};
use super::identity;
use super::ids::Id;
use super::observation::{Kind, Observation, Scanner};
use super::order::Keyed;
use super::parallel;

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
    let hasher = RandomState::default();
    // All that is asked of one alone: to come back later is to fetch it again.
    let looked_up = parallel::map(&observations, |at, one| {
        let name = aliases.name(at);
        let identity = identity::base(std::slice::from_ref(one), name);
        (groups::hash(one, name, &hasher), identity)
    });
    let hashes = looked_up.iter().map(|(hash, _)| *hash);
    let groups = Groups::of(&observations, &aliases, hashes);
    // Each is in one group, and moves there.
    let mut observations: Vec<_> = observations.into_iter().map(Some).collect();
    let mut findings = Vec::with_capacity(groups.iter().len());
    for group in groups.iter() {
        // Mostly it is one, and a list that grows makes room for four.
        let mut members = Vec::with_capacity(group.len());
        members.extend(group.iter().filter_map(|at| observations[*at].take()));
        let name = aliases.name(group[0]);
        let mut finding = finding(members, name);
        finding.identity = match group {
            [alone] => looked_up[*alone].1,
            _ => identity::base(&finding.observations, name),
        };
        findings.push(finding);
    }
    identity::tell_apart(&mut findings);
    findings
}

/// The worst first, then by place. The result is the files that they are in.
fn sort(findings: &mut [Finding<'_>]) -> Vec<File> {
    let mut numbers: HashMap<&str, usize, RandomState> = HashMap::default();
    // 0 is no file.
    let mut files: Vec<(&str, usize, bool)> = vec![("", 0, false)];
    let file_of = findings.iter().map(|one| {
        let path = one.path()?;
        let number = *numbers.entry(path).or_insert_with(|| {
            files.push((path, files.len(), false));
            files.len() - 1
        });
        files[number].2 |= one.package().is_some();
        Some(number)
    });
    // What decides nearly always is looked up once.
    let looked_up = findings.iter().zip(file_of).map(|(one, file)| {
        let region = one.location().and_then(|location| location.region);
        let line = region.map_or(0, |region| region.start_line.get());
        (mildness(one), file.unwrap_or(0), one.kind(), line)
    });
    let looked_up: Vec<(u16, usize, Kind, u32)> = looked_up.collect();
    files.sort_unstable();
    let mut places = vec![0; files.len()];
    for (place, (_, number, _)) in files.iter().enumerate() {
        places[*number] = place as u64;
    }
    // Of 64 bits 16 are for how bad it is, 8 for the kind, and as many for the file as it takes;
    // into the rest goes the line, if it fits.
    let line_bits = 40_u32.saturating_sub(files.len().ilog2() + 1);
    let looked_up = looked_up.into_iter().enumerate();
    let mut order: Vec<Keyed> = looked_up
        .map(|(at, (mildness, file, kind, line))| {
            let bad = u64::from(mildness) << 48;
            let place = places[file] << 8 | kind as u64;
            let line = u64::from(line).min((1 << line_bits) - 1);
            Keyed::new(bad | place << line_bits | line, at)
        })
        .collect();
    order.sort_unstable();
    let region = |one: &Finding<'_>| one.location().map(|location| location.region);
    for alike in order.chunk_by_mut(Keyed::is_like) {
        alike.sort_unstable_by(|a, b| {
            let (a, b) = (&findings[a.item()], &findings[b.item()]);
            region(a)
                .cmp(&region(b))
                .then_with(|| a.name().cmp(b.name()))
                .then_with(|| a.package().cmp(&b.package()))
                .then_with(|| a.identity.cmp(&b.identity))
        });
    }
    let file = |(path, _, has_packages): (&str, usize, bool)| File {
        path: path.to_owned(),
        has_packages,
    };
    let files = files.into_iter().skip(1).map(file).collect();
    for at in 0..findings.len() {
        // What stood there may have been moved further already.
        let mut from = order[at].item();
        while from < at {
            from = order[from].item();
        }
        findings.swap(at, from);
    }
    files
}

/// The less the worse.
fn mildness(finding: &Finding<'_>) -> u16 {
    // No score is milder than any of at most 1000 hundredths.
    let score = finding.score().map_or(0, |score| score.hundredths() + 1);
    u16::MAX - ((finding.severity() as u16) << 12 | score)
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
    let mut ids: Vec<Id<'a>> = members[0].ids.to_vec();
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
        ids: ids.into(),
        state,
        observations: members.into(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::{Location, Package, Region, Rule, Severity};

    fn one(path: &'static str, message: String) -> Observation<'static> {
        let rule = Arc::new(Rule {
            id: "rule".into(),
            ..Rule::default()
        });
        let scanner = Arc::new(Scanner::default());
        let mut one = Observation::new(scanner, rule, Kind::Code, Severity::High, message);
        one.locations = [Location {
            path: path.into(),
            region: Region::line(1),
            ..Location::default()
        }]
        .into();
        one
    }

    #[test]
    fn files_are_told_with_what_they_hold() {
        let mut package = one("web/package-lock.json", "old".to_owned());
        package.kind = Kind::Vulnerability;
        package.package = Some(Box::new(Package::new(Some("npm"), "lodash", None)));
        let observations = vec![
            one("src/b.py", "bad".to_owned()),
            package,
            one("web/package-lock.json", "odd".to_owned()),
            one("", "nowhere".to_owned()),
            one("src/b.py", "worse".to_owned()),
        ];
        let report = Report::new(Vec::new(), observations);
        let files = report.files().iter();
        let files: Vec<_> = files
            .map(|file| (file.path.as_str(), file.has_packages))
            .collect();
        assert_eq!(
            files,
            [("src/b.py", false), ("web/package-lock.json", true)]
        );
    }

    #[test]
    fn many_problems_of_one_place_are_told_apart() {
        // They differ in what is not looked at first.
        let said = |at: usize| one("src/a.py", format!("{} is bad", at % 5_000));
        let report = Report::new(Vec::new(), (0..20_000).map(said));
        assert_eq!(report.findings.len(), 5_000);
        // The same scanner says the same four times.
        assert!(
            report
                .findings
                .iter()
                .all(|one| one.observations.len() == 1)
        );
    }
}

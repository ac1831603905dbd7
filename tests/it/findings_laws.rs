//! What holds for any findings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ci_tool::findings::{
    Exploitation, Fix, Id, IdKind, Kind, Location, Observation, Package, Probability, Region,
    Report, Rule, Scanner, Score, Severity, State, Suppression, SuppressionStatus,
};
use ci_tool::sarif::{self, Limits, Options, Settings, Source};
use proptest::prelude::*;

pub type One = Observation<'static>;

const IDS: [&str; 9] = [
    "CVE-2021-0001",
    "CVE-2021-0002",
    "CVE-2021-0003",
    "GHSA-aaaa-bbbb-cccc",
    "GHSA-dddd-eeee-ffff",
    "PYSEC-2021-1",
    "SNYK-PYTHON-A-1",
    "DSA-5000-1",
    "RUSTSEC-2021-0001",
];

fn scanner() -> impl Strategy<Value = Arc<Scanner<'static>>> {
    prop::sample::select(vec!["Trivy", "Grype", "Snyk Open Source", "Semgrep"]).prop_map(|name| {
        Arc::new(Scanner {
            name: name.into(),
            version: Some("1.0".into()),
            ..Scanner::default()
        })
    })
}

fn location() -> impl Strategy<Value = Location<'static>> {
    let path = prop::sample::select(vec![
        "a.py",
        "b/c d.py",
        "web/package-lock.json",
        "web/package.json",
        "",
    ]);
    let region = prop::option::of((1_u32..40, prop::option::of(1_u32..9)));
    let snippet = prop::option::of(prop::sample::select(vec!["x = 1", "y = \"2\"\n", "[z]"]));
    (path, region, snippet).prop_map(|(path, region, snippet)| Location {
        path: path.into(),
        region: region.and_then(|(line, column)| {
            Some(Region {
                start_column: column.and_then(std::num::NonZeroU32::new),
                ..Region::line(line)?
            })
        }),
        snippet: snippet.map(Into::into),
        logical: None,
    })
}

fn package() -> impl Strategy<Value = Package<'static>> {
    let kind = prop::option::of(prop::sample::select(vec!["npm", "pypi"]));
    (
        kind,
        prop::sample::select(vec!["lodash", "libssl", "@s/n"]),
        prop::option::of(prop::sample::select(vec!["1.0", "2.0"])),
    )
        .prop_map(|(kind, name, version)| Package::new(kind, name, version.map(Into::into)))
}

fn suppression() -> impl Strategy<Value = Suppression<'static>> {
    let status = prop::sample::select(vec![
        SuppressionStatus::Accepted,
        SuppressionStatus::UnderReview,
        SuppressionStatus::Rejected,
    ]);
    (any::<bool>(), status, prop::option::of(Just("because"))).prop_map(
        |(in_source, status, why)| Suppression {
            in_source,
            status,
            justification: why.map(Into::into),
            ..Suppression::default()
        },
    )
}

fn observation() -> impl Strategy<Value = One> {
    let vulnerability = (
        prop::sample::subsequence(IDS.to_vec(), 1..3),
        prop::option::weighted(0.8, package()),
        prop::option::of(Just("alpine:3")),
    );
    let kind = prop::sample::select(Kind::ALL.to_vec());
    let what = (
        scanner(),
        kind,
        prop::sample::select(Severity::ALL.to_vec()),
        prop::option::of(1_u16..=1000),
        prop::sample::select(vec!["rule-a", "rule-b"]),
        prop::sample::select(vec!["bad", "worse at line 3", "{0} <b> \u{1F600}"]),
    );
    let more = (
        prop::collection::vec(location(), 0..3),
        vulnerability,
        prop::collection::vec(suppression(), 0..2),
        prop::option::of(0_u32..1000),
        prop::option::of(Just(State::New)),
        prop::option::of(prop::sample::select(vec![
            "0123456789abcdef:1",
            "fedcba9876543210:2",
        ])),
        prop::option::of(Just("9.9")),
    );
    (what, more).prop_map(
        |(
            (scanner, kind, severity, score, rule, message),
            (locations, (ids, package, target), suppressions, epss, state, hash, fixed),
        )| {
            let is_vulnerability = kind == Kind::Vulnerability;
            let id = if is_vulnerability { ids[0] } else { rule };
            let rule = Arc::new(Rule {
                id: id.into(),
                ..Rule::default()
            });
            let mut one = Observation::new(scanner, rule, kind, severity, message);
            one.score = score.and_then(Score::from_hundredths);
            one.locations = locations
                .into_iter()
                .filter(|location| !location.path.is_empty() || location.region.is_some())
                .collect();
            if is_vulnerability {
                one.ids = ids.into_iter().map(Id::new).collect();
                one.ids.sort();
                one.target = target.map(Into::into);
            }
            if matches!(kind, Kind::Vulnerability | Kind::License) {
                one.package = package.map(Box::new);
                one.fix = fixed.map(|version| {
                    Box::new(Fix {
                        versions: vec![version.into()],
                        ..Fix::default()
                    })
                });
            }
            one.suppressions = suppressions.into();
            one.exploitation = epss.and_then(|epss| {
                Some(Box::new(Exploitation {
                    epss: Some(Probability::new(f64::from(epss) / 1000.0)?),
                    ..Exploitation::default()
                }))
            });
            one.state = state;
            one.fingerprints = hash
                .map(|hash| ("primaryLocationLineHash".into(), hash.into()))
                .into_iter()
                .collect();
            one
        },
    )
}

pub fn observations() -> impl Strategy<Value = Vec<One>> {
    prop::collection::vec(observation(), 0..14)
}

pub fn report(observations: Vec<One>) -> Report<'static> {
    let scanners = observations
        .iter()
        .map(|one| Arc::clone(&one.scanner))
        .collect();
    Report::new(scanners, observations)
}

/// Merging as its rules say, pair by pair: which observations are one finding.
fn brute_force(observations: &[One]) -> BTreeSet<BTreeSet<usize>> {
    // Names: repeat until nothing changes.
    let cves = |one: &One| {
        one.ids
            .iter()
            .filter(|id| id.kind() == IdKind::Cve)
            .cloned()
            .collect::<BTreeSet<_>>()
    };
    let mut direct: BTreeMap<Id<'_>, BTreeSet<Id<'_>>> = BTreeMap::new();
    let mut umbrella: BTreeSet<Id<'_>> = BTreeSet::new();
    for one in observations {
        for id in &one.ids {
            direct.entry(id.clone()).or_default().extend(cves(one));
        }
    }
    for (id, cves) in &direct {
        if id.kind() != IdKind::Cve && cves.len() > 1 {
            umbrella.insert(id.clone());
        }
    }
    let joins = |id: &Id<'_>| id.kind() != IdKind::Cve && !umbrella.contains(id);
    let mut set: BTreeMap<Id<'_>, BTreeSet<Id<'_>>> = direct
        .keys()
        .filter(|id| joins(id))
        .map(|id| (id.clone(), BTreeSet::from([id.clone()])))
        .collect();
    loop {
        let before = set.clone();
        for one in observations {
            let joined: Vec<Id<'_>> = one.ids.iter().filter(|id| joins(id)).cloned().collect();
            let union: BTreeSet<Id<'_>> = joined.iter().flat_map(|id| set[id].clone()).collect();
            for id in &union {
                set.insert(id.clone(), union.clone());
            }
        }
        if set == before {
            break;
        }
    }
    let name = |one: &One| -> Option<Id<'_>> {
        let own = || one.ids.iter().min().cloned();
        let cves = cves(one);
        match cves.len() {
            0 => match one.ids.iter().find(|id| joins(id)) {
                Some(id) => {
                    let all: BTreeSet<Id<'_>> =
                        set[id].iter().flat_map(|id| direct[id].clone()).collect();
                    match all.len() {
                        0 => set[id].iter().min().cloned(),
                        1 => all.into_iter().next(),
                        _ => own(),
                    }
                }
                None => own(),
            },
            1 => cves.into_iter().next(),
            _ => one
                .ids
                .iter()
                .filter(|id| id.kind() != IdKind::Cve)
                .min()
                .cloned()
                .or_else(own),
        }
    };
    let place = |one: &One| {
        one.locations
            .first()
            .map(|location| (location.path.to_string(), location.region))
    };
    let manifest = |one: &One| {
        let path = one.locations.first().map_or("", |location| &location.path);
        one.target
            .clone()
            .unwrap_or_else(|| path.replace("package-lock.json", "package.json").into())
    };
    let about_package = |one: &One| {
        one.package.is_some() && matches!(one.kind, Kind::Vulnerability | Kind::License)
    };
    let called = |one: &One| name(one).map_or(one.rule.id.to_string(), |id| id.to_string());
    let almost = |a: &One, b: &One| {
        if called(a) != called(b) || about_package(a) != about_package(b) {
            return false;
        }
        match (&a.package, &b.package) {
            (Some(one), Some(other)) if about_package(a) => {
                one.full_name() == other.full_name()
                    && one.version == other.version
                    && manifest(a) == manifest(b)
            }
            _ => {
                let path = |one: &One| place(one).unwrap_or_default();
                path(a) == path(b) && a.target == b.target && a.message == b.message
            }
        }
    };
    let kind = |one: &One| {
        one.package
            .as_ref()
            .filter(|_| about_package(one))
            .and_then(|package| package.kind.clone())
    };
    let mut groups = BTreeSet::new();
    for (at, one) in observations.iter().enumerate() {
        let alike: Vec<usize> = (0..observations.len())
            .filter(|other| almost(one, &observations[*other]))
            .collect();
        let kinds: BTreeSet<_> = alike
            .iter()
            .filter_map(|at| kind(&observations[*at]))
            .collect();
        let group: BTreeSet<usize> = if kinds.len() <= 1 {
            alike.into_iter().collect()
        } else {
            alike
                .into_iter()
                .filter(|other| kind(&observations[*other]) == kind(&observations[at]))
                .collect()
        };
        groups.insert(group);
    }
    groups
}

/// An observation without what merging may drop from a repetition.
fn marked(mut observations: Vec<One>) -> Vec<One> {
    for (at, one) in observations.iter_mut().enumerate() {
        // Each its own, so that none is a repetition.
        let version = format!("{at}");
        one.scanner = Arc::new(Scanner {
            version: Some(version.into()),
            ..Scanner::clone(&one.scanner)
        });
    }
    observations
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn merging_is_what_its_rules_say(observations in observations()) {
        let observations = marked(observations);
        let expected = brute_force(&observations);
        let report = report(observations);
        let number = |one: &Arc<One>| one.scanner.version.as_deref().expect("marked").parse::<usize>().expect("a number");
        let got: BTreeSet<BTreeSet<usize>> =
            report.findings.iter().map(|finding| finding.observations.iter().map(number).collect()).collect();
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn merging_does_not_depend_on_order_grouping_or_repetition(
        a in observations(), b in observations(), c in observations(), seed in any::<u64>(),
    ) {
        let all: Vec<One> = [a.clone(), b.clone(), c.clone()].concat();
        let together = report(all.clone());
        // In any order.
        let mut shuffled = all.clone();
        let mut state = seed | 1;
        for at in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(at, usize::try_from(state >> 33).expect("it fits") % (at + 1));
        }
        prop_assert_eq!(&report(shuffled), &together);
        // Grouped either way.
        let left = Report::merge([Report::merge([report(a.clone()), report(b.clone())]), report(c.clone())]);
        prop_assert_eq!(&left, &together);
        let right = Report::merge([report(a), Report::merge([report(c), report(b)])]);
        prop_assert_eq!(&right, &together);
        // Again and again.
        prop_assert_eq!(&Report::merge([together.clone(), together.clone()]), &together);
        // Each identity once.
        let identities: BTreeSet<_> = together.findings.iter().map(|finding| finding.identity).collect();
        prop_assert_eq!(identities.len(), together.findings.len());
    }

    #[test]
    fn what_is_written_reads_back_the_same(observations in observations()) {
        let report = report(observations);
        let written = sarif::write(&report, &Settings::default());
        prop_assert_eq!(written.files.len(), 1);
        let source = Source::new(written.files[0].clone());
        let back = sarif::read(&source, "x", &Options::default()).expect("read").into_report();
        let essence = |report: &Report<'_>| -> Vec<String> {
            report.findings.iter().map(|finding| {
                let said: Vec<_> = finding.observations.iter().map(|one| {
                    let places: Vec<_> = one.locations.iter().map(|place| (&place.path, place.region)).collect();
                    format!("{:?}", (
                        &one.scanner, &one.rule.id, one.kind, one.severity, one.score, &one.ids, &one.message, places,
                        (&one.target, &one.package, &one.fix, &one.exploitation, &one.suppressions),
                    ))
                }).collect();
                format!("{} {:?} {:?} {said:#?}", finding.identity, finding.ids, finding.state)
            }).collect()
        };
        prop_assert_eq!(essence(&report), essence(&back));
        prop_assert_eq!(&report.scanners, &back.scanners);
        // And what GitHub takes.
        let text = String::from_utf8(written.files[0].clone()).expect("UTF-8");
        let problems = sarif::validate(&text, &Limits::GITHUB).expect("SARIF");
        prop_assert!(problems.iter().all(|problem| problem.consequence != sarif::Consequence::Refused), "{:#?}", problems);
    }

    #[test]
    fn a_shift_of_lines_keeps_identities(observations in observations(), by in 1_u32..500) {
        let before = report(observations.clone());
        let shift = |number: std::num::NonZeroU32| number.checked_add(by).expect("small");
        let mut shifted = observations;
        for location in shifted.iter_mut().flat_map(|one| &mut one.locations) {
            location.region = location.region.map(|region| Region {
                start_line: shift(region.start_line),
                end_line: region.end_line.map(shift),
                ..region
            });
        }
        let after = report(shifted);
        let identities = |report: &Report<'_>| report.findings.iter().map(|finding| finding.identity).collect::<BTreeSet<_>>();
        prop_assert_eq!(identities(&before), identities(&after));
    }

    #[test]
    fn versions_of_scanners_and_commits_keep_identities(observations in observations()) {
        let before = report(observations.clone());
        let mut later = observations;
        for one in &mut later {
            one.scanner = Arc::new(Scanner { version: Some("2.0".into()), category: Some("0123abc".into()), ..Scanner::clone(&one.scanner) });
        }
        let identities = |report: &Report<'_>| report.findings.iter().map(|finding| finding.identity).collect::<BTreeSet<_>>();
        prop_assert_eq!(identities(&before), identities(&report(later)));
    }

    #[test]
    fn small_limits_hold(observations in prop::collection::vec(observation(), 0..60), files in 1_usize..5, bytes in 3_000_usize..30_000) {
        let report = report(observations);
        let limits = Limits { gzip_bytes: bytes, runs: 2, results: 8, shown_results: 4, ..Limits::GITHUB };
        let settings = Settings { files, limits, ..Settings::default() };
        let written = sarif::write(&report, &settings);
        prop_assert!(!written.files.is_empty() && written.files.len() <= files);
        let mut results = 0;
        let mut categories = BTreeSet::new();
        for file in &written.files {
            let text = String::from_utf8(file.clone()).expect("UTF-8");
            let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            for run in value["runs"].as_array().expect("runs") {
                prop_assert!(categories.insert(run["automationDetails"]["id"].to_string()));
                results += run["results"].as_array().expect("results").len();
            }
            let problems = sarif::validate(&text, &limits).expect("SARIF");
            prop_assert!(problems.iter().all(|problem| problem.consequence != sarif::Consequence::Refused), "{:#?}", problems);
        }
        let dropped: usize = written.dropped.iter().map(|(_, count)| count).sum();
        prop_assert_eq!(results + dropped, report.findings.len());
        // The mildest go first.
        if let Some((worst, _)) = written.dropped.first() {
            let kept = report.findings.len() - dropped;
            prop_assert!(report.findings[..kept].iter().all(|finding| finding.severity() >= *worst));
        }
    }
}

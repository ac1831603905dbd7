//! OSV-Scanner's JSON. <https://google.github.io/osv-scanner/output/>

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;

use super::{About, Read, ids, json, or_default, path, place, reading, scanner, some, text};
use crate::findings::{Fix, Kind, Observation, Package, Rule, Scope, Score, Severity};

#[derive(Deserialize)]
struct Report<'a> {
    #[serde(borrow, deserialize_with = "or_default")]
    results: Vec<ResultOf<'a>>,
}

#[derive(Deserialize)]
struct ResultOf<'a> {
    #[serde(borrow)]
    source: SourceOf<'a>,
    #[serde(borrow, deserialize_with = "or_default")]
    packages: Vec<PackageOf<'a>>,
}

#[derive(Deserialize)]
struct SourceOf<'a> {
    #[serde(borrow, deserialize_with = "text")]
    path: Cow<'a, str>,
}

#[derive(Deserialize)]
struct PackageOf<'a> {
    #[serde(borrow)]
    package: Named<'a>,
    #[serde(default, deserialize_with = "or_default")]
    dependency_groups: Vec<String>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    vulnerabilities: Vec<Vulnerability<'a>>,
    #[serde(default, deserialize_with = "or_default")]
    groups: Vec<Group>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    license_violations: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, deserialize_with = "text")]
    name: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    version: Cow<'a, str>,
    #[serde(default)]
    ecosystem: String,
}

#[derive(Deserialize)]
struct Group {
    ids: Vec<String>,
    #[serde(default)]
    max_severity: String,
}

#[derive(Deserialize)]
struct Vulnerability<'a> {
    #[serde(borrow, deserialize_with = "text")]
    id: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    aliases: Vec<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "text")]
    summary: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    details: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    affected: Vec<Affected<'a>>,
    #[serde(default)]
    database_specific: Option<Specific>,
}

#[derive(Deserialize)]
struct Affected<'a> {
    #[serde(borrow, default)]
    package: Option<Named<'a>>,
    #[serde(default, deserialize_with = "or_default")]
    ranges: Vec<Range>,
}

#[derive(Deserialize)]
struct Range {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default, deserialize_with = "or_default")]
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    fixed: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Specific {
    Github {
        #[serde(default)]
        severity: Option<String>,
        #[serde(default)]
        cwe_ids: Option<Vec<String>>,
    },
    Other(serde::de::IgnoredAny),
}

pub(super) fn read<'a>(source: &'a str, about: About<'_>) -> Result<Read<'a>, String> {
    let report: Report<'a> = json(source)?;
    let scanner = scanner("osv-scanner", None, "https://github.com/google/osv-scanner");
    let mut read = Read::default();
    let mut observations = Vec::new();
    for result in report.results {
        let file = path(result.source.path, about);
        read.seen.push(file.to_string());
        for one in result.packages {
            for known in one.vulnerabilities {
                let group = one
                    .groups
                    .iter()
                    .find(|group| group.ids.iter().any(|id| *id == known.id));
                let score: Option<Score> = group.and_then(|group| group.max_severity.parse().ok());
                let (word, cwes) = match known.database_specific {
                    Some(Specific::Github { severity, cwe_ids }) => (severity, cwe_ids),
                    Some(Specific::Other(_)) | None => (None, None),
                };
                let severity = score
                    .map(Score::severity)
                    .or_else(|| Severity::from_word(&word?))
                    // Without a word of anybody it may be anything.
                    .unwrap_or(Severity::Medium);
                let cwes = super::cwes(cwes.iter().flatten());
                let rule = Arc::new(Rule {
                    id: known.id.clone(),
                    help_uri: Some(Cow::Owned(format!("https://osv.dev/{}", known.id))),
                    short: some(known.summary.clone()),
                    full: some(known.details),
                    cwes,
                    ..Rule::default()
                });
                let message = match some(known.summary) {
                    Some(text) => format!("{} {}: {text}", one.package.name, one.package.version),
                    None => format!("{} {} is vulnerable", one.package.name, one.package.version),
                };
                let mut observation = Observation::new(
                    Arc::clone(&scanner),
                    rule,
                    Kind::Vulnerability,
                    severity,
                    message,
                );
                observation.score = score;
                let names = std::iter::once(known.id).chain(known.aliases);
                observation.ids = ids(names);
                let mut versions: Vec<Cow<'a, str>> = known
                    .affected
                    .iter()
                    .filter(|affected| {
                        let named = affected.package.as_ref();
                        named.is_none_or(|named| named.name == one.package.name)
                    })
                    .flat_map(|affected| &affected.ranges)
                    .filter(|range| range.kind != "GIT")
                    .flat_map(|range| &range.events)
                    .filter_map(|event| event.fixed.clone().map(Cow::Owned))
                    .collect();
                versions.sort();
                versions.dedup();
                observation.fix = (!versions.is_empty()).then(|| {
                    Box::new(Fix {
                        versions,
                        ..Fix::default()
                    })
                });
                observation.package = Some(Box::new(package(&one.package, &one.dependency_groups)));
                observation.locations = [place(file.clone(), (0, 0), (0, 0))].into();
                observations.push(observation);
            }
            for license in one.license_violations {
                let message = format!(
                    "{} {} is under {license}",
                    one.package.name, one.package.version
                );
                let rule = Arc::new(Rule {
                    id: license.clone(),
                    ..Rule::default()
                });
                let mut observation = Observation::new(
                    Arc::clone(&scanner),
                    rule,
                    Kind::License,
                    Severity::Medium,
                    message,
                );
                let mut package = package(&one.package, &one.dependency_groups);
                package.licenses = vec![license];
                observation.package = Some(Box::new(package));
                observation.locations = [place(file.clone(), (0, 0), (0, 0))].into();
                observations.push(observation);
            }
        }
    }
    read.reading = reading(scanner, observations);
    Ok(read)
}

fn package<'a>(named: &Named<'a>, groups: &[String]) -> Package<'a> {
    // `Debian:12` names a release behind it.
    let ecosystem = named.ecosystem.split(':').next().unwrap_or_default();
    let kind = match ecosystem {
        "npm" => "npm",
        "PyPI" => "pypi",
        "Go" => "golang",
        "crates.io" => "cargo",
        "Maven" => "maven",
        "NuGet" => "nuget",
        "Packagist" => "composer",
        "RubyGems" => "gem",
        "Hex" => "hex",
        "Pub" => "pub",
        "Debian" | "Ubuntu" => "deb",
        "Alpine" | "Wolfi" | "Chainguard" => "apk",
        "Red Hat" | "Rocky Linux" | "AlmaLinux" | "SUSE" | "openSUSE" => "rpm",
        _ => "",
    };
    let kind = (!kind.is_empty()).then_some(kind);
    let mut package = Package::new(kind, named.name.clone(), some(named.version.clone()));
    let is_dev = |group: &String| matches!(group.as_str(), "dev" | "development" | "test");
    package.scope = if groups.is_empty() {
        Scope::Unknown
    } else if groups.iter().all(is_dev) {
        Scope::Development
    } else {
        Scope::Runtime
    };
    package
}

//! Grype's JSON. <https://oss.anchore.com/docs/reference/grype/json/>

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;

use super::{About, Read, ids, json, or_default, path, place, reading, scanner, some, text};
use crate::findings::{
    Exploitation, Fix, Kind, Observation, Package, Probability, Rule, Score, Severity, Suppression,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    #[serde(borrow)]
    matches: Vec<Match<'a>>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    ignored_matches: Vec<Match<'a>>,
    #[serde(borrow)]
    descriptor: Descriptor<'a>,
    #[serde(borrow, default)]
    source: Option<SourceOf<'a>>,
    #[serde(default, deserialize_with = "or_default")]
    alerts_by_package: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Descriptor<'a> {
    #[serde(borrow, deserialize_with = "text")]
    name: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "text", default)]
    version: Cow<'a, str>,
}

#[derive(Deserialize)]
struct SourceOf<'a> {
    #[serde(borrow, default)]
    target: Option<Target<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Target<'a> {
    Image {
        #[serde(rename = "userInput", borrow, deserialize_with = "text")]
        name: Cow<'a, str>,
    },
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Match<'a> {
    #[serde(borrow)]
    vulnerability: Vulnerability<'a>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    related_vulnerabilities: Vec<Related<'a>>,
    #[serde(borrow)]
    artifact: Artifact<'a>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    applied_ignore_rules: Vec<Ignore<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vulnerability<'a> {
    #[serde(borrow, deserialize_with = "text")]
    id: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    data_source: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    severity: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    description: Cow<'a, str>,
    #[serde(default, deserialize_with = "or_default")]
    cvss: Vec<Cvss>,
    #[serde(default, deserialize_with = "or_default")]
    epss: Vec<Epss>,
    #[serde(default, deserialize_with = "or_default")]
    known_exploited: Vec<serde::de::IgnoredAny>,
    #[serde(borrow, default)]
    fix: Option<FixOf<'a>>,
}

#[derive(Deserialize)]
struct Related<'a> {
    #[serde(borrow, deserialize_with = "text")]
    id: Cow<'a, str>,
    #[serde(default, deserialize_with = "or_default")]
    cvss: Vec<Cvss>,
}

#[derive(Deserialize)]
struct Cvss {
    #[serde(default)]
    version: String,
    #[serde(default)]
    metrics: Option<Metrics>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    base_score: f64,
}

#[derive(Deserialize)]
struct Epss {
    epss: f64,
    #[serde(default)]
    percentile: f64,
}

#[derive(Deserialize)]
struct FixOf<'a> {
    #[serde(borrow, default, deserialize_with = "or_default")]
    versions: Vec<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "text")]
    state: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Artifact<'a> {
    #[serde(borrow, deserialize_with = "text")]
    name: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    version: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    purl: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    locations: Vec<Place<'a>>,
}

#[derive(Deserialize)]
struct Place<'a> {
    #[serde(borrow, deserialize_with = "text")]
    path: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Ignore<'a> {
    #[serde(borrow, default, deserialize_with = "text")]
    reason: Cow<'a, str>,
}

pub(super) fn read<'a>(source: &'a str, about: About<'_>) -> Result<Read<'a>, String> {
    let report: Report<'a> = json(source)?;
    if report.descriptor.name != "grype" {
        return Err(format!(
            "its report is one of `{}` and not of grype",
            report.descriptor.name
        ));
    }
    let version = some(report.descriptor.version);
    let mut read = Read {
        version: version.as_deref().map(str::to_owned),
        ..Read::default()
    };
    if !report.alerts_by_package.is_empty() {
        read.doubts.push(
            "packages of a distribution that gets no security updates any more, or that is not known"
                .to_owned(),
        );
    }
    let target = match report.source.and_then(|source| source.target) {
        // An image in an archive is called by the archive's place.
        Some(Target::Image { name }) => match about.target {
            Some(target) => Some(Cow::Owned(target.to_owned())),
            None => some(name),
        },
        Some(Target::Other(_)) | None => None,
    };
    read.seen.extend(target.as_deref().map(str::to_owned));
    let scanner = scanner("grype", version, "https://github.com/anchore/grype");
    let all = report.matches.into_iter().chain(report.ignored_matches);
    let observations = all.map(|one| {
        let known = one.vulnerability;
        let cvss = || {
            let related = one.related_vulnerabilities.iter();
            known
                .cvss
                .iter()
                .chain(related.flat_map(|related| &related.cvss))
        };
        let score: Option<Score> = cvss()
            .filter(|cvss| !cvss.version.starts_with('2'))
            .filter_map(|cvss| cvss.metrics.as_ref()?.base_score.to_string().parse().ok())
            .max();
        let severity = Severity::from_word(&known.severity)
            .or(score.map(Score::severity))
            .unwrap_or(Severity::Note);
        let rule = Arc::new(Rule {
            id: known.id.clone(),
            full: some(known.description),
            help_uri: some(known.data_source),
            ..Rule::default()
        });
        let message = format!(
            "{} {} is vulnerable",
            one.artifact.name, one.artifact.version
        );
        let mut observation = Observation::new(
            Arc::clone(&scanner),
            rule,
            Kind::Vulnerability,
            severity,
            message,
        );
        observation.score = score.filter(|score| score.severity() == severity);
        let related = one.related_vulnerabilities.into_iter().map(|one| one.id);
        observation.ids = ids(std::iter::once(known.id).chain(related));
        observation.package = Some(Box::new(
            Package::from_purl(&one.artifact.purl).unwrap_or_else(|| {
                Package::new(None, one.artifact.name, some(one.artifact.version))
            }),
        ));
        if let Some(fix) = known.fix {
            observation.fix = Some(Box::new(Fix {
                versions: fix.versions,
                status: some(fix.state),
                edits: None,
            }));
        }
        let epss = known.epss.first();
        observation.exploitation = Some(Exploitation {
            epss: epss.and_then(|epss| Probability::new(epss.epss)),
            percentile: epss.and_then(|epss| Probability::new(epss.percentile)),
            known_exploited: (!known.known_exploited.is_empty()).then_some(true),
        })
        .filter(|known| *known != Exploitation::default())
        .map(Box::new);
        observation.suppressions = one
            .applied_ignore_rules
            .into_iter()
            .map(|rule| Suppression {
                justification: some(rule.reason),
                origin: Some(Cow::Borrowed("grype")),
                ..Suppression::default()
            })
            .collect();
        observation.target.clone_from(&target);
        let first = one.artifact.locations.into_iter().next();
        if let Some(first) = first {
            // Relative to what was scanned, and written with a slash before it.
            let own = match &target {
                Some(_) => first.path,
                None => Cow::Owned(first.path.trim_start_matches('/').to_owned()),
            };
            observation.locations = [place(path(own, about), (0, 0), (0, 0))].into();
        }
        observation
    });
    let observations = observations.collect();
    read.reading = reading(scanner, observations);
    Ok(read)
}

//! The JSON of `npm audit --json`, version 2 of its report.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::{About, Read, cwes, json, or_default, path, place, reading, scanner, some, text};
use crate::findings::{Fix, Id, Kind, Observation, Package, Rule, Score, Severity};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    #[serde(default)]
    audit_report_version: Option<u32>,
    #[serde(borrow, default)]
    vulnerabilities: BTreeMap<String, Affected<'a>>,
    #[serde(borrow, default, deserialize_with = "text")]
    message: Cow<'a, str>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    dependencies: Option<Dependencies>,
}

#[derive(Deserialize)]
struct Dependencies {
    #[serde(default)]
    total: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Affected<'a> {
    #[serde(default)]
    is_direct: bool,
    #[serde(borrow)]
    via: Vec<Via<'a>>,
}

/// Why a package is listed: an advisory, or the name of another package.
#[derive(Deserialize)]
#[serde(untagged)]
enum Via<'a> {
    Advisory(#[serde(borrow)] Advisory<'a>),
    Package(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Advisory<'a> {
    #[serde(borrow, deserialize_with = "text")]
    title: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "text")]
    url: Cow<'a, str>,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    range: String,
    #[serde(default, deserialize_with = "or_default")]
    cwe: Vec<String>,
    #[serde(default)]
    cvss: Option<Cvss>,
}

#[derive(Deserialize)]
struct Cvss {
    #[serde(default)]
    score: f64,
}

pub(super) fn read<'a>(source: &'a str, about: About<'_>) -> Result<Read<'a>, String> {
    let report: Report<'a> = json(source)?;
    if report.audit_report_version != Some(2) {
        // The registry's own words for why it does not answer.
        return Err(match some(report.message) {
            Some(message) => format!("it says: {message}"),
            None => "its report is not of version 2, which is what is read".to_owned(),
        });
    }
    let scanner = scanner(
        "npm audit",
        None,
        "https://docs.npmjs.com/cli/commands/npm-audit",
    );
    let mut read = Read::default();
    let counted = report.metadata.and_then(|metadata| metadata.dependencies);
    if counted.is_some_and(|dependencies| dependencies.total == 0) {
        read.doubts.push("it looked up no package".to_owned());
    }
    let file = path(Cow::Borrowed("package-lock.json"), about);
    let mut observations = Vec::new();
    for (name, affected) in report.vulnerabilities {
        for via in affected.via {
            let Via::Advisory(known) = via else {
                continue;
            };
            let id = known.url.rsplit('/').next().unwrap_or_default().to_owned();
            let score: Option<Score> = known
                .cvss
                .and_then(|cvss| cvss.score.to_string().parse().ok());
            let severity = Severity::from_word(&known.severity)
                .or(score.map(Score::severity))
                .unwrap_or(Severity::Medium);
            let rule = Arc::new(Rule {
                id: Cow::Owned(id.clone()),
                short: some(known.title.clone()),
                help_uri: some(known.url),
                cwes: cwes(&known.cwe),
                ..Rule::default()
            });
            let message = format!("{name}: {}", known.title);
            let mut observation = Observation::new(
                Arc::clone(&scanner),
                rule,
                Kind::Vulnerability,
                severity,
                message,
            );
            observation.score = score.filter(|score| score.severity() == severity);
            observation.ids = [Id::new(id)].into();
            let mut package = Package::new(Some("npm"), name.clone(), None);
            package.direct = Some(affected.is_direct);
            observation.package = Some(Box::new(package));
            observation.fix = Some(Box::new(Fix {
                versions: fixed(&known.range),
                ..Fix::default()
            }));
            observation.locations = [place(file.clone(), (0, 0), (0, 0))].into();
            observations.push(observation);
        }
    }
    read.reading = reading(scanner, observations);
    Ok(read)
}

/// The versions that end what is affected: 2.1.0 of `<1.0.9 || >=2.0.0 <2.1.0` and 1.0.9.
fn fixed(range: &str) -> Vec<Cow<'static, str>> {
    let end = |part: &str| {
        let version = part.split_whitespace().last()?.strip_prefix('<')?;
        let is_version = version.starts_with(|first: char| first.is_ascii_digit());
        is_version.then(|| Cow::Owned(version.to_owned()))
    };
    range.split("||").filter_map(end).collect()
}

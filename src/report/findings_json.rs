//! Findings as JSON: the form that `ci-tool sarif convert` prints.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use crate::findings::{self, Probability, Report};
use crate::sarif::redact;

/// The version of this form; a change that breaks readers raises it.
pub const VERSION: u32 = 1;

/// Findings and who was asked.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Findings<'r> {
    /// The version of this form.
    pub version: u32,
    /// The scanners, those without findings among them.
    pub scanners: Vec<Scanner<'r>>,
    /// The findings, the worst first.
    pub findings: Vec<Finding<'r>>,
}

/// A scanner.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scanner<'r> {
    /// Its name.
    pub name: Cow<'r, str>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Cow<'r, str>>,
    /// What was scanned, in its words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Cow<'r, str>>,
    /// Why its report is not complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Cow<'r, str>>,
}

/// One problem in one place.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding<'r> {
    /// What makes it this one: the same in every commit.
    pub identity: String,
    /// What to call it: the vulnerability's best name, or the rule's.
    pub name: Cow<'r, str>,
    /// `vulnerability`, `secret`, `misconfiguration`, `license` or `code`.
    pub kind: &'static str,
    /// `critical`, `high`, `medium`, `low` or `note`: the worst that a scanner says.
    pub severity: &'static str,
    /// The highest score that a scanner gives, above 0 and up to 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// What is wrong. Secrets are redacted.
    pub message: Cow<'r, str>,
    /// All names of the vulnerability, the best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<Cow<'r, str>>,
    /// Numbers of weaknesses (CWE).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cwes: Vec<u32>,
    /// Where; the first counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<Location<'r>>,
    /// The image or other target, if that is not the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Cow<'r, str>>,
    /// The package that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<Package<'r>>,
    /// Versions that are free of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fixed_versions: Vec<Cow<'r, str>>,
    /// Whether there is something that one can do now.
    pub fixable: bool,
    /// The EPSS probability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epss: Option<f64>,
    /// Whether it is in the catalogue of known exploited vulnerabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_exploited: Option<bool>,
    /// `new`, `unchanged`, `updated` or `absent`, where there was a baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
    /// Whether every scanner that reports it has it set aside.
    pub suppressed: bool,
    /// What each scanner says.
    pub reported_by: Vec<Reporter<'r>>,
}

/// A place.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Location<'r> {
    /// The file, from the repository's root.
    pub path: Cow<'r, str>,
    /// The first line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The last line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_line: Option<u32>,
    /// The first column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

/// A package.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Package<'r> {
    /// Its package URL; `pkg:generic` where the scanner names no kind.
    pub purl: String,
    /// Its name with its namespace.
    pub name: Cow<'r, str>,
    /// The installed version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Cow<'r, str>>,
    /// `runtime`, `development` or `unknown`.
    pub scope: &'static str,
}

/// What one scanner says.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reporter<'r> {
    /// Its name.
    pub scanner: Cow<'r, str>,
    /// Its rule.
    pub rule: Cow<'r, str>,
    /// How bad it thinks that it is.
    pub severity: &'static str,
    /// The same as a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
}

impl<'r> From<&'r Report<'_>> for Findings<'r> {
    fn from(report: &'r Report<'_>) -> Self {
        Self {
            version: VERSION,
            scanners: report
                .scanners
                .iter()
                .map(|scanner| Scanner::from(&**scanner))
                .collect(),
            findings: report.findings.iter().map(Finding::from).collect(),
        }
    }
}

impl<'r> From<&'r findings::Scanner<'_>> for Scanner<'r> {
    fn from(scanner: &'r findings::Scanner<'_>) -> Self {
        fn borrowed<'t>(text: &'t Option<Cow<'_, str>>) -> Option<Cow<'t, str>> {
            text.as_deref().map(Cow::Borrowed)
        }
        Self {
            name: Cow::Borrowed(&scanner.name),
            version: borrowed(&scanner.version),
            category: borrowed(&scanner.category),
            failure: borrowed(&scanner.failure),
        }
    }
}

impl<'r> From<&'r findings::Finding<'_>> for Finding<'r> {
    fn from(finding: &'r findings::Finding<'_>) -> Self {
        let exploitation = finding.exploitation();
        let is_secret = finding.kind() == findings::Kind::Secret;
        let snippet = finding
            .location()
            .and_then(|location| location.snippet.as_deref());
        Self {
            identity: finding.identity.to_string(),
            name: Cow::Borrowed(finding.name()),
            kind: finding.kind().as_str(),
            severity: finding.severity().as_str(),
            score: finding.score().map(number),
            message: redact(finding.message(), is_secret, snippet),
            ids: finding
                .ids
                .iter()
                .map(|id| Cow::Borrowed(id.as_str()))
                .collect(),
            cwes: finding.cwes(),
            locations: finding.locations().map(Location::from).collect(),
            target: finding.primary().target.as_deref().map(Cow::Borrowed),
            package: finding.package().map(|package| Package {
                purl: package.purl(true),
                name: package.full_name(),
                version: package.version.as_deref().map(Cow::Borrowed),
                scope: finding.scope().as_str(),
            }),
            fixed_versions: finding
                .fixed_versions()
                .into_iter()
                .map(Cow::Borrowed)
                .collect(),
            fixable: finding.is_fixable(),
            epss: exploitation.epss.map(Probability::get),
            known_exploited: exploitation.known_exploited,
            state: finding.state.map(|state| state.as_str()),
            suppressed: finding.is_suppressed(),
            reported_by: finding
                .observations
                .iter()
                .map(|one| Reporter::from(&**one))
                .collect(),
        }
    }
}

impl Finding<'_> {
    /// The same with texts of its own, for when the document goes that it was read from.
    pub fn into_owned(self) -> Finding<'static> {
        fn all(texts: Vec<Cow<'_, str>>) -> Vec<Cow<'static, str>> {
            texts.into_iter().map(owned).collect()
        }
        Finding {
            name: owned(self.name),
            message: owned(self.message),
            ids: all(self.ids),
            locations: self
                .locations
                .into_iter()
                .map(|one| Location {
                    path: owned(one.path),
                    ..one
                })
                .collect(),
            target: self.target.map(owned),
            package: self.package.map(|package| Package {
                name: owned(package.name),
                version: package.version.map(owned),
                ..package
            }),
            fixed_versions: all(self.fixed_versions),
            reported_by: self
                .reported_by
                .into_iter()
                .map(|one| Reporter {
                    scanner: owned(one.scanner),
                    rule: owned(one.rule),
                    ..one
                })
                .collect(),
            ..self
        }
    }
}

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

impl<'r> From<&'r findings::Location<'_>> for Location<'r> {
    fn from(location: &'r findings::Location<'_>) -> Self {
        let region = location.region;
        Self {
            path: Cow::Borrowed(&location.path),
            line: region.map(|region| region.start_line.get()),
            end_line: region
                .and_then(|region| region.end_line)
                .map(std::num::NonZeroU32::get),
            column: region
                .and_then(|region| region.start_column)
                .map(std::num::NonZeroU32::get),
        }
    }
}

impl<'r> From<&'r findings::Observation<'_>> for Reporter<'r> {
    fn from(one: &'r findings::Observation<'_>) -> Self {
        Self {
            scanner: Cow::Borrowed(&one.scanner.name),
            rule: Cow::Borrowed(&one.rule.id),
            severity: one.severity.as_str(),
            score: one.score.map(number),
        }
    }
}

fn number(score: findings::Score) -> f64 {
    f64::from(score.hundredths()) / 100.0
}

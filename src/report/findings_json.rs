//! Findings as JSON: the form that `ci-tool sarif convert` prints.

use schemars::JsonSchema;
use serde::Serialize;

use crate::findings::{self, Id, Probability, Report};
use crate::sarif::redact;

/// The version of this form; a change that breaks readers raises it.
pub const VERSION: u32 = 1;

/// Findings and who was asked.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Findings {
    /// The version of this form.
    pub version: u32,
    /// The scanners, those without findings among them.
    pub scanners: Vec<Scanner>,
    /// The findings, the worst first.
    pub findings: Vec<Finding>,
}

/// A scanner.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scanner {
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What was scanned, in its words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Why its report is not complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// One problem in one place.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What makes it this one: the same in every commit.
    pub identity: String,
    /// What to call it: the vulnerability's best name, or the rule's.
    pub name: String,
    /// `vulnerability`, `secret`, `misconfiguration`, `license` or `code`.
    pub kind: String,
    /// `critical`, `high`, `medium`, `low` or `note`: the worst that a scanner says.
    pub severity: String,
    /// The highest score that a scanner gives, above 0 and up to 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// What is wrong. Secrets are redacted.
    pub message: String,
    /// All names of the vulnerability, the best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// Numbers of weaknesses (CWE).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cwes: Vec<u32>,
    /// Where; the first counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<Location>,
    /// The image or other target, if that is not the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The package that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<Package>,
    /// Versions that are free of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fixed_versions: Vec<String>,
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
    pub state: Option<String>,
    /// Whether every scanner that reports it has it set aside.
    pub suppressed: bool,
    /// What each scanner says.
    pub reported_by: Vec<Reporter>,
}

/// A place.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// The file, from the repository's root.
    pub path: String,
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
pub struct Package {
    /// Its package URL; `pkg:generic` where the scanner names no kind.
    pub purl: String,
    /// Its name with its namespace.
    pub name: String,
    /// The installed version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `runtime`, `development` or `unknown`.
    pub scope: String,
}

/// What one scanner says.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reporter {
    /// Its name.
    pub scanner: String,
    /// Its rule.
    pub rule: String,
    /// How bad it thinks that it is.
    pub severity: String,
    /// The same as a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
}

impl From<&Report<'_>> for Findings {
    fn from(report: &Report<'_>) -> Self {
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

impl From<&findings::Scanner<'_>> for Scanner {
    fn from(scanner: &findings::Scanner<'_>) -> Self {
        let owned = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
        Self {
            name: scanner.name.to_string(),
            version: owned(&scanner.version),
            category: owned(&scanner.category),
            failure: owned(&scanner.failure),
        }
    }
}

impl From<&findings::Finding<'_>> for Finding {
    fn from(finding: &findings::Finding<'_>) -> Self {
        let exploitation = finding.exploitation();
        let is_secret = finding.kind() == findings::Kind::Secret;
        let snippet = finding
            .location()
            .and_then(|location| location.snippet.as_deref());
        Self {
            identity: finding.identity.to_string(),
            name: finding.name().to_owned(),
            kind: finding.kind().as_str().to_owned(),
            severity: finding.severity().as_str().to_owned(),
            score: finding.score().map(number),
            message: redact(finding.message(), is_secret, snippet).into_owned(),
            ids: finding.ids.iter().map(Id::to_string).collect(),
            cwes: finding.cwes(),
            locations: finding.locations().map(Location::from).collect(),
            target: finding.primary().target.as_deref().map(str::to_owned),
            package: finding.package().map(|package| Package {
                purl: package.purl(true),
                name: package.full_name().into_owned(),
                version: package.version.as_deref().map(str::to_owned),
                scope: finding.scope().as_str().to_owned(),
            }),
            fixed_versions: finding
                .fixed_versions()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            fixable: finding.is_fixable(),
            epss: exploitation.epss.map(Probability::get),
            known_exploited: exploitation.known_exploited,
            state: finding.state.map(|state| state.as_str().to_owned()),
            suppressed: finding.is_suppressed(),
            reported_by: finding
                .observations
                .iter()
                .map(|one| Reporter::from(&**one))
                .collect(),
        }
    }
}

impl From<&findings::Location<'_>> for Location {
    fn from(location: &findings::Location<'_>) -> Self {
        let region = location.region;
        Self {
            path: location.path.to_string(),
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

impl From<&findings::Observation<'_>> for Reporter {
    fn from(one: &findings::Observation<'_>) -> Self {
        Self {
            scanner: one.scanner.name.to_string(),
            rule: one.rule.id.to_string(),
            severity: one.severity.as_str().to_owned(),
            score: one.score.map(number),
        }
    }
}

fn number(score: findings::Score) -> f64 {
    f64::from(score.hundredths()) / 100.0
}

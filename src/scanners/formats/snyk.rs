//! The JSON of `snyk test`, `snyk container test` and `snyk iac test`.
//! <https://docs.snyk.io/developer-tools/snyk-cli/commands/test>

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{About, Read, cwes, ids, json, or_default, path, place, reading, scanner, some, text};
use crate::findings::{
    Exploitation, Fix, Kind, Observation, Package, Probability, Rule, Scanner, Score, Severity,
    Suppression,
};

/// One project; several come as a list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Project<'a> {
    ok: bool,
    #[serde(borrow, default, deserialize_with = "text")]
    error: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    vulnerabilities: Option<Vec<Vulnerability<'a>>>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    infrastructure_as_code_issues: Option<Vec<Issue<'a>>>,
    #[serde(borrow, default)]
    filtered: Option<Filtered<'a>>,
    #[serde(borrow, default, deserialize_with = "text")]
    display_target_file: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    target_file: Cow<'a, str>,
    #[serde(default)]
    dependency_count: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    has_unknown_versions: bool,
    #[serde(borrow, default, deserialize_with = "or_default")]
    applications: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Filtered<'a> {
    #[serde(borrow, default, deserialize_with = "or_default")]
    ignore: Vec<Vulnerability<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vulnerability<'a> {
    #[serde(borrow, deserialize_with = "text")]
    id: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    title: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    description: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    severity: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    severity_with_critical: Cow<'a, str>,
    #[serde(default)]
    cvss_score: Option<f64>,
    #[serde(default, deserialize_with = "or_default")]
    identifiers: HashMap<String, Vec<String>>,
    #[serde(borrow, default, deserialize_with = "text")]
    package_manager: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    package_name: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    name: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    version: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    fixed_in: Vec<Cow<'a, str>>,
    #[serde(default, deserialize_with = "or_default")]
    from: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    line_number: Option<u32>,
    #[serde(rename = "type", borrow, default, deserialize_with = "text")]
    kind: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    license: Cow<'a, str>,
    #[serde(default)]
    epss_details: Option<Epss>,
    #[serde(borrow, default)]
    filtered: Option<By<'a>>,
}

#[derive(Deserialize)]
struct By<'a> {
    #[serde(borrow, default, deserialize_with = "or_default")]
    ignored: Vec<Ignored<'a>>,
}

#[derive(Deserialize)]
struct Ignored<'a> {
    #[serde(borrow, default, deserialize_with = "text")]
    reason: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    expires: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Epss {
    #[serde(default)]
    probability: Option<Number>,
    #[serde(default)]
    percentile: Option<Number>,
}

/// A number, which some versions write as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Is(f64),
    Text(String),
}

impl Number {
    fn share(&self) -> Option<Probability> {
        Probability::new(match self {
            Self::Is(number) => *number,
            Self::Text(text) => text.parse().ok()?,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Issue<'a> {
    #[serde(borrow, deserialize_with = "text")]
    id: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    title: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    severity: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    issue: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    impact: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    resolve: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    documentation: Cow<'a, str>,
    #[serde(default)]
    line_number: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    is_ignored: bool,
}

pub(super) fn read<'a>(source: &'a str, about: About<'_>) -> Result<Read<'a>, String> {
    let projects: Vec<&'a RawValue> = if source.trim_start().starts_with('[') {
        json(source)?
    } else {
        vec![json(source)?]
    };
    if projects.is_empty() {
        return Err("its report has no project".to_owned());
    }
    let scanner = scanner("Snyk", None, "https://snyk.io");
    let mut read = Read::default();
    let mut observations = Vec::new();
    for project in projects {
        add(project.get(), about, &scanner, &mut read, &mut observations)?;
    }
    read.reading = reading(scanner, observations);
    Ok(read)
}

fn add<'a>(
    source: &'a str,
    about: About<'_>,
    scanner: &Arc<Scanner<'a>>,
    read: &mut Read<'a>,
    to: &mut Vec<Observation<'a>>,
) -> Result<(), String> {
    let project: Project<'a> = json(source)?;
    if let Some(error) = some(project.error) {
        return Err(format!("it says: {error}"));
    }
    if project.vulnerabilities.is_none() && project.infrastructure_as_code_issues.is_none() {
        return Err(if project.ok {
            "its report has no list of vulnerabilities".to_owned()
        } else {
            "its report has neither findings nor an error".to_owned()
        });
    }
    let file = some(project.display_target_file).or_else(|| some(project.target_file));
    let file = file.map_or(Cow::Borrowed(""), |file| path(file, about));
    read.seen.push(file.to_string());
    let what = if file.is_empty() {
        "what it looked at"
    } else {
        &file
    };
    // Infrastructure has none, and the number all the same.
    if project.dependency_count == Some(0) && project.infrastructure_as_code_issues.is_none() {
        read.doubts
            .push(format!("{what} has no packages, as it says"));
    }
    if project.has_unknown_versions {
        read.doubts.push(format!(
            "{what} has packages whose version it does not know"
        ));
    }
    let target = about.target.map(str::to_owned);
    let ignored = project
        .filtered
        .into_iter()
        .flat_map(|filtered| filtered.ignore);
    for one in project.vulnerabilities.into_iter().flatten().chain(ignored) {
        let mut observation = vulnerability(one, scanner, &file);
        observation.target = target.clone().map(Cow::Owned);
        to.push(observation);
    }
    for one in project.infrastructure_as_code_issues.into_iter().flatten() {
        if one.is_ignored {
            continue;
        }
        let rule = Arc::new(Rule {
            id: one.id,
            short: some(one.title.clone()),
            full: some(one.impact),
            help: some(one.resolve),
            help_uri: some(one.documentation),
            ..Rule::default()
        });
        let severity = Severity::from_word(&one.severity).unwrap_or(Severity::Medium);
        let message = some(one.issue)
            .or_else(|| some(one.title))
            .unwrap_or_default();
        let mut observation = Observation::new(
            Arc::clone(scanner),
            rule,
            Kind::Misconfiguration,
            severity,
            message,
        );
        let line = one.line_number.and_then(|line| u32::try_from(line).ok());
        observation.locations = [place(file.clone(), (line.unwrap_or(0), 0), (0, 0))].into();
        to.push(observation);
    }
    for application in project.applications {
        add(application.get(), about, scanner, read, to)?;
    }
    Ok(())
}

fn vulnerability<'a>(
    one: Vulnerability<'a>,
    scanner: &Arc<Scanner<'a>>,
    file: &Cow<'a, str>,
) -> Observation<'a> {
    let is_license = one.kind == "license" || one.id.starts_with("snyk:lic:");
    let score: Option<Score> = one
        .cvss_score
        .and_then(|score| score.to_string().parse().ok());
    let severity = Severity::from_word(&one.severity_with_critical)
        .or_else(|| Severity::from_word(&one.severity))
        .or(score.map(Score::severity))
        .unwrap_or(Severity::Medium);
    let cwes = cwes(one.identifiers.get("CWE").into_iter().flatten());
    let rule = Arc::new(Rule {
        id: one.id.clone(),
        short: some(one.title.clone()),
        help_markdown: some(one.description),
        help_uri: (!is_license)
            .then(|| Cow::Owned(format!("https://security.snyk.io/vuln/{}", one.id))),
        cwes,
        ..Rule::default()
    });
    let name = some(one.package_name)
        .or_else(|| some(one.name))
        .unwrap_or_default();
    let kind = if is_license {
        Kind::License
    } else {
        Kind::Vulnerability
    };
    let message = format!("{name} {}: {}", one.version, one.title);
    let mut observation = Observation::new(Arc::clone(scanner), rule, kind, severity, message);
    observation.score = score.filter(|score| score.severity() == severity);
    if !is_license {
        let others = ["CVE", "GHSA"]
            .iter()
            .filter_map(|kind| one.identifiers.get(*kind));
        let others = others.flatten().cloned().map(Cow::Owned);
        observation.ids = ids(others.chain([one.id]));
    }
    let mut package = Package::new(purl_type(&one.package_manager), name, some(one.version));
    // The first is the project itself.
    package.direct = (!one.from.is_empty()).then_some(one.from.len() <= 2);
    package.licenses.extend(some(one.license));
    observation.package = Some(Box::new(package));
    observation.fix = Some(Box::new(Fix {
        versions: one.fixed_in,
        ..Fix::default()
    }));
    observation.exploitation = one.epss_details.map(|epss| {
        Box::new(Exploitation {
            epss: epss.probability.and_then(|number| number.share()),
            percentile: epss.percentile.and_then(|number| number.share()),
            known_exploited: None,
        })
    });
    let ignored = one.filtered.into_iter().flat_map(|by| by.ignored);
    observation.suppressions = ignored
        .map(|ignored| Suppression {
            justification: some(ignored.reason),
            expires: some(ignored.expires).map(|day| match day.get(..10) {
                Some(day) => Cow::Owned(day.to_owned()),
                None => day,
            }),
            origin: Some(Cow::Borrowed("snyk")),
            ..Suppression::default()
        })
        .collect();
    observation.locations = [place(
        file.clone(),
        (one.line_number.unwrap_or(0), 0),
        (0, 0),
    )]
    .into();
    observation
}

fn purl_type(manager: &str) -> Option<&'static str> {
    Some(match manager {
        "npm" | "yarn" | "pnpm" => "npm",
        "pip" | "poetry" | "pipenv" => "pypi",
        "maven" | "gradle" | "sbt" => "maven",
        "gomodules" | "golangdep" | "govendor" => "golang",
        "rubygems" => "gem",
        "nuget" | "paket" => "nuget",
        "composer" => "composer",
        "cocoapods" => "cocoapods",
        "hex" => "hex",
        "swift" => "swift",
        "cargo" => "cargo",
        "deb" => "deb",
        "apk" => "apk",
        "rpm" => "rpm",
        _ => return None,
    })
}

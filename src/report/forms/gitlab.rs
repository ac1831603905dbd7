//! GitLab's security reports, one for each of its scans (security-report-schemas 15.0.7,
//! which every later version of GitLab takes).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};

use serde::Serialize;
use serde_json::{Value, json};

use super::{Input, Out, json_lines};
use crate::report::findings_json::{Finding, Package};
use crate::report::verdict;
use crate::sys::ui::escape_line;

const VERSION: &str = "15.0.7";

/// A scan of GitLab's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scan {
    Sast,
    Dependency,
    Container,
    Secret,
}

impl Scan {
    const fn name(self) -> &'static str {
        match self {
            Self::Sast => "sast",
            Self::Dependency => "dependency_scanning",
            Self::Container => "container_scanning",
            Self::Secret => "secret_detection",
        }
    }

    /// Where a finding belongs; licences belong to none.
    fn of(finding: &Finding) -> Option<Self> {
        match finding.kind {
            "code" | "misconfiguration" => Some(Self::Sast),
            "secret" => Some(Self::Secret),
            "vulnerability" if finding.target.is_some() => Some(Self::Container),
            "vulnerability" => Some(Self::Dependency),
            _ => None,
        }
    }
}

pub(super) fn sast(input: &Input<'_>, out: &mut Out<'_>) -> io::Result<()> {
    report(input, out, Scan::Sast)
}

pub(super) fn dependency_scanning(input: &Input<'_>, out: &mut Out<'_>) -> io::Result<()> {
    report(input, out, Scan::Dependency)
}

pub(super) fn container_scanning(input: &Input<'_>, out: &mut Out<'_>) -> io::Result<()> {
    report(input, out, Scan::Container)
}

pub(super) fn secret_detection(input: &Input<'_>, out: &mut Out<'_>) -> io::Result<()> {
    report(input, out, Scan::Secret)
}

#[derive(Serialize)]
struct Vulnerability<'f> {
    id: &'f str,
    name: String,
    description: String,
    severity: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    solution: String,
    identifiers: Vec<Identifier>,
    location: Location<'f>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Location<'f> {
    Dependency {
        file: &'f str,
        dependency: Dependency<'f>,
    },
    Container {
        image: &'f str,
        operating_system: &'f str,
        dependency: Dependency<'f>,
    },
    Line {
        file: &'f str,
        #[serde(skip_serializing_if = "Option::is_none")]
        start_line: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        end_line: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        commit: Option<Commit>,
    },
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Dependency<'f> {
    package: Named<'f>,
    version: &'f str,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Named<'f> {
    name: &'f str,
}

#[derive(Serialize)]
struct Commit {
    sha: &'static str,
}

#[derive(Serialize)]
struct Identifier {
    r#type: String,
    name: String,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// All findings of a scan but those that people set aside; GitLab has no place for these.
fn report(input: &Input<'_>, out: &mut Out<'_>, scan: Scan) -> io::Result<()> {
    let findings: Vec<&Finding> = input
        .gate
        .findings
        .iter()
        .filter(|decided| decided.outcome != "suppressed")
        .map(|decided| &decided.finding)
        .filter(|finding| Scan::of(finding) == Some(scan))
        .collect();
    let time = input.time.format("%Y-%m-%dT%H:%M:%S").to_string();
    let tool = json!({
        "id": "ci-tool",
        "name": "ci-tool",
        "version": env!("CARGO_PKG_VERSION"),
        "vendor": {"name": "ci-tool"},
    });
    let status = if input.told.is_complete {
        "success"
    } else {
        "failure"
    };
    let head = json!({
        "analyzer": tool, "scanner": tool, "type": scan.name(),
        "start_time": time, "end_time": time, "status": status,
    });
    write!(
        out,
        "{{\"version\":\"{VERSION}\",\"scan\":{head},\n\"vulnerabilities\":["
    )?;
    let vulnerabilities = findings.iter().map(|one| vulnerability(one, scan));
    json_lines(out, vulnerabilities)?;
    out.write_all(b"]")?;
    if scan == Scan::Dependency {
        write!(out, ",\n\"dependency_files\":{}", files(&findings))?;
    }
    out.write_all(b"}\n")
}

fn vulnerability<'f>(finding: &'f Finding<'_>, scan: Scan) -> Vulnerability<'f> {
    let solution = match finding.fixed_versions.as_slice() {
        [] => String::new(),
        versions => {
            let name = finding
                .package
                .as_ref()
                .map_or("it", |package| &package.name);
            format!("Upgrade {name} to {}.", versions.join(" or "))
        }
    };
    Vulnerability {
        id: &finding.identity,
        name: cut(escape_line(&finding.name), 255),
        // GitLab reads it as Markdown.
        description: cut(verdict::plain(&finding.message), 100_000),
        severity: match finding.severity {
            "critical" => "Critical",
            "high" => "High",
            "medium" => "Medium",
            "low" => "Low",
            _ => "Info",
        },
        solution: cut(escape_line(&solution), 7_000),
        identifiers: identifiers(finding),
        location: location(finding, scan),
    }
}

fn identifiers(finding: &Finding) -> Vec<Identifier> {
    let mut all: Vec<Identifier> = finding.ids.iter().map(|id| known(id)).collect();
    // The first one is what GitLab recognises a finding by.
    if all.is_empty() {
        for by in &finding.reported_by {
            all.push(Identifier {
                r#type: format!("{}_rule", word(&by.scanner)),
                name: escape_line(&format!("{}: {}", by.scanner, by.rule)),
                value: escape_line(&by.rule),
                url: None,
            });
        }
    }
    all.extend(finding.cwes.iter().map(|number| Identifier {
        r#type: "cwe".to_owned(),
        name: format!("CWE-{number}"),
        value: number.to_string(),
        url: Some(format!(
            "https://cwe.mitre.org/data/definitions/{number}.html"
        )),
    }));
    if all.is_empty() {
        all.push(known(&finding.name));
    }
    all
}

/// An identifier by the name of its database.
fn known(id: &str) -> Identifier {
    let id = escape_line(id);
    let prefix = id.split('-').next().unwrap_or_default();
    let url = match prefix {
        "CVE" => Some(format!("https://nvd.nist.gov/vuln/detail/{id}")),
        "GHSA" => Some(format!("https://github.com/advisories/{id}")),
        "PYSEC" | "RUSTSEC" | "GO" | "OSV" | "MAL" => {
            Some(format!("https://osv.dev/vulnerability/{id}"))
        }
        _ => None,
    };
    // What is no plain name has no address either.
    let url = url.filter(|_| {
        id.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    });
    Identifier {
        r#type: word(prefix),
        name: id.clone(),
        value: id,
        url,
    }
}

/// A word of small letters, digits and underscores.
fn word(text: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    let word: String = text.chars().map(plain).take(60).collect();
    if word.is_empty() {
        "other".to_owned()
    } else {
        word
    }
}

fn location<'f>(finding: &'f Finding<'_>, scan: Scan) -> Location<'f> {
    let place = finding.locations.first();
    let file = place.map_or(".", |place| &place.path);
    let package = finding.package.as_ref();
    match scan {
        Scan::Dependency => Location::Dependency {
            file,
            dependency: dependency(package),
        },
        Scan::Container => {
            let target = finding.target.as_deref();
            Location::Container {
                image: target.filter(|name| !name.is_empty()).unwrap_or("unknown"),
                operating_system: system(package),
                dependency: dependency(package),
            }
        }
        Scan::Sast | Scan::Secret => {
            let line = place.and_then(|place| place.line);
            let end = place.and_then(|place| place.end_line);
            Location::Line {
                file,
                start_line: line,
                end_line: line.map(|line| end.unwrap_or(line)),
                // As GitLab's own scanner writes it where the history was not looked through.
                commit: (scan == Scan::Secret).then_some(Commit { sha: "0000000" }),
            }
        }
    }
}

fn dependency<'p>(package: Option<&'p Package<'_>>) -> Dependency<'p> {
    let version = package.and_then(|package| package.version.as_deref());
    Dependency {
        package: Named {
            name: package.map_or("unknown", |package| &package.name),
        },
        version: version.unwrap_or("unknown"),
    }
}

/// The system that a package is of: `pkg:deb/debian/openssl@3?distro=debian-12`.
fn system<'p>(package: Option<&'p Package<'_>>) -> &'p str {
    let purl = package.map_or("", |package| &package.purl);
    let distro = purl
        .split(['?', '&'])
        .find_map(|part| part.strip_prefix("distro="));
    let kind = purl
        .strip_prefix("pkg:")
        .and_then(|rest| rest.split('/').next());
    distro
        .or(kind)
        .filter(|text| !text.is_empty())
        .unwrap_or("unknown")
}

/// The files in which dependencies are declared, with those that were found.
fn files(findings: &[&Finding]) -> Value {
    let mut all: BTreeMap<(&str, &str), BTreeSet<Dependency<'_>>> = BTreeMap::new();
    for finding in findings {
        let path = finding.locations.first().map_or(".", |place| &place.path);
        let purl = finding.package.as_ref().map_or("", |package| &package.purl);
        let kind = purl
            .strip_prefix("pkg:")
            .and_then(|rest| rest.split('/').next());
        let manager = match kind.unwrap_or("unknown") {
            "pypi" => "pip",
            "gem" => "bundler",
            "golang" => "go",
            "" => "unknown",
            other => other,
        };
        let own = all.entry((path, manager)).or_default();
        own.insert(dependency(finding.package.as_ref()));
    }
    let all = all.into_iter().map(|((path, manager), dependencies)| {
        json!({"path": path, "package_manager": manager, "dependencies": dependencies})
    });
    all.collect()
}

/// At most so many characters.
fn cut(mut text: String, most: usize) -> String {
    if text.len() > most
        && let Some((end, _)) = text.char_indices().nth(most)
    {
        text.truncate(end);
    }
    text
}

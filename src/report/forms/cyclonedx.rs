//! CycloneDX 1.6: the packages with findings, and for each vulnerability what was decided
//! about it (VEX). It is no list of all packages: `trivy fs --format cyclonedx` makes that.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Input, Out, buffered, json_lines};
use crate::report::gate::Decided;
use crate::sys::ui::{escape_line, escape_terminal};

/// Vulnerabilities alone; defects of code and settings have no place in it.
pub(super) fn bom(input: &Input<'_>, out: &mut Out<'_>) -> io::Result<()> {
    let all = input.gate.findings.iter();
    let findings = all.filter(|decided| decided.finding.kind == "vulnerability");
    let findings: Vec<&Decided> = findings.collect();
    let mut components: BTreeMap<&str, Component<'_>> = BTreeMap::new();
    for package in findings
        .iter()
        .filter_map(|one| one.finding.package.as_ref())
    {
        components.entry(&package.purl).or_insert(Component {
            bom_ref: &package.purl,
            r#type: "library",
            name: &package.name,
            purl: &package.purl,
            version: package.version.as_deref(),
        });
    }
    let metadata = json!({
        "timestamp": input.time.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "tools": {"components": [{
            "type": "application", "name": "ci-tool", "version": env!("CARGO_PKG_VERSION"),
        }]},
    });
    let body = |out: &mut Out<'_>| -> io::Result<()> {
        write!(
            out,
            "\"version\":1,\"metadata\":{metadata},\"components\":["
        )?;
        json_lines(out, components.values())?;
        out.write_all(b"],\"vulnerabilities\":[")?;
        json_lines(out, findings.iter().map(|one| vulnerability(one)))?;
        out.write_all(b"]}\n")
    };
    // Twice, since its name stands before it, and all of it in memory would be much.
    let mut hashed = Hashed(Sha256::new());
    buffered(&mut hashed, body)?;
    write!(
        out,
        "{{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"serialNumber\":\"{}\",",
        serial(&hashed.0.finalize())
    )?;
    body(out)
}

/// A hash of what is written.
struct Hashed(Sha256);

impl io::Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Serialize)]
struct Component<'f> {
    #[serde(rename = "bom-ref")]
    bom_ref: &'f str,
    r#type: &'static str,
    name: &'f str,
    purl: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'f str>,
}

#[derive(Serialize)]
struct Vulnerability<'f> {
    #[serde(rename = "bom-ref")]
    bom_ref: &'f str,
    id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<Reference<'f>>,
    ratings: Vec<Rating>,
    #[serde(skip_serializing_if = "<[u32]>::is_empty")]
    cwes: &'f [u32],
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    recommendation: Option<String>,
    analysis: Analysis,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    affects: Vec<Affected<'f>>,
}

#[derive(Serialize)]
struct Reference<'f> {
    id: &'f str,
    source: Source,
}

#[derive(PartialEq, Serialize)]
struct Source {
    name: String,
}

#[derive(PartialEq, Serialize)]
struct Rating {
    source: Source,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
}

#[derive(Serialize)]
struct Analysis {
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "<[&str]>::is_empty")]
    response: &'static [&'static str],
    detail: String,
}

#[derive(Serialize)]
struct Affected<'f> {
    r#ref: &'f str,
}

fn vulnerability<'d>(decided: &'d Decided<'_>) -> Vulnerability<'d> {
    let finding = &decided.finding;
    let mut ratings: Vec<Rating> = finding.reported_by.iter().map(rating).collect();
    ratings.dedup();
    let others = finding.ids.iter().skip(1).map(|id| Reference {
        id,
        source: Source {
            name: source(id).to_owned(),
        },
    });
    let versions = &finding.fixed_versions;
    let upgrade = || escape_line(&format!("upgrade to {}", versions.join(" or ")));
    let package = finding.package.iter();
    Vulnerability {
        bom_ref: &finding.identity,
        id: escape_line(&finding.name),
        references: others.collect(),
        ratings,
        cwes: &finding.cwes,
        description: escape_terminal(&finding.message),
        recommendation: (!versions.is_empty()).then(upgrade),
        analysis: analysis(decided),
        affects: package
            .map(|package| Affected {
                r#ref: &package.purl,
            })
            .collect(),
    }
}

fn rating(by: &crate::report::findings_json::Reporter) -> Rating {
    Rating {
        source: Source {
            name: escape_line(&by.scanner),
        },
        score: by.score,
        severity: match by.severity {
            "critical" => "critical",
            "high" => "high",
            "medium" => "medium",
            "low" => "low",
            "note" => "info",
            _ => "unknown",
        },
        method: by.score.map(|_| "other"),
    }
}

/// What was decided. Nobody says here that a vulnerability does not affect: a policy that
/// lets it pass, or a person who sets it aside, knows only that nothing is done now.
fn analysis(decided: &Decided) -> Analysis {
    let (state, response): (_, &[&str]) = match decided.outcome {
        "suppressed" => (None, &["will_not_fix"]),
        _ if decided.finding.fixable => (Some("in_triage"), &["update"]),
        _ => (Some("in_triage"), &[]),
    };
    Analysis {
        state,
        response,
        detail: escape_line(&decided.rule),
    }
}

/// The database that a name is of.
fn source(id: &str) -> &'static str {
    match id.split('-').next().unwrap_or_default() {
        "CVE" => "NVD",
        "GHSA" => "GitHub Advisories",
        _ => "OSV",
    }
}

/// A UUID that is the same for the same content.
fn serial(hash: &[u8]) -> String {
    let hex: String = hash
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    // Version 8: made by a rule of one's own.
    let variant = match hex.as_bytes()[16] {
        b'0'..=b'3' => '8',
        b'4'..=b'7' => '9',
        b'8'..=b'9' | b'a' | b'b' => 'a',
        _ => 'b',
    };
    format!(
        "urn:uuid:{}-{}-8{}-{variant}{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..32]
    )
}

//! CycloneDX 1.6: the packages with findings, and for each vulnerability what was decided
//! about it (VEX). It is no list of all packages: `trivy fs --format cyclonedx` makes that.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Input;
use crate::report::findings_json::Finding;
use crate::report::gate::Decided;
use crate::sys::ui::{escape_line, escape_terminal};

/// Vulnerabilities alone; defects of code and settings have no place in it.
pub(super) fn bom(input: &Input<'_>) -> String {
    let findings: Vec<&Decided> = input
        .gate
        .findings
        .iter()
        .filter(|decided| decided.finding.kind == "vulnerability")
        .collect();
    let mut components: BTreeMap<&str, Value> = BTreeMap::new();
    for decided in &findings {
        if let Some(package) = &decided.finding.package {
            let mut component = json!({
                "bom-ref": package.purl,
                "type": "library",
                "name": package.name,
                "purl": package.purl,
            });
            if let Some(version) = &package.version {
                component["version"] = version.as_str().into();
            }
            components.entry(&package.purl).or_insert(component);
        }
    }
    let vulnerabilities: Vec<Value> = findings.iter().map(|one| vulnerability(one)).collect();
    let components: Vec<Value> = components.into_values().collect();
    let mut bom = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": input.time.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "tools": {"components": [{
                "type": "application", "name": "ci-tool", "version": env!("CARGO_PKG_VERSION"),
            }]},
        },
        "components": components,
        "vulnerabilities": vulnerabilities,
    });
    bom["serialNumber"] = serial(&bom).into();
    // Nothing in it has keys that are no texts.
    format!("{}\n", serde_json::to_string(&bom).unwrap_or_default())
}

fn vulnerability(decided: &Decided) -> Value {
    let finding = &decided.finding;
    let mut ratings: Vec<Value> = finding.reported_by.iter().map(rating).collect();
    ratings.dedup();
    let mut all = json!({
        "bom-ref": finding.identity,
        "id": escape_line(&finding.name),
        "ratings": ratings,
        "description": escape_terminal(&finding.message),
        "analysis": analysis(decided),
    });
    if !finding.cwes.is_empty() {
        all["cwes"] = finding.cwes.clone().into();
    }
    if let [_, others @ ..] = finding.ids.as_slice() {
        let others: Vec<Value> = others
            .iter()
            .map(|id| json!({"id": id, "source": {"name": source(id)}}))
            .collect();
        if !others.is_empty() {
            all["references"] = others.into();
        }
    }
    if !finding.fixed_versions.is_empty() {
        let versions = finding.fixed_versions.join(" or ");
        all["recommendation"] = escape_line(&format!("upgrade to {versions}")).into();
    }
    if let Some(package) = &finding.package {
        all["affects"] = json!([{"ref": package.purl}]);
    }
    all
}

fn rating(by: &crate::report::findings_json::Reporter) -> Value {
    let severity = match by.severity.as_str() {
        word @ ("critical" | "high" | "medium" | "low") => word,
        "note" => "info",
        _ => "unknown",
    };
    let mut rating = json!({"source": {"name": escape_line(&by.scanner)}, "severity": severity});
    if let Some(score) = by.score {
        rating["score"] = score.into();
        rating["method"] = "other".into();
    }
    rating
}

/// What was decided. Nobody says here that a vulnerability does not affect: a policy that
/// lets it pass, or a person who sets it aside, knows only that nothing is done now.
fn analysis(decided: &Decided) -> Value {
    let finding: &Finding = &decided.finding;
    let detail = escape_line(&decided.rule);
    match decided.outcome.as_str() {
        "suppressed" => json!({"response": ["will_not_fix"], "detail": detail}),
        _ if finding.fixable => {
            json!({"state": "in_triage", "response": ["update"], "detail": detail})
        }
        _ => json!({"state": "in_triage", "detail": detail}),
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
fn serial(bom: &Value) -> String {
    let hash = Sha256::digest(bom.to_string());
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

//! The JSON of `pip-audit --format json`.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;

use super::{About, Read, ids, json, or_default, path, place, reading, scanner, some, text};
use crate::findings::{Fix, Kind, Observation, Package, Rule, Severity};

#[derive(Deserialize)]
struct Report<'a> {
    #[serde(borrow)]
    dependencies: Vec<Dependency<'a>>,
}

#[derive(Deserialize)]
struct Dependency<'a> {
    #[serde(borrow, deserialize_with = "text")]
    name: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    version: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    vulns: Vec<Vulnerability<'a>>,
    #[serde(borrow, default, deserialize_with = "text")]
    skip_reason: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Vulnerability<'a> {
    #[serde(borrow, deserialize_with = "text")]
    id: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    fix_versions: Vec<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    aliases: Vec<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "text")]
    description: Cow<'a, str>,
}

pub(super) fn read<'a>(source: &'a str, about: About<'_>) -> Result<Read<'a>, String> {
    let report: Report<'a> = json(source)?;
    let scanner = scanner("pip-audit", None, "https://github.com/pypa/pip-audit");
    let mut read = Read::default();
    let mut observations = Vec::new();
    let mut skipped = Vec::new();
    // Without a requirement, or where its markers are about another Python.
    if report.dependencies.is_empty() {
        read.doubts.push("it looked up no package".to_owned());
    }
    for one in report.dependencies {
        if let Some(why) = some(one.skip_reason) {
            skipped.push(format!("{}: {why}", one.name));
        }
        for known in one.vulns {
            let rule = Arc::new(Rule {
                id: known.id.clone(),
                full: some(known.description),
                ..Rule::default()
            });
            let message = format!("{} {} is vulnerable", one.name, one.version);
            // It knows no severity; the other scanners' counts where there is one.
            let mut observation = Observation::new(
                Arc::clone(&scanner),
                rule,
                Kind::Vulnerability,
                Severity::Medium,
                message,
            );
            let names = std::iter::once(known.id).chain(known.aliases);
            observation.ids = ids(names);
            observation.package = Some(Box::new(Package::new(
                Some("pypi"),
                one.name.clone(),
                some(one.version.clone()),
            )));
            observation.fix = Some(Box::new(Fix {
                versions: known.fix_versions,
                ..Fix::default()
            }));
            let file = path(Cow::Borrowed("requirements.txt"), about);
            observation.locations = [place(file, (0, 0), (0, 0))].into();
            observations.push(observation);
        }
    }
    if let Some(first) = skipped.first() {
        read.doubts.push(format!(
            "{} packages were not looked up ({first})",
            skipped.len()
        ));
    }
    read.reading = reading(scanner, observations);
    Ok(read)
}

//! Trivy's JSON, schema 2. <https://trivy.dev/latest/docs/configuration/reporting/>

mod report;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use self::report::{Cvss, Misconfiguration, PackageOf, Program, Report, ResultOf, Vulnerability};
use super::{About, Read, cwes, ids, json, path, place, reading, scanner, some};
use crate::findings::{
    Fix, Id, Kind, Observation, Package, Rule, Scanner, Scope, Score, Severity, Suppression,
};

pub(super) fn read<'a>(source: &'a str, about: About<'_>) -> Result<Read<'a>, String> {
    let report: Report<'a> = json(source)?;
    if report.schema_version != 2 {
        return Err(format!(
            "its report is of schema {}, and 2 is what is read",
            report.schema_version
        ));
    }
    let version = match report.trivy {
        Some(Program::Is { version }) => some(version),
        Some(Program::Other(_)) | None => None,
    };
    let mut read = Read {
        version: version.as_deref().map(str::to_owned),
        target: some(report.artifact_name.clone()).map(Cow::into_owned),
        ..Read::default()
    };
    let mut made = Made {
        scanner: scanner("Trivy", version, "https://github.com/aquasecurity/trivy"),
        rules: HashMap::new(),
        // An image in an archive is called by the archive's place.
        target: (report.artifact_type == "container_image").then(|| match about.target {
            Some(target) => Cow::Owned(target.to_owned()),
            None => report.artifact_name.clone(),
        }),
        sbom: matches!(&*report.artifact_type, "cyclonedx" | "spdx")
            .then(|| path(report.artifact_name.clone(), about)),
        observations: Vec::new(),
    };
    if let Some(os) = report.metadata.and_then(|metadata| metadata.os)
        && os.end_of_life
    {
        read.doubts.push(format!(
            "{} {} gets no security updates any more, so that new vulnerabilities of it are not known",
            os.family, os.name
        ));
    }
    for result in report.results {
        if matches!(&*result.class, "lang-pkgs" | "os-pkgs") {
            read.seen
                .push(path(result.target.clone(), about).into_owned());
        }
        made.add(result, about)?;
    }
    read.reading = reading(made.scanner, made.observations);
    Ok(read)
}

struct Made<'a> {
    scanner: Arc<Scanner<'a>>,
    rules: HashMap<Cow<'a, str>, Arc<Rule<'a>>>,
    /// The image.
    target: Option<Cow<'a, str>>,
    /// The list of components; the files that it names may be those of another place.
    sbom: Option<Cow<'a, str>>,
    observations: Vec<Observation<'a>>,
}

impl<'a> Made<'a> {
    fn add(&mut self, result: ResultOf<'a>, about: About<'_>) -> Result<(), String> {
        let mut packages: HashMap<Cow<'a, str>, &PackageOf<'a>> = HashMap::new();
        for package in &result.packages {
            for key in [&package.identifier.uid, &package.id] {
                if !key.is_empty() {
                    packages.insert(key.clone(), package);
                }
            }
        }
        let (target, sbom) = (self.target.clone(), self.sbom.clone());
        let file = |own: &Cow<'a, str>| match (target.as_ref(), result.class.as_ref()) {
            _ if sbom.is_some() => sbom.clone().unwrap_or_default(),
            // `debian:12 (debian 12.1)`: the system's packages are in no file.
            (Some(target), "os-pkgs") => target.clone(),
            _ if own.is_empty() => path(result.target.clone(), about),
            _ => path(own.clone(), about),
        };
        let mut vulnerabilities: Vec<(Vulnerability<'a>, Option<Suppression<'a>>)> = result
            .vulnerabilities
            .into_iter()
            .map(|one| (one, None))
            .collect();
        for modified in result.experimental_modified_findings {
            if modified.r#type != "vulnerability" {
                continue;
            }
            if let Some(finding) = modified.finding {
                let suppression = Suppression {
                    justification: some(modified.statement),
                    origin: some(modified.source),
                    ..Suppression::default()
                };
                vulnerabilities.push((json(finding.get())?, Some(suppression)));
            }
        }
        let mut all = Vec::with_capacity(vulnerabilities.len());
        for (one, suppression) in vulnerabilities {
            let known = packages
                .get(&one.identifier.uid)
                .or_else(|| packages.get(&one.package_id));
            let lines = known.and_then(|package| package.locations.first()).copied();
            let lines = lines.unwrap_or_default();
            let mut place = place(file(&one.path), (lines.start_line, lines.end_line), (0, 0));
            if self.sbom.is_some() {
                place.logical = some(result.target.clone());
            }
            let mut observation = vulnerability(one, known.copied(), &result.r#type, self);
            observation.locations = [place].into();
            observation.suppressions = suppression.into_iter().collect();
            observation.target = self.target.clone().or_else(|| self.sbom.clone());
            all.push(observation);
        }
        for one in result.misconfigurations {
            // Checks that passed are listed too where that was asked.
            if one.status != "FAIL" && !one.status.is_empty() {
                continue;
            }
            let place = place(
                path(result.target.clone(), about),
                (one.cause_metadata.start_line, one.cause_metadata.end_line),
                (0, 0),
            );
            all.push(self.misconfiguration(one, place));
        }
        for one in result.secrets {
            let mut place = place(
                path(result.target.clone(), about),
                (one.start_line, one.end_line),
                (0, 0),
            );
            place.snippet = some(one.r#match.clone());
            let rule = self.rule(&one.id, &one.title, Cow::Borrowed(""), Cow::Borrowed(""));
            let severity = Severity::from_word(&one.severity).unwrap_or(Severity::Critical);
            let message = some(one.title).unwrap_or_else(|| one.id.clone());
            let mut observation = Observation::new(
                Arc::clone(&self.scanner),
                rule,
                Kind::Secret,
                severity,
                message,
            );
            observation.locations = [place].into();
            observation.target.clone_from(&self.target);
            all.push(observation);
        }
        for one in result.licenses {
            let own = if one.file_path.is_empty() {
                result.target.clone()
            } else {
                one.file_path
            };
            let place = place(
                self.sbom.clone().unwrap_or_else(|| path(own, about)),
                (0, 0),
                (0, 0),
            );
            let rule = self.rule(&one.name, &one.name, Cow::Borrowed(""), one.link);
            let severity = Severity::from_word(&one.severity).unwrap_or(Severity::Note);
            let message = format!("{} is under {} ({})", one.package, one.name, one.category);
            let mut observation = Observation::new(
                Arc::clone(&self.scanner),
                rule,
                Kind::License,
                severity,
                message,
            );
            if !one.package.is_empty() {
                let mut package = Package::new(purl_type(&result.r#type), one.package, None);
                package.licenses = vec![one.name];
                observation.package = Some(Box::new(package));
            }
            observation.locations = [place].into();
            all.push(observation);
        }
        self.observations.extend(all);
        Ok(())
    }

    fn misconfiguration(
        &mut self,
        one: Misconfiguration<'a>,
        mut place: crate::findings::Location<'a>,
    ) -> Observation<'a> {
        let resource = one.cause_metadata.resource;
        place.logical = some(Cow::Owned(resource));
        let known = self.rules.get(&one.id).cloned();
        let rule = known.unwrap_or_else(|| {
            let rule = Arc::new(Rule {
                id: one.id.clone(),
                name: some(one.title.clone()),
                short: some(one.title.clone()),
                full: some(one.description),
                help: some(one.resolution),
                help_uri: some(one.url),
                severity: Severity::from_word(&one.severity),
                ..Rule::default()
            });
            self.rules.insert(one.id.clone(), Arc::clone(&rule));
            rule
        });
        let severity = Severity::from_word(&one.severity).unwrap_or(Severity::Medium);
        let message = some(one.message)
            .or_else(|| some(one.title))
            .unwrap_or(one.id);
        let mut observation = Observation::new(
            Arc::clone(&self.scanner),
            rule,
            Kind::Misconfiguration,
            severity,
            message,
        );
        observation.locations = [place].into();
        observation.target.clone_from(&self.target);
        observation
    }

    fn rule(
        &mut self,
        id: &Cow<'a, str>,
        short: &Cow<'a, str>,
        full: Cow<'a, str>,
        url: Cow<'a, str>,
    ) -> Arc<Rule<'a>> {
        let make = || {
            Arc::new(Rule {
                id: id.clone(),
                short: some(short.clone()),
                full: some(full),
                help_uri: some(url),
                ..Rule::default()
            })
        };
        Arc::clone(self.rules.entry(id.clone()).or_insert_with(make))
    }
}

fn vulnerability<'a>(
    one: Vulnerability<'a>,
    known: Option<&PackageOf<'a>>,
    kind: &str,
    made: &mut Made<'a>,
) -> Observation<'a> {
    let score = score(&one);
    let severity = Severity::from_word(&one.severity)
        .or(score.map(Score::severity))
        .unwrap_or(Severity::Note);
    let known_rule = made.rules.get(&one.id).cloned();
    let rule = known_rule.unwrap_or_else(|| {
        let rule = Arc::new(Rule {
            id: one.id.clone(),
            short: some(one.title.clone()),
            full: some(one.description.clone()),
            help_uri: some(one.url.clone()),
            cwes: cwes(&one.cwes),
            ..Rule::default()
        });
        made.rules.insert(one.id.clone(), Arc::clone(&rule));
        rule
    });
    let mut package = Package::from_purl(&one.identifier.purl).unwrap_or_else(|| {
        let version = some(Cow::Owned(one.installed_version.to_string()));
        Package::new(purl_type(kind), one.name.to_string(), version)
    });
    if let Some(known) = known {
        package.scope = if known.dev {
            Scope::Development
        } else {
            Scope::Runtime
        };
        package.direct = match known.relationship.as_ref() {
            "direct" | "root" | "workspace" => Some(true),
            "indirect" => Some(false),
            _ => None,
        };
        package.licenses = known
            .licenses
            .iter()
            .map(|license| Cow::Owned(license.to_string()))
            .collect();
    }
    let message = match some(one.title.clone()) {
        Some(title) => format!("{} {}: {title}", one.name, one.installed_version),
        None => format!("{} {} is vulnerable", one.name, one.installed_version),
    };
    let mut observation = Observation::new(
        Arc::clone(&made.scanner),
        rule,
        Kind::Vulnerability,
        severity,
        message,
    );
    observation.score = score.filter(|score| score.severity() == severity);
    let mut names = vec![one.id];
    names.extend(one.vendor_ids);
    // Other names of the same vulnerability are told only by where they lead.
    let advisories = one.references.iter().filter_map(|reference| {
        let name = reference.strip_prefix("https://github.com/advisories/")?;
        Id::new(name).is_vulnerability().then_some(name)
    });
    let mut advisories: Vec<&str> = advisories.collect();
    advisories.dedup();
    if let [only] = advisories.as_slice() {
        names.push(Cow::Owned((*only).to_owned()));
    }
    observation.ids = ids(names);
    observation.package = Some(Box::new(package));
    let versions: Vec<Cow<'a, str>> = one
        .fixed_version
        .split(',')
        .map(str::trim)
        .filter(|version| !version.is_empty())
        .map(|version| Cow::Owned(version.to_owned()))
        .collect();
    observation.fix = Some(Box::new(Fix {
        versions,
        status: some(one.status),
        edits: None,
    }));
    observation
}

/// The score of the source that the severity is from, else of the NVD, else the
/// highest.
fn score(one: &Vulnerability<'_>) -> Option<Score> {
    let number = |cvss: &Cvss| cvss.v4.or(cvss.v3)?.to_string().parse().ok();
    let of = |source: &str| one.cvss.get(source).and_then(number);
    of(&one.severity_source)
        .or_else(|| of("nvd"))
        .or_else(|| one.cvss.values().filter_map(number).max())
}

/// The type in a package URL of what Trivy calls a type.
fn purl_type(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "npm" | "yarn" | "pnpm" | "node-pkg" | "bun" => "npm",
        "pip" | "pipenv" | "poetry" | "uv" | "pylock" | "python-pkg" => "pypi",
        "jar" | "pom" | "gradle" | "sbt" => "maven",
        "gomod" | "gobinary" => "golang",
        "cargo" | "rustbinary" => "cargo",
        "bundler" | "gemspec" => "gem",
        "composer" | "composer-vendor" => "composer",
        "nuget" | "dotnet-core" | "packages-props" => "nuget",
        "alpine" => "apk",
        "debian" | "ubuntu" => "deb",
        "redhat" | "centos" | "rocky" | "alma" | "amazon" | "fedora" | "oracle" => "rpm",
        _ => return None,
    })
}

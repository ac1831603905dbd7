//! Trivy: packages, images, infrastructure and secrets.
//! <https://trivy.dev/latest/docs/references/configuration/cli/trivy/>

use std::path::PathBuf;

use super::artifact::{Artifact, Source};
use super::{Call, Fit, Place, Scanner, formats, manifests, taken};
use crate::config::scan::ReportFormat;

/// Trivy.
#[derive(Debug)]
pub(super) struct Trivy;

/// What it may be told by its own variables: where databases and images come from.
const SETTINGS: [&str; 5] = [
    "TRIVY_DB_REPOSITORY",
    "TRIVY_JAVA_DB_REPOSITORY",
    "TRIVY_CHECKS_BUNDLE_REPOSITORY",
    "TRIVY_INSECURE",
    "DOCKER_HOST",
];

/// With what it logs in to registries.
const TOKENS: [&str; 3] = ["TRIVY_USERNAME", "TRIVY_PASSWORD", "TRIVY_REGISTRY_TOKEN"];

impl Trivy {
    fn call(place: &Place<'_>, number: usize) -> Call {
        let mut call = Call::new(format!("trivy-{number}"), ReportFormat::Trivy);
        call.writable.push(place.cache.join("trivy"));
        let set = [
            // Every flag is a variable too, and an older release passes over those
            // that it does not know.
            ("TRIVY_DISABLE_TELEMETRY", "true"),
            ("TRIVY_SKIP_VERSION_CHECK", "true"),
            ("TRIVY_NO_PROGRESS", "true"),
            ("TRIVY_LIST_ALL_PKGS", "true"),
            ("TRIVY_INCLUDE_DEV_DEPS", "true"),
            ("TRIVY_SHOW_SUPPRESSED", "true"),
        ];
        let set = set
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        call.variables = set.collect();
        call.settings = SETTINGS.map(str::to_owned).into();
        call.tokens = TOKENS.map(str::to_owned).into();
        call
    }

    fn arguments(place: &Place<'_>, call: &Call, command: &str, scanners: &[&str]) -> Vec<String> {
        let cache = place.cache.join("trivy");
        let mut arguments = vec![
            "--cache-dir".to_owned(),
            cache.display().to_string(),
            command.to_owned(),
            "--format".to_owned(),
            "json".to_owned(),
            "--output".to_owned(),
            call.report(place).display().to_string(),
            "--exit-code".to_owned(),
            "0".to_owned(),
        ];
        if !scanners.is_empty() {
            arguments.extend(["--scanners".to_owned(), scanners.join(",")]);
        }
        if place.offline {
            arguments.extend(["--offline-scan", "--skip-java-db-update"].map(str::to_owned));
            if command != "sbom" {
                arguments.push("--skip-check-update".to_owned());
            }
        }
        let is_frozen = place.frozen.iter().any(|name| name == "trivy");
        if Self::has_database(place) && (place.offline || is_frozen) {
            arguments.push("--skip-db-update".to_owned());
        }
        arguments
    }

    fn file(place: &Place<'_>) -> PathBuf {
        place.cache.join("trivy/db/trivy.db")
    }

    fn has_database(place: &Place<'_>) -> bool {
        Self::file(place).is_file()
    }

    /// Whether vulnerabilities can be looked up at all.
    fn looks_up(place: &Place<'_>) -> bool {
        !place.offline || Self::has_database(place)
    }
}

impl Scanner for Trivy {
    fn name(&self) -> &str {
        "trivy"
    }

    fn about(&self) -> &str {
        "packages, images, infrastructure and secrets"
    }

    fn program(&self) -> &str {
        "trivy"
    }

    fn get(&self) -> &str {
        "ci-tool scanners install trivy, or https://trivy.dev/latest/getting-started/installation/"
    }

    fn fits(&self, _: &Place<'_>) -> Fit {
        Fit::Yes
    }

    fn calls(&self, place: &Place<'_>) -> Vec<Call> {
        let mut scanners = vec!["misconfig", "secret"];
        if Self::looks_up(place) {
            scanners.insert(0, "vuln");
        }
        if place.licenses {
            scanners.push("license");
        }
        let mut call = Self::call(place, 0);
        call.arguments = Self::arguments(place, &call, "fs", &scanners);
        call.arguments.push(place.root.display().to_string());
        let mut calls = vec![call];
        for (number, artifact) in taken(self, place) {
            if !Self::looks_up(place) {
                continue;
            }
            let mut call = Self::call(place, number);
            call.target = Some(artifact.name.clone());
            let (command, scanners): (_, &[&str]) = match artifact.source {
                Source::Sbom(_) if place.licenses => ("sbom", &["vuln", "license"]),
                Source::Sbom(_) => ("sbom", &["vuln"]),
                _ => ("image", &["vuln", "secret"]),
            };
            call.arguments = Self::arguments(place, &call, command, scanners);
            call.arguments.extend(match &artifact.source {
                Source::Archive(file) => vec!["--input".to_owned(), file.display().to_string()],
                Source::Sbom(file) => vec![file.display().to_string()],
                _ => vec![artifact.name.clone()],
            });
            calls.push(call);
        }
        calls
    }

    fn takes(&self, _: &Artifact) -> bool {
        true
    }

    fn pull(&self, place: &Place<'_>) -> Option<Call> {
        let mut call = Self::call(place, 0);
        let cache = place.cache.join("trivy").display().to_string();
        call.arguments = ["--cache-dir", &cache, "image", "--download-db-only"]
            .map(str::to_owned)
            .into();
        Some(call)
    }

    fn database(&self, place: &Place<'_>) -> Option<PathBuf> {
        Some(Self::file(place))
    }

    fn doubts(&self, place: &Place<'_>, call: &Call, read: &formats::Read<'_>) -> Vec<String> {
        if !Self::looks_up(place) {
            return vec![
                "vulnerabilities were not looked up: there is no database, and none may be fetched; `ci-tool scanners db pull` fetches it"
                    .to_owned(),
            ];
        }
        let mut doubts: Vec<String> = age(place).into_iter().collect();
        // What was asked for is the last argument.
        let told = read.target.as_deref();
        if let Some(other) =
            told.filter(|told| call.arguments.last().is_none_or(|asked| asked != told))
        {
            doubts.push(format!(
                "its report is about {other}, which is not what was asked for"
            ));
        }
        if call.target.is_some() {
            doubts.extend(
                read.seen
                    .is_empty()
                    .then(|| "it found no packages in it".to_owned()),
            );
            return doubts;
        }
        // Without a package a lock file is not listed, so one that has some and is
        // not there was not understood.
        let missing: Vec<&str> = manifests(place)
            .into_iter()
            .filter(|file| understands(file) && !read.seen.iter().any(|seen| seen == file))
            .filter(|file| has_packages(place, file))
            .collect();
        doubts.extend(match missing.as_slice() {
            [] => None,
            [one] => Some(format!("it found no packages in {one}")),
            [first, rest @ ..] => Some(format!(
                "it found no packages in {first} and {} other files",
                rest.len()
            )),
        });
        doubts
    }
}

/// Days after which a database knows too little, where the configuration does not say.
const MAX_AGE: u32 = 7;

/// What is to be said of the age of the database.
fn age(place: &Place<'_>) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Metadata {
        #[serde(rename = "UpdatedAt")]
        updated: String,
    }
    let file = place.cache.join("trivy/db/metadata.json");
    let text = std::fs::read_to_string(file).ok()?;
    let metadata: Metadata = serde_json::from_str(&text).ok()?;
    let day = metadata.updated.get(..10)?;
    let date = chrono::NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?;
    let age = (place.today - date).num_days();
    let most = place.settings.max_database_age.unwrap_or(MAX_AGE);
    (age > i64::from(most)).then(|| {
        format!("its database is of {day}, which is {age} days ago, and {most} are allowed")
    })
}

/// The lock files that Trivy reads without building anything.
fn understands(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or_default();
    let known = [
        "package-lock.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "poetry.lock",
        "uv.lock",
        "Pipfile.lock",
        "requirements.txt",
        "Cargo.lock",
        "go.mod",
        "Gemfile.lock",
        "composer.lock",
    ];
    known.contains(&name)
}

/// Whether a lock file names a package: an empty project has an empty lock file.
fn has_packages(place: &Place<'_>, file: &str) -> bool {
    let Ok(text) = std::fs::read_to_string(place.root.join(file)) else {
        return true;
    };
    let name = file.rsplit('/').next().unwrap_or_default();
    let mark = match name {
        "package-lock.json" => "\"node_modules/",
        "yarn.lock" => "resolved ",
        "pnpm-lock.yaml" => "resolution:",
        "poetry.lock" => "[[package]]",
        "Pipfile.lock" | "composer.lock" => "\"version\"",
        "go.mod" => "require",
        "Gemfile.lock" => "    ",
        // Versions alone are looked up.
        "requirements.txt" => "==",
        // Of a project itself there is an entry without a source.
        _ => "source = \"registry",
    };
    match name {
        "uv.lock" => text.contains("source = { registry"),
        _ => text.contains(mark),
    }
}

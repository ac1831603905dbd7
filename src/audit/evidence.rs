//! What a repository shows of good practice, each with the place that shows it. Absences
//! and the score rest on it: what is not found here is not claimed to be there.

use std::collections::BTreeMap;

use super::deploys;
use super::{Facts, Place};
use crate::project::document::Node;
use crate::project::model::{Role, StepKind, Task};
use crate::project::path;

/// A practice that files can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Practice {
    /// A pipeline builds, tests or lints changes.
    ContinuousIntegration,
    /// There are tests.
    Tests,
    /// A pipeline runs tests.
    TestsInPipeline,
    /// A pipeline lints or checks types.
    LintInPipeline,
    /// Too little coverage fails.
    Coverage,
    /// A pipeline looks for vulnerabilities or secrets.
    SecurityScanning,
    /// A bot proposes newer versions of dependencies.
    DependencyUpdates,
    /// Versions of dependencies are locked.
    LockFiles,
    /// A pipeline deploys.
    DeployPipeline,
    /// A script deploys.
    DeployScripts,
    /// There is an environment before production.
    Staging,
    /// Something brings an earlier release back.
    Rollback,
    /// The application says whether it is well.
    HealthEndpoint,
    /// A platform asks for it before a release gets its users.
    HealthGate,
    /// An image asks for it while it runs.
    ImageHealth,
    /// Errors are reported to somebody.
    ErrorTracking,
    /// The application shows its figures.
    Metrics,
    /// Something asks from outside whether it is up.
    UptimeCheck,
    /// Logs can be searched by their fields.
    StructuredLogs,
    /// The database is copied.
    Backups,
    /// A copy is brought back, to see that it can be.
    Restores,
    /// The whole infrastructure is described in files.
    InfrastructureAsCode,
    /// The platforms' settings are in files.
    PlatformFiles,
    /// There are images.
    Containers,
    /// Images are built in stages.
    StagedImages,
    /// An image does not run as root.
    UnprivilegedImage,
    /// The services start together on a laptop.
    ComposeFile,
    /// The database's schema is built by migrations.
    Migrations,
    /// There is a README.
    Readme,
    /// There is documentation beyond it.
    Documentation,
    /// Somebody wrote what to do when something fails.
    Runbooks,
    /// The variables that one has to set are listed.
    VariablesListed,
    /// Files that are not for git are named.
    Ignored,
    /// Somebody has to look at changes of certain files.
    CodeOwners,
    /// Changes are checked before they are committed.
    PreCommit,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Evidence(BTreeMap<Practice, Vec<(String, Place)>>);

impl Evidence {
    /// Where a practice is shown; nowhere, if it is not.
    pub fn of(&self, practice: Practice) -> &[(String, Place)] {
        self.0.get(&practice).map_or(&[], Vec::as_slice)
    }

    /// Whether it is shown.
    pub fn shows(&self, practice: Practice) -> bool {
        !self.of(practice).is_empty()
    }

    fn add(&mut self, practice: Practice, path: impl Into<String>, place: impl Into<Place>) {
        let places = self.0.entry(practice).or_default();
        // A few say as much as a thousand.
        if places.len() < 10 {
            places.push((path.into(), place.into()));
        }
    }
}

/// Files by which other services than GitHub are told what to run.
const PIPELINES: [&str; 12] = [
    ".gitlab-ci.yml",
    ".circleci/config.yml",
    "Jenkinsfile",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    ".travis.yml",
    ".drone.yml",
    ".woodpecker.yml",
    ".buildkite/pipeline.yml",
    "appveyor.yml",
    ".cirrus.yml",
    "buildspec.yml",
];

/// Words in manifests, and what they show.
const PACKAGES: [(Practice, &[&str]); 3] = [
    (
        Practice::ErrorTracking,
        &[
            "sentry",
            "rollbar",
            "bugsnag",
            "honeybadger",
            "airbrake",
            "raygun",
            "@highlight-run",
        ],
    ),
    (
        Practice::StructuredLogs,
        &[
            "structlog",
            "python-json-logger",
            "loguru",
            "pino",
            "winston",
            "bunyan",
            "zerolog",
            "go.uber.org/zap",
            "logrus",
            "tracing-subscriber",
            "lograge",
            "serilog",
        ],
    ),
    (
        Practice::Metrics,
        &[
            "prometheus",
            "opentelemetry",
            "prom-client",
            "statsd",
            "datadog",
            "dd-trace",
            "newrelic",
        ],
    ),
];

const MANIFESTS: [&str; 9] = [
    "requirements.txt",
    "pyproject.toml",
    "Pipfile",
    "package.json",
    "go.mod",
    "Cargo.toml",
    "Gemfile",
    "composer.json",
    "pom.xml",
];

/// Looks for everything.
pub(super) fn gather(facts: &Facts<'_>) -> Evidence {
    let mut found = Evidence::default();
    pipelines(facts, &mut found);
    components(facts, &mut found);
    files(facts, &mut found);
    containers(facts, &mut found);
    platforms(facts, &mut found);
    scripts(facts, &mut found);
    health(facts, &mut found);
    found
}

fn pipelines(facts: &Facts<'_>, found: &mut Evidence) {
    for workflow in &facts.project.workflows {
        for doing in &workflow.does {
            let shows: &[Practice] = match doing.task {
                Task::Lint | Task::TypeCheck | Task::Format => {
                    &[Practice::ContinuousIntegration, Practice::LintInPipeline]
                }
                Task::Test => &[Practice::ContinuousIntegration, Practice::TestsInPipeline],
                Task::Build | Task::Migrations => &[Practice::ContinuousIntegration],
                Task::SecurityScan => &[Practice::SecurityScanning],
                Task::Deploy => &[Practice::DeployPipeline],
                Task::UpdateDependencies => &[Practice::DependencyUpdates],
                Task::BackUp => &[Practice::Backups],
                Task::Sync => &[],
            };
            for practice in shows {
                found.add(*practice, &workflow.path, doing.line);
            }
        }
        let text = facts.tree.text(&workflow.path).unwrap_or_default();
        for (at, line) in (1..).zip(text.lines()) {
            let lower = line.to_ascii_lowercase();
            let code = lower.split(" #").next().unwrap_or_default().trim();
            if code.starts_with('#') {
                continue;
            }
            if code.contains("rollback") || code.contains("rollout undo") {
                found.add(Practice::Rollback, &workflow.path, at);
            }
            if is_staging(code) {
                found.add(Practice::Staging, &workflow.path, at);
            }
            if code.contains("pg_restore") {
                found.add(Practice::Restores, &workflow.path, at);
            }
        }
        let asks = text.contains("curl") || text.contains("ci-tool verify");
        if text.contains("schedule:") && asks && text.to_ascii_lowercase().contains("uptime") {
            found.add(Practice::UptimeCheck, &workflow.path, 1);
        }
    }
    for file in PIPELINES.iter().filter(|file| facts.tree.contains(file)) {
        let text = facts.tree.text(file).unwrap_or_default();
        // A pipeline that only mirrors proves nothing of a change.
        let words = [
            "test", "lint", "build", "pytest", "check", "make", "gradle", "mvn",
        ];
        let works = |line: &str| words.iter().any(|word| line.contains(word));
        if let Some(at) = text.lines().position(works) {
            found.add(Practice::ContinuousIntegration, *file, at + 1);
        }
        if let Some(at) = text.lines().position(|line| line.contains("test")) {
            found.add(Practice::TestsInPipeline, *file, at + 1);
        }
    }
    for file in [
        "renovate.json",
        ".github/dependabot.yml",
        ".renovaterc",
        ".github/renovate.json",
    ] {
        if facts.tree.contains(file) {
            found.add(Practice::DependencyUpdates, file, 1);
        }
    }
}

/// Whether a line names an environment before production.
fn is_staging(line: &str) -> bool {
    let is_key = [
        "environment:",
        "name:",
        "branches:",
        "- ",
        "--environment",
        "--env",
    ]
    .iter()
    .any(|key| line.contains(key));
    is_key
        && line
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|word| matches!(word, "staging" | "stage" | "preprod" | "uat"))
}

fn components(facts: &Facts<'_>, found: &mut Evidence) {
    for component in &facts.project.components {
        let manifest = &component.manifest;
        for step in &component.steps {
            let practice = match step.kind {
                StepKind::Test => Practice::Tests,
                StepKind::Coverage => Practice::Coverage,
                StepKind::Migrations => Practice::Migrations,
                _ => continue,
            };
            found.add(practice, &manifest.path, manifest.line);
        }
        if let Some(lock) = &component.lock_file {
            found.add(Practice::LockFiles, &lock.path, lock.line);
        }
    }
}

fn files(facts: &Facts<'_>, found: &mut Evidence) {
    let named = MANIFESTS.iter().flat_map(|name| facts.tree.named(name));
    let own = facts.project.components.iter();
    // Requirements have names of their own.
    let own = own
        .map(|one| one.manifest.path.as_str())
        .filter(|file| !MANIFESTS.contains(&path::name(file)));
    for file in named.chain(own).filter(|file| !path::is_sample(file)) {
        let text = facts.tree.text(file).unwrap_or_default();
        for (practice, words) in PACKAGES {
            let named = |line: &str| words.iter().any(|word| line.contains(word));
            if let Some(at) = text.lines().position(named) {
                found.add(practice, file, at + 1);
            }
        }
    }
    for file in facts.tree.files() {
        let lower = path::name(file).to_ascii_lowercase();
        let is_text = lower.ends_with(".md") || lower.ends_with(".rst") || lower.ends_with(".adoc");
        let practice = match lower.as_str() {
            name if name.starts_with("readme") => Practice::Readme,
            name if is_text
                && ["runbook", "playbook", "incident", "disaster", "rollback"]
                    .iter()
                    .any(|word| name.contains(word)) =>
            {
                Practice::Runbooks
            }
            _ if is_text && (file.starts_with("docs/") || file.starts_with("doc/")) => {
                Practice::Documentation
            }
            "contributing.md" | "architecture.md" | "deployment.md" => Practice::Documentation,
            ".env.example" | ".env.sample" | ".env.template" | "env.example" => {
                Practice::VariablesListed
            }
            ".gitignore" => {
                let text = facts.tree.text(file).unwrap_or_default();
                let names = |line: &str| line.contains(".env") && !line.starts_with(['#', '!']);
                if let Some(at) = text.lines().position(names) {
                    found.add(Practice::Ignored, file, at + 1);
                }
                continue;
            }
            "codeowners" => Practice::CodeOwners,
            ".pre-commit-config.yaml" | "lefthook.yml" | ".lintstagedrc" => Practice::PreCommit,
            "pulumi.yaml" | "cdk.json" | "helmfile.yaml" | "chart.yaml" => {
                Practice::InfrastructureAsCode
            }
            name if name.ends_with(".tf") || name.ends_with(".bicep") => {
                Practice::InfrastructureAsCode
            }
            "railway.ts" => Practice::InfrastructureAsCode,
            _ if file.starts_with(".husky/") => Practice::PreCommit,
            _ => continue,
        };
        if !path::is_sample(file) || practice == Practice::VariablesListed {
            found.add(practice, file, 1);
        }
    }
}

fn containers(facts: &Facts<'_>, found: &mut Evidence) {
    for file in facts.dockerfiles() {
        found.add(Practice::Containers, &file.path, 1);
        let all = &file.instructions;
        if all.iter().filter(|one| one.name == "FROM").count() > 1 {
            found.add(Practice::StagedImages, &file.path, 1);
        }
        for one in file.image() {
            let user = one.rest.trim();
            match one.name.as_str() {
                "USER" if !matches!(user, "root" | "0" | "0:0") => {
                    found.add(Practice::UnprivilegedImage, &file.path, one.line);
                }
                "HEALTHCHECK" if user != "NONE" => {
                    found.add(Practice::ImageHealth, &file.path, one.line);
                }
                _ => {}
            }
        }
    }
    for compose in &facts.project.compose {
        found.add(Practice::ComposeFile, &compose.path, 1);
    }
}

fn platforms(facts: &Facts<'_>, found: &mut Evidence) {
    for platform in &facts.project.platforms {
        found.add(Practice::PlatformFiles, &platform.path, platform.line);
    }
    let railway = ["railway.json", "railway.toml"].into_iter();
    for file in railway.flat_map(|name| facts.tree.named(name)) {
        let document = match file.ends_with(".json") {
            true => facts.tree.json(file),
            false => facts.tree.toml(file),
        };
        let Some(document) = document else { continue };
        if let Some(entry) = document.entry_at(&["deploy", "healthcheckPath"]) {
            found.add(Practice::HealthGate, file, entry);
        }
        let environments = document.get("environments").map_or(&[][..], Node::entries);
        for one in environments.iter().filter(|one| one.key != "production") {
            found.add(Practice::Staging, file, one);
        }
    }
    for file in facts.tree.named("render.yaml") {
        let Some(document) = facts.tree.yaml(file) else {
            continue;
        };
        for service in document.get("services").map_or(&[][..], Node::items) {
            if let Some(entry) = service.entry("healthCheckPath") {
                found.add(Practice::HealthGate, file, entry);
            }
        }
    }
    for file in facts.tree.named("fly.toml") {
        let text = facts.tree.text(file).unwrap_or_default();
        if let Some(at) = text.lines().position(|line| line.contains("checks")) {
            found.add(Practice::HealthGate, file, at + 1);
        }
    }
    for name in [
        "fly.staging.toml",
        ".env.staging",
        "docker-compose.staging.yml",
        "compose.staging.yml",
    ] {
        for file in facts.tree.named(name) {
            found.add(Practice::Staging, file, 1);
        }
    }
}

fn scripts(facts: &Facts<'_>, found: &mut Evidence) {
    for script in facts.scripts() {
        for command in &script.shell.commands {
            if deploys::platform(command).is_some() {
                found.add(Practice::DeployScripts, &script.path, command);
            }
            let undoes = command.words.iter().any(|word| word.text == "rollback")
                || command.runs(&["kubectl", "rollout", "undo"]);
            if undoes && !command.is_message() {
                found.add(Practice::Rollback, &script.path, command);
            }
            for (program, practice) in [
                ("pg_dump", Practice::Backups),
                ("mysqldump", Practice::Backups),
                ("mongodump", Practice::Backups),
                ("pg_restore", Practice::Restores),
            ] {
                if command.runs(&[program]) {
                    found.add(practice, &script.path, command);
                }
            }
        }
    }
}

/// Files in which an application names its routes.
const ROUTES: [&str; 16] = [
    "main.py",
    "app.py",
    "urls.py",
    "routes.py",
    "router.py",
    "health.py",
    "views.py",
    "server.js",
    "server.ts",
    "index.js",
    "index.ts",
    "app.js",
    "app.ts",
    "main.go",
    "main.rs",
    "routes.rb",
];

/// Files in which an application says how it logs, without a package for it.
const LOGS: [&str; 6] = [
    "logs.py",
    "logger.py",
    "logging_config.py",
    "logs.js",
    "logger.js",
    "logger.ts",
];

/// JSON with the id of a request, by means of the language alone.
fn logs(file: &str, text: &str, found: &mut Evidence) {
    let writes = text.contains("json.dumps") || text.contains("JSON.stringify");
    let id = text.lines().position(|line| line.contains("request_id"));
    if let Some(at) = id.filter(|_| writes && !path::is_sample(file)) {
        found.add(Practice::StructuredLogs, file, at + 1);
    }
}

fn health(facts: &Facts<'_>, found: &mut Evidence) {
    let routes = [
        "/health",
        "health/",
        "/healthz",
        "/readyz",
        "/livez",
        "/api/ping",
    ];
    let by_name = ROUTES.iter().flat_map(|name| facts.tree.named(name));
    for file in by_name.filter(|file| !path::is_sample(file)).take(200) {
        let text = facts.tree.text(file).unwrap_or_default();
        let names = |line: &str| {
            let code = line.trim_start();
            !code.starts_with('#')
                && !code.starts_with("//")
                && routes.iter().any(|route| {
                    line.contains(&format!("\"{route}")) || line.contains(&format!("'{route}"))
                })
        };
        if let Some(at) = text.lines().position(names) {
            found.add(Practice::HealthEndpoint, file, at + 1);
        }
        logs(file, &text, found);
    }
    for file in LOGS.iter().flat_map(|name| facts.tree.named(name)).take(50) {
        logs(file, &facts.tree.text(file).unwrap_or_default(), found);
    }
    // The routes of Next.js are folders.
    let is_route = |file: &&String| {
        let folder = path::name(path::parent(file));
        let named = path::name(file);
        matches!(folder, "health" | "healthz") && named.starts_with("route.")
            || file.contains("pages/api/health")
    };
    for file in facts.tree.files().iter().filter(is_route) {
        found.add(Practice::HealthEndpoint, file.as_str(), 1);
    }
}

/// Whether there is something that is deployed, and not only a package or texts.
pub(super) fn has_application(facts: &Facts<'_>) -> bool {
    let components = facts.project.components.iter();
    components.into_iter().any(|one| one.role != Role::Library)
}

/// Where an absence in the whole repository is told: at its README, or at what comes
/// first of its manifests.
pub(super) fn front(facts: &Facts<'_>) -> String {
    let readme = facts
        .tree
        .directly_in(".")
        .find(|file| file.to_ascii_lowercase().starts_with("readme"));
    let manifest = facts
        .project
        .components
        .first()
        .map(|one| one.manifest.path.as_str());
    let first = facts.tree.files().first().map(String::as_str);
    readme
        .or(manifest)
        .or(first)
        .unwrap_or("README.md")
        .to_owned()
}

//! What templates see: the project's facts, prepared so that a template only
//! places them. Documented for template authors in `docs/templates.md`.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::Settings;
use super::frozen::{self, Frozen};
use super::gitlab::{self, GitlabJob};
use super::inputs::{cache_files, paths, version_file};
use super::services::{self, Reach, ServiceRecipe};
use super::times::Times;
use super::updates::{self, Update};
use crate::debt::Debt;
use crate::project::model::{Component, Language, Need, Project, Role, Service, Step, StepKind};
use crate::project::path;

/// Everything that a template can use.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct View {
    /// The template's title.
    pub title: String,
    /// The path of the file that is rendered.
    pub file_path: String,
    /// The branch whose pushes run the workflows and are deployed.
    pub default_branch: String,
    /// The runner's label.
    pub runner: String,
    /// Limit for a component's job, in minutes.
    pub timeout_minutes: u32,
    /// Limit for a deployment to one environment, in minutes.
    pub deploy_timeout_minutes: u32,
    /// A weekly time that differs from project to project.
    pub weekly_cron: String,
    /// A time every night that differs from project to project.
    pub daily_cron: String,
    /// Every hour, at a minute that differs from project to project.
    pub hourly_cron: String,
    /// The same for every quarter of an hour.
    pub quarter_hourly_cron: String,
    /// Whether the repository is kept in two places.
    pub mirrors: bool,
    /// Addresses that shall answer.
    pub uptime_urls: Vec<String>,
    /// The image of the newest PostgreSQL that a component uses.
    pub postgres_image: Option<String>,
    /// Whether jobs run only where their component changed.
    pub filter_paths: bool,
    /// Jobs of backends, libraries and command-line tools.
    pub backends: Vec<Job>,
    /// Jobs of frontends.
    pub frontends: Vec<Job>,
    /// The platforms that `ci-tool deploy` knows and the project uses.
    pub platforms: Vec<String>,
    /// The environments to deploy to, in order.
    pub environments: Vec<Environment>,
    /// Names of the secrets that the platforms need, in any environment.
    pub secrets: Vec<String>,
    /// What is deployed, for a step's name.
    pub services_in_words: String,
    /// What Dependabot can update, and where.
    pub updates: Vec<Update>,
    /// What concerns a pipeline of GitLab as a whole.
    pub gitlab: super::Gitlab,
}

/// A job that proves one component.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Job {
    /// The job's id.
    pub id: String,
    /// The job's name.
    pub title: String,
    /// The language.
    pub language: Language,
    /// The language as people write it.
    pub language_name: String,
    /// The folder that commands run in.
    pub directory: String,
    /// What `git diff` compares to see whether the component changed.
    pub paths: Vec<String>,
    /// The version to set up.
    pub version: Option<String>,
    /// The file that set-up reads the version from, where the project has one.
    pub version_file: Option<String>,
    /// Several versions.
    pub matrix: Option<Matrix>,
    /// The package manager.
    pub package_manager: Option<String>,
    /// Its version, where the project names one.
    pub package_manager_version: Option<String>,
    /// The file that names its version.
    pub package_manager_file: Option<String>,
    /// The lock file.
    pub lock_file: Option<String>,
    /// The files whose contents decide what is installed.
    pub cache_files: Vec<String>,
    /// Variables of the whole job.
    pub env: BTreeMap<String, String>,
    /// Servers beside the job.
    pub services: Vec<ServiceView>,
    /// Commands that make the steps runnable, grouped by folder.
    pub installs: Vec<Block>,
    /// What is proved.
    pub steps: Vec<StepView>,
    /// Whether a step has debt, so that the job compares at its end.
    pub has_debt: bool,
    /// The id of the step after which the steps can run.
    pub ready: String,
    /// What differs where the job is one of GitLab's.
    pub gitlab: GitlabJob,
}

/// Several versions of one language.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Matrix {
    /// The matrix's key: `python-version`.
    pub key: String,
    /// The versions.
    pub values: Vec<String>,
}

/// A server beside a job.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ServiceView {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Its environment.
    pub env: BTreeMap<String, String>,
    /// The published port.
    pub ports: String,
    /// Options of the container, one a line.
    pub options: Vec<String>,
}

/// Commands that run in one folder.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Block {
    /// The step's name.
    pub name: String,
    /// The folder.
    pub directory: String,
    /// The commands.
    pub lines: Vec<String>,
}

/// A step that proves something.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StepView {
    /// What it proves.
    pub kind: StepKind,
    /// Its name.
    pub name: String,
    /// Its folder.
    pub directory: String,
    /// Its command.
    pub run: String,
    /// Variables of this step alone.
    pub env: BTreeMap<String, String>,
    /// What it may complain about.
    pub debt: Option<Frozen>,
}

/// A place to deploy to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Environment {
    /// The job's id.
    pub id: String,
    /// The name that GitHub shows.
    pub name: String,
    /// Names of the secrets that a deployment to it needs.
    pub secrets: Vec<String>,
    /// Whether checks of GitHub have to have passed for what is deployed.
    pub has_checks: bool,
}

/// The platforms that `ci-tool deploy` can drive, with the secrets it needs.
const PLATFORM_SECRETS: [(&str, &[&str]); 3] = [
    ("railway", &["RAILWAY_TOKEN"]),
    ("vercel", &["VERCEL_TOKEN"]),
    // What commands need, the configuration says.
    ("command", &[]),
];

/// The tokens of platforms, and then the others.
fn first_usual(secrets: &BTreeSet<String>) -> Vec<String> {
    let usual = PLATFORM_SECRETS.iter().flat_map(|(_, secrets)| *secrets);
    let usual: Vec<&str> = usual.copied().collect();
    let (first, others): (Vec<&String>, Vec<&String>) = secrets
        .iter()
        .partition(|secret| usual.contains(&secret.as_str()));
    first.into_iter().chain(others).cloned().collect()
}

impl View {
    /// Prepares the facts. `covered` holds the roots of components that an
    /// existing workflow proves already.
    pub fn new(project: &Project, settings: &Settings, covered: &BTreeSet<String>) -> Self {
        let wanted: Vec<&Component> = project
            .components
            .iter()
            .filter(|component| !component.steps.is_empty() && !covered.contains(&component.root))
            .collect();
        let frontend_workspaces: BTreeSet<&str> = project
            .components
            .iter()
            .filter(|component| component.role == Role::Frontend)
            .filter_map(|component| Some(component.workspace.as_ref()?.root.as_str()))
            .collect();
        let mut ids = BTreeSet::from(["changes".to_owned(), "result".to_owned()]);
        let mut backends = Vec::new();
        let mut frontends = Vec::new();
        let mut gitlab_names = gitlab::reserved_names();
        for component in wanted {
            let mut job = job(component, project, settings, &mut ids);
            job.gitlab = gitlab::job(component, project, settings, &job, &mut gitlab_names);
            // A package beside a frontend in one workspace is proved with it.
            let with_frontend = component.role == Role::Frontend
                || component.role == Role::Library
                    && component.workspace.as_ref().is_some_and(|workspace| {
                        frontend_workspaces.contains(workspace.root.as_str())
                    });
            if with_frontend {
                frontends.push(job);
            } else {
                backends.push(job);
            }
        }
        let deploying = &settings.deploying;
        let mut found: BTreeSet<&str> = deploying
            .values()
            .flat_map(|one| one.platforms.iter().map(String::as_str))
            .collect();
        if found.is_empty() {
            let platforms = project.platforms.iter();
            found.extend(platforms.map(|platform| platform.platform.as_str()));
        }
        let platforms: Vec<_> = PLATFORM_SECRETS
            .iter()
            .filter(|(name, _)| found.contains(name))
            .collect();
        let usual_secrets: Vec<String> = platforms
            .iter()
            .flat_map(|(_, secrets)| secrets.iter().map(|secret| (*secret).to_owned()))
            .collect();
        let filter_paths = match project.components.as_slice() {
            [only] => only.root != ".",
            _ => true,
        };
        let times = Times::of(project);
        Self {
            title: String::new(),
            updates: updates::updates(project),
            gitlab: settings.gitlab.clone(),
            file_path: String::new(),
            default_branch: settings.default_branch.clone(),
            runner: settings.runner.clone(),
            timeout_minutes: settings.timeout_minutes,
            deploy_timeout_minutes: settings.timeout_minutes.max(60),
            weekly_cron: times.weekly(),
            daily_cron: times.daily(),
            hourly_cron: times.hourly(),
            quarter_hourly_cron: times.quarter_hourly(),
            mirrors: !project.mirrors.is_empty(),
            uptime_urls: settings.uptime_urls.clone(),
            postgres_image: postgres_image(project),
            filter_paths,
            backends,
            frontends,
            services_in_words: match platforms.iter().any(|(name, _)| *name == "command") {
                true => in_words(&[]),
                false => in_words(&platforms.iter().map(|(name, _)| *name).collect::<Vec<_>>()),
            },
            secrets: usual_secrets.clone(),
            platforms: platforms
                .iter()
                .map(|(name, _)| (*name).to_owned())
                .collect(),
            environments: settings
                .environments
                .iter()
                .map(|name| Environment {
                    id: identifier(name),
                    name: name.clone(),
                    secrets: match deploying.get(name) {
                        Some(said) => first_usual(&said.secrets),
                        None => usual_secrets.clone(),
                    },
                    has_checks: deploying.get(name).is_some_and(|said| said.has_checks),
                })
                .collect(),
        }
    }
}

fn job(
    component: &Component,
    project: &Project,
    settings: &Settings,
    ids: &mut BTreeSet<String>,
) -> Job {
    let mut id = identifier(&component.name);
    while !ids.insert(id.clone()) {
        id.push_str("-ci");
    }
    let recipes = recipes(component);
    let (job_env, migration_env) = environment(component, settings, Reach::Machine);
    let manager = component.package_manager.as_ref();
    let matrix = component.supported_versions.as_ref().and_then(|versions| {
        Some(Matrix {
            key: matrix_key(component.language)?.to_owned(),
            values: versions.value.clone(),
        })
    });
    let installs = if component.language == Language::Ruby {
        // The set-up action installs and caches the gems itself.
        Vec::new()
    } else {
        install_blocks(component)
    };
    let debt_of = |step: &Step| frozen::debt(component, step, settings);
    let steps = component.steps.iter();
    Job {
        title: component.name.clone(),
        language_name: language_name(component.language).to_owned(),
        ready: if installs.is_empty() {
            "setup"
        } else {
            "install"
        }
        .to_owned(),
        id,
        language: component.language,
        directory: component.root.clone(),
        paths: [
            paths(component, project),
            frozen::files(component, settings),
        ]
        .concat(),
        version: component
            .version
            .as_ref()
            .map(|version| version.value.clone()),
        version_file: version_file(component),
        matrix,
        package_manager: manager.map(|manager| manager.value.clone()),
        package_manager_version: component
            .package_manager_version
            .as_ref()
            .map(|version| version.value.clone()),
        package_manager_file: component
            .package_manager_version
            .as_ref()
            .and_then(|version| version.evidence.first())
            .filter(|evidence| path::name(&evidence.path) == "package.json")
            .map(|evidence| evidence.path.clone()),
        lock_file: component.lock_file.as_ref().map(|lock| lock.path.clone()),
        cache_files: cache_files(component),
        env: job_env,
        services: recipes
            .iter()
            .map(|(recipe, service)| ServiceView {
                name: recipe.name.to_owned(),
                image: service.image.clone(),
                env: owned(recipe.env),
                ports: format!("{0}:{0}", recipe.port),
                options: vec![
                    format!("--health-cmd \"{}\"", recipe.health_command),
                    "--health-interval 5s".to_owned(),
                    "--health-timeout 5s".to_owned(),
                    "--health-retries 12".to_owned(),
                ],
            })
            .collect(),
        installs,
        has_debt: steps
            .clone()
            .filter_map(debt_of)
            .any(|debt| !debt.is_left_out()),
        steps: steps
            .filter(|step| !debt_of(step).is_some_and(Debt::is_left_out))
            .map(|step| StepView {
                debt: debt_of(step).map(Frozen::of),
                kind: step.kind,
                name: step.name.clone(),
                directory: step.command.directory.clone(),
                run: step.command.run.clone(),
                env: if step.kind == StepKind::Migrations {
                    migration_env.clone()
                } else {
                    BTreeMap::new()
                },
            })
            .collect(),
        gitlab: GitlabJob::default(),
    }
}

/// The servers that a component needs and that are known, each with its recipe.
pub(super) fn recipes(component: &Component) -> Vec<(&'static ServiceRecipe, &Service)> {
    component
        .services
        .iter()
        .filter_map(|service| Some((services::recipe(&service.name)?, service)))
        .collect()
}

/// Variables of the job, and those that only migrations get: tests that run
/// without a server must not be pointed at one.
pub(super) fn environment(
    component: &Component,
    settings: &Settings,
    reach: Reach,
) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let recipes = recipes(component);
    let all: Vec<&ServiceRecipe> = recipes.iter().map(|(recipe, _)| *recipe).collect();
    let for_tests: Vec<&ServiceRecipe> = recipes
        .iter()
        .filter(|(_, service)| {
            service.needed_by.contains(&Need::Tests) || service.needed_by.contains(&Need::App)
        })
        .map(|(recipe, _)| *recipe)
        .collect();
    let mut job = BTreeMap::new();
    let mut migrations = BTreeMap::new();
    for recipe in &all {
        let into = if for_tests.contains(recipe) {
            &mut job
        } else {
            &mut migrations
        };
        into.extend(owned(recipe.variables));
        if let Some(name) = recipe.host_variable {
            into.insert(name.to_owned(), recipe.host(reach).to_owned());
        }
        if matches!(recipe.name, "postgres" | "mysql") {
            into.insert("DATABASE_URL".to_owned(), recipe.url(reach));
        } else if recipe.name == "redis" {
            into.insert("REDIS_URL".to_owned(), recipe.url(reach));
        }
    }
    for variable in &component.environment {
        let only_migrations = variable
            .needed_by
            .iter()
            .all(|need| *need == Need::Migrations);
        let value = |reachable: &[&ServiceRecipe]| {
            with_scheme(
                services::value_for(&variable.name, reachable, reach),
                variable.scheme.as_deref(),
            )
        };
        if only_migrations {
            migrations.insert(variable.name.clone(), value(&all));
        } else {
            job.insert(variable.name.clone(), value(&for_tests));
            let for_migrations = value(&all);
            if for_migrations != job[&variable.name]
                && variable.needed_by.contains(&Need::Migrations)
            {
                migrations.insert(variable.name.clone(), for_migrations);
            }
        }
    }
    if let Some(values) = settings.environment_values.get(&component.root) {
        for (name, value) in values {
            migrations.remove(name);
            job.insert(name.clone(), value.clone());
        }
    }
    (job, migrations)
}

/// The project's own scheme for an address: `postgresql+psycopg`.
fn with_scheme(value: String, scheme: Option<&str>) -> String {
    match (scheme, value.split_once("://")) {
        (Some(scheme), Some((ours, rest))) if scheme.starts_with(&ours[..ours.len().min(5)]) => {
            format!("{scheme}://{rest}")
        }
        _ => value,
    }
}

pub(super) fn install_blocks(component: &Component) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for command in &component.install {
        match blocks.last_mut() {
            Some(block) if block.directory == command.directory => {
                block.lines.push(command.run.clone());
            }
            _ => blocks.push(Block {
                name: "Install dependencies".to_owned(),
                directory: command.directory.clone(),
                lines: vec![command.run.clone()],
            }),
        }
    }
    blocks
}

const fn matrix_key(language: Language) -> Option<&'static str> {
    match language {
        Language::Python => Some("python-version"),
        Language::Node => Some("node-version"),
        Language::Go => Some("go-version"),
        Language::Java => Some("java-version"),
        Language::Ruby => Some("ruby-version"),
        Language::Php => Some("php-version"),
        Language::Rust | Language::Dotnet => None,
    }
}

const fn language_name(language: Language) -> &'static str {
    match language {
        Language::Python => "Python",
        Language::Node => "Node.js",
        Language::Go => "Go",
        Language::Rust => "Rust",
        Language::Java => "Java",
        Language::Ruby => "Ruby",
        Language::Php => "PHP",
        Language::Dotnet => ".NET",
    }
}

/// A job id: letters, digits, `-` and `_`, not starting with a digit.
pub(super) fn identifier(name: &str) -> String {
    let mut id: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' || c == '-' {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    while id.contains("--") {
        id = id.replace("--", "-");
    }
    id = id.trim_matches('-').to_owned();
    if id.is_empty() || !id.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        id.insert_str(0, "job-");
        id = id.trim_end_matches('-').to_owned();
    }
    id
}

fn postgres_image(project: &Project) -> Option<String> {
    let images = project
        .components
        .iter()
        .flat_map(|component| &component.services)
        .filter(|service| service.name == "postgres")
        .map(|service| &service.image);
    let major = |image: &String| -> u32 {
        let tag = image.rsplit(':').next().unwrap_or_default();
        tag.split(['.', '-'])
            .next()
            .unwrap_or_default()
            .parse()
            .unwrap_or(0)
    };
    images.max_by_key(|image| major(image)).cloned()
}

fn in_words(names: &[&str]) -> String {
    match names {
        [] => "all services".to_owned(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

pub(super) fn owned(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_what_github_takes() {
        assert_eq!(identifier("web"), "web");
        assert_eq!(identifier("My App"), "my-app");
        assert_eq!(identifier("2fa"), "job-2fa");
        assert_eq!(identifier("a & b"), "a-b");
        assert_eq!(identifier("日本"), "job");
    }

    #[test]
    fn an_address_keeps_the_projects_scheme() {
        assert_eq!(
            with_scheme("postgresql://u@h/d".to_owned(), Some("postgresql+psycopg")),
            "postgresql+psycopg://u@h/d"
        );
        assert_eq!(
            with_scheme("postgresql://u@h/d".to_owned(), Some("sqlite")),
            "postgresql://u@h/d"
        );
    }
}

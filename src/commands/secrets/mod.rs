//! `ci-tool secrets`.

pub mod github;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use base64::Engine as _;
use clap::{Subcommand, ValueEnum};
use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use crate::commands::deploy::plan::{self, Prepared};
use crate::config::deploy::Deploy;
use crate::context::Context;
use crate::deploy::platform::Variable;
use crate::error::{Exit, Failure};
use crate::project::model::{Component, Need, Project};
use crate::report;
use crate::sys::ui::escape_line;
use crate::sys::{clock, terminal};

/// The version of the JSON form; a change that breaks readers raises it.
pub const VERSION: u32 = 1;

/// Compare what applications need with what is set where they run.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done about variables.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Name what an application needs and its platform has not, by names alone
    ///
    /// Reads the names of variables that are set on Railway and Vercel, never shows a value,
    /// and holds them against those without which the code of the repository does not start.
    ///
    /// Exit code 0: everything is set. 1: something is not. 2: wrong usage or configuration.
    /// 3: a platform did not say what is set.
    Check {
        /// The environment, as `deploy.environments` of the configuration names it
        environment: String,

        /// The repository's folder
        #[arg(default_value = ".")]
        path: PathBuf,

        /// The form of the answer
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Name the secrets that workflows use and GitHub has not, by names alone
    ///
    /// Reads the expressions of all workflows, with the environment of each job, and holds them
    /// against the secrets of the repository, of its organization and of these environments.
    /// GITHUB_TOKEN has to be a person's that may read their names: that of a job may not.
    ///
    /// Exit code 0: every one is set. 1: one is not. 2: wrong usage. 3: GitHub did not say.
    Github {
        /// The repository's folder
        #[arg(default_value = ".")]
        path: PathBuf,

        /// The form of the answer
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Set a secret that workflows use, without showing it to anybody
    ///
    /// The value comes as for `set`; it is sealed here for GitHub's key, so that nobody on the
    /// way can read it. GITHUB_TOKEN has to be a person's that may write secrets.
    ///
    /// Exit code 0: it is set. 2: wrong usage. 3: GitHub did not take it.
    SetGithub {
        /// The secret's name
        name: String,

        /// The repository's folder
        #[arg(default_value = ".")]
        path: PathBuf,

        /// For the jobs of this environment alone
        #[arg(long, value_name = "NAME")]
        environment: Option<String>,

        /// Where the value comes from.
        #[command(flatten)]
        origin: Origin,

        /// Say where it would be set; read and set nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Set a variable where an application runs, without showing it to anybody
    ///
    /// The value is typed unseen, read from a file or from standard input, or made of random
    /// bytes; never from an argument, which every process of the machine can read. It takes
    /// effect with the next deployment.
    ///
    /// Exit code 0: it is set. 2: wrong usage or configuration. 3: a platform did not take it;
    /// what was set before that is told.
    Set {
        /// The environment, as `deploy.environments` of the configuration names it
        environment: String,

        /// The variable's name
        name: String,

        /// The repository's folder
        #[arg(default_value = ".")]
        path: PathBuf,

        /// For these services; without it those whose code does not start without it
        #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
        service: Vec<String>,

        /// Where the value comes from.
        #[command(flatten)]
        origin: Origin,

        /// Say for which services it would be set; read and set nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// Where a value comes from; without these it is typed unseen.
#[derive(Debug, clap::Args)]
pub struct Origin {
    /// Read the value from this file, or with - from standard input; one line break at its end goes
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,

    /// Make the value of so many random bytes, the same for all services
    #[arg(long, value_name = "BYTES", num_args = 0..=1, require_equals = true, default_missing_value = "32", conflicts_with = "from", value_parser = clap::value_parser!(u16).range(16..=1024))]
    pub generate: Option<u16>,
}

/// Whether somebody gave the name of a variable. What is none may be a value, and is not
/// repeated.
fn check_name(name: &str) -> Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !name.is_empty() && name.bytes().all(is_plain) && !name.as_bytes()[0].is_ascii_digit() {
        return Ok(());
    }
    Err(
        Failure::usage("this is no name of a variable: letters, digits and underscores")
            .hint("a value is never an argument: it is typed unseen, or comes from --from FILE")
            .into(),
    )
}

/// The forms of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs; docs/secrets.schema.json describes it.
    Json,
}

/// The variables of all services.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// The version of this form.
    pub version: u32,
    /// The environment.
    pub environment: String,
    /// Whether everything that is needed is set.
    pub complete: bool,
    /// The services.
    pub services: Vec<Service>,
}

/// The variables of a service.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Whether its platform tells what is set; commands do not.
    pub known: bool,
    /// What is needed and not set.
    pub missing: Vec<Missing>,
    /// What is set, by name.
    pub set: Vec<Set>,
}

/// A variable that is needed and not set.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Missing {
    /// Its name.
    pub name: String,
    /// Where it is read, `path:line`.
    pub place: String,
}

/// A variable that is set.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Set {
    /// Its name.
    pub name: String,
    /// How many days ago it was written, where the platform tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<i64>,
}

/// Compares and tells.
///
/// # Errors
/// Where the environment is not known, or a platform does not answer.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    match &args.action {
        Action::Check {
            environment,
            path,
            format,
        } => check(environment, path, *format, context),
        Action::Github { path, format } => github::run(path, *format, context),
        Action::SetGithub {
            name,
            path,
            environment,
            origin,
            dry_run,
        } => {
            check_name(name)?;
            let read = (!dry_run).then_some(|| value(name, origin, context));
            github::set(path, name, environment.as_deref(), read, context)
        }
        Action::Set {
            environment,
            name,
            path,
            service,
            origin,
            dry_run,
        } => {
            check_name(name)?;
            let services = receivers(environment, name, path, service, context)?;
            if *dry_run {
                let told = format!("{name} would be set for {}\n", services.1.join(", "));
                context.ui.result(&told)?;
                return Ok(Exit::Yes);
            }
            let value = value(name, origin, context)?;
            set_all(&services, name, &value, context)
        }
    }
}

fn check(environment: &str, path: &Path, format: Format, context: &Context) -> Result<Exit> {
    let config = context.config(path)?.config.deploy;
    let prepared = plan::prepare(&config, environment, String::new(), path, &context.env)?;
    let (project, _) = context.detect(path)?;
    let mut services = Vec::new();
    for service in &prepared.plan.services {
        let told = set(&prepared, &service.name).map_err(|why| {
            Failure::failed(format!("{}: {why}", service.name))
                .hint("the token has to be one that may read the variables of this environment")
        })?;
        let missing = told.as_deref().map_or_else(Vec::new, |told| {
            missing(&project, &config, &service.name, told)
        });
        services.push(Service {
            name: service.name.clone(),
            known: told.is_some(),
            missing,
            set: told
                .unwrap_or_default()
                .into_iter()
                .map(Set::from)
                .collect(),
        });
    }
    let checked = Checked {
        version: VERSION,
        environment: environment.to_owned(),
        complete: services.iter().all(|one| one.missing.is_empty()),
        services,
    };
    context.ui.result(&match format {
        Format::Text => text(&checked),
        Format::Json => report::json(&checked)?,
    })?;
    Ok(if checked.complete {
        Exit::Yes
    } else {
        Exit::No
    })
}

/// The services that get a variable.
///
/// # Errors
/// Where it is not known which.
fn receivers(
    environment: &str,
    name: &str,
    path: &Path,
    named: &[String],
    context: &Context,
) -> Result<(Prepared, Vec<String>)> {
    let config = context.config(path)?.config.deploy;
    let prepared = plan::prepare(&config, environment, String::new(), path, &context.env)?;
    let all: Vec<String> = prepared
        .plan
        .services
        .iter()
        .map(|one| one.name.clone())
        .collect();
    if let Some(unknown) = named.iter().find(|one| !all.contains(one)) {
        return Err(
            Failure::usage(format!("`{environment}` has no service `{unknown}`"))
                .hint(format!("these are: {}", all.join(", ")))
                .into(),
        );
    }
    if !named.is_empty() {
        return Ok((prepared, named.to_vec()));
    }
    let (project, _) = context.detect(path)?;
    let needs = |service: &&String| {
        missing(&project, &config, service, &[])
            .iter()
            .any(|one| one.name == name)
    };
    let services: Vec<String> = all.iter().filter(needs).cloned().collect();
    if services.is_empty() {
        return Err(Failure::usage(format!(
            "no code is known that does not start without {name}"
        ))
        .hint(format!("say for which it is: --service {}", all.join(",")))
        .into());
    }
    Ok((prepared, services))
}

/// The value, from where it was said to be.
fn value(name: &str, origin: &Origin, context: &Context) -> Result<SecretString> {
    let value = match (origin.from.as_deref(), origin.generate) {
        (_, Some(bytes)) => {
            let mut random = vec![0; usize::from(bytes)];
            getrandom::fill(&mut random).map_err(|error| {
                Failure::failed(format!("the system has no random bytes: {error}"))
            })?;
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random)
        }
        (Some(file), None) if file == Path::new("-") => terminal::all_input()?,
        (Some(file), None) => std::fs::read_to_string(file)
            .map_err(|error| Failure::failed(format!("cannot read {}: {error}", file.display())))?,
        (None, None) => {
            terminal::hidden(|| context.ui.prompt(&format!("{name} (it is not shown): ")))?
                .ok_or_else(|| {
                    Failure::usage("nobody can type the value here")
                        .hint("--from FILE, --from - for standard input, or --generate")
                })?
        }
    };
    let value = value.strip_suffix('\n').unwrap_or(&value);
    let value = value.strip_suffix('\r').unwrap_or(value);
    if value.is_empty() {
        return Err(Failure::usage("the value is empty")
            .hint("an application that needs it would start without it")
            .into());
    }
    Ok(SecretString::from(value.to_owned()))
}

fn set_all(
    (prepared, services): &(Prepared, Vec<String>),
    name: &str,
    value: &SecretString,
    context: &Context,
) -> Result<Exit> {
    for service in services {
        let platform = &prepared.platforms[service];
        match platform.set_variable(name, value) {
            Ok(true) => context.ui.result(&format!("{service}: {name} is set\n"))?,
            Ok(false) => {
                return Err(Failure::usage(format!(
                    "{service} runs by commands, which set no variables"
                ))
                .hint("set it where these commands run")
                .into());
            }
            Err(trouble) => {
                // A platform may repeat what it did not like, the whole of it or the beginning.
                let start: String = value.expose_secret().chars().take(6).collect();
                let message = match trouble.message.contains(&start) {
                    true => "its platform refused, in words that repeat the value".to_owned(),
                    false => trouble.message,
                };
                return Err(Failure::failed(format!("{service}: {message}"))
                    .hint(
                        "the token has to be one that may write the variables of this environment",
                    )
                    .into());
            }
        }
    }
    context
        .ui
        .remark("it takes effect with the next deployment");
    Ok(Exit::Yes)
}

impl Set {
    /// A variable that was written at this time, in seconds since 1970, where that is known.
    fn new(name: String, written: Option<i64>) -> Self {
        const DAY: i64 = 24 * 60 * 60;
        Self {
            name,
            days: written.map(|written| (clock::now() - written) / DAY),
        }
    }
}

impl From<Variable> for Set {
    fn from(variable: Variable) -> Self {
        Self::new(variable.name, variable.written)
    }
}

/// What is set for a service, where its platform tells.
///
/// # Errors
/// Why it did not.
pub(super) fn set(prepared: &Prepared, service: &str) -> Result<Option<Vec<Variable>>, String> {
    let platform = &prepared.platforms[service];
    platform.variables().map_err(|trouble| trouble.message)
}

/// What the code of a service needs and is not among these.
pub(super) fn missing(
    project: &Project,
    config: &Deploy,
    service: &str,
    set: &[Variable],
) -> Vec<Missing> {
    let Some(component) = component(project, config, service) else {
        return Vec::new();
    };
    let set: BTreeSet<&str> = set.iter().map(|one| one.name.as_str()).collect();
    let needed = component
        .environment
        .iter()
        .filter(|one| one.needed_by.contains(&Need::App) && !set.contains(one.name.as_str()));
    needed
        .map(|one| Missing {
            name: one.name.clone(),
            place: one.evidence.first().map_or_else(String::new, |place| {
                format!("{}:{}", place.path, place.line)
            }),
        })
        .collect()
}

/// The component that a service runs: of the same name, or in its folder.
fn component<'p>(project: &'p Project, config: &Deploy, service: &str) -> Option<&'p Component> {
    let folder = config.services.get(service)?.folder.as_deref();
    let mut components = project.components.iter();
    components.find(|one| one.name == service || folder == Some(one.root.as_str()))
}

/// How old it is, behind its name.
fn age(days: Option<i64>) -> String {
    match days {
        Some(0) => "  written today".to_owned(),
        Some(days) => format!("  written {days} days ago"),
        None => String::new(),
    }
}

fn text(checked: &Checked) -> String {
    let mut out = String::new();
    for one in &checked.services {
        let said = match (one.known, one.missing.len()) {
            (false, _) => "its platform does not tell what is set".to_owned(),
            (true, 0) => format!(
                "everything that is needed is set ({} variables)",
                one.set.len()
            ),
            (true, count) => format!("{count} missing"),
        };
        let _ = writeln!(out, "{}: {said}", escape_line(&one.name));
        for missing in &one.missing {
            let line = format!("{}  read at {}", missing.name, missing.place);
            let _ = writeln!(out, "  MISSING  {}", escape_line(&line));
        }
        for set in &one.set {
            let age = age(set.days);
            let _ = writeln!(out, "  set      {}{age}", escape_line(&set.name));
        }
    }
    out
}

//! `ci-tool secrets`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use schemars::JsonSchema;
use serde::Serialize;

use super::deploy::plan::{self, Prepared};
use crate::config::deploy::Deploy;
use crate::context::Context;
use crate::deploy::platform::Variable;
use crate::error::{Exit, Failure};
use crate::project::model::{Component, Need, Project};
use crate::report;
use crate::sys::clock;
use crate::sys::ui::escape_line;

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
    let Action::Check {
        environment,
        path,
        format,
    } = &args.action;
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
        environment: environment.clone(),
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

impl From<Variable> for Set {
    fn from(variable: Variable) -> Self {
        const DAY: i64 = 24 * 60 * 60;
        Self {
            name: variable.name,
            days: variable
                .written
                .map(|written| (clock::now() - written) / DAY),
        }
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
            let age = match set.days {
                Some(0) => "  written today".to_owned(),
                Some(days) => format!("  written {days} days ago"),
                None => String::new(),
            };
            let _ = writeln!(out, "  set      {}{age}", escape_line(&set.name));
        }
    }
    out
}

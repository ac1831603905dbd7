//! From the configuration to a plan, its platforms and its checks.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use secrecy::SecretString;

use super::sketch;
use crate::config::deploy::{
    Deploy, Environment, Health, Here, PlatformName, Service as Said, SourceName,
};
use crate::deploy::health::{Check, Patience, Secret};
use crate::deploy::platform::Platform;
use crate::deploy::platform::api::Api;
use crate::deploy::platform::command::{Command, Lines};
use crate::deploy::platform::commit::Repository;
use crate::deploy::platform::railway::{self, Railway};
use crate::deploy::platform::vercel::{self, Vercel};
use crate::deploy::{Plan, Service, order};
use crate::error::Failure;
use crate::forge::web;
use crate::sys::env::Env;

/// What every command of a service sees of the environment.
const COMMON: [&str; 9] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "SHELL",
    "SSH_AUTH_SOCK",
    "TERM",
];

/// A plan with all that it speaks of.
pub(in crate::commands) struct Prepared {
    pub(in crate::commands) plan: Plan,
    pub(in crate::commands) platforms: BTreeMap<String, Box<dyn Platform>>,
    pub(in crate::commands) checks: BTreeMap<String, Vec<Check>>,
}

/// The environment of that name.
///
/// # Errors
/// Where there is none.
pub(in crate::commands) fn environment<'c>(
    deploy: &'c Deploy,
    name: &str,
) -> Result<&'c Environment> {
    deploy.environments.get(name).ok_or_else(|| {
        let known: Vec<&str> = deploy.environments.keys().map(String::as_str).collect();
        let failure = Failure::usage(format!("there is no environment `{name}`"));
        let hint = match known.is_empty() {
            true => {
                "`deploy:` in .github/ci-tool.yml says what is deployed where; `ci-tool config sketch` prints one to begin with"
                    .to_owned()
            }
            false => format!(
                "`deploy.environments` in .github/ci-tool.yml has {}",
                known.join(", ")
            ),
        };
        failure.hint(hint).into()
    })
}

/// What is deployed to an environment, in which order, and how.
///
/// # Errors
/// Where services need each other in a circle, or a variable is not set.
pub(in crate::commands) fn prepare(
    deploy: &Deploy,
    name: &str,
    commit: String,
    root: &Path,
    env: &Env,
) -> Result<Prepared> {
    let environment = environment(deploy, name)?;
    let is_address = |url: &String| url.starts_with("https://") || url.starts_with("http://");
    if let Some(url) = environment.url.as_ref().filter(|url| !is_address(url)) {
        let message = format!("`url` of the environment `{name}` is no address: {url}");
        return Err(Failure::usage(message)
            .hint("it begins with https://")
            .into());
    }
    let default = Here::default();
    let chosen: Vec<(&String, &Said, &Here)> = deploy
        .services
        .iter()
        .filter_map(|(service, said)| match environment.services.get(service) {
            Some(here) => Some((service, said, here)),
            None if environment.services.is_empty() => Some((service, said, &default)),
            None => None,
        })
        .collect();
    if chosen.is_empty() {
        return Err(Failure::usage(format!("nothing is deployed to `{name}`"))
            .hint("`deploy.services` in .github/ci-tool.yml names what is deployed: docs/deploy.md")
            .into());
    }
    let needs: Vec<(String, Vec<String>)> = chosen
        .iter()
        .map(|(service, said, _)| {
            // What is not deployed here is not waited for.
            let here = |need: &&String| chosen.iter().any(|(known, ..)| known == need);
            let needs = said.needs.iter().filter(here).cloned().collect();
            ((*service).clone(), needs)
        })
        .collect();
    let positions = order::order(&needs).map_err(|why| {
        Failure::usage(why).hint("`needs` in `deploy.services` of .github/ci-tool.yml says it")
    })?;
    let mut platforms: BTreeMap<String, Box<dyn Platform>> = BTreeMap::new();
    let mut checks = BTreeMap::new();
    let mut services = Vec::new();
    for at in positions {
        let (service, said, here) = chosen[at];
        check_written(service, said, here)?;
        let time_limit = Duration::from_secs(said.time_limit.unwrap_or(900).into());
        platforms.insert(
            service.clone(),
            platform(service, name, (said, here), time_limit, root, env)?,
        );
        let asked = here.health.iter().map(|health| check(health, service, env));
        checks.insert(service.clone(), asked.collect::<Result<_>>()?);
        services.push(Service {
            name: service.clone(),
            time_limit,
            poll: Duration::from_secs(2),
            health: Patience {
                times: here.times.unwrap_or(3),
                every: Duration::from_secs(here.every.unwrap_or(2).into()),
                within: Duration::from_secs(here.within.unwrap_or(120).into()),
            },
        });
    }
    let plan = Plan {
        environment: name.to_owned(),
        commit,
        services,
        soak: Duration::from_secs(environment.soak.unwrap_or(60).into()),
        soak_failures: 2,
        retry_for: Duration::from_secs(90),
        undo_for: Duration::from_secs(300),
    };
    Ok(Prepared {
        plan,
        platforms,
        checks,
    })
}

/// Where people find what is deployed, as far as it is said.
pub(super) fn url(deploy: &Deploy, environment: &str, plan: &Plan) -> Option<String> {
    let environment = deploy.environments.get(environment)?;
    let last = || environment.services.get(&plan.services.last()?.name);
    let asked = || web::start_page(&last()?.health.first()?.url);
    environment.url.clone().or_else(asked)
}

/// That nothing is left of what `ci-tool config sketch` has in capitals.
fn check_written(service: &str, said: &Said, here: &Here) -> Result<()> {
    let of_service = [
        ("id", &said.id),
        ("release", &said.release),
        ("live", &said.live),
        ("rollback", &said.rollback),
    ];
    let texts = of_service
        .into_iter()
        .chain([("alias", &here.alias)])
        .filter_map(|(key, text)| Some((key, text.as_ref()?)))
        .chain(here.health.iter().map(|health| ("health", &health.url)));
    for (key, text) in texts {
        if sketch::is_open(text) {
            return Err(Failure::usage(format!(
                "`{key}` of the service `{service}` is still what the sketch has: {text}"
            ))
            .hint("write what is in capitals in `deploy:` of .github/ci-tool.yml: docs/deploy.md")
            .into());
        }
    }
    Ok(())
}

fn platform(
    service: &str,
    environment: &str,
    (said, here): (&Said, &Here),
    time_limit: Duration,
    root: &Path,
    env: &Env,
) -> Result<Box<dyn Platform>> {
    let folder = said.folder.clone().unwrap_or_else(|| ".".to_owned());
    match said.platform {
        PlatformName::Command => {
            let mut variables: Vec<(String, String)> = COMMON
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), env.get(name)?.to_owned())))
                .collect();
            let mut secrets = Vec::new();
            for name in &said.variables {
                let value = env.get(name).ok_or_else(|| {
                    Failure::usage(format!(
                        "the variable {name}, which the commands of `{service}` see, is not set"
                    ))
                    .hint("a job has a secret only where its `env` gives it")
                })?;
                secrets.push(value.to_owned());
                variables.push((name.clone(), value.to_owned()));
            }
            Ok(Box::new(Command {
                service: service.to_owned(),
                environment: environment.to_owned(),
                lines: Lines {
                    release: said.release.clone().unwrap_or_default(),
                    live: said.live.clone().unwrap_or_default(),
                    rollback: said.rollback.clone().unwrap_or_default(),
                    status: said.status.clone(),
                    cancel: said.cancel.clone(),
                    promote: said.promote.clone(),
                },
                folder: root.to_owned(),
                variables,
                secrets,
                time_limit,
            }))
        }
        PlatformName::Railway => Ok(Box::new(Railway {
            api: api(
                ("Railway", railway::API, "CI_TOOL_RAILWAY_URL"),
                ("project-access-token", ""),
                said.token.as_deref().unwrap_or("RAILWAY_TOKEN"),
                (service, env),
            )?,
            service: said.id.clone().unwrap_or_default(),
            environment: here
                .environment
                .clone()
                .unwrap_or_else(|| environment.to_owned()),
            origin: match said.source.unwrap_or(SourceName::Upload) {
                SourceName::Repository => railway::Origin::Repository,
                SourceName::Upload => railway::Origin::Upload { folder },
                SourceName::Prebuilt => {
                    return Err(Failure::usage(format!(
                        "`source: prebuilt` of `{service}` is for `vercel`, and Railway builds itself"
                    ))
                    .into());
                }
            },
            repository: repository(root, env),
            place: OnceCell::new(),
            restored: RefCell::default(),
        })),
        PlatformName::Vercel => Ok(Box::new(Vercel {
            api: api(
                ("Vercel", vercel::API, "CI_TOOL_VERCEL_URL"),
                ("authorization", "Bearer "),
                said.token.as_deref().unwrap_or("VERCEL_TOKEN"),
                (service, env),
            )?,
            project: said.id.clone().unwrap_or_default(),
            team: said.team.clone(),
            alias: here.alias.clone(),
            origin: match said.source.unwrap_or(SourceName::Repository) {
                SourceName::Repository => vercel::Origin::Repository,
                SourceName::Upload => vercel::Origin::Upload { folder },
                SourceName::Prebuilt => vercel::Origin::Prebuilt { folder },
            },
            repository: repository(root, env),
            source: OnceCell::new(),
        })),
    }
}

/// What git needs to read a commit.
fn repository(root: &Path, env: &Env) -> Repository {
    Repository {
        root: root.canonicalize().unwrap_or_else(|_| root.to_owned()),
        variables: ["PATH", "HOME"]
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), env.get(name)?.to_owned())))
            .collect(),
    }
}

/// An API with the token of a variable: its name, its address, and the variable that names
/// another address.
fn api(
    (name, base, variable): (&'static str, &str, &str),
    header: (&'static str, &'static str),
    token: &str,
    (service, env): (&str, &Env),
) -> Result<Api> {
    let token = env.get(token).ok_or_else(|| {
        Failure::usage(format!(
            "the variable {token}, which holds the token for `{service}`, is not set"
        ))
        .hint("a job has a secret only where its `env` gives it")
    })?;
    let token = SecretString::from(token.trim().to_owned());
    let base = env.get(variable).unwrap_or(base);
    Api::new(name, base, header, token).map_err(|error| Failure::failed(error.to_string()).into())
}

fn check(health: &Health, service: &str, env: &Env) -> Result<Check> {
    let secret = health.secret.as_ref().map(|secret| {
        let variable = &secret.variable;
        let value = env.get(variable).map(str::trim);
        let value = value.filter(|value| !value.is_empty()).ok_or_else(|| {
            Failure::usage(format!(
                "the variable {variable}, which a health check of `{service}` sends, is not set"
            ))
            .hint("a job has a secret only where its `env` gives it")
        })?;
        anyhow::Ok(Secret {
            header: secret.header.clone(),
            value: SecretString::from(value.to_owned()),
        })
    });
    Ok(Check {
        secret: secret.transpose()?,
        status: health.status.clone(),
        json: health
            .json
            .iter()
            .map(|(path, value)| (path.clone(), value.clone()))
            .collect(),
        commit: health.commit.clone(),
        latency: health
            .latency
            .map(|most| Duration::from_millis(most.into())),
        certificate_days: health.certificate_days.map(i64::from),
        time_limit: Duration::from_secs(5),
        ..Check::new(&health.url)
    })
}

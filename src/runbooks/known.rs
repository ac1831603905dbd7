//! What runbooks are made of: the repository and its configuration.

use std::collections::BTreeMap;

use super::hosts::{self, Host};
use crate::config::Config;
use crate::config::deploy::{Environment, PlatformName};
use crate::project::model::{Component, Evidence, Need, Platform, Project, Role, StepKind, Task};

/// What is known of a repository.
#[derive(Debug)]
pub struct Known<'a> {
    /// What was detected.
    pub project: &'a Project,
    /// What the configuration says.
    pub config: &'a Config,
}

/// Something that is deployed by itself.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) name: String,
    /// Where it runs, where that is known.
    pub(super) host: Option<&'static Host>,
    /// What says so.
    pub(super) source: String,
}

/// A database or its like.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) name: String,
    pub(super) component: String,
    pub(super) evidence: Option<Evidence>,
}

/// How a component's schema is changed.
#[derive(Debug)]
pub(super) struct Migrations<'a> {
    pub(super) component: &'a str,
    pub(super) tool: Tool,
    pub(super) folder: &'a str,
}

/// What changes schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Alembic,
    Django,
    Prisma,
    Other,
}

impl Known<'_> {
    /// Whether `ci-tool deploy` knows what goes where.
    pub(super) fn deploys(&self) -> bool {
        !self.config.deploy.services.is_empty()
    }

    /// What is deployed: by the configuration, else by the files of platforms.
    pub(super) fn places(&self) -> Vec<Place> {
        if !self.deploys() {
            // A file that belongs to a component says more than one at the root; what needs
            // others comes after them.
            let mut platforms: Vec<_> = self.project.platforms.iter().collect();
            platforms.sort_by_key(|one| (one.component.is_none(), self.is_frontend(one)));
            let mut places: Vec<Place> = Vec::new();
            for platform in platforms {
                let Some(host) = hosts::host(&platform.platform) else {
                    continue;
                };
                let is_known = |one: &Place| match &platform.component {
                    Some(name) => one.name == *name,
                    None => one.host.is_some_and(|known| known.title == host.title),
                };
                if !places.iter().any(is_known) {
                    let name = platform.component.clone();
                    places.push(Place {
                        name: name.unwrap_or_else(|| host.title.to_owned()),
                        host: Some(host),
                        source: format!("{}:{}", platform.path, platform.line),
                    });
                }
            }
            return places;
        }
        // What is needed comes first, as it is deployed.
        let services = &self.config.deploy.services;
        let mut order: Vec<&String> = Vec::new();
        while order.len() < services.len() {
            let next = services.iter().find(|(name, service)| {
                !order.contains(name) && service.needs.iter().all(|need| order.contains(&need))
            });
            // Services that need each other are refused elsewhere.
            let Some((name, _)) = next else { break };
            order.push(name);
        }
        order
            .into_iter()
            .map(|name| Place {
                name: name.clone(),
                host: match services[name].platform {
                    PlatformName::Railway => hosts::host("railway"),
                    PlatformName::Vercel => hosts::host("vercel"),
                    PlatformName::Command => None,
                },
                source: ".github/ci-tool.yml".to_owned(),
            })
            .collect()
    }

    /// The environments, production last.
    pub(super) fn environments(&self) -> Vec<(&str, &Environment)> {
        let all = self.config.deploy.environments.iter();
        let mut all: Vec<(&str, &Environment)> =
            all.map(|(name, one)| (name.as_str(), one)).collect();
        all.sort_by_key(|(name, _)| (name.starts_with("prod"), *name));
        all
    }

    /// The environment that users see: production, or the last that is known.
    pub(super) fn production(&self) -> &str {
        self.environments()
            .last()
            .map_or("production", |(name, _)| name)
    }

    /// The addresses that are asked after a deployment: environment, service, address.
    pub(super) fn addresses(&self) -> Vec<(&str, &str, &str)> {
        let mut all = Vec::new();
        for (name, environment) in self.environments() {
            for (service, here) in &environment.services {
                let urls = here.health.iter().map(|health| health.url.as_str());
                all.extend(urls.map(|url| (name, service.as_str(), url)));
            }
        }
        all
    }

    /// Databases and their like that applications need.
    pub(super) fn stores(&self) -> Vec<Store> {
        let mut all: Vec<Store> = Vec::new();
        for component in self.applications() {
            for service in &component.services {
                let is_needed = service
                    .needed_by
                    .iter()
                    .any(|need| matches!(need, Need::App | Need::Migrations));
                if is_needed && all.iter().all(|one| one.name != service.name) {
                    all.push(Store {
                        name: service.name.clone(),
                        component: component.name.clone(),
                        evidence: service.evidence.first().cloned(),
                    });
                }
            }
        }
        all
    }

    fn is_frontend(&self, platform: &Platform) -> bool {
        let components = &self.project.components;
        let own = components
            .iter()
            .find(|one| Some(&one.name) == platform.component.as_ref());
        own.is_some_and(|one| one.role == Role::Frontend)
    }

    fn applications(&self) -> impl Iterator<Item = &Component> {
        self.project.components.iter()
    }

    /// How schemas are changed.
    pub(super) fn migrations(&self) -> Vec<Migrations<'_>> {
        let mut all: Vec<Migrations<'_>> = Vec::new();
        for component in self.applications() {
            let step = component
                .steps
                .iter()
                .find(|step| step.kind == StepKind::Migrations);
            let Some(step) = step else { continue };
            let run = &step.command.run;
            let tool = match () {
                () if run.contains("alembic") => Tool::Alembic,
                () if run.contains("manage.py") => Tool::Django,
                () if run.contains("prisma") => Tool::Prisma,
                () => Tool::Other,
            };
            all.push(Migrations {
                component: &component.name,
                tool,
                folder: &step.command.directory,
            });
        }
        all
    }

    /// Variables whose names say that they are secret: who reads them, and where.
    pub(super) fn secrets(&self) -> BTreeMap<&str, Vec<(&str, &Evidence)>> {
        let mut all: BTreeMap<&str, Vec<(&str, &Evidence)>> = BTreeMap::new();
        for component in self.applications() {
            for variable in &component.environment {
                let reads = variable.needed_by.contains(&Need::App);
                if let Some(place) = variable.evidence.first()
                    && is_secret(&variable.name)
                    && reads
                {
                    let readers = all.entry(variable.name.as_str()).or_default();
                    readers.push((component.name.as_str(), place));
                }
            }
        }
        all
    }

    /// The first workflow that does something.
    pub(super) fn workflow(&self, task: Task) -> Option<&str> {
        let does = |workflow: &&crate::project::model::Workflow| {
            workflow.does.iter().any(|doing| doing.task == task)
        };
        let found = self.project.workflows.iter().find(does)?;
        Some(found.path.as_str())
    }
}

fn is_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let words = [
        "SECRET",
        "TOKEN",
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "API_KEY",
        "APIKEY",
        "PRIVATE_KEY",
        "_DSN",
        "CREDENTIAL",
        "DATABASE_URL",
        "REDIS_URL",
        "MONGO",
    ];
    let is_public = upper.starts_with("NEXT_PUBLIC_")
        || upper.starts_with("VITE_")
        || upper.contains("PUBLISHABLE");
    !is_public && (words.iter().any(|word| upper.contains(word)) || upper.ends_with("_KEY"))
}

//! A first `deploy:` for what is in a repository: `ci-tool config sketch`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::config::Loaded;
use crate::project::model::{Component, Platform, Project, Role};

/// What stands where a person has to write.
const SERVICE: &str = "SERVICE-ID";
const PROJECT: &str = "PROJECT-ID";
const SCRIPT: &str = "SCRIPT ";
const DOMAIN: &str = "DOMAIN.example.com";
const ADDRESS: &str = "ADDRESS.example.com";

/// Whether a person still has to write what stands here.
pub(super) fn is_open(text: &str) -> bool {
    [SERVICE, PROJECT, DOMAIN].contains(&text) || text.starts_with(SCRIPT) || text.contains(ADDRESS)
}

/// `deploy:` for a project, with the environments of its configuration.
pub(in crate::commands) fn of(project: &Project, loaded: &Loaded) -> String {
    let environments = loaded.config.generate.environments.clone();
    let usual = || vec!["staging".to_owned(), "production".to_owned()];
    sketch(project, &environments.unwrap_or_else(usual))
}

/// `deploy:` with what is known of a project, and capitals where a person has to write.
fn sketch(project: &Project, environments: &[String]) -> String {
    let mut services: Vec<(&Component, &str)> = project
        .components
        .iter()
        .filter(|component| component.role != Role::Library)
        .map(|component| (component, platform(project, component)))
        .collect();
    // A component that is only tools is deployed by nobody.
    let known = services.iter().any(|(_, platform)| *platform != "command");
    if known {
        services.retain(|(_, platform)| *platform != "command");
    }
    let backends: BTreeSet<&str> = services
        .iter()
        .filter(|(component, _)| component.role == Role::Backend)
        .map(|(component, _)| component.name.as_str())
        .collect();
    let mut out = String::from(
        "# A sketch from what is in the repository: write what is in capitals. docs/deploy.md\ndeploy:\n  services:\n",
    );
    for (component, platform) in &services {
        let _ = writeln!(out, "    {}:\n      platform: {platform}", name(component));
        if component.role == Role::Frontend && !backends.is_empty() {
            let names: Vec<String> = services
                .iter()
                .filter(|(other, _)| backends.contains(other.name.as_str()))
                .map(|(other, _)| name(other))
                .collect();
            let _ = writeln!(out, "      needs: [{}]", names.join(", "));
        }
        match *platform {
            "railway" => {
                let _ = writeln!(out, "      id: {SERVICE} # railway status --json tells it");
                if component.root != "." {
                    let _ = writeln!(out, "      folder: {:?}", component.root);
                }
            }
            "vercel" => {
                let _ = writeln!(out, "      id: {PROJECT} # .vercel/project.json has it");
            }
            _ => {
                for command in ["release", "live", "rollback"] {
                    let _ = writeln!(out, "      {command}: {SCRIPT}{command}");
                }
            }
        }
    }
    out.push_str("  environments:\n");
    for (at, environment) in environments.iter().enumerate() {
        let _ = writeln!(out, "    {environment}:\n      services:");
        let is_last = at + 1 == environments.len();
        for (component, platform) in &services {
            let path = if component.role == Role::Backend {
                "health"
            } else {
                ""
            };
            let _ = writeln!(out, "        {}:", name(component));
            if *platform == "vercel" && !is_last {
                let _ = writeln!(
                    out,
                    "          alias: {DOMAIN} # without it this is production"
                );
            }
            let _ = writeln!(
                out,
                "          health: [{{url: \"https://{ADDRESS}/{path}\"}}]"
            );
        }
    }
    out
}

/// What a component runs on; by commands where no file of a platform says so.
fn platform(project: &Project, component: &Component) -> &'static str {
    let says = |platform: &&Platform| match &platform.component {
        Some(name) => *name == component.name,
        // A file at the root, and a component of the sort that goes there.
        None => match platform.platform.as_str() {
            "vercel" => component.role == Role::Frontend,
            _ => component.role == Role::Backend,
        },
    };
    let platforms = project.platforms.iter().filter(says);
    let mut names = platforms.map(|platform| platform.platform.as_str());
    match names.find(|name| matches!(*name, "railway" | "vercel")) {
        Some("railway") => "railway",
        Some(_) => "vercel",
        None => "command",
    }
}

/// A component's name as that of a service.
fn name(component: &Component) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    component
        .name
        .chars()
        .map(|c| if plain(c) { c } else { '-' })
        .collect()
}

//! What Dependabot can update, and where. Names after GitHub's reference of
//! `dependabot.yml`.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::project::model::{Component, Language, Project};
use crate::project::path;

/// The folders of one ecosystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Update {
    /// Dependabot's name of the ecosystem.
    pub ecosystem: String,
    /// The group's name in titles of pull requests.
    pub group: String,
    /// The folders, with the slash before them.
    pub directories: Vec<String>,
}

/// Every ecosystem with its folders, by name.
pub(super) fn updates(project: &Project) -> Vec<Update> {
    let mut found: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut add = |ecosystem: &'static str, folder: &str| {
        found
            .entry(ecosystem)
            .or_default()
            .insert(directory(folder));
    };
    // The workflows that are generated use actions.
    add("github-actions", ".");
    for component in &project.components {
        // Packages of a workspace share the lock file above them.
        let folder = component
            .workspace
            .as_ref()
            .map_or(component.root.as_str(), |workspace| workspace.root.as_str());
        add(ecosystem(component), folder);
    }
    for container in &project.containers {
        add("docker", path::parent(&container.path));
    }
    for compose in &project.compose {
        if compose
            .services
            .iter()
            .any(|service| service.image.is_some())
        {
            add("docker-compose", path::parent(&compose.path));
        }
    }
    found
        .into_iter()
        .map(|(ecosystem, directories)| Update {
            ecosystem: ecosystem.to_owned(),
            group: group(ecosystem).to_owned(),
            directories: directories.into_iter().collect(),
        })
        .collect()
}

fn ecosystem(component: &Component) -> &'static str {
    let manager = component
        .package_manager
        .as_ref()
        .map_or("", |manager| manager.value.as_str());
    match (component.language, manager) {
        (Language::Python, "uv") => "uv",
        // Pipenv and Poetry are its as well.
        (Language::Python, _) => "pip",
        (Language::Node, "bun") => "bun",
        // Yarn and pnpm are its as well.
        (Language::Node, _) => "npm",
        (Language::Go, _) => "gomod",
        (Language::Rust, _) => "cargo",
        (Language::Java, "gradle") => "gradle",
        (Language::Java, _) => "maven",
        (Language::Ruby, _) => "bundler",
        (Language::Php, _) => "composer",
        (Language::Dotnet, _) => "nuget",
    }
}

fn group(ecosystem: &str) -> &str {
    match ecosystem {
        "github-actions" => "actions",
        "docker" | "docker-compose" => "images",
        other => other,
    }
}

fn directory(folder: &str) -> String {
    match folder {
        "." | "" => "/".to_owned(),
        folder => format!("/{folder}"),
    }
}

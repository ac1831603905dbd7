//! The files that a component's job depends on.

use crate::project::model::{Component, Language, Project};
use crate::project::path;

/// The component's folder and what it depends on outside it, as git pathspecs;
/// for a component at the root everything but the other components' folders.
pub(super) fn paths(component: &Component, project: &Project) -> Vec<String> {
    let mut paths = vec![component.root.clone()];
    if component.root == "." {
        let others = project
            .components
            .iter()
            .map(|other| other.root.as_str())
            .filter(|root| *root != ".")
            .filter(|root| {
                !component
                    .also_depends_on
                    .iter()
                    .any(|needed| path::is_within(needed, root))
            });
        paths.extend(others.map(|root| format!(":(exclude){root}")));
    } else {
        for needed in &component.also_depends_on {
            if !path::is_within(needed, &component.root) && !paths.contains(needed) {
                paths.push(needed.clone());
            }
        }
    }
    paths
}

/// Set-up actions can read the version where the project keeps it, so that it
/// is said once. Files in other formats give the version itself.
pub(super) fn version_file(component: &Component) -> Option<String> {
    let file = &component.version.as_ref()?.evidence.first()?.path;
    let readable: &[&str] = match component.language {
        Language::Python => &[".python-version"],
        Language::Node => &[".nvmrc", ".node-version"],
        Language::Go => &["go.mod", "go.work"],
        Language::Rust => &["rust-toolchain.toml", "rust-toolchain"],
        Language::Java => &[".java-version"],
        Language::Ruby => &[],
        Language::Php => &[],
        Language::Dotnet => &["global.json"],
    };
    readable.contains(&path::name(file)).then(|| file.clone())
}

/// The files that decide about what a job caches.
pub(super) fn cache_files(component: &Component) -> Vec<String> {
    let mut files: Vec<String> = component
        .lock_file
        .iter()
        .map(|lock| lock.path.clone())
        .collect();
    if files.is_empty() {
        files.push(component.manifest.path.clone());
        for command in &component.install {
            if !files.contains(&command.evidence.path) {
                files.push(command.evidence.path.clone());
            }
        }
    }
    files
}

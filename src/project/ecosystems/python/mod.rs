//! Python components: found by their manifests, described by what their files
//! and sources say.

mod environment;
mod manager;
mod manifest;
mod requirements;
mod setup;
mod source;
mod steps;
mod test_needs;
mod version;

use std::collections::BTreeSet;

use self::manifest::Manifests;
use self::source::Sources;
use crate::project::Survey;
use crate::project::model::{Component, Fact, Language, Role, Workspace};
use crate::project::path;

/// Frameworks by the package that brings them, the one that says most first.
const FRAMEWORKS: [(&str, &str); 10] = [
    ("fastapi", "fastapi"),
    ("django", "django"),
    ("litestar", "litestar"),
    ("flask", "flask"),
    ("sanic", "sanic"),
    ("starlette", "starlette"),
    ("quart", "quart"),
    ("falcon", "falcon"),
    ("aiohttp", "aiohttp"),
    ("tornado", "tornado"),
];

/// Packages that only something that runs has.
const RUNNERS: [&str; 6] = [
    "uvicorn",
    "gunicorn",
    "celery",
    "hypercorn",
    "uwsgi",
    "granian",
];

/// Folders whose requirements serve another component.
const SIDE_FOLDERS: [&str; 24] = [
    "docs",
    "doc",
    "documentation",
    "scripts",
    "script",
    "tools",
    "deploy",
    "deployment",
    "ci",
    "test",
    "tests",
    "requirements",
    "reqs",
    "docker",
    "bench",
    "benchmark",
    "benchmarks",
    "notebooks",
    "infra",
    "ops",
    "build",
    "etc",
    "config",
    "hack",
];

/// Finds every Python component.
pub(super) fn detect(survey: &Survey<'_>) -> Vec<Component> {
    let tree = survey.tree;
    let roots = candidates(survey);
    roots
        .iter()
        .filter_map(|root| {
            let manifests = Manifests::read(tree, root)?;
            let nested: Vec<&str> = roots
                .iter()
                .map(String::as_str)
                .filter(|other| *other != root && path::is_within(other, root))
                .collect();
            let sources = Sources::read(tree, root, &nested);
            describe(survey, &manifests, &sources)
        })
        .collect()
}

/// Folders with a manifest that can be a component's.
fn candidates(survey: &Survey<'_>) -> Vec<String> {
    let tree = survey.tree;
    let mut roots = BTreeSet::new();
    for file in tree.files() {
        let name = path::name(file);
        let folder = path::parent(file);
        let root = match name {
            "pyproject.toml" | "Pipfile" | "setup.py" => folder,
            "setup.cfg" => folder,
            _ if is_requirement_file(name) => {
                if matches!(path::name(folder), "requirements" | "reqs") {
                    path::parent(folder)
                } else {
                    folder
                }
            }
            // `requirements/base.txt`
            _ if path::name(folder) == "requirements" && name.ends_with(".txt") => {
                path::parent(folder)
            }
            _ => continue,
        };
        // `{{cookiecutter.name}}` is a template of a component.
        if path::is_sample(root)
            || root.contains('{')
            || root
                .split('/')
                .any(|part| part.starts_with('.') && part != ".")
        {
            continue;
        }
        let by_requirements_only = !matches!(name, "pyproject.toml" | "Pipfile" | "setup.py");
        if by_requirements_only && root != "." && SIDE_FOLDERS.contains(&path::name(root)) {
            continue;
        }
        roots.insert(root.to_owned());
    }
    let has_sources = |root: &str| tree.under(root).any(|file| file.ends_with(".py"));
    roots.into_iter().filter(|root| has_sources(root)).collect()
}

fn is_requirement_file(name: &str) -> bool {
    name.ends_with(".txt") && name.contains("requirements")
}

fn describe(survey: &Survey<'_>, manifests: &Manifests, sources: &Sources) -> Option<Component> {
    let root = manifests.root.as_str();
    // A folder whose code all belongs to nested components is only their shelf.
    if sources.files.is_empty() {
        return None;
    }
    let framework = FRAMEWORKS.iter().find_map(|(package, id)| {
        let dependency = manifests.runs_on(package)?;
        Some(Fact::new((*id).to_owned(), dependency.evidence.clone()))
    });
    let is_django = sources.manage.is_some() && manifests.runs_on("django").is_some();
    let runs = framework.is_some() && (is_django || sources.application.is_some())
        || RUNNERS.iter().any(|name| manifests.runs_on(name).is_some())
            && sources.application.is_some();
    let role = if runs { Role::Backend } else { Role::Library };
    let mut component = Component::new(root, Language::Python, role, manifests.main.clone());
    if root == "." {
        component.name = manifests.name.clone().unwrap_or_else(|| ".".to_owned());
    }
    component.framework = framework.filter(|_| runs);
    version::decide(survey, manifests, &mut component);
    component.package_manager = Some(manifests.manager.clone());
    component
        .package_manager_version
        .clone_from(&manifests.manager_version);
    component.lock_file.clone_from(&manifests.lock);
    component.workspace = manifests.workspace.as_ref().map(|root| Workspace {
        root: root.clone(),
        tool: "uv".to_owned(),
        runner: None,
    });
    component.also_depends_on.clone_from(&manifests.outside);
    if let (Some(root), Some(lock)) = (&manifests.workspace, &manifests.lock) {
        component.also_depends_on.push(lock.path.clone());
        component
            .also_depends_on
            .push(path::join(root, "pyproject.toml"));
    }
    for (command, evidence) in &manifests.install {
        component.add_install(command, root, evidence.clone());
    }
    if matches!(
        manifests.manager.value.as_str(),
        "poetry" | "uv" | "pdm" | "pipenv"
    ) && manifests.lock.is_none()
    {
        let manager = &manifests.manager.value;
        component.add_gap(
            "lock-file",
            format!("there is no lock file of {manager}, so every run may install something else"),
            format!("commit what `{manager} lock` writes"),
        );
    }
    steps::add(survey, manifests, sources, &mut component);
    environment::add(survey.tree, manifests, sources, &mut component);
    Some(component)
}

#[cfg(test)]
mod tests;

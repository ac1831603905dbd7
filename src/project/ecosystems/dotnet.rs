//! .NET components: a solution, or a project outside one.

use super::minor_version;
use crate::project::Survey;
use crate::project::defaults;
use crate::project::model::{Component, Evidence, Fact, Language, Role, StepKind};
use crate::project::path;

pub(super) fn detect(survey: &Survey<'_>) -> Vec<Component> {
    let tree = survey.tree;
    let ends = |file: &str, ends: &[&str]| ends.iter().any(|end| file.ends_with(end));
    let solutions: Vec<&str> = tree
        .files()
        .iter()
        .map(String::as_str)
        .filter(|file| ends(file, &[".sln", ".slnx"]) && !path::is_sample(file))
        .collect();
    let projects: Vec<&str> = tree
        .files()
        .iter()
        .map(String::as_str)
        .filter(|file| ends(file, &[".csproj", ".fsproj", ".vbproj"]) && !path::is_sample(file))
        .collect();
    let mut roots: Vec<(&str, &str)> = Vec::new();
    for file in solutions.iter().chain(&projects) {
        let folder = path::parent(file);
        let is_covered = roots.iter().any(|(root, _)| path::is_within(folder, root));
        if !is_covered {
            roots.push((folder, file));
        }
    }
    roots
        .into_iter()
        .filter_map(|(root, file)| describe(survey, root, file, &projects))
        .collect()
}

fn describe(survey: &Survey<'_>, root: &str, file: &str, projects: &[&str]) -> Option<Component> {
    let tree = survey.tree;
    let own: Vec<(&str, std::sync::Arc<str>)> = projects
        .iter()
        .filter(|project| path::is_within(project, root))
        .filter_map(|project| Some((*project, tree.text(project)?)))
        .collect();
    if own.is_empty() {
        return None;
    }
    let find = |word: &str| {
        own.iter().find_map(|(file, text)| {
            let at = text.lines().position(|line| line.contains(word))?;
            Some((
                Evidence::new(*file, at + 1),
                text.lines().nth(at)?.to_owned(),
            ))
        })
    };
    let framework =
        find("Microsoft.NET.Sdk.Web").map(|(evidence, _)| Fact::new("aspnet".to_owned(), evidence));
    let role = if framework.is_some() {
        Role::Backend
    } else {
        Role::Library
    };
    let mut component = Component::new(root, Language::Dotnet, role, Evidence::new(file, 1));
    if root == "." {
        let name = path::name(file);
        component.name = name
            .rsplit_once('.')
            .map_or(name, |(name, _)| name)
            .to_owned();
    }
    component.framework = framework;
    let mut claims: Vec<(String, Evidence)> = Vec::new();
    if let Some(global) = tree.nearest(root, "global.json")
        && let Some(entry) = tree
            .json(&global)
            .as_ref()
            .and_then(|node| node.entry_at(&["sdk", "version"]))
        && let Some(version) = entry.node.str()
    {
        claims.push((minor_version(version), Evidence::new(&global, entry.line)));
    }
    claims.extend(survey.image_versions(root, &["dotnet"]));
    if let Some((evidence, line)) = find("<TargetFramework>net") {
        let version = line
            .split_once("<TargetFramework>net")
            .map_or("", |(_, after)| after);
        claims.push((minor_version(version), evidence));
    }
    component.version =
        Fact::decide(claims).or_else(|| Some(Fact::assumed(defaults::DOTNET.to_owned())));
    component.package_manager = Some(Fact::new("dotnet".to_owned(), Evidence::new(file, 1)));
    let lock = tree
        .under(root)
        .find(|file| path::name(file) == "packages.lock.json")
        .map(str::to_owned);
    let restore = if lock.is_some() {
        "dotnet restore --locked-mode"
    } else {
        "dotnet restore"
    };
    component.lock_file = lock.map(|lock| Evidence::new(lock, 1));
    component.add_install(
        restore,
        root,
        component
            .lock_file
            .clone()
            .unwrap_or_else(|| Evidence::new(file, 1)),
    );
    component.add_step(
        StepKind::Build,
        "Build",
        "dotnet build --no-restore",
        Evidence::new(file, 1),
    );
    match find("Microsoft.NET.Test.Sdk")
        .or_else(|| find("MSTest.Sdk"))
        .or_else(|| find("xunit.v3"))
    {
        Some((evidence, _)) => {
            component.add_step(StepKind::Test, "Test", "dotnet test --no-build", evidence)
        }
        None => component.add_gap(
            "test",
            "there is no test project",
            "add one with `dotnet new xunit`",
        ),
    }
    Some(component)
}

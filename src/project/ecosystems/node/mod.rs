//! Node components: packages that are an application, a service, or have
//! something to prove.

mod manager;
mod package;
mod steps;
mod version;

use std::collections::{BTreeSet, HashMap};

use self::manager::Manager;
use self::package::{Package, Workspace};
use crate::project::Survey;
use crate::project::model::{self, Component, Fact, Language, Role};
use crate::project::path;

/// Frameworks shown in a browser, the one that says most first.
const FRONTENDS: [(&str, &str); 19] = [
    ("next", "next"),
    ("nuxt", "nuxt"),
    ("@sveltejs/kit", "sveltekit"),
    ("astro", "astro"),
    ("@angular/core", "angular"),
    ("@remix-run/react", "remix"),
    ("@react-router/dev", "react-router"),
    ("@tanstack/react-start", "tanstack-start"),
    ("gatsby", "gatsby"),
    ("react-scripts", "cra"),
    ("@vue/cli-service", "vue-cli"),
    ("@builder.io/qwik", "qwik"),
    ("@ionic/react", "ionic-react"),
    ("@solidjs/start", "solid-start"),
    ("ember-cli", "ember"),
    ("preact-cli", "preact"),
    ("@11ty/eleventy", "eleventy"),
    ("laravel-vite-plugin", "vite"),
    ("vite", "vite"),
];

/// Libraries of what a browser shows: with a bundler they make a frontend.
const VIEWS: [&str; 8] = [
    "react",
    "react-dom",
    "vue",
    "svelte",
    "preact",
    "solid-js",
    "lit",
    "@angular/core",
];

/// Frameworks that serve.
const BACKENDS: [(&str, &str); 14] = [
    ("@nestjs/core", "nest"),
    ("express", "express"),
    ("fastify", "fastify"),
    ("hono", "hono"),
    ("koa", "koa"),
    ("@hapi/hapi", "hapi"),
    ("@apollo/server", "apollo"),
    ("apollo-server", "apollo"),
    ("@adonisjs/core", "adonis"),
    ("elysia", "elysia"),
    ("restify", "restify"),
    ("@feathersjs/feathers", "feathers"),
    ("@trpc/server", "trpc"),
    ("nitropack", "nitro"),
];

/// Packages that only help people to commit: alone they make no component.
const TOOLING: [&str; 12] = [
    "husky",
    "lint-staged",
    "prettier",
    "commitlint",
    "semantic-release",
    "turbo",
    "nx",
    "lerna",
    "concurrently",
    "npm-run-all",
    "changesets",
    "lefthook",
];

/// Folders of sites about a project.
const SITES: [&str; 5] = ["docs", "doc", "documentation", "website", "www-docs"];

/// Finds every Node component.
pub(super) fn detect(survey: &Survey<'_>) -> Vec<Component> {
    let tree = survey.tree;
    let packages: Vec<Package> = tree
        .named("package.json")
        .map(path::parent)
        .filter(|folder| !path::is_sample(folder) && !folder.contains('{'))
        .filter(|folder| *folder == "." || !folder.split('/').any(|part| part.starts_with('.')))
        .filter_map(|folder| Package::read(tree, folder))
        .collect();
    let workspaces: Vec<Workspace> = packages
        .iter()
        .filter_map(|package| Workspace::read(tree, &package.root))
        .collect();
    let by_name: HashMap<&str, &Package> = packages
        .iter()
        .filter_map(|package| Some((package.name()?, package)))
        .collect();
    let mut components: Vec<Component> = packages
        .iter()
        .filter_map(|package| describe(survey, package, &workspaces, &by_name))
        .collect();
    // A site about the project is a component only where nothing else is.
    let is_site = |component: &Component| {
        let first = component.root.split('/').next().unwrap_or_default();
        SITES.contains(&first) || path::name(&component.root) == "docs"
    };
    if components.iter().any(|component| !is_site(component)) {
        components.retain(|component| !is_site(component));
    }
    components
}

fn describe(
    survey: &Survey<'_>,
    package: &Package,
    workspaces: &[Workspace],
    by_name: &HashMap<&str, &Package>,
) -> Option<Component> {
    let tree = survey.tree;
    let root = package.root.as_str();
    let workspace = workspaces
        .iter()
        .filter(|workspace| workspace.includes(root))
        .max_by_key(|workspace| workspace.root.len());
    let own_workspace = workspaces.iter().find(|workspace| workspace.root == root);
    let (role, framework) = classify(survey, package);
    let is_application = framework.is_some();
    let has_tests = package.script("test").is_some_and(|(text, _)| {
        !text.contains("no test specified")
            && !text.starts_with("turbo")
            && !text.starts_with("nx ")
            && !text.contains("lerna ")
    });
    let has_build = package
        .script("build")
        .is_some_and(|(text, _)| !text.starts_with("turbo") && !text.starts_with("nx "));
    if own_workspace.is_some() && !is_application && !has_own_sources(survey, package, workspaces) {
        return None;
    }
    let only_tooling = package.dependencies().all(|name| {
        TOOLING.iter().any(|tool| name.contains(tool))
            || name.contains("eslint")
            || name.starts_with("@types/")
    });
    let starts = ["start", "dev", "lint"]
        .iter()
        .any(|name| package.script(name).is_some());
    let has_dependencies = package.dependencies().next().is_some();
    // A package without any dependency may get its tools from the workspace's root.
    let is_tooling = only_tooling && !has_tests && (has_dependencies || !has_build);
    let does_nothing = !has_tests && !has_build && !starts;
    if !is_application && (is_tooling || does_nothing) {
        return None;
    }
    // Beside another language's manifest a package.json mostly builds its assets.
    let beside_other = [
        "manage.py",
        "Gemfile",
        "composer.json",
        "go.mod",
        "mix.exs",
        "pyproject.toml",
        "requirements.txt",
        "Cargo.toml",
    ]
    .iter()
    .any(|file| tree.contains(&path::join(root, file)));
    if beside_other && !is_application && !has_tests {
        return None;
    }
    let has_own_lock = [
        "package-lock.json",
        "pnpm-lock.yaml",
        "yarn.lock",
        "bun.lock",
        "bun.lockb",
    ]
    .iter()
    .any(|file| tree.contains(&path::join(root, file)));
    let install_root = match workspace {
        Some(workspace) if !has_own_lock => workspace.root.as_str(),
        _ => root,
    };
    let manager = Manager::decide(survey, install_root, package);
    let evidence = model::Evidence::new(&package.path, 1);
    let mut component = Component::new(root, Language::Node, role, evidence.clone());
    if root == "." {
        component.name = package
            .name()
            .map(|name| path::name(name).to_owned())
            .unwrap_or_else(|| ".".to_owned());
    }
    component.framework = framework;
    version::decide(survey, package, install_root, &mut component);
    if install_root != root {
        component.workspace = Some(model::Workspace {
            root: install_root.to_owned(),
            tool: manager.id.value.clone(),
            runner: workspace.and_then(|workspace| workspace.runner.clone()),
        });
        component
            .also_depends_on
            .push(path::join(install_root, "package.json"));
        component
            .also_depends_on
            .extend(manager.lock.iter().map(|lock| lock.path.clone()));
        for name in [
            "pnpm-workspace.yaml",
            "turbo.json",
            "nx.json",
            "tsconfig.base.json",
            "tsconfig.json",
            ".npmrc",
        ] {
            let file = path::join(install_root, name);
            if tree.contains(&file) {
                component.also_depends_on.push(file);
            }
        }
    }
    component.add_install(
        manager.install(),
        install_root,
        manager.lock.clone().unwrap_or_else(|| evidence.clone()),
    );
    if manager.lock.is_none() {
        let without_name = manager.id.value.trim_end_matches("-berry").to_owned();
        component.add_gap(
            "lock-file",
            "there is no lock file, so every run may install something else",
            format!("commit what `{without_name} install` writes"),
        );
    }
    add_workspace_builds(
        survey,
        package,
        &manager,
        install_root,
        by_name,
        &mut component,
    );
    steps::add(survey, package, &manager, &mut component);
    component.package_manager = Some(manager.id);
    component.package_manager_version = manager.version;
    component.lock_file = manager.lock;
    Some(component)
}

/// Whether a workspace's root is a package with code of its own.
fn has_own_sources(survey: &Survey<'_>, package: &Package, workspaces: &[Workspace]) -> bool {
    let uses_runner = ["build", "test", "dev"].iter().any(|name| {
        package.script(name).is_some_and(|(text, _)| {
            [
                "turbo",
                "nx ",
                "lerna",
                "--workspaces",
                " -ws",
                "-r ",
                "--recursive",
                "workspaces foreach",
                "--filter",
            ]
            .iter()
            .any(|word| text.contains(word))
        })
    });
    !uses_runner
        && survey.tree.under(&package.root).any(|file| {
            let is_source = [".ts", ".tsx", ".js", ".jsx"]
                .iter()
                .any(|end| file.ends_with(end));
            let in_source_folder = path::relative(&package.root, file).starts_with("src/");
            is_source
                && in_source_folder
                && !workspaces
                    .iter()
                    .any(|workspace| workspace.includes(path::parent(file)))
        })
}

fn classify(survey: &Survey<'_>, package: &Package) -> (Role, Option<Fact<String>>) {
    // Backstage's packages say what they are.
    if let Some((role, evidence)) = package.text(&["backstage", "role"]) {
        let framework = || Some(Fact::new("backstage".to_owned(), evidence));
        match role.as_str() {
            "frontend" => return (Role::Frontend, framework()),
            "backend" => return (Role::Backend, framework()),
            _ => {}
        }
    }
    let fact = |id: &str, evidence: model::Evidence| Some(Fact::new(id.to_owned(), evidence));
    let is_published_view = package.get(&["peerDependencies", "react"]).is_some()
        || package.get(&["peerDependencies", "vue"]).is_some();
    for (name, id) in FRONTENDS {
        let Some((_, evidence)) = package.dependency(name) else {
            continue;
        };
        let is_there = |file: &str| survey.tree.contains(&path::join(&package.root, file));
        let shows_nothing = match id {
            // Vite alone also runs tests and bundles libraries.
            "vite" if name == "vite" => {
                let has_view = VIEWS
                    .iter()
                    .any(|view| package.runtime_dependency(view).is_some());
                !(has_view || is_there("index.html")) || is_published_view
            }
            "next" | "astro" | "gatsby" => {
                package.runtime_dependency(name).is_none() && is_published_view
            }
            "angular" => !is_there("angular.json") && package.script("start").is_none(),
            _ => false,
        };
        if shows_nothing {
            continue;
        }
        return (Role::Frontend, fact(id, evidence));
    }
    for (name, id) in BACKENDS {
        let runs = ["start", "dev", "serve", "start:dev", "start:prod"]
            .iter()
            .any(|script| package.script(script).is_some());
        let starts_main = package
            .text(&["main"])
            .is_some_and(|(main, _)| survey.tree.contains(&path::join(&package.root, &main)));
        let declared = if id == "nitro" {
            package.dependency(name)
        } else {
            package.runtime_dependency(name)
        };
        if let Some((_, evidence)) = declared
            && (runs || starts_main)
        {
            return (Role::Backend, fact(id, evidence));
        }
    }
    let bundles = ["webpack", "parcel", "rollup", "esbuild"]
        .iter()
        .any(|name| {
            package.dependency(name).is_some()
                || package
                    .script("build")
                    .is_some_and(|(text, _)| text.contains(name))
        });
    let page = ["index.html", "public/index.html", "src/index.html"]
        .iter()
        .any(|file| survey.tree.contains(&path::join(&package.root, file)));
    let shows = ["react-dom", "vue", "svelte", "preact"]
        .iter()
        .any(|name| package.runtime_dependency(name).is_some());
    let is_published = package.get(&["peerDependencies"]).is_some();
    if bundles && (page || shows && !is_published) {
        return (Role::Frontend, None);
    }
    (Role::Library, None)
}

/// Workspace packages that must be built before this one can be checked: those
/// that it depends on, directly or not, and that are used from their output.
fn add_workspace_builds(
    survey: &Survey<'_>,
    package: &Package,
    manager: &Manager,
    install_root: &str,
    by_name: &HashMap<&str, &Package>,
    component: &mut Component,
) {
    let mut order: Vec<&Package> = Vec::new();
    let mut seen = BTreeSet::new();
    collect(package, by_name, install_root, &mut seen, &mut order);
    for needed in order {
        component.also_depends_on.push(needed.root.clone());
        let is_used_from_output = ["main", "module", "types"]
            .iter()
            .filter_map(|key| needed.text(&[key]))
            .any(|(text, _)| {
                ["dist/", "build/", "lib/", "out/"]
                    .iter()
                    .any(|folder| text.trim_start_matches("./").starts_with(folder))
            })
            || needed
                .get(&["exports"])
                .is_some_and(|(node, _)| mentions_output(node));
        let Some(name) = needed.name() else { continue };
        let is_committed = survey.tree.has_folder(&path::join(&needed.root, "dist"));
        if is_used_from_output
            && !is_committed
            && let Some((_, evidence)) = needed.script("build")
        {
            let command = match manager.id.value.as_str() {
                "pnpm" => format!("pnpm --filter {name} run build"),
                "yarn" | "yarn-berry" => format!("yarn workspace {name} run build"),
                "bun" => format!("bun run --filter {name} build"),
                _ => format!("npm run build --workspace {name}"),
            };
            component.add_install(command, install_root, evidence);
        }
    }
}

/// Depth first, so that what is needed comes before what needs it.
fn collect<'p>(
    package: &Package,
    by_name: &HashMap<&str, &'p Package>,
    install_root: &str,
    seen: &mut BTreeSet<String>,
    order: &mut Vec<&'p Package>,
) {
    for name in package.dependencies() {
        let Some(needed) = by_name.get(name) else {
            continue;
        };
        if path::is_within(&needed.root, install_root)
            && needed.root != package.root
            && seen.insert(needed.root.clone())
        {
            collect(needed, by_name, install_root, seen, order);
            order.push(needed);
        }
    }
}

fn mentions_output(node: &crate::project::document::Node) -> bool {
    node.str()
        .is_some_and(|text| text.starts_with("./dist/") || text.starts_with("./build/"))
        || node
            .entries()
            .iter()
            .any(|entry| mentions_output(&entry.node))
}

#[cfg(test)]
mod tests;

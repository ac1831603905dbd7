//! Made-up projects on which templates are tried: every language and package
//! manager, with and without everything that a template may ask for.

use crate::project::model::{
    Component, Evidence, Fact, Language, Mirror, Need, Platform, Project, Role, StepKind, Workspace,
};

fn project(components: Vec<Component>) -> Project {
    Project {
        schema: 1,
        default_branch: None,
        components,
        containers: Vec::new(),
        compose: Vec::new(),
        platforms: ["railway", "vercel"]
            .map(|platform| Platform {
                platform: platform.to_owned(),
                path: format!("{platform}.json"),
                line: 1,
                component: None,
            })
            .to_vec(),
        mirrors: vec![Mirror {
            kind: "gitlab-ci".to_owned(),
            path: ".gitlab-ci.yml".to_owned(),
            line: 1,
            detail: "builds".to_owned(),
        }],
        workflows: Vec::new(),
        warnings: Vec::new(),
    }
}

fn component(
    root: &str,
    language: Language,
    role: Role,
    manager: &str,
    version: &str,
    file: &str,
) -> Component {
    let mut component = Component::new(
        root,
        language,
        role,
        Evidence::new(format!("{root}/manifest"), 1),
    );
    component.version = Some(Fact::new(version.to_owned(), Evidence::new(file, 1)));
    component.package_manager = Some(Fact::new(manager.to_owned(), Evidence::new("manifest", 1)));
    component.add_install(
        format!("{manager} install"),
        root,
        Evidence::new("manifest", 1),
    );
    component.add_step(
        StepKind::Test,
        "Test",
        format!("{manager} test"),
        Evidence::new("test", 1),
    );
    component
}

/// One project for each language and package manager, with and without a lock
/// file, a version file, a matrix, services and other folders.
pub fn projects() -> Vec<(String, Project)> {
    use Language::{Dotnet, Go, Java, Node, Php, Python, Ruby, Rust};
    let managers: [(Language, &str, &str); 18] = [
        (Python, "pip", ".python-version"),
        (Python, "poetry", ".python-version"),
        (Python, "uv", ".python-version"),
        (Python, "pdm", ".python-version"),
        (Python, "hatch", ".python-version"),
        (Python, "pipenv", ".python-version"),
        (Node, "npm", ".nvmrc"),
        (Node, "pnpm", ".nvmrc"),
        (Node, "yarn", ".nvmrc"),
        (Node, "yarn-berry", ".node-version"),
        (Node, "bun", ".nvmrc"),
        (Go, "go", "go.mod"),
        (Rust, "cargo", "rust-toolchain.toml"),
        (Java, "maven", ".java-version"),
        (Java, "gradle", ".java-version"),
        (Ruby, "bundler", ".ruby-version"),
        (Php, "composer", "composer.json"),
        (Dotnet, "dotnet", "global.json"),
    ];
    let mut projects = Vec::new();
    for (language, manager, file) in managers {
        let plain = component(
            "api",
            language,
            Role::Backend,
            manager,
            "3.10",
            "Dockerfile",
        );
        let mut full = component("my web/app", language, Role::Frontend, manager, "20", file);
        full.lock_file = Some(Evidence::new("my web/lock file", 1));
        full.workspace = Some(Workspace {
            root: ".".to_owned(),
            tool: manager.to_owned(),
            runner: None,
        });
        full.package_manager_version = Some(Fact::new(
            "9.1.0".to_owned(),
            Evidence::new("package.json", 3),
        ));
        full.install[0].directory = ".".to_owned();
        full.add_install("prepare 'it'", ".", Evidence::new("x", 1));
        full.also_depends_on = vec!["lock".to_owned(), "packages/it's".to_owned()];
        for service in ["postgres", "mysql", "redis", "mongodb", "rabbitmq"] {
            full.add_service(
                service,
                &format!("{service}:15"),
                Need::Tests,
                Evidence::new("c", 1),
            );
        }
        full.add_environment("SECRET_KEY", Need::App, Evidence::new("s", 1));
        full.steps.push(full.steps[0].clone());
        let mut matrix = component(".", language, Role::Library, manager, "3.10", file);
        matrix.name = "2 be # or: not".to_owned();
        matrix.supported_versions = Some(Fact::new(
            vec!["3.9".to_owned(), "3.10".to_owned()],
            Evidence::new("tox.ini", 1),
        ));
        matrix.add_service(
            "postgres",
            "postgres:15",
            Need::Migrations,
            Evidence::new("c", 1),
        );
        matrix.add_step(
            StepKind::Migrations,
            "Migrate",
            "migrate: \"now\" # yes",
            Evidence::new("m", 1),
        );
        projects.push((
            format!("{manager}-all"),
            project(vec![matrix.clone(), plain.clone(), full]),
        ));
        matrix.install.clear();
        projects.push((format!("{manager}-root"), project(vec![matrix])));
        projects.push((format!("{manager}-plain"), project(vec![plain])));
    }
    projects.push(("nothing".to_owned(), project(Vec::new())));
    projects
}

//! Go components: modules.

use crate::project::Survey;
use crate::project::defaults;
use crate::project::model::{Component, Evidence, Fact, Language, Role, StepKind};
use crate::project::path;

/// Frameworks by the module that brings them.
const FRAMEWORKS: [(&str, &str); 7] = [
    ("github.com/gin-gonic/gin", "gin"),
    ("github.com/labstack/echo", "echo"),
    ("github.com/gofiber/fiber", "fiber"),
    ("github.com/go-chi/chi", "chi"),
    ("github.com/gorilla/mux", "gorilla"),
    ("google.golang.org/grpc", "grpc"),
    ("connectrpc.com/connect", "connect"),
];

pub(super) fn detect(survey: &Survey<'_>) -> Vec<Component> {
    let tree = survey.tree;
    tree.named("go.mod")
        .filter(|file| !path::is_sample(file))
        .filter_map(|file| describe(survey, file))
        .collect()
}

fn describe(survey: &Survey<'_>, file: &str) -> Option<Component> {
    let tree = survey.tree;
    let root = path::parent(file);
    let text = tree.text(file)?;
    let nested: Vec<&str> = tree
        .named("go.mod")
        .map(path::parent)
        .filter(|other| *other != root && path::is_within(other, root))
        .collect();
    let sources: Vec<&str> = tree
        .under(root)
        .filter(|file| file.ends_with(".go"))
        .filter(|file| !nested.iter().any(|other| path::is_within(file, other)))
        .collect();
    if sources.is_empty() {
        return None;
    }
    let at = |word: &str| {
        text.lines()
            .position(|line| line.contains(word))
            .map(|at| Evidence::new(file, at + 1))
    };
    let framework = FRAMEWORKS
        .iter()
        .find_map(|(module, id)| Some(Fact::new((*id).to_owned(), at(module)?)));
    let serves = framework.is_some()
        || sources
            .iter()
            .filter(|file| path::name(file) == "main.go")
            .any(|file| {
                tree.text(file).is_some_and(|text| {
                    text.contains("net/http") || text.contains("ListenAndServe")
                })
            });
    let role = if serves { Role::Backend } else { Role::Library };
    let mut component = Component::new(root, Language::Go, role, Evidence::new(file, 1));
    if root == "."
        && let Some(module) = text.lines().find_map(|line| line.strip_prefix("module "))
    {
        let module = module.trim().trim_matches('"');
        // `github.com/a/b/v2` is called b.
        let parts: Vec<&str> = module.split('/').collect();
        let name = match parts.as_slice() {
            [.., name, version]
                if version.starts_with('v') && version[1..].parse::<u32>().is_ok() =>
            {
                name
            }
            [.., name] => name,
            [] => module,
        };
        component.name = (*name).to_owned();
    }
    component.framework = framework.filter(|_| serves);
    let claim = |prefix: &str| {
        text.lines().enumerate().find_map(|(at, line)| {
            let version = line.strip_prefix(prefix)?.split_whitespace().next()?;
            Some((minor(version), Evidence::new(file, at + 1)))
        })
    };
    let claims = [claim("toolchain go"), claim("go ")]
        .into_iter()
        .flatten()
        .chain(survey.image_versions(root, &["golang"]))
        .chain(
            survey
                .ci_versions(root, "go-version")
                .into_iter()
                .map(|(version, evidence)| (minor(&version), evidence)),
        );
    component.version =
        Fact::decide(claims).or_else(|| Some(Fact::assumed(defaults::GO.to_owned())));
    component.package_manager = Some(Fact::new("go".to_owned(), Evidence::new(file, 1)));
    let sum = path::join(root, "go.sum");
    component.lock_file = tree.contains(&sum).then(|| Evidence::new(sum, 1));
    let lint = tree.first_in(root, &[".golangci.yml", ".golangci.yaml", ".golangci.toml"]);
    component.add_step(
        StepKind::Lint,
        "Vet",
        "go vet ./...",
        Evidence::new(file, 1),
    );
    if let Some(config) = lint {
        component.add_gap(
            "lint",
            format!(
                "golangci-lint is configured in {config} and not run: no file says which version"
            ),
            "add a step of your own, or pin it as a tool in go.mod",
        );
    }
    match sources.iter().find(|file| file.ends_with("_test.go")) {
        Some(test) => component.add_step(
            StepKind::Test,
            "Test",
            "go test -race ./...",
            Evidence::new(*test, 1),
        ),
        None => component.add_gap(
            "test",
            "there are no tests",
            "write a first `_test.go` file",
        ),
    }
    component.add_step(
        StepKind::Build,
        "Build",
        "go build ./...",
        Evidence::new(file, 1),
    );
    Some(component)
}

/// `1.22.3` gives 1.22.
fn minor(version: &str) -> String {
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::detect_in;
    use crate::project::testing::tree;

    #[test]
    fn a_service_with_tests() {
        let (_folder, tree) = tree(&[
            (
                "go.mod",
                "module github.com/a/shop/v2\n\ngo 1.22.1\n\nrequire github.com/gin-gonic/gin v1.9.1\n",
            ),
            ("go.sum", ""),
            ("main.go", "package main\n"),
            ("a_test.go", "package main\n"),
            ("Dockerfile", "FROM golang:1.21 AS build\nCOPY . .\n"),
        ]);
        let found = detect_in(&tree).components;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name, "shop");
        assert_eq!(found[0].role, Role::Backend);
        let version = found[0].version.as_ref().expect("known");
        assert_eq!(version.value, "1.22");
        assert_eq!(version.contradictions[0].value, "1.21");
        assert_eq!(found[0].steps.len(), 3);
    }
}

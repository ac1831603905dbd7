//! Compose files: the servers that the project runs beside itself.

use super::containers::with_defaults;
use super::model::{Compose, ComposeService};
use super::path;
use super::tree::Tree;

pub(super) fn detect(tree: &Tree) -> Vec<Compose> {
    tree.files()
        .iter()
        .filter(|file| is_compose(path::name(file)) && !path::is_sample(file))
        .filter_map(|file| read(tree, file))
        .collect()
}

fn is_compose(name: &str) -> bool {
    let Some(stem) = name
        .strip_suffix(".yml")
        .or_else(|| name.strip_suffix(".yaml"))
    else {
        return false;
    };
    ["compose", "docker-compose"].iter().any(|start| {
        stem.strip_prefix(start)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_']))
    })
}

fn read(tree: &Tree, file: &str) -> Option<Compose> {
    let document = tree.yaml(file)?;
    let services = document.get("services")?;
    let folder = path::parent(file);
    Some(Compose {
        path: file.to_owned(),
        services: services
            .entries()
            .iter()
            .map(|entry| {
                let build = entry.node.get("build").and_then(|build| {
                    // The short form is the folder; the long form names it.
                    let context = build.str().or_else(|| {
                        let context = build.get("context").and_then(|node| node.str());
                        context.or_else(|| (!build.entries().is_empty()).then_some("."))
                    })?;
                    let context = with_defaults(context);
                    (!context.contains("://") && !context.starts_with("git@"))
                        .then(|| path::join(folder, &context))
                });
                ComposeService {
                    name: entry.key.clone(),
                    image: entry
                        .node
                        .get("image")
                        .and_then(|image| image.scalar())
                        .map(with_defaults),
                    build,
                    line: entry.line,
                }
            })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::testing::tree;

    #[test]
    fn reads_images_and_builds() {
        let (_folder, tree) = tree(&[
            (
                "deploy/docker-compose.dev.yml",
                "services:\n  db:\n    image: postgres:${PG:-15}\n    environment: [A=b]\n  api:\n    build: ../api\n  web:\n    build: {context: .., dockerfile: X}\n",
            ),
            ("composer.yml", "services: {a: {image: b}}\n"),
            ("compose.yaml", "services: [\n"),
        ]);
        let found = detect(&tree);
        assert_eq!(found.len(), 1, "{found:?}");
        let services = &found[0].services;
        assert_eq!(services[0].image.as_deref(), Some("postgres:15"));
        assert_eq!(
            (services[1].line, services[1].build.as_deref()),
            (5, Some("api"))
        );
        assert_eq!(services[2].build.as_deref(), Some("."));
        assert_eq!(tree.warnings()[0].path, "compose.yaml");
    }
}

//! Dockerfiles: what they start from, and which folder they build.

use std::collections::HashMap;

use super::dockerfile::{self, is_dockerfile, sources, words};
use super::model::{Component, Container, Evidence};
use super::path;
use super::tree::Tree;

pub(super) fn detect(tree: &Tree) -> Vec<Container> {
    tree.files()
        .iter()
        .filter(|file| is_dockerfile(path::name(file)) && !path::is_sample(file))
        .filter_map(|file| read(tree, file))
        .collect()
}

/// Reads one; `None` where it is no Dockerfile.
pub(super) fn read(tree: &Tree, file: &str) -> Option<Container> {
    let instructions = dockerfile::instructions(&tree.text(file)?);
    let mut arguments: HashMap<String, String> = HashMap::new();
    let mut stages: Vec<String> = Vec::new();
    let mut base_images: Vec<String> = Vec::new();
    let mut evidence = Vec::new();
    for instruction in &instructions {
        match instruction.name.as_str() {
            // Only arguments before the first stage reach a FROM line.
            "ARG" if evidence.is_empty() => {
                for word in words(&instruction.rest) {
                    if let Some((name, value)) = word.split_once('=') {
                        let value = expand(value.trim_matches(['"', '\'']), &arguments);
                        arguments.insert(name.to_owned(), value);
                    }
                }
            }
            "FROM" => {
                let words: Vec<&str> = words(&instruction.rest)
                    .filter(|word| !word.starts_with("--"))
                    .collect();
                let Some(image) = words.first() else { continue };
                let image = expand(image.trim_matches(['"', '\'']), &arguments);
                evidence.push(Evidence::new(file, instruction.line));
                let is_stage = stages
                    .iter()
                    .any(|stage| stage.eq_ignore_ascii_case(&image));
                if !is_stage && image != "scratch" && !base_images.contains(&image) {
                    base_images.push(image);
                }
                if let [_, keyword, stage, ..] = words.as_slice()
                    && keyword.eq_ignore_ascii_case("as")
                {
                    stages.push((*stage).to_owned());
                }
            }
            _ => {}
        }
    }
    // A text without FROM is no Dockerfile, whatever its name.
    if evidence.is_empty() {
        return None;
    }
    Some(Container {
        path: file.to_owned(),
        context: context(tree, file, &sources(&instructions)),
        component: None,
        base_images,
        evidence,
    })
}

/// Replaces `$NAME`, `${NAME}` and `${NAME:-default}`; what is unknown stays as
/// it is written, so that nobody takes it for a version.
fn expand(text: &str, values: &HashMap<String, String>) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (name, default, length) = match after.strip_prefix('{') {
            Some(inner) => {
                let Some(end) = inner.find('}') else { break };
                let (name, default) = match inner[..end].split_once(":-") {
                    Some((name, default)) => (name, Some(default)),
                    None => match inner[..end].split_once('-') {
                        Some((name, default)) => (name, Some(default)),
                        None => (&inner[..end], None),
                    },
                };
                (name, default, end + 3)
            }
            None => {
                let end = after
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .unwrap_or(after.len());
                (&after[..end], None, end + 1)
            }
        };
        match values.get(name).map(String::as_str).or(default) {
            Some(value) => result.push_str(value),
            None => result.push_str(&rest[at..at + length]),
        }
        rest = &rest[at + length..];
    }
    result.push_str(rest);
    result
}

/// `${NAME:-default}` in a compose file, where no value is known: the default.
pub(super) fn with_defaults(text: &str) -> String {
    expand(text, &HashMap::new())
}

/// The folder from which all the sources exist. A Dockerfile in a folder is
/// first tried there, then at the root, then, for one at the root, in the
/// folder that its name ends with (`Dockerfile.frontend`) and in the others.
fn context(tree: &Tree, file: &str, sources: &[String]) -> String {
    let folder = path::parent(file);
    let named: Vec<&String> = sources.iter().filter(|source| *source != ".").collect();
    let missing = |context: &str| {
        named
            .iter()
            .filter(|source| !exists(tree, &path::join(context, source)))
            .count()
    };
    if named.is_empty() {
        // `COPY . .` fits everywhere; a folder's own Dockerfile is built there.
        return folder.to_owned();
    }
    // A source that nobody has (a build product) says nothing about the place:
    // the place that lacks the fewest wins, the nearest first.
    let mut places: Vec<&str> = path::ancestors(folder).collect();
    let mut children: Vec<&str> = tree
        .under(folder)
        .filter_map(|path| {
            let below = if folder == "." {
                path
            } else {
                path.get(folder.len() + 1..)?
            };
            let (child, _) = below.split_once('/')?;
            path.get(..path.len() - below.len() + child.len())
        })
        .collect();
    children.dedup();
    let hint = path::name(file)
        .trim_start_matches("Dockerfile.")
        .trim_end_matches(".Dockerfile");
    children.sort_by_key(|child| path::name(child) != hint);
    places.extend(children);
    let best = places
        .iter()
        .copied()
        .map(|place| (missing(place), place))
        .enumerate()
        .min_by_key(|(at, (missing, _))| (*missing, *at));
    match best {
        Some((_, (missing, place))) if missing < named.len() => place.to_owned(),
        _ if exists_any(tree, folder) => folder.to_owned(),
        _ => ".".to_owned(),
    }
}

fn exists_any(tree: &Tree, folder: &str) -> bool {
    tree.has_folder(folder)
}

fn exists(tree: &Tree, source: &str) -> bool {
    if source.contains(['*', '?', '[']) {
        return globset::Glob::new(source).is_ok_and(|glob| {
            let glob = glob.compile_matcher();
            tree.under(path::parent(
                &source[..source.find(['*', '?', '[']).unwrap_or(0)],
            ))
            .any(|file| glob.is_match(file))
        });
    }
    source == "." || tree.contains(source) || tree.has_folder(source)
}

/// How near a Dockerfile is to a folder: 0 where it lies there or is built from
/// there, 1 where it copies from there; `None` where it has nothing to do with it.
pub(super) fn nearness(tree: &Tree, container: &Container, root: &str) -> Option<usize> {
    let here = path::parent(&container.path);
    if root != "." && (here == root || container.context == root) {
        return Some(0);
    }
    let text = tree.text(&container.path)?;
    let sources = sources(&dockerfile::instructions(&text));
    if root == "." {
        return (container.context == "." || here == ".").then_some(0);
    }
    // `COPY . .` at the root copies the folder too, but says nothing about it.
    sources
        .iter()
        .map(|source| path::join(&container.context, source))
        .any(|source| source != "." && path::is_within(&source, root))
        .then_some(1)
}

/// Names the component that each Dockerfile builds: the one whose folder is
/// copied, or the deepest one that holds the build context. Several equally
/// good ones leave it open.
pub(super) fn assign(tree: &Tree, containers: &mut [Container], components: &[Component]) {
    for container in containers {
        container.component = component_of(tree, container, components).map(str::to_owned);
    }
}

fn component_of<'a>(
    tree: &Tree,
    container: &Container,
    components: &'a [Component],
) -> Option<&'a str> {
    let text = tree.text(&container.path)?;
    let sources: Vec<String> = sources(&dockerfile::instructions(&text))
        .iter()
        .map(|source| path::join(&container.context, source))
        .collect();
    let images = &container.base_images;
    let fits = |component: &&Component| {
        images.iter().all(|image| language_of(image).is_none())
            || images
                .iter()
                .any(|image| language_of(image) == Some(component.language))
    };
    let only = |found: Vec<&'a Component>| match found.as_slice() {
        [one] => Some(one.name.as_str()),
        several => {
            // A Dockerfile of a JVM image builds the Java component and not the
            // front end that lies in the same folder.
            let fitting: Vec<&&Component> =
                several.iter().filter(|component| fits(component)).collect();
            match fitting.as_slice() {
                [one] => Some(one.name.as_str()),
                _ => None,
            }
        }
    };
    let at = |folder: &str| -> Vec<&'a Component> {
        components
            .iter()
            .filter(|component| component.root == folder)
            .collect()
    };
    if container.context != "." {
        let here = at(&container.context);
        if !here.is_empty() {
            return only(here);
        }
    }
    // From the root or a parent: the components whose files are copied.
    let copied: Vec<&Component> = components
        .iter()
        .filter(|component| component.root != container.context)
        .filter(|component| {
            sources.iter().any(|source| {
                *source != container.context
                    && (path::is_within(source, &component.root)
                        || path::is_within(&component.root, source))
            })
        })
        .collect();
    if !copied.is_empty() {
        return only(copied);
    }
    let folder = path::parent(&container.path);
    let beside = path::ancestors(folder)
        .map(at)
        .find(|found| !found.is_empty());
    match beside {
        Some(found) => only(found),
        None => match components {
            [one] => Some(one.name.as_str()),
            _ => None,
        },
    }
}

fn language_of(image: &str) -> Option<super::model::Language> {
    use super::model::Language;
    let (name, _) = split_image(image);
    Some(match name.rsplit('/').next()? {
        "python" | "uv" => Language::Python,
        "node" | "bun" => Language::Node,
        "golang" => Language::Go,
        "rust" => Language::Rust,
        "eclipse-temurin" | "openjdk" | "maven" | "gradle" | "amazoncorretto" => Language::Java,
        "ruby" => Language::Ruby,
        "php" | "composer" => Language::Php,
        "sdk" | "aspnet" if name.contains("dotnet") => Language::Dotnet,
        _ => return None,
    })
}

/// The name and the tag of an image; a digest is left out, and the port of a
/// registry is no tag.
pub(super) fn split_image(image: &str) -> (&str, Option<&str>) {
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (image, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::model::{Language, Role};
    use crate::project::testing::tree;

    #[test]
    fn reads_stages_arguments_and_platforms() {
        let (_folder, tree) = tree(&[(
            "Dockerfile",
            "# syntax=docker/dockerfile:1\nARG PY=3.11\nFROM --platform=$BUILDPLATFORM python:${PY}-slim AS build\nRUN <<EOF\nFROM nothing\nEOF\nfrom build AS test\nFROM \\\n  nginx:1.27\nCOPY --from=build /a /a\n",
        )]);
        let found = detect(&tree);
        assert_eq!(found[0].base_images, ["python:3.11-slim", "nginx:1.27"]);
        assert_eq!(
            found[0]
                .evidence
                .iter()
                .map(|place| place.line)
                .collect::<Vec<_>>(),
            [3, 7, 8]
        );
    }

    #[test]
    fn the_context_is_where_the_sources_are() {
        let (_folder, tree) = tree(&[
            (
                "Dockerfile.frontend",
                "FROM node:20\nCOPY package.json package-lock.json ./\nCOPY . .\n",
            ),
            (
                "Dockerfile",
                "FROM python:3.11\nCOPY backend/requirements.txt .\n",
            ),
            (
                "backend/Dockerfile",
                "FROM python:3.12\nCOPY requirements.txt .\n",
            ),
            (
                "web/Dockerfile",
                "FROM python:3.12\nCOPY backend/requirements.txt .\n",
            ),
            ("backend/requirements.txt", ""),
            ("frontend/package.json", "{}"),
            ("frontend/package-lock.json", "{}"),
        ]);
        let mut found = detect(&tree);
        let contexts: Vec<(&str, &str)> = found
            .iter()
            .map(|c| (c.path.as_str(), c.context.as_str()))
            .collect();
        assert_eq!(
            contexts,
            [
                ("Dockerfile", "."),
                ("Dockerfile.frontend", "frontend"),
                ("backend/Dockerfile", "backend"),
                ("web/Dockerfile", "."),
            ]
        );
        let components = [
            Component::new(
                "backend",
                Language::Python,
                Role::Backend,
                Evidence::new("backend/requirements.txt", 1),
            ),
            Component::new(
                "frontend",
                Language::Node,
                Role::Frontend,
                Evidence::new("frontend/package.json", 1),
            ),
        ];
        assign(&tree, &mut found, &components);
        let names: Vec<Option<&str>> = found.iter().map(|c| c.component.as_deref()).collect();
        assert_eq!(
            names,
            [
                Some("backend"),
                Some("frontend"),
                Some("backend"),
                Some("backend")
            ]
        );
    }

    #[test]
    fn images_are_split_at_their_tag() {
        assert_eq!(split_image("a:5000/b"), ("a:5000/b", None));
        assert_eq!(split_image("a:5000/b:1@sha256:0"), ("a:5000/b", Some("1")));
        assert_eq!(with_defaults("pg:${V:-15}-${W}"), "pg:15-${W}");
    }
}

//! What the files around the components tell about them, gathered before the
//! components are looked for: Dockerfiles, compose files, CI files.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::containers;
use super::document::Node;
use super::model::{Compose, Container, Evidence};
use super::path;
use super::tree::Tree;

/// The tree with what was read from its delivery files.
#[derive(Debug)]
pub struct Survey<'a> {
    /// The files.
    pub tree: &'a Tree,
    /// Dockerfiles; their components are not known yet.
    pub containers: Vec<Container>,
    /// Compose files.
    pub compose: Vec<Compose>,
    /// Versions that CI files set up, by input; read when first asked for.
    ci: OnceLock<HashMap<&'static str, Vec<CiVersion>>>,
}

/// A version that a CI job sets up.
#[derive(Debug, Clone)]
struct CiVersion {
    version: String,
    evidence: Evidence,
    /// The folder that the job works in, where it says so.
    folder: Option<String>,
}

/// Inputs of set-up actions, with the image that says the same in GitLab CI.
const CI_INPUTS: [(&str, &str); 7] = [
    ("python-version", "python"),
    ("node-version", "node"),
    ("go-version", "golang"),
    ("java-version", "eclipse-temurin"),
    ("ruby-version", "ruby"),
    ("php-version", "php"),
    ("dotnet-version", "dotnet"),
];

/// Images that are a server under another name.
const VARIANTS: [(&str, &[&str]); 5] = [
    (
        "postgres",
        &[
            "postgres",
            "postgis",
            "pgvector",
            "postgresql",
            "timescaledb",
            "timescaledb-ha",
        ],
    ),
    ("mysql", &["mysql", "mariadb"]),
    ("redis", &["redis", "valkey", "redis-stack"]),
    ("mongodb", &["mongo", "mongodb"]),
    ("rabbitmq", &["rabbitmq"]),
];

impl<'a> Survey<'a> {
    /// Reads the delivery files of a tree.
    pub fn new(tree: &'a Tree) -> Self {
        Self {
            tree,
            containers: containers::detect(tree),
            compose: super::compose::detect(tree),
            ci: OnceLock::new(),
        }
    }

    /// The versions in the tags of base images (`python:3.11-slim` gives 3.11)
    /// of the Dockerfiles that build the folder `root`, nearest Dockerfile
    /// first. `images` are image names without registry: `["python"]`.
    pub fn image_versions(&self, root: &str, images: &[&str]) -> Vec<(String, Evidence)> {
        let mut near: Vec<(usize, &Container)> = self
            .containers
            .iter()
            .filter_map(|container| {
                Some((containers::nearness(self.tree, container, root)?, container))
            })
            .collect();
        near.sort_by_key(|(nearness, container)| (*nearness, container.path.clone()));
        let mut found: Vec<(String, Evidence)> = Vec::new();
        for (_, container) in near {
            for image in &container.base_images {
                let (name, tag) = containers::split_image(image);
                let short = path::name(name);
                let is_dotnet = name.contains("dotnet") && images.contains(&"dotnet");
                if !images.contains(&short) && !is_dotnet {
                    continue;
                }
                let Some(version) = tag.and_then(|tag| tag_version(short, tag)) else {
                    continue;
                };
                let claim = (
                    version,
                    Evidence::new(&container.path, self.line_of(container, image)),
                );
                if !found.contains(&claim) {
                    found.push(claim);
                }
            }
        }
        found
    }

    /// The `FROM` line of an image.
    fn line_of(&self, container: &Container, image: &str) -> usize {
        let (name, _) = containers::split_image(image);
        let text = self.tree.text(&container.path);
        container
            .evidence
            .iter()
            .map(|evidence| evidence.line)
            .find(|line| {
                text.as_ref().is_some_and(|text| {
                    text.lines()
                        .skip(line - 1)
                        .take(2)
                        .any(|line| line.contains(name))
                })
            })
            .or_else(|| container.evidence.first().map(|evidence| evidence.line))
            .unwrap_or(1)
    }

    /// The versions that existing CI files set up with the given input of a
    /// set-up action (`python-version`, `node-version`), by file and line.
    /// Where jobs say which folder they work in, only those of `root` count.
    pub fn ci_versions(&self, root: &str, input: &str) -> Vec<(String, Evidence)> {
        let all = self.ci.get_or_init(|| self.read_ci());
        let Some(versions) = all.get(input) else {
            return Vec::new();
        };
        let is_ours = |version: &&CiVersion| version.folder.as_deref() == Some(root);
        let specific = versions.iter().any(|version| is_ours(&version));
        versions
            .iter()
            .filter(|version| {
                if specific {
                    is_ours(version)
                } else {
                    version.folder.is_none() || root == "."
                }
            })
            .map(|version| (version.version.clone(), version.evidence.clone()))
            .collect()
    }

    fn read_ci(&self) -> HashMap<&'static str, Vec<CiVersion>> {
        let mut found: HashMap<&'static str, Vec<CiVersion>> = HashMap::new();
        let workflows: Vec<&str> = self
            .tree
            .directly_in(".github/workflows")
            .filter(|file| file.ends_with(".yml") || file.ends_with(".yaml"))
            .collect();
        for file in workflows {
            if self.is_generated(file) {
                continue;
            }
            let Some(node) = self.tree.yaml(file) else {
                continue;
            };
            let defaults = working_directory(&node);
            for job in node.get("jobs").map(Node::entries).unwrap_or_default() {
                let folder = working_directory(&job.node)
                    .or_else(|| defaults.clone())
                    .or_else(|| steps_folder(&job.node));
                for step in job.node.get("steps").map(Node::items).unwrap_or_default() {
                    for (input, _) in CI_INPUTS {
                        let Some(entry) = step.entry_at(&["with", input]) else {
                            continue;
                        };
                        let values = self.values(&entry.node, entry.line, &job.node, &node);
                        found
                            .entry(input)
                            .or_default()
                            .extend(values.into_iter().map(|(version, line)| CiVersion {
                                version,
                                evidence: Evidence::new(file, line),
                                folder: folder.clone(),
                            }));
                    }
                }
            }
        }
        if !self.is_generated(".gitlab-ci.yml")
            && let Some(node) = self.tree.yaml(".gitlab-ci.yml")
        {
            let images = node.entry("image").into_iter().chain(
                node.entries()
                    .iter()
                    .filter_map(|job| job.node.entry("image")),
            );
            for entry in images {
                let Some(image) = entry.node.str() else {
                    continue;
                };
                let (name, tag) = containers::split_image(image);
                let short = path::name(name);
                if let Some((input, _)) = CI_INPUTS.iter().find(|(_, known)| *known == short)
                    && let Some(version) = tag.and_then(|tag| tag_version(short, tag))
                {
                    found.entry(input).or_default().push(CiVersion {
                        version,
                        evidence: Evidence::new(".gitlab-ci.yml", entry.line),
                        folder: None,
                    });
                }
            }
        }
        found
    }

    fn is_generated(&self, file: &str) -> bool {
        self.tree
            .text(file)
            .is_some_and(|text| super::is_generated(&text))
    }

    /// The versions that an input stands for: itself, or through the matrix or `env`.
    fn values(
        &self,
        node: &Node,
        line: usize,
        job: &Node,
        workflow: &Node,
    ) -> Vec<(String, usize)> {
        let Some(text) = node.scalar() else {
            return node
                .items()
                .iter()
                .filter_map(|item| Some((item.scalar()?.to_owned(), item.line)))
                .collect();
        };
        let inside = text
            .trim()
            .strip_prefix("${{")
            .and_then(|rest| rest.strip_suffix("}}"))
            .map(str::trim);
        let Some(inside) = inside else {
            // A block of several versions, one a line.
            return text
                .lines()
                .map(str::trim)
                .filter(|version| !version.is_empty() && !version.contains("${{"))
                .map(|version| (version.to_owned(), line))
                .collect();
        };
        if let Some(key) = inside.strip_prefix("matrix.") {
            let Some(values) = job.at(&["strategy", "matrix", key]) else {
                let include = job
                    .at(&["strategy", "matrix", "include"])
                    .map(Node::items)
                    .unwrap_or_default();
                return include
                    .iter()
                    .filter_map(|item| {
                        let entry = item.entry(key)?;
                        Some((entry.node.scalar()?.to_owned(), entry.line))
                    })
                    .collect();
            };
            return values
                .items()
                .iter()
                .filter_map(|item| Some((item.scalar()?.to_owned(), item.line)))
                .collect();
        }
        if let Some(key) = inside.strip_prefix("env.") {
            return [job, workflow]
                .iter()
                .find_map(|holder| {
                    let entry = holder.entry_at(&["env", key])?;
                    Some(vec![(entry.node.scalar()?.to_owned(), entry.line)])
                })
                .unwrap_or_default();
        }
        Vec::new()
    }

    /// The image of a compose service that is the server `name` (`postgres` for
    /// `postgres:15`, `postgis/postgis:15-3.4`…), from the compose file nearest
    /// to `root`.
    pub fn service_image(&self, root: &str, name: &str) -> Option<(String, Evidence)> {
        let variants = VARIANTS.iter().find(|(known, _)| *known == name)?.1;
        self.compose
            .iter()
            .flat_map(|compose| {
                compose
                    .services
                    .iter()
                    .map(move |service| (compose, service))
            })
            .filter_map(|(compose, service)| {
                let image = service.image.as_deref()?;
                let (repository, tag) = containers::split_image(image);
                // Without a tag, or with a variable for one, it names no version.
                let usable = variants.contains(&path::name(repository))
                    && tag.is_some_and(|tag| !tag.contains('$'));
                usable.then(|| {
                    let folder = path::parent(&compose.path);
                    let distance = if path::is_within(folder, root) && root != "." {
                        0
                    } else if path::is_within(root, folder) {
                        1
                    } else {
                        2
                    };
                    (distance, compose, service, image)
                })
            })
            .min_by_key(|(distance, compose, service, _)| {
                (*distance, compose.path.len(), service.line)
            })
            .map(|(_, compose, service, image)| {
                (image.to_owned(), Evidence::new(&compose.path, service.line))
            })
    }
}

/// `defaults: run: working-directory:` of a workflow or a job.
fn working_directory(node: &Node) -> Option<String> {
    let text = node.at(&["defaults", "run", "working-directory"])?.str()?;
    (!text.contains("${{")).then(|| path::normalise(text))
}

/// The one folder that all steps with a folder of their own share.
fn steps_folder(job: &Node) -> Option<String> {
    let mut folders: Vec<String> = job
        .get("steps")
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .filter_map(|step| step.get("working-directory")?.str().map(path::normalise))
        .collect();
    folders.sort();
    folders.dedup();
    match folders.as_slice() {
        [one] if !one.contains("${{") => Some(one.clone()),
        _ => None,
    }
}

/// The version in an image's tag, as set-up actions take it: the major for
/// Node.js and Java, the minor for the others.
fn tag_version(image: &str, tag: &str) -> Option<String> {
    let number: String = tag
        .trim_start_matches('v')
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    let number = number.trim_end_matches('.');
    let mut parts = number.split('.').filter(|part| !part.is_empty());
    let major = parts.next()?;
    match (image, parts.next()) {
        ("node" | "eclipse-temurin" | "openjdk" | "amazoncorretto" | "bun", _) | (_, None) => {
            Some(major.to_owned())
        }
        (_, Some(minor)) => Some(format!("{major}.{minor}")),
    }
    .filter(|version| image != "python" || version.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::testing::tree;

    #[test]
    fn versions_come_from_the_nearest_dockerfile() {
        let (_folder, tree) = tree(&[
            ("Dockerfile", "FROM python:3.11-slim\nCOPY backend/ /app\n"),
            (
                "backend/Dockerfile",
                "ARG V=3.12\nFROM python:${V}-slim AS a\nFROM a\n",
            ),
            ("backend/app.py", ""),
            (
                "Dockerfile.frontend",
                "FROM node:20.9-alpine\nCOPY package.json ./\n",
            ),
            ("frontend/package.json", "{}"),
        ]);
        let survey = Survey::new(&tree);
        let found = survey.image_versions("backend", &["python"]);
        let versions: Vec<_> = found.iter().map(|(version, _)| version.as_str()).collect();
        assert_eq!(versions, ["3.12", "3.11"]);
        assert_eq!(found[0].1, Evidence::new("backend/Dockerfile", 2));
        let node = survey.image_versions("frontend", &["node"]);
        assert_eq!(
            node,
            [("20".to_owned(), Evidence::new("Dockerfile.frontend", 1))]
        );
    }

    #[test]
    fn ci_versions_go_through_matrix_and_env_and_keep_to_their_folder() {
        let (_folder, tree) = tree(&[(
            ".github/workflows/ci.yml",
            "on: push\nenv:\n  NODE: 22\njobs:\n  a:\n    defaults:\n      run:\n        working-directory: ./api\n    strategy:\n      matrix:\n        py: ['3.10', '3.11']\n    steps:\n      - uses: actions/setup-python@v5\n        with:\n          python-version: ${{ matrix.py }}\n  b:\n    steps:\n      - uses: actions/setup-node@v4\n        with:\n          node-version: ${{ env.NODE }}\n      - uses: actions/setup-python@v5\n        with:\n          python-version: '3.8'\n",
        )]);
        let survey = Survey::new(&tree);
        let python: Vec<_> = survey.ci_versions("api", "python-version");
        assert_eq!(
            python
                .iter()
                .map(|(version, _)| version.as_str())
                .collect::<Vec<_>>(),
            ["3.10", "3.11"]
        );
        let other = survey.ci_versions("other", "python-version");
        assert_eq!(other.len(), 1);
        let node = survey.ci_versions("web", "node-version");
        assert_eq!(
            node,
            [(
                "22".to_owned(),
                Evidence::new(".github/workflows/ci.yml", 3)
            )]
        );
    }

    #[test]
    fn what_was_generated_from_facts_is_no_evidence_of_them() {
        let workflow = "# Generated\n# ci-tool: backend-ci@1 sha256:0\njobs:\n  a:\n    steps:\n      - with:\n          python-version: '3.13'\n";
        let (_folder, tree) = tree(&[
            (".github/workflows/backend-ci.yml", workflow),
            (
                ".gitlab-ci.yml",
                "# ci-tool: gitlab-ci@1 sha256:0\na:\n  image: python:3.13\n",
            ),
        ]);
        assert_eq!(Survey::new(&tree).ci_versions(".", "python-version"), []);
    }

    #[test]
    fn servers_keep_the_projects_own_image() {
        let (_folder, tree) = tree(&[
            (
                "docker-compose.yml",
                "services:\n  db:\n    image: postgis/postgis:15-3.4\n  cache:\n    image: valkey/valkey:${V:-8}\n",
            ),
            (
                "api/compose.yml",
                "services:\n  db:\n    image: postgres:16\n",
            ),
        ]);
        let survey = Survey::new(&tree);
        assert_eq!(
            survey
                .service_image("api", "postgres")
                .map(|found| found.0)
                .as_deref(),
            Some("postgres:16")
        );
        assert_eq!(
            survey
                .service_image("web", "postgres")
                .map(|found| found.0)
                .as_deref(),
            Some("postgis/postgis:15-3.4")
        );
        assert_eq!(
            survey
                .service_image("web", "redis")
                .map(|found| found.0)
                .as_deref(),
            Some("valkey/valkey:8")
        );
    }
}

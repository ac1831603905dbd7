//! What a Python component's manifests say: its package manager, what each
//! group of dependencies holds, and the commands that install what tests need.

use std::sync::Arc;

use super::requirements::{self, Dependency};
use super::setup;
use crate::project::Tree;
use crate::project::document::Node;
use crate::project::model::{Evidence, Fact};
use crate::project::path;

/// The tools that a group must hold to be installed for the steps.
const TEST_TOOLS: [&str; 16] = [
    "pytest",
    "pytest-django",
    "pytest-asyncio",
    "pytest-cov",
    "tox",
    "nox",
    "nose2",
    "hypothesis",
    "coverage",
    "ruff",
    "black",
    "flake8",
    "mypy",
    "pyright",
    "isort",
    "pylint",
];

/// Names of groups and extras that hold what developers need.
pub(super) const DEV_GROUPS: [&str; 9] = [
    "dev",
    "develop",
    "development",
    "test",
    "tests",
    "testing",
    "lint",
    "ci",
    "typing",
];

/// Requirement files for developers, best first.
const DEV_FILES: [&str; 16] = [
    "requirements-dev.txt",
    "dev-requirements.txt",
    "requirements_dev.txt",
    "requirements.dev.txt",
    "requirements-test.txt",
    "test-requirements.txt",
    "requirements_test.txt",
    "requirements-tests.txt",
    "requirements/dev.txt",
    "requirements/development.txt",
    "requirements/local.txt",
    "requirements/test.txt",
    "requirements/testing.txt",
    "requirements/ci.txt",
    "tests/requirements.txt",
    "test/requirements.txt",
];

/// Requirement files for running, best first.
const MAIN_FILES: [&str; 6] = [
    "requirements.txt",
    "requirements/base.txt",
    "requirements/requirements.txt",
    "requirements/common.txt",
    "requirements/prod.txt",
    "requirements/production.txt",
];

/// A Python component's manifests, read.
#[derive(Debug)]
pub(super) struct Manifests {
    /// The folder.
    pub(super) root: String,
    /// The file that makes it a component.
    pub(super) main: Evidence,
    /// `pyproject.toml`.
    pub(super) pyproject: Option<Arc<Node>>,
    /// The package manager.
    pub(super) manager: Fact<String>,
    /// Its version, where a lock file names it.
    pub(super) manager_version: Option<Fact<String>>,
    /// The lock file.
    pub(super) lock: Option<Evidence>,
    /// The folder of the uv workspace that it belongs to, where that lies above.
    pub(super) workspace: Option<String>,
    /// Dependencies of the application itself.
    pub(super) runtime: Vec<Dependency>,
    /// Dependencies that the install commands bring beyond those.
    pub(super) development: Vec<Dependency>,
    /// The commands, each with its reason.
    pub(super) install: Vec<(String, Evidence)>,
    /// Requirement files outside the folder.
    pub(super) outside: Vec<String>,
    /// The project's own name.
    pub(super) name: Option<String>,
    /// The supported versions as the project bounds them.
    pub(super) bound: Option<(String, Evidence)>,
}

impl Manifests {
    /// Everything that is installed when the steps run.
    pub(super) fn installed(&self) -> impl Iterator<Item = &Dependency> {
        self.runtime.iter().chain(&self.development)
    }

    /// An installed dependency of this name.
    pub(super) fn find(&self, name: &str) -> Option<&Dependency> {
        self.installed().find(|dependency| dependency.name == name)
    }

    /// An installed dependency of one of these names.
    pub(super) fn find_any(&self, names: &[&str]) -> Option<&Dependency> {
        names.iter().find_map(|name| self.find(name))
    }

    /// A dependency of the application itself.
    pub(super) fn runs_on(&self, name: &str) -> Option<&Dependency> {
        self.runtime
            .iter()
            .find(|dependency| dependency.name == name)
    }

    /// What stands before a command so that it runs in the environment.
    pub(super) fn prefix(&self) -> &'static str {
        match self.manager.value.as_str() {
            "poetry" => "poetry run ",
            "uv" => "uv run ",
            "pdm" => "pdm run ",
            "pipenv" => "pipenv run ",
            "hatch" => "hatch run ",
            _ => "",
        }
    }

    /// Reads the manifests of a folder. `None` where they only configure tools.
    pub(super) fn read(tree: &Tree, root: &str) -> Option<Self> {
        let pyproject_path = path::join(root, "pyproject.toml");
        let pyproject = tree.toml(&pyproject_path);
        let is_package = pyproject.as_ref().is_some_and(|node| {
            node.get("project").is_some()
                || node.at(&["tool", "poetry"]).is_some_and(|poetry| {
                    poetry.get("name").is_some() || poetry.get("dependencies").is_some()
                })
                || node.at(&["tool", "flit", "metadata"]).is_some()
        });
        let pipfile = Some(path::join(root, "Pipfile")).filter(|file| tree.contains(file));
        let setup = tree
            .first_in(root, &["setup.py", "setup.cfg"])
            .filter(|file| {
                file.ends_with(".py")
                    || tree
                        .text(file)
                        .is_some_and(|text| text.contains("[metadata]"))
            });
        let main_requirements = first_file(tree, root, &MAIN_FILES);
        let dev_requirements = first_file(tree, root, &DEV_FILES);
        let requirements = main_requirements
            .clone()
            .or_else(|| dev_requirements.clone());
        let main = if is_package {
            let line = pyproject
                .as_ref()
                .and_then(|node| {
                    node.entry("project")
                        .or_else(|| node.entry_at(&["tool", "poetry"]))
                })
                .map_or(1, |entry| entry.line);
            Evidence::new(&pyproject_path, line)
        } else {
            Evidence::new(
                pipfile
                    .clone()
                    .or_else(|| requirements.clone())
                    .or_else(|| setup.clone())?,
                1,
            )
        };
        let mut found = Self {
            root: root.to_owned(),
            manager: Fact::new("pip".to_owned(), main.clone()),
            manager_version: None,
            lock: None,
            workspace: None,
            runtime: Vec::new(),
            development: Vec::new(),
            install: Vec::new(),
            outside: Vec::new(),
            name: None,
            bound: None,
            pyproject: pyproject.filter(|_| true),
            main,
        };
        found.decide_manager(tree, is_package, pipfile.as_deref());
        match found.manager.value.as_str() {
            "poetry" => found.read_poetry(),
            "pipenv" => found.read_pipfile(tree, pipfile.as_deref().unwrap_or_default()),
            "uv" | "pdm" => found.read_groups(),
            "hatch" => found.read_hatch(tree),
            _ => found.read_pip(
                tree,
                is_package,
                setup.as_deref(),
                main_requirements,
                dev_requirements,
            ),
        }
        found.read_metadata(tree, setup.as_deref());
        Some(found)
    }

    pub(super) fn pyproject_path(&self) -> String {
        path::join(&self.root, "pyproject.toml")
    }

    fn read_poetry(&mut self) {
        let Some(node) = self.pyproject.clone() else {
            return;
        };
        self.read_project_dependencies(&node);
        let file = self.pyproject_path();
        let table = |keys: &[&str]| -> Vec<Dependency> {
            node.at(keys)
                .map(Node::entries)
                .unwrap_or_default()
                .iter()
                .filter(|entry| entry.key != "python")
                .map(|entry| Dependency {
                    name: requirements::normalise(&entry.key),
                    specifier: entry
                        .node
                        .str()
                        .or_else(|| entry.node.get("version").and_then(Node::str))
                        .unwrap_or_default()
                        .to_owned(),
                    evidence: Evidence::new(&file, entry.line),
                })
                .collect()
        };
        self.runtime
            .extend(table(&["tool", "poetry", "dependencies"]));
        self.development
            .extend(table(&["tool", "poetry", "dev-dependencies"]));
        let mut flags = Vec::new();
        for group in node
            .at(&["tool", "poetry", "group"])
            .map(Node::entries)
            .unwrap_or_default()
        {
            let dependencies = table(&["tool", "poetry", "group", &group.key, "dependencies"]);
            let is_optional = group.node.get("optional").is_some_and(Node::is_true);
            if is_optional && !holds_tools(&dependencies) {
                continue;
            }
            if is_optional {
                flags.push(format!("--with {}", group.key));
            }
            self.development.extend(dependencies);
        }
        self.read_dependency_groups(&node, |_| String::new());
        for extra in self.read_extras(&node) {
            flags.push(format!("--extras {extra}"));
        }
        let flags: String = flags.iter().map(|flag| format!(" {flag}")).collect();
        self.install.push((
            format!("poetry install --no-interaction{flags}"),
            self.lock.clone().unwrap_or_else(|| self.main.clone()),
        ));
    }

    /// uv and pdm: PEP 621 with PEP 735 groups.
    fn read_groups(&mut self) {
        let Some(node) = self.pyproject.clone() else {
            return;
        };
        self.read_project_dependencies(&node);
        let is_uv = self.manager.value == "uv";
        if is_uv {
            let file = self.pyproject_path();
            let legacy = node.entry_at(&["tool", "uv", "dev-dependencies"]);
            self.development.extend(
                legacy
                    .map(|entry| list(&entry.node, &file))
                    .unwrap_or_default(),
            );
        } else {
            let file = self.pyproject_path();
            for group in node
                .at(&["tool", "pdm", "dev-dependencies"])
                .map(Node::entries)
                .unwrap_or_default()
            {
                self.development.extend(list(&group.node, &file));
            }
        }
        // pdm installs every group of developers' tools by itself, uv only `dev`.
        let mut flags = self.read_dependency_groups(&node, |group| {
            if is_uv && group != "dev" {
                format!(" --group {group}")
            } else {
                String::new()
            }
        });
        for extra in self.read_extras(&node) {
            flags.push_str(&if is_uv {
                format!(" --extra {extra}")
            } else {
                format!(" --group {extra}")
            });
        }
        let evidence = self.lock.clone().unwrap_or_else(|| self.main.clone());
        let command = match (is_uv, self.lock.is_some()) {
            (true, true) => format!("uv sync --locked{flags}"),
            (true, false) => format!("uv sync{flags}"),
            (false, true) => format!("pdm sync --dev{flags}"),
            (false, false) => format!("pdm install --dev{flags}"),
        };
        self.install.push((command, evidence));
    }

    /// Hatch makes the environment of its first command itself.
    fn read_hatch(&mut self, tree: &Tree) {
        if let Some(node) = self.pyproject.clone() {
            self.read_project_dependencies(&node);
            let file = self.pyproject_path();
            let dependencies = node.at(&["tool", "hatch", "envs", "default", "dependencies"]);
            self.development.extend(
                dependencies
                    .map(|found| list(found, &file))
                    .unwrap_or_default(),
            );
        }
        let file = path::join(&self.root, "hatch.toml");
        if let Some(node) = tree.toml(&file) {
            let dependencies = node.at(&["envs", "default", "dependencies"]);
            self.development.extend(
                dependencies
                    .map(|found| list(found, &file))
                    .unwrap_or_default(),
            );
        }
    }

    fn read_pipfile(&mut self, tree: &Tree, pipfile: &str) {
        if let Some(node) = tree.toml(pipfile) {
            for (section, is_dev) in [("packages", false), ("dev-packages", true)] {
                for entry in node.get(section).map(Node::entries).unwrap_or_default() {
                    let dependency = Dependency {
                        name: requirements::normalise(&entry.key),
                        specifier: entry.node.str().unwrap_or_default().to_owned(),
                        evidence: Evidence::new(pipfile, entry.line),
                    };
                    if is_dev {
                        self.development.push(dependency);
                    } else {
                        self.runtime.push(dependency);
                    }
                }
            }
            if let Some(entry) = node.entry_at(&["requires", "python_version"])
                && let Some(version) = entry.node.str()
            {
                self.bound = Some((format!("=={version}.*"), Evidence::new(pipfile, entry.line)));
            }
        }
        self.install.push(match &self.lock {
            Some(lock) => ("pipenv sync --dev".to_owned(), lock.clone()),
            None => ("pipenv install --dev".to_owned(), Evidence::new(pipfile, 1)),
        });
    }

    fn read_pip(
        &mut self,
        tree: &Tree,
        is_package: bool,
        setup: Option<&str>,
        main_file: Option<String>,
        dev_file: Option<String>,
    ) {
        let main = main_file
            .as_deref()
            .map(|file| requirements::read(tree, file));
        let dev = dev_file
            .as_deref()
            .map(|file| requirements::read(tree, file));
        let mut installs_project = false;
        let dev_includes_main = match (&main, &dev) {
            (Some(main), Some(dev)) => main
                .files
                .first()
                .is_some_and(|file| dev.files.contains(file)),
            _ => false,
        };
        for (read, file, is_dev) in [(&main, &main_file, false), (&dev, &dev_file, true)] {
            let (Some(read), Some(file)) = (read, file) else {
                continue;
            };
            installs_project |= read.installs_project;
            if is_dev || !dev_includes_main {
                let shown = path::relative(&self.root, file);
                self.install
                    .push((format!("pip install -r {shown}"), Evidence::new(file, 1)));
            }
            for dependency in &read.dependencies {
                let is_main = main
                    .as_ref()
                    .is_some_and(|main| main.files.contains(&dependency.evidence.path));
                if is_dev && is_main && main.is_some() && !self.runtime.is_empty() {
                    continue;
                }
                if is_dev {
                    self.development.push(dependency.clone());
                } else {
                    self.runtime.push(dependency.clone());
                }
            }
            self.outside.extend(
                read.files
                    .iter()
                    .filter(|file| !path::is_within(file, &self.root))
                    .cloned(),
            );
        }
        let mut flags = String::new();
        let mut extras = Vec::new();
        if is_package && let Some(node) = self.pyproject.clone() {
            self.read_project_dependencies(&node);
            flags = self.read_dependency_groups(&node, |group| format!(" --group {group}"));
            extras = self.read_extras(&node);
        }
        let has_build = self.pyproject.as_ref().is_some_and(|node| {
            is_package && (node.get("build-system").is_some() || self.install.is_empty())
        });
        if let (Some(file), false) = (setup, is_package) {
            self.read_setup(tree, file, &mut extras);
        }
        if (has_build || setup.is_some() && !is_package) && !installs_project {
            let target = if extras.is_empty() {
                ".".to_owned()
            } else {
                format!("'.[{}]'", extras.join(","))
            };
            let evidence = if is_package {
                self.main.clone()
            } else {
                Evidence::new(setup.unwrap_or_default(), 1)
            };
            self.install
                .push((format!("pip install -e {target}{flags}"), evidence));
        } else if !flags.is_empty() {
            let evidence = Evidence::new(self.pyproject_path(), 1);
            self.install.push((format!("pip install{flags}"), evidence));
        }
    }

    fn read_project_dependencies(&mut self, node: &Node) {
        let file = self.pyproject_path();
        if let Some(dependencies) = node.at(&["project", "dependencies"]) {
            self.runtime.extend(list(dependencies, &file));
        }
    }

    /// Extras that hold tools for the steps.
    fn read_extras(&mut self, node: &Node) -> Vec<String> {
        let file = self.pyproject_path();
        let mut wanted = Vec::new();
        for extra in node
            .at(&["project", "optional-dependencies"])
            .map(Node::entries)
            .unwrap_or_default()
        {
            let dependencies = list(&extra.node, &file);
            if DEV_GROUPS.contains(&extra.key.as_str()) || holds_test_runner(&dependencies) {
                wanted.push(extra.key.clone());
                self.development.extend(dependencies);
            }
        }
        wanted
    }

    /// PEP 735 groups that hold tools for the steps; the flags that install them.
    fn read_dependency_groups(&mut self, node: &Node, flag: impl Fn(&str) -> String) -> String {
        let file = self.pyproject_path();
        let mut flags = String::new();
        let groups = node
            .get("dependency-groups")
            .map(Node::entries)
            .unwrap_or_default();
        let mut included: Vec<&str> = Vec::new();
        for group in groups {
            let dependencies = list(&group.node, &file);
            let is_wanted =
                DEV_GROUPS.contains(&group.key.as_str()) || holds_test_runner(&dependencies);
            if !is_wanted || included.contains(&group.key.as_str()) {
                continue;
            }
            self.development.extend(dependencies);
            for item in group.node.items() {
                if let Some(other) = item.get("include-group").and_then(Node::str) {
                    included.push(other);
                    if let Some(found) = groups.iter().find(|group| group.key == other) {
                        self.development.extend(list(&found.node, &file));
                    }
                }
            }
            flags.push_str(&flag(&group.key));
        }
        flags
    }

    fn read_metadata(&mut self, tree: &Tree, setup: Option<&str>) {
        if let Some(node) = self.pyproject.clone() {
            let file = self.pyproject_path();
            self.name = node
                .at(&["project", "name"])
                .or_else(|| node.at(&["tool", "poetry", "name"]))
                .and_then(Node::str)
                .map(requirements::normalise);
            let bound = node
                .entry_at(&["project", "requires-python"])
                .or_else(|| node.entry_at(&["tool", "poetry", "dependencies", "python"]));
            if let Some(entry) = bound
                && let Some(text) = entry.node.str()
            {
                self.bound = Some((text.to_owned(), Evidence::new(file, entry.line)));
            }
        }
        for file in [setup, Some(path::join(&self.root, "setup.cfg").as_str())]
            .into_iter()
            .flatten()
        {
            let Some(text) = tree.text(file) else {
                continue;
            };
            for (at, line) in text.lines().enumerate() {
                // `name = tool` in setup.cfg, `setup(name="tool", …)` in setup.py.
                for key in ["python_requires", "name"] {
                    let Some(value) = setup::setting(line, key) else {
                        continue;
                    };
                    match key {
                        "python_requires" if self.bound.is_none() => {
                            self.bound = Some((value, Evidence::new(file, at + 1)));
                        }
                        "name" if self.name.is_none() => {
                            self.name = Some(requirements::normalise(&value));
                        }
                        _ => {}
                    }
                }
            }
        }
    }
}

fn first_file(tree: &Tree, root: &str, names: &[&str]) -> Option<String> {
    tree.first_in(root, names)
}

fn list(node: &Node, file: &str) -> Vec<Dependency> {
    node.items()
        .iter()
        .filter_map(|item| Dependency::parse(item.str()?, Evidence::new(file, item.line)))
        .collect()
}

fn holds_tools(dependencies: &[Dependency]) -> bool {
    dependencies
        .iter()
        .any(|dependency| TEST_TOOLS.contains(&dependency.name.as_str()))
}

fn holds_test_runner(dependencies: &[Dependency]) -> bool {
    dependencies.iter().any(|dependency| {
        matches!(
            dependency.name.as_str(),
            "pytest" | "pytest-django" | "nose2" | "tox" | "nox"
        )
    })
}

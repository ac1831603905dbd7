//! What can be proved of a Python component, and with which servers. Each step
//! rests on a file that shows that it can work; what is missing is a gap.

use super::manifest::Manifests;
use super::source::Sources;
use crate::project::Survey;
use crate::project::defaults;
use crate::project::model::{Component, Evidence, Need, StepKind};
use crate::project::path;

/// Drivers by the server that they speak to.
const DRIVERS: [(&str, &[&str]); 3] = [
    (
        "postgres",
        &[
            "psycopg",
            "psycopg2",
            "psycopg2-binary",
            "psycopg-binary",
            "asyncpg",
            "pg8000",
        ],
    ),
    (
        "mysql",
        &[
            "mysqlclient",
            "pymysql",
            "aiomysql",
            "asyncmy",
            "mysql-connector-python",
        ],
    ),
    ("mongodb", &["pymongo", "motor", "mongoengine", "beanie"]),
];

pub(super) fn add(
    survey: &Survey<'_>,
    manifests: &Manifests,
    sources: &Sources,
    component: &mut Component,
) {
    let steps = Steps {
        survey,
        manifests,
        sources,
    };
    steps.lint(component);
    steps.format(component);
    steps.types(component);
    steps.migrations(component);
    steps.tests(component);
}

/// What the steps are decided from.
pub(super) struct Steps<'a> {
    pub(super) survey: &'a Survey<'a>,
    pub(super) manifests: &'a Manifests,
    pub(super) sources: &'a Sources,
}

impl Steps<'_> {
    fn run(&self, command: &str) -> String {
        format!("{}{command}", self.manifests.prefix())
    }

    /// Where a tool is configured: a file of its own, or its part of a shared one.
    fn configured(&self, files: &[&str], tool: &str) -> Option<Evidence> {
        let tree = self.survey.tree;
        let root = &self.manifests.root;
        if let Some(file) = tree.first_in(root, files) {
            return Some(Evidence::new(file, 1));
        }
        if let Some(entry) = self
            .manifests
            .pyproject
            .as_ref()
            .and_then(|node| node.entry_at(&["tool", tool]))
        {
            return Some(Evidence::new(
                path::join(root, "pyproject.toml"),
                entry.line,
            ));
        }
        ["setup.cfg", "tox.ini"].iter().find_map(|name| {
            let file = path::join(root, name);
            let text = tree.text(&file)?;
            let at = text.lines().position(|line| {
                line.strip_prefix('[')
                    .and_then(|rest| rest.strip_suffix(']'))
                    .is_some_and(|section| section == tool || section == format!("tool:{tool}"))
            })?;
            Some(Evidence::new(file, at + 1))
        })
    }

    fn lint(&self, component: &mut Component) {
        let ruff = self.configured(&["ruff.toml", ".ruff.toml"], "ruff");
        let flake8 = self.configured(&[".flake8"], "flake8");
        let mut missing = Vec::new();
        if let Some(dependency) = self.manifests.find("ruff") {
            let evidence = ruff.clone().unwrap_or_else(|| dependency.evidence.clone());
            component.add_step(
                StepKind::Lint,
                "Lint with ruff",
                self.run("ruff check ."),
                evidence,
            );
        } else if let Some(evidence) = &ruff {
            missing.push(("ruff", evidence.clone()));
        }
        if let Some(dependency) = self.manifests.find("flake8") {
            let evidence = flake8
                .clone()
                .unwrap_or_else(|| dependency.evidence.clone());
            component.add_step(
                StepKind::Lint,
                "Lint with flake8",
                self.run("flake8 ."),
                evidence,
            );
        } else if let Some(evidence) = &flake8 {
            missing.push(("flake8", evidence.clone()));
        }
        if let Some(dependency) = self.manifests.find("isort") {
            component.add_step(
                StepKind::Lint,
                "Check the order of imports",
                self.run("isort --check-only ."),
                dependency.evidence.clone(),
            );
        }
        for (tool, evidence) in &missing {
            component.add_gap(
                "lint",
                format!(
                    "{tool} is configured in {} and not among the dependencies",
                    evidence.path
                ),
                format!("add {tool} to the development dependencies"),
            );
        }
        if !component.has_step(StepKind::Lint) && missing.is_empty() {
            component.add_gap(
                "lint",
                "no linter is set up",
                "add ruff to the development dependencies and configure it in pyproject.toml",
            );
        }
    }

    fn format(&self, component: &mut Component) {
        if let Some(dependency) = self.manifests.find("black") {
            let evidence = self
                .configured(&[], "black")
                .unwrap_or_else(|| dependency.evidence.clone());
            component.add_step(
                StepKind::Format,
                "Check the format with black",
                self.run("black --check ."),
                evidence,
            );
        } else if self.manifests.find("ruff").is_some()
            && let Some(evidence) = self.ruff_format()
        {
            component.add_step(
                StepKind::Format,
                "Check the format with ruff",
                self.run("ruff format --check ."),
                evidence,
            );
        }
    }

    /// Ruff formats only where somebody configured that.
    fn ruff_format(&self) -> Option<Evidence> {
        let tree = self.survey.tree;
        let root = &self.manifests.root;
        if let Some(entry) = self
            .manifests
            .pyproject
            .as_ref()
            .and_then(|node| node.entry_at(&["tool", "ruff", "format"]))
        {
            return Some(Evidence::new(
                path::join(root, "pyproject.toml"),
                entry.line,
            ));
        }
        ["ruff.toml", ".ruff.toml"].iter().find_map(|name| {
            let file = path::join(root, name);
            let node = tree.toml(&file)?;
            Some(Evidence::new(&file, node.entry("format")?.line))
        })
    }

    fn types(&self, component: &mut Component) {
        if let (Some(_), Some(evidence)) = (
            self.manifests.find("mypy"),
            self.configured(&["mypy.ini", ".mypy.ini"], "mypy"),
        ) {
            let names_files = self.manifests.pyproject.as_ref().is_some_and(|node| {
                node.at(&["tool", "mypy", "files"]).is_some()
                    || node.at(&["tool", "mypy", "packages"]).is_some()
            }) || self.survey.tree.text(&evidence.path).is_some_and(|text| {
                evidence.path.ends_with("ini") && text.lines().any(|line| line.starts_with("files"))
            });
            let command = if names_files { "mypy" } else { "mypy ." };
            component.add_step(
                StepKind::TypeCheck,
                "Check types with mypy",
                self.run(command),
                evidence,
            );
        } else if let (Some(_), Some(evidence)) = (
            self.manifests.find_any(&["pyright", "basedpyright"]),
            self.configured(&["pyrightconfig.json"], "pyright"),
        ) {
            component.add_step(
                StepKind::TypeCheck,
                "Check types with pyright",
                self.run("pyright"),
                evidence,
            );
        }
    }

    /// The database server whose driver is installed.
    pub(super) fn driver(&self) -> Option<(&'static str, Evidence)> {
        DRIVERS.iter().find_map(|(server, drivers)| {
            let dependency = self.manifests.find_any(drivers)?;
            Some((*server, dependency.evidence.clone()))
        })
    }

    pub(super) fn add_service(
        &self,
        component: &mut Component,
        name: &str,
        need: Need,
        evidence: Evidence,
    ) {
        let root = &self.manifests.root;
        match self.survey.service_image(root, name) {
            Some((image, from)) => {
                component.add_service(name, &image, need, evidence);
                component.add_service(name, &image, need, from);
            }
            None => component.add_service(name, defaults::service_image(name), need, evidence),
        }
    }

    fn migrations(&self, component: &mut Component) {
        if let Some(manage) = &self.sources.manage
            && self.manifests.find("django").is_some()
        {
            self.django_migrations(component, manage);
            return;
        }
        let tree = self.survey.tree;
        let root = &self.manifests.root;
        let Some(dependency) = self.manifests.find("alembic") else {
            return;
        };
        let Some(ini) = tree
            .named("alembic.ini")
            .filter(|file| path::is_within(file, root))
            .min_by_key(|file| file.matches('/').count())
        else {
            return;
        };
        let folder = path::parent(ini).to_owned();
        let location = tree.text(ini).and_then(|text| {
            text.lines().find_map(|line| {
                let value = line
                    .strip_prefix("script_location")?
                    .trim_start()
                    .strip_prefix('=')?;
                Some(value.trim().replace("%(here)s/", ""))
            })
        });
        let env_file = path::join(
            &folder,
            &format!("{}/env.py", location.as_deref().unwrap_or("alembic")),
        );
        // Flask-Migrate keeps `env.py` beside the file.
        let beside = path::join(&folder, "env.py");
        let env_file = if tree.contains(&env_file) {
            env_file
        } else {
            beside
        };
        let env_text = tree.text(&env_file);
        // Flask-Migrate's environment works only behind `flask db`, in an application
        // that it is told of.
        if env_text
            .as_ref()
            .is_some_and(|text| text.contains("current_app"))
        {
            return;
        }
        let start = component.steps.len();
        component.add_step(
            StepKind::Migrations,
            "Build an empty database by migrations",
            self.run("alembic upgrade head"),
            Evidence::new(ini, 1),
        );
        let has_metadata = env_text.as_ref().is_some_and(|text| {
            text.lines().any(|line| {
                line.starts_with("target_metadata") && !line.trim_end().ends_with("None")
            })
        });
        if has_metadata && !is_older_than(&dependency.specifier, 1, 9) {
            component.add_step(
                StepKind::Migrations,
                "Check that the migrations equal the models",
                self.run("alembic check"),
                Evidence::new(&env_file, 1),
            );
        }
        for step in &mut component.steps[start..] {
            step.command.directory.clone_from(&folder);
        }
        let uses_sqlite = tree.text(ini).is_some_and(|text| {
            text.lines()
                .any(|line| line.starts_with("sqlalchemy.url") && line.contains("sqlite"))
        }) && env_text
            .is_none_or(|text| !text.contains("environ") && !text.contains("settings"));
        if let Some((server, evidence)) = self.driver()
            && !uses_sqlite
        {
            self.add_service(component, server, Need::Migrations, evidence);
        }
    }

    fn django_migrations(&self, component: &mut Component, manage: &str) {
        let folder = path::parent(manage).to_owned();
        let start = component.steps.len();
        for (name, command) in [
            (
                "Check that the migrations equal the models",
                "python manage.py makemigrations --check --dry-run",
            ),
            (
                "Build an empty database by migrations",
                "python manage.py migrate --no-input",
            ),
        ] {
            component.add_step(
                StepKind::Migrations,
                name,
                self.run(command),
                Evidence::new(manage, 1),
            );
        }
        for step in &mut component.steps[start..] {
            step.command.directory.clone_from(&folder);
        }
        if let Some((server, evidence)) = self.django_database() {
            self.add_service(component, server, Need::Migrations, evidence.clone());
            self.add_service(component, server, Need::Tests, evidence);
        }
    }

    /// The database of Django's settings: an engine, or an address with a driver.
    fn django_database(&self) -> Option<(&'static str, Evidence)> {
        let tree = self.survey.tree;
        let settings = self.sources.files.iter().filter(|file| {
            path::name(file).starts_with("settings") || path::parent(file).ends_with("settings")
        });
        for file in settings {
            let Some(text) = tree.text(file) else {
                continue;
            };
            for (at, line) in text.lines().enumerate() {
                let evidence = || Evidence::new(file, at + 1);
                let code = line.split('#').next().unwrap_or_default();
                if code.contains("backends.postgresql") || code.contains("gis.db.backends.postgis")
                {
                    return Some(("postgres", evidence()));
                }
                if code.contains("backends.mysql") {
                    return Some(("mysql", evidence()));
                }
                let by_address = [
                    "dj_database_url",
                    "env.db(",
                    "env.dj_db_url(",
                    "DATABASE_URL",
                ]
                .iter()
                .any(|word| code.contains(word));
                if by_address
                    && !code.trim_start().starts_with("import")
                    && let Some((server, _)) = self.driver()
                {
                    return Some((server, evidence()));
                }
            }
        }
        None
    }

    fn tests(&self, component: &mut Component) {
        let tree = self.survey.tree;
        let root = &self.manifests.root;
        let Some(first) = self.sources.tests.first() else {
            component.add_gap(
                "test",
                "there are no tests",
                "write a first one in tests/ and run it with pytest",
            );
            return;
        };
        let texts: Vec<(&String, std::sync::Arc<str>)> = self
            .sources
            .conftests
            .iter()
            .chain(self.sources.tests.iter().take(60))
            .filter_map(|file| Some((file, tree.text(file)?)))
            .collect();
        let config = self.pytest_config();
        let evidence = config.clone().unwrap_or_else(|| Evidence::new(first, 1));
        let gaps = component.gaps.len();
        if let Some(dependency) =
            self.manifests
                .find_any(&["pytest", "pytest-django", "pytest-asyncio"])
        {
            self.missing_test_dependencies(&texts, config.as_ref(), component);
            if component.gaps.len() > gaps {
                return;
            }
            let with_coverage =
                self.manifests.find("pytest-cov").is_some() && self.coverage_configured();
            let python = if self.manifests.prefix().is_empty() {
                "python -m "
            } else {
                ""
            };
            let coverage = if with_coverage { " --cov" } else { "" };
            let evidence = config.unwrap_or_else(|| dependency.evidence.clone());
            component.add_step(
                StepKind::Test,
                "Test with pytest",
                self.run(&format!("{python}pytest{coverage}")),
                evidence,
            );
        } else if let Some(manage) = &self.sources.manage
            && self.manifests.find("django").is_some()
        {
            component.add_step(
                StepKind::Test,
                "Test",
                self.run("python manage.py test"),
                Evidence::new(first, 1),
            );
            if let Some(step) = component.steps.last_mut() {
                path::parent(manage).clone_into(&mut step.command.directory);
            }
        } else if let Some((file, at)) = texts.iter().find_map(|(file, text)| {
            let at = text.lines().position(|line| line.contains("TestCase"))?;
            Some((file, at + 1))
        }) && config.is_none()
            && !texts.iter().any(|(_, text)| text.contains("import pytest"))
        {
            let folder = path::relative(root, path::parent(file));
            let start = if folder == "."
                || folder.contains('/')
                || !tree.contains(&path::join(path::parent(file), "__init__.py"))
            {
                format!(" -s {folder}")
            } else {
                String::new()
            };
            let start = if folder == "." { String::new() } else { start };
            component.add_step(
                StepKind::Test,
                "Test with unittest",
                self.run(&format!("python -m unittest discover{start}")),
                Evidence::new(*file, at),
            );
        } else if let Some((tool, file)) = [("tox", "tox.ini"), ("nox", "noxfile.py")]
            .into_iter()
            .find_map(|(tool, file)| {
                let file = path::join(root, file);
                (tree.contains(&file) && self.manifests.find(tool).is_some())
                    .then_some((tool, file))
            })
        {
            component.add_step(
                StepKind::Test,
                format!("Test with {tool}"),
                self.run(tool),
                Evidence::new(file, 1),
            );
        } else {
            component.add_gap(
                "test-dependency",
                format!(
                    "there are tests ({}) and what is installed cannot run them: pytest is missing",
                    evidence.path
                ),
                "add pytest to the development dependencies",
            );
            return;
        }
        self.test_services(&texts, component);
    }

    fn pytest_config(&self) -> Option<Evidence> {
        let tree = self.survey.tree;
        let root = &self.manifests.root;
        if let Some(file) = tree.first_in(root, &["pytest.ini", ".pytest.ini"]) {
            return Some(Evidence::new(file, 1));
        }
        if let Some(entry) = self
            .manifests
            .pyproject
            .as_ref()
            .and_then(|node| node.entry_at(&["tool", "pytest"]))
        {
            let line = entry
                .node
                .entry("ini_options")
                .map_or(entry.line, |inner| inner.line);
            return Some(Evidence::new(path::join(root, "pyproject.toml"), line));
        }
        self.configured(&[], "pytest")
    }

    fn coverage_configured(&self) -> bool {
        let asks = self
            .pytest_config()
            .and_then(|evidence| self.survey.tree.text(&evidence.path))
            .is_some_and(|text| text.contains("--cov"));
        // Already asked for in `addopts`: asking twice changes nothing for the better.
        !asks && self.configured(&[".coveragerc"], "coverage").is_some()
    }
}

/// Whether `==1.8.1` is older than 1.9. Open bounds are not.
fn is_older_than(specifier: &str, major: u32, minor: u32) -> bool {
    let Some(pinned) = specifier.split(',').find_map(|part| {
        part.trim()
            .strip_prefix("==")
            .or_else(|| part.trim().strip_prefix('<'))
    }) else {
        return false;
    };
    let mut parts = pinned
        .trim()
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    found < (major, minor)
}

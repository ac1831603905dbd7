//! What the tests of a Python component need beside themselves: packages that
//! the install must bring, and servers.

use super::steps::Steps;
use crate::project::model::{Component, Evidence, Need};

impl Steps<'_> {
    /// What tests import or name and the install does not bring.
    pub(super) fn missing_test_dependencies(
        &self,
        texts: &[(&String, std::sync::Arc<str>)],
        config: Option<&Evidence>,
        component: &mut Component,
    ) {
        let mut miss = |package: &str, file: &str, line: usize, why: &str| {
            component.add_gap(
                "test-dependency",
                format!(
                    "the tests need {package} ({why} in {file}:{line}), and it is not installed"
                ),
                format!("add {package} to the development dependencies"),
            );
        };
        let find = |word: &str| {
            texts.iter().find_map(|(file, text)| {
                let at = text
                    .lines()
                    .position(|line| line.contains(word) && !line.trim_start().starts_with('#'))?;
                Some((file.as_str(), at + 1))
            })
        };
        // A test may speak of a database that it never opens; its set-up does not.
        let in_conftest = |file: &str| file.ends_with("conftest.py");
        for (word, packages, why) in [
            ("sqlite+aiosqlite", &["aiosqlite"][..], "a database address"),
            ("import TestClient", &["httpx", "requests"], "TestClient"),
            ("import httpx", &["httpx"], "import"),
            ("from httpx", &["httpx"], "import"),
            ("import respx", &["respx"], "import"),
            ("import freezegun", &["freezegun"], "import"),
            ("from freezegun", &["freezegun"], "import"),
            ("from hypothesis", &["hypothesis"], "import"),
            ("import factory", &["factory-boy"], "import"),
            ("import fakeredis", &["fakeredis"], "import"),
            ("import pytest_asyncio", &["pytest-asyncio"], "import"),
            ("@pytest.mark.django_db", &["pytest-django"], "mark"),
            ("@pytest.mark.asyncio", &["pytest-asyncio"], "mark"),
        ] {
            // A lock or an extra may bring it under another roof: `fastapi[standard]`.
            let by_extra = packages[0] == "httpx"
                && self.manifests.installed().any(|dependency| {
                    matches!(
                        dependency.name.as_str(),
                        "fastapi" | "starlette" | "litestar"
                    ) && ["[standard", "[all", "[full", "[test"]
                        .iter()
                        .any(|extra| dependency.specifier.contains(extra))
                });
            if self.manifests.find_any(packages).is_none()
                && !by_extra
                && !self.is_django_client(word)
                && let Some((file, line)) = find(word)
                && (packages[0] != "aiosqlite" || in_conftest(file))
                && !self.is_locked(packages[0])
            {
                miss(packages[0], file, line, why);
            }
        }
        if let Some(evidence) = config
            && self.manifests.find("pytest-asyncio").is_none()
            && !self.is_locked("pytest-asyncio")
            && let Some(text) = self.survey.tree.text(&evidence.path)
            && let Some(at) = text
                .lines()
                .position(|line| line.trim_start().starts_with("asyncio_mode"))
        {
            miss("pytest-asyncio", &evidence.path, at + 1, "asyncio_mode");
        }
    }

    /// Django has a `TestClient` of others' names only by accident; ninja's needs nothing.
    fn is_django_client(&self, word: &str) -> bool {
        word == "import TestClient"
            && self
                .manifests
                .find_any(&["fastapi", "starlette", "litestar"])
                .is_none()
    }

    /// Whether the lock file brings a package that no manifest names.
    fn is_locked(&self, package: &str) -> bool {
        self.manifests
            .lock
            .as_ref()
            .and_then(|lock| self.survey.tree.text(&lock.path))
            .is_some_and(|text| {
                text.contains(&format!("name = \"{package}\""))
                    || text.contains(&format!("\"{package}\": {{"))
            })
    }

    /// Servers that tests talk to: the word of the tests counts, not what the
    /// application may use.
    pub(super) fn test_services(
        &self,
        texts: &[(&String, std::sync::Arc<str>)],
        component: &mut Component,
    ) {
        let find = |words: &[&str]| {
            texts.iter().find_map(|(file, text)| {
                let at = text.lines().position(|line| {
                    words.iter().any(|word| line.contains(word))
                        && !line.trim_start().starts_with('#')
                })?;
                Some(Evidence::new(file.as_str(), at + 1))
            })
        };
        let brings_its_own = self
            .manifests
            .find_any(&[
                "pytest-docker",
                "pytest-databases",
                "pytest-postgresql",
                "testcontainers",
            ])
            .is_some()
            || find(&[
                "testcontainers",
                "testing.postgresql",
                "pytest_postgresql",
                "pgserver",
            ])
            .is_some();
        let is_django = self.sources.manage.is_some() && self.manifests.find("django").is_some();
        let on_sqlite = find(&["sqlite"]).is_some();
        if !brings_its_own
            && !is_django
            && let Some((server, _)) = self.driver()
        {
            let by_name = match server {
                "postgres" => find(&["postgres", "psycopg", "asyncpg"]),
                "mysql" => find(&["mysql"]),
                _ => find(&["mongo"]),
            };
            let by_address = find(&[
                "DATABASE_URL",
                "DATABASE_URI",
                "create_engine",
                "create_async_engine",
                "SessionLocal",
                "get_db",
                "engine",
            ]);
            if let Some(evidence) = by_name
                .filter(|_| !on_sqlite)
                .or_else(|| by_address.filter(|_| !on_sqlite))
            {
                self.add_service(component, server, Need::Tests, evidence);
            }
        }
        if self
            .manifests
            .find_any(&["redis", "aioredis", "django-redis"])
            .is_some()
            && self.manifests.find("fakeredis").is_none()
            && let Some(evidence) = find(&[
                "redis://",
                "import redis",
                "from redis",
                "REDIS_URL",
                "REDIS_HOST",
            ])
            && !brings_its_own
            && find(&["fakeredis", "MagicMock", "monkeypatch.setattr"]).is_none()
        {
            self.add_service(component, "redis", Need::Tests, evidence);
        }
    }
}

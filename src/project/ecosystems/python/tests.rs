//! Hard cases of Python repositories.

use crate::project::detect_in;
use crate::project::model::{Component, Need, Role, StepKind};
use crate::project::testing::tree;

fn components(files: &[(&str, &str)]) -> Vec<Component> {
    let (_folder, tree) = tree(files);
    let mut found = detect_in(&tree).components;
    found.retain(|component| component.language == crate::project::model::Language::Python);
    found
}

fn one(files: &[(&str, &str)]) -> Component {
    let mut found = components(files);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

fn commands(component: &Component, kind: StepKind) -> Vec<&str> {
    component
        .steps
        .iter()
        .filter(|step| step.kind == kind)
        .map(|step| step.command.run.as_str())
        .collect()
}

#[test]
fn a_fastapi_backend_with_alembic() {
    let component = one(&[
        (
            "backend/requirements.txt",
            "fastapi==0.110\nuvicorn\nsqlalchemy\nalembic==1.12.1\npsycopg[binary]\npytest\nhttpx\nruff\n",
        ),
        ("backend/app/__init__.py", ""),
        (
            "backend/app/main.py",
            "from fastapi import FastAPI\nfrom app import auth\napp = FastAPI()\n",
        ),
        (
            "backend/app/auth.py",
            "import os\nSECRET = os.getenv(\"NEXTAUTH_SECRET\")\nif not SECRET:\n    raise ValueError(\"x\")\n",
        ),
        (
            "backend/tests/conftest.py",
            "from sqlalchemy import create_engine\nengine = create_engine(\"sqlite://\")\n",
        ),
        (
            "backend/tests/test_a.py",
            "from fastapi.testclient import TestClient\nfrom app.main import app\n",
        ),
        (
            "backend/alembic.ini",
            "[alembic]\nscript_location = alembic\n",
        ),
        (
            "backend/alembic/env.py",
            "from alembic import context\nimport os\nurl = os.environ[\"DATABASE_URL\"]\ntarget_metadata = Base.metadata\n",
        ),
        ("backend/ruff.toml", "line-length = 100\n"),
        ("Dockerfile", "FROM python:3.11-slim\nCOPY backend/ /app\n"),
    ]);
    assert_eq!(component.role, Role::Backend);
    assert_eq!(
        component
            .framework
            .as_ref()
            .map(|found| found.value.as_str()),
        Some("fastapi")
    );
    assert_eq!(commands(&component, StepKind::Lint), ["ruff check ."]);
    assert_eq!(
        commands(&component, StepKind::Migrations),
        ["alembic upgrade head", "alembic check"]
    );
    assert_eq!(commands(&component, StepKind::Test), ["python -m pytest"]);
    let postgres = &component.services[0];
    assert_eq!(
        postgres.needed_by.iter().copied().collect::<Vec<_>>(),
        [Need::Migrations]
    );
    let names: Vec<_> = component
        .environment
        .iter()
        .map(|found| found.name.as_str())
        .collect();
    assert_eq!(names, ["DATABASE_URL", "NEXTAUTH_SECRET"]);
    assert!(component.environment[1].needed_by.contains(&Need::Tests));
}

#[test]
fn a_test_dependency_that_is_missing_is_a_gap_and_no_step() {
    let component = one(&[
        ("requirements.txt", "fastapi\npytest\nhttpx\n"),
        ("main.py", "from fastapi import FastAPI\napp = FastAPI()\n"),
        (
            "tests/conftest.py",
            "URL = \"sqlite+aiosqlite:///:memory:\"\n",
        ),
        ("tests/test_a.py", "def test_a(): pass\n"),
    ]);
    assert_eq!(commands(&component, StepKind::Test), Vec::<&str>::new());
    let gap = component
        .gaps
        .iter()
        .find(|gap| gap.kind == "test-dependency")
        .expect("a gap");
    assert!(
        gap.message.contains("aiosqlite") && gap.message.contains("tests/conftest.py:1"),
        "{gap:?}"
    );
}

#[test]
fn django_with_a_chain_of_requirements() {
    let component = one(&[
        (
            "server/requirements/base.txt",
            "Django==5.0\npsycopg2-binary\n",
        ),
        (
            "server/requirements/dev.txt",
            "-r base.txt\npytest-django\npytest\n",
        ),
        (
            "server/manage.py",
            "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site.settings')\n",
        ),
        (
            "server/site/settings.py",
            "SECRET_KEY = os.environ['SECRET_KEY']\nDATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql'}}\n",
        ),
        ("server/site/__init__.py", ""),
        ("server/app/tests.py", "from django.test import TestCase\n"),
        (
            "server/package.json",
            "{\"devDependencies\": {\"husky\": \"9\"}}",
        ),
    ]);
    assert_eq!(component.root, "server");
    assert_eq!(component.install.len(), 1);
    assert_eq!(
        component.install[0].run,
        "pip install -r requirements/dev.txt"
    );
    assert_eq!(commands(&component, StepKind::Test), ["python -m pytest"]);
    assert_eq!(component.services[0].needed_by.len(), 2);
    assert_eq!(component.environment[0].name, "SECRET_KEY");
    assert!(component.environment[0].needed_by.contains(&Need::Tests));
}

#[test]
fn managers_have_their_own_install_and_prefix() {
    let poetry = one(&[
        (
            "pyproject.toml",
            "[tool.poetry]\nname = \"x\"\n[tool.poetry.dependencies]\npython = \"^3.11\"\nflask = \"^3\"\n[tool.poetry.group.dev.dependencies]\npytest = \"*\"\nblack = \"*\"\n",
        ),
        (
            "poetry.lock",
            "# This file is automatically @generated by Poetry 1.8.3 and should not be changed by hand.\n",
        ),
        ("app.py", "from flask import Flask\napp = Flask(__name__)\n"),
        ("tests/test_a.py", "def test_a(): pass\n"),
    ]);
    assert_eq!(poetry.install[0].run, "poetry install --no-interaction");
    assert_eq!(
        poetry
            .package_manager_version
            .as_ref()
            .map(|found| found.value.as_str()),
        Some("1.8.3")
    );
    assert_eq!(commands(&poetry, StepKind::Test), ["poetry run pytest"]);
    assert_eq!(
        commands(&poetry, StepKind::Format),
        ["poetry run black --check ."]
    );
    assert_eq!(
        poetry.version.as_ref().map(|found| found.value.as_str()),
        Some("3.11")
    );
    assert_eq!(poetry.name, "x");
    let uv = one(&[
        (
            "svc/pyproject.toml",
            "[project]\nname = \"svc\"\nrequires-python = \">=3.10\"\ndependencies = []\n[dependency-groups]\ndev = [\"pytest\"]\nlint = [\"ruff\"]\n",
        ),
        ("svc/uv.lock", "version = 1\n"),
        ("svc/.python-version", "3.12\n"),
        ("svc/svc.py", ""),
        ("svc/tests/test_a.py", "def test_a(): pass\n"),
    ]);
    assert_eq!(uv.install[0].run, "uv sync --locked --group lint");
    assert_eq!(commands(&uv, StepKind::Test), ["uv run pytest"]);
    assert_eq!(commands(&uv, StepKind::Lint), ["uv run ruff check ."]);
    assert_eq!(
        uv.version.as_ref().map(|found| found.value.as_str()),
        Some("3.12")
    );
    assert!(
        uv.version
            .as_ref()
            .is_some_and(|found| found.contradictions.is_empty())
    );
}

#[test]
fn configuration_docs_and_samples_are_no_components() {
    let found = components(&[
        ("pyproject.toml", "[tool.ruff]\nline-length = 100\n"),
        ("docs/requirements.txt", "mkdocs\n"),
        ("docs/conf.py", ""),
        ("examples/a/requirements.txt", "flask\n"),
        ("examples/a/app.py", ""),
        ("api/requirements.txt", "flask\n"),
        (
            "api/app.py",
            "from flask import Flask\napp = Flask(__name__)\n",
        ),
    ]);
    let roots: Vec<_> = found
        .iter()
        .map(|component| component.root.as_str())
        .collect();
    assert_eq!(roots, ["api"]);
}

#[test]
fn unittest_needs_no_dependency() {
    let component = one(&[
        (
            "setup.py",
            "from setuptools import setup\nsetup(name='tool', python_requires='>=3.9')\n",
        ),
        ("tool/__init__.py", ""),
        ("tests/__init__.py", ""),
        (
            "tests/test_a.py",
            "import unittest\nclass A(unittest.TestCase):\n    pass\n",
        ),
    ]);
    assert_eq!(component.role, Role::Library);
    assert_eq!(component.install[0].run, "pip install -e .");
    assert_eq!(
        commands(&component, StepKind::Test),
        ["python -m unittest discover"]
    );
    assert_eq!(component.name, "tool");
}

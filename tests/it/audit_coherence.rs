//! `ci-tool audit` on repositories whose files say different things: each defect where it
//! is, and none in the mended twin.

use std::path::Path;

use crate::common::{ci_tool, write};

/// `rule path:line` of what the rules of this file find, sorted.
fn found(there: &Path, arguments: &[&str]) -> Vec<String> {
    let arguments = [&["audit", "--format", "json"], arguments].concat();
    let run = ci_tool(there, &arguments);
    assert!(run.code <= 1, "{}{}", run.stdout, run.stderr);
    let answer: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let findings = answer["findings"].as_array().expect("a list");
    let mut all: Vec<String> = findings
        .iter()
        .map(|one| {
            let finding = &one["finding"];
            let rule = finding["reportedBy"][0]["rule"].as_str().expect("a rule");
            let place = &finding["locations"][0];
            let path = place["path"].as_str().expect("a path");
            format!("{rule} {path}:{}", place["line"])
        })
        .filter(|one| ci_tool::audit::rule(one.split(' ').next().expect("a rule")).is_some())
        .collect();
    all.sort();
    all
}

/// Files with edits: the path, the text, and what is replaced in the twin.
type Files<'t> = [(&'t str, &'t str, &'t [(&'t str, &'t str)])];

fn look(files: &Files<'_>, expected: &[&str]) {
    let there = tempfile::tempdir().expect("a folder");
    for (path, text, _) in files {
        write(there.path(), path, *text);
    }
    assert_eq!(found(there.path(), &[]), expected);
    for (path, text, edits) in files {
        let mut text = (*text).to_owned();
        for (from, to) in *edits {
            assert!(text.contains(from), "{path}: {from}");
            text = text.replace(from, to);
        }
        write(there.path(), path, text);
    }
    assert_eq!(found(there.path(), &[]), [""; 0]);
}

/// The jobs that were proposed to the team of the published audit, of which none would run.
#[test]
fn jobs_that_cannot_pass() {
    let workflow = "on: push\njobs:\n  backend:\n    runs-on: ubuntu-latest\n    services:\n      postgres:\n        image: postgres:16\n        env:\n          POSTGRES_PASSWORD: x\n    steps:\n      - uses: actions/checkout@df4cb1c069e1874edd31b4311f1884172cec0e10 # v6.0.3\n        with:\n          persist-credentials: false\n      - run: alembic check\n        working-directory: api\n        env:\n          DATABASE_URL: postgresql://postgres:x@localhost:5432/app\n  lint:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@df4cb1c069e1874edd31b4311f1884172cec0e10 # v6.0.3\n        with:\n          persist-credentials: false\n      - run: make lint type-check\n";
    look(
        &[
            (
                ".github/workflows/ci.yml",
                workflow,
                &[
                    (
                        "          POSTGRES_PASSWORD: x\n",
                        "          POSTGRES_PASSWORD: x\n        ports: [\"5432:5432\"]\n",
                    ),
                    (
                        "      - run: alembic check\n",
                        "      - run: pip install -r api/requirements.txt\n      - run: alembic check\n",
                    ),
                    (" type-check", ""),
                ],
            ),
            ("Makefile", "lint:\n\truff check api\n", &[]),
            ("api/alembic.ini", "[alembic]\n", &[]),
            ("api/requirements.txt", "alembic==1.14.0\n", &[]),
        ],
        &[
            "missing-make-target .github/workflows/ci.yml:24",
            "service-without-ports .github/workflows/ci.yml:6",
            "tool-not-installed .github/workflows/ci.yml:14",
        ],
    );
}

#[test]
fn ports_that_lead_nowhere() {
    look(
        &[
            ("api/requirements.txt", "fastapi==0.115.0\n", &[]),
            (
                "api/app/main.py",
                "from fastapi import FastAPI\napp = FastAPI()\n\n@app.get(\"/health\")\ndef health():\n    return {}\n",
                &[],
            ),
            (
                "api/Dockerfile",
                "FROM python:3.12-slim\nWORKDIR /app\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY app app\nUSER 1000\nHEALTHCHECK CMD [\"python\", \"-c\", \"import urllib.request as u; u.urlopen('http://localhost:8080/health')\"]\nCMD [\"uvicorn\", \"app.main:app\", \"--host\", \"0.0.0.0\", \"--port\", \"8000\"]\n",
                &[("localhost:8080", "localhost:8000")],
            ),
            (
                "api/fly.toml",
                "app = 'x'\n\n[http_service]\ninternal_port = 8080\n",
                &[("8080", "8000")],
            ),
            (
                "compose.yml",
                "services:\n  api:\n    build: api\n    ports: [\"8080:8080\"]\n  db:\n    image: postgres:16\n    environment:\n      POSTGRES_PASSWORD: x\n    ports:\n      - \"5433:5433\"\n",
                &[("8080:8080", "8080:8000"), ("5433:5433", "5433:5432")],
            ),
        ],
        &[
            "port-mismatch api/Dockerfile:7",
            "port-mismatch api/fly.toml:4",
            "port-mismatch compose.yml:10",
            "port-mismatch compose.yml:4",
        ],
    );
}

#[test]
fn migrations_that_no_database_takes() {
    let django = "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    dependencies = [\n        (\"shop\", \"0001_initial\"),\n    ]\n    operations = []\n";
    let first = "revision = \"a1\"\ndown_revision = None\n\ndef upgrade():\n    op.create_table(\"users\")\n";
    let second = "revision = \"b2\"\ndown_revision = \"a1\"\n\ndef upgrade():\n    op.create_table(\"users\")\n";
    let journal = "{\n  \"entries\": [\n    {\"idx\": 0, \"tag\": \"0000_a\"},\n    {\"idx\": 1, \"tag\": \"0001_b\"}\n  ]\n}\n";
    look(
        &[
            (
                "shop/migrations/0001_initial.py",
                "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    dependencies = []\n    operations = []\n",
                &[],
            ),
            ("shop/migrations/0002_a.py", django, &[]),
            (
                "shop/migrations/0002_b.py",
                django,
                &[("0001_initial", "0002_a")],
            ),
            (
                "api/alembic.ini",
                "[alembic]\nscript_location = alembic\n",
                &[],
            ),
            ("api/alembic/versions/a1_users.py", first, &[]),
            (
                "api/alembic/versions/b2_users.py",
                second,
                &[("create_table(\"users\")", "add_column(\"users\", x)")],
            ),
            (
                "db/drizzle/meta/_journal.json",
                journal,
                &[(
                    "{\"idx\": 0, \"tag\": \"0000_a\"},\n    {\"idx\": 1, \"tag\": \"0001_b\"}",
                    "{\"idx\": 0, \"tag\": \"0000_a\"}",
                )],
            ),
            ("db/drizzle/0000_a.sql", "CREATE TABLE a (id int);\n", &[]),
        ],
        &[
            "django-migration-conflict shop/migrations/0002_a.py:5",
            "migration-file-missing db/drizzle/meta/_journal.json:4",
            "table-created-twice api/alembic/versions/b2_users.py:5",
        ],
    );
}

#[test]
fn a_migration_of_prisma_without_statements() {
    let there = tempfile::tempdir().expect("a folder");
    for (path, text) in [
        ("prisma/schema.prisma", "datasource db {}\n"),
        (
            "prisma/migrations/migration_lock.toml",
            "provider = \"postgresql\"\n",
        ),
        ("prisma/migrations/1_init/migration.sql", "SELECT 1;\n"),
        ("prisma/migrations/2_users/README.md", "later\n"),
    ] {
        write(there.path(), path, text);
    }
    assert_eq!(
        found(there.path(), &[]),
        ["migration-file-missing prisma/migrations/2_users/README.md:1"]
    );
    write(
        there.path(),
        "prisma/migrations/2_users/migration.sql",
        "SELECT 1;\n",
    );
    assert_eq!(found(there.path(), &[]), [""; 0]);
}

#[test]
fn what_an_editor_left_is_told_on_request() {
    let there = tempfile::tempdir().expect("a folder");
    write(there.path(), "app/main.py~", "x = 1\n");
    assert_eq!(found(there.path(), &[]), [""; 0]);
    assert_eq!(
        found(there.path(), &["--pedantic"]),
        ["editor-history-committed app/main.py~:1"]
    );
    write(there.path(), ".gitignore", "*~\n");
    assert_eq!(found(there.path(), &["--pedantic"]), [""; 0]);
}

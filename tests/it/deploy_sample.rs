//! A real application of this kind, FastAPI over PostgreSQL and Next.js, deployed release by
//! release to processes behind nginx, while people use it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::common::platform::{Local, get};
use crate::common::{Run, finish, peers, root, write};

/// So many requests a second; beside other tests fewer come through.
const LOAD: u32 = 200;

/// A database of its own; it goes when this is dropped.
struct Database {
    child: Child,
    url: String,
}

impl Database {
    fn start() -> Self {
        let mut child = Command::new("python3")
            .arg(root().join("scripts/postgres.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let mut address = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut address)
            .expect("it prints its address");
        let address = address.trim();
        assert!(!address.is_empty(), "PostgreSQL does not start");
        let url = format!("postgresql+psycopg://postgres:postgres@{address}/test");
        Self { child, url }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

struct Shop {
    local: Local,
    database: Database,
}

impl Shop {
    /// The application's first commit, with nothing deployed.
    fn new() -> Self {
        let (local, database) = (Local::start(), Database::start());
        let python = peers().join("apps/bin/python").display().to_string();
        let modules = peers().join("npm/node_modules").display().to_string();
        let next = format!("{modules}/next/dist/bin/next");
        let applications = json!({
            "api": {
                "source": "backend",
                "env": {"DATABASE_URL": database.url, "PYTHONDONTWRITEBYTECODE": "1"},
                "links": {},
                "prepare": [[python, "-m", "alembic", "upgrade", "head"]],
                "serve": [python, "-m", "uvicorn", "main:app", "--port", "{port}", "--no-access-log"],
            },
            "web": {
                "source": "frontend",
                "env": {
                    "API_URL": format!("http://127.0.0.1:{}/api/", local.port),
                    "NEXT_TELEMETRY_DISABLED": "1",
                },
                "links": {"node_modules": modules},
                "prepare": [["node", next, "build"]],
                "serve": ["node", next, "start", "--hostname", "127.0.0.1", "--port", "{port}"],
            },
        });
        let machine = std::path::PathBuf::from(local.machine());
        write(&machine, "applications.json", applications.to_string());
        let copied = Command::new("cp")
            .arg("-r")
            .arg(root().join("tests/applications/jobs/."))
            .arg(local.repository())
            .status();
        assert!(copied.expect("cp starts").success());
        local.configure(3, false);
        let config = local.repository().join(".github/ci-tool.yml");
        let text = std::fs::read_to_string(&config).expect("read");
        // A build takes its time, and so does the first page.
        let text = text.replace("time-limit: 20", "time-limit: 300");
        let text = text.replace("within: 6", "within: 60");
        let asked = "      database: DATABASE_URL\n      soak:";
        std::fs::write(config, text.replace("      soak:", asked)).expect("written");
        Self { local, database }
    }

    fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.local.repository().join(file);
        let text = std::fs::read_to_string(&path).expect("read");
        assert_eq!(text.matches(from).count(), 1, "{file}: {from}");
        std::fs::write(path, text.replace(from, to)).expect("written");
    }

    /// The last that the services have written.
    fn logs(&self) -> String {
        let machine = std::path::PathBuf::from(self.local.machine());
        let log = |name: &str| std::fs::read_to_string(machine.join(name)).unwrap_or_default();
        let last = |text: String| {
            let lines: Vec<&str> = text.lines().collect();
            lines[lines.len().saturating_sub(60)..].join("\n")
        };
        ["api.log", "web.log", "error.log"]
            .map(|name| format!("{name}\n{}\n", last(log(name))))
            .concat()
    }

    fn deploy(&self) -> Run {
        self.deploy_with(&self.database.url)
    }

    fn deploy_with(&self, database: &str) -> Run {
        let mut deploy = self.local.deploy(&["--format", "json"]);
        finish(deploy.env("DATABASE_URL", database))
    }

    /// The commits that answer, and what a visitor reads.
    fn shown(&self) -> ([String; 2], String) {
        let body = |path: &str| {
            let answer = get(self.local.port, path).expect("an answer");
            let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
            assert!(head.starts_with("HTTP/1.1 200"), "{path}: {answer}");
            body.to_owned()
        };
        let commits = ["/api/", "/web/health"].map(|path| {
            let body = body(path);
            // nginx hands on what it gets in pieces.
            let json = &body[body.find('{').expect("JSON")..=body.rfind('}').expect("JSON")];
            let value: Value = serde_json::from_str(json).expect("JSON");
            value["commit"].as_str().expect("a commit").to_owned()
        });
        (commits, body("/web/"))
    }
}

#[test]
fn an_application_with_a_database_goes_from_release_to_release() {
    let shop = Shop::new();
    let first = shop.local.commit("first");
    // A database that does not answer is known before anything changes.
    let run = shop.deploy_with("postgresql+psycopg://postgres:hidden@127.0.0.1:1/test");
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    let why = "the database of DATABASE_URL: 127.0.0.1:1 does not answer";
    assert!(run.stderr.contains(why), "{}", run.stderr);
    assert!(!run.stderr.contains("hidden"), "{}", run.stderr);
    assert!(!shop.local.journal().exists());
    let run = shop.deploy();
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let (commits, page) = shop.shown();
    assert_eq!(commits, [&first, &first].map(Clone::clone));
    assert!(page.contains("Baker") && !page.contains("Berlin"), "{page}");

    // A column more, which the old release does not mind; the new frontend shows it.
    write(
        &shop.local.repository(),
        "backend/migrations/versions/0002_city.py",
        "\"\"\"Where they are.\"\"\"\n\nimport sqlalchemy as sa\nfrom alembic import op\n\nrevision = \"0002\"\ndown_revision = \"0001\"\n\n\ndef upgrade() -> None:\n    op.add_column(\"jobs\", sa.Column(\"city\", sa.Text, server_default=\"Berlin\"))\n\n\ndef downgrade() -> None:\n    op.drop_column(\"jobs\", \"city\")\n",
    );
    shop.change(
        "frontend/app/page.js",
        "{job.title}",
        "{job.title}, {job.city}",
    );
    let second = shop.local.commit("second");
    let load = shop.local.load(LOAD);
    let run = shop.deploy();
    let (rate, failed) = load.end();
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(failed, Vec::<String>::new(), "{}", shop.logs());
    println!("{rate:.0} requests a second");
    assert!(rate > f64::from(LOAD) / 3.0, "{rate} requests a second");
    let (commits, page) = shop.shown();
    assert_eq!(commits, [&second, &second].map(Clone::clone));
    assert!(page.contains("Berlin"), "{page}");

    // A backend that is well for itself and not for those who come through nginx: everything
    // is taken back, and nobody notices.
    shop.change(
        "backend/main.py",
        "def health() -> JSONResponse:",
        "def health(x_public: str = Header(default=\"\")) -> JSONResponse:",
    );
    shop.change(
        "backend/main.py",
        "from fastapi import FastAPI",
        "from fastapi import FastAPI, Header",
    );
    shop.change(
        "backend/main.py",
        "    \"\"\"Whether the database answers.\"\"\"\n",
        "    \"\"\"Whether the database answers.\"\"\"\n    assert not x_public, \"no proxy was expected\"\n",
    );
    shop.local.commit("third");
    let load = shop.local.load(LOAD);
    let run = shop.deploy();
    let (rate, failed) = load.end();
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    let told: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(told["outcome"], "rolled-back", "{told}");
    assert!(
        told["reason"]
            .as_str()
            .is_some_and(|why| why.contains("500")),
        "{told}"
    );
    assert_eq!(failed, Vec::<String>::new(), "{}", shop.logs());
    println!("{rate:.0} requests a second");
    assert!(rate > f64::from(LOAD) / 3.0, "{rate} requests a second");
    let (commits, page) = shop.shown();
    assert_eq!(commits, [&second, &second].map(Clone::clone));
    assert!(page.contains("Berlin"), "{page}");

    // A migration that fails moves nothing, and says why.
    write(
        &shop.local.repository(),
        "backend/migrations/versions/0003_gone.py",
        "from alembic import op\n\nrevision = \"0003\"\ndown_revision = \"0002\"\n\n\ndef upgrade() -> None:\n    op.drop_table(\"never_was\")\n\n\ndef downgrade() -> None:\n    pass\n",
    );
    shop.local.commit("fourth");
    let run = shop.deploy();
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    let told: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(told["outcome"], "unchanged", "{told}");
    assert!(
        told["reason"]
            .as_str()
            .is_some_and(|why| why.contains("never_was")),
        "{told}"
    );
    assert_eq!(shop.shown().0, [&second, &second].map(Clone::clone));
}

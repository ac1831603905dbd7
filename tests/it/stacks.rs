//! What fixes give applications really works in them: they are started, asked, and broken.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::{ci_tool, finish, git, peers, sample, write};

const ALL: &str = "--fix=no-health-endpoint,no-error-tracking,no-structured-logs";

/// A program of the environment that has what applications need.
fn app(program: &str) -> PathBuf {
    peers().join("apps/bin").join(program)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    listener.local_addr().expect("an address").port()
}

/// An application that runs, with what it printed.
struct Running {
    child: Child,
    port: u16,
    out: Arc<Mutex<String>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(command: &mut Command, port: u16) -> Running {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let out = Arc::new(Mutex::new(String::new()));
    let pipes: [Box<dyn std::io::Read + Send>; 2] = [
        Box::new(child.stdout.take().expect("a pipe")),
        Box::new(child.stderr.take().expect("a pipe")),
    ];
    for pipe in pipes {
        let out = Arc::clone(&out);
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                let mut out = out.lock().expect("a lock");
                out.push_str(&line);
                out.push('\n');
            }
        });
    }
    let running = Running { child, port, out };
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "it does not listen:\n{}",
            running.out.lock().expect("a lock")
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    running
}

impl Running {
    /// The whole answer to a request.
    fn get(&self, path: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("connected");
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
        )
        .expect("sent");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    /// The first line of JSON that has the id of a request.
    fn logged(&self, id: &str) -> serde_json::Value {
        let began = Instant::now();
        loop {
            let text = self.out.lock().expect("a lock").clone();
            let lines = text
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok());
            let mut own = lines.filter(|line: &serde_json::Value| line["request_id"] == id);
            if let Some(line) = own.next() {
                return line;
            }
            assert!(
                began.elapsed() < Duration::from_secs(10),
                "no line has {id}:\n{text}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What all of them have to do: answer, give ids, and take a proxy's.
    fn is_well(&self, path: &str) {
        let answer = self
            .get(path, "X-Request-ID: from-a-proxy.1\r\n")
            .to_ascii_lowercase();
        assert!(answer.starts_with("http/1.1 200"), "{answer}");
        assert!(
            answer.replace(' ', "").contains(r#"{"status":"ok"}"#),
            "{answer}"
        );
        assert!(
            answer.contains("x-request-id: from-a-proxy.1\r\n"),
            "{answer}"
        );
        let answer = self
            .get(path, "X-Request-ID: a b\"; drop\r\n")
            .to_ascii_lowercase();
        assert!(
            answer.contains("x-request-id: ") && !answer.contains("drop"),
            "{answer}"
        );
    }
}

fn mended(there: &Path) {
    let run = ci_tool(there, &["audit", ALL, "--fix-unsafe"]);
    assert!(run.code <= 1, "{}{}", run.stdout, run.stderr);
    assert!(!run.stderr.contains("left "), "{}", run.stderr);
}

fn run(command: &mut Command) {
    let run = finish(command);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

/// Takes the application's own route for health out, so that the fix has something to do.
fn without_health(main: &Path) {
    let text = std::fs::read_to_string(main).expect("read");
    let start = text.find("@app.get(\"/health\")").expect("a route");
    let end = text.find("@app.get(\"/api/jobs\")").expect("a route");
    std::fs::write(main, format!("{}{}", &text[..start], &text[end..])).expect("written");
}

#[test]
fn fastapi_gets_health_logs_and_errors() {
    let there = sample("fastapi-nextjs");
    let backend = there.path().join("backend");
    let tests = std::fs::read_to_string(backend.join("tests/test_jobs.py")).expect("read");
    without_health(&backend.join("app/main.py"));
    mended(there.path());
    // Its own tests, which ask for health, and its own linter.
    assert!(tests.contains("test_health"));
    run(Command::new(app("ruff"))
        .arg("check")
        .arg(".")
        .current_dir(&backend));
    run(Command::new(app("python"))
        .args(["-m", "pytest", "-q"])
        .env("NEXTAUTH_SECRET", "x")
        .current_dir(&backend));
    let port = free_port();
    let running = start(
        Command::new(app("python"))
            .args(["-m", "uvicorn", "app.main:app", "--port", &port.to_string()])
            .env("NEXTAUTH_SECRET", "x")
            .env("DATABASE_URL", "sqlite://")
            .env("SENTRY_DSN", "")
            .current_dir(&backend),
        port,
    );
    running.is_well("/health");
    let line = running.logged("from-a-proxy.1");
    assert_eq!(line["logger"], "uvicorn.access");
    assert!(
        line["message"]
            .as_str()
            .expect("a text")
            .contains("GET /health"),
        "{line}"
    );
    let manifest = std::fs::read_to_string(backend.join("requirements.txt")).expect("read");
    assert!(manifest.contains("sentry-sdk>="), "{manifest}");
}

#[test]
fn django_gets_health_logs_and_errors() {
    let there = sample("django-vite-pnpm");
    let server = there.path().join("server");
    mended(there.path());
    run(Command::new(app("ruff"))
        .arg("check")
        .arg(".")
        .current_dir(&server));
    let port = free_port();
    let set = |command: &mut Command| {
        command
            .env("SECRET_KEY", "x")
            .env("DATABASE_URL", "sqlite://:memory:")
            .current_dir(&server);
    };
    let mut check = Command::new(app("python"));
    set(check.args(["manage.py", "check"]));
    run(&mut check);
    let mut serve = Command::new(app("python"));
    set(serve.args([
        "manage.py",
        "runserver",
        "--noreload",
        &format!("127.0.0.1:{port}"),
    ]));
    let running = start(&mut serve, port);
    running.is_well("/health/");
    // What is logged of a request that fails has its id.
    let _ = running.get("/nowhere/", "X-Request-ID: lost.7\r\n");
    let line = running.logged("lost.7");
    assert_eq!(line["level"], "warning");
}

#[test]
fn express_gets_health_logs_and_errors() {
    for (kind, import) in [
        ("commonjs", "const express = require(\"express\");\n"),
        ("module", "import express from \"express\";\n"),
    ] {
        let there = tempfile::tempdir().expect("a folder");
        let modules = peers().join("npm/node_modules");
        std::os::unix::fs::symlink(modules, there.path().join("node_modules")).expect("linked");
        write(there.path(), ".gitignore", "node_modules\n");
        write(
            there.path(),
            "package.json",
            format!(
                "{{\n  \"name\": \"shop\",\n  \"type\": \"{kind}\",\n  \"scripts\": {{ \"start\": \"node server.js\" }},\n  \"dependencies\": {{\n    \"express\": \"5.3.0\"\n  }}\n}}\n"
            ),
        );
        write(
            there.path(),
            "server.js",
            format!(
                "{import}\nconst app = express();\n\napp.get(\"/broken\", () => {{\n  throw new Error(\"broken\");\n}});\n\napp.listen(Number(process.env.PORT));\n"
            ),
        );
        git(there.path(), &["init", "-q", "."]);
        git(there.path(), &["add", "-A"]);
        mended(there.path());
        let text = std::fs::read_to_string(there.path().join("server.js")).expect("read");
        assert!(
            text.contains("Sentry.setupExpressErrorHandler(app);"),
            "{text}"
        );
        let port = free_port();
        let running = start(
            Command::new("node")
                .arg("server.js")
                .env("PORT", port.to_string())
                .env_remove("SENTRY_DSN")
                .current_dir(there.path()),
            port,
        );
        running.is_well("/health");
        let line = running.logged("from-a-proxy.1");
        assert_eq!(
            (&line["path"], &line["status"]),
            (&"/health".into(), &200.into())
        );
        let answer = running.get("/broken?token=secret", "X-Request-ID: b1\r\n");
        assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
        let line = running.logged("b1");
        assert_eq!(
            (&line["level"], &line["path"]),
            (&"error".into(), &"/broken".into())
        );
    }
}

/// Next.js takes minutes to install and build, and is not started here: docs/audit.md says with
/// what it was by hand.
#[test]
fn next_gets_a_route_and_its_instrumentation() {
    let there = sample("fastapi-nextjs");
    without_health(&there.path().join("backend/app/main.py"));
    mended(there.path());
    let read = |path: &str| std::fs::read_to_string(there.path().join(path)).expect("read");
    assert!(read("frontend/app/api/health/route.ts").contains("export function GET()"));
    assert!(read("frontend/instrumentation.ts").contains("onRequestError"));
    assert!(read("frontend/package.json").contains("\"@sentry/nextjs\": \"^"));
}

/// A shape that is not known is left to people.
#[test]
fn what_is_not_known_is_left_alone() {
    for (file, text) in [
        (
            "main.py",
            "from fastapi import FastAPI\n\n\ndef make():\n    app = FastAPI()\n    return app\n",
        ),
        ("main.py", "from fastapi import FastAPI\napp = FastAPI(\n"),
    ] {
        let there = tempfile::tempdir().expect("a folder");
        write(there.path(), "requirements.txt", "fastapi==0.115.6\n");
        write(there.path(), file, text);
        let run = ci_tool(there.path(), &["audit", ALL, "--fix-unsafe", "--dry-run"]);
        assert!(run.stdout.is_empty(), "{}", run.stdout);
    }
}

//! Broken, huge and odd files: the audit ends, says what it could not read, and stays
//! small.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::write;

/// Exit code, standard output and error, and the peak of memory in KiB.
fn audit(there: &Path) -> (i32, String, u64) {
    let measure = "import resource, subprocess, sys\n\
        run = subprocess.run(sys.argv[1:], capture_output=True)\n\
        sys.stdout.write(run.stdout.decode() + run.stderr.decode())\n\
        print()\n\
        print(run.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let output = Command::new("python3")
        .args(["-c", measure, env!("CARGO_BIN_EXE_ci-tool")])
        .args(["audit", "--pedantic"])
        .arg(there)
        .output()
        .expect("python3 starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = text.trim_end().rsplit('\n').next().expect("a line");
    let (code, memory) = last.split_once(' ').expect("two numbers");
    (
        code.parse().expect("a code"),
        text.clone(),
        memory.parse().expect("a size"),
    )
}

/// Audits a repository of these files, in bounded time and memory.
fn survives(what: &str, files: &[(&str, Vec<u8>)]) -> (i32, String) {
    let there = tempfile::tempdir().expect("a folder");
    for (path, bytes) in files {
        write(there.path(), path, bytes);
    }
    let start = Instant::now();
    let (code, text, memory) = audit(there.path());
    let code_is_an_answer = [0, 1, 3].contains(&code);
    assert!(code_is_an_answer, "{what}: exit code {code}: {text}");
    assert!(!text.contains("panicked"), "{what}: {text}");
    assert!(memory < 300 * 1024, "{what}: {memory} KiB");
    // Debug builds on a busy machine: a hang is what this is about.
    let took = start.elapsed();
    assert!(took < Duration::from_secs(60), "{what}: {took:?}");
    (code, text)
}

/// One file for each reader that the rules have.
const PLACES: [&str; 18] = [
    "railway.json",
    "railway.toml",
    "vercel.json",
    "fly.toml",
    "render.yaml",
    "netlify.toml",
    "Procfile",
    "docker-compose.yml",
    ".github/workflows/ci.yml",
    ".gitlab-ci.yml",
    "Dockerfile",
    ".dockerignore",
    "start.sh",
    ".env",
    "package.json",
    "requirements.txt",
    "pyproject.toml",
    "alembic/versions/0001_first.py",
];

fn everywhere(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    PLACES.iter().map(|path| (*path, bytes.to_vec())).collect()
}

#[test]
fn what_is_nested_deeply() {
    for (what, text) in [
        ("JSON", "{\"a\":[".repeat(200_000)),
        ("YAML in one line", "[".repeat(500_000)),
        (
            "YAML in many lines",
            (0..2_000).map(|at| " ".repeat(at) + "a:\n").collect(),
        ),
        ("TOML", format!("a = {}", "[".repeat(500_000))),
        ("shell", "$(".repeat(200_000)),
        (
            "shell that is closed",
            "if a; then\n".repeat(20_000) + &"fi\n".repeat(20_000),
        ),
        ("a Dockerfile", "RUN a \\\n".repeat(200_000)),
    ] {
        survives(what, &everywhere(text.as_bytes()));
    }
}

#[test]
fn what_grows_when_it_is_read() {
    let mut laughs = "x: &a0 [lol,lol,lol,lol,lol,lol,lol,lol,lol,lol]\n".to_owned();
    for level in 1..10 {
        let before = format!("*a{}", level - 1);
        laughs += &format!("y{level}: &a{level} [{}]\n", [&before[..]; 10].join(","));
    }
    let (_, text) = survives("a bomb of YAML", &everywhere(laughs.as_bytes()));
    assert!(text.contains("ci.yml"), "{text}");
    survives(
        "many anchors",
        &everywhere("a: &a [*a]\n".repeat(10_000).as_bytes()),
    );
    survives(
        "a long pipeline",
        &everywhere("a | ".repeat(100_000).as_bytes()),
    );
}

#[test]
fn what_is_huge() {
    let script = |size: usize| "echo hello && curl -f https://example.com | sh\n".repeat(size / 46);
    let (_, _) = survives(
        "scripts of 50 MB",
        &[
            ("start.sh", script(50_000_000).into_bytes()),
            ("deploy.sh", script(7_900_000).into_bytes()),
            ("setup.sh", script(250_000).into_bytes()),
        ],
    );
    let line = "a;".repeat(125_000);
    survives("a long line", &everywhere(line.as_bytes()));
    let json = format!(
        "{{\"env\": {{{}}}}}",
        (0..5_000)
            .map(|at| format!("\"A{at}\": {{}}"))
            .collect::<Vec<_>>()
            .join(",")
    );
    survives("a large vercel.json", &[("vercel.json", json.into_bytes())]);
    let steps = "      - run: echo hello\n".repeat(20_000);
    let workflow =
        format!("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n{steps}");
    survives(
        "a large workflow",
        &[(".github/workflows/ci.yml", workflow.into_bytes())],
    );
}

#[test]
fn what_is_in_an_odd_encoding() {
    for (what, bytes) in [
        ("Latin-1", b"name: caf\xe9\n".to_vec()),
        (
            "UTF-16",
            "name: x\n"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect(),
        ),
        ("zeros", vec![0; 100_000]),
        ("nothing", Vec::new()),
        ("only a mark", "\u{feff}".as_bytes().to_vec()),
        ("only ends of lines", b"\r\n\r\r\n\n\r".to_vec()),
        (
            "wide signs",
            "＃🦀\u{202e}a: 'é'\u{0}\n".repeat(1_000).into_bytes(),
        ),
    ] {
        survives(what, &everywhere(&bytes));
    }
}

#[test]
fn defects_are_found_behind_marks_and_carriage_returns() {
    let dos = |text: &str| format!("\u{feff}{}", text.replace('\n', "\r\n")).into_bytes();
    let (_, text) = survives(
        "DOS files",
        &[
            (
                "vercel.json",
                dos("{\n  \"env\": {\n    \"A\": {}\n  }\n}\n"),
            ),
            ("railway.toml", dos("[build]\ndockerfile = \"x\"\n")),
            (
                "start.sh",
                dos("#!/bin/bash\nalembic upgrade head\nexec uvicorn a:b\n"),
            ),
            (
                "Dockerfile",
                dos("FROM a\nRUN <<EOF\nENV A_SECRET=no\nEOF\nENV API_TOKEN=ab12cd34ef56\n"),
            ),
        ],
    );
    for place in [
        "vercel.json:3",
        "railway.toml:2",
        "start.sh:2",
        "Dockerfile:5",
    ] {
        assert!(text.contains(place), "{place}: {text}");
    }
    assert!(!text.contains("A_SECRET"), "{text}");
}

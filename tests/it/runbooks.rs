//! `ci-tool docs`: runbooks of a real shape, what people write in them, and what is refused.

use std::path::Path;

use clap::CommandFactory as _;

use crate::common::{Run, ci_tool, sample, write};

const NAMES: [&str; 5] = [
    "deployment",
    "incident",
    "restore",
    "rollback",
    "secret-rotation",
];

const CONFIG: &str = "deploy:
  services:
    api: {platform: railway, id: a1, token: API_TOKEN}
    web: {platform: vercel, id: w1, needs: [api]}
  environments:
    production:
      branch: main
      services:
        api: {health: [{url: 'https://api.example.com/health'}]}
        web: {health: [{url: 'https://example.com/'}]}
    staging:
      services:
        api: {health: [{url: 'https://api.staging.example.com/health'}]}
docs:
  contacts: {on call: '#operations'}
";

fn read(there: &Path, name: &str) -> String {
    std::fs::read_to_string(there.join(format!("docs/runbooks/{name}.md"))).expect("read")
}

fn docs(there: &Path, arguments: &[&str]) -> Run {
    ci_tool(there, &[&["docs"], arguments].concat())
}

#[test]
fn they_say_what_is_known_and_what_is_not() {
    let there = sample("fastapi-nextjs");
    assert_eq!(docs(there.path(), &["--check"]).code, 1);
    assert!(!there.path().join("docs").exists());
    let run = docs(there.path(), &[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let says = |name: &str, texts: &[&str]| {
        let page = read(there.path(), name);
        for text in texts {
            assert!(page.contains(text), "{name} lacks {text}:\n{page}");
        }
    };
    says(
        "deployment",
        &[
            "| `backend` | Railway | `railway.json:1` |\n| `frontend` | Vercel | `frontend/vercel.json:1` |\n\n",
            "`alembic history -r current:head`",
            "No address is known",
        ],
    );
    // What needs others goes back first.
    says(
        "rollback",
        &[
            "1. `frontend`, Vercel",
            "2. `backend`, Railway",
            "`alembic downgrade -1`",
        ],
    );
    says(
        "restore",
        &["pg_restore", "Nothing in the repository makes backups"],
    );
    says(
        "secret-rotation",
        &["| `NEXTAUTH_SECRET` | `backend` | `backend/app/auth.py:7` |"],
    );
    says("incident", &["Nobody is named", "`psql \"$DATABASE_URL\""]);
    assert_eq!(docs(there.path(), &["--check"]).code, 0);

    write(there.path(), ".github/ci-tool.yml", CONFIG);
    let run = docs(there.path(), &["--check"]);
    assert_eq!(run.code, 1);
    assert!(
        run.stdout.contains(
            "outdated  docs/runbooks/deployment.md\n          What is deployed where: updated\n"
        ),
        "{}",
        run.stdout
    );
    assert_eq!(docs(there.path(), &[]).code, 0);
    says(
        "deployment",
        &[
            "| `api` | Railway | `.github/ci-tool.yml` |\n| `web` | Vercel |",
            "`production` (from `main`)",
            "ci-tool deploy staging\nci-tool deploy production\n",
            "ci-tool verify 'https://api.example.com/health'",
        ],
    );
    says("rollback", &["ci-tool deploy production --rollback last"]);
    says("incident", &["| `on call` | `#operations` |"]);
    says("secret-rotation", &["`API_TOKEN`"]);
}

/// What a person reads there at night has to work.
#[test]
fn every_command_of_ours_in_them_is_one() {
    let there = sample("fastapi-nextjs");
    write(there.path(), ".github/ci-tool.yml", CONFIG);
    assert_eq!(docs(there.path(), &[]).code, 0);
    let mut looked = 0;
    for name in NAMES {
        let page = read(there.path(), name);
        let fenced = page.lines().filter(|line| line.starts_with("ci-tool "));
        let quoted = page
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|code| code.starts_with("ci-tool "));
        for line in fenced.chain(quoted) {
            // One is the name of the command in the comment at the top.
            let words: Vec<&str> = line
                .split('#')
                .next()
                .expect("a part")
                .split_whitespace()
                .collect();
            if words.len() < 3 {
                continue;
            }
            let words = words.iter().map(|word| word.trim_matches('\''));
            let parsed = ci_tool::cli::Cli::command().try_get_matches_from(words);
            assert!(
                parsed.is_ok(),
                "{name}: {line}: {}",
                parsed.expect_err("an error")
            );
            looked += 1;
        }
    }
    assert!(looked >= 10, "{looked}");
}

#[test]
fn what_people_write_stays() {
    let there = sample("fastapi-nextjs");
    assert_eq!(docs(there.path(), &[]).code, 0);
    let edited = read(there.path(), "rollback")
        .replace("1. `frontend`, Vercel", "1. Call Ada. `frontend`, Vercel")
        + "\n## Our own\n\n`## not a heading`\n";
    write(there.path(), "docs/runbooks/rollback.md", &edited);
    let run = docs(there.path(), &[]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(
        run.stdout.contains("Take it back: yours: it stays"),
        "{}",
        run.stdout
    );
    assert_eq!(read(there.path(), "rollback"), edited);

    // What the section is made of changes: it is told, and stays until somebody has looked.
    write(there.path(), ".github/ci-tool.yml", CONFIG);
    for _ in 0..2 {
        let run = docs(there.path(), &[]);
        assert_eq!(run.code, 1, "{}", run.stdout);
        assert!(
            run.stdout
                .contains("Take it back: yours, and what it was made of has changed"),
            "{}",
            run.stdout
        );
    }
    let page = read(there.path(), "rollback");
    assert!(
        page.contains("Call Ada.") && page.contains("## Our own"),
        "{page}"
    );
    let run = docs(there.path(), &["--resolved", "docs/runbooks/rollback.md"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert_eq!(docs(there.path(), &["--check"]).code, 0);

    let run = docs(there.path(), &["--force", "--only", "rollback"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    let page = read(there.path(), "rollback");
    assert!(
        !page.contains("Call Ada.") && page.contains("## Our own"),
        "{page}"
    );
    let kept = std::fs::read_to_string(there.path().join("docs/runbooks/rollback.md.bak"));
    assert!(kept.expect("a copy").contains("Call Ada."));
}

#[test]
fn a_dry_run_writes_nothing_and_shows_it() {
    let there = sample("uv-service");
    let run = docs(there.path(), &["--dry-run"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("+# Rollback"), "{}", run.stdout);
    assert!(!there.path().join("docs/runbooks").exists());
    let run = docs(there.path(), &["--format", "json", "--only", "restore"]);
    let answer: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(answer["files"][0]["status"], "new");
    assert!(there.path().join("docs/runbooks/restore.md").exists());
    assert!(!there.path().join("docs/runbooks/incident.md").exists());
}

/// Names of the repository are no Markdown, HTML or commands.
#[test]
fn names_of_the_repository_stay_names() {
    let there = tempfile::tempdir().expect("a folder");
    write(there.path(), "api/requirements.txt", "fastapi==0.115.0\n");
    write(
        there.path(),
        "api/main.py",
        "import os\nfrom fastapi import FastAPI\napp = FastAPI()\nKEY = os.environ['A_SECRET']\n",
    );
    write(
        there.path(),
        ".github/ci-tool.yml",
        "deploy:\n  services:\n    api: {platform: command, release: a, live: a, rollback: a}\n  environments:\n    production:\n      branch: \"`rm -rf`|<b>\"\n      services:\n        api: {health: [{url: \"https://a.example.com/'$(id)'\"}]}\ndocs:\n  contacts: {\"x|\\n## y\": \"<script>\"}\n",
    );
    let run = docs(there.path(), &[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let incident = read(there.path(), "incident");
    assert!(
        incident.contains("| `x\\| ## y` | `<script>` |"),
        "{incident}"
    );
    let page = read(there.path(), "deployment");
    assert!(page.contains("`` `rm -rf`|<b> ``"), "{page}");
    assert!(
        page.contains("ci-tool verify 'https://a.example.com/%27$(id)%27'"),
        "{page}"
    );
}

#[test]
fn what_is_refused() {
    let there = sample("uv-service");
    for (arguments, config, says) in [
        (&["--only", "rolback"][..], "", "there is no such runbook"),
        (&["--resolved", "README.md"], "", "README.md is no runbook"),
        (&[], "docs: {skip: [x]}\n", "`docs.skip` names `x`"),
        (&[], "docs: {folder: ../x}\n", "outside of the repository"),
        (&[], "docs: {folders: x}\n", "folders"),
    ] {
        write(there.path(), ".github/ci-tool.yml", config);
        let run = docs(there.path(), arguments);
        assert_eq!(run.code, 2, "{config}{}{}", run.stdout, run.stderr);
        assert!(run.stderr.contains(says), "{}", run.stderr);
    }
    write(there.path(), ".github/ci-tool.yml", "");
    write(there.path(), "docs/runbooks/incident.md", b"# \xff\n");
    let run = docs(there.path(), &[]);
    assert_eq!(run.code, 3, "{}", run.stdout);
    assert!(
        run.stderr.contains("docs/runbooks/incident.md is no UTF-8"),
        "{}",
        run.stderr
    );
    assert!(!there.path().join("docs/runbooks/deployment.md").exists());
}

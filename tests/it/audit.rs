//! `ci-tool audit` on whole repositories: defects at their lines, mended twins, silence.

use std::path::Path;

use crate::common::{ci_tool, sample, samples, write};

/// `rule path:line` of all findings of the rules, sorted; what pins say is left out.
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

/// What an audit of such a team should have said, and the numbers in `docs/audit.md`.
const DEFECTS: [&str; 22] = [
    "cors-wildcard-with-credentials vercel.json:13",
    "forced-mirror-without-fetch .github/workflows/sync-repositories.yml:18",
    "forced-mirror-without-fetch .gitlab-ci.yml:5",
    "health-route-missing Dockerfile.frontend:13",
    "migration-error-ignored backend/start.sh:9",
    "mirror-without-retry .github/workflows/sync-repositories.yml:18",
    "missing-dockerfile railway.json:4",
    "partial-deploy-without-undo scripts/deploy-all.sh:9",
    "railway-unknown-key railway.json:4",
    "railway-unknown-key railway.json:9",
    "railway-unknown-key railway.toml:8",
    "rival-platform-files railway.json:1",
    "secret-in-image Dockerfile.frontend:7",
    "secret-read-in-the-open scripts/deploy-all.sh:5",
    "secret-read-in-the-open scripts/deploy-railway.sh:4",
    "sleep-after-deploy scripts/deploy-railway.sh:7",
    "standalone-output-missing Dockerfile.frontend:12",
    "start-file-missing railway.json:7",
    "two-way-mirror .github/workflows/sync-repositories.yml:18",
    "unchecked-url scripts/deploy-all.sh:4",
    "vercel-invalid-variable vercel.json:5",
    "vercel-invalid-variable vercel.json:6",
];

#[test]
fn the_defects_of_a_real_team_are_found_where_they_are() {
    let there = sample("fastapi-nextjs");
    assert_eq!(found(there.path(), &[]), DEFECTS);
}

#[test]
fn their_mended_twins_are_none() {
    let there = sample("fastapi-nextjs");
    let edit = |path: &str, edits: &[(&str, &str)]| {
        let file = there.path().join(path);
        let mut text = std::fs::read_to_string(&file).expect("read");
        for (from, to) in edits {
            assert!(text.contains(from), "{path}: {from}");
            text = text.replace(from, to);
        }
        std::fs::write(file, text).expect("written");
    };
    edit(
        "vercel.json",
        &[
            ("\"*\"", "\"https://jobs.example.com\""),
            (
                "{ \"description\": \"where the frontend is\", \"required\": true }",
                "\"https://jobs.example.com\"",
            ),
            ("{ \"required\": true }", "\"@nextauth-secret\""),
        ],
    );
    edit(
        "railway.json",
        &[
            (
                "\"dockerfile\": \"Dockerfile.railway\"",
                "\"dockerfilePath\": \"Dockerfile\"",
            ),
            (
                "\"healthchecks\": {\n      \"http\": { \"path\": \"/health\", \"port\": \"$PORT\" }\n    }",
                "\"healthcheckPath\": \"/health\"",
            ),
        ],
    );
    std::fs::remove_file(there.path().join("railway.toml")).expect("removed");
    edit(
        "railway.json",
        &[("bash backend/start.sh", "bash start.sh")],
    );
    edit(
        "frontend/next.config.ts",
        &[(
            "NextConfig = {",
            "NextConfig = {\n  output: \"standalone\",",
        )],
    );
    edit(
        ".github/workflows/sync-repositories.yml",
        &[("on:\n", "on:\n  schedule:\n    - cron: \"7 * * * *\"\n")],
    );
    edit(
        "scripts/deploy-all.sh",
        &[
            ("set -e\n", "set -e\ntrap 'vercel rollback' ERR\n"),
            (
                "BACKEND_URL\n",
                "BACKEND_URL\n[[ $BACKEND_URL =~ ^https:// ]] || exit 1\n",
            ),
        ],
    );
    for file in [".github/workflows/sync-repositories.yml", ".gitlab-ci.yml"] {
        edit(file, &[("--force-with-lease", "")]);
    }
    edit(
        "Dockerfile.frontend",
        &[
            (
                "ARG NEXTAUTH_SECRET\nENV NEXTAUTH_SECRET=$NEXTAUTH_SECRET\n",
                "",
            ),
            ("/api/health", "/"),
        ],
    );
    edit(
        "backend/start.sh",
        &[("#!/bin/bash\n", "#!/bin/bash\nset -euo pipefail\n")],
    );
    for file in ["scripts/deploy-all.sh", "scripts/deploy-railway.sh"] {
        edit(
            file,
            &[("read -p \"NEXTAUTH_SECRET", "read -rsp \"NEXTAUTH_SECRET")],
        );
    }
    edit(
        "scripts/deploy-railway.sh",
        &[(
            "sleep 10",
            "until railway status --json | grep -q SUCCESS; do sleep 10; done",
        )],
    );
    assert!(
        found(there.path(), &[]).is_empty(),
        "{:#?}",
        found(there.path(), &[])
    );
}

/// What the sample does not have of that audit and of what it missed: the numbers in
/// `docs/audit.md`.
#[test]
fn the_other_defects_are_found_too_and_their_twins_are_none() {
    let workflow = "on: push\njobs:\n  web:\n    runs-on: ubuntu-latest\n    defaults:\n      run:\n        working-directory: web\n    steps:\n      - uses: actions/checkout@df4cb1c069e1874edd31b4311f1884172cec0e10 # v6.0.3\n        with:\n          persist-credentials: false\n      - run: npx next lint --max-warnings 0\n";
    let first = "revision = \"a1\"\ndown_revision = None\n\ndef upgrade():\n    op.create_table(\"users\")\n";
    let second = "revision = \"b2\"\ndown_revision = \"a1\"\n\ndef upgrade():\n    op.add_column(\"job_applications\", sa.Column(\"x\"))\n";
    let bad = [
        (
            "api/requirements.txt",
            "fastapi==0.115.0\nalembic==1.14.0\npytest==8.4.0\n",
        ),
        (
            "api/app/main.py",
            "from fastapi import FastAPI\napp = FastAPI()\n",
        ),
        (
            "api/app/cv.py",
            "DIR = \"uploads/cv\"\nwith open(DIR + name, \"wb\") as out:\n    out.write(x)\n",
        ),
        (
            "api/start.sh",
            "#!/bin/bash\nset -e\nmkdir -p uploads/cv\nexec uvicorn app.main:app\n",
        ),
        (
            "api/railway.json",
            "{\"deploy\": {\"startCommand\": \"bash start.sh\"}}\n",
        ),
        (
            "api/tests/conftest.py",
            "URL = \"sqlite+aiosqlite:///:memory:\"\n",
        ),
        ("api/tests/test_a.py", "def test_a():\n    assert True\n"),
        ("api/alembic.ini", "[alembic]\nscript_location = alembic\n"),
        ("api/alembic/env.py", "x = 1\n"),
        ("api/alembic/versions/a1_users.py", first),
        ("api/alembic/versions/b2_x.py", second),
        ("api/uploads/cv/lebenslauf.pdf", "%PDF-1.4\n"),
        (
            "web/.clerk/.tmp/keyless.json",
            "{\n  \"secretKey\": \"sk_test_a\"\n}\n",
        ),
        (
            "web/package.json",
            "{\"dependencies\": {\"next\": \"16.1.7\"}}\n",
        ),
        ("web/package-lock.json", "{}\n"),
        ("web/.dockerignore", "node_modules\npackage-lock.json\n"),
        (
            "web/Dockerfile",
            "FROM node:22\nCOPY package*.json ./\nRUN npm ci\nCOPY . .\n",
        ),
        (
            "api/Dockerfile",
            "FROM python:3.12-slim\nRUN apt-get update && apt-get install -y \\\n    libgdk-pixbuf2.0-0\nWORKDIR /app\nCOPY . .\nCMD bash start.sh\n",
        ),
        (
            "set-variables.sh",
            "#!/bin/bash\nrailway variables --set \"NEXTAUTH_SECRET=k3Jd82hHs92kdLs0aPq7zX\"\n",
        ),
        (".github/workflows/ci.yml", workflow),
    ];
    let there = tempfile::tempdir().expect("a folder");
    for (path, text) in bad {
        write(there.path(), path, text);
    }
    let expected = [
        "debian-package-gone api/Dockerfile:3", // M16
        "ephemeral-uploads api/start.sh:3",     // 20
        "migrations-cannot-build api/alembic/versions/b2_x.py:5", // M14
        "next-lint-removed .github/workflows/ci.yml:12", // M12
        "npm-ci-without-lock web/Dockerfile:3", // M8
        "secret-in-repository web/.clerk/.tmp/keyless.json:2", // M1
        "secret-in-script set-variables.sh:2",  // M18
        "test-dependency-missing api/requirements.txt:1", // M13
        "user-data-in-repository api/app/cv.py:1", // M2, at the code: names of files may be those of people
    ];
    assert_eq!(found(there.path(), &[]), expected);

    let mended = [
        (
            "api/Dockerfile",
            "FROM python:3.12-slim\nRUN apt-get update && apt-get install -y \\\n    libgdk-pixbuf-2.0-0\nWORKDIR /app\nCOPY . .\nCMD bash start.sh\n".to_owned(),
        ),
        (
            "api/requirements.txt",
            "fastapi==0.115.0\nalembic==1.14.0\npytest==8.4.0\naiosqlite==0.20.0\nboto3==1.35.0\n"
                .to_owned(),
        ),
        (
            "api/alembic/versions/b2_x.py",
            second.replace("job_applications", "users"),
        ),
        ("web/.dockerignore", "node_modules\n".to_owned()),
        (
            "set-variables.sh",
            "#!/bin/bash\nrailway variables --set \"NEXTAUTH_SECRET=$NEXTAUTH_SECRET\"\n"
                .to_owned(),
        ),
        (
            ".github/workflows/ci.yml",
            workflow.replace("next lint --max-warnings 0", "eslint ."),
        ),
    ];
    for (path, text) in mended {
        write(there.path(), path, text);
    }
    for path in [
        "web/.clerk/.tmp/keyless.json",
        "api/uploads/cv/lebenslauf.pdf",
    ] {
        std::fs::remove_file(there.path().join(path)).expect("removed");
    }
    assert_eq!(found(there.path(), &[]), [""; 0]);
}

/// What is a matter of opinion is told to those who ask.
#[test]
fn opinions_are_told_on_request() {
    let there = sample("fastapi-nextjs");
    let all = found(there.path(), &["--pedantic"]);
    let opinions: Vec<&str> = all
        .iter()
        .map(String::as_str)
        .filter(|one| !DEFECTS.contains(one))
        // tests/it/absences.rs has these.
        .filter(|one| {
            let of_a_file = one.starts_with("no-drain-time") || one.starts_with("no-health-gate");
            of_a_file || !one.starts_with("no-")
        })
        .collect();
    assert_eq!(opinions, OPINIONS);
}

const OPINIONS: [&str; 14] = [
    "database-not-awaited backend/start.sh:9",
    "image-runs-as-root Dockerfile.frontend:14",
    "image-runs-as-root Dockerfile:14",
    "job-without-timeout .github/workflows/sync-repositories.yml:7",
    "no-drain-time railway.json:6",
    "no-drain-time railway.toml:4",
    "no-health-gate railway.json:6",
    "no-health-gate railway.toml:4",
    "railway-config-retired railway.json:1",
    "railway-config-retired railway.toml:1",
    "secret-in-arguments scripts/deploy-all.sh:9",
    "secret-in-arguments scripts/deploy-railway.sh:5",
    "single-region vercel.json:3",
    "token-in-remote-url .github/workflows/sync-repositories.yml:17",
];

#[test]
fn healthy_repositories_have_none() {
    let mut looked = 0;
    for name in samples() {
        if name != "fastapi-nextjs" {
            let there = sample(&name);
            assert_eq!(found(there.path(), &[]), [""; 0], "{name}");
            looked += 1;
        }
    }
    assert!(looked >= 7);
}

#[test]
fn a_comment_or_the_configuration_sets_findings_aside() {
    let there = sample("fastapi-nextjs");
    let script = there.path().join("scripts/deploy-railway.sh");
    let text = std::fs::read_to_string(&script).expect("read");
    let text = text.replace(
        "sleep 10",
        "sleep 10 # ci-tool: ignore[sleep-after-deploy] it is short",
    );
    std::fs::write(&script, text).expect("written");
    write(
        there.path(),
        ".github/ci-tool.yml",
        "audit:\n  skip: [railway-unknown-key, forced-mirror-without-fetch]\n",
    );
    let gone = [
        "sleep-after-deploy",
        "railway-unknown-key",
        "forced-mirror-without-fetch",
    ];
    let left: Vec<&str> = DEFECTS
        .into_iter()
        .filter(|one| !gone.iter().any(|rule| one.starts_with(rule)))
        .collect();
    assert_eq!(found(there.path(), &[]), left);
    write(
        there.path(),
        ".github/ci-tool.yml",
        "audit:\n  skip: [nothing-such]\n",
    );
    let run = ci_tool(there.path(), &["audit"]);
    assert!(
        run.code == 2 && run.stderr.contains("nothing-such"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_file_that_cannot_be_read_is_told_and_the_rest_is_looked_at() {
    let there = sample("fastapi-nextjs");
    write(there.path(), ".github/workflows/broken.yml", "on: [\n");
    write(there.path(), "railway.json", "{ \"build\": ");
    write(there.path(), "odd/Dockerfile", [0xff, 0xfe, 0x00, b'F']);
    let run = ci_tool(there.path(), &["audit"]);
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("broken.yml:"), "{}", run.stderr);
    assert!(
        run.stdout.contains("vercel-invalid-variable"),
        "{}",
        run.stdout
    );
}

#[test]
fn rules_explain_themselves() {
    let there = tempfile::tempdir().expect("a folder");
    let all = ci_tool(there.path(), &["explain"]);
    assert_eq!(all.code, 0);
    for rule in ci_tool::audit::RULES {
        assert!(all.stdout.contains(rule.id), "{}", rule.id);
    }
    let one = ci_tool(there.path(), &["explain", "missing-script"]);
    assert!(one.stdout.contains("Missing script"), "{}", one.stdout);
    assert_eq!(ci_tool(there.path(), &["explain", "nothing"]).code, 2);
}

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
const DEFECTS: [&str; 16] = [
    "cors-wildcard-with-credentials vercel.json:13",
    "forced-mirror-without-fetch .github/workflows/sync-repositories.yml:18",
    "forced-mirror-without-fetch .gitlab-ci.yml:5",
    "health-route-missing Dockerfile.frontend:13",
    "migration-error-ignored backend/start.sh:9",
    "missing-dockerfile railway.json:4",
    "railway-unknown-key railway.json:4",
    "railway-unknown-key railway.json:9",
    "railway-unknown-key railway.toml:8",
    "rival-platform-files railway.json:1",
    "secret-in-image Dockerfile.frontend:7",
    "secret-read-in-the-open scripts/deploy-all.sh:5",
    "secret-read-in-the-open scripts/deploy-railway.sh:4",
    "sleep-after-deploy scripts/deploy-railway.sh:7",
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
        found(there.path(), &["--pedantic"]).is_empty(),
        "{:#?}",
        found(there.path(), &[])
    );
}

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

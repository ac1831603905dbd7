//! What is not in a repository, and what shows that it is.

use crate::common::{ci_tool, sample, write};

/// The absences that an audit tells, and where.
fn absences(there: &std::path::Path) -> Vec<String> {
    let run = ci_tool(there, &["audit", "--pedantic", "--format", "json"]);
    assert!(run.code <= 1, "{}", run.stderr);
    let answer: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let mut all: Vec<String> = answer["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            one["finding"]["reportedBy"][0]["rule"]
                .as_str()
                .expect("a rule")
                .to_owned()
        })
        .filter(|rule| {
            rule.starts_with("no-") && !["no-drain-time", "no-health-gate"].contains(&rule.as_str())
        })
        .collect();
    all.sort();
    all
}

const ALL: [&str; 11] = [
    "no-backups",
    "no-ci",
    "no-dependency-updates",
    "no-deploy-pipeline",
    "no-error-tracking",
    "no-health-endpoint",
    "no-rollback",
    "no-security-scanning",
    "no-staging",
    "no-structured-logs",
    "no-tests",
];

#[test]
fn what_the_team_lacks_and_what_it_has() {
    let there = sample("fastapi-nextjs");
    // It has tests and a route for health, and nothing else of all these.
    let lacks: Vec<&str> = ALL
        .into_iter()
        .filter(|rule| !["no-tests", "no-health-endpoint"].contains(rule))
        .collect();
    assert_eq!(absences(there.path()), lacks);

    // Each file takes its own absence away, and no other.
    let shows: [(&str, &str, &str); 8] = [
        (
            ".github/dependabot.yml",
            "version: 2\nupdates: []\n",
            "no-dependency-updates",
        ),
        (
            ".github/workflows/scan.yml",
            "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: aquasecurity/trivy-action@v0\n",
            "no-security-scanning",
        ),
        (
            "scripts/backup.sh",
            "#!/bin/sh\npg_dump \"$DATABASE_URL\" > x\n",
            "no-backups",
        ),
        (
            "scripts/back.sh",
            "#!/bin/sh\nvercel rollback\n",
            "no-rollback",
        ),
        (".env.staging", "A=b\n", "no-staging"),
        (
            "backend/requirements.txt",
            "sentry-sdk==2.0.0\n",
            "no-error-tracking",
        ),
        (
            "frontend/extra/package.json",
            "{\"dependencies\": {\"pino\": \"9.0.0\"}}",
            "no-structured-logs",
        ),
        (
            ".circleci/config.yml",
            "jobs:\n  a:\n    steps:\n      - run: make build\n",
            "no-ci",
        ),
    ];
    for (path, text, rule) in shows {
        let there = sample("fastapi-nextjs");
        let old = std::fs::read_to_string(there.path().join(path)).unwrap_or_default();
        write(there.path(), path, format!("{old}{text}"));
        let expected: Vec<&str> = lacks.iter().copied().filter(|one| *one != rule).collect();
        assert_eq!(absences(there.path()), expected, "{path}");
    }
}

#[test]
fn nothing_is_absent_where_nothing_is_to_be_deployed() {
    for name in ["docs-only", "rust-cli"] {
        let there = sample(name);
        assert_eq!(absences(there.path()), [""; 0], "{name}");
    }
}

#[test]
fn absences_are_not_told_without_being_asked_for() {
    let there = sample("fastapi-nextjs");
    let run = ci_tool(there.path(), &["audit"]);
    for rule in ALL {
        assert!(!run.stdout.contains(rule), "{rule}");
    }
}

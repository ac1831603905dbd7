//! `ci-tool audit --score`: the same as by hand, and never lower for more evidence.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use crate::common::{ci_tool, sample, write};

fn score(there: &Path, arguments: &[&str]) -> serde_json::Value {
    let arguments = [&["audit", "--score", "--format", "json"], arguments].concat();
    let run = ci_tool(there, &arguments);
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_str(&run.stdout).expect("JSON")
}

fn points(score: &serde_json::Value) -> BTreeMap<String, u64> {
    let categories = score["categories"].as_array().expect("a list");
    categories
        .iter()
        .map(|one| {
            let name = one["name"].as_str().expect("a name").to_owned();
            (name, one["points"].as_u64().expect("a number"))
        })
        .collect()
}

/// The names of the categories in the order of the lists below.
const CATEGORIES: [&str; 12] = [
    "infrastructure-as-code",
    "ci-cd",
    "containers",
    "monitoring",
    "logging",
    "security",
    "backup",
    "documentation",
    "secret-management",
    "environment-parity",
    "deployment",
    "testing",
];

#[test]
fn the_score_of_a_sample_is_what_a_person_computes() {
    // Read off the samples' files, by the table of docs/score.md.
    let expected: [(&str, [u64; 12], f64); 4] = [
        // A README, and a guide in a folder that is not called docs.
        ("docs-only", [0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0], 0.33),
        // Platform files 3. Scripts deploy 3. Images 4, stages 2, HEALTHCHECK 1, compose 1.
        // A route for health 3, asked for by an image 1. A lock file 1; a secret is kept in
        // the image, CORS is open, nobody runs as a user of his own. Migrations 1. README 4.
        // Nothing of secrets: .gitignore does not name .env. Images 2, compose 1, versions 1, migrations 1. Scripts 3,
        // platform files 2, migrations 1. Tests 3.
        ("fastapi-nextjs", [3, 3, 8, 4, 0, 1, 1, 4, 0, 5, 6, 3], 3.17),
        // Compose 1. No finding of secrets 2 and of other defects 1, locked 1. Migrations 1.
        // README 4. No secret 3. Compose 1, versions 1, migrations 1.
        // Migrations 1. Tests 3.
        (
            "django-vite-pnpm",
            [0, 0, 1, 0, 0, 4, 1, 4, 3, 3, 1, 3],
            1.67,
        ),
        // An image 4, in stages 2. No finding of secrets 2 and of other defects 1; nothing is
        // locked, for nothing is needed. README 4. No secret 3. An image 2, versions 1. Tests 3.
        ("go-service", [0, 0, 6, 0, 0, 3, 0, 4, 3, 3, 0, 3], 1.83),
    ];
    for (name, hand, total) in expected {
        let there = sample(name);
        let score = score(there.path(), &[]);
        let hand: BTreeMap<String, u64> = CATEGORIES
            .iter()
            .zip(hand)
            .map(|(name, points)| ((*name).to_owned(), points))
            .collect();
        assert_eq!(points(&score), hand, "{name}");
        assert_eq!(score["total"].as_f64(), Some(total), "{name}");
        // Twice the same.
        assert_eq!(self::score(there.path(), &[]), score, "{name}");
    }
}

/// A repository of the shape that a published audit describes, and what that audit says of
/// what a repository does not show. Its own twelve numbers have a mean of 5.5.
#[test]
fn the_shape_of_the_published_audit_is_where_its_own_numbers_are() {
    let there = sample("fastapi-nextjs");
    for (path, text) in [
        (".env.example", "DATABASE_URL=\n"),
        (".gitignore", "node_modules/\n.next/\n.env\n"),
        ("docs/architecture.md", "# Architecture\n"),
        ("docs/deployment.md", "# Deployment\n"),
    ] {
        write(there.path(), path, text);
    }
    let image = there.path().join("Dockerfile");
    let text = std::fs::read_to_string(&image).expect("read");
    std::fs::write(&image, text.replace("EXPOSE", "USER app\nEXPOSE")).expect("written");
    let yes = [
        "cloud-backups",
        "https-only",
        "logs-kept",
        "secrets-at-platform",
    ];
    let no = [
        "alerts",
        "backup-elsewhere",
        "instant-rollback",
        "logs-searched",
        "restore-tested",
        "secrets-rotated",
    ];
    let answers: Vec<String> = yes
        .iter()
        .map(|name| format!("{name}=yes"))
        .chain(no.iter().map(|name| format!("{name}=no")))
        .collect();
    let arguments: Vec<&str> = answers
        .iter()
        .flat_map(|one| ["--answer", one.as_str()])
        .collect();
    let score = score(there.path(), &arguments);
    let total = score["total"].as_f64().expect("a number");
    // docs/score.md says so, and where the differences are.
    assert!((total - 5.08).abs() < 0.001, "{total}");
    assert!((total - 5.5).abs() <= 0.5, "{total}");
    assert_eq!(score["atMost"].as_f64(), Some(total), "nothing is unknown");
    assert_eq!(score["level"], 2);
}

/// Files that show something good, whatever else is there.
const EVIDENCE: [(&str, &str); 12] = [
    (".github/dependabot.yml", "version: 2\nupdates: []\n"),
    (
        ".github/workflows/scan.yml",
        "on: push\njobs:\n  a:\n    runs-on: x\n    timeout-minutes: 5\n    steps:\n      - uses: aquasecurity/trivy-action@v0\n",
    ),
    (
        ".github/workflows/test.yml",
        "on: push\njobs:\n  a:\n    runs-on: x\n    timeout-minutes: 5\n    steps:\n      - run: pytest\n",
    ),
    ("docs/operations.md", "# x\n"),
    ("docs/runbook.md", "# x\n"),
    (".env.example", "A=\n"),
    (".env.staging", "A=b\n"),
    ("infra/main.tf", "\n"),
    ("scripts/backup.sh", "#!/bin/sh\nset -e\npg_dump x > y\n"),
    ("scripts/back.sh", "#!/bin/sh\nset -e\nvercel rollback\n"),
    (
        "lib/package.json",
        "{\"dependencies\": {\"pino\": \"9.0.0\", \"@sentry/node\": \"9.0.0\", \"prom-client\": \"15.0.0\"}}\n",
    ),
    ("CODEOWNERS", "* @team\n"),
];

const SAID: [&str; 4] = [
    "alerts=yes",
    "logs-kept=yes",
    "cloud-backups=yes",
    "secrets-rotated=yes",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn more_evidence_never_lowers_a_category(
        files in proptest::collection::vec(any::<bool>(), EVIDENCE.len()),
        said in proptest::collection::vec(any::<bool>(), SAID.len()),
        more in 0_usize..EVIDENCE.len() + SAID.len(),
    ) {
        let there = sample("fastapi-nextjs");
        for (is, (path, text)) in files.iter().zip(EVIDENCE) {
            if *is {
                write(there.path(), path, text);
            }
        }
        let mut answers: Vec<&str> = Vec::new();
        for (is, answer) in said.iter().zip(SAID) {
            if *is {
                answers.extend(["--answer", answer]);
            }
        }
        let before = score(there.path(), &answers);
        if let Some((path, text)) = EVIDENCE.get(more) {
            write(there.path(), path, text);
        } else {
            answers.extend(["--answer", SAID[more - EVIDENCE.len()]]);
        }
        let after = score(there.path(), &answers);
        let (less, more) = (points(&before), points(&after));
        for (name, points) in &less {
            prop_assert!(more[name] >= *points, "{name}: {points} became {}", more[name]);
        }
        prop_assert!(after["level"].as_u64() >= before["level"].as_u64());
    }
}

#[test]
fn a_category_may_not_fall_below_the_baseline_whatever_the_others_gain() {
    let there = sample("fastapi-nextjs");
    let of = |arguments: &[&str]| {
        let arguments = [&["audit", "--score", "--format", "json"], arguments].concat();
        ci_tool(there.path(), &arguments)
    };
    // Outside of the repository: a file in it could be evidence.
    let kept = tempfile::tempdir().expect("a folder");
    let file = kept.path().join("score.json");
    let baseline = file.to_str().expect("text");
    let earlier = of(&[]);
    std::fs::write(&file, &earlier.stdout).expect("written");
    assert_eq!(of(&["--baseline", baseline]).code, 0);

    std::fs::remove_file(there.path().join("README.md")).expect("there was one");
    let less = of(&["--baseline", baseline]);
    assert_eq!(less.code, 1, "{}", less.stderr);
    assert!(
        less.stderr.contains("Documentation has fallen from 4 to 0"),
        "{}",
        less.stderr
    );
    // More elsewhere than was lost here.
    let more = of(&["--baseline", baseline, "--answer", "cloud-backups=yes"]);
    assert_eq!(more.code, 1, "{}", more.stderr);

    for (text, why) in [
        ("{", "EOF"),
        (r#"{"runs": []}"#, "schema"),
        (r#"{"schema": 2, "categories": []}"#, "form 2"),
        (r#"{"schema": 1, "categories": []}"#, "no category"),
    ] {
        std::fs::write(&file, text).expect("written");
        let wrong = of(&["--baseline", baseline]);
        assert_eq!(wrong.code, 2, "{text}: {}", wrong.stderr);
        assert!(wrong.stderr.contains(why), "{text}: {}", wrong.stderr);
    }
    assert_eq!(of(&["--baseline", "nowhere.json"]).code, 3);
}

#[test]
fn a_limit_a_badge_and_a_picture() {
    let there = sample("fastapi-nextjs");
    let of =
        |arguments: &[&str]| ci_tool(there.path(), &[&["audit", "--score"], arguments].concat());
    assert_eq!(of(&["--fail-under", "3"]).code, 0);
    assert_eq!(of(&["--fail-under", "9"]).code, 1);
    assert_eq!(of(&["--format", "sarif"]).code, 2);
    let run = of(&["--badge", "badge.svg", "--radar", "radar.svg"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(
        of(&["--badge", "badge.json", "--scorecard", "card.md"]).code,
        0
    );
    let read = |name: &str| std::fs::read_to_string(there.path().join(name)).expect("written");
    let badge: serde_json::Value = serde_json::from_str(&read("badge.json")).expect("JSON");
    assert_eq!(badge["schemaVersion"], 1);
    assert!(badge["message"].as_str().expect("a text").ends_with("/10"));
    let card = read("card.md");
    let rows = card.lines().filter(|line| line.starts_with("| "));
    // A head, and a row of seven bars for each category.
    assert_eq!(rows.count(), CATEGORIES.len() + 1, "{card}");
    assert!(
        card.lines()
            .skip(2)
            .all(|line| line.matches('|').count() == 7),
        "{card}"
    );
    for name in ["badge.svg", "radar.svg"] {
        let output = std::process::Command::new("python3")
            .args(["-c", "import sys, xml.dom.minidom as m; print(m.parse(sys.argv[1]).documentElement.tagName)"])
            .arg(there.path().join(name))
            .output()
            .expect("python3");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim(),
            "svg",
            "{name}"
        );
    }
    for category in CATEGORIES {
        let title = category.split('-').next().expect("a word");
        assert!(
            run.stdout.to_ascii_lowercase().contains(title),
            "{category}"
        );
    }
}

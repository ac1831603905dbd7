//! Files that give a component different versions of its language.

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::model::Evidence;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "runtime-drift",
    title: "The language has another version in another file",
    severity: Severity::Low,
    // Several versions may be meant: a matrix, an image for something else.
    confidence: Confidence::Low,
    category: Category::Coherence,
    what: "The versions of a language that Dockerfiles, workflows and manifests give the same component are held against each other.",
    why: "What was tested is not what runs: a library, a syntax or a security fix is there in one place and not in the other.",
    mend: "Say the version once (.python-version, .nvmrc, .tool-versions) and let workflows and images follow it.",
    references: &[],
    check,
};

/// Manifests say the least that a component needs, and not what runs.
const LEAST: [&str; 9] = [
    "go.mod",
    "package.json",
    "pyproject.toml",
    "setup.cfg",
    "Cargo.toml",
    "composer.json",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for component in &facts.project.components {
        let Some(fact) = &component.version else {
            continue;
        };
        let is_exact = |one: &&Evidence| !LEAST.contains(&path::name(&one.path));
        let said = fact.evidence.iter().filter(is_exact);
        let said = said.map(|evidence| (&fact.value, evidence));
        let others = fact.contradictions.iter();
        let others = others
            .filter(|one| is_exact(&&one.evidence))
            .map(|one| (&one.value, &one.evidence));
        let all = said.chain(others).filter(|(value, _)| is_version(value));
        let all: Vec<(&String, &Evidence)> = all.collect();
        let Some((value, first)) = all.first() else {
            continue;
        };
        let rest: Vec<&(&String, &Evidence)> =
            all.iter().filter(|(one, _)| !agree(one, value)).collect();
        let Some((_, other)) = rest.first() else {
            continue;
        };
        let told: Vec<String> = rest
            .iter()
            .map(|(value, evidence)| format!("{value} in {}", evidence.path))
            .collect();
        let message = format!(
            "{} runs on {value} in {}, and on {}",
            component.name,
            first.path,
            told.join(", ")
        );
        let mut defect = Defect::new(&other.path, other.line, message)
            .about(&component.name)
            .with(&first.path, first.line);
        for (_, more) in &rest[1..] {
            defect = defect.with(&more.path, more.line);
        }
        defects.push(defect);
    }
    defects
}

/// Whether it is one version, and no range, name or file of one: `3.12`, `v20.1`, `22.x`.
fn is_version(value: &str) -> bool {
    let parts: Vec<&str> = parts(value).collect();
    !parts.is_empty()
        && parts
            .iter()
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether two versions may be the same: what the shorter one leaves open is not held
/// against it.
fn agree(one: &str, other: &str) -> bool {
    parts(one)
        .zip(parts(other))
        .all(|(one, other)| one == other)
}

/// The numbers of a version, without what is open at its end.
fn parts(value: &str) -> impl Iterator<Item = &str> {
    let plain = value.trim_start_matches('v');
    let open = plain.find(".x").or_else(|| plain.find(".*"));
    plain[..open.unwrap_or(plain.len())].split('.')
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn two_versions_and_one() {
        let files = |image: &'static str| {
            [
                ("api/requirements.txt", "fastapi==0.115.0\n"),
                (
                    "api/app/main.py",
                    "from fastapi import FastAPI\napp = FastAPI()\n",
                ),
                ("api/.python-version", "3.12\n"),
                ("api/Dockerfile", image),
            ]
        };
        let drift = files("FROM python:3.11-slim\nCOPY requirements.txt .\n");
        assert_eq!(found(&RULE, &drift), ["api/Dockerfile:1 api"]);
        let same = files("FROM python:3.12-slim\nCOPY requirements.txt .\n");
        assert!(found(&RULE, &same).is_empty());
        // One file may say more than another one.
        let more = files("FROM python:3.12.4-slim\nCOPY requirements.txt .\n");
        assert!(found(&RULE, &more).is_empty());
        // What a manifest says is the least.
        let go = [
            ("go.mod", "module a\n\ngo 1.19\n"),
            ("main.go", "package main\nfunc main() {}\n"),
            ("Dockerfile", "FROM golang:1.22\nCOPY go.mod .\n"),
        ];
        assert!(found(&RULE, &go).is_empty());
    }
    #[test]
    fn versions_that_agree() {
        for (one, other) in [
            ("3.4.4", "3.4"),
            ("20", "20.11.1"),
            ("v22.1", "22.x"),
            ("3.*", "3.12"),
        ] {
            assert!(
                is_version(one) && is_version(other) && agree(one, other),
                "{one} {other}"
            );
        }
        assert!(!agree("3.11", "3.12") && !agree("3.1", "3.10") && !agree("22", "20.x"));
        for none in [
            ".ruby-version",
            "lts/iron",
            ">=3.11",
            "^20",
            "",
            "x",
            "3.12-dev",
            "${VERSION}",
        ] {
            assert!(!is_version(none), "{none}");
        }
    }
}

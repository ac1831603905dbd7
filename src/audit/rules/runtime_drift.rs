//! Files that give a component different versions of its language.

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "runtime-drift",
    title: "The language has another version in another file",
    severity: Severity::Low,
    confidence: Confidence::High,
    category: Category::Coherence,
    what: "The versions of a language that Dockerfiles, workflows and manifests give the same component are held against each other.",
    why: "What was tested is not what runs: a library, a syntax or a security fix is there in one place and not in the other.",
    mend: "Say the version once (.python-version, .nvmrc, .tool-versions) and let workflows and images follow it.",
    references: &[],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for component in &facts.project.components {
        let Some(fact) = &component.version else {
            continue;
        };
        let (Some(said), Some(other)) = (fact.evidence.first(), fact.contradictions.first()) else {
            continue;
        };
        let all: Vec<String> = fact
            .contradictions
            .iter()
            .map(|one| format!("{} in {}", one.value, one.evidence.path))
            .collect();
        let message = format!(
            "{} is {} in {}, and {}",
            component.name,
            fact.value,
            said.path,
            all.join(", ")
        );
        let mut defect = Defect::new(&other.evidence.path, other.evidence.line, message)
            .about(&component.name)
            .with(&said.path, said.line);
        for more in &fact.contradictions[1..] {
            defect = defect.with(&more.evidence.path, more.evidence.line);
        }
        defects.push(defect);
    }
    defects
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
    }
}

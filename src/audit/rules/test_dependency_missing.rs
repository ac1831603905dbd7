//! Tests that need a package which the install does not bring.

use crate::audit::fix::{Fix, Text};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "test-dependency-missing",
    title: "The tests need a package that nothing installs",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Pipelines,
    what: "What Python tests import, mark or name as a database's driver is held against all packages that the component's manifests install.",
    why: "In a fresh environment the tests end with an error before the first of them runs; on the author's machine the package is there by chance.",
    mend: "Add the package to the development dependencies.",
    references: &[],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for component in &facts.project.components {
        let gaps = component.gaps.iter();
        for gap in gaps.filter(|gap| gap.kind == "test-dependency") {
            // Where nothing at all runs tests, the files may be no tests.
            let Some(rest) = gap.message.strip_prefix("the tests need ") else {
                continue;
            };
            let package = rest.split_whitespace().next().unwrap_or_default();
            // It comes with many others; and what a template makes has manifests of its own.
            if package == "httpx" || gap.message.contains("{{") {
                continue;
            }
            let place = &component.manifest;
            let defect = Defect::new(&place.path, place.line, &gap.message);
            let fix = fix(facts, &component.root, &place.path, package);
            defects.push(defect.about(package).mended_by(fix));
        }
    }
    defects
}

/// A line of its own in the requirements for development, or in those that are there.
fn fix(facts: &Facts<'_>, root: &str, manifest: &str, package: &str) -> Option<Fix> {
    let names = [
        "requirements-dev.txt",
        "requirements_dev.txt",
        "dev-requirements.txt",
        "requirements-test.txt",
        "test-requirements.txt",
    ];
    let file = facts.tree.first_in(root, &names);
    let file = file.unwrap_or_else(|| manifest.to_owned());
    if !file.ends_with(".txt") {
        return None;
    }
    let text = Text::of(facts.tree, &file)?;
    let last = text.str().lines().count();
    let change = text.after_line(last, package)?;
    Some(Fix::safe(format!("add `{package}` to {file}"), [change]))
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn a_driver_that_only_the_author_has() {
        let files = |more: &'static str| {
            [
                ("api/requirements.txt", more),
                (
                    "api/app/main.py",
                    "from fastapi import FastAPI\napp = FastAPI()\n",
                ),
                (
                    "api/tests/conftest.py",
                    "URL = \"sqlite+aiosqlite:///:memory:\"\n",
                ),
                ("api/tests/test_a.py", "def test_a():\n    assert True\n"),
            ]
        };
        let missing = files("fastapi==0.115.0\npytest==8.4.0\n");
        assert_eq!(found(&RULE, &missing), ["api/requirements.txt:1 aiosqlite"]);
        let there = files("fastapi==0.115.0\npytest==8.4.0\naiosqlite==0.20.0\n");
        assert!(found(&RULE, &there).is_empty());
    }
}

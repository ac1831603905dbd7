//! Platform files that name a Dockerfile which is not there.

use super::railway_unknown_key::files;
use crate::audit::fix::{Choice, Fix, Text};
use crate::audit::{Category, Confidence, Defect, Facts, Place, Rule};
use crate::findings::Severity;
use crate::project::document::Node;
use crate::project::{ignored, path};

pub(super) const RULE: Rule = Rule {
    id: "missing-dockerfile",
    title: "A Dockerfile that is not there",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Platforms,
    what: "The Dockerfiles that platform files, compose files and Railway's files name are looked for, from the repository's root and from the file's own folder.",
    why: "The build fails, or the platform builds something else without a word.",
    mend: "Name a Dockerfile that exists, or add it.",
    references: &["https://docs.railway.com/builds/dockerfiles"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    let mut look = |file: &str, place: Place, named: &str, base: &str, written: Option<&Node>| {
        let is_plain = !named.is_empty() && !named.contains(['$', '{', '*']);
        let clean = path::normalise(named.trim_start_matches('/'));
        let there = facts.tree.contains(&clean)
            || facts.tree.contains(&path::join(base, &clean))
            || facts.tree.root().join(base).join(&clean).is_file()
            || ignored::may_be_there(facts.tree, &path::join(base, &clean));
        if is_plain && !there {
            let message = format!("it names `{named}`, and there is no such file");
            let fix = written.and_then(|node| fix(facts, file, node));
            defects.push(
                Defect::new(file, place, message)
                    .about(named)
                    .mended_by(fix),
            );
        }
    };
    for (file, document) in files(facts) {
        // `dockerfile` is no key of Railway, and what people mean by it is the same.
        for key in ["dockerfilePath", "dockerfile"] {
            if let Some(entry) = document.entry_at(&["build", key])
                && let Some(named) = entry.node.str()
            {
                let written = Some(&entry.node);
                look(&file, entry.into(), named, path::parent(&file), written);
            }
        }
    }
    for file in facts.tree.named("fly.toml") {
        let document = facts.tree.toml(file);
        let entry = document
            .as_ref()
            .and_then(|document| document.entry_at(&["build", "dockerfile"]));
        if let Some(entry) = entry
            && let Some(named) = entry.node.str()
        {
            look(file, entry.into(), named, path::parent(file), None);
        }
    }
    for compose in &facts.project.compose {
        let Some(document) = facts.tree.yaml(&compose.path) else {
            continue;
        };
        let services = document
            .get("services")
            .map_or(&[][..], |node| node.entries());
        for service in services {
            let Some(build) = service.node.get("build") else {
                continue;
            };
            let context = build.get("context").and_then(|node| node.str());
            let context = context.or_else(|| build.str()).unwrap_or(".");
            // Of another repository, of a variable, or a Dockerfile in the file itself.
            // One that adds to another file's service has its folder there.
            let adds = build.str().is_none() && build.get("context").is_none();
            let is_elsewhere = adds || context.contains("://") || context.contains(['$', '@']);
            if is_elsewhere || context.starts_with("..") || build.get("dockerfile_inline").is_some()
            {
                continue;
            }
            let base = path::join(path::parent(&compose.path), &path::normalise(context));
            let (place, named) = match build.entry("dockerfile") {
                Some(entry) => (entry.into(), entry.node.str().unwrap_or_default()),
                None => (service.into(), "Dockerfile"),
            };
            if !named.starts_with("..") {
                look(&compose.path, place, named, &base, None);
            }
        }
    }
    defects
}

/// Railway reads the path from the repository's root.
fn fix(facts: &Facts<'_>, file: &str, written: &Node) -> Option<Fix> {
    let candidates: Vec<String> = facts
        .dockerfiles()
        .iter()
        .map(|one| one.path.clone())
        .collect();
    let chosen = match (facts.answer("dockerfile"), candidates.as_slice()) {
        (Some(answer), _) => answer,
        (None, []) => return None,
        (None, [only]) => only,
        (None, _) => {
            let choice = Choice {
                name: "dockerfile",
                question: "which Dockerfile is meant?",
                candidates,
            };
            return Some(Fix::asks("name a Dockerfile that is there", choice));
        }
    };
    let text = Text::of(facts.tree, file)?;
    let value = serde_json::to_string(chosen).ok()?;
    let change = text.replace(written.span.clone(), value);
    Some(Fix::behaviour(format!("name `{chosen}`"), [change]))
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn a_dockerfile_that_nobody_has() {
        assert_eq!(
            found(
                &RULE,
                &[
                    (
                        "railway.json",
                        "{\"build\": {\n\"dockerfile\": \"Dockerfile.railway\"}}"
                    ),
                    ("fly.toml", "[build]\ndockerfile = \"deploy/Dockerfile\"\n"),
                    (
                        "compose.yaml",
                        "services:\n  a:\n    build:\n      context: api\n      dockerfile: prod.Dockerfile\n"
                    ),
                    ("api/x", ""),
                ]
            ),
            [
                "compose.yaml:5 prod.Dockerfile",
                "fly.toml:2 deploy/Dockerfile",
                "railway.json:2 Dockerfile.railway",
            ]
        );
    }

    #[test]
    fn one_that_is_there_from_either_place() {
        let files = [
            (
                "railway.json",
                r#"{"build": {"dockerfilePath": "/api/Dockerfile"}}"#,
            ),
            (
                "api/railway.toml",
                "[build]\ndockerfilePath = \"Dockerfile\"\n",
            ),
            ("api/Dockerfile", "FROM scratch\n"),
            (
                "compose.yaml",
                "services:\n  a:\n    build: ./api\n  b:\n    build: ${X}\n  c:\n    image: x\n  d:\n    build:\n      context: https://example.com/x.git\n",
            ),
        ];
        assert!(
            found(&RULE, &files).is_empty(),
            "{:?}",
            found(&RULE, &files)
        );
    }
}

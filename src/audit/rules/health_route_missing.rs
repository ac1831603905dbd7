//! Health checks of a route that the application has not.

use crate::audit::fix::{Choice, Fix, Text};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::dockerfile::Instruction;
use crate::project::model::{Component, Language};
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "health-route-missing",
    title: "The health check asks for a route that nobody serves",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Containers,
    what: "`HEALTHCHECK` asks for an address whose last part is in no file name and in no source file of the component that the image is built from.",
    why: "The check fails every time, so that the container is unhealthy for ever, or is restarted without end.",
    mend: "Ask for a route that there is, or add it.",
    references: &["https://docs.docker.com/reference/dockerfile/#healthcheck"],
    check,
};

/// Files in which a route may be named.
const SOURCES: [&str; 8] = [".py", ".js", ".ts", ".mjs", ".cjs", ".jsx", ".tsx", ".conf"];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for file in facts.dockerfiles() {
        let image = file.image();
        let Some(check) = image.iter().rev().find(|one| one.name == "HEALTHCHECK") else {
            continue;
        };
        let Some((route, last)) = route(&check.rest) else {
            continue;
        };
        let Some(component) = component(facts, &file.path) else {
            continue;
        };
        if !names(facts, &component.root, last) {
            let message = format!(
                "the health check asks for `{route}`, and nothing in {} names `{last}`",
                component.root
            );
            let defect = Defect::new(&file.path, check.line, message).about(route);
            let manifest = &component.manifest;
            let fix = fix(facts, &file.path, check, route);
            defects.push(defect.with(&manifest.path, manifest.line).mended_by(fix));
        }
    }
    defects
}

/// A route that answers. Which one does, the routes of the code do not always tell.
fn fix(facts: &Facts<'_>, file: &str, check: &Instruction, route: &str) -> Option<Fix> {
    let title = "ask for a route that is there";
    let Some(chosen) = facts.answer("health-route") else {
        let choice = Choice {
            name: "health-route",
            question: "which route answers when the application is well?",
            candidates: vec!["/".to_owned()],
        };
        return Some(Fix::asks(title, choice));
    };
    let text = Text::of(facts.tree, file)?;
    let span = text.lines(check.line, check.last)?;
    let start = span.start + text.str()[span].find(route)?;
    let change = text.replace(start..start + route.len(), chosen);
    Some(Fix::behaviour(format!("ask for `{chosen}`"), [change]))
}

/// The path that is asked for on the container itself, and its last part.
fn route(check: &str) -> Option<(&str, &str)> {
    let hosts = ["://localhost", "://127.0.0.1", "://0.0.0.0"];
    let (at, host) = hosts
        .iter()
        .find_map(|host| Some((check.find(host)?, host)))?;
    let rest = &check[at + host.len()..];
    let rest = &rest[rest.find('/')?..];
    let is_end = |c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | ')' | '?' | ',' | ']' | ';' | '|' | '`')
    };
    let path = rest.split(is_end).next()?.trim_end_matches('/');
    let last = path.rsplit('/').next()?;
    let is_word = last.len() > 2
        && last
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    is_word.then_some((path, last))
}

/// The component of an image, whose routes its own files name.
fn component<'f>(facts: &'f Facts<'_>, dockerfile: &str) -> Option<&'f Component> {
    let container = facts
        .project
        .containers
        .iter()
        .find(|one| one.path == dockerfile)?;
    let name = container.component.as_ref()?;
    let component = facts
        .project
        .components
        .iter()
        .find(|one| one.name == *name)?;
    // What is built from elsewhere may hold other sources too.
    let is_whole = container.context == component.root;
    let is_read = matches!(component.language, Language::Python | Language::Node);
    (is_whole && is_read).then_some(component)
}

fn names(facts: &Facts<'_>, root: &str, word: &str) -> bool {
    let mut files = facts
        .tree
        .under(root)
        .filter(|file| SOURCES.iter().any(|end| file.ends_with(end)));
    files.any(|file| {
        let own = path::relative(root, file);
        own.contains(word) || facts.tree.text(file).is_none_or(|text| text.contains(word))
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    fn of(check: &str, more: &[(&str, &str)]) -> Vec<String> {
        let image = format!("FROM node:22-alpine\nCOPY package.json .\nHEALTHCHECK CMD {check}\n");
        let mut files = vec![
            (
                "web/package.json",
                r#"{"name": "web", "dependencies": {"next": "16.0.0"}, "scripts": {"build": "next build"}}"#,
            ),
            ("web/Dockerfile", image.as_str()),
            (
                "web/app/page.tsx",
                "export default function Page() { return null }\n",
            ),
        ];
        files.extend_from_slice(more);
        found(&RULE, &files)
    }

    #[test]
    fn a_route_that_nobody_serves() {
        let check = "wget -q http://localhost:3000/api/healthz || exit 1";
        assert_eq!(of(check, &[]), ["web/Dockerfile:3 /api/healthz"]);
        assert!(of(check, &[("web/app/api/healthz/route.ts", "export {}\n")]).is_empty());
        assert!(of(check, &[("web/server.js", "app.get('/api/healthz')\n")]).is_empty());
        for near in [
            "wget -q http://localhost:3000/",
            "wget -q http://example.com/api/healthz",
            "node check.js",
        ] {
            assert!(of(near, &[]).is_empty(), "{near}");
        }
    }
}

//! Services that a platform's file describes without a health check.

use super::railway_unknown_key::{files, with_deploy_key};
use crate::audit::fix::{Change, Choice, Fix, Text};
use crate::audit::{Category, Confidence, Defect, Facts, Place, Rule};
use crate::findings::Severity;
use crate::project::document::Node;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "no-health-gate",
    title: "Traffic moves to a new version that nobody has asked anything",
    severity: Severity::Low,
    // The platform's own settings may have one; a worker needs none.
    confidence: Confidence::Low,
    category: Category::Platforms,
    what: "`healthcheckPath` of railway.json and railway.toml, `healthCheckPath` of a web service of render.yaml, and checks of an HTTP service of fly.toml.",
    why: "Without one the platform takes a process that has started for an application that works: users get the errors of a version that cannot reach its database.",
    mend: "Name a route that answers once the application can serve.",
    references: &[
        "https://docs.railway.com/deployments/healthchecks",
        "https://render.com/docs/health-checks",
        "https://fly.io/docs/reference/health-checks/",
    ],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    let mut tell = |file: &str, place: Place, message: &str, fix: Option<Fix>| {
        if !path::is_sample(file) {
            defects.push(Defect::new(file, place, message).mended_by(fix));
        }
    };
    for (file, document) in files(facts) {
        let deploy = document.get("deploy");
        let has = |key: &str| deploy.and_then(|deploy| deploy.get(key)).is_some();
        // A job that runs by the clock serves nobody.
        if !has("healthcheckPath") && !has("cronSchedule") {
            let place = document.entry("deploy").map_or(Place::from(1), Place::from);
            let change = |route: &str| {
                let value = format!("\"{route}\"");
                with_deploy_key(facts, &file, deploy?, "healthcheckPath", &value)
            };
            let fix = fix(facts, deploy.is_some(), change);
            tell(
                &file,
                place,
                "the service has no `deploy.healthcheckPath`",
                fix,
            );
        }
    }
    for file in facts.tree.named("render.yaml") {
        let Some(document) = facts.tree.yaml(file) else {
            continue;
        };
        for service in document.get("services").map_or(&[][..], Node::items) {
            let text = |key: &str| service.get(key).and_then(Node::str);
            let is_static = text("runtime").or_else(|| text("env")) == Some("static");
            let is_web = text("type") == Some("web") && !is_static;
            if is_web && service.get("healthCheckPath").is_none() {
                let change = |route: &str| {
                    let text = Text::of(facts.tree, file)?;
                    let first = service.entries().first()?;
                    let indent = " ".repeat(first.column.checked_sub(1)?);
                    text.after_line(first.line, &format!("{indent}healthCheckPath: {route}"))
                };
                // In braces, nothing can be put below.
                let is_block = service
                    .entries()
                    .windows(2)
                    .all(|two| two[0].line != two[1].line);
                let fix = fix(facts, is_block, change);
                tell(
                    file,
                    service.into(),
                    "the web service has no `healthCheckPath`",
                    fix,
                );
            }
        }
    }
    for file in facts.tree.named("fly.toml") {
        let Some(document) = facts.tree.toml(file) else {
            continue;
        };
        for key in ["http_service", "services"] {
            let Some(entry) = document.entry(key) else {
                continue;
            };
            let checks = ["checks", "http_checks", "tcp_checks", "machine_checks"];
            let has = |node: &Node| checks.iter().any(|key| node.get(key).is_some());
            let all = entry.node.items();
            if !has(&document) && !has(&entry.node) && !all.iter().any(has) {
                tell(file, entry.into(), "the service has no check", None);
            }
        }
    }
    defects
}

/// Asks for the route, and names it in the platform's file.
fn fix(facts: &Facts<'_>, is_known: bool, change: impl Fn(&str) -> Option<Change>) -> Option<Fix> {
    let title = "name the route that is asked before a release gets its users";
    let Some(route) = facts.answer("health-route").filter(|_| is_known) else {
        let choice = Choice {
            name: "health-route",
            question: "which route answers when the application is well?",
            candidates: vec!["/health".to_owned()],
        };
        return is_known.then(|| Fix::asks(title, choice));
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if !route.starts_with('/') || !route.chars().all(is_plain) {
        return None;
    }
    Some(Fix::behaviour(title, [change(route)?]))
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn services_without_a_check() {
        let files = [
            ("railway.json", "{\n\"deploy\": {\"startCommand\": \"x\"}}"),
            (
                "render.yaml",
                "services:\n  - type: web\n    runtime: python\n",
            ),
            (
                "fly.toml",
                "app = 'x'\n[http_service]\ninternal_port = 80\n",
            ),
        ];
        assert_eq!(
            found(&RULE, &files),
            ["fly.toml:2 ", "railway.json:2 ", "render.yaml:2 "]
        );
    }

    #[test]
    fn services_with_one_or_without_users() {
        let files = [
            ("railway.toml", "[deploy]\nhealthcheckPath = '/health'\n"),
            (
                "cron/railway.toml",
                "[deploy]\ncronSchedule = '0 0 * * *'\n",
            ),
            (
                "render.yaml",
                "services:\n  - type: web\n    healthCheckPath: /h\n  - type: worker\n  - type: web\n    runtime: static\n",
            ),
            (
                "fly.toml",
                "[http_service]\ninternal_port = 80\n[[http_service.checks]]\npath = '/h'\n",
            ),
            (
                "api/fly.toml",
                "[[services]]\n[[services.http_checks]]\npath = '/h'\n",
            ),
        ];
        assert!(found(&RULE, &files).is_empty());
    }
}

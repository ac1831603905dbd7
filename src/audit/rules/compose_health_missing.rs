//! Services that wait for a health that nobody asks for.

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::Node;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "compose-health-missing",
    title: "A service waits for another one to be healthy, and nobody asks whether it is",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Containers,
    what: "`depends_on` with `condition: service_healthy` on a service of an official database image, which has no health check of its own, and no `healthcheck` in the file.",
    why: "Compose ends with an error: the container has no health check configured.",
    mend: "Add a `healthcheck`: `pg_isready`, `mysqladmin ping`, `redis-cli ping`.",
    references: &["https://docs.docker.com/reference/compose-file/services/#depends_on"],
    check,
};

/// Official images without a HEALTHCHECK.
const IMAGES: [&str; 6] = ["postgres", "mysql", "mariadb", "redis", "mongo", "rabbitmq"];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    let names = [
        "docker-compose.yml",
        "docker-compose.yaml",
        "compose.yml",
        "compose.yaml",
    ];
    for compose in &facts.project.compose {
        // A file that adds to another one does not say everything.
        if !names.contains(&path::name(&compose.path)) || path::is_sample(&compose.path) {
            continue;
        }
        let Some(document) = facts.tree.yaml(&compose.path) else {
            continue;
        };
        let is_part = document.get("include").is_some();
        let Some(services) = document.get("services").filter(|_| !is_part) else {
            continue;
        };
        for service in services.entries() {
            let waits = service
                .node
                .get("depends_on")
                .map_or(&[][..], Node::entries);
            for wait in waits {
                let condition = wait.node.get("condition").and_then(Node::str);
                if condition != Some("service_healthy") {
                    continue;
                }
                let Some(other) = services.entry(&wait.key) else {
                    continue;
                };
                let image = other
                    .node
                    .get("image")
                    .and_then(Node::str)
                    .unwrap_or_default();
                let plain = image.split(['@', ':']).next().unwrap_or_default();
                let plain = plain
                    .trim_start_matches("docker.io/")
                    .trim_start_matches("library/");
                let elsewhere = ["healthcheck", "extends", "<<", "build"];
                if !IMAGES.contains(&plain)
                    || elsewhere.iter().any(|key| other.node.get(key).is_some())
                {
                    continue;
                }
                let message = format!(
                    "`{}` waits until `{}` is healthy, which has no health check",
                    service.key, wait.key
                );
                let defect = Defect::new(&compose.path, wait, message).about(&wait.key);
                defects.push(defect.with(&compose.path, other));
            }
        }
    }
    defects
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn asked_or_not() {
        let text = "services:\n  a:\n    build: .\n    depends_on:\n      db:\n        condition: service_healthy\n  db:\n    image: postgres:16\n";
        assert_eq!(found(&RULE, &[("compose.yml", text)]), ["compose.yml:5 db"]);
        for near in [
            text.replace("service_healthy", "service_started"),
            text.replace("postgres:16", "acme/postgres:16"),
            text.replace(
                "postgres:16",
                "postgres:16\n    healthcheck:\n      test: pg_isready",
            ),
            text.replace("services:", "include: [x.yml]\nservices:"),
        ] {
            assert!(found(&RULE, &[("compose.yml", &near)]).is_empty(), "{near}");
        }
    }
}

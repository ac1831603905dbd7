//! Services of a job that nobody can reach.

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::{Node, Value};

pub(super) const RULE: Rule = Rule {
    id: "service-without-ports",
    title: "A job asks for its service on localhost, where it has no port",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Pipelines,
    what: "A job that runs on the runner itself has a service of a known database without `ports`, and its own variables or scripts name `localhost` with that database's port.",
    why: "Without `ports` a service can be reached from containers only: every connection is refused, and the job can never pass.",
    mend: "Add `ports: [\"5432:5432\"]` to the service.",
    references: &[
        "https://docs.github.com/actions/tutorials/use-containerized-services/use-docker-service-containers",
    ],
    check,
};

const IMAGES: [(&str, &str); 5] = [
    ("postgres", "5432"),
    ("mysql", "3306"),
    ("mariadb", "3306"),
    ("redis", "6379"),
    ("mongo", "27017"),
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    let is_yaml = |file: &&str| file.ends_with(".yml") || file.ends_with(".yaml");
    for file in facts.tree.directly_in(".github/workflows").filter(is_yaml) {
        let Some(document) = facts.tree.yaml(file) else {
            continue;
        };
        for job in document.get("jobs").map_or(&[][..], Node::entries) {
            if job.node.get("container").is_some() {
                continue;
            }
            let services = job.node.get("services").map_or(&[][..], Node::entries);
            for service in services {
                let image = service
                    .node
                    .get("image")
                    .and_then(Node::str)
                    .unwrap_or_default();
                let plain = image.split(['@', ':']).next().unwrap_or_default();
                let plain = plain.rsplit('/').next().unwrap_or_default();
                let Some((_, port)) = IMAGES.iter().find(|(name, _)| *name == plain) else {
                    continue;
                };
                let options = service
                    .node
                    .get("options")
                    .and_then(Node::str)
                    .unwrap_or_default();
                let opens = options.contains("-p ")
                    || options.contains("--publish")
                    || options.contains("network");
                if service.node.get("ports").is_some() || service.node.get("<<").is_some() || opens
                {
                    continue;
                }
                let wanted = [format!("localhost:{port}"), format!("127.0.0.1:{port}")];
                let parts = ["env", "steps"].iter().filter_map(|key| job.node.get(key));
                let Some(line) = parts
                    .chain(document.get("env"))
                    .find_map(|node| names(node, &wanted))
                else {
                    continue;
                };
                let message = format!(
                    "`{}` has no port, and {} is asked for",
                    service.key, wanted[0]
                );
                let defect = Defect::new(file, service, message).about(&service.key);
                defects.push(defect.with(file, line));
            }
        }
    }
    defects
}

/// The line of the first text below a node that holds one of these words.
fn names(node: &Node, words: &[String]) -> Option<usize> {
    match &node.value {
        Value::String(text) => words
            .iter()
            .any(|word| text.contains(word.as_str()))
            .then_some(node.line),
        Value::List(items) => items.iter().find_map(|item| names(item, words)),
        Value::Map(entries) => entries.iter().find_map(|entry| names(&entry.node, words)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn with_and_without_a_port() {
        let text = "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    services:\n      db:\n        image: postgres:16\n        env:\n          POSTGRES_PASSWORD: x\n    env:\n      DATABASE_URL: postgresql://postgres:x@localhost:5432/x\n    steps:\n      - run: pytest\n";
        let of = |text: &str| found(&RULE, &[(".github/workflows/ci.yml", text)]);
        assert_eq!(of(text), [".github/workflows/ci.yml:6 db"]);
        for near in [
            text.replace(
                "image: postgres:16",
                "image: postgres:16\n        ports: ['5432:5432']",
            ),
            text.replace(
                "runs-on: ubuntu-latest",
                "runs-on: ubuntu-latest\n    container: node:22",
            ),
            text.replace("localhost:5432", "db:5432"),
            text.replace("localhost:5432", "localhost:5433"),
        ] {
            assert!(of(&near).is_empty(), "{near}");
        }
    }
}

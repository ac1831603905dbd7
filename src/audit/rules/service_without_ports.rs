//! Databases that a job asks at an address where they are not.

use crate::audit::{Category, Confidence, Defect, Facts, Rule, ports};
use crate::findings::Severity;
use crate::project::document::{Entry, Node, Value};

pub(super) const RULE: Rule = Rule {
    id: "service-without-ports",
    title: "A job cannot reach its service",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Pipelines,
    what: "A job that runs on the runner itself, and not in a container, names the port of a database's service on `localhost`, while the service has no `ports`.",
    why: "The runner reaches a service only by a port that is mapped: the connection is refused, and the job can never pass.",
    mend: "Map the port, for instance `ports: [\"5432:5432\"]`, or run the job in a container and use the service's name.",
    references: &[
        "https://docs.github.com/actions/using-containerized-services/about-service-containers",
    ],
    check,
};

/// Words in steps by which something else may listen there.
const OTHERS: [&str; 18] = [
    "docker ",
    "docker-compose",
    "podman",
    "apt-get",
    "apt ",
    "brew ",
    "systemctl",
    "service ",
    "pg_ctl",
    "initdb",
    "mysqld",
    "mongod",
    "redis-server",
    "socat",
    "ssh ",
    "supabase",
    "job.services",
    "brew",
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for (file, document) in facts.workflows() {
        for job in document.get("jobs").map_or(&[][..], Node::entries) {
            let services = job.node.get("services").map_or(&[][..], Node::entries);
            if services.is_empty() || job.node.get("container").is_some() || has_others(job) {
                continue;
            }
            for service in services {
                let Some(port) = unmapped(&service.node) else {
                    continue;
                };
                // Another service may have the port.
                let is_taken = services.iter().any(|other| {
                    let ports = other.node.get("ports").map_or(&[][..], Node::items);
                    let mut ports = ports.iter().filter_map(Node::scalar);
                    ports.any(|one| one.starts_with(&port.to_string()))
                });
                let asks = [
                    document.get("env"),
                    job.node.get("env"),
                    job.node.get("steps"),
                ];
                let asked = asks.into_iter().flatten().find_map(|node| line(node, port));
                if let Some(line) = asked.filter(|_| !is_taken) {
                    let message = format!(
                        "the job asks localhost:{port}, and the service `{}` maps no port",
                        service.key
                    );
                    let defect = Defect::new(file, service, message);
                    defects.push(defect.with(file, line).about(&service.key));
                }
            }
        }
    }
    defects
}

/// The port of a service that only other containers reach.
fn unmapped(service: &Node) -> Option<u16> {
    let options = service.get("options").and_then(Node::str);
    let options = options.unwrap_or_default();
    let maps = ["-p ", "-p=", "--publish", "--net", "-P", "${{"];
    if service.get("ports").is_some()
        || service.get("<<").is_some()
        || maps.iter().any(|word| options.contains(word))
    {
        return None;
    }
    ports::of_image(service.get("image")?.str()?)
}

/// Whether a step may start a database itself, or the runner is one that has no services.
fn has_others(job: &Entry) -> bool {
    let runner = job
        .node
        .get("runs-on")
        .and_then(Node::str)
        .unwrap_or_default();
    let steps = job.node.get("steps").map_or(&[][..], Node::items);
    let starts = |step: &Node| {
        let run = step.get("run").and_then(Node::str).unwrap_or_default();
        let uses = step.get("uses").and_then(Node::str).unwrap_or_default();
        let brings = [
            "postgres", "mysql", "mariadb", "redis", "mongo", "compose", "docker", "./",
        ];
        OTHERS.iter().any(|word| run.contains(word))
            || brings.iter().any(|word| uses.contains(word))
    };
    runner.starts_with("windows") || runner.starts_with("macos") || steps.iter().any(starts)
}

/// The first line that names a port of the runner itself.
fn line(node: &Node, port: u16) -> Option<usize> {
    match &node.value {
        Value::String(text) => {
            let mut lines = text.lines();
            let at = lines.position(|line| names(line, port))?;
            Some(node.line + at)
        }
        Value::List(items) => items.iter().find_map(|item| line(item, port)),
        Value::Map(entries) => entries.iter().find_map(|entry| line(&entry.node, port)),
        _ => None,
    }
}

fn names(line: &str, port: u16) -> bool {
    ["localhost", "127.0.0.1"].iter().any(|host| {
        let address = format!("{host}:{port}");
        line.match_indices(&address).any(|(at, _)| {
            let next = line[at + address.len()..].chars().next();
            !next.is_some_and(|c| c.is_ascii_digit() || c == ':')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    const WORKFLOW: &str = "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    services:\n      db:\n        image: postgres:16\n        env:\n          POSTGRES_PASSWORD: x\n    steps:\n      - uses: actions/checkout@v4\n      - run: pytest\n        env:\n          DATABASE_URL: postgres://a:x@localhost:5432/a\n";

    fn of(text: &str) -> Vec<String> {
        found(&RULE, &[(".github/workflows/ci.yml", text)])
    }

    #[test]
    fn a_service_that_the_runner_cannot_reach() {
        assert_eq!(of(WORKFLOW), [".github/workflows/ci.yml:6 db"]);
        let in_run = WORKFLOW.replace("pytest\n", "REDIS=redis://127.0.0.1:6379/0 pytest\n");
        let in_run = in_run.replace("postgres:16", "redis");
        assert_eq!(of(&in_run), [".github/workflows/ci.yml:6 db"]);
    }

    #[test]
    fn one_that_it_can_or_does_not_ask() {
        for near in [
            WORKFLOW.replace("        env:\n          POSTGRES", "        ports: [\"5432:5432\"]\n        env:\n          POSTGRES"),
            WORKFLOW.replace("        env:\n          POSTGRES", "        ports: [5432]\n        env:\n          POSTGRES"),
            WORKFLOW.replace("        env:\n          POSTGRES", "        options: -p 5432:5432\n        env:\n          POSTGRES"),
            WORKFLOW.replace("    services:", "    container: node:22\n    services:"),
            WORKFLOW.replace("@localhost:", "@db:"),
            WORKFLOW.replace("localhost:5432", "localhost:5433"),
            WORKFLOW.replace("localhost:5432", "localhost:54321"),
            WORKFLOW.replace("image: postgres:16", "image: example/db"),
            WORKFLOW.replace("run: pytest", "run: sudo systemctl start postgresql && pytest"),
            WORKFLOW.replace("run: pytest", "run: docker compose up -d && pytest"),
            WORKFLOW.replace("actions/checkout@v4", "ikalnytskyi/action-setup-postgres@v7"),
            // The check runs in the container itself.
            WORKFLOW
                .replace("        env:\n          POSTGRES", "        options: --health-cmd \"psql -h localhost:5432\"\n        env:\n          POSTGRES")
                .replace("@localhost:5432", "@db"),
        ] {
            assert!(of(&near).is_empty(), "{near}");
        }
    }
}

//! Database containers that refuse to start.

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::{Entry, Node};
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "service-without-password",
    title: "A database's container refuses to start without a password",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Pipelines,
    what: "A service of a workflow, or of a compose file, runs the official image of PostgreSQL, MySQL or MariaDB, and sets none of the variables of which the image needs one.",
    why: "The image ends with an error before the database is there, so that the job, or the whole set of services, cannot start.",
    mend: "Set POSTGRES_PASSWORD, or MYSQL_ROOT_PASSWORD or MARIADB_ROOT_PASSWORD; for tests any value will do.",
    references: &[
        "https://hub.docker.com/_/postgres",
        "https://hub.docker.com/_/mysql",
        "https://hub.docker.com/_/mariadb",
    ],
    check,
};

/// Images, and the variables of which one must be set.
const IMAGES: [(&str, &[&str]); 3] = [
    (
        "postgres",
        &[
            "POSTGRES_PASSWORD",
            "POSTGRES_PASSWORD_FILE",
            "POSTGRES_HOST_AUTH_METHOD",
        ],
    ),
    (
        "mysql",
        &[
            "MYSQL_ROOT_PASSWORD",
            "MYSQL_ROOT_PASSWORD_FILE",
            "MYSQL_ALLOW_EMPTY_PASSWORD",
            "MYSQL_RANDOM_ROOT_PASSWORD",
        ],
    ),
    (
        "mariadb",
        &[
            "MARIADB_ROOT_PASSWORD",
            "MARIADB_ROOT_PASSWORD_FILE",
            "MARIADB_ROOT_PASSWORD_HASH",
            "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD",
            "MARIADB_RANDOM_ROOT_PASSWORD",
            "MYSQL_ROOT_PASSWORD",
            "MYSQL_ROOT_PASSWORD_FILE",
            "MYSQL_ALLOW_EMPTY_PASSWORD",
            "MYSQL_RANDOM_ROOT_PASSWORD",
        ],
    ),
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for (file, document) in facts.workflows() {
        for job in document.get("jobs").map_or(&[][..], Node::entries) {
            let services = job.node.get("services").map_or(&[][..], Node::entries);
            defects.extend(
                services
                    .iter()
                    .filter_map(|service| look(file, service, "env")),
            );
        }
    }
    // A file that adds to another one does not say everything.
    let composes = facts.project.compose.iter();
    for compose in composes.filter(|one| is_main(&one.path) && !path::is_sample(&one.path)) {
        let Some(document) = facts.tree.yaml(&compose.path) else {
            continue;
        };
        let services = document.get("services").map_or(&[][..], Node::entries);
        let found = services
            .iter()
            .filter_map(|service| look(&compose.path, service, "environment"));
        defects.extend(found);
    }
    defects
}

fn is_main(file: &str) -> bool {
    let names = [
        "docker-compose.yml",
        "docker-compose.yaml",
        "compose.yml",
        "compose.yaml",
    ];
    names.contains(&path::name(file))
}

fn look(file: &str, service: &Entry, key: &str) -> Option<Defect> {
    let image = service.node.get("image")?.str()?;
    let plain = image
        .split(['@', ':'])
        .next()?
        .trim_start_matches("docker.io/");
    let plain = plain.trim_start_matches("library/");
    let (name, needs) = IMAGES.iter().find(|(name, _)| *name == plain)?;
    // Variables of files, of anchors' merges or of another start are not seen here.
    let elsewhere = [
        "env_file",
        "extends",
        "<<",
        "entrypoint",
        "command",
        "secrets",
    ];
    let options = service
        .node
        .get("options")
        .and_then(Node::str)
        .unwrap_or_default();
    if elsewhere.iter().any(|key| service.node.get(key).is_some())
        || options.contains("-e ")
        || options.contains("--env")
    {
        return None;
    }
    let variables = service.node.get(key);
    if variables.is_some_and(|node| node.str().is_some() || node.get("<<").is_some()) {
        return None;
    }
    let is_set = |variable: &str| {
        let Some(node) = variables else { return false };
        let listed = node.items().iter().filter_map(Node::str);
        let mut listed = listed.map(|one| one.split('=').next().unwrap_or_default());
        node.get(variable).is_some() || listed.any(|one| one == variable)
    };
    if needs.iter().any(|variable| is_set(variable)) {
        return None;
    }
    let message = format!(
        "`{image}` refuses to start: none of {} is set",
        needs.join(", ")
    );
    Some(Defect::new(file, service, message).about(*name))
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn services_of_workflows_and_compose_files() {
        let workflow = "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    services:\n      db:\n        image: postgres:16\n        env:\n          POSTGRES_DB: x\n    steps:\n      - run: echo\n";
        let compose = "services:\n  a:\n    image: docker.io/library/mysql@sha256:x\n    environment:\n      - MYSQL_DATABASE=x\n";
        let path = ".github/workflows/ci.yml";
        assert_eq!(
            found(&RULE, &[(path, workflow), ("compose.yml", compose)]),
            [".github/workflows/ci.yml:6 postgres", "compose.yml:2 mysql"]
        );
        for near in [
            workflow.replace("POSTGRES_DB", "POSTGRES_PASSWORD"),
            workflow.replace("POSTGRES_DB: x", "POSTGRES_HOST_AUTH_METHOD: trust"),
            workflow.replace("postgres:16", "bitnami/postgresql:16"),
            workflow.replace(
                "        env:",
                "        options: -e POSTGRES_PASSWORD=x\n        env:",
            ),
        ] {
            assert!(found(&RULE, &[(path, &near)]).is_empty(), "{near}");
        }
        for near in [
            compose.replace("- MYSQL_DATABASE=x", "- MYSQL_ROOT_PASSWORD"),
            compose.replace(
                "    environment:\n      - MYSQL_DATABASE=x\n",
                "    env_file: .env\n",
            ),
        ] {
            assert!(found(&RULE, &[("compose.yml", &near)]).is_empty(), "{near}");
        }
        assert!(found(&RULE, &[("compose.override.yml", compose)]).is_empty());
    }
}

//! Ports that lead to where nothing listens.

use crate::audit::facts::Dockerfile;
use crate::audit::{Category, Confidence, Defect, Facts, Place, Rule, ports};
use crate::findings::Severity;
use crate::project::document::{Entry, Node};
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "port-mismatch",
    title: "A port leads to where nothing listens",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Coherence,
    what: "The port in the container that a compose file, a service of a workflow, fly.toml or a health check names is held against the port that the container's command names, or that is the one of the database's image; all of them numbers.",
    why: "The connection is refused: the service cannot be reached, or is never healthy.",
    mend: "Name the port on which the process listens.",
    references: &[
        "https://docs.docker.com/reference/compose-file/services/#ports",
        "https://fly.io/docs/js/the-basics/listening-ports",
    ],
    check,
};

/// Ports of debuggers, which listen beside the server.
const DEBUGGERS: [u16; 7] = [2345, 5005, 5678, 9222, 9229, 9230, 40000];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for image in facts.dockerfiles() {
        defects.extend(own_check(image));
    }
    for compose in &facts.project.compose {
        let Some(document) = facts.tree.yaml(&compose.path) else {
            continue;
        };
        for service in document.get("services").map_or(&[][..], Node::entries) {
            if path::is_sample(&compose.path) || is_changed(facts, &compose.path, &service.key) {
                continue;
            }
            defects.extend(database(&compose.path, service, "environment"));
            built(facts, &compose.path, service, &mut defects);
        }
    }
    for (file, document) in facts.workflows() {
        for job in document.get("jobs").map_or(&[][..], Node::entries) {
            let services = job.node.get("services").map_or(&[][..], Node::entries);
            defects.extend(services.iter().filter_map(|one| database(file, one, "env")));
        }
    }
    for file in facts.tree.named("fly.toml") {
        defects.extend(fly(facts, file));
    }
    defects
}

/// An image whose health check asks another port than its command opens.
fn own_check(image: &Dockerfile) -> Option<Defect> {
    let all = image.image();
    let check = all.iter().rev().find(|one| one.name == "HEALTHCHECK")?;
    let asked = ports::of_address(&check.rest)?;
    let (port, line) = ports::of_dockerfile(image)?;
    if asked == port {
        return None;
    }
    let message = format!("the health check asks port {asked}, and the command listens on {port}");
    let defect = Defect::new(&image.path, check.line, message).about(asked.to_string());
    Some(defect.with(&image.path, line))
}

/// Whether another compose file beside this one says something of the same service.
fn is_changed(facts: &Facts<'_>, file: &str, service: &str) -> bool {
    let mut others = facts
        .project
        .compose
        .iter()
        .filter(|other| other.path != file && path::parent(&other.path) == path::parent(file));
    others.any(|other| other.services.iter().any(|one| one.name == service))
}

/// The keys by which a service is another one than it seems.
fn is_plain(service: &Node, keys: &[&str]) -> bool {
    !keys.iter().any(|key| service.get(key).is_some())
}

/// A database that is asked at another port than its own.
fn database(file: &str, service: &Entry, variables: &str) -> Option<Defect> {
    let node = &service.node;
    let port = ports::of_image(node.get("image")?.str()?)?;
    let keys = [
        "command",
        "entrypoint",
        "extends",
        "<<",
        "env_file",
        "network_mode",
    ];
    // Of volumes only those that hold a configuration matter.
    let configured = node.get("volumes").map_or(&[][..], Node::items);
    let is_configuration = |one: &Node| {
        let text = one.str().or_else(|| one.get("target").and_then(Node::str));
        text.is_none_or(|text| text.contains("conf") || text.contains(".cnf"))
    };
    if !is_plain(node, &keys) || configured.iter().any(is_configuration) {
        return None;
    }
    let set = node.get(variables);
    let names_port = set.is_some_and(|set| {
        let keys = set.entries().iter().map(|entry| entry.key.as_str());
        let mut all = keys.chain(set.items().iter().filter_map(Node::str));
        all.any(|one| one.contains("PORT") || one == "<<")
    });
    let options = node.get("options").and_then(Node::str).unwrap_or_default();
    if names_port || options.to_ascii_lowercase().contains("port") {
        return None;
    }
    let all = ports::mappings(node)?;
    if all.is_empty() || all.iter().any(|one| one.container == port) {
        return None;
    }
    let wrong = all.first()?;
    // Whoever checks its health there has configured it in a way that is not seen here.
    let asked = node.at(&["healthcheck", "test"]);
    if asked.is_some_and(|test| text(test).contains(&wrong.container.to_string())) {
        return None;
    }
    let message = format!(
        "it maps port {} of `{}`, and that listens on {port}",
        wrong.container, service.key
    );
    let defect = Defect::new(file, wrong.place, message).about(&service.key);
    // Containers beside it reach it all the same; a job has nothing but the mapping.
    Some(match variables {
        "environment" => defect.severity(Severity::Medium),
        _ => defect,
    })
}

/// A service that is built here: its mapping and its health check.
fn built(facts: &Facts<'_>, file: &str, service: &Entry, defects: &mut Vec<Defect>) {
    let node = &service.node;
    let odd = ["entrypoint", "extends", "<<", "network_mode"];
    if !is_plain(node, &odd) {
        return;
    }
    let Some((port, from, line)) = listens(facts, file, node) else {
        return;
    };
    let said = format!("and its command listens on {port}");
    if let Some(all) = ports::mappings(node)
        && let [one] = all.as_slice()
        && one.container != port
        && !DEBUGGERS.contains(&one.container)
    {
        let message = format!(
            "it maps port {} of `{}`, {said}",
            one.container, service.key
        );
        let defect = Defect::new(file, one.place, message).about(&service.key);
        defects.push(defect.with(&from, line));
    }
    let Some(test) = node.at(&["healthcheck", "test"]) else {
        return;
    };
    if let Some(asked) = ports::of_address(&text(test))
        && asked != port
    {
        let message = format!(
            "the health check asks port {asked} of `{}`, {said}",
            service.key
        );
        let defect = Defect::new(file, test, message).about(format!("{} check", service.key));
        defects.push(defect.with(&from, line));
    }
}

/// A command as one text, whether it is written as a text or as a list.
fn text(command: &Node) -> String {
    match command.str() {
        Some(text) => text.to_owned(),
        None => {
            let words: Vec<&str> = command.items().iter().filter_map(Node::scalar).collect();
            words.join(" ")
        }
    }
}

/// The port that a service's process opens, and where that is said.
fn listens(facts: &Facts<'_>, file: &str, service: &Node) -> Option<(u16, String, Place)> {
    let build = service.get("build")?;
    if let Some(command) = service.get("command") {
        // The image's own entry point may do something else with it.
        let image = dockerfile(facts, file, build)?;
        let is_entered = image.image().iter().any(|one| one.name == "ENTRYPOINT");
        let port = ports::of_command(command).filter(|_| !is_entered)?;
        return Some((port, file.to_owned(), Place::from(command)));
    }
    let image = dockerfile(facts, file, build)?;
    let (port, line) = ports::of_dockerfile(image)?;
    Some((port, image.path.clone(), Place::from(line)))
}

/// The Dockerfile that a service is built from, as a whole.
fn dockerfile<'f>(facts: &'f Facts<'_>, file: &str, build: &Node) -> Option<&'f Dockerfile> {
    if ["target", "dockerfile_inline"]
        .iter()
        .any(|key| build.get(key).is_some())
    {
        return None;
    }
    let context = build
        .str()
        .or_else(|| build.get("context")?.str())
        .unwrap_or(".");
    let named = build
        .get("dockerfile")
        .map_or(Some("Dockerfile"), Node::str)?;
    let folder = path::join(path::parent(file), context);
    let wanted = path::join(&folder, named);
    facts.dockerfiles().iter().find(|one| one.path == wanted)
}

/// fly.toml whose proxy asks another port than the image's command opens.
fn fly(facts: &Facts<'_>, file: &str) -> Option<Defect> {
    let document = facts.tree.toml(file)?;
    let keys = ["processes", "experimental"];
    let otherwise = ["image", "builder", "buildpacks", "build-target", "target"];
    let build = document.get("build");
    if !is_plain(&document, &keys) || build.is_some_and(|build| !is_plain(build, &otherwise)) {
        return None;
    }
    let services = document.get("services").map_or(&[][..], Node::items);
    let (service, others) = match (document.get("http_service"), services) {
        (Some(service), []) => (service, 0),
        (None, [service, rest @ ..]) => (service, rest.len()),
        _ => return None,
    };
    let entry = service.entry("internal_port").filter(|_| others == 0)?;
    let asked: u16 = entry.node.scalar()?.parse().ok()?;
    let named = build.and_then(|build| build.get("dockerfile"));
    let named = named.map_or(Some("Dockerfile"), Node::str)?;
    let wanted = path::join(path::parent(file), named);
    let image = facts.dockerfiles().iter().find(|one| one.path == wanted)?;
    let (port, line) = ports::of_dockerfile(image)?;
    if asked == port {
        return None;
    }
    let message = format!("Fly asks port {asked}, and the image's command listens on {port}");
    let defect = Defect::new(file, &entry.node, message).about("internal_port");
    Some(defect.with(&image.path, line))
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    const IMAGE: &str = "FROM python:3.12-slim\nCOPY . .\nHEALTHCHECK CMD curl -f http://localhost:8000/health\nCMD [\"uvicorn\", \"a:b\", \"--host\", \"0.0.0.0\", \"--port\", \"8000\"]\n";
    const COMPOSE: &str = "services:\n  api:\n    build: ./api\n    ports:\n      - \"80:8000\"\n    healthcheck:\n      test: [CMD, curl, -f, \"http://localhost:8000\"]\n";

    fn of(image: &str, compose: &str) -> Vec<String> {
        let files = [
            ("api/requirements.txt", "fastapi\n"),
            ("api/Dockerfile", image),
            ("compose.yml", compose),
        ];
        found(&RULE, &files)
    }

    #[test]
    fn an_image_and_its_compose_file() {
        assert!(of(IMAGE, COMPOSE).is_empty());
        assert_eq!(
            of(&IMAGE.replace("localhost:8000", "localhost:80"), COMPOSE),
            ["api/Dockerfile:3 80"]
        );
        assert_eq!(
            of(IMAGE, &COMPOSE.replace("80:8000", "8000:80")),
            ["compose.yml:5 api"]
        );
        assert_eq!(
            of(IMAGE, &COMPOSE.replace("localhost:8000", "localhost:3000")),
            ["compose.yml:7 api check"]
        );
        let command = COMPOSE.replace(
            "    ports",
            "    command: uvicorn a:b --port 9000\n    ports",
        );
        assert_eq!(
            of(IMAGE, &command),
            ["compose.yml:6 api", "compose.yml:8 api check"]
        );
    }

    #[test]
    fn what_may_be_meant() {
        let wrong = COMPOSE.replace("80:8000", "8000:80");
        for near in [
            wrong.replace("\"8000:80\"", "\"8000:8000\"\n      - \"81:9090\""),
            wrong.replace("8000:80", "5678:5678"),
            wrong.replace("8000:80", "8000:${PORT:-80}"),
            wrong.replace("    ports", "    entrypoint: ./start.sh\n    ports"),
            wrong.replace("    ports", "    command: ./start.sh\n    ports"),
            wrong.replace("build: ./api", "build: { context: ./api, target: dev }"),
            wrong.replace("build: ./api", "image: example/api"),
        ] {
            assert!(of(IMAGE, &near).is_empty(), "{near}");
        }
        let files = [
            ("api/Dockerfile", IMAGE),
            ("docker-compose.yml", wrong.as_str()),
            (
                "docker-compose.override.yml",
                "services:\n  api:\n    command: x\n",
            ),
        ];
        assert!(found(&RULE, &files).is_empty());
        for image in [
            IMAGE.replace("\"8000\"", "\"$PORT\""),
            IMAGE.replace("python:3.12-slim", "tiangolo/uvicorn-gunicorn"),
        ] {
            assert!(of(&image, &wrong).is_empty(), "{image}");
        }
    }

    #[test]
    fn databases_of_compose_files_and_workflows() {
        let compose = "services:\n  db:\n    image: postgres:16\n    ports: [\"5433:5433\"]\n";
        let workflow = "on: push\njobs:\n  a:\n    services:\n      db:\n        image: redis\n        ports:\n          - 6380:6380\n";
        let path = ".github/workflows/ci.yml";
        let of = |compose: &str, workflow: &str| {
            found(&RULE, &[("compose.yml", compose), (path, workflow)])
        };
        assert_eq!(
            of(compose, workflow),
            [".github/workflows/ci.yml:8 db", "compose.yml:4 db"]
        );
        for near in [
            compose.replace("5433:5433", "5433:5432"),
            compose.replace("    ports", "    command: -p 5433\n    ports"),
            compose.replace("    ports", "    environment: {PGPORT: 5433}\n    ports"),
            compose.replace("    ports", "    environment: [PGPORT=5433]\n    ports"),
            compose.replace(
                "    ports",
                "    volumes: [./postgresql.conf:/etc/postgresql.conf]\n    ports",
            ),
            compose.replace(
                "    ports",
                "    healthcheck: {test: pg_isready -p 5433}\n    ports",
            ),
            compose.replace("postgres:16", "example/postgres"),
        ] {
            assert!(of(&near, "").is_empty(), "{near}");
        }
        assert!(of("", &workflow.replace("6380:6380", "6380:6379")).is_empty());
    }

    #[test]
    fn what_fly_asks() {
        let of = |fly: &str| found(&RULE, &[("Dockerfile", IMAGE), ("fly.toml", fly)]);
        let fly = "app = 'x'\n[http_service]\ninternal_port = 8080\n";
        assert_eq!(of(fly), ["fly.toml:3 internal_port"]);
        assert_eq!(
            of("[[services]]\ninternal_port = 8080\n"),
            ["fly.toml:2 internal_port"]
        );
        for near in [
            fly.replace("8080", "8000"),
            format!("{fly}[processes]\nweb = 'uvicorn a:b --port 8080'\n"),
            format!("{fly}[build]\nimage = 'x'\n"),
            "[[services]]\ninternal_port = 8080\n[[services]]\ninternal_port = 8000\n".to_owned(),
        ] {
            assert!(of(&near).is_empty(), "{near}");
        }
    }
}

//! Ports: what an image or a command listens on, and what a mapping leads to. What is not
//! written as a number is not known.

use super::facts::Dockerfile;
use super::shell::{Command, Shell, Start};
use super::{Place, images};
use crate::project::document::Node;
use crate::project::path;

/// Servers that listen on one port, and the options that name it. An option that takes an
/// address has the port behind its last colon.
const SERVERS: [(&str, &[&str]); 15] = [
    ("uvicorn", &["--port"]),
    ("fastapi", &["--port"]),
    ("gunicorn", &["-b", "--bind"]),
    ("hypercorn", &["-b", "--bind"]),
    ("daphne", &["-p", "--port"]),
    ("flask", &["-p", "--port"]),
    ("waitress-serve", &["--port"]),
    ("streamlit", &["--server.port"]),
    ("next", &["-p", "--port"]),
    ("vite", &["--port"]),
    ("http-server", &["-p", "--port"]),
    ("rails", &["-p", "--port"]),
    ("rackup", &["-p", "--port"]),
    ("puma", &["-p", "--port"]),
    ("php", &["-S"]),
];

/// Options by which a server listens elsewhere than on a port.
const OTHERWISE: [&str; 4] = ["--uds", "--fd", "--unix-socket", "--listen"];

/// `HOST:CONTAINER` of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mapping {
    /// The port in the container.
    pub(super) container: u16,
    /// Where that is said.
    pub(super) place: Place,
}

/// The port of the official image of a database, where nothing configures another one.
pub(super) fn of_image(image: &str) -> Option<u16> {
    match images::name(image) {
        "postgres" | "postgis/postgis" | "pgvector/pgvector" => Some(5432),
        "redis" | "valkey/valkey" => Some(6379),
        "mysql" | "mariadb" => Some(3306),
        "mongo" => Some(27017),
        _ => None,
    }
}

/// What the ports of a service lead to; `None` where one of them is no plain number.
pub(super) fn mappings(service: &Node) -> Option<Vec<Mapping>> {
    let ports = service.get("ports").map_or(&[][..], Node::items);
    ports.iter().map(mapping).collect()
}

fn mapping(node: &Node) -> Option<Mapping> {
    let target = node.get("target").unwrap_or(node).scalar()?;
    let target = target.strip_suffix("/tcp").unwrap_or(target);
    let last = target.rsplit(':').next()?;
    Some(Mapping {
        container: last.parse().ok()?,
        place: Place::from(node),
    })
}

/// The port that an image's own start listens on, with the line that says so.
pub(super) fn of_dockerfile(file: &Dockerfile) -> Option<(u16, usize)> {
    let image = file.image();
    let last = |name: &str| image.iter().rev().find(|one| one.name == name);
    let command = last("CMD");
    let Some(entry) = last("ENTRYPOINT") else {
        // What another image starts before the command is not known.
        let base = images::base(&image.first()?.rest);
        let command = command.filter(|_| images::is_plain_runtime(base))?;
        return Some((of_text(&as_shell(&command.rest)?)?, command.line));
    };
    let Some(before) = words(&entry.rest) else {
        return Some((of_text(&entry.rest)?, entry.line));
    };
    let mut all: Vec<String> = before;
    // A small init hands over to what follows.
    while let Some(first) = all.first() {
        let is_init = matches!(path::name(first), "tini" | "dumb-init") || first.starts_with('-');
        if !is_init {
            break;
        }
        all.remove(0);
    }
    let from_entry = !all.is_empty();
    if let Some(command) = command {
        all.extend(words(&command.rest)?);
    }
    let line = match command {
        Some(command) if !from_entry => command.line,
        _ => entry.line,
    };
    Some((of_text(&joined(&all)?)?, line))
}

/// The port that a command listens on, as a compose file writes it: a text or a list.
pub(super) fn of_command(node: &Node) -> Option<u16> {
    match node.str() {
        Some(text) => of_text(text),
        None => {
            let all: Option<Vec<String>> = node
                .items()
                .iter()
                .map(|item| item.scalar().map(str::to_owned))
                .collect();
            of_text(&joined(&all?)?)
        }
    }
}

/// `CMD` as a text for a shell.
fn as_shell(rest: &str) -> Option<String> {
    match words(rest) {
        Some(all) => joined(&all),
        None => Some(rest.to_owned()),
    }
}

/// The words of the form that starts no shell.
fn words(rest: &str) -> Option<Vec<String>> {
    serde_json::from_str(rest).ok()
}

fn joined(words: &[String]) -> Option<String> {
    if let [shell, flag, script] = words
        && matches!(path::name(shell), "sh" | "bash")
        && flag.starts_with('-')
        && flag.ends_with('c')
    {
        return Some(script.clone());
    }
    let quoted: Option<Vec<String>> = words
        .iter()
        .map(|word| (!word.contains('\'')).then(|| format!("'{word}'")))
        .collect();
    Some(quoted?.join(" "))
}

/// The port that the last command of a script listens on, where nothing runs beside it.
fn of_text(text: &str) -> Option<u16> {
    if text.replace("&&", "").contains(['&', '|']) {
        return None;
    }
    let shell = Shell::parse(text, Start::default());
    let last = shell.commands.last().filter(|_| shell.is_whole)?;
    (!last.is_substituted).then(|| of_server(last)).flatten()
}

fn of_server(command: &Command) -> Option<u16> {
    let words = command.program();
    let text = |at: usize| words.get(at).map_or("", |word| word.text.as_str());
    let program = path::name(text(0));
    // `python manage.py runserver 0.0.0.0:8000`
    if program.starts_with("python") && text(1).ends_with("manage.py") && text(2) == "runserver" {
        let mut rest = words[3..].iter().filter(|word| !word.text.starts_with('-'));
        let (address, None) = (rest.next()?, rest.next()) else {
            return None;
        };
        return address.text.rsplit(':').next()?.parse().ok();
    }
    let (_, options) = SERVERS.iter().find(|(name, _)| *name == program)?;
    if OTHERWISE.iter().any(|option| command.has(option)) {
        return None;
    }
    let named = words
        .iter()
        .filter(|word| options.iter().any(|option| is_option(&word.text, option)));
    let option = options.iter().find(|option| command.has(option))?;
    // Of several the last one wins with some servers, and all of them with others.
    if named.count() != 1 {
        return None;
    }
    command.option(option)?.rsplit(':').next()?.parse().ok()
}

fn is_option(word: &str, option: &str) -> bool {
    word.strip_prefix(option)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}

/// The port of this machine that a text names, where it names one alone.
pub(super) fn of_address(text: &str) -> Option<u16> {
    let mut found = None;
    for host in ["localhost:", "127.0.0.1:", "0.0.0.0:"] {
        for (at, _) in text.match_indices(host) {
            let rest = &text[at + host.len()..];
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let port: u16 = rest[..digits].parse().ok()?;
            if found.is_some_and(|known| known != port) {
                return None;
            }
            found = Some(port);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::dockerfile;
    use crate::project::document::{Syntax, parse};

    fn image(text: &str) -> Option<(u16, usize)> {
        of_dockerfile(&Dockerfile {
            path: "Dockerfile".to_owned(),
            context: ".".to_owned(),
            instructions: dockerfile::instructions(text),
        })
    }

    #[test]
    fn commands_that_name_their_port() {
        for (command, port) in [
            ("uvicorn app.main:app --host 0.0.0.0 --port 8000", 8000),
            ("exec gunicorn app:app --bind=0.0.0.0:5000 -w 2", 5000),
            ("python -m uvicorn a:b --port=81", 81),
            ("cd x && poetry run flask run -p 5000", 5000),
            ("python manage.py runserver 0.0.0.0:8000", 8000),
            ("npx next start -p 3000", 3000),
            (
                "[\"sh\", \"-c\", \"alembic upgrade head && uvicorn a:b --port 8080\"]",
                8080,
            ),
            ("[\"php\", \"-S\", \"0.0.0.0:80\"]", 80),
        ] {
            let text = format!("FROM python:3.12\nCMD {command}\n");
            assert_eq!(image(&text), Some((port, 2)), "{command}");
        }
        for command in [
            "uvicorn app.main:app --port $PORT",
            "uvicorn app.main:app --port ${PORT:-8000}",
            "[\"uvicorn\", \"a:b\", \"--port\", \"$PORT\"]",
            "uvicorn app.main:app",
            "uvicorn a:b --port 8000 & nginx",
            "gunicorn a:b -b :80 -b :81",
            "gunicorn a:b -b unix:/run/x.sock",
            "npm start -- -p 3000",
            "./start.sh --port 3000",
            "python manage.py runserver",
        ] {
            let text = format!("FROM python:3.12\nCMD {command}\n");
            assert_eq!(image(&text), None, "{command}");
        }
    }

    #[test]
    fn what_stands_before_the_command() {
        for (text, expected) in [
            ("FROM example/base\nCMD uvicorn a:b --port 80\n", None),
            (
                "FROM python:3\nENTRYPOINT [\"./entry.sh\"]\nCMD [\"uvicorn\", \"a:b\", \"--port\", \"80\"]\n",
                None,
            ),
            (
                "FROM python:3\nENTRYPOINT [\"/usr/bin/tini\", \"--\"]\nCMD [\"uvicorn\", \"a:b\", \"--port\", \"80\"]\n",
                Some((80, 3)),
            ),
            (
                "FROM x/y\nENTRYPOINT [\"uvicorn\", \"a:b\"]\nCMD [\"--port\", \"80\"]\n",
                Some((80, 2)),
            ),
            (
                "FROM x/y\nENTRYPOINT uvicorn a:b --port 80\n",
                Some((80, 2)),
            ),
        ] {
            assert_eq!(image(text), expected, "{text}");
        }
    }

    #[test]
    fn mappings_and_addresses() {
        let of = |text: &str| {
            let node = parse(text, Syntax::Yaml).expect("YAML");
            mappings(&node).map(|all| all.iter().map(|one| one.container).collect::<Vec<_>>())
        };
        assert_eq!(
            of("ports: [80, '8000:81', '127.0.0.1:1:82/tcp', '${X:-9}:83', {target: 84}]"),
            Some(vec![80, 81, 82, 83, 84])
        );
        assert_eq!(of("ports: ['80:${X:-80}']"), None);
        assert_eq!(of("ports: ['1-2:1-2']"), None);
        assert_eq!(of("ports: ['53:53/udp']"), None);
        assert_eq!(of("image: x"), Some(vec![]));
        assert_eq!(
            of_address("curl -f http://localhost:80/x || exit 1"),
            Some(80)
        );
        assert_eq!(of_address("localhost:80 127.0.0.1:81"), None);
        assert_eq!(of_address("localhost:$PORT"), None);
        assert_eq!(of_address("http://localhost/"), None);
    }
}

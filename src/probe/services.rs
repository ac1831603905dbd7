//! Servers for a probe: new ones, of programs that the machine has, at free ports. One
//! that runs on the machine already is never used: migrations would run on it.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::sys::env::Env;
use crate::sys::fs::write_atomically;
use crate::sys::process::{Program, is_root};

/// The user that servers run as where we are root, which PostgreSQL refuses to be.
const NOBODY: u32 = 65534;

/// A port on which nobody answers: what would go to a server that could not be started.
const NOBODY_ANSWERS: u16 = 1;

/// A server that runs, until it is dropped.
#[derive(Debug)]
pub struct Server {
    folder: tempfile::TempDir,
    stop: Vec<String>,
    path: String,
    /// The port at which it answers.
    pub port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that is gone already is what is wanted.
        let _ = program(&self.stop, &self.path, self.folder.path())
            .to_its_end()
            .run();
    }
}

/// Starts the server of this name, with the user, password and database of its
/// environment.
///
/// # Errors
/// Why there is none, in words.
pub fn start(
    name: &str,
    variables: &BTreeMap<String, String>,
    env: &Env,
) -> Result<Server, String> {
    match name {
        "postgres" => postgres(variables, env),
        "redis" => redis(env),
        _ => Err(format!(
            "ci-tool cannot start {name} outside of a container"
        )),
    }
}

/// Variables with the ports of servers as they are here; of those that could not be
/// started none is left that anybody answers at.
pub fn moved(
    variables: &BTreeMap<String, String>,
    ports: &[(u16, Option<u16>)],
) -> BTreeMap<String, String> {
    let each = variables.iter().map(|(name, value)| {
        let mut value = value.clone();
        for (usual, here) in ports {
            let here = here.unwrap_or(NOBODY_ANSWERS);
            if value == usual.to_string() && name.ends_with("PORT") {
                value = here.to_string();
            }
            for host in ["localhost", "127.0.0.1"] {
                value = value.replace(&format!("{host}:{usual}"), &format!("127.0.0.1:{here}"));
            }
        }
        (name.clone(), value)
    });
    each.collect()
}

fn postgres(variables: &BTreeMap<String, String>, env: &Env) -> Result<Server, String> {
    let programs = postgres_programs(env)
        .ok_or("PostgreSQL is not installed (`initdb` and `pg_ctl` are looked for)")?;
    let of = |name: &str, other: &str| {
        let value = variables.get(name).map_or(other, String::as_str);
        value.to_owned()
    };
    let user = of("POSTGRES_USER", "postgres");
    let (folder, port) = (folder()?, free_port()?);
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    write_atomically(
        folder.path(),
        "password",
        of("POSTGRES_PASSWORD", "postgres"),
    )
    .map_err(|error| error.to_string())?;
    give_away(&folder.path().join("password"));
    let words = |program: &str, rest: &[&str]| -> Vec<String> {
        let program = programs.join(program).to_string_lossy().into_owned();
        let rest = rest.iter().map(|word| (*word).to_owned());
        as_nobody()
            .into_iter()
            .chain([program])
            .chain(rest)
            .collect()
    };
    let path = env.get("PATH").unwrap_or_default().to_owned();
    let (data, password) = (at("data"), format!("--pwfile={}", at("password")));
    let run = |words: &[String]| -> Result<(), String> {
        let ran = program(words, &path, folder.path()).run();
        let ran = ran.map_err(|error| error.to_string())?;
        if ran.code == Some(0) {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&ran.stderr);
        Err(format!("PostgreSQL: {}", said.trim().replace('\n', ", ")))
    };
    run(&words(
        "initdb",
        &[
            "-D",
            &data,
            "-U",
            &user,
            "-A",
            "scram-sha-256",
            &password,
            "--no-sync",
            "-E",
            "UTF8",
        ],
    ))?;
    let options = format!(
        "-p {port} -k {} -c listen_addresses=127.0.0.1 -c fsync=off",
        folder.path().display()
    );
    run(&words(
        "pg_ctl",
        &["-D", &data, "-w", "-l", &at("log"), "-o", &options, "start"],
    ))?;
    let server = Server {
        stop: words("pg_ctl", &["-D", &data, "-m", "immediate", "stop"]),
        path: path.clone(),
        port,
        folder,
    };
    let database = of("POSTGRES_DB", &user);
    if database != "postgres" {
        let psql = words(
            "psql",
            &[
                "-h",
                "127.0.0.1",
                "-p",
                &port.to_string(),
                "-U",
                &user,
                "-d",
                "postgres",
                "-c",
                &format!("CREATE DATABASE \"{}\"", database.replace('"', "\"\"")),
            ],
        );
        let ran = program(&psql, &path, server.folder.path())
            .variable("PGPASSWORD", &of("POSTGRES_PASSWORD", "postgres"))
            .run()
            .map_err(|error| error.to_string())?;
        if ran.code != Some(0) {
            return Err(format!(
                "PostgreSQL: {}",
                String::from_utf8_lossy(&ran.stderr).trim()
            ));
        }
    }
    Ok(server)
}

/// The folder of PostgreSQL's programs, the newest where there are several.
fn postgres_programs(env: &Env) -> Option<PathBuf> {
    let has_all =
        |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file();
    let path = env.get("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = path.split(':').map(PathBuf::from).filter(has_all).collect();
    for parent in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"] {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        let mut found: Vec<PathBuf> = entries
            .map(|entry| entry.path().join("bin"))
            .filter(has_all)
            .collect();
        found.sort_by_key(|folder| {
            let version = folder.parent().and_then(Path::file_name);
            let version = version.map(|name| name.to_string_lossy().into_owned());
            version.and_then(|name| name.trim_start_matches("postgresql@").parse::<u32>().ok())
        });
        folders.extend(found.into_iter().rev());
    }
    // A link leads to the folder in which all of them are.
    let initdb = fs::canonicalize(folders.first()?.join("initdb")).ok()?;
    initdb.parent().map(Path::to_owned)
}

fn redis(env: &Env) -> Result<Server, String> {
    let path = env.get("PATH").unwrap_or_default().to_owned();
    let (folder, port) = (folder()?, free_port()?);
    let words: Vec<String> = as_nobody()
        .into_iter()
        .chain(
            [
                "redis-server",
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--daemonize",
                "yes",
                "--save",
                "",
                "--dir",
                &folder.path().to_string_lossy(),
            ]
            .map(str::to_owned),
        )
        .collect();
    let ran = program(&words, &path, folder.path()).run();
    let ran =
        ran.map_err(|_| "Redis is not installed (`redis-server` is looked for)".to_owned())?;
    if ran.code != Some(0) {
        return Err("Redis does not start (`redis-server` is looked for)".to_owned());
    }
    let stop = ["redis-cli", "-p", &port.to_string(), "shutdown", "nosave"].map(str::to_owned);
    Ok(Server {
        stop: stop.into(),
        path,
        port,
        folder,
    })
}

/// A folder that the server's user can use.
fn folder() -> Result<tempfile::TempDir, String> {
    let folder = tempfile::Builder::new().prefix("ci-tool-server-").tempdir();
    let folder = folder.map_err(|error| format!("no folder for a server: {error}"))?;
    give_away(folder.path());
    Ok(folder)
}

fn give_away(path: &Path) {
    if is_root() {
        // Where it cannot be, the server says so.
        let _ = chown(path, Some(NOBODY), Some(NOBODY));
    }
}

/// What starts a program as another user, where we are root.
fn as_nobody() -> Vec<String> {
    if is_root() {
        let user = [format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")];
        let mut words = vec!["setpriv".to_owned()];
        words.extend(user);
        words.push("--clear-groups".to_owned());
        words
    } else {
        Vec::new()
    }
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    listener
        .map(|address| address.port())
        .map_err(|error| format!("no free port: {error}"))
}

fn program(words: &[String], path: &str, folder: &Path) -> Program {
    let (name, rest) = words
        .split_first()
        .map_or(("true", &[][..]), |(name, rest)| (name, rest));
    Program::new(name)
        .arguments(rest)
        .variable("PATH", path)
        .variable("LC_ALL", "C")
        .folder(folder)
        .time_limit(Duration::from_secs(120))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_to_the_server_of_the_probe_or_to_none() {
        let given = [
            (
                "DATABASE_URL",
                "postgresql://postgres:postgres@localhost:5432/test",
            ),
            ("PGPORT", "5432"),
            ("REDIS_URL", "redis://127.0.0.1:6379/0"),
            ("OTHER", "5432"),
        ];
        let given = given
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let moved = moved(&given, &[(5432, Some(40001)), (6379, None)]);
        let value = |name: &str| moved[name].as_str();
        assert_eq!(
            value("DATABASE_URL"),
            "postgresql://postgres:postgres@127.0.0.1:40001/test"
        );
        assert_eq!(value("PGPORT"), "40001");
        assert_eq!(value("REDIS_URL"), "redis://127.0.0.1:1/0");
        assert_eq!(value("OTHER"), "5432");
    }
}

//! `ci-tool scanners install`.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Where, cache, read_lock, refused};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::forge;
use crate::scanners::lock::{self, LockError, Locked};
use crate::scanners::pinned::{self, Pinned};
use crate::sys::fs::write_atomically;

/// No download of a scanner is larger, in bytes.
pub(super) const DOWNLOAD_LIMIT: usize = 1 << 30;

/// Install what `.github/scanners.lock` names, proven by its hashes.
///
/// A download is compared with the lock before anything of it is unpacked, and the
/// program again before it is put in its place. What is there already is proven too.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these scanners
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub scanner: Vec<String>,

    /// Put the releases that ci-tool itself names into this folder, instead of what the
    /// repository locks: the image of the action has them so
    #[arg(long, value_name = "FOLDER")]
    pub pinned: Option<PathBuf>,

    /// Where the repository and the cache are.
    #[command(flatten)]
    pub place: Where,
}

/// Installs.
///
/// # Errors
/// Where something cannot be fetched or is not what was locked.
pub(super) fn run(args: &Args, context: &Context) -> Result<Exit> {
    if let Some(folder) = &args.pinned {
        return all_pinned(&args.scanner, folder, context);
    }
    let (tree, _) = context.tree(&args.place.path)?;
    let cache = cache(args.place.cache.as_deref(), context)?;
    let lock = read_lock(&tree)?;
    let platform = lock::platform();
    if let Some(name) = args
        .scanner
        .iter()
        .find(|name| lock.find(name, &platform).is_none())
    {
        let message = format!("{name} is not in {} for {platform}", lock::PATH);
        let hint = format!("`ci-tool scanners update {name}@VERSION` puts it there");
        return Err(Failure::usage(message).hint(hint).into());
    }
    let wanted = |one: &&Locked| {
        one.platform == platform && (args.scanner.is_empty() || args.scanner.contains(&one.name))
    };
    let mut count = 0;
    for entry in lock.scanners.iter().filter(wanted) {
        count += 1;
        let program = entry.program(&cache);
        let (name, version) = (&entry.name, &entry.version);
        if program.is_file() && lock::prove(&program, &entry.program_sha256).is_ok() {
            context.ui.result(&format!("{name} {version} is there\n"))?;
            continue;
        }
        context
            .ui
            .remark(&format!("{name} {version} is fetched from {}", entry.url));
        let download = forge::run(forge::download(&entry.url, DOWNLOAD_LIMIT))?
            .map_err(|error| Failure::failed(error.to_string()))?;
        let bytes = proven(entry, &download).map_err(|error| refused(&error))?;
        put(&program, &bytes)?;
        lock::prove(&program, &entry.program_sha256).map_err(|error| refused(&error))?;
        context
            .ui
            .result(&format!("{name} {version} is installed\n"))?;
    }
    if count == 0 {
        context
            .ui
            .remark(&format!("{} names nothing for {platform}", lock::PATH));
    }
    Ok(Exit::Yes)
}

/// Installs what the repository at `path` locks, where it locks something; a job begins with
/// an empty machine.
///
/// # Errors
/// As [`run`].
pub(in crate::commands) fn locked(path: &Path, cache: &Path, context: &Context) -> Result<()> {
    if !path.join(lock::PATH).is_file() {
        return Ok(());
    }
    let args = Args {
        scanner: Vec::new(),
        pinned: None,
        place: Where {
            path: path.to_owned(),
            cache: Some(cache.to_owned()),
        },
    };
    run(&args, context).map(drop)
}

/// Brings a download that we pin ourselves; where its program is then.
///
/// It is fetched anew each time: which program is in it is known from the download alone,
/// and what a cache says of that proves nothing.
///
/// # Errors
/// Where it cannot be fetched or is not what was pinned.
pub(in crate::commands) fn one_pinned(
    one: &Pinned,
    cache: &Path,
    context: &Context,
) -> Result<PathBuf> {
    let Pinned {
        name, version, url, ..
    } = *one;
    context
        .ui
        .remark(&format!("{name} {version} is fetched from {url}"));
    const MEND: &str = "; it is neither installed nor locked: install it before, lock a download \
        that can be reached, or leave it out with `scan.skip`";
    let bytes = fetch_pinned(one, MEND)?;
    let program = lock::place(cache, &lock::sha256(&bytes), name);
    put(&program, &bytes)?;
    Ok(program)
}

/// Puts the programs that we pin into a folder, each under its own name.
fn all_pinned(only: &[String], folder: &Path, context: &Context) -> Result<Exit> {
    let platform = lock::platform();
    let there = || {
        let all = pinned::PINNED.iter();
        all.filter(|one| one.platform == platform)
    };
    let names: Vec<&str> = there().map(|one| one.name).collect();
    if let Some(name) = only.iter().find(|name| !names.contains(&name.as_str())) {
        let message = format!("ci-tool pins no {name} for {platform}");
        let hint = match names.is_empty() {
            true => format!("`ci-tool scanners update {name}@VERSION` locks one"),
            false => format!("it pins {}", names.join(", ")),
        };
        return Err(Failure::usage(message).hint(hint).into());
    }
    for one in there().filter(|one| only.is_empty() || only.iter().any(|name| name == one.name)) {
        let Pinned { name, version, .. } = *one;
        context
            .ui
            .remark(&format!("{name} {version} is fetched from {}", one.url));
        put(&folder.join(name), &fetch_pinned(one, "")?)?;
        context
            .ui
            .result(&format!("{name} {version} is installed\n"))?;
    }
    if names.is_empty() {
        context
            .ui
            .remark(&format!("ci-tool pins nothing for {platform}"));
    }
    Ok(Exit::Yes)
}

/// The program of a download that we pin, if the download is the one.
fn fetch_pinned(one: &Pinned, mend: &str) -> Result<Vec<u8>> {
    let download = forge::run(forge::download(one.url, DOWNLOAD_LIMIT))?.map_err(|error| {
        let Pinned { name, version, .. } = one;
        Failure::failed(format!("{name} {version} cannot be fetched: {error}{mend}"))
    })?;
    compare(one.url, &download, one.sha256, "ci-tool").map_err(|error| refused(&error))?;
    let bytes = lock::unpack(&download, Some(one.member));
    bytes.map_err(|error| refused(&error))
}

/// Holds bytes to the hash that somebody says.
fn compare(what: &str, bytes: &[u8], wanted: &str, says: &'static str) -> Result<(), LockError> {
    let found = lock::sha256(bytes);
    if found.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    Err(LockError::Changed {
        what: what.to_owned(),
        found,
        wanted: wanted.to_owned(),
        says,
    })
}

/// The program in a download, if both are what was locked.
fn proven(entry: &Locked, download: &[u8]) -> Result<Vec<u8>, LockError> {
    let compare = |what: &str, bytes: &[u8], wanted: &str| compare(what, bytes, wanted, lock::PATH);
    compare(&entry.url, download, &entry.sha256)?;
    let bytes = lock::unpack(download, entry.member.as_deref())?;
    compare(&entry.name, &bytes, &entry.program_sha256)?;
    Ok(bytes)
}

fn put(program: &Path, bytes: &[u8]) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let broken = |error: &dyn std::fmt::Display| {
        Failure::failed(format!("{} cannot be written: {error}", program.display()))
    };
    let (Some(folder), Some(name)) = (
        program.parent(),
        program.file_name().and_then(|name| name.to_str()),
    ) else {
        return Err(broken(&"it has no name").into());
    };
    std::fs::create_dir_all(folder).map_err(|error| broken(&error))?;
    write_atomically(folder, name, bytes).map_err(|error| broken(&error))?;
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(program, mode).map_err(|error| broken(&error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    /// Serves these bytes to everybody who asks, and says where.
    fn serve(bytes: Vec<u8>) -> &'static str {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        std::thread::spawn(move || {
            for (at, mut connection) in listener.incoming().flatten().enumerate() {
                let _ = connection.read(&mut [0; 4096]);
                if at == 0 {
                    // It stumbles first.
                    let _ = connection.write_all(
                        b"HTTP/1.1 503 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                    );
                    continue;
                }
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    bytes.len()
                );
                let _ = connection.write_all(head.as_bytes());
                let _ = connection.write_all(&bytes);
            }
        });
        format!("http://127.0.0.1:{port}/trivy.tar.gz").leak()
    }

    fn one(bytes: Vec<u8>, sha256: &str) -> Pinned {
        Pinned {
            name: "trivy",
            version: "0.75.0",
            platform: "linux-x86_64",
            url: serve(bytes),
            sha256: sha256.to_owned().leak(),
            member: "trivy",
        }
    }

    #[test]
    fn a_pinned_download_is_unpacked_where_it_is_the_one() {
        use std::os::unix::fs::PermissionsExt as _;
        let cache = tempfile::tempdir().expect("a folder");
        let program = b"#!/bin/sh\necho here\n";
        let bytes = lock::pack("trivy", program);
        let hash = lock::sha256(&bytes);
        let brought = fetch_pinned(&one(bytes.clone(), &hash), "").expect("brought");
        let there = cache.path().join("programs/trivy");
        put(&there, &brought).expect("put");
        assert_eq!(std::fs::read(&there).expect("read"), program);
        let mode = std::fs::metadata(&there)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o755);

        let error = fetch_pinned(&one(bytes, &"a".repeat(64)), "").expect_err("another");
        assert!(error.to_string().contains("was changed"), "{error}");
        let other = lock::pack("README.md", program);
        let hash = lock::sha256(&other);
        let error = fetch_pinned(&one(other, &hash), "").expect_err("without");
        assert!(error.to_string().contains("does not hold"), "{error}");
    }

    #[test]
    fn a_download_that_cannot_be_had_says_what_to_do() {
        let nobody = Pinned {
            url: "http://127.0.0.1:1/trivy.tar.gz",
            ..one(Vec::new(), "")
        };
        let error = fetch_pinned(&nobody, "; bring it").expect_err("nobody is there");
        let error = error.to_string();
        assert!(error.contains("trivy 0.75.0 cannot be fetched"), "{error}");
        assert!(error.ends_with("; bring it"), "{error}");
    }
}

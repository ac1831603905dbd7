//! `ci-tool scanners install`.

use anyhow::Result;

use super::{Where, cache, read_lock, refused};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::forge;
use crate::scanners::lock::{self, LockError, Locked};
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

    /// Where the repository and the cache are.
    #[command(flatten)]
    pub place: Where,
}

/// Installs.
///
/// # Errors
/// Where something cannot be fetched or is not what was locked.
pub(super) fn run(args: &Args, context: &Context) -> Result<Exit> {
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

/// The program in a download, if both are what was locked.
fn proven(entry: &Locked, download: &[u8]) -> Result<Vec<u8>, LockError> {
    let compare = |what: &str, bytes: &[u8], wanted: &str| {
        let found = lock::sha256(bytes);
        if found.eq_ignore_ascii_case(wanted) {
            return Ok(());
        }
        Err(LockError::Changed {
            what: what.to_owned(),
            found,
            wanted: wanted.to_owned(),
        })
    };
    compare(&entry.url, download, &entry.sha256)?;
    let bytes = lock::unpack(download, entry.member.as_deref())?;
    compare(&entry.name, &bytes, &entry.program_sha256)?;
    Ok(bytes)
}

fn put(program: &std::path::Path, bytes: &[u8]) -> Result<()> {
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

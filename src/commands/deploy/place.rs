//! Where a journal is kept, and that one deployment at a time has it.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Args;
use crate::deploy::journal::Journal;
use crate::error::Failure;

/// The folder and the name of the journal.
pub(super) fn journal_place(args: &Args) -> Result<(PathBuf, String)> {
    if let Some(file) = &args.journal {
        let name = file.file_name().and_then(|name| name.to_str());
        let name =
            name.ok_or_else(|| Failure::usage(format!("{} is no name of a file", file.display())))?;
        let folder = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        return Ok((folder.unwrap_or(Path::new(".")).to_owned(), name.to_owned()));
    }
    let git = args.path.join(".git");
    let folder = match git.is_dir() {
        true => git.join("ci-tool"),
        false => args.path.join(".ci-tool"),
    };
    Ok((folder, format!("deploy-{}.json", args.environment)))
}

/// Holds the environment, on this machine, until the end.
pub(super) fn lock(place: &(PathBuf, String)) -> Result<std::fs::File> {
    let (folder, name) = place;
    let broken = |error: std::io::Error| {
        Failure::failed(format!("cannot use {}: {error}", folder.display()))
            .hint("`--journal FILE` names another place")
    };
    std::fs::create_dir_all(folder).map_err(broken)?;
    let lock = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join(format!("{name}.lock")))
        .map_err(broken)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(Failure::failed(
            "another deployment to this environment is under way on this machine",
        )
        .hint("wait until it has ended")
        .into()),
        Err(std::fs::TryLockError::Error(error)) => Err(broken(error).into()),
    }
}

pub(super) fn read(file: &Path) -> Result<Option<Journal>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Failure::failed(format!("cannot read {}: {error}", file.display())).into());
        }
    };
    let journal = Journal::parse(&text).map_err(|why| {
        Failure::failed(format!("{} is no journal: {why}", file.display()))
            .hint("look at what is live, then put the file aside")
    })?;
    Ok(Some(journal))
}

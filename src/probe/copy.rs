//! A clean copy of a repository: what a checkout would have, and nothing else.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::project::Tree;
use crate::sys::env::Env;
use crate::sys::process::Program;

/// Copies every file that git would commit, as it is in the folder; without git every
/// file of the tree. The copy is a repository of its own, with one commit.
///
/// # Errors
/// Where a file cannot be read or written.
pub(super) fn copy(tree: &Tree, env: &Env, into: &Path) -> io::Result<()> {
    let root = tree.root();
    let files =
        committed(root, env).unwrap_or_else(|| tree.files().iter().map(PathBuf::from).collect());
    for file in files {
        let (from, to) = (root.join(&file), into.join(&file));
        let Ok(kind) = fs::symlink_metadata(&from) else {
            // Deleted, and not yet committed so.
            continue;
        };
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        if kind.is_symlink() {
            symlink(fs::read_link(&from)?, &to)?;
        } else if kind.is_file() {
            fs::copy(&from, &to)?;
        }
    }
    // Some steps ask git. One that does not is none the worse without.
    for arguments in [
        &["init", "--quiet", "--initial-branch=main"][..],
        &["add", "--all", "--force"],
        &["commit", "--quiet", "--no-verify", "--message=probe"],
    ] {
        let _ = git(into, env).arguments(arguments.iter().copied()).run();
    }
    Ok(())
}

/// What git has and would take, below a folder.
fn committed(root: &Path, env: &Env) -> Option<Vec<PathBuf>> {
    let listed = git(root, env)
        .arguments([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .output_limit(256 * 1024 * 1024)
        .run()
        .ok()
        .filter(|listed| listed.code == Some(0))?;
    let names = listed.stdout.split(|byte| *byte == 0);
    let mut files: Vec<PathBuf> = names
        .filter(|name| !name.is_empty())
        .map(|name| PathBuf::from(std::ffi::OsStr::from_bytes(name)))
        .collect();
    // In a conflict one is listed thrice.
    files.dedup();
    Some(files)
}

/// Git, told nothing by anybody's configuration.
fn git(folder: &Path, env: &Env) -> Program {
    Program::new("git")
        .inherit(env, &["PATH"])
        .variable("GIT_CONFIG_NOSYSTEM", "1")
        .variable("GIT_CONFIG_GLOBAL", "/dev/null")
        .variable("GIT_AUTHOR_NAME", "ci-tool")
        .variable("GIT_AUTHOR_EMAIL", "ci-tool@localhost")
        .variable("GIT_COMMITTER_NAME", "ci-tool")
        .variable("GIT_COMMITTER_EMAIL", "ci-tool@localhost")
        .arguments(["-c", "safe.directory=*", "-c", "core.fsmonitor=false"])
        .folder(folder)
        .time_limit(Duration::from_secs(300))
}

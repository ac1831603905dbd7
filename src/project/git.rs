//! What git's own files tell, read without running git.

use std::fs;
use std::path::{Path, PathBuf};

/// The default branch: what `origin` says, else the branch that is checked out
/// in a repository without a remote. `None` outside a repository.
pub fn default_branch(root: &Path) -> Option<String> {
    let folder = common_folder(root)?;
    let branch = |file: PathBuf, prefix: &str| {
        let text = fs::read_to_string(file).ok()?;
        Some(
            text.trim()
                .strip_prefix("ref: ")?
                .strip_prefix(prefix)?
                .to_owned(),
        )
    };
    branch(
        folder.join("refs/remotes/origin/HEAD"),
        "refs/remotes/origin/",
    )
    .or_else(|| {
        if remotes(root).is_empty() {
            branch(git_folder(root)?.join("HEAD"), "refs/heads/")
        } else {
            None
        }
    })
}

/// The remotes by name with their addresses, credentials removed.
pub fn remotes(root: &Path) -> Vec<(String, String)> {
    let Some(text) =
        common_folder(root).and_then(|folder| fs::read_to_string(folder.join("config")).ok())
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut remote: Option<String> = None;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            remote = section
                .strip_prefix("remote \"")
                .and_then(|rest| Some(rest.split_once('"')?.0.to_owned()));
        } else if let (Some(name), Some((key, value))) = (&remote, line.split_once('='))
            && key.trim() == "url"
        {
            found.push((name.clone(), without_credentials(value.trim())));
        }
    }
    found
}

/// The folder of a repository's objects, where it has all of its history: not of
/// a shallow or partial clone, and of no other form of object ids.
pub fn whole_objects(root: &Path) -> Option<PathBuf> {
    let folder = fs::canonicalize(common_folder(root)?).ok()?;
    let config = fs::read_to_string(folder.join("config")).ok()?;
    let config = config.to_ascii_lowercase();
    let is_partial = ["promisor", "partialclone", "objectformat"]
        .iter()
        .any(|word| config.contains(word));
    let objects = folder.join("objects");
    (!is_partial && !folder.join("shallow").exists() && objects.is_dir()).then_some(objects)
}

/// `.git`, or the folder that a worktree's `.git` file names.
fn git_folder(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let text = fs::read_to_string(&git).ok()?;
    let named = PathBuf::from(text.trim().strip_prefix("gitdir: ")?);
    Some(if named.is_absolute() {
        named
    } else {
        root.join(named)
    })
}

/// The folder that worktrees share.
fn common_folder(root: &Path) -> Option<PathBuf> {
    let git = git_folder(root)?;
    match fs::read_to_string(git.join("commondir")) {
        Ok(text) => Some(git.join(text.trim())),
        Err(_) => Some(git),
    }
}

fn without_credentials(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            format!("{scheme}://{host}/{path}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_clone_and_a_worktree() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let git = folder.path().join(".git");
        fs::create_dir_all(git.join("refs/remotes/origin")).expect("created");
        fs::write(git.join("HEAD"), "ref: refs/heads/topic\n").expect("written");
        assert_eq!(default_branch(folder.path()).as_deref(), Some("topic"));
        fs::write(
            git.join("config"),
            "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = https://me:secret@github.com/a/b.git\n[branch \"x\"]\n\turl = no\n",
        )
        .expect("written");
        assert_eq!(default_branch(folder.path()), None);
        fs::write(
            git.join("refs/remotes/origin/HEAD"),
            "ref: refs/remotes/origin/trunk\n",
        )
        .expect("written");
        assert_eq!(default_branch(folder.path()).as_deref(), Some("trunk"));
        assert_eq!(
            remotes(folder.path()),
            [("origin".to_owned(), "https://github.com/a/b.git".to_owned())]
        );
        let tree = tempfile::tempdir().expect("temporary folder");
        let inner = git.join("worktrees/w");
        fs::create_dir_all(&inner).expect("created");
        fs::write(inner.join("commondir"), "../..\n").expect("written");
        fs::write(
            tree.path().join(".git"),
            format!("gitdir: {}\n", inner.display()),
        )
        .expect("written");
        assert_eq!(default_branch(tree.path()).as_deref(), Some("trunk"));
        assert_eq!(default_branch(&tree.path().join("nowhere")), None);
    }
}

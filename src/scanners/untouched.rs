//! Whether scanners left the repository as it was. Where the kernel holds them to
//! their own folders (Landlock) there is nothing to ask; elsewhere one that writes
//! into what it scans is found out here, and its run is no answer.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Files of git that decide what it runs, which no listing of a tree holds.
const OF_GIT: [&str; 3] = [".git/config", ".git/hooks", ".git/info"];

/// A file's size, inode and both times: one of them changes with it.
type Stamp = (u64, u64, i64, i64, i64, i64);

/// What the repository's files were.
#[derive(Debug)]
pub struct Before(HashMap<String, Stamp>);

/// Looks at the files of a repository, without reading them.
pub fn look(root: &Path, files: &[String]) -> Before {
    let files = files.iter().map(String::as_str);
    let stamps = files.chain(OF_GIT).filter_map(|file| {
        let stamp = stamp(&root.join(file))?;
        Some((file.to_owned(), stamp))
    });
    Before(stamps.collect())
}

impl Before {
    /// The files that are new, gone or others than before, sorted.
    pub fn changed(&self, root: &Path, files: &[String]) -> Vec<String> {
        let after = look(root, files).0;
        let mut changed: Vec<String> = self
            .0
            .iter()
            .filter(|(file, stamp)| after.get(*file) != Some(stamp))
            .map(|(file, _)| file.clone())
            .chain(
                after
                    .keys()
                    .filter(|file| !self.0.contains_key(*file))
                    .cloned(),
            )
            .collect();
        changed.sort();
        changed
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = path.symlink_metadata().ok()?;
    Some((
        metadata.size(),
        metadata.ino(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        let there = folder.path();
        for name in ["same", "other", "gone"] {
            std::fs::write(there.join(name), name).expect("written");
        }
        let names = |names: [&str; 3]| names.map(str::to_owned);
        let files = names(["same", "other", "gone"]);
        let before = look(there, &files);
        assert!(before.changed(there, &files).is_empty());
        std::fs::write(there.join("other"), "OTHER").expect("written");
        std::fs::remove_file(there.join("gone")).expect("removed");
        std::fs::write(there.join("new"), "").expect("written");
        let files = names(["same", "other", "new"]);
        assert_eq!(before.changed(there, &files), ["gone", "new", "other"]);
    }
}

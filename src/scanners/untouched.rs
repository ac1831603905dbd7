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
pub struct Before {
    files: HashMap<String, Stamp>,
    /// What scanners are known to leave, and whether it was there.
    leaves: Vec<(&'static str, bool)>,
}

/// Looks at the files of a repository, without reading them. What scanners are known to
/// leave there is no change.
pub fn look(root: &Path, files: &[String], leaves: &[&'static str]) -> Before {
    let is_there = |name: &&'static str| (*name, root.join(name).exists());
    Before {
        files: stamps(root, files),
        leaves: leaves.iter().map(is_there).collect(),
    }
}

impl Before {
    /// Takes away what scanners left and was not there before.
    pub fn tidy(&self, root: &Path) {
        for (name, _) in self.leaves.iter().filter(|(_, was_there)| !was_there) {
            // Where it stays, it costs space and nothing else.
            let _ = std::fs::remove_file(root.join(name));
        }
    }

    /// The files that are new, gone or others than before, sorted.
    pub fn changed(&self, root: &Path, files: &[String]) -> Vec<String> {
        let after = stamps(root, files);
        let before = &self.files;
        let mut changed: Vec<String> = before
            .iter()
            .filter(|(file, stamp)| after.get(*file) != Some(stamp))
            .map(|(file, _)| file)
            .chain(after.keys().filter(|file| !before.contains_key(*file)))
            .filter(|file| !self.leaves.iter().any(|(name, _)| name == file))
            .cloned()
            .collect();
        changed.sort();
        changed
    }
}

fn stamps(root: &Path, files: &[String]) -> HashMap<String, Stamp> {
    let files = files.iter().map(String::as_str);
    let stamps = files.chain(OF_GIT).filter_map(|file| {
        let stamp = stamp(&root.join(file))?;
        Some((file.to_owned(), stamp))
    });
    stamps.collect()
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
        let before = look(there, &files, &["left"]);
        assert!(before.changed(there, &files).is_empty());
        std::fs::write(there.join("other"), "OTHER").expect("written");
        std::fs::remove_file(there.join("gone")).expect("removed");
        std::fs::write(there.join("new"), "").expect("written");
        std::fs::write(there.join("left"), "").expect("written");
        let files = names(["same", "other", "new"]);
        let files = [&files[..], &["left".to_owned()]].concat();
        assert_eq!(before.changed(there, &files), ["gone", "new", "other"]);
        before.tidy(there);
        assert!(!there.join("left").exists());
    }
}

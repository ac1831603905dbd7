//! Whose a new file is. In a container, and under `sudo`, we are root in somebody else's
//! folder: what is made there belongs to that somebody, who has to be able to change it
//! and to delete it.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Component, Path};

#[cfg(unix)]
use std::os::unix::fs::MetadataExt as _;

/// Makes the folders of `root/relative` that are missing; each belongs to whoever owns the
/// one above it.
///
/// # Errors
/// Where a part is no folder, or the system refuses.
#[cfg(unix)]
pub fn make_folders(root: &Path, relative: &Path) -> io::Result<()> {
    use rustix::fs::{Mode, OFlags, mkdirat, openat};
    // From folder to folder, so that nobody can put a link in the way meanwhile.
    let mut folder = File::open(root)?;
    for part in relative.components() {
        let Component::Normal(name) = part else {
            return Err(io::Error::other("it lies outside of the folder"));
        };
        let open = || {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            openat(&folder, name, flags, Mode::empty())
        };
        let next = match open() {
            Ok(next) => File::from(next),
            Err(rustix::io::Errno::NOENT) => {
                match mkdirat(&folder, name, Mode::from_raw_mode(0o777)) {
                    // Somebody else was faster.
                    Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
                let next = File::from(open()?);
                give(&next, &folder.metadata()?);
                next
            }
            Err(error) => return Err(error.into()),
        };
        folder = next;
    }
    Ok(())
}

/// As on other systems, without owners.
///
/// # Errors
/// Where the system refuses.
#[cfg(not(unix))]
pub fn make_folders(root: &Path, relative: &Path) -> io::Result<()> {
    std::fs::create_dir_all(root.join(relative))
}

/// Gives a file that is about to be put at a path to whoever owns what is there, or else the
/// folder.
pub fn give_to_owner_of(file: &File, path: &Path) {
    let there = std::fs::symlink_metadata(path);
    let owner = there.or_else(|_| std::fs::metadata(path.parent().unwrap_or(path)));
    if let Ok(owner) = owner {
        give(file, &owner);
    }
}

/// Only root can give something away; what it cannot give stays its own.
#[cfg(unix)]
fn give(file: &File, owner: &Metadata) {
    if super::process::is_root() {
        let (user, group) = (Some(owner.uid()), Some(owner.gid()));
        let _ = std::os::unix::fs::fchown(file, user, group);
    }
}

#[cfg(not(unix))]
fn give(_: &File, _: &Metadata) {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_root_makes_in_a_folder_is_its_owners() {
        let there = tempfile::tempdir().expect("temporary folder");
        let at = |name: &str| there.path().join(name);
        std::fs::create_dir(at("theirs")).expect("made");
        if !crate::sys::process::is_root() {
            make_folders(&at("theirs"), Path::new("a/b")).expect("made");
            assert!(at("theirs/a/b").is_dir());
            return;
        }
        std::os::unix::fs::chown(at("theirs"), Some(1234), Some(2345)).expect("given");
        make_folders(&at("theirs"), Path::new("a/b")).expect("made");
        let file = File::create(at("theirs/a/b/file")).expect("made");
        give_to_owner_of(&file, &at("theirs/a/b/file.new"));
        for name in ["theirs/a", "theirs/a/b", "theirs/a/b/file"] {
            let found = std::fs::metadata(at(name)).expect("there");
            assert_eq!((found.uid(), found.gid()), (1234, 2345), "{name}");
        }
        // What is there keeps its owner, whoever owns the folder.
        std::fs::write(at("theirs/mine"), "").expect("written");
        let file = File::open(at("theirs/a/b/file")).expect("there");
        give_to_owner_of(&file, &at("theirs/mine"));
        assert_eq!(file.metadata().expect("there").uid(), 0);
        std::os::unix::fs::symlink(at("."), at("theirs/link")).expect("linked");
        make_folders(&at("theirs"), Path::new("link/c")).expect_err("a link");
        make_folders(&at("theirs"), Path::new("../c")).expect_err("outside");
    }
}

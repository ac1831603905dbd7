//! Writing that is all or nothing and never leaves the repository.

use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::owner;

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A part of the path is a symbolic link or not a folder.
    #[error("cannot write {path}: {part} {why}", path = .path.display(), part = .part.display())]
    Unsafe {
        /// The file.
        path: PathBuf,
        /// The offending part of its path.
        part: PathBuf,
        /// What is wrong with that part.
        why: &'static str,
    },
    /// The operating system refused.
    #[error("cannot write {path}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl WriteError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unsafe { .. } => Some("replace the link by a real folder or file, or remove it"),
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::ReadOnlyFilesystem => {
                    Some("the file system is read-only: write to a copy, or use --dry-run")
                }
                io::ErrorKind::PermissionDenied => {
                    Some("the folder must be writable for the user that runs ci-tool")
                }
                io::ErrorKind::StorageFull => Some("free some space on the disk"),
                _ => None,
            },
        }
    }
}

/// Writes `root/relative`: into a temporary file in the same folder, then
/// renamed, so that a reader sees the old or the new text and nothing between.
/// An existing file's mode is kept, and its owner where we are root; a new one belongs to
/// whoever owns its folder.
///
/// # Errors
/// Where a folder on the way is a symbolic link, or the system refuses; then
/// the old file is as it was.
pub fn write_atomically(
    root: &Path,
    relative: &str,
    text: impl AsRef<[u8]>,
) -> Result<(), WriteError> {
    let write = |file: &mut dyn io::Write| file.write_all(text.as_ref());
    replace(root, relative, write, true)
}

/// As [`write_atomically`], of what is made while it is written. It is not waited for until the
/// disk has it: what is made so can be made again.
///
/// # Errors
/// As [`write_atomically`], and where it cannot be made.
pub fn stream_atomically(
    root: &Path,
    relative: &str,
    write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
) -> Result<(), WriteError> {
    replace(root, relative, write, false)
}

fn replace(
    root: &Path,
    relative: &str,
    write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
    is_kept: bool,
) -> Result<(), WriteError> {
    let path = root.join(relative);
    let failed = |source| WriteError::Io {
        path: path.clone(),
        source,
    };
    refuse_links(root, &path)?;
    let folder = path.parent().unwrap_or(root);
    make_folders(root, folder).map_err(failed)?;
    let mut file = tempfile::Builder::new()
        .prefix(".ci-tool-")
        .tempfile_in(folder)
        .map_err(failed)?;
    let mut out = io::BufWriter::with_capacity(256 * 1024, file.as_file_mut());
    write(&mut out).and_then(|()| out.flush()).map_err(failed)?;
    drop(out);
    owner::give_to_owner_of(file.as_file(), &path);
    set_mode(&path, file.as_file()).map_err(failed)?;
    if is_kept {
        file.as_file().sync_all().map_err(failed)?;
    }
    file.persist(&path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// The bytes of a file; those of a large one by two threads, since half of the time goes into
/// memory that is touched for the first time.
///
/// # Errors
/// Where it cannot be read.
pub fn read(file: &Path) -> io::Result<Vec<u8>> {
    use std::os::unix::fs::FileExt as _;
    const LARGE: u64 = 8 * 1024 * 1024;
    let about = std::fs::metadata(file)?;
    if !about.is_file() || about.len() < LARGE {
        return std::fs::read(file);
    }
    let mut opened = std::fs::File::open(file)?;
    let mut bytes = vec![0; usize::try_from(about.len()).map_err(io::Error::other)?];
    let half = bytes.len() / 2;
    let (first, second) = bytes.split_at_mut(half);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| opened.read_exact_at(first, 0));
        opened.read_exact_at(second, half as u64)?;
        other
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })?;
    // Somebody may be writing to it.
    opened.seek(io::SeekFrom::Start(about.len()))?;
    opened.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes a folder below `root`, which need not be there either.
fn make_folders(root: &Path, folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let there = match root.is_dir() {
        true => root,
        // The last of all ancestors is the empty path, which is the current folder.
        false => folder
            .ancestors()
            .find(|above| above.is_dir())
            .unwrap_or(Path::new("")),
    };
    let inside = folder.strip_prefix(there).unwrap_or(folder);
    let there = match there.as_os_str().is_empty() {
        true => Path::new("."),
        false => there,
    };
    owner::make_folders(there, inside)
}

/// Copies `root/relative` beside itself under the first free of `.bak`,
/// `.bak.1`, `.bak.2`…, and returns the copy's path relative to `root`.
///
/// # Errors
/// As [`write_atomically`].
pub fn keep_copy(root: &Path, relative: &str) -> Result<String, WriteError> {
    let path = root.join(relative);
    let failed = |source| WriteError::Io {
        path: path.clone(),
        source,
    };
    refuse_links(root, &path)?;
    let bytes = std::fs::read(&path).map_err(failed)?;
    let names = std::iter::once(format!("{relative}.bak"))
        .chain((1..1000).map(|n| format!("{relative}.bak.{n}")));
    for name in names {
        // `create_new` decides, so that two runs cannot take the same name.
        match std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(root.join(&name))
        {
            Ok(mut copy) => {
                owner::give_to_owner_of(&copy, &path);
                copy.write_all(&bytes)
                    .and_then(|()| copy.sync_all())
                    .map_err(failed)?;
                return Ok(name);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Err(failed(io::Error::other(
        "a thousand copies of it exist already",
    )))
}

/// Every existing part of the path below `root` must be a real folder, and the
/// file itself a real file: a link could lead anywhere.
fn refuse_links(root: &Path, path: &Path) -> Result<(), WriteError> {
    let mut part = root.to_owned();
    let Ok(relative) = path.strip_prefix(root) else {
        return Err(WriteError::Unsafe {
            path: path.to_owned(),
            part: path.to_owned(),
            why: "lies outside the repository",
        });
    };
    let count = relative.components().count();
    for (at, name) in relative.components().enumerate() {
        if !matches!(name, std::path::Component::Normal(_)) {
            return Err(WriteError::Unsafe {
                path: path.to_owned(),
                part: path.to_owned(),
                why: "lies outside the repository",
            });
        }
        part.push(name);
        let why = match std::fs::symlink_metadata(&part) {
            Err(_) => return Ok(()),
            Ok(found) if found.is_symlink() => "is a symbolic link",
            Ok(found) if at + 1 < count && !found.is_dir() => "is not a folder",
            Ok(found) if at + 1 == count && !found.is_file() => "is not a regular file",
            Ok(_) => continue,
        };
        return Err(WriteError::Unsafe {
            path: path.to_owned(),
            part,
            why,
        });
    }
    Ok(())
}

/// An old file keeps its mode, a new one is readable for all as git's files are:
/// the temporary file itself would be private.
#[cfg(unix)]
fn set_mode(existing: &Path, file: &std::fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode =
        std::fs::metadata(existing).map_or(0o644, |found| found.permissions().mode() & 0o7777);
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: &std::fs::File) -> io::Result<()> {
    Ok(())
}

/// The bytes of all files below a folder, without what links lead to.
pub fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => size(&entry.path()),
        Ok(kind) if kind.is_file() => entry.metadata().map_or(0, |about| about.len()),
        _ => 0,
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_new_files_and_keeps_the_mode_of_old_ones() {
        let root = tempfile::tempdir().expect("temporary folder");
        write_atomically(root.path(), "a/b/c.yml", "one").expect("written");
        let path = root.path().join("a/b/c.yml");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("set");
            write_atomically(root.path(), "a/b/c.yml", "two").expect("written");
            let mode = std::fs::metadata(&path)
                .expect("there")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "two");
        assert_eq!(
            std::fs::read_dir(root.path().join("a/b"))
                .expect("listed")
                .count(),
            1,
            "no temporary file is left"
        );
    }

    #[test]
    fn copies_never_replace_an_older_copy() {
        let root = tempfile::tempdir().expect("temporary folder");
        for (text, name) in [
            ("one", "x.yml.bak"),
            ("two", "x.yml.bak.1"),
            ("three", "x.yml.bak.2"),
        ] {
            write_atomically(root.path(), "x.yml", text).expect("written");
            assert_eq!(keep_copy(root.path(), "x.yml").expect("copied"), name);
            assert_eq!(
                std::fs::read_to_string(root.path().join(name)).expect("read"),
                text
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn never_writes_through_a_link_or_out_of_the_root() {
        let outside = tempfile::tempdir().expect("temporary folder");
        let root = tempfile::tempdir().expect("temporary folder");
        std::os::unix::fs::symlink(outside.path(), root.path().join(".github")).expect("linked");
        let error =
            write_atomically(root.path(), ".github/workflows/x.yml", "x").expect_err("a link");
        assert!(error.to_string().contains("is a symbolic link"), "{error}");
        std::fs::write(outside.path().join("t"), "old").expect("written");
        std::os::unix::fs::symlink(outside.path().join("t"), root.path().join("t"))
            .expect("linked");
        write_atomically(root.path(), "t", "new").expect_err("a link");
        assert_eq!(
            std::fs::read_to_string(outside.path().join("t")).expect("read"),
            "old"
        );
        write_atomically(root.path(), "../x", "x").expect_err("outside");
        std::fs::write(root.path().join("file"), "x").expect("written");
        let error = write_atomically(root.path(), "file/x.yml", "x").expect_err("not a folder");
        assert!(error.to_string().contains("is not a folder"), "{error}");
    }
}

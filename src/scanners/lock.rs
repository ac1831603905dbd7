//! `.github/scanners.lock`: which programs may run, by the hash of what was
//! downloaded and of the program in it.
//!
//! A hash that is fetched beside a download protects from nothing: whoever replaces
//! the one replaces the other. So the hashes are in the repository, and a change of
//! them is a change that people review.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Where the file is, below the repository's root.
pub const PATH: &str = ".github/scanners.lock";

/// What stands at the head of the file.
const HEAD: &str = "# The scanners that ci-tool installs and runs, by their hashes.\n\
    # `ci-tool scanners update NAME@VERSION` writes it; review what it changes.\n";

/// The file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The programs, sorted by name and platform.
    #[serde(default, rename = "scanner")]
    pub scanners: Vec<Locked>,
    /// The databases that may be used instead of newer ones, sorted by scanner.
    #[serde(default, rename = "database")]
    pub databases: Vec<LockedDatabase>,
}

/// A scanner's database: with it a scan gives the same answer until it is locked anew.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LockedDatabase {
    /// The scanner.
    pub scanner: String,
    /// The SHA-256 of the database's file, in hexadecimal digits.
    pub sha256: String,
    /// The day on which it was locked.
    pub since: String,
}

/// One program for one platform.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Locked {
    /// The scanner.
    pub name: String,
    /// Its version; never `latest`.
    pub version: String,
    /// `linux-x86_64`, `linux-aarch64`, `macos-aarch64` and so on.
    pub platform: String,
    /// Where the download is.
    pub url: String,
    /// The SHA-256 of the download, in hexadecimal digits.
    pub sha256: String,
    /// The program's name in the download, where that is an archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// The SHA-256 of the program itself.
    pub program_sha256: String,
    /// The day on which it was released.
    pub released: String,
    /// The day on which it was locked.
    pub since: String,
}

/// Why a lock or a program is refused.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The file cannot be understood.
    #[error("{PATH}:{line}: {why}")]
    Unreadable {
        /// The line, from 1.
        line: usize,
        /// Why.
        why: String,
    },
    /// What is there is not what was locked.
    #[error(
        "{what} has the SHA-256 {found}, and {says} says {wanted}: it was changed and is not used"
    )]
    Changed {
        /// The file or address.
        what: String,
        /// The hash that it has.
        found: String,
        /// The hash that it should have.
        wanted: String,
        /// Who says so.
        says: &'static str,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The archive does not hold the program.
    #[error("{0}")]
    Archive(String),
}

impl Lock {
    /// Reads the file's text.
    ///
    /// # Errors
    /// Where it is no such file, says something twice, or names no version.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let unreadable = |line: usize, why: String| LockError::Unreadable { line, why };
        let lock: Self = toml_edit::de::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = text[..start.min(text.len())].matches('\n').count() + 1;
            unreadable(line, error.message().to_owned())
        })?;
        let headers = text.lines().enumerate();
        let lines: Vec<usize> = headers
            .filter(|(_, line)| line.trim() == "[[scanner]]")
            .map(|(at, _)| at + 1)
            .collect();
        for (at, one) in lock.databases.iter().enumerate() {
            let twice = lock.databases[..at]
                .iter()
                .any(|other| other.scanner == one.scanner);
            let why = match is_hash(&one.sha256) {
                false => format!(
                    "the database of {} has no SHA-256 of 64 digits",
                    one.scanner
                ),
                true if twice => format!("the database of {} stands here twice", one.scanner),
                true => continue,
            };
            let line = text.lines().position(|line| line.contains(&one.sha256));
            return Err(unreadable(line.map_or(1, |at| at + 1), why));
        }
        let mut seen = std::collections::HashSet::new();
        for (at, one) in lock.scanners.iter().enumerate() {
            let line = lines.get(at).copied().unwrap_or(1);
            one.check().map_err(|why| unreadable(line, why))?;
            if !seen.insert((&one.name, &one.platform)) {
                let why = format!("{} for {} stands here twice", one.name, one.platform);
                return Err(unreadable(line, why));
            }
        }
        Ok(lock)
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let mut sorted = self.clone();
        sorted
            .scanners
            .sort_by(|a, b| (&a.name, &a.platform).cmp(&(&b.name, &b.platform)));
        sorted.databases.sort_by(|a, b| a.scanner.cmp(&b.scanner));
        let mut out = HEAD.to_owned();
        let put = |out: &mut String, key: &str, value: &str| {
            let value = toml_edit::Value::from(value);
            out.push_str(&format!("{key} ={}\n", value.decorated(" ", "")));
        };
        for one in &sorted.scanners {
            out.push_str("\n[[scanner]]\n");
            let mut field = |key: &str, value: &str| put(&mut out, key, value);
            field("name", &one.name);
            field("version", &one.version);
            field("platform", &one.platform);
            field("url", &one.url);
            field("sha256", &one.sha256);
            if let Some(member) = &one.member {
                field("member", member);
            }
            field("program-sha256", &one.program_sha256);
            field("released", &one.released);
            field("since", &one.since);
        }
        for one in &sorted.databases {
            out.push_str("\n[[database]]\n");
            put(&mut out, "scanner", &one.scanner);
            put(&mut out, "sha256", &one.sha256);
            put(&mut out, "since", &one.since);
        }
        out
    }

    /// The entry of a scanner for a platform.
    pub fn find(&self, name: &str, platform: &str) -> Option<&Locked> {
        let mut same = self.scanners.iter();
        same.find(|one| one.name == name && one.platform == platform)
    }

    /// The database of a scanner.
    pub fn database(&self, scanner: &str) -> Option<&LockedDatabase> {
        self.databases.iter().find(|one| one.scanner == scanner)
    }

    /// Puts a database in the place of the scanner's other one.
    pub fn put_database(&mut self, entry: LockedDatabase) {
        self.databases.retain(|one| one.scanner != entry.scanner);
        self.databases.push(entry);
    }

    /// Puts an entry in the place of the one for the same scanner and platform.
    pub fn put(&mut self, entry: Locked) {
        self.scanners
            .retain(|one| one.name != entry.name || one.platform != entry.platform);
        self.scanners.push(entry);
    }
}

impl Locked {
    fn check(&self) -> Result<(), String> {
        let is_word = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'+')
                })
        };
        if !is_hash(&self.sha256) || !is_hash(&self.program_sha256) {
            return Err(format!("{} has no SHA-256 of 64 digits", self.name));
        }
        if !is_word(&self.name) || !is_word(&self.platform) || !is_word(&self.version) {
            return Err("name, version and platform are words".to_owned());
        }
        if !self.version.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(format!(
                "`{}` is no version of {}: what it means changes",
                self.version, self.name
            ));
        }
        let is_local = self.url.starts_with("http://127.0.0.1:");
        if !self.url.starts_with("https://") && !is_local {
            return Err(format!("{} is not fetched by https", self.name));
        }
        Ok(())
    }

    /// Where its program is, below a cache: a folder that its hash names.
    pub fn program(&self, cache: &Path) -> PathBuf {
        place(cache, &self.program_sha256, &self.name)
    }
}

/// Where a program is, below a cache.
pub fn place(cache: &Path, program_sha256: &str, name: &str) -> PathBuf {
    cache.join("programs").join(program_sha256).join(name)
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The platform that this program runs on.
pub fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

/// The SHA-256 of bytes, in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 of a file.
///
/// # Errors
/// Where it cannot be read.
pub fn sha256_of(path: &Path) -> Result<String, LockError> {
    let broken = |source| LockError::File {
        path: path.to_owned(),
        source,
    };
    let mut file = std::fs::File::open(path).map_err(broken)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 256 * 1024];
    loop {
        let read = file.read(&mut block).map_err(broken)?;
        if read == 0 {
            break;
        }
        hash.update(&block[..read]);
    }
    Ok(hexadecimal(&hash.finalize()))
}

/// What changes when a file is written or replaced, which nobody sets at will.
pub(super) fn stamp(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path).ok()?;
    Some(format!(
        "{} {} {} {}.{} {}.{}",
        metadata.dev(),
        metadata.ino(),
        metadata.size(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec()
    ))
}

/// Proves that an installed program is the one that was locked. A program that was
/// proven and not touched since is not read again: it may have hundreds of megabytes.
///
/// # Errors
/// Where it is another one, or cannot be read.
pub fn prove(path: &Path, wanted: &str) -> Result<(), LockError> {
    let note = path.with_extension("proven");
    let now = stamp(path).map(|stamp| format!("{wanted} {stamp}\n"));
    if now.is_some() && std::fs::read_to_string(&note).ok() == now {
        return Ok(());
    }
    let found = sha256_of(path)?;
    if !found.eq_ignore_ascii_case(wanted) {
        let _ = std::fs::remove_file(&note);
        return Err(LockError::Changed {
            what: path.display().to_string(),
            found,
            wanted: wanted.to_owned(),
            says: PATH,
        });
    }
    if let Some(now) = now {
        // Without the note it is read again, which is slower and no less safe.
        let name = note.file_name().and_then(|name| name.to_str());
        if let (Some(folder), Some(name)) = (note.parent(), name) {
            let _ = crate::sys::fs::write_atomically(folder, name, now.as_bytes());
        }
    }
    Ok(())
}

/// Takes a program out of a download that was proven: the download itself, or a
/// member of a `.tar.gz`.
///
/// # Errors
/// Where the archive is broken or does not hold it.
pub fn unpack(download: &[u8], member: Option<&str>) -> Result<Vec<u8>, LockError> {
    let Some(member) = member else {
        return Ok(download.to_owned());
    };
    let broken =
        |error: std::io::Error| LockError::Archive(format!("the archive is broken: {error}"));
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(download));
    for entry in archive.entries().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let is_it = entry.path().is_ok_and(|path| path == Path::new(member));
        if is_it && entry.header().entry_type().is_file() {
            let mut bytes = Vec::new();
            // No scanner is larger than this.
            let mut limited = entry.take(1 << 30);
            limited.read_to_end(&mut bytes).map_err(broken)?;
            return Ok(bytes);
        }
    }
    Err(LockError::Archive(format!(
        "the archive does not hold `{member}`"
    )))
}

/// An archive with this program in it, as [`unpack`] reads it.
#[cfg(test)]
pub(crate) fn pack(member: &str, program: &[u8]) -> Vec<u8> {
    let to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(to);
    let mut header = tar::Header::new_gnu();
    header.set_size(program.len() as u64);
    header.set_mode(0o755);
    let packed = archive.append_data(&mut header, member, program);
    packed.expect("written");
    let to = archive.into_inner().expect("written");
    to.finish().expect("written")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Locked {
        Locked {
            name: "trivy".into(),
            version: "0.76.0".into(),
            platform: "linux-x86_64".into(),
            url: "https://example.com/trivy.tar.gz".into(),
            sha256: "a".repeat(64),
            member: Some("trivy".into()),
            program_sha256: "b".repeat(64),
            released: "2026-11-01".into(),
            since: "2026-11-25".into(),
        }
    }

    #[test]
    fn a_lock_is_read_as_it_is_written() {
        let mut lock = Lock::default();
        lock.put(entry());
        lock.put(Locked {
            version: "0.77.0".into(),
            ..entry()
        });
        for digit in ["c", "d"] {
            lock.put_database(LockedDatabase {
                scanner: "trivy".into(),
                sha256: digit.repeat(64),
                since: "2026-11-25".into(),
            });
        }
        let text = lock.text();
        assert_eq!((lock.scanners.len(), lock.databases.len()), (1, 1));
        assert_eq!(Lock::parse(&text).expect("read"), lock, "{text}");
    }

    #[test]
    fn what_may_change_or_is_wrong_is_refused_at_its_line() {
        let text = Lock {
            scanners: vec![entry()],
            ..Lock::default()
        }
        .text();
        for (from, to) in [
            ("0.76.0", "latest"),
            ("https://", "http://"),
            (&"a".repeat(64)[..], "abc"),
            ("platform", "plattform"),
        ] {
            let error = Lock::parse(&text.replace(from, to)).expect_err(to);
            assert!(
                error.to_string().starts_with(".github/scanners.lock:"),
                "{error}"
            );
        }
        let twice = format!("{text}{}", text.split_once("\n\n").expect("a head").1);
        let error = Lock::parse(&twice).expect_err("twice").to_string();
        assert!(error.contains("stands here twice"), "{error}");
    }

    #[test]
    fn a_program_that_was_changed_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("trivy");
        std::fs::write(&path, "one").expect("written");
        let wanted = sha256(b"one");
        prove(&path, &wanted).expect("it is the one");
        prove(&path, &wanted).expect("it still is");
        std::fs::write(&path, "two").expect("written");
        assert!(matches!(
            prove(&path, &wanted),
            Err(LockError::Changed { .. })
        ));
    }
}

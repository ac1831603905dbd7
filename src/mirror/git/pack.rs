//! The record of a sync as objects of git, and packs of a few objects, as gitformat-pack
//! describes them. All with SHA-1: with anything else git does it.

use std::io::Read as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::bufread::ZlibDecoder;
use flate2::write::ZlibEncoder;
use sha1::{Digest as _, Sha1};

use super::super::refs::Oid;
use super::super::state;

/// The head of a pack: `PACK`, version 2, and how many objects there are.
const HEAD: usize = 12;

/// The bytes of an id.
const ID: usize = 20;

/// No record is larger, in bytes.
const MAX_OBJECT: u64 = 256 * 1024 * 1024;

/// Kinds of objects, with their numbers in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Commit = 1,
    Tree = 2,
    Blob = 3,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
        }
    }
}

fn id(kind: Kind, bytes: &[u8]) -> [u8; ID] {
    let mut hash = Sha1::new();
    hash.update(format!("{} {}\0", kind.name(), bytes.len()));
    hash.update(bytes);
    hash.finalize().into()
}

fn hex(id: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(id.len() * 2);
    for byte in id {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The message of a record's commit.
pub(super) const MESSAGE: &str = "What ci-tool sync brought";

/// Who commits it.
pub(super) const NAME: &str = "ci-tool";

/// Their address.
pub(super) const EMAIL: &str = "ci-tool@localhost";

/// A record: its text, and the tree and commit around it.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// The commit.
    pub(super) oid: Oid,
    /// What it says.
    pub(super) text: Vec<u8>,
    tree: Vec<u8>,
    commit: Vec<u8>,
}

impl Record {
    /// Makes one; the same as git makes of it. `None` cannot happen: an id is one.
    pub(super) fn new(text: &[u8], now: i64) -> Option<Self> {
        let mut tree = format!("100644 {}\0", state::FILE).into_bytes();
        tree.extend_from_slice(&id(Kind::Blob, text));
        let who = format!("{NAME} <{EMAIL}> {now} +0000");
        let commit = format!(
            "tree {}\nauthor {who}\ncommitter {who}\n\n{MESSAGE}\n",
            hex(&id(Kind::Tree, &tree))
        );
        Some(Self {
            oid: Oid::new(&hex(&id(Kind::Commit, commit.as_bytes())))?,
            text: text.to_vec(),
            tree,
            commit: commit.into_bytes(),
        })
    }

    /// Takes the text of a record out of a pack; `None` where it is not whole, not this
    /// one, or packed in a way that only git understands.
    pub(super) fn unpack(pack: &[u8], wanted: &Oid) -> Option<Vec<u8>> {
        let objects = objects(pack)?;
        let find = |kind: Kind, wanted: &str| {
            let mut all = objects.iter();
            all.find(|(known, bytes)| *known == kind && hex(&id(kind, bytes)) == wanted)
                .map(|(_, bytes)| bytes.as_slice())
        };
        let commit = find(Kind::Commit, wanted.as_str())?;
        let tree = commit.strip_prefix(b"tree ")?.get(..ID * 2)?;
        let tree = find(Kind::Tree, std::str::from_utf8(tree).ok()?)?;
        let entry = format!("100644 {}\0", state::FILE);
        let blob = tree.strip_prefix(entry.as_bytes())?;
        (blob.len() == ID).then_some(())?;
        find(Kind::Blob, &hex(blob)).map(<[u8]>::to_vec)
    }
}

/// The objects of a pack without differences.
fn objects(pack: &[u8]) -> Option<Vec<(Kind, Vec<u8>)>> {
    let count = count(pack)?;
    let mut rest = &pack[HEAD..];
    let mut found = Vec::new();
    for _ in 0..count {
        let (kind, size, length) = entry_head(rest)?;
        rest = &rest[length..];
        let mut bytes = Vec::new();
        let mut decoder = ZlibDecoder::new(rest);
        decoder
            .by_ref()
            .take(MAX_OBJECT.min(size.saturating_add(1)))
            .read_to_end(&mut bytes)
            .ok()?;
        (bytes.len() as u64 == size).then_some(())?;
        rest = rest.get(usize::try_from(decoder.total_in()).ok()?..)?;
        found.push((kind, bytes));
    }
    Some(found)
}

fn count(pack: &[u8]) -> Option<u32> {
    let head = pack.get(..HEAD)?;
    (head[..8] == *b"PACK\0\0\0\x02").then_some(())?;
    Some(u32::from_be_bytes(head[8..].try_into().ok()?))
}

/// The kind and the size of an object, and how many bytes say so.
fn entry_head(bytes: &[u8]) -> Option<(Kind, u64, usize)> {
    let first = *bytes.first()?;
    let kind = match (first >> 4) & 7 {
        1 => Kind::Commit,
        2 => Kind::Tree,
        3 => Kind::Blob,
        _ => return None,
    };
    let (mut size, mut shift, mut length, mut last) = (u64::from(first & 15), 4, 1, first);
    while last & 0x80 != 0 {
        last = *bytes.get(length)?;
        size |= u64::from(last & 0x7f).checked_shl(shift)?;
        (shift, length) = (shift + 7, length + 1);
    }
    Some((kind, size, length))
}

/// A pack with all of another one, which git has made, and a record.
pub(super) fn joined(pack: Option<&[u8]>, record: Option<&Record>) -> Option<Vec<u8>> {
    let mut joined = b"PACK\0\0\0\x02\0\0\0\0".to_vec();
    let mut total = 0;
    if let Some(pack) = pack {
        total = count(pack)?;
        let end = pack.len().checked_sub(ID)?;
        joined.extend_from_slice(pack.get(HEAD..end)?);
    }
    if let Some(record) = record {
        total += 3;
        put(&mut joined, Kind::Commit, &record.commit);
        put(&mut joined, Kind::Tree, &record.tree);
        put(&mut joined, Kind::Blob, &record.text);
    }
    joined[8..HEAD].copy_from_slice(&total.to_be_bytes());
    let sum = Sha1::digest(&joined);
    joined.extend_from_slice(&sum);
    Some(joined)
}

fn put(pack: &mut Vec<u8>, kind: Kind, bytes: &[u8]) {
    let mut size = bytes.len();
    let mut byte = (kind as u8) << 4 | (size & 15) as u8;
    size >>= 4;
    while size > 0 {
        pack.push(byte | 0x80);
        byte = (size & 0x7f) as u8;
        size >>= 7;
    }
    pack.push(byte);
    let before = pack.len();
    // Ids do not get smaller than half, however long one tries.
    let mut encoder = ZlibEncoder::new(std::mem::take(pack), Compression::fast());
    let written = encoder.write_all(bytes);
    // Writing to memory cannot fail.
    *pack = encoder.finish().unwrap_or_default();
    debug_assert!(written.is_ok() && pack.len() > before);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_the_object_that_git_makes_and_comes_back() {
        let text = "x".repeat(100_000);
        let record = Record::new(text.as_bytes(), 1_000).expect("a record");
        let pack = joined(None, Some(&record)).expect("a pack");
        assert_eq!(
            Record::unpack(&pack, &record.oid).expect("whole"),
            text.as_bytes()
        );
        let other = Record::new(b"y", 1_000).expect("a record");
        assert_eq!(Record::unpack(&pack, &other.oid), None);
        let both = joined(Some(&pack), Some(&other)).expect("a pack");
        assert_eq!(count(&both), Some(6));
        assert!(Record::unpack(&both, &record.oid).is_some());
        assert!(Record::unpack(&both, &other.oid).is_some());
        for end in 0..pack.len() - ID {
            assert_eq!(Record::unpack(&pack[..end], &record.oid), None, "{end}");
        }
        // git itself reads it.
        let folder = tempfile::tempdir().expect("temporary folder");
        let git = |arguments: &[&str], input: &[u8]| {
            let mut child = std::process::Command::new("git")
                .args(arguments)
                .current_dir(folder.path())
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .expect("git runs");
            child
                .stdin
                .take()
                .expect("piped")
                .write_all(input)
                .expect("taken");
            let done = child.wait_with_output().expect("git ends");
            assert!(done.status.success(), "git {arguments:?}");
            done.stdout
        };
        git(&["init", "--quiet", "--bare"], b"");
        git(&["unpack-objects", "-q", "--strict"], &both);
        let name = format!("{}:{}", record.oid, state::FILE);
        assert_eq!(git(&["cat-file", "blob", &name], b""), text.as_bytes());
        git(&["fsck", "--strict", "--no-dangling"], b"");
    }
}

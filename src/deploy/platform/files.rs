//! The files of a deployment as Vercel takes them: each by its SHA-1, with its mode.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

/// Where `vercel build` puts what it has made.
const OUTPUT: &str = ".vercel/output";

/// Files that are uploaded.
#[derive(Debug)]
pub(super) struct Files {
    /// By name, with slashes.
    all: BTreeMap<String, File>,
    /// What the ranges of [`Content::Archive`] are of.
    archive: Vec<u8>,
}

#[derive(Debug)]
struct File {
    sha: String,
    size: u64,
    /// As `lstat` says it.
    mode: u32,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Archive(Range<usize>),
    Text(String),
    Disk(PathBuf),
}

/// What `vercel build` says of itself.
#[derive(Deserialize)]
struct Builds {
    target: Option<String>,
}

/// What a function needs of files elsewhere: its names for them, and where they are.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Function {
    #[serde(default)]
    file_path_map: BTreeMap<String, String>,
}

impl Files {
    /// The files of an uncompressed archive of a commit.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(super) fn of_commit(archive: Vec<u8>) -> Result<Self, String> {
        let broken = |error: std::io::Error| format!("git archive: {error}");
        let mut all = BTreeMap::new();
        let mut reader = tar::Archive::new(&archive[..]);
        for entry in reader.entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            let name = entry.path().map_err(broken)?.to_string_lossy().into_owned();
            let header = entry.header();
            let kind = header.entry_type();
            if kind.is_symlink() {
                let target = entry.link_name().map_err(broken)?.unwrap_or_default();
                let target = target.to_string_lossy().into_owned();
                all.insert(name, File::link(target));
                continue;
            }
            if !kind.is_file() {
                continue;
            }
            let is_program = header.mode().map_err(broken)? & 0o100 != 0;
            let start = entry.raw_file_position() as usize;
            let mut digest = Sha1::new();
            let size = std::io::copy(&mut entry, &mut digest).map_err(broken)?;
            let file = File {
                sha: hex(&digest.finalize()),
                size,
                mode: if is_program { 0o100_755 } else { 0o100_644 },
                content: Content::Archive(start..start + size as usize),
            };
            all.insert(name, file);
        }
        Ok(Self { all, archive })
    }

    /// What `vercel build` has made in a folder, for this target.
    ///
    /// # Errors
    /// Where there is nothing, it was made for another target, or it cannot be read.
    pub(super) fn of_build(folder: &Path, target: &str) -> Result<Self, String> {
        let output = folder.join(OUTPUT);
        if !output.join("config.json").is_file() {
            return Err(format!(
                "there is no {OUTPUT}/config.json in {}: `vercel build` makes it",
                folder.display()
            ));
        }
        let builds = std::fs::read(output.join("builds.json")).ok();
        let builds: Option<Builds> = builds.and_then(|text| serde_json::from_slice(&text).ok());
        let made_for = builds.and_then(|builds| builds.target);
        if let Some(other) = made_for.filter(|made| made != target) {
            return Err(format!(
                "{OUTPUT} was made for {other}, and this is {target}: `vercel build --target={target}` makes it"
            ));
        }
        let mut all = BTreeMap::new();
        let mut elsewhere = BTreeSet::new();
        for path in below(&output)? {
            if path
                .file_name()
                .is_some_and(|name| name == ".vc-config.json")
            {
                elsewhere.extend(needs(&path)?);
            }
            let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy();
            all.insert(name.into_owned(), File::on_disk(&path)?);
        }
        for name in elsewhere {
            all.insert(name.clone(), File::on_disk(&folder.join(&name))?);
        }
        Ok(Self {
            all,
            archive: Vec::new(),
        })
    }

    /// The list that a deployment is made of.
    pub(super) fn list(&self) -> Value {
        let entry = |(name, file): (&String, &File)| json!({"file": name, "sha": file.sha, "size": file.size, "mode": file.mode});
        self.all.iter().map(entry).collect()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    /// The content with this SHA-1.
    ///
    /// # Errors
    /// Where there is none, it cannot be read, or it is not what it was.
    pub(super) fn content(&self, sha: &str) -> Result<Vec<u8>, String> {
        let found = self.all.iter().find(|(_, file)| file.sha == sha);
        let (name, file) = found.ok_or("Vercel asks for a file that was not offered")?;
        match &file.content {
            Content::Archive(range) => Ok(self.archive[range.clone()].to_vec()),
            Content::Text(text) => Ok(text.clone().into_bytes()),
            Content::Disk(path) => {
                let bytes = std::fs::read(path).map_err(|error| format!("{name}: {error}"))?;
                match hex(&Sha1::digest(&bytes)) == file.sha {
                    true => Ok(bytes),
                    false => Err(format!("{name} was changed meanwhile")),
                }
            }
        }
    }
}

impl File {
    fn link(target: String) -> Self {
        Self {
            sha: hex(&Sha1::digest(&target)),
            size: target.len() as u64,
            mode: 0o120_777,
            content: Content::Text(target),
        }
    }

    fn on_disk(path: &Path) -> Result<Self, String> {
        use std::os::unix::fs::MetadataExt as _;
        let broken = |error: std::io::Error| format!("{}: {error}", path.display());
        let about = path.symlink_metadata().map_err(broken)?;
        if about.is_symlink() {
            let target = std::fs::read_link(path).map_err(broken)?;
            return Ok(Self::link(target.to_string_lossy().into_owned()));
        }
        let mut file = std::fs::File::open(path).map_err(broken)?;
        let mut digest = Sha1::new();
        let size = std::io::copy(&mut file, &mut digest).map_err(broken)?;
        Ok(Self {
            sha: hex(&digest.finalize()),
            size,
            mode: about.mode(),
            content: Content::Disk(path.to_owned()),
        })
    }
}

/// Everything below a folder that is no folder; links are not followed.
fn below(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let broken = |error: std::io::Error| format!("{}: {error}", folder.display());
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).map_err(broken)? {
            let entry = entry.map_err(broken)?;
            match entry.file_type().map_err(broken)?.is_dir() {
                true => open.push(entry.path()),
                false => found.push(entry.path()),
            }
        }
    }
    Ok(found)
}

/// The files that a function needs beside its own, from the folder that is deployed.
fn needs(config: &Path) -> Result<Vec<String>, String> {
    let broken = |error: &dyn std::fmt::Display| format!("{}: {error}", config.display());
    let text = std::fs::read(config).map_err(|error| broken(&error))?;
    let function: Function = serde_json::from_slice(&text).map_err(|error| broken(&error))?;
    // What is outside of the folder is not uploaded, as Vercel's own program does it.
    let is_inside = |path: &String| {
        let mut parts = Path::new(path).components();
        parts.all(|part| matches!(part, Component::Normal(_)))
    };
    let all = function.file_path_map.into_values();
    Ok(all.filter(is_inside).collect())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(files: &Files) -> Vec<(String, u64, u64)> {
        let list = files.list();
        let list = list.as_array().expect("a list").iter();
        list.map(|one| {
            (
                one["file"].as_str().expect("a name").to_owned(),
                one["size"].as_u64().expect("a size"),
                one["mode"].as_u64().expect("a mode"),
            )
        })
        .collect()
    }

    #[test]
    fn a_commit_is_listed_with_modes_and_links() {
        let mut builder = tar::Builder::new(Vec::new());
        let mut add = |name: &str, mode: u32, text: &str| {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(mode);
            header.set_cksum();
            builder
                .append_data(&mut header, name, text.as_bytes())
                .expect("added");
        };
        let long = format!("{}/page.js", "deep".repeat(40));
        add("a.txt", 0o664, "hello\n");
        add("run.sh", 0o775, "#!/bin/sh\n");
        add(&long, 0o664, "");
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_cksum();
        builder
            .append_link(&mut header, "link", "a.txt")
            .expect("added");
        let files = Files::of_commit(builder.into_inner().expect("done")).expect("read");
        assert_eq!(
            named(&files),
            [
                ("a.txt".to_owned(), 6, 0o100_644),
                (long, 0, 0o100_644),
                ("link".to_owned(), 5, 0o120_777),
                ("run.sh".to_owned(), 10, 0o100_755),
            ]
        );
        // As `sha1sum` says it.
        let sha = "f572d396fae9206628714fb2ce00f72e94f2258f";
        assert_eq!(files.list()[0]["sha"], sha);
        assert_eq!(files.content(sha).expect("there"), b"hello\n");
        files.content("0").expect_err("nobody has it");
    }

    #[test]
    fn a_build_is_whole_or_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
        };
        let made = || Files::of_build(folder.path(), "production");
        assert!(made().expect_err("nothing").contains("`vercel build`"));
        put(".vercel/output/config.json", "{\"version\": 3}");
        put(".vercel/output/builds.json", "{\"target\": \"preview\"}");
        let wrong = made().expect_err("for another");
        assert!(wrong.contains("was made for preview"), "{wrong}");
        put(".vercel/output/builds.json", "{\"target\": \"production\"}");
        put(".vercel/output/static/.well-known/a.txt", "a");
        put("node_modules/next/index.js", "next");
        put("secret.txt", "not asked for");
        put(
            ".vercel/output/functions/index.func/.vc-config.json",
            "{\"runtime\": \"nodejs22.x\", \"filePathMap\": {\"a\": \"node_modules/next/index.js\", \"b\": \"../outside\"}}",
        );
        let files = made().expect("whole");
        let names: Vec<String> = named(&files).into_iter().map(|(name, ..)| name).collect();
        assert_eq!(
            names,
            [
                ".vercel/output/builds.json",
                ".vercel/output/config.json",
                ".vercel/output/functions/index.func/.vc-config.json",
                ".vercel/output/static/.well-known/a.txt",
                "node_modules/next/index.js",
            ]
        );
        let sha = files.list()[3]["sha"].as_str().expect("a hash").to_owned();
        put(".vercel/output/static/.well-known/a.txt", "b");
        let changed = files.content(&sha).expect_err("not what it was");
        assert!(changed.contains("was changed"), "{changed}");
    }
}

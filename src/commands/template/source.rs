//! Where templates of one's own come from: a folder, or a folder of another
//! repository at a commit. They are text: nothing of them is executed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use crate::config::model::TemplateSource;
use crate::context::Context;
use crate::error::Failure;
use crate::sys::env::GIT_VARIABLES;
use crate::sys::process::{Finished, Program};

/// No template needs more.
const MAX_FILES: usize = 200;
const MAX_BYTES: u64 = 1024 * 1024;

/// How long another repository is waited for.
const FETCH_LIMIT: Duration = Duration::from_secs(120);

/// A folder with templates.
pub struct Source {
    /// How people call it.
    pub name: String,
    place: Place,
}

enum Place {
    Folder(PathBuf),
    Git {
        address: String,
        commit: String,
        folder: String,
    },
}

impl Source {
    /// One of the configuration of the repository at `root`.
    ///
    /// # Errors
    /// Where it is no address.
    pub fn configured(root: &Path, source: &TemplateSource) -> Result<Self> {
        match source {
            TemplateSource::Folder(folder) => Ok(Self {
                name: folder.trim_end_matches('/').to_owned(),
                place: Place::Folder(root.join(folder)),
            }),
            TemplateSource::Git(source) => Self::git(
                &source.git,
                &source.commit,
                source.path.as_deref().unwrap_or_default(),
            ),
        }
    }

    /// One of the command line: a folder, or `git+ADDRESS@COMMIT#FOLDER`.
    ///
    /// # Errors
    /// Where it is neither.
    pub fn given(text: &str) -> Result<Self> {
        let Some(rest) = text.strip_prefix("git+") else {
            return Ok(Self {
                name: text.trim_end_matches('/').to_owned(),
                place: Place::Folder(PathBuf::from(text)),
            });
        };
        let (rest, folder) = rest.split_once('#').unwrap_or((rest, ""));
        let Some((address, commit)) = rest.rsplit_once('@') else {
            return Err(Failure::usage(format!("`{text}` names no commit"))
                .hint("write git+ADDRESS@COMMIT, and #FOLDER behind it where the templates are not at the root")
                .into());
        };
        Self::git(address, commit, folder)
    }

    fn git(address: &str, commit: &str, folder: &str) -> Result<Self> {
        let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_commit {
            return Err(Failure::usage(format!("`{commit}` is no full commit id"))
                .hint(format!(
                    "a branch or a tag may change: `git ls-remote {address}` shows the commit of 40 digits that it names now"
                ))
                .into());
        }
        if !is_address(address) {
            return Err(Failure::usage(format!("`{address}` is no address of a repository"))
                .hint("write https://…, ssh://…, git@HOST:PATH or file:///…, without a password in it")
                .into());
        }
        let folder = folder.trim_matches('/');
        if folder.split('/').any(|part| part == "..") || folder.contains(['\0', '\n']) {
            return Err(Failure::usage(format!("`{folder}` is no folder of a repository")).into());
        }
        let shown = if folder.is_empty() {
            format!("{address}@{}", &commit[..12])
        } else {
            format!("{address}@{}/{folder}", &commit[..12])
        };
        Ok(Self {
            name: shown,
            place: Place::Git {
                address: address.to_owned(),
                commit: commit.to_ascii_lowercase(),
                folder: folder.to_owned(),
            },
        })
    }

    /// The texts in it, by their paths: `NAME/template.toml`, `NAME/template.yml`
    /// and `partials/*.yml`.
    ///
    /// # Errors
    /// Where it cannot be read, or holds what no folder of templates does.
    pub fn read(&self, context: &Context) -> Result<BTreeMap<String, String>> {
        let files = match &self.place {
            Place::Folder(folder) => read_folder(folder)?,
            Place::Git {
                address,
                commit,
                folder,
            } => {
                let repository = fetched(address, commit, context)?;
                read_commit(&repository, commit, folder, context)?
            }
        };
        let mut texts = BTreeMap::new();
        for (path, bytes) in files {
            let text = String::from_utf8(bytes)
                .map_err(|_| Failure::failed(format!("{}/{path} is not UTF-8", self.name)))?;
            texts.insert(path, text);
        }
        Ok(texts)
    }
}

/// What is read of a folder of templates.
fn is_wanted(path: &str) -> bool {
    let mut parts = path.split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("partials"), Some(file), None) => file.ends_with(".yml"),
        (Some(_), Some(file), None) => matches!(file, "template.toml" | "template.yml"),
        _ => false,
    }
}

fn is_address(address: &str) -> bool {
    let is_plain = address.bytes().all(|byte| byte.is_ascii_graphic());
    let host = |rest: &str| rest.split('/').next().unwrap_or_default().to_owned();
    let is_known = if let Some(rest) = address.strip_prefix("https://") {
        !host(rest).contains('@') && !host(rest).is_empty()
    } else if let Some(rest) = address.strip_prefix("http://") {
        // For tests on this machine alone: nothing proves what comes over it.
        let host = host(rest);
        ["127.0.0.1", "localhost", "[::1]"]
            .iter()
            .any(|local| host == *local || host.starts_with(&format!("{local}:")))
    } else if let Some(rest) = address.strip_prefix("ssh://") {
        !host(rest).contains(':') || !host(rest).contains('@')
    } else {
        address.starts_with("file:///")
            || (address.starts_with("git@")
                && address.contains(':')
                && !address.starts_with("git@-"))
    };
    is_plain && is_known
}

fn read_folder(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let unreadable = |path: &Path, error: &std::io::Error| {
        Failure::usage(format!("cannot read {}: {error}", path.display())).hint(
            "`--templates` and `generate.templates` name a folder with a folder for each template",
        )
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        // A link may lead out of the folder.
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let inner = entry.path();
        for file in fs::read_dir(&inner).map_err(|error| unreadable(&inner, &error))? {
            let file = file.map_err(|error| unreadable(&inner, &error))?;
            let Ok(file_name) = file.file_name().into_string() else {
                continue;
            };
            let path = format!("{name}/{file_name}");
            if !is_wanted(&path) {
                continue;
            }
            let metadata = file
                .path()
                .symlink_metadata()
                .map_err(|error| unreadable(&file.path(), &error))?;
            if !metadata.is_file() {
                let message = format!("{} is not a regular file", file.path().display());
                return Err(Failure::usage(message).into());
            }
            check_size(&path, metadata.len(), found.len())?;
            let bytes = fs::read(file.path()).map_err(|error| unreadable(&file.path(), &error))?;
            found.push((path, bytes));
        }
    }
    Ok(found)
}

fn check_size(path: &str, bytes: u64, count: usize) -> Result<()> {
    if bytes > MAX_BYTES {
        return Err(
            Failure::usage(format!("{path} is larger than a template may be (1 MiB)")).into(),
        );
    }
    if count >= MAX_FILES {
        return Err(Failure::usage(format!(
            "there are more than {MAX_FILES} files of templates"
        ))
        .into());
    }
    Ok(())
}

/// A bare repository that has the commit. What was fetched once is not asked
/// for again: a commit id says what it is.
fn fetched(address: &str, commit: &str, context: &Context) -> Result<PathBuf> {
    let cache = cache(context)?;
    let repository = cache.join(format!("{commit}.git"));
    if has_commit(&repository, commit, context) {
        return Ok(repository);
    }
    fs::create_dir_all(&cache).map_err(|error| {
        Failure::failed(format!("cannot create {}: {error}", cache.display()))
            .hint("XDG_CACHE_HOME says where the cache lies")
    })?;
    let fresh = cache.join(format!("{commit}.{}.part", std::process::id()));
    let _ = fs::remove_dir_all(&fresh);
    let answer = fetch_into(&fresh, address, commit, context).and_then(|()| {
        if !has_commit(&fresh, commit, context) {
            return Err(
                Failure::failed(format!("{address} gave another commit than {commit}")).into(),
            );
        }
        // Another run may have been faster: then its copy is as good.
        match fs::rename(&fresh, &repository) {
            Err(error) if !has_commit(&repository, commit, context) => Err(Failure::failed(
                format!("cannot keep {}: {error}", repository.display()),
            )
            .into()),
            _ => Ok(()),
        }
    });
    let _ = fs::remove_dir_all(&fresh);
    answer.map(|()| repository)
}

fn fetch_into(folder: &Path, address: &str, commit: &str, context: &Context) -> Result<()> {
    let path = folder.display().to_string();
    run(git(context).arguments(["init", "--quiet", "--bare", &path]))?;
    let done = git(context)
        .folder(folder)
        .time_limit(FETCH_LIMIT)
        .arguments(["fetch", "--quiet", "--depth=1", "--no-tags"])
        .arguments(["--no-recurse-submodules", "--no-write-fetch-head", "--"])
        .arguments([address, commit])
        .run()
        .map_err(|error| Failure::failed(error.to_string()))?;
    if done.code == Some(0) {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "cannot fetch {commit} from {address}: {}",
        said(&done)
    ))
    .hint("the commit must be there, and git must be able to read the repository without asking")
    .into())
}

fn has_commit(repository: &Path, commit: &str, context: &Context) -> bool {
    if !repository.join("HEAD").is_file() {
        return false;
    }
    let object = format!("{commit}^{{commit}}");
    let done = git(context)
        .folder(repository)
        .arguments(["rev-parse", "--verify", "--quiet", &object])
        .run();
    done.is_ok_and(|done| {
        done.code == Some(0) && String::from_utf8_lossy(&done.stdout).trim() == commit
    })
}

fn read_commit(
    repository: &Path,
    commit: &str,
    folder: &str,
    context: &Context,
) -> Result<Vec<(String, Vec<u8>)>> {
    let tree = format!("{commit}:{folder}");
    let list = ["ls-tree", "-r", "-z", "--long", &tree];
    let listed = run(git(context).folder(repository).arguments(list)).map_err(|error| {
        Failure::failed(format!(
            "there is no folder `{folder}` in {commit}: {error}"
        ))
    })?;
    let mut found = Vec::new();
    for entry in String::from_utf8_lossy(&listed.stdout).split('\0') {
        let Some((head, path)) = entry.split_once('\t') else {
            continue;
        };
        let words: Vec<&str> = head.split_whitespace().collect();
        let [mode, "blob", object, size] = words[..] else {
            continue;
        };
        // 120000 is a link.
        if !mode.starts_with("100") || !is_wanted(path) {
            continue;
        }
        check_size(path, size.parse().unwrap_or(u64::MAX), found.len())?;
        let blob = run(git(context)
            .folder(repository)
            .arguments(["cat-file", "blob", object]))?;
        found.push((path.to_owned(), blob.stdout));
    }
    Ok(found)
}

/// git, as its user has set it up to reach repositories, but without a question,
/// and by protocols that run nothing on this machine.
fn git(context: &Context) -> Program {
    Program::new("git")
        .inherit(&context.env, &GIT_VARIABLES)
        .variable("GIT_TERMINAL_PROMPT", "0")
        .variable("GIT_ASKPASS", "true")
        .variable("GIT_ALLOW_PROTOCOL", "https:http:ssh:file")
        .variable("GIT_NO_LAZY_FETCH", "1")
        .variable("LC_ALL", "C")
        .arguments(["-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0"])
}

fn run(program: Program) -> Result<Finished> {
    let done = program
        .run()
        .map_err(|error| Failure::failed(error.to_string()))?;
    if done.code != Some(0) {
        return Err(Failure::failed(format!("git: {}", said(&done))).into());
    }
    Ok(done)
}

fn said(done: &Finished) -> String {
    let text = String::from_utf8_lossy(&done.stderr);
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.unwrap_or("it said nothing").trim().to_owned()
}

fn cache(context: &Context) -> Result<PathBuf> {
    let base = context
        .env
        .path("XDG_CACHE_HOME")
        .or_else(|| Some(context.env.path("HOME")?.join(".cache")))
        .filter(|path| path.is_absolute())
        .ok_or_else(|| {
            Failure::usage("there is no place for a cache: neither XDG_CACHE_HOME nor HOME is set")
        })?;
    Ok(base.join("ci-tool/templates"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn addresses_are_those_that_run_nothing_and_hold_no_password() {
        for (address, good) in [
            ("https://github.com/o/r", true),
            ("https://user:secret@github.com/o/r", false),
            ("http://example.com/r", false),
            ("http://127.0.0.1:8080/r", true),
            ("http://127.0.0.1.example.com/r", false),
            ("ssh://git@example.com/r", true),
            ("ssh://git:secret@example.com/r", false),
            ("git@github.com:o/r.git", true),
            ("git@-oProxyCommand=x:r", false),
            ("file:///srv/r.git", true),
            ("ext::sh -c x", false),
            ("--upload-pack=x", false),
            ("/srv/r.git", false),
        ] {
            assert_eq!(is_address(address), good, "{address}");
        }
    }

    #[test]
    fn a_branch_is_no_commit() {
        assert!(Source::given(&format!("git+https://example.com/r@{COMMIT}#a/b")).is_ok());
        for text in [
            "git+https://example.com/r@main",
            "git+https://example.com/r",
            &format!("git+https://example.com/r@{COMMIT}#../x"),
        ] {
            assert!(Source::given(text).is_err(), "{text}");
        }
    }
}

//! The files of a repository: found once, read at most once, never executed.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ignore::{WalkBuilder, WalkState};

use super::document::{self, Node, Syntax};
use super::model::Warning;
use super::path;

/// Larger files are not read: no manifest comes near this size.
pub const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// Folders whose contents others wrote or machines made, whether or not
/// `.gitignore` names them.
const NOT_OURS: [&str; 24] = [
    ".git",
    ".hg",
    ".svn",
    "node_modules",
    "bower_components",
    "jspm_packages",
    ".venv",
    "venv",
    "site-packages",
    "__pycache__",
    ".tox",
    ".nox",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    "vendor",
    "third_party",
    "Pods",
    ".next",
    ".nuxt",
    ".svelte-kit",
    ".terraform",
    ".history",
    ".yarn",
];

/// The repository's folder could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// The path does not exist or is not a folder.
    #[error("{path} is not a folder", path = .0.display())]
    NotAFolder(PathBuf),
    /// A glob of what to ignore cannot be parsed.
    #[error("`{glob}` in `detect.ignore` is no glob: {why}")]
    Glob {
        /// The glob.
        glob: String,
        /// Why.
        why: String,
    },
    /// The folder exists and cannot be listed.
    #[error("cannot list {path}", path = .path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The files of a repository that are its own, sorted by path.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    files: Vec<String>,
    /// Indices into `files` by file name.
    by_name: HashMap<String, Vec<usize>>,
    /// Indices into `files` by folder.
    by_folder: OnceLock<HashMap<String, Vec<usize>>>,
    texts: Mutex<HashMap<String, Option<Arc<str>>>>,
    documents: Mutex<HashMap<String, Option<Arc<Node>>>>,
    warnings: Mutex<Vec<Warning>>,
}

impl Tree {
    /// Lists the files below `root` that git would not ignore and that are not
    /// vendored. Symbolic links are not followed.
    ///
    /// # Errors
    /// Where `root` itself cannot be listed. A folder further down that cannot
    /// be listed is a warning.
    pub fn walk(root: &Path) -> Result<Self, TreeError> {
        Self::walk_ignoring(root, &[])
    }

    /// [`Tree::walk`] without the folders and files that match one of `globs`,
    /// which are relative to `root`.
    ///
    /// # Errors
    /// As [`Tree::walk`], and for a glob that cannot be parsed.
    pub fn walk_ignoring(root: &Path, globs: &[String]) -> Result<Self, TreeError> {
        let mut ignored = globset::GlobSetBuilder::new();
        for glob in globs {
            let parsed = globset::GlobBuilder::new(glob.trim_end_matches('/'))
                .literal_separator(true)
                .build()
                .map_err(|error| TreeError::Glob {
                    glob: glob.clone(),
                    why: error.kind().to_string(),
                })?;
            ignored.add(parsed);
        }
        let ignored = ignored.build().map_err(|error| TreeError::Glob {
            glob: globs.join(", "),
            why: error.to_string(),
        })?;
        let base = root.to_owned();
        if !root.is_dir() {
            return Err(TreeError::NotAFolder(root.to_owned()));
        }
        if let Err(source) = fs::read_dir(root) {
            return Err(TreeError::Unreadable {
                path: root.to_owned(),
                source,
            });
        }
        let found: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let warnings: Mutex<Vec<Warning>> = Mutex::new(Vec::new());
        WalkBuilder::new(root)
            .hidden(false)
            .follow_links(false)
            .require_git(false)
            .git_global(false)
            .parents(false)
            .threads(2)
            .filter_entry(move |entry| {
                let is_ignored = !ignored.is_empty()
                    && relative(&base, entry.path()).is_some_and(|path| ignored.is_match(path));
                let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
                let is_not_ours = is_folder
                    && entry
                        .file_name()
                        .to_str()
                        .is_some_and(|name| NOT_OURS.contains(&name));
                !is_ignored && !is_not_ours
            })
            .build_parallel()
            .run(|| {
                let mut batch = Batch {
                    files: Vec::new(),
                    into: &found,
                };
                let warnings = &warnings;
                Box::new(move |entry| {
                    match entry {
                        Ok(entry) => {
                            let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
                            let is_link = entry.file_type().is_some_and(|kind| kind.is_symlink());
                            let link = is_link.then(|| Link::of(root, entry.path()));
                            if is_file || is_link && link != Some(Link::ToFolder) {
                                match relative(root, entry.path()) {
                                    Some(path) if is_file || link == Some(Link::ToFile) => {
                                        batch.files.push(path);
                                    }
                                    Some(path) => lock(warnings).push(Warning {
                                        path,
                                        line: 1,
                                        message: "symbolic link that leaves the repository or \
                                                  leads nowhere: not followed"
                                            .to_owned(),
                                    }),
                                    None => lock(warnings).push(Warning {
                                        path: entry.path().to_string_lossy().into_owned(),
                                        line: 1,
                                        message: "the file's name is not UTF-8: left out"
                                            .to_owned(),
                                    }),
                                }
                            }
                        }
                        Err(error) => lock(warnings).push(walk_warning(root, &error)),
                    }
                    WalkState::Continue
                })
            });
        let mut files = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        files.sort_unstable();
        Ok(Self {
            root: root.to_owned(),
            by_name: by_name(&files),
            files,
            by_folder: OnceLock::new(),
            texts: Mutex::default(),
            documents: Mutex::default(),
            warnings,
        })
    }

    /// The tree as it would be with other texts in some files; `None` takes a file away.
    /// What was read already is not read again.
    #[must_use]
    pub fn with(&self, changes: &BTreeMap<String, Option<String>>) -> Self {
        let mut files: Vec<String> = self.files.clone();
        files.retain(|file| changes.get(file).is_none_or(Option::is_some));
        for (path, text) in changes {
            if text.is_some() && !self.contains(path) {
                files.push(path.clone());
            }
        }
        files.sort_unstable();
        let mut texts = lock(&self.texts).clone();
        let mut documents = lock(&self.documents).clone();
        for (path, text) in changes {
            documents.remove(path);
            texts.insert(path.clone(), text.as_deref().map(Arc::from));
        }
        Self {
            root: self.root.clone(),
            by_name: by_name(&files),
            files,
            by_folder: OnceLock::new(),
            texts: Mutex::new(texts),
            documents: Mutex::new(documents),
            warnings: Mutex::default(),
        }
    }

    /// The repository's folder on disk.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All files, sorted.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// All files of this name, sorted by path.
    pub fn named<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.by_name
            .get(name)
            .into_iter()
            .flatten()
            .map(|at| self.files[*at].as_str())
    }

    /// All files in `folder` and below, sorted.
    pub fn under<'a>(&'a self, folder: &str) -> impl Iterator<Item = &'a str> {
        let prefix = if folder == "." {
            String::new()
        } else {
            format!("{folder}/")
        };
        let start = self
            .files
            .partition_point(|file| file.as_str() < prefix.as_str());
        self.files[start..]
            .iter()
            .map(String::as_str)
            .take_while(move |file| file.starts_with(&prefix))
    }

    /// The files directly in `folder`, sorted.
    pub fn directly_in<'a>(&'a self, folder: &str) -> impl Iterator<Item = &'a str> {
        // Made when first asked for: most runs ask for a few folders, again and again.
        let by_folder = self.by_folder.get_or_init(|| {
            let mut by_folder: HashMap<String, Vec<usize>> = HashMap::new();
            for (at, file) in self.files.iter().enumerate() {
                let folder = path::parent(file);
                match by_folder.get_mut(folder) {
                    Some(known) => known.push(at),
                    None => {
                        by_folder.insert(folder.to_owned(), vec![at]);
                    }
                }
            }
            by_folder
        });
        by_folder
            .get(folder)
            .into_iter()
            .flatten()
            .map(|at| self.files[*at].as_str())
    }

    /// Whether there is a file at this path.
    pub fn contains(&self, path: &str) -> bool {
        self.files
            .binary_search_by(|file| file.as_str().cmp(path))
            .is_ok()
    }

    /// Whether there is a file in or below this folder.
    pub fn has_folder(&self, folder: &str) -> bool {
        self.under(folder).next().is_some()
    }

    /// The first of `names` that lies directly in `folder`, as a path.
    pub fn first_in(&self, folder: &str, names: &[&str]) -> Option<String> {
        names
            .iter()
            .map(|name| path::join(folder, name))
            .find(|path| self.contains(path))
    }

    /// The nearest file of this name in `folder` or above it.
    pub fn nearest(&self, folder: &str, name: &str) -> Option<String> {
        path::ancestors(folder)
            .map(|folder| path::join(folder, name))
            .find(|path| self.contains(path))
    }

    /// The text of a file. `None` where it does not exist, or cannot be read as
    /// text: then a warning says why.
    pub fn text(&self, path: &str) -> Option<Arc<str>> {
        if !self.contains(path) {
            return None;
        }
        if let Some(known) = lock(&self.texts).get(path) {
            return known.clone();
        }
        let text = match read_text(&self.root.join(path)) {
            Ok(text) => Some(Arc::from(text)),
            Err(message) => {
                self.warn(path, 1, message);
                None
            }
        };
        lock(&self.texts).insert(path.to_owned(), text.clone());
        text
    }

    /// A file's text as JSON, TOML or YAML. `None` where it does not exist or is
    /// broken: then a warning says where.
    pub fn document(&self, path: &str, syntax: Syntax) -> Option<Arc<Node>> {
        if let Some(known) = lock(&self.documents).get(path) {
            return known.clone();
        }
        let text = self.text(path)?;
        let node = match document::parse(&text, syntax) {
            Ok(node) => Some(Arc::new(node)),
            Err(error) => {
                self.warn(
                    path,
                    error.line,
                    format!(
                        "cannot be parsed: {} (column {})",
                        error.message, error.column
                    ),
                );
                None
            }
        };
        lock(&self.documents).insert(path.to_owned(), node.clone());
        node
    }

    /// JSON, by [`Tree::document`].
    pub fn json(&self, path: &str) -> Option<Arc<Node>> {
        self.document(path, Syntax::Json)
    }

    /// TOML, by [`Tree::document`].
    pub fn toml(&self, path: &str) -> Option<Arc<Node>> {
        self.document(path, Syntax::Toml)
    }

    /// YAML, by [`Tree::document`].
    pub fn yaml(&self, path: &str) -> Option<Arc<Node>> {
        self.document(path, Syntax::Yaml)
    }

    /// The first line of a file that holds `needle`, counted from 1.
    pub fn line_with(&self, path: &str, needle: &str) -> Option<usize> {
        self.text(path)?
            .lines()
            .position(|line| line.contains(needle))
            .map(|at| at + 1)
    }

    /// Records something that could not be understood.
    pub fn warn(&self, path: &str, line: usize, message: impl Into<String>) {
        lock(&self.warnings).push(Warning {
            path: path.to_owned(),
            line,
            message: message.into(),
        });
    }

    /// What could not be read, sorted and without repetition.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = lock(&self.warnings).clone();
        warnings.sort();
        warnings.dedup();
        warnings
    }
}

/// One walker thread's finds, handed over when the thread ends.
struct Batch<'a> {
    files: Vec<String>,
    into: &'a Mutex<Vec<String>>,
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        lock(self.into).append(&mut self.files);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn relative(root: &Path, file: &Path) -> Option<String> {
    let relative = file.strip_prefix(root).ok()?.to_str()?;
    Some(if cfg!(windows) {
        relative.replace('\\', "/")
    } else {
        relative.to_owned()
    })
}

/// Where a symbolic link leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// To a file of the repository.
    ToFile,
    /// To a folder of the repository, whose files are listed where they really are.
    ToFolder,
    /// Out of the repository, or nowhere.
    Away,
}

impl Link {
    fn of(root: &Path, link: &Path) -> Self {
        match (root.canonicalize(), link.canonicalize()) {
            (Ok(root), Ok(target)) if target.starts_with(&root) => {
                if target.is_dir() {
                    Self::ToFolder
                } else {
                    Self::ToFile
                }
            }
            _ => Self::Away,
        }
    }
}

fn walk_warning(root: &Path, error: &ignore::Error) -> Warning {
    let mut place = ".".to_owned();
    let mut inner = error;
    loop {
        match inner {
            ignore::Error::WithPath { path, err } => {
                place = relative(root, path).unwrap_or_else(|| path.display().to_string());
                inner = err;
            }
            ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
                inner = err;
            }
            _ => break,
        }
    }
    Warning {
        path: place,
        line: 1,
        message: format!("cannot be listed: {inner}"),
    }
}

fn by_name(files: &[String]) -> HashMap<String, Vec<usize>> {
    let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, file) in files.iter().enumerate() {
        let name = path::name(file);
        match by_name.get_mut(name) {
            Some(known) => known.push(at),
            None => {
                by_name.insert(name.to_owned(), vec![at]);
            }
        }
    }
    by_name
}

fn read_text(file: &Path) -> Result<String, String> {
    let handle = fs::File::open(file).map_err(|error| format!("cannot be read: {error}"))?;
    let metadata = handle
        .metadata()
        .map_err(|error| format!("cannot be read: {error}"))?;
    if !metadata.is_file() {
        return Err("is not a regular file: not read".to_owned());
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(format!(
            "is {} MiB large: files over {} MiB are not read",
            metadata.len() / (1024 * 1024),
            MAX_FILE_BYTES / (1024 * 1024)
        ));
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    handle
        .take(MAX_FILE_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot be read: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        format!(
            "is not UTF-8 (byte {}): not read",
            error.utf8_error().valid_up_to() + 1
        )
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(text) => text.to_owned(),
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Tree) {
        let folder = tempfile::tempdir().expect("temporary folder");
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("it has a parent")).expect("created");
            fs::write(path, text).expect("written");
        }
        let tree = Tree::walk(folder.path()).expect("walked");
        (folder, tree)
    }

    #[test]
    fn lists_what_is_the_projects_own() {
        let (_folder, tree) = tree(&[
            (".gitignore", "build/\n"),
            ("a/package.json", "{}"),
            ("b/package.json", "{}"),
            ("build/package.json", "{}"),
            ("a/node_modules/x/package.json", "{}"),
            (".github/workflows/ci.yml", "on: push"),
        ]);
        assert_eq!(
            tree.named("package.json").collect::<Vec<_>>(),
            ["a/package.json", "b/package.json"]
        );
        assert!(tree.contains(".github/workflows/ci.yml"));
        assert_eq!(tree.under("a").count(), 1);
        assert_eq!(
            tree.nearest("a/x", "package.json").as_deref(),
            Some("a/package.json")
        );
    }

    #[test]
    fn ignores_what_it_is_told_to() {
        let (folder, _) = tree(&[("a/x.txt", ""), ("old/b/x.txt", ""), ("c/old/x.txt", "")]);
        let tree = Tree::walk_ignoring(folder.path(), &["old".to_owned()]).expect("walked");
        assert_eq!(tree.files(), ["a/x.txt", "c/old/x.txt"]);
        let tree = Tree::walk_ignoring(folder.path(), &["**/old/".to_owned()]).expect("walked");
        assert_eq!(tree.files(), ["a/x.txt"]);
        let error = Tree::walk_ignoring(folder.path(), &["a[".to_owned()]).expect_err("no glob");
        assert!(error.to_string().contains("`a[`"), "{error}");
    }

    #[test]
    fn what_cannot_be_read_is_a_named_warning() {
        let (folder, _) = tree(&[("bad.json", "{\n  \"a\": ,\n}")]);
        fs::write(folder.path().join("latin.txt"), b"caf\xe9").expect("written");
        fs::File::create(folder.path().join("huge.json"))
            .and_then(|file| file.set_len(1 << 30))
            .expect("created");
        let tree = Tree::walk(folder.path()).expect("walked");
        assert!(tree.json("bad.json").is_none());
        assert!(tree.text("latin.txt").is_none());
        assert!(tree.json("huge.json").is_none());
        let warnings = tree.warnings();
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert_eq!(
            (warnings[0].path.as_str(), warnings[0].line),
            ("bad.json", 2)
        );
        assert!(warnings[1].message.contains("1024 MiB"), "{warnings:?}");
        assert!(
            warnings[2].message.contains("not UTF-8 (byte 4)"),
            "{warnings:?}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_that_leave_the_repository_are_not_followed() {
        let (folder, _) = tree(&[("in.txt", "x")]);
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("out.txt")).expect("linked");
        std::os::unix::fs::symlink("in.txt", folder.path().join("inner.txt")).expect("linked");
        let tree = Tree::walk(folder.path()).expect("walked");
        assert!(!tree.contains("out.txt"));
        assert!(tree.contains("inner.txt"));
        assert!(tree.warnings()[0].message.contains("leaves the repository"));
    }
}

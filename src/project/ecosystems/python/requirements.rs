//! Dependencies: PEP 508 names and requirement files with what they include.

use std::collections::BTreeSet;

use crate::project::Tree;
use crate::project::model::Evidence;
use crate::project::path;

/// A dependency on a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dependency {
    /// The normalised name: `Foo_Bar` is `foo-bar`.
    pub(super) name: String,
    /// What stands behind the name: extras, versions, markers.
    pub(super) specifier: String,
    /// Where it is declared.
    pub(super) evidence: Evidence,
}

impl Dependency {
    /// Reads `name[extra]>=1; marker`. `None` for anything else.
    pub(super) fn parse(text: &str, evidence: Evidence) -> Option<Self> {
        let text = text.trim();
        let end = text
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
            .unwrap_or(text.len());
        let name = &text[..end];
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        let rest = text[end..].trim_start();
        // `./local`, URLs and options are no names.
        let goes_on_well = rest.is_empty()
            || rest.starts_with(['[', '=', '<', '>', '!', '~', ';', '@', '(', ',', '#', '^']);
        (starts_well && goes_on_well).then(|| Self {
            name: normalise(name),
            specifier: rest.to_owned(),
            evidence,
        })
    }
}

/// PEP 503.
pub(super) fn normalise(name: &str) -> String {
    let mut text = name.to_ascii_lowercase().replace(['_', '.'], "-");
    while text.contains("--") {
        text = text.replace("--", "-");
    }
    text
}

/// A requirement file with everything that it includes.
#[derive(Debug, Default)]
pub(super) struct Requirements {
    /// The dependencies, in order.
    pub(super) dependencies: Vec<Dependency>,
    /// The files that were read, this one first.
    pub(super) files: Vec<String>,
    /// Whether it installs the project itself (`-e .`).
    pub(super) installs_project: bool,
}

/// Reads `file` and what it includes by `-r`; constraints (`-c`) declare nothing.
pub(super) fn read(tree: &Tree, file: &str) -> Requirements {
    let mut requirements = Requirements::default();
    let mut seen = BTreeSet::new();
    read_into(tree, file, &mut requirements, &mut seen);
    requirements
}

fn read_into(tree: &Tree, file: &str, into: &mut Requirements, seen: &mut BTreeSet<String>) {
    if !seen.insert(file.to_owned()) {
        return;
    }
    let Some(text) = tree.text(file) else { return };
    into.files.push(file.to_owned());
    let mut continued = false;
    for (at, line) in text.lines().enumerate() {
        let is_continuation = continued;
        continued = line.trim_end().ends_with('\\');
        // A comment starts at the line's start or behind a space.
        let line = line.split(" #").next().unwrap_or_default().trim();
        if is_continuation || line.is_empty() || line.starts_with('#') {
            continue;
        }
        let included = ["--requirement", "-r"]
            .iter()
            .find_map(|flag| line.strip_prefix(flag))
            .map(|rest| rest.trim_start_matches(['=', ' ']).trim());
        if let Some(included) = included {
            read_into(tree, &path::join(path::parent(file), included), into, seen);
        } else if let Some(editable) = line
            .strip_prefix("-e ")
            .or_else(|| line.strip_prefix("--editable "))
        {
            let target = editable.trim().split('[').next().unwrap_or_default();
            into.installs_project |= matches!(target, "." | "./" | "file:.");
        } else if !line.starts_with('-')
            && let Some(dependency) =
                Dependency::parse(line.trim_end_matches('\\'), Evidence::new(file, at + 1))
        {
            into.dependencies.push(dependency);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::testing::tree;

    fn parse(text: &str) -> Option<String> {
        Dependency::parse(text, Evidence::new("x", 1)).map(|found| found.name)
    }

    #[test]
    fn names_are_normalised_and_others_refused() {
        assert_eq!(
            parse("Foo_Bar[x]>=1 ; python_version<'3'").as_deref(),
            Some("foo-bar")
        );
        assert_eq!(parse("psycopg[binary]==3.2").as_deref(), Some("psycopg"));
        assert_eq!(parse("pkg @ https://x/y.whl").as_deref(), Some("pkg"));
        assert_eq!(parse("https://x/y.whl"), None);
        assert_eq!(parse("./local"), None);
        assert_eq!(parse("--index-url x"), None);
    }

    #[test]
    fn includes_are_followed_across_folders_and_in_circles() {
        let (_folder, tree) = tree(&[
            (
                "requirements/dev.txt",
                "-r base.txt\n--requirement ../common.txt\npytest # why\n",
            ),
            (
                "requirements/base.txt",
                "-r dev.txt\n-c constraints.txt\nDjango==5 \\\n  --hash=sha256:x\n",
            ),
            ("requirements/constraints.txt", "idna==1\n"),
            ("common.txt", "-e .\nflask\n"),
        ]);
        let read = read(&tree, "requirements/dev.txt");
        let names: Vec<_> = read
            .dependencies
            .iter()
            .map(|found| found.name.as_str())
            .collect();
        assert_eq!(names, ["django", "flask", "pytest"]);
        assert_eq!(
            read.dependencies[2].evidence,
            Evidence::new("requirements/dev.txt", 3)
        );
        assert!(read.installs_project);
        assert_eq!(read.files.len(), 3);
    }
}

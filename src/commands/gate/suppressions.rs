//! Where suppressions are: in the configuration, in files of other tools, in
//! documents, and in comments of the sources that findings are in.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;

use super::{Judging, read};
use crate::commands::sarif::{Place, source_file};
use crate::config::Loaded;
use crate::error::Failure;
use crate::findings::Report;
use crate::policy::{Gate, Suppression, ignores};

/// Everything that people set aside: in the configuration, in files of other tools,
/// in documents, and in comments of the sources that findings are in.
pub(super) fn suppressions(
    args: &Judging,
    place: &Place,
    gate: &Gate,
    loaded: &Loaded,
    report: &Report<'_>,
) -> Result<Vec<Suppression>> {
    let mut found = Vec::new();
    let config = loaded
        .path
        .as_ref()
        .map_or_else(String::new, |path| path.display().to_string());
    let line = loaded.line_of(&["gate", "suppressions", "entries"]);
    for entry in &gate.suppressions.entries {
        let own = Suppression::own(entry, &config, line);
        found.push(own.map_err(|(key, why)| Failure::usage(format!("`{key}`: {why}")))?);
    }
    let root = &place.repository;
    let usual = ignores::names().map(|name| root.join(name));
    let mut files: Vec<PathBuf> = usual
        .filter(|path| path.symlink_metadata().is_ok())
        .collect();
    files.extend(gate.suppressions.files.iter().map(|file| root.join(file)));
    files.extend(args.ignore_file.iter().cloned());
    let mut in_folders = BTreeSet::new();
    let manifests = report.files().iter().filter(|file| file.has_packages);
    for folder in folders(manifests.map(|file| file.path.as_str())) {
        for name in ignores::names_in_folders() {
            let file = root.join(folder).join(name);
            if source_file(root, &format!("{folder}/{name}")).is_some() {
                in_folders.insert((folder, file));
            }
        }
    }
    let in_folders = in_folders.into_iter();
    let files = files.into_iter().map(|file| (None, file));
    for (folder, file) in files.chain(in_folders.map(|(folder, file)| (Some(folder), file))) {
        let name = file
            .strip_prefix(root)
            .unwrap_or(&file)
            .display()
            .to_string();
        let text = read(&file)?;
        let read = ignores::read(&name, &text);
        let mut read = read.map_err(|error| Failure::usage(error.to_string()))?;
        for suppression in &mut read {
            suppression.target.folder = folder.map(str::to_owned);
        }
        found.extend(read);
    }
    if gate.suppressions.inline != Some(false) {
        for path in report.files().iter().map(|file| &file.path) {
            let Some(bytes) = source_file(root, path) else {
                continue;
            };
            let comments = ignores::comments(&String::from_utf8_lossy(&bytes));
            found.extend(
                comments
                    .iter()
                    .map(|comment| Suppression::inline(comment, path)),
            );
        }
    }
    Ok(found)
}

/// The folders below the repository's root that hold the manifests of packages
/// with findings, and those above them.
fn folders<'r>(manifests: impl Iterator<Item = &'r str>) -> BTreeSet<&'r str> {
    let mut folders = BTreeSet::new();
    for mut path in manifests {
        while let Some((folder, _)) = path.rsplit_once('/') {
            if folder.is_empty() || !folders.insert(folder) {
                break;
            }
            path = folder;
        }
    }
    folders
}

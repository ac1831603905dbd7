//! What is scanned beside the folder: found, built, and taken by somebody.

use std::path::Path;

use anyhow::Result;

use crate::config::Scan;
use crate::context::Context;
use crate::error::Failure;
use crate::project::{self, Tree};
use crate::report::scan::{Scanner as Told, State as Said};
use crate::scanners::artifact::{self, Artifact, Source};
use crate::scanners::{Place, Scanner};

/// What the settings name, below the repository's folder, which is absolute.
///
/// # Errors
/// Where a list of components is not there.
pub(super) fn named(settings: &Scan, tree: &Tree, root: &Path) -> Result<Vec<Artifact>> {
    let context = |file: &str| {
        let is_there = tree.contains(file);
        is_there
            .then(|| project::build_context(tree, file))
            .flatten()
    };
    let images = settings.images.iter();
    let mut all: Vec<Artifact> = images
        .map(|image| Artifact::image(image, root, context))
        .collect();
    for sbom in &settings.sboms {
        if !root.join(sbom).is_file() {
            return Err(Failure::usage(format!("there is no file {sbom}"))
                .hint("--sbom and `scan.sboms` name files relative to the repository's folder")
                .into());
        }
        all.push(Artifact::sbom(sbom, root));
    }
    Ok(all)
}

/// Builds the images that are built, so that they are archives. What could not be
/// built is told and scanned by nobody.
pub(super) fn build(place: &Place<'_>, context: &Context) -> (Vec<Artifact>, Vec<Told>) {
    let (mut ready, mut told) = (Vec::new(), Vec::new());
    for (at, one) in place.artifacts.iter().enumerate() {
        let Source::Dockerfile {
            file,
            context: folder,
        } = &one.source
        else {
            ready.push(one.clone());
            continue;
        };
        context.ui.remark(&format!("{file} is built from {folder}"));
        match artifact::build(place, file, folder, at) {
            Ok(archive) => ready.push(Artifact {
                name: one.name.clone(),
                source: Source::Archive(archive),
            }),
            Err(why) => told.push(failed(&one.name, why)),
        }
    }
    (ready, told)
}

/// Those that no scanner takes which runs: nobody looks at them.
pub(super) fn left_out(artifacts: &[Artifact], running: &[&dyn Scanner]) -> Vec<Told> {
    let is_left = |one: &&Artifact| !running.iter().any(|scanner| scanner.takes(one));
    let why = "no scanner that runs looks at it; Trivy would";
    let left = artifacts.iter().filter(is_left);
    left.map(|one| failed(&one.name, why.to_owned())).collect()
}

fn failed(name: &str, why: String) -> Told {
    Told {
        name: name.to_owned(),
        version: None,
        state: Said::Failed,
        findings: 0,
        milliseconds: 0,
        why: vec![why],
        counts: true,
    }
}

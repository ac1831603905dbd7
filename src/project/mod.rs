//! What is in a repository, and how that is known.
//!
//! [`detect`] reads the tree once; `ecosystems/` finds components, the files
//! beside this one find what surrounds them. Nothing of the repository is
//! executed.

mod compose;
mod containers;
pub mod defaults;
pub mod dockerfile;
pub mod document;
mod ecosystems;
mod existing;
pub mod git;
pub mod ignored;
mod mirrors;
pub mod model;
pub mod path;
mod platforms;
mod survey;
#[cfg(test)]
pub(crate) mod testing;
pub mod tree;

use std::collections::HashMap;
use std::path::Path;

pub use model::{Component, Project};
pub use survey::Survey;
pub use tree::{Tree, TreeError};

/// Starts the line that `ci-tool generate` puts at the top of what it writes.
pub const GENERATED_MARK: &str = "# ci-tool: ";

/// Whether a text is a file that `ci-tool generate` wrote, edited or not. What
/// was made from facts is no evidence of them.
pub fn is_generated(text: &str) -> bool {
    text.lines()
        .take(10)
        .any(|line| line.starts_with(GENERATED_MARK))
}

/// Finds out what is in the repository at `root`.
///
/// # Errors
/// Where the folder cannot be listed. What cannot be read below it becomes a
/// warning in the result.
pub fn detect(root: &Path) -> Result<Project, TreeError> {
    let tree = Tree::walk(root)?;
    Ok(detect_in(&tree))
}

/// [`detect`] on a tree that was already listed.
pub fn detect_in(tree: &Tree) -> Project {
    let survey = Survey::new(tree);
    let mut components: Vec<Component> = ecosystems::ECOSYSTEMS
        .iter()
        .flat_map(|(_, detector)| detector(&survey))
        .collect();
    components.sort_by(|left, right| {
        (&left.root, left.language, &left.manifest).cmp(&(
            &right.root,
            right.language,
            &right.manifest,
        ))
    });
    name_uniquely(&mut components);
    let workflows = existing::detect(tree, &components);
    let Survey {
        mut containers,
        compose,
        ..
    } = survey;
    containers::assign(tree, &mut containers, &components);
    Project {
        schema: model::SCHEMA_VERSION,
        default_branch: git::default_branch(tree.root()),
        platforms: platforms::detect(tree, &components),
        mirrors: mirrors::detect(tree, &workflows),
        workflows,
        containers,
        compose,
        components,
        warnings: tree.warnings(),
    }
}

/// The folder that a Dockerfile of the repository is built from, as far as its `COPY`
/// lines tell; `None` where the file is no Dockerfile.
pub fn build_context(tree: &Tree, dockerfile: &str) -> Option<String> {
    containers::read(tree, dockerfile).map(|container| container.context)
}

/// Names become job ids and check names: short where that is clear, with the
/// parent folder or the language where two would share one.
fn name_uniquely(components: &mut [Component]) {
    for component in components.iter_mut() {
        // A detector names a component at the root after its manifest; the
        // checkout's folder name must not get into what is generated.
        if component.name == "." || component.name.is_empty() {
            component.name = "app".to_owned();
        }
    }
    let count = |components: &[Component]| {
        let mut seen: HashMap<String, usize> = HashMap::new();
        for component in components {
            *seen.entry(component.name.clone()).or_default() += 1;
        }
        seen
    };
    let seen = count(components);
    for component in components.iter_mut() {
        if seen[&component.name] > 1 && component.root != "." {
            component.name = component.root.replace('/', "-");
        }
    }
    let seen = count(components);
    for component in components.iter_mut() {
        if seen[&component.name] > 1 {
            let language = serde_json::to_value(component.language)
                .ok()
                .and_then(|value| Some(value.as_str()?.to_owned()))
                .unwrap_or_default();
            component.name = format!("{}-{language}", component.name);
        }
    }
}

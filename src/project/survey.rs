//! What the files around the components tell about them, gathered before the
//! components are looked for: Dockerfiles, compose files, workflows.

use super::model::{Compose, Container, Evidence};
use super::tree::Tree;

/// The tree with what was read from its delivery files.
#[derive(Debug)]
pub struct Survey<'a> {
    /// The files.
    pub tree: &'a Tree,
    /// Dockerfiles; their components are not known yet.
    pub containers: Vec<Container>,
    /// Compose files.
    pub compose: Vec<Compose>,
}

impl<'a> Survey<'a> {
    /// Reads the delivery files of a tree.
    pub fn new(tree: &'a Tree) -> Self {
        Self {
            tree,
            containers: super::containers::detect(tree),
            compose: super::compose::detect(tree),
        }
    }

    /// The versions in the tags of base images (`python:3.11-slim` gives 3.11)
    /// of the Dockerfiles that build the folder `root`, nearest Dockerfile
    /// first. `images` are image names without registry: `["python"]`.
    pub fn image_versions(&self, root: &str, images: &[&str]) -> Vec<(String, Evidence)> {
        let _ = (root, images);
        Vec::new()
    }

    /// The versions that existing CI files set up with the given input of a
    /// set-up action (`python-version`, `node-version`), by file and line.
    pub fn ci_versions(&self, root: &str, input: &str) -> Vec<(String, Evidence)> {
        let _ = (root, input);
        Vec::new()
    }

    /// The image of a compose service that is the server `name` (`postgres` for
    /// `postgres:15`, `postgis/postgis:15-3.4`…), from the compose file nearest
    /// to `root`.
    pub fn service_image(&self, root: &str, name: &str) -> Option<(String, Evidence)> {
        let _ = (root, name);
        None
    }
}

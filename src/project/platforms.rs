//! Files of the platforms that run a project.

use super::model::{Component, Platform};
use super::tree::Tree;

pub(super) fn detect(_tree: &Tree, _components: &[Component]) -> Vec<Platform> {
    Vec::new()
}

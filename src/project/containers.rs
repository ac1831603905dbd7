//! Containers.

use super::model::Container;
use super::tree::Tree;

pub(super) fn detect(_tree: &Tree) -> Vec<Container> {
    Vec::new()
}

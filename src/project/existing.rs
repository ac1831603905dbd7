//! Existing workflows, and what they already do for which component.

use super::model::{Component, Workflow};
use super::tree::Tree;

pub(super) fn detect(_tree: &Tree, _components: &[Component]) -> Vec<Workflow> {
    Vec::new()
}

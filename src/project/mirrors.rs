//! Signs that the repository is kept in two places.

use super::model::{Mirror, Workflow};
use super::tree::Tree;

pub(super) fn detect(_tree: &Tree, _workflows: &[Workflow]) -> Vec<Mirror> {
    Vec::new()
}

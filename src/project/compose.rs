//! Compose.

use super::model::Compose;
use super::tree::Tree;

pub(super) fn detect(_tree: &Tree) -> Vec<Compose> {
    Vec::new()
}

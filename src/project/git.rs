//! What git's own files tell, read without running git.

use std::path::Path;

/// The default branch: what `origin` says, else the branch that is checked out
/// in a repository without a remote. `None` outside a repository.
pub fn default_branch(_root: &Path) -> Option<String> {
    None
}

/// The remotes by name with their addresses, credentials removed.
pub fn remotes(_root: &Path) -> Vec<(String, String)> {
    Vec::new()
}

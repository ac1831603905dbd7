//! Trees for tests.

use std::fs;

use super::tree::Tree;

/// A repository of these files in a temporary folder, which lives as long as
/// the first value.
pub(crate) fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Tree) {
    let folder = tempfile::tempdir().expect("temporary folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("it has a parent")).expect("created");
        fs::write(path, text).expect("written");
    }
    let tree = Tree::walk(folder.path()).expect("walked");
    (folder, tree)
}

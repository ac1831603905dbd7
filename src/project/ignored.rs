//! What `.gitignore` says of files that are not there.

use ignore::gitignore::GitignoreBuilder;

use super::path;
use super::tree::Tree;

/// Whether git would ignore a file or a folder of this path: builds make such files, and
/// the repository does not show them.
pub fn is_ignored(tree: &Tree, named: &str) -> bool {
    path::ancestors(path::parent(named)).any(|folder| {
        let Some(text) = tree.text(&path::join(folder, ".gitignore")) else {
            return false;
        };
        let mut builder = GitignoreBuilder::new("");
        for line in text.lines() {
            // What is no pattern ignores nothing.
            let _ = builder.add_line(None, line);
        }
        let below = path::relative(folder, named);
        builder.build().is_ok_and(|patterns| {
            let is = |is_dir| patterns.matched_path_or_any_parents(&below, is_dir);
            is(false).is_ignore() || is(true).is_ignore()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::testing::tree;

    #[test]
    fn patterns_of_every_folder_count() {
        let (_folder, tree) = tree(&[
            (".gitignore", "/dist/\n*.log\n[\n!keep.log\n"),
            ("web/.gitignore", "lib\n"),
        ]);
        for named in ["dist", "dist/a.js", "a/b.log", "web/lib/cli.js"] {
            assert!(is_ignored(&tree, named), "{named}");
        }
        for named in ["lib/cli.js", "web/dist", "keep.log", "src/a.js"] {
            assert!(!is_ignored(&tree, named), "{named}");
        }
    }
}

//! Files that the repository does not show and that may be there all the same.

use ignore::gitignore::GitignoreBuilder;

use super::path;
use super::tree::Tree;

/// Whether a file or a folder that is not in the tree may be there all the same: git would
/// ignore it, as what builds make, or it belongs to a submodule.
pub fn may_be_there(tree: &Tree, named: &str) -> bool {
    is_in_submodule(tree, named) || is_ignored(tree, named)
}

fn is_in_submodule(tree: &Tree, named: &str) -> bool {
    let Some(text) = tree.text(".gitmodules") else {
        return false;
    };
    text.lines().any(|line| {
        let folder = line.split_once('=').filter(|(key, _)| key.trim() == "path");
        folder.is_some_and(|(_, folder)| path::is_within(named, &path::normalise(folder.trim())))
    })
}

fn is_ignored(tree: &Tree, named: &str) -> bool {
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

    #[test]
    fn submodules_have_files_of_their_own() {
        let (_folder, tree) = tree(&[(".gitmodules", "[submodule \"x\"]\n\tpath = libs/x\n")]);
        assert!(may_be_there(&tree, "libs/x") && may_be_there(&tree, "libs/x/api/Dockerfile"));
        assert!(!may_be_there(&tree, "libs") && !may_be_there(&tree, "libs/xy"));
    }
}

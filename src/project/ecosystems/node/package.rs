//! A `package.json`, and the workspace around it.

use std::sync::Arc;

use crate::project::Tree;
use crate::project::document::Node;
use crate::project::model::Evidence;
use crate::project::path;

/// One `package.json`.
#[derive(Debug, Clone)]
pub(super) struct Package {
    /// Its folder.
    pub(super) root: String,
    /// Its path.
    pub(super) path: String,
    node: Arc<Node>,
}

impl Package {
    /// Reads `package.json` in a folder.
    pub(super) fn read(tree: &Tree, root: &str) -> Option<Self> {
        let path = path::join(root, "package.json");
        let node = tree.json(&path)?;
        // A list or a text is no manifest.
        matches!(node.value, crate::project::document::Value::Map(_)).then(|| Self {
            root: root.to_owned(),
            path,
            node,
        })
    }

    /// The value at a path of keys, with its line.
    pub(super) fn get(&self, keys: &[&str]) -> Option<(&Node, Evidence)> {
        let entry = self.node.entry_at(keys)?;
        Some((&entry.node, Evidence::new(&self.path, entry.line)))
    }

    /// The text at a path of keys, with its line.
    pub(super) fn text(&self, keys: &[&str]) -> Option<(String, Evidence)> {
        let (node, evidence) = self.get(keys)?;
        Some((node.str()?.to_owned(), evidence))
    }

    /// The package's own name.
    pub(super) fn name(&self) -> Option<&str> {
        self.node.get("name").and_then(Node::str)
    }

    /// A script's text.
    pub(super) fn script(&self, name: &str) -> Option<(&str, Evidence)> {
        let entry = self.node.entry_at(&["scripts", name])?;
        let text = entry.node.str()?.trim();
        (!text.is_empty()).then(|| (text, Evidence::new(&self.path, entry.line)))
    }

    /// The names of all scripts.
    pub(super) fn scripts(&self) -> impl Iterator<Item = &str> {
        self.node
            .get("scripts")
            .map(Node::entries)
            .unwrap_or_default()
            .iter()
            .map(|entry| entry.key.as_str())
    }

    /// Where a dependency of any kind is declared, with its range.
    pub(super) fn dependency(&self, name: &str) -> Option<(String, Evidence)> {
        ["dependencies", "devDependencies"]
            .iter()
            .find_map(|section| self.text(&[section, name]))
    }

    /// Where a dependency of the running package is declared.
    pub(super) fn runtime_dependency(&self, name: &str) -> Option<(String, Evidence)> {
        self.text(&["dependencies", name])
    }

    /// The names of all dependencies.
    pub(super) fn dependencies(&self) -> impl Iterator<Item = &str> {
        ["dependencies", "devDependencies"]
            .into_iter()
            .flat_map(|section| {
                self.node
                    .get(section)
                    .map(Node::entries)
                    .unwrap_or_default()
                    .iter()
                    .map(|entry| entry.key.as_str())
            })
    }

    /// Globs of workspace members in `package.json`.
    fn workspace_globs(&self) -> Vec<String> {
        let Some(node) = self.node.get("workspaces") else {
            return Vec::new();
        };
        let list = if node.items().is_empty() {
            node.get("packages").map(Node::items).unwrap_or_default()
        } else {
            node.items()
        };
        list.iter()
            .filter_map(|item| item.str().map(str::to_owned))
            .collect()
    }
}

/// A folder whose install serves several packages.
#[derive(Debug, Clone)]
pub(super) struct Workspace {
    /// The folder.
    pub(super) root: String,
    /// `turbo` or `nx`, where one of them runs the tasks.
    pub(super) runner: Option<String>,
    include: Vec<String>,
    exclude: Vec<String>,
}

impl Workspace {
    /// The workspace that a folder declares.
    pub(super) fn read(tree: &Tree, root: &str) -> Option<Self> {
        let mut globs = Vec::new();
        if let Some(node) = tree.yaml(&path::join(root, "pnpm-workspace.yaml")) {
            let packages = node.get("packages").map(Node::items).unwrap_or_default();
            globs.extend(
                packages
                    .iter()
                    .filter_map(|item| item.str().map(str::to_owned)),
            );
        }
        if globs.is_empty() {
            globs = Package::read(tree, root)?.workspace_globs();
        }
        if globs.is_empty()
            && let Some(node) = tree.json(&path::join(root, "lerna.json"))
        {
            let packages = node.get("packages").map(Node::items).unwrap_or_default();
            globs.extend(
                packages
                    .iter()
                    .filter_map(|item| item.str().map(str::to_owned)),
            );
        }
        if globs.is_empty() {
            return None;
        }
        let clean = |glob: &str| {
            glob.trim_start_matches("./")
                .trim_end_matches('/')
                .to_owned()
        };
        let (exclude, include): (Vec<_>, Vec<_>) =
            globs.iter().partition(|glob| glob.starts_with('!'));
        let runner = [
            ("turbo", "turbo.json"),
            ("turbo", "turbo.jsonc"),
            ("nx", "nx.json"),
        ]
        .iter()
        .find(|(_, file)| tree.contains(&path::join(root, file)))
        .map(|(runner, _)| (*runner).to_owned());
        Some(Self {
            root: root.to_owned(),
            runner,
            include: include.into_iter().map(|glob| clean(glob)).collect(),
            exclude: exclude
                .into_iter()
                .map(|glob| clean(glob.trim_start_matches('!')))
                .collect(),
        })
    }

    /// Whether a folder is one of its members.
    pub(super) fn includes(&self, folder: &str) -> bool {
        if folder == self.root || !path::is_within(folder, &self.root) {
            return false;
        }
        let relative = path::relative(&self.root, folder);
        let matches = |globs: &[String]| {
            globs.iter().any(|glob| {
                globset::GlobBuilder::new(glob)
                    .literal_separator(true)
                    .build()
                    .is_ok_and(|glob| glob.compile_matcher().is_match(&relative))
            })
        };
        matches(&self.include) && !matches(&self.exclude)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::testing::tree;

    #[test]
    fn members_follow_the_globs() {
        let (_folder, tree) = tree(&[
            (
                "package.json",
                "{\"workspaces\": {\"packages\": [\"apps/*\", \"./packages/**\", \"!packages/old\"]}}",
            ),
            ("nx.json", "{}"),
        ]);
        let workspace = Workspace::read(&tree, ".").expect("a workspace");
        assert_eq!(workspace.runner.as_deref(), Some("nx"));
        assert!(workspace.includes("apps/web"));
        assert!(!workspace.includes("apps/web/e2e"));
        assert!(workspace.includes("packages/a/b"));
        assert!(!workspace.includes("packages/old"));
        assert!(!workspace.includes("."));
    }
}

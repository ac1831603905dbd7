//! What editors leave behind, in the repository.

use std::collections::BTreeMap;

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "editor-history-committed",
    title: "What an editor left behind is in the repository",
    severity: Severity::Low,
    // Somebody may have meant to share it.
    confidence: Confidence::Low,
    category: Category::Data,
    what: "Files that editors write for one person and that git does not ignore: backups (`x.py~`, `#x.py#`), swap files of Vim, an editor's history of changes, the state of a JetBrains workspace.",
    why: "They keep what was deleted, secrets too, and paths of a person's machine; nobody looks at them in a review.",
    mend: "`git rm --cached` them, and name them in .gitignore.",
    references: &["https://docs.github.com/get-started/git-basics/ignoring-files"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut folders: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for file in facts.tree.files() {
        if let Some(kind) = kind(file)
            && !path::is_sample(file)
        {
            folders
                .entry((path::parent(file), kind))
                .or_default()
                .push(file);
        }
    }
    folders
        .into_iter()
        .map(|((_, kind), files)| {
            let message = match files.len() {
                1 => format!("{kind} is in the repository"),
                many => format!(
                    "{kind}, and {} more of its kind, are in the repository",
                    many - 1
                ),
            };
            Defect::new(files[0], 1, message).about(kind)
        })
        .collect()
}

/// What it is, by its name.
fn kind(file: &str) -> Option<&'static str> {
    let name = path::name(file);
    let folder = path::name(path::parent(file));
    if name.len() > 1 && name.ends_with('~')
        || name.len() > 2 && name.starts_with('#') && name.ends_with('#')
    {
        return Some("an editor's backup");
    }
    // `.a.py.swp`: Vim's swap files begin with a dot.
    if name.starts_with('.') && [".swp", ".swo"].iter().any(|end| name.ends_with(end)) {
        return Some("a swap file of Vim");
    }
    if file
        .split('/')
        .any(|part| matches!(part, ".vscode-history" | ".lh"))
    {
        return Some("an editor's history");
    }
    (name == "workspace.xml" && folder == ".idea").then_some("the state of a workspace")
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn left_behind_or_not() {
        let files = [
            ("app/main.py~", "x"),
            ("app/other.py~", "x"),
            ("app/.main.py.swp", "x"),
            (".idea/workspace.xml", "x"),
            (".lh/app/main.py.json", "x"),
        ];
        assert_eq!(
            found(&RULE, &files),
            [
                ".idea/workspace.xml:1 the state of a workspace",
                ".lh/app/main.py.json:1 an editor's history",
                "app/.main.py.swp:1 a swap file of Vim",
                "app/main.py~:1 an editor's backup",
            ]
        );
        for near in [
            &[(".idea/runConfigurations/a.xml", "x")][..],
            &[("workspace.xml", "x"), ("~", "x"), ("a~b.txt", "x")],
            &[("logo.swp", "x"), ("#", "x"), ("##", "x")],
            &[("app/main.py~", "x"), (".gitignore", "*~\n")],
            &[("testdata/a~", "x")],
        ] {
            assert!(found(&RULE, near).is_empty(), "{near:?}");
        }
    }
}

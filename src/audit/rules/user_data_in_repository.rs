//! Files of users in the repository.

use std::collections::BTreeMap;

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "user-data-in-repository",
    title: "What users uploaded is in the repository",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Data,
    what: "Documents in a folder for uploads that git does not ignore, where the application's own code names that folder.",
    why: "Data of people is copied to everybody who clones, and stays in the history when it is deleted.",
    mend: "Take the files out of the history, ignore the folder, keep uploads in storage outside of the repository; tell those concerned where the law asks for it.",
    references: &[
        "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/removing-sensitive-data-from-a-repository",
    ],
    check,
};

const DOCUMENTS: [&str; 7] = [".pdf", ".doc", ".docx", ".xls", ".xlsx", ".odt", ".rtf"];

/// Parts of a path that are published on purpose.
const PUBLISHED: [&str; 6] = [
    "public",
    "static",
    "wp-content",
    "docs",
    "content",
    "assets",
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in facts.tree.files() {
        let lower = file.to_ascii_lowercase();
        let folder = path::parent(file);
        let mut parts = folder.split('/');
        let is_upload = parts
            .clone()
            .any(|part| matches!(part, "uploads" | "upload"));
        let is_published = parts.any(|part| PUBLISHED.contains(&part));
        if DOCUMENTS.iter().any(|end| lower.ends_with(end))
            && is_upload
            && !is_published
            && !path::is_sample(file)
        {
            folders.entry(folder).or_default().push(file);
        }
    }
    let mut defects = Vec::new();
    for (folder, files) in folders {
        let Some((source, line)) = named(facts, folder) else {
            continue;
        };
        // The files are not named: a name may be that of a person.
        let message = format!(
            "{folder} holds {} documents in the repository, and uploads are kept there",
            files.len()
        );
        defects.push(Defect::new(source, line, message).about(folder));
    }
    defects
}

/// Where the code names a folder, by its part from `uploads` on.
fn named<'f>(facts: &'f Facts<'_>, folder: &str) -> Option<(&'f str, usize)> {
    let at = folder.find("upload")?;
    let name = &folder[at..];
    let ends = [".py", ".js", ".ts", ".rb", ".go", ".php", ".sh"];
    let mut sources = facts
        .tree
        .files()
        .iter()
        .filter(|file| ends.iter().any(|end| file.ends_with(end)) && !path::is_sample(file));
    sources.find_map(|file| {
        let text = facts.tree.text(file)?;
        let line = text.lines().position(|line| line.contains(name))?;
        Some((file.as_str(), line + 1))
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn what_the_application_keeps_there() {
        let code = ("backend/app/files.py", "FOLDER = 'uploads/cv'\n");
        assert_eq!(
            found(
                &RULE,
                &[
                    code,
                    ("backend/uploads/cv/1_a.pdf", "%PDF"),
                    ("backend/uploads/cv/2.pdf", "")
                ]
            ),
            ["backend/app/files.py:1 backend/uploads/cv"]
        );
        for near in [
            &[("backend/uploads/cv/a.pdf", "")][..],
            &[code, ("backend/uploads/cv/.gitkeep", "")],
            &[code, ("public/uploads/cv/terms.pdf", "")],
            &[
                code,
                ("backend/uploads/cv/a.pdf", ""),
                (".gitignore", "uploads/\n"),
            ],
        ] {
            assert!(found(&RULE, near).is_empty(), "{near:?}");
        }
    }
}

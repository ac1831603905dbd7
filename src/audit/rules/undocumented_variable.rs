//! Variables that an application needs and that nobody names.

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::model::Need;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "undocumented-variable",
    title: "An application needs a variable that nothing names",
    severity: Severity::Low,
    confidence: Confidence::Low,
    category: Category::Coherence,
    what: "The variables without which the code does not start are looked for in examples of `.env`, READMEs and documentation, compose files, Dockerfiles, workflows, files of platforms and scripts.",
    why: "Whoever sets it up, here or at a platform, learns of the variable from an error.",
    mend: "Name it in .env.example, with what it is for.",
    references: &["https://12factor.net/config"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut texts: Option<Vec<std::sync::Arc<str>>> = None;
    let mut defects = Vec::new();
    for component in &facts.project.components {
        let needed = component.environment.iter();
        for variable in needed.filter(|one| one.needed_by.contains(&Need::App)) {
            let texts = texts.get_or_insert_with(|| {
                let files = facts.tree.files().iter().filter(|file| tells(file));
                files.filter_map(|file| facts.tree.text(file)).collect()
            });
            if texts.iter().any(|text| text.contains(&variable.name)) {
                continue;
            }
            let Some(place) = variable.evidence.first() else {
                continue;
            };
            let message = format!(
                "`{}` is needed here, and nothing else names it",
                variable.name
            );
            let defect = Defect::new(&place.path, place.line, message);
            defects.push(defect.about(&variable.name));
        }
    }
    defects
}

/// Whether a file tells people or programs which variables to set.
fn tells(file: &str) -> bool {
    let name = path::name(file).to_ascii_lowercase();
    let ends = [
        ".md",
        ".rst",
        ".yml",
        ".yaml",
        ".toml",
        ".sh",
        ".example",
        ".sample",
        ".template",
    ];
    name.starts_with(".env")
        || name.contains("dockerfile")
        || matches!(
            name.as_str(),
            "vercel.json" | "railway.json" | "app.json" | "makefile" | "procfile"
        )
        || ends.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn named_or_not() {
        let files = [
            ("requirements.txt", "fastapi==0.115.0\n"),
            ("app/__init__.py", ""),
            (
                "app/main.py",
                "import os\nfrom fastapi import FastAPI\nKEY = os.environ[\"STRIPE_KEY\"]\napp = FastAPI()\n",
            ),
        ];
        assert_eq!(found(&RULE, &files), ["app/main.py:3 STRIPE_KEY"]);
        for (path, text) in [
            (".env.example", "STRIPE_KEY=\n"),
            ("README.md", "Set `STRIPE_KEY`.\n"),
        ] {
            let mut named = files.to_vec();
            named.push((path, text));
            assert!(found(&RULE, &named).is_empty(), "{path}");
        }
    }
}

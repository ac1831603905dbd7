//! Two files that configure the same service of a platform.

use crate::audit::fix::{Change, Choice, Fix};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "rival-platform-files",
    title: "Two files configure the same service",
    severity: Severity::Medium,
    confidence: Confidence::High,
    category: Category::Platforms,
    what: "A folder with both railway.json and railway.toml.",
    why: "Railway reads one of them, and whoever changes the other changes nothing.",
    mend: "Keep one, with what both say.",
    references: &["https://docs.railway.com/config-as-code/reference"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let json = facts
        .tree
        .named("railway.json")
        .filter(|file| !path::is_sample(file));
    json.filter_map(|file| {
        let rival = path::join(path::parent(file), "railway.toml");
        let message = format!("{rival} configures the same service");
        let is_there = facts.tree.contains(&rival);
        is_there.then(|| {
            let fix = fix(facts, file, &rival);
            Defect::new(file, 1, message)
                .with(rival, 1)
                .mended_by(Some(fix))
        })
    })
    .collect()
}

fn fix(facts: &Facts<'_>, json: &str, toml: &str) -> Fix {
    let rival = match facts.answer("railway-file") {
        Some("railway.json") => toml,
        Some("railway.toml") => json,
        _ => {
            let choice = Choice {
                name: "railway-file",
                question: "which of the two stays?",
                candidates: vec!["railway.json".to_owned(), "railway.toml".to_owned()],
            };
            return Fix::asks("keep one of the two", choice);
        }
    };
    let change = Change::Remove {
        path: rival.to_owned(),
    };
    Fix::behaviour(format!("remove {rival}"), [change])
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn in_one_folder_and_in_two() {
        let one = [("api/railway.json", "{}"), ("api/railway.toml", "")];
        assert_eq!(found(&RULE, &one), ["api/railway.json:1 "]);
        let two = [("api/railway.json", "{}"), ("web/railway.toml", "")];
        assert!(found(&RULE, &two).is_empty());
    }
}

//! Files of platforms that nobody can read.

use crate::audit::{Category, Confidence, Defect, Facts, Place, Rule};
use crate::findings::Severity;
use crate::project::document::{self, Syntax};
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "unreadable-file",
    title: "A platform's file has an error in its syntax",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Platforms,
    what: "Files of platforms are read in their syntax: railway.json, railway.toml, vercel.json, fly.toml, render.yaml, netlify.toml.",
    why: "The platform refuses the deployment, and what the file says is looked at by nobody, this audit included.",
    mend: "Mend the line.",
    references: &[],
    check,
};

const FILES: [(&str, Syntax); 6] = [
    ("fly.toml", Syntax::Toml),
    ("netlify.toml", Syntax::Toml),
    ("railway.json", Syntax::Json),
    ("railway.toml", Syntax::Toml),
    ("render.yaml", Syntax::Yaml),
    ("vercel.json", Syntax::Json),
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for (name, syntax) in FILES {
        for file in facts.tree.named(name).filter(|file| !path::is_sample(file)) {
            let Some(text) = facts.tree.text(file) else {
                continue;
            };
            if let Err(error) = document::parse(&text, syntax) {
                let place = Place {
                    line: error.line,
                    column: Some(error.column),
                };
                defects.push(Defect::new(file, place, error.message));
            }
        }
    }
    defects
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn an_error_has_its_line() {
        let files = [
            ("railway.json", "{\n\"build\": }\n"),
            ("web/vercel.json", "{ \"a\": 1 }\n"),
            ("fly.toml", "a = 1\nb = = 2\n"),
        ];
        assert_eq!(found(&RULE, &files), ["fly.toml:2 ", "railway.json:2 "]);
    }
}

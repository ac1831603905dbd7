//! Variables in vercel.json that Vercel refuses.

use crate::audit::fix::{Fix, Text};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "vercel-invalid-variable",
    title: "Vercel refuses a vercel.json whose variables are no texts",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Platforms,
    what: "Each value below `env` and `build.env` of vercel.json must be a text.",
    why: "Vercel says `Invalid vercel.json - env['X'] should be string` and builds nothing.",
    mend: "Give the value as a text, or take the entry out and set the variable in the project's settings; what a variable is for belongs in .env.example.",
    references: &["https://openapi.vercel.sh/vercel.json"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for file in facts.tree.named("vercel.json") {
        let Some(document) = facts.tree.json(file).filter(|_| !path::is_sample(file)) else {
            continue;
        };
        for keys in [&["env"][..], &["build", "env"]] {
            let entries = document.at(keys).map_or(&[][..], |node| node.entries());
            for entry in entries.iter().filter(|entry| entry.node.str().is_none()) {
                let name = format!("{}.{}", keys.join("."), entry.key);
                let message = format!("`{name}` is no text, so that Vercel refuses the file");
                let fix = Text::of(facts.tree, file)
                    .and_then(|text| text.without_entry(entry))
                    .map(|change| Fix::safe(format!("take `{name}` out"), [change]));
                let defect = Defect::new(file, entry, message).about(name);
                defects.push(defect.mended_by(fix));
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
    fn what_is_no_text_is_found() {
        let text = "{\n\"env\": {\n\"A\": {\"description\": \"x\", \"required\": true},\n\"B\": \"x\"},\n\"build\": {\"env\": {\n\"C\": 1}}}";
        assert_eq!(
            found(&RULE, &[("vercel.json", text)]),
            ["vercel.json:3 env.A", "vercel.json:6 build.env.C"]
        );
        assert!(found(&RULE, &[("vercel.json", r#"{"env": {"A": "@secret"}}"#)]).is_empty());
    }
}

//! Keys of vercel.json that Vercel refuses.

use crate::audit::fix::{Fix, Text};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::Node;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "vercel-unknown-key",
    title: "Vercel refuses a vercel.json with a key that it does not know",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Platforms,
    what: "Keys of vercel.json that were taken for settings and are none: what belongs to the project's settings or to another file. And rewrites whose destination is their own source.",
    why: "Vercel says that the file has an additional property, and builds nothing.",
    mend: "Set it in the project's settings, and take the key out.",
    references: &["https://vercel.com/docs/project-configuration"],
    check,
};

/// Keys that people write there, and that Vercel's schema does not have. Only these are
/// told: the schema grows.
const UNKNOWN: [&str; 12] = [
    "rootDirectory",
    "domains",
    "nodeVersion",
    "environment",
    "envs",
    "environmentVariables",
    "build_command",
    "output_directory",
    "region",
    "healthCheck",
    "healthchecks",
    "staging",
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for file in facts.tree.named("vercel.json") {
        let Some(document) = facts.tree.json(file).filter(|_| !path::is_sample(file)) else {
            continue;
        };
        let unknown = document.entries().iter();
        for entry in unknown.filter(|entry| UNKNOWN.contains(&entry.key.as_str())) {
            let message = format!(
                "`{}` is no key of vercel.json: Vercel refuses the file",
                entry.key
            );
            let fix = Text::of(facts.tree, file)
                .and_then(|text| text.without_entry(entry))
                .map(|change| Fix::safe(format!("take `{}` out", entry.key), [change]));
            let defect = Defect::new(file, entry, message).about(&entry.key);
            defects.push(defect.mended_by(fix));
        }
        // Before others it may keep a path from them; after them it does nothing.
        let rewrites = document.get("rewrites").map_or(&[][..], Node::items);
        if let Some(rewrite) = rewrites.last() {
            let text = |key: &str| rewrite.get(key).and_then(Node::str);
            // With a condition it may still be meant.
            let is_plain = rewrite.get("has").is_none() && rewrite.get("missing").is_none();
            if let (Some(source), Some(destination)) = (text("source"), text("destination"))
                && source == destination
                && is_plain
            {
                let message = format!("`{source}` is rewritten to itself, which does nothing");
                let defect = Defect::new(file, rewrite, message).about(source);
                defects.push(defect.severity(Severity::Low));
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
    fn what_vercel_refuses() {
        let text = "{\n\"rootDirectory\": \"web\",\n\"rewrites\": [\n{\"source\": \"/api/(.*)\", \"destination\": \"/api/(.*)\"}\n]}";
        assert_eq!(
            found(&RULE, &[("vercel.json", text)]),
            ["vercel.json:2 rootDirectory", "vercel.json:4 /api/(.*)"]
        );
        let fine = r#"{"regions": ["iad1"], "buildCommand": "x", "rewrites": [{"source": "/(.*)", "destination": "/index.html"}]}"#;
        assert!(found(&RULE, &[("vercel.json", fine)]).is_empty());
        let kept = r#"{"rewrites": [{"source": "/api/(.*)", "destination": "/api/(.*)"}, {"source": "/(.*)", "destination": "/index.html"}]}"#;
        assert!(found(&RULE, &[("vercel.json", kept)]).is_empty());
    }
}

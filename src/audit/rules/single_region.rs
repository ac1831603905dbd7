//! Functions in one region.

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "single-region",
    title: "Functions run in a single region",
    severity: Severity::Note,
    // Near a database that is in one region it is right.
    confidence: Confidence::Low,
    category: Category::Platforms,
    what: "`regions` of vercel.json names one region.",
    why: "People far away wait longer, and the application is gone with the region; but beside a database in one region it is the right choice.",
    mend: "Leave it where the data is; with replicas near the users, name theirs.",
    references: &["https://vercel.com/docs/functions/configuring-functions/region"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let files = facts.tree.named("vercel.json");
    let files = files.filter(|file| !path::is_sample(file));
    files
        .filter_map(|file| {
            let document = facts.tree.json(file)?;
            let entry = document.entry("regions")?;
            let one = (entry.node.items().len() == 1).then(|| entry.node.items()[0].str())??;
            let message = format!("`{one}` is the only region");
            Some(Defect::new(file, entry, message))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn one_and_two() {
        let one = "{\n\"regions\": [\"iad1\"]}";
        assert_eq!(found(&RULE, &[("vercel.json", one)]), ["vercel.json:2 "]);
        let two = one.replace("\"iad1\"", "\"iad1\", \"fra1\"");
        assert!(found(&RULE, &[("vercel.json", &two)]).is_empty());
    }
}

//! Railway's files per service, which end.

use super::railway_unknown_key::files;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "railway-config-retired",
    title: "Railway has announced the end of railway.json and railway.toml",
    severity: Severity::Medium,
    // Its pages do not all say it.
    confidence: Confidence::Low,
    category: Category::Platforms,
    what: "A railway.json or railway.toml, and no `.railway/railway.ts`.",
    why: "Railway announced that it reads these files until 2026-12-01: health checks, start commands and the choice of a Dockerfile fall back to the service's settings then.",
    mend: "`railway config migrate` writes `.railway/railway.ts`; `railway config plan` shows what it would change.",
    references: &["https://docs.railway.com/infrastructure-as-code"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    if facts.tree.contains(".railway/railway.ts") {
        return Vec::new();
    }
    let message = "Railway reads this file until 2026-12-01";
    let all = files(facts).into_iter();
    all.map(|(file, _)| Defect::new(file, 1, message)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn until_it_is_replaced() {
        let old = ("api/railway.json", "{}");
        assert_eq!(found(&RULE, &[old]), ["api/railway.json:1 "]);
        assert!(found(&RULE, &[old, (".railway/railway.ts", "")]).is_empty());
    }
}

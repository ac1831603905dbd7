//! Releases are made by hand.

use crate::audit::evidence::{self, Practice};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "no-deploy-pipeline",
    title: "Releases are made by hand",
    severity: Severity::Low,
    // It may be somewhere else than in the repository.
    confidence: Confidence::Low,
    category: Category::Absences,
    what: "In a repository with an application: workflows that deploy.",
    why: "Without it, what is live depends on who deployed it, from which folder, and on which day; platforms that deploy each push by themselves show nothing of it in the repository.",
    mend: "`ci-tool generate` writes deploy.",
    references: &[
        "https://docs.github.com/actions/concepts/workflows-and-actions/deployment-environments",
    ],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let evidence = facts.evidence();
    let is_absent = !evidence.shows(Practice::DeployPipeline);
    if is_absent && evidence::has_application(facts) {
        return vec![Defect::new(
            evidence::front(facts),
            1,
            "no pipeline deploys",
        )];
    }
    Vec::new()
}

//! There is no environment before production.

use crate::audit::evidence::{self, Practice};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "no-staging",
    title: "There is no environment before production",
    severity: Severity::Low,
    // It may be somewhere else than in the repository.
    confidence: Confidence::Low,
    category: Category::Absences,
    what: "In a repository with an application: environments of workflows and platform files that are named staging, or like it.",
    why: "Without it, a release is tried for the first time by its users.",
    mend: "Deploy to a second environment first, and go on where it is healthy.",
    references: &[
        "https://docs.github.com/actions/concepts/workflows-and-actions/deployment-environments",
    ],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let evidence = facts.evidence();
    let is_absent = !evidence.shows(Practice::Staging);
    if is_absent && evidence::has_application(facts) {
        return vec![Defect::new(
            evidence::front(facts),
            1,
            "no workflow or platform file names an environment before production",
        )];
    }
    Vec::new()
}

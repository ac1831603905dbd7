//! Nothing brings an earlier release back.

use crate::audit::evidence::{self, Practice};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "no-rollback",
    title: "Nothing brings an earlier release back",
    severity: Severity::Low,
    // It may be somewhere else than in the repository.
    confidence: Confidence::Low,
    category: Category::Absences,
    what: "In a repository with an application: commands of workflows and scripts that roll back.",
    why: "Without it, the way back is thought of for the first time when it is needed.",
    mend: "Name the command of the platform in a workflow, and try it.",
    references: &["https://vercel.com/docs/instant-rollback"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let evidence = facts.evidence();
    let is_absent = !evidence.shows(Practice::Rollback);
    if is_absent && evidence::has_application(facts) {
        return vec![Defect::new(
            evidence::front(facts),
            1,
            "no workflow or script rolls back",
        )];
    }
    Vec::new()
}

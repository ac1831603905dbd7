//! There are no tests.

use crate::audit::evidence::{self, Practice};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "no-tests",
    title: "There are no tests",
    severity: Severity::Medium,
    // It may be somewhere else than in the repository.
    confidence: Confidence::Low,
    category: Category::Absences,
    what: "In a repository with an application: test commands of all components: their scripts, configurations and test files.",
    why: "Without it, nobody can say whether a change breaks something, and a pipeline has nothing to run.",
    mend: "Begin with one test that starts the application and asks for its health.",
    references: &["https://docs.github.com/actions/get-started/continuous-integration"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let evidence = facts.evidence();
    let is_absent = !evidence.shows(Practice::Tests);
    if is_absent && evidence::has_application(facts) {
        return vec![Defect::new(
            evidence::front(facts),
            1,
            "no component has tests that a command runs",
        )];
    }
    Vec::new()
}

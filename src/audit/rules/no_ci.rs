//! No pipeline proves a change.

use crate::audit::evidence::{self, Practice};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "no-ci",
    title: "No pipeline proves a change",
    severity: Severity::Medium,
    // It may be somewhere else than in the repository.
    confidence: Confidence::Low,
    category: Category::Absences,
    what: "In a repository with an application: pipelines that build, test or lint: workflows of GitHub, and the files of twelve other services.",
    why: "Without it, a change that breaks the build is found by whoever deploys it.",
    mend: "`ci-tool generate` writes the workflows that fit.",
    references: &["https://docs.github.com/actions/get-started/continuous-integration"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let evidence = facts.evidence();
    let is_absent = !evidence.shows(Practice::ContinuousIntegration);
    if is_absent && evidence::has_application(facts) {
        return vec![Defect::new(
            evidence::front(facts),
            1,
            "nothing builds, tests or lints a change",
        )];
    }
    Vec::new()
}

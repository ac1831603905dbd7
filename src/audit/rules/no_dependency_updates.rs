//! Nobody proposes newer dependencies.

use crate::audit::evidence::{self, Practice};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "no-dependency-updates",
    title: "Nobody proposes newer dependencies",
    severity: Severity::Low,
    // It may be somewhere else than in the repository.
    confidence: Confidence::Low,
    category: Category::Absences,
    what: "In a repository with an application: the configurations of Dependabot and Renovate, and workflows that do the same.",
    why: "Without it, known vulnerabilities stay until somebody thinks of them.",
    mend: "`ci-tool generate` writes .github/dependabot.yml.",
    references: &["https://docs.github.com/code-security/dependabot"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let evidence = facts.evidence();
    let is_absent = !evidence.shows(Practice::DependencyUpdates);
    if is_absent && evidence::has_application(facts) {
        return vec![Defect::new(
            evidence::front(facts),
            1,
            "no bot proposes newer versions",
        )];
    }
    Vec::new()
}

//! Nothing looks for vulnerabilities or secrets.

use crate::audit::evidence::{self, Practice};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "no-security-scanning",
    title: "Nothing looks for vulnerabilities or secrets",
    severity: Severity::Medium,
    // It may be somewhere else than in the repository.
    confidence: Confidence::Low,
    category: Category::Absences,
    what: "In a repository with an application: workflows that run a scanner.",
    why: "Without it, a vulnerable dependency, or a key in a commit, is found by somebody else.",
    mend: "`ci-tool generate` writes security-scan.",
    references: &["https://docs.github.com/code-security/code-scanning"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let evidence = facts.evidence();
    let is_absent = !evidence.shows(Practice::SecurityScanning);
    if is_absent && evidence::has_application(facts) {
        return vec![Defect::new(
            evidence::front(facts),
            1,
            "no pipeline looks for vulnerabilities or secrets",
        )];
    }
    Vec::new()
}

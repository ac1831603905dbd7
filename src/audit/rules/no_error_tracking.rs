//! Nobody is told of errors.

use crate::audit::evidence::{self, Practice};
use crate::audit::stacks::{self, Wish};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "no-error-tracking",
    title: "Nobody is told of errors",
    severity: Severity::Low,
    // It may be somewhere else than in the repository.
    confidence: Confidence::Low,
    category: Category::Absences,
    what: "In a repository with an application: packages in manifests that report errors.",
    why: "Without it, errors are found by users, and without what led to them.",
    mend: "Add a client of Sentry, or of what you use; `ci-tool audit --fix=no-error-tracking --fix-unsafe` adds it to FastAPI, Django, Express and Next.js, silent until its address is set.",
    references: &["https://docs.sentry.io/platforms/"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let evidence = facts.evidence();
    let is_absent = !evidence.shows(Practice::ErrorTracking);
    if is_absent && evidence::has_application(facts) {
        let defect = Defect::new(
            evidence::front(facts),
            1,
            "no manifest names a package that reports errors",
        );
        return vec![defect.mended_by(stacks::fix(facts, Wish::Errors))];
    }
    Vec::new()
}

//! Logs are text without fields.

use crate::audit::evidence::{self, Practice};
use crate::audit::stacks::{self, Wish};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "no-structured-logs",
    title: "Logs are text without fields",
    severity: Severity::Note,
    // It may be somewhere else than in the repository.
    confidence: Confidence::Low,
    category: Category::Absences,
    what: "In a repository with an application: packages in manifests that write logs with fields.",
    why: "Without it, what happened in one request cannot be found among all others.",
    mend: "Write JSON with an id for each request: structlog, pino; `ci-tool audit --fix=no-structured-logs --fix-unsafe` does it in FastAPI, Django and Express without a package.",
    references: &["https://www.structlog.org/"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let evidence = facts.evidence();
    let is_absent = !evidence.shows(Practice::StructuredLogs);
    if is_absent && evidence::has_application(facts) {
        let defect = Defect::new(
            evidence::front(facts),
            1,
            "no manifest names a package for structured logs",
        );
        return vec![defect.mended_by(stacks::fix(facts, Wish::Logs))];
    }
    Vec::new()
}

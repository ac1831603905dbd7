//! The application does not say whether it is well.

use crate::audit::evidence::{self, Practice};
use crate::audit::stacks::{self, Wish};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "no-health-endpoint",
    title: "The application does not say whether it is well",
    severity: Severity::Low,
    // It may be somewhere else than in the repository.
    confidence: Confidence::Low,
    category: Category::Absences,
    what: "In a repository with an application: routes for health in the files in which applications name their routes.",
    why: "Without it, a platform can only see that the port is open: a deployment that cannot reach its database becomes live.",
    mend: "Add a route that answers 200 where the application can work; `ci-tool audit --fix=no-health-endpoint --fix-unsafe` adds one to FastAPI, Django, Express and Next.js.",
    references: &["https://docs.railway.com/reference/healthchecks"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let evidence = facts.evidence();
    let is_absent = !evidence.shows(Practice::HealthEndpoint);
    if is_absent && evidence::has_application(facts) {
        let defect = Defect::new(evidence::front(facts), 1, "no route for health was found");
        return vec![defect.mended_by(stacks::fix(facts, Wish::Health))];
    }
    Vec::new()
}

//! Nothing copies the database.

use crate::audit::evidence::{self, Practice};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "no-backups",
    title: "Nothing copies the database",
    severity: Severity::Medium,
    // It may be somewhere else than in the repository.
    confidence: Confidence::Low,
    category: Category::Absences,
    what: "In a repository with an application: workflows and scripts that copy a database, in repositories that migrate one; what a cloud does by itself is not seen.",
    why: "Without it, a mistake in a migration, or a deleted project, takes the data with it.",
    mend: "`ci-tool generate --only database-backup` writes a workflow that copies, checks and restores.",
    references: &["https://www.postgresql.org/docs/current/backup-dump.html"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let evidence = facts.evidence();
    let is_absent = !evidence.shows(Practice::Backups) && evidence.shows(Practice::Migrations);
    if is_absent && evidence::has_application(facts) {
        return vec![Defect::new(
            evidence::front(facts),
            1,
            "migrations change a database that nothing here copies",
        )];
    }
    Vec::new()
}

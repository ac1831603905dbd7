//! Start scripts that take the database for ready.

use super::migration_error_ignored::MIGRATIONS;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "database-not-awaited",
    title: "A start script takes the database for ready",
    severity: Severity::Note,
    confidence: Confidence::Low,
    category: Category::Scripts,
    what: "A script that replaces itself by the application runs a migration first, once, and asks for the database nowhere.",
    why: "A database that starts at the same time is not there yet; platforms that start the container again hide it, others do not.",
    mend: "Wait for it with a limit (`pg_isready`), or leave it to the platform's restarts, knowingly.",
    references: &["https://www.postgresql.org/docs/current/app-pg-isready.html"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for script in facts.scripts() {
        let commands = &script.shell.commands;
        let waits = commands.iter().any(|one| {
            let text = one.text();
            [
                "pg_isready",
                "wait-for",
                "wait_for",
                "nc ",
                "dockerize",
                "mysqladmin",
                "sleep",
            ]
            .iter()
            .any(|word| text.contains(word))
        });
        let starts = commands
            .iter()
            .any(|one| one.words.first().is_some_and(|word| word.text == "exec"));
        let migrates = commands
            .iter()
            .find(|one| one.loops == 0 && MIGRATIONS.iter().any(|words| one.runs(words)));
        if let Some(command) = migrates.filter(|_| starts && !waits) {
            let message = "nothing asks whether the database is there";
            defects.push(Defect::new(&script.path, command, message));
        }
    }
    defects
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn asked_or_not() {
        let text = "set -e\nalembic upgrade head\nexec uvicorn a:b\n";
        assert_eq!(found(&RULE, &[("start.sh", text)]), ["start.sh:2 "]);
        for near in [
            text.replace("set -e", "until pg_isready; do sleep 1; done"),
            text.replace(
                "alembic upgrade head",
                "until alembic upgrade head; do true; done",
            ),
            text.replace("exec ", ""),
        ] {
            assert!(found(&RULE, &[("start.sh", &near)]).is_empty(), "{near}");
        }
    }
}

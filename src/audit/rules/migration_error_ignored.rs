//! Scripts that go on where a migration fails.

use crate::audit::fix::{Fix, Text};
use crate::audit::shell::{Command, Exit};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "migration-error-ignored",
    title: "A migration that fails does not stop the start",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Scripts,
    what: "A script runs a migration and then starts the application, and the migration's exit code stops nothing: there is no `set -e` and nobody asks, or it is thrown away with `|| true` and its like.",
    why: "The new version runs against the old schema, and nobody is told.",
    mend: "`set -e` at the head of the script; better, run migrations before the release is live (`preDeployCommand` of Railway, `release` of Procfile).",
    references: &["https://docs.railway.com/deployments/pre-deploy-command"],
    check,
};

/// Commands that bring a database to the newest schema.
pub(super) const MIGRATIONS: [&[&str]; 13] = [
    &["alembic", "upgrade"],
    &["python", "manage.py", "migrate"],
    &["python3", "manage.py", "migrate"],
    &["./manage.py", "migrate"],
    &["django-admin", "migrate"],
    &["flask", "db", "upgrade"],
    &["prisma", "migrate", "deploy"],
    &["rails", "db:migrate"],
    &["bin/rails", "db:migrate"],
    &["rake", "db:migrate"],
    &["knex", "migrate:latest"],
    &["sequelize", "db:migrate"],
    &["typeorm", "migration:run"],
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for script in facts.scripts() {
        let commands = &script.shell.commands;
        for (at, command) in commands.iter().enumerate() {
            let Some(words) = MIGRATIONS.iter().find(|words| command.runs(words)) else {
                continue;
            };
            let goes_on = match command.exit {
                Exit::Lost => "the script goes on: it has no `set -e`",
                Exit::Ignored => "the script throws its exit code away",
                Exit::Stops | Exit::Asked | Exit::Last => continue,
            };
            let same = |later: &&Command| later.function == command.function;
            if commands[at + 1..].iter().filter(same).any(starts) {
                let words = words.join(" ");
                let message = format!("`{words}` may fail, and {goes_on}");
                let defect = Defect::new(&script.path, command.place, message).about(words);
                defects.push(defect.mended_by(fix(facts, &script.path, command)));
            }
        }
    }
    defects
}

fn fix(facts: &Facts<'_>, file: &str, command: &Command) -> Option<Fix> {
    if command.exit != Exit::Lost {
        return None;
    }
    let text = Text::of(facts.tree, file)?;
    let stop = match command.function {
        Some(_) => " || return 1",
        None => " || exit 1",
    };
    let end = command.span.end;
    let change = text.replace(end..end, stop);
    Some(Fix::behaviour("stop where the migration fails", [change]))
}

/// Whether a command starts an application.
pub(super) fn starts(command: &Command) -> bool {
    let words = [
        "uvicorn",
        "gunicorn",
        "hypercorn",
        "daphne",
        "granian",
        "celery",
        "node",
        "npm",
        "pnpm",
        "yarn",
        "bun",
        "runserver",
        "supervisord",
        "puma",
        "fastapi",
        "flask",
        "$@",
    ];
    let replaces = command
        .words
        .first()
        .is_some_and(|word| word.text == "exec");
    replaces
        || !command.is_message()
            && command
                .words
                .iter()
                .any(|word| words.contains(&word.text.as_str()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn it_goes_on_or_stops() {
        let text = "#!/bin/bash\ncd backend\nalembic upgrade head\nexec uvicorn app.main:app\n";
        assert_eq!(
            found(&RULE, &[("start.sh", text)]),
            ["start.sh:3 alembic upgrade"]
        );
        // A comment or a text that only looks like `set -e` changes nothing, and `|| true`
        // undoes it.
        for also in [
            text.replace("cd backend", "echo 'set -e'"),
            text.replace("cd backend", "set -e")
                .replace("head", "head || true"),
            text.replace("cd backend", "set -e")
                .replace("head", "head || echo failed"),
            text.replace("cd backend", "set -e")
                .replace("head", "head | tee log"),
            text.replace("alembic", "python -m alembic"),
            text.replace("alembic", "poetry run alembic"),
        ] {
            assert_eq!(
                found(&RULE, &[("start.sh", &also)]),
                ["start.sh:3 alembic upgrade"],
                "{also}"
            );
        }
        for near in [
            text.replace("cd backend", "set -euo pipefail"),
            text.replace("bin/bash", "bin/sh -e"),
            text.replace(
                "alembic upgrade head",
                "if alembic upgrade head; then echo ok; else exit 1; fi",
            ),
            text.replace("cd backend", "set -o errexit"),
            text.replace("upgrade head", "upgrade head || exit 1"),
            text.replace("upgrade head\n", "upgrade head && \\\n  "),
            text.replace(
                "upgrade head\n",
                "upgrade head\nif [ $? -ne 0 ]; then exit 1; fi\n",
            ),
            text.replace("exec uvicorn app.main:app\n", ""),
            text.replace("alembic", "echo alembic"),
            text.replace("exec uvicorn app.main:app", "alembic check"),
        ] {
            assert!(found(&RULE, &[("start.sh", &near)]).is_empty(), "{near}");
        }
    }
}

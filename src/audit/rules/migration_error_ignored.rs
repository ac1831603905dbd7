//! Scripts that go on where a migration fails.

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "migration-error-ignored",
    title: "A migration that fails does not stop the start",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Scripts,
    what: "A script runs a migration and then starts the application, has no `set -e`, and does not look at the migration's exit code.",
    why: "The new version runs against the old schema, and nobody is told.",
    mend: "`set -e` at the head of the script; better, run migrations before the release is live (`preDeployCommand` of Railway, `release` of Procfile).",
    references: &["https://docs.railway.com/deployments/pre-deploy-command"],
    check,
};

const MIGRATIONS: [&str; 8] = [
    "alembic upgrade",
    "python manage.py migrate",
    "python3 manage.py migrate",
    "python -m alembic upgrade",
    "flask db upgrade",
    "npx prisma migrate deploy",
    "bundle exec rails db:migrate",
    "npx knex migrate:latest",
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for script in facts.scripts() {
        let head = facts.tree.text(&script.path);
        let shebang = head
            .as_deref()
            .and_then(|text| text.lines().next())
            .unwrap_or_default();
        let stops = |text: &str| {
            let text = text.trim();
            text.split_whitespace().any(|word| word == "errexit")
                || text.strip_prefix("set -").is_some_and(|rest| {
                    let flags = rest.split_whitespace().next().unwrap_or_default();
                    !flags.starts_with('-') && flags.contains('e')
                })
                || text.starts_with("trap ") && text.contains("ERR")
        };
        if shebang.starts_with("#!") && shebang.contains(" -e")
            || script.lines.iter().any(|(_, line)| stops(line))
        {
            continue;
        }
        for (at, (line, text)) in script.lines.iter().enumerate() {
            let text = text.trim();
            let Some(command) = MIGRATIONS
                .iter()
                .find(|command| text.starts_with(**command))
            else {
                continue;
            };
            let next = script.lines.get(at + 1).map(|(_, next)| next.trim());
            // The last command's exit code is the script's, and the next line may ask.
            let is_asked = text.contains("||") && !text.contains("|| true") || text.contains("&&");
            let asks = next.is_some_and(|next| next.contains("$?") || next.starts_with("rc="));
            let goes_on = script.lines[at + 1..]
                .iter()
                .any(|(_, later)| starts(later));
            if !is_asked && !asks && goes_on {
                let message =
                    format!("`{command}` may fail, and the script goes on: it has no `set -e`");
                defects.push(Defect::new(&script.path, *line, message).about(*command));
            }
        }
    }
    defects
}

/// Whether a line starts an application.
fn starts(line: &str) -> bool {
    let words = [
        "exec",
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
        "\"$@\"",
    ];
    let is_text = ["echo ", "printf "]
        .iter()
        .any(|word| line.trim_start().starts_with(word));
    !is_text && line.split_whitespace().any(|word| words.contains(&word))
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
        for near in [
            text.replace("cd backend", "set -euo pipefail"),
            text.replace("bin/bash", "bin/sh -e"),
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

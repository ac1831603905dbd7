//! Migrations that are commented out.

use super::migration_error_ignored::{MIGRATIONS, starts};
use crate::audit::facts::Script;
use crate::audit::shell::{Command, Shell, Start};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "migration-skipped",
    title: "The migration before the start is commented out",
    severity: Severity::Medium,
    // The application may migrate by itself, or somebody by hand.
    confidence: Confidence::Low,
    category: Category::Scripts,
    what: "A script that starts the application has the command of a migration in a comment, and no other script, workflow, Dockerfile or platform file runs one.",
    why: "The new version runs against the schema of the old one until somebody thinks of it.",
    mend: "Run it before the release is live (`preDeployCommand` of Railway, `release` of Procfile), or take the comment out.",
    references: &["https://docs.railway.com/deployments/pre-deploy-command"],
    check,
};

/// Files in which a platform or a person is told what to run.
const FILES: [&str; 17] = [
    "Justfile",
    "Makefile",
    "Procfile",
    "app.json",
    "compose.yaml",
    "compose.yml",
    "docker-compose.yaml",
    "docker-compose.yml",
    "fly.toml",
    "justfile",
    "nixpacks.toml",
    "package.json",
    "railway.json",
    "railway.toml",
    "render.yaml",
    ".gitlab-ci.yml",
    "Taskfile.yml",
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    let scripts = facts.scripts().iter();
    for script in scripts.filter(|script| script.shell.commands.iter().any(starts)) {
        if let Some((line, words)) = commented(facts, script) {
            let message =
                format!("`{words}` is in a comment, and nothing else in the repository runs it");
            defects.push(Defect::new(&script.path, line, message).about(words));
        }
    }
    // Most repositories have none, and need no look at all the rest.
    if defects.is_empty() || migrates(facts) {
        return Vec::new();
    }
    defects
}

/// The line of a script that is a migration behind a `#`.
fn commented(facts: &Facts<'_>, script: &Script) -> Option<(usize, String)> {
    let text = facts.tree.text(&script.path)?;
    let mut lines = text.lines().enumerate();
    lines.find_map(|(at, line)| {
        let code = line.trim_start().strip_prefix('#')?.trim();
        let first = MIGRATIONS
            .iter()
            .any(|words| code.contains(words[words.len() - 1]));
        if !first || code.starts_with('!') {
            return None;
        }
        let shell = Shell::parse(code, Start::default());
        let command = shell.commands.first().filter(|_| shell.is_whole)?;
        Some((at + 1, migration(command)?))
    })
}

fn migration(command: &Command) -> Option<String> {
    let found = MIGRATIONS.iter().find(|words| command.runs(words))?;
    // A sentence that begins with the command has more words than the command.
    (command.words.len() <= found.len() + 3).then(|| found.join(" "))
}

/// Whether anything in the repository runs a migration.
fn migrates(facts: &Facts<'_>) -> bool {
    let is = |command: &Command| MIGRATIONS.iter().any(|words| command.runs(words));
    let scripts = facts.scripts().iter().flat_map(|one| &one.shell.commands);
    let steps = facts.steps().iter().flat_map(|one| &one.shell.commands);
    if scripts.chain(steps).any(is) {
        return true;
    }
    let says = |text: &str| {
        let plain = text.replace(['"', '\'', ',', '[', ']'], " ");
        let plain: Vec<&str> = plain.split_whitespace().collect();
        let plain = plain.join(" ");
        MIGRATIONS
            .iter()
            .any(|words| plain.contains(&words.join(" ")))
    };
    let files = FILES.iter().flat_map(|name| facts.tree.named(name));
    let mut files = files.filter_map(|file| facts.tree.text(file));
    let dockerfiles = facts.dockerfiles().iter().flat_map(|one| &one.instructions);
    files.any(|text| {
        text.lines()
            .any(|line| !line.trim_start().starts_with('#') && says(line))
    }) || dockerfiles.into_iter().any(|one| says(&one.rest))
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn commented_out_or_somewhere_else() {
        let text = "#!/bin/bash\nset -e\n# alembic upgrade head\nexec uvicorn app.main:app\n";
        assert_eq!(
            found(&RULE, &[("start.sh", text)]),
            ["start.sh:3 alembic upgrade"]
        );
        for near in [
            text.replace("# alembic upgrade head", "# Usage: alembic upgrade head"),
            text.replace(
                "# alembic upgrade head",
                "# alembic upgrade head has to be run by hand before the first start",
            ),
            text.replace("set -e", "alembic upgrade head"),
            text.replace("exec uvicorn app.main:app", "pg_dump x"),
            text.replace("# alembic upgrade head", "cat <<E\nalembic upgrade head\nE"),
        ] {
            assert!(found(&RULE, &[("start.sh", &near)]).is_empty(), "{near}");
        }
        for (path, other) in [
            ("Procfile", "release: alembic upgrade head\n"),
            (
                "railway.json",
                "{\"deploy\": {\"preDeployCommand\": [\"alembic\", \"upgrade\", \"head\"]}}",
            ),
            (
                "Dockerfile",
                "FROM x\nCMD alembic upgrade head && ./start.sh\n",
            ),
            (
                "api/docker-compose.yml",
                "services:\n  m:\n    command: alembic upgrade head\n",
            ),
            (
                ".github/workflows/d.yml",
                "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: alembic upgrade head\n",
            ),
        ] {
            let files = [("start.sh", text), (path, other)];
            assert!(found(&RULE, &files).is_empty(), "{path}");
        }
        let files = [
            ("start.sh", text),
            ("Procfile", "# release: alembic upgrade head\n"),
        ];
        assert_eq!(found(&RULE, &files).len(), 1);
    }
}

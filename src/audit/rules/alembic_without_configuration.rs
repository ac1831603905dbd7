//! Migrations that are run where nothing configures them.

use crate::audit::shell::Command;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "alembic-without-configuration",
    title: "Alembic runs in a folder without its configuration",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Pipelines,
    what: "A step of a workflow with a plain checkout runs alembic, without `-c`, in a folder that has no alembic.ini, while another folder has one.",
    why: "Alembic says that there is no config file 'alembic.ini', and the job can never pass.",
    mend: "Set `working-directory`, or name the file with `-c`.",
    references: &["https://alembic.sqlalchemy.org/en/latest/tutorial.html"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let Some(ini) = facts.tree.named("alembic.ini").next() else {
        return Vec::new();
    };
    let mut defects = Vec::new();
    for step in facts
        .steps()
        .iter()
        .filter(|step| step.is_here && !step.moves())
    {
        let has = |name: &str| facts.tree.contains(&path::join(&step.folder, name));
        let by_manifest = facts
            .tree
            .text(&path::join(&step.folder, "pyproject.toml"))
            .is_some_and(|text| text.contains("[tool.alembic"));
        let by_variable = facts
            .tree
            .text(&step.path)
            .is_some_and(|text| text.contains("ALEMBIC_CONFIG"));
        if has("alembic.ini") || by_variable || by_manifest || step.folder.contains('$') {
            continue;
        }
        for command in step.shell.commands.iter().filter(|one| needs(one)) {
            let message = format!("there is no alembic.ini in `{}`; {ini} is one", step.folder);
            defects.push(Defect::new(&step.path, command, message).with(ini, 1));
        }
    }
    defects
}

/// Whether a command reads the configuration of the folder that it runs in.
fn needs(command: &Command) -> bool {
    let verbs = [
        "upgrade",
        "downgrade",
        "check",
        "current",
        "heads",
        "history",
        "revision",
        "stamp",
    ];
    let flags = ["-c", "--config", "--directory", "--project", "-C"];
    let verb = command
        .program()
        .get(1)
        .map_or("", |word| word.text.as_str());
    command.runs(&["alembic"])
        && verbs.contains(&verb)
        && !flags.iter().any(|flag| command.has(flag))
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn in_the_wrong_folder() {
        let text = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: actions/checkout@v4\n      - run: |\n          pip install alembic\n          alembic upgrade head\n";
        let path = ".github/workflows/ci.yml";
        let of = |text: &str| found(&RULE, &[(path, text), ("backend/alembic.ini", "")]);
        assert_eq!(of(text), [".github/workflows/ci.yml:9 "]);
        for near in [
            text.replace("- run: |", "- working-directory: backend\n        run: |"),
            text.replace("alembic upgrade", "alembic -c backend/alembic.ini upgrade"),
            text.replace("pip install alembic", "cd backend"),
            text.replace("alembic upgrade", "echo alembic upgrade"),
            text.replace(
                "on: push",
                "on: push\nenv:\n  ALEMBIC_CONFIG: backend/alembic.ini",
            ),
        ] {
            assert!(of(&near).is_empty(), "{near}");
        }
        assert!(found(&RULE, &[(path, text)]).is_empty());
    }
}

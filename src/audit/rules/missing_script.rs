//! Steps of workflows that run a script which package.json has not.

use crate::audit::shell::Command;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "missing-script",
    title: "A step runs a script that package.json has not",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Pipelines,
    what: "`npm run NAME`, `pnpm run NAME` and `yarn run NAME` in workflows are held against the scripts of package.json in the step's folder.",
    why: "The step ends with `Missing script`, so that the job can never pass.",
    mend: "Name a script that is there, or add it.",
    references: &["https://docs.npmjs.com/cli/commands/npm-run"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for step in facts
        .steps()
        .iter()
        .filter(|step| step.is_here && !step.moves())
    {
        // What is not understood may make the script.
        let is_odd = |one: &Command| {
            one.runs(&["npm", "pkg"]) || one.runs(&["npm", "init"]) || one.runs(&["git", "clone"])
        };
        if step.shell.commands.iter().any(is_odd) || !step.shell.is_whole {
            continue;
        }
        for command in &step.shell.commands {
            let Some(name) = script(command) else {
                continue;
            };
            if let Some(manifest) = lacks(facts, &step.folder, name) {
                let message =
                    format!("it runs the script `{name}`, and {manifest} has none of this name");
                let defect = Defect::new(&step.path, command, message);
                defects.push(defect.with(manifest, 1).about(name));
            }
        }
    }
    defects
}

/// The script that a command runs in its own folder.
fn script(command: &Command) -> Option<&str> {
    const ELSEWHERE: [&str; 11] = [
        "--if-present",
        "-w",
        "--workspace",
        "--workspaces",
        "-ws",
        "--prefix",
        "-C",
        "--filter",
        "-r",
        "--recursive",
        "-F",
    ];
    let words = command.program();
    let [program, run, name, ..] = words else {
        return None;
    };
    let is_manager = matches!(program.text.as_str(), "npm" | "pnpm" | "yarn") && run.text == "run";
    let name = Some(&name.text).filter(|_| is_manager && name.is_literal)?;
    let is_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'_' | b'.'));
    let is_elsewhere = ELSEWHERE.iter().any(|flag| command.has(flag));
    (is_plain && !name.starts_with('-') && name != "env" && !is_elsewhere).then_some(name)
}

/// The manifest of a folder, where it has no script of this name.
fn lacks(facts: &Facts<'_>, folder: &str, name: &str) -> Option<String> {
    let manifest = path::join(folder, "package.json");
    let document = facts.tree.json(&manifest)?;
    let has = document.at(&["scripts", name]).is_some();
    (!has).then_some(manifest)
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    fn workflow(steps: &str) -> String {
        format!(
            "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: actions/checkout@v6\n{steps}"
        )
    }

    #[test]
    fn a_script_that_is_not_there() {
        let one = workflow(
            "      - run: npm run type-check\n        working-directory: web\n      - working-directory: web\n        run: |\n          npm ci\n          npm run lint\n          pnpm run none\n",
        );
        assert_eq!(
            found(
                &RULE,
                &[
                    (".github/workflows/ci.yml", &one),
                    ("web/package.json", r#"{"scripts": {"lint": "eslint"}}"#),
                ]
            ),
            [
                ".github/workflows/ci.yml:13 none",
                ".github/workflows/ci.yml:7 type-check",
            ]
        );
    }

    #[test]
    fn one_that_is_or_may_be_there() {
        for steps in [
            "      - run: npm run lint\n",
            "      - run: npm run none --if-present\n",
            "      - run: npm run none -w packages/a\n",
            "      - run: cd other && npm run none\n",
            "      - run: echo 'npm run none'\n",
            "      - run: |\n          cat <<EOF\n          npm run none\n          EOF\n",
            "      - run: |\n          # npm run none\n          true\n",
            "      - shell: pwsh\n        run: npm run none\n",
            "      - run: npm run ${{ matrix.script }}\n",
            "      - run: npm run none\n        working-directory: elsewhere\n",
            "      - uses: actions/checkout@v6\n        with:\n          repository: a/b\n      - run: npm run none\n",
        ] {
            let files = [
                (".github/workflows/ci.yml", &*workflow(steps)),
                ("package.json", r#"{"scripts": {"lint": "eslint"}}"#),
            ];
            assert!(found(&RULE, &files).is_empty(), "{steps}");
        }
    }
}

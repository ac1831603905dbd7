//! Steps of workflows that run a script which package.json has not.

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
        let odd = ["${{", "npm pkg", "npm init", "<<"];
        let is_odd = |(_, line): &(usize, String)| odd.iter().any(|word| line.contains(word));
        if step.lines.iter().any(is_odd) {
            continue;
        }
        for (line, text) in &step.lines {
            let Some(name) = script(text) else { continue };
            if let Some(manifest) = lacks(facts, &step.folder, name) {
                let message =
                    format!("it runs the script `{name}`, and {manifest} has none of this name");
                let defect = Defect::new(&step.path, *line, message);
                defects.push(defect.with(manifest, 1).about(name));
            }
        }
    }
    defects
}

/// The script that a line runs in its own folder.
fn script(line: &str) -> Option<&str> {
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
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["npm" | "pnpm" | "yarn", "run", name, ..] = words.as_slice() else {
        return None;
    };
    let is_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'_' | b'.'));
    let is_elsewhere = words.iter().any(|word| {
        ELSEWHERE
            .iter()
            .any(|flag| word.split('=').next() == Some(flag))
    });
    (is_plain && !name.starts_with('-') && *name != "env" && !is_elsewhere).then_some(*name)
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

//! Steps of workflows that run a script which package.json has not.

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::Node;
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
    let is_yaml = |file: &&str| file.ends_with(".yml") || file.ends_with(".yaml");
    for file in facts.tree.directly_in(".github/workflows").filter(is_yaml) {
        let Some(document) = facts.tree.yaml(file) else {
            continue;
        };
        let jobs = document.get("jobs").map_or(&[][..], Node::entries);
        for job in jobs {
            let steps = job.node.get("steps").map_or(&[][..], Node::items);
            if !is_here(steps) {
                continue;
            }
            for step in steps {
                let Some(run) = step.entry("run") else {
                    continue;
                };
                let own = step.get("working-directory");
                let of = |node: &Node| {
                    let keys = ["defaults", "run", "working-directory"];
                    Some(node.at(&keys)?.str()?.to_owned())
                };
                let folder = own.and_then(Node::str).map(str::to_owned);
                let folder = folder.or_else(|| of(&job.node)).or_else(|| of(&document));
                let folder = path::normalise(folder.as_deref().unwrap_or("."));
                for (offset, name) in scripts(run.node.str().unwrap_or_default()) {
                    if let Some(manifest) = lacks(facts, &folder, name) {
                        let line = run.line + offset;
                        let message = format!(
                            "it runs the script `{name}`, and {manifest} has none of this name"
                        );
                        defects.push(
                            Defect::new(file, line, message)
                                .with(manifest, 1)
                                .about(name),
                        );
                    }
                }
            }
        }
    }
    defects
}

/// Whether a job works in a plain checkout of this repository.
fn is_here(steps: &[Node]) -> bool {
    let mut checkouts = steps.iter().filter(|step| {
        let uses = step.get("uses").and_then(Node::str);
        uses.is_some_and(|uses| uses.starts_with("actions/checkout@"))
    });
    let Some(first) = checkouts.next() else {
        return false;
    };
    let moves = |step: &Node| {
        let with = step.get("with");
        with.is_some_and(|with| {
            ["path", "repository", "ref"]
                .iter()
                .any(|key| with.get(key).is_some())
        })
    };
    !moves(first) && checkouts.next().is_none()
}

/// The scripts that a step runs, with the line below `run:`. Where it changes the folder,
/// or does what is not understood, none.
fn scripts(run: &str) -> Vec<(usize, &str)> {
    let is_block = run.trim_end().contains('\n');
    if ["cd ", "pushd ", "${{", "npm pkg", "npm init", "<<"]
        .iter()
        .any(|word| run.contains(word))
    {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (at, line) in run.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let name = match words.as_slice() {
            ["npm" | "pnpm" | "yarn", "run", name, ..] => name,
            _ => continue,
        };
        let elsewhere = [
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
        let is_plain = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'_' | b'.'));
        let moves = words.iter().any(|word| {
            elsewhere
                .iter()
                .any(|flag| word.split('=').next() == Some(flag))
        });
        if is_plain && !name.starts_with('-') && *name != "env" && !moves {
            found.push((if is_block { at + 1 } else { 0 }, *name));
        }
    }
    found
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

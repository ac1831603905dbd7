//! Scripts that a step runs and that are not there.

use crate::audit::earlier;
use crate::audit::shell::Command;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::ignored::may_be_there;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "script-file-missing",
    title: "A step runs a script that is not there",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Pipelines,
    what: "A step of a workflow with a plain checkout runs a script by its path, the repository has no such file, and no earlier step of its job can have made it.",
    why: "The step ends with an error, so that the job can never pass.",
    mend: "Name the script that is meant, or add it.",
    references: &[
        "https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsrun",
    ],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for step in earlier::untouched(facts) {
        if !step.is_here || step.moves() || step.folder.contains('$') {
            continue;
        }
        for command in &step.shell.commands {
            let Some(named) = script(command) else {
                if earlier::is_quiet(command) {
                    continue;
                }
                // What follows may run what this command makes.
                break;
            };
            let text = facts.tree.text(&step.path).unwrap_or_default();
            // What is cloned or unpacked is not seen here.
            let brings = [
                "git clone",
                "git checkout",
                "tar ",
                "unzip",
                "download-artifact",
                "submodule",
            ];
            if brings.iter().any(|word| text.contains(word)) {
                break;
            }
            let there = path::join(&step.folder, &path::normalise(named));
            let is_outside = there.starts_with("..");
            let names = text.matches(path::name(&there)).count();
            if is_outside || names > 1 || may_be_there(facts.tree, &there) {
                break;
            }
            if facts.tree.root().join(&there).exists() {
                // It runs, and may make what is run next.
                break;
            }
            let message = format!("`{named}` is not in the repository, and nothing here makes it");
            defects.push(Defect::new(&step.path, command, message).about(named));
        }
    }
    defects
}

/// The script of the repository that a command starts.
fn script(command: &Command) -> Option<&str> {
    let words = command.program();
    let first = words.first().filter(|word| word.is_literal)?.text.as_str();
    let named = match first {
        "bash" | "sh" | "python" | "python3" | "node" | "ruby" => {
            let word = words.get(1).filter(|word| word.is_literal)?;
            word.text.as_str()
        }
        _ if first.starts_with("./") || first.contains('/') => first,
        _ => return None,
    };
    let ends = [".sh", ".py", ".js", ".mjs", ".cjs", ".rb", ".bash"];
    let is_plain = !named.starts_with(['/', '~', '-']) && !named.contains(['$', '*', '\\']);
    let made = [
        "dist/",
        "build/",
        "node_modules/",
        "target/",
        "out/",
        "vendor/",
        ".venv/",
        "venv/",
    ];
    (is_plain
        && !command.is_conditional
        && ends.iter().any(|end| named.ends_with(end))
        && !made.iter().any(|folder| named.contains(folder)))
    .then_some(named)
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn a_script_that_nobody_has() {
        let text = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: actions/checkout@v4\n      - run: bash scripts/check.sh --all\n";
        let path = ".github/workflows/ci.yml";
        let of = |text: &str| found(&RULE, &[(path, text), ("scripts/other.sh", "")]);
        assert_eq!(of(text), [".github/workflows/ci.yml:7 scripts/check.sh"]);
        for near in [
            text.replace("check.sh", "other.sh"),
            text.replace("bash scripts", "bash $DIR/scripts"),
            text.replace(
                "- run: bash",
                "- run: curl -o scripts/check.sh x\n      - run: bash",
            ),
            text.replace("bash scripts/check.sh", "[ -f x ] && bash scripts/check.sh"),
            text.replace("bash scripts/check.sh", "node dist/check.js"),
            text.replace("- run: bash", "- run: npm run build\n      - run: bash"),
            text.replace("- run: bash", "- run: curl -LO $URL\n      - run: bash"),
            text.replace(
                "- run: bash",
                "- uses: somebody/fetch@v1\n      - run: bash",
            ),
            text.replace(
                "bash scripts/check.sh",
                "|\n          make scripts\n          bash scripts/check.sh",
            ),
            text.replace(
                "- run: bash",
                "- if: hashFiles('scripts/check.sh') != ''\n        run: bash",
            ),
            text.replace("bash scripts/check.sh", "/usr/bin/check.sh"),
            text.replace("      - uses: actions/checkout@v4\n", ""),
        ] {
            assert!(of(&near).is_empty(), "{near}");
        }
        let later = text.replace("- run: bash", "- run: npm ci\n      - run: bash");
        assert_eq!(of(&later), [".github/workflows/ci.yml:8 scripts/check.sh"]);
        let ignored = [(path, text), (".gitignore", "check.sh\n")];
        assert!(found(&RULE, &ignored).is_empty());
    }
}

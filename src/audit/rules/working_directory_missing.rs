//! Steps that run in a folder that is not there.

use crate::audit::earlier;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::ignored::may_be_there;

pub(super) const RULE: Rule = Rule {
    id: "working-directory-missing",
    title: "A step runs in a folder that is not there",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Pipelines,
    what: "The `working-directory` of a step, in a job with a plain checkout, is no folder of the repository, and no earlier step of its job can have made it.",
    why: "The step ends with an error before its script starts, so that the job can never pass.",
    mend: "Name the folder that is meant.",
    references: &[
        "https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsworking-directory",
    ],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects: Vec<Defect> = Vec::new();
    for step in earlier::untouched(facts) {
        if !step.is_here {
            continue;
        }
        let folder = step.folder.as_str();
        let is_plain = !folder.contains(['$', '*', '~', '\\']) && !folder.starts_with(['/', '.']);
        if folder == "." || !is_plain || facts.tree.has_folder(folder) {
            continue;
        }
        // Git knows no empty folders, and what it ignores may be made before.
        if facts.tree.root().join(folder).exists() || may_be_there(facts.tree, folder) {
            continue;
        }
        let text = facts.tree.text(&step.path).unwrap_or_default();
        let brings = ["git clone", "download-artifact", "submodule"];
        // A redirection, or an option of a command that is known otherwise.
        let first = folder.split('/').next().unwrap_or(folder);
        let makes = text.lines().any(|line| {
            line.contains(first)
                && (line.contains('>') || line.contains("mkdir") || line.contains("--prefix"))
        });
        if makes || brings.iter().any(|word| text.contains(word)) {
            continue;
        }
        let Some(line) = text
            .lines()
            .position(|line| line.contains("working-directory") && line.contains(folder))
        else {
            continue;
        };
        let is_told = |one: &Defect| {
            (&one.path, one.line, one.about.as_str()) == (&step.path, line + 1, folder)
        };
        if !defects.iter().any(is_told) {
            let message =
                format!("`{folder}` is no folder of the repository, and nothing here makes it");
            defects.push(Defect::new(&step.path, line + 1, message).about(folder));
        }
    }
    defects
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn a_folder_that_nobody_makes() {
        let text = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: actions/checkout@v4\n      - run: npm test\n        working-directory: frontned\n";
        let path = ".github/workflows/ci.yml";
        let files = |text: &str| found(&RULE, &[(path, text), ("frontend/package.json", "{}")]);
        assert_eq!(files(text), [".github/workflows/ci.yml:8 frontned"]);
        for near in [
            text.replace("frontned", "frontend"),
            text.replace("frontned", "${{ matrix.folder }}"),
            text.replace(
                "- run: npm",
                "- run: |\n          mkdir frontned\n      - run: npm",
            ),
            text.replace("- run: npm", "- run: git clone https://x\n      - run: npm"),
            text.replace("      - uses: actions/checkout@v4\n", ""),
            text.replace("- run: npm", "- run: mkdir frontned\n      - run: npm"),
            text.replace(
                "- run: npm",
                "- run: npx create-next-app@15 frontned\n      - run: npm",
            ),
            text.replace("- run: npm", "- run: make\n      - run: npm"),
            text.replace("- run: npm", "- uses: somebody/fetch@v1\n      - run: npm"),
            text.replace(
                "- run: npm",
                "- if: hashFiles('frontned/a') != ''\n        run: npm",
            ),
            text.replace("- run: npm", "- continue-on-error: true\n        run: npm"),
        ] {
            assert!(files(&near).is_empty(), "{near}");
        }
        // What is only installed and checked before makes no folders.
        let later = text.replace("- run: npm", "- run: npm ci\n      - run: npm");
        assert_eq!(files(&later), [".github/workflows/ci.yml:9 frontned"]);
        let ignored = [(path, text), (".gitignore", "/frontned\n")];
        assert!(found(&RULE, &ignored).is_empty());
    }
}

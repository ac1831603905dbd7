//! Checks whose failure is thrown away.

use crate::audit::shell::{Command, Exit};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "check-cannot-fail",
    title: "A step runs a check and throws its failure away",
    severity: Severity::Medium,
    // Somebody may want the report alone, for a while.
    confidence: Confidence::Low,
    category: Category::Pipelines,
    what: "A step of a workflow runs tests, a linter or a scanner with `|| true`, or behind a pipe without `pipefail`.",
    why: "The job is green whatever the check finds, and people believe that it looked.",
    mend: "Let it fail; what is known and may pass belongs in the tool's own list of exceptions.",
    references: &[
        "https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell",
    ],
    check,
};

const CHECKS: [&[&str]; 22] = [
    &["pytest"],
    &["npm", "test"],
    &["npm", "run", "test"],
    &["npm", "run", "lint"],
    &["npm", "audit"],
    &["pnpm", "test"],
    &["yarn", "test"],
    &["jest"],
    &["vitest"],
    &["eslint"],
    &["tsc"],
    &["mypy"],
    &["ruff", "check"],
    &["flake8"],
    &["bandit"],
    &["pip-audit"],
    &["cargo", "test"],
    &["cargo", "clippy"],
    &["go", "test"],
    &["go", "vet"],
    &["trivy"],
    &["playwright", "test"],
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for step in facts.steps() {
        let looked = step
            .shell
            .commands
            .iter()
            .filter(|one| one.exit == Exit::Ignored);
        for command in looked.filter(|one| !one.is_substituted) {
            if let Some(words) = CHECKS.iter().find(|words| is(command, words)) {
                let words = words.join(" ");
                let message = format!("`{words}` may fail, and the step passes");
                defects.push(Defect::new(&step.path, command, message).about(words));
            }
        }
    }
    defects
}

fn is(command: &Command, words: &[&str]) -> bool {
    command.runs(words) && !command.has("--version") && !command.has("--help")
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn thrown_away_or_not() {
        let of = |run: &str| {
            let text = format!(
                "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - {run}\n"
            );
            found(&RULE, &[(".github/workflows/ci.yml", &text)]).len()
        };
        assert_eq!(of("run: npm test || true"), 1);
        assert_eq!(of("run: python -m pytest | tee log"), 1);
        assert_eq!(of("run: npx eslint . || echo failed"), 1);
        assert_eq!(of("run: npm test"), 0);
        assert_eq!(of("run: npm test || exit 1"), 0);
        assert_eq!(of("run: rm x || true"), 0);
        assert_eq!(
            of("run: |\n          set -o pipefail\n          pytest | tee log"),
            0
        );
        assert_eq!(of("shell: bash\n        run: pytest | tee log"), 0);
        assert_eq!(of("run: pytest --version || true"), 0);
    }
}

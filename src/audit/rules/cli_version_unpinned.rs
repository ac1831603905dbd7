//! Programs of platforms that come in whatever version is newest.

use crate::audit::shell::Command;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "cli-version-unpinned",
    title: "A deployment runs whatever version of a program is newest",
    severity: Severity::Low,
    confidence: Confidence::Low,
    category: Category::Pipelines,
    what: "A step of a workflow installs the command of a hosting platform without a version, or runs it through `npx` at `latest`.",
    why: "A release of somebody else's program changes, or stops, the next deployment.",
    mend: "Name the version, and let a bot raise it.",
    references: &["https://docs.npmjs.com/cli/commands/npx"],
    check,
};

const PACKAGES: [&str; 7] = [
    "@railway/cli",
    "vercel",
    "netlify-cli",
    "wrangler",
    "firebase-tools",
    "heroku",
    "supabase",
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for step in facts.steps() {
        for command in &step.shell.commands {
            if let Some(package) = floating(command) {
                let message = format!("`{package}` comes in its newest version");
                defects.push(Defect::new(&step.path, command, message).about(package));
            }
        }
    }
    defects
}

/// The package that a command fetches in no version that was chosen.
fn floating(command: &Command) -> Option<&'static str> {
    let words: Vec<&str> = command
        .words
        .iter()
        .map(|word| word.text.as_str())
        .collect();
    let installs = match words.as_slice() {
        ["npm" | "pnpm", "install" | "i" | "add", ..] => {
            words.iter().any(|word| matches!(*word, "-g" | "--global"))
        }
        ["yarn", "global", "add", ..] => true,
        ["npx" | "bunx", ..] => words.iter().any(|word| word.ends_with("@latest")),
        _ => false,
    };
    let named = |package: &&&str| {
        words
            .iter()
            .any(|word| *word == **package || word.strip_suffix("@latest") == Some(**package))
    };
    PACKAGES.iter().find(named).copied().filter(|_| installs)
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn newest_and_chosen() {
        let of = |run: &str| {
            let text =
                format!("on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: {run}\n");
            found(&RULE, &[(".github/workflows/d.yml", &text)]).len()
        };
        assert_eq!(of("npm install -g @railway/cli"), 1);
        assert_eq!(of("npx vercel@latest deploy"), 1);
        assert_eq!(of("npm i -g vercel@48.0.0"), 0);
        assert_eq!(of("npx vercel deploy"), 0);
        assert_eq!(of("npm install vercel"), 0);
    }
}

//! What a job has done before a step: a file that the repository lacks may be there.

use super::Facts;
use super::shell::Command;
use super::steps::Step;
use crate::project::document::Node;

/// Actions that put nothing into the checkout that a step could run or enter.
const QUIET_ACTIONS: [&str; 12] = [
    "actions/checkout",
    "actions/github-script",
    "actions/upload-artifact",
    "astral-sh/setup-uv",
    "docker/login-action",
    "docker/setup-buildx-action",
    "docker/setup-qemu-action",
    "dtolnay/rust-toolchain",
    "oven-sh/setup-bun",
    "pnpm/action-setup",
    "ruby/setup-ruby",
    "Swatinem/rust-cache",
];

/// Commands that make no files of their own: messages, installations, checks.
const QUIET_COMMANDS: [&[&str]; 50] = [
    &["["],
    &["[["],
    &["apt"],
    &["apt-get"],
    &["black"],
    &["brew", "install"],
    &["bundle", "install"],
    &["cargo", "clippy"],
    &["cargo", "fmt"],
    &["cargo", "test"],
    &["cd"],
    &["composer", "install"],
    &["corepack"],
    &["eslint"],
    &["exit"],
    &["export"],
    &["flake8"],
    &["git", "config"],
    &["git", "status"],
    &["go", "test"],
    &["go", "vet"],
    &["isort"],
    &["ls"],
    &["mypy"],
    &["node", "--version"],
    &["npm", "--version"],
    &["npm", "ci"],
    &["npm", "i"],
    &["npm", "install"],
    &["npm", "run", "lint"],
    &["npm", "run", "test"],
    &["npm", "test"],
    &["pip", "install"],
    &["pip3", "install"],
    &["pipenv", "install"],
    &["pnpm", "i"],
    &["pnpm", "install"],
    &["pnpm", "lint"],
    &["pnpm", "test"],
    &["poetry", "install"],
    &["prettier"],
    &["pwd"],
    &["pytest"],
    &["python", "--version"],
    &["ruff"],
    &["set"],
    &["sleep"],
    &["uv", "pip", "install"],
    &["uv", "sync"],
    &["yarn", "install"],
];

/// Whether something in a step's job may have brought files before it, or decides whether
/// the step runs at all. An action or a command that is not known may bring anything.
pub(super) fn may_bring(facts: &Facts<'_>, step: &Step) -> bool {
    let Some(document) = facts.tree.yaml(&step.path) else {
        return true;
    };
    let Some(job) = document.get("jobs").and_then(|jobs| jobs.get(&step.job)) else {
        return true;
    };
    let steps = job.get("steps").map_or(&[][..], Node::items);
    let (Some(own), Some(before)) = (steps.get(step.index), steps.get(..step.index)) else {
        return true;
    };
    let mut earlier = before.iter().enumerate();
    is_doubtful(job) || is_doubtful(own) || earlier.any(|(at, one)| brings(facts, step, at, one))
}

/// Whether a job or a step runs only where something that is not seen here says so, or may
/// fail as it likes.
fn is_doubtful(node: &Node) -> bool {
    let condition = node.get("if").and_then(Node::scalar).unwrap_or_default();
    let words = ["hashFiles", "outputs", "outcome", "false", "vars.", "env."];
    words.iter().any(|word| condition.contains(word)) || node.get("continue-on-error").is_some()
}

fn brings(facts: &Facts<'_>, step: &Step, at: usize, one: &Node) -> bool {
    if let Some(uses) = one.get("uses").and_then(Node::str) {
        let name = uses.split('@').next().unwrap_or_default();
        let known = name.starts_with("actions/setup-") || QUIET_ACTIONS.contains(&name);
        return !known;
    }
    let same =
        |other: &&Step| other.index == at && (&other.path, &other.job) == (&step.path, &step.job);
    let Some(ran) = facts.steps().iter().find(same) else {
        return true;
    };
    // What was not read may do anything.
    ran.shell.commands.is_empty() || !ran.shell.commands.iter().all(is_quiet)
}

/// Whether a command makes no files of its own.
pub(super) fn is_quiet(command: &Command) -> bool {
    command.is_message() || QUIET_COMMANDS.iter().any(|words| command.runs(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::testing::tree;

    fn last_may_find(steps: &str) -> bool {
        let text = format!(
            "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n{steps}      - run: last\n"
        );
        let (_folder, tree) = tree(&[(".github/workflows/a.yml", &text)]);
        let project = crate::project::detect_in(&tree);
        let facts = Facts::new(&tree, &project);
        may_bring(&facts, facts.steps().last().expect("a step"))
    }

    #[test]
    fn what_is_known_brings_nothing() {
        for quiet in [
            "",
            "      - uses: actions/setup-node@v4\n",
            "      - run: npm ci\n",
            "      - run: |\n          echo hello\n          python -m pip install -r a.txt\n          pytest -q\n",
        ] {
            assert!(!last_may_find(quiet), "{quiet}");
        }
        for loud in [
            "      - uses: somebody/download@v1\n",
            "      - uses: actions/cache@v4\n",
            "      - uses: ./.github/actions/prepare\n",
            "      - run: make\n",
            "      - run: npm ci && npm run build\n",
            "      - run: mkdir there\n        shell: pwsh\n",
            "      - if: hashFiles('last') != ''\n        run: make\n",
        ] {
            assert!(last_may_find(loud), "{loud}");
        }
    }
}

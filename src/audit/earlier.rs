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

/// The steps with a script before which nothing in their jobs may have brought files, and
/// which surely run. An action or a command that is not known may bring anything.
pub(super) fn untouched<'f>(facts: &'f Facts<'_>) -> Vec<&'f Step> {
    let mut found = Vec::new();
    for mut rest in facts.steps().chunk_by(|one, next| one.path == next.path) {
        let Some(document) = facts.tree.yaml(&rest[0].path) else {
            continue;
        };
        // Both are in the order of the file.
        for job in document.get("jobs").map_or(&[][..], Node::entries) {
            let count = rest.iter().take_while(|step| step.job == job.key).count();
            let (own, others) = rest.split_at(count);
            rest = others;
            if !is_doubtful(&job.node) {
                of_job(&job.node, own, &mut found);
            }
        }
    }
    found
}

fn of_job<'f>(job: &Node, own: &'f [Step], found: &mut Vec<&'f Step>) {
    let mut own = own.iter().peekable();
    let steps = job.get("steps").map_or(&[][..], Node::items);
    for (at, node) in steps.iter().enumerate() {
        let is_quiet = match own.next_if(|step| step.index == at) {
            Some(step) => {
                if !is_doubtful(node) {
                    found.push(step);
                }
                // What was not read may do anything.
                let commands = &step.shell.commands;
                !commands.is_empty() && commands.iter().all(is_quiet)
            }
            None => {
                let uses = node.get("uses").and_then(Node::str).unwrap_or_default();
                let name = uses.split('@').next().unwrap_or_default();
                name.starts_with("actions/setup-") || QUIET_ACTIONS.contains(&name)
            }
        };
        if !is_quiet {
            return;
        }
    }
}

/// Whether a job or a step runs only where something that is not seen here says so, or may
/// fail as it likes.
fn is_doubtful(node: &Node) -> bool {
    let condition = node.get("if").and_then(Node::scalar).unwrap_or_default();
    let words = ["hashFiles", "outputs", "outcome", "false", "vars.", "env."];
    words.iter().any(|word| condition.contains(word)) || node.get("continue-on-error").is_some()
}

/// Whether a command makes no files of its own.
pub(super) fn is_quiet(command: &Command) -> bool {
    command.is_message() || QUIET_COMMANDS.iter().any(|words| command.runs(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::testing::tree;

    fn last_is_untouched(steps: &str) -> bool {
        let text = format!(
            "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n{steps}      - run: last\n"
        );
        let (_folder, tree) = tree(&[(".github/workflows/a.yml", &text)]);
        let project = crate::project::detect_in(&tree);
        let facts = Facts::new(&tree, &project);
        let last = facts.steps().last().expect("a step");
        untouched(&facts)
            .iter()
            .any(|step| step.index == last.index)
    }

    #[test]
    fn what_is_known_brings_nothing() {
        for quiet in [
            "",
            "      - uses: actions/setup-node@v4\n",
            "      - run: npm ci\n",
            "      - run: |\n          echo hello\n          python -m pip install -r a.txt\n          pytest -q\n",
        ] {
            assert!(last_is_untouched(quiet), "{quiet}");
        }
        for loud in [
            "      - uses: somebody/download@v1\n",
            "      - uses: actions/cache@v4\n",
            "      - uses: ./.github/actions/prepare\n",
            "      - run: make\n",
            "      - run: npm ci && npm run build\n",
            "      - run: mkdir there\n        shell: pwsh\n",
            "      - run: make\n      - run: npm ci\n",
        ] {
            assert!(!last_is_untouched(loud), "{loud}");
        }
    }

    #[test]
    fn jobs_are_apart() {
        let text = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make\n      - run: one\n  none:\n    uses: ./x.yml\n  b:\n    runs-on: ubuntu-latest\n    steps:\n      - run: two\n  c:\n    if: needs.a.outputs.x\n    runs-on: ubuntu-latest\n    steps:\n      - run: three\n";
        let (_folder, tree) = tree(&[(".github/workflows/a.yml", text)]);
        let project = crate::project::detect_in(&tree);
        let facts = Facts::new(&tree, &project);
        let told: Vec<(&str, usize)> = untouched(&facts)
            .iter()
            .map(|step| (step.job.as_str(), step.index))
            .collect();
        assert_eq!(told, [("a", 0), ("b", 0)]);
    }
}

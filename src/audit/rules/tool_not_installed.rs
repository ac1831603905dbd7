//! Jobs that run a program which nothing has brought.

use crate::audit::shell::{Command, Exit};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::{Entry, Node};

pub(super) const RULE: Rule = Rule {
    id: "tool-not-installed",
    title: "A job runs a program that nothing has installed",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Pipelines,
    what: "The first commands of a job on one of GitHub's Ubuntu runners call a program that these runners do not have, and nothing before it could have installed anything.",
    why: "The step ends with `command not found`, so that the job can never pass.",
    mend: "Install it in a step before, in a version that is named.",
    references: &["https://github.com/actions/runner-images"],
    check,
};

/// Programs that no Ubuntu image of GitHub's has.
const TOOLS: [&str; 19] = [
    "alembic",
    "bun",
    "bunx",
    "flyctl",
    "just",
    "mypy",
    "nox",
    "pdm",
    "pnpm",
    "poetry",
    "pre-commit",
    "pytest",
    "railway",
    "ruff",
    "supabase",
    "task",
    "tox",
    "uv",
    "uvx",
];

/// Programs that older images have.
const OLDER: [&str; 2] = ["netlify", "vercel"];

/// Modules that Python itself does not have.
const MODULES: [&str; 6] = ["alembic", "mypy", "poetry", "pytest", "ruff", "uv"];

/// Commands that bring nothing.
const HARMLESS: [&str; 16] = [
    "echo", "printf", "cd", "ls", "pwd", "mkdir", "rm", "set", "export", "true", "cat", "date",
    "sleep", "test", "[", "whoami",
];

/// Actions that bring no program but the language's own.
const ACTIONS: [&str; 7] = [
    "actions/checkout",
    "actions/setup-python",
    "actions/setup-node",
    "actions/setup-go",
    "actions/setup-java",
    "actions/upload-artifact",
    "actions/github-script",
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for (file, document) in facts.workflows() {
        if sets_path(&document) {
            continue;
        }
        for job in document.get("jobs").map_or(&[][..], Node::entries) {
            defects.extend(look(facts, file, job));
        }
    }
    defects
}

/// Whether a path of programs is set.
fn sets_path(node: &Node) -> bool {
    node.at(&["env", "PATH"]).is_some() || node.at(&["env", "BASH_ENV"]).is_some()
}

fn look(facts: &Facts<'_>, file: &str, job: &Entry) -> Option<Defect> {
    let runner = job.node.get("runs-on")?.str()?;
    let runners = [
        "ubuntu-latest",
        "ubuntu-22.04",
        "ubuntu-24.04",
        "ubuntu-26.04",
    ];
    let is_known = runners.contains(&runner) && !sets_path(&job.node);
    if !is_known
        || ["container", "strategy"]
            .iter()
            .any(|key| job.node.get(key).is_some())
    {
        return None;
    }
    for (index, step) in job.node.get("steps")?.items().iter().enumerate() {
        if let Some(uses) = step.get("uses") {
            let name = uses.str()?.split('@').next()?;
            ACTIONS.contains(&name).then_some(())?;
            continue;
        }
        let run = step.get("run")?.str()?;
        let is_step = |one: &&crate::audit::steps::Step| {
            one.path == file && one.job == job.key && one.index == index
        };
        let shell = &facts.steps().iter().find(is_step)?.shell;
        let hides = sets_path(step) || run.contains("PATH") || run.contains("alias ");
        if hides || !shell.is_whole {
            return None;
        }
        let mut follows_cd = false;
        for command in &shell.commands {
            let Some(tool) = tool(command, runner) else {
                let program = command.words.first()?.text.as_str();
                HARMLESS.contains(&program).then_some(())?;
                follows_cd = program == "cd";
                continue;
            };
            let is_plain = command.function.is_none() && !command.is_substituted;
            // Where it is asked for, or may not run, its absence may be meant.
            let is_needed = matches!(command.exit, Exit::Stops | Exit::Last | Exit::Lost);
            let is_certain = !command.is_conditional || follows_cd && !run.contains("if ");
            let is_known = is_plain && is_needed && is_certain;
            return is_known.then(|| {
                let message =
                    format!("nothing before it installs `{tool}`, which {runner} has not");
                Defect::new(file, command, message).about(tool)
            });
        }
    }
    None
}

/// The program of a command, where the runner does not have it.
fn tool<'c>(command: &'c Command, runner: &str) -> Option<&'c str> {
    let text = |at: usize| command.words.get(at).map_or("", |word| word.text.as_str());
    let first = text(0);
    let lacks = TOOLS.contains(&first) || OLDER.contains(&first) && runner != "ubuntu-22.04";
    let is_python = matches!(first, "python" | "python3") && text(1) == "-m";
    match (lacks, is_python && MODULES.contains(&text(2))) {
        (true, _) => Some(first),
        (_, true) => Some(text(2)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    fn of(job: &str, steps: &[&str]) -> Vec<String> {
        let mut text = format!("on: push\njobs:\n  a:\n    {job}\n    steps:\n");
        for step in steps {
            text.push_str(&format!("      - {step}\n"));
        }
        found(&RULE, &[(".github/workflows/ci.yml", &text)])
    }

    const ON: &str = "runs-on: ubuntu-latest";

    #[test]
    fn programs_that_are_not_there() {
        let checkout = "uses: actions/checkout@v4";
        let python = "uses: actions/setup-python@v5";
        for (steps, expected) in [
            (&[checkout, "run: railway up"][..], ":7 railway"),
            (&[checkout, python, "run: python -m pytest"], ":8 pytest"),
            (
                &["run: echo hi", "run: cd api && alembic upgrade head"],
                ":7 alembic",
            ),
            (&["run: vercel --prod"], ":6 vercel"),
            // What comes later does not help.
            (
                &["run: pnpm install", "uses: pnpm/action-setup@v4"],
                ":6 pnpm",
            ),
        ] {
            let found = of(ON, steps);
            assert_eq!(
                found,
                [format!(".github/workflows/ci.yml{expected}")],
                "{steps:?}"
            );
        }
    }

    #[test]
    fn programs_that_are_or_may_be_there() {
        for steps in [
            &["uses: pnpm/action-setup@v4", "run: pnpm install"][..],
            &["run: pip install -r requirements.txt", "run: pytest"],
            &["run: corepack enable && pnpm install"],
            &["run: npx vercel --prod"],
            &[
                "run: curl -LsSf https://astral.sh/uv/install.sh | sh",
                "run: uv sync",
            ],
            &["uses: ./.github/actions/setup", "run: pytest"],
            &["uses: actions/cache@v4", "run: pytest"],
            &["run: bash setup.sh", "run: pytest"],
            &["run: echo ~/x >> $GITHUB_PATH", "run: pytest"],
            &["run: uv --version || echo none"],
            &["run: if uv --version; then echo; fi"],
            &["run: docker build ."],
            &["shell: python\n        run: pytest"],
        ] {
            assert!(of(ON, steps).is_empty(), "{steps:?}");
        }
        for job in [
            "runs-on: self-hosted",
            "runs-on: [self-hosted, linux]",
            "runs-on: ubuntu-latest\n    container: python:3.12",
            "runs-on: ubuntu-latest\n    strategy:\n      matrix:\n        x: [1]",
            "runs-on: ubuntu-22.04",
            "runs-on: ubuntu-latest\n    env:\n      PATH: /x",
        ] {
            assert!(of(job, &["run: vercel --prod"]).is_empty(), "{job}");
        }
    }
}

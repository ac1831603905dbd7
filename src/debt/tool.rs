//! The tool that a step's command starts in the end, and where options for it go:
//! behind `npm run lint` stands a script, behind `poetry run` a program.

/// A command, taken apart as far as it is needed to give its tool more options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// The tool's words: `ruff`, `check`, `.`.
    pub words: Vec<String>,
    command: String,
    handing: Handing,
}

/// Words that start another program, as many as are there.
const LAUNCHERS: [&[&str]; 14] = [
    &["python", "-m"],
    &["python3", "-m"],
    &["coverage", "run", "-m"],
    &["poetry", "run"],
    &["uv", "run"],
    &["pipenv", "run"],
    &["pdm", "run"],
    &["hatch", "run"],
    &["rye", "run"],
    &["npx"],
    &["pnpm", "exec"],
    &["bunx"],
    &["cross-env"],
    &["env"],
];

/// How options come to the program behind a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handing {
    /// They stand behind it.
    Behind,
    /// The same, behind `--`.
    BehindDashes,
    /// `pnpm test` of versions 8 and 9 takes them for its own; `pnpm run test` does not.
    ByRun,
}

/// Options of launchers that take no value.
const LAUNCHER_OPTIONS: [&str; 8] = [
    "--no",
    "--no-install",
    "--yes",
    "-y",
    "--frozen",
    "--locked",
    "--no-sync",
    "--",
];

/// How deep scripts may call scripts.
const DEPTH: usize = 4;

impl Tool {
    /// Takes a command apart; `script` gives the text of a script of the folder's
    /// `package.json`. `None` where it is more than one command, or anything that a
    /// shell has to read.
    pub fn of(command: &str, script: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        let (words, handing) = dissect(command, script, DEPTH)?;
        Some(Self {
            words,
            command: command.trim().to_owned(),
            handing,
        })
    }

    /// The command with options for its tool.
    pub fn with(&self, options: &str) -> String {
        if options.is_empty() {
            return self.command.clone();
        }
        match self.handing {
            Handing::Behind => format!("{} {options}", self.command),
            Handing::BehindDashes => format!("{} -- {options}", self.command),
            Handing::ByRun => {
                let before = self.command.strip_suffix("pnpm test");
                let before = before.unwrap_or_default();
                format!("{before}pnpm run test {options}")
            }
        }
    }

    /// Whether the tool's first words are these.
    pub fn is(&self, words: &[&str]) -> bool {
        self.words.len() >= words.len()
            && self
                .words
                .iter()
                .zip(words)
                .all(|(word, wanted)| word == wanted)
    }
}

fn dissect(
    command: &str,
    script: &dyn Fn(&str) -> Option<String>,
    depth: usize,
) -> Option<(Vec<String>, Handing)> {
    // Options go to the last of several; where one before it fails, it is not there.
    let mut parts: Vec<&str> = command.split("&&").map(str::trim).collect();
    let command = parts.pop()?;
    if parts.iter().any(|part| part.starts_with("cd ")) {
        return None;
    }
    if command.contains(['|', '&', ';', '<', '>', '`', '$', '(', ')', '\n', '\\', '#']) {
        return None;
    }
    let mut words: Vec<&str> = command.split_whitespace().collect();
    loop {
        let is_assignment = |word: &&str| {
            word.split_once('=').is_some_and(|(name, _)| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            })
        };
        if words.first().is_some_and(is_assignment) {
            words.remove(0);
            continue;
        }
        let launcher = LAUNCHERS
            .iter()
            .find(|launcher| words.starts_with(launcher));
        let Some(launcher) = launcher else {
            break;
        };
        words.drain(..launcher.len());
        while words
            .first()
            .is_some_and(|word| LAUNCHER_OPTIONS.contains(word))
        {
            words.remove(0);
        }
    }
    let called = called_script(&words);
    let inner = called.and_then(|(name, handing)| Some((script(name)?, handing)));
    match inner {
        Some((text, handing)) if depth > 0 => {
            let (words, inner) = dissect(&text, script, depth - 1)?;
            // A script that calls a script by npm hands nothing on.
            (inner == Handing::Behind).then_some((words, handing))
        }
        Some(_) => None,
        // `yarn run` starts programs too.
        None if words.starts_with(&["yarn", "run"]) => Some((
            words[2..].iter().map(|word| (*word).to_owned()).collect(),
            Handing::Behind,
        )),
        None if words.is_empty() => None,
        None => Some((
            words.into_iter().map(str::to_owned).collect(),
            Handing::Behind,
        )),
    }
}

/// The script that a package manager is asked for, and how it hands options on.
fn called_script<'w>(words: &[&'w str]) -> Option<(&'w str, Handing)> {
    match words {
        ["npm", "run" | "run-script", name] => Some((name, Handing::BehindDashes)),
        ["npm", "test" | "t"] => Some(("test", Handing::BehindDashes)),
        ["pnpm", "run", name] | ["yarn", "run", name] | ["bun", "run", name] => {
            Some((name, Handing::Behind))
        }
        ["yarn", "test"] => Some(("test", Handing::Behind)),
        ["pnpm", "test"] => Some(("test", Handing::ByRun)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: &str) -> Option<(String, String)> {
        let script = |name: &str| {
            let text = match name {
                "lint" => "eslint .",
                "test" => "cross-env CI=1 vitest run",
                "both" => "eslint . && tsc",
                "outer" => "npm run lint",
                "through" => "pnpm run lint",
                "loop" => "pnpm run loop",
                _ => return None,
            };
            Some(text.to_owned())
        };
        let tool = Tool::of(command, &script)?;
        Some((tool.words.join(" "), tool.with("-f json")))
    }

    #[test]
    fn options_get_to_the_tool() {
        let is = |command: &str, words: &str, with: &str| {
            assert_eq!(
                of(command),
                Some((words.to_owned(), with.to_owned())),
                "{command}"
            );
        };
        is("ruff check .", "ruff check .", "ruff check . -f json");
        is(
            "poetry run python -m pytest",
            "pytest",
            "poetry run python -m pytest -f json",
        );
        is(
            "uv run --locked mypy .",
            "mypy .",
            "uv run --locked mypy . -f json",
        );
        is("npm run lint", "eslint .", "npm run lint -- -f json");
        is("npm test", "vitest run", "npm test -- -f json");
        is("pnpm run lint", "eslint .", "pnpm run lint -f json");
        is("pnpm test", "vitest run", "pnpm run test -f json");
        is("CI=1 pnpm test", "vitest run", "CI=1 pnpm run test -f json");
        is(
            "yarn run tsc --noEmit",
            "tsc --noEmit",
            "yarn run tsc --noEmit -f json",
        );
        is(
            "npx tsc --noEmit",
            "tsc --noEmit",
            "npx tsc --noEmit -f json",
        );
        is("npm run both", "tsc", "npm run both -- -f json");
        is(
            "coverage run -m pytest && coverage report",
            "coverage report",
            "coverage run -m pytest && coverage report -f json",
        );
        is("npm run through", "eslint .", "npm run through -- -f json");
    }

    #[test]
    fn what_a_shell_reads_is_left_whole() {
        for command in [
            "coverage run -m pytest || true",
            "npm run both; true",
            "npm run outer",
            "pnpm run loop",
            "npm run lint -w web; true",
            "cd web && eslint .",
            "pytest $ARGS",
            "",
        ] {
            assert_eq!(of(command), None, "{command}");
        }
    }
}

//! Shell commands of workflows, taken apart.

use crate::project::path;

/// One command's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// The program and its arguments, wrappers taken off.
    pub(super) words: Vec<String>,
}

/// Takes a line of shell apart: each command with the folder that it runs in.
/// `folder` is left where the line's `cd` leads, for the lines after it.
pub(super) fn split(line: &str, folder: &mut String) -> Vec<(Command, String)> {
    let mut found = Vec::new();
    let line = line.trim();
    if line.starts_with('#') {
        return found;
    }
    for part in parts(line) {
        let mut words = words(&part);
        // Assignments and wrappers stand before the program.
        while let Some(first) = words.first() {
            let is_assignment = first.split_once('=').is_some_and(|(name, _)| {
                !name.is_empty()
                    && name
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            });
            let is_wrapper = matches!(
                first.as_str(),
                "sudo"
                    | "time"
                    | "exec"
                    | "env"
                    | "cross-env"
                    | "xvfb-run"
                    | "dotenv"
                    | "command"
                    | "("
                    | "{"
                    | "if"
                    | "then"
                    | "!"
                    | "do"
            );
            if is_assignment || is_wrapper || (first == "--" || first == "-a") && words.len() > 1 {
                words.remove(0);
            } else {
                break;
            }
        }
        let Some(program) = words.first() else {
            continue;
        };
        if program == "cd" || program == "pushd" {
            if let Some(target) = words.get(1) {
                *folder = path::join(folder, target);
            }
            continue;
        }
        // What is only said is not done.
        if matches!(program.as_str(), "echo" | "printf" | "cat" | "ls" | "which") {
            continue;
        }
        let (words, folder) = unwrap(words, folder);
        if !words.is_empty() {
            found.push((Command { words }, folder));
        }
    }
    found
}

/// The commands of a line, parted at `&&`, `||`, `;` and `|` outside quotes.
fn parts(line: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quote: Option<char> = None;
    let mut before = ' ';
    for c in line.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '#' && before.is_whitespace() => break,
            None if matches!(c, ';' | '|' | '&') => {
                // `2>&1` is no separator.
                if c == '&' && before == '>' {
                    if let Some(last) = parts.last_mut() {
                        last.push(c);
                    }
                } else {
                    parts.push(String::new());
                }
                before = c;
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
        before = c;
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}

fn words(part: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    for c in part
        .trim()
        .trim_start_matches('(')
        .trim_end_matches(')')
        .chars()
    {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Takes runners off: `poetry run`, `uv run`, `npx`, `docker compose run web`.
fn unwrap(mut words: Vec<String>, folder: &str) -> (Vec<String>, String) {
    let mut folder = folder.to_owned();
    loop {
        let text: Vec<&str> = words.iter().map(String::as_str).collect();
        // A project's own scripts are known by their names alone.
        if let ["hatch" | "pdm", "run", name, ..] = text.as_slice() {
            let name = name.rsplit(':').next().unwrap_or_default();
            let stands_for = if name.starts_with("test") || name.starts_with("cov") {
                Some("pytest")
            } else if ["lint", "style", "fmt", "check"]
                .iter()
                .any(|word| name.starts_with(word))
            {
                Some("ruff")
            } else {
                None
            };
            if let Some(program) = stands_for {
                return (vec![program.to_owned()], folder);
            }
        }
        let skip = match text.as_slice() {
            [
                "poetry" | "uv" | "pdm" | "pipenv" | "hatch" | "rye",
                "run",
                ..,
            ] => 2,
            ["npx" | "bunx" | "uvx", ..] => 1,
            ["pnpm" | "yarn", "exec" | "dlx", ..] | ["pnpm" | "yarn", "-s", ..] => 2,
            ["npm", "exec", ..] | ["pipx", "run", ..] | ["bundle", "exec", ..] => 2,
            ["python" | "python3" | "py", "-m", ..] => 2,
            ["coverage", "run", "-m", ..] => 3,
            ["coverage", "run", ..] => 2,
            ["docker-compose" | "docker", ..] => match compose_command(&text) {
                Some(at) => at,
                None => break,
            },
            [
                "poetry" | "uv" | "pdm",
                "--directory" | "-C" | "--project",
                place,
                "run",
                ..,
            ] => {
                folder = path::join(&folder, place);
                4
            }
            _ => break,
        };
        words.drain(..skip.min(words.len()));
        // Options of the runner itself.
        while words
            .first()
            .is_some_and(|word| word.starts_with("--") || word == "-y" || word == "-q")
            && words.len() > 1
        {
            let option = words.remove(0);
            let takes_value = matches!(
                option.as_str(),
                "--group"
                    | "--extra"
                    | "--with"
                    | "--python"
                    | "--package"
                    | "--project"
                    | "--directory"
                    | "--env-file"
            );
            if takes_value && words.len() > 1 {
                let value = words.remove(0);
                if option == "--directory" || option == "--project" {
                    folder = path::join(&folder, &value);
                }
            }
        }
    }
    (words, folder)
}

/// Where the inner command of `docker compose run|exec [options] service …` starts.
fn compose_command(words: &[&str]) -> Option<usize> {
    let at = words
        .iter()
        .position(|word| *word == "run" || *word == "exec")?;
    let is_compose = words[0] == "docker-compose" || words.get(1) == Some(&"compose");
    if !is_compose {
        return None;
    }
    let mut at = at + 1;
    while words.get(at).is_some_and(|word| word.starts_with('-')) {
        let takes_value = matches!(
            words[at],
            "-e" | "--env" | "-u" | "--user" | "-w" | "--workdir" | "-v" | "--entrypoint"
        );
        at += if takes_value { 2 } else { 1 };
    }
    // The service's name.
    (at + 1 < words.len()).then_some(at + 1)
}

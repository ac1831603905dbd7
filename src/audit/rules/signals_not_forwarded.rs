//! Start scripts that keep signals from the application.

use super::migration_error_ignored::starts;
use super::railway_unknown_key::files;
use crate::audit::fix::{Fix, Text};
use crate::audit::shell::{Command, Exit};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "signals-not-forwarded",
    title: "The application never hears that it is to stop",
    severity: Severity::Medium,
    confidence: Confidence::High,
    category: Category::Scripts,
    what: "The CMD or ENTRYPOINT of an image, or the start command of Railway, runs a script whose last command starts the application without `exec`, and the script has no `trap`.",
    why: "The signal to stop reaches the shell, which waits for its child and tells it nothing: at the end of the time to drain everything is killed, with requests under way.",
    mend: "`exec` before the command: the application takes the shell's place.",
    references: &["https://docs.docker.com/reference/dockerfile/#entrypoint"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let started = started(facts);
    let mut defects = Vec::new();
    for script in facts.scripts() {
        let name = path::name(&script.path);
        let Some((by, line)) = started
            .iter()
            .find_map(|(named, by, line)| (named == name).then_some((by, *line)))
        else {
            continue;
        };
        let commands = &script.shell.commands;
        let handles = commands
            .iter()
            .any(|one| one.runs(&["trap"]) || one.runs(&["wait"]));
        let Some(last) = commands.last().filter(|last| is_plain(last) && !handles) else {
            continue;
        };
        let replaces = last.words.first().is_some_and(|word| word.text == "exec");
        // A program that starts another and comes back is no application.
        if replaces || !starts(last) || last.words.iter().any(|word| word.text == "$@") {
            continue;
        }
        let message = format!("`{}` runs below the shell, which {by} starts", short(last));
        let defect = Defect::new(&script.path, last.place, message).with(by, line);
        defects.push(defect.mended_by(fix(facts, &script.path, last)));
    }
    defects
}

/// A command of the script itself, which is its end.
fn is_plain(command: &Command) -> bool {
    matches!(command.exit, Exit::Last | Exit::Stops | Exit::Lost)
        && !command.is_conditional
        && !command.is_substituted
        && command.loops == 0
        && command.function.is_none()
        && command.reads.is_none()
}

fn short(command: &Command) -> String {
    command.text().chars().take(40).collect()
}

fn fix(facts: &Facts<'_>, file: &str, command: &Command) -> Option<Fix> {
    let text = Text::of(facts.tree, file)?;
    let at = command.span.start;
    // Variables before a command are no place for a word.
    let first = &command.words.first()?.text;
    let is_whole = text.str().get(at..)?.starts_with(first.as_str());
    is_whole.then(|| {
        Fix::behaviour(
            "let the application take the shell's place",
            [text.replace(at..at, "exec ")],
        )
    })
}

/// Scripts by their names, with what starts them.
fn started(facts: &Facts<'_>) -> Vec<(String, String, usize)> {
    let mut all = Vec::new();
    let mut add = |command: &str, file: &str, line: usize| {
        // One plain command, in either form.
        let plain = command.replace(['[', ']', '"', '\'', ','], " ");
        let words: Vec<&str> = plain.split_whitespace().collect();
        let script = match words.as_slice() {
            ["bash" | "sh" | "/bin/bash" | "/bin/sh", script] => script,
            [script] => script,
            _ => return,
        };
        if script.ends_with(".sh") {
            all.push((path::name(script).to_owned(), file.to_owned(), line));
        }
    };
    for file in facts.dockerfiles() {
        let image = file.image();
        for name in ["CMD", "ENTRYPOINT"] {
            if let Some(one) = image.iter().rev().find(|one| one.name == name) {
                add(&one.rest, &file.path, one.line);
            }
        }
    }
    for (file, document) in files(facts) {
        if let Some(entry) = document.entry_at(&["deploy", "startCommand"])
            && let Some(command) = entry.node.str()
        {
            add(command, &file, entry.line);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn below_the_shell_and_in_its_place() {
        let image = "FROM python:3.12\nCOPY . .\nCMD [\"bash\", \"./start.sh\"]\n";
        let of = |script: &str| found(&RULE, &[("Dockerfile", image), ("start.sh", script)]);
        let script =
            "#!/bin/bash\nset -e\nalembic upgrade head\nuvicorn app.main:app --host 0.0.0.0\n";
        assert_eq!(of(script), ["start.sh:4 "]);
        for near in [
            script.replace("uvicorn", "exec uvicorn"),
            script.replace("alembic", "trap 'kill 0' TERM\nalembic"),
            script.replace(
                "uvicorn app.main:app --host 0.0.0.0",
                "if [ \"$X\" ]; then\n  uvicorn a:b\nfi",
            ),
            script.replace(
                "uvicorn app.main:app --host 0.0.0.0",
                "python manage.py collectstatic",
            ),
            script.replace("--host 0.0.0.0", "| tee log"),
            script.replace("--host 0.0.0.0", "&\nwait"),
        ] {
            assert!(of(&near).is_empty(), "{near}");
        }
        assert!(found(&RULE, &[("start.sh", script)]).is_empty());
        let railway = (
            "railway.json",
            "{\"deploy\": {\"startCommand\": \"bash start.sh\"}}",
        );
        assert_eq!(found(&RULE, &[railway, ("start.sh", script)]).len(), 1);
    }
}

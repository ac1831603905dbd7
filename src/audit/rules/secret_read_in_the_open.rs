//! Scripts that ask for a secret and show it.

use crate::audit::fix::{Fix, Text};
use crate::audit::shell::Command;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "secret-read-in-the-open",
    title: "A script asks for a secret and shows it on the screen",
    severity: Severity::Medium,
    confidence: Confidence::High,
    category: Category::Scripts,
    what: "`read` without `-s` into a variable that is named as a secret.",
    why: "The secret stands on the screen and in every recording of it.",
    mend: "`read -rs`, or better: let the platform's tool read it from standard input, so that it is in no argument either.",
    references: &[
        "https://www.gnu.org/software/bash/manual/html_node/Bash-Builtins.html#index-read",
    ],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for script in facts.scripts() {
        let commands = &script.shell.commands;
        // Echo may be turned off for the whole terminal.
        if commands.iter().any(|one| one.runs(&["stty", "-echo"])) {
            continue;
        }
        let unseen: Vec<&str> = commands
            .iter()
            .filter_map(read)
            .filter_map(|(name, shown)| (!shown).then_some(name))
            .collect();
        for command in commands {
            if let Some((name, true)) = read(command)
                && is_secret(name)
                && !is_half(name, &unseen)
            {
                let message = format!("`read` shows `{name}` while it is typed");
                let defect = Defect::new(&script.path, command.place, message).about(name);
                defects.push(defect.mended_by(fix(facts, &script.path, command)));
            }
        }
    }
    defects
}

/// `read -s`, and the line break that is not typed any more where nothing else follows.
fn fix(facts: &Facts<'_>, file: &str, command: &Command) -> Option<Fix> {
    let text = Text::of(facts.tree, file)?;
    let name = command.words.first()?.span.end;
    let end = command.span.end;
    let rest = text.str()[end..].lines().next().unwrap_or_default();
    let mut changes = vec![text.replace(name..name, " -s")];
    if rest.trim().is_empty() {
        changes.push(text.replace(end..end, "; echo"));
    }
    Some(Fix::safe("read it unseen", changes))
}

/// The variable that a `read` asks a person for, and whether what is typed is shown.
fn read(command: &Command) -> Option<(&str, bool)> {
    let (first, rest) = command.words.split_first()?;
    let (name, flags) = rest.split_last()?;
    let has = |wanted: char| {
        flags.iter().any(|word| {
            word.text.starts_with('-') && !word.text.starts_with("--") && word.text.contains(wanted)
        })
    };
    // Without a prompt, and behind a pipe, it reads a file.
    let asks = first.text == "read" && has('p') && command.reads.is_none();
    let is_word = name
        .text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (asks && is_word).then_some((name.text.as_str(), !has('s')))
}

/// Whether it is the open half of a pair, whose other half the script reads unseen:
/// `API_KEY` and `API_SECRET`, `ACCESS_TOKEN` and `ACCESS_TOKEN_SECRET`.
fn is_half(name: &str, unseen: &[&str]) -> bool {
    let stem = name.rsplit_once('_').map_or("", |(stem, _)| stem);
    let halves = [format!("{name}_SECRET"), format!("{stem}_SECRET")];
    halves
        .iter()
        .any(|half| half != name && unseen.contains(&half.as_str()))
}

/// Whether a variable is named as a secret.
fn is_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let words = [
        "SECRET",
        "TOKEN",
        "PASSWORD",
        "PASSWD",
        "PASS_WORD",
        "PASSPHRASE",
        "API_KEY",
        "PRIVATE_KEY",
    ];
    // An access key is the name of an account; its secret is another value.
    let is_name = upper.ends_with("ACCESS_KEY") && !upper.contains("SECRET");
    let ends_in_key = upper.ends_with("_KEY")
        && !is_name
        && !upper.contains("PUBLIC")
        && !upper.contains("PUBLISHABLE");
    words.iter().any(|word| upper.contains(word)) || ends_in_key
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn secrets_that_are_shown_and_others() {
        let text = "#!/bin/bash\nread -p \"Secret: \" CLERK_SECRET\nread -rp 'Key? ' OPENAI_API_KEY\nread -sp \"Password: \" PASSWORD\nread -p \"Go on? \" answer\nwhile read -r TOKEN; do echo; done\n# read -p x SECRET\nread -r -s -p x TOKEN\nread -p 'Key: ' CLERK_PUBLISHABLE_KEY\nread -p 'Key: ' S3_ACCESS_KEY\n";
        assert_eq!(
            found(&RULE, &[("deploy.sh", text)]),
            ["deploy.sh:2 CLERK_SECRET", "deploy.sh:3 OPENAI_API_KEY"]
        );
        let pair = "read -p 'Key: ' X_API_KEY\nread -sp 'Secret: ' X_API_SECRET\n";
        assert!(found(&RULE, &[("a.sh", pair)]).is_empty());
        assert!(
            found(
                &RULE,
                &[("a.sh", "stty -echo\nread -p x SECRET\nstty echo\n")]
            )
            .is_empty()
        );
    }
}

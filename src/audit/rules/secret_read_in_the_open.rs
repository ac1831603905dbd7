//! Scripts that ask for a secret and show it.

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
        // Echo may be turned off for the whole terminal.
        if script
            .lines
            .iter()
            .any(|(_, line)| line.contains("stty -echo"))
        {
            continue;
        }
        for (line, text) in &script.lines {
            if let Some(name) = shown(text).filter(|name| !is_half(name, &script.lines)) {
                let message = format!("`read` shows `{name}` while it is typed");
                defects.push(Defect::new(&script.path, *line, message).about(name));
            }
        }
    }
    defects
}

/// Whether it is the open half of a pair, whose other half the script reads unseen:
/// `API_KEY` and `API_SECRET`, `ACCESS_TOKEN` and `ACCESS_TOKEN_SECRET`.
fn is_half(name: &str, lines: &[(usize, String)]) -> bool {
    let stem = name.rsplit_once('_').map_or("", |(stem, _)| stem);
    let halves = [format!("{name}_SECRET"), format!("{stem}_SECRET")];
    lines.iter().any(|(_, line)| {
        let command = line.trim_start();
        let last = command.split_whitespace().next_back().unwrap_or_default();
        command.starts_with("read -") && halves.iter().any(|half| half == last && half != name)
    })
}

/// The variable of a `read` that shows a secret.
fn shown(line: &str) -> Option<&str> {
    let command = line.trim_start();
    let rest = command.strip_prefix("read ")?;
    let rest = rest.split(['<', '|', ';', '&']).next()?;
    let name = rest.split_whitespace().next_back()?;
    let flags = rest.split_whitespace().filter(|word| word.starts_with('-'));
    let is_silent = flags
        .clone()
        .any(|flag| !flag.starts_with("--") && flag.contains('s'));
    // Without a prompt it reads a file or a pipe.
    let has_prompt = flags.clone().any(|flag| flag.contains('p'));
    let is_word = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
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
    let ends_in_key =
        upper.ends_with("_KEY") && !upper.contains("PUBLIC") && !upper.contains("PUBLISHABLE");
    let is_secret = words.iter().any(|word| upper.contains(word)) || ends_in_key;
    (is_word && is_secret && has_prompt && !is_silent).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn secrets_that_are_shown_and_others() {
        let text = "#!/bin/bash\nread -p \"Secret: \" CLERK_SECRET\nread -rp 'Key? ' OPENAI_API_KEY\nread -sp \"Password: \" PASSWORD\nread -p \"Go on? \" answer\nwhile read -r TOKEN; do echo; done\n# read -p x SECRET\nread -r -s -p x TOKEN\nread -p 'Key: ' CLERK_PUBLISHABLE_KEY\n";
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

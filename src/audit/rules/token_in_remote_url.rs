//! Tokens in the addresses of git's remotes.

use crate::audit::secrets;
use crate::audit::shell::Command;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "token-in-remote-url",
    title: "A token is part of a remote's address",
    severity: Severity::Low,
    // On a runner that is thrown away afterwards it is seen by few.
    confidence: Confidence::Low,
    category: Category::Pipelines,
    what: "`git remote add` or `git remote set-url` with an address that holds a variable named as a secret, in a script or a step.",
    why: "git writes the address, with the token, into .git/config, where every later program reads it, and into messages of errors.",
    mend: "Give the token to git for one command: `git -c http.extraHeader=...` from the environment, or a credential helper.",
    references: &["https://git-scm.com/docs/gitcredentials"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    let scripts = facts.scripts().iter().map(|one| (&one.path, &one.shell));
    let steps = facts.steps().iter().map(|one| (&one.path, &one.shell));
    for (path, shell) in scripts.chain(steps) {
        for command in &shell.commands {
            if let Some(name) = token(command) {
                let message = format!("`{name}` is written into .git/config");
                defects.push(Defect::new(path, command, message).about(name));
            }
        }
    }
    defects
}

/// The variable in the address of a remote that is kept.
fn token(command: &Command) -> Option<&str> {
    let keeps =
        command.runs(&["git", "remote", "add"]) || command.runs(&["git", "remote", "set-url"]);
    let address = command
        .words
        .iter()
        .find(|word| keeps && word.text.contains("://"))?;
    let (secret, _) = address.text.split_once('@')?;
    let name = secret
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .find(|word| secrets::is_name(word))?;
    (!address.is_literal).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn kept_and_not_kept() {
        let text = "git remote add gitlab \"https://oauth2:${GITLAB_TOKEN}@gitlab.example.com/a.git\"\ngit push https://x:$GH_TOKEN@example.com/a main\ngit remote add up https://example.com/a\ngit remote add ssh git@example.com:a\n";
        assert_eq!(found(&RULE, &[("a.sh", text)]), ["a.sh:1 GITLAB_TOKEN"]);
    }
}

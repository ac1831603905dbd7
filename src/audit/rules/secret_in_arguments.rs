//! Secrets that every process of the machine can read.

use std::collections::BTreeSet;

use crate::audit::secrets;
use crate::audit::shell::Command;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "secret-in-arguments",
    title: "A secret is an argument of a command",
    severity: Severity::Low,
    // On a machine of one's own nobody else looks.
    confidence: Confidence::Low,
    category: Category::Scripts,
    what: "A script gives a variable that is named as a secret to a program as an argument.",
    why: "Everybody on the machine sees the arguments of all processes, and tools that watch the machine keep them.",
    mend: "Give it on standard input or in the environment: `docker login --password-stdin`, `railway variables --set-from-stdin`.",
    references: &["https://docs.docker.com/reference/cli/docker/login/#password-stdin"],
    check,
};

/// What runs in the shell itself has no arguments that others see.
const BUILT_IN: [&str; 12] = [
    "echo", "printf", "export", "read", "test", "[", "local", "declare", "set", "unset", "eval",
    ":",
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    // A function runs in the shell too, also one of a script that is sourced.
    let scripts = facts.scripts().iter();
    let all = scripts.flat_map(|script| &script.shell.commands);
    let functions: BTreeSet<&str> = all.filter_map(|one| one.function.as_deref()).collect();
    for script in facts.scripts() {
        for command in &script.shell.commands {
            let program = command.program().first();
            if program.is_some_and(|word| functions.contains(word.text.as_str())) {
                continue;
            }
            if let Some(name) = shown(command) {
                let program = &command.program()[0].text;
                let message = format!("`{name}` is an argument of `{program}`");
                defects.push(Defect::new(&script.path, command.place, message).about(name));
            }
        }
    }
    defects
}

/// The secret variable among the arguments of a program.
fn shown(command: &Command) -> Option<&str> {
    let (program, arguments) = command.program().split_first()?;
    if BUILT_IN.contains(&program.text.as_str()) || !program.is_literal {
        return None;
    }
    arguments.iter().find_map(|word| {
        let mut rest = word.text.as_str();
        while let Some(at) = rest.find('$') {
            rest = rest[at + 1..].trim_start_matches('{');
            let end = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            if secrets::is_name(&rest[..end]) {
                return Some(&rest[..end]);
            }
            rest = &rest[end..];
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn arguments_and_other_ways() {
        let text = "railway variables --set \"NEXTAUTH_SECRET=$nextauth_secret\"\necho $API_TOKEN | docker login --password-stdin\nvercel env add X < $TOKEN_FILE\ncurl -H \"Authorization: Bearer ${API_TOKEN}\" x\n[ -z \"$API_TOKEN\" ]\n";
        assert_eq!(
            found(&RULE, &[("a.sh", text)]),
            ["a.sh:1 nextauth_secret", "a.sh:4 API_TOKEN"]
        );
        let library = "keep() {\n  printf '%s' \"$1\" > x\n}\n";
        let user = ". ./lib.sh\nkeep \"$API_TOKEN\"\ncurl \"$API_TOKEN\"\n";
        let files = [("lib.sh", library), ("a.sh", user)];
        assert_eq!(found(&RULE, &files), ["a.sh:3 API_TOKEN"]);
    }
}

//! Programs from the network that run unseen.

use crate::audit::shell::Command;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "unverified-download",
    title: "A script from the network runs as it comes",
    severity: Severity::Medium,
    // Many vendors tell people to install in this way.
    confidence: Confidence::Low,
    category: Category::Scripts,
    what: "A script, or a step of a workflow, gives what curl or wget fetches to a shell: through a pipe, or `bash <(curl ...)`.",
    why: "Whoever controls the address, or the way to it, runs commands with the rights and the secrets of whoever deploys.",
    mend: "Fetch a version by its number, compare its hash, then run it; or use a package.",
    references: &[],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut found = Vec::new();
    let scripts = facts.scripts().iter();
    let scripts = scripts.map(|script| (&script.path, &script.shell));
    let steps = facts.steps().iter().map(|step| (&step.path, &step.shell));
    for (path, shell) in scripts.chain(steps) {
        for by in shell.commands.iter().filter(|one| is_shell(one)) {
            found.extend(source(&shell.commands, by).map(|fetching| (path, fetching, by)));
        }
        for fetching in shell.commands.iter().filter(|one| fetches(one)) {
            let outer = fetching.inside.and_then(|at| shell.commands.get(at));
            found.extend(
                outer
                    .filter(|by| is_shell(by))
                    .map(|by| (path, fetching, by)),
            );
        }
    }
    let defects = found.into_iter().map(|(path, fetching, by)| {
        let message = format!(
            "what `{}` fetches runs in `{}` without being looked at",
            fetching.program()[0].text,
            by.program()[0].text
        );
        Defect::new(path, fetching.place, message).about(fetching.text())
    });
    defects.collect()
}

fn fetches(command: &Command) -> bool {
    command.runs(&["curl"]) || command.runs(&["wget"])
}

fn is_shell(command: &Command) -> bool {
    let name = command.program().first().map_or("", |word| &word.text);
    matches!(name, "bash" | "sh" | "zsh" | "source" | "." | "eval")
}

/// The command that fetches what a command reads, at the head of its pipe.
fn source<'c>(all: &'c [Command], command: &Command) -> Option<&'c Command> {
    let mut from = command.reads;
    while let Some(before) = from.and_then(|at| all.get(at)) {
        if fetches(before) {
            return Some(before);
        }
        from = before.reads;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn through_a_pipe_or_a_file() {
        let text = "bash <(curl -fsSL cli.example)\ncurl -sSL https://x | sudo -E bash -\ncurl https://x | jq .\necho 'curl https://x | sh'\ncurl -o a https://x\ndiff <(curl https://a) b\n";
        let all = found(&RULE, &[("setup.sh", text)]);
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(
            all[0].starts_with("setup.sh:1 ") && all[1].starts_with("setup.sh:2 "),
            "{all:?}"
        );
    }
}

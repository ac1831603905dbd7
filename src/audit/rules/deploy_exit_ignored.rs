//! Scripts that call a deployment done whatever came of it.

use crate::audit::deploys::platform;
use crate::audit::fix::{Fix, Text};
use crate::audit::shell::{Command, Exit};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "deploy-exit-ignored",
    title: "A deployment that fails is told as done",
    severity: Severity::Medium,
    confidence: Confidence::High,
    category: Category::Scripts,
    what: "A script without `set -e` deploys, does not look at the exit code, and then says that it is deployed, or goes on to deploy something else.",
    why: "People and pipelines read the last line, and take the old version for the new one.",
    mend: "`set -e` at the head of the script, or `|| exit 1` behind the command.",
    references: &["https://www.gnu.org/software/bash/manual/html_node/The-Set-Builtin.html"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for script in facts.scripts() {
        let Some(text) = Text::of(facts.tree, &script.path) else {
            continue;
        };
        let commands = &script.shell.commands;
        for (at, command) in commands.iter().enumerate() {
            let Some(to) = platform(command).filter(|_| command.exit == Exit::Lost) else {
                continue;
            };
            let near = commands[at + 1..].iter().take(10);
            let mut near = near
                .filter(|later| later.function == command.function)
                .take_while(|later| !matches!(later.words[0].text.as_str(), "exit" | "return"));
            let follows = |later: &&Command| {
                let between = text.str().get(command.span.end..later.span.start);
                between.is_some_and(|between| !is_another_way(between))
            };
            let tells = |later: &&Command| says_done(later) || platform(later).is_some();
            let Some(later) = near.find(|later| tells(later) && follows(later)) else {
                continue;
            };
            let message = format!(
                "the deployment to {to} may fail, and the script goes on with `{}`",
                later.text()
            );
            let end = command.span.end;
            let stop = if command.function.is_some() {
                " || return 1"
            } else {
                " || exit 1"
            };
            let fix = Fix::behaviour("stop where it fails", [text.replace(end..end, stop)]);
            let defect = Defect::new(&script.path, command.place, message);
            let defect = defect.with(&script.path, later.place).about(to);
            defects.push(defect.mended_by(Some(fix)));
        }
    }
    defects
}

/// Whether what stands between two commands says that only one of them runs.
fn is_another_way(between: &str) -> bool {
    between.contains(";;")
        || between
            .split(|c: char| c.is_whitespace() || c == ';')
            .any(|word| matches!(word, "else" | "elif"))
}

fn says_done(command: &Command) -> bool {
    let text = command.text().to_ascii_lowercase();
    let words = [
        "deployed",
        "success",
        "complete",
        "deployment done",
        "live at",
    ];
    let asks = ["if ", "check", "?"].iter().any(|word| text.contains(word));
    command.is_message() && !asks && words.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn told_as_done_or_stopped() {
        let text = "#!/bin/bash\nrailway up\necho \"Deployed!\"\n";
        assert_eq!(
            found(&RULE, &[("deploy.sh", text)]),
            ["deploy.sh:2 Railway"]
        );
        for near in [
            text.replace("#!/bin/bash", "set -e"),
            text.replace("railway up", "railway up || exit 1"),
            text.replace("railway up", "railway up && \\"),
            text.replace("Deployed!", "Now wait."),
            text.replace("railway up", "if ! railway up; then exit 1; fi"),
            "#!/bin/bash\necho \"Deployed!\"\nrailway up\n".to_owned(),
            // Only one of the two runs.
            "case $1 in\na) railway up;;\nb) vercel --prod;;\nesac\necho bye\n".to_owned(),
            "if [ $1 = a ]; then\n  railway up\nelse\n  vercel --prod\nfi\necho bye\n".to_owned(),
            "railway up\nexit $?\necho Deployed\n".to_owned(),
            "railway up\nrc=$?\n[ $rc -eq 0 ] && echo Deployed\n".to_owned(),
        ] {
            assert!(found(&RULE, &[("deploy.sh", &near)]).is_empty(), "{near}");
        }
    }
}

//! Scripts that leave half of a release behind.

use crate::audit::deploys::platform;
use crate::audit::facts::Script;
use crate::audit::shell::Command;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "partial-deploy-without-undo",
    title: "A release that fails half way stays half",
    severity: Severity::Medium,
    confidence: Confidence::High,
    category: Category::Scripts,
    what: "A script deploys to two platforms one after the other, itself or through another script of the repository, and neither a `trap` nor any command takes the first one back.",
    why: "Where the second one fails, the new backend serves the old frontend, or the other way round, until somebody notices.",
    mend: "Keep what was live before, and bring it back in a `trap ... ERR`: `vercel rollback`, a redeploy of the earlier deployment on Railway.",
    references: &["https://vercel.com/docs/cli/rollback"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for script in facts.scripts() {
        let undoes = |command: &Command| {
            let traps = command.runs(&["trap"])
                && command
                    .words
                    .iter()
                    .any(|word| word.text == "ERR" || word.text == "EXIT");
            traps
                || command.words.iter().any(|word| {
                    let word = word.text.to_ascii_lowercase();
                    word.contains("rollback") || word.contains("undo") || word == "down"
                })
        };
        if script.shell.commands.iter().any(undoes) {
            continue;
        }
        let mut first: Option<(&Command, &str)> = None;
        let straight = script.shell.commands.iter();
        for command in straight.filter(|one| !one.is_conditional && one.function.is_none()) {
            let Some(to) = platform(command).or_else(|| through(facts, script, command)) else {
                continue;
            };
            match first {
                None => first = Some((command, to)),
                Some((earlier, before)) if before != to => {
                    let message = format!(
                        "where this fails, what went to {before} stays live without it: nothing takes it back"
                    );
                    let defect = Defect::new(&script.path, command.place, message);
                    defects.push(defect.with(&script.path, earlier.place).about(to));
                    break;
                }
                Some(_) => {}
            }
        }
    }
    defects
}

/// Where another script of the repository that a command runs deploys to.
fn through(facts: &Facts<'_>, script: &Script, command: &Command) -> Option<&'static str> {
    let words = command.program();
    let words = match words.first()?.text.as_str() {
        "bash" | "sh" | "source" | "." => words.get(1..)?,
        _ => words,
    };
    let named = words.first().filter(|word| word.is_literal)?.text.as_str();
    let other = facts.scripts().iter().find(|other| {
        let here = path::join(path::parent(&script.path), named);
        [path::normalise(named), path::normalise(&here)].contains(&other.path)
    })?;
    let own = other.path != script.path;
    // What only a branch or a function of it deploys may not run.
    other
        .shell
        .commands
        .iter()
        .filter(|one| own && !one.is_conditional && one.function.is_none())
        .find_map(platform)
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn two_platforms_with_and_without_a_way_back() {
        let all = "set -e\n./scripts/api.sh\ncd web\nvercel --prod\n";
        let api = "set -e\nrailway up\n";
        let files = [("scripts/all.sh", all), ("scripts/api.sh", api)];
        assert_eq!(found(&RULE, &files), ["scripts/all.sh:4 Vercel"]);
        for near in [
            all.replace("set -e", "trap 'scripts/back.sh' ERR"),
            all.replace("vercel --prod", "vercel --prod || vercel rollback"),
            all.replace("vercel --prod", "vercel"),
            all.replace("vercel --prod", "railway up"),
            all.replace("vercel --prod", "echo vercel --prod"),
            "case $1 in\na) railway up;;\nb) vercel --prod;;\nesac\n".to_owned(),
            "api() { railway up; }\nweb() { vercel --prod; }\n\"$@\"\n".to_owned(),
        ] {
            let files = [("scripts/all.sh", near.as_str()), ("scripts/api.sh", api)];
            assert!(found(&RULE, &files).is_empty(), "{near}");
        }
        let maybe = "if [ \"$1\" = now ]; then\n  railway up\nfi\n";
        let files = [("scripts/all.sh", all), ("scripts/api.sh", maybe)];
        assert!(found(&RULE, &files).is_empty());
    }
}

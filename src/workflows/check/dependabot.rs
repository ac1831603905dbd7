//! A `dependabot.yml`: what GitHub refuses in it, and the rules that ours keeps.
//! Lists after GitHub's reference of the file.

use std::collections::HashSet;

use super::Problem;
use crate::project::document::{Entry, Node};

const UPDATE: [&str; 25] = [
    "allow",
    "assignees",
    "commit-message",
    "cooldown",
    "directories",
    "directory",
    "enable-beta-ecosystems",
    "exclude-paths",
    "groups",
    "ignore",
    "insecure-external-code-execution",
    "labels",
    "milestone",
    "multi-ecosystem-group",
    "name",
    "open-pull-requests-limit",
    "package-ecosystem",
    "patterns",
    "pull-request-branch-name",
    "rebase-strategy",
    "registries",
    "schedule",
    "target-branch",
    "vendor",
    "versioning-strategy",
];

const INTERVALS: [&str; 7] = [
    "daily",
    "weekly",
    "monthly",
    "quarterly",
    "semiannually",
    "yearly",
    "cron",
];

pub(super) fn check(node: &Node, problems: &mut Vec<Problem>) {
    if node.get("version").and_then(Node::scalar) != Some("2") {
        problems.push(Problem::new(1, "`version` is not 2"));
    }
    let updates = node.get("updates").map(Node::items).unwrap_or_default();
    if updates.is_empty() {
        problems.push(Problem::new(1, "`updates` is empty"));
    }
    let mut seen = HashSet::new();
    for update in updates {
        for entry in update.entries() {
            if !UPDATE.contains(&entry.key.as_str()) {
                let message = format!("Dependabot knows no `{}`", entry.key);
                problems.push(Problem::new(entry.line, message));
            }
        }
        let text = |key: &str| update.get(key).and_then(Node::str);
        let Some(ecosystem) = text("package-ecosystem") else {
            problems.push(Problem::new(
                update.line,
                "an update without `package-ecosystem`",
            ));
            continue;
        };
        let interval = update
            .entry("schedule")
            .and_then(|schedule| schedule.node.entry("interval"));
        if !interval.is_some_and(|entry| is_one_of(entry, &INTERVALS)) {
            let line = interval.map_or(update.line, |entry| entry.line);
            let message = format!("`schedule.interval` is none of {}", INTERVALS.join(", "));
            problems.push(Problem::new(line, message));
        }
        let directories: Vec<&Node> = match (update.get("directory"), update.get("directories")) {
            (Some(one), None) => vec![one],
            (None, Some(several)) if !several.items().is_empty() => {
                several.items().iter().collect()
            }
            _ => {
                problems.push(Problem::new(
                    update.line,
                    "an update has either `directory` or `directories`",
                ));
                continue;
            }
        };
        for directory in directories {
            let folder = directory.str().unwrap_or_default();
            if !folder.starts_with('/') {
                let message = format!("the directory `{folder}` does not start with `/`");
                problems.push(Problem::new(directory.line, message));
            }
            let branch = text("target-branch").unwrap_or_default();
            if !seen.insert((ecosystem, folder, branch)) {
                let message = format!("{ecosystem} in {folder} is updated twice");
                problems.push(Problem::new(directory.line, message));
            }
        }
    }
}

fn is_one_of(entry: &Entry, words: &[&str]) -> bool {
    entry.node.str().is_some_and(|word| words.contains(&word))
}

#[cfg(test)]
mod tests {
    use crate::workflows::catalog::Kind;
    use crate::workflows::check::problems_of;

    const GOOD: &str = "version: 2\nupdates:\n  - package-ecosystem: pip\n    directories:\n      - /a\n    schedule:\n      interval: weekly\n";

    #[test]
    fn what_github_refuses_is_found_at_its_line() {
        assert_eq!(problems_of(Kind::Dependabot, GOOD), []);
        for (from, to, line, word) in [
            ("version: 2", "version: 1", 1, "not 2"),
            ("weekly", "often", 7, "interval"),
            ("- /a", "- a", 5, "start with"),
            ("- /a", "- /a\n      - /a", 6, "twice"),
            (
                "    directories",
                "    directory: /a\n    directories",
                3,
                "either",
            ),
            (
                "    schedule",
                "    shedule: x\n    schedule",
                6,
                "no `shedule`",
            ),
            ("package-ecosystem: pip", "name: x", 3, "without"),
        ] {
            let problems = problems_of(Kind::Dependabot, &GOOD.replacen(from, to, 1));
            assert!(
                problems
                    .iter()
                    .any(|problem| problem.line == line && problem.message.contains(word)),
                "{to}: {problems:?}"
            );
        }
    }
}

//! Mirror jobs whose lease is refused, or protects nothing.

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::{Node, Value};

pub(super) const RULE: Rule = Rule {
    id: "forced-mirror-without-fetch",
    title: "A mirror's lease is stale on every run after the first",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Pipelines,
    what: "A job adds a remote and pushes to it with a bare `--force-with-lease`, and never fetches from it.",
    why: "Without a ref of the remote there is nothing to compare with: git refuses the push as stale as soon as the branch exists there, so that the mirror stands still.",
    mend: "Fetch the remote first and stop where it has commits that the source has not; `--force-with-lease=BRANCH:COMMIT` names what is expected.",
    references: &[
        "https://git-scm.com/docs/git-push#Documentation/git-push.txt---no-force-with-lease",
    ],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    let is_yaml = |file: &&str| file.ends_with(".yml") || file.ends_with(".yaml");
    let workflows = facts.tree.directly_in(".github/workflows").filter(is_yaml);
    for file in workflows.chain(facts.tree.named(".gitlab-ci.yml")) {
        let Some(document) = facts.tree.yaml(file) else {
            continue;
        };
        let jobs = document.get("jobs").unwrap_or(&document);
        for job in jobs.entries() {
            let mut lines = Vec::new();
            texts(&job.node, &mut lines);
            let pushes = lines
                .iter()
                .filter_map(|(line, text)| Some((line, pushed(text)?)));
            for (line, remote) in pushes {
                let names = |text: &str, verbs: &[&str]| {
                    let words: Vec<&str> = text.split_whitespace().collect();
                    verbs.iter().any(|verb| text.contains(verb)) && words.contains(&remote)
                };
                let added = lines
                    .iter()
                    .find(|(_, text)| names(text, &["git remote add"]));
                let fetches = lines.iter().any(|(_, text)| {
                    names(
                        text,
                        &[
                            "git fetch",
                            "git pull",
                            "git ls-remote",
                            "git remote add -f",
                        ],
                    ) || text.contains("git fetch --all")
                        || text.contains("git remote update")
                });
                if let Some((added, _)) = added.filter(|_| !fetches) {
                    let message = format!(
                        "`--force-with-lease` to `{remote}`, which nothing here fetches from: git refuses it as stale once the branch exists there"
                    );
                    defects.push(
                        Defect::new(file, *line, message)
                            .with(file, *added)
                            .about(remote),
                    );
                }
            }
        }
    }
    defects
}

/// All lines of all texts below a node, with their numbers.
fn texts(node: &Node, lines: &mut Vec<(usize, String)>) {
    match &node.value {
        Value::String(text) => {
            for (at, line) in text.lines().enumerate() {
                lines.push((node.line + at, line.trim().to_owned()));
            }
        }
        Value::List(items) => items.iter().for_each(|item| texts(item, lines)),
        Value::Map(entries) => entries.iter().for_each(|entry| texts(&entry.node, lines)),
        _ => {}
    }
}

/// The remote that a line pushes to with a bare lease.
fn pushed(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("git push")?;
    let words = rest.split_whitespace();
    let words: Vec<&str> = words
        .map(|word| word.trim_end_matches([';', ')', '&', '|']))
        .filter(|word| !word.is_empty())
        .collect();
    if !words.contains(&"--force-with-lease") {
        return None;
    }
    let remote = words.into_iter().find(|word| !word.starts_with('-'))?;
    let is_name = remote
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    (is_name && remote != "origin").then_some(remote)
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    fn of(script: &str) -> Vec<String> {
        let text = format!(
            "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: |\n          {}\n",
            script.replace('\n', "\n          ")
        );
        found(&RULE, &[(".github/workflows/mirror.yml", &text)])
    }

    #[test]
    fn a_lease_on_nothing() {
        assert_eq!(
            of("git remote add gitlab https://x\ngit push gitlab main --force-with-lease"),
            [".github/workflows/mirror.yml:8 gitlab"]
        );
        assert_eq!(
            of(
                "git remote add gitlab https://x || true\nif git push gitlab main --force-with-lease; then\n  echo\nfi"
            ),
            [".github/workflows/mirror.yml:8 gitlab"]
        );
        let gitlab = "mirror:\n  script:\n    - git remote add github https://x\n    - git push --force-with-lease github HEAD:main\n";
        assert_eq!(
            found(&RULE, &[(".gitlab-ci.yml", gitlab)]),
            [".gitlab-ci.yml:4 github"]
        );
    }

    #[test]
    fn a_lease_on_something() {
        for script in [
            "git remote add gitlab https://x\ngit fetch gitlab\ngit push gitlab main --force-with-lease",
            "git remote add gitlab https://x\ngit push gitlab main --force-with-lease=main:abc",
            "git push origin main --force-with-lease",
            "git remote add gitlab https://x\ngit push gitlab main",
        ] {
            assert!(of(script).is_empty(), "{script}");
        }
    }
}

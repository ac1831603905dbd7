//! A pipeline of GitLab: keywords that it knows, names that it takes, a graph of
//! jobs that holds, and the rules that every pipeline of ours keeps.
//! Lists after GitLab's reference of the CI/CD YAML syntax.

use std::collections::HashSet;

use super::jobs::needs;
use super::keys::known;
use super::{Problem, each_text};
use crate::project::document::{Entry, Node, Value};
use crate::workflows::gitlab::{MAX_CHANGES, MAX_KEY_FILES, RESERVED_NAMES};

/// Keywords at the top; everything else there is a job.
const TOP: [&str; 10] = [
    "after_script",
    "before_script",
    "cache",
    "default",
    "image",
    "include",
    "services",
    "stages",
    "variables",
    "workflow",
];
const JOB: [&str; 31] = [
    "after_script",
    "allow_failure",
    "artifacts",
    "before_script",
    "cache",
    "coverage",
    "dast_configuration",
    "dependencies",
    "environment",
    "extends",
    "hooks",
    "id_tokens",
    "identity",
    "image",
    "inherit",
    "interruptible",
    "needs",
    "pages",
    "parallel",
    "release",
    "resource_group",
    "retry",
    "rules",
    "run",
    "script",
    "secrets",
    "services",
    "stage",
    "tags",
    "timeout",
    "variables",
];
const RULE: [&str; 9] = [
    "allow_failure",
    "auto_cancel",
    "changes",
    "exists",
    "if",
    "interruptible",
    "needs",
    "variables",
    "when",
];
const SERVICE: [&str; 8] = [
    "alias",
    "command",
    "docker",
    "entrypoint",
    "kubernetes",
    "name",
    "pull_policy",
    "variables",
];
const IMAGE: [&str; 5] = ["docker", "entrypoint", "kubernetes", "name", "pull_policy"];
const CACHE: [&str; 7] = [
    "fallback_keys",
    "key",
    "paths",
    "policy",
    "unprotect",
    "untracked",
    "when",
];
/// The stages where a pipeline names none.
const STAGES: [&str; 5] = [".pre", "build", "test", "deploy", ".post"];

/// GitLab keeps job names in a column of this length.
const MAX_NAME: usize = 255;

pub(super) fn check(pipeline: &Node, problems: &mut Vec<Problem>) {
    let jobs: Vec<&Entry> = pipeline
        .entries()
        .iter()
        .filter(|entry| !TOP.contains(&entry.key.as_str()))
        .collect();
    if !jobs.iter().any(|job| !is_hidden(job)) {
        problems.push(Problem::new(1, "there are no jobs"));
    }
    if let Some(rules) = pipeline.at(&["workflow", "rules"]) {
        check_rules(rules, problems);
    }
    check_variables(pipeline, problems);
    let stages: Vec<&str> = match pipeline.get("stages") {
        Some(named) => named
            .items()
            .iter()
            .filter_map(Node::str)
            .chain([".pre", ".post"])
            .collect(),
        None => STAGES.to_vec(),
    };
    for job in &jobs {
        check_job(job, pipeline, &stages, problems);
    }
    for job in &jobs {
        if waits_for(job, &job.key, pipeline, &mut HashSet::new()) {
            problems.push(Problem::new(
                job.line,
                format!("`{}` and the jobs it needs wait for each other", job.key),
            ));
        }
    }
}

fn is_hidden(job: &Entry) -> bool {
    job.key.starts_with('.')
}

fn check_job(job: &Entry, pipeline: &Node, stages: &[&str], problems: &mut Vec<Problem>) {
    let name = job.key.as_str();
    if RESERVED_NAMES.contains(&name) || name.is_empty() || name.len() > MAX_NAME {
        problems.push(Problem::new(
            job.line,
            format!("no job can be called `{name}`"),
        ));
    }
    if !matches!(job.node.value, Value::Map(_)) {
        problems.push(Problem::new(job.line, format!("`{name}` is no job")));
        return;
    }
    known("a job", job.node.entries(), &JOB, problems);
    check_variables(&job.node, problems);
    for (base, line) in bases(&job.node) {
        if pipeline.get(base).is_none() {
            problems.push(Problem::new(
                line,
                format!("there is no `{base}` to extend"),
            ));
        }
    }
    for (needed, line) in needs(&job.node) {
        if pipeline.get(needed).is_none() || needed.starts_with('.') {
            problems.push(Problem::new(
                line,
                format!("there is no job `{needed}` to wait for"),
            ));
        }
    }
    if let Some(stage) = job.node.get("stage")
        && !stage.str().is_some_and(|stage| stages.contains(&stage))
    {
        problems.push(Problem::new(
            stage.line,
            format!("there is no stage `{}`", stage.scalar().unwrap_or_default()),
        ));
    }
    if let Some(rules) = job.node.get("rules") {
        check_rules(rules, problems);
    }
    if let Some(image) = job.node.get("image") {
        check_image(image, &IMAGE, problems);
    }
    for service in items(job.node.get("services")) {
        check_image(service, &SERVICE, problems);
        check_variables(service, problems);
    }
    if let Some(cache) = job.node.get("cache") {
        known("a cache", cache.entries(), &CACHE, problems);
        if let Some(files) = cache.at(&["key", "files"])
            && files.items().len() > MAX_KEY_FILES
        {
            problems.push(Problem::new(
                files.line,
                format!("a cache's key has at most {MAX_KEY_FILES} files"),
            ));
        }
    }
    check_script(job, pipeline, problems);
}

/// What a job must have, its own or from what it extends.
fn check_script(job: &Entry, pipeline: &Node, problems: &mut Vec<Problem>) {
    if is_hidden(job) {
        return;
    }
    for key in ["script", "timeout", "image"] {
        if inherited(&job.node, key, pipeline, 0).is_none() {
            problems.push(Problem::new(
                job.line,
                format!("the job `{}` has no `{key}`", job.key),
            ));
        }
    }
    let lines = items(job.node.get("script"));
    let is_step = |line: &&Node| line.str().is_some_and(|line| line.starts_with("step "));
    if let Some(step) = lines.iter().find(is_step)
        && lines.last().and_then(Node::str) != Some("finish")
    {
        problems.push(Problem::new(
            step.line,
            "a job with steps ends with `finish`: without it a failed step is forgotten",
        ));
    }
}

/// The value of a key, the job's own or that of what it extends.
fn inherited<'n>(job: &'n Node, key: &str, pipeline: &'n Node, depth: usize) -> Option<&'n Node> {
    // GitLab follows ten levels.
    if depth > 10 {
        return None;
    }
    job.get(key).or_else(|| {
        bases(job)
            .into_iter()
            .rev()
            .find_map(|(base, _)| inherited(pipeline.get(base)?, key, pipeline, depth + 1))
    })
}

/// What a job extends, each with its line.
fn bases(job: &Node) -> Vec<(&str, usize)> {
    let extends = job.get("extends");
    match extends.and_then(Node::str) {
        Some(one) => vec![(one, extends.map_or(1, |node| node.line))],
        None => items(extends)
            .iter()
            .filter_map(|item| Some((item.str()?, item.line)))
            .collect(),
    }
}

fn check_rules(rules: &Node, problems: &mut Vec<Problem>) {
    for rule in rules.items() {
        known("a rule", rule.entries(), &RULE, problems);
        if let Some(condition) = rule.get("if")
            && !condition.str().is_some_and(is_condition)
        {
            problems.push(Problem::new(
                condition.line,
                "a condition compares variables with quoted texts",
            ));
        }
        if let Some(changes) = rule.get("changes") {
            let paths = changes.get("paths").unwrap_or(changes);
            if paths.items().is_empty() || paths.items().len() > MAX_CHANGES {
                problems.push(Problem::new(
                    changes.line,
                    format!("`changes` takes 1 to {MAX_CHANGES} paths"),
                ));
            }
        }
    }
}

/// Whether the quotes of a condition are closed and what is outside them are
/// variables, patterns and operators.
fn is_condition(text: &str) -> bool {
    let mut outside = String::new();
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if "\"'/".contains(c) => quote = Some(c),
            None => outside.push(c),
        }
    }
    quote.is_none()
        && outside.contains('$')
        && outside.split_whitespace().all(|word| {
            let word = word.trim_matches(['(', ')']);
            matches!(word, "" | "==" | "!=" | "=~" | "!~" | "&&" | "||" | "null")
                || word.strip_prefix('$').is_some_and(is_name)
        })
}

/// Variables are texts or numbers under names that a shell takes.
fn check_variables(node: &Node, problems: &mut Vec<Problem>) {
    for entry in node.get("variables").map(Node::entries).unwrap_or_default() {
        if !is_name(&entry.key) {
            problems.push(Problem::new(
                entry.line,
                format!("`{}` is no name of a variable", entry.key),
            ));
        }
        let value = entry.node.get("value").unwrap_or(&entry.node);
        if !matches!(value.value, Value::String(_) | Value::Number(_)) {
            problems.push(Problem::new(
                entry.line,
                format!(
                    "the variable `{}` is neither a text nor a number",
                    entry.key
                ),
            ));
        }
        each_text(value, &mut |text, line| {
            if text
                .split("${")
                .skip(1)
                .any(|rest| !rest.split_once('}').is_some_and(|(name, _)| is_name(name)))
            {
                problems.push(Problem::new(line, "a variable in a variable is not closed"));
            }
        });
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// An image has a tag or a digest, and the tag is not one that means anything.
fn check_image(node: &Node, keys: &[&str], problems: &mut Vec<Problem>) {
    known("an image", node.entries(), keys, problems);
    let Some(image) = node.str().or_else(|| node.get("name")?.str()) else {
        problems.push(Problem::new(node.line, "an image has a name"));
        return;
    };
    let (name, digest) = image.split_once('@').unwrap_or((image, ""));
    let last = name.rsplit('/').next().unwrap_or(name);
    let tag = last.split_once(':').map(|(_, tag)| tag);
    let is_known = |c: char| c.is_ascii_alphanumeric() || "._-/:@$".contains(c);
    if image.is_empty() || !image.chars().all(is_known) || tag == Some("") {
        problems.push(Problem::new(node.line, format!("`{image}` is no image")));
    } else if digest.is_empty() && matches!(tag, None | Some("latest")) {
        problems.push(Problem::new(
            node.line,
            format!("`{image}` is another image tomorrow: name a version"),
        ));
    }
}

fn waits_for<'n>(
    job: &'n Entry,
    wanted: &str,
    pipeline: &'n Node,
    seen: &mut HashSet<&'n str>,
) -> bool {
    needs(&job.node)
        .into_iter()
        .chain(bases(&job.node))
        .any(|(next, _)| {
            next == wanted
                || seen.insert(next)
                    && pipeline
                        .entry(next)
                        .is_some_and(|next| waits_for(next, wanted, pipeline, seen))
        })
}

fn items(node: Option<&Node>) -> &[Node] {
    node.map(Node::items).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::problems_of;
    use crate::workflows::catalog::Kind;

    const GOOD: &str = "\
workflow:
  rules:
    - if: $CI_PIPELINE_SOURCE == \"merge_request_event\"
    - if: ($CI_COMMIT_BRANCH =~ /^v\\d+$/ || $X) && $Y != null
.base:
  stage: test
  timeout: 5 minutes
a:
  extends: .base
  image: node:20
  variables:
    CACHE: $CI_PROJECT_DIR/.cache
  services:
    - name: postgres:15
      alias: postgres
  cache:
    key:
      files:
        - a
        - b
  rules:
    - changes:
        - a/**/*
  script:
    - step 'Test' . 'npm test'
    - finish
b:
  extends: [.base]
  image:
    name: registry:5000/x@sha256:00
  needs: [a]
  script: echo b
";

    #[test]
    fn a_good_pipeline_has_no_problem() {
        assert_eq!(problems_of(Kind::Gitlab, GOOD), []);
    }

    #[test]
    fn each_mistake_is_found_at_its_line() {
        for (old, new, line, word) in [
            ("  timeout: 5 minutes\n", "", 7, "no `timeout`"),
            ("stage: test", "stage: tset", 6, "no stage `tset`"),
            ("extends: .base\n", "extends: .bsae\n", 9, "no `.bsae`"),
            ("node:20", "node", 10, "another image tomorrow"),
            ("node:20", "node:latest", 10, "another image tomorrow"),
            ("node:20", "node:2 0", 10, "no image"),
            ("name: registry", "nmae: registry", 30, "nmae"),
            ("CACHE: $CI", "CA-CHE: $CI", 12, "no name of a variable"),
            ("CACHE: $CI", "CACHE: ${CI", 12, "not closed"),
            ("$CI_PROJECT_DIR/.cache", "[x]", 12, "neither a text"),
            ("alias:", "ailas:", 15, "ailas"),
            (
                "        - b\n",
                "        - b\n        - c\n",
                19,
                "at most 2",
            ),
            ("        - a/**/*\n", "        []\n", 23, "1 to 50"),
            ("    - changes:", "    - chnages:", 22, "chnages"),
            ("    - finish\n", "", 25, "forgotten"),
            ("needs: [a]", "needs: [c]", 31, "no job `c`"),
            ("needs: [a]", "needs: [.base]", 31, "no job `.base`"),
            ("needs: [a]", "needs: [b]", 27, "wait for each other"),
            ("script: echo b", "scirpt: echo b", 32, "scirpt"),
            ("script: echo b", "scirpt: echo b", 27, "no `script`"),
            ("\nb:\n", "\npages:\n", 27, "called `pages`"),
            (
                "\"merge_request_event\"",
                "merge_request_event",
                3,
                "quoted",
            ),
            ("event\"", "event", 3, "quoted"),
            ("script: echo b", "script: a\n  script: b", 33, "twice"),
        ] {
            assert!(GOOD.contains(old), "{old}");
            let found = problems_of(Kind::Gitlab, &GOOD.replacen(old, new, 1));
            assert!(
                found
                    .iter()
                    .any(|problem| problem.line == line && problem.message.contains(word)),
                "{old:?} -> {new:?}: wanted {word:?} at {line}, found {found:?}"
            );
        }
        let none = problems_of(Kind::Gitlab, ".a: {}\n");
        assert!(none[0].message.contains("no jobs"), "{none:?}");
    }
}

//! Rules of the house: what a team wants of every job, whatever template it
//! comes from. They are put into what a template gave, before it is checked, so
//! that nobody has to copy a template for the sake of a runner's label.

use std::collections::BTreeMap;

use globset::{Glob, GlobMatcher};
use serde::Serialize;

use super::block::{Block, Kind};
use super::render::{Origin, Rendered, scalar};
use crate::debt::measured;

/// How the lines that a rule makes are called where something is wrong with them.
pub const SOURCE: &str = ".github/ci-tool.yml";

/// The rules, and the text that they stand in.
#[derive(Debug, Clone, Default)]
pub struct House {
    /// The rules.
    pub rules: Vec<Rule>,
    /// The configuration's text.
    pub source: String,
}

/// What is wanted of the jobs that a pattern names.
#[derive(Debug, Clone, Serialize)]
pub struct Rule {
    /// `*`, `TEMPLATE/JOB` or a glob of it, as it is written.
    pub pattern: String,
    /// Whether it was measured and not chosen: whatever is chosen goes before it.
    #[serde(skip)]
    pub is_measured: bool,
    /// Its line in the configuration.
    #[serde(skip)]
    pub line: usize,
    /// What is matched; made from the pattern.
    #[serde(skip)]
    pub matcher: GlobMatcher,
    /// What stands at `runs-on`, as a YAML value.
    pub runner: Option<Runner>,
    /// The job's time limit.
    pub timeout_minutes: Option<u32>,
    /// Variables of the job.
    pub env: BTreeMap<String, String>,
    /// Permissions of the job beside those that it has.
    pub permissions: BTreeMap<String, String>,
    /// `false` takes the caches out.
    pub cache: Option<bool>,
    /// Steps of one's own, by their place.
    pub steps: BTreeMap<Place, Vec<OwnStep>>,
}

/// A step of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct OwnStep {
    /// Its YAML, with the dash and the comments above it.
    pub text: String,
    /// Its line in the configuration.
    #[serde(skip)]
    pub line: usize,
}

/// The steps of a place as they are written in a configuration, with their
/// comments; nothing where the configuration is not in block style.
pub fn written_steps(source: &str, pattern: &str, place: &str) -> Vec<OwnStep> {
    let found = Block::parse(source).ok().and_then(|document| {
        let mut block = &document;
        for key in ["generate", "jobs", pattern, "steps", place] {
            block = block.child(key)?;
        }
        let is_block = |step: &&Block<'_>| step.kind == Kind::Item;
        let steps: Vec<OwnStep> = block
            .children
            .iter()
            .filter(is_block)
            .map(|step| OwnStep {
                text: step.lines(0, None).join("\n").trim().to_owned(),
                line: step.line,
            })
            .collect();
        (steps.len() == block.children.len()).then_some(steps)
    });
    found.unwrap_or_default()
}

/// Where a job runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Runner {
    /// One label.
    Label(String),
    /// A runner that has all of these labels.
    Labels(Vec<String>),
    /// A runner of a group.
    Group {
        /// The group.
        group: String,
        /// The labels that it must have, too.
        labels: Vec<String>,
    },
}

/// Where steps of one's own stand in a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Before everything else.
    First,
    /// Before dependencies are installed.
    BeforeInstall,
    /// After that.
    AfterInstall,
    /// After everything else.
    Last,
}

impl Rule {
    /// The pattern as a glob. A pattern without a slash is for all templates.
    ///
    /// # Errors
    /// Where it is no glob.
    pub fn matcher(pattern: &str) -> Result<GlobMatcher, globset::Error> {
        let whole = match pattern {
            "*" => "**".to_owned(),
            pattern if pattern.contains('/') => pattern.to_owned(),
            job => format!("*/{job}"),
        };
        Ok(Glob::new(&whole)?.compile_matcher())
    }

    /// How much a pattern says: what says more is applied later, and wins.
    fn weight(&self) -> usize {
        self.pattern.chars().filter(|c| !"*?/".contains(*c)).count()
    }
}

/// What a rule puts in the place of lines.
struct Edit {
    /// Before which line, counted from 0.
    at: usize,
    /// How many lines from there go.
    removed: usize,
    /// Each with its line in the configuration.
    lines: Vec<(String, usize)>,
}

/// Puts the rules into a workflow. Answers with what was put in, for the record.
pub fn apply(rules: &[Rule], template: &str, rendered: &mut Rendered) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let mut rules: Vec<&Rule> = rules.iter().collect();
    rules.sort_by_key(|rule| (!rule.is_measured, rule.weight(), &rule.pattern));
    for rule in rules {
        // Each rule sees what those before it left.
        let text = rendered.text.clone();
        let Ok(document) = Block::parse(&text) else {
            return facts;
        };
        let jobs = document
            .child("jobs")
            .map_or(&[][..], |jobs| &jobs.children);
        let mut edits = Vec::new();
        for job in jobs {
            if rule.matcher.is_match(format!("{template}/{}", job.key)) {
                edit_job(rule, job, &mut edits);
            }
        }
        if !edits.is_empty() {
            let value = serde_json::to_string(rule).unwrap_or_default();
            facts.insert(fact(rule), value);
            let source = match rule.is_measured {
                true => measured::FILE,
                false => SOURCE,
            };
            carry_out(edits, source, rendered);
        }
    }
    facts
}

/// By what name the record knows a rule.
pub(super) fn fact(rule: &Rule) -> String {
    let whose = if rule.is_measured {
        "measured"
    } else {
        "house"
    };
    format!("{whose}.{}", rule.pattern)
}

fn carry_out(mut edits: Vec<Edit>, source: &str, rendered: &mut Rendered) {
    edits.sort_by_key(|edit| edit.at);
    let mut lines: Vec<String> = rendered.text.lines().map(str::to_owned).collect();
    for edit in edits.into_iter().rev() {
        let range = edit.at..edit.at + edit.removed;
        let origins = edit.lines.iter().map(|(_, line)| Origin {
            template: source.to_owned(),
            line: *line,
        });
        rendered.origins.splice(range.clone(), origins);
        lines.splice(range, edit.lines.into_iter().map(|(text, _)| text));
    }
    rendered.text = lines.join("\n") + "\n";
}

fn edit_job(rule: &Rule, job: &Block<'_>, edits: &mut Vec<Edit>) {
    let mut made = Vec::new();
    let mut edit = |at: usize, removed: usize, lines: Vec<String>| {
        made.push(Edit {
            at,
            removed,
            lines: lines.into_iter().map(|line| (line, rule.line)).collect(),
        });
    };
    let Some(column) = job.children.first().map(|child| child.indent) else {
        return;
    };
    if let Some(runner) = &rule.runner {
        let lines = runner_lines(runner);
        put(job, "runs-on", indented(&lines, column), &mut edit);
    }
    if let Some(minutes) = rule.timeout_minutes {
        let line = format!("timeout-minutes: {minutes}");
        put(job, "timeout-minutes", indented(&[line], column), &mut edit);
    }
    for (key, values) in [("env", &rule.env), ("permissions", &rule.permissions)] {
        if !values.is_empty() {
            put_entries(job, key, values, column, &mut edit);
        }
    }
    let steps = job.child("steps");
    if let Some(steps) = steps.filter(|steps| steps.kind == Kind::Sequence) {
        if rule.cache == Some(false) {
            for step in &steps.children {
                without_cache(step, &mut edit);
            }
        }
        put_steps(rule, &steps.children, &mut made);
    }
    edits.extend(made);
}

/// Puts steps of one's own among those of a job.
fn put_steps(rule: &Rule, steps: &[Block<'_>], edits: &mut Vec<Edit>) {
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
        return;
    };
    let install = steps.iter().find(|step| {
        let id = step.child("id").and_then(|id| id.scalar.as_deref());
        id == Some("install")
    });
    for (place, new) in &rule.steps {
        let (at, is_before) = match (place, install) {
            (Place::First, _) => (start(first), true),
            (Place::Last, _) => (end(last), false),
            (Place::BeforeInstall, Some(install)) => (start(install), true),
            (Place::AfterInstall, Some(install)) => (end(install), false),
            (Place::BeforeInstall | Place::AfterInstall, None) => continue,
        };
        let mut lines = Vec::new();
        for step in new {
            if !is_before {
                lines.push((String::new(), step.line));
            }
            let text: Vec<String> = step.text.lines().map(str::to_owned).collect();
            let comments = text
                .iter()
                .take_while(|line| !line.starts_with('-'))
                .count();
            for (offset, line) in indented(&text, first.indent).into_iter().enumerate() {
                lines.push((line, (step.line + offset).saturating_sub(comments)));
            }
            if is_before {
                lines.push((String::new(), step.line));
            }
        }
        edits.push(Edit {
            at,
            removed: 0,
            lines,
        });
    }
}

/// Puts lines in the place of a key, or before the steps where it is not there.
fn put(
    job: &Block<'_>,
    key: &str,
    lines: Vec<String>,
    edit: &mut impl FnMut(usize, usize, Vec<String>),
) {
    match job.child(key) {
        Some(child) => edit(child.line - 1, end(child) + 1 - child.line, lines),
        None => edit(before_steps(job), 0, lines),
    }
}

/// Adds entries to the mapping of a key, or puts others in their places.
fn put_entries(
    job: &Block<'_>,
    key: &str,
    values: &BTreeMap<String, String>,
    column: usize,
    edit: &mut impl FnMut(usize, usize, Vec<String>),
) {
    // Every permission says what it is for.
    let why = match key {
        "permissions" => " # asked for in .github/ci-tool.yml",
        _ => "",
    };
    let entry = |name: &String, value: &String| format!("{}: {}{why}", scalar(name), scalar(value));
    let Some(child) = job.child(key).filter(|child| child.kind == Kind::Map) else {
        let mut lines = vec![format!("{key}:")];
        lines.extend(
            values
                .iter()
                .map(|(name, value)| format!("  {}", entry(name, value))),
        );
        return put(job, key, indented(&lines, column), edit);
    };
    let inner = child
        .children
        .first()
        .map_or(column + 2, |child| child.indent);
    let mut new = Vec::new();
    for (name, value) in values {
        match child.child(name) {
            Some(old) => edit(
                old.line - 1,
                end(old) + 1 - old.line,
                indented(&[entry(name, value)], inner),
            ),
            None => new.push(entry(name, value)),
        }
    }
    if !new.is_empty() {
        edit(end(child), 0, indented(&new, inner));
    }
}

/// Takes the inputs out by which set-up actions cache, and steps that only cache.
fn without_cache(step: &Block<'_>, edit: &mut impl FnMut(usize, usize, Vec<String>)) {
    let uses = step.child("uses").and_then(|uses| uses.scalar.as_deref());
    if uses.is_some_and(|uses| uses.starts_with("actions/cache")) {
        let lead = step.lead.len();
        return edit(
            step.line - 1 - lead,
            lead + end(step) + 1 - step.line,
            Vec::new(),
        );
    }
    let Some(with) = step.child("with").filter(|with| with.kind == Kind::Map) else {
        return;
    };
    let is_off = |input: &Block<'_>| input.scalar.as_deref() == Some("false");
    let (cache, others): (Vec<_>, Vec<_>) = with.children.iter().partition(|input| {
        let is_named = input.key.starts_with("cache") || input.key.ends_with("-cache");
        is_named && !is_off(input)
    });
    // One that caches without being told to has to be told not to.
    let switch = |input: &&&Block<'_>| input.key.ends_with("-cache");
    for input in cache.iter().filter(|input| switch(input)) {
        let lines = indented(&[format!("{}: false", input.key)], input.indent);
        edit(input.line - 1, end(input) + 1 - input.line, lines);
    }
    if others.is_empty() && !cache.iter().any(|input| switch(&input)) {
        return edit(with.line - 1, end(with) + 1 - with.line, Vec::new());
    }
    for input in cache.iter().filter(|input| !switch(input)) {
        edit(input.line - 1, end(input) + 1 - input.line, Vec::new());
    }
}

/// The first line of a block, with the comments right above it, counted from 0.
fn start(block: &Block<'_>) -> usize {
    let is_comment = |line: &&&str| !line.trim().is_empty();
    block.line - 1 - block.lead.iter().rev().take_while(is_comment).count()
}

/// The line behind a block's last, counted from 0.
fn end(block: &Block<'_>) -> usize {
    let tail = block.tail.len();
    block.line - 1 + block.body_lines(block.indent, None).len() - tail
}

fn before_steps(job: &Block<'_>) -> usize {
    job.child("steps")
        .map_or_else(|| end(job), |steps| steps.line - 1 - steps.lead.len())
}

fn runner_lines(runner: &Runner) -> Vec<String> {
    let list = |labels: &[String], indent: &str| -> Vec<String> {
        labels
            .iter()
            .map(|label| format!("{indent}- {}", scalar(label)))
            .collect()
    };
    match runner {
        Runner::Label(label) => vec![format!("runs-on: {}", scalar(label))],
        Runner::Labels(labels) => {
            let mut lines = vec!["runs-on:".to_owned()];
            lines.extend(list(labels, "  "));
            lines
        }
        Runner::Group { group, labels } => {
            let mut lines = vec!["runs-on:".to_owned(), format!("  group: {}", scalar(group))];
            if !labels.is_empty() {
                lines.push("  labels:".to_owned());
                lines.extend(list(labels, "    "));
            }
            lines
        }
    }
}

fn indented(lines: &[String], column: usize) -> Vec<String> {
    lines
        .iter()
        .map(|line| {
            if line.is_empty() {
                String::new()
            } else {
                format!("{}{line}", " ".repeat(column))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
name: X
jobs:
  api:
    name: API
    runs-on: ubuntu-24.04
    timeout-minutes: 30
    permissions:
      contents: read # to check out
    env:
      A: b
    steps:
      - name: Check out
        uses: actions/checkout@1

      # As the image has it.
      - name: Set up
        id: setup
        uses: actions/setup-python@1
        with:
          python-version: \"3.12\"
          cache: pip
          cache-dependency-path: |
            requirements.txt

      - name: Install dependencies
        id: install
        run: pip install

      - name: Test
        run: pytest

  result:
    name: Result
    runs-on: ubuntu-24.04
    steps:
      - name: Look
        run: |
          true
";

    fn rule(pattern: &str) -> Rule {
        Rule {
            is_measured: false,
            pattern: pattern.to_owned(),
            line: 7,
            matcher: Rule::matcher(pattern).expect("a glob"),
            runner: None,
            timeout_minutes: None,
            env: BTreeMap::new(),
            permissions: BTreeMap::new(),
            cache: None,
            steps: BTreeMap::new(),
        }
    }

    fn applied(rules: &[Rule]) -> Rendered {
        let origins = (1..=TEXT.lines().count())
            .map(|line| Origin {
                template: "t".to_owned(),
                line,
            })
            .collect();
        let mut rendered = Rendered {
            text: TEXT.to_owned(),
            origins,
            mark_lines: 0,
        };
        apply(rules, "backend-ci", &mut rendered);
        assert_eq!(rendered.text.lines().count(), rendered.origins.len());
        rendered
    }

    #[test]
    fn the_pattern_that_says_more_wins_and_others_are_left_alone() {
        let mut all = rule("*");
        all.runner = Some(Runner::Labels(vec![
            "self-hosted".to_owned(),
            "a: b".to_owned(),
        ]));
        all.timeout_minutes = Some(9);
        let mut one = rule("backend-ci/api");
        one.runner = Some(Runner::Label("big".to_owned()));
        let text = applied(&[one, all.clone()]).text;
        assert!(
            text.contains(
                "    name: API\n    runs-on: big\n    timeout-minutes: 9\n    permissions"
            ),
            "{text}"
        );
        assert!(text.contains("    runs-on:\n      - self-hosted\n      - \"a: b\"\n    timeout-minutes: 9\n    steps"), "{text}");
        all.matcher = Rule::matcher("frontend-ci/*").expect("a glob");
        assert_eq!(applied(&[all]).text, TEXT);
    }

    #[test]
    fn variables_permissions_and_steps_are_put_in_their_places() {
        let mut rule = rule("api");
        rule.env = [("A", "c"), ("HTTPS_PROXY", "http://proxy:3128")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        rule.permissions = [("id-token".to_owned(), "write".to_owned())].into();
        for place in [
            Place::First,
            Place::BeforeInstall,
            Place::AfterInstall,
            Place::Last,
        ] {
            let text = format!("- name: {place:?}\n  run: |\n    x\n\n    y");
            rule.steps.insert(place, vec![OwnStep { text, line: 7 }]);
        }
        let rendered = applied(&[rule]);
        let text = &rendered.text;
        assert!(text.contains("    permissions:\n      contents: read # to check out\n      id-token: write # asked for in .github/ci-tool.yml\n    env:\n      A: c\n      HTTPS_PROXY: http://proxy:3128\n    steps:\n      - name: First\n        run: |\n          x\n\n          y\n\n      - name: Check out\n"), "{text}");
        assert!(text.contains("          y\n\n      - name: Install dependencies\n        id: install\n        run: pip install\n\n      - name: AfterInstall\n"), "{text}");
        assert!(text.contains("        run: pytest\n\n      - name: Last\n        run: |\n          x\n\n          y\n\n  result:"), "{text}");
        let added = rendered
            .origins
            .iter()
            .filter(|origin| origin.template == SOURCE);
        assert!(
            added.clone().count() > 20
                && added.clone().all(|origin| (7..14).contains(&origin.line))
        );
    }

    #[test]
    fn caches_can_be_taken_out() {
        let mut rule = rule("*");
        rule.cache = Some(false);
        let text = applied(&[rule]).text;
        assert_eq!(text, TEXT.replace("          cache: pip\n          cache-dependency-path: |\n            requirements.txt\n", ""));
    }
}

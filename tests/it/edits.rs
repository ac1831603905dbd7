//! What people do to a workflow, by chance: the same numbers give the same edits.

use proptest::prelude::*;

/// One thing that somebody does, somewhere.
#[derive(Debug, Clone, Copy)]
pub struct Edit {
    what: What,
    /// Of all places where it can be done, which; counted round.
    place: usize,
    /// In which of its forms, and what tells its text from all others.
    form: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    AddStep,
    AddComment,
    ChangeValue,
    DeleteStep,
    DeleteLine,
    MoveStep,
    AddJob,
    CommentBehind,
    AddToScript,
    AddKey,
    CommentAtEnd,
    AddBlank,
    DeleteJob,
    MoveJob,
    Requote,
    RenameJob,
    Reindent,
    DoubleLine,
    Break,
    Windows,
}

use What::{
    AddBlank, AddComment, AddJob, AddKey, AddStep, AddToScript, Break, ChangeValue, CommentAtEnd,
    CommentBehind, DeleteJob, DeleteLine, DeleteStep, DoubleLine, MoveJob, MoveStep, Reindent,
    RenameJob, Requote, Windows,
};

/// What a new version of a template does as well.
const ALWAYS: [What; 16] = [
    AddStep,
    AddComment,
    ChangeValue,
    DeleteStep,
    DeleteLine,
    MoveStep,
    AddJob,
    CommentBehind,
    AddToScript,
    AddKey,
    CommentAtEnd,
    AddBlank,
    DeleteJob,
    MoveJob,
    Requote,
    RenameJob,
];

/// What people alone do.
const PEOPLE: [What; 4] = [Reindent, DoubleLine, Break, Windows];

/// Up to `most` edits of a person.
pub fn by_a_person(most: usize) -> impl Strategy<Value = Vec<Edit>> {
    let what = prop_oneof![
        12 => proptest::sample::select(&ALWAYS[..]),
        1 => proptest::sample::select(&PEOPLE[..]),
    ];
    edits(what, most)
}

/// Up to `most` changes of a new version.
pub fn by_a_version(most: usize) -> impl Strategy<Value = Vec<Edit>> {
    edits(proptest::sample::select(&ALWAYS[..]), most)
}

fn edits(what: impl Strategy<Value = What>, most: usize) -> impl Strategy<Value = Vec<Edit>> {
    let edit = (what, 0..1000_usize, 0..1000_usize).prop_map(|(what, place, form)| Edit {
        what,
        place,
        form,
    });
    proptest::collection::vec(edit, 1..=most)
}

/// Whether there are edits after which lines belong to another block than before.
pub fn tear_blocks(edits: &[Edit]) -> bool {
    let tear = [DeleteLine, DoubleLine, Break, RenameJob];
    edits.iter().any(|edit| tear.contains(&edit.what))
}

/// The text after the edits. `who` is in every text that they write.
pub fn apply(text: &str, edits: &[Edit], who: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for edit in edits {
        one(&mut lines, edit, who);
    }
    let end = if edits.iter().any(|edit| edit.what == Windows) {
        "\r\n"
    } else {
        "\n"
    };
    lines.iter().map(|line| format!("{line}{end}")).collect()
}

fn one(lines: &mut Vec<String>, edit: &Edit, who: &str) {
    let word = format!("{who}{}", edit.form);
    let of = |count: usize| (count > 0).then(|| edit.place % count);
    let steps = steps(lines);
    let jobs = jobs(lines);
    let any = of(lines.len()).unwrap_or(0);
    match edit.what {
        AddStep => {
            let Some(step) = of(steps.len()).map(|at| &steps[at]) else {
                return;
            };
            let indent = " ".repeat(indentation(&lines[step.start]));
            let forms = [
                format!("{indent}- name: {word}\n{indent}  run: echo {word}\n"),
                format!(
                    "{indent}- run: | # {word}\n{indent}    one {word}\n{indent}    two {word}\n"
                ),
                format!("{indent}-   uses: {word}/x@v1  # why\n{indent}    with: {{a: 1}}\n"),
                format!("{indent}# {word} says\n{indent}- {{name: \"{word}\", run: x}}\n"),
            ];
            let new = forms[edit.form % forms.len()].lines().map(str::to_owned);
            let at = if edit.form.is_multiple_of(5) {
                step.end
            } else {
                step.start
            };
            lines.splice(at..at, new);
        }
        AddComment => {
            let indent = lines.get(any).map_or(0, |line| indentation(line));
            lines.insert(any, format!("{}# {word}", " ".repeat(indent)));
        }
        ChangeValue => {
            let values = places(lines, |line| value(line).is_some());
            if let Some(at) = of(values.len()).map(|at| values[at]) {
                let start = value(&lines[at]).unwrap_or(0);
                lines[at].replace_range(start.., &format!(" {word}"));
            }
        }
        DeleteStep => {
            if let Some(at) = of(steps.len()) {
                lines.drain(steps[at].clone());
            }
        }
        DeleteLine => {
            if any < lines.len() {
                lines.remove(any);
            }
        }
        MoveStep => swap(lines, &steps, edit.place),
        MoveJob => swap(lines, &jobs, edit.place),
        AddJob => lines.extend(
            format!("  {word}:\n    runs-on: x\n    steps:\n      - run: {word}\n")
                .lines()
                .map(str::to_owned),
        ),
        CommentBehind => {
            if let Some(line) = lines.get_mut(any).filter(|line| !line.is_empty()) {
                line.push_str("  # ");
                line.push_str(&word);
            }
        }
        AddToScript => {
            let scripts = places(lines, |line| line.ends_with(": |"));
            if let Some(at) = of(scripts.len()).map(|at| scripts[at])
                && let Some(first) = lines.get(at + 1)
            {
                let indent = " ".repeat(indentation(first));
                let at = at + 1 + edit.form % 2;
                lines.insert(at, format!("{indent}{word} \\"));
            }
        }
        AddKey => {
            if let Some(at) = of(steps.len()) {
                let indent = " ".repeat(indentation(&lines[steps[at].start]) + 2);
                lines.insert(steps[at].start + 1, format!("{indent}if: {word}"));
            }
        }
        CommentAtEnd => lines.push(format!("# {word}")),
        AddBlank => lines.insert(any, String::new()),
        DeleteJob => {
            if let Some(at) = of(jobs.len()) {
                lines.drain(jobs[at].clone());
            }
        }
        Requote => {
            let quoted = places(lines, |line| line.ends_with('"') && line.contains(": \""));
            if let Some(at) = of(quoted.len()).map(|at| quoted[at]) {
                lines[at] = lines[at].replace('"', "'");
            }
        }
        RenameJob => {
            if let Some(at) = of(jobs.len()) {
                lines[jobs[at].start] = format!("  {word}:");
            }
        }
        Reindent => {
            for line in lines.iter_mut() {
                let indent = indentation(line);
                line.insert_str(0, &" ".repeat(indent));
            }
        }
        DoubleLine => {
            if let Some(line) = lines.get(any).cloned() {
                lines.insert(any, line);
            }
        }
        Break => lines.insert(any, format!("{word}: [")),
        Windows => {}
    }
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn places(lines: &[String], wanted: impl Fn(&str) -> bool) -> Vec<usize> {
    (0..lines.len()).filter(|at| wanted(&lines[*at])).collect()
}

/// Where the value of `key: value` starts.
fn value(line: &str) -> Option<usize> {
    let at = line.find(": ")?;
    let is_key = line[..at]
        .trim_start_matches([' ', '-'])
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    (is_key && !line.ends_with('|')).then_some(at + 1)
}

/// The lines of each block that starts where `starts` says so.
fn blocks(lines: &[String], starts: impl Fn(&str) -> bool) -> Vec<std::ops::Range<usize>> {
    places(lines, starts)
        .into_iter()
        .map(|start| {
            let indent = indentation(&lines[start]);
            let behind = lines[start + 1..].iter().position(|line| {
                let is_content = !line.trim().is_empty() && !line.trim_start().starts_with('#');
                is_content && indentation(line) <= indent
            });
            let mut end = behind.map_or(lines.len(), |at| start + 1 + at);
            while lines[end - 1].trim().is_empty() {
                end -= 1;
            }
            start..end
        })
        .collect()
}

fn steps(lines: &[String]) -> Vec<std::ops::Range<usize>> {
    blocks(lines, |line| {
        let line = line.trim_start();
        ["- name:", "- uses:", "- run:", "- id:"]
            .iter()
            .any(|start| line.starts_with(start))
    })
}

fn jobs(lines: &[String]) -> Vec<std::ops::Range<usize>> {
    let Some(first) = lines.iter().position(|line| line.trim_end() == "jobs:") else {
        return Vec::new();
    };
    blocks(lines, |line| {
        indentation(line) == 2 && line.ends_with(':') && !line.contains('#')
    })
    .into_iter()
    .filter(|job| job.start > first)
    .collect()
}

/// Swaps a block with the next one of the same list or mapping.
fn swap(lines: &mut [String], blocks: &[std::ops::Range<usize>], place: usize) {
    let next: Vec<(usize, usize)> = (1..blocks.len())
        .filter(|at| {
            let (one, other) = (&blocks[at - 1], &blocks[*at]);
            let indent = indentation(&lines[one.start]);
            one.end <= other.start
                && indentation(&lines[other.start]) == indent
                && lines[one.end..other.start]
                    .iter()
                    .all(|line| line.is_empty() || indentation(line) >= indent)
        })
        .map(|at| (at - 1, at))
        .collect();
    if next.is_empty() {
        return;
    }
    let (one, other) = next[place % next.len()];
    let (one, other) = (blocks[one].clone(), blocks[other].clone());
    let moved: Vec<String> = [
        &lines[other.clone()],
        &lines[one.end..other.start],
        &lines[one.clone()],
    ]
    .concat();
    lines[one.start..other.end].clone_from_slice(&moved);
}

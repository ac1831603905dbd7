//! Why a line of a generated file is there: the template's line that made it,
//! the conditions around that, and the facts behind both.

use serde::Serialize;
use similar::{DiffOp, TextDiff};

use super::catalog::Catalog;
use super::house;
use super::plan::PlannedFile;
use super::view::identifier;
use crate::project::document::{self, Node, Syntax};
use crate::project::model::{Component, Evidence, Project};

/// Why a line is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The generated file.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// Its text.
    pub text: String,
    /// Who wrote it.
    pub by: Author,
    /// The template's line that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateLine>,
    /// The template's conditions and loops around that line, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<TemplateLine>,
    /// What these lines name, and how it is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<KnownFact>,
}

/// Who wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Author {
    /// The template of today makes it.
    Template,
    /// It is the mark by which a generated file is known.
    Mark,
    /// A person, or a template of earlier.
    Person,
}

/// A line of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TemplateLine {
    /// The template's file.
    pub path: String,
    /// The line, counted from 1.
    pub line: usize,
    /// Its text.
    pub text: String,
}

/// A fact with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KnownFact {
    /// How the template calls it.
    pub name: String,
    /// What it is.
    pub value: String,
    /// Where the repository says so; empty for a default of ours or a decision
    /// of the configuration.
    pub evidence: Vec<Evidence>,
}

/// Explains a line, counted from 1, of a planned file that is there.
///
/// # Errors
/// Where there is no such line, or the file is none that would be generated.
pub fn line(
    catalog: &Catalog,
    project: &Project,
    file: &PlannedFile,
    line: usize,
) -> Result<Explanation, String> {
    let generated = file
        .generated
        .as_ref()
        .ok_or_else(|| format!("{} is not generated: {}", file.path, file.reason))?;
    let current = file.before.as_deref().unwrap_or(&generated.text);
    let text = current
        .lines()
        .nth(line - 1)
        .ok_or_else(|| format!("{} has {} lines", file.path, current.lines().count()))?;
    let mut explanation = Explanation {
        file: file.path.clone(),
        line,
        text: text.to_owned(),
        by: Author::Person,
        template: None,
        conditions: Vec::new(),
        facts: Vec::new(),
    };
    let Some(at) = same_line(current, &generated.text, line - 1) else {
        return Ok(explanation);
    };
    if at < generated.mark_lines {
        explanation.by = Author::Mark;
        return Ok(explanation);
    }
    let Some(origin) = generated.origins.get(at) else {
        return Ok(explanation);
    };
    explanation.by = Author::Template;
    let source = catalog.text(&origin.template).unwrap_or_default();
    explanation.template = source
        .lines()
        .nth(origin.line - 1)
        .map(|text| TemplateLine {
            path: origin.template.clone(),
            line: origin.line,
            text: text.to_owned(),
        });
    if origin.template == house::SOURCE {
        explanation.template = Some(TemplateLine {
            path: origin.template.clone(),
            line: origin.line,
            text: text.to_owned(),
        });
        return Ok(explanation);
    }
    explanation.conditions = conditions(&origin.template, source, origin.line);
    let place = document::parse(&generated.text, Syntax::Yaml)
        .map(|node| place(&node, at + 1))
        .unwrap_or_default();
    let known = Known {
        project,
        component: component(project, &place),
        place: &place,
        text: generated.text.lines().nth(at).unwrap_or_default(),
    };
    let mut names: Vec<String> = Vec::new();
    for line in explanation.template.iter().chain(&explanation.conditions) {
        for name in expressions(&line.text) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    explanation.facts = names.iter().flat_map(|name| known.facts(name)).collect();
    Ok(explanation)
}

/// The line of `new` that is the line at `at` of `old`, both from 0.
fn same_line(old: &str, new: &str, at: usize) -> Option<usize> {
    let old = old.replace("\r\n", "\n");
    TextDiff::from_lines(old.as_str(), new)
        .ops()
        .iter()
        .find_map(|op| match *op {
            DiffOp::Equal {
                old_index,
                new_index,
                len,
            } if (old_index..old_index + len).contains(&at) => Some(new_index + at - old_index),
            _ => None,
        })
}

/// The control lines that are open at a line of a template, outermost first.
fn conditions(path: &str, source: &str, line: usize) -> Vec<TemplateLine> {
    let mut open: Vec<TemplateLine> = Vec::new();
    for (at, text) in source.lines().enumerate().take(line - 1) {
        let Some(control) = text.trim_start().strip_prefix("#%") else {
            continue;
        };
        let word = control.split_whitespace().next().unwrap_or_default();
        let closed = if word.starts_with("end") || matches!(word, "elif" | "else") {
            open.pop()
        } else {
            None
        };
        if matches!(word, "for" | "if" | "elif" | "else") {
            let mut text = text.trim().to_owned();
            if let Some(before) = closed {
                text.push_str(&format!(
                    " (after {})",
                    before.text.trim_start_matches("#% ")
                ));
            }
            open.push(TemplateLine {
                path: path.to_owned(),
                line: at + 1,
                text,
            });
        }
    }
    open
}

/// The dotted names in a template line's values and control flow.
fn expressions(line: &str) -> Vec<String> {
    let code: Vec<&str> = match line.trim_start().strip_prefix("#%") {
        Some(control) => vec![control],
        None => line
            .split("<%")
            .skip(1)
            .filter_map(|part| part.split("%>").next())
            .collect(),
    };
    code.into_iter()
        .flat_map(|code| {
            let mut outside = String::new();
            // What stands in quotes is a text, no name.
            for (at, part) in code.split('"').enumerate() {
                outside.push_str(if at % 2 == 0 { part } else { " " });
            }
            outside
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.')
                .filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The keys, and names of list items, that lead to a line of a document.
fn place(node: &Node, line: usize) -> Vec<String> {
    let mut place = Vec::new();
    let mut node = node;
    loop {
        let entry = node
            .entries()
            .iter()
            .take_while(|entry| entry.line <= line)
            .last();
        if let Some(entry) = entry {
            place.push(entry.key.clone());
            node = &entry.node;
            continue;
        }
        let Some(item) = node
            .items()
            .iter()
            .take_while(|item| item.line <= line)
            .last()
        else {
            return place;
        };
        place.extend(item.get("name").and_then(Node::str).map(str::to_owned));
        node = item;
    }
}

/// The component whose job holds the place.
fn component<'p>(project: &'p Project, place: &[String]) -> Option<&'p Component> {
    place.iter().find_map(|key| {
        let id = key.split(':').next().unwrap_or_default();
        project.components.iter().find(|component| {
            let own = identifier(&component.name);
            id == own || id.trim_end_matches("-ci") == own
        })
    })
}

/// Where facts are looked up for one line.
struct Known<'a> {
    project: &'a Project,
    component: Option<&'a Component>,
    place: &'a [String],
    text: &'a str,
}

impl Known<'_> {
    fn facts(&self, name: &str) -> Vec<KnownFact> {
        let one = |value: &str, evidence: Vec<Evidence>| {
            vec![KnownFact {
                name: name.to_owned(),
                value: value.to_owned(),
                evidence,
            }]
        };
        if name == "default_branch" {
            let branch = self.project.default_branch.as_deref();
            return branch
                .map(|branch| one(branch, Vec::new()))
                .unwrap_or_default();
        }
        if matches!(name, "platforms" | "secrets" | "services_in_words") {
            return self
                .project
                .platforms
                .iter()
                .flat_map(|found| {
                    one(
                        &found.platform,
                        vec![Evidence::new(&found.path, found.line)],
                    )
                })
                .collect();
        }
        let Some(component) = self.component else {
            return Vec::new();
        };
        let (subject, field) = name.split_once('.').unwrap_or((name, ""));
        let of = |fact: &Option<crate::project::model::Fact<String>>| {
            fact.as_ref()
                .map(|fact| one(&fact.value, fact.evidence.clone()))
                .unwrap_or_default()
        };
        match (subject, field) {
            ("job", "version" | "version_file") => of(&component.version),
            ("job", "matrix" | "matrix.key" | "matrix.values") => component
                .supported_versions
                .as_ref()
                .map(|fact| one(&fact.value.join(", "), fact.evidence.clone()))
                .unwrap_or_default(),
            ("job", "package_manager") => of(&component.package_manager),
            ("job", "package_manager_version" | "package_manager_file") => {
                of(&component.package_manager_version)
            }
            ("job", "lock_file" | "cache_files") => component
                .lock_file
                .as_ref()
                .map(|lock| one(&lock.path, vec![lock.clone()]))
                .unwrap_or_default(),
            ("job", "language" | "language_name") => {
                let language = serde_json::to_value(component.language).unwrap_or_default();
                one(
                    language.as_str().unwrap_or_default(),
                    vec![component.manifest.clone()],
                )
            }
            ("job", "id" | "title" | "directory" | "paths") => {
                one(&component.root, vec![component.manifest.clone()])
            }
            ("step", _) => component
                .steps
                .iter()
                .filter(|step| self.place.contains(&step.name))
                .flat_map(|step| one(&step.command.run, vec![step.command.evidence.clone()]))
                .collect(),
            ("block" | "line", _) => component
                .install
                .iter()
                .filter(|command| self.text.contains(&command.run))
                .flat_map(|command| one(&command.run, vec![command.evidence.clone()]))
                .collect(),
            ("service", _) => component
                .services
                .iter()
                .filter(|service| self.place.contains(&service.name))
                .flat_map(|service| one(&service.image, service.evidence.clone()))
                .collect(),
            ("name" | "value", _) => component
                .environment
                .iter()
                .filter(|variable| self.place.contains(&variable.name))
                .flat_map(|variable| one(&variable.name, variable.evidence.clone()))
                .collect(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_those_that_are_open() {
        let source =
            "a\n#% for job in jobs\n#% if job.x\nb\n#% else\nc\n#% endif\nd\n#% endfor\ne\n";
        let at = |line| {
            conditions("t", source, line)
                .into_iter()
                .map(|line| line.text)
                .collect::<Vec<_>>()
        };
        assert_eq!(at(1), Vec::<String>::new());
        assert_eq!(at(4), ["#% for job in jobs", "#% if job.x"]);
        assert_eq!(at(6), ["#% for job in jobs", "#% else (after if job.x)"]);
        assert_eq!(at(8), ["#% for job in jobs"]);
        assert_eq!(at(10), Vec::<String>::new());
    }

    #[test]
    fn names_are_read_from_values_and_control_flow() {
        assert_eq!(
            expressions("x: <%= job.version %> and <%= step.run | plain %> job.no"),
            ["job.version", "step.run", "plain"]
        );
        assert_eq!(
            expressions("  #% if job.manager in [\"pip\", \"uv\"]"),
            ["if", "job.manager", "in"]
        );
    }

    #[test]
    fn a_place_is_told_by_keys_and_names() {
        let node = document::parse(
            "jobs:\n  api:\n    steps:\n      - name: A\n        run: a\n      - name: B\n        run: |\n          one\n          two\n  web: {}\n",
            Syntax::Yaml,
        )
        .expect("parsed");
        assert_eq!(place(&node, 9), ["jobs", "api", "steps", "B", "run"]);
        assert_eq!(place(&node, 5), ["jobs", "api", "steps", "A", "run"]);
        assert_eq!(place(&node, 10), ["jobs", "web"]);
    }

    #[test]
    fn a_line_is_found_again_between_edits() {
        assert_eq!(same_line("mine\r\na\r\nb\r\n", "a\nb\n", 2), Some(1));
        assert_eq!(same_line("mine\na\nb\n", "a\nb\n", 0), None);
    }
}

//! Puts fixes together. What is written is looked at again before anybody sees it: a file
//! that does not parse, a finding that is still there, or a new one, and the fix is taken
//! back.

use std::collections::{BTreeMap, BTreeSet};

use super::edits::apply;
use super::{Change, Choice, Fix, Safety};
use crate::audit::shell::{Shell, Start};
use crate::audit::{self, Answers, Defect, Facts, Rule, stacks};
use crate::project::document::{self, Syntax};
use crate::project::{self, Tree, path};

/// Fixes that cannot be made at once wait for the next round; no repository needs so many.
const MAX_ROUNDS: usize = 200;

/// Which fixes are wanted.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Of these rules; of all where there is none.
    pub rules: Vec<String>,
    /// Also those after which something behaves in another way.
    pub with_unsafe: bool,
    /// Also of what is a matter of opinion.
    pub pedantic: bool,
    /// Not of these rules.
    pub skip: Vec<String>,
    /// What a person has said.
    pub answers: Answers,
}

/// A defect that was told, and what was to be done about it.
#[derive(Debug, Clone)]
pub struct Told {
    /// The rule.
    pub rule: &'static Rule,
    /// The defect.
    pub defect: Defect,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Mended {
    /// The new texts of files; `None` for a file that goes.
    pub files: BTreeMap<String, Option<String>>,
    /// What is mended.
    pub mended: Vec<Told>,
    /// Fixes that were taken back, with the reason.
    pub taken_back: Vec<(Told, String)>,
    /// Fixes that wait for an answer.
    pub open: Vec<(Told, Choice)>,
    /// Fixes that were not wanted because something behaves in another way afterwards.
    pub held_back: Vec<Told>,
}

/// Mends what can be mended, in memory.
pub fn mend(tree: &Tree, wanted: &Wanted) -> Mended {
    let mut result = Mended::default();
    let mut refused: BTreeSet<Key> = BTreeSet::new();
    for _ in 0..MAX_ROUNDS {
        let now = State::of(tree.with(&result.files), wanted);
        let fixes = now.fixes(wanted, &refused);
        if fixes.is_empty() {
            now.leftovers(wanted, &mut result);
            break;
        }
        let batch = apart(&fixes);
        match now.after(tree, &result.files, &batch, wanted) {
            Ok(files) => {
                result.files = files;
                result
                    .mended
                    .extend(batch.iter().map(|(told, _)| (*told).clone()));
            }
            // Which of them is it? The first that does good is kept, and the others get
            // their turn in a text that is not what they were made for any more.
            Err(_) => {
                for (told, fix) in &batch {
                    match now.after(tree, &result.files, &[(*told, *fix)], wanted) {
                        Ok(files) => {
                            result.files = files;
                            result.mended.push((*told).clone());
                            break;
                        }
                        Err(why) => {
                            refused.insert(key(told));
                            result.taken_back.push(((*told).clone(), why));
                        }
                    }
                }
            }
        }
    }
    // A file that is as it was is no change.
    result
        .files
        .retain(|path, text| tree.text(path).as_deref().map(str::to_owned) != *text);
    result
}

/// What a finding is, wherever it moves.
type Key = (&'static str, String, String, String);

fn key(told: &Told) -> Key {
    let defect = &told.defect;
    (
        told.rule.id,
        defect.path.clone(),
        defect.about.clone(),
        defect.message.clone(),
    )
}

/// A repository and what is found in it.
struct State {
    found: Vec<Told>,
}

impl State {
    fn of(tree: Tree, wanted: &Wanted) -> Self {
        let project = project::detect_in(&tree);
        let facts = Facts::new(&tree, &project).with_answers(&wanted.answers);
        // Who names a rule wants it, a matter of opinion or not.
        let is_named = |id: &str| wanted.rules.iter().any(|one| one == id);
        let all = wanted.pedantic || wanted.rules.iter().any(|id| is_opinion(id));
        let found = audit::run(&facts, all)
            .into_iter()
            .filter(|(rule, _)| wanted.pedantic || !is_opinion(rule.id) || is_named(rule.id))
            .filter(|(rule, _)| !wanted.skip.iter().any(|id| id == rule.id))
            .map(|(rule, defect)| Told { rule, defect })
            .collect();
        Self { found }
    }

    /// The fixes that may be made.
    fn fixes<'s>(
        &'s self,
        wanted: &'s Wanted,
        refused: &BTreeSet<Key>,
    ) -> Vec<(&'s Told, &'s Fix)> {
        self.wanted(wanted)
            .filter(|(_, fix)| fix.choice.is_none() && !fix.changes.is_empty())
            .filter(|(_, fix)| wanted.with_unsafe || fix.safety == Safety::Safe)
            .filter(|(told, _)| !refused.contains(&key(told)))
            .collect()
    }

    fn wanted<'s>(&'s self, wanted: &'s Wanted) -> impl Iterator<Item = (&'s Told, &'s Fix)> {
        self.found
            .iter()
            .filter(|told| {
                wanted.rules.is_empty() || wanted.rules.iter().any(|id| id == told.rule.id)
            })
            .filter_map(|told| Some((told, told.defect.fix.as_ref()?)))
    }

    /// What is not mended, and why.
    fn leftovers(&self, wanted: &Wanted, result: &mut Mended) {
        for (told, fix) in self.wanted(wanted) {
            if let Some(choice) = &fix.choice {
                result.open.push((told.clone(), choice.clone()));
            } else if fix.safety == Safety::Unsafe && !wanted.with_unsafe {
                result.held_back.push(told.clone());
            }
        }
    }

    /// How often each finding is there; messages may name lines, and lines move.
    fn counts(&self) -> BTreeMap<(&'static str, &str, &str), usize> {
        let mut counts = BTreeMap::new();
        for told in &self.found {
            let defect = &told.defect;
            *counts
                .entry((told.rule.id, defect.path.as_str(), defect.about.as_str()))
                .or_default() += 1;
        }
        counts
    }

    /// The files after some fixes, if they do good and no harm.
    fn after(
        &self,
        tree: &Tree,
        files: &BTreeMap<String, Option<String>>,
        fixes: &[(&Told, &Fix)],
        wanted: &Wanted,
    ) -> Result<BTreeMap<String, Option<String>>, String> {
        let mut files = files.clone();
        let mut edits: BTreeMap<&str, Vec<(std::ops::Range<usize>, &str)>> = BTreeMap::new();
        for change in fixes.iter().flat_map(|(_, fix)| &fix.changes) {
            match change {
                Change::Edit { path, span, text } => {
                    edits.entry(path).or_default().push((span.clone(), text));
                }
                Change::Create { path, text } => {
                    if tree.with(&files).contains(path) || tree.root().join(path).exists() {
                        return Err(format!("{path} is there already"));
                    }
                    files.insert(path.clone(), Some(text.clone()));
                }
                Change::Remove { path } => {
                    files.insert(path.clone(), None);
                }
            }
        }
        for (path, edits) in edits {
            let before = match files.get(path) {
                Some(text) => text.clone(),
                None => tree.text(path).as_deref().map(str::to_owned),
            };
            let before = before.ok_or_else(|| format!("{path} cannot be read"))?;
            let after = apply(&before, &edits)
                .ok_or_else(|| format!("the edits of {path} are in each other's way"))?;
            parses(path, &before, &after)?;
            files.insert(path.to_owned(), Some(after));
        }
        let then = Self::of(tree.with(&files), wanted);
        let (before, after) = (self.counts(), then.counts());
        for (told, _) in fixes {
            let defect = &told.defect;
            let id = (told.rule.id, defect.path.as_str(), defect.about.as_str());
            let fixed = fixes
                .iter()
                .filter(|(other, _)| {
                    let other = (other.rule.id, &other.defect.path, &other.defect.about);
                    other == (id.0, &defect.path, &defect.about)
                })
                .count();
            if after.get(&id).copied().unwrap_or(0) + fixed > before.get(&id).copied().unwrap_or(0)
            {
                return Err("the finding is still there afterwards".to_owned());
            }
        }
        for (id, count) in &after {
            if *count > before.get(id).copied().unwrap_or(0) {
                return Err(format!("it would bring `{}` into {}", id.0, id.1));
            }
        }
        Ok(files)
    }
}

fn is_opinion(id: &str) -> bool {
    audit::rule(id).is_some_and(|rule| rule.confidence == audit::Confidence::Low)
}

/// The fixes that can be made at once: no two of them in the same place.
fn apart<'s>(fixes: &[(&'s Told, &'s Fix)]) -> Vec<(&'s Told, &'s Fix)> {
    let mut taken: Vec<&Change> = Vec::new();
    let mut batch = Vec::new();
    for (told, fix) in fixes {
        let is_free = fix
            .changes
            .iter()
            .all(|change| !taken.iter().any(|other| meet(change, other)));
        if is_free {
            taken.extend(&fix.changes);
            batch.push((*told, *fix));
        }
    }
    batch
}

fn meet(one: &Change, other: &Change) -> bool {
    match (one, other) {
        (
            Change::Edit { path, span, .. },
            Change::Edit {
                path: other,
                span: theirs,
                ..
            },
        ) => path == other && span.start <= theirs.end && theirs.start <= span.end,
        _ => one.path() == other.path(),
    }
}

/// Whether a file that could be read can still be read.
fn parses(file: &str, before: &str, after: &str) -> Result<(), String> {
    let end = path::name(file).rsplit('.').next().unwrap_or_default();
    let syntax = match end {
        "json" => Some(Syntax::Json),
        "toml" => Some(Syntax::Toml),
        "yml" | "yaml" => Some(Syntax::Yaml),
        _ => None,
    };
    if let Some(syntax) = syntax
        && document::parse(before, syntax).is_ok()
    {
        return document::parse(after, syntax).map(|_| ()).map_err(|error| {
            format!(
                "{file}:{} could not be read afterwards: {}",
                error.line, error.message
            )
        });
    }
    if end == "py" && stacks::is_valid_python(before) && !stacks::is_valid_python(after) {
        return Err(format!("{file} would be no valid Python afterwards"));
    }
    let is_shell = matches!(end, "sh" | "bash");
    let whole = |text: &str| Shell::parse(text, Start::default()).is_whole;
    if is_shell && whole(before) && !whole(after) {
        return Err(format!("{file} would be no valid script afterwards"));
    }
    Ok(())
}

//! Defects of delivery files, found by proof: what a file says is held against what the
//! repository contains, and a finding names every file that it rests on.
//!
//! A rule is a file in `rules/` and a line in its `mod.rs`. Precision comes before recall:
//! a rule that cannot show its defect is silent.

mod alembic;
mod deploys;
mod earlier;
pub mod evidence;
mod facts;
pub mod fix;
mod forges;
mod grammar;
mod ignores;
mod images;
mod ports;
mod pushes;
mod rules;
pub mod score;
mod secrets;
pub mod shell;
mod stacks;
mod steps;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::findings::{self, Kind, Location, Observation, Region, Scanner, Severity};
use crate::project::Tree;
use crate::project::document::{Entry, Node};

pub use facts::Facts;
pub use fix::Fix;
pub use rules::RULES;

/// What is looked for, and what one should know of it. `ci-tool explain` and `docs/rules/`
/// are made of it.
#[derive(Debug)]
pub struct Rule {
    /// Its name, in kebab-case; it never changes.
    pub id: &'static str,
    /// The defect, in a few words.
    pub title: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// How sure it is; what is only a doubt is told with `--pedantic` alone.
    pub confidence: Confidence,
    /// Where it belongs.
    pub category: Category,
    /// What is held against what.
    pub what: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// How it is mended.
    pub mend: &'static str,
    /// Where it is documented.
    pub references: &'static [&'static str],
    /// Finds it.
    pub check: fn(&Facts<'_>) -> Vec<Defect>,
}

/// How sure a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// A matter of opinion, or of what the repository does not show.
    Low,
    /// It follows from the files.
    High,
}

/// Where a rule belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// Dockerfiles and compose files.
    Containers,
    /// Files of hosting platforms.
    Platforms,
    /// Shell scripts.
    Scripts,
    /// Workflows.
    Pipelines,
    /// Data and secrets in the repository.
    Data,
    /// Files that say different things.
    Coherence,
    /// What is not there.
    Absences,
}

impl Category {
    /// The word that users know it by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Containers => "containers",
            Self::Platforms => "platforms",
            Self::Scripts => "scripts",
            Self::Pipelines => "pipelines",
            Self::Data => "data",
            Self::Coherence => "coherence",
            Self::Absences => "absences",
        }
    }
}

/// Where something is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1, where it is known.
    pub column: Option<usize>,
}

impl From<usize> for Place {
    fn from(line: usize) -> Self {
        Self { line, column: None }
    }
}

impl From<&shell::Command> for Place {
    fn from(command: &shell::Command) -> Self {
        command.place
    }
}

impl From<&Node> for Place {
    fn from(node: &Node) -> Self {
        Self {
            line: node.line,
            column: Some(node.column),
        }
    }
}

impl From<&Entry> for Place {
    fn from(entry: &Entry) -> Self {
        Self {
            line: entry.line,
            column: Some(entry.column),
        }
    }
}

/// A defect in a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// The file.
    pub path: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1, where it is known.
    pub column: Option<usize>,
    /// What is wrong, with the evidence.
    pub message: String,
    /// Other places that it rests on.
    pub evidence: Vec<(String, Place)>,
    /// What it is about, where several are in one place: a key, a name.
    pub about: String,
    /// How bad it is here, where that is another severity than the rule's.
    pub severity: Option<Severity>,
    /// What mends it.
    pub fix: Option<Fix>,
}

/// What people have said of what a repository does not show, by the question's name.
pub type Answers = BTreeMap<String, String>;

impl Defect {
    /// A defect in a place: a line, or a node of a document, or a command.
    pub fn new(
        path: impl Into<String>,
        place: impl Into<Place>,
        message: impl Into<String>,
    ) -> Self {
        let place = place.into();
        Self {
            path: path.into(),
            line: place.line,
            column: place.column,
            message: message.into(),
            evidence: Vec::new(),
            about: String::new(),
            severity: None,
            fix: None,
        }
    }

    /// Adds a place that it rests on.
    #[must_use]
    pub fn with(mut self, path: impl Into<String>, place: impl Into<Place>) -> Self {
        self.evidence.push((path.into(), place.into()));
        self
    }

    /// Says how bad it is here.
    #[must_use]
    pub const fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// Says what mends it, where something does.
    #[must_use]
    pub fn mended_by(mut self, fix: Option<Fix>) -> Self {
        self.fix = fix;
        self
    }

    /// Says what it is about.
    #[must_use]
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = about.into();
        self
    }
}

/// The rule of this name.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

/// Looks for everything. What a comment in the file sets aside is left out.
pub fn run(facts: &Facts<'_>, pedantic: bool) -> Vec<(&'static Rule, Defect)> {
    let mut ignores = ignores::Ignores::default();
    let mut found: Vec<(&'static Rule, Defect)> = RULES
        .iter()
        .filter(|rule| pedantic || rule.confidence == Confidence::High)
        .flat_map(|rule| (rule.check)(facts).into_iter().map(move |one| (rule, one)))
        .filter(|(rule, defect)| !ignores.cover(facts, rule.id, defect))
        .collect();
    found.sort_by(|(a, one), (b, other)| {
        (&one.path, one.line, a.id, &one.about).cmp(&(&other.path, other.line, b.id, &other.about))
    });
    found.dedup_by(|(a, one), (b, other)| a.id == b.id && one == other);
    found
}

/// A defect as a finding of this scanner.
pub fn observation(
    scanner: &Arc<Scanner<'static>>,
    rule: &'static Rule,
    defect: Defect,
    tree: &Tree,
) -> Observation<'static> {
    let told = Arc::new(findings::Rule {
        id: Cow::Borrowed(rule.id),
        name: Some(Cow::Borrowed(rule.title)),
        short: Some(Cow::Borrowed(rule.title)),
        full: Some(Cow::Owned(format!("{} {}", rule.what, rule.why))),
        help: Some(Cow::Borrowed(rule.mend)),
        help_uri: rule.references.first().map(|uri| Cow::Borrowed(*uri)),
        ..findings::Rule::default()
    });
    let place = |path: String, place: Place| Location {
        path: Cow::Owned(path),
        region: region(place),
        ..Location::default()
    };
    let kind = match rule.category {
        Category::Data => Kind::Secret,
        _ => Kind::Misconfiguration,
    };
    let mut observation = Observation::new(
        Arc::clone(scanner),
        told,
        kind,
        defect.severity.unwrap_or(rule.severity),
        defect.message,
    );
    let at = Place {
        line: defect.line,
        column: defect.column,
    };
    let mut first = place(defect.path, at);
    if !defect.about.is_empty() {
        first.logical = Some(Cow::Owned(defect.about));
    }
    let others = defect.evidence.into_iter();
    let others = others.map(|(path, at)| place(path, at));
    observation.locations = std::iter::once(first).chain(others).collect();
    let edits = defect.fix.as_ref().and_then(|fix| fix::sarif(tree, fix));
    observation.fix = edits.map(|edits| {
        Box::new(findings::Fix {
            edits: Some(Cow::Owned(edits)),
            ..findings::Fix::default()
        })
    });
    observation
}

fn region(place: Place) -> Option<Region> {
    let number = |number: usize| u32::try_from(number).ok();
    let mut region = Region::line(number(place.line)?)?;
    region.start_column = place.column.and_then(number).and_then(NonZeroU32::new);
    Some(region)
}

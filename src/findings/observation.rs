//! What one scanner says of one problem in one place.

use std::borrow::Cow;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::context::Context;
use super::finding::State;
use super::ids::Id;
use super::package::Package;
use super::severity::{Score, Severity};

/// What sort of problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A known vulnerability of a package.
    Vulnerability,
    /// A credential in the open.
    Secret,
    /// A setting of infrastructure, a container or a pipeline.
    Misconfiguration,
    /// A licence that needs a decision.
    License,
    /// A defect of the project's own code.
    Code,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::Vulnerability,
        Self::Secret,
        Self::Misconfiguration,
        Self::License,
        Self::Code,
    ];

    /// The word that users know it by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vulnerability => "vulnerability",
            Self::Secret => "secret",
            Self::Misconfiguration => "misconfiguration",
            Self::License => "license",
            Self::Code => "code",
        }
    }
}

/// A program that reported, in one configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Scanner<'a> {
    /// Its name as it gives it itself.
    pub name: Cow<'a, str>,
    /// Its version, where it says so.
    pub version: Option<Cow<'a, str>>,
    /// Where to read about it.
    pub uri: Option<Cow<'a, str>>,
    /// What was scanned, in the words of the scanner (SARIF's
    /// `automationDetails.id`).
    pub category: Option<Cow<'a, str>>,
    /// Why its report is not complete: the scanner says itself that it failed.
    pub failure: Option<Cow<'a, str>>,
}

/// What a scanner looks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rule<'a> {
    /// The scanner's name for it.
    pub id: Cow<'a, str>,
    /// A readable name.
    pub name: Option<Cow<'a, str>>,
    /// One sentence.
    pub short: Option<Cow<'a, str>>,
    /// More than one sentence.
    pub full: Option<Cow<'a, str>>,
    /// What to do about it, as plain text.
    pub help: Option<Cow<'a, str>>,
    /// What to do about it, as Markdown.
    pub help_markdown: Option<Cow<'a, str>>,
    /// Where to read more.
    pub help_uri: Option<Cow<'a, str>>,
    /// How bad its findings are by default, where the rule says so.
    pub severity: Option<Severity>,
    /// The same as a number.
    pub score: Option<Score>,
    /// Words of the scanner, weaknesses (CWE) among them.
    pub tags: Vec<Cow<'a, str>>,
    /// Numbers of the weaknesses (CWE), sorted.
    pub cwes: Vec<u32>,
}

/// A part of a file. Lines and columns count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region {
    /// The first line.
    pub start_line: NonZeroU32,
    /// The first column.
    pub start_column: Option<NonZeroU32>,
    /// The last line.
    pub end_line: Option<NonZeroU32>,
    /// The column after the last one.
    pub end_column: Option<NonZeroU32>,
}

impl Region {
    /// A whole line; `None` for line 0.
    pub fn line(line: u32) -> Option<Self> {
        Some(Self {
            start_line: NonZeroU32::new(line)?,
            start_column: None,
            end_line: None,
            end_column: None,
        })
    }

    /// The first and the last line.
    pub fn lines(self) -> (u32, u32) {
        let start = self.start_line.get();
        (
            start,
            self.end_line.map_or(start, NonZeroU32::get).max(start),
        )
    }
}

/// A place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Location<'a> {
    /// The file, relative to the repository's root, with `/` between folders.
    /// Empty where there is no file.
    pub path: Cow<'a, str>,
    /// The part of the file.
    pub region: Option<Region>,
    /// The text there, where the scanner shows it. May hold a secret.
    pub snippet: Option<Cow<'a, str>>,
    /// The full name of the function, resource or package there.
    pub logical: Option<Cow<'a, str>>,
}

/// A share of one, in millionths, as EPSS gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Probability(u32);

impl Probability {
    /// `None` outside of 0 to 1.
    pub fn new(share: f64) -> Option<Self> {
        // The range was checked.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        (0.0..=1.0)
            .contains(&share)
            .then(|| Self((share * 1e6).round() as u32))
    }

    /// The share, from 0 to 1.
    pub fn get(self) -> f64 {
        f64::from(self.0) / 1e6
    }
}

/// How likely it is that a vulnerability is used by attackers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Exploitation {
    /// The EPSS probability.
    pub epss: Option<Probability>,
    /// The share of vulnerabilities with a lower EPSS probability.
    pub percentile: Option<Probability>,
    /// Whether it is in the catalogue of known exploited vulnerabilities (KEV).
    pub known_exploited: Option<bool>,
}

/// How a finding is mended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Fix<'a> {
    /// The versions of the package that are free of it.
    pub versions: Vec<Cow<'a, str>>,
    /// Why there is no fix, in the scanner's words (`will_not_fix`,
    /// `end_of_life`, `affected`).
    pub status: Option<Cow<'a, str>>,
    /// Edits of files, as SARIF's `fixes`: JSON text, passed through.
    pub edits: Option<Cow<'a, str>>,
}

impl Fix<'_> {
    /// Whether there is something that one can do now.
    pub fn is_available(&self) -> bool {
        !self.versions.is_empty() || self.edits.is_some()
    }
}

/// Whether a suppression holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SuppressionStatus {
    /// It holds.
    #[default]
    Accepted,
    /// Somebody asked for it, nobody agreed yet: it does not hold.
    UnderReview,
    /// It was refused: it does not hold.
    Rejected,
}

/// Why somebody set a finding aside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Suppression<'a> {
    /// Whether it is written in the source that was scanned (an inline comment)
    /// or somewhere else (an ignore file, a VEX document).
    pub in_source: bool,
    /// Whether it holds.
    pub status: SuppressionStatus,
    /// The reason.
    pub justification: Option<Cow<'a, str>>,
    /// The file and line that say so, where that is known.
    pub origin: Option<Cow<'a, str>>,
    /// Who answers for it.
    pub owner: Option<Cow<'a, str>>,
    /// The last day on which it holds, as `YYYY-MM-DD`.
    pub expires: Option<Cow<'a, str>>,
}

/// Parts of a scanner's result that are passed through as JSON text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Raw<'a> {
    /// SARIF's `codeFlows`.
    pub code_flows: Option<Cow<'a, str>>,
    /// SARIF's `relatedLocations`.
    pub related_locations: Option<Cow<'a, str>>,
    /// SARIF's `properties`.
    pub properties: Option<Cow<'a, str>>,
}

/// What one scanner says of one problem in one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Observation<'a> {
    /// Who says so.
    pub scanner: Arc<Scanner<'a>>,
    /// By which rule.
    pub rule: Arc<Rule<'a>>,
    /// What sort of problem it is.
    pub kind: Kind,
    /// How bad this scanner thinks that it is.
    pub severity: Severity,
    /// The same as a number, where the scanner gives one.
    pub score: Option<Score>,
    /// Names of the vulnerability, the best first; empty for other kinds.
    pub ids: Box<[Id<'a>]>,
    /// What is wrong here. May hold a secret.
    pub message: Cow<'a, str>,
    /// Where; the first is the one that counts.
    pub locations: Box<[Location<'a>]>,
    /// What was scanned when that is not the repository: a container image.
    pub target: Option<Cow<'a, str>>,
    /// The package that it is about.
    pub package: Option<Box<Package<'a>>>,
    /// How it is mended.
    pub fix: Option<Box<Fix<'a>>>,
    /// How likely it is that attackers use it.
    pub exploitation: Option<Box<Exploitation>>,
    /// Who set it aside, and why.
    pub suppressions: Box<[Suppression<'a>]>,
    /// How it stands to a baseline that the scanner knew.
    pub state: Option<State>,
    /// The scanner's own fingerprints, by name.
    pub fingerprints: Box<[(Cow<'a, str>, Cow<'a, str>)]>,
    /// What is known of the text at its place, if that is more than the other
    /// parts still say: they may have been stripped or redacted.
    pub context: Option<Box<Context>>,
    /// What is passed through.
    pub raw: Option<Box<Raw<'a>>>,
}

impl<'a> Observation<'a> {
    /// An observation without place or package.
    pub fn new(
        scanner: Arc<Scanner<'a>>,
        rule: Arc<Rule<'a>>,
        kind: Kind,
        severity: Severity,
        message: impl Into<Cow<'a, str>>,
    ) -> Self {
        Self {
            scanner,
            rule,
            kind,
            severity,
            score: None,
            ids: Box::default(),
            message: message.into(),
            locations: Box::default(),
            target: None,
            package: None,
            fix: None,
            exploitation: None,
            suppressions: Box::default(),
            state: None,
            fingerprints: Box::default(),
            context: None,
            raw: None,
        }
    }

    /// The place that counts.
    pub fn location(&self) -> Option<&Location<'a>> {
        self.locations.first()
    }

    /// Whether another observation says nothing that this one does not say, but
    /// for what is passed through and the text around the place.
    pub(super) fn says_same(&self, other: &Self) -> bool {
        let same_place = |(a, b): (&Location<'_>, &Location<'_>)| {
            (&a.path, a.region, &a.logical) == (&b.path, b.region, &b.logical)
        };
        let said = |one: &'_ Self| (one.kind, one.severity, one.score, one.state);
        said(self) == said(other)
            && self.exploitation == other.exploitation
            && self.context == other.context
            && self.scanner == other.scanner
            && self.rule.id == other.rule.id
            && self.ids == other.ids
            && self.message == other.message
            && self.target == other.target
            && self.package == other.package
            && self.fix == other.fix
            && self.suppressions == other.suppressions
            && self.fingerprints == other.fingerprints
            && self.locations.len() == other.locations.len()
            && self.locations.iter().zip(&other.locations).all(same_place)
    }
}

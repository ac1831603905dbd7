//! A problem, from one or more scanners, and the report that holds all of them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::ids::Id;
use super::observation::{
    Exploitation, Kind, Location, Observation, Rule, Scanner, SuppressionStatus,
};
use super::package::{Package, Scope};
use super::severity::{Score, Severity};

/// What makes two findings the same one, whatever commit, day, machine, scanner
/// version or order they come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Identity([u8; 16]);

impl Identity {
    /// An identity of these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its first half, as a number in the same order.
    pub(super) const fn start(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// Which of so many parts, a power of two, it belongs to.
    pub fn part(self, parts: usize) -> usize {
        let [.., a, b] = self.0;
        usize::from(u16::from_be_bytes([a, b])) & (parts - 1)
    }

    /// The identity that [`fmt::Display`] writes as this text.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        if text.len() != 32 || !text.is_ascii() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 32];
        for (pair, byte) in text.as_chunks_mut().0.iter_mut().zip(self.0) {
            *pair = [byte >> 4, byte & 0xf].map(|digit| DIGITS[usize::from(digit)]);
        }
        // Digits alone: it is UTF-8.
        f.pad(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// How a finding stands to those that were known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It was not there before.
    New,
    /// It was there before, just so.
    Unchanged,
    /// It was there before, and something about it is different now.
    Updated,
    /// It was there before and is no more.
    Absent,
}

impl State {
    /// The word that SARIF uses for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Unchanged => "unchanged",
            Self::Updated => "updated",
            Self::Absent => "absent",
        }
    }
}

/// One problem in one place, and every scanner that says so.
///
/// Where scanners disagree, the worst severity counts, and each stays visible in
/// [`Finding::observations`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding<'a> {
    /// What makes it this finding and no other.
    pub identity: Identity,
    /// The names of the vulnerability, the best first; empty for other kinds.
    pub ids: Box<[Id<'a>]>,
    /// How it stands to the baseline, where there is one.
    pub state: Option<State>,
    /// What each scanner says; never empty. The first one's words are shown.
    pub observations: Box<[Arc<Observation<'a>>]>,
}

impl<'a> Finding<'a> {
    /// The observation whose words are shown.
    ///
    /// # Panics
    /// Never: a finding has at least one observation.
    pub fn primary(&self) -> &Observation<'a> {
        &self.observations[0]
    }

    /// What sort of problem it is.
    pub fn kind(&self) -> Kind {
        self.primary().kind
    }

    /// The worst severity that a scanner gives it.
    pub fn severity(&self) -> Severity {
        let severities = self.observations.iter().map(|one| one.severity);
        severities.max().unwrap_or(Severity::Note)
    }

    /// The highest score that a scanner gives it.
    pub fn score(&self) -> Option<Score> {
        self.observations.iter().filter_map(|one| one.score).max()
    }

    /// The rule whose words are shown.
    pub fn rule(&self) -> &Rule<'a> {
        &self.primary().rule
    }

    /// The name to call it by: the vulnerability's best name, or the rule's.
    pub fn name(&self) -> &str {
        self.ids.first().map_or(&self.rule().id, Id::as_str)
    }

    /// What is wrong. May hold a secret: whoever prints it redacts it.
    pub fn message(&self) -> &str {
        &self.primary().message
    }

    /// The place that counts.
    pub fn location(&self) -> Option<&Location<'a>> {
        self.observations.iter().find_map(|one| one.location())
    }

    /// The path of that place, if it is in a file.
    pub fn path(&self) -> Option<&str> {
        let paths = self.location().map(|location| &*location.path);
        paths.filter(|path| !path.is_empty())
    }

    /// All places that a scanner names, in order.
    pub fn locations(&self) -> impl Iterator<Item = &Location<'a>> {
        self.observations.iter().flat_map(|one| &one.locations)
    }

    /// The package that it is about.
    pub fn package(&self) -> Option<&Package<'a>> {
        self.observations
            .iter()
            .find_map(|one| one.package.as_deref())
    }

    /// What the package is needed for: runtime as soon as one scanner says so.
    pub fn scope(&self) -> Scope {
        let scopes = || {
            self.observations
                .iter()
                .filter_map(|one| Some(one.package.as_ref()?.scope))
        };
        if scopes().any(|scope| scope == Scope::Runtime) {
            Scope::Runtime
        } else if scopes().any(|scope| scope == Scope::Development) {
            Scope::Development
        } else {
            Scope::Unknown
        }
    }

    /// The versions that are free of it, as all scanners know them.
    pub fn fixed_versions(&self) -> Vec<&str> {
        let fixes = self
            .observations
            .iter()
            .filter_map(|one| one.fix.as_deref());
        let mut versions: Vec<&str> = fixes
            .flat_map(|fix| &fix.versions)
            .map(AsRef::as_ref)
            .collect();
        versions.sort_unstable();
        versions.dedup();
        versions
    }

    /// Whether some scanner knows a fix.
    pub fn is_fixable(&self) -> bool {
        self.observations
            .iter()
            .any(|one| one.fix.as_ref().is_some_and(|fix| fix.is_available()))
    }

    /// Numbers of the weaknesses (CWE), sorted.
    pub fn cwes(&self) -> Vec<u32> {
        let mut cwes: Vec<u32> = self
            .observations
            .iter()
            .flat_map(|one| &one.rule.cwes)
            .copied()
            .collect();
        cwes.sort_unstable();
        cwes.dedup();
        cwes
    }

    /// How likely it is that attackers use it: the highest figure of each sort.
    pub fn exploitation(&self) -> Exploitation {
        let mut all = Exploitation::default();
        for one in self
            .observations
            .iter()
            .filter_map(|one| one.exploitation.as_deref())
        {
            all.epss = all.epss.max(one.epss);
            all.percentile = all.percentile.max(one.percentile);
            all.known_exploited = all.known_exploited.max(one.known_exploited);
        }
        all
    }

    /// Whether every scanner that reports it also has it set aside. A scanner
    /// that still sees it keeps it open.
    pub fn is_suppressed(&self) -> bool {
        self.observations.iter().all(|one| {
            // As the standard has it: one that is not accepted annuls the others.
            !one.suppressions.is_empty()
                && one
                    .suppressions
                    .iter()
                    .all(|suppression| suppression.status == SuppressionStatus::Accepted)
        })
    }

    /// The names of the scanners that report it, sorted.
    pub fn scanners(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .observations
            .iter()
            .map(|one| &*one.scanner.name)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Findings and who was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report<'a> {
    /// The scanners, those without findings among them.
    pub scanners: Vec<Arc<Scanner<'a>>>,
    /// What they found.
    pub findings: Vec<Finding<'a>>,
    pub(super) files: Vec<File>,
}

/// A file in which something was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path.
    pub path: String,
    /// Whether some of it is about packages: it names them then.
    pub has_packages: bool,
}

impl<'a> Report<'a> {
    /// The files that findings were in when they were merged, by path.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// The scanners that say themselves that they failed, and why.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &Cow<'a, str>)> {
        self.scanners
            .iter()
            .filter_map(|scanner| Some((&*scanner.name, scanner.failure.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_as_it_is_written() {
        let identity = Identity::from_bytes([0x0f; 16]);
        assert_eq!(identity.to_string(), "0f".repeat(16));
        assert_eq!(Identity::parse(&identity.to_string()), Some(identity));
        assert_eq!(Identity::parse("0f"), None);
        assert_eq!(Identity::parse(&"ß".repeat(16)), None);
    }
}

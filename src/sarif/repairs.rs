//! What a file had to be read around.

use std::fmt;

/// A way in which scanners' files differ from what GitHub or the standard asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Repair {
    /// The file begins with a byte order mark, or is UTF-16.
    Encoding,
    /// Bytes that are not UTF-8 were replaced.
    InvalidText,
    /// Several logs stand in one list.
    ListOfLogs,
    /// The version is not 2.1.0.
    Version,
    /// A run has no name of its tool.
    ToolName,
    /// A run has no list of results.
    MissingResults,
    /// A value has another type than the standard says.
    WrongType,
    /// A result names no rule.
    MissingRule,
    /// A result's rule is not described.
    UnknownRule,
    /// A message was made from the rule's, or is missing altogether.
    MissingMessage,
    /// A result has no place.
    MissingLocation,
    /// A place is given by the number of an artifact that does not exist.
    UnknownArtifact,
    /// A path was made relative or decoded.
    Path,
    /// A path lies outside of every folder that is known as the repository's.
    PathOutside,
    /// A `security-severity` is not a number.
    SecuritySeverity,
    /// A level is none of the standard's.
    Level,
    /// A result says that all is well and is no finding.
    Passed,
}

impl Repair {
    const ALL: [Self; 17] = [
        Self::Encoding,
        Self::InvalidText,
        Self::ListOfLogs,
        Self::Version,
        Self::ToolName,
        Self::MissingResults,
        Self::WrongType,
        Self::MissingRule,
        Self::UnknownRule,
        Self::MissingMessage,
        Self::MissingLocation,
        Self::UnknownArtifact,
        Self::Path,
        Self::PathOutside,
        Self::SecuritySeverity,
        Self::Level,
        Self::Passed,
    ];

    /// What was wrong, for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Encoding => "byte order mark or UTF-16",
            Self::InvalidText => "bytes that are not UTF-8",
            Self::ListOfLogs => "list of logs",
            Self::Version => "version other than 2.1.0",
            Self::ToolName => "run without the name of its tool",
            Self::MissingResults => "run without `results`",
            Self::WrongType => "value of a wrong type",
            Self::MissingRule => "result without a rule",
            Self::UnknownRule => "result whose rule is not described",
            Self::MissingMessage => "result without a message",
            Self::MissingLocation => "result without a place",
            Self::UnknownArtifact => "artifact that does not exist",
            Self::Path => "path that had to be made relative or decoded",
            Self::PathOutside => "path outside of the repository",
            Self::SecuritySeverity => "`security-severity` that is not a number",
            Self::Level => "unknown level",
            Self::Passed => "result that is no problem",
        }
    }
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How often each repair was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repairs([usize; Repair::ALL.len()]);

impl Repairs {
    pub(super) fn add(&mut self, repair: Repair) {
        self.add_many(repair, 1);
    }

    pub(super) fn add_many(&mut self, repair: Repair, times: usize) {
        self.0[repair as usize] += times;
    }

    pub(super) fn extend(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// How often a repair was made.
    pub const fn count(&self, repair: Repair) -> usize {
        self.0[repair as usize]
    }

    /// The repairs that were made, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (Repair, usize)> {
        Repair::ALL
            .into_iter()
            .map(|repair| (repair, self.count(repair)))
            .filter(|(_, times)| *times > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_repair_has_its_own_counter() {
        for (at, repair) in Repair::ALL.into_iter().enumerate() {
            assert_eq!(repair as usize, at);
        }
    }
}

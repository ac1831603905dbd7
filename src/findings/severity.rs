//! How bad a finding is.

use std::fmt;
use std::str::FromStr;

/// How bad a finding is, from the mildest to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Score 0.1 to 3.9.
    Low,
    /// Score 4.0 to 6.9.
    Medium,
    /// Score 7.0 to 8.9.
    High,
    /// Score 9.0 to 10.0.
    Critical,
}

impl Severity {
    /// All severities, the mildest first.
    pub const ALL: [Self; 5] = [
        Self::Note,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Critical,
    ];

    /// The word that users know it by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The SARIF level that says this severity.
    pub const fn level(self) -> &'static str {
        match self {
            Self::Critical | Self::High => "error",
            Self::Medium => "warning",
            Self::Low | Self::Note => "note",
        }
    }

    /// The severity that a SARIF level stands for when nothing else is known.
    pub fn from_level(level: &str) -> Option<Self> {
        match level {
            "error" => Some(Self::High),
            "warning" => Some(Self::Medium),
            "note" => Some(Self::Low),
            "none" => Some(Self::Note),
            _ => None,
        }
    }

    /// The severity that a scanner's own word stands for, in any case.
    pub fn from_word(word: &str) -> Option<Self> {
        const WORDS: [(&str, Severity); 17] = [
            ("critical", Severity::Critical),
            ("blocker", Severity::Critical),
            ("very-high", Severity::Critical),
            ("high", Severity::High),
            ("important", Severity::High),
            ("major", Severity::High),
            ("error", Severity::High),
            ("medium", Severity::Medium),
            ("moderate", Severity::Medium),
            ("warning", Severity::Medium),
            ("low", Severity::Low),
            ("minor", Severity::Low),
            ("negligible", Severity::Note),
            ("info", Severity::Note),
            ("informational", Severity::Note),
            ("note", Severity::Note),
            ("unknown", Severity::Note),
        ];
        WORDS
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(word.trim()))
            .map(|(_, severity)| *severity)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A number above 0 and up to 10, as CVSS and GitHub's `security-severity` use
/// it, exact to a hundredth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Score(u16);

impl Score {
    /// The score of so many hundredths: 750 is 7.5. `None` outside of 0.01 to 10.
    pub const fn from_hundredths(hundredths: u16) -> Option<Self> {
        if hundredths > 0 && hundredths <= 1000 {
            Some(Self(hundredths))
        } else {
            None
        }
    }

    /// The score in hundredths.
    pub const fn hundredths(self) -> u16 {
        self.0
    }

    /// The severity that the score stands for.
    pub const fn severity(self) -> Severity {
        match self.0 {
            900.. => Severity::Critical,
            700.. => Severity::High,
            400.. => Severity::Medium,
            _ => Severity::Low,
        }
    }
}

impl FromStr for Score {
    type Err = ();

    /// A plain decimal number above 0 and up to 10; digits past the hundredths
    /// are cut off.
    fn from_str(text: &str) -> Result<Self, ()> {
        let number: f64 = text.trim().parse().map_err(|_| ())?;
        if !(number > 0.0 && number <= 10.0) {
            return Err(());
        }
        // The nudge makes 7.3 * 100 = 729.99… what it means; the range was checked.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Self::from_hundredths((number * 100.0 + 1e-6) as u16).ok_or(())
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 100, self.0 % 100);
        if rest % 10 == 0 {
            write!(f, "{whole}.{}", rest / 10)
        } else {
            write!(f, "{whole}.{rest:02}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_read_exactly_and_nothing_else_reads_as_one() {
        for (text, shown) in [
            ("7.5", "7.5"),
            ("7.3", "7.3"),
            (" 9.81 ", "9.81"),
            ("10", "10.0"),
            ("0.05", "0.05"),
            ("6.999", "6.99"),
        ] {
            let score: Score = text.parse().expect(text);
            assert_eq!(score.to_string(), shown);
        }
        for text in [
            "",
            "0",
            "0.0",
            "-1",
            "10.1",
            "MEDIUM",
            "undefined",
            "null",
            "NaN",
            "inf",
            "7,5",
        ] {
            assert!(text.parse::<Score>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_score_up_to_ten_is_exact() {
        for hundredths in 1..=1000 {
            let score = Score::from_hundredths(hundredths).expect("in range");
            assert_eq!(score.to_string().parse(), Ok(score));
        }
    }

    #[test]
    fn the_bounds_of_severities_are_githubs() {
        for (text, severity) in [
            ("9.0", Severity::Critical),
            ("8.9", Severity::High),
            ("7.0", Severity::High),
            ("6.9", Severity::Medium),
            ("4.0", Severity::Medium),
            ("3.9", Severity::Low),
            ("0.1", Severity::Low),
        ] {
            assert_eq!(text.parse::<Score>().expect(text).severity(), severity);
        }
    }
}

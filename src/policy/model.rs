//! The policy as a person writes it: `gate:` in `.github/ci-tool.yml`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What may pass `ci-tool gate`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Gate {
    /// Findings of this severity or worse fail the gate, where no rule says
    /// otherwise: `critical`, `high`, `medium`, `low`, `note`, or `never`.
    /// Without it `high`.
    pub fail_on: Option<FailOn>,
    /// Of these findings only those fail for which a fix is known.
    pub only_fixable: bool,
    /// Of these findings only those fail that the baseline does not have.
    pub only_new: bool,
    /// Of these findings only those fail that are in what was changed.
    pub only_changed: Option<Changed>,
    /// The mildest severity that is listed; what is milder is only counted.
    /// Without it `low`. It decides nothing.
    pub show: Option<FailOn>,
    /// Exceptions, in order: the first rule that fits a finding decides it.
    pub rules: Vec<Rule>,
    /// How many findings of a severity may pass. More of them fail the gate; less
    /// of them are told, so that the number can shrink.
    pub budgets: BTreeMap<FailOn, usize>,
    /// Findings that are set aside.
    pub suppressions: Suppressions,
}

/// A severity at which something begins.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum FailOn {
    /// Whatever is found.
    Note,
    /// Low or worse.
    Low,
    /// Medium or worse.
    Medium,
    /// High or worse.
    High,
    /// Critical alone.
    Critical,
    /// Nothing.
    Never,
}

/// What counts as changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Changed {
    /// The lines that were added or changed.
    Lines,
    /// The files that have such lines.
    Files,
}

/// What is done with a finding that a rule fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It fails the gate.
    Deny,
    /// It is listed and fails nothing.
    Warn,
    /// It fails nothing.
    Allow,
}

/// One rule. All of its conditions must hold; of a list, one.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// What is done.
    pub then: Action,
    /// How the verdict calls the rule; without it, its conditions.
    #[serde(default)]
    pub name: Option<String>,
    /// This severity or worse.
    #[serde(default)]
    pub severity: Option<FailOn>,
    /// `vulnerability`, `secret`, `misconfiguration`, `license` or `code`.
    #[serde(default)]
    pub kind: Vec<String>,
    /// Names of rules or vulnerabilities, as globs: `CVE-2024-*`.
    #[serde(default)]
    pub id: Vec<String>,
    /// Scanners.
    #[serde(default)]
    pub scanner: Vec<String>,
    /// Paths, as globs.
    #[serde(default)]
    pub path: Vec<String>,
    /// Packages, as globs of the package URL without a version
    /// (`pkg:npm/@our/*`) or of the name.
    #[serde(default)]
    pub package: Vec<String>,
    /// What the package is needed for: `runtime`, `development` or `unknown`.
    #[serde(default)]
    pub scope: Vec<String>,
    /// Numbers of weaknesses (CWE).
    #[serde(default)]
    pub cwe: Vec<u32>,
    /// Licences of the package, as globs of SPDX names.
    #[serde(default)]
    pub license: Vec<String>,
    /// Whether a fix is known.
    #[serde(default)]
    pub fixable: Option<bool>,
    /// Whether the baseline lacks it.
    #[serde(default)]
    pub new: Option<bool>,
    /// In what was changed.
    #[serde(default)]
    pub changed: Option<Changed>,
    /// An EPSS probability of this or more, from 0 to 1.
    #[serde(default)]
    pub epss: Option<f64>,
    /// Whether it is known to be exploited (KEV).
    #[serde(default)]
    pub known_exploited: Option<bool>,
}

/// Findings that are set aside.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Suppressions {
    /// How far from today one may end, in days. Without it 365.
    pub max_days: Option<u32>,
    /// Whether those of other tools' files must have a reason and an end, too.
    pub strict: bool,
    /// Files of other tools that are read, beside those that lie at the root under
    /// their usual names.
    pub files: Vec<String>,
    /// Whether comments in sources (`ci-tool: ignore[RULE] reason`) count.
    /// Without it they do.
    pub inline: Option<bool>,
    /// Those of this file.
    pub entries: Vec<OwnSuppression>,
}

/// One finding, or several, that are set aside for a while.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OwnSuppression {
    /// The name of the rule or vulnerability, as a glob.
    pub id: String,
    /// A package URL, with or without a version. A finding that is about no
    /// package is never meant.
    #[serde(default)]
    pub package: Option<String>,
    /// Paths, as globs.
    #[serde(default)]
    pub path: Vec<String>,
    /// Why.
    pub reason: String,
    /// The last day on which it holds: `2027-01-31`.
    pub expires: String,
    /// Who answers for it.
    #[serde(default)]
    pub owner: Option<String>,
}

impl FailOn {
    /// The words, with what they mean.
    pub const ALL: [(&'static str, Self); 6] = [
        ("note", Self::Note),
        ("low", Self::Low),
        ("medium", Self::Medium),
        ("high", Self::High),
        ("critical", Self::Critical),
        ("never", Self::Never),
    ];

    /// The word.
    pub fn as_str(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, one)| *one == self);
        found.map_or("never", |(word, _)| word)
    }
}

//! Whether a rule fits a finding.

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::changes::Changes;
use super::intelligence::Intelligence;
use super::model::{FailOn, Rule};
use super::suppression::names;
use crate::findings::{Finding, Kind, Scope, Severity, State};

/// What a rule asks, ready to be asked.
#[derive(Debug, Clone)]
pub struct Condition {
    severity: Option<FailOn>,
    kinds: Vec<Kind>,
    ids: Option<GlobSet>,
    scanners: Vec<String>,
    paths: Option<GlobSet>,
    packages: Option<GlobSet>,
    scopes: Vec<Scope>,
    cwes: Vec<u32>,
    licenses: Option<GlobSet>,
    fixable: Option<bool>,
    new: Option<bool>,
    changed: Option<super::model::Changed>,
    epss: Option<f64>,
    known_exploited: Option<bool>,
    /// What it asks, in words.
    pub text: String,
}

/// A rule that asks what cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    /// The key.
    pub key: &'static str,
    /// What is wrong with it.
    pub message: String,
}

/// What a condition is asked about beside the finding.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'s> {
    pub(super) changes: Option<&'s Changes>,
    pub(super) intelligence: &'s Intelligence,
}

impl Condition {
    /// Makes a rule ready.
    ///
    /// # Errors
    /// Where a word is not known or a glob is none.
    pub fn new(rule: &Rule) -> Result<Self, ConditionError> {
        let kinds = words("kind", &rule.kind, |word| {
            Kind::ALL.into_iter().find(|kind| kind.as_str() == word)
        })?;
        let scopes = words("scope", &rule.scope, |word| {
            [Scope::Runtime, Scope::Development, Scope::Unknown]
                .into_iter()
                .find(|scope| scope.as_str() == word)
        })?;
        if rule.epss.is_some_and(|epss| !(0.0..=1.0).contains(&epss)) {
            return Err(ConditionError {
                key: "epss",
                message: "an EPSS probability is 0 to 1".to_owned(),
            });
        }
        let text = serde_json::to_value(rule).map(|value| in_words(&value));
        Ok(Self {
            severity: rule.severity,
            kinds,
            ids: globs("id", &rule.id)?,
            scanners: rule.scanner.clone(),
            paths: globs("path", &rule.path)?,
            packages: globs("package", &rule.package)?,
            scopes,
            cwes: rule.cwe.clone(),
            licenses: globs("license", &rule.license)?,
            fixable: rule.fixable,
            new: rule.new,
            changed: rule.changed,
            epss: rule.epss,
            known_exploited: rule.known_exploited,
            text: text.unwrap_or_default(),
        })
    }

    /// Whether it needs to know what was changed.
    pub const fn needs_changes(&self) -> bool {
        self.changed.is_some()
    }

    /// Whether it needs a baseline.
    pub const fn needs_baseline(&self) -> bool {
        self.new.is_some()
    }

    pub(super) fn fits(&self, finding: &Finding<'_>, around: Surroundings<'_>) -> bool {
        let known = || around.intelligence.of(finding);
        self.severity
            .is_none_or(|least| reaches(finding.severity(), least))
            && (self.kinds.is_empty() || self.kinds.contains(&finding.kind()))
            && any(self.ids.as_ref(), || {
                names(finding).map(str::to_owned).collect()
            })
            && (self.scanners.is_empty()
                || finding.scanners().iter().any(|scanner| {
                    let is_it = |name: &String| scanner.eq_ignore_ascii_case(name);
                    self.scanners.iter().any(is_it)
                }))
            && any(self.paths.as_ref(), || {
                finding.path().map(str::to_owned).into_iter().collect()
            })
            && any(self.packages.as_ref(), || {
                let package = finding.package().into_iter();
                package
                    .flat_map(|package| [package.purl(false), package.full_name().into_owned()])
                    .collect()
            })
            && (self.scopes.is_empty() || self.scopes.contains(&finding.scope()))
            && (self.cwes.is_empty() || finding.cwes().iter().any(|cwe| self.cwes.contains(cwe)))
            && any(self.licenses.as_ref(), || licenses(finding))
            && self
                .fixable
                .is_none_or(|wanted| finding.is_fixable() == wanted)
            && self.new.is_none_or(|wanted| is_new(finding) == wanted)
            && self.changed.is_none_or(|what| {
                around
                    .changes
                    .is_some_and(|changes| changes.touch(finding, what))
            })
            && self
                .epss
                .is_none_or(|least| known().epss.is_some_and(|epss| epss.get() >= least))
            && self
                .known_exploited
                .is_none_or(|wanted| known().known_exploited == Some(wanted))
    }
}

/// Whether a severity is one that something begins at, or worse.
pub(super) fn reaches(severity: Severity, least: FailOn) -> bool {
    let least = match least {
        FailOn::Never => return false,
        FailOn::Note => Severity::Note,
        FailOn::Low => Severity::Low,
        FailOn::Medium => Severity::Medium,
        FailOn::High => Severity::High,
        FailOn::Critical => Severity::Critical,
    };
    severity >= least
}

/// Without a baseline everything is new.
pub(super) fn is_new(finding: &Finding<'_>) -> bool {
    !matches!(finding.state, Some(State::Unchanged | State::Updated))
}

fn licenses(finding: &Finding<'_>) -> Vec<String> {
    let packages = finding
        .observations
        .iter()
        .filter_map(|one| one.package.as_ref());
    let mut licenses: Vec<String> = packages
        .flat_map(|package| &package.licenses)
        .map(|license| license.to_string())
        .collect();
    if finding.kind() == Kind::License {
        // Scanners name the licence itself as the rule.
        licenses.extend(names(finding).map(str::to_owned));
    }
    licenses
}

fn any(globs: Option<&GlobSet>, texts: impl FnOnce() -> Vec<String>) -> bool {
    globs.is_none_or(|globs| texts().iter().any(|text| globs.is_match(text)))
}

fn words<T>(
    key: &'static str,
    words: &[String],
    known: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, ConditionError> {
    let one = |word: &String| {
        known(word).ok_or_else(|| ConditionError {
            key,
            message: format!("`{word}` is no {key} of a finding"),
        })
    };
    words.iter().map(one).collect()
}

fn globs(key: &'static str, patterns: &[String]) -> Result<Option<GlobSet>, ConditionError> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let wrong = |error: &globset::Error| ConditionError {
        key,
        message: error.to_string(),
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).map_err(|error| wrong(&error))?);
    }
    set.build().map(Some).map_err(|error| wrong(&error))
}

/// `deny: severity high, kind secret`.
fn in_words(rule: &serde_json::Value) -> String {
    let entries = rule.as_object().into_iter().flatten();
    let asked: Vec<String> = entries
        .filter(|(key, value)| {
            let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
            !is_empty && *key != "then" && *key != "name"
        })
        .map(|(key, value)| {
            let value = match value {
                serde_json::Value::String(text) => text.clone(),
                serde_json::Value::Array(items) => items
                    .iter()
                    .map(|item| {
                        item.as_str()
                            .map_or_else(|| item.to_string(), str::to_owned)
                    })
                    .collect::<Vec<_>>()
                    .join(" or "),
                other => other.to_string(),
            };
            format!("{key} {value}")
        })
        .collect();
    if asked.is_empty() {
        "everything".to_owned()
    } else {
        asked.join(", ")
    }
}

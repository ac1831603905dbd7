//! Decides about every finding, and says which rule did.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::changes::Changes;
use super::condition::{Condition, ConditionError, Surroundings, is_new, reaches};
use super::intelligence::Intelligence;
use super::model::{Action, Changed, FailOn, Gate};
use super::suppression::{Date, Suppression};
use crate::findings::{Finding, Report, Severity, near};

/// How far from today a suppression may end where the policy does not say.
const MAX_DAYS: u32 = 365;

/// A policy, ready to judge.
#[derive(Debug, Clone)]
pub struct Policy {
    fail_on: FailOn,
    only_fixable: bool,
    only_new: bool,
    only_changed: Option<Changed>,
    rules: Vec<(Outcome, Arc<str>, Condition)>,
    words: Words,
    budgets: BTreeMap<FailOn, usize>,
    max_days: u32,
    strict: bool,
}

/// What the parts of a policy that are no rules of their own are called; shared by
/// all the findings that they decide.
#[derive(Debug, Clone)]
struct Words {
    fail_on: Arc<str>,
    milder: Arc<str>,
    no_fix: Arc<str>,
    known: Arc<str>,
    not_changed: Arc<str>,
    suppressed: Arc<str>,
}

impl Words {
    fn new(fail_on: FailOn) -> Self {
        let fail_on = format!("fail-on: {}", fail_on.as_str());
        Self {
            milder: format!("milder than {fail_on}").into(),
            fail_on: fail_on.into(),
            no_fix: "only-fixable: no fix is known".into(),
            known: "only-new: the baseline has it".into(),
            not_changed: "only-changed: not in what was changed".into(),
            suppressed: "set aside in the scanner's own report".into(),
        }
    }
}

/// What is done with a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It fails the gate.
    Denied,
    /// It is listed and fails nothing.
    Warned,
    /// It passes.
    Passed,
    /// A person set it aside.
    Suppressed,
}

/// One finding's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What is done.
    pub outcome: Outcome,
    /// The rule that decided, in words.
    pub rule: Arc<str>,
    /// What means it among the suppressions, which hardly any finding has.
    pub meant: Option<Box<Meant>>,
}

impl Decision {
    /// The suppression that holds, by number; `None` where the scanner's own does.
    pub fn suppression(&self) -> Option<usize> {
        self.meant.as_ref()?.by
    }
}

/// The suppressions that mean a finding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meant {
    /// The one that holds, by number.
    pub by: Option<usize>,
    /// Those that do not hold, by number.
    pub lapsed: Vec<usize>,
}

/// Whether a suppression holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It holds.
    Holds,
    /// Its last day is over.
    Expired,
    /// It ends later than the policy lets it.
    TooLong,
    /// It lacks a reason or an end, and the policy asks for both.
    Unjustified,
}

/// A number of findings that may pass, and how many do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The severity.
    pub severity: FailOn,
    /// How many may pass.
    pub limit: usize,
    /// How many do.
    pub count: usize,
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it may pass.
    pub passes: bool,
    /// For each finding of the report, in its order.
    pub decisions: Vec<Decision>,
    /// For each suppression whether it holds, and how many findings it means.
    pub suppressions: Vec<(Standing, usize)>,
    /// The budgets.
    pub budgets: Vec<Budget>,
}

/// What is known beside the report.
#[derive(Debug, Clone, Copy)]
pub struct Known<'k> {
    /// What was changed, if that is asked.
    pub changes: Option<&'k Changes>,
    /// EPSS and KEV.
    pub intelligence: &'k Intelligence,
    /// The day.
    pub today: &'k Date,
}

impl Policy {
    /// Makes a policy ready.
    ///
    /// # Errors
    /// The rule, by number, and what is wrong with it.
    pub fn new(gate: &Gate) -> Result<Self, (usize, ConditionError)> {
        let rules = gate.rules.iter().enumerate().map(|(at, rule)| {
            let condition = Condition::new(rule).map_err(|error| (at, error))?;
            let name = rule.name.as_ref().unwrap_or(&condition.text);
            let (outcome, word) = match rule.then {
                Action::Deny => (Outcome::Denied, "deny"),
                Action::Warn => (Outcome::Warned, "warn"),
                Action::Allow => (Outcome::Passed, "allow"),
            };
            Ok((outcome, format!("{word}: {name}").into(), condition))
        });
        let fail_on = gate.fail_on.unwrap_or(FailOn::High);
        Ok(Self {
            fail_on,
            words: Words::new(fail_on),
            only_fixable: gate.only_fixable,
            only_new: gate.only_new,
            only_changed: gate.only_changed,
            rules: rules.collect::<Result<_, _>>()?,
            budgets: gate.budgets.clone(),
            max_days: gate.suppressions.max_days.unwrap_or(MAX_DAYS),
            strict: gate.suppressions.strict,
        })
    }

    /// Whether it asks what is new.
    pub fn needs_baseline(&self) -> bool {
        self.only_new || self.rules.iter().any(|(_, _, rule)| rule.needs_baseline())
    }

    /// Whether it asks what was changed.
    pub fn needs_changes(&self) -> bool {
        self.only_changed.is_some() || self.rules.iter().any(|(_, _, rule)| rule.needs_changes())
    }

    /// Judges a report.
    pub fn judge(
        &self,
        report: &Report<'_>,
        suppressions: &[Suppression],
        known: Known<'_>,
    ) -> Verdict {
        let standings: Vec<Standing> = suppressions
            .iter()
            .map(|suppression| self.standing(suppression, known.today))
            .collect();
        let mut meant = vec![0; suppressions.len()];
        let mut decisions: Vec<Decision> = Vec::with_capacity(report.findings.len());
        decisions.extend(near::each(&report.findings).map(|finding| {
            let mut meant_by = Meant::default();
            for (at, suppression) in suppressions.iter().enumerate() {
                if suppression.target.means(finding) {
                    meant[at] += 1;
                    match standings[at] {
                        Standing::Holds => meant_by.by = meant_by.by.or(Some(at)),
                        _ => meant_by.lapsed.push(at),
                    }
                }
            }
            let (outcome, rule) = if let Some(at) = meant_by.by {
                let suppression = &suppressions[at];
                let place = format!("{}:{}", suppression.file, suppression.line);
                (Outcome::Suppressed, format!("set aside in {place}").into())
            } else if finding.is_suppressed() {
                (Outcome::Suppressed, Arc::clone(&self.words.suppressed))
            } else {
                self.decide(finding, known)
            };
            Decision {
                outcome,
                rule,
                meant: (meant_by != Meant::default()).then(|| Box::new(meant_by)),
            }
        }));
        let budgets = self.count(report, &decisions);
        let is_over = |budget: &Budget| budget.count > budget.limit;
        let is_denied = |decision: &Decision| decision.outcome == Outcome::Denied;
        Verdict {
            passes: !decisions.iter().any(is_denied) && !budgets.iter().any(is_over),
            decisions,
            suppressions: standings.into_iter().zip(meant).collect(),
            budgets,
        }
    }

    fn decide(&self, finding: &Finding<'_>, known: Known<'_>) -> (Outcome, Arc<str>) {
        let around = Surroundings {
            changes: known.changes,
            intelligence: known.intelligence,
        };
        for (outcome, name, condition) in &self.rules {
            if condition.fits(finding, around) {
                return (*outcome, Arc::clone(name));
            }
        }
        let passes = |rule: &Arc<str>| (Outcome::Passed, Arc::clone(rule));
        if !reaches(finding.severity(), self.fail_on) {
            return passes(&self.words.milder);
        }
        if self.only_fixable && !finding.is_fixable() {
            return passes(&self.words.no_fix);
        }
        if self.only_new && !is_new(finding) {
            return passes(&self.words.known);
        }
        if let Some(what) = self.only_changed {
            let is_in = known
                .changes
                .is_some_and(|changes| changes.touch(finding, what));
            if !is_in {
                return passes(&self.words.not_changed);
            }
        }
        (Outcome::Denied, Arc::clone(&self.words.fail_on))
    }

    fn count(&self, report: &Report<'_>, decisions: &[Decision]) -> Vec<Budget> {
        if self.budgets.is_empty() {
            return Vec::new();
        }
        let severity = |severity: Severity| match severity {
            Severity::Note => FailOn::Note,
            Severity::Low => FailOn::Low,
            Severity::Medium => FailOn::Medium,
            Severity::High => FailOn::High,
            Severity::Critical => FailOn::Critical,
        };
        let mut counts: BTreeMap<FailOn, usize> = BTreeMap::new();
        for (finding, decision) in report.findings.iter().zip(decisions) {
            let is_allowed = decision.rule.starts_with("allow: ");
            let is_open = matches!(decision.outcome, Outcome::Warned | Outcome::Passed);
            if is_open && !is_allowed {
                *counts.entry(severity(finding.severity())).or_default() += 1;
            }
        }
        let budgets = self.budgets.iter().rev();
        budgets
            .map(|(severity, limit)| Budget {
                severity: *severity,
                limit: *limit,
                count: counts.get(severity).copied().unwrap_or(0),
            })
            .collect()
    }

    fn standing(&self, suppression: &Suppression, today: &Date) -> Standing {
        let is_whole = suppression.reason.is_some() && suppression.expires.is_some();
        match &suppression.expires {
            _ if self.strict && !is_whole => Standing::Unjustified,
            Some(last) if last < today => Standing::Expired,
            Some(last) if today.days_until(last) > i64::from(self.max_days) => Standing::TooLong,
            _ => Standing::Holds,
        }
    }
}

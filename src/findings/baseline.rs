//! What was known before.
//!
//! A finding is looked for in the baseline in layers, the surest first, and each
//! finding of the baseline is used once: the same identity; the same
//! vulnerability of the same package in the same place; the same rule on the
//! same text, wherever that moved; the same rule a few lines away.

use std::collections::HashMap;
use std::hash::Hash;

use super::context::Context;
use super::finding::{Finding, Report, State};
use super::identity;

/// How far a finding may have moved to be the same one by its line alone.
const NEAR: u32 = 10;

impl Report<'_> {
    /// Sets each finding's state against a baseline. The result is what the
    /// baseline has and this report has not, by number.
    pub fn compare(&mut self, baseline: &Report<'_>) -> Vec<usize> {
        let is_there = |finding: &&Finding<'_>| finding.state != Some(State::Absent);
        let known: Vec<(usize, &Finding<'_>)> = baseline
            .findings
            .iter()
            .enumerate()
            .filter(|(_, finding)| is_there(finding))
            .collect();
        let mut matching = Matching {
            baseline: &known,
            of: vec![None; self.findings.len()],
            used: vec![false; known.len()],
        };
        let findings = &self.findings;
        matching.layer(findings, |finding| vec![finding.identity]);
        matching.layer(findings, package_keys);
        matching.layer(findings, text_keys);
        matching.near(findings);
        let Matching { of, used, .. } = matching;
        for (finding, found) in self.findings.iter_mut().zip(of) {
            finding.state = Some(match found {
                None => State::New,
                Some(at) if is_same(finding, known[at].1) => State::Unchanged,
                Some(_) => State::Updated,
            });
        }
        known
            .iter()
            .zip(used)
            .filter(|(_, used)| !used)
            .map(|((at, _), _)| *at)
            .collect()
    }
}

struct Matching<'b, 'f, 'a> {
    baseline: &'b [(usize, &'f Finding<'a>)],
    /// The match of each finding.
    of: Vec<Option<usize>>,
    used: Vec<bool>,
}

impl Matching<'_, '_, '_> {
    /// Matches findings that share a key, in order.
    fn layer<K: Eq + Hash>(
        &mut self,
        findings: &[Finding<'_>],
        keys: impl Fn(&Finding<'_>) -> Vec<K>,
    ) {
        let mut known: HashMap<K, Vec<usize>> = HashMap::new();
        for (at, (_, finding)) in self.baseline.iter().enumerate().rev() {
            if !self.used[at] {
                keys(finding)
                    .into_iter()
                    .for_each(|key| known.entry(key).or_default().push(at));
            }
        }
        for (of, finding) in self
            .of
            .iter_mut()
            .zip(findings)
            .filter(|(of, _)| of.is_none())
        {
            for key in keys(finding) {
                let Some(stack) = known.get_mut(&key) else {
                    continue;
                };
                while let Some(at) = stack.pop() {
                    if !std::mem::replace(&mut self.used[at], true) {
                        *of = Some(at);
                        break;
                    }
                }
                if of.is_some() {
                    break;
                }
            }
        }
    }

    /// Matches findings of a rule and a file by their lines, the nearest first.
    fn near(&mut self, findings: &[Finding<'_>]) {
        let line = |finding: &Finding<'_>| {
            finding
                .location()
                .and_then(|location| location.region)
                .map(|region| region.start_line.get())
        };
        let mut known: HashMap<(&str, &str), Vec<(u32, usize)>> = HashMap::new();
        for (at, (_, finding)) in self
            .baseline
            .iter()
            .enumerate()
            .filter(|(at, _)| !self.used[*at])
        {
            if let (Some(line), Some(path), None) =
                (line(finding), finding.path(), finding.package())
            {
                known
                    .entry((finding.name(), path))
                    .or_default()
                    .push((line, at));
            }
        }
        let mut pairs: Vec<(u32, usize, usize)> = Vec::new();
        for (at, finding) in findings
            .iter()
            .enumerate()
            .filter(|(at, _)| self.of[*at].is_none())
        {
            if let (Some(line), Some(path), None) =
                (line(finding), finding.path(), finding.package())
            {
                let there = known.get(&(finding.name(), path)).into_iter().flatten();
                let near = there.map(|(other, known)| (line.abs_diff(*other), at, *known));
                pairs.extend(near.filter(|(distance, ..)| *distance <= NEAR));
            }
        }
        pairs.sort_unstable();
        for (_, at, known) in pairs {
            if self.of[at].is_none() && !self.used[known] {
                self.of[at] = Some(known);
                self.used[known] = true;
            }
        }
    }
}

/// The same vulnerability of the same package in the same place, by any of its
/// names and whatever the version.
fn package_keys(finding: &Finding<'_>) -> Vec<[u8; 16]> {
    let Some(package) = finding.package() else {
        return Vec::new();
    };
    let place = identity::package_place(finding.primary());
    let place = if finding.primary().target.is_some() {
        identity::image_name(&place)
    } else {
        &place
    };
    let names: Vec<&str> = finding.ids.iter().map(super::ids::Id::as_str).collect();
    let names = if names.is_empty() {
        vec![finding.name()]
    } else {
        names
    };
    names
        .into_iter()
        .map(|name| {
            let mut fields = identity::Fields::new("baseline/package");
            fields.add_all([name, &package.full_name(), place]);
            fields.finish()
        })
        .collect()
}

/// The same rule on the same text.
fn text_keys(finding: &Finding<'_>) -> Vec<(String, Context)> {
    if finding.package().is_some() {
        return Vec::new();
    }
    let contexts = finding
        .observations
        .iter()
        .map(|one| Context::of(one))
        .filter(|context| context.is_of_text());
    let mut contexts: Vec<Context> = contexts.collect();
    contexts.sort_unstable();
    contexts.dedup();
    contexts
        .into_iter()
        .map(|context| (finding.name().to_owned(), context))
        .collect()
}

/// Whether nothing changed but lines.
fn is_same(now: &Finding<'_>, before: &Finding<'_>) -> bool {
    let version = |finding: &Finding<'_>| {
        finding
            .package()
            .and_then(|package| package.version.as_deref().map(str::to_owned))
    };
    now.severity() == before.severity()
        && now.path() == before.path()
        && now.ids == before.ids
        && version(now) == version(before)
        && now.is_suppressed() == before.is_suppressed()
        && now.fixed_versions() == before.fixed_versions()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::{
        Id, Kind, Location, Observation, Package, Region, Rule, Scanner, Severity,
    };
    use std::sync::Arc;

    fn code(rule: &str, path: &str, line: u32, snippet: &str) -> Observation<'static> {
        let rule = Arc::new(Rule {
            id: rule.to_owned().into(),
            ..Rule::default()
        });
        let mut one = Observation::new(
            Arc::new(Scanner::default()),
            rule,
            Kind::Code,
            Severity::High,
            "bad",
        );
        one.locations = [Location {
            path: path.to_owned().into(),
            region: Region::line(line),
            snippet: Some(snippet.to_owned().into()),
            logical: None,
        }]
        .into();
        one
    }

    fn package(
        id: &'static str,
        version: &'static str,
        path: &'static str,
    ) -> Observation<'static> {
        let mut one = code(id, path, 1, "");
        one.kind = Kind::Vulnerability;
        one.ids = [Id::new(id)].into();
        one.package = Some(Box::new(Package::new(
            Some("npm"),
            "lodash",
            Some(version.into()),
        )));
        one
    }

    fn states(
        now: Vec<Observation<'static>>,
        before: Vec<Observation<'static>>,
    ) -> (Vec<State>, usize) {
        let mut now = Report::new(Vec::new(), now);
        let absent = now.compare(&Report::new(Vec::new(), before));
        (
            now.findings
                .iter()
                .filter_map(|finding| finding.state)
                .collect(),
            absent.len(),
        )
    }

    #[test]
    fn lines_do_not_matter_and_what_went_is_absent() {
        let before = vec![code("r", "a.py", 3, "x = 1"), code("r", "a.py", 9, "y = 2")];
        let (states, absent) = states(vec![code("r", "a.py", 40, "x = 1")], before);
        assert_eq!((states, absent), (vec![State::Unchanged], 1));
    }

    #[test]
    fn a_moved_file_and_an_edited_line_are_updates() {
        let before = || vec![code("r", "a.py", 3, "x = 1")];
        assert_eq!(
            states(vec![code("r", "b.py", 3, "x = 1")], before()),
            (vec![State::Updated], 0)
        );
        // The same place, another text: near enough to be the same one.
        assert_eq!(states(vec![code("r", "a.py", 5, "z")], before()).1, 0);
        assert_eq!(
            states(vec![code("r", "a.py", 50, "z")], before()),
            (vec![State::New], 1)
        );
        assert_eq!(
            states(vec![code("q", "a.py", 3, "x = 1")], before()),
            (vec![State::New], 1)
        );
    }

    #[test]
    fn a_package_is_the_same_in_another_version_and_under_another_name() {
        let before = || vec![package("CVE-2020-0001", "1.0.0", "package-lock.json")];
        assert_eq!(
            states(
                vec![package("CVE-2020-0001", "1.0.0", "package.json")],
                before()
            ),
            (vec![State::Updated], 0)
        );
        assert_eq!(
            states(
                vec![package("CVE-2020-0001", "1.0.1", "package-lock.json")],
                before()
            ),
            (vec![State::Updated], 0)
        );
        let mut renamed = package("GHSA-jfh8-c2jp-5v3q", "1.0.0", "package-lock.json");
        renamed.ids = [renamed.ids[0].clone(), Id::new("CVE-2020-0001")].into();
        assert_eq!(states(vec![renamed], before()).1, 0);
        assert_eq!(
            states(
                vec![package("CVE-2020-0002", "1.0.0", "package-lock.json")],
                before()
            ),
            (vec![State::New], 1)
        );
    }

    #[test]
    fn each_finding_of_the_baseline_counts_once() {
        let now = vec![code("r", "a.py", 3, "x"), code("r", "a.py", 30, "x")];
        let (states, absent) = states(now, vec![code("r", "a.py", 3, "x")]);
        assert_eq!(
            states.iter().filter(|state| **state == State::New).count(),
            1
        );
        assert_eq!(absent, 0);
    }
}

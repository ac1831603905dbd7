//! One step: it is run, and where it is red, what it complains about is read, by its
//! tool's own means where it has some, by a reader of ours, or as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use super::cell::{Cell, Ended, Ran};
use super::reason::{self, Reason};
use super::{Probe, ProbeError, ProbedStep, Settings, Verdict};
use crate::debt::readers::{self, Reader, Record, Seen};
use crate::debt::tool::Tool;
use crate::debt::{self, Comparison, Debt, LEFT_OUT, suppressions};
use crate::project::path;
use crate::workflows::services::{Reach, value_for};
use crate::workflows::view::{Job, StepView};

/// How much of what a red step said is told, in lines.
const TOLD: usize = 15;

/// What running a step adds to a probe.
#[derive(Clone)]
struct Found {
    debts: Vec<Debt>,
    files: BTreeMap<String, String>,
    pruned: Vec<Debt>,
}

impl Found {
    fn of(probe: &Probe) -> Self {
        Self {
            debts: probe.debts.clone(),
            files: probe.files.clone(),
            pruned: probe.pruned.clone(),
        }
    }

    fn put(self, probe: &mut Probe) {
        probe.debts = self.debts;
        probe.files = self.files;
        probe.pruned = self.pruned;
    }
}

/// Whether a step complains about less than it did.
fn is_better(now: &ProbedStep, before: &ProbedStep) -> bool {
    let complaints = |step: &ProbedStep| match step.verdict {
        Verdict::Green => 0,
        Verdict::Frozen { complaints, .. } | Verdict::FrozenByTool { complaints, .. } => complaints,
        _ => u64::MAX,
    };
    let asks = now.reasons.iter().any(|reason| reason.variable().is_some());
    !asks && complaints(now) < complaints(before)
}

/// What a step said, read.
#[derive(Debug)]
pub struct Said {
    /// The run.
    pub ran: Ran,
    /// What was read of it.
    pub seen: Result<Seen, String>,
}

pub(super) struct Step<'a> {
    pub(super) cell: &'a Cell,
    pub(super) job: &'a Job,
    pub(super) step: &'a StepView,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) settings: &'a Settings,
    /// The version of the language that is here, where the workflow takes another.
    pub(super) other_version: Option<&'a str>,
}

/// So many times a step is given what it asks for: one that asks for more is not served by
/// values that nobody thought about.
const ROUNDS: usize = 8;

impl Step<'_> {
    /// Runs the step; where it asks for variables, again with values that do for most
    /// programs. What helped is the second part of the answer.
    pub(super) fn probe_and_learn(
        mut self,
        probe: &mut Probe,
    ) -> Result<(ProbedStep, BTreeMap<String, String>), ProbeError> {
        let before = Found::of(probe);
        let first = self.probe(probe)?;
        let (mut last, mut learned) = (first.clone(), BTreeMap::new());
        for _ in 0..ROUNDS {
            let names = last.reasons.iter().filter_map(Reason::variable);
            let new: Vec<String> = names
                .filter(|name| !self.variables.contains_key(*name))
                .map(str::to_owned)
                .collect();
            if new.is_empty() {
                break;
            }
            for name in new {
                let value = value_for(&name, &[], Reach::Machine);
                self.variables.insert(name.clone(), value.clone());
                learned.insert(name, value);
            }
            let found = Found::of(probe);
            before.clone().put(probe);
            last = self.probe(probe)?;
            if is_better(&last, &first) {
                return Ok((last, learned));
            }
            // Unless one of the next rounds is better, the first has the word.
            found.put(probe);
        }
        Ok((first, BTreeMap::new()))
    }

    pub(super) fn probe(&self, probe: &mut Probe) -> Result<ProbedStep, ProbeError> {
        let known = self.step.debt.as_ref().and_then(|frozen| {
            let mut debts = self.settings.debts.iter();
            debts.find(|debt| debt.name == frozen.name)
        });
        match known {
            Some(debt) => self.compare(debt, probe),
            None => self.look(probe),
        }
    }

    fn run(&self, command: &str) -> Result<Ran, ProbeError> {
        Ok(self
            .cell
            .run(command, &self.step.directory, &self.variables)?)
    }

    fn probed(&self, ran: &Ran, verdict: Verdict, reasons: Vec<Reason>) -> ProbedStep {
        let lines: Vec<&str> = ran.output.trim_end().lines().collect();
        let said = if ran.passed() {
            String::new()
        } else {
            lines[lines.len().saturating_sub(TOLD)..].join("\n")
        };
        ProbedStep {
            name: self.step.name.clone(),
            kind: self.step.kind,
            command: self.step.run.clone(),
            verdict,
            seconds: ran.took.as_secs_f64(),
            reasons,
            said: readers::plain(&said),
            output: ran.output.clone(),
            flaky: false,
        }
    }

    /// A step that has debt from before.
    fn compare(&self, debt: &Debt, probe: &mut Probe) -> Result<ProbedStep, ProbeError> {
        let reader = readers::named(&debt.reader).unwrap_or_else(readers::whole);
        let said = self.said(reader, &debt.recorded, &debt.name)?;
        let reasons = reason::reasons(&said.ran.output);
        let verdict = match &said.seen {
            Err(why) => Verdict::Unproved { why: why.clone() },
            Ok(seen) => {
                let comparison = Comparison::of(debt, seen);
                if comparison.is_same() {
                    Verdict::Unchanged {
                        debt: debt.name.clone(),
                        complaints: debt.total(),
                    }
                } else {
                    probe.pruned.push(comparison.pruned(debt));
                    Verdict::Changed {
                        debt: debt.name.clone(),
                        comparison,
                    }
                }
            }
        };
        Ok(self.probed(&said.ran, verdict, reasons))
    }

    /// A step of which nothing is known.
    fn look(&self, probe: &mut Probe) -> Result<ProbedStep, ProbeError> {
        let tool = Tool::of(&self.step.run, &|name| self.script(name));
        let reader = tool.as_ref().and_then(readers::fitting);
        let name = self.name(probe);
        // Tests take long: they are run at once so that they can be read.
        if let (Some(tool), Some(reader)) = (&tool, reader.filter(|reader| reader.tests)) {
            let recorded = reader.recorded(tool, &name);
            let said = self.said(reader, &recorded, &name)?;
            if said.ran.passed() {
                return Ok(self.probed(&said.ran, Verdict::Green, Vec::new()));
            }
            if said.seen.is_ok() {
                return self.freeze(probe, reader, &recorded, &name, said);
            }
            if said.ran.ended == Ended::TimeLimit {
                return Ok(self.left_out(probe, &name, &said.ran));
            }
        }
        let ran = self.run(&self.step.run)?;
        match &ran.ended {
            Ended::Code(0) => return Ok(self.probed(&ran, Verdict::Green, Vec::new())),
            Ended::TimeLimit => return Ok(self.left_out(probe, &name, &ran)),
            Ended::Stopped(why) => {
                let why = why.clone();
                return Ok(self.probed(&ran, Verdict::Unproved { why }, Vec::new()));
            }
            Ended::Code(_) => {}
        }
        let reasons = self.reasons(&ran.output);
        if let Some(of_here) = reasons
            .iter()
            .find(|reason| reason.kind.is_of_the_machine())
            && reader.is_none_or(|reader| reader.tests)
        {
            // It may well pass on a runner: what is frozen now would be wrong there.
            let why = of_here.why.clone();
            return Ok(self.probed(&ran, Verdict::Unproved { why }, reasons));
        }
        if let Some(tool) = tool.as_ref().filter(|tool| tool.is(&["eslint"]))
            && let Some(verdict) = self.suppress(tool, probe)?
        {
            return Ok(self.probed(&ran, verdict, reasons));
        }
        if let (Some(tool), Some(reader)) = (&tool, reader.filter(|reader| !reader.tests)) {
            let recorded = reader.recorded(tool, &name);
            let said = self.said(reader, &recorded, &name)?;
            if said
                .seen
                .as_ref()
                .is_ok_and(|seen| !seen.complaints.is_empty())
            {
                return self.freeze(probe, reader, &recorded, &name, said);
            }
        }
        let is_explained = reasons
            .iter()
            .any(|reason| !reason.kind.is_of_the_machine());
        if let Some(version) = self.other_version.filter(|_| !is_explained) {
            // What cannot be told apart may be due to that.
            let why = format!("it is red, and {version}");
            return Ok(self.probed(&ran, Verdict::Unproved { why }, reasons));
        }
        let fallbacks = [readers::named("coverage"), Some(readers::whole())];
        for reader in fallbacks.into_iter().flatten() {
            let seen = reader.read(&self.record(reader, &ran, &name));
            if seen.is_ok() {
                let said = Said { ran, seen };
                return self.freeze(probe, reader, &self.step.run, &name, said);
            }
        }
        let why = "it is red, and says nothing that could be compared".to_owned();
        Ok(self.probed(&ran, Verdict::Unproved { why }, reasons))
    }

    /// Runs a command whose output its reader understands.
    fn said(&self, reader: &Reader, command: &str, name: &str) -> Result<Said, ProbeError> {
        if let Some(report) = self.report(reader, name) {
            // One of an earlier run would be taken for this one's.
            self.cell.remove(&report);
        }
        let ran = self.run(command)?;
        let seen = match &ran.ended {
            Ended::Code(_) => reader.read(&self.record(reader, &ran, name)),
            Ended::TimeLimit => Err("it did not end within its time limit".to_owned()),
            Ended::Stopped(why) => Err(why.clone()),
        };
        Ok(Said { ran, seen })
    }

    fn report(&self, reader: &Reader, name: &str) -> Option<PathBuf> {
        let ending = reader.report?;
        Some(self.cell.records().join(debt::record(name, ending)))
    }

    fn record(&self, reader: &Reader, ran: &Ran, name: &str) -> Record {
        let folder = self.cell.tree().join(&self.step.directory);
        let report = self.report(reader, name);
        Record {
            status: match ran.ended {
                Ended::Code(code) => code,
                Ended::TimeLimit | Ended::Stopped(_) => -1,
            },
            output: ran.output.clone(),
            report: report.and_then(|report| self.cell.read(&report)),
            directory: fs::canonicalize(&folder)
                .unwrap_or(folder)
                .to_string_lossy()
                .into_owned(),
        }
    }

    /// Freezes what a step complains about.
    fn freeze(
        &self,
        probe: &mut Probe,
        reader: &Reader,
        recorded: &str,
        name: &str,
        said: Said,
    ) -> Result<ProbedStep, ProbeError> {
        let mut seen = match said.seen {
            Ok(seen) => seen,
            Err(why) => return Ok(self.probed(&said.ran, Verdict::Unproved { why }, Vec::new())),
        };
        let mut flaky: BTreeSet<String> = BTreeSet::new();
        let mut by_chance = false;
        if reader.tests {
            let again = self.said(reader, recorded, name)?;
            let again = again.seen.unwrap_or_default();
            by_chance = again.counts() != seen.counts();
            for (what, places) in &again.complaints {
                if !seen.complaints.contains_key(what) {
                    flaky.insert(what.clone());
                    seen.complaints.insert(what.clone(), places.clone());
                }
            }
            for (what, places) in &seen.complaints {
                let needs_more = places.iter().any(|place| {
                    reason::is_of_the_machine(&place.message)
                        || reason::is_of_the_machine(&place.detail)
                });
                if needs_more || !again.complaints.contains_key(what) {
                    flaky.insert(what.clone());
                }
            }
        }
        let mut known = seen.counts();
        known.retain(|what, _| !flaky.contains(what));
        let reasons = self.reasons(&said.ran.output);
        let first = reasons.first();
        let debt = Debt {
            name: name.to_owned(),
            component: self.job.directory.clone(),
            directory: self.step.directory.clone(),
            step: self.step.name.clone(),
            command: self.step.run.clone(),
            recorded: recorded.to_owned(),
            reader: reader.name.to_owned(),
            why: first.map(|reason| reason.why.clone()),
            mend: first.map(|reason| reason.mend.clone()),
            known,
            flaky,
        };
        let verdict = Verdict::Frozen {
            debt: debt.name.clone(),
            complaints: debt.total(),
        };
        probe.debts.push(debt);
        let mut probed = self.probed(&said.ran, verdict, reasons);
        probed.flaky = by_chance;
        Ok(probed)
    }

    /// A step that never ends is in no workflow until it does.
    fn left_out(&self, probe: &mut Probe, name: &str, ran: &Ran) -> ProbedStep {
        let seconds = self.settings.limits.time.as_secs();
        let watches = ["watch", "Waiting for", "Ready in", "listening on", "Press "];
        let watches = ran
            .output
            .lines()
            .any(|line| watches.iter().any(|word| line.contains(word)));
        let what = format!("does not end within {seconds} seconds");
        let debt = Debt {
            name: name.to_owned(),
            component: self.job.directory.clone(),
            directory: self.step.directory.clone(),
            step: self.step.name.clone(),
            command: self.step.run.clone(),
            recorded: self.step.run.clone(),
            reader: LEFT_OUT.to_owned(),
            why: watches.then(|| "it waits for changes, or serves, and never ends".to_owned()),
            mend: Some("let it end by itself, and delete this file".to_owned()),
            known: BTreeMap::from([(what, 1)]),
            flaky: BTreeSet::new(),
        };
        probe.debts.push(debt);
        self.probed(
            ran,
            Verdict::Frozen {
                debt: name.to_owned(),
                complaints: 1,
            },
            Vec::new(),
        )
    }

    /// Lets eslint freeze itself, as it can since 9.24.
    fn suppress(&self, tool: &Tool, probe: &mut Probe) -> Result<Option<Verdict>, ProbeError> {
        let file = self
            .cell
            .tree()
            .join(&self.step.directory)
            .join(suppressions::FILE);
        let before = self.cell.read(&file);
        if before.is_none() && self.run(&tool.with("--suppress-all"))?.ended == Ended::Code(0) {
            let text = self.cell.read(&file).unwrap_or_default();
            let complaints = suppressions::read(&text).map_or(0, |held| held.values().sum());
            if complaints > 0 && self.run(&self.step.run)?.passed() {
                let file = path::join(&self.step.directory, suppressions::FILE);
                probe.files.insert(file.clone(), text);
                return Ok(Some(Verdict::FrozenByTool { file, complaints }));
            }
        }
        match before {
            // Those are a person's.
            Some(_) => {}
            None => self.cell.remove(&file),
        }
        Ok(None)
    }

    /// The text of a script of the step's folder, as it is in the copy.
    fn script(&self, name: &str) -> Option<String> {
        let folder = self.cell.tree().join(&self.step.directory);
        let text = self.cell.read(&folder.join("package.json"))?;
        let package: serde_json::Value = serde_json::from_str(&text).ok()?;
        Some(package.get("scripts")?.get(name)?.as_str()?.to_owned())
    }

    /// Why it is red, where modules of the project itself are not missing.
    fn reasons(&self, output: &str) -> Vec<Reason> {
        reason::reasons(&readers::plain(output))
    }

    /// A name that no other debt has: the job and what the step proves.
    fn name(&self, probe: &Probe) -> String {
        let kind = serde_json::to_value(self.step.kind).ok();
        let kind = kind
            .as_ref()
            .and_then(|kind| kind.as_str())
            .unwrap_or("step");
        let base = format!("{}-{kind}", self.job.id);
        let is_taken = |name: &str| {
            let mut debts = self.settings.debts.iter().chain(&probe.debts);
            debts.any(|debt| debt.name == name)
        };
        let mut name = base.clone();
        let mut number = 1;
        while is_taken(&name) {
            number += 1;
            name = format!("{base}-{number}");
        }
        name
    }
}

//! A verdict where a pull request shows it: the job's summary and annotations.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::gate::shown_message;
use super::plan::cell;
use super::scan::{Scanner, State};
use crate::audit::fix::uri;
use crate::findings::{self, Finding, Report, Severity};
use crate::policy::{Outcome, Verdict};
use crate::sys::ui::escape_line;

/// How many findings of an outcome a summary lists before the rest is counted.
const LISTED: (usize, usize) = (100, 50);

/// So many errors, and as many warnings, does GitHub show of one step.
pub const SHOWN_IN_A_LOG: usize = 10;

/// What is told, and where its places lead.
#[derive(Debug, Clone, Copy)]
pub struct Told<'t> {
    /// What was found.
    pub report: &'t Report<'t>,
    /// What was decided.
    pub verdict: &'t Verdict,
    /// The scanners that ran, where they were run.
    pub scanners: &'t [Scanner],
    /// Whether all have looked that count.
    pub is_complete: bool,
    /// The folder of the findings, relative to the workspace; empty where it is that.
    pub folder: &'t str,
    /// Where the workspace's files are shown at this commit, with a slash at its end.
    pub files_url: Option<&'t str>,
}

/// A remark at a place of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Whether it fails the gate.
    pub is_error: bool,
    /// The file, relative to the workspace; none where the finding is in no file.
    pub file: Option<String>,
    /// First line, from 1.
    pub line: usize,
    /// The finding's name and severity.
    pub title: String,
    /// What is wrong, on one line, without secrets.
    pub message: String,
}

/// How many findings count by severity: those that a person set aside do not.
pub fn by_severity(report: &Report<'_>, verdict: &Verdict) -> BTreeMap<&'static str, usize> {
    let mut counts: BTreeMap<_, _> = Severity::ALL
        .iter()
        .map(|severity| (severity.as_str(), 0))
        .collect();
    for (finding, decision) in report.findings.iter().zip(&verdict.decisions) {
        if decision.outcome != Outcome::Suppressed {
            *counts.entry(finding.severity().as_str()).or_default() += 1;
        }
    }
    counts
}

/// How many findings the baseline does not have; nothing where there is none.
pub fn new(report: &Report<'_>) -> Option<usize> {
    let states = report.findings.iter().filter_map(|finding| finding.state);
    let mut compared = false;
    let new = states
        .inspect(|_| compared = true)
        .filter(|state| *state == findings::State::New)
        .count();
    compared.then_some(new)
}

/// The worst of what was decided, errors first, so many of each at most.
pub fn annotations(told: &Told<'_>, most: usize) -> Vec<Annotation> {
    let of = |wanted: Outcome| {
        decided(told, wanted).take(most).map(move |finding| {
            let message = shown_message(finding);
            let message = message.lines().next().unwrap_or_default();
            Annotation {
                is_error: wanted == Outcome::Denied,
                file: finding.path().map(|path| below(told.folder, path)),
                line: line(finding).unwrap_or(1),
                title: escape_line(&format!("{} ({})", finding.name(), finding.severity())),
                message: escape_line(message),
            }
        })
    };
    of(Outcome::Denied).chain(of(Outcome::Warned)).collect()
}

/// The verdict as Markdown, for a job's summary.
pub fn markdown(told: &Told<'_>) -> String {
    markdown_of(told, LISTED)
}

/// The same with so many rows at most of what fails and of what is worth a look.
pub(super) fn markdown_of(told: &Told<'_>, (failing, worth): (usize, usize)) -> String {
    let mut out = format!("## {}\n", headline(told));
    let counts: Vec<String> = by_severity(told.report, told.verdict)
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    let of = |outcome| decided(told, outcome).count();
    let _ = writeln!(
        out,
        "\n{}: {} denied, {} warned, {} passed, {} set aside.",
        if counts.is_empty() {
            "Nothing found".to_owned()
        } else {
            counts.join(", ")
        },
        of(Outcome::Denied),
        of(Outcome::Warned),
        of(Outcome::Passed),
        of(Outcome::Suppressed),
    );
    table(
        &mut out,
        told,
        Outcome::Denied,
        "These fail the gate",
        failing,
    );
    table(
        &mut out,
        told,
        Outcome::Warned,
        "These are worth a look",
        worth,
    );
    scanners(&mut out, told.scanners);
    out
}

pub(super) fn headline(told: &Told<'_>) -> String {
    match (told.is_complete, told.verdict.passes) {
        (false, _) => "Findings: undecided, since not everything was looked at".to_owned(),
        (true, true) => "Findings: they may pass".to_owned(),
        (true, false) => match decided(told, Outcome::Denied).count() {
            0 => "Findings: they may not pass, by a budget".to_owned(),
            1 => "Findings: 1 may not pass".to_owned(),
            many => format!("Findings: {many} may not pass"),
        },
    }
}

/// The findings of an outcome, the worst first as the report has them.
pub(super) fn decided<'t>(
    told: &Told<'t>,
    wanted: Outcome,
) -> impl Iterator<Item = &'t Finding<'t>> {
    let pairs = told.report.findings.iter().zip(&told.verdict.decisions);
    pairs
        .filter(move |(_, decision)| decision.outcome == wanted)
        .map(|(finding, _)| finding)
}

pub(super) fn table(out: &mut String, told: &Told<'_>, outcome: Outcome, title: &str, most: usize) {
    let count = decided(told, outcome).count();
    if count == 0 {
        return;
    }
    let _ = writeln!(
        out,
        "\n### {title}\n\n| severity | finding | place | what | fixed in |\n|---|---|---|---|---|"
    );
    for finding in decided(told, outcome).take(most) {
        let message = shown_message(finding);
        let what = match finding.package() {
            Some(package) => format!(
                "{} {}: {}",
                package.full_name(),
                package.version.as_deref().unwrap_or("?"),
                message.lines().next().unwrap_or_default()
            ),
            None => message.lines().next().unwrap_or_default().to_owned(),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            finding.severity(),
            plain(finding.name()),
            place(told, finding),
            plain(&what),
            plain(&finding.fixed_versions().join(", "))
        );
    }
    if count > most {
        let _ = writeln!(out, "\nand {} more, which the log lists", count - most);
    }
}

fn place(told: &Told<'_>, finding: &Finding<'_>) -> String {
    let Some(path) = finding.path() else {
        let target = finding.primary().target.as_deref();
        return plain(target.unwrap_or_default());
    };
    let path = below(told.folder, path);
    let line = line(finding);
    let shown = match line {
        Some(line) => plain(&format!("{path}:{line}")),
        None => plain(&path),
    };
    let Some(url) = told.files_url else {
        return shown;
    };
    let anchor = line.map_or_else(String::new, |line| format!("#L{line}"));
    format!("[{shown}]({url}{}{anchor})", uri(&path))
}

pub(super) fn scanners(out: &mut String, scanners: &[Scanner]) {
    let ran = || scanners.iter().filter(|one| one.state != State::Skipped);
    if ran().next().is_none() {
        return;
    }
    out.push_str("\n<details><summary>Scanners</summary>\n\n| scanner | version | what became of it |\n|---|---|---|\n");
    for one in ran() {
        let said = match one.state {
            State::Looked => format!("{} findings", one.findings),
            State::Inconclusive => format!("inconclusive: {}", one.why.join("; ")),
            State::Failed => format!("**failed**: {}", one.why.join("; ")),
            State::Absent | State::Skipped => format!("not run: {}", one.why.join("; ")),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} |",
            plain(&one.name),
            plain(one.version.as_deref().unwrap_or_default()),
            said.strip_prefix("**failed**")
                .map_or_else(|| plain(&said), |why| format!("**failed**{}", plain(why)))
        );
    }
    out.push_str("\n</details>\n");
}

fn line(finding: &Finding<'_>) -> Option<usize> {
    let region = finding.location()?.region?;
    usize::try_from(region.start_line.get()).ok()
}

fn below(folder: &str, path: &str) -> String {
    match folder {
        "" => path.to_owned(),
        folder => format!("{folder}/{path}"),
    }
}

/// A text in a cell or a line of Markdown, in which no character is markup.
pub(super) fn plain(text: &str) -> String {
    let is_markup = |c: char| matches!(c, '`' | '*' | '_' | '[' | ']' | '~' | '!');
    let text = cell(&escape_line(text));
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = &*text;
    while let Some(at) = rest.find(is_markup) {
        out.push_str(&rest[..at]);
        out.push('\\');
        out.push_str(&rest[at..=at]);
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out
}

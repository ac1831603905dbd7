//! The verdict of `ci-tool gate`, for a terminal and as JSON.

use std::borrow::Cow;
use std::fmt::Write as _;

use anstyle::AnsiColor;
use schemars::JsonSchema;
use serde::Serialize;

use super::excerpt::{Excerpt, Excerpts};
use super::findings_json;
use crate::findings::{Finding, Kind, Report, Severity};
use crate::policy::{Decision, Outcome, Standing, Suppression, Verdict};
use crate::sarif::redact;
use crate::sys::ui::escape_line;

/// The version of the JSON form; a change that breaks readers raises it.
pub const VERSION: u32 = 1;

/// A verdict with all that it is about.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gate<'r> {
    /// The version of this form.
    pub version: u32,
    /// Whether the findings may pass.
    pub passes: bool,
    /// How many findings there are, by what is done with them.
    pub counts: Counts,
    /// Every finding with its decision, those that fail the gate first.
    pub findings: Vec<Decided<'r>>,
    /// Every suppression that was read.
    pub suppressions: Vec<Aside>,
    /// How many findings may pass, and how many do.
    pub budgets: Vec<BudgetUse>,
}

/// How many findings there are.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Counts {
    /// Those that fail the gate.
    pub denied: usize,
    /// Those that are listed and fail nothing.
    pub warned: usize,
    /// Those that pass.
    pub passed: usize,
    /// Those that a person set aside.
    pub suppressed: usize,
}

/// A finding with its decision.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decided<'r> {
    /// `denied`, `warned`, `passed` or `suppressed`.
    pub outcome: &'static str,
    /// The rule that decided, in words.
    pub rule: Cow<'r, str>,
    /// The finding.
    pub finding: findings_json::Finding<'r>,
}

/// A suppression.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Aside {
    /// The file that says so.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The name of the rule or vulnerability; empty where it is about a package alone.
    pub id: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The last day on which it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Who answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// `holds`, `expired`, `too-long` or `unjustified`.
    pub standing: String,
    /// How many findings it means.
    pub findings: usize,
}

/// How many findings of a severity may pass, and how many do.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BudgetUse {
    /// The severity.
    pub severity: String,
    /// How many may pass.
    pub limit: usize,
    /// How many do.
    pub count: usize,
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Denied => "denied",
        Outcome::Warned => "warned",
        Outcome::Passed => "passed",
        Outcome::Suppressed => "suppressed",
    }
}

const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Holds => "holds",
        Standing::Expired => "expired",
        Standing::TooLong => "too-long",
        Standing::Unjustified => "unjustified",
    }
}

/// The verdict for programs.
pub fn json<'r>(
    report: &'r Report<'_>,
    verdict: &'r Verdict,
    suppressions: &[Suppression],
) -> Gate<'r> {
    let counts = counts(verdict);
    // The report's order is the worst first, and stays within an outcome.
    let mut order: Vec<usize> = (0..report.findings.len()).collect();
    order.sort_by_key(|at| verdict.decisions[*at].outcome);
    let findings = order.into_iter().map(|at| {
        let decision = &verdict.decisions[at];
        Decided {
            outcome: outcome(decision.outcome),
            rule: Cow::Borrowed(&decision.rule),
            finding: (&report.findings[at]).into(),
        }
    });
    Gate {
        version: VERSION,
        passes: verdict.passes,
        counts,
        findings: findings.collect(),
        suppressions: suppressions
            .iter()
            .zip(&verdict.suppressions)
            .map(|(one, (how, count))| Aside {
                file: one.file.clone(),
                line: one.line,
                id: one.target.id_text.clone(),
                reason: one.reason.clone(),
                expires: one.expires.as_ref().map(|day| day.as_str().to_owned()),
                owner: one.owner.clone(),
                standing: standing(*how).to_owned(),
                findings: *count,
            })
            .collect(),
        budgets: verdict
            .budgets
            .iter()
            .map(|budget| BudgetUse {
                severity: budget.severity.as_str().to_owned(),
                limit: budget.limit,
                count: budget.count,
            })
            .collect(),
    }
}

fn counts(verdict: &Verdict) -> Counts {
    let of = |wanted: Outcome| {
        let decisions = verdict.decisions.iter();
        decisions
            .filter(|decision| decision.outcome == wanted)
            .count()
    };
    Counts {
        denied: of(Outcome::Denied),
        warned: of(Outcome::Warned),
        passed: of(Outcome::Passed),
        suppressed: of(Outcome::Suppressed),
    }
}

/// How many findings of each outcome are listed before the rest is counted: a
/// verdict that scrolls away is not read.
const LISTED: [(Outcome, &str, usize); 3] = [
    (Outcome::Denied, "These fail the gate", 20),
    (Outcome::Warned, "These are worth a look", 10),
    (Outcome::Passed, "These pass", 5),
];

/// How a verdict is told to people.
#[derive(Debug)]
pub struct Shape<'s> {
    /// All findings, and not only a screenful.
    pub all: bool,
    /// Whether there is a verdict: otherwise a scanner has not looked.
    pub decided: bool,
    /// How many characters a line holds, where it is not to be longer.
    pub width: Option<usize>,
    /// Whether names lead to what their rules say of themselves: a terminal follows links.
    pub links: bool,
    /// Lines of the files.
    pub excerpts: &'s Excerpts<'s>,
}

/// The verdict for people. Findings milder than `show` that fail nothing are only
/// counted; of the others a screenful is listed, or all.
pub fn text(
    report: &Report<'_>,
    verdict: &Verdict,
    suppressions: &[Suppression],
    show: impl Fn(Severity) -> bool,
    shape: &Shape<'_>,
) -> String {
    let mut out = String::new();
    for (wanted, title, most) in LISTED {
        // The report's order is the worst first.
        let decided = report.findings.iter().zip(&verdict.decisions);
        let mut found = decided.filter(|(finding, decision)| {
            let is_shown = wanted != Outcome::Passed || show(finding.severity());
            decision.outcome == wanted && is_shown
        });
        let most = if shape.all { usize::MAX } else { most };
        let mut listed = 0;
        for (finding, decision) in found.by_ref().take(most) {
            if listed == 0 {
                let _ = writeln!(out, "{title}\n");
            }
            // What passes needs no second look.
            let is_looked_at = wanted != Outcome::Passed || shape.all;
            write_finding(&mut out, finding, decision, shape, is_looked_at);
            listed += 1;
        }
        if listed > 0 {
            match found.count() {
                0 => {}
                more => {
                    let _ = writeln!(out, "  and {more} more, which --verbose lists");
                }
            }
            out.push('\n');
        }
    }
    for budget in &verdict.budgets {
        let word = budget.severity.as_str();
        let (count, limit) = (budget.count, budget.limit);
        let says = match count.cmp(&limit) {
            std::cmp::Ordering::Greater => "too many, which fails the gate",
            std::cmp::Ordering::Equal => "as many as may pass",
            std::cmp::Ordering::Less => "lower the budget to this number",
        };
        let _ = writeln!(out, "budget {word}: {count} of {limit}: {says}");
    }
    for (one, (how, count)) in suppressions.iter().zip(&verdict.suppressions) {
        let what = match (how, count) {
            (Standing::Holds, 0) => "means no finding: delete it".to_owned(),
            (Standing::Holds, _) => continue,
            (Standing::Expired, count) => {
                let day = one.expires.as_ref().map_or("", |day| day.as_str());
                format!("ended on {day}: it holds for none of {count} findings")
            }
            (Standing::TooLong, count) => {
                format!("ends later than the policy lets it: it holds for none of {count} findings")
            }
            (Standing::Unjustified, count) => {
                format!("has no reason or no end: it holds for none of {count} findings")
            }
        };
        let name = &one.target.id_text;
        let line = format!("{}:{}: {name} {what}", one.file, one.line);
        let _ = writeln!(out, "{}", escape_line(&line));
    }
    let counts = counts(verdict);
    let _ = writeln!(
        out,
        "{}: {} denied, {} warned, {} passed, {} set aside, by {} scanners",
        match (shape.decided, verdict.passes) {
            (false, _) => "undecided",
            (true, true) => "passes",
            (true, false) => "fails",
        },
        counts.denied,
        counts.warned,
        counts.passed,
        counts.suppressed,
        report.scanners.len()
    );
    // GitHub's runner takes `##[error]` for a command wherever it stands in a line.
    out.replace("##[", "## [")
}

fn write_finding(
    out: &mut String,
    finding: &Finding<'_>,
    decision: &Decision,
    shape: &Shape<'_>,
    is_looked_at: bool,
) {
    let place = match (
        finding.path(),
        finding.location().and_then(|one| one.region),
    ) {
        (Some(path), Some(region)) => format!("{path}:{}", region.start_line),
        (Some(path), None) => path.to_owned(),
        (None, _) => finding
            .primary()
            .target
            .as_deref()
            .unwrap_or_default()
            .to_owned(),
    };
    let package = finding.package().map_or_else(String::new, |package| {
        let version = package.version.as_deref().unwrap_or("?");
        let fixed = finding.fixed_versions();
        let fix = if fixed.is_empty() {
            String::new()
        } else {
            format!(", fixed in {}", fixed.join(", "))
        };
        format!("  {} {version}{fix}", package.full_name())
    });
    let severity = finding.severity();
    let name = escape_line(finding.name());
    let help = finding.primary().rule.help_uri.as_deref();
    let name = match help.filter(|url| shape.links && is_link(url)) {
        Some(url) => format!("\x1b]8;;{url}\x1b\\{name}\x1b]8;;\x1b\\"),
        None => name,
    };
    let rest = escape_line(&format!("{package}  {place}"));
    let _ = writeln!(out, "  {severity:<8}  {name}{rest}");
    let message = shown_message(finding);
    let first = message.lines().next().unwrap_or_default();
    for line in wrapped(&escape_line(first), shape.width) {
        let _ = writeln!(out, "            {line}");
    }
    if let Some(excerpt) = shape.excerpts.of(finding).filter(|_| is_looked_at) {
        write_excerpt(out, &excerpt, shape.width);
    }
    let by = finding.scanners().join(", ");
    let why = format!("{}  by {by}  {}", decision.rule, finding.identity);
    let _ = writeln!(out, "            {}", escape_line(&why));
}

/// Whether a terminal may be told to open it: an address, and nothing that could end the link.
fn is_link(url: &str) -> bool {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    is_web && url.bytes().all(|byte| (b'!'..=b'~').contains(&byte))
}

/// A text in lines that fit behind the margin, broken between words.
fn wrapped(text: &str, width: Option<usize>) -> Vec<String> {
    let most = width.map_or(usize::MAX, |width| width.saturating_sub(MARGIN).max(20));
    let mut lines: Vec<String> = Vec::new();
    let mut room = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        match lines.last_mut() {
            Some(line) if room > length => {
                line.push(' ');
                line.push_str(word);
                room -= length + 1;
            }
            _ => {
                lines.push(word.to_owned());
                room = most.saturating_sub(length);
            }
        }
    }
    lines
}

/// The blanks in front of what is said of a finding.
const MARGIN: usize = 12;

fn write_excerpt(out: &mut String, excerpt: &Excerpt, width: Option<usize>) {
    let number = excerpt.line.to_string();
    let most = width.map_or(usize::MAX, |width| {
        width.saturating_sub(MARGIN + number.len() + 3).max(20)
    });
    let text: String = excerpt.text.chars().take(most).collect();
    let _ = writeln!(out, "            {number} | {text}");
    if let Some(at) = excerpt.at.filter(|at| *at < most) {
        let _ = writeln!(
            out,
            "            {:>width$} | {:>at$}^",
            "",
            "",
            width = number.len()
        );
    }
}

/// The text with styles for a terminal: severities have their colour beside their word.
pub fn coloured(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1024);
    for line in text.split_inclusive('\n') {
        let word = line
            .strip_prefix("  ")
            .and_then(|rest| rest.split(' ').next());
        let style = match word {
            Some("critical" | "high") => AnsiColor::Red.on_default().bold(),
            Some("medium") => AnsiColor::Yellow.on_default().bold(),
            Some("low" | "note") => AnsiColor::Cyan.on_default(),
            _ if line.starts_with("fails: ") || line.starts_with("undecided: ") => {
                AnsiColor::Red.on_default().bold()
            }
            _ if line.starts_with("passes: ") => AnsiColor::Green.on_default().bold(),
            _ => {
                out.push_str(line);
                continue;
            }
        };
        let (start, end) = match word {
            Some(word) => (2, 2 + word.len()),
            None => (0, line.find(':').unwrap_or(0)),
        };
        out.push_str(&format!(
            "{}{style}{}{style:#}{}",
            &line[..start],
            &line[start..end],
            &line[end..]
        ));
    }
    out
}

/// The message without the secret that it may hold.
pub(super) fn shown_message<'f>(finding: &'f Finding<'_>) -> Cow<'f, str> {
    let snippet = finding.location().and_then(|one| one.snippet.as_deref());
    redact(finding.message(), finding.kind() == Kind::Secret, snippet)
}

/// The whole story of one finding.
pub fn explanation(
    finding: &Finding<'_>,
    decision: &Decision,
    suppressions: &[Suppression],
) -> String {
    let mut out = String::new();
    let mut line = |label: &str, text: &str| {
        let _ = writeln!(out, "{label:<12}{}", escape_line(text));
    };
    line(
        "finding",
        &format!("{} ({})", finding.name(), finding.identity),
    );
    line("kind", finding.kind().as_str());
    line("severity", finding.severity().as_str());
    for one in &finding.observations {
        let score = one
            .score
            .map_or_else(String::new, |score| format!(", score {score}"));
        line(
            "reported",
            &format!(
                "by {} as {}: {}{score}",
                one.scanner.name, one.rule.id, one.severity
            ),
        );
    }
    for id in &finding.ids {
        line("known as", id.as_str());
    }
    if let Some(package) = finding.package() {
        line(
            "package",
            &format!("{} ({})", package.purl(true), finding.scope().as_str()),
        );
    }
    for location in finding.locations() {
        let place = location.region.map_or_else(
            || location.path.to_string(),
            |region| format!("{}:{}", location.path, region.start_line),
        );
        line("place", &place);
    }
    if let Some(state) = finding.state {
        line("baseline", state.as_str());
    }
    line("decision", outcome(decision.outcome));
    line("by", &decision.rule);
    if let Some(reason) = decision
        .suppression()
        .and_then(|at| suppressions[at].reason.as_ref())
    {
        line("reason", reason);
    }
    for at in decision.meant.iter().flat_map(|meant| &meant.lapsed) {
        let one = &suppressions[*at];
        line(
            "lapsed",
            &format!("{}:{} does not hold", one.file, one.line),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_break_between_words_and_nothing_is_lost() {
        let text = "it names `Dockerfile.railway`, and there is no such file anywhere below";
        assert_eq!(wrapped(text, None), [text]);
        let lines = wrapped(text, Some(50));
        assert!(
            lines.len() == 2 && lines.iter().all(|line| line.chars().count() <= 38),
            "{lines:?}"
        );
        assert_eq!(lines.join(" "), text);
        assert_eq!(wrapped(&"x".repeat(90), Some(50)).len(), 1);
    }

    #[test]
    fn colours_stand_beside_words() {
        let text = "These fail the gate\n\n  high      a  b:1\n            high and low\nfails: 1 denied\n";
        // A style goes from the escape to the next `m`.
        let coloured = coloured(text);
        let mut parts = coloured.split('\u{1b}');
        let first = parts.next().unwrap_or_default().to_owned();
        let plain = parts.fold(first, |plain, part| {
            plain + part.split_once('m').map_or("", |(_, rest)| rest)
        });
        assert_eq!(plain, text);
        assert!(coloured.matches('\u{1b}').count() >= 4);
    }
}

//! How findings and the score went over time: the history, and its pictures.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of an entry; a change that breaks readers raises it.
pub const VERSION: u32 = 1;

/// How it was at one commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The version of this form.
    pub version: u32,
    /// When it was looked at, in UTC: `2026-01-31T12:00:00Z`.
    pub time: String,
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Findings that nobody set aside, by severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Severities>,
    /// How many of them fail the gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied: Option<u64>,
    /// The score of the audit, from 0 to 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
}

/// Findings by severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Severities {
    /// Critical ones.
    pub critical: u64,
    /// High ones.
    pub high: u64,
    /// Medium ones.
    pub medium: u64,
    /// Low ones.
    pub low: u64,
    /// Notes.
    pub note: u64,
}

impl Severities {
    /// One more of a severity.
    pub fn add(&mut self, word: &str) {
        *match word {
            "critical" => &mut self.critical,
            "high" => &mut self.high,
            "medium" => &mut self.medium,
            "low" => &mut self.low,
            _ => &mut self.note,
        } += 1;
    }
}

/// All entries, the oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// The entries.
    pub entries: Vec<Entry>,
}

/// What got worse between the last two entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Worse {
    /// What: `critical`, `high` or `score`.
    pub what: &'static str,
    /// What it was.
    pub before: String,
    /// What it is.
    pub now: String,
}

impl History {
    /// Reads a history: a JSON object in each line.
    ///
    /// # Errors
    /// The line, from 1, and why it is no entry.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut entries = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim().is_empty() {
                continue;
            }
            let entry: Entry =
                serde_json::from_str(line).map_err(|error| (number, error.to_string()))?;
            if entry.version > VERSION {
                let why = format!(
                    "it is of version {}, and this ci-tool knows {VERSION}",
                    entry.version
                );
                return Err((number, why));
            }
            entries.push(entry);
        }
        let mut history = Self { entries };
        history.sort();
        Ok(history)
    }

    fn sort(&mut self) {
        // Times in one form sort as texts.
        self.entries.sort_by(|one, other| one.time.cmp(&other.time));
    }

    /// The text of it.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for entry in &self.entries {
            // Nothing in it has keys that are no texts.
            out.push_str(&serde_json::to_string(entry).unwrap_or_default());
            out.push('\n');
        }
        out
    }

    /// Adds an entry. A commit is there once: what is new of it takes the place of what was.
    pub fn add(&mut self, entry: Entry) {
        let same = self
            .entries
            .iter_mut()
            .find(|one| one.commit.is_some() && one.commit == entry.commit);
        match same {
            Some(one) => {
                one.findings = entry.findings.or(one.findings);
                one.denied = entry.denied.or(one.denied);
                one.score = entry.score.or(one.score);
            }
            None => self.entries.push(entry),
        }
        self.sort();
    }

    /// What two histories know.
    pub fn join(&mut self, other: Self) {
        for entry in other.entries {
            if !self.entries.contains(&entry) {
                self.add(entry);
            }
        }
    }

    /// What got worse at last: more that is critical or high, or a lower score.
    pub fn worse(&self) -> Vec<Worse> {
        fn last_two<T>(entries: &[Entry], of: impl Fn(&Entry) -> Option<T>) -> Option<(T, T)> {
            let mut values = entries.iter().rev().filter_map(of);
            let now = values.next()?;
            Some((values.next()?, now))
        }
        let mut worse = Vec::new();
        if let Some((before, now)) = last_two(&self.entries, |one| one.findings) {
            for (what, before, now) in [
                ("critical", before.critical, now.critical),
                ("high", before.high, now.high),
            ] {
                if now > before {
                    worse.push(Worse {
                        what,
                        before: before.to_string(),
                        now: now.to_string(),
                    });
                }
            }
        }
        if let Some((before, now)) = last_two(&self.entries, |one| one.score)
            && now < before
        {
            worse.push(Worse {
                what: "score",
                before: format!("{before:.2}"),
                now: format!("{now:.2}"),
            });
        }
        worse
    }

    /// The last entries.
    pub fn last(&self, most: usize) -> &[Entry] {
        &self.entries[self.entries.len().saturating_sub(most)..]
    }
}

/// What is drawn: its name, its colour, and where it is counted.
type Series = (&'static str, &'static str, fn(&Severities) -> u64);

const SERIES: [Series; 4] = [
    ("critical", "#8e0b0b", |one| one.critical),
    ("high", "#c2410c", |one| one.high),
    ("medium", "#8a6d00", |one| one.medium),
    ("low", "#1565c0", |one| one.low),
];

/// A table with a small picture for each series.
pub fn text(history: &History, most: usize) -> String {
    let entries = history.last(most);
    if entries.is_empty() {
        return "no entries yet: `ci-tool trend --add FILE` adds a verdict or a score\n".to_owned();
    }
    let mut out = String::new();
    for (name, _, of) in SERIES {
        let values: Vec<f64> = entries
            .iter()
            .filter_map(|one| one.findings.as_ref().map(|all| of(all) as f64))
            .collect();
        if !values.is_empty() {
            let _ = writeln!(
                out,
                "{name:<9} {} {}",
                sparks(&values),
                values[values.len() - 1]
            );
        }
    }
    let scores: Vec<f64> = entries.iter().filter_map(|one| one.score).collect();
    if let Some(last) = scores.last() {
        let _ = writeln!(out, "{:<9} {} {last:.2}", "score", sparks(&scores));
    }
    out.push_str("\ntime                  commit   critical  high  medium   low  denied  score\n");
    for one in entries {
        let _ = writeln!(out, "{}", row(one, "  "));
    }
    out
}

/// The same for a job summary or a comment.
pub fn markdown(history: &History, most: usize) -> String {
    let mut out = String::from(
        "| time | commit | critical | high | medium | low | denied | score |\n|---|---|---:|---:|---:|---:|---:|---:|\n",
    );
    for one in history.last(most) {
        let cells = cells(one);
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    out
}

/// The rows of a table of HTML.
pub(super) fn rows(history: &History, most: usize) -> String {
    let mut out = String::new();
    for one in history.last(most) {
        let cells: Vec<String> = cells(one)
            .iter()
            .map(|cell| format!("<td>{cell}</td>"))
            .collect();
        let _ = writeln!(out, "<tr>{}</tr>", cells.concat());
    }
    out
}

fn cells(one: &Entry) -> [String; 8] {
    // A history is a file that anybody can write: only what a time and a commit can hold.
    let plain = |text: &str, most: usize| -> String {
        let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.');
        text.chars().filter(fits).take(most).collect()
    };
    let count = |of: fn(&Severities) -> u64| {
        one.findings
            .as_ref()
            .map_or_else(|| "-".to_owned(), |all| of(all).to_string())
    };
    [
        plain(&one.time, 20),
        plain(one.commit.as_deref().unwrap_or("-"), 7),
        count(|all| all.critical),
        count(|all| all.high),
        count(|all| all.medium),
        count(|all| all.low),
        one.denied
            .map_or_else(|| "-".to_owned(), |count| count.to_string()),
        one.score
            .map_or_else(|| "-".to_owned(), |score| format!("{score:.2}")),
    ]
}

fn row(one: &Entry, gap: &str) -> String {
    let widths = [20, 7, 8, 4, 6, 4, 6, 5];
    let cells = cells(one);
    let parts: Vec<String> = cells
        .iter()
        .zip(widths)
        .enumerate()
        .map(|(at, (cell, width))| match at {
            0 | 1 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        })
        .collect();
    parts.join(gap)
}

fn sparks(values: &[f64]) -> String {
    const SIGNS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = values.iter().copied().fold(0.0, f64::max);
    let sign = |value: f64| {
        let part = if most > 0.0 { value / most } else { 0.0 };
        SIGNS[((part * 7.0).round() as usize).min(7)]
    };
    values.iter().map(|value| sign(*value)).collect()
}

/// Findings and the score as lines over the entries.
pub fn svg(history: &History, most: usize) -> String {
    let entries = history.last(most);
    let counts: Vec<(usize, Severities)> = entries
        .iter()
        .enumerate()
        .filter_map(|(at, one)| Some((at, one.findings?)))
        .collect();
    let scores: Vec<(usize, f64)> = entries
        .iter()
        .enumerate()
        .filter_map(|(at, one)| Some((at, one.score?)))
        .collect();
    let top = counts
        .iter()
        .flat_map(|(_, all)| SERIES.iter().map(|(_, _, of)| of(all)))
        .max()
        .unwrap_or(0);
    let last = entries.len().saturating_sub(1).max(1) as f64;
    let x = |at: usize| 60.0 + 480.0 * at as f64 / last;
    let mut out = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 260\" role=\"img\" aria-label=\"findings and score over time\"><title>findings and score over time</title><rect width=\"640\" height=\"260\" fill=\"#fff\"/>\n",
    );
    let mut frame = |y: f64, height: f64, title: &str, most: &str| {
        let _ = writeln!(
            out,
            "<text x=\"60\" y=\"{:.0}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">{title}</text><path d=\"M60 {y:.0}V{:.0}H540\" fill=\"none\" stroke=\"#888\"/><text x=\"52\" y=\"{:.0}\" font-family=\"sans-serif\" font-size=\"10\" fill=\"#222\" text-anchor=\"end\">{most}</text><text x=\"52\" y=\"{:.0}\" font-family=\"sans-serif\" font-size=\"10\" fill=\"#222\" text-anchor=\"end\">0</text>",
            y - 6.0,
            y + height,
            y + 8.0,
            y + height
        );
    };
    frame(24.0, 120.0, "findings", &top.to_string());
    frame(180.0, 60.0, "score", "10");
    // The names beside the ends of the lines keep off each other, from the lowest up.
    let mut names: Vec<(f64, &str, &str)> = Vec::new();
    let mut line = |points: &[(f64, f64)], colour: &'static str, name: &'static str| {
        let Some((_, end)) = points.last() else {
            return;
        };
        names.push((*end, colour, name));
        let path: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
    };
    for (name, colour, of) in SERIES {
        let y = |count: u64| 144.0 - 120.0 * count as f64 / top.max(1) as f64;
        let points: Vec<(f64, f64)> = counts
            .iter()
            .map(|(at, all)| (x(*at), y(of(all))))
            .collect();
        line(&points, colour, name);
    }
    let points: Vec<(f64, f64)> = scores
        .iter()
        .map(|(at, score)| (x(*at), 240.0 - 6.0 * score.clamp(0.0, 10.0)))
        .collect();
    line(&points, "#2e7d32", "score");
    names.sort_by(|one, other| other.0.total_cmp(&one.0));
    let mut above = f64::INFINITY;
    for (y, colour, name) in names {
        above = y.min(above - 11.0);
        let _ = writeln!(
            out,
            "<text x=\"548\" y=\"{:.1}\" font-family=\"sans-serif\" font-size=\"10\" fill=\"{colour}\">{name}</text>",
            above + 3.0
        );
    }
    out.push_str("</svg>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(time: &str, commit: Option<&str>, high: u64, score: Option<f64>) -> Entry {
        Entry {
            version: VERSION,
            time: time.to_owned(),
            commit: commit.map(str::to_owned),
            findings: Some(Severities {
                high,
                ..Severities::default()
            }),
            denied: Some(high),
            score,
        }
    }

    #[test]
    fn a_commit_is_there_once_and_times_are_in_order() {
        let mut history = History::default();
        history.add(entry("2026-02-01T00:00:00Z", Some("b"), 2, None));
        history.add(entry("2026-01-01T00:00:00Z", Some("a"), 1, Some(5.0)));
        let mut again = entry("2026-03-01T00:00:00Z", Some("b"), 3, Some(4.0));
        again.denied = None;
        history.add(again);
        history.add(entry("2026-03-01T00:00:00Z", None, 3, None));
        history.add(entry("2026-03-01T00:00:00Z", None, 3, None));
        let commits: Vec<Option<&str>> = history
            .entries
            .iter()
            .map(|one| one.commit.as_deref())
            .collect();
        assert_eq!(commits, [Some("a"), Some("b"), None, None]);
        let b = &history.entries[1];
        assert_eq!(
            (b.findings.expect("counts").high, b.denied, b.score),
            (3, Some(2), Some(4.0))
        );
        assert_eq!(History::parse(&history.text()), Ok(history));
    }

    #[test]
    fn what_got_worse_is_told() {
        let mut history = History::default();
        history.add(entry("2026-01-01T00:00:00Z", Some("a"), 1, Some(5.0)));
        assert!(history.worse().is_empty());
        history.add(entry("2026-02-01T00:00:00Z", Some("b"), 0, None));
        assert!(history.worse().is_empty());
        history.add(entry("2026-03-01T00:00:00Z", Some("c"), 2, Some(4.5)));
        let worse: Vec<(&str, String)> = history
            .worse()
            .into_iter()
            .map(|one| (one.what, one.before))
            .collect();
        assert_eq!(
            worse,
            [("high", "0".to_owned()), ("score", "5.00".to_owned())]
        );
    }

    #[test]
    fn what_is_no_history_names_its_line() {
        let good = entry("2026-01-01T00:00:00Z", None, 1, None);
        let text = History {
            entries: vec![good],
        }
        .text();
        assert_eq!(
            History::parse(&format!("{text}\n{{\n"))
                .expect_err("no JSON")
                .0,
            3
        );
        let newer = text.replace("\"version\":1", "\"version\":9");
        assert!(
            History::parse(&newer)
                .expect_err("newer")
                .1
                .contains("version 9")
        );
    }

    #[test]
    fn a_history_that_somebody_else_wrote_is_no_markup() {
        let mut history = History::default();
        history.add(entry("<b>|2026", Some("`x`\u{1b}|</td>"), 1, Some(99.0)));
        for text in [text(&history, 9), markdown(&history, 9), rows(&history, 9)] {
            assert!(
                !text.contains("<b>") && !text.contains('`') && !text.contains('\u{1b}'),
                "{text}"
            );
        }
        assert!(
            svg(&history, 9).contains("180.0"),
            "a score stays in its frame"
        );
        assert!(svg(&History::default(), 9).ends_with("</svg>\n"));
    }
}

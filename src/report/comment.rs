//! The one comment on a pull request that says how its findings stand, and remembers them, so
//! that the next run can say what is new and what is gone.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::verdict::{self, Told};
use crate::policy::Outcome;

/// GitHub takes 65,536 characters; what is longer is told with shorter lists.
const MAX_CHARACTERS: usize = 60_000;

/// So many findings are remembered; with more, nothing is said of what is new.
const MAX_REMEMBERED: usize = 1_500;

/// How many rows of what fails and of what is worth a look there are, the first that fits.
const ROWS: [(usize, usize); 4] = [(50, 20), (20, 5), (5, 0), (0, 0)];

/// What a comment is about.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// What tells it from other comments of ours: `scan/ci-tool`.
    pub key: &'a str,
    /// The commit, and where it is shown.
    pub commit: &'a str,
    /// Where the run is shown, where it is.
    pub run_url: Option<&'a str>,
    /// The number of the run; later ones have higher numbers.
    pub run: u64,
}

/// What an earlier comment remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The run that wrote it.
    pub run: u64,
    /// The findings that were there, unless they were too many.
    pub findings: Option<BTreeSet<String>>,
}

/// How every comment with this key begins.
pub fn mark(key: &str) -> String {
    format!("<!-- ci-tool {} ", key.replace("--", "-\u{2010}"))
}

/// What a comment remembers, where it is ours.
pub fn remembered(key: &str, body: &str) -> Option<Remembered> {
    let rest = body.strip_prefix(&mark(key))?;
    let (head, _) = rest.split_once(" -->")?;
    let mut words = head.split(' ');
    let run = words.next()?.strip_prefix("run=")?.parse().ok()?;
    let is_id = |word: &&str| word.len() == 16 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let findings = match words.next()? {
        "many" => None,
        "findings=" => Some(words.filter(is_id).map(str::to_owned).collect()),
        _ => return None,
    };
    Some(Remembered { run, findings })
}

/// The comment. Nothing of a finding is markup in it, so that none can write or end the mark.
pub fn markdown(told: &Told<'_>, about: &About<'_>, before: Option<&Remembered>) -> String {
    let mut text = String::new();
    for rows in ROWS {
        text = written(told, about, before, rows);
        if text.chars().count() <= MAX_CHARACTERS {
            break;
        }
    }
    text
}

fn written(
    told: &Told<'_>,
    about: &About<'_>,
    before: Option<&Remembered>,
    rows: (usize, usize),
) -> String {
    let now = findings(told);
    let mut out = format!("{}run={} ", mark(about.key), about.run);
    match now.len() {
        0..=MAX_REMEMBERED => {
            let all: Vec<&str> = now.iter().map(String::as_str).collect();
            let _ = write!(out, "findings= {}", all.join(" "));
        }
        _ => out.push_str("many"),
    }
    let _ = writeln!(out, " -->\n### {}\n", verdict::headline(told));
    let mut parts: Vec<String> = Vec::new();
    if let Some(known) = before.and_then(|before| before.findings.as_ref()) {
        let new = now.difference(known).count();
        let gone = known.difference(&now).count();
        parts.push(format!(
            "Since the last look: {new} new, {gone} gone, {} unchanged",
            now.len() - new
        ));
    }
    if let Some(new) = verdict::new(told.report) {
        parts.push(format!("{new} that the baseline does not have"));
    }
    if parts.is_empty() {
        let counts = verdict::by_severity(told.report, told.verdict);
        let counts = counts.into_iter().filter(|(_, count)| *count > 0);
        let counts: Vec<String> = counts
            .map(|(word, count)| format!("{count} {word}"))
            .collect();
        parts.push(match counts.is_empty() {
            true => "Nothing found".to_owned(),
            false => counts.join(", "),
        });
    }
    let commit: String = about.commit.chars().take(12).collect();
    let commit = verdict::plain(&commit);
    let run = match about.run_url {
        Some(url) => format!("[{commit}]({url})"),
        None => commit,
    };
    let _ = writeln!(out, "{}. Looked at {run}.", parts.join("; "));

    let mut details = String::new();
    let is_well = told.is_complete && told.verdict.passes;
    let failing = "These fail the gate";
    match is_well {
        // A budget lets some of them be.
        true => verdict::table(&mut details, told, Outcome::Denied, failing, rows.0),
        false => verdict::table(&mut out, told, Outcome::Denied, failing, rows.0),
    }
    let looked = "These are worth a look";
    verdict::table(&mut details, told, Outcome::Warned, looked, rows.1);
    verdict::scanners(&mut details, told.scanners);
    if !details.is_empty() {
        let _ = writeln!(
            out,
            "\n<details><summary>What else there is</summary>\n{details}\n</details>"
        );
    }
    out
}

/// Whether there is anything that somebody should read.
pub fn is_worth_it(told: &Told<'_>) -> bool {
    let has = |outcome| verdict::decided(told, outcome).next().is_some();
    !told.is_complete || !told.verdict.passes || has(Outcome::Denied) || has(Outcome::Warned)
}

/// The first half of the identities of all that nobody set aside.
fn findings(told: &Told<'_>) -> BTreeSet<String> {
    let pairs = told.report.findings.iter().zip(&told.verdict.decisions);
    let counted = pairs.filter(|(_, decision)| decision.outcome != Outcome::Suppressed);
    counted
        .map(|(finding, _)| finding.identity.to_string().chars().take(16).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ours_remembers_nothing() {
        let id = "0123456789abcdef";
        let body = format!("<!-- ci-tool scan/x run=7 findings= {id} <b> -->\n### y");
        let told = remembered("scan/x", &body).expect("ours");
        assert_eq!(told.run, 7);
        assert_eq!(told.findings, Some(BTreeSet::from([id.to_owned()])));
        let many = remembered("a", "<!-- ci-tool a run=7 many -->").expect("ours");
        assert_eq!(many.findings, None);
        for body in [
            "<!-- ci-tool scan run=7 findings= -->",
            "> <!-- ci-tool scan/x run=7 findings= -->",
            "<!-- ci-tool scan/x run=seven findings= -->",
            "<!-- ci-tool scan/x run=7 findings= ",
            "",
        ] {
            assert_eq!(remembered("scan/x", body), None, "{body}");
        }
        assert!(!mark("a-->b").contains("-->"));
    }
}

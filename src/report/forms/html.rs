//! One page for people: everything in it, nothing from elsewhere, and a policy of its own
//! that lets nothing else run.

use std::io::{self, Write as _};

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use super::{Input, Out};
use crate::audit::score::Score;
use crate::report::findings_json::Finding;
use crate::report::picture::{self, Picture};
use crate::report::scan::State;
use crate::report::trend::History;
use crate::report::{score, trend};
use crate::sys::ui::{escape_line, escape_terminal};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page.
pub(super) fn page(input: &Input<'_>, out: &mut Out<'_>) -> io::Result<()> {
    let title = escape(&headline(input));
    let counts = &input.gate.counts;
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header>\n<h1 class=\"{}\">{title}</h1>\n<p>{} fail the gate, {} are worth a look, {} pass, {} are set aside{}.</p>\n</header>\n<main>\n<form role=\"search\" aria-label=\"Findings\">\n<label>Search <input type=\"search\" id=\"search\" autocomplete=\"off\"></label>\n<label>Severity <select id=\"severity\"></select></label>\n<label>Outcome <select id=\"outcome\"></select></label>\n<label>Kind <select id=\"kind\"></select></label>\n<label>Scanner <select id=\"scanner\"></select></label>\n<label>State <select id=\"state\"></select></label>\n<label>Sort by <select id=\"sort\"><option value=\"\">what decides</option><option value=\"severity\">severity</option><option value=\"place\">place</option><option value=\"name\">name</option></select></label>\n</form>\n<p id=\"count\" role=\"status\"></p>\n<ol id=\"list\"></ol>\n<button type=\"button\" id=\"more\" hidden>Show more</button>\n<noscript><p>The list needs JavaScript, which this page brings with it.</p></noscript>\n{}</main>\n{}<script type=\"application/json\" id=\"data\">",
        hash(STYLE),
        hash(SCRIPT),
        if input.gate.passes && input.told.is_complete {
            "passes"
        } else {
            "fails"
        },
        counts.denied,
        counts.warned,
        counts.passed,
        counts.suppressed,
        match input.gone.len() {
            0 => String::new(),
            gone => format!("; {gone} of the baseline are fixed"),
        },
        input.score.map_or_else(String::new, maturity)
            + &input.history.map_or_else(String::new, past)
            + &planned(input.pictures),
        scanners(input)
    )?;
    data(input, out)?;
    writeln!(
        out,
        "</script>\n<script>{SCRIPT}</script>\n</body>\n</html>"
    )
}

/// How mature the delivery is: the picture, and the same in words.
fn maturity(score: &Score) -> String {
    let mut rows = String::new();
    for one in &score.categories {
        let step = one.next_step.unwrap_or("nothing is missing");
        rows.push_str(&format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>\n",
            escape(one.title),
            one.points,
            escape(step)
        ));
    }
    format!(
        "<section aria-labelledby=\"maturity\">\n<h2 id=\"maturity\">Maturity: {:.2} of 10, level {} of 4</h2>\n<figure>{}</figure>\n<table>\n<thead><tr><th scope=\"col\">category</th><th scope=\"col\">points</th><th scope=\"col\">what would raise it most</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</section>\n",
        score.total,
        score.level,
        score::radar_svg(score)
    )
}

/// How it went before: the picture, and the last of it in numbers.
fn past(history: &History) -> String {
    format!(
        "<section aria-labelledby=\"past\">\n<h2 id=\"past\">How it went</h2>\n<figure>{}</figure>\n<table>\n<thead><tr><th scope=\"col\">time</th><th scope=\"col\">commit</th><th scope=\"col\">critical</th><th scope=\"col\">high</th><th scope=\"col\">medium</th><th scope=\"col\">low</th><th scope=\"col\">fail the gate</th><th scope=\"col\">score</th></tr></thead>\n<tbody>\n{}</tbody>\n</table>\n</section>\n",
        trend::svg(history, 100),
        trend::rows(history, 10)
    )
}

/// What is planned: the pictures, and the same in words.
fn planned(pictures: &[Picture]) -> String {
    let mut out = String::new();
    for (at, picture) in pictures.iter().filter(|one| !one.is_empty()).enumerate() {
        let mut words = String::new();
        for group in &picture.groups {
            words.push_str(&format!("<h3>{}</h3>\n<ul>\n", escape(&group.name)));
            for one in &group.boxes {
                let after = one.after.iter().filter_map(|at| group.boxes.get(*at));
                let after: Vec<String> = after.map(|one| escape(&one.name)).collect();
                let remark = one.remark.as_deref().map(escape);
                words.push_str(&format!(
                    "<li>{}{}{}</li>\n",
                    escape(&one.name),
                    remark.map_or_else(String::new, |remark| format!(": {remark}")),
                    match after.is_empty() {
                        true => String::new(),
                        false => format!(", after {}", after.join(", ")),
                    }
                ));
            }
            words.push_str("</ul>\n");
        }
        out.push_str(&format!(
            "<section aria-labelledby=\"plan{at}\">\n<h2 id=\"plan{at}\">{}</h2>\n<figure class=\"wide\">{}</figure>\n<details>\n<summary>The same in words</summary>\n{words}</details>\n</section>\n",
            escape(&picture.title),
            picture::svg(picture)
        ));
    }
    out
}

fn headline(input: &Input<'_>) -> String {
    match (input.told.is_complete, input.gate.passes) {
        (false, _) => "Undecided: not everything was looked at".to_owned(),
        (true, true) => "These findings may pass".to_owned(),
        (true, false) => "These findings may not pass".to_owned(),
    }
}

/// The findings as lists of texts, in the order of `page.js`.
fn data(input: &Input<'_>, out: &mut Out<'_>) -> io::Result<()> {
    out.write_all(b"[")?;
    let there = input.gate.findings.iter().map(|decided| {
        let finding = &decided.finding;
        let state = finding.state.unwrap_or_default();
        let excerpt = input.excerpts.get(&finding.identity);
        row(finding, (decided.outcome, &decided.rule, state), excerpt)
    });
    let gone = input.gone.iter();
    let gone = gone.map(|finding| row(finding, ("fixed", "", "fixed"), None));
    for (at, row) in there.chain(gone).enumerate() {
        out.write_all(if at > 0 { b",\n" } else { b"" })?;
        // No text of a finding can end the element that holds it, or begin a comment.
        let mut parts = row.split('<');
        out.write_all(parts.next().unwrap_or_default().as_bytes())?;
        for part in parts {
            out.write_all(b"\\u003c")?;
            out.write_all(part.as_bytes())?;
        }
    }
    out.write_all(b"]")
}

/// A finding with its outcome, the rule that decided, and its state.
fn row(
    finding: &Finding<'_>,
    (outcome, rule, state): (&str, &str, &str),
    excerpt: Option<&String>,
) -> String {
    let place = finding.locations.first().map_or_else(
        || finding.target.clone().unwrap_or_default(),
        |place| match place.line {
            Some(line) => format!("{}:{line}", place.path).into(),
            None => place.path.clone(),
        },
    );
    let package = finding
        .package
        .as_ref()
        .map_or_else(String::new, |package| {
            format!(
                "{} {}",
                package.name,
                package.version.as_deref().unwrap_or("?")
            )
        });
    let scanners: Vec<&str> = finding
        .reported_by
        .iter()
        .map(|one| &*one.scanner)
        .collect();
    let row = (
        outcome,
        &finding.severity,
        &finding.kind,
        escape_line(&finding.name),
        escape_line(&place),
        escape_terminal(&finding.message),
        escape_line(&package),
        escape_line(&finding.fixed_versions.join(", ")),
        scanners,
        state,
        escape_line(rule),
        &finding.identity,
        finding.ids.join(", "),
        excerpt.map_or("", String::as_str),
    );
    // Nothing in it has keys.
    serde_json::to_string(&row).unwrap_or_default()
}

/// The scanners that ran, for those who ask who has looked.
fn scanners(input: &Input<'_>) -> String {
    let ran = || {
        let all = input.told.scanners.iter();
        all.filter(|one| one.state != State::Skipped)
    };
    if ran().next().is_none() {
        return String::new();
    }
    let mut out = String::from(
        "<footer>\n<h2>Scanners</h2>\n<table>\n<thead><tr><th scope=\"col\">scanner</th><th scope=\"col\">version</th><th scope=\"col\">findings</th><th scope=\"col\">what became of it</th></tr></thead>\n<tbody>\n",
    );
    for one in ran() {
        let said = match one.state {
            State::Looked => "it looked".to_owned(),
            State::Inconclusive => format!("inconclusive: {}", one.why.join("; ")),
            State::Failed => format!("failed: {}", one.why.join("; ")),
            State::Absent | State::Skipped => format!("not run: {}", one.why.join("; ")),
        };
        out.push_str(&format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            escape(&one.name),
            escape(one.version.as_deref().unwrap_or_default()),
            one.findings,
            escape(&said)
        ));
    }
    out.push_str("</tbody>\n</table>\n</footer>\n");
    out
}

/// What a policy names an inline text by.
fn hash(text: &str) -> String {
    let digest = Sha256::digest(text);
    let text = base64::engine::general_purpose::STANDARD.encode(digest);
    format!("'sha256-{text}'")
}

/// A text as HTML or SVG in one line.
pub(in crate::report) fn escape(text: &str) -> String {
    escape_line(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

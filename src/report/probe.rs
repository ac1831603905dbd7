//! What a probe found, for people: each step with what it turned out to be.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::plan::cell;
use crate::debt::measured::cache_pays;
use crate::probe::{Probe, ProbedJob, ProbedStep, Verdict};
use crate::sys::ui::escape_line;

/// So many lines of what a red step said are shown.
const SHOWN: usize = 6;

/// The word for a verdict, its style, and what more there is to say.
fn words(step: &ProbedStep) -> (&'static str, Style, String) {
    let count = |count: u64| match count {
        1 => "1 complaint".to_owned(),
        count => format!("{count} complaints"),
    };
    match &step.verdict {
        Verdict::Green => ("green", AnsiColor::Green.on_default(), String::new()),
        Verdict::Frozen { debt, complaints } => (
            "frozen",
            AnsiColor::Yellow.on_default(),
            format!(
                "{} in {}/{debt}.toml",
                count(*complaints),
                crate::debt::FOLDER
            ),
        ),
        Verdict::FrozenByTool { file, complaints } => (
            "frozen",
            AnsiColor::Yellow.on_default(),
            format!("{} in {file}, by the tool itself", count(*complaints)),
        ),
        Verdict::Unchanged { debt, complaints } => (
            "as frozen",
            AnsiColor::Yellow.on_default(),
            format!(
                "{} in {}/{debt}.toml",
                count(*complaints),
                crate::debt::FOLDER
            ),
        ),
        Verdict::Changed { debt, comparison } => (
            "changed",
            AnsiColor::Red.on_default(),
            format!(
                "{} new, {} mended since {debt} was frozen: `ci-tool debt --check` tells which",
                comparison.grown.len(),
                comparison.fixed.len()
            ),
        ),
        Verdict::Unproved { why } => ("unproved", AnsiColor::Red.on_default(), why.clone()),
    }
}

/// For a terminal.
pub fn text(probe: &Probe) -> String {
    let (bold, dim) = (Style::new().bold(), Style::new().dimmed());
    let mut out = format!("{bold}What the steps really do{bold:#}\n");
    for job in &probe.jobs {
        let _ = writeln!(
            out,
            "  {}  {dim}installed in {:.0} s{dim:#}",
            escape_line(&job.id),
            job.install_seconds
        );
        for differs in &job.differs {
            let _ = writeln!(out, "      {dim}{}{dim:#}", escape_line(differs));
        }
        if let Some(broken) = &job.broken {
            let red = AnsiColor::Red.on_default();
            let _ = writeln!(out, "    {red}not run{red:#}  {}", escape_line(broken));
        }
        for learned in learned(job) {
            let _ = writeln!(out, "      {}", escape_line(&learned));
        }
        for step in &job.steps {
            let (word, style, more) = words(step);
            let _ = writeln!(
                out,
                "    {style}{word:>9}{style:#}  {}  {dim}{:.1} s{dim:#}  {}",
                escape_line(&step.name),
                step.seconds,
                escape_line(&more)
            );
            if step.flaky {
                let _ = writeln!(out, "               two runs of it differed");
            }
            for reason in &step.reasons {
                let line = format!("{}: {}", reason.why, reason.mend);
                let _ = writeln!(out, "               {}", escape_line(&line));
            }
            if matches!(step.verdict, Verdict::Unproved { .. }) && step.reasons.is_empty() {
                let lines: Vec<&str> = step.said.lines().collect();
                for line in &lines[lines.len().saturating_sub(SHOWN)..] {
                    let _ = writeln!(out, "               {dim}| {}{dim:#}", escape_line(line));
                }
            }
        }
    }
    if probe.jobs.is_empty() {
        out.push_str("  there is no step to run\n");
    }
    for gap in &probe.gaps {
        let _ = writeln!(out, "  {}", escape_line(gap));
    }
    for line in advice(probe) {
        let _ = writeln!(out, "  {}", escape_line(&line));
    }
    out.push('\n');
    out
}

/// For a summary or a pull request.
pub fn markdown(probe: &Probe) -> String {
    let mut out = String::from(
        "### What the steps really do\n\n| job | step | | seconds | |\n|---|---|---|---:|---|\n",
    );
    for job in &probe.jobs {
        if let Some(broken) = &job.broken {
            let _ = writeln!(
                out,
                "| {} | install | **not run** | | {} |",
                cell(&job.id),
                cell(broken)
            );
        }
        for learned in learned(job) {
            let _ = writeln!(out, "| {} | | | | {} |", cell(&job.id), cell(&learned));
        }
        for step in &job.steps {
            let (word, _, more) = words(step);
            let mends: Vec<String> = step
                .reasons
                .iter()
                .map(|reason| format!("{}: {}", reason.why, reason.mend))
                .collect();
            let more: Vec<String> = [vec![more], mends].concat();
            let more: Vec<String> = more.into_iter().filter(|text| !text.is_empty()).collect();
            let _ = writeln!(
                out,
                "| {} | {} | {word} | {:.1} | {} |",
                cell(&job.id),
                cell(&step.name),
                step.seconds,
                cell(&more.join("; "))
            );
        }
    }
    for line in advice(probe) {
        let _ = writeln!(out, "\n{}", cell(&line));
    }
    out.push('\n');
    out
}

/// What a job gets that it had not, in a sentence each.
fn learned(job: &ProbedJob) -> Vec<String> {
    let given = job.learned.iter().map(|(name, value)| {
        format!("`{name}` is asked for, and `{value}` does: its steps get that")
    });
    let cache = job
        .fetched
        .filter(|(seconds, bytes)| !cache_pays(*seconds, *bytes));
    let cache = cache.map(|(seconds, bytes)| {
        let megabytes = bytes / 1_000_000;
        format!("its packages come in {seconds:.0} s ({megabytes} MB): a cache would take as long, and it gets none")
    });
    given.chain(cache).collect()
}

/// What the durations tell.
fn advice(probe: &Probe) -> Vec<String> {
    probe.jobs.iter().filter_map(advice_for).collect()
}

/// A job that takes longer than ten minutes is worth a thought.
fn advice_for(job: &ProbedJob) -> Option<String> {
    const LONG: f64 = 600.0;
    let steps: f64 = job.steps.iter().map(|step| step.seconds).sum();
    let longest = job
        .steps
        .iter()
        .max_by(|a, b| a.seconds.total_cmp(&b.seconds))?;
    (steps + job.install_seconds > LONG).then(|| {
        format!(
            "{} takes {:.0} minutes here, {:.0} of them in \"{}\": split that step over several jobs, or run it in parallel",
            job.id,
            (steps + job.install_seconds) / 60.0,
            longest.seconds / 60.0,
            longest.name
        )
    })
}

//! `scan`, `audit` and `gate` in the container action: inputs become their flags; the
//! verdict becomes outputs, a summary and annotations.

use std::path::Path;

use anyhow::Result;

use super::{check_run, comment, list, output, parse, path, suggestions, summary};
use crate::actions::{escape, inputs};
use crate::commands::gate::{Coverage, Judged, MAX_FILES};
use crate::commands::proposal::Outcome;
use crate::commands::sarif::{numbered, put};
use crate::commands::upload::{self, When};
use crate::commands::{audit, gate, scan};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::report::verdict::{self, Told};

/// Scans.
pub(super) fn scan(context: &Context, annotations: &mut Vec<String>) -> Result<Exit> {
    let mut args: scan::Args = parse(context, &[path(context)])?;
    // A job begins with an empty machine.
    args.install = !args.offline;
    // Unasked, as well as that goes: the verdict is the same without.
    args.judging.upload = match inputs::input(&context.env, "upload") {
        None => Some(When::Auto),
        Some(_) => args.judging.upload,
    };
    scan::carry_out(&args, context, &mut |judged, coverage| {
        show(judged, coverage, context, annotations)
    })
}

/// Audits.
pub(super) fn audit(context: &Context, annotations: &mut Vec<String>) -> Result<Exit> {
    let args: audit::Args = parse(context, &[path(context)])?;
    let mut refused = None;
    let exit = audit::carry_out(
        &args,
        context,
        &mut |judged, coverage| show(judged, coverage, context, annotations),
        &mut |branch, outcome| {
            if matches!(outcome, Outcome::Theirs { .. }) {
                refused = Some(outcome.sentence(branch));
            }
            output(context, "pull-request", outcome.url())
        },
    )?;
    annotations.extend(refused.map(|why| format!("::error::{}", escape::data(&why))));
    suggestions::suggest(&args, context)?;
    Ok(exit)
}

/// Judges SARIF files that the input `files` names.
pub(super) fn gate(context: &Context, annotations: &mut Vec<String>) -> Result<Exit> {
    let files = list(context, "files");
    if files.is_empty() {
        return Err(no_files());
    }
    let mut args: gate::Args = parse(context, &files)?;
    args.place.repository = path(context).into();
    gate::carry_out(&args, context, &mut |judged, coverage| {
        show(judged, coverage, context, annotations)
    })
}

/// Uploads SARIF files that the input `files` names.
pub(super) fn upload(context: &Context) -> Result<Exit> {
    let files = list(context, "files");
    if files.is_empty() {
        return Err(no_files());
    }
    let mut args: upload::Args = parse(context, &files)?;
    args.place.repository = path(context).into();
    upload::run(&args, context)
}

fn no_files() -> anyhow::Error {
    Failure::usage("the input `files` names no SARIF file")
        .hint("one a line, or separated by commas, relative to the workspace")
        .into()
}

/// What the runner and people read of a verdict.
fn show(
    judged: &Judged<'_>,
    coverage: &Coverage<'_>,
    context: &Context,
    annotations: &mut Vec<String>,
) -> Result<()> {
    let folder = path(context);
    let folder = folder.trim_start_matches("./").trim_matches('/');
    let files_url = files_url(context);
    let told = Told {
        report: &judged.report,
        verdict: &judged.verdict,
        scanners: coverage.scanners,
        is_complete: coverage.is_complete,
        folder: if folder == "." { "" } else { folder },
        files_url: files_url.as_deref(),
    };
    let counts = verdict::by_severity(&judged.report, &judged.verdict);
    let findings: usize = counts.values().sum();
    output(context, "findings", &findings.to_string())?;
    output(context, "counts", &serde_json::to_string(&counts)?)?;
    let (mut new, mut fixed) = (String::new(), String::new());
    if let Some(gone) = &judged.gone {
        let count = verdict::new(&judged.report).unwrap_or(0);
        (new, fixed) = (count.to_string(), gone.count.to_string());
    }
    output(context, "new", &new)?;
    output(context, "fixed", &fixed)?;
    let reports = list(context, "report");
    let written: Vec<&str> = reports
        .iter()
        .filter_map(|one| Some(one.split_once('=')?.1))
        .collect();
    output(context, "reports", &serde_json::to_string(&written)?)?;
    if let Some(file) = inputs::input(&context.env, "sarif") {
        let mut written = Vec::new();
        let category = inputs::input(&context.env, "category").unwrap_or("ci-tool");
        for (at, text) in judged.sarif(category, MAX_FILES)?.iter().enumerate() {
            let file = numbered(Path::new(file), at);
            put(&file, text)?;
            written.push(file.display().to_string());
        }
        output(context, "sarif", &serde_json::to_string(&written)?)?;
    }
    summary(context, &verdict::markdown(&told))?;
    comment::tell(&told, context)?;
    check_run::tell(&told, context)?;
    annotations.extend(
        verdict::annotations(&told, verdict::SHOWN_IN_A_LOG)
            .iter()
            .map(|one| {
                let level = if one.is_error { "error" } else { "warning" };
                escape::annotation(
                    level,
                    one.file.as_deref(),
                    one.line,
                    &one.title,
                    &one.message,
                )
            }),
    );
    Ok(())
}

/// Where GitHub shows the files of this commit.
fn files_url(context: &Context) -> Option<String> {
    let env = &context.env;
    let (server, name) = (env.get("GITHUB_SERVER_URL")?, env.get("GITHUB_REPOSITORY")?);
    let commit = env.get("GITHUB_SHA")?;
    Some(format!("{server}/{name}/blob/{commit}/"))
}

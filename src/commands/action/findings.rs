//! `scan`, `audit` and `gate` in the container action: inputs become their flags; the
//! verdict becomes outputs, a summary and annotations.

use std::path::Path;

use anyhow::{Context as _, Result};
use clap::ArgAction;

use super::{output, path};
use crate::actions::{escape, inputs, outputs};
use crate::commands::gate::{Coverage, Judged, MAX_FILES};
use crate::commands::sarif::{numbered, put};
use crate::commands::{audit, gate, scan};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::report::verdict::{self, Told};

/// Scans.
pub(super) fn scan(context: &Context, annotations: &mut Vec<String>) -> Result<Exit> {
    let args: scan::Args = parse(context, &[path(context)])?;
    scan::carry_out(&args, context, &mut |judged, coverage| {
        show(judged, coverage, context, annotations)
    })
}

/// Audits.
pub(super) fn audit(context: &Context, annotations: &mut Vec<String>) -> Result<Exit> {
    let args: audit::Args = parse(context, &[path(context)])?;
    audit::carry_out(&args, context, &mut |judged, coverage| {
        show(judged, coverage, context, annotations)
    })
}

/// Judges SARIF files that the input `files` names.
pub(super) fn gate(context: &Context, annotations: &mut Vec<String>) -> Result<Exit> {
    let files = inputs::input(&context.env, "files").unwrap_or_default();
    let files: Vec<String> = files
        .split(['\n', ','])
        .map(str::trim)
        .filter(|file| !file.is_empty())
        .map(str::to_owned)
        .collect();
    if files.is_empty() {
        return Err(Failure::usage("the input `files` names no SARIF file")
            .hint("one a line, or separated by commas, relative to the workspace")
            .into());
    }
    let mut args: gate::Args = parse(context, &files)?;
    args.place.repository = path(context).into();
    gate::carry_out(&args, context, &mut |judged, coverage| {
        show(judged, coverage, context, annotations)
    })
}

/// The arguments of a command from the inputs that are named as its flags are.
///
/// # Errors
/// As the command line would say it.
pub(super) fn parse<A: clap::Args>(context: &Context, positional: &[String]) -> Result<A> {
    let command = A::augment_args(clap::Command::new("action").no_binary_name(true));
    let mut arguments = Vec::new();
    for argument in command.get_arguments() {
        let Some(name) = argument.get_long() else {
            continue;
        };
        let Some(value) = inputs::input(&context.env, name) else {
            continue;
        };
        let takes_none = argument
            .get_num_args()
            .is_some_and(|count| count.min_values() == 0);
        match argument.get_action() {
            ArgAction::SetTrue => {
                if inputs::flag(&context.env, name).map_err(Failure::usage)? {
                    arguments.push(format!("--{name}"));
                }
            }
            // `fix: true` means all rules, as `--fix` alone does.
            _ if takes_none && matches!(value, "true" | "false") => {
                if value == "true" {
                    arguments.push(format!("--{name}"));
                }
            }
            ArgAction::Append => {
                let each = value.split(['\n', ',']).map(str::trim);
                let each = each.filter(|one| !one.is_empty());
                arguments.extend(each.map(|one| format!("--{name}={one}")));
            }
            // In one argument, so that no value is taken for a flag.
            _ => arguments.push(format!("--{name}={value}")),
        }
    }
    arguments.push("--".to_owned());
    arguments.extend_from_slice(positional);
    command
        .try_get_matches_from(arguments)
        .and_then(|matches| A::from_arg_matches(&matches))
        .map_err(|error| {
            let said = error.to_string();
            let said = said.trim_start_matches("error: ");
            let first = said.split("\n\n").next().unwrap_or_default();
            Failure::usage(first.replace("\n  ", " "))
                .hint("the inputs are those of action.yml; each is the flag of the same name")
                .into()
        })
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
    let new = verdict::new(&judged.report).map_or_else(String::new, |new| new.to_string());
    output(context, "new", &new)?;
    if let Some(file) = inputs::input(&context.env, "sarif") {
        let mut written = Vec::new();
        for (at, text) in judged.sarif(MAX_FILES)?.iter().enumerate() {
            let file = numbered(Path::new(file), at);
            put(&file, text)?;
            written.push(file.display().to_string());
        }
        output(context, "sarif", &serde_json::to_string(&written)?)?;
    }
    if let Some(file) = context.env.path("GITHUB_STEP_SUMMARY") {
        outputs::summary(&file, &verdict::markdown(&told))
            .with_context(|| format!("cannot write the job summary {}", file.display()))?;
    }
    annotations.extend(verdict::annotations(&told).iter().map(|one| {
        let level = if one.is_error { "error" } else { "warning" };
        escape::annotation(
            level,
            one.file.as_deref(),
            one.line,
            &one.title,
            &one.message,
        )
    }));
    Ok(())
}

/// Where GitHub shows the files of this commit.
fn files_url(context: &Context) -> Option<String> {
    let env = &context.env;
    let (server, name) = (env.get("GITHUB_SERVER_URL")?, env.get("GITHUB_REPOSITORY")?);
    let commit = env.get("GITHUB_SHA")?;
    Some(format!("{server}/{name}/blob/{commit}/"))
}

//! `debt` in the container action: what a job recorded, compared with what is frozen.

use anyhow::Result;

use super::{output, parse, path, summary};
use crate::actions::escape;
use crate::commands::debt;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::report;
use crate::report::debt::{Check, Listed};

/// So many complaints become annotations; GitHub shows ten of a step.
const ANNOTATED: usize = 10;

/// Compares, where there are records, and lists otherwise.
pub(super) fn debt(context: &Context, annotations: &mut Vec<String>) -> Result<Exit> {
    let args: debt::Args = parse(context, &[path(context)])?;
    if args.check && args.records.is_none() {
        // The container has none of the project's tools.
        return Err(
            Failure::usage("the input `check` runs steps, which this container cannot")
                .hint("let the job record them, as generated workflows do, and name the folder in `records`")
                .into(),
        );
    }
    let (debts, exit) = debt::carry_out(&args, context)?;
    context.ui.result(&debt::render(&debts, args.format)?)?;
    output(context, "plan", report::json(&debts)?.trim_end())?;
    summary(context, &report::debt::markdown(&debts))?;
    let told = debts.debts.iter().flat_map(annotate);
    annotations.extend(told.take(ANNOTATED));
    Ok(exit)
}

/// What is wrong with a debt, each where it is.
fn annotate(one: &Listed) -> Vec<String> {
    let at = |line: u64, told: &str| escape::error(&one.file, line as usize, told);
    match &one.check {
        None | Some(Check::Unchanged | Check::LeftOut) => Vec::new(),
        Some(Check::Stale) => vec![at(1, "there is no such step any more: delete this file")],
        Some(Check::Unproved { why }) => vec![at(1, why)],
        Some(Check::Changed { comparison }) => {
            let grown = comparison.grown.iter().flat_map(|change| {
                let new = change.now - change.frozen;
                // Which of several is the new one nobody knows; the last ones are named.
                let places = change.places.iter().rev().take(new as usize);
                places.map(|place| {
                    let file = crate::project::path::join(&one.directory, &place.path);
                    let told = format!("{}: {}", change.what, place.message);
                    if place.path.is_empty() {
                        at(1, &told)
                    } else {
                        escape::error(&file, place.line.max(1) as usize, &told)
                    }
                })
            });
            let fixed = comparison.fixed.iter().map(|change| {
                let told = format!(
                    "{} is mended: take it out (`ci-tool debt --prune`)",
                    change.what
                );
                at(1, &told)
            });
            grown.chain(fixed).collect()
        }
    }
}

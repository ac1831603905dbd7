//! The check on the commit that a job is for, with remarks at more lines than a log may show.

use std::time::Duration;

use anyhow::Result;

use super::comment::hint;
use crate::actions::event::{self, Event};
use crate::actions::inputs;
use crate::context::Context;
use crate::error::Failure;
use crate::forge::github::{CheckRun, GitHub, Output, PER_REQUEST, Remark};
use crate::forge::http::Patience;
use crate::forge::{self, Error};
use crate::report::check_run::{self, Shown};
use crate::report::verdict::{Annotation, Told};
use crate::sys::ui::escape_line;

/// GitHub takes titles of 255 characters, and messages of 64 KiB.
const TITLE: usize = 255;
const MESSAGE: usize = 15_000;

/// Writes the check, where the input `check-run` asks for one. Where GitHub does not take it,
/// that is told and changes no verdict.
///
/// # Errors
/// Where the input is no yes or no.
pub(super) fn tell(told: &Told<'_>, context: &Context) -> Result<()> {
    let env = &context.env;
    if !inputs::flag(env, "check-run").map_err(Failure::usage)? {
        return Ok(());
    }
    let event = Event::of(env);
    let slug = env
        .get("GITHUB_REPOSITORY")
        .and_then(|slug| slug.split_once('/'));
    let pushed = event.pull_request.as_ref().map(|pull| &*pull.head.sha);
    let commit = pushed.or_else(|| env.get("GITHUB_SHA"));
    let Some((slug, commit)) = slug.zip(commit) else {
        context.ui.remark("no check: this job is for no commit");
        return Ok(());
    };
    let patience = Patience {
        longest_wait: Duration::from_secs(30),
        ..Patience::default()
    };
    let shown = check_run::shown(told);
    let written = GitHub::new(env, patience)
        .and_then(|github| forge::converse(write(&github, slug, commit, &shown, context)));
    if let Err(error) = written {
        let text = format!("no check, or not all of it: {error}");
        context.ui.warning(&escape_line(&text));
        context.ui.hint(&hint(&error, &event, env, "checks"));
    }
    Ok(())
}

async fn write(
    github: &GitHub,
    slug: (&str, &str),
    commit: &str,
    shown: &Shown,
    context: &Context,
) -> Result<(), Error> {
    let env = &context.env;
    let command = inputs::input(env, "command").unwrap_or("scan");
    let name = match inputs::input(env, "category") {
        Some(category) => format!("ci-tool {command} ({})", escape_line(category)),
        None => format!("ci-tool {command}"),
    };
    let details = event::run_url(env);
    let remarks: Vec<Remark> = shown.places.iter().filter_map(remark).collect();
    let mut parts = remarks.chunks(PER_REQUEST);
    let output = |annotations| Output {
        title: &shown.title,
        summary: &shown.summary,
        annotations,
    };
    let run = CheckRun {
        name: &name,
        head_sha: commit,
        details_url: details.as_deref(),
        status: "completed",
        conclusion: if shown.passes { "success" } else { "failure" },
        output: output(parts.next().unwrap_or_default()),
    };
    let id = github.create_check_run(slug, &run).await?;
    for part in parts {
        github.add_remarks(slug, id, output(part)).await?;
    }
    Ok(())
}

fn remark(place: &Annotation) -> Option<Remark> {
    let cut = |text: &str, most: usize| text.chars().take(most).collect();
    Some(Remark {
        path: place.file.clone()?,
        start_line: place.line,
        end_line: place.line,
        annotation_level: if place.is_error { "failure" } else { "warning" },
        title: cut(&place.title, TITLE),
        message: cut(&place.message, MESSAGE),
    })
}

//! The comment on the pull request that a job is for: one, which each run brings up to date.

use std::time::Duration;

use anyhow::Result;

use crate::actions::event::{self, Event, PullRequest};
use crate::actions::inputs;
use crate::context::Context;
use crate::error::Failure;
use crate::forge::github::{Comment, GitHub};
use crate::forge::http::Patience;
use crate::forge::{self, Error};
use crate::report::comment::{self, About};
use crate::report::verdict::Told;
use crate::sys::env::Env;
use crate::sys::ui::escape_line;

/// Writes the comment, where the input `comment` asks for one and the job is for a pull request.
/// Where GitHub does not take it, that is told and changes no verdict.
///
/// # Errors
/// Where the input is no yes or no.
pub(super) fn tell(told: &Told<'_>, context: &Context) -> Result<()> {
    let env = &context.env;
    if !inputs::flag(env, "comment").map_err(Failure::usage)? {
        return Ok(());
    }
    let event = Event::of(env);
    let slug = env
        .get("GITHUB_REPOSITORY")
        .and_then(|slug| slug.split_once('/'));
    let (Some(request), Some(slug)) = (&event.pull_request, slug) else {
        context
            .ui
            .remark("no comment: this job is for no pull request");
        return Ok(());
    };
    let patience = Patience {
        longest_wait: Duration::from_secs(30),
        ..Patience::default()
    };
    let written = GitHub::new(env, patience)
        .and_then(|github| forge::converse(write(&github, slug, request, told, context)));
    if let Err(error) = written {
        context
            .ui
            .warning(&escape_line(&format!("no comment: {error}")));
        context.ui.hint(&hint(&error, &event, env, "pull-requests"));
    }
    Ok(())
}

/// What a person can do where GitHub takes no words of ours.
pub(super) fn hint(error: &Error, event: &Event, env: &Env, permission: &str) -> String {
    match error {
        _ if event.may_only_read(env) => "the token of a pull request from a fork or from Dependabot may only read; the job's summary says the same".to_owned(),
        Error::Forbidden { .. } => {
            format!("give the job `permissions: {{contents: read, {permission}: write}}`")
        }
        error => error.hint(),
    }
}

async fn write(
    github: &GitHub,
    slug: (&str, &str),
    request: &PullRequest,
    told: &Told<'_>,
    context: &Context,
) -> Result<(), Error> {
    let env = &context.env;
    let command = inputs::input(env, "command").unwrap_or("scan");
    let category = inputs::input(env, "category").unwrap_or("ci-tool");
    let key = format!("{command}/{}", escape_line(category).replace(' ', "-"));
    // Anybody can write a comment that begins like ours.
    let login = github.login().await?;
    let is_ours = |comment: &Comment| {
        let author = comment.user.as_ref();
        let is_own = author.is_some_and(|author| match &login {
            Some(login) => author.login == *login,
            None => author.kind == "Bot",
        });
        let body = comment.body.as_deref().unwrap_or_default();
        is_own && comment::remembered(&key, body).is_some()
    };
    let found = github.find_comment(slug, request.number, is_ours).await?;
    let body = found.as_ref().and_then(|found| found.body.as_deref());
    let before = body.and_then(|body| comment::remembered(&key, body));
    let run = env.get("GITHUB_RUN_ID").and_then(|run| run.parse().ok());
    let run_url = event::run_url(env);
    let about = About {
        key: &key,
        commit: &request.head.sha,
        run_url: run_url.as_deref(),
        run: run.unwrap_or(0),
    };
    if before.as_ref().is_some_and(|before| before.run > about.run) {
        context.ui.remark("no comment: a later run has written it");
        return Ok(());
    }
    match found {
        Some(found) => {
            let text = comment::markdown(told, &about, before.as_ref());
            github.update_comment(slug, found.id, &text).await?;
        }
        // Where all is well, nobody has to be told so.
        None if comment::is_worth_it(told) => {
            let text = comment::markdown(told, &about, None);
            github.create_comment(slug, request.number, &text).await?;
        }
        None => {}
    }
    Ok(())
}

//! What the audit can mend on lines that a pull request changes, as suggestions of a review.

use std::path::Path;

use anyhow::Result;

use crate::actions::event::{Event, PullRequest};
use crate::actions::inputs;
use crate::commands::{audit, gate, upload};
use crate::context::Context;
use crate::error::Failure;
use crate::forge::github::{ChangedFile, GitHub, ReviewComment};
use crate::forge::http::Patience;
use crate::forge::{self, Error};
use crate::report::suggestion::suggestions;
use crate::sys::ui::escape_line;

/// More in one review is read by nobody.
const MAX_SUGGESTIONS: usize = 20;

/// Suggests, where the input `suggest` asks for it and the job is for a pull request. Where
/// GitHub does not take it, that is told and changes no verdict.
///
/// # Errors
/// Where the input is no yes or no, or the repository cannot be read.
pub(super) fn suggest(args: &audit::Args, context: &Context) -> Result<()> {
    let env = &context.env;
    if !inputs::flag(env, "suggest").map_err(Failure::usage)? {
        return Ok(());
    }
    let event = Event::of(env);
    let slug = env.get("GITHUB_REPOSITORY");
    let slug = slug.and_then(|slug| slug.split_once('/'));
    let (Some(request), Some(slug)) = (&event.pull_request, slug) else {
        context
            .ui
            .remark("no suggestions: this job is for no pull request");
        return Ok(());
    };
    let wanted = wanted(args, context)?;
    if wanted.is_empty() {
        return Ok(());
    }
    let done = GitHub::new(env, Patience::default())
        .and_then(|github| forge::converse(write(&github, slug, request, &wanted)));
    match done {
        Ok(0) => {}
        Ok(1) => context.ui.remark("1 suggestion on the pull request"),
        Ok(count) => context
            .ui
            .remark(&format!("{count} suggestions on the pull request")),
        Err(error) => {
            let told = escape_line(&format!("no suggestions: {error}"));
            context.ui.warning(&told);
            context
                .ui
                .hint(&super::comment::hint(&error, &event, env, "pull-requests"));
        }
    }
    Ok(())
}

/// A suggestion for a file of the repository.
struct Wanted {
    comment: ReviewComment,
    /// git's name for the text that it was made for.
    blob: String,
}

fn wanted(args: &audit::Args, context: &Context) -> Result<Vec<Wanted>> {
    let (tree, mended) = audit::mended(args, context)?;
    let prefix = upload::prefix(&args.path, context);
    let mut all = Vec::new();
    for (path, after) in &mended.files {
        let (Some(after), Some(before)) = (after, tree.text(path)) else {
            continue;
        };
        let Some(blob) = blob(&args.path, path, context) else {
            continue;
        };
        for one in suggestions(path, &before, after, &mended.mended) {
            let comment =
                ReviewComment::new(format!("{prefix}{path}"), one.first, one.last, one.text);
            all.push(Wanted {
                comment,
                blob: blob.clone(),
            });
        }
    }
    Ok(all)
}

fn blob(folder: &Path, path: &str, context: &Context) -> Option<String> {
    let arguments = ["hash-object", "--no-filters", "--", path];
    let said = gate::git(folder, &arguments, context).ok()?;
    Some(String::from_utf8_lossy(&said).trim().to_owned())
}

/// Writes what is not there yet; how many there are.
async fn write(
    github: &GitHub,
    slug: (&str, &str),
    request: &PullRequest,
    wanted: &[Wanted],
) -> Result<usize, Error> {
    let files = github.changed_files(slug, request.number).await?;
    let fits = |one: &&Wanted| {
        let comment = &one.comment;
        let file = files.iter().find(|file| file.filename == comment.path);
        // The job may have looked at another text than the one that the pull request shows.
        file.is_some_and(|file| file.sha.as_deref() == Some(&one.blob) && shows(file, comment))
    };
    let fitting: Vec<&ReviewComment> = wanted.iter().filter(fits).map(|one| &one.comment).collect();
    if fitting.is_empty() {
        return Ok(0);
    }
    let known = github.review_comments(slug, request.number).await?;
    let is_new = |one: &&ReviewComment| {
        let mut known = known.iter();
        !known.any(|known| known.path == one.path && known.body.trim_end() == one.body.trim_end())
    };
    let new = fitting.into_iter().filter(is_new).take(MAX_SUGGESTIONS);
    let new: Vec<&ReviewComment> = new.collect();
    if !new.is_empty() {
        let body =
            "What ci-tool can mend on these lines. `ci-tool explain RULE` says why each matters.";
        let review = github.create_review(slug, request.number, &request.head.sha, body, &new);
        review.await?;
    }
    Ok(new.len())
}

/// Whether all lines are in one part of the pull request's difference.
fn shows(file: &ChangedFile, comment: &ReviewComment) -> bool {
    let patch = file.patch.as_deref().unwrap_or_default();
    let hunks = patch.lines().filter_map(|line| {
        let (_, rest) = line.strip_prefix("@@ ")?.split_once('+')?;
        let (place, _) = rest.split_once(" @@")?;
        let (first, count) = place.split_once(',').unwrap_or((place, "1"));
        let (first, count): (usize, usize) = (first.parse().ok()?, count.parse().ok()?);
        Some(first..first + count)
    });
    let mut hunks = hunks;
    hunks.any(|lines| lines.contains(&comment.first()) && lines.contains(&comment.line))
}

//! Which commit is deployed, and whether it may be.

use anyhow::Result;

use super::Args;
use crate::commands::gate;
use crate::config::deploy::Environment;
use crate::context::Context;
use crate::error::Failure;
use crate::sys::ui::escape_line;

/// What git says in the repository's folder, where it says yes.
pub(super) fn git(args: &Args, context: &Context, arguments: &[&str]) -> Option<String> {
    let said = gate::git(&args.path, arguments, context).ok()?;
    Some(String::from_utf8_lossy(&said).trim().to_owned())
}

/// The commit in full.
pub(super) fn commit(args: &Args, environment: &Environment, context: &Context) -> Result<String> {
    let env = &context.env;
    let of_job = || env.get("GITHUB_SHA").filter(|_| env.in_github_actions());
    let wanted = args.commit.as_deref().or_else(of_job).unwrap_or("HEAD");
    let name = format!("{wanted}^{{commit}}");
    let verify = [
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        &name,
    ];
    let commit = git(args, context, &verify).unwrap_or_default();
    if commit.is_empty() {
        return Err(Failure::usage(format!(
            "`{}` is no commit of {}",
            escape_line(wanted),
            args.path.display()
        ))
        .hint("`--commit REVISION` names one; a shallow checkout may not have it")
        .into());
    }
    let Some(branch) = &environment.branch else {
        return Ok(commit);
    };
    let is_on_branch = match (env.in_github_actions(), env.get("GITHUB_REF")) {
        (true, Some(reference)) => reference == format!("refs/heads/{branch}"),
        _ => [
            format!("refs/heads/{branch}"),
            format!("refs/remotes/origin/{branch}"),
        ]
        .iter()
        .any(|tip| {
            git(
                args,
                context,
                &["merge-base", "--is-ancestor", &commit, tip],
            )
            .is_some()
        }),
    };
    if !is_on_branch {
        return Err(Failure::usage(format!(
            "{commit} is not on `{branch}`, and only that is deployed to `{}`",
            args.environment
        ))
        .hint("`deploy.environments` in .github/ci-tool.yml says so")
        .into());
    }
    Ok(commit)
}

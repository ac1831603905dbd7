//! Checks that have to have passed for a commit before it is deployed.

use anyhow::Result;

use crate::context::Context;
use crate::error::Failure;
use crate::forge;
use crate::forge::github::{Check, GitHub};
use crate::forge::http::Patience;
use crate::sys::ui::escape_line;

/// What stands in the way of a commit; nothing where all checks have passed.
///
/// # Errors
/// Where it cannot be found out: that is no yes.
pub(super) fn unmet(checks: &[String], commit: &str, context: &Context) -> Result<Vec<String>> {
    if checks.is_empty() {
        return Ok(Vec::new());
    }
    let env = &context.env;
    let slug = env.get("GITHUB_REPOSITORY");
    let Some((owner, name)) = slug.and_then(|slug| slug.split_once('/')) else {
        return Err(
            Failure::usage("it is not known whose checks have to have passed")
                .hint("GITHUB_REPOSITORY names the repository, `owner/name`")
                .into(),
        );
    };
    let failed = |error: forge::Error| {
        Failure::failed(format!(
            "whether the checks have passed is not known: {error}"
        ))
        .hint("the token needs `checks: read` and `statuses: read`")
    };
    let github = GitHub::new(env, Patience::default()).map_err(failed)?;
    let mut unmet = Vec::new();
    for wanted in checks {
        let asked = forge::run(github.check((owner, name), commit, wanted));
        let told = asked.map_err(|error| Failure::failed(error.to_string()))?;
        let why = match told.map_err(failed)? {
            Check::Passed => continue,
            Check::Running => "has not ended".to_owned(),
            Check::Failed(word) => format!("ended with {}", escape_line(&word)),
            Check::Missing => "is not there for this commit".to_owned(),
        };
        unmet.push(format!("the check `{}` {why}", escape_line(wanted)));
    }
    Ok(unmet)
}

//! `ci-tool explain`.

use anyhow::Result;

use crate::audit::{self, RULES};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::report;

/// Explain a rule of the audit: what it looks for, why that matters, how it is mended.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The rule; without it all are listed
    pub rule: Option<String>,
}

/// Explains.
///
/// # Errors
/// Where there is no such rule.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let text = match &args.rule {
        None => report::audit::list(RULES),
        Some(id) => match audit::rule(id) {
            Some(rule) => report::audit::page(rule),
            None => {
                return Err(Failure::usage(format!("there is no rule `{id}`"))
                    .hint("`ci-tool explain` lists them; rules of other scanners are explained by those")
                    .into());
            }
        },
    };
    context.ui.result(&text)?;
    Ok(Exit::Yes)
}

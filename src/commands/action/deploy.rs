//! `deploy` and `verify` in the container action.

use anyhow::Result;

use super::{list, output, parse, path, summary};
use crate::actions::{escape, inputs};
use crate::commands::{deploy, verify};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::report;

/// Deploys, or takes back.
pub(super) fn deploy(context: &Context, annotations: &mut Vec<String>) -> Result<Exit> {
    let environment = inputs::input(&context.env, "environment").ok_or_else(|| {
        Failure::usage("the input `environment` names nothing to deploy to")
            .hint("it is one of `deploy.environments` in .github/ci-tool.yml")
    })?;
    let args: deploy::Args = parse(context, &[environment.to_owned(), path(context)])?;
    let Some(answer) = deploy::carry_out(&args, context)? else {
        return Ok(Exit::Yes);
    };
    context
        .ui
        .result(&deploy::render(&answer.told, args.format)?)?;
    let changed = if answer.is_changed { "true" } else { "false" };
    output(context, "changed", changed)?;
    output(context, "plan", report::json(&answer.told)?.trim_end())?;
    summary(context, &report::deploy::markdown(&answer.told))?;
    if answer.exit != Exit::Yes {
        let sentence = escape::data(&answer.told.sentence());
        annotations.push(format!("::error::{sentence}"));
    }
    Ok(answer.exit)
}

/// Asks the addresses of the input `urls`.
pub(super) fn verify(context: &Context, annotations: &mut Vec<String>) -> Result<Exit> {
    let urls = list(context, "urls");
    if urls.is_empty() {
        return Err(Failure::usage("the input `urls` names no address")
            .hint("one a line, or separated by commas")
            .into());
    }
    let args: verify::Args = parse(context, &urls)?;
    let verified = verify::carry_out(&args, &context.env)?;
    context
        .ui
        .result(&verify::render(&verified, args.format)?)?;
    output(context, "plan", report::json(&verified)?.trim_end())?;
    summary(context, &report::verify::markdown(&verified))?;
    for one in verified.addresses.iter().filter(|one| !one.healthy) {
        let told = format!("{}: {}", one.url, one.wrong.join("; "));
        annotations.push(format!("::error::{}", escape::data(&told)));
    }
    Ok(if verified.healthy {
        Exit::Yes
    } else {
        Exit::No
    })
}

//! Notices: how a deployment ended, to addresses that take JSON, Slack's among them.

use std::time::Duration;

use serde_json::json;

use crate::context::Context;
use crate::forge::web::{Request, Web, WebError};
use crate::report::deploy::Deployment;
use crate::sys::ui::escape_line;

/// Sends a notice to the address that each of these variables holds. One that cannot be sent
/// is told, and changes nothing.
pub(super) fn send(variables: &[String], told: &Deployment, context: &Context) {
    for variable in variables {
        // The address is a secret: whoever knows it can write there.
        let sent = match context.env.get(variable) {
            Some(address) => post(address.trim(), told),
            None => Err("the variable is not set".to_owned()),
        };
        if let Err(why) = sent {
            context.ui.warning(&escape_line(&format!(
                "no notice was sent to the address in {variable}: {why}"
            )));
        }
    }
}

fn post(address: &str, told: &Deployment) -> Result<(), String> {
    // `text` is what Slack, Mattermost and others show; the rest is for programs.
    let mut body = json!({"text": told.sentence()});
    body["deployment"] = serde_json::to_value(told).map_err(|error| error.to_string())?;
    let mut request = Request::new("POST", address);
    request.headers.push(("content-type", "application/json"));
    request.body = Some(body.to_string().into_bytes());
    request.time_limit = Duration::from_secs(10);
    let web = Web::new().map_err(|error| error.to_string())?;
    let answer = web.send(&request).map_err(|error| {
        let (WebError::Unusable { why, .. }
        | WebError::NotSent { why, .. }
        | WebError::NoAnswer { why, .. }) = error;
        why
    })?;
    match answer.status {
        200..300 => Ok(()),
        status => Err(format!("the answer is {status}")),
    }
}

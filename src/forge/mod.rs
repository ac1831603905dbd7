//! Talking to the services that hold repositories: one HTTP client, its retries
//! and limits, and the few endpoints that commands need.

mod answer;
mod dialect;
mod download;
mod error;
pub mod github;
pub mod gitlab;
pub mod http;
mod patience;
pub mod reach;
mod remembered;
pub mod web;

pub use download::download;
pub use error::{Error, Limit};

use std::future::Future;

/// Runs a command's conversation to its end. One thread is enough: it waits.
///
/// # Errors
/// Where the system refuses what a runtime needs.
pub fn run<T>(conversation: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(conversation))
}

/// The same where a system that refuses is one more reason why there is no answer.
///
/// # Errors
/// As the conversation, and as [`run`].
pub fn converse<T>(conversation: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    run(conversation).unwrap_or_else(|error| {
        Err(Error::Setup {
            url: "the network".to_owned(),
            why: error.to_string(),
        })
    })
}

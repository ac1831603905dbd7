//! Files from anywhere: without a token, and trusted for nothing. Whoever asks for
//! one proves it by its hash.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use reqwest::Url;
use reqwest::redirect::Policy;

use super::error::Error;

/// So often is a file asked for where the connection or the server fails.
const TRIES: usize = 3;

/// Gets a file of at most so many bytes. What may pass is tried again.
///
/// # Errors
/// Where the address is not https, or the file does not come to its end.
pub async fn download(address: &str, limit: usize) -> Result<Vec<u8>, Error> {
    let backoff = ExponentialBuilder::default()
        .with_min_delay(Duration::from_secs(1))
        .with_max_times(TRIES - 1)
        .with_jitter();
    (|| once(address, limit))
        .retry(backoff)
        .sleep(tokio::time::sleep)
        .when(|error| match error {
            Error::Network { .. } => true,
            Error::Status { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        })
        .await
}

async fn once(address: &str, limit: usize) -> Result<Vec<u8>, Error> {
    let setup = |why: String| Error::Setup {
        url: address.to_owned(),
        why,
    };
    let url = Url::parse(address).map_err(|error| setup(error.to_string()))?;
    let is_local = url.scheme() == "http" && url.host_str() == Some("127.0.0.1");
    if url.scheme() != "https" && !is_local {
        return Err(setup("it must start with https://".to_owned()));
    }
    // Fails only where a provider is installed already, which is then ours.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut http = reqwest::Client::builder()
        .user_agent(concat!("ci-tool/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(10))
        .timeout(Duration::from_secs(600))
        .redirect(Policy::limited(5));
    http = if is_local {
        http.no_proxy()
    } else {
        http.https_only(true)
    };
    let http = http.build().map_err(|error| setup(error.to_string()))?;
    let network = |error: reqwest::Error| Error::Network {
        url: address.to_owned(),
        why: error.without_url().to_string(),
    };
    let mut response = http.get(url).send().await.map_err(network)?;
    if !response.status().is_success() {
        return Err(Error::Status {
            url: address.to_owned(),
            status: response.status().as_u16(),
            message: match response.status().as_u16() {
                404 | 410 => "there is no such file".to_owned(),
                _ => "the server does not give the file".to_owned(),
            },
        });
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(network)? {
        if bytes.len() + chunk.len() > limit {
            return Err(Error::Unexpected {
                url: address.to_owned(),
                why: format!("it has more than {limit} bytes"),
            });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

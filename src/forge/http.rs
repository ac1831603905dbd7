//! The one HTTP client: time limits, retries, size limits, and a token that
//! leaves for one host only.

use std::time::{Duration, SystemTime};

use backon::{ExponentialBuilder, Retryable as _};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, IF_NONE_MATCH, LOCATION,
    RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answer::{is_spent, message, next_page, until};
use super::dialect::Dialect;
use super::error::{Error, Limit};
pub use super::patience::Patience;
use super::remembered::Remembered;
use crate::sys::env::Env;
use crate::sys::ui::escape_line;

/// The address of GitHub's API, where the environment names no other.
const GITHUB_API: &str = "https://api.github.com";

/// Larger answers are cut off: none that we ask for comes near it.
const MAX_BODY: usize = 32 * 1024 * 1024;

/// Redirects of one request: a repository can have been renamed more than once.
const MAX_REDIRECTS: usize = 5;

/// More pages are not read: 20,000 entries.
const MAX_PAGES: usize = 200;

/// A client of one API.
#[derive(Debug)]
pub struct Client {
    dialect: Dialect,
    http: reqwest::Client,
    base: Url,
    token: Option<SecretString>,
    patience: Patience,
    remembered: Remembered,
}

/// What is asked. Redirects keep its method: GitHub sends others than 307 for `GET` alone.
#[derive(Debug)]
struct Question {
    method: Method,
    url: Url,
    body: Option<Vec<u8>>,
}

impl Question {
    const fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            body: None,
        }
    }
}

/// An answer that is a yes.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// Where it came from, after redirects.
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Client {
    /// A client of GitHub's API, with the token and the address of the
    /// environment.
    ///
    /// # Errors
    /// Where the address or the token cannot be used.
    pub fn github(env: &Env, patience: Patience) -> Result<Self, Error> {
        let address = env.get("GITHUB_API_URL").unwrap_or(GITHUB_API);
        let token = env
            .get("GITHUB_TOKEN")
            .or_else(|| env.get("GH_TOKEN"))
            .map(|token| SecretString::from(token.trim()));
        Self::new(Dialect::GitHub, address, token, patience)
    }

    /// A client of the API of a GitHub at this address.
    ///
    /// # Errors
    /// As [`Client::github`].
    pub fn github_at(
        address: &str,
        token: Option<SecretString>,
        patience: Patience,
    ) -> Result<Self, Error> {
        Self::new(Dialect::GitHub, address, token, patience)
    }

    /// A client of the API of a GitLab at this address, which ends with `/api/v4`.
    ///
    /// # Errors
    /// As [`Client::github`].
    pub fn gitlab_at(
        address: &str,
        token: Option<SecretString>,
        patience: Patience,
    ) -> Result<Self, Error> {
        Self::new(Dialect::GitLab, address, token, patience)
    }

    fn new(
        dialect: Dialect,
        address: &str,
        token: Option<SecretString>,
        patience: Patience,
    ) -> Result<Self, Error> {
        let setup = |why: String| Error::Setup {
            url: address.to_owned(),
            why,
        };
        let base = Url::parse(address).map_err(|error| setup(error.to_string()))?;
        if !base.username().is_empty() || base.password().is_some() {
            return Err(Error::Setup {
                url: format!("the address in {}", dialect.address()),
                why: "it holds a user or a password".to_owned(),
            });
        }
        if base.scheme() != "https" && !(base.scheme() == "http" && is_loopback(&base)) {
            return Err(setup("it must start with https://".to_owned()));
        }
        // Fails only where a provider is installed already, which is then ours.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder();
        if is_loopback(&base) {
            // A proxy is another machine's, and would not find it.
            http = http.no_proxy();
        }
        let http = http
            .user_agent(concat!("ci-tool/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(patience.connect)
            .timeout(patience.answer)
            // Followed by ourselves: never to another host.
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| setup(chain(&error)))?;
        let client = Self {
            dialect,
            http,
            base,
            token,
            patience,
            remembered: Remembered::default(),
        };
        client.headers()?;
        Ok(client)
    }

    /// Whether requests carry a token.
    pub const fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Asks for one thing.
    ///
    /// # Errors
    /// Where there is no answer, or not the one that is documented.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, Error> {
        let answer = self.ask(&Question::get(self.url(path, query))).await?;
        self.read(&answer)
    }

    /// Sends something. It is sent again after failures that pass only where that does no
    /// harm (`is_harmless`).
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
        is_harmless: bool,
    ) -> Result<T, Error> {
        let question = self.question(Method::POST, path, body)?;
        let answer = match is_harmless {
            true => self.ask(&question).await?,
            false => self.follow(&question).await?,
        };
        self.read(&answer)
    }

    /// Changes something. It may be sent again: done twice, it is the same.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn patch<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let question = self.question(Method::PATCH, path, body)?;
        let answer = self.ask(&question).await?;
        self.read(&answer)
    }

    /// Changes something that would be another thing if it were sent twice.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn patch_once<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let question = self.question(Method::PATCH, path, body)?;
        let answer = self.follow(&question).await?;
        self.read(&answer)
    }

    /// Sets something. It may be sent again, as [`Client::patch`].
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let question = self.question(Method::PUT, path, body)?;
        let answer = self.ask(&question).await?;
        self.read(&answer)
    }

    /// Sets something, of which the answer says no more than that it is done.
    ///
    /// # Errors
    /// Where it was not done, or may have been.
    pub async fn put_unanswered(&self, path: &[&str], body: &impl Serialize) -> Result<(), Error> {
        let question = self.question(Method::PUT, path, body)?;
        self.ask(&question).await.map(drop)
    }

    fn question(
        &self,
        method: Method,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<Question, Error> {
        let url = self.url(path, &[]);
        let body = serde_json::to_vec(body).map_err(|error| Error::Setup {
            url: shown(&url),
            why: error.to_string(),
        })?;
        Ok(Question {
            method,
            url,
            body: Some(body),
        })
    }

    /// Asks for a list, page by page.
    ///
    /// # Errors
    /// As [`Client::get`], and where the list does not end.
    pub async fn list<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        let mut all = |page: Vec<T>| {
            items.extend(page);
            None::<()>
        };
        self.search(path, MAX_PAGES, &mut all).await?;
        Ok(items)
    }

    /// Looks through a list, page by page, until something is found.
    ///
    /// # Errors
    /// As [`Client::get`], and where the list has more than so many pages.
    pub async fn search<T: DeserializeOwned, F>(
        &self,
        path: &[&str],
        pages: usize,
        look: &mut impl FnMut(Vec<T>) -> Option<F>,
    ) -> Result<Option<F>, Error> {
        let mut url = self.url(path, &[("per_page", "100")]);
        for _ in 0..pages {
            let answer = self.ask(&Question::get(url)).await?;
            if let Some(found) = look(self.read::<Vec<T>>(&answer)?) {
                return Ok(Some(found));
            }
            match next_page(&answer.headers) {
                None => return Ok(None),
                Some(next) => {
                    url = answer
                        .url
                        .join(&next)
                        .ok()
                        .filter(|next| next.origin() == self.base.origin())
                        .ok_or_else(|| Error::Unexpected {
                            url: shown(&answer.url),
                            why: "the next page of the list is at another host".to_owned(),
                        })?;
                }
            }
        }
        Err(Error::Unexpected {
            url: shown(&url),
            why: format!("the list has more than {pages} pages"),
        })
    }

    /// The address of a path. Every part is escaped: it cannot leave its place.
    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Sends a request that may be sent again, and does so after failures that pass.
    async fn ask(&self, question: &Question) -> Result<Answer, Error> {
        let backoff = ExponentialBuilder::default()
            .with_min_delay(self.patience.first_wait)
            .with_max_delay(self.patience.longest_wait)
            .with_max_times(self.patience.retries)
            .with_jitter();
        (|| self.follow(question))
            .retry(backoff)
            .sleep(tokio::time::sleep)
            .when(|error| self.passes(error))
            .adjust(|error, planned| {
                let asked = self.asked_wait(error);
                planned.map(|planned| asked.unwrap_or(planned))
            })
            .notify(|error, wait| {
                tracing::warn!("{error}; asking again in {:.1} s", wait.as_secs_f32());
            })
            .await
    }

    /// Whether a failure may be gone in a moment.
    fn passes(&self, error: &Error) -> bool {
        match error {
            Error::Network { .. } => true,
            Error::Status { status, .. } => *status == 408 || *status >= 500,
            Error::RateLimited { .. } => self
                .asked_wait(error)
                .is_some_and(|wait| wait <= self.patience.longest_wait),
            _ => false,
        }
    }

    /// How long the API asks to wait.
    fn asked_wait(&self, error: &Error) -> Option<Duration> {
        let Error::RateLimited { until, limit, .. } = error else {
            return None;
        };
        match (until, limit) {
            (Some(until), _) => Some(
                until
                    .duration_since(SystemTime::now())
                    .unwrap_or(Duration::ZERO),
            ),
            (None, Limit::Secondary) => Some(self.patience.secondary_limit),
            (None, Limit::Primary) => None,
        }
    }

    async fn follow(&self, question: &Question) -> Result<Answer, Error> {
        let mut url = question.url.clone();
        let is_get = question.method == Method::GET;
        let mut known = is_get.then(|| self.remembered.get(&url)).flatten();
        for _ in 0..=MAX_REDIRECTS {
            let name = known.as_ref().map(|(name, _)| name);
            let (status, headers, body) = self.send(question, &url, name).await?;
            if status.is_success() {
                let answer = Answer { url, headers, body };
                if is_get {
                    self.remembered.put(&question.url, &answer);
                }
                return Ok(answer);
            }
            // The name is that of the answer at the first address.
            if let Some((_, answer)) = known.take()
                && status == StatusCode::NOT_MODIFIED
            {
                return Ok(answer);
            }
            if !status.is_redirection() {
                return Err(self.refusal(&url, status, &headers, &body));
            }
            url = headers
                .get(LOCATION)
                .and_then(|location| url.join(location.to_str().ok()?).ok())
                .filter(|next| next.origin() == self.base.origin())
                .ok_or_else(|| Error::Unexpected {
                    url: shown(&url),
                    why: format!("{status} leads to another host, or nowhere: not followed"),
                })?;
        }
        Err(Error::Unexpected {
            url: shown(&question.url),
            why: format!("more than {MAX_REDIRECTS} redirects"),
        })
    }

    async fn send(
        &self,
        question: &Question,
        url: &Url,
        unless: Option<&HeaderValue>,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), Error> {
        let network = |error: reqwest::Error| Error::Network {
            url: shown(url),
            why: if error.is_timeout() {
                format!("no answer within {:?}", self.patience.answer)
            } else {
                self.outside(&chain(&error.without_url()))
            },
        };
        let mut request = self
            .http
            .request(question.method.clone(), url.clone())
            .headers(self.headers()?);
        if let Some(name) = unless {
            request = request.header(IF_NONE_MATCH, name);
        }
        if let Some(body) = &question.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.clone());
        }
        let mut response = request.send().await.map_err(network)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(network)? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(Error::Unexpected {
                    url: shown(url),
                    why: format!("the answer is larger than {} MiB", MAX_BODY >> 20),
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok((response.status(), response.headers().clone(), body))
    }

    fn headers(&self) -> Result<HeaderMap, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(self.dialect.accept()));
        if self.dialect == Dialect::GitHub {
            headers.insert(
                "x-github-api-version",
                HeaderValue::from_static("2022-11-28"),
            );
        }
        if let Some(token) = &self.token {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
                .map_err(|_| Error::Setup {
                    url: shown(&self.base),
                    why: "the token holds characters that no token has".to_owned(),
                })?;
            // Libraries that log headers leave it out.
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }

    fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, Error> {
        serde_json::from_slice(&answer.body).map_err(|error| Error::Unexpected {
            url: shown(&answer.url),
            why: self.outside(&format!("the answer is not the documented JSON: {error}")),
        })
    }

    fn refusal(&self, url: &Url, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
        let url = shown(url);
        let message = self.outside(&message(body));
        let is_limit = is_spent(headers)
            || headers.contains_key(RETRY_AFTER)
            || message.to_ascii_lowercase().contains("rate limit")
            || status == StatusCode::TOO_MANY_REQUESTS;
        match status {
            StatusCode::UNAUTHORIZED => Error::Unauthorized { url, message },
            StatusCode::NOT_FOUND => Error::NotFound { url },
            StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS if is_limit => {
                let limit = if is_spent(headers) {
                    Limit::Primary
                } else {
                    Limit::Secondary
                };
                Error::RateLimited {
                    url,
                    limit,
                    until: until(headers, limit),
                    message,
                }
            }
            StatusCode::FORBIDDEN => Error::Forbidden { url, message },
            status => Error::Status {
                url,
                status: status.as_u16(),
                message,
            },
        }
    }

    /// A text of the other side, made fit for printing: it stays on its line, and
    /// our own token that comes back in it goes no further.
    fn outside(&self, text: &str) -> String {
        let text = escape_line(text);
        match &self.token {
            Some(token) if !token.expose_secret().is_empty() => {
                text.replace(token.expose_secret(), "***")
            }
            _ => text,
        }
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// An address for people: without its query.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

/// An error of a library with all its causes, each once.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> Result<Client, Error> {
        let token = SecretString::from("ghp_canary");
        Client::new(Dialect::GitHub, address, Some(token), Patience::default())
    }

    #[test]
    fn addresses_that_would_leak_a_token_are_refused() {
        for address in [
            "http://github.example/api/v3",
            "ftp://127.0.0.1",
            "no address",
            "https://user:ghp_canary@github.example",
        ] {
            let error = client(address).expect_err(address);
            assert!(!format!("{error} {error:?}").contains("ghp_canary"));
        }
        for address in [
            "http://127.0.0.1:8080",
            "http://[::1]:1",
            "http://localhost:1",
        ] {
            client(address).expect(address);
        }
    }

    #[test]
    fn a_token_is_never_part_of_what_is_printed() {
        let client = client("https://github.example/api/v3").expect("valid");
        assert!(!format!("{client:?}").contains("canary"));
        let token = SecretString::from("ghp_canary\nx");
        let error = Client::github_at(GITHUB_API, Some(token), Patience::default())
            .expect_err("a line break");
        assert!(!format!("{error} {error:?}").contains("canary"));
    }

    #[test]
    fn paths_keep_the_prefix_and_are_escaped() {
        let client = client("https://github.example/api/v3/").expect("valid");
        let url = client.url(
            &["repos", "a", "b", "git", "ref", "tags", "x y?#"],
            &[("per_page", "1")],
        );
        assert_eq!(
            url.as_str(),
            "https://github.example/api/v3/repos/a/b/git/ref/tags/x%20y%3F%23?per_page=1"
        );
    }
}

//! One request to any server, with all that a check of its answer needs. It is sent once:
//! whoever asks knows whether it may be sent again.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use reqwest::header::{HeaderName, HeaderValue, LOCATION};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret as _, SecretString};

use super::http::{chain, is_loopback, shown};
use crate::sys::ui::escape_line;

/// Redirects that are followed.
const MAX_REDIRECTS: usize = 10;

/// What is sent.
#[derive(Debug, Clone)]
pub struct Request<'r> {
    /// `GET`, `POST`, `OPTIONS` and so on.
    pub method: &'r str,
    /// The address.
    pub url: &'r str,
    /// Headers.
    pub headers: Vec<(&'r str, &'r str)>,
    /// A header that holds a token: name, what stands before the token, and the token. A
    /// request with one goes to https or to this machine, and follows no redirect.
    pub secret: Option<(&'r str, &'r str, &'r SecretString)>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// Whether redirects are followed.
    pub follow: bool,
    /// How long the whole answer may take.
    pub time_limit: Duration,
    /// How many bytes of the answer are taken; more is an error.
    pub max_body: usize,
}

impl<'r> Request<'r> {
    /// A request without body, that follows redirects, within 30 seconds and 8 MiB.
    pub fn new(method: &'r str, url: &'r str) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            secret: None,
            body: None,
            follow: true,
            time_limit: Duration::from_secs(30),
            max_body: 8 * 1024 * 1024,
        }
    }
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
    /// Where it came from, after redirects.
    pub url: String,
    /// How many redirects led there.
    pub redirects: usize,
    /// How long the last answer took, connection included.
    pub elapsed: Duration,
    /// The server's certificate (DER), where it is https.
    pub certificate: Option<Vec<u8>>,
}

impl Response {
    /// The first header of that name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebError {
    /// The request cannot be sent at all.
    #[error("{url}: {why}")]
    Unusable {
        /// The address.
        url: String,
        /// Why.
        why: String,
    },
    /// There was no connection: the request did nothing.
    #[error("{url}: {why}")]
    NotSent {
        /// The address.
        url: String,
        /// Why.
        why: String,
    },
    /// The request may have reached the server, and there is no whole answer.
    #[error("{url}: {why}")]
    NoAnswer {
        /// The address.
        url: String,
        /// Why.
        why: String,
    },
}

/// Sends requests.
#[derive(Debug)]
pub struct Web {
    runtime: tokio::runtime::Runtime,
    keeps_connections: bool,
    // Made when it is needed: what the system trusts takes a while to read.
    here: OnceLock<reqwest::Client>,
    elsewhere: OnceLock<reqwest::Client>,
}

impl Web {
    /// Something that sends, each request over a connection of its own: one of before says
    /// nothing of what a visitor meets now.
    ///
    /// # Errors
    /// Where the system refuses what it needs.
    pub fn new() -> Result<Self, WebError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| WebError::Unusable {
                url: "the network".to_owned(),
                why: error.to_string(),
            })?;
        // Fails only where a provider is installed already, which is then ours.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            runtime,
            keeps_connections: false,
            here: OnceLock::new(),
            elsewhere: OnceLock::new(),
        })
    }

    /// Sends what follows over the same connection.
    #[must_use]
    pub const fn keeping_connections(mut self) -> Self {
        self.keeps_connections = true;
        self
    }

    fn client(&self, is_here: bool) -> Result<&reqwest::Client, String> {
        let known = if is_here { &self.here } else { &self.elsewhere };
        if let Some(client) = known.get() {
            return Ok(client);
        }
        let builder = reqwest::Client::builder()
            .user_agent(concat!("ci-tool/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(usize::from(self.keeps_connections))
            .tls_info(true);
        // A proxy is another machine's, and would not find this one.
        let builder = if is_here { builder.no_proxy() } else { builder };
        let client = builder.build().map_err(|error| chain(&error))?;
        Ok(known.get_or_init(|| client))
    }

    /// Sends one request and takes its answer whole.
    ///
    /// # Errors
    /// Where there is none; a status such as 500 is an answer.
    pub fn send(&self, request: &Request<'_>) -> Result<Response, WebError> {
        let unusable = |why: String| WebError::Unusable {
            url: without_user(request.url),
            why,
        };
        let start = Url::parse(request.url).map_err(|error| unusable(error.to_string()))?;
        if !matches!(start.scheme(), "http" | "https") {
            return Err(unusable(
                "it must start with https:// or http://".to_owned(),
            ));
        }
        if !start.username().is_empty() || start.password().is_some() {
            return Err(unusable("it holds a user or a password".to_owned()));
        }
        if request.secret.is_some() && start.scheme() != "https" && !is_loopback(&start) {
            return Err(unusable("a token goes to https:// only".to_owned()));
        }
        let mut url = start;
        for redirects in 0..=MAX_REDIRECTS {
            let mut response = self.runtime.block_on(self.once(&url, request))?;
            response.redirects = redirects;
            let follows = request.follow && request.secret.is_none() && request.body.is_none();
            let next = response
                .header(LOCATION.as_str())
                .filter(|_| follows && matches!(response.status, 301 | 302 | 303 | 307 | 308))
                .and_then(|next| url.join(next).ok())
                .filter(|next| matches!(next.scheme(), "http" | "https"));
            match next {
                Some(next) => url = next,
                None => return Ok(response),
            }
        }
        Err(WebError::NoAnswer {
            url: request.url.to_owned(),
            why: format!("more than {MAX_REDIRECTS} redirects"),
        })
    }

    async fn once(&self, url: &Url, request: &Request<'_>) -> Result<Response, WebError> {
        let unusable = |why: &str| WebError::Unusable {
            url: shown(url),
            why: why.to_owned(),
        };
        let client = self
            .client(is_loopback(url))
            .map_err(|why| unusable(&why))?;
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| unusable("the method is none"))?;
        let mut builder = client
            .request(method, url.clone())
            .timeout(request.time_limit);
        for (name, value) in &request.headers {
            builder = builder.header(*name, *value);
        }
        if let Some((name, before, token)) = request.secret {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| unusable("the header is none"))?;
            let mut value = HeaderValue::from_str(&format!("{before}{}", token.expose_secret()))
                .map_err(|_| unusable("the token holds characters that no token has"))?;
            // Libraries that log headers leave it out.
            value.set_sensitive(true);
            builder = builder.header(name, value);
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let started = Instant::now();
        let failed = |error: reqwest::Error| {
            let was_sent = !error.is_connect() && !error.is_builder();
            let why = if error.is_timeout() {
                format!("no answer within {:?}", request.time_limit)
            } else {
                outside(&chain(&error.without_url()), request.secret)
            };
            let url = shown(url);
            if was_sent {
                WebError::NoAnswer { url, why }
            } else {
                WebError::NotSent { url, why }
            }
        };
        let mut response = builder.send().await.map_err(failed)?;
        let certificate = response
            .extensions()
            .get::<reqwest::tls::TlsInfo>()
            .and_then(|info| info.peer_certificate())
            .map(<[u8]>::to_vec);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > request.max_body {
                return Err(WebError::NoAnswer {
                    url: shown(url),
                    why: format!("the answer has more than {} bytes", request.max_body),
                });
            }
            body.extend_from_slice(&chunk);
        }
        let headers = response.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        Ok(Response {
            status: response.status().as_u16(),
            headers: headers.collect(),
            body,
            url: url.to_string(),
            redirects: 0,
            elapsed: started.elapsed(),
            certificate,
        })
    }
}

/// An address without what stands before `@`, which may be a password.
fn without_user(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    match scheme {
        "" => rest.to_owned(),
        scheme => format!("{scheme}://{rest}"),
    }
}

/// A text of the other side, fit for printing and without our own token.
pub fn outside(text: &str, secret: Option<(&str, &str, &SecretString)>) -> String {
    let text = escape_line(text);
    match secret {
        Some((_, _, token)) if !token.expose_secret().is_empty() => {
            text.replace(token.expose_secret(), "***")
        }
        _ => text,
    }
}

/// The start page at the same host as an address.
pub fn start_page(address: &str) -> Option<String> {
    Url::parse(address).ok()?.join("/").ok().map(String::from)
}

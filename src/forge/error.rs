//! What can go wrong between us and an API, and what to do about it.

use std::time::{Duration, SystemTime};

/// An API did not answer what was asked. Nothing here means "no".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The client cannot be set up.
    #[error("cannot talk to {url}: {why}")]
    Setup {
        /// The API.
        url: String,
        /// Why.
        why: String,
    },
    /// The token is wrong.
    #[error("{url}: the token was refused (401): {message}")]
    Unauthorized {
        /// What was asked.
        url: String,
        /// What the API says.
        message: String,
    },
    /// The token may not see it.
    #[error("{url}: not allowed (403): {message}")]
    Forbidden {
        /// What was asked.
        url: String,
        /// What the API says.
        message: String,
    },
    /// Too many requests.
    #[error("{url}: {limit} rate limit reached: {message}")]
    RateLimited {
        /// What was asked.
        url: String,
        /// Which of the limits.
        limit: Limit,
        /// When the API will answer again, where it says so.
        until: Option<SystemTime>,
        /// What the API says.
        message: String,
    },
    /// There is no such thing, or the token may not know of it.
    #[error("{url}: not found (404)")]
    NotFound {
        /// What was asked.
        url: String,
    },
    /// There is no such repository, or the token may not know of it.
    #[error("{slug}: there is no such repository, or it is private and cannot be seen")]
    Hidden {
        /// `owner/name`.
        slug: String,
    },
    /// It would take too many questions to find out.
    #[error("{slug}: commit {commit} is not in the first {compared} of {all} branches and tags")]
    Undecided {
        /// `owner/name`.
        slug: String,
        /// The commit.
        commit: String,
        /// How many branches and tags were asked about.
        compared: usize,
        /// How many there are.
        all: usize,
    },
    /// The connection failed, or the answer did not come to its end.
    #[error("{url}: {why}")]
    Network {
        /// What was asked.
        url: String,
        /// Why.
        why: String,
    },
    /// The API says that it cannot answer now, or not this.
    #[error("{url}: the answer was {status}: {message}")]
    Status {
        /// What was asked.
        url: String,
        /// The status code.
        status: u16,
        /// What the API says.
        message: String,
    },
    /// The answer is not what the API's documentation promises.
    #[error("{url}: {why}")]
    Unexpected {
        /// What was asked.
        url: String,
        /// What is wrong with the answer.
        why: String,
    },
}

/// The limits that GitHub knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The number of requests in an hour.
    Primary,
    /// Too many at once.
    Secondary,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Primary => "the",
            Self::Secondary => "a secondary",
        })
    }
}

impl Error {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Setup { .. } => {
                "GITHUB_API_URL is the API's address, https://api.github.com without it; the system needs its certificates (Debian: ca-certificates)".to_owned()
            }
            Self::Unauthorized { .. } => {
                "give a token that is valid in GITHUB_TOKEN or GH_TOKEN, or none at all for public repositories".to_owned()
            }
            Self::Forbidden { .. } => {
                "the token needs read access to the contents of this repository; an organization may ask for single sign-on".to_owned()
            }
            Self::RateLimited { until, .. } => {
                let wait = until
                    .and_then(|until| until.duration_since(SystemTime::now()).ok())
                    .map_or_else(
                        || "try again later".to_owned(),
                        |wait| format!("try again in {}", in_words(wait)),
                    );
                format!("{wait}; a token in GITHUB_TOKEN raises the limit from 60 to at least 1000 an hour")
            }
            Self::NotFound { .. } => {
                "there is no such thing, or it is private and the token may not see it".to_owned()
            }
            Self::Hidden { .. } => {
                "check its name; for a private repository give a token that may read it in GITHUB_TOKEN".to_owned()
            }
            Self::Undecided { slug, commit, .. } => {
                format!("look at https://github.com/{slug}/commit/{commit}: GitHub warns there when it is in no branch")
            }
            Self::Network { .. } => {
                "check the connection; HTTPS_PROXY and NO_PROXY are respected".to_owned()
            }
            Self::Status { .. } => "try again later; www.githubstatus.com tells of outages".to_owned(),
            Self::Unexpected { .. } => {
                "is GITHUB_API_URL the address of a GitHub API, and is nothing between us that changes answers?".to_owned()
            }
        }
    }
}

fn in_words(wait: Duration) -> String {
    match wait.as_secs() {
        seconds @ 0..=90 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}

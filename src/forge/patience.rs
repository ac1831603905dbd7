//! How patient a client is.

use std::time::Duration;

/// How long is waited for what.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For one answer, from the first byte sent to the last received.
    pub answer: Duration,
    /// How often a request that failed for a passing reason is sent again.
    pub retries: usize,
    /// Before the first repetition; it doubles from there, with jitter.
    pub first_wait: Duration,
    /// Before any repetition, whatever the API asks for. Where it asks for more,
    /// the request fails.
    pub longest_wait: Duration,
    /// After a secondary rate limit for which the API names no time.
    pub secondary_limit: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            retries: 4,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(90),
            // GitHub's documentation asks for a minute at least.
            secondary_limit: Duration::from_secs(60),
        }
    }
}

//! Answers that carry a name (`etag`). Asked again with it, the other side may say that they
//! still hold: waiting for something by asking costs nothing of GitHub's rate limit then.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use reqwest::Url;
use reqwest::header::{ETAG, HeaderValue};

use super::http::Answer;

/// So many answers are kept, of at most so many bytes each.
const MOST: usize = 64;
const LARGEST: usize = 256 * 1024;

/// The answers of one client, by the addresses that were asked. They are gone with it: the next
/// run may have another token.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<HashMap<Url, (HeaderValue, Answer)>>);

impl Remembered {
    /// What was answered at this address, with its name.
    pub(super) fn get(&self, url: &Url) -> Option<(HeaderValue, Answer)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(url).cloned()
    }

    /// Keeps an answer, where it has a name.
    pub(super) fn put(&self, url: &Url, answer: &Answer) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match answer.headers.get(ETAG) {
            Some(name)
                if answer.body.len() <= LARGEST
                    && (known.len() < MOST || known.contains_key(url)) =>
            {
                known.insert(url.clone(), (name.clone(), answer.clone()));
            }
            // An older one is not what holds.
            _ => {
                known.remove(url);
            }
        }
    }
}

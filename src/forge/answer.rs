//! What the headers and the body of an API's answer say.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{HeaderMap, LINK, RETRY_AFTER};

use super::error::Limit;

/// What the API says in an answer that is a no.
pub(super) fn message(body: &[u8]) -> String {
    let value: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let text = match value.as_ref().and_then(|value| value["message"].as_str()) {
        Some(text) => text.to_owned(),
        None => String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned(),
    };
    let text: String = text.chars().take(300).collect();
    if text.trim().is_empty() {
        "no reason given".to_owned()
    } else {
        text.trim().to_owned()
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Whether the hour's requests are used up.
pub(super) fn is_spent(headers: &HeaderMap) -> bool {
    number(headers, "x-ratelimit-remaining") == Some(0)
}

/// When the API will answer again, where it says so.
pub(super) fn until(headers: &HeaderMap, limit: Limit) -> Option<SystemTime> {
    let after = headers.get(RETRY_AFTER).and_then(|value| {
        let text = value.to_str().ok()?.trim();
        match text.parse::<u32>() {
            Ok(seconds) => Some(SystemTime::now() + Duration::from_secs(seconds.into())),
            Err(_) => Some(chrono::DateTime::parse_from_rfc2822(text).ok()?.into()),
        }
    });
    let reset = || {
        let seconds = number(headers, "x-ratelimit-reset")?;
        UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    };
    after.or_else(|| match limit {
        Limit::Primary => reset(),
        Limit::Secondary => None,
    })
}

/// The address behind `rel="next"`.
pub(super) fn next_page(headers: &HeaderMap) -> Option<String> {
    let links = headers.get(LINK)?.to_str().ok()?;
    links.split(',').find_map(|link| {
        let (address, relation) = link.split_once('>')?;
        let is_next = relation
            .split(';')
            .any(|part| matches!(part.trim(), "rel=\"next\"" | "rel=next"));
        is_next.then(|| address.trim().trim_start_matches('<').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read_from_the_headers() {
        let headers = |pairs: &[(&'static str, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in pairs {
                map.insert(*name, value.parse().expect("valid"));
            }
            map
        };
        let soon = until(&headers(&[("retry-after", "7")]), Limit::Secondary).expect("a time");
        let wait = soon.duration_since(SystemTime::now()).expect("later");
        assert!(wait > Duration::from_secs(5) && wait <= Duration::from_secs(7));
        let date = headers(&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")]);
        assert_eq!(
            until(&date, Limit::Secondary),
            Some(UNIX_EPOCH + Duration::from_secs(1_445_412_480))
        );
        let reset = headers(&[
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1700000000"),
        ]);
        assert!(is_spent(&reset));
        assert_eq!(
            until(&reset, Limit::Primary),
            Some(UNIX_EPOCH + Duration::from_secs(1_700_000_000))
        );
        let odd = headers(&[("x-ratelimit-reset", "18446744073709551615")]);
        assert_eq!(until(&odd, Limit::Primary), None);
    }
}

//! The day and the time.

use chrono::{NaiveDate, NaiveDateTime};

/// Now, in seconds since 1970.
pub fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(0))
}

/// Now, in UTC.
pub fn utc() -> NaiveDateTime {
    chrono::DateTime::from_timestamp(now(), 0)
        .map_or_else(NaiveDateTime::default, |time| time.naive_utc())
}

/// Today, in UTC.
pub fn today() -> NaiveDate {
    chrono::DateTime::from_timestamp(now(), 0)
        .map_or_else(NaiveDate::default, |time| time.date_naive())
}

//! The day.

use chrono::NaiveDate;

/// Today, in UTC.
pub fn today() -> NaiveDate {
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    let seconds = now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(0));
    chrono::DateTime::from_timestamp(seconds, 0)
        .map_or_else(NaiveDate::default, |time| time.date_naive())
}

//! The last day of a certificate: the one field of X.509 that a check needs.

use chrono::NaiveDateTime;

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// `[0] EXPLICIT Version`, which certificates of version 1 lack.
const VERSION: u8 = 0xa0;

/// When a certificate (DER, RFC 5280) ends, in seconds since 1970; nothing where it is none.
pub fn expires(der: &[u8]) -> Option<i64> {
    let (certificate, _) = read(der, SEQUENCE)?;
    let (mut rest, _) = read(certificate, SEQUENCE)?;
    if let Some((_, after)) = read(rest, VERSION) {
        rest = after;
    }
    // Serial number, signature algorithm, issuer.
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        (_, rest) = read(rest, tag)?;
    }
    let (validity, _) = read(rest, SEQUENCE)?;
    let (_, after) = time(validity)?;
    time(after).map(|(until, _)| until)
}

fn time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (text, after, century) = match read(bytes, UTC_TIME) {
        Some((text, after)) => {
            // RFC 5280, 4.1.2.5.1: two digits from 50 on are of the last century.
            let year: u32 = std::str::from_utf8(text.get(..2)?).ok()?.parse().ok()?;
            (text, after, if year >= 50 { "19" } else { "20" })
        }
        None => {
            let (text, after) = read(bytes, GENERALIZED_TIME)?;
            (text, after, "")
        }
    };
    let text = format!("{century}{}", std::str::from_utf8(text).ok()?);
    let time = NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%SZ").ok()?;
    Some((time.and_utc().timestamp(), after))
}

/// The content of a value of that tag, and what comes after it.
fn read(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    if *first != tag {
        return None;
    }
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        short @ 0..=0x7f => (usize::from(*short), rest),
        long => {
            let digits = usize::from(long & 0x7f);
            if !(1..=4).contains(&digits) || rest.len() < digits {
                return None;
            }
            let (digits, rest) = rest.split_at(digits);
            let length = digits
                .iter()
                .fold(0, |sum, digit| sum << 8 | usize::from(*digit));
            (length, rest)
        }
    };
    (rest.len() >= length).then(|| rest.split_at(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SEQUENCE and so on, with short lengths.
    fn value(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).expect("short");
        let mut bytes = vec![tag];
        if length >= 0x80 {
            bytes.push(0x81);
        }
        bytes.push(length);
        bytes.extend_from_slice(content);
        bytes
    }

    fn certificate(with_version: bool, until: (u8, &str)) -> Vec<u8> {
        let mut inner = Vec::new();
        if with_version {
            inner.extend(value(VERSION, &value(INTEGER, &[2])));
        }
        inner.extend(value(INTEGER, &[1; 20]));
        inner.extend(value(SEQUENCE, &[]));
        inner.extend(value(SEQUENCE, &[0; 100]));
        let mut validity = value(UTC_TIME, b"250101000000Z");
        validity.extend(value(until.0, until.1.as_bytes()));
        inner.extend(value(SEQUENCE, &validity));
        value(SEQUENCE, &value(SEQUENCE, &inner))
    }

    #[test]
    fn both_forms_of_time_are_read() {
        let day = 24 * 60 * 60;
        for with_version in [true, false] {
            let der = certificate(with_version, (UTC_TIME, "700102000000Z"));
            assert_eq!(expires(&der), Some(day));
            let der = certificate(with_version, (GENERALIZED_TIME, "20500101000000Z"));
            assert_eq!(expires(&der), Some(2_524_608_000));
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        let whole = certificate(true, (UTC_TIME, "260102000000Z"));
        for length in 0..whole.len() {
            assert_eq!(expires(&whole[..length]), None, "{length}");
        }
        assert_eq!(
            expires(&certificate(true, (UTC_TIME, "269902000000Z"))),
            None
        );
        assert_eq!(expires(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}

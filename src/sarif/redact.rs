//! Secrets out of texts that are published.

use std::borrow::Cow;

/// What stands in a secret's place.
pub const REDACTED: &str = "[redacted]";

/// How tokens of well-known services begin, and how long they are at least.
const TOKENS: [(&str, usize); 26] = [
    ("AKIA", 20),
    ("ASIA", 20),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("github_pat_", 30),
    ("glpat-", 20),
    ("xoxa-", 20),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("xoxr-", 20),
    ("xoxs-", 20),
    ("sk_live_", 20),
    ("rk_live_", 20),
    ("sk-ant-", 20),
    ("sk-proj-", 20),
    ("AIza", 35),
    ("eyJ", 40),
    ("npm_", 36),
    ("pypi-", 40),
    ("dop_v1_", 40),
    ("hf_", 30),
    ("SG.", 40),
    ("shpat_", 30),
];

/// No token is shorter, and nothing shorter is taken for a secret.
const SHORTEST: usize = 16;

/// The bytes that words of tokens are made of.
const PART: [bool; 256] = {
    let mut part = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        part[byte as usize] =
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b'+' | b'=');
        byte += 1;
    }
    part
};

/// A text without tokens of well-known services; of a finding about a secret
/// also without what else could be one, and without `known`, the text at its
/// place.
pub fn redact<'t>(text: &'t str, is_secret: bool, known: Option<&str>) -> Cow<'t, str> {
    let known = known
        .filter(|_| is_secret)
        .map(str::trim)
        .filter(|known| known.len() >= 4);
    let mut out = String::new();
    let mut copied = 0;
    let mut replace = |start: usize, end: usize| {
        out.push_str(&text[copied..start]);
        out.push_str(REDACTED);
        copied = end;
    };
    let bytes = text.as_bytes();
    let find = |from: usize| {
        let known = known?.as_bytes();
        Some(from + memchr::memmem::find(&bytes[from..], known)?)
    };
    let mut known_at = find(0);
    if known_at.is_none() && !has_long_word(bytes) {
        return Cow::Borrowed(text);
    }
    let is_part = |byte: u8| PART[usize::from(byte)];
    let mut at = 0;
    while at < bytes.len() {
        if known_at.is_some_and(|known_at| known_at < at) {
            known_at = find(at);
        }
        if known_at == Some(at) {
            let end = at + known.map_or(0, str::len);
            replace(at, end);
            at = end;
            continue;
        }
        if bytes[at] == b'-'
            && bytes[at..].starts_with(b"-----BEGIN ")
            && text[at..].contains("PRIVATE KEY")
        {
            const FOOTER: &str = "PRIVATE KEY-----";
            let header = text[at..]
                .find(FOOTER)
                .map_or(text.len(), |end| at + end + FOOTER.len());
            let end = text[header..]
                .find(FOOTER)
                .map_or(text.len(), |end| header + end + FOOTER.len());
            replace(at, end);
            at = end;
            continue;
        }
        if !is_part(bytes[at]) || (at > 0 && is_part(bytes[at - 1])) {
            at += 1;
            continue;
        }
        let end = bytes[at..]
            .iter()
            .position(|byte| !is_part(*byte))
            .map_or(bytes.len(), |len| at + len);
        let word = &text[at..end];
        // `KEY=value` is two words.
        let start = word
            .find('=')
            .filter(|equals| equals + 1 < word.len())
            .map_or(at, |equals| at + equals + 1);
        if end - start < SHORTEST {
            at = known_at.map_or(end, |known_at| known_at.min(end));
            continue;
        }
        let word = text[start..end].trim_end_matches(['.', '/']);
        if is_token(word) || (is_secret && could_be_secret(word)) {
            replace(start, start + word.len());
            at = end;
        } else {
            at = known_at.map_or(end, |known_at| known_at.min(end));
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// Whether there is a word of [`SHORTEST`] bytes or more, or the head of a key: most texts have
/// neither, which can be seen from every sixteenth byte.
fn has_long_word(bytes: &[u8]) -> bool {
    let is_part = |byte: &u8| PART[usize::from(*byte)];
    let mut at = 0;
    while let Some(window) = bytes.get(at..at + SHORTEST) {
        match window.iter().rposition(|byte| !is_part(byte)) {
            Some(last) => at += last + 1,
            None => return true,
        }
    }
    memchr::memmem::find(bytes, b"-----BEGIN ").is_some()
}

fn is_token(word: &str) -> bool {
    TOKENS
        .iter()
        .any(|(prefix, len)| word.len() >= *len && word.starts_with(prefix))
}

/// Long, of letters and digits, and no path.
fn could_be_secret(word: &str) -> bool {
    word.len() >= 16
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !word.contains('.')
        && word.matches('/').count() <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_words_stay() {
        let token = format!("ghp_{}", "a1".repeat(18));
        for (text, is_secret, known, expected) in [
            (
                format!("uses {token} here"),
                false,
                None,
                "uses [redacted] here",
            ),
            (format!("TOKEN={token}"), false, None, "TOKEN=[redacted]"),
            (
                "found hunter2! in x".into(),
                true,
                Some(" hunter2! "),
                "found [redacted] in x",
            ),
            ("pw=hunter2".into(), true, Some("hunter2"), "pw=[redacted]"),
            (
                "key 0123456789abcdef0123".into(),
                true,
                None,
                "key [redacted]",
            ),
            (
                "key 0123456789abcdef0123".into(),
                false,
                None,
                "key 0123456789abcdef0123",
            ),
            (
                "in src/deploy/config1/production.yaml".into(),
                true,
                None,
                "in src/deploy/config1/production.yaml",
            ),
            (
                "k: -----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- end".into(),
                false,
                None,
                "k: [redacted] end",
            ),
        ] {
            assert_eq!(redact(&text, is_secret, known), expected);
        }
    }
}

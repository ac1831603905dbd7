//! What is known of the text at a place, however its lines are numbered.

use std::fmt;

use super::identity::Fields;
use super::observation::{Kind, Observation};

/// The name under which GitHub looks for the hash of a line and those after it.
pub const LINE_HASH: &str = "primaryLocationLineHash";

/// The best that is known of the text at a place: how good it is, the best
/// first, and its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Context {
    rank: u8,
    hash: u64,
}

impl Context {
    const LINE_HASH: u8 = 0;
    const SCANNERS_HASH: u8 = 1;
    const SNIPPET: u8 = 2;
    const MESSAGE: u8 = 3;
    const NOTHING: u8 = 4;

    fn new(rank: u8, text: &str) -> Self {
        let mut fields = Fields::new("context/1");
        fields.add(text);
        let [a, b, c, d, e, f, g, h, ..] = fields.finish();
        Self {
            rank,
            hash: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
        }
    }

    /// The context that [`fmt::Display`] writes as this text.
    pub fn parse(text: &str) -> Option<Self> {
        let (rank, hash) = text.split_once(':')?;
        let rank = rank.parse().ok().filter(|rank| *rank <= Self::NOTHING)?;
        let hash = u64::from_str_radix(hash, 16).ok()?;
        Some(Self { rank, hash })
    }

    /// What [`fmt::Display`] writes.
    pub(super) fn text(self) -> [u8; 18] {
        let mut text = [b':'; 18];
        text[0] = b'0' + self.rank;
        let digits = text[2..].iter_mut().rev();
        for (at, digit) in digits.enumerate() {
            *digit = b"0123456789abcdef"[(self.hash >> (4 * at)) as usize & 0xF];
        }
        text
    }

    /// Whether a fingerprint of this name speaks of the text.
    pub fn reads(name: &str) -> bool {
        let is_context = |start: &str| start.eq_ignore_ascii_case("context");
        name == LINE_HASH || name.get(..7).is_some_and(is_context)
    }

    /// Whether it speaks of the text itself and not of a message.
    pub const fn is_of_text(self) -> bool {
        self.rank <= Self::SNIPPET
    }

    /// The context of an observation: the one that it came with, or what its
    /// parts say.
    pub fn of(one: &Observation<'_>) -> Self {
        if let Some(context) = &one.context {
            return **context;
        }
        let own = |wanted: &dyn Fn(&str) -> bool| {
            let telling = one
                .fingerprints
                .iter()
                .filter(|(_, value)| is_telling(value));
            let wanted = telling.filter(|(name, _)| wanted(name));
            wanted.map(|(_, value)| value.as_ref()).min()
        };
        if let Some(hash) = own(&|name| name == LINE_HASH) {
            // The count after the colon is about the whole file.
            return Self::new(Self::LINE_HASH, hash.split(':').next().unwrap_or(hash));
        }
        if let Some(hash) = own(&|name| Self::reads(name)) {
            return Self::new(Self::SCANNERS_HASH, hash);
        }
        if one.kind == Kind::Secret {
            // The hash of little more than a password could be tried out.
            return Self::new(Self::NOTHING, "");
        }
        let snippet = one
            .location()
            .and_then(|location| location.snippet.as_deref());
        if let Some(snippet) = snippet.filter(|snippet| !snippet.trim().is_empty()) {
            let words: Vec<&str> = snippet.split_whitespace().collect();
            return Self::new(Self::SNIPPET, &words.join(" "));
        }
        Self::new(Self::MESSAGE, &plain_words(&one.message))
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Digits alone: it is UTF-8.
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

/// Whether a scanner's fingerprint says something: not empty and no excuse.
pub fn is_telling(value: &str) -> bool {
    value.len() >= 8 && !value.contains(' ') && value.bytes().any(|byte| byte.is_ascii_digit())
}

/// The words of a message that hold neither digits nor folders: what is left
/// has no line, commit, date, version or temporary path in it.
fn plain_words(message: &str) -> String {
    let is_plain = |word: &&str| {
        let changes = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'/' | b'\\');
        !word.bytes().any(changes)
    };
    let words: Vec<&str> = message.split_whitespace().filter(is_plain).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_keep_only_what_does_not_change() {
        let at = |commit: &str, folder: &str| {
            plain_words(&format!(
                "Key found in {folder}/a.py, line 12, at commit {commit} on 2024-01-02"
            ))
        };
        assert_eq!(at("6d12798", "/tmp/a1"), at("00ffab3", "/tmp/b2"));
    }

    #[test]
    fn excuses_are_no_fingerprints() {
        assert!(!is_telling("requires login"));
        assert!(!is_telling(""));
        assert!(is_telling("39fa2ee980eb94b0:1"));
    }

    #[test]
    fn a_context_is_read_as_it_is_written() {
        let context = Context::new(Context::SNIPPET, "let a = 1;");
        assert_eq!(Context::parse(&context.to_string()), Some(context));
        assert_eq!(Context::parse("9:0"), None);
    }
}

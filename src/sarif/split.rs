//! Finds the results of a log without reading them.
//!
//! Nearly all of a large log is results, and they are read one by one. To know where each begins
//! it is enough to count brackets outside of texts, of 64 bytes at once. What is not plain here is
//! left to whoever reads the log as a whole, which also knows what is wrong, and where.

use std::hint::black_box;
use std::ops::Range;

use serde::de::Error as _;
use wide::u8x16;

use super::document::Log;
use super::json::Results;

/// A log in two parts.
#[derive(Debug)]
pub(super) struct Split<'t> {
    /// The log without its results: instead of a list of results it holds the number of the list.
    pub(super) outline: String,
    lists: Vec<Vec<&'t str>>,
}

impl<'t> Split<'t> {
    /// Splits a log. `None` where it is none, where it is written in another way than scanners
    /// do, and where less than half of it is results.
    pub(super) fn of(text: &'t str) -> Option<Self> {
        let mut cut = Vec::new();
        let mut log = Walker {
            text,
            bytes: text.as_bytes(),
            at: 0,
            near: 0,
        };
        log.object(|log, key| match (key, log.peek()?) {
            ("runs", b'[') => log.list(|log| match log.peek()? {
                b'{' => log.object(|run, key| match (key, run.peek()?) {
                    ("results", b'[') => {
                        cut.push(run.results()?);
                        Some(())
                    }
                    _ => run.value().map(drop),
                }),
                _ => log.value().map(drop),
            }),
            _ => log.value().map(drop),
        })?;
        let results: usize = cut.iter().map(|(place, _)| place.len()).sum();
        if results * 2 < text.len() {
            return None;
        }
        // Numbers and their brackets are shorter than any list that is worth it.
        let mut outline = String::with_capacity(text.len() - results + 24 * cut.len());
        let mut lists = Vec::with_capacity(cut.len());
        let mut rest = 0;
        for (place, results) in cut {
            outline.push_str(text.get(rest..place.start)?);
            outline.push_str(&format!("[{}]", lists.len()));
            rest = place.end;
            lists.push(results);
        }
        outline.push_str(text.get(rest..)?);
        Some(Self { outline, lists })
    }

    /// The whole log, of its outline that is kept somewhere.
    ///
    /// # Errors
    /// Where the outline is no log, or not all results are in it. They are not looked into.
    pub(super) fn log(mut self, outline: &'t str) -> Result<Log<'t>, serde_json::Error> {
        let mut log: Log<'t> = serde_json::from_str(outline)?;
        for run in &mut log.runs {
            if let Results::Are(results) = &mut run.results {
                let found = self.take(results);
                *results = found.ok_or_else(|| serde_json::Error::custom("no such results"))?;
            }
        }
        // A key that stands there twice counts once: nobody would see that the other is broken.
        if self.lists.iter().any(|list| !list.is_empty()) {
            return Err(serde_json::Error::custom("results that are not read"));
        }
        Ok(log)
    }

    /// Takes out the results for which the outline has this list.
    fn take(&mut self, outlined: &[&str]) -> Option<Vec<&'t str>> {
        let [number] = outlined else {
            return None;
        };
        let list = self.lists.get_mut(number.parse::<usize>().ok()?)?;
        Some(std::mem::take(list))
    }
}

/// Goes over JSON text. It does not check what it passes over.
struct Walker<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    /// Up to here the text is in the processor's nearest memory.
    near: usize,
}

impl<'t> Walker<'t> {
    fn peek(&mut self) -> Option<u8> {
        let blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.bytes[self.at..].iter().take_while(blank).count();
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// What stands between brackets.
    fn items(&mut self, close: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.at += 1;
        if self.peek()? == close {
            self.at += 1;
            return Some(());
        }
        loop {
            item(self)?;
            match self.next()? {
                b',' => {}
                byte if byte == close => return Some(()),
                _ => return None,
            }
        }
    }

    fn list(&mut self, item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.items(b']', item)
    }

    fn object(&mut self, mut member: impl FnMut(&mut Self, &str) -> Option<()>) -> Option<()> {
        if self.peek()? != b'{' {
            return None;
        }
        self.items(b'}', |this| {
            if this.peek()? != b'"' {
                return None;
            }
            let key = this.value()?.trim_matches('"');
            // A key may be written with escapes; nobody does.
            if key.contains('\\') || this.next()? != b':' {
                return None;
            }
            member(this, key)
        })
    }

    /// Where a list of results stands, and where each of them.
    fn results(&mut self) -> Option<(Range<usize>, Vec<&'t str>)> {
        let start = self.at;
        let mut results = Vec::new();
        self.list(|this| {
            results.push(this.value()?);
            Some(())
        })?;
        Some((start..self.at, results))
    }

    /// Passes over a value.
    fn value(&mut self) -> Option<&'t str> {
        let first = self.peek()?;
        let start = self.at;
        self.at += match first {
            b'{' | b'[' => self.bracketed()?,
            b'"' => self.quoted()?,
            _ => {
                let ends = |byte: &u8| !matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'E' | b'+' | b'-' | b'.');
                self.bytes[start..].iter().position(ends)?
            }
        };
        let value = self.text.get(start..self.at);
        value.filter(|value| !value.is_empty())
    }

    /// The length of the text in quotes that stands here.
    fn quoted(&self) -> Option<usize> {
        let mut end = self.at + 1;
        loop {
            end += memchr::memchr2(b'"', b'\\', self.bytes.get(end..)?)?;
            if self.bytes[end] == b'"' {
                return Some(end + 1 - self.at);
            }
            end += 2;
        }
    }

    /// The length of what stands here between brackets that belong together.
    fn bracketed(&mut self) -> Option<usize> {
        let rest = &self.bytes[self.at..];
        let (blocks, last) = rest.as_chunks::<64>();
        let mut padded = [b' '; 64];
        padded[..last.len()].copy_from_slice(last);
        let mut depth = 0_u32;
        let mut texts = Texts::default();
        for (number, block) in blocks.iter().chain([&padded]).enumerate() {
            let from = number * 64;
            self.bring(self.at + from);
            let found = Found::of(block);
            let outside = !texts.inside(found.quotes, found.backslashes);
            let (opens, closes) = (found.opens & outside, found.closes & outside);
            if closes.count_ones() < depth {
                depth = depth + opens.count_ones() - closes.count_ones();
                continue;
            }
            let mut brackets = opens | closes;
            while brackets != 0 {
                let at = brackets.trailing_zeros();
                if opens >> at & 1 == 1 {
                    depth += 1;
                } else {
                    depth -= 1;
                    if depth == 0 {
                        return Some(from + at as usize + 1);
                    }
                }
                brackets &= brackets - 1;
            }
        }
        None
    }

    /// Fetches what comes next from far memory, all at once: to wait for each part when it is its
    /// turn takes three times as long.
    fn bring(&mut self, at: usize) {
        const LINE: usize = 64;
        const MUCH: usize = 8 << 10;
        if at >= self.near {
            self.near = at + MUCH;
            let next = &self.bytes[at..self.near.min(self.bytes.len())];
            black_box(next.iter().step_by(LINE).fold(0, |all, byte| all ^ byte));
        }
    }
}

/// Which of 64 bytes are what, a bit for each.
struct Found {
    quotes: u64,
    backslashes: u64,
    opens: u64,
    closes: u64,
}

impl Found {
    fn of(block: &[u8; 64]) -> Self {
        let mut found = Self {
            quotes: 0,
            backslashes: 0,
            opens: 0,
            closes: 0,
        };
        for (at, part) in block.as_chunks::<16>().0.iter().enumerate() {
            let part = u8x16::new(*part);
            // `[` and `{`, and `]` and `}`, differ in this bit alone.
            let brackets = part | u8x16::splat(b'[' ^ b'{');
            let bits = |of: u8x16, byte: u8| {
                u64::from(of.simd_eq(u8x16::splat(byte)).to_bitmask()) << (16 * at)
            };
            found.quotes |= bits(part, b'"');
            found.backslashes |= bits(part, b'\\');
            found.opens |= bits(brackets, b'{');
            found.closes |= bits(brackets, b'}');
        }
        found
    }
}

/// What goes on from one block to the next.
#[derive(Default)]
struct Texts {
    is_inside: bool,
    is_escaped: bool,
}

impl Texts {
    /// Which bytes of the next block are inside of a text.
    fn inside(&mut self, quotes: u64, backslashes: u64) -> u64 {
        let mut inside = quotes & !self.escaped(backslashes);
        // Each bit becomes the parity of itself and those before it.
        for distance in [1, 2, 4, 8, 16, 32] {
            inside ^= inside << distance;
        }
        if self.is_inside {
            inside = !inside;
        }
        self.is_inside = inside >> 63 == 1;
        inside
    }

    /// Which bytes of the next block have a backslash before them that counts.
    fn escaped(&mut self, backslashes: u64) -> u64 {
        let mut escaped = u64::from(self.is_escaped);
        let mut rest = backslashes & !escaped;
        self.is_escaped = false;
        while rest != 0 {
            let at = rest.trailing_zeros();
            rest &= rest - 1;
            if at == 63 {
                self.is_escaped = true;
            } else {
                escaped |= 1 << (at + 1);
                rest &= !(1 << (at + 1));
            }
        }
        escaped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    fn split(results: &str) -> Option<(String, Vec<String>)> {
        // So much that it is worth it.
        let log = format!(r#"{{"version":"2.1.0","runs":[{{"results":{results},"tool":{{}}}}]}}"#);
        let mut split = Split::of(&log)?;
        let results = split.take(&["0"])?;
        let results = results.into_iter().map(str::to_owned).collect();
        Some((split.outline, results))
    }

    #[test]
    fn each_result_stands_alone() {
        let long = r#"{"message":{"text":"}]\\\"{[\\"},"locations":[{"a":[{}]},[]]}"#;
        // Borders of blocks fall everywhere.
        for blanks in 0..130 {
            let blanks = " ".repeat(blanks);
            let text = format!(r#"[{long},{blanks}7 ,null,"a\"]"{blanks}, {long}{blanks}]"#);
            let (outline, results) = split(&text).expect("split");
            assert_eq!(results, [long, "7", "null", r#""a\"]""#, long]);
            assert_eq!(
                outline,
                r#"{"version":"2.1.0","runs":[{"results":[0],"tool":{}}]}"#
            );
        }
    }

    #[test]
    fn what_is_not_plain_is_left_alone() {
        let filled = r#"{"message":{"text":"a text that is long enough to be worth it"}}"#;
        for results in [
            format!("[{filled},]"),
            format!("[{filled} {filled}]"),
            format!("[,{filled}]"),
            format!("[{filled}"),
            format!("[{filled}}}"),
            format!(r#"[{filled},"]"#),
            format!("[{filled},?]"),
        ] {
            assert!(split(&results).is_none(), "{results}");
        }
        assert!(split(&format!("[{filled}]")).is_some());
        let escaped = format!(r#"{{"runs":[{{"result\u0073":[0],"results":[{filled}]}}]}}"#);
        assert!(Split::of(&escaped).is_none());
        for other in [
            "",
            "[]",
            "{",
            "{}",
            r#"{"runs":[]}"#,
            r#"{"runs":[{"results":[]}]}"#,
        ] {
            assert!(Split::of(other).is_none(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn results_are_those_that_a_parser_finds(
            texts in prop::collection::vec(r#"[\\"{}\[\]a\n é]{0,90}"#, 1..9),
            deep in 0_usize..5,
            blanks in r"[ \n]{0,70}",
        ) {
            let results = texts.iter().map(|text| {
                let mut value = serde_json::json!({ text: [text, 1.5e3, null] });
                for _ in 0..deep {
                    value = serde_json::json!([value, {"a": value}]);
                }
                format!("{blanks}{value}{blanks}")
            });
            let results: Vec<String> = results.collect();
            let list = format!("[{}]", results.join(","));
            let parsed: Vec<&RawValue> = serde_json::from_str(&list).expect("JSON");
            let parsed: Vec<&str> = parsed.into_iter().map(RawValue::get).collect();
            if let Some((_, found)) = split(&list) {
                prop_assert_eq!(found, parsed);
            } else {
                prop_assert!(list.len() < 60);
            }
        }
    }
}

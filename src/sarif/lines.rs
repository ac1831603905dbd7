//! The hash of a line and what follows it, by which GitHub finds an alert again
//! when lines move: equal, byte by byte, to what github/codeql-action computes.
//!
//! A polynomial hash rolls over a window of 100 UTF-16 units; spaces and tabs do
//! not count, and every line break counts as one line feed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::findings::{Kind, LINE_HASH, Observation};

const WINDOW: usize = 100;
const FACTOR: u64 = 37;
/// What leaves the window was multiplied so often.
const FIRST: u64 = {
    let mut product = 1_u64;
    let mut at = 0;
    while at < WINDOW {
        product = product.wrapping_mul(FACTOR);
        at += 1;
    }
    product
};
/// Ends a file.
const END: u16 = 0xFFFF;

struct Hasher<F> {
    window: [u16; WINDOW],
    /// The line that starts at each place of the window; 0 for none.
    starts: [u32; WINDOW],
    at: usize,
    hash: u64,
    counts: HashMap<u64, u32>,
    tell: F,
}

impl<F: FnMut(u32, u64, u32)> Hasher<F> {
    fn push(&mut self, unit: u16) {
        let leaves = std::mem::replace(&mut self.window[self.at], unit);
        self.hash = self
            .hash
            .wrapping_mul(FACTOR)
            .wrapping_add(u64::from(unit))
            .wrapping_sub(FIRST.wrapping_mul(u64::from(leaves)));
        self.at = (self.at + 1) % WINDOW;
    }

    /// Tells the hash of the line that began a window ago.
    fn flush(&mut self) {
        let line = std::mem::take(&mut self.starts[self.at]);
        if line != 0 {
            let count = self.counts.entry(self.hash).or_insert(0);
            *count += 1;
            (self.tell)(line, self.hash, *count);
        }
    }
}

/// Tells the hash of every line, counted from 1, and the how many-eth line with
/// this hash it is.
pub fn hash(text: &str, tell: impl FnMut(u32, u64, u32)) {
    let mut hasher = Hasher {
        window: [0; WINDOW],
        starts: [0; WINDOW],
        at: 0,
        hash: 0,
        counts: HashMap::new(),
        tell,
    };
    let (mut line, mut starts_line, mut after_return) = (0_u32, true, false);
    for unit in text.encode_utf16().chain([END]) {
        let is_skipped = matches!(unit, 0x20 | 0x09) || (after_return && unit == 0x0A);
        after_return = unit == 0x0D;
        if is_skipped {
            continue;
        }
        let unit = if unit == 0x0D { 0x0A } else { unit };
        hasher.flush();
        if starts_line {
            line += 1;
            hasher.starts[hasher.at] = line;
        }
        starts_line = unit == 0x0A;
        hasher.push(unit);
    }
    for _ in 0..WINDOW {
        hasher.flush();
        hasher.push(0);
    }
}

/// Computes the hashes that scanners did not, from the sources: `read` gives a
/// file of the repository. What is there already stays.
pub fn add_line_hashes(
    observations: &mut [Arc<Observation<'_>>],
    mut read: impl FnMut(&str) -> Option<Vec<u8>>,
) {
    let wanted = |one: &Observation<'_>| {
        // Most need none: what tells so soonest is asked first.
        let is_place =
            one.package.is_none() && !matches!(one.kind, Kind::Vulnerability | Kind::License);
        if !is_place || one.context.is_some() {
            return None;
        }
        if one.fingerprints.iter().any(|(name, _)| name == LINE_HASH) {
            return None;
        }
        let location = one
            .location()
            .filter(|location| !location.path.is_empty())?;
        location.region.map(|region| region.start_line.get())
    };
    let mut places: Vec<(usize, u32)> = observations
        .iter()
        .enumerate()
        .filter_map(|(at, one)| Some((at, wanted(one)?)))
        .collect();
    let path = |observations: &[Arc<Observation<'_>>], at: usize| {
        observations[at]
            .location()
            .map_or_else(String::new, |location| location.path.to_string())
    };
    places.sort_by_cached_key(|(at, line)| (path(observations, *at), *line));
    let mut rest = &places[..];
    while let Some((first, _)) = rest.first() {
        let file = path(observations, *first);
        let same = rest
            .iter()
            .take_while(|(at, _)| path(observations, *at) == file)
            .count();
        let (here, others) = rest.split_at(same);
        rest = others;
        let Some(bytes) = read(&file) else {
            continue;
        };
        let mut hashes: HashMap<u32, String> = here
            .iter()
            .map(|(_, line)| (*line, String::new()))
            .collect();
        hash(&String::from_utf8_lossy(&bytes), |line, hash, count| {
            if let Some(wanted) = hashes.get_mut(&line) {
                *wanted = format!("{hash:x}:{count}");
            }
        });
        for (at, line) in here {
            if let Some(value) = hashes.get(line).filter(|value| !value.is_empty()) {
                let one = Arc::make_mut(&mut observations[*at]);
                let others = std::mem::take(&mut one.fingerprints).into_iter();
                let hash = (Cow::Borrowed(LINE_HASH), Cow::Owned(value.clone()));
                one.fingerprints = others.chain([hash]).collect();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        hash(text, |line, hash, count| {
            out.push(format!("{hash:x}:{count}"));
            assert_eq!(usize::try_from(line), Ok(out.len()), "lines come in order");
        });
        out
    }

    #[test]
    fn an_empty_file_has_one_line() {
        assert_eq!(hashes(""), ["c129715d7a2bc9a3:1"]);
    }

    #[test]
    fn blanks_do_not_count_and_line_breaks_are_one() {
        let expected = hashes("a\nb\nc\nd");
        for same in [" a\nb\n  \t\tc\n d", "a\r\nb\r\nc\r\nd", "a\rb\rc\rd"] {
            assert_eq!(hashes(same), expected, "{same:?}");
        }
        assert_eq!(
            expected,
            [
                "271789c17abda88f:1",
                "54703d4cd895b18:1",
                "180aee12dab6264:1",
                "a23a3dc5e078b07b:1"
            ]
        );
        // A blank between the two parts the pair.
        assert_eq!(hashes("a\r \nb").len(), 3);
    }

    #[test]
    fn equal_lines_are_counted() {
        let text = "x\n".repeat(300);
        let hashes = hashes(&text);
        assert_eq!(hashes.len(), 301);
        let first = hashes[0].split(':').next().expect("a hash");
        assert_eq!(hashes[1], format!("{first}:2"));
    }
}

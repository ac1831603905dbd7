//! What a change touched, from a unified diff.

use std::collections::BTreeMap;

use super::model::Changed;
use crate::findings::Finding;

/// The lines that a change added or changed, by file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// First and last line of each piece, in order.
    files: BTreeMap<String, Vec<(u32, u32)>>,
}

impl Changes {
    /// Reads a unified diff, as `git diff` writes it.
    ///
    /// # Errors
    /// The line that is none of a diff's, counted from 1.
    pub fn parse(diff: &str) -> Result<Self, usize> {
        let mut changes = Self::default();
        let mut file: Option<String> = None;
        let (mut line, mut left_old, mut left_new) = (0_u32, 0_u32, 0_u32);
        for (at, text) in diff.lines().enumerate() {
            if left_old > 0 || left_new > 0 {
                match text.bytes().next() {
                    Some(b'+') => {
                        if let Some(file) = &file {
                            changes.add(file, line);
                        }
                        line += 1;
                        left_new = left_new.saturating_sub(1);
                    }
                    Some(b'-') => left_old = left_old.saturating_sub(1),
                    Some(b' ') | None => {
                        line += 1;
                        left_old = left_old.saturating_sub(1);
                        left_new = left_new.saturating_sub(1);
                    }
                    Some(b'\\') => {}
                    Some(_) => return Err(at + 1),
                }
            } else if let Some(path) = text.strip_prefix("+++ ") {
                file = path_of(path);
                if let Some(file) = &file {
                    changes.files.entry(file.clone()).or_default();
                }
            } else if let Some(hunk) = text.strip_prefix("@@ ") {
                let (old, new) = ranges(hunk).ok_or(at + 1)?;
                (line, left_old, left_new) = (new.0, old.1, new.1);
            }
        }
        if left_old > 0 || left_new > 0 {
            return Err(diff.lines().count());
        }
        Ok(changes)
    }

    fn add(&mut self, file: &str, line: u32) {
        let pieces = self.files.entry(file.to_owned()).or_default();
        match pieces.last_mut() {
            Some((_, last)) if *last + 1 == line => *last = line,
            _ => pieces.push((line, line)),
        }
    }

    /// Whether a finding is in what was changed. One without a line is in its file.
    pub fn touch(&self, finding: &Finding<'_>, what: Changed) -> bool {
        finding.locations().any(|location| {
            let Some(pieces) = self.files.get(&*location.path) else {
                return false;
            };
            match (what, location.region) {
                (Changed::Files, _) | (_, None) => true,
                (Changed::Lines, Some(region)) => {
                    let (first, last) = region.lines();
                    pieces
                        .iter()
                        .any(|(from, to)| first <= *to && last >= *from)
                }
            }
        })
    }
}

/// The path behind `+++ `; `None` for a file that is gone.
fn path_of(text: &str) -> Option<String> {
    let path = text.split('\t').next().unwrap_or(text);
    if path == "/dev/null" {
        return None;
    }
    let path = match path
        .strip_prefix('"')
        .and_then(|path| path.strip_suffix('"'))
    {
        Some(quoted) => unquoted(quoted),
        None => path.to_owned(),
    };
    Some(path.strip_prefix("b/").unwrap_or(&path).to_owned())
}

/// git quotes what is not plain, in octal.
fn unquoted(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b't') => bytes.push(b'\t'),
            Some(b'n') => bytes.push(b'\n'),
            Some(digit @ b'0'..=b'3') => {
                let next = |byte: Option<u8>| byte.unwrap_or(b'0').wrapping_sub(b'0') & 7;
                let value = (digit - b'0') * 64 + next(rest.next()) * 8;
                bytes.push(value + next(rest.next()));
            }
            Some(other) => bytes.push(other),
            None => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

type Range = (u32, u32);

/// `-1,2 +3,4 @@ …`: first line and count on both sides.
fn ranges(hunk: &str) -> Option<(Range, Range)> {
    let mut words = hunk.split(' ');
    let mut range = |sign: char| {
        let text = words.next()?.strip_prefix(sign)?;
        let (first, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((first.parse().ok()?, count.parse().ok()?))
    };
    Some((range('-')?, range('+')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_and_changed_lines_are_known_by_file() {
        let diff = "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -1,3 +1,4 @@ f\n a\n-b\n+B\n+C\n d\n@@ -10 +11,0 @@\n-gone\ndiff --git a/y b/y\n--- a/y\n+++ /dev/null\n@@ -1 +0,0 @@\n-y\ndiff --git \"a/\\303\\274\" \"b/\\303\\274\"\n--- /dev/null\n+++ \"b/\\303\\274\"\n@@ -0,0 +1,2 @@\n+--- not a header\n+2\n\\ No newline at end of file\n";
        let changes = Changes::parse(diff).expect("a diff");
        let expected = [("x", vec![(2, 3)]), ("ü", vec![(1, 2)])]
            .map(|(file, pieces)| (file.to_owned(), pieces));
        assert_eq!(changes.files, expected.into());
        assert_eq!(Changes::parse("+++ b/x\n@@ x\n"), Err(2));
        assert_eq!(Changes::parse("+++ b/x\n@@ -1,5 +1,5 @@\n a\n"), Err(3));
        assert_eq!(Changes::parse(""), Ok(Changes::default()));
    }
}

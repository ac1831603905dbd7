//! The line of a file that a finding is about, as far as it may be shown.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::findings::{Finding, Kind};
use crate::sys::ui::escape_line;

/// Longer files are not looked into.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// So many characters of a line are kept for people with a narrow window.
const MIDDLE: usize = 160;

/// Reads a file of the repository by its path; nothing outside of it.
pub type Read<'r> = dyn Fn(&str) -> Option<Vec<u8>> + 'r;

/// The lines of files, each read once.
pub struct Excerpts<'r> {
    read: &'r Read<'r>,
    files: RefCell<HashMap<String, Option<Rc<str>>>>,
}

impl std::fmt::Debug for Excerpts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Excerpts")
    }
}

/// A line of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// Its number, from 1.
    pub line: u32,
    /// What it says, without blanks in front and behind, and without what may be secret.
    pub text: String,
    /// Where in it the finding begins, in characters from 0.
    pub at: Option<usize>,
}

impl<'r> Excerpts<'r> {
    /// With a way to read files.
    pub fn new(read: &'r Read<'r>) -> Self {
        Self {
            read,
            files: RefCell::new(HashMap::new()),
        }
    }

    /// The line that a finding is about; nothing where the finding is about a secret, or
    /// there is no such line.
    pub fn of(&self, finding: &Finding<'_>) -> Option<Excerpt> {
        if is_about_secrets(finding) {
            return None;
        }
        let path = finding.path()?;
        let region = finding.location()?.region?;
        let text = self.text(path)?;
        let line = text.lines().nth(region.start_line.get() as usize - 1)?;
        excerpt(
            region.start_line.get(),
            line,
            region.start_column.map(|column| column.get() as usize - 1),
        )
    }

    fn text(&self, path: &str) -> Option<Rc<str>> {
        let mut files = self.files.borrow_mut();
        let read = || {
            let bytes = (self.read)(path).filter(|bytes| bytes.len() <= MAX_BYTES)?;
            String::from_utf8(bytes).ok().map(Rc::from)
        };
        files.entry(path.to_owned()).or_insert_with(read).clone()
    }
}

fn excerpt(number: u32, line: &str, column: Option<usize>) -> Option<Excerpt> {
    let blanks = line.chars().take_while(|c| c.is_whitespace()).count();
    let plain = line.trim();
    if plain.is_empty() {
        return None;
    }
    let masked = masked(plain);
    // A caret leads astray where something before it was taken out or written otherwise.
    let is_same = masked == plain && escape_line(plain) == plain && !plain.contains('\t');
    let mut text = escape_line(&masked).replace('\t', " ");
    let at = column
        .and_then(|column| column.checked_sub(blanks))
        .filter(|at| is_same && *at < MIDDLE.min(plain.chars().count()));
    if text.chars().count() > MIDDLE {
        text = text.chars().take(MIDDLE).chain(['…']).collect();
    }
    Some(Excerpt {
        line: number,
        text,
        at,
    })
}

/// Whether the line may hold what nobody should see: then only its number is told.
fn is_about_secrets(finding: &Finding<'_>) -> bool {
    const WORDS: [&str; 9] = [
        "secret",
        "token",
        "password",
        "passwd",
        "credential",
        "private",
        "api-key",
        "apikey",
        "key-",
    ];
    const WEAKNESSES: [u32; 8] = [256, 259, 312, 321, 522, 532, 540, 798];
    let says = |text: &str| {
        let lower = text.to_ascii_lowercase();
        WORDS.iter().any(|word| lower.contains(word))
    };
    finding.kind() == Kind::Secret
        || says(finding.name())
        || finding.observations.iter().any(|one| says(&one.rule.id))
        || finding.cwes().iter().any(|cwe| WEAKNESSES.contains(cwe))
}

/// A line without words that look like keys: a finding about something else may share its
/// line with one.
fn masked(line: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '_' | '-');
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(is_part) {
        out.push_str(&rest[..start]);
        let word = &rest[start..];
        let end = word.find(|c: char| !is_part(c)).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        // `NAME=value` and paths are looked at part by part.
        let parts = word.split_inclusive(['=', '/']);
        if looks_like_key(word) && !word.contains(['=', '/']) || is_base64(word) {
            out.push_str("***");
        } else {
            for part in parts {
                let plain = part.trim_end_matches(['=', '/']);
                if looks_like_key(plain) {
                    out.push_str("***");
                    out.push_str(&part[plain.len()..]);
                } else {
                    out.push_str(part);
                }
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn looks_like_key(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
    word.len() >= 16 && digits >= 2 && letters >= 2 && !word.contains("--")
}

/// Several kinds of characters in a long word that is no path.
fn is_base64(word: &str) -> bool {
    let has = |test: fn(&u8) -> bool| word.bytes().any(|byte| test(&byte));
    word.len() >= 40
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
        && !word.contains('=')
        || word.len() >= 24 && word.ends_with("==")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_key_is_not_shown() {
        for (line, shown) in [
            (
                "git push gitlab main --force-with-lease",
                "git push gitlab main --force-with-lease",
            ),
            (
                "run: curl -H k3Jd82hHs92kdLs0aPq7zX x",
                "run: curl -H *** x",
            ),
            ("KEY=sk_live_4eC39HqLyjWDarjtT1zdp7dc", "KEY=***"),
            (
                "url: https://u:ghp_0123456789abcdefABCDEF@example.com/a",
                "url: https://u:***@example.com/a",
            ),
            (
                "COPY backend/app/module_two/handlers.py /app/",
                "COPY backend/app/module_two/handlers.py /app/",
            ),
            (
                "data: AAAAB3NzaC1yc2EAAAADAQABAAABgQC7v/x+yz0123456789==",
                "data: ***",
            ),
            (
                "uses: actions/checkout@df4cb1c069e1874edd31b4311f1884172cec0e10",
                "uses: actions/checkout@***",
            ),
        ] {
            assert_eq!(masked(line), shown);
        }
    }

    #[test]
    fn a_caret_stands_where_the_finding_is() {
        let one = excerpt(7, "    image: node:20\r", Some(11)).expect("an excerpt");
        assert_eq!((one.text.as_str(), one.at), ("image: node:20", Some(7)));
        assert_eq!(excerpt(7, "   ", None), None);
        assert_eq!(excerpt(7, "a\tb", Some(2)).expect("an excerpt").at, None);
        assert_eq!(excerpt(7, "  x", Some(0)).expect("an excerpt").at, None);
        let long = excerpt(7, &"x y ".repeat(100), None).expect("an excerpt");
        assert_eq!(long.text.chars().count(), MIDDLE + 1);
        let wild = excerpt(7, "a\u{1b}[31m\u{202e}", None).expect("an excerpt");
        assert!(!wild.text.contains('\u{1b}') && !wild.text.contains('\u{202e}'));
    }
}

//! A runbook's file: sections that are made, sections that people edited, sections of their
//! own. A comment at the top holds a digest of each section as it was made; nothing else has
//! to be kept to know what a person changed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// A runbook before it meets the file that is there.
#[derive(Debug)]
pub struct Page {
    /// Its title.
    pub title: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// Its sections.
    pub sections: Vec<Section>,
}

/// What stands below a heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// What follows.
    pub body: String,
}

/// What becomes of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It comes.
    New,
    /// It is as it should be.
    Current,
    /// What it is made of has changed, and nobody edited it.
    Updated,
    /// Nothing that it says is known any more, and nobody edited it.
    Gone,
    /// Somebody edited it or took it out, and what it is made of is as it was.
    Yours,
    /// Somebody edited it or took it out, and what it is made of has changed.
    Outdated,
}

/// A file as it should be.
#[derive(Debug)]
pub struct Joined {
    /// Its text.
    pub text: String,
    /// Its sections and what becomes of each; not those that are a person's own.
    pub sections: Vec<(String, State)>,
}

const MARK: &str = "ci-tool docs:";

impl Section {
    /// A section.
    pub fn new(title: impl Into<String>, body: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            body: body.into().trim().to_owned(),
        }
    }

    fn digest(&self) -> String {
        // Ends of lines are the checkout's.
        let body = self.body.replace("\r\n", "\n");
        let body: Vec<&str> = body.trim().lines().map(str::trim_end).collect();
        let hash = Sha256::digest(format!("{}\n{}", self.title.trim(), body.join("\n")));
        hash.iter()
            .take(4)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// A heading as a name in the comment.
fn slug(title: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    title.trim().chars().map(plain).collect()
}

impl Page {
    /// The text of a new file.
    pub fn text(&self) -> String {
        let record = self.record();
        let head = self.head();
        write(&head, &record, &self.sections, false)
    }

    fn head(&self) -> String {
        format!("# {}\n\n{}\n", self.title, self.purpose)
    }

    fn record(&self) -> BTreeMap<String, String> {
        let all = self.sections.iter();
        all.map(|one| (slug(&one.title), one.digest())).collect()
    }

    /// The file with what is new in it, and with what people wrote.
    ///
    /// `resolved` says that what is outdated now holds what it should; `force` that nothing
    /// of what people made of sections is to stay.
    pub fn join(&self, there: &str, resolved: bool, force: bool) -> Joined {
        let old = read(there);
        let mut record = BTreeMap::new();
        let mut states = Vec::new();
        let mut sections: Vec<Section> = Vec::new();
        for section in &old.sections {
            let name = slug(&section.title);
            let made = old.record.get(&name);
            let new = self.sections.iter().find(|one| slug(&one.title) == name);
            let is_edited = made.is_none_or(|made| *made != section.digest());
            match (made, new) {
                // A section of a person's own.
                (None, None) => sections.push(section.clone()),
                (_, Some(new)) if force || !is_edited => {
                    let same = new.digest() == section.digest();
                    states.push((
                        new.title.clone(),
                        if same { State::Current } else { State::Updated },
                    ));
                    record.insert(name, new.digest());
                    sections.push(if same { section.clone() } else { new.clone() });
                }
                (made, Some(new)) => {
                    let is_same = made.is_some_and(|made| *made == new.digest());
                    let state = if is_same || resolved {
                        State::Yours
                    } else {
                        State::Outdated
                    };
                    states.push((new.title.clone(), state));
                    // What is outdated stays so until somebody says otherwise.
                    let kept = made.cloned().filter(|_| state == State::Outdated);
                    record.insert(name, kept.unwrap_or_else(|| new.digest()));
                    sections.push(section.clone());
                }
                (Some(_), None) if !is_edited => states.push((section.title.clone(), State::Gone)),
                (Some(_), None) => sections.push(section.clone()),
            }
        }
        let mut after: Option<String> = None;
        for new in &self.sections {
            let name = slug(&new.title);
            if !sections.iter().any(|one| slug(&one.title) == name) {
                match old.record.get(&name).filter(|_| !force) {
                    // Somebody took it out.
                    Some(made) => {
                        let is_same = *made == new.digest();
                        let state = if is_same || resolved {
                            State::Yours
                        } else {
                            State::Outdated
                        };
                        let kept = if state == State::Outdated {
                            made.clone()
                        } else {
                            new.digest()
                        };
                        states.push((new.title.clone(), state));
                        record.insert(name, kept);
                        continue;
                    }
                    None => {
                        let behind = sections
                            .iter()
                            .position(|one| Some(slug(&one.title)) == after);
                        let at = behind.map_or(0, |at| at + 1);
                        sections.insert(at, new.clone());
                        record.insert(name.clone(), new.digest());
                        states.push((new.title.clone(), State::New));
                    }
                }
            }
            after = Some(name);
        }
        let head = if force || old.head.trim().is_empty() {
            self.head()
        } else {
            old.head
        };
        let is_windows = there.contains("\r\n");
        Joined {
            text: write(&head, &record, &sections, is_windows),
            sections: states,
        }
    }
}

/// A file that is there.
struct Old {
    /// What comes before the first section, without the comment.
    head: String,
    record: BTreeMap<String, String>,
    sections: Vec<Section>,
}

fn read(text: &str) -> Old {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let mut record = BTreeMap::new();
    let mut head = String::new();
    let mut sections: Vec<Section> = Vec::new();
    let mut fence: Option<char> = None;
    let mut in_comment = false;
    for line in text.lines() {
        let start = line.trim_start();
        let is_mark =
            sections.is_empty() && (in_comment || start.starts_with("<!-- Made by `ci-tool docs`"));
        if is_mark {
            in_comment = !line.contains("-->");
            if let Some((_, pairs)) = line.split_once(MARK) {
                let pairs = pairs
                    .split_whitespace()
                    .filter_map(|pair| pair.split_once('='));
                record.extend(pairs.map(|(name, digest)| (name.to_owned(), digest.to_owned())));
            }
            continue;
        }
        if let Some(sign) = ['`', '~']
            .into_iter()
            .find(|sign| start.starts_with(&sign.to_string().repeat(3)))
        {
            match fence {
                None => fence = Some(sign),
                Some(open) if open == sign => fence = None,
                Some(_) => {}
            }
        }
        match (
            line.strip_prefix("## ").filter(|_| fence.is_none()),
            sections.last_mut(),
        ) {
            (Some(title), _) => sections.push(Section {
                title: title.trim().to_owned(),
                body: String::new(),
            }),
            (None, Some(last)) => {
                last.body.push_str(line);
                last.body.push('\n');
            }
            (None, None) => {
                head.push_str(line);
                head.push('\n');
            }
        }
    }
    for section in &mut sections {
        section.body = section.body.trim_matches('\n').to_owned();
    }
    Old {
        head: format!("{}\n", head.trim_matches('\n')),
        record,
        sections,
    }
}

fn write(
    head: &str,
    record: &BTreeMap<String, String>,
    sections: &[Section],
    windows: bool,
) -> String {
    let mut out = String::from(
        "<!-- Made by `ci-tool docs`, which keeps it up to date. A section that you edit stays as you wrote it,\n     and so do sections of your own. What is between these arrows is for ci-tool.\n",
    );
    let _ = write!(out, "     {MARK}");
    for (name, digest) in record {
        let _ = write!(out, " {name}={digest}");
    }
    out.push_str(" -->\n\n");
    out.push_str(head.trim_end());
    out.push('\n');
    for section in sections {
        let _ = write!(out, "\n## {}\n", section.title);
        if !section.body.trim().is_empty() {
            let _ = write!(out, "\n{}\n", section.body.trim_matches('\n'));
        }
    }
    if windows {
        out.replace('\n', "\r\n")
    } else {
        out
    }
}

/// A text of the repository as code in Markdown: in one line, and with no way out of it.
pub(super) fn code(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| {
            if c.is_control() || is_invisible(c) {
                ' '
            } else {
                c
            }
        })
        .collect();
    let longest = plain.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    if longest == 0 {
        return format!("`{plain}`");
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence} {plain} {fence}")
}

/// The same in a table, where a line is a row and `|` its border.
pub(super) fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(sections: &[(&str, &str)]) -> Page {
        Page {
            title: "Rollback",
            purpose: "For bad days.",
            sections: sections
                .iter()
                .map(|(title, body)| Section::new(*title, *body))
                .collect(),
        }
    }

    fn states(joined: &Joined) -> Vec<(&str, State)> {
        joined
            .sections
            .iter()
            .map(|(title, state)| (title.as_str(), *state))
            .collect()
    }

    #[test]
    fn what_nobody_touched_is_as_it_was_made() {
        let made = page(&[
            ("When", "Now."),
            ("How it is done", "So:\n\n```sh\n## no heading\nx\n```"),
        ]);
        let text = made.text();
        let again = made.join(&text, false, false);
        assert_eq!(again.text, text);
        assert!(
            again
                .sections
                .iter()
                .all(|(_, state)| *state == State::Current)
        );
        let windows = text.replace('\n', "\r\n");
        assert_eq!(made.join(&windows, false, false).text, windows);
    }

    #[test]
    fn news_comes_in_and_edits_stay() {
        let text = page(&[("When", "Now."), ("How", "So."), ("Old", "Gone.")]).text();
        let edited = text
            .replace("Now.", "On Mondays.")
            .replace("For bad days.", "For our bad days.")
            + "\n## Who to call\n\nAda.\n";
        let news = page(&[("When", "Now."), ("Between", "B."), ("How", "Otherwise.")]);
        let joined = news.join(&edited, false, false);
        assert_eq!(
            states(&joined),
            [
                ("When", State::Yours),
                ("How", State::Updated),
                ("Old", State::Gone),
                ("Between", State::New)
            ]
        );
        let order: Vec<&str> = joined
            .text
            .lines()
            .filter(|line| line.starts_with("## "))
            .collect();
        assert_eq!(order, ["## When", "## Between", "## How", "## Who to call"]);
        for text in ["On Mondays.", "For our bad days.", "Otherwise.", "Ada."] {
            assert!(joined.text.contains(text), "{text}");
        }
        assert!(!joined.text.contains("Gone."));
        assert_eq!(news.join(&joined.text, false, false).text, joined.text);
    }

    #[test]
    fn an_edit_of_what_changed_is_told_until_it_is_resolved() {
        let text = page(&[("When", "Now."), ("How", "So.")])
            .text()
            .replace("Now.", "Never.");
        let news = page(&[("When", "Then."), ("How", "So.")]);
        for _ in 0..2 {
            let joined = news.join(&text, false, false);
            assert_eq!(states(&joined)[0], ("When", State::Outdated));
            assert!(joined.text.contains("Never."));
            assert_eq!(news.join(&joined.text, false, false).text, joined.text);
        }
        let resolved = news.join(&text, true, false);
        assert_eq!(
            states(&news.join(&resolved.text, false, false))[0],
            ("When", State::Yours)
        );
        let forced = news.join(&text, false, true);
        assert!(forced.text.contains("Then.") && !forced.text.contains("Never."));
    }

    #[test]
    fn a_section_that_was_taken_out_stays_out() {
        let made = page(&[("When", "Now."), ("How", "So.")]);
        let without = made.text().replace("\n## How\n\nSo.\n", "");
        let joined = made.join(&without, false, false);
        assert_eq!(
            states(&joined),
            [("When", State::Current), ("How", State::Yours)]
        );
        assert_eq!(joined.text, without);
        let news = page(&[("When", "Now."), ("How", "Otherwise.")]);
        assert_eq!(
            states(&news.join(&without, false, false))[1],
            ("How", State::Outdated)
        );
    }

    #[test]
    fn a_file_of_somebody_else_keeps_all_that_is_in_it() {
        let theirs = "# Ours\n\nHello.\n\n## When\n\nNever.\n";
        let joined = page(&[("When", "Now."), ("How", "So.")]).join(theirs, false, false);
        assert_eq!(
            states(&joined),
            [("When", State::Outdated), ("How", State::New)]
        );
        assert!(
            joined
                .text
                .contains("# Ours\n\nHello.\n\n## When\n\nNever.\n\n## How\n\nSo.\n")
        );
    }

    #[test]
    fn names_of_the_repository_stay_code() {
        assert_eq!(code("a|b\n## c"), "`a|b ## c`");
        assert_eq!(cell("a|b"), "`a\\|b`");
        assert_eq!(code("a`b``c"), "``` a`b``c ```");
        assert_eq!(code("a\u{202e}b"), "`a b`");
    }

    /// A person's text: edits of sections, sections of their own, whatever the order.
    fn mixed(made: &Page, edits: &[(usize, String)]) -> (String, Vec<String>) {
        let mut sections = made.sections.clone();
        let mut written = Vec::new();
        for (at, text) in edits {
            let at = at % (sections.len() + 1);
            match sections.get_mut(at) {
                Some(section) => section.body = format!("{}\n\n{text}", section.body),
                None => sections.push(Section::new(format!("Own {text}"), text.clone())),
            }
            written.push(text.clone());
        }
        let text = write(&made.head(), &made.record(), &sections, false);
        (text, written)
    }

    proptest::proptest! {
        #[test]
        fn no_word_of_a_person_is_lost(
            old in proptest::collection::vec("[a-c]{1,3}", 1..5),
            new in proptest::collection::vec("[a-c]{1,3}", 1..5),
            edits in proptest::collection::vec((0usize..8, "mine [0-9]{4}"), 0..5),
        ) {
            const TITLES: [&str; 5] = ["One", "Two", "Three", "Four", "Five"];
            let of = |bodies: &[String]| {
                let pairs: Vec<(&str, &str)> = TITLES.into_iter().zip(bodies.iter().map(String::as_str)).collect();
                page(&pairs)
            };
            let (text, written) = mixed(&of(&old), &edits);
            let made = of(&new);
            let joined = made.join(&text, false, false);
            for word in &written {
                proptest::prop_assert!(joined.text.contains(word.as_str()), "{word} is not in\n{}", joined.text);
            }
            let again = made.join(&joined.text, false, false);
            proptest::prop_assert_eq!(&again.text, &joined.text);
            // What nobody touched follows what is known.
            if edits.is_empty() {
                proptest::prop_assert_eq!(&joined.text, &made.text());
            }
        }
    }
}

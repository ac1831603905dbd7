//! Since when a debt is there and who froze it, as git knows it.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::gate;
use crate::context::Context;
use crate::debt::Debt;

/// Who wrote a line of a file, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Author {
    /// The name.
    pub(super) name: String,
    /// The day, as `2026-11-29`.
    pub(super) day: String,
}

/// By its text, the author of each line of a file; nothing where git does not know it.
pub(super) fn authors(root: &Path, file: &str, context: &Context) -> BTreeMap<String, Author> {
    let arguments = ["blame", "--line-porcelain", "--", file];
    let Ok(said) = gate::git(root, &arguments, context) else {
        return BTreeMap::new();
    };
    let said = String::from_utf8_lossy(&said);
    let mut authors = BTreeMap::new();
    let mut author = Author {
        name: String::new(),
        day: String::new(),
    };
    for line in said.lines() {
        if let Some(text) = line.strip_prefix('\t') {
            // A line that is not committed is nobody's yet.
            if author.name != "Not Committed Yet" {
                authors.insert(text.trim().to_owned(), author.clone());
            }
        } else if let Some(name) = line.strip_prefix("author ") {
            name.clone_into(&mut author.name);
        } else if let Some(time) = line.strip_prefix("author-time ") {
            author.day = time.parse().map(day).unwrap_or_default();
        }
    }
    authors
}

/// How many complaints a debt had when it was first committed, and on which day.
pub(super) fn frozen(root: &Path, debt: &Debt, context: &Context) -> Option<(u64, String)> {
    let file = debt.path();
    let arguments = ["log", "--diff-filter=A", "--format=%H %at", "--", &file];
    let said = gate::git(root, &arguments, context).ok()?;
    let said = String::from_utf8_lossy(&said).into_owned();
    // The last time that it came: an older one was of another debt.
    let (commit, time) = said.lines().next()?.split_once(' ')?;
    // The path is one below this folder, which need not be the repository's root.
    let text = gate::git(root, &["show", &format!("{commit}:./{file}")], context).ok()?;
    let first = Debt::parse(&debt.name, &String::from_utf8_lossy(&text)).ok()?;
    Some((first.total(), day(time.parse().ok()?)))
}

/// The day of a time in seconds since 1970, in UTC.
fn day(seconds: i64) -> String {
    let time = chrono::DateTime::from_timestamp(seconds, 0);
    time.map(|time| time.format("%Y-%m-%d").to_string())
        .unwrap_or_default()
}

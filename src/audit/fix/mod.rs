//! How defects are mended: edits of files that leave everything else as it is.
//!
//! A rule gives a [`Fix`] with its defect; [`mend`] puts fixes together, looks again, and
//! takes back what did not help.

mod edits;
mod mend;
mod sarif;

use std::ops::Range;

pub use edits::Text;
pub use mend::{Mended, Told, Wanted, mend};
pub use sarif::{sarif, uri};

/// What mends a defect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, in a few words that follow "mend:".
    pub title: String,
    /// Whether something that works today may do something else afterwards.
    pub safety: Safety,
    /// The changes of files; none where a choice is open.
    pub changes: Vec<Change>,
    /// What a person has to say first.
    pub choice: Option<Choice>,
    /// Commands that a person runs afterwards: a lock file is written by its own tool.
    pub then: Vec<String>,
}

/// What a fix may do to what works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safety {
    /// Nothing that works today does something else.
    Safe,
    /// A deployment or a script behaves in another way afterwards, as is meant.
    Unsafe,
}

/// A change of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Bytes of a file become another text.
    Edit {
        /// The file.
        path: String,
        /// Where, in bytes of its text without a byte order mark.
        span: Range<usize>,
        /// What stands there afterwards, with `\n` for the ends of lines.
        text: String,
    },
    /// A file comes.
    Create {
        /// The file.
        path: String,
        /// What is in it.
        text: String,
    },
    /// A file goes.
    Remove {
        /// The file.
        path: String,
    },
}

impl Change {
    /// The file.
    pub fn path(&self) -> &str {
        match self {
            Self::Edit { path, .. } | Self::Create { path, .. } | Self::Remove { path } => path,
        }
    }
}

/// What only a person knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its name: `--answer NAME=VALUE`, or `audit.answers` of the configuration.
    pub name: &'static str,
    /// What is asked.
    pub question: &'static str,
    /// Values that come into question, the likeliest first; or one that shows the form.
    pub candidates: Vec<String>,
}

impl Fix {
    /// One that changes nothing that works.
    pub fn safe(title: impl Into<String>, changes: impl IntoIterator<Item = Change>) -> Self {
        Self {
            title: title.into(),
            safety: Safety::Safe,
            changes: changes.into_iter().collect(),
            choice: None,
            then: Vec::new(),
        }
    }

    /// One after which something behaves in another way.
    pub fn behaviour(title: impl Into<String>, changes: impl IntoIterator<Item = Change>) -> Self {
        Self {
            safety: Safety::Unsafe,
            ..Self::safe(title, changes)
        }
    }

    /// One that waits for an answer.
    pub fn asks(title: impl Into<String>, choice: Choice) -> Self {
        Self {
            choice: Some(choice),
            ..Self::safe(title, [])
        }
    }
}

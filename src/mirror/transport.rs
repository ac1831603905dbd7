//! What is asked of two repositories, whoever brings it there.

use std::collections::BTreeMap;

use super::decide::Side;
use super::refs::{Oid, Refs};

/// What a repository has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Its branches and tags; of the mirror also what is ours.
    pub refs: Refs,
    /// The full name of its default branch, where it says so.
    pub default_branch: Option<String>,
}

/// A ref that is to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// Its full name.
    pub name: String,
    /// What it must have before; `None` where it must not exist.
    pub old: Option<Oid>,
    /// What it gets; `None` deletes it.
    pub new: Option<Oid>,
}

/// What became of a push that the other side took a look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pushed {
    /// What was refused, by name; all else was written, or, in an atomic push,
    /// nothing was.
    pub refused: BTreeMap<String, Refusal>,
}

/// Why a ref was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is not any more what it was when we looked.
    Moved,
    /// A rule of the server, in its words.
    Rule(String),
    /// Only because another one of the same push was refused.
    Together,
}

/// How a push is made.
#[derive(Debug, Clone, Copy, Default)]
pub struct How<'a> {
    /// All or nothing.
    pub atomic: bool,
    /// Options that the server understands, such as `ci.skip`.
    pub options: &'a [String],
}

/// A commit, for people.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Subject {
    /// Its id.
    pub id: Oid,
    /// Its first line.
    pub subject: String,
}

/// Why something could not be found out or done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It may work in a moment.
    Passing,
    /// Somebody else wrote in the meantime: look again.
    Moved,
    /// The server does not know us, or does not let us.
    Access,
    /// There is no such repository, for us at least.
    Missing,
    /// The server cannot write several refs at once.
    NotAtomic,
    /// A side is not whole, so that nothing can be said of its history.
    Incomplete,
    /// It is too much for the server at once.
    Size,
    /// A file is too large for the server.
    FileSize,
    /// Files under Git LFS, which do not come with a push.
    Lfs,
    /// Anything else.
    Other,
}

/// What went wrong, for people and for the engine.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// What can be done about it.
    pub trouble: Trouble,
    /// What was tried, on what, and what the other side said.
    pub message: String,
}

impl Problem {
    /// A problem.
    pub fn new(trouble: Trouble, message: impl Into<String>) -> Self {
        Self {
            trouble,
            message: message.into(),
        }
    }
}

/// How much went over the network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Traffic {
    /// Bytes that were sent to either side: requests, and packs of what is pushed.
    pub sent: u64,
    /// Bytes that came from either side: lists of refs, and what was fetched.
    pub received: u64,
}

/// What a push does to a ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// It is made.
    Create,
    /// It is moved on, with all that it has.
    Forward,
    /// It is set to something that lacks what it has.
    Rewrite,
    /// It is deleted.
    Delete,
}

/// What a server says of its rules before anything is tried.
pub trait Foresight: std::fmt::Debug + Send + Sync {
    /// Which of these writes to the mirror it would refuse, and why; only what is known.
    fn refused(&self, writes: &[(&str, Write)]) -> BTreeMap<String, String>;
}

/// The two repositories. Everything that goes over the network is here.
pub trait Transport: Sync {
    /// What a side has now.
    ///
    /// # Errors
    /// Where it does not say.
    fn list(&self, side: Side) -> Result<Listing, Problem>;

    /// Brings these refs of a side here, with all their history; the answer is
    /// what they really had then.
    ///
    /// # Errors
    /// Where they do not come, or not whole.
    fn fetch(&self, side: Side, names: &[&str]) -> Result<Refs, Problem>;

    /// Which of these writes to the mirror its rules are known to refuse, and why.
    fn foreseen(&self, _writes: &[(&str, Write)]) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// Which of these objects are here.
    ///
    /// # Errors
    /// Where nothing can be read.
    fn has(&self, objects: &[&Oid]) -> Result<Vec<bool>, Problem>;

    /// Whether one commit is part of the other's history. Both are here.
    ///
    /// # Errors
    /// Where nothing can be read.
    fn is_ancestor(&self, ancestor: &Oid, descendant: &Oid) -> Result<bool, Problem>;

    /// Whether two commits have any history in common. Both are here.
    ///
    /// # Errors
    /// Where nothing can be read.
    fn is_related(&self, one: &Oid, other: &Oid) -> Result<bool, Problem>;

    /// How many commits `of` has that `without` has not, and the youngest of them.
    ///
    /// # Errors
    /// Where nothing can be read.
    fn commits(&self, of: &Oid, without: &Oid) -> Result<(usize, Vec<Subject>), Problem>;

    /// The commits of these objects that others do not have, the oldest first. What is not
    /// here counts for nothing.
    ///
    /// # Errors
    /// Where nothing can be read.
    fn history(&self, of: &[&Oid], without: &[&Oid]) -> Result<Vec<Oid>, Problem>;

    /// Reads the state that this ref of the mirror holds, and which object it is.
    ///
    /// # Errors
    /// Where it does not come.
    fn read_state(&self, name: &str) -> Result<(Oid, Vec<u8>), Problem>;

    /// Makes an object of a state, here.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn keep_state(&self, state: &[u8]) -> Result<Oid, Problem>;

    /// Writes refs of a side, each only where it is what it was.
    ///
    /// # Errors
    /// Where it is not known what became of it.
    fn push(&self, side: Side, updates: &[Update], how: How<'_>) -> Result<Pushed, Problem>;
}

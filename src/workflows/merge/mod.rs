//! stub
use serde::Serialize;
/// v
#[derive(Debug, Clone, Copy)]
pub struct Versions<'a> {
    /// b
    pub base: &'a str,
    /// t
    pub theirs: &'a str,
    /// o
    pub ours: &'a str,
}
/// o
#[derive(Debug)]
pub enum Outcome {
    /// m
    Merged {
        /// t
        text: String,
        /// n
        notes: Vec<String>,
    },
    /// c
    Conflict(Vec<Conflict>),
}
/// c
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// b
    pub block: String,
    /// l
    pub line: usize,
    /// b
    pub base: String,
    /// t
    pub theirs: String,
    /// o
    pub ours: String,
    /// w
    pub why: String,
}
/// m
pub fn merge(v: Versions<'_>) -> Outcome {
    if v.base == v.theirs {
        return Outcome::Merged {
            text: v.ours.to_owned(),
            notes: Vec::new(),
        };
    }
    if let Some(rest) = v.theirs.strip_prefix(v.base) {
        return Outcome::Merged {
            text: format!("{}{rest}", v.ours),
            notes: Vec::new(),
        };
    }
    Outcome::Conflict(vec![Conflict {
        block: "x".into(),
        line: 1,
        base: v.base.into(),
        theirs: v.theirs.into(),
        ours: v.ours.into(),
        why: "stub".into(),
    }])
}

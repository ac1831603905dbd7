//! What both sides agreed on at the end of the last sync. It lies in a ref of the
//! mirror and moves in the same push as the refs that it speaks of, so that it is
//! never older or newer than they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::refs::{Oid, Refs};

/// The version of the form that we write and read.
const VERSION: u32 = 1;

/// So many syncs are remembered.
const MAX_LOG: usize = 100;

/// The name of the file that holds it.
pub const FILE: &str = "state.json";

/// What is remembered between two syncs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The version of this form.
    version: u32,
    /// The source that it speaks of.
    pub source: String,
    /// What both sides had.
    pub refs: Refs,
    /// What was about to be written where a server cannot write all at once.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pending: BTreeMap<String, Oid>,
    /// Saved commits by the ref that holds them, with the time in seconds since 1970.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub backups: BTreeMap<String, i64>,
    /// The last syncs that wrote something, the youngest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<Entry>,
}

/// A sync that wrote something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When, in seconds since 1970.
    pub time: i64,
    /// Which run of which job, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// How many refs it wrote.
    pub written: usize,
    /// Some of their names.
    pub refs: Vec<String>,
}

/// What is there cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It cannot be understood.
    #[error("it cannot be understood: {0}")]
    Broken(String),
    /// Another version wrote it.
    #[error("it has version {0}, and this program knows version {VERSION}")]
    Version(u64),
    /// It speaks of another source.
    #[error("it speaks of the source `{0}`")]
    Foreign(String),
}

impl State {
    /// One that knows of nothing.
    pub fn new(source: &str) -> Self {
        Self {
            version: VERSION,
            source: source.to_owned(),
            ..Self::default()
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// Where it is broken, of another version, or of another source.
    pub fn read(bytes: &[u8], source: &str) -> Result<Self, StateError> {
        let broken = |error: serde_json::Error| StateError::Broken(error.to_string());
        #[derive(Deserialize)]
        struct Versioned {
            version: u64,
        }
        // The version first: another form would be told as broken.
        let versioned: Versioned = serde_json::from_slice(bytes).map_err(broken)?;
        if versioned.version != u64::from(VERSION) {
            return Err(StateError::Version(versioned.version));
        }
        let state: Self = serde_json::from_slice(bytes).map_err(broken)?;
        if state.source != source {
            return Err(StateError::Foreign(state.source));
        }
        Ok(state)
    }

    /// Its text: the same for the same state.
    pub fn write(&self) -> Vec<u8> {
        // Its maps have texts as keys, so that nothing can go wrong.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether an interrupted run was about to give a ref this value.
    pub fn is_pending(&self, name: &str, value: &Oid) -> bool {
        self.pending.get(name) == Some(value)
    }

    /// Remembers a sync.
    pub fn remember(&mut self, entry: Entry) {
        self.log.push(entry);
        let surplus = self.log.len().saturating_sub(MAX_LOG);
        self.log.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_not_ours_is_not() {
        let mut state = State::new("example.com/a/b");
        let oid = Oid::new(&"a".repeat(40)).expect("an id");
        state.refs.insert("refs/heads/main".to_owned(), oid);
        for time in 0..150 {
            state.remember(Entry {
                time,
                run: None,
                written: 1,
                refs: Vec::new(),
            });
        }
        assert_eq!((state.log.len(), state.log[0].time), (100, 50));
        let bytes = state.write();
        assert_eq!(State::read(&bytes, "example.com/a/b").expect("read"), state);
        let read = |text: &str| State::read(text.as_bytes(), "s").expect_err("refused");
        assert!(matches!(read("{"), StateError::Broken(_)));
        assert!(matches!(
            read("{\"version\":2,\"new\":1}"),
            StateError::Version(2)
        ));
        assert!(matches!(
            read("{\"version\":1,\"source\":\"t\",\"refs\":{}}"),
            StateError::Foreign(source) if source == "t"
        ));
        assert!(matches!(
            read("{\"version\":1,\"source\":\"s\",\"refs\":{\"a\":\"../x\"}}"),
            StateError::Broken(_)
        ));
    }
}

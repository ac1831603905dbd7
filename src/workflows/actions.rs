//! The actions that templates may use, from `workflows-templates/actions.toml`:
//! pinned commits and known inputs.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::project::document::{self, Node, Syntax};

const TABLE: &str = include_str!("../../workflows-templates/actions.toml");

/// One action at one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The release, as its tag is called.
    pub version: String,
    /// The full commit that the tag points to.
    pub commit: String,
    /// What runs it: `node24`, `composite`, `docker`.
    pub runtime: String,
    /// The inputs that it knows.
    pub inputs: Vec<String>,
    /// The inputs without which it fails.
    pub required: Vec<String>,
}

/// Every known action by `owner/name`.
pub static ACTIONS: LazyLock<BTreeMap<String, Action>> = LazyLock::new(|| {
    let table = document::parse(TABLE, Syntax::Toml).unwrap_or(Node::new(document::Value::Null));
    table
        .entries()
        .iter()
        .map(|entry| {
            let text = |key| {
                entry
                    .node
                    .get(key)
                    .and_then(Node::str)
                    .unwrap_or_default()
                    .to_owned()
            };
            let list = |key| {
                entry
                    .node
                    .get(key)
                    .map(Node::items)
                    .unwrap_or_default()
                    .iter()
                    .filter_map(|item| item.str().map(str::to_owned))
                    .collect()
            };
            let action = Action {
                version: text("version"),
                commit: text("commit"),
                runtime: text("runtime"),
                inputs: list("inputs"),
                required: list("required"),
            };
            (entry.key.clone(), action)
        })
        .collect()
});

/// The inputs of our own action, from its `action.yml`.
pub static OWN_INPUTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    document::parse(include_str!("../../action.yml"), Syntax::Yaml)
        .ok()
        .and_then(|action| {
            Some(
                action
                    .get("inputs")?
                    .entries()
                    .iter()
                    .map(|entry| entry.key.clone())
                    .collect(),
            )
        })
        .unwrap_or_default()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_pinned_to_a_full_commit_and_a_release() {
        assert!(ACTIONS.len() >= 10, "the table could not be read");
        for (name, action) in ACTIONS.iter() {
            assert!(super::super::is_full_commit(&action.commit), "{name}");
            assert!(
                action.version.contains(|c: char| c.is_ascii_digit()),
                "{name}"
            );
            assert!(!action.inputs.is_empty(), "{name}");
            for required in &action.required {
                assert!(action.inputs.contains(required), "{name}: {required}");
            }
        }
    }
}

//! Names of refs and what they point to.

use std::collections::BTreeMap;
use std::fmt;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// What is not a branch or a tag of a person begins with this, on the mirror.
pub const HIDDEN: &str = "refs/ci-tool/";

/// The same where a server takes branches and tags alone.
pub const HIDDEN_BRANCHES: &str = "refs/heads/ci-tool/";

/// Below this, commits of a conflict are shown to people.
pub const CONFLICTS: &str = "refs/heads/sync-conflict/";

/// Refs by full name.
pub type Refs = BTreeMap<String, Oid>;

/// The id of an object: 40 or 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Oid(Box<str>);

impl Oid {
    /// An id; `None` where the text is none.
    pub fn new(text: &str) -> Option<Self> {
        is_oid(text).then(|| Self(text.into()))
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its first digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..10]
    }
}

fn is_oid(text: &str) -> bool {
    matches!(text.len(), 40 | 64)
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}

impl<'de> Deserialize<'de> for Oid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no object id")))
    }
}

/// What a ref is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It moves.
    Branch,
    /// It stays.
    Tag,
}

/// What a full name names; `None` for what is neither a branch nor a tag.
pub fn kind(name: &str) -> Option<Kind> {
    if name.starts_with("refs/heads/") {
        Some(Kind::Branch)
    } else if name.starts_with("refs/tags/") {
        Some(Kind::Tag)
    } else {
        None
    }
}

/// A full name without `refs/heads/` or `refs/tags/`.
pub fn short(name: &str) -> &str {
    name.strip_prefix("refs/heads/")
        .or_else(|| name.strip_prefix("refs/tags/"))
        .unwrap_or(name)
}

/// Whether a name is ours, or one that forges refuse.
pub(super) fn is_reserved(name: &str) -> bool {
    name.starts_with(HIDDEN_BRANCHES)
        || name.starts_with(CONFLICTS)
        || name == "refs/heads/HEAD"
        // GitLab refuses branches that look like commits.
        || (kind(name) == Some(Kind::Branch) && is_oid(short(name)))
}

/// A glob is wrong.
#[derive(Debug, thiserror::Error)]
#[error("`{glob}` is no glob: {why}")]
pub struct GlobError {
    glob: String,
    why: String,
}

/// Globs over the names of refs: `main`, `release/*`, `tags/v*`, `heads/**`.
#[derive(Debug, Clone)]
pub struct Globs {
    set: GlobSet,
    is_empty: bool,
}

impl Globs {
    /// Globs; `*` stays within a part of a name, `**` does not.
    ///
    /// # Errors
    /// Where one is wrong.
    pub fn new(globs: &[String]) -> Result<Self, GlobError> {
        let mut builder = GlobSetBuilder::new();
        for text in globs {
            let wrong = |error: globset::Error| GlobError {
                glob: text.clone(),
                why: error.kind().to_string(),
            };
            let glob = text.strip_prefix("refs/").unwrap_or(text);
            let glob = GlobBuilder::new(glob).literal_separator(true).build();
            builder.add(glob.map_err(wrong)?);
        }
        let set = builder.build().map_err(|error| GlobError {
            glob: globs.join(", "),
            why: error.kind().to_string(),
        })?;
        Ok(Self {
            is_empty: globs.is_empty(),
            set,
        })
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Whether a ref is meant, by its short name or by `heads/…` or `tags/…`.
    pub fn matches(&self, name: &str) -> bool {
        !self.is_empty
            && (self.set.is_match(short(name))
                || name
                    .strip_prefix("refs/")
                    .is_some_and(|name| self.set.is_match(name)))
    }
}

/// Which refs are kept the same.
#[derive(Debug, Clone)]
pub struct Filter {
    include: Globs,
    exclude: Globs,
}

impl Filter {
    /// All refs that `include` means, all where it is empty, without those that
    /// `exclude` means.
    ///
    /// # Errors
    /// Where a glob is wrong.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, GlobError> {
        Ok(Self {
            include: Globs::new(include)?,
            exclude: Globs::new(exclude)?,
        })
    }

    /// Whether a ref is kept the same.
    pub fn takes(&self, name: &str) -> bool {
        kind(name).is_some()
            && !is_reserved(name)
            && (self.include.is_empty || self.include.matches(name))
            && !self.exclude.matches(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_knows_branches_and_tags_and_leaves_ours_out() {
        let names = |list: &[&str]| {
            list.iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        let filter = |include: &[&str], exclude: &[&str]| {
            Filter::new(&names(include), &names(exclude)).expect("globs")
        };
        let all = filter(&[], &[]);
        for (name, takes) in [
            ("refs/heads/main", true),
            ("refs/tags/v1", true),
            ("refs/pull/1/head", false),
            ("refs/ci-tool/sync/a", false),
            ("refs/heads/ci-tool/sync/a", false),
            ("refs/heads/sync-conflict/main", false),
            ("refs/heads/HEAD", false),
            ("refs/heads/0123456789012345678901234567890123456789", false),
            ("refs/tags/0123456789012345678901234567890123456789", true),
        ] {
            assert_eq!(all.takes(name), takes, "{name}");
        }
        let some = filter(&["main", "release/*", "tags/**"], &["v0*"]);
        for (name, takes) in [
            ("refs/heads/main", true),
            ("refs/heads/release/1", true),
            ("refs/heads/release/1/x", false),
            ("refs/heads/topic", false),
            ("refs/tags/a/b", true),
            ("refs/tags/v0.1", false),
        ] {
            assert_eq!(some.takes(name), takes, "{name}");
        }
        assert!(Filter::new(&names(&["a["]), &[]).is_err());
    }
}

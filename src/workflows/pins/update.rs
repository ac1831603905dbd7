//! Which release a use is to be raised to. The command asks GitHub; this decides.

use super::{Reference, TagVersion, Use, online::best};

/// A tag and the commit that it points to, annotated or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// The name.
    pub name: String,
    /// The full commit id.
    pub commit: String,
}

/// What a use runs today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Current {
    /// A commit that has a tag: the one that says most about it.
    At(Tag),
    /// It cannot be raised; a person has to look at it.
    Left(String),
}

/// What a use runs today, by the tags of its repository.
pub fn current(found: &Use, tags: &[Tag]) -> Current {
    let Some(repository) = found.repository() else {
        return Current::Left("it is no action of a repository".to_owned());
    };
    let slug = repository.slug();
    let at = |commit: &str| {
        let same: Vec<Tag> = tags
            .iter()
            .filter(|tag| tag.commit == commit)
            .cloned()
            .collect();
        best(&same).cloned().map(Current::At)
    };
    let named = |name: &str| {
        tags.iter()
            .find(|tag| tag.name == name)
            .and_then(|tag| at(&tag.commit))
    };
    match &repository.reference {
        Reference::Commit(commit) => at(commit).unwrap_or_else(|| {
            Current::Left(format!(
                "no tag of {slug} points to {commit}: `ci-tool pins check --online` says whose commit it is"
            ))
        }),
        Reference::Tag(name) => named(name).unwrap_or_else(|| {
            Current::Left(format!(
                "{slug} has no tag `{name}`: if it is a branch, name a release instead"
            ))
        }),
        Reference::Name(name) => match named(name) {
            Some(Current::At(tag)) if TagVersion::parse(&tag.name).is_some() => Current::At(tag),
            _ => Current::Left(format!(
                "`{name}` is a branch, or a tag that is no version: name a release instead"
            )),
        },
        Reference::ShortCommit(id) => named(id).unwrap_or_else(|| {
            Current::Left(format!("`{id}` is no full commit id: write all 40 digits"))
        }),
    }
}

/// The releases newer than `tag`, newest first. Pre-releases are left out, and
/// tags that are known to move wherever there are full versions. `major` crosses
/// major versions.
pub fn newer<'a>(tags: &'a [Tag], tag: &Tag, major: bool) -> Vec<&'a Tag> {
    let Some(from) = TagVersion::parse(&tag.name) else {
        return Vec::new();
    };
    let mut found: Vec<(TagVersion, &Tag)> = tags
        .iter()
        .filter_map(|tag| Some((TagVersion::parse(&tag.name)?, tag)))
        .filter(|(version, _)| {
            version.prefix == from.prefix
                && version.is_release()
                && version.version > from.version
                && (major || version.version.major == from.version.major)
        })
        .collect();
    let most = found.iter().map(|(version, _)| version.parts).max();
    // `v4` covers what stands there already: only a full version is a release.
    found.retain(|(version, newer)| Some(version.parts) == most && newer.commit != tag.commit);
    found.sort_by(|left, right| {
        (&right.0.version, &left.1.name).cmp(&(&left.0.version, &right.1.name))
    });
    found.dedup_by(|left, right| left.0.version == right.0.version);
    found.into_iter().map(|(_, tag)| tag).collect()
}

/// The tag for the comment of a use that stays at its commit; `None` where the
/// comment is right as it is. `v4` stays as long as it points there.
pub fn comment_to_write<'a>(found: &Use, tags: &[Tag], current: &'a Tag) -> Option<&'a str> {
    let is_right = found.claim().is_some_and(|claim| {
        tags.iter()
            .any(|tag| tag.name == claim && tag.commit == current.commit)
    });
    (!is_right).then_some(current.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Vec<Tag> {
        pairs
            .iter()
            .map(|(name, commit)| Tag {
                name: (*name).to_owned(),
                commit: commit.repeat(40),
            })
            .collect()
    }

    fn names(found: &[&Tag]) -> Vec<String> {
        found.iter().map(|tag| tag.name.clone()).collect()
    }

    #[test]
    fn newer_releases_come_newest_first() {
        let tags = tags(&[
            ("v4", "c"),
            ("v4.0.0", "a"),
            ("v4.1.0", "b"),
            ("v4.10.0", "c"),
            ("v4.2.0", "d"),
            ("v4.11.0-rc.1", "e"),
            ("v5", "f"),
            ("v5.0.0", "f"),
            ("x/v4.99.0", "9"),
            ("nightly", "8"),
        ]);
        let from = &tags[2];
        assert_eq!(names(&newer(&tags, from, false)), ["v4.10.0", "v4.2.0"]);
        assert_eq!(
            names(&newer(&tags, from, true)),
            ["v5.0.0", "v4.10.0", "v4.2.0"]
        );
        assert!(
            newer(&tags, &tags[3], false).is_empty(),
            "never lower, never the same"
        );
    }

    #[test]
    fn short_tags_are_releases_where_there_are_no_others() {
        let tags = tags(&[("v1", "a"), ("v2", "b"), ("v3", "c")]);
        assert_eq!(names(&newer(&tags, &tags[0], true)), ["v3", "v2"]);
        assert!(newer(&tags, &tags[0], false).is_empty());
    }

    #[test]
    fn what_runs_today_is_known_by_its_tags() {
        let tags = tags(&[
            ("v4", "c"),
            ("v4.1.0", "b"),
            ("v4.2.0", "c"),
            ("stable", "c"),
        ]);
        let at = |uses: &str| {
            let text = format!("jobs: {{a: {{steps: [uses: {uses}\n]}}}}\n");
            let found = find("x.yml", &text).expect("valid");
            match current(&found[0], &tags) {
                Current::At(tag) => tag.name,
                Current::Left(why) => why,
            }
        };
        assert_eq!(at("a/b@v4"), "v4.2.0");
        assert_eq!(at("a/b@stable"), "v4.2.0");
        assert_eq!(at(&format!("a/b@{}", "b".repeat(40))), "v4.1.0");
        assert!(at(&format!("a/b@{}", "d".repeat(40))).contains("no tag"));
        assert!(at("a/b@main").contains("branch"));
        assert!(at("a/b@v9").contains("no tag `v9`"));
        assert!(at("a/b@0a1b2c3").contains("40 digits"));
    }

    #[test]
    fn a_right_comment_stays() {
        let tags = tags(&[("v4", "c"), ("v4.1.0", "b"), ("v4.2.0", "c")]);
        let write = |commit: &str, comment: &str, at: usize| {
            let text = format!(
                "jobs:\n a:\n  steps:\n  - uses: a/b@{}{comment}\n",
                commit.repeat(40)
            );
            let found = find("x.yml", &text).expect("valid");
            comment_to_write(&found[0], &tags, &tags[at]).map(str::to_owned)
        };
        assert_eq!(write("c", " # v4", 2), None);
        assert_eq!(write("c", " # v4.2.0", 2), None);
        assert_eq!(write("b", " # v4", 1).as_deref(), Some("v4.1.0"));
        assert_eq!(write("c", "", 2).as_deref(), Some("v4.2.0"));
    }
}

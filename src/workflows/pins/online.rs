//! What is wrong with a pinned commit, as far as GitHub tells. The command asks;
//! this decides.

use super::check::{Finding, Kind};
use super::{TagVersion, update::Tag};

/// What GitHub says about the name that a comment claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// There is no comment, or it claims nothing.
    Nothing,
    /// It is a tag, of this commit.
    Tag(String, String),
    /// It is a branch.
    Branch(String),
    /// It is neither.
    Unknown(String),
}

/// Whether a commit belongs to the repository that it is asked of. All
/// repositories of a fork network share their commits, so that GitHub finds one
/// of a fork under the name of the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// It is in the history of a branch or a tag.
    Own,
    /// It is in none of them.
    Elsewhere,
    /// GitHub finds no such commit.
    Nowhere,
}

/// What GitHub says about a pinned commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// `owner/name`.
    pub slug: String,
    /// The commit that runs.
    pub commit: String,
    /// Whether the pin names an annotated tag's own id instead.
    pub is_tag_object: bool,
    /// What the comment claims.
    pub claimed: Claimed,
    /// The tags that point to the commit; they are asked for only where the
    /// claim is not right.
    pub tags: Vec<Tag>,
    /// Whether the commit is the repository's own.
    pub home: Home,
}

/// What is wrong with the commit.
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if facts.is_tag_object {
        findings.push(Finding::new(
            Kind::TagObject,
            "the id is that of an annotated tag, not of a commit",
            format!("write the commit: {}", facts.commit),
        ));
    }
    findings.extend(match facts.home {
        Home::Nowhere => Some(Finding::new(
            Kind::NoSuchCommit,
            format!("{} knows no commit {}", facts.slug, facts.commit),
            "`ci-tool pins update` pins a release once the tag stands behind `@`",
        )),
        Home::Elsewhere => Some(Finding::new(
            Kind::Impostor,
            format!(
                "commit {} is in no branch and no tag of {}: it comes from a fork, or was removed from the repository",
                facts.commit, facts.slug
            ),
            "treat it as hostile until you know who wrote it: look at what it runs, then pin a release",
        )),
        Home::Own => comment(facts),
    });
    findings
}

fn comment(facts: &Facts) -> Option<Finding> {
    let real = best(&facts.tags);
    let write = |tag: Option<&Tag>| match tag {
        Some(tag) => format!("write `# {}`", tag.name),
        None => "pin the commit of a release: `ci-tool pins update`".to_owned(),
    };
    match &facts.claimed {
        Claimed::Nothing | Claimed::Branch(_) => None,
        Claimed::Tag(_, commit) if *commit == facts.commit => None,
        Claimed::Tag(tag, commit) => {
            let has_moved = real.is_none_or(|real| {
                let covers = |claim: TagVersion, real: TagVersion| claim.covers(&real);
                TagVersion::parse(tag)
                    .zip(TagVersion::parse(&real.name))
                    .is_some_and(|(claim, real)| covers(claim, real))
            });
            Some(if has_moved {
                let was = real.map_or_else(String::new, |real| format!(" (it is {})", real.name));
                Finding::new(
                    Kind::MovedTag,
                    format!("`{tag}` points to {commit} now, not to the pinned commit{was}"),
                    write(real),
                )
            } else {
                let is = real.map_or("", |real| &real.name);
                Finding::new(
                    Kind::WrongComment,
                    format!(
                        "the comment says `{tag}`, which is {commit}; the pinned commit is `{is}`"
                    ),
                    write(real),
                )
            })
        }
        Claimed::Unknown(name) => {
            let is = real.map_or_else(
                || "the pinned commit has no tag".to_owned(),
                |real| format!("the pinned commit is `{}`", real.name),
            );
            Some(Finding::new(
                Kind::WrongComment,
                format!(
                    "the comment says `{name}`, and {} has no such tag; {is}",
                    facts.slug
                ),
                write(real),
            ))
        }
    }
}

/// The tag that says most about a commit: the version with the most numbers.
pub fn best(tags: &[Tag]) -> Option<&Tag> {
    tags.iter().max_by_key(|tag| {
        let version = TagVersion::parse(&tag.name);
        let parts = version.as_ref().map_or(0, |version| version.parts);
        let is_release = version.as_ref().is_some_and(TagVersion::is_release);
        (
            is_release,
            version
                .as_ref()
                .is_some_and(|version| version.prefix.is_empty()),
            parts,
            version.map(|version| version.version),
            std::cmp::Reverse(tag.name.clone()),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(claimed: Claimed, tags: &[&str], home: Home) -> Facts {
        Facts {
            slug: "a/b".to_owned(),
            commit: "c1".to_owned(),
            is_tag_object: false,
            claimed,
            tags: tags
                .iter()
                .map(|name| Tag {
                    name: (*name).to_owned(),
                    commit: "c1".to_owned(),
                })
                .collect(),
            home,
        }
    }

    #[test]
    fn a_claim_is_right_moved_or_wrong() {
        let tag = |name: &str, commit: &str| Claimed::Tag(name.to_owned(), commit.to_owned());
        let unknown = || Claimed::Unknown("v9".to_owned());
        for (claimed, tags, home, expected, word) in [
            (tag("v4", "c1"), &[][..], Home::Own, None, ""),
            (Claimed::Nothing, &["v1"], Home::Own, None, ""),
            (Claimed::Branch("main".to_owned()), &[], Home::Own, None, ""),
            (
                tag("v4", "c2"),
                &["v4.1.1"],
                Home::Own,
                Some(Kind::MovedTag),
                "c2 now",
            ),
            (
                tag("v4.1.1", "c2"),
                &[],
                Home::Own,
                Some(Kind::MovedTag),
                "c2 now",
            ),
            (
                tag("v4.1.2", "c2"),
                &["v4.1.1"],
                Home::Own,
                Some(Kind::WrongComment),
                "`v4.1.1`",
            ),
            (
                tag("v5", "c2"),
                &["v4", "v4.1.1"],
                Home::Own,
                Some(Kind::WrongComment),
                "`v4.1.1`",
            ),
            (
                unknown(),
                &["v4"],
                Home::Own,
                Some(Kind::WrongComment),
                "no such tag",
            ),
            (
                unknown(),
                &[],
                Home::Own,
                Some(Kind::WrongComment),
                "has no tag",
            ),
            (
                tag("v4", "c2"),
                &[],
                Home::Elsewhere,
                Some(Kind::Impostor),
                "fork",
            ),
            (
                Claimed::Nothing,
                &[],
                Home::Elsewhere,
                Some(Kind::Impostor),
                "fork",
            ),
            (
                tag("v4", "c2"),
                &[],
                Home::Nowhere,
                Some(Kind::NoSuchCommit),
                "c1",
            ),
        ] {
            let facts = facts(claimed, tags, home);
            let findings = judge(&facts);
            assert_eq!(
                findings.first().map(|found| found.kind),
                expected,
                "{facts:?}"
            );
            assert!(
                findings.iter().all(|found| found.message.contains(word)),
                "{findings:?}"
            );
        }
    }

    #[test]
    fn the_fullest_version_names_a_commit_best() {
        let facts = facts(
            Claimed::Nothing,
            &["latest", "v4", "v4.1.1", "v4.1", "x/v9.9.9", "v5.0.0-rc.1"],
            Home::Own,
        );
        assert_eq!(
            best(&facts.tags).map(|tag| tag.name.as_str()),
            Some("v4.1.1")
        );
    }
}

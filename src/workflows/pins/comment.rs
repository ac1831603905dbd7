//! The comment behind a pin: which tag it claims the commit to be.
//!
//! Tools write `# v4.1.2`, `# tag=v4`, `# pin@v4`, `# ratchet:actions/checkout@v4`,
//! and people write words beside it.

use std::ops::Range;

use super::version::TagVersion;

/// The comment behind a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Its text, with the `#`.
    pub text: String,
    /// The tag that it claims, where it does.
    pub claim: Option<Claim>,
}

/// The tag that a comment claims the commit to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The tag's name.
    pub tag: String,
    /// Where it stands in the file, in bytes.
    pub span: Range<usize>,
}

/// Words that introduce a tag, before `=`, `:` or `@`.
const LABELS: [&str; 8] = [
    "tag", "version", "ver", "pin", "pinned", "ref", "ratchet", "renovate",
];

/// Branches whose bare name is taken for a claim.
const BRANCHES: [&str; 2] = ["main", "master"];

impl Comment {
    /// Reads a comment whose `#` stands at byte `at` of the file.
    pub fn read(text: &str, at: usize) -> Self {
        let text = text.trim_end();
        let mut start = 0;
        // `# v4 # zizmor: ignore[...]`: every part may be the one.
        let claim = text.split('#').find_map(|part| {
            let found = claim(part).map(|range| Claim {
                tag: part[range.clone()].to_owned(),
                span: at + start + range.start..at + start + range.end,
            });
            start += part.len() + 1;
            found
        });
        Self {
            text: text.to_owned(),
            claim,
        }
    }
}

/// Where in a part of a comment the claimed tag stands.
fn claim(part: &str) -> Option<Range<usize>> {
    let mut is_labelled = false;
    let mut end = 0;
    for word in part.split_whitespace() {
        end += part[end..].find(word)? + word.len();
        let (labels, tag) = split_labels(word);
        is_labelled |= labels;
        // `tag: v4`
        if tag.is_empty() && is_labelled {
            continue;
        }
        let start = end - tag.len();
        let tag = tag.trim_end_matches([',', ';', '.', ')']);
        let is_tag = is_plain(tag)
            && (is_labelled || is_version(tag) || BRANCHES.contains(&tag) && part.trim() == tag);
        return is_tag.then_some(start..start + tag.len());
    }
    None
}

/// A word without the labels before it: `ratchet:actions/checkout@v4` is `v4`.
fn split_labels(word: &str) -> (bool, &str) {
    if let Some(tag) = word.strip_prefix('@') {
        return (true, tag);
    }
    let Some(at) = word.find(['=', ':', '@']) else {
        return (false, word);
    };
    let (label, rest) = (&word[..at], &word[at + 1..]);
    // `ratchet:exclude` asks another tool to leave the line alone.
    let is_label = rest != "exclude" && LABELS.contains(&label.to_ascii_lowercase().as_str());
    // `actions/checkout@v4`
    let is_action = word.as_bytes()[at] == b'@' && label.contains('/');
    if is_label || is_action {
        (true, split_labels(rest).1)
    } else {
        (false, word)
    }
}

fn is_plain(tag: &str) -> bool {
    !tag.is_empty()
        && tag
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-/+@".contains(c))
}

/// A version that nobody takes for a year or a number in a sentence: `v4.0.0rc1`
/// is one as well.
fn is_version(word: &str) -> bool {
    let mut chars = word.chars();
    if matches!(chars.next(), Some('v' | 'V')) && chars.next().is_some_and(|c| c.is_ascii_digit()) {
        return true;
    }
    TagVersion::parse(word).is_some_and(|found| {
        let tail = &word[found.prefix.len()..];
        tail.starts_with(['v', 'V']) || found.prefix.is_empty() && found.parts > 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_to_claim_a_tag_are_known() {
        for (text, tag) in [
            ("# v4.1.2", "v4.1.2"),
            ("#v4", "v4"),
            ("#   4.1", "4.1"),
            ("# v4.0.0rc1", "v4.0.0rc1"),
            ("# tag=v4.1.2", "v4.1.2"),
            ("# tag: v4", "v4"),
            ("# version: 1.0.0", "1.0.0"),
            ("# pin@v4", "v4"),
            ("# @v4", "v4"),
            ("# ratchet:actions/checkout@v4", "v4"),
            ("# actions/checkout@v4.1.2", "v4.1.2"),
            ("# renovate: tag=v4", "v4"),
            ("# tag=stable", "stable"),
            ("# main", "main"),
            ("# v4.1.2 (2024-01-02)", "v4.1.2"),
            ("# v4.1.2, the last one that works", "v4.1.2"),
            ("# tool/v1.2.3", "tool/v1.2.3"),
            ("# zizmor: ignore[unpinned-uses] # v4.1.2", "v4.1.2"),
            ("# v4 # zizmor: ignore[artipacked]", "v4"),
        ] {
            let comment = Comment::read(text, 100);
            let claim = comment.claim.unwrap_or_else(|| panic!("{text}"));
            assert_eq!(claim.tag, tag, "{text}");
            let span = claim.span.start - 100..claim.span.end - 100;
            assert_eq!(&text[span], tag, "{text}");
        }
    }

    #[test]
    fn other_words_claim_nothing() {
        for text in [
            "#",
            "# ",
            "# needed for v4 of the API",
            "# 2024 was a good year",
            "# see https://example.com/v4",
            "# main reason",
            "# zizmor: ignore[unpinned-uses]",
            "# ratchet:exclude",
        ] {
            assert_eq!(Comment::read(text, 0).claim, None, "{text}");
        }
    }
}

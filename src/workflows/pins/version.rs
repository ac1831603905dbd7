//! Versions as tags of actions are called: `v4`, `v4.1`, `v4.1.2`, `4.1.2`,
//! `tool/v1.2.3`, `tool-v1.2.3-rc.1`.

use semver::{BuildMetadata, Prerelease, Version};

/// A tag's name read as a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagVersion {
    /// What stands before the version: `tool/` of `tool/v1.2.3`.
    pub prefix: String,
    /// The version; numbers that the tag leaves out are 0.
    pub version: Version,
    /// How many numbers the tag names, 1 to 3: `v4` is known to move.
    pub parts: usize,
}

impl TagVersion {
    /// Reads a tag's name; `None` where it is no version.
    pub fn parse(tag: &str) -> Option<Self> {
        let start = starts(tag).find(|at| is_version_start(&tag[*at..]))?;
        let rest = tag[start..].trim_start_matches(['v', 'V']);
        let (rest, build) = match rest.split_once('+') {
            Some((rest, build)) => (rest, BuildMetadata::new(build).ok()?),
            None => (rest, BuildMetadata::EMPTY),
        };
        let (core, pre) = match rest.split_once('-') {
            Some((core, pre)) => (core, Prerelease::new(pre).ok()?),
            None => (rest, Prerelease::EMPTY),
        };
        let numbers: Vec<u64> = core
            .split('.')
            .map(|part| part.parse().ok())
            .collect::<Option<_>>()?;
        let number = |at: usize| numbers.get(at).copied().unwrap_or(0);
        (numbers.len() <= 3).then(|| Self {
            prefix: tag[..start].to_owned(),
            version: Version {
                major: number(0),
                minor: number(1),
                patch: number(2),
                pre,
                build,
            },
            parts: numbers.len(),
        })
    }

    /// Whether it is meant for everybody.
    pub fn is_release(&self) -> bool {
        self.version.pre.is_empty()
    }

    /// Whether `other` is one of the versions that this tag's name covers: `v4`
    /// covers `v4.1.2`, and `v4.1.2` only itself.
    pub fn covers(&self, other: &Self) -> bool {
        let numbers = |found: &Version| [found.major, found.minor, found.patch];
        self.prefix == other.prefix
            && self.version.pre == other.version.pre
            && numbers(&self.version)[..self.parts] == numbers(&other.version)[..self.parts]
    }
}

/// Where a version may begin: at the start, or behind what separates a name.
fn starts(tag: &str) -> impl Iterator<Item = usize> {
    let behind = tag
        .char_indices()
        .filter(|(_, c)| matches!(c, '/' | '@' | '-' | '_'))
        .map(|(at, _)| at + 1);
    std::iter::once(0).chain(behind)
}

fn is_version_start(text: &str) -> bool {
    text.strip_prefix(['v', 'V'])
        .unwrap_or(text)
        .starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tag: &str) -> TagVersion {
        TagVersion::parse(tag).unwrap_or_else(|| panic!("{tag}"))
    }

    #[test]
    fn tags_of_actions_are_read() {
        for (tag, prefix, version, parts) in [
            ("v4", "", "4.0.0", 1),
            ("v4.1", "", "4.1.0", 2),
            ("4.1.2", "", "4.1.2", 3),
            ("v4.1.2-rc.1", "", "4.1.2-rc.1", 3),
            ("v1.2.3+linux", "", "1.2.3+linux", 3),
            ("tool/v1.2.3", "tool/", "1.2.3", 3),
            ("codeql-bundle-v2.16.0", "codeql-bundle-", "2.16.0", 3),
        ] {
            let found = read(tag);
            assert_eq!(found.prefix, prefix, "{tag}");
            assert_eq!(found.version.to_string(), version, "{tag}");
            assert_eq!(found.parts, parts, "{tag}");
        }
        for tag in ["main", "release", "v", "v1.2.3.4", "vx", ""] {
            assert_eq!(TagVersion::parse(tag), None, "{tag}");
        }
    }

    #[test]
    fn a_short_tag_covers_longer_ones() {
        assert!(read("v4").covers(&read("v4.1.2")));
        assert!(read("v4.1").covers(&read("4.1.2")));
        assert!(!read("v4.1").covers(&read("v4.2.0")));
        assert!(!read("v4.1.2").covers(&read("v4.1.3")));
        assert!(!read("v4").covers(&read("v4.1.2-rc.1")));
        assert!(!read("v4").covers(&read("tool/v4.1.2")));
        assert!(read("v4.1.2-rc.1").version < read("v4.1.2").version);
    }
}

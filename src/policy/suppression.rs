//! A finding that a person set aside: which one, why, until when, and where that
//! is written.

use std::collections::BTreeSet;

use globset::GlobSet;

use super::model::OwnSuppression;
use crate::findings::{Finding, Package};

/// A day, as `YYYY-MM-DD`. Days compare as their texts do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(String);

impl From<chrono::NaiveDate> for Date {
    fn from(day: chrono::NaiveDate) -> Self {
        Self(day.to_string())
    }
}

impl Date {
    /// The day at the start of a text (`2027-01-31`, `2027-01-31T00:00:00Z`).
    pub fn parse(text: &str) -> Option<Self> {
        let day = text.trim().get(..10)?;
        let rest = text.trim().get(10..)?;
        let is_day = chrono::NaiveDate::parse_from_str(day, "%Y-%m-%d").is_ok();
        let is_end = rest.is_empty() || rest.starts_with(['T', 't', ' ']);
        (is_day && is_end).then(|| Self(day.to_owned()))
    }

    /// The day as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// So many days from it to another; negative for an earlier one.
    pub fn days_until(&self, other: &Self) -> i64 {
        let day = |date: &Self| chrono::NaiveDate::parse_from_str(&date.0, "%Y-%m-%d");
        match (day(self), day(other)) {
            (Ok(from), Ok(to)) => (to - from).num_days(),
            _ => 0,
        }
    }
}

/// Which findings are meant. All that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// The name of a rule or a vulnerability in small letters, as a glob. `None`
    /// for every one.
    pub id: Option<globset::GlobMatcher>,
    /// The name as it is written.
    pub id_text: String,
    /// Packages, of which one must be the finding's. A version that is given must
    /// be its version.
    pub packages: Vec<Package<'static>>,
    /// A package's name, where its kind is not given.
    pub package_name: Option<String>,
    /// A package's version, beside its name.
    pub package_version: Option<String>,
    /// Paths; `None` for every one.
    pub paths: Option<GlobSet>,
    /// The folder that the paths must be below; `None` for every one.
    pub folder: Option<String>,
    /// First and last line; `None` for every one.
    pub lines: Option<(u32, u32)>,
    /// Kinds of findings; empty for every one.
    pub kinds: BTreeSet<crate::findings::Kind>,
    /// Whether only what has no fix is meant (`Some(false)`), or what has one.
    pub fixable: Option<bool>,
    /// It is about packages, and none could be made out: nothing is meant.
    pub nothing: bool,
}

/// Findings that are set aside.
#[derive(Debug, Clone)]
pub struct Suppression {
    /// Which.
    pub target: Target,
    /// Why.
    pub reason: Option<String>,
    /// The last day on which it holds.
    pub expires: Option<Date>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The file that says so.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
}

impl Target {
    /// Every finding of a name.
    ///
    /// # Errors
    /// Where the name is no glob.
    pub fn of_id(id: &str) -> Result<Self, globset::Error> {
        let glob = globset::GlobBuilder::new(&id.to_ascii_lowercase()).build()?;
        Ok(Self {
            id: Some(glob.compile_matcher()),
            id_text: id.to_owned(),
            ..Self::default()
        })
    }

    /// Every finding of exactly this name, whatever letters it has.
    pub fn of_name(id: &str) -> Self {
        let escaped = globset::escape(&id.to_ascii_lowercase());
        let matcher = globset::Glob::new(&escaped).ok();
        Self {
            nothing: matcher.is_none(),
            id: matcher.map(|glob| glob.compile_matcher()),
            id_text: id.to_owned(),
            ..Self::default()
        }
    }

    /// Whether a finding is meant.
    pub fn means(&self, finding: &Finding<'_>) -> bool {
        !self.nothing
            && (self.kinds.is_empty() || self.kinds.contains(&finding.kind()))
            && self
                .id
                .as_ref()
                .is_none_or(|id| names(finding).any(|name| id.is_match(name.to_ascii_lowercase())))
            && self.means_package(finding.package())
            && self
                .paths
                .as_ref()
                .is_none_or(|paths| finding.path().is_some_and(|path| paths.is_match(path)))
            && self.folder.as_ref().is_none_or(|folder| {
                let rest = finding.path().and_then(|path| path.strip_prefix(folder));
                rest.is_some_and(|rest| rest.starts_with('/'))
            })
            && self.lines.is_none_or(|(first, last)| {
                let region = finding.location().and_then(|location| location.region);
                region.is_some_and(|region| (first..=last).contains(&region.lines().0))
            })
            && self
                .fixable
                .is_none_or(|fixable| finding.is_fixable() == fixable)
    }

    /// What is set aside by package never means a finding without one.
    fn means_package(&self, package: Option<&Package<'_>>) -> bool {
        let is_asked = !self.packages.is_empty()
            || self.package_name.is_some()
            || self.package_version.is_some();
        if !is_asked {
            return true;
        }
        let Some(package) = package else {
            return false;
        };
        let same = |wanted: &Package<'_>| {
            wanted.kind == package.kind
                && wanted.namespace == package.namespace
                && wanted.name == package.name
                && wanted
                    .version
                    .as_ref()
                    .is_none_or(|version| package.version.as_ref() == Some(version))
        };
        let is_version = |wanted: &String| package.version.as_deref() == Some(wanted);
        let is_name = |wanted: &String| {
            package.full_name().eq_ignore_ascii_case(wanted)
                || package.name.eq_ignore_ascii_case(wanted)
        };
        (self.packages.is_empty() || self.packages.iter().any(same))
            && self.package_name.as_ref().is_none_or(is_name)
            && self.package_version.as_ref().is_none_or(is_version)
    }
}

/// All names of a finding: of the vulnerability, and of each scanner's rule.
pub(super) fn names<'f>(finding: &'f Finding<'_>) -> impl Iterator<Item = &'f str> {
    let ids = finding.ids.iter().map(crate::findings::Id::as_str);
    ids.chain(finding.observations.iter().map(|one| &*one.rule.id))
}

impl Suppression {
    /// One of the configuration.
    ///
    /// # Errors
    /// The key that is wrong, and why.
    pub fn own(
        written: &OwnSuppression,
        file: &str,
        line: usize,
    ) -> Result<Self, (&'static str, String)> {
        let glob = |error: globset::Error| error.to_string();
        let mut target = Target::of_id(&written.id).map_err(|error| ("id", glob(error)))?;
        if let Some(purl) = &written.package {
            let package = Package::from_purl(purl);
            let why = || ("package", format!("`{purl}` is no package URL"));
            target.packages.push(package.ok_or_else(why)?);
        }
        if !written.path.is_empty() {
            let mut set = globset::GlobSetBuilder::new();
            for pattern in &written.path {
                let found = globset::Glob::new(pattern);
                set.add(found.map_err(|error| ("path", glob(error)))?);
            }
            target.paths = Some(set.build().map_err(|error| ("path", glob(error)))?);
        }
        if written.reason.trim().is_empty() {
            return Err(("reason", "it is empty".to_owned()));
        }
        let expires = Date::parse(&written.expires);
        let why = || {
            let day = &written.expires;
            (
                "expires",
                format!("`{day}` is no day: write it as 2027-01-31"),
            )
        };
        Ok(Self {
            target,
            reason: Some(written.reason.clone()),
            expires: Some(expires.ok_or_else(why)?),
            owner: written.owner.clone(),
            file: file.to_owned(),
            line,
        })
    }

    /// One of a comment in a source, for its line and the next.
    pub fn inline(comment: &super::ignores::Comment, file: &str) -> Self {
        let line = u32::try_from(comment.line).unwrap_or(u32::MAX);
        let mut target = Target::of_name(&comment.id);
        target.lines = Some((line, line.saturating_add(1)));
        let paths = globset::Glob::new(&globset::escape(file))
            .ok()
            .and_then(|glob| globset::GlobSetBuilder::new().add(glob).build().ok());
        target.nothing |= paths.is_none();
        target.paths = paths;
        Self {
            target,
            reason: Some(comment.reason.clone()),
            expires: None,
            owner: None,
            file: file.to_owned(),
            line: comment.line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_days() {
        let day = Date::parse("2027-01-31T00:00:00Z").expect("a day");
        assert_eq!(day.as_str(), "2027-01-31");
        let before = Date::parse("2026-12-31").expect("a day");
        assert!(before < day);
        assert_eq!(before.days_until(&day), 31);
        for text in ["", "2027-02-30", "31.01.2027", "2027-1-1", "2027-01-31x"] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }
}

//! The package that a finding is about.

use std::borrow::Cow;
use std::fmt::Write as _;

/// What a package is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Scope {
    /// The scanner does not say.
    #[default]
    Unknown,
    /// It is part of what runs.
    Runtime,
    /// It is needed to build or test only.
    Development,
}

impl Scope {
    /// The word that users know it by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Runtime => "runtime",
            Self::Development => "development",
        }
    }
}

/// A package, in the parts of a package URL (`pkg:type/namespace/name@version`).
/// Names are as their ecosystem normalises them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Package<'a> {
    /// The package URL's type (`npm`, `pypi`, `deb`); unknown for scanners that
    /// name a package and no more.
    pub kind: Option<Cow<'a, str>>,
    /// An npm scope, a Maven group, a distribution.
    pub namespace: Option<Cow<'a, str>>,
    /// The name.
    pub name: Cow<'a, str>,
    /// The installed version.
    pub version: Option<Cow<'a, str>>,
    /// What it is needed for.
    pub scope: Scope,
    /// Whether the project names it itself (true) or another package does (false).
    pub direct: Option<bool>,
    /// Its licences, as SPDX expressions where the scanner gives them.
    pub licenses: Vec<Cow<'a, str>>,
}

impl<'a> Package<'a> {
    /// A package of a kind, if that is known; the name may hold the namespace
    /// (`@scope/name`, `group:artifact`, `github.com/owner/name`).
    pub fn new(
        kind: Option<&str>,
        name: impl Into<Cow<'a, str>>,
        version: Option<Cow<'a, str>>,
    ) -> Self {
        let kind = kind.map(str::to_ascii_lowercase);
        let (namespace, name) = split_name(kind.as_deref(), name.into());
        let mut package = Self {
            kind: kind.map(Cow::Owned),
            namespace,
            name,
            version: version.filter(|version| !version.is_empty()),
            ..Self::default()
        };
        package.normalise();
        package
    }

    /// Reads a package URL. Qualifiers and subpath are left out: they tell where
    /// a package comes from, not what it is.
    pub fn from_purl(purl: &str) -> Option<Package<'static>> {
        let parsed: packageurl::PackageUrl<'_> = purl.parse().ok()?;
        let mut package = Package {
            kind: Some(Cow::Owned(parsed.ty().to_ascii_lowercase())),
            namespace: parsed.namespace().map(|text| Cow::Owned(text.to_owned())),
            name: Cow::Owned(parsed.name().to_owned()),
            version: parsed.version().map(|text| Cow::Owned(text.to_owned())),
            ..Package::default()
        };
        package.normalise();
        Some(package)
    }

    /// The package URL, without a version when `version` is false. A package of
    /// unknown kind is written as `pkg:generic`.
    pub fn purl(&self, version: bool) -> String {
        let mut out = format!("pkg:{}/", self.kind.as_deref().unwrap_or("generic"));
        if let Some(namespace) = &self.namespace {
            for part in namespace.split('/') {
                encode(&mut out, part);
                out.push('/');
            }
        }
        encode(&mut out, &self.name);
        if let (true, Some(version)) = (version, &self.version) {
            out.push('@');
            encode(&mut out, version);
        }
        out
    }

    /// The name as people write it, with its namespace.
    pub fn full_name(&self) -> Cow<'_, str> {
        match (&self.namespace, self.kind.as_deref()) {
            // A distribution's name is no part of how a package is called.
            (None, _) | (_, Some("deb" | "rpm" | "apk" | "alpm")) => Cow::Borrowed(&self.name),
            (Some(namespace), Some("maven")) => Cow::Owned(format!("{namespace}:{}", self.name)),
            (Some(namespace), _) => Cow::Owned(format!("{namespace}/{}", self.name)),
        }
    }

    fn normalise(&mut self) {
        match self.kind.as_deref() {
            // https://peps.python.org/pep-0503/: case and runs of `-_.` do not matter.
            Some("pypi") => {
                let is_normal = |text: &str| {
                    !text.contains("--")
                        && text.bytes().all(|byte| {
                            byte == b'-' || byte.is_ascii_lowercase() || byte.is_ascii_digit()
                        })
                };
                if !is_normal(&self.name) {
                    let mut name = String::with_capacity(self.name.len());
                    for c in self.name.chars() {
                        match c {
                            '-' | '_' | '.' if name.ends_with('-') => {}
                            '-' | '_' | '.' => name.push('-'),
                            c => name.push(c.to_ascii_lowercase()),
                        }
                    }
                    self.name = Cow::Owned(name);
                }
            }
            // Compared without case by their registries.
            Some("nuget" | "composer" | "github" | "bitbucket" | "deb" | "rpm" | "apk" | "npm") => {
                lower(&mut self.name);
                if let Some(namespace) = &mut self.namespace {
                    lower(namespace);
                }
            }
            // Scanners write Go's versions with and without the `v`.
            Some("golang") => {
                if let Some(version) = &mut self.version
                    && !version.starts_with('v')
                    && version.starts_with(|c: char| c.is_ascii_digit())
                {
                    *version = Cow::Owned(format!("v{version}"));
                }
            }
            _ => {}
        }
    }
}

fn lower(text: &mut Cow<'_, str>) {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        *text = Cow::Owned(text.to_ascii_lowercase());
    }
}

fn split_name<'a>(kind: Option<&str>, name: Cow<'a, str>) -> (Option<Cow<'a, str>>, Cow<'a, str>) {
    let at = match kind {
        Some("maven") => name.find([':', '/']),
        Some("npm") if !name.starts_with('@') => None,
        Some("npm" | "golang" | "composer" | "github" | "swift") => name.rfind('/'),
        // Only npm's scopes start so.
        None if name.starts_with('@') => name.rfind('/'),
        _ => None,
    };
    match at {
        Some(at) if at > 0 && at + 1 < name.len() => match name {
            Cow::Borrowed(name) => (
                Some(Cow::Borrowed(&name[..at])),
                Cow::Borrowed(&name[at + 1..]),
            ),
            Cow::Owned(name) => (
                Some(Cow::Owned(name[..at].to_owned())),
                Cow::Owned(name[at + 1..].to_owned()),
            ),
        },
        _ => (None, name),
    }
}

fn encode(out: &mut String, part: &str) {
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purls_are_read_and_written() {
        for (purl, kind, namespace, name, version) in [
            (
                "pkg:npm/lodash@4.17.15",
                "npm",
                None,
                "lodash",
                Some("4.17.15"),
            ),
            (
                "pkg:npm/%40angular/core@1.0.0",
                "npm",
                Some("@angular"),
                "core",
                Some("1.0.0"),
            ),
            (
                "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1",
                "maven",
                Some("org.apache.logging.log4j"),
                "log4j-core",
                Some("2.14.1"),
            ),
            (
                "pkg:golang/github.com/gin-gonic/gin@v1.7.0",
                "golang",
                Some("github.com/gin-gonic"),
                "gin",
                Some("v1.7.0"),
            ),
            (
                "pkg:deb/debian/libssl1.1@1.1.1n-0%2Bdeb11u3?arch=amd64&distro=debian-11",
                "deb",
                Some("debian"),
                "libssl1.1",
                Some("1.1.1n-0+deb11u3"),
            ),
        ] {
            let package = Package::from_purl(purl).expect(purl);
            assert_eq!(package.kind.as_deref(), Some(kind));
            assert_eq!(package.namespace.as_deref(), namespace);
            assert_eq!(package.name, name);
            assert_eq!(package.version.as_deref(), version);
            assert_eq!(package.purl(true), purl.split('?').next().expect("one"));
            assert_eq!(Package::from_purl(&package.purl(true)), Some(package));
        }
        assert_eq!(Package::from_purl("lodash"), None);
    }

    #[test]
    fn names_are_compared_as_their_ecosystem_does() {
        let pypi = |name: &'static str| Package::new(Some("pypi"), name, None).name.into_owned();
        assert_eq!(pypi("Zope._Interface"), "zope-interface");
        assert_eq!(pypi("ruamel.yaml"), pypi("ruamel-YAML"));
        let maven = Package::new(Some("maven"), "org.apache:log4j", None);
        assert_eq!(maven.full_name(), "org.apache:log4j");
        let npm = Package::new(Some("npm"), "@babel/traverse", Some("7.0.0".into()));
        assert_eq!(npm.purl(true), "pkg:npm/%40babel/traverse@7.0.0");
        assert_eq!(npm.full_name(), "@babel/traverse");
        let go = Package::new(
            Some("golang"),
            "github.com/gin-gonic/gin",
            Some("1.7.0".into()),
        );
        assert_eq!(
            go,
            Package::from_purl("pkg:golang/github.com/gin-gonic/gin@v1.7.0").expect("read")
        );
    }
}

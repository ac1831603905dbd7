//! Files in which people tell scanners what to leave out, and documents that say
//! that a product is not affected (VEX). Each is read as its tool documents it,
//! and then holds for the findings of every scanner. A file that cannot be
//! understood is an error at its line: an ignored ignore file would be a surprise
//! in either direction.

mod cyclonedx;
mod grype;
mod inline;
mod openvex;
mod osv;
mod snyk;
mod trivy;

pub use inline::{Comment, comments};

use super::suppression::{Date, Suppression, Target};
use crate::error::SourceError;
use crate::project::document::{self, Node, Syntax};

type Reader = fn(&str, &str) -> Result<Vec<Suppression>, SourceError>;

/// The names under which such files are looked for at a repository's root, with
/// who reads them. Adding one is a file and a line.
const FILES: [(&str, Reader); 8] = [
    (".trivyignore", trivy::read),
    (".trivyignore.yaml", trivy::read_yaml),
    (".trivyignore.yml", trivy::read_yaml),
    (".snyk", snyk::read),
    ("osv-scanner.toml", osv::read),
    (".grype.yaml", grype::read),
    (".grype.yml", grype::read),
    (".grype/config.yaml", grype::read),
];

/// The names of those that their tools also read in the folder of a project, for
/// this project alone.
pub fn names_in_folders() -> impl Iterator<Item = &'static str> {
    [".snyk", "osv-scanner.toml"].into_iter()
}

/// The usual names of such files.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// Reads such a file, known by its name, or a VEX document, known by what is in it.
///
/// # Errors
/// Where it is none of them, or is wrong, with the line.
pub fn read(path: &str, text: &str) -> Result<Vec<Suppression>, SourceError> {
    let known = FILES
        .iter()
        .find(|(name, _)| path == *name || path.ends_with(&format!("/{name}")));
    if let Some((_, reader)) = known {
        return reader(path, text);
    }
    let node = parse(path, text, Syntax::Json)?;
    if openvex::is_one(&node) {
        openvex::read(path, text, &node)
    } else if cyclonedx::is_one(&node) {
        cyclonedx::read(path, text, &node)
    } else {
        Err(SourceError::new(
            path,
            text,
            1,
            1,
            "this is no file of suppressions that is known",
        )
        .help(format!(
            "known are {}, and OpenVEX and CycloneDX documents in JSON",
            names().collect::<Vec<_>>().join(", ")
        )))
    }
}

fn parse(path: &str, text: &str, syntax: Syntax) -> Result<Node, SourceError> {
    document::parse(text, syntax)
        .map_err(|error| SourceError::new(path, text, error.line, error.column, error.message))
}

/// Makes errors and suppressions of one file.
struct File<'f> {
    path: &'f str,
    text: &'f str,
}

impl File<'_> {
    fn error(&self, line: usize, message: impl Into<String>) -> SourceError {
        SourceError::new(self.path, self.text, line, 1, message)
    }

    fn suppression(&self, line: usize, target: Target) -> Suppression {
        Suppression {
            target,
            reason: None,
            expires: None,
            owner: None,
            file: self.path.to_owned(),
            line,
        }
    }

    /// A key's text, where it is there.
    fn text_of<'n>(&self, node: &'n Node, key: &str) -> Result<Option<&'n str>, SourceError> {
        let Some(entry) = node.entry(key) else {
            return Ok(None);
        };
        match entry.node.scalar() {
            Some(text) => Ok(Some(text)),
            None => Err(self.error(entry.line, format!("`{key}` is no text"))),
        }
    }

    fn reason(&self, node: &Node, key: &str) -> Result<Option<String>, SourceError> {
        let text = self.text_of(node, key)?;
        Ok(text
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::to_owned))
    }

    fn date(&self, node: &Node, key: &str) -> Result<Option<Date>, SourceError> {
        let Some(entry) = node.entry(key) else {
            return Ok(None);
        };
        let text = entry.node.scalar().unwrap_or_default();
        match Date::parse(text) {
            Some(date) => Ok(Some(date)),
            None => Err(self
                .error(entry.line, format!("`{text}` is no day"))
                .help("write it as 2027-01-31")),
        }
    }

    fn globs<'t>(
        &self,
        line: usize,
        patterns: impl IntoIterator<Item = &'t str>,
    ) -> Result<globset::GlobSet, SourceError> {
        let mut set = globset::GlobSetBuilder::new();
        for pattern in patterns {
            let glob = globset::Glob::new(pattern.trim_start_matches("./"))
                .map_err(|error| self.error(line, error.to_string()))?;
            set.add(glob);
        }
        set.build()
            .map_err(|error| self.error(line, error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(path: &str, text: &str) -> Vec<(String, Option<String>, Option<String>, usize)> {
        read(path, text)
            .unwrap_or_else(|error| panic!("{error}"))
            .into_iter()
            .map(|one| {
                let expires = one.expires.map(|date| date.as_str().to_owned());
                (one.target.id_text, one.reason, expires, one.line)
            })
            .collect()
    }

    fn entry(
        id: &str,
        reason: Option<&str>,
        expires: Option<&str>,
        line: usize,
    ) -> (String, Option<String>, Option<String>, usize) {
        (
            id.to_owned(),
            reason.map(str::to_owned),
            expires.map(str::to_owned),
            line,
        )
    }

    #[test]
    fn every_format_is_read() {
        assert_eq!(
            all(
                ".trivyignore",
                "# why\nCVE-2024-1 exp:2027-01-31\n\nAVD-DS-0002\nCVE-2024-2 # beside\n"
            ),
            [
                entry("CVE-2024-1", Some("why"), Some("2027-01-31"), 2),
                entry("AVD-DS-0002", None, None, 4),
                entry("CVE-2024-2", Some("beside"), None, 5)
            ]
        );
        assert_eq!(
            all(
                "sub/.trivyignore.yaml",
                "vulnerabilities:\n  - id: CVE-2024-1\n    paths: [\"a/**\"]\n    purls: [\"pkg:npm/x@1\"]\n    expired_at: 2027-01-31\n    statement: not used\nsecrets:\n  - id: aws\n"
            ),
            [
                entry("CVE-2024-1", Some("not used"), Some("2027-01-31"), 2),
                entry("aws", None, None, 8)
            ]
        );
        assert_eq!(
            all(
                ".snyk",
                "version: v1.25.0\nignore:\n  SNYK-JS-X-1:\n    - '*':\n        reason: None given\n        expires: 2027-01-31T00:00:00.000Z\n    - 'a > b':\n        reason: x\n"
            ),
            [
                entry("SNYK-JS-X-1", Some("None given"), Some("2027-01-31"), 4),
                entry("SNYK-JS-X-1", Some("x"), None, 7)
            ]
        );
        assert_eq!(
            all(
                "osv-scanner.toml",
                "[[IgnoredVulns]]\nid = \"GO-2022-0968\"\nignoreUntil = 2027-01-31\nreason = \"no ssh\"\n\n[[PackageOverrides]]\nname = \"lib\"\necosystem = \"Go\"\nignore = true\nreason = \"ours\"\n"
            ),
            [
                entry("GO-2022-0968", Some("no ssh"), Some("2027-01-31"), 2),
                entry("", Some("ours"), None, 7)
            ]
        );
        assert_eq!(
            all(
                ".grype.yaml",
                "ignore:\n  - vulnerability: CVE-2024-1\n    reason: x\n    package:\n      name: lib\n      type: npm\n  - fix-state: not-fixed\n"
            ),
            [
                entry("CVE-2024-1", Some("x"), None, 2),
                entry("", None, None, 7)
            ]
        );
        assert_eq!(
            all(
                "a.json",
                "{\"@context\": \"https://openvex.dev/ns/v0.2.0\", \"statements\": [\n{\"vulnerability\": {\"name\": \"CVE-2024-1\"}, \"products\": [{\"@id\": \"pkg:npm/x@1\"}], \"status\": \"not_affected\", \"justification\": \"vulnerable_code_not_present\"},\n{\"vulnerability\": \"CVE-2024-2\", \"products\": [\"pkg:npm/x\"], \"status\": \"affected\"}]}"
            ),
            [entry(
                "CVE-2024-1",
                Some("vulnerable_code_not_present"),
                None,
                2
            )]
        );
        assert_eq!(
            all(
                "b.json",
                "{\"bomFormat\": \"CycloneDX\", \"components\": [{\"bom-ref\": \"r\", \"purl\": \"pkg:npm/x@1\"}], \"vulnerabilities\": [\n{\"id\": \"CVE-2024-1\", \"analysis\": {\"state\": \"false_positive\", \"detail\": \"no\"}, \"affects\": [{\"ref\": \"r\"}]},\n{\"id\": \"CVE-2024-2\", \"analysis\": {\"state\": \"exploitable\"}}]}"
            ),
            [entry("CVE-2024-1", Some("no"), None, 2)]
        );
    }

    #[test]
    fn what_cannot_be_understood_is_an_error_at_its_line() {
        for (path, text, line) in [
            (".trivyignore", "CVE-1\nCVE-2 exp:soon\n", 2),
            (".trivyignore", "CVE-1 because\n", 1),
            (".trivyignore.yaml", "vulnerabilities:\n  - paths: [a]\n", 2),
            (".trivyignore.yaml", "vulnerabilites:\n  - id: x\n", 1),
            (
                ".trivyignore.yaml",
                "vulnerabilities:\n  - id: x\n    expired_at: soon\n",
                3,
            ),
            (
                ".trivyignore.yaml",
                "vulnerabilities:\n  - id: x\n    purls: [lodash]\n",
                3,
            ),
            (
                ".snyk",
                "ignore:\n  X:\n    - '*':\n        expires: soon\n",
                4,
            ),
            (".snyk", "ignore: [\n", 2),
            ("osv-scanner.toml", "[[IgnoredVulns]]\nreason = \"x\"\n", 2),
            ("osv-scanner.toml", "[[IgnoredVulns]\n", 1),
            (".grype.yaml", "ignore:\n  - vulnerabilty: x\n", 2),
            ("c.json", "{}", 1),
            ("c.json", "{\n", 1),
        ] {
            let error = read(path, text).expect_err(text);
            assert_eq!(error.line, line, "{path} {text:?}: {error}");
        }
    }
}

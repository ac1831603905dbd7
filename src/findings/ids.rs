//! Names of vulnerabilities: which of a finding's names is the one to call it by.

use std::borrow::Cow;
use std::fmt;

/// Who gives such names. The order is the order of preference: what comes first
/// is the better name for the same vulnerability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdKind {
    /// `CVE-2021-44228`.
    Cve,
    /// `GHSA-jfh8-c2jp-5v3q`.
    Ghsa,
    /// Databases of one ecosystem that OSV collects: `RUSTSEC-…`, `PYSEC-…`,
    /// `GO-…`, `OSV-…` and others; and other databases: `BDSA-…`.
    Osv,
    /// `SNYK-JS-LODASH-567746`.
    Snyk,
    /// An advisory of a distribution or vendor, which may cover several
    /// vulnerabilities: `DSA-…`, `RHSA-…`, `USN-…`.
    Vendor,
    /// Any other name, such as a rule's.
    Other,
}

/// A name of a vulnerability.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<'a> {
    kind: IdKind,
    text: Cow<'a, str>,
}

const OSV: [&str; 21] = [
    "BDSA", "RUSTSEC", "PYSEC", "GO", "OSV", "MAL", "GSD", "HSEC", "RSEC", "JLSEC", "PSF", "BIT",
    "CURL", "EEF", "OSEC", "DRUPAL", "LBSEC", "V8", "CGA", "ECHO", "MINI",
];
const VENDOR: [&str; 29] = [
    "DSA", "DLA", "DTSA", "RHSA", "RHBA", "RHEA", "USN", "LSN", "UBUNTU", "DEBIAN", "ALPINE",
    "ALAS", "ALAS2", "ALAS2023", "ALAS2022", "ELSA", "ELBA", "SUSE", "OPENSUSE", "FEDORA", "GLSA",
    "MGASA", "ASA", "ALSA", "ALBA", "RLSA", "RXSA", "KB", "TEMP",
];

impl<'a> Id<'a> {
    /// The name as it is written, with what its shape says of its kind.
    /// Letters of CVE and GHSA names are brought to their usual case.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        let kind = kind(&text);
        let text = match kind {
            IdKind::Ghsa if !is_usual_ghsa(&text) => {
                Cow::Owned(format!("GHSA{}", text[4..].to_ascii_lowercase()))
            }
            IdKind::Ghsa | IdKind::Other => text,
            _ if text.bytes().any(|byte| byte.is_ascii_lowercase()) && kind == IdKind::Cve => {
                Cow::Owned(text.to_ascii_uppercase())
            }
            _ => text,
        };
        Self { kind, text }
    }

    /// Who gives such names.
    pub const fn kind(&self) -> IdKind {
        self.kind
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the shape says that this names a vulnerability and not a rule.
    pub fn is_vulnerability(&self) -> bool {
        self.kind != IdKind::Other
    }

    /// A copy that borrows from nothing.
    pub fn into_owned(self) -> Id<'static> {
        Id {
            kind: self.kind,
            text: Cow::Owned(self.text.into_owned()),
        }
    }
}

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_usual_ghsa(text: &str) -> bool {
    text.starts_with("GHSA") && !text[4..].bytes().any(|byte| byte.is_ascii_uppercase())
}

fn kind(text: &str) -> IdKind {
    let Some((prefix, rest)) = text.split_once(['-', ':']) else {
        return IdKind::Other;
    };
    let is = |known: &str| prefix.eq_ignore_ascii_case(known);
    let has_digit = || rest.bytes().any(|byte| byte.is_ascii_digit());
    if is("CVE") {
        let is_cve = rest.split_once('-').is_some_and(|(year, number)| {
            year.len() == 4
                && number.len() >= 4
                && year
                    .bytes()
                    .chain(number.bytes())
                    .all(|byte| byte.is_ascii_digit())
        });
        return if is_cve { IdKind::Cve } else { IdKind::Other };
    }
    if is("GHSA") {
        let is_ghsa = rest.len() == 14
            && rest.split('-').count() == 3
            && rest.split('-').all(|part| {
                part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
            });
        return if is_ghsa { IdKind::Ghsa } else { IdKind::Other };
    }
    if is("SNYK") {
        // `SNYK-CC-…` are rules of its infrastructure checks.
        let is_rule = rest
            .get(..3)
            .is_some_and(|start| start.eq_ignore_ascii_case("cc-"));
        return if is_rule || !has_digit() {
            IdKind::Other
        } else {
            IdKind::Snyk
        };
    }
    // Short upper-case prefixes are common among rules (`GO-R1005`, `KB-1`):
    // databases number by year.
    let numbers_by_year = || {
        let year = rest
            .split(['-', ':', '.', '_'])
            .find(|part| part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_digit()));
        year.is_some_and(|year| year.starts_with("19") || year.starts_with("20"))
    };
    if OSV.contains(&prefix) && numbers_by_year() {
        return IdKind::Osv;
    }
    let numbers_on = || {
        ["DSA", "DLA", "USN", "LSN", "DTSA"].contains(&prefix)
            && rest.split('-').count() <= 2
            && rest
                .split('-')
                .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if VENDOR.contains(&prefix)
        && (numbers_by_year() || numbers_on() || (prefix == "TEMP" && has_digit()))
    {
        return IdKind::Vendor;
    }
    IdKind::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_rules() {
        for (text, kind) in [
            ("CVE-2021-44228", IdKind::Cve),
            ("cve-2021-44228", IdKind::Cve),
            ("GHSA-jfh8-c2jp-5v3q", IdKind::Ghsa),
            ("RUSTSEC-2024-0001", IdKind::Osv),
            ("PYSEC-2021-19", IdKind::Osv),
            ("GO-2022-0001", IdKind::Osv),
            ("SNYK-JS-LODASH-567746", IdKind::Snyk),
            ("SNYK-日本", IdKind::Other),
            ("DLA-3152-1", IdKind::Vendor),
            ("DSA-5514", IdKind::Vendor),
            ("USN-6000-1", IdKind::Vendor),
            ("RHSA-2023:1234", IdKind::Vendor),
            ("ALAS2-2023-2000", IdKind::Vendor),
            ("TEMP-0841856-B18BAF", IdKind::Vendor),
            ("SNYK-CC-TF-1", IdKind::Other),
            ("CVE-what", IdKind::Other),
            ("GO-R1005", IdKind::Other),
            ("DS-0002", IdKind::Other),
            ("py/sql-injection", IdKind::Other),
            ("GHSA", IdKind::Other),
            ("", IdKind::Other),
        ] {
            assert_eq!(Id::new(text).kind(), kind, "{text}");
        }
    }

    #[test]
    fn case_does_not_make_another_name() {
        assert_eq!(Id::new("cve-2021-44228"), Id::new("CVE-2021-44228"));
        assert_eq!(
            Id::new("ghsa-JFH8-c2jp-5v3q"),
            Id::new("GHSA-jfh8-c2jp-5v3q")
        );
    }

    #[test]
    fn a_cve_is_the_best_name() {
        let mut ids = [
            "SNYK-JS-LODASH-567746",
            "GHSA-jfh8-c2jp-5v3q",
            "CVE-2021-44228",
        ]
        .map(Id::new);
        ids.sort();
        assert_eq!(ids[0].as_str(), "CVE-2021-44228");
    }
}

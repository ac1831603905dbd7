//! What single scanners say in places of their own: the kind of a finding, the
//! package it is about, names of the vulnerability, the versions that mend it.

use std::borrow::Cow;

use super::document::{Descriptor, ResultProperties, SarifResult};
use crate::findings::{Fix, Id, Kind, Package, package_kind};

/// A scanner whose ways are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Trivy,
    Grype,
    Osv,
    Snyk,
    Gitleaks,
    Other,
}

/// Scanners that look for one kind of problem, by a part of their name.
const KINDS: [(&str, Kind); 35] = [
    ("gitleaks", Kind::Secret),
    ("trufflehog", Kind::Secret),
    ("detect-secrets", Kind::Secret),
    ("ggshield", Kind::Secret),
    ("gitguardian", Kind::Secret),
    ("secretlint", Kind::Secret),
    ("talisman", Kind::Secret),
    ("whispers", Kind::Secret),
    ("checkov", Kind::Misconfiguration),
    ("tfsec", Kind::Misconfiguration),
    ("terrascan", Kind::Misconfiguration),
    ("kics", Kind::Misconfiguration),
    ("hadolint", Kind::Misconfiguration),
    ("dockle", Kind::Misconfiguration),
    ("kubesec", Kind::Misconfiguration),
    ("kube-linter", Kind::Misconfiguration),
    ("kubescape", Kind::Misconfiguration),
    ("zizmor", Kind::Misconfiguration),
    ("poutine", Kind::Misconfiguration),
    ("cfn-lint", Kind::Misconfiguration),
    ("cfn_nag", Kind::Misconfiguration),
    ("snyk iac", Kind::Misconfiguration),
    ("scorecard", Kind::Misconfiguration),
    ("template-analyzer", Kind::Misconfiguration),
    ("prowler", Kind::Misconfiguration),
    ("grype", Kind::Vulnerability),
    ("osv-scanner", Kind::Vulnerability),
    ("snyk open source", Kind::Vulnerability),
    ("snyk container", Kind::Vulnerability),
    ("dependency-check", Kind::Vulnerability),
    ("govulncheck", Kind::Vulnerability),
    ("cargo-audit", Kind::Vulnerability),
    ("pip-audit", Kind::Vulnerability),
    ("npm-audit", Kind::Vulnerability),
    ("docker scout", Kind::Vulnerability),
];

impl Tool {
    /// The tool of a driver's name.
    pub(super) fn of(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        match () {
            () if name.contains("trivy") => Self::Trivy,
            () if name.contains("grype") => Self::Grype,
            () if name.contains("osv-scanner") => Self::Osv,
            () if name.contains("snyk") => Self::Snyk,
            () if name.contains("gitleaks") => Self::Gitleaks,
            () => Self::Other,
        }
    }
}

/// The kind of problem that a tool looks for, where it is only one.
pub(super) fn kind_of_tool(name: &str) -> Option<Kind> {
    let name = name.to_ascii_lowercase();
    KINDS
        .iter()
        .find(|(part, _)| name.contains(part))
        .map(|(_, kind)| *kind)
}

/// The kind of a rule's findings: what its name and tags say, then what shape
/// its id has, then what its tool looks for.
pub(super) fn kind_of_rule(
    of_tool: Option<Kind>,
    descriptor: &Descriptor<'_>,
    ids: &[Id<'_>],
) -> Kind {
    // Trivy's names.
    match descriptor.name.get() {
        Some("OsPackageVulnerability" | "LanguageSpecificPackageVulnerability") => {
            return Kind::Vulnerability;
        }
        Some("Misconfiguration") => return Kind::Misconfiguration,
        Some("Secret") => return Kind::Secret,
        Some("License") => return Kind::License,
        _ => {}
    }
    let of_tag = |tag: &str| match tag.to_ascii_lowercase().as_str() {
        "vulnerability" => Some(Kind::Vulnerability),
        "secret" | "secrets" => Some(Kind::Secret),
        "misconfiguration" | "iac" => Some(Kind::Misconfiguration),
        "license" | "licence" => Some(Kind::License),
        _ => None,
    };
    let id = descriptor.id.get().unwrap_or_default();
    if id.starts_with("snyk:lic:") {
        return Kind::License;
    }
    if ids.iter().any(Id::is_vulnerability) {
        return Kind::Vulnerability;
    }
    let of_tags = descriptor
        .properties
        .tags
        .0
        .iter()
        .filter_map(|tag| of_tag(tag.get()?))
        .next();
    of_tags.or(of_tool).unwrap_or(Kind::Code)
}

/// Names of vulnerabilities in a text: `SNYK-JS-A-1`, `BDSA-1 (CVE-2020-1)`,
/// `CVE-2021-1-openssl`.
pub(super) fn ids_in(text: &str) -> Vec<Id<'static>> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '_' | '.');
    let words = text
        .split(|c: char| !is_part(c))
        .map(|word| word.trim_end_matches(['.', ':', '-', '_']));
    let mut ids: Vec<Id<'static>> = words
        .filter(|word| word.len() > 4 && word.contains(['-', ':']))
        .filter_map(|word| known(word).or_else(|| known(without_package(word)?)))
        .collect();
    ids.sort();
    ids.dedup();
    ids
}

fn known(word: &str) -> Option<Id<'static>> {
    let id = Id::new(word.to_owned());
    id.is_vulnerability().then_some(id)
}

/// The vulnerability of `CVE-2021-1234-openssl` or `GHSA-xxxx-xxxx-xxxx-lodash`.
fn without_package(word: &str) -> Option<&str> {
    let parts = match word.split('-').next()? {
        "CVE" => 3,
        "GHSA" => 4,
        "GO" | "RUSTSEC" | "PYSEC" | "ALAS" | "ELSA" => 3,
        _ => return None,
    };
    let (end, _) = word.match_indices('-').nth(parts - 1)?;
    Some(&word[..end])
}

/// The names of a rule's vulnerability.
pub(super) fn ids_of_rule(tool: Tool, descriptor: &Descriptor<'_>) -> Vec<Id<'static>> {
    let mut ids = ids_in(descriptor.id.get().unwrap_or_default());
    // Elsewhere the word means the rule's former names.
    if tool == Tool::Osv {
        ids.extend(
            descriptor
                .deprecated_ids
                .0
                .iter()
                .filter_map(|id| known(id.get()?)),
        );
    }
    // `(CVE-2019-10744) lodash@4.17.10`
    if tool == Tool::Snyk
        && let Some(full) = descriptor.full.text.get()
        && let Some((cves, _)) = full.strip_prefix('(').and_then(|rest| rest.split_once(')'))
    {
        ids.extend(ids_in(cves));
    }
    ids.sort();
    ids.dedup();
    ids
}

/// What is known of the package of a rule's findings.
#[derive(Debug, Default)]
pub(super) struct RulePackage<'a> {
    package: Option<Package<'a>>,
    fixed: Vec<Cow<'a, str>>,
    /// The package manager, as a purl's type.
    kind: Option<&'static str>,
}

impl<'a> RulePackage<'a> {
    pub(super) fn of(tool: Tool, descriptor: &Descriptor<'a>) -> Self {
        let mut known = Self::default();
        match tool {
            Tool::Grype => {
                let purls = &descriptor.properties.purls.0;
                known.package = purls
                    .first()
                    .and_then(|purl| Package::from_purl(purl.get()?));
                if let Some(help) = descriptor.help.text.get() {
                    let names = ["Package: ", "Type: ", "Version: ", "Fix Version: "];
                    let [name, kind, version, fixed] = line_fields(help, names);
                    if known.package.is_none()
                        && let Some(name) = name
                    {
                        let kind = kind.and_then(purl_kind);
                        let version = version.map(|version| version.to_owned().into());
                        known.package = Some(Package::new(kind, name.to_owned(), version));
                    }
                    known.fixed = fixed.map_or_else(Vec::new, versions);
                }
            }
            Tool::Snyk => {
                let tags = descriptor.properties.tags.0.iter().rev();
                known.kind = tags.filter_map(|tag| purl_kind(tag.get()?)).next();
            }
            _ => {}
        }
        known
    }
}

/// The package of a result, and how it is mended.
pub(super) fn package_of<'a>(
    tool: Tool,
    of_rule: &RulePackage<'a>,
    result: &SarifResult<'a>,
    properties: Option<&ResultProperties<'a>>,
    message: &str,
    path: &str,
) -> (Option<Package<'a>>, Fix<'a>) {
    let mut fix = Fix::default();
    let with_kind = |name: Cow<'a, str>, version: Option<Cow<'a, str>>| {
        Package::new(of_rule.kind.or_else(|| package_kind(path)), name, version)
    };
    if let Some(properties) = properties {
        if let Some(package) = properties.purl.get().and_then(Package::from_purl) {
            return (Some(package), fix);
        }
        if let Some(name) = properties.component.cow() {
            let kind = properties.component_origin.get().and_then(purl_kind);
            return (
                Some(Package::new(kind, name, properties.component_version.cow())),
                fix,
            );
        }
    }
    let package = match tool {
        Tool::Trivy => {
            let names = ["Package: ", "Installed Version: ", "Fixed Version: "];
            let [name, version, fixed] = line_fields(message, names);
            fix.versions = fixed.map_or_else(Vec::new, versions);
            let version = version.map(|version| version.to_owned().into());
            name.map(|name| with_kind(name.to_owned().into(), version))
        }
        Tool::Grype => {
            fix.versions.clone_from(&of_rule.fixed);
            of_rule.package.clone()
        }
        // Package 'regex@1.5.1' is vulnerable to 'CVE-2022-24713' …
        Tool::Osv => message
            .strip_prefix("Package '")
            .and_then(|rest| rest.split_once('\''))
            .and_then(|(package, _)| name_and_version(package))
            .map(|(name, version)| {
                with_kind(name.to_owned().into(), Some(version.to_owned().into()))
            }),
        Tool::Snyk => {
            let mut logical = result
                .locations
                .0
                .iter()
                .flat_map(|location| &location.logical.0);
            logical
                .find_map(|logical| name_and_version(logical.full_name.get()?))
                .map(|(name, version)| {
                    with_kind(name.to_owned().into(), Some(version.to_owned().into()))
                })
        }
        Tool::Gitleaks | Tool::Other => None,
    };
    (package, fix)
}

/// The version in the description of a fix: `Upgrade to lodash@4.17.21`.
pub(super) fn version_of_fix<'a>(tool: Tool, description: &str) -> Option<Cow<'a, str>> {
    let package = description
        .strip_prefix("Upgrade to ")
        .filter(|_| tool == Tool::Snyk)?;
    name_and_version(package.trim()).map(|(_, version)| Cow::Owned(version.to_owned()))
}

/// Names of the vulnerability that only the result's text gives.
pub(super) fn ids_of_message(tool: Tool, message: &str) -> Vec<Id<'static>> {
    if tool != Tool::Osv {
        return Vec::new();
    }
    let names = message.split_once("(also known as ");
    names.map_or_else(Vec::new, |(_, names)| {
        ids_in(names.split(')').next().unwrap_or_default())
    })
}

/// `@scope/name@1.2.3` in its two parts.
fn name_and_version(text: &str) -> Option<(&str, &str)> {
    text.rsplit_once('@')
        .filter(|(name, version)| !name.is_empty() && !version.is_empty())
}

/// The rest of the first line that begins so, for each of these names.
fn line_fields<'t, const N: usize>(text: &'t str, names: [&str; N]) -> [Option<&'t str>; N] {
    let mut values = [None; N];
    for line in text.lines() {
        for (value, name) in values.iter_mut().zip(names) {
            if value.is_none() {
                *value = line.strip_prefix(name);
            }
        }
    }
    values.map(|value| value.map(str::trim).filter(|value| !value.is_empty()))
}

/// `1.2.3, 2.0.1` one by one.
fn versions<'a>(text: &str) -> Vec<Cow<'a, str>> {
    let all = text.split(',').map(str::trim);
    // Mostly it is one, and a list that grows makes room for four.
    let mut versions = Vec::with_capacity(all.clone().count());
    let filled = all.filter(|version| !version.is_empty());
    versions.extend(filled.map(|version| Cow::Owned(version.to_owned())));
    versions
}

/// The type in a package URL of what a scanner calls a package manager or type.
fn purl_kind(word: &str) -> Option<&'static str> {
    Some(match word.to_ascii_lowercase().as_str() {
        "npm" | "yarn" | "pnpm" | "node-pkg" => "npm",
        "pip" | "pypi" | "poetry" | "pipenv" | "python" | "python-pkg" => "pypi",
        "maven" | "gradle" | "java-archive" | "jar" => "maven",
        "golang" | "gomodules" | "go-module" | "gobinary" | "go" => "golang",
        "rubygems" | "gem" | "bundler" => "gem",
        "cargo" | "rust-crate" | "rust-binary" => "cargo",
        "nuget" | "dotnet" => "nuget",
        "composer" | "packagist" | "php-composer" => "composer",
        "deb" | "apt" | "debian" | "ubuntu" => "deb",
        "rpm" | "rhel" | "centos" => "rpm",
        "apk" | "alpine" => "apk",
        "hex" => "hex",
        "pub" => "pub",
        "swift" | "cocoapods" => "swift",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        ids_in(text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_are_found_in_rule_ids() {
        assert_eq!(ids("CVE-2021-1234"), ["CVE-2021-1234"]);
        assert_eq!(
            ids("CVE-2008-0732-geronimo-j2ee-management_1.1_spec"),
            ["CVE-2008-0732"]
        );
        assert_eq!(
            ids("GHSA-jfh8-c2jp-5v3q-log4j-core"),
            ["GHSA-jfh8-c2jp-5v3q"]
        );
        assert_eq!(
            ids("BDSA-2020-1001 (CVE-2020-11022)"),
            ["CVE-2020-11022", "BDSA-2020-1001"]
        );
        assert_eq!(
            ids("'RUSTSEC-2022-0013', 'GHSA-m5pq-gvj9-9vr8'"),
            ["GHSA-m5pq-gvj9-9vr8", "RUSTSEC-2022-0013"]
        );
        assert!(ids("java.lang.security.audit.cbc-padding-oracle").is_empty());
    }
}

//! Which Node.js: files made for it first, then the image that runs it, then
//! what the manifest and CI ask for.

use super::package::Package;
use crate::project::Survey;
use crate::project::defaults;
use crate::project::model::{Component, Contradiction, Evidence, Fact};
use crate::project::path;

pub(super) fn decide(
    survey: &Survey<'_>,
    package: &Package,
    install_root: &str,
    component: &mut Component,
) {
    let tree = survey.tree;
    let root = package.root.as_str();
    let at_root = Package::read(tree, install_root);
    let mut claims: Vec<(String, Evidence)> = Vec::new();
    let range = package.text(&["engines", "node"]).or_else(|| {
        at_root
            .as_ref()
            .and_then(|root| root.text(&["engines", "node"]))
    });
    // A package that stands alone and names its version does not mean the one of
    // the repository around it.
    let own = range.as_ref().filter(|(_, evidence)| {
        evidence.path == package.path && install_root == root && root != "."
    });
    let has_own_file = [".nvmrc", ".node-version"]
        .iter()
        .any(|name| tree.contains(&path::join(root, name)));
    if let Some((text, evidence)) = own
        && !has_own_file
        && !text.contains('>')
        && let Some(version) = from_range(text)
    {
        claims.push((version, evidence.clone()));
    }
    for name in [".nvmrc", ".node-version"] {
        if let Some(file) = tree.nearest(root, name)
            && let Some(text) = tree.text(&file)
            && let Some(version) = text
                .lines()
                .map(str::trim)
                .find(|line| !line.is_empty() && !line.starts_with('#'))
        {
            claims.push((shorten(version), Evidence::new(&file, 1)));
        }
    }
    if let Some(file) = tree.nearest(root, ".tool-versions")
        && let Some(text) = tree.text(&file)
    {
        claims.extend(text.lines().enumerate().filter_map(|(at, line)| {
            let version = line
                .strip_prefix("nodejs ")
                .or_else(|| line.strip_prefix("node "))?;
            Some((shorten(version.trim()), Evidence::new(&file, at + 1)))
        }));
    }
    for package in [Some(package), at_root.as_ref()].into_iter().flatten() {
        if let Some((version, evidence)) = package.text(&["volta", "node"]) {
            claims.push((shorten(&version), evidence));
        }
    }
    claims.extend(survey.image_versions(root, &["node"]));
    // One major that is named beats what CI happens to run; an open bound does not.
    if let Some((text, evidence)) = &range
        && !text.contains('>')
        && let Some(version) = from_range(text)
        && !claims.iter().any(|(_, known)| known == evidence)
    {
        claims.push((version, evidence.clone()));
    }
    let ci = survey.ci_versions(root, "node-version");
    let mut distinct: Vec<String> = ci.iter().map(|(version, _)| shorten(version)).collect();
    distinct.dedup();
    if distinct.len() <= 1 {
        claims.extend(
            ci.iter()
                .map(|(version, evidence)| (shorten(version), evidence.clone())),
        );
    } else if let Some((_, evidence)) = ci.first() {
        component.supported_versions = Some(Fact::new(distinct, evidence.clone()));
    }
    if claims.is_empty()
        && let Some((text, evidence)) = &range
        && let Some(version) = from_range(text)
    {
        claims.push((version, evidence.clone()));
    }
    // `20` and `20.9.1` agree.
    let major = |version: &str| version.split('.').next().unwrap_or_default().to_owned();
    if let Some((first, _)) = claims.first().cloned() {
        for (version, _) in &mut claims[1..] {
            if major(version) == major(&first) {
                version.clone_from(&first);
            }
        }
    }
    component.version = Fact::decide(claims);
    if let (Some(version), Some((text, evidence))) = (&mut component.version, range)
        && !version.evidence.contains(&evidence)
        && !admits(&text, &version.value)
    {
        version.contradictions.push(Contradiction {
            value: text,
            evidence,
        });
    }
    if component.version.is_none() {
        component.version = Some(Fact::assumed(defaults::NODE.to_owned()));
        component.add_gap(
            "version",
            format!(
                "no file says which Node.js is meant; {} is used",
                defaults::NODE
            ),
            format!("write it into {}", path::join(root, ".nvmrc")),
        );
    }
}

/// `v20.9.0` gives 20.9.0, `20.x` and `20` give 20; words (`lts/*`) stay.
fn shorten(version: &str) -> String {
    let version = version.trim().trim_start_matches('v');
    version
        .trim_end_matches(".x")
        .trim_end_matches(".*")
        .to_owned()
}

/// The major version to use for a range: the highest that is named for exact
/// alternatives (`^18 || ^20`), the lowest for an open bound (`>=20.9`), but
/// never one that reached its end of life long ago where a newer is allowed.
fn from_range(text: &str) -> Option<String> {
    let majors: Vec<u32> = text
        .split("||")
        .filter_map(|part| {
            let part = part
                .trim()
                .trim_start_matches(['^', '~', '>', '=', 'v', ' ']);
            part.split(|c: char| !c.is_ascii_digit())
                .next()?
                .parse()
                .ok()
        })
        .collect();
    let highest = *majors.iter().max()?;
    let default: u32 = defaults::NODE.parse().unwrap_or(highest);
    let version = if text.contains('>')
        && highest < default
        && admits(text, defaults::NODE)
        && highest < 20
    {
        default
    } else {
        highest
    };
    Some(version.to_string())
}

/// Whether a range admits a version, as far as majors tell.
fn admits(text: &str, version: &str) -> bool {
    let Some(wanted) = version
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok())
    else {
        return true;
    };
    text.split("||").any(|alternative| {
        alternative
            .replace(">= ", ">=")
            .replace("< ", "<")
            .split_whitespace()
            .all(|part| {
                let digits = part.trim_start_matches(|c: char| !c.is_ascii_digit());
                let Some(major) = digits
                    .split('.')
                    .next()
                    .and_then(|major| major.parse::<u32>().ok())
                else {
                    return true;
                };
                let has_minor = digits
                    .split('.')
                    .nth(1)
                    .is_some_and(|minor| minor != "0" && minor != "x");
                if part.starts_with(">=") {
                    wanted >= major
                } else if part.starts_with('>') {
                    wanted > major || has_minor && wanted == major
                } else if part.starts_with("<=") {
                    wanted <= major
                } else if part.starts_with('<') {
                    wanted < major || has_minor && wanted == major
                } else {
                    wanted == major
                }
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_understood() {
        assert_eq!(from_range(">=20.9").as_deref(), Some("20"));
        assert_eq!(from_range("^18 || ^20").as_deref(), Some("20"));
        assert_eq!(from_range("22.x").as_deref(), Some("22"));
        assert_eq!(from_range(">=14").as_deref(), Some(defaults::NODE));
        assert_eq!(from_range("*"), None);
        for (range, version, expected) in [
            (">=20.9", "22", true),
            (">= 18 < 21", "22", false),
            ("^18 || ^20", "20.1", true),
            ("^18.0.0", "20", false),
            (">=18", "lts/*", true),
        ] {
            assert_eq!(admits(range, version), expected, "{range} {version}");
        }
        assert_eq!(shorten("v20.x"), "20");
    }
}

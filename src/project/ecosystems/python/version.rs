//! Which Python: files made for it first, then the image that runs it, then
//! what CI uses, then the lowest that the project allows.

use super::manifest::Manifests;
use crate::project::Survey;
use crate::project::defaults;
use crate::project::model::{Component, Contradiction, Evidence, Fact};
use crate::project::path;

pub(super) fn decide(survey: &Survey<'_>, manifests: &Manifests, component: &mut Component) {
    let tree = survey.tree;
    let root = manifests.root.as_str();
    let mut claims: Vec<(String, Evidence)> = Vec::new();
    if let Some(file) = tree.nearest(root, ".python-version")
        && let Some(text) = tree.text(&file)
    {
        let first = text
            .lines()
            .enumerate()
            .find(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        if let Some((at, line)) = first
            && let Some(version) = minor(line.trim().trim_start_matches("cpython-"))
        {
            claims.push((version, Evidence::new(&file, at + 1)));
        }
    }
    if let Some(file) = tree.nearest(root, ".tool-versions")
        && let Some(text) = tree.text(&file)
    {
        claims.extend(text.lines().enumerate().filter_map(|(at, line)| {
            let rest = line.strip_prefix("python ")?;
            Some((minor(rest.trim())?, Evidence::new(&file, at + 1)))
        }));
    }
    claims.extend(survey.image_versions(root, &["python"]));
    if let Some(file) = tree.nearest(root, "runtime.txt")
        && let Some(text) = tree.text(&file)
        && let Some(version) = text.trim().strip_prefix("python-").and_then(minor)
    {
        claims.push((version, Evidence::new(&file, 1)));
    }
    let ci = survey.ci_versions(root, "python-version");
    // `pypy-3.9` and `3.14t` are no versions of their own.
    let mut distinct: Vec<String> = Vec::new();
    for (version, _) in &ci {
        if let Some(version) = minor(version)
            && !distinct.contains(&version)
        {
            distinct.push(version);
        }
    }
    let bound = manifests.bound.as_ref();
    // A matrix in CI is support of several versions, not one that disagrees.
    if distinct.len() <= 1 {
        claims.extend(
            ci.into_iter()
                .filter_map(|(version, evidence)| Some((minor(&version)?, evidence))),
        );
    }
    if claims.is_empty()
        && let Some((text, evidence)) = bound
        && let Some(lowest) = lowest(text)
    {
        claims.push((lowest, evidence.clone()));
    }
    component.version = Fact::decide(claims);
    if let (Some(version), Some((text, evidence))) = (&mut component.version, bound)
        && !version.evidence.contains(evidence)
        && !admits(text, &version.value)
    {
        version.contradictions.push(Contradiction {
            value: text.clone(),
            evidence: evidence.clone(),
        });
    }
    component.supported_versions = supported(manifests, &distinct, survey, root);
    if component.version.is_none() {
        component.version = Some(Fact::assumed(defaults::PYTHON.to_owned()));
        component.add_gap(
            "version",
            format!(
                "no file says which Python is meant; {} is used",
                defaults::PYTHON
            ),
            format!("write it into {}", path::join(root, ".python-version")),
        );
    }
}

/// Classifiers and CI matrices that name several versions.
fn supported(
    manifests: &Manifests,
    ci: &[String],
    survey: &Survey<'_>,
    root: &str,
) -> Option<Fact<Vec<String>>> {
    if let Some(node) = &manifests.pyproject
        && let Some(entry) = node
            .entry_at(&["project", "classifiers"])
            .or_else(|| node.entry_at(&["tool", "poetry", "classifiers"]))
    {
        let versions: Vec<String> = entry
            .node
            .items()
            .iter()
            .filter_map(|item| {
                item.str()?
                    .strip_prefix("Programming Language :: Python :: ")
            })
            .filter(|text| {
                text.contains('.')
                    && text
                        .bytes()
                        .all(|byte| byte.is_ascii_digit() || byte == b'.')
            })
            .map(str::to_owned)
            .collect();
        if versions.len() > 1 {
            let file = path::join(root, "pyproject.toml");
            return Some(Fact::new(versions, Evidence::new(file, entry.line)));
        }
    }
    let tox = path::join(root, "tox.ini");
    if let Some(text) = survey.tree.text(&tox)
        && let Some((at, line)) = text
            .lines()
            .enumerate()
            .find(|(_, line)| line.trim_start().starts_with("envlist"))
    {
        let mut versions: Vec<String> = tox_versions(line);
        for following in text
            .lines()
            .skip(at + 1)
            .take_while(|line| line.starts_with(char::is_whitespace))
        {
            versions.extend(tox_versions(following));
        }
        if versions.len() > 1 {
            return Some(Fact::new(versions, Evidence::new(tox, at + 1)));
        }
    }
    if ci.len() > 1 {
        let evidence = survey
            .ci_versions(root, "python-version")
            .into_iter()
            .next()?
            .1;
        return Some(Fact::new(ci.to_vec(), evidence));
    }
    None
}

/// `py{39,310}-django`, `py311`: 3.9, 3.10, 3.11.
fn tox_versions(line: &str) -> Vec<String> {
    let mut versions = Vec::new();
    for part in line.split("py").skip(1) {
        let part = part.trim_start_matches('{');
        for number in part
            .split(|c: char| !c.is_ascii_digit())
            .take_while(|number| !number.is_empty())
        {
            if let Some(minor) = number.strip_prefix('3').filter(|minor| !minor.is_empty()) {
                versions.push(format!("3.{minor}"));
            }
        }
    }
    versions
}

/// `3.11.7` and `3.11` give 3.11.
pub(super) fn minor(text: &str) -> Option<String> {
    let mut parts = text.split('.');
    let major = parts.next()?.trim();
    let minor: String = parts
        .next()?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    (major == "3" && !minor.is_empty()).then(|| format!("3.{minor}"))
}

/// The lowest minor version that a specifier allows: `>=3.9,<4` and `^3.9` give 3.9.
fn lowest(text: &str) -> Option<String> {
    text.split([',', '|', ' '])
        .filter(|part| !part.starts_with('<') && !part.starts_with("!="))
        .find_map(|part| minor(part.trim_start_matches(['>', '=', '~', '^', ' '])))
}

/// Whether a specifier admits a minor version. What is not understood admits all.
fn admits(text: &str, version: &str) -> bool {
    let number = |text: &str| -> Option<u32> {
        let mut parts = text.trim().split('.');
        let major: u32 = parts.next()?.parse().ok()?;
        let minor: u32 = parts
            .next()
            .map_or(Some(0), |part| part.trim_end_matches('*').parse().ok())?;
        Some(major * 1000 + minor)
    };
    let Some(wanted) = number(version) else {
        return true;
    };
    text.split(',').all(|part| {
        let part = part.trim();
        let end = part
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(part.len());
        let (operator, bound) = part.split_at(end);
        let Some(bound_number) = number(bound) else {
            return true;
        };
        match operator.trim() {
            ">=" => wanted >= bound_number,
            ">" => wanted > bound_number || bound.split('.').count() > 2 && wanted >= bound_number,
            "<" => wanted < bound_number || bound.split('.').count() > 2 && wanted <= bound_number,
            "<=" => wanted <= bound_number,
            "==" | "" if bound.ends_with('*') || bound.split('.').count() <= 2 => {
                wanted == bound_number || bound.split('.').count() == 1
            }
            "^" => wanted >= bound_number && wanted < (bound_number / 1000 + 1) * 1000,
            "~=" | "~" if bound.split('.').count() > 2 || operator.trim() == "~" => {
                wanted == bound_number
            }
            "~=" => wanted >= bound_number && wanted < (bound_number / 1000 + 1) * 1000,
            _ => true,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifiers_are_understood() {
        for (text, version, expected) in [
            (">=3.9", "3.12", true),
            (">=3.9,<3.12", "3.12", false),
            ("^3.10", "3.9", false),
            ("~3.11", "3.12", false),
            ("==3.11.*", "3.11", true),
            ("==3.11.*", "3.12", false),
            ("<4", "3.13", true),
            (">=3.10,<3.13.1", "3.13", true),
            ("3.12.*", "3.12", true),
        ] {
            assert_eq!(admits(text, version), expected, "{text} {version}");
        }
        assert_eq!(lowest(">=3.9,<4").as_deref(), Some("3.9"));
        assert_eq!(lowest("<4.0,>=3.10").as_deref(), Some("3.10"));
        assert_eq!(lowest("^3.8.1").as_deref(), Some("3.8"));
        assert_eq!(
            tox_versions("envlist = py{39,310}, py311-x, lint"),
            ["3.9", "3.10", "3.11"]
        );
        assert_eq!(tox_versions("envlist = lint, pypy3"), Vec::<String>::new());
    }
}

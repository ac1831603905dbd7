//! `.grype.yaml`: `ignore:`. All that an entry says must hold.
//! <https://github.com/anchore/grype#specifying-matches-to-ignore>

use super::{File, Suppression, Target, parse};
use crate::error::SourceError;
use crate::project::document::{Node, Syntax};

const KEYS: [&str; 8] = [
    "vulnerability",
    "include-aliases",
    "reason",
    "namespace",
    "fix-state",
    "package",
    "vex-status",
    "vex-justification",
];

pub(super) fn read(path: &str, text: &str) -> Result<Vec<Suppression>, SourceError> {
    let file = File { path, text };
    let node = parse(path, text, Syntax::Yaml)?;
    let mut found = Vec::new();
    for item in node.get("ignore").map(Node::items).unwrap_or_default() {
        if let Some(unknown) = item
            .entries()
            .iter()
            .find(|entry| !KEYS.contains(&entry.key.as_str()))
        {
            return Err(file
                .error(unknown.line, format!("an entry has no `{}`", unknown.key))
                .help(format!("known are {}", KEYS.join(", "))));
        }
        let mut target = match file.text_of(item, "vulnerability")? {
            Some(id) => Target::of_name(id),
            None => Target::default(),
        };
        target.kinds.insert(crate::findings::Kind::Vulnerability);
        target.fixable = match file.text_of(item, "fix-state")? {
            None => None,
            Some("fixed") => Some(true),
            Some(_) => Some(false),
        };
        if let Some(package) = item.get("package") {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            target.package_name = owned(file.text_of(package, "name")?);
            target.package_version = owned(file.text_of(package, "version")?);
            if let Some(location) = package.entry("location") {
                let text = location.node.str().unwrap_or_default();
                target.paths = Some(file.globs(location.line, [text.trim_start_matches('/')])?);
            }
            // Of what is not looked at here, no finding is taken to be meant.
            let known = [
                "name",
                "version",
                "location",
                "type",
                "language",
                "upstream-name",
            ];
            target.nothing = package
                .entries()
                .iter()
                .any(|entry| !known.contains(&entry.key.as_str()))
                || package.get("upstream-name").is_some();
            if let Some(kind) = file.text_of(package, "type")? {
                limit_kind(&mut target, kind);
            }
        }
        target.nothing |= item.get("namespace").is_some() || item.get("vex-status").is_some();
        found.push(Suppression {
            reason: file.reason(item, "reason")?,
            ..file.suppression(item.line, target)
        });
    }
    Ok(found)
}

/// Syft's word for the kind of a package, as the type of a package URL.
fn limit_kind(target: &mut Target, kind: &str) {
    let purl_type = match kind {
        "python" => "pypi",
        "go-module" => "golang",
        "java-archive" => "maven",
        "rust-crate" => "cargo",
        "php-composer" => "composer",
        "dotnet" => "nuget",
        other => other,
    };
    if let Some(name) = target.package_name.take() {
        let version = target.package_version.take().map(std::borrow::Cow::Owned);
        let package = crate::findings::Package::new(Some(purl_type), name, version);
        target.packages.push(package);
    } else {
        target.nothing = true;
    }
}

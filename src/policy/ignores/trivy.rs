//! `.trivyignore` and `.trivyignore.yaml`.
//! <https://trivy.dev/latest/docs/configuration/filtering/>

use super::{Date, File, Suppression, Target, parse};
use crate::error::SourceError;
use crate::findings::{Kind, Package};
use crate::project::document::{Node, Syntax};

/// A name a line, perhaps with `exp:2027-01-31` behind it. The remark beside it, or
/// right above it, is the reason.
pub(super) fn read(path: &str, text: &str) -> Result<Vec<Suppression>, SourceError> {
    let file = File { path, text };
    let mut found = Vec::new();
    let mut above: Vec<&str> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if let Some(remark) = line.trim().strip_prefix('#') {
            above.push(remark.trim());
            continue;
        }
        let remark = std::mem::take(&mut above).join(" ");
        let (line, beside) = line.split_once(" #").unwrap_or((line, ""));
        if line.trim().is_empty() {
            continue;
        }
        let reason = [beside.trim(), remark.trim()]
            .into_iter()
            .find(|text| !text.is_empty());
        let mut words = line.split_whitespace();
        let id = words.next().unwrap_or_default();
        let mut suppression = file.suppression(at + 1, Target::of_name(id));
        for word in words {
            let date = word.strip_prefix("exp:").and_then(Date::parse);
            suppression.expires = Some(date.ok_or_else(|| {
                file.error(at + 1, format!("`{word}` is no `exp:` with a day"))
                    .help("write CVE-2024-1234 exp:2027-01-31; a remark stands on a line of its own, after `#`")
            })?);
        }
        suppression.reason = reason.map(str::to_owned);
        found.push(suppression);
    }
    Ok(found)
}

const SECTIONS: [(&str, Kind); 4] = [
    ("vulnerabilities", Kind::Vulnerability),
    ("misconfigurations", Kind::Misconfiguration),
    ("secrets", Kind::Secret),
    ("licenses", Kind::License),
];

/// Lists by kind of finding.
pub(super) fn read_yaml(path: &str, text: &str) -> Result<Vec<Suppression>, SourceError> {
    let file = File { path, text };
    let node = parse(path, text, Syntax::Yaml)?;
    let mut found = Vec::new();
    for section in node.entries() {
        let Some((_, kind)) = SECTIONS.iter().find(|(name, _)| *name == section.key) else {
            let names: Vec<&str> = SECTIONS.iter().map(|(name, _)| *name).collect();
            return Err(file
                .error(
                    section.line,
                    format!("there is no section `{}`", section.key),
                )
                .help(format!("known are {}", names.join(", "))));
        };
        for item in section.node.items() {
            found.push(entry(&file, item, *kind)?);
        }
    }
    Ok(found)
}

fn entry(file: &File<'_>, item: &Node, kind: Kind) -> Result<Suppression, SourceError> {
    let id = file
        .text_of(item, "id")?
        .ok_or_else(|| file.error(item.line, "an entry without `id`"))?;
    let mut target = Target::of_name(id);
    target.kinds.insert(kind);
    if let Some(paths) = item.entry("paths") {
        let globs = paths.node.items().iter().filter_map(Node::str);
        target.paths = Some(file.globs(paths.line, globs)?);
    }
    for purl in item.get("purls").map(Node::items).unwrap_or_default() {
        let text = purl.str().unwrap_or_default();
        let package = Package::from_purl(text)
            .ok_or_else(|| file.error(purl.line, format!("`{text}` is no package URL")))?;
        target.packages.push(package);
    }
    Ok(Suppression {
        reason: file.reason(item, "statement")?,
        expires: file.date(item, "expired_at")?,
        ..file.suppression(item.line, target)
    })
}

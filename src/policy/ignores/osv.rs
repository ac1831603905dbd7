//! `osv-scanner.toml`. <https://google.github.io/osv-scanner/configuration/>

use super::{File, Suppression, Target, parse};
use crate::error::SourceError;
use crate::project::document::{Node, Syntax};

pub(super) fn read(path: &str, text: &str) -> Result<Vec<Suppression>, SourceError> {
    let file = File { path, text };
    let node = parse(path, text, Syntax::Toml)?;
    let mut found = Vec::new();
    for item in node
        .get("IgnoredVulns")
        .map(Node::items)
        .unwrap_or_default()
    {
        let line = line_of(item);
        let id = file
            .text_of(item, "id")?
            .ok_or_else(|| file.error(line, "an entry without `id`"))?;
        found.push(Suppression {
            reason: file.reason(item, "reason")?,
            expires: file.date(item, "ignoreUntil")?,
            ..file.suppression(line, Target::of_name(id))
        });
    }
    for item in node
        .get("PackageOverrides")
        .map(Node::items)
        .unwrap_or_default()
    {
        let is_true = |node: Option<&Node>| node.and_then(Node::scalar) == Some("true");
        if !is_true(item.get("ignore")) && !is_true(item.at(&["vulnerability", "ignore"])) {
            continue;
        }
        let line = line_of(item);
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let target = Target {
            package_name: owned(file.text_of(item, "name")?),
            package_version: owned(file.text_of(item, "version")?),
            kinds: [crate::findings::Kind::Vulnerability].into(),
            ..Target::default()
        };
        if target.package_name.is_none() {
            return Err(file.error(line, "an override that ignores, without `name`"));
        }
        found.push(Suppression {
            reason: file.reason(item, "reason")?,
            expires: file.date(item, "effectiveUntil")?,
            ..file.suppression(line, target)
        });
    }
    Ok(found)
}

/// A table of TOML is at its first key.
fn line_of(item: &Node) -> usize {
    item.entries().first().map_or(item.line, |entry| entry.line)
}

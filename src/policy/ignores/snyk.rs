//! `.snyk`: `ignore: {ID: [{'path > of > packages': {reason, expires}}]}`.
//! <https://docs.snyk.io/manage-risk/policies/the-.snyk-file>

use super::{File, Suppression, Target, parse};
use crate::error::SourceError;
use crate::findings::Package;
use crate::project::document::{Node, Syntax};

pub(super) fn read(path: &str, text: &str) -> Result<Vec<Suppression>, SourceError> {
    let file = File { path, text };
    let node = parse(path, text, Syntax::Yaml)?;
    let mut found = Vec::new();
    for ignored in node.get("ignore").map(Node::entries).unwrap_or_default() {
        for item in ignored.node.items() {
            for place in item.entries() {
                let mut target = Target::of_name(&ignored.key);
                limit(&mut target, &file, &place.key, place.line)?;
                found.push(Suppression {
                    reason: file.reason(&place.node, "reason")?,
                    expires: file.date(&place.node, "expires")?,
                    ..file.suppression(place.line, target)
                });
            }
        }
    }
    Ok(found)
}

/// A path is `*`, a file, or the way from package to package: the last one has
/// the vulnerability.
fn limit(
    target: &mut Target,
    file: &File<'_>,
    place: &str,
    line: usize,
) -> Result<(), SourceError> {
    let last = place.rsplit('>').next().unwrap_or(place).trim();
    if last == "*" || last.is_empty() {
        return Ok(());
    }
    if !place.contains('>') && last.contains('/') && !last.starts_with('@') {
        target.paths = Some(file.globs(line, [last])?);
        return Ok(());
    }
    let (name, version) = match last.rfind('@').filter(|at| *at > 0) {
        Some(at) => (&last[..at], Some(&last[at + 1..])),
        None => (last, None),
    };
    // The kind is not said; a name is what there is.
    target.package_name = Some(
        Package::new(None, name.to_owned(), None)
            .full_name()
            .into_owned(),
    );
    target.package_version = version.filter(|version| *version != "*").map(str::to_owned);
    Ok(())
}

//! CycloneDX with `vulnerabilities` and their `analysis` (VEX).
//! <https://cyclonedx.org/docs/latest/json/#vulnerabilities>

use std::collections::HashMap;

use super::{File, Suppression, Target};
use crate::error::SourceError;
use crate::findings::Package;
use crate::project::document::Node;

/// States in which there is nothing to mend.
const HARMLESS: [&str; 4] = [
    "not_affected",
    "false_positive",
    "resolved",
    "resolved_with_pedigree",
];

pub(super) fn is_one(node: &Node) -> bool {
    node.get("bomFormat").and_then(Node::str) == Some("CycloneDX")
}

pub(super) fn read(path: &str, text: &str, node: &Node) -> Result<Vec<Suppression>, SourceError> {
    let file = File { path, text };
    let mut purls: HashMap<&str, &str> = HashMap::new();
    let components = node.get("components").map(Node::items).unwrap_or_default();
    let root = node.at(&["metadata", "component"]);
    for component in components.iter().chain(root) {
        let of = |key: &str| component.get(key).and_then(Node::str);
        if let (Some(reference), Some(purl)) = (of("bom-ref"), of("purl")) {
            purls.insert(reference, purl);
        }
    }
    let mut found = Vec::new();
    for one in node
        .get("vulnerabilities")
        .map(Node::items)
        .unwrap_or_default()
    {
        let Some(analysis) = one.get("analysis") else {
            continue;
        };
        let state = file.text_of(analysis, "state")?.unwrap_or_default();
        if !HARMLESS.contains(&state) {
            continue;
        }
        let id = file
            .text_of(one, "id")?
            .ok_or_else(|| file.error(one.line, "a vulnerability without `id`"))?;
        let mut target = Target::of_name(id);
        for affected in one.get("affects").map(Node::items).unwrap_or_default() {
            let reference = affected.get("ref").and_then(Node::str).unwrap_or_default();
            // A reference into another document ends with the name that is used there.
            let name = reference.rsplit('#').next().unwrap_or(reference);
            let purl = purls.get(name).copied().unwrap_or(name);
            target.packages.extend(Package::from_purl(purl));
        }
        target.nothing = target.packages.is_empty();
        let reason = match file.reason(analysis, "detail")? {
            Some(reason) => Some(reason),
            None => file.reason(analysis, "justification")?,
        };
        found.push(Suppression {
            reason: reason.or_else(|| Some(state.to_owned())),
            ..file.suppression(one.line, target)
        });
    }
    Ok(found)
}

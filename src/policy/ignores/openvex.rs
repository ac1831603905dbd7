//! OpenVEX. <https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md>

use super::{File, Suppression, Target};
use crate::error::SourceError;
use crate::findings::Package;
use crate::project::document::Node;

pub(super) fn is_one(node: &Node) -> bool {
    let context = node.get("@context").and_then(Node::str);
    context.is_some_and(|context| context.starts_with("https://openvex.dev/ns"))
}

pub(super) fn read(path: &str, text: &str, node: &Node) -> Result<Vec<Suppression>, SourceError> {
    let file = File { path, text };
    let mut found = Vec::new();
    for statement in node.get("statements").map(Node::items).unwrap_or_default() {
        let status = file.text_of(statement, "status")?.unwrap_or_default();
        match status {
            "not_affected" | "fixed" => {}
            "affected" | "under_investigation" => continue,
            other => {
                return Err(file.error(statement.line, format!("`{other}` is no status")));
            }
        }
        let vulnerability = statement.get("vulnerability");
        let id = vulnerability.and_then(|node| {
            let name = node.get("name").or_else(|| node.get("@id"));
            node.str().or_else(|| name.and_then(Node::str))
        });
        let id =
            id.ok_or_else(|| file.error(statement.line, "a statement without `vulnerability`"))?;
        let mut target = Target::of_name(id.rsplit('/').next().unwrap_or(id));
        for product in statement
            .get("products")
            .map(Node::items)
            .unwrap_or_default()
        {
            let parts = product
                .get("subcomponents")
                .map(Node::items)
                .unwrap_or_default();
            // The part that is spoken of is the package; the product is what holds it.
            let named: Vec<&Node> = if parts.is_empty() {
                vec![product]
            } else {
                parts.iter().collect()
            };
            target.packages.extend(named.into_iter().filter_map(|node| {
                let id = node.str().or_else(|| node.get("@id")?.str());
                let purl = node.at(&["identifiers", "purl"]).and_then(Node::str);
                Package::from_purl(purl.or(id)?)
            }));
        }
        // It speaks of a product that is no package: no finding is known to be meant.
        target.nothing = target.packages.is_empty();
        let reason = match file.reason(statement, "impact_statement")? {
            Some(reason) => Some(reason),
            None => file.reason(statement, "justification")?,
        };
        found.push(Suppression {
            reason: reason.or_else(|| Some(status.to_owned())),
            ..file.suppression(statement.line, target)
        });
    }
    Ok(found)
}

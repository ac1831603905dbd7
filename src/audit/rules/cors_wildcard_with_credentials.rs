//! Cross-origin headers that allow everybody, with credentials.

use crate::audit::fix::{Choice, Fix, Text};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::Node;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "cors-wildcard-with-credentials",
    title: "Every origin is allowed, with credentials",
    severity: Severity::Medium,
    confidence: Confidence::High,
    category: Category::Platforms,
    what: "A block of headers in vercel.json that sets `Access-Control-Allow-Origin: *` beside `Access-Control-Allow-Credentials: true`.",
    why: "Browsers refuse the two together, so that no request with a login works; who then mirrors the origin instead opens it to everybody.",
    mend: "Name the origin that may send credentials, or leave the credentials out.",
    references: &[
        "https://developer.mozilla.org/en-US/docs/Web/HTTP/Guides/CORS/Errors/CORSNotSupportingCredentials",
    ],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for file in facts.tree.named("vercel.json") {
        let Some(document) = facts.tree.json(file).filter(|_| !path::is_sample(file)) else {
            continue;
        };
        let blocks = document.get("headers").map_or(&[][..], Node::items);
        for block in blocks {
            let headers = block.get("headers").map_or(&[][..], Node::items);
            let value = |name: &str, value: &str| {
                let found = headers.iter().find(|header| {
                    let is = |key: &str, text: &str| {
                        let node = header.get(key).and_then(Node::scalar);
                        node.is_some_and(|node| node.trim().eq_ignore_ascii_case(text))
                    };
                    is("key", name) && is("value", value)
                })?;
                found.get("value")
            };
            let origin = value("access-control-allow-origin", "*");
            let credentials = value("access-control-allow-credentials", "true");
            if let (Some(origin), Some(credentials)) = (origin, credentials) {
                let message = "`Access-Control-Allow-Origin: *` beside `Access-Control-Allow-Credentials: true`: browsers refuse the two together";
                let defect = Defect::new(file, origin, message).with(file, credentials);
                defects.push(defect.mended_by(fix(facts, file, origin)));
            }
        }
    }
    defects
}

fn fix(facts: &Facts<'_>, file: &str, origin: &Node) -> Option<Fix> {
    let title = "name the origin that may send credentials";
    let Some(answer) = facts.answer("cors-origin") else {
        let choice = Choice {
            name: "cors-origin",
            question: "which origin may send credentials?",
            candidates: vec!["https://app.example.com".to_owned()],
        };
        return Some(Fix::asks(title, choice));
    };
    let text = Text::of(facts.tree, file)?;
    let value = serde_json::to_string(answer).ok()?;
    Some(Fix::safe(title, [text.replace(origin.span.clone(), value)]))
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn both_in_one_block_and_not_else() {
        let both = "{\"headers\": [{\"source\": \"/api/(.*)\", \"headers\": [\n{\"key\": \"Access-Control-Allow-Credentials\", \"value\": \"true\"},\n{\"key\": \"Access-Control-Allow-Origin\", \"value\": \"*\"}]}]}";
        assert_eq!(found(&RULE, &[("vercel.json", both)]), ["vercel.json:3 "]);
        for near in [
            both.replace("\"*\"", "\"https://example.com\""),
            both.replace("\"true\"", "\"false\""),
            both.replace("Credentials", "Methods"),
        ] {
            assert!(found(&RULE, &[("vercel.json", &near)]).is_empty(), "{near}");
        }
    }
}

//! Next.js. Its logs are its platform's: it has no place that sees every request.

use super::{Added, Stack, manifests};
use crate::audit::Facts;
use crate::audit::fix::Change;
use crate::project::model::Component;
use crate::project::path;

pub(super) const STACK: Stack = Stack {
    framework: "next",
    health,
    errors,
    logs: |_, _| None,
};

/// Whether a component writes TypeScript.
fn end(facts: &Facts<'_>, component: &Component) -> &'static str {
    let config = path::join(&component.root, "tsconfig.json");
    if facts.tree.contains(&config) {
        "ts"
    } else {
        "js"
    }
}

/// A page that is only files answers nothing.
fn is_exported(facts: &Facts<'_>, component: &Component) -> bool {
    ["next.config.js", "next.config.mjs", "next.config.ts"]
        .iter()
        .filter_map(|name| facts.tree.text(&path::join(&component.root, name)))
        .any(|text| text.contains("\"export\"") || text.contains("'export'"))
}

fn health(facts: &Facts<'_>, component: &Component) -> Option<Added> {
    if is_exported(facts, component) {
        return None;
    }
    let end = end(facts, component);
    let folder = |name: &str| {
        let folder = path::join(&component.root, name);
        facts.tree.has_folder(&folder).then_some(folder)
    };
    let (path, text) = if let Some(app) = folder("app").or_else(|| folder("src/app")) {
        let route = "export const dynamic = \"force-dynamic\";\n\nexport function GET() {\n  return Response.json({ status: \"ok\" });\n}\n";
        (
            path::join(&app, &format!("api/health/route.{end}")),
            route.to_owned(),
        )
    } else {
        let pages = folder("pages").or_else(|| folder("src/pages"))?;
        let (import, types) = match end {
            "ts" => (
                "import type { NextApiRequest, NextApiResponse } from \"next\";\n\n",
                ("_request: NextApiRequest", "response: NextApiResponse"),
            ),
            _ => ("", ("_request", "response")),
        };
        let route = format!(
            "{import}export default function handler({}, {}) {{\n  response.status(200).json({{ status: \"ok\" }});\n}}\n",
            types.0, types.1
        );
        (path::join(&pages, &format!("api/health.{end}")), route)
    };
    Some(Added::new([Change::Create { path, text }]))
}

fn errors(facts: &Facts<'_>, component: &Component) -> Option<Added> {
    let src = path::join(&component.root, "src");
    let folder = if facts.tree.has_folder(&path::join(&src, "app"))
        || facts.tree.has_folder(&path::join(&src, "pages"))
    {
        src
    } else {
        component.root.clone()
    };
    let end = end(facts, component);
    let files = [
        (
            "instrumentation",
            "import * as Sentry from \"@sentry/nextjs\";\n\nexport function register() {\n  Sentry.init({ dsn: process.env.SENTRY_DSN });\n}\n\nexport const onRequestError = Sentry.captureRequestError;\n",
        ),
        (
            "instrumentation-client",
            "import * as Sentry from \"@sentry/nextjs\";\n\nSentry.init({ dsn: process.env.NEXT_PUBLIC_SENTRY_DSN });\n\nexport const onRouterTransitionStart = Sentry.captureRouterTransitionStart;\n",
        ),
    ];
    let mut changes = Vec::new();
    for (name, text) in files {
        let is_there = ["ts", "js", "mjs", "tsx"].iter().any(|end| {
            facts
                .tree
                .contains(&path::join(&folder, &format!("{name}.{end}")))
        });
        if is_there {
            return None;
        }
        changes.push(Change::Create {
            path: path::join(&folder, &format!("{name}.{end}")),
            text: text.to_owned(),
        });
    }
    let package = manifests::node(facts, component, "@sentry/nextjs", "^11.0.0")?;
    Some(Added::new(changes).and(package))
}

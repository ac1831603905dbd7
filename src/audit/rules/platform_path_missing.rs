//! Files of platforms that name folders and files which are not there.

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::{Entry, Node};
use crate::project::{ignored, path};

pub(super) const RULE: Rule = Rule {
    id: "platform-path-missing",
    title: "A platform's file names a path that is not there",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Platforms,
    what: "`rootDir`, `dockerContext` and `dockerfilePath` of render.yaml, `build.base` of netlify.toml, and the functions that vercel.json names without wildcards are looked for in the repository.",
    why: "The platform ends the build with an error before anything is built.",
    mend: "Name the path that exists.",
    references: &[
        "https://render.com/docs/monorepo-support",
        "https://docs.netlify.com/build/configure-builds/overview/",
        "https://vercel.com/docs/project-configuration",
    ],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    let mut look = |file: &str, entry: &Entry, named: &str, base: &str| {
        let is_plain = !named.is_empty() && !named.contains(['$', '{', '*', '[', '(']);
        let clean = path::join(base, &path::normalise(named.trim_start_matches('/')));
        let is_there = clean == "." || facts.tree.contains(&clean) || facts.tree.has_folder(&clean)
            // What is ignored or a submodule is not walked, and may be there.
            || facts.tree.root().join(&clean).exists();
        if is_plain && !is_there && !ignored::may_be_there(facts.tree, &clean) {
            let message = format!("it names `{named}`, and the repository has no such path");
            defects.push(Defect::new(file, entry, message).about(named));
        }
    };
    for file in facts
        .tree
        .named("render.yaml")
        .filter(|file| !path::is_sample(file))
    {
        let Some(document) = facts.tree.yaml(file) else {
            continue;
        };
        for service in document.get("services").map_or(&[][..], Node::items) {
            // Of another repository.
            if service.get("repo").is_some() {
                continue;
            }
            let root = service.get("rootDir").and_then(Node::str).unwrap_or(".");
            let root = path::normalise(root.trim_start_matches('/'));
            for key in ["rootDir", "dockerContext", "dockerfilePath"] {
                let Some(entry) = service.entry(key) else {
                    continue;
                };
                let Some(named) = entry.node.str() else {
                    continue;
                };
                // Both are told as from the root and as from `rootDir`: either will do.
                let joined = path::join(&root, &path::normalise(named));
                let is_below = key != "rootDir"
                    && (facts.tree.contains(&joined) || facts.tree.has_folder(&joined));
                if !is_below {
                    look(file, entry, named, ".");
                }
            }
        }
    }
    for file in facts
        .tree
        .named("netlify.toml")
        .filter(|file| !path::is_sample(file))
    {
        let Some(document) = facts.tree.toml(file) else {
            continue;
        };
        if let Some(entry) = document.entry_at(&["build", "base"])
            && let Some(named) = entry.node.str()
            // One in a folder may be of a site whose base is told elsewhere.
            && path::parent(file) == "."
        {
            look(file, entry, named, ".");
        }
    }
    for file in facts
        .tree
        .named("vercel.json")
        .filter(|file| !path::is_sample(file))
    {
        let Some(document) = facts.tree.json(file) else {
            continue;
        };
        // The build may make them: then their source is no file of this name.
        let builds = ["buildCommand", "builds", "framework"];
        if builds.iter().any(|key| document.get(key).is_some()) {
            continue;
        }
        for entry in document.get("functions").map_or(&[][..], Node::entries) {
            if entry.key.starts_with("api/") {
                look(file, entry, &entry.key, path::parent(file));
            }
        }
    }
    defects
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn paths_that_nobody_has() {
        let render = "services:\n  - type: web\n    rootDir: backend\n  - type: web\n    rootDir: api\n    dockerfilePath: ./Dockerfile\n    dockerContext: ./docker\n";
        let netlify = "[build]\nbase = \"site\"\n";
        let vercel = "{\"functions\": {\"api/hello.py\": {}, \"api/gone.py\": {}}}";
        let files = [
            ("render.yaml", render),
            ("netlify.toml", netlify),
            ("vercel.json", vercel),
            ("api/Dockerfile", "FROM x"),
            ("api/hello.py", ""),
        ];
        assert_eq!(
            found(&RULE, &files),
            [
                "netlify.toml:2 site",
                "render.yaml:3 backend",
                "render.yaml:7 ./docker",
                "vercel.json:1 api/gone.py",
            ]
        );
    }

    #[test]
    fn paths_that_are_there_or_come_from_elsewhere() {
        let files = [
            (
                "render.yaml",
                "services:\n  - type: web\n    rootDir: ./\n  - type: web\n    rootDir: x\n    repo: https://example.com/a\n",
            ),
            ("netlify.toml", "[build]\nbase = \"/\"\n"),
            ("web/netlify.toml", "[build]\nbase = \"site\"\n"),
            (
                "vercel.json",
                "{\"functions\": {\"api/*.py\": {}, \"app/api/[id]/route.ts\": {}}}",
            ),
        ];
        assert!(found(&RULE, &files).is_empty());
        let built = [(
            "vercel.json",
            "{\"buildCommand\": \"make\", \"functions\": {\"api/x.js\": {}}}",
        )];
        assert!(found(&RULE, &built).is_empty());
        let ignored = [
            ("vercel.json", "{\"functions\": {\"api/x.js\": {}}}"),
            (".gitignore", "/api/*.js\n"),
        ];
        assert!(found(&RULE, &ignored).is_empty());
    }
}

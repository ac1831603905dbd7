//! Images that copy what Next.js does not write.

use crate::audit::fix::{Fix, Text};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "standalone-output-missing",
    title: "An image copies Next.js's standalone output, which is not configured",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Containers,
    what: "A Dockerfile copies `.next/standalone`, and the configuration of Next.js in the folder that it is built from never names `standalone`.",
    why: "Next.js writes that folder only with `output: 'standalone'`: the image cannot be built.",
    mend: "Add `output: 'standalone'` to the configuration that Next.js reads.",
    references: &["https://nextjs.org/docs/app/api-reference/config/next-config-js/output"],
    check,
};

/// The names that Next.js looks for, in its order: the first one wins.
const CONFIGURATIONS: [&str; 5] = [
    "next.config.js",
    "next.config.mjs",
    "next.config.ts",
    "next.config.mts",
    "next.config.cjs",
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for file in facts.dockerfiles() {
        let Some(copy) = file
            .instructions
            .iter()
            .find(|one| one.name == "COPY" && one.rest.contains(".next/standalone"))
        else {
            continue;
        };
        // A variable, a build script or a flag may say it elsewhere.
        let says = |text: &str| text.contains("standalone") || text.contains("NEXT_OUTPUT");
        let by_build = file
            .instructions
            .iter()
            .any(|one| one.name != "COPY" && says(&one.rest));
        let folder = folder(facts, &file.path, &file.context);
        let Some(config) = facts.tree.first_in(&folder, &CONFIGURATIONS) else {
            continue;
        };
        let manifest = facts.tree.text(&path::join(&folder, "package.json"));
        let by_script = manifest.is_some_and(|text| says(&text));
        let Some(text) = facts.tree.text(&config) else {
            continue;
        };
        let code = without_comments(&text);
        // What is imported, or computed from the environment, is not seen here.
        let is_open = says(&code) || code.contains("output:") || code.contains("...require(");
        if by_build || by_script || is_open {
            continue;
        }
        let message = format!(
            "it copies `.next/standalone`, which {config} does not ask for: it has no `output: 'standalone'`"
        );
        let defect = Defect::new(&file.path, copy.line, message).with(&config, 1);
        defects.push(defect.mended_by(fix(facts, &config)));
    }
    defects
}

/// The folder of the application: that of the Dockerfile's context, or the only package
/// below it that has a configuration of Next.js.
fn folder(facts: &Facts<'_>, dockerfile: &str, context: &str) -> String {
    let own = path::parent(dockerfile);
    for folder in [context, own] {
        if facts.tree.first_in(folder, &CONFIGURATIONS).is_some() {
            return folder.to_owned();
        }
    }
    let mut found: Vec<&str> = CONFIGURATIONS
        .iter()
        .flat_map(|name| facts.tree.named(name))
        .map(path::parent)
        .collect();
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [only] => (*only).to_owned(),
        _ => context.to_owned(),
    }
}

/// The text without `//` and `/* */`; addresses in texts lose their end, which is not
/// looked at.
fn without_comments(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("/*") {
        out.push_str(&rest[..start]);
        rest = rest[start..]
            .find("*/")
            .map_or("", |end| &rest[start + end + 2..]);
    }
    out.push_str(rest);
    let lines = out
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<&str>>().join("\n")
}

/// The first line of the object that is exported.
fn fix(facts: &Facts<'_>, config: &str) -> Option<Fix> {
    let text = Text::of(facts.tree, config)?;
    let begins = |line: &str| {
        let line = line.trim_end();
        line.ends_with('{')
            && (line.contains("module.exports =")
                || line.starts_with("export default {")
                || line.starts_with("const ") && line.to_ascii_lowercase().contains("config"))
    };
    let at = text.str().lines().position(begins)? + 1;
    let indent = text.indent(at + 1).filter(|indent| !indent.is_empty());
    let line = format!("{}output: 'standalone',", indent.unwrap_or("  "));
    let change = text.after_line(at, &line)?;
    Some(Fix::safe("ask for the standalone output", [change]))
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    const DOCKERFILE: &str = "FROM node:22 AS build\nCOPY . .\nRUN npm run build\nFROM node:22\nCOPY --from=build /app/.next/standalone ./\n";

    #[test]
    fn asked_for_or_not() {
        let files = |config: &'static str, text: &'static str| {
            [
                ("Dockerfile", DOCKERFILE),
                ("package.json", "{\"dependencies\": {\"next\": \"16.0.0\"}}"),
                (config, text),
            ]
        };
        let without = "// output: 'standalone'\nconst nextConfig = {\n  reactStrictMode: true,\n}\nexport default nextConfig\n";
        assert_eq!(
            found(&RULE, &files("next.config.ts", without)),
            ["Dockerfile:5 "]
        );
        // The first of two counts.
        let mut two = files("next.config.ts", "export default { output: 'standalone' }").to_vec();
        two.push(("next.config.js", "module.exports = {\n}\n"));
        assert_eq!(found(&RULE, &two), ["Dockerfile:5 "]);
        for near in [
            "export default { output: 'standalone' }",
            "export default { output: process.env.OUT }",
            "module.exports = { ...require('./base') }",
        ] {
            assert!(
                found(&RULE, &files("next.config.js", near)).is_empty(),
                "{near}"
            );
        }
        assert!(found(&RULE, &files("vite.config.js", without)).is_empty());
    }

    #[test]
    fn a_build_that_says_it() {
        let dockerfile = DOCKERFILE.replace("RUN npm", "RUN NEXT_OUTPUT=standalone npm");
        let files = [
            ("Dockerfile", dockerfile.as_str()),
            ("package.json", "{}"),
            ("next.config.js", "module.exports = {}"),
        ];
        assert!(found(&RULE, &files).is_empty());
    }
}

//! `npm ci` in an image that no lock file reaches.

use crate::audit::fix::{Fix, Text};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::dockerfile::{sources, words};
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "npm-ci-without-lock",
    title: "`npm ci` without a lock file",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Containers,
    what: "A Dockerfile runs `npm ci`, and the folder that it is built from has no package-lock.json, or .dockerignore keeps it out.",
    why: "`npm ci` ends with an error, so that the image cannot be built.",
    mend: "Commit the lock file beside package.json, copy it, and take it out of .dockerignore.",
    references: &["https://docs.npmjs.com/cli/commands/npm-ci"],
    check,
};

const LOCKS: [&str; 2] = ["package-lock.json", "npm-shrinkwrap.json"];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for file in facts.dockerfiles() {
        let all = &file.instructions;
        let Some(at) = all
            .iter()
            .position(|one| one.name == "RUN" && installs(&one.rest))
        else {
            continue;
        };
        let run = &all[at];
        // What its stage copied from another one, or mounts, is not seen here.
        let stage = all[..at].iter().rposition(|one| one.name == "FROM");
        let is_seen = all[stage.unwrap_or(0)..=at].iter().all(|one| {
            let brings = one.rest.contains("--from=") && one.rest.contains("package");
            !brings && !one.rest.contains("type=bind")
        });
        let manifest = path::join(&file.context, "package.json");
        // Without the manifest the folder is a guess.
        if !is_seen || sources(all).is_empty() || !facts.tree.contains(&manifest) {
            continue;
        }
        let is_lock = |path: &str| LOCKS.contains(&path::name(path));
        let locks: Vec<&str> = facts
            .tree
            .under(&file.context)
            .filter(|file| is_lock(file))
            .collect();
        // A member of a workspace may be built from above, where the lock file is.
        let is_above = |lock: &str| facts.tree.nearest(&file.context, lock).is_some();
        if locks.is_empty() && LOCKS.iter().any(|lock| is_above(lock)) {
            continue;
        }
        if locks.is_empty() {
            // Git may ignore a lock file that is on somebody's disk: then nobody else has it.
            let message =
                "it runs `npm ci`, and no package-lock.json is in the folder that it is built from";
            defects.push(Defect::new(&file.path, run.line, message));
            continue;
        }
        let ignored = path::join(&file.context, ".dockerignore");
        let text = facts.tree.text(&ignored);
        let line = text.as_deref().and_then(|text| {
            let is = |line: &str| {
                LOCKS.contains(
                    &line
                        .trim()
                        .trim_start_matches("**/")
                        .trim_start_matches('/'),
                )
            };
            let keeps = text
                .lines()
                .any(|line| line.trim().starts_with('!') && is(&line.replace('!', "")));
            (!keeps).then(|| text.lines().position(is)).flatten()
        });
        // One of its own takes the place of the folder's.
        let has_own = facts.tree.contains(&format!("{}.dockerignore", file.path));
        if let Some(line) = line.filter(|_| !has_own) {
            let message =
                "it runs `npm ci`, and .dockerignore keeps package-lock.json out of the build";
            let fix = Text::of(facts.tree, &ignored)
                .and_then(|text| text.without_lines(line + 1, line + 1))
                .map(|change| Fix::safe("take it out of .dockerignore", [change]));
            let defect = Defect::new(&file.path, run.line, message).with(ignored, line + 1);
            defects.push(defect.mended_by(fix));
        }
    }
    defects
}

fn installs(run: &str) -> bool {
    let all: Vec<&str> = words(run).collect();
    all.windows(2).any(|pair| {
        let next = pair[1]
            .trim_end_matches([';', '&', ',', '"', ']'])
            .trim_start_matches('"');
        pair[0].trim_matches(['[', '"', ',', '(']) == "npm" && next == "ci"
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    const DOCKERFILE: &str =
        "FROM node:22\nCOPY package*.json ./\nRUN npm ci --omit=dev\nCOPY . .\n";

    #[test]
    fn no_lock_or_one_that_is_kept_out() {
        let files = [("web/Dockerfile", DOCKERFILE), ("web/package.json", "{}")];
        assert_eq!(found(&RULE, &files), ["web/Dockerfile:3 "]);
        let ignored = [
            ("Dockerfile", DOCKERFILE),
            ("package.json", "{}"),
            ("package-lock.json", "{}"),
            (".dockerignore", "node_modules\npackage-lock.json\n"),
        ];
        assert_eq!(found(&RULE, &ignored), ["Dockerfile:3 "]);
    }

    #[test]
    fn a_lock_that_is_there() {
        let mut files = vec![
            ("Dockerfile", DOCKERFILE),
            ("package.json", "{}"),
            ("package-lock.json", "{}"),
            (".dockerignore", "node_modules\n"),
        ];
        assert!(found(&RULE, &files).is_empty());
        files[3] = (
            ".dockerignore",
            "*.json\npackage-lock.json\n!package-lock.json\n",
        );
        assert!(found(&RULE, &files).is_empty());
        // A member of a workspace.
        let member = [
            ("apps/web/Dockerfile", DOCKERFILE),
            ("apps/web/package.json", "{}"),
            ("package-lock.json", "{}"),
        ];
        assert!(found(&RULE, &member).is_empty());
        // Built from a folder that is not known.
        let elsewhere = [
            ("docker/Dockerfile", DOCKERFILE),
            ("web/package.json", "{}"),
        ];
        assert!(found(&RULE, &elsewhere).is_empty());
        files[0] = ("Dockerfile", "FROM node:22\nCOPY . .\nRUN npm install\n");
        files.remove(2);
        assert!(found(&RULE, &files).is_empty());
    }
}

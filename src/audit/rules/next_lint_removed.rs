//! `next lint` with a Next.js that has it no more.

use crate::audit::fix::{Fix, Text};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::{Entry, Node};
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "next-lint-removed",
    title: "`next lint` with a Next.js that has it no more",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Pipelines,
    what: "A script of package.json runs `next lint`, or a workflow `npx next lint` in the folder of a package, and that package's `next` is version 16 or later.",
    why: "Next.js 16 took the command out: it takes `lint` for a folder and ends with an error, so that the job can never pass.",
    mend: "Run eslint itself; `npx @next/codemod@canary next-lint-to-eslint-cli .` changes the scripts.",
    references: &["https://nextjs.org/docs/app/guides/upgrading/version-16#next-lint-command"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for file in facts.tree.named("package.json") {
        let Some(manifest) = facts.tree.json(file).filter(|_| !path::is_sample(file)) else {
            continue;
        };
        let Some((version, line)) = without_lint(&manifest) else {
            continue;
        };
        let scripts = manifest.get("scripts").map_or(&[][..], Node::entries);
        for script in scripts {
            let text = script.node.str().unwrap_or_default();
            if runs(text) {
                let message = format!("`{}` runs `next lint`, and next is {version}", script.key);
                let defect = Defect::new(file, script, message).about(&script.key);
                let fix = fix(facts, file, &manifest, script);
                defects.push(defect.with(file, line).mended_by(fix));
            }
        }
        let folder = path::parent(file);
        let steps = facts.steps().iter();
        for step in steps.filter(|step| step.folder == folder && !step.moves()) {
            for command in step
                .shell
                .commands
                .iter()
                .filter(|one| one.runs(&["next", "lint"]))
            {
                let message = format!("it runs `next lint`, and next is {version} in {file}");
                let fix = has_eslint(&manifest)
                    .then(|| Text::of(facts.tree, &step.path))
                    .flatten()
                    .and_then(|text| text.in_line(command.place.line, "next lint", "eslint ."))
                    .map(|change| Fix::safe("run eslint itself", [change]));
                let defect = Defect::new(&step.path, command, message).with(file, line);
                defects.push(defect.mended_by(fix));
            }
        }
    }
    defects
}

/// ESLint itself, where the package has it, and the script is nothing else.
fn has_eslint(manifest: &Node) -> bool {
    ["dependencies", "devDependencies"]
        .iter()
        .any(|key| manifest.at(&[key, "eslint"]).is_some())
}

fn fix(facts: &Facts<'_>, file: &str, manifest: &Node, script: &Entry) -> Option<Fix> {
    let has = has_eslint(manifest);
    let is_plain = matches!(script.node.str(), Some("next lint" | "next lint ."));
    if !has || !is_plain {
        return None;
    }
    let text = Text::of(facts.tree, file)?;
    let change = text.replace(script.node.span.clone(), "\"eslint .\"");
    Some(Fix::safe("run eslint itself", [change]))
}

/// The version of `next` and its line, where it is 16 or later for sure.
fn without_lint(manifest: &Node) -> Option<(String, usize)> {
    let entry = ["dependencies", "devDependencies"]
        .iter()
        .find_map(|key| manifest.entry_at(&[key, "next"]))?;
    let version = entry.node.str()?;
    let number = version.trim_start_matches(['^', '~', '=', 'v']);
    let major: u32 = number.split('.').next()?.parse().ok()?;
    (major >= 16).then(|| (version.to_owned(), entry.line))
}

fn runs(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.windows(2).enumerate().any(|(at, pair)| {
        let before = at.checked_sub(1).map(|before| words[before]);
        let begins = matches!(
            before,
            None | Some("&&" | "||" | ";" | "npx" | "exec" | "run")
        );
        pair == ["next", "lint"] && begins
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn sixteen_has_it_no_more() {
        let manifest = "{\n\"scripts\": {\n\"lint\": \"next lint --fix\",\n\"all\": \"tsc && next lint\"},\n\"dependencies\": {\"next\": \"^16.1.7\"}}";
        let workflow = "on: push\njobs:\n  a:\n    defaults:\n      run:\n        working-directory: web\n    steps:\n      - run: npx next lint --max-warnings 0\n";
        assert_eq!(
            found(
                &RULE,
                &[
                    ("web/package.json", manifest),
                    (".github/workflows/ci.yml", workflow)
                ]
            ),
            [
                ".github/workflows/ci.yml:8 ",
                "web/package.json:3 lint",
                "web/package.json:4 all",
            ]
        );
        for near in [
            manifest.replace("^16.1.7", "^15.5.0"),
            manifest.replace("^16.1.7", "latest"),
            manifest.replace("next lint", "eslint ."),
        ] {
            assert!(
                found(&RULE, &[("web/package.json", &near)]).is_empty(),
                "{near}"
            );
        }
    }
}

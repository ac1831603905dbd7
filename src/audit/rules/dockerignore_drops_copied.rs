//! Files that an image copies and that never reach its build.

use crate::audit::fix::{Fix, Text};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "dockerignore-drops-copied",
    title: ".dockerignore keeps a file out that the image copies",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Containers,
    what: "A COPY names a file or folder of the folder that the image is built from, and a line of .dockerignore there names the same, or a folder above it, without wildcards and without an exception.",
    why: "The build ends with an error: the file is not found.",
    mend: "Take the line out of .dockerignore, or do not copy the file.",
    references: &["https://docs.docker.com/build/concepts/context/#dockerignore-files"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for file in facts.dockerfiles() {
        let own = format!("{}.dockerignore", file.path);
        let shared = path::join(&file.context, ".dockerignore");
        let ignored = if facts.tree.contains(&own) {
            own
        } else {
            shared
        };
        let Some(text) = facts.tree.text(&ignored) else {
            continue;
        };
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        if lines.iter().any(|line| line.starts_with('!')) {
            continue;
        }
        for one in file.instructions.iter().filter(|one| one.name == "COPY") {
            let words: Vec<&str> = one.rest.split_whitespace().collect();
            let is_plain = !words.iter().any(|word| word.starts_with("--from"))
                && !one.rest.contains(['*', '?', '$', '[', '<']);
            let Some((_, sources)) = words.split_last().filter(|_| is_plain) else {
                continue;
            };
            for source in sources.iter().filter(|word| !word.starts_with("--")) {
                let plain = path::normalise(source.trim_start_matches('/'));
                let there = path::join(&file.context, &plain);
                let exists = facts.tree.contains(&there) || facts.tree.has_folder(&there);
                let drops = |line: &&str| {
                    let line = line.trim_start_matches('/').trim_end_matches('/');
                    !line.is_empty()
                        && !line.starts_with('#')
                        && !line.contains(['*', '?', '['])
                        && path::is_within(&plain, &path::normalise(line))
                };
                let Some(at) = lines.iter().position(drops) else {
                    continue;
                };
                if plain == "." || !exists {
                    continue;
                }
                let message =
                    format!("it copies `{plain}`, which {ignored} keeps out of the build");
                let is_same = lines[at].trim_matches('/') == plain;
                let fix = Text::of(facts.tree, &ignored)
                    .filter(|_| is_same)
                    .and_then(|text| text.without_lines(at + 1, at + 1))
                    .map(|change| Fix::safe("take it out of .dockerignore", [change]));
                let defect = Defect::new(&file.path, one.line, message).about(&plain);
                defects.push(defect.with(&ignored, at + 1).mended_by(fix));
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
    fn kept_out_or_not() {
        let of = |dockerfile: &str, ignored: &str| {
            found(
                &RULE,
                &[
                    ("api/Dockerfile", dockerfile),
                    ("api/.dockerignore", ignored),
                    ("api/requirements.txt", ""),
                    ("api/scripts/start.sh", ""),
                    ("api/app/main.py", ""),
                ],
            )
        };
        let dockerfile = "FROM python:3.12\nCOPY requirements.txt .\nCOPY app ./app\nCOPY scripts/start.sh /start.sh\n";
        assert_eq!(
            of(dockerfile, "# x\nscripts\n"),
            ["api/Dockerfile:4 scripts/start.sh"]
        );
        assert_eq!(
            of(dockerfile, "/requirements.txt\n"),
            ["api/Dockerfile:2 requirements.txt"]
        );
        for near in [
            "scripts\n!scripts/start.sh\n",
            "*.sh\n",
            "tests\n",
            "script\n",
            "app2/\n",
        ] {
            assert!(of(dockerfile, near).is_empty(), "{near}");
        }
        let built = "FROM a AS b\nFROM python:3.12\nCOPY --from=b scripts /x\nCOPY . .\n";
        assert!(of(built, "scripts\n").is_empty());
    }
}

//! Start commands that name what the image does not have.

use super::railway_unknown_key::files;
use crate::audit::facts::Dockerfile;
use crate::audit::fix::{Fix, Text};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::Node;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "start-file-missing",
    title: "A start command names a script that the image does not have",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Platforms,
    what: "The start command of railway.json or railway.toml runs a script by its path, and none of the lines of the Dockerfile that it builds copies a file to that place below the last WORKDIR.",
    why: "The container ends at once, again and again, and the deployment never becomes healthy.",
    mend: "Name the path that the script has in the image.",
    references: &["https://docs.railway.com/deployments/start-command"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for (file, document) in files(facts) {
        let Some(entry) = document.entry_at(&["deploy", "startCommand"]) else {
            continue;
        };
        let Some(script) = entry.node.str().and_then(script) else {
            continue;
        };
        // Which Dockerfile is built: the one that is named, or the one at the root.
        let named = document
            .at(&["build", "dockerfilePath"])
            .and_then(|node| node.str());
        let named = path::normalise(named.unwrap_or("Dockerfile").trim_start_matches('/'));
        let own = path::join(path::parent(&file), &named);
        let all = facts.dockerfiles();
        let Some(image) = all.iter().find(|one| one.path == own || one.path == named) else {
            continue;
        };
        if has(facts, image, script) == Some(false) {
            let message = format!(
                "it starts `{script}`, and {} copies no such file to where it runs",
                image.path
            );
            let defect = Defect::new(&file, &entry.node, message).about(script);
            let fix = fix(facts, &file, &entry.node, image, script);
            defects.push(defect.with(&image.path, 1).mended_by(fix));
        }
    }
    defects
}

/// The path that it has in the image, where that is a part of the one that is named.
fn fix(
    facts: &Facts<'_>,
    file: &str,
    written: &Node,
    image: &Dockerfile,
    script: &str,
) -> Option<Fix> {
    let mut rest = script;
    let there = loop {
        let (_, below) = rest.split_once('/')?;
        if has(facts, image, below) == Some(true) {
            break below;
        }
        rest = below;
    };
    let text = Text::of(facts.tree, file)?;
    let old = &text.str()[written.span.clone()];
    let (at, _) = old
        .match_indices(script)
        .next()
        .filter(|_| old.matches(script).count() == 1)?;
    let at = written.span.start + at;
    let change = text.replace(at..at + script.len(), there);
    Some(Fix::safe(format!("start `{there}`"), [change]))
}

/// The script that a command line starts, where it is one plain command.
fn script(command: &str) -> Option<&str> {
    if command.contains(['&', ';', '|', '$', '\'', '"']) {
        return None;
    }
    let mut words = command.split_whitespace();
    let named = match words.next()? {
        "bash" | "sh" | "python" | "python3" | "node" => words.next()?,
        first => first.strip_prefix("./")?,
    };
    let ends = [".sh", ".py", ".js", ".mjs"];
    let is_plain = !named.starts_with(['/', '-']) && ends.iter().any(|end| named.ends_with(end));
    is_plain.then_some(named.strip_prefix("./").unwrap_or(named))
}

/// Whether the image has a file at a path below its last folder; `None` where that cannot
/// be known.
fn has(facts: &Facts<'_>, image: &Dockerfile, script: &str) -> Option<bool> {
    let mut folder = String::from("/");
    let mut copies: Vec<(String, String)> = Vec::new();
    for one in image.image() {
        match one.name.as_str() {
            "WORKDIR" => folder = absolute(&folder, one.rest.trim())?,
            // What another stage, a download or a command makes is not seen.
            "COPY" | "ADD" if one.rest.contains("--from=") || one.rest.starts_with('[') => {
                return None;
            }
            "RUN" if one.rest.contains(path::name(script)) || one.rest.contains("git clone") => {
                return None;
            }
            "COPY" | "ADD" => {
                let words = one
                    .rest
                    .split_whitespace()
                    .filter(|word| !word.starts_with("--"));
                let mut words: Vec<&str> = words.collect();
                let to = words.pop()?;
                for from in &words {
                    let mut target = absolute(&folder, to)?;
                    let source = path::join(
                        &image.context,
                        &path::normalise(from.trim_start_matches('/')),
                    );
                    if from.contains(['*', '?', '$']) {
                        return None;
                    }
                    let is_file = facts.tree.contains(&source);
                    if is_file && (to.ends_with('/') || to == "." || to == "./" || words.len() > 1)
                    {
                        target =
                            format!("{}/{}", target.trim_end_matches('/'), path::name(&source));
                    }
                    copies.push((source, target));
                }
            }
            _ => {}
        }
    }
    if copies.is_empty() {
        return None;
    }
    let wanted = absolute(&folder, script)?;
    let found = copies.iter().any(|(source, target)| {
        if *target == wanted {
            return facts.tree.contains(source);
        }
        let below = format!("{}/", target.trim_end_matches('/'));
        wanted
            .strip_prefix(&below)
            .is_some_and(|rest| facts.tree.contains(&path::join(source, rest)))
    });
    Some(found)
}

/// A path of the image from its root; `None` where a variable is in it.
fn absolute(folder: &str, to: &str) -> Option<String> {
    let to = to.trim_matches(['"', '\'']);
    if to.contains('$') {
        return None;
    }
    let joined = match to.strip_prefix('/') {
        Some(rest) => path::normalise(rest),
        None => path::normalise(format!("{folder}/{to}").trim_start_matches('/')),
    };
    Some(if joined == "." {
        "/".to_owned()
    } else {
        format!("/{joined}")
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    fn of(dockerfile: &str, command: &str) -> Vec<String> {
        let railway = format!(
            "{{\"build\": {{\"dockerfilePath\": \"Dockerfile\"}}, \"deploy\": {{\n\"startCommand\": \"{command}\"}}}}"
        );
        let files = [
            ("Dockerfile", dockerfile),
            ("railway.json", railway.as_str()),
            ("backend/start.sh", ""),
            ("backend/requirements.txt", ""),
            ("README.md", ""),
        ];
        found(&RULE, &files)
    }

    #[test]
    fn where_the_script_is() {
        let into_app =
            "FROM python:3.12\nWORKDIR /app\nCOPY backend/requirements.txt .\nCOPY backend/ .\n";
        assert_eq!(
            of(into_app, "bash backend/start.sh"),
            ["railway.json:2 backend/start.sh"]
        );
        assert!(of(into_app, "bash start.sh").is_empty());
        let whole = "FROM python:3.12\nWORKDIR /app\nCOPY . .\n";
        assert!(of(whole, "bash backend/start.sh").is_empty());
        assert_eq!(of(whole, "bash start.sh").len(), 1);
        let nested = "FROM python:3.12\nWORKDIR /app\nCOPY backend backend\nWORKDIR backend\n";
        assert!(of(nested, "./start.sh").is_empty());
        assert_eq!(of(nested, "./backend/start.sh").len(), 1);
        for unclear in [
            "FROM python:3.12\nCOPY --from=build /app /app\n",
            "FROM python:3.12\n",
            "FROM python:3.12\nWORKDIR $HOME\nCOPY . .\n",
            "FROM python:3.12\nCOPY backend/*.sh /x/\n",
        ] {
            assert!(of(unclear, "bash other.sh").is_empty(), "{unclear}");
        }
        assert!(of(whole, "cd x && bash start.sh").is_empty());
        assert!(of(whole, "uvicorn app:app").is_empty());
    }
}

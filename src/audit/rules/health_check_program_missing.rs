//! Health checks of images that run a program which the image has not.

use crate::audit::fix::{Fix, Text};
use crate::audit::images::{self, base};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::dockerfile::Instruction;

pub(super) const RULE: Rule = Rule {
    id: "health-check-program-missing",
    title: "The health check runs a program that the image has not",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Containers,
    what: "`HEALTHCHECK` calls curl or wget, the image starts from one that is known to be without it, and no line installs it.",
    why: "The check fails every time, so that the container is unhealthy for ever, or is restarted without end.",
    mend: "Install the program, or check with what the image has: `python -c` with urllib, `node -e` with fetch.",
    references: &["https://docs.docker.com/reference/dockerfile/#healthcheck"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for file in facts.dockerfiles() {
        let image = file.image();
        let Some(check) = image.iter().rev().find(|one| one.name == "HEALTHCHECK") else {
            continue;
        };
        let Some(from) = image.first() else { continue };
        for program in ["curl", "wget"] {
            if calls(&check.rest, program) && lacks(&from.rest, program) && !brings(&image, program)
            {
                let message = format!(
                    "the health check calls {program}, and the image, from `{}`, has none",
                    base(&from.rest)
                );
                let defect = Defect::new(&file.path, check.line, message);
                let fix = fix(facts, &file.path, check, &from.rest);
                let defect = defect.with(&file.path, from.line).about(program);
                defects.push(defect.mended_by(fix));
            }
        }
    }
    defects
}

/// The same question by what the image has.
fn fix(facts: &Facts<'_>, file: &str, check: &Instruction, from: &str) -> Option<Fix> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ":/.-_".contains(c);
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ']' | ')');
    let mut words = check.rest.split(ends);
    let url = words.find(|word| word.starts_with("http://") || word.starts_with("https://"))?;
    if !url.chars().all(is_plain) {
        return None;
    }
    let (options, _) = check.rest.split_once("CMD")?;
    let asks = match images::name(base(from)) {
        "python" => format!(
            "python -c \"import urllib.request; urllib.request.urlopen('{url}', timeout=5)\""
        ),
        "node" => format!(
            "node -e \"fetch('{url}').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))\""
        ),
        _ => return None,
    };
    let text = Text::of(facts.tree, file)?;
    let span = text.line(check.line)?.start..text.line(check.last)?.end;
    let options = options.trim();
    let options = if options.is_empty() {
        String::new()
    } else {
        format!("{options} ")
    };
    let change = text.replace(span, format!("HEALTHCHECK {options}CMD {asks}"));
    Some(Fix::safe("ask with what the image has", [change]))
}

fn calls(check: &str, program: &str) -> bool {
    let is_end =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '[' | '(' | ';' | '&' | '|');
    check.split(is_end).any(|word| word == program)
}

/// Whether an official image of this name is known to be without it. Debian's slim images
/// have neither; Alpine has a wget in busybox and no curl.
fn lacks(from: &str, program: &str) -> bool {
    let (name, tag) = base(from).split_once(':').unwrap_or((base(from), ""));
    let name = name
        .trim_start_matches("docker.io/")
        .trim_start_matches("library/");
    let tag = tag.split('@').next().unwrap_or_default();
    let is_official = matches!(
        name,
        "python"
            | "node"
            | "debian"
            | "ruby"
            | "php"
            | "golang"
            | "rust"
            | "alpine"
            | "openjdk"
            | "eclipse-temurin"
            | "ubuntu"
    );
    let is_alpine = name == "alpine" || tag.contains("alpine");
    let is_slim = tag.contains("slim") || matches!(name, "debian" | "ubuntu");
    is_official
        && match program {
            "curl" => is_alpine || is_slim,
            _ => is_slim && !is_alpine,
        }
        // PHP's images keep curl for its extensions.
        && name != "php"
}

/// Whether a line installs it, or brings what is not known here.
fn brings(image: &[&Instruction], program: &str) -> bool {
    image.iter().any(|one| match one.name.as_str() {
        "RUN" => {
            let words: Vec<&str> = one
                .rest
                .split(|c: char| {
                    c.is_whitespace() || matches!(c, ';' | '&' | '|' | '"' | '\'' | ',')
                })
                .collect();
            let named = words
                .iter()
                .any(|word| *word == program || word.starts_with(&format!("{program}=")));
            // A script or a requirements file of packages may install anything.
            named
                || words
                    .iter()
                    .any(|word| word.ends_with(".sh") || word.contains("xargs"))
        }
        "COPY" | "ADD" => one.rest.contains("--from=") && one.rest.contains(program),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    fn of(text: &str) -> Vec<String> {
        found(&RULE, &[("Dockerfile", text)])
    }

    #[test]
    fn a_program_that_is_not_there() {
        assert_eq!(
            of(
                "FROM python:3.12-slim\nHEALTHCHECK --interval=5s \\\n  CMD curl -f http://localhost/health || exit 1\n"
            ),
            ["Dockerfile:2 curl"]
        );
        assert_eq!(
            of(
                "FROM node:22 AS build\nRUN apt-get install -y curl\nFROM node:22-alpine\nHEALTHCHECK CMD [\"curl\", \"-f\", \"http://localhost\"]\n"
            ),
            ["Dockerfile:4 curl"]
        );
    }

    #[test]
    fn one_that_is_or_may_be_there() {
        for text in [
            "FROM python:3.12-slim\nRUN apt-get update && apt-get install -y --no-install-recommends curl\nHEALTHCHECK CMD curl -f http://localhost\n",
            "FROM python:3.12-slim\nHEALTHCHECK CMD python -c \"import urllib.request as u; u.urlopen('http://localhost/health')\"\n",
            "FROM node:22-alpine\nHEALTHCHECK CMD wget -qO- http://localhost\n",
            "FROM python:3.12\nHEALTHCHECK CMD curl -f http://localhost\n",
            "FROM example.com/base:slim\nHEALTHCHECK CMD curl -f http://localhost\n",
            "FROM python:3.12-slim AS base\nRUN apt-get install -y curl\nFROM base\nHEALTHCHECK CMD curl -f http://localhost\n",
            "FROM python:3.12-slim\nHEALTHCHECK NONE\n",
        ] {
            assert!(of(text).is_empty(), "{text}");
        }
    }
}

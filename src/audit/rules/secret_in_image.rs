//! Secrets that stay in an image.

use crate::audit::facts::Dockerfile;
use crate::audit::fix::{Fix, Text};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::dockerfile::{Instruction, words};

pub(super) const RULE: Rule = Rule {
    id: "secret-in-image",
    title: "A secret stays in the image",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Containers,
    what: "`ENV` sets a variable that is named as a secret to the value of a build argument, or, in the stages that make the image, to a value that is no placeholder.",
    why: "Whoever can pull the image reads the value with `docker history` or `docker inspect`, for as long as the image exists; of a stage that only builds, whoever can read the build cache or the provenance.",
    mend: "Give it to the container when it starts; what only the build needs comes with `RUN --mount=type=secret`.",
    references: &["https://docs.docker.com/build/building/secrets/"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    let is_test = |path: &str| {
        let mut parts = path.split('/');
        parts.any(|part| matches!(part, "test" | "tests" | "e2e"))
    };
    for file in facts
        .dockerfiles()
        .iter()
        .filter(|file| !is_test(&file.path))
    {
        let image: Vec<usize> = file.image().iter().map(|one| one.line).collect();
        let arguments: Vec<(&str, usize)> = file
            .instructions
            .iter()
            .filter(|one| one.name == "ARG")
            .flat_map(|one| words(&one.rest).map(|word| (word, one.line)))
            .map(|(word, line)| (word.split('=').next().unwrap_or_default(), line))
            .collect();
        for instruction in file.instructions.iter().filter(|one| one.name == "ENV") {
            let stays = image.contains(&instruction.line);
            let all = pairs(&instruction.rest);
            for (name, value) in all.iter().copied() {
                // A name that is its own password is a default, and no secret.
                let is_default = all
                    .iter()
                    .any(|(other, same)| *other != name && *same == value);
                if !is_secret(name) || is_default && !value.contains('$') {
                    continue;
                }
                let value = value.trim_matches(['"', '\'']);
                let inner = value.trim_start_matches('$').trim_matches(['{', '}']);
                let argument = arguments.iter().rfind(|(argument, line)| {
                    value.starts_with('$') && *argument == inner && *line < instruction.line
                });
                let defect = |message: String| {
                    Defect::new(&file.path, instruction.line, message).about(name)
                };
                defects.extend(match argument {
                    Some((argument, line)) if stays => Some(
                        defect(format!("`{name}` keeps the build argument `{argument}` in the image"))
                            .with(&file.path, *line)
                            .mended_by(fix(facts, file, instruction, *line)),
                    ),
                    Some((argument, line)) => Some(
                        defect(format!(
                            "`{name}` keeps the build argument `{argument}` in the build cache and the provenance"
                        ))
                        .with(&file.path, *line)
                        .severity(Severity::Low)
                        .mended_by(fix(facts, file, instruction, *line)),
                    ),
                    None if stays && is_value(value) => {
                        Some(defect(format!("the value of `{name}` is in the image and in this file")))
                    }
                    None => None,
                });
            }
        }
    }
    defects
}

/// Takes both lines out, where they hold nothing else and no other line needs them. What
/// a stage that only builds runs afterwards gets the secret for as long as it runs.
fn fix(facts: &Facts<'_>, file: &Dockerfile, set: &Instruction, argument: usize) -> Option<Fix> {
    let all = &file.instructions;
    let argument = all.iter().find(|one| one.line == argument)?;
    let name = argument.rest.split('=').next()?.trim();
    let is_alone = pairs(&set.rest).len() == 1 && words(&argument.rest).count() == 1;
    let uses = |one: &&Instruction| {
        one.line != set.line && one.line != argument.line && one.rest.contains(name)
    };
    let is_same = set.rest.split(['=', ' ']).next() == Some(name);
    if !is_alone || !is_same || all.iter().any(|one| uses(&one)) {
        return None;
    }
    let text = Text::of(facts.tree, &file.path)?;
    let mut changes = if argument.last + 1 == set.line {
        vec![text.without_lines(argument.line, set.last)?]
    } else {
        vec![
            text.without_lines(argument.line, argument.last)?,
            text.without_lines(set.line, set.last)?,
        ]
    };
    let stays = file.image().iter().any(|one| one.line == set.line);
    if stays {
        let title = format!("take `{name}` out: the container gets it when it starts");
        return Some(Fix::behaviour(title, changes));
    }
    let later = all.iter().filter(|one| one.line > set.line);
    for run in later
        .take_while(|one| one.name != "FROM")
        .filter(|one| one.name == "RUN")
    {
        let mount = format!("RUN --mount=type=secret,id={name},env={name} ");
        changes.push(text.in_line(run.line, "RUN ", &mount)?);
    }
    let title = format!("give `{name}` to what runs: docker build --secret id={name},env={name}");
    Some(Fix::behaviour(title, changes))
}

/// `A=b C="d e"`, or the old form `A b`.
fn pairs(rest: &str) -> Vec<(&str, &str)> {
    let first = words(rest).next().unwrap_or_default();
    if !first.contains('=') {
        return rest.split_once(char::is_whitespace).into_iter().collect();
    }
    words(rest)
        .filter_map(|word| word.split_once('='))
        .collect()
}

/// Whether a variable is named as a secret: by its last words, and by none that says that
/// everybody may read it.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let is_public = ["PUBLIC", "PUBLISHABLE", "VITE_", "REACT_APP_"]
        .iter()
        .any(|word| name.contains(word));
    let ends = [
        "SECRET",
        "SECRET_KEY",
        "TOKEN",
        "PASSWORD",
        "API_KEY",
        "PRIVATE_KEY",
        "SECRET_ACCESS_KEY",
        "ENCRYPTION_KEY",
        "SIGNING_KEY",
    ];
    !is_public
        && ends
            .iter()
            .any(|end| name == *end || name.ends_with(&format!("_{end}")))
}

/// Whether it is a value that somebody could use, and no placeholder for a build.
fn is_value(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let placeholders = [
        "dummy",
        "change",
        "placeholder",
        "example",
        "build",
        "test",
        "fake",
        "xxx",
        "your",
        "todo",
        "none",
        "null",
        "secret",
        "password",
        "ignore",
        "unused",
        "local",
        "dev",
        "postgres",
        "temp",
        "unset",
        "not-",
        "insecure",
        "random",
        "foo",
        "/",
    ];
    value.len() >= 8
        && !value.starts_with('$')
        && !placeholders.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    fn of(text: &str) -> Vec<String> {
        found(&RULE, &[("Dockerfile", text)])
    }

    #[test]
    fn what_stays_is_found() {
        assert_eq!(
            of(
                "FROM node:22\nARG NEXTAUTH_SECRET\nENV NEXTAUTH_SECRET=$NEXTAUTH_SECRET \\\n  NODE_ENV=production\nENV API_TOKEN=ghq81kdK2mmv\n"
            ),
            ["Dockerfile:3 NEXTAUTH_SECRET", "Dockerfile:5 API_TOKEN"]
        );
        assert_eq!(
            of("FROM a AS deps\nARG DB_PASSWORD\nENV DB_PASSWORD ${DB_PASSWORD}\nFROM deps\n"),
            ["Dockerfile:3 DB_PASSWORD"]
        );
        // Of a stage that only builds it stays in the cache.
        assert_eq!(
            of("FROM node:22 AS build\nARG NPM_TOKEN\nENV NPM_TOKEN=$NPM_TOKEN\nFROM node:22\n"),
            ["Dockerfile:3 NPM_TOKEN"]
        );
    }

    #[test]
    fn what_goes_or_is_none() {
        for text in [
            "FROM node:22 AS build\nARG NPM_TOKEN\nRUN npm ci\nENV API_TOKEN=ghq81kdK2mmv\nFROM node:22\nCOPY --from=build /a /a\n",
            "FROM node:22\nARG NEXT_PUBLIC_API_KEY\nENV NEXT_PUBLIC_API_KEY=$NEXT_PUBLIC_API_KEY\n",
            "FROM node:22\nENV SECRET_KEY=dummy-for-the-build\n",
            "FROM node:22\nENV DB_PASSWORD_FILE=/run/secrets/db\nENV TOKEN=$TOKEN\n",
            "FROM x\nENV KEEP_ADMIN=keep_kc_adm \\\n  KEEP_ADMIN_PASSWORD=keep_kc_adm\n",
            "FROM node:22\nENV TOKENIZERS_PARALLELISM=false\n",
        ] {
            assert!(of(text).is_empty(), "{text}");
        }
    }
}

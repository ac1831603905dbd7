//! Images whose process is root.

use crate::audit::images;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "image-runs-as-root",
    title: "The image runs as root",
    severity: Severity::Low,
    // Where the platform sets a user, or a start script gives rights away, it is none.
    confidence: Confidence::Low,
    category: Category::Containers,
    what: "The last stage of a Dockerfile, with those that it is built on, starts a program from a plain image of a language or a distribution, and no USER names somebody else than root.",
    why: "Whoever gets into the process owns everything in the container, and what is mounted into it.",
    mend: "`RUN useradd --create-home app` and `USER app` before CMD.",
    references: &["https://docs.docker.com/build/building/best-practices/#user"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for file in facts.dockerfiles() {
        let image = file.image();
        let Some(from) = image.first() else { continue };
        let last = |name: &str| image.iter().rev().find(|one| one.name == name);
        let Some(start) = last("CMD").or_else(|| last("ENTRYPOINT")) else {
            continue;
        };
        let user = last("USER").map_or("root", |one| one.rest.trim());
        let is_root = matches!(user.split(':').next(), Some("root" | "0"));
        // A script that starts as root may give the rights away itself.
        let gives_away = image.iter().any(|one| {
            ["gosu", "su-exec", "setpriv", "s6-setuidgid"]
                .iter()
                .any(|word| one.rest.contains(word))
        });
        if is_root && !gives_away && images::is_plain_runtime(images::base(&from.rest)) {
            let message = format!(
                "it starts as root: `{}` has no other user",
                images::base(&from.rest)
            );
            defects.push(Defect::new(&file.path, start.line, message).with(&file.path, from.line));
        }
    }
    defects
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn root_and_others() {
        let of = |text: &str| found(&RULE, &[("Dockerfile", text)]);
        let text = "FROM python:3.12-slim\nCOPY . .\nCMD [\"python\", \"a.py\"]\n";
        assert_eq!(of(text), ["Dockerfile:3 "]);
        assert_eq!(
            of(&text.replace("CMD", "USER app\nUSER root\nCMD")).len(),
            1
        );
        for near in [
            text.replace("CMD", "USER app\nCMD"),
            text.replace("CMD", "USER 1000:1000\nCMD"),
            text.replace(
                "FROM python:3.12-slim",
                "FROM python:3.12-slim AS base\nUSER app\nFROM base",
            ),
            text.replace("python:3.12-slim", "example.com/base:1"),
            text.replace("COPY . .", "RUN apt-get install -y gosu"),
            text.replace("CMD [\"python\", \"a.py\"]\n", ""),
        ] {
            assert!(of(&near).is_empty(), "{near}");
        }
    }
}

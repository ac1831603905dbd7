//! Images that start from whatever is newest.

use crate::audit::images;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "base-image-unpinned",
    title: "The image starts from whatever is newest",
    severity: Severity::Low,
    confidence: Confidence::Low,
    category: Category::Containers,
    what: "A FROM line names an image without a tag, or with the tag `latest`, and without a digest.",
    why: "Two builds of one commit differ, and a new major version arrives on a day that nobody chose.",
    mend: "Name a version, best with its digest: `python:3.12-slim@sha256:...`; Dependabot raises both.",
    references: &["https://docs.docker.com/build/building/best-practices/#pin-base-image-versions"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for file in facts.dockerfiles() {
        let mut stages: Vec<String> = Vec::new();
        for from in file.instructions.iter().filter(|one| one.name == "FROM") {
            let image = images::base(&from.rest);
            let is_stage = stages.contains(&image.to_ascii_lowercase());
            let mut words = from.rest.split_whitespace().rev();
            if let (Some(name), Some(word)) = (words.next(), words.next())
                && word.eq_ignore_ascii_case("as")
            {
                stages.push(name.to_ascii_lowercase());
            }
            let is_known = !image.contains(['$', '@']) && image != "scratch" && !image.is_empty();
            if is_known && !is_stage && matches!(images::tag(image), "" | "latest") {
                let message = format!("`{image}` is another image tomorrow");
                defects.push(Defect::new(&file.path, from.line, message).about(image));
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
    fn with_and_without_a_version() {
        let text = "FROM node AS build\nFROM nginx:latest\nFROM build\nFROM scratch\nFROM python:3.12\nFROM x@sha256:0\nFROM $BASE\nFROM --platform=linux/amd64 localhost:5000/a\n";
        assert_eq!(
            found(&RULE, &[("Dockerfile", text)]),
            [
                "Dockerfile:1 node",
                "Dockerfile:2 nginx:latest",
                "Dockerfile:8 localhost:5000/a"
            ]
        );
    }
}

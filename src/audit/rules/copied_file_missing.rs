//! Files that an image copies and that the repository does not have.

use crate::audit::facts::Dockerfile;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::dockerfile::{self, Instruction};
use crate::project::{ignored, path};

pub(super) const RULE: Rule = Rule {
    id: "copied-file-missing",
    title: "The image copies a file that is not in the repository",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Containers,
    what: "A COPY or ADD names a file or folder without wildcards, and no folder that the image may be built from has it, while one has another of its sources. What .gitignore covers, what looks like a product of a build or a secret, and what any script, workflow or make file mentions may be made before the build: it is passed over.",
    why: "The build ends with an error: the file is not found.",
    mend: "Copy the file that is there, or take the line out.",
    references: &["https://docs.docker.com/reference/dockerfile/#copy"],
    check,
};

/// Folders and ends of names that builds and people put there beforehand.
const MADE: [&str; 24] = [
    "dist",
    "build",
    "out",
    "target",
    "bin",
    "publish",
    "release",
    "artifacts",
    "node_modules",
    ".next",
    "vendor",
    "_build",
    "staging",
    "certs",
    "secrets",
    "tmp",
    "output",
    "public",
    "static",
    "data",
    "models",
    "rootfs",
    "generated",
    "wheels",
];

const ENDS: [&str; 18] = [
    ".jar", ".war", ".whl", ".tgz", ".gz", ".zip", ".deb", ".rpm", ".apk", ".so", ".exe", ".pem",
    ".key", ".crt", ".env", ".npmrc", ".netrc", ".tar",
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    let mut mentions: Option<String> = None;
    for file in facts.dockerfiles() {
        let sources: Vec<(&Instruction, String)> = file
            .instructions
            .iter()
            .flat_map(|one| {
                plain_sources(one)
                    .into_iter()
                    .map(move |source| (one, source))
            })
            .collect();
        let contexts = contexts(facts, file);
        let missing = |context: &String| -> Vec<&(&Instruction, String)> {
            let all = sources.iter();
            all.filter(|(_, source)| !is_there(facts, &path::join(context, source)))
                .collect()
        };
        // The folder that has the most is the one that is meant.
        let best = contexts.iter().map(|context| (context, missing(context)));
        let Some((context, missing)) = best.min_by_key(|(_, missing)| missing.len()) else {
            continue;
        };
        if missing.is_empty() || missing.len() == sources.len() {
            continue;
        }
        for (one, source) in missing {
            let clean = path::join(context, source);
            if may_be_made(source) || ignored::may_be_there(facts.tree, &clean) {
                continue;
            }
            let said = mentions.get_or_insert_with(|| everything_that_makes(facts));
            let name = path::name(source);
            if said.contains(name) {
                continue;
            }
            let message = format!(
                "it copies `{source}`, and {} has no such path",
                folder(context)
            );
            // The same line in every stage is one defect.
            let is_told = |other: &Defect| other.path == file.path && other.about == *source;
            if !defects.iter().any(is_told) {
                defects.push(Defect::new(&file.path, one.line, message).about(source));
            }
        }
    }
    defects
}

fn folder(context: &str) -> String {
    match context {
        "." => "the repository's root".to_owned(),
        other => format!("`{other}`"),
    }
}

/// What an instruction takes from the folder that the image is built from, in plain words.
fn plain_sources(one: &Instruction) -> Vec<String> {
    if one.rest.contains(['*', '?', '$', '<']) {
        return Vec::new();
    }
    let all = dockerfile::sources(std::slice::from_ref(one));
    let plain =
        |source: &String| source != "." && !source.starts_with("..") && !source.contains('[');
    all.into_iter()
        .map(|source| path::normalise(source.trim_start_matches('/')))
        .filter(plain)
        .collect()
}

/// The folders that an image may be built from: those that compose files name for it, or
/// its own, those above, and those right below.
fn contexts(facts: &Facts<'_>, file: &Dockerfile) -> Vec<String> {
    let mut all = vec![file.context.clone()];
    let folder = path::parent(&file.path);
    all.extend(path::ancestors(folder).map(str::to_owned));
    let mut below: Vec<String> = Vec::new();
    for path in facts.tree.under(folder) {
        let from = if folder == "." { 0 } else { folder.len() + 1 };
        if let Some(end) = path.get(from..).and_then(|rest| rest.find('/')) {
            let child = &path[..from + end];
            if below.last().map(String::as_str) != Some(child) {
                below.push(child.to_owned());
            }
        }
    }
    all.extend(below);
    all
}

fn is_there(facts: &Facts<'_>, named: &str) -> bool {
    // A submodule, or what is there and not looked at.
    facts.tree.contains(named)
        || facts.tree.has_folder(named)
        || facts.tree.root().join(named).exists()
}

fn may_be_made(source: &str) -> bool {
    let lower = source.to_ascii_lowercase();
    lower.split('/').any(|part| MADE.contains(&part))
        || ENDS.iter().any(|end| lower.ends_with(end))
        || lower.contains(".env")
        // A program that is built beforehand has no end to its name.
        || !path::name(&lower).contains('.') && !lower.contains('/') && !is_known(&lower)
}

/// Names without an end that are files of people all the same.
fn is_known(name: &str) -> bool {
    matches!(
        name,
        "pipfile"
            | "gemfile"
            | "makefile"
            | "procfile"
            | "rakefile"
            | "mvnw"
            | "gradlew"
            | "scripts"
            | "alembic"
            | "migrations"
            | "app"
            | "src"
            | "tests"
            | "docker-entrypoint"
    )
}

/// All texts in which a file may be made before the build.
fn everything_that_makes(facts: &Facts<'_>) -> String {
    let is = |file: &&String| {
        let name = path::name(file);
        file.starts_with(".github/")
            || file.starts_with(".circleci/")
            || file.starts_with(".buildkite/")
            || name.starts_with(".gitlab-ci")
            || name.starts_with("Jenkinsfile")
            || name.starts_with("docker-compose")
            || name.starts_with("compose")
            || name.ends_with(".sh")
            || name.ends_with(".ps1")
            || name.ends_with(".bat")
            || name.ends_with(".mk")
            || name.ends_with(".gradle")
            || name.ends_with(".bake.hcl")
            || matches!(
                name.to_ascii_lowercase().as_str(),
                "makefile"
                    | "gnumakefile"
                    | "justfile"
                    | "package.json"
                    | "taskfile.yml"
                    | "taskfile.yaml"
                    | "pom.xml"
                    | "build.gradle.kts"
                    | "cloudbuild.yaml"
                    | ".gitmodules"
                    | "docker-bake.hcl"
                    | "noxfile.py"
                    | "tasks.py"
                    | "fabfile.py"
                    | "readme.md"
                    | "earthfile"
                    | "skaffold.yaml"
                    | "azure-pipelines.yml"
                    | ".goreleaser.yml"
                    | ".goreleaser.yaml"
            )
    };
    let mut all = String::new();
    for file in facts.tree.files().iter().filter(is) {
        if let Some(text) = facts.tree.text(file) {
            all.push_str(&text);
            all.push('\n');
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    fn of(dockerfile: &str, more: &[(&str, &str)]) -> Vec<String> {
        let mut files = vec![
            ("api/Dockerfile", dockerfile),
            ("api/requirements.txt", ""),
            ("api/app/main.py", ""),
        ];
        files.extend(more);
        found(&RULE, &files)
    }

    #[test]
    fn files_that_nobody_has() {
        assert_eq!(
            of(
                "FROM x\nCOPY requirements.txt .\nCOPY app ./app\nCOPY alembic.ini start.sh ./\n",
                &[]
            ),
            ["api/Dockerfile:4 alembic.ini", "api/Dockerfile:4 start.sh"]
        );
        // From the folder above, one of them is there and the other is not.
        assert_eq!(
            of(
                "FROM x\nCOPY api/requirements.txt .\nCOPY [\"api/gone.py\", \"/x/\"]\n",
                &[]
            ),
            ["api/Dockerfile:3 api/gone.py"]
        );
    }

    #[test]
    fn files_that_are_there_or_are_made() {
        let lines = "FROM x\nCOPY requirements.txt .\n";
        for (line, more) in [
            ("COPY app ./app", &[][..]),
            ("COPY start.sh .", &[("api/start.sh", "")]),
            ("COPY start.sh .", &[("api/.gitignore", "start.sh\n")]),
            (
                "COPY start.sh .",
                &[("Makefile", "image:\n\tcp ops/start.sh api/start.sh\n")],
            ),
            ("COPY dist/main.js .", &[]),
            ("COPY server /server", &[]),
            ("COPY app.jar .", &[]),
            ("COPY --from=build /x/start.sh .", &[]),
            ("COPY start*.sh .", &[]),
            ("COPY $NAME.sh .", &[]),
            ("ADD https://example.com/a.sh .", &[]),
            ("COPY <<EOF /x.sh\nEOF", &[]),
        ] {
            assert!(of(&format!("{lines}{line}\n"), more).is_empty(), "{line}");
        }
        // Where nothing is there, the folder is not known.
        assert!(of("FROM x\nCOPY start.sh .\n", &[]).is_empty());
    }
}

//! What differs for a job where it is one of GitLab's: it runs in a container,
//! it is a list of shell lines, and it names paths as globs.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::Settings;
use super::plan::Status;
use super::render::shell_word;
use super::services::Reach;
use super::view::{self, Job, View};
use crate::project::defaults;
use crate::project::model::{Component, Language, Project, StepKind};
use crate::project::path;

/// Names that mean something else to GitLab than a job.
pub(super) const RESERVED_NAMES: [&str; 16] = [
    "after_script",
    "before_script",
    "cache",
    "default",
    "false",
    "image",
    "include",
    "nil",
    "pages",
    "services",
    "spec",
    "stages",
    "true",
    "types",
    "variables",
    "workflow",
];

/// GitLab takes no more globs than this in one list of `changes`.
pub(super) const MAX_CHANGES: usize = 50;

/// GitLab takes no more files than this in a cache's key.
pub(super) const MAX_KEY_FILES: usize = 2;

/// The last line of coverage.py's report.
const COVERAGE: &str = r"/^TOTAL.*\s(\d+(?:\.\d+)?)%$/";

/// A job of a pipeline.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct GitlabJob {
    /// The job's name, which no other job and no keyword has.
    pub id: String,
    /// The version of the language, as images are tagged.
    pub version: String,
    /// The versions to run on, as images are tagged; none where it is one.
    pub matrix: Vec<String>,
    /// The folder of the component with the slash behind it; empty for the root.
    pub folder: String,
    /// Globs of what the job depends on; it always runs where there are none.
    pub changes: Vec<String>,
    /// The files that decide about the cache.
    pub key_files: Vec<String>,
    /// Servers beside the job.
    pub services: Vec<GitlabService>,
    /// The pattern of the line that tells the coverage, where tests measure it.
    pub coverage: Option<String>,
    /// The report of the tests, where what runs them can be told to write one.
    pub junit: Option<String>,
    /// Shell lines before the first step: variables, then what is installed.
    pub prepare: Vec<String>,
    /// A shell line for each step: `step NAME FOLDER COMMAND [VARIABLE=VALUE...]`.
    pub steps: Vec<String>,
}

/// A server beside a job.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct GitlabService {
    /// Its image.
    pub image: String,
    /// The name that the job knows it by.
    pub alias: String,
    /// Its environment.
    pub variables: BTreeMap<String, String>,
}

/// The names that no component's job can have.
pub(super) fn reserved_names() -> BTreeSet<String> {
    let of_the_template = ["result", "security-scan", "sync"];
    RESERVED_NAMES
        .into_iter()
        .chain(of_the_template)
        .map(str::to_owned)
        .collect()
}

/// Prepares a component's job from what it is on GitHub.
pub(super) fn job(
    component: &Component,
    project: &Project,
    settings: &Settings,
    job: &Job,
    names: &mut BTreeSet<String>,
) -> GitlabJob {
    let mut id = job.id.clone();
    while !names.insert(id.clone()) {
        id.push_str("-ci");
    }
    let tag = |version: &str| image_version(component.language, version);
    let is_python = component.language == Language::Python;
    let runs = |word: &str| {
        let mut steps = component.steps.iter();
        steps.any(|step| step.command.run.contains(word))
    };
    GitlabJob {
        id,
        version: tag(job.version.as_deref().unwrap_or_default()),
        matrix: job
            .matrix
            .iter()
            .flat_map(|matrix| matrix.values.iter().map(|version| tag(version)))
            .collect(),
        folder: if component.root == "." {
            String::new()
        } else {
            format!("{}/", component.root)
        },
        changes: changes(component, project, &settings.gitlab.file),
        key_files: job
            .cache_files
            .iter()
            .take(MAX_KEY_FILES)
            .cloned()
            .collect(),
        services: view::recipes(component)
            .into_iter()
            .map(|(recipe, service)| GitlabService {
                image: service.image.clone(),
                alias: recipe.host(Reach::Container).to_owned(),
                variables: view::owned(recipe.env),
            })
            .collect(),
        coverage: (is_python && runs("--cov")).then(|| COVERAGE.to_owned()),
        junit: (is_python && runs("pytest")).then(|| ".cache/junit.xml".to_owned()),
        prepare: prepare(component, settings),
        steps: steps(component, settings),
    }
}

/// What a person should know of a pipeline.
pub(super) fn notes(view: &View, status: Status) -> Vec<String> {
    let mut notes = Vec::new();
    if status == Status::Foreign {
        notes.push(
            "to keep both, set `generate.gitlab.file` to .gitlab/ci-tool.yml and include that file in yours"
                .to_owned(),
        );
    }
    if view.gitlab.image.is_none() {
        notes.push(
            "the security scan is left out: set `generate.gitlab.image` in .github/ci-tool.yml to an image \
             of ci-tool, pinned to its digest"
                .to_owned(),
        );
    }
    if view.gitlab.file != super::Gitlab::FILE {
        notes.push(format!(
            "GitLab reads {} by itself: add `include: [{{local: {file}}}]` to it, or name {file} as the \
             project's CI/CD configuration file",
            super::Gitlab::FILE,
            file = view.gitlab.file
        ));
    }
    notes
}

/// Variables are exported and not declared: what is declared reaches the
/// servers too, and some do not start with the variables of their clients.
fn prepare(component: &Component, settings: &Settings) -> Vec<String> {
    let (variables, _) = view::environment(component, settings, Reach::Container);
    let mut lines: Vec<String> = variables
        .iter()
        .map(|(name, value)| format!("export {name}={}", shell_word(value)))
        .collect();
    let mut folder = ".".to_owned();
    for block in view::install_blocks(component) {
        lines.extend(enter(&mut folder, &block.directory));
        lines.extend(block.lines);
    }
    lines.extend(enter(&mut folder, "."));
    lines
}

/// The line that changes to a folder, where the shell is not in it already.
fn enter(current: &mut String, folder: &str) -> Option<String> {
    if current == folder {
        return None;
    }
    folder.clone_into(current);
    Some(match folder {
        "." => "cd \"$CI_PROJECT_DIR\"".to_owned(),
        _ => format!("cd \"$CI_PROJECT_DIR\"/{}", shell_word(folder)),
    })
}

fn steps(component: &Component, settings: &Settings) -> Vec<String> {
    let (_, of_migrations) = view::environment(component, settings, Reach::Container);
    component
        .steps
        .iter()
        .map(|step| {
            let words = [&step.name, &step.command.directory, &step.command.run];
            let mut line = "step".to_owned();
            for word in words {
                line.push(' ');
                line.push_str(&shell_word(word));
            }
            if step.kind == StepKind::Migrations {
                for (name, value) in &of_migrations {
                    line.push_str(&format!(" {name}={}", shell_word(value)));
                }
            }
            line
        })
        .collect()
}

/// The component's folder and what it depends on outside it. A glob cannot
/// leave folders out, so a component at the root depends on everything.
fn changes(component: &Component, project: &Project, file: &str) -> Vec<String> {
    let outside = || {
        component
            .also_depends_on
            .iter()
            .filter(|needed| !path::is_within(needed, &component.root))
    };
    if component.root == "." || outside().any(|needed| path::is_within(&component.root, needed)) {
        return Vec::new();
    }
    let mut globs = vec![format!("{}/**/*", literal(&component.root))];
    for needed in outside() {
        let is_folder = project
            .components
            .iter()
            .any(|other| path::is_within(&other.root, needed));
        // What is no component's folder may be a file: the braces match both.
        let below = if is_folder { "/**/*" } else { "{,/**/*}" };
        let glob = format!("{}{below}", literal(needed));
        if !globs.contains(&glob) {
            globs.push(glob);
        }
    }
    globs.push(literal(file));
    if globs.len() > MAX_CHANGES {
        globs.clear();
    }
    globs
}

/// A path as a glob that matches nothing else.
fn literal(path: &str) -> String {
    path.chars().fold(String::new(), |mut glob, c| {
        if "\\*?[]{}".contains(c) {
            glob.push('\\');
        }
        glob.push(c);
        glob
    })
}

/// A version as the language's images are tagged.
fn image_version(language: Language, version: &str) -> String {
    let version = version.trim().trim_end_matches(".x");
    let number: String = version
        .trim_start_matches(|c: char| !c.is_ascii_digit())
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    let number = number.trim_end_matches('.');
    let is_tag = !version.is_empty()
        && version
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    match (language, version) {
        (Language::Node, "lts/*") => return "lts".to_owned(),
        (Language::Node, "node" | "latest") => return "current".to_owned(),
        (Language::Node, version) if version.starts_with("lts/") => {
            return version.trim_start_matches("lts/").to_ascii_lowercase();
        }
        // rustup of any image installs the channels that are no numbers.
        (Language::Rust, _) if number.is_empty() || !version.starts_with(number) => {
            return "1".to_owned();
        }
        (Language::Rust, _) => return number.to_owned(),
        (Language::Java, _) if !number.is_empty() => {
            return number.split('.').next().unwrap_or(number).to_owned();
        }
        (Language::Dotnet, _) if !number.is_empty() && !number.contains('.') => {
            return format!("{number}.0");
        }
        _ => {}
    }
    if is_tag {
        version.to_owned()
    } else if !number.is_empty() {
        number.to_owned()
    } else {
        default_version(language).to_owned()
    }
}

const fn default_version(language: Language) -> &'static str {
    match language {
        Language::Python => defaults::PYTHON,
        Language::Node => defaults::NODE,
        Language::Go => defaults::GO,
        Language::Rust => "1",
        Language::Java => defaults::JAVA,
        Language::Ruby => defaults::RUBY,
        Language::Php => defaults::PHP,
        Language::Dotnet => defaults::DOTNET,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::model::{Evidence, Need, Role};

    fn component(root: &str) -> Component {
        Component::new(
            root,
            Language::Python,
            Role::Backend,
            Evidence::new(format!("{root}/requirements.txt"), 1),
        )
    }

    fn project(components: Vec<Component>) -> Project {
        Project {
            schema: 1,
            default_branch: None,
            components,
            containers: Vec::new(),
            compose: Vec::new(),
            platforms: Vec::new(),
            mirrors: Vec::new(),
            workflows: Vec::new(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn versions_are_what_images_are_tagged_with() {
        for (language, version, tag) in [
            (Language::Python, "3.12", "3.12"),
            (Language::Python, ">=3.10,<4", "3.10"),
            (Language::Python, "", defaults::PYTHON),
            (Language::Node, "20", "20"),
            (Language::Node, "22.x", "22"),
            (Language::Node, "lts/*", "lts"),
            (Language::Node, "lts/Iron", "iron"),
            (Language::Node, "node", "current"),
            (Language::Rust, "1.95.0", "1.95.0"),
            (Language::Rust, "stable", "1"),
            (Language::Rust, "nightly-2026-01-01", "1"),
            (Language::Java, "21", "21"),
            (Language::Java, "17.0.2", "17"),
            (Language::Dotnet, "8", "8.0"),
            (Language::Dotnet, "8.0", "8.0"),
            (Language::Ruby, "3.3.0-preview1", "3.3.0-preview1"),
        ] {
            assert_eq!(
                image_version(language, version),
                tag,
                "{language:?} {version}"
            );
        }
    }

    #[test]
    fn a_job_runs_for_its_folder_and_for_what_it_depends_on() {
        let mut api = component("apps/[api]");
        api.also_depends_on = ["lock.json", "ui", "apps/[api]/x"]
            .map(str::to_owned)
            .to_vec();
        let all = project(vec![api.clone(), component("."), component("ui")]);
        assert_eq!(
            changes(&api, &all, ".gitlab-ci.yml"),
            [
                "apps/\\[api\\]/**/*",
                "lock.json{,/**/*}",
                "ui/**/*",
                ".gitlab-ci.yml"
            ]
        );
        // At the root, with everything else in it, there is nothing to leave out.
        assert!(changes(&component("."), &all, "x").is_empty());
        api.also_depends_on = vec![".".to_owned()];
        assert!(changes(&api, &all, "x").is_empty());
        api.also_depends_on = (0..60).map(|at| format!("lib{at}")).collect();
        assert!(changes(&api, &all, "x").is_empty());
    }

    #[test]
    fn servers_are_reached_by_their_name_and_variables_are_exported() {
        let mut api = component("api");
        api.add_service(
            "postgres",
            "postgres:16",
            Need::Tests,
            Evidence::new("c", 1),
        );
        api.add_environment("SECRET_KEY", Need::App, Evidence::new("s", 1));
        api.add_install("pip install .", "api", Evidence::new("i", 1));
        api.add_step(
            StepKind::Test,
            "Test it",
            "pytest -k 'a b'",
            Evidence::new("t", 1),
        );
        let lines = prepare(&api, &Settings::default());
        assert!(lines.contains(
            &"export DATABASE_URL=postgresql://postgres:postgres@postgres:5432/test".to_owned()
        ));
        assert!(lines.contains(&"export PGHOST=postgres".to_owned()));
        assert_eq!(
            lines[lines.len() - 3..],
            [
                "cd \"$CI_PROJECT_DIR\"/api",
                "pip install .",
                "cd \"$CI_PROJECT_DIR\""
            ]
        );
        assert_eq!(
            steps(&api, &Settings::default()),
            ["step 'Test it' api 'pytest -k '\\''a b'\\'''"]
        );
    }
}

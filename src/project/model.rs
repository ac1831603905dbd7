//! What can be known of a repository. Serialised as it stands, this is the
//! output of `ci-tool detect --format json` (see `docs/detect.md`).

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

/// Version of the JSON form; raised when a reader would have to change.
pub const SCHEMA_VERSION: u32 = 1;

/// The place that says so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub struct Evidence {
    /// Path relative to the repository root.
    pub path: String,
    /// Line, counted from 1; 1 where the file's existence is the evidence.
    pub line: usize,
}

impl Evidence {
    /// Evidence at a line of a file.
    pub fn new(path: impl Into<String>, line: usize) -> Self {
        Self {
            path: path.into(),
            line,
        }
    }
}

/// A file that says something else than the fact does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Contradiction<T> {
    /// What is said there.
    pub value: T,
    /// Where it is said.
    #[serde(flatten)]
    pub evidence: Evidence,
}

/// Something known, with the places that say so and those that disagree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fact<T> {
    /// What is known.
    pub value: T,
    /// Where it is said, strongest first. Empty for a default of ours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// Who says otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contradictions: Vec<Contradiction<T>>,
}

impl<T: Clone + PartialEq> Fact<T> {
    /// A fact with one place that says so.
    pub fn new(value: impl Into<T>, evidence: Evidence) -> Self {
        Self {
            value: value.into(),
            evidence: vec![evidence],
            contradictions: Vec::new(),
        }
    }

    /// A default of ours: known from no file.
    pub fn assumed(value: impl Into<T>) -> Self {
        Self {
            value: value.into(),
            evidence: Vec::new(),
            contradictions: Vec::new(),
        }
    }

    /// Decides between claims, the strongest first: the first one wins, those
    /// that agree with it are its evidence, the others contradict it.
    pub fn decide(claims: impl IntoIterator<Item = (T, Evidence)>) -> Option<Self> {
        let mut claims = claims.into_iter();
        let (value, evidence) = claims.next()?;
        let mut fact = Self::new(value, evidence);
        for (value, evidence) in claims {
            if value == fact.value {
                if !fact.evidence.contains(&evidence) {
                    fact.evidence.push(evidence);
                }
            } else {
                let contradiction = Contradiction { value, evidence };
                if !fact.contradictions.contains(&contradiction) {
                    fact.contradictions.push(contradiction);
                }
            }
        }
        Some(fact)
    }
}

/// The language that a component is written in.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    serde::Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// Python.
    Python,
    /// JavaScript or TypeScript.
    Node,
    /// Go.
    Go,
    /// Rust.
    Rust,
    /// Java or Kotlin, built by Maven or Gradle.
    Java,
    /// Ruby.
    Ruby,
    /// PHP.
    Php,
    /// C#, F# or Visual Basic on .NET.
    Dotnet,
}

/// What a component is for.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    serde::Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Serves requests or works in the background.
    Backend,
    /// Is shown in a browser.
    Frontend,
    /// Anything else that is built and tested: a package, a command-line tool.
    Library,
}

/// What a step of a pipeline proves.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    serde::Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// The code follows the configured rules.
    Lint,
    /// The code has the configured format.
    Format,
    /// The types agree.
    TypeCheck,
    /// The database schema can be built, and equals the models.
    Migrations,
    /// The tests pass.
    Test,
    /// The tests reach the configured coverage.
    Coverage,
    /// It builds.
    Build,
}

/// A command with the folder that it runs in and the reason why it can work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Command {
    /// The shell command.
    pub run: String,
    /// The folder to run it in, relative to the repository root.
    pub directory: String,
    /// Why it can work.
    pub evidence: Evidence,
}

/// A command that proves something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Step {
    /// What it proves.
    pub kind: StepKind,
    /// Its name in a workflow.
    pub name: String,
    /// What is run.
    #[serde(flatten)]
    pub command: Command,
}

/// Who needs a service or an environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// The application does not start without it.
    App,
    /// The migrations do not run without it.
    Migrations,
    /// The tests do not run without it.
    Tests,
}

/// A server that must run beside the component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Service {
    /// `postgres`, `mysql`, `redis`, `mongodb`, `rabbitmq`…
    pub name: String,
    /// The container image, in the project's own version where it names one.
    pub image: String,
    /// Who needs it.
    pub needed_by: BTreeSet<Need>,
    /// Where that is said.
    pub evidence: Vec<Evidence>,
}

/// A variable without which something does not import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EnvironmentVariable {
    /// Its name.
    pub name: String,
    /// Who needs it.
    pub needed_by: BTreeSet<Need>,
    /// Where it is read.
    pub evidence: Vec<Evidence>,
    /// The scheme of its address in an example of the project's own
    /// (`.env.example`, a compose file): `postgresql+psycopg`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
}

/// Something that a healthy component has and this one lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Gap {
    /// A stable word for it: `test`, `lint`, `type-check`, `lock-file`,
    /// `version`, `test-dependency`…
    pub kind: String,
    /// What is missing.
    pub message: String,
    /// What to do about it.
    pub mend: String,
}

/// The parent folder whose lock file and install a component shares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Workspace {
    /// The workspace's root folder.
    pub root: String,
    /// What declares it: `npm`, `pnpm`, `yarn`, `bun`, `cargo`, `uv`, `go`, `maven`, `gradle`…
    pub tool: String,
    /// The task runner on top of it, if there is one: `turbo` or `nx`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner: Option<String>,
}

/// A part of the repository that is built and tested by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Component {
    /// Short name, unique in the repository.
    pub name: String,
    /// Its folder.
    pub root: String,
    /// Its language.
    pub language: Language,
    /// What it is for.
    pub role: Role,
    /// The file that makes it a component.
    pub manifest: Evidence,
    /// The framework, as a lower-case id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framework: Option<Fact<String>>,
    /// The version of the language or runtime, as set-up actions take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Fact<String>>,
    /// All versions, where the project declares support of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supported_versions: Option<Fact<Vec<String>>>,
    /// The package manager or build tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package_manager: Option<Fact<String>>,
    /// The package manager's own version, where the project names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package_manager_version: Option<Fact<String>>,
    /// The lock file that the install uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock_file: Option<Evidence>,
    /// The workspace that it belongs to, where that lies above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<Workspace>,
    /// What makes the steps runnable.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub install: Vec<Command>,
    /// What can be proved, in the order in which it is run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// Servers that it needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Service>,
    /// Variables without which it does not import.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<EnvironmentVariable>,
    /// What is missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// Files outside its folder on which it depends: a workspace's lock file,
    /// requirements included by path. Used for path filters.
    #[serde(skip)]
    pub also_depends_on: Vec<String>,
}

impl Component {
    /// A component of which nothing but its place is known yet.
    pub fn new(root: &str, language: Language, role: Role, manifest: Evidence) -> Self {
        Self {
            name: super::path::name(root).to_owned(),
            root: root.to_owned(),
            language,
            role,
            manifest,
            framework: None,
            version: None,
            supported_versions: None,
            package_manager: None,
            package_manager_version: None,
            lock_file: None,
            workspace: None,
            install: Vec::new(),
            steps: Vec::new(),
            services: Vec::new(),
            environment: Vec::new(),
            gaps: Vec::new(),
            also_depends_on: Vec::new(),
        }
    }

    /// Adds a command that makes the steps runnable.
    pub fn add_install(&mut self, run: impl Into<String>, directory: &str, evidence: Evidence) {
        self.install.push(Command {
            run: run.into(),
            directory: directory.to_owned(),
            evidence,
        });
    }

    /// Adds a step that runs in the component's folder.
    pub fn add_step(
        &mut self,
        kind: StepKind,
        name: impl Into<String>,
        run: impl Into<String>,
        evidence: Evidence,
    ) {
        self.steps.push(Step {
            kind,
            name: name.into(),
            command: Command {
                run: run.into(),
                directory: self.root.clone(),
                evidence,
            },
        });
    }

    /// Adds something that is missing.
    pub fn add_gap(&mut self, kind: &str, message: impl Into<String>, mend: impl Into<String>) {
        self.gaps.push(Gap {
            kind: kind.to_owned(),
            message: message.into(),
            mend: mend.into(),
        });
    }

    /// Adds a server, or one more reason for it.
    pub fn add_service(&mut self, name: &str, image: &str, need: Need, evidence: Evidence) {
        let at = match self.services.iter().position(|known| known.name == name) {
            Some(at) => at,
            None => {
                self.services.push(Service {
                    name: name.to_owned(),
                    image: image.to_owned(),
                    needed_by: BTreeSet::new(),
                    evidence: Vec::new(),
                });
                self.services.len() - 1
            }
        };
        let service = &mut self.services[at];
        service.needed_by.insert(need);
        if !service.evidence.contains(&evidence) {
            service.evidence.push(evidence);
        }
    }

    /// Adds a variable, or one more reason for it.
    pub fn add_environment(&mut self, name: &str, need: Need, evidence: Evidence) {
        let at = match self.environment.iter().position(|known| known.name == name) {
            Some(at) => at,
            None => {
                self.environment.push(EnvironmentVariable {
                    name: name.to_owned(),
                    needed_by: BTreeSet::new(),
                    evidence: Vec::new(),
                    scheme: None,
                });
                self.environment.len() - 1
            }
        };
        let variable = &mut self.environment[at];
        variable.needed_by.insert(need);
        if !variable.evidence.contains(&evidence) {
            variable.evidence.push(evidence);
        }
    }

    /// Whether it has a step of this kind.
    pub fn has_step(&self, kind: StepKind) -> bool {
        self.steps.iter().any(|step| step.kind == kind)
    }
}

/// A Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Container {
    /// The Dockerfile.
    pub path: String,
    /// The folder that it is built from, as far as its `COPY` lines tell.
    pub context: String,
    /// The component that it builds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// The images that its stages start from.
    pub base_images: Vec<String>,
    /// The `FROM` lines.
    pub evidence: Vec<Evidence>,
}

/// A compose file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Compose {
    /// The file.
    pub path: String,
    /// Its services.
    pub services: Vec<ComposeService>,
}

/// One service of a compose file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ComposeService {
    /// Its name there.
    pub name: String,
    /// Its image, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The folder that it is built from, where it is built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// Where it starts.
    pub line: usize,
}

/// A file of a platform that runs the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Platform {
    /// `railway`, `vercel`, `render`, `fly`, `heroku`, `netlify`, `appengine`.
    pub platform: String,
    /// The file that says so.
    pub path: String,
    /// The line that says so.
    pub line: usize,
    /// The component that it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
}

/// A sign that the repository is kept in two places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Mirror {
    /// `gitlab-ci`, `sync-workflow` or `remote`.
    pub kind: String,
    /// The file that says so.
    pub path: String,
    /// The line that says so.
    pub line: usize,
    /// What it does.
    pub detail: String,
}

/// What an existing workflow does for the project.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    serde::Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Lints.
    Lint,
    /// Checks the format.
    Format,
    /// Checks the types.
    TypeCheck,
    /// Builds or checks the database schema.
    Migrations,
    /// Runs tests.
    Test,
    /// Builds.
    Build,
    /// Looks for vulnerabilities or secrets.
    SecurityScan,
    /// Brings something to an environment.
    Deploy,
    /// Pushes to another forge.
    Sync,
    /// Proposes newer versions of dependencies.
    UpdateDependencies,
    /// Copies a database.
    BackUp,
}

/// One thing that a workflow does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Doing {
    /// What is done.
    pub task: Task,
    /// For which component, where it can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// The line that does it.
    pub line: usize,
}

/// An existing workflow, or the configuration of a bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Workflow {
    /// The file.
    pub path: String,
    /// Its `name:`, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub does: Vec<Doing>,
}

/// Something that could not be read or understood. Detection goes on without it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Warning {
    /// The file.
    pub path: String,
    /// The line, 1 where it concerns the whole file.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

/// A repository, as far as its files tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Project {
    /// Version of this form.
    pub schema: u32,
    /// The default branch, where git's own files tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<String>,
    /// What is built and tested by itself, by folder.
    pub components: Vec<Component>,
    /// Dockerfiles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<Container>,
    /// Compose files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compose: Vec<Compose>,
    /// Platform files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<Platform>,
    /// Signs of a mirror.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mirrors: Vec<Mirror>,
    /// Existing workflows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workflows: Vec<Workflow>,
    /// What could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_claim_wins_and_the_others_are_kept() {
        let fact = Fact::<String>::decide([
            ("3.11".to_owned(), Evidence::new("Dockerfile", 1)),
            ("3.12".to_owned(), Evidence::new("backend/Dockerfile", 2)),
            (
                "3.11".to_owned(),
                Evidence::new(".github/workflows/ci.yml", 9),
            ),
        ])
        .expect("claims were given");
        assert_eq!(fact.value, "3.11");
        assert_eq!(fact.evidence.len(), 2);
        assert_eq!(fact.contradictions[0].value, "3.12");
        assert!(Fact::<String>::decide([]).is_none());
    }

    #[test]
    fn a_service_is_kept_once_with_every_reason() {
        let mut component = Component::new(
            "api",
            Language::Python,
            Role::Backend,
            Evidence::new("api/setup.py", 1),
        );
        component.add_service(
            "postgres",
            "postgres:15",
            Need::Tests,
            Evidence::new("a", 1),
        );
        component.add_service(
            "postgres",
            "postgres:16",
            Need::Migrations,
            Evidence::new("b", 2),
        );
        assert_eq!(component.services.len(), 1);
        assert_eq!(component.services[0].image, "postgres:15");
        assert_eq!(component.services[0].needed_by.len(), 2);
        assert_eq!(component.services[0].evidence.len(), 2);
    }
}

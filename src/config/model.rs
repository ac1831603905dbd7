//! The keys of `.github/ci-tool.yml`. The doc comments are its reference.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

/// What can be decided in `.github/ci-tool.yml`. Every key is optional.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// What `ci-tool detect` takes into account.
    pub detect: Detect,
    /// What `ci-tool generate` writes.
    pub generate: Generate,
    /// How `ci-tool pins` judges and raises the actions that workflows use.
    pub pins: Pins,
    /// What may pass `ci-tool gate`.
    pub gate: crate::policy::Gate,
    /// What `ci-tool audit` looks for.
    pub audit: Audit,
    /// What `ci-tool scan` runs, and when its answer counts.
    pub scan: super::scan::Scan,
    /// Which repository `ci-tool sync` keeps the same as which, and how.
    pub sync: super::sync::Sync,
    /// What `ci-tool deploy` brings where, and when it counts as healthy there.
    pub deploy: super::deploy::Deploy,
    /// Which runbooks `ci-tool docs` writes.
    pub docs: Docs,
}

/// What `ci-tool audit` looks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Audit {
    /// Rules to leave out. A single finding is set aside by a comment in its file:
    /// `# ci-tool: ignore[rule] reason`.
    pub skip: Vec<String>,
    /// Whether to tell also what is a matter of opinion.
    pub pedantic: bool,
    /// What the repository does not show and a fix or the score needs, by the name of the
    /// question: `cors-origin: https://app.example.com`. `--answer NAME=VALUE` beats it.
    #[serde(deserialize_with = "unique")]
    pub answers: BTreeMap<String, String>,
}

/// What `ci-tool detect` takes into account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Detect {
    /// Folders that are no part of the project, as globs relative to its root:
    /// `examples`, `legacy/**`.
    pub ignore: Vec<String>,
    /// Corrections, by the folder of the component as `ci-tool detect` prints it.
    #[serde(deserialize_with = "unique")]
    pub components: BTreeMap<String, ComponentOverride>,
}

/// What a person knows better of one component.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ComponentOverride {
    /// Its name: the job's id and the check's name.
    pub name: Option<String>,
    /// What it is for.
    pub role: Option<RoleName>,
    /// The version of its language to set up.
    pub version: Option<String>,
    /// Kinds of steps to leave out.
    pub skip_steps: Vec<StepName>,
    /// Plain values for variables that it needs in CI. They are written into the
    /// workflow for all to read: never put a secret here.
    #[serde(deserialize_with = "unique")]
    pub env: BTreeMap<String, String>,
}

/// What a component is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RoleName {
    /// Serves requests or works in the background.
    Backend,
    /// Is shown in a browser.
    Frontend,
    /// Anything else.
    Library,
}

/// A kind of step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepName {
    /// Lint.
    Lint,
    /// Format check.
    Format,
    /// Type check.
    TypeCheck,
    /// Migrations.
    Migrations,
    /// Tests.
    Test,
    /// Coverage.
    Coverage,
    /// Build.
    Build,
}

/// What `ci-tool generate` writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Generate {
    /// Only these templates; all where the list is empty.
    pub only: Vec<String>,
    /// Not these templates.
    pub exclude: Vec<String>,
    /// Also these templates, which are generated only where they are asked for.
    pub include: Vec<String>,
    /// The branch whose pushes run the workflows and are deployed. Without it the
    /// one that git names, else `main`.
    pub default_branch: Option<String>,
    /// The runner's label. Without it `ubuntu-24.04`.
    pub runner: Option<String>,
    /// Limit for a component's job in minutes, 1 to 360. Without it 30.
    #[schemars(range(min = 1, max = 360))]
    pub timeout_minutes: Option<u32>,
    /// What stands behind `uses:` for ci-tool's own action: `owner/name@commit`
    /// with a full commit id. Without it the commit of the release that runs.
    pub action: Option<String>,
    /// The release that this commit is, for the comment behind it.
    pub action_version: Option<String>,
    /// The GitHub environments to deploy to, in order. Without it `staging`,
    /// then `production`.
    pub environments: Option<Vec<String>>,
    /// What to generate for. Without it `github`; `--target` beats it.
    pub target: Option<TargetName>,
    /// What concerns GitLab alone.
    pub gitlab: Gitlab,
    /// What the template `uptime` watches.
    pub uptime: Uptime,
    /// Where templates of your own come from. A later one overrides an earlier
    /// one of the same name, and all of them ci-tool's.
    pub templates: Vec<TemplateSource>,
    /// What you want of jobs, whatever template they come from. A key is `*`, a
    /// job, `TEMPLATE/JOB` or a glob of it; the one that says more wins.
    #[serde(deserialize_with = "unique")]
    pub jobs: BTreeMap<String, JobRules>,
}

/// A folder with templates: in the repository, or in another one at a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a folder, or `git`, `commit` and perhaps `path`"
)]
pub enum TemplateSource {
    /// A folder of the repository.
    Folder(String),
    /// A folder of another repository.
    Git(GitSource),
}

/// A folder of another repository, at a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GitSource {
    /// Its address: `https://…`, `ssh://…` or `git@host:…`.
    pub git: String,
    /// The full commit id. What a branch or a tag names may change.
    pub commit: String,
    /// The folder in it. Without it the root.
    #[serde(default)]
    pub path: Option<String>,
}

/// What you want of jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct JobRules {
    /// Where they run: a label, a list of labels, or `group` and `labels`.
    pub runner: Option<Runner>,
    /// Their time limit in minutes, 1 to 360.
    #[schemars(range(min = 1, max = 360))]
    pub timeout_minutes: Option<u32>,
    /// Variables, for example those of a proxy. Everybody can read them.
    #[serde(deserialize_with = "unique")]
    pub env: BTreeMap<String, String>,
    /// Permissions beside those that they have: `id-token: write`.
    #[serde(deserialize_with = "unique")]
    pub permissions: BTreeMap<String, String>,
    /// `false` takes out what set-up actions keep from run to run.
    pub cache: Option<bool>,
    /// Steps of your own.
    pub steps: StepPlaces,
}

/// Where a job runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a label, a list of labels, or `group` and `labels`"
)]
pub enum Runner {
    /// One label.
    Label(String),
    /// All of these labels.
    Labels(Vec<String>),
    /// A group of runners.
    Group {
        /// The group.
        group: String,
        /// Labels that a runner must have, too.
        #[serde(default)]
        labels: Vec<String>,
    },
}

/// Steps of your own, as they stand in a workflow, by their place in a job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct StepPlaces {
    /// Before everything else.
    pub first: Vec<Step>,
    /// Before dependencies are installed; only in jobs that install some.
    pub before_install: Vec<Step>,
    /// After that.
    pub after_install: Vec<Step>,
    /// After everything else.
    pub last: Vec<Step>,
}

/// A step, as the YAML that it is written as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step(pub String);

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let step = serde_yaml::Mapping::deserialize(deserializer)?;
        if step.contains_key("run") == step.contains_key("uses") {
            return Err(D::Error::custom("a step has either `run` or `uses`"));
        }
        serde_yaml::to_string(&[step])
            .map(Self)
            .map_err(D::Error::custom)
    }
}

impl Serialize for Step {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let steps: Vec<serde_yaml::Value> =
            serde_yaml::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        steps.first().serialize(serializer)
    }
}

impl JsonSchema for Step {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "description": "A step, as it stands in a workflow: `run` or `uses`, and what belongs to it.",
            "oneOf": [{"required": ["run"]}, {"required": ["uses"]}],
        })
    }
}

/// What is asked whether it answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Uptime {
    /// The addresses, such as `https://api.example.com/health`.
    pub urls: Vec<String>,
}

/// What files are generated for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TargetName {
    /// GitHub.
    Github,
    /// GitLab.
    Gitlab,
    /// Both.
    All,
}

/// What concerns GitLab alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Gitlab {
    /// The pipeline's file. Without it `.gitlab-ci.yml`; another one is for
    /// projects whose own `.gitlab-ci.yml` includes it.
    pub file: Option<String>,
    /// The tags of the runners that may take the jobs. Without it any runner.
    pub tags: Vec<String>,
    /// The image of ci-tool that the security scan runs in, pinned:
    /// `registry.example.com/ci-tool:1.2.3@sha256:` and its digest. Without it
    /// the pipeline has no scan.
    pub image: Option<String>,
}

/// Which runbooks `ci-tool docs` writes, and what it cannot know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Docs {
    /// The folder that they are in. Without it `docs/runbooks`.
    pub folder: Option<String>,
    /// Runbooks to leave out: `deployment`, `rollback`, `incident`, `restore`,
    /// `secret-rotation`.
    pub skip: Vec<String>,
    /// Whom to call, by what for: `on call: "#operations"`.
    #[serde(deserialize_with = "unique")]
    pub contacts: BTreeMap<String, String>,
}

/// How `ci-tool pins` judges and raises the actions that workflows use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pins {
    /// How many days a release must be old before `update` takes it. Without it 7.
    pub cooldown_days: Option<u32>,
    /// Actions that may stay on tags, as `owner/name` or `owner/*`.
    pub allow: Vec<String>,
    /// Actions that are neither judged nor raised, as `owner/name` or `owner/*`.
    pub ignore: Vec<String>,
}

/// A map in which no key stands twice: the last would silently win.
pub(super) fn unique<'de, D, V>(deserializer: D) -> Result<BTreeMap<String, V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    struct Unique<V>(PhantomData<V>);

    impl<'de, V: Deserialize<'de>> Visitor<'de> for Unique<V> {
        type Value = BTreeMap<String, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map")
        }

        // `components:` with nothing behind it.
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(BTreeMap::new())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut values = BTreeMap::new();
            while let Some((key, value)) = map.next_entry::<String, V>()? {
                if values.contains_key(&key) {
                    return Err(A::Error::custom(format!("duplicate field `{key}`")));
                }
                values.insert(key, value);
            }
            Ok(values)
        }
    }

    deserializer.deserialize_map(Unique(PhantomData))
}

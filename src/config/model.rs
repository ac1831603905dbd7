//! The keys of `.github/ci-tool.yml`. The doc comments are its reference.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What can be decided in `.github/ci-tool.yml`. Every key is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// What `ci-tool detect` takes into account.
    pub detect: Detect,
    /// What `ci-tool generate` writes.
    pub generate: Generate,
}

/// What `ci-tool detect` takes into account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Detect {
    /// Folders that are no part of the project, as globs relative to its root:
    /// `examples`, `legacy/**`.
    pub ignore: Vec<String>,
    /// Corrections, by the folder of the component as `ci-tool detect` prints it.
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
}

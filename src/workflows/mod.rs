//! The workflows that a project lacks: from facts and templates to a plan.
//!
//! [`catalog`] holds the templates, [`view`] turns facts into what a template
//! sees, [`render`] fills it in, [`check`] proves the result before anything is
//! written, [`plan`] compares it with what is there.

pub mod actions;
mod block;
pub mod catalog;
pub mod check;
mod coverage;
mod decide;
pub mod drift;
pub mod examples;
pub mod explain;
pub mod frozen;
mod gitlab;
pub mod header;
pub mod house;
mod inputs;
pub mod lock;
pub mod merge;
pub mod order;
pub mod pins;
pub mod plan;
pub mod render;
pub mod services;
mod times;
mod updates;
pub mod view;

pub use catalog::{Catalog, Target};
pub use plan::{Plan, PlannedFile, Status, plan};

/// What a person decides about generation; the rest follows from the project.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The branch whose pushes run the workflows and are deployed.
    pub default_branch: String,
    /// The label of the runner.
    pub runner: String,
    /// Limit for a component's job, in minutes.
    pub timeout_minutes: u32,
    /// `owner/name@commit` of our own action, and the release that it is.
    pub own_action: OwnAction,
    /// The environments to deploy to, in order.
    pub environments: Vec<String>,
    /// What the configuration says of deployments, by environment.
    pub deploying: std::collections::BTreeMap<String, Deploying>,
    /// Plain values for variables that components need, by component root.
    pub environment_values:
        std::collections::BTreeMap<String, std::collections::BTreeMap<String, String>>,
    /// Only these templates; all where empty.
    pub only: Vec<String>,
    /// Not these templates.
    pub exclude: Vec<String>,
    /// Also these templates, which are generated only where they are asked for.
    pub include: Vec<String>,
    /// Overwrite files of others and edited files.
    pub force: bool,
    /// Paths of files into which a person has put what they want of the new version.
    pub resolved: Vec<String>,
    /// What a team wants of every job, whatever the template says.
    pub house: house::House,
    /// Addresses that shall answer.
    pub uptime_urls: Vec<String>,
    /// Only templates for this place.
    pub target: Target,
    /// What concerns GitLab alone.
    pub gitlab: Gitlab,
    /// What steps may go on complaining about.
    pub debts: Vec<crate::debt::Debt>,
    /// What a probe measured of jobs.
    pub measured: crate::debt::measured::Measured,
}

/// What the configuration says of deployments to an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deploying {
    /// The platforms of its services.
    pub platforms: std::collections::BTreeSet<String>,
    /// Names of the variables that its services and their health checks need.
    pub secrets: std::collections::BTreeSet<String>,
    /// Whether checks of GitHub have to have passed.
    pub has_checks: bool,
}

/// What a person decides about a pipeline of GitLab.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Gitlab {
    /// The pipeline's file.
    pub file: String,
    /// The tags of the runners that may take the jobs; any runner where empty.
    pub tags: Vec<String>,
    /// The image of ci-tool that the security scan runs in, pinned to a digest.
    pub image: Option<String>,
    /// Whether what is pushed to GitLab goes to the repository that people work in.
    pub sync: bool,
}

impl Gitlab {
    /// The file that GitLab reads by itself.
    pub const FILE: &str = ".gitlab-ci.yml";
}

impl Default for Gitlab {
    fn default() -> Self {
        Self {
            file: Self::FILE.to_owned(),
            tags: Vec::new(),
            image: None,
            sync: false,
        }
    }
}

impl Settings {
    /// Whether a template is to be looked at.
    pub fn wants(&self, template: &catalog::Template) -> bool {
        if !self.target.includes(template.manifest.kind) {
            return false;
        }
        let named = |names: &[String]| names.contains(&template.name);
        if self.only.is_empty() {
            (template.manifest.default || named(&self.include)) && !named(&self.exclude)
        } else {
            named(&self.only) && !named(&self.exclude)
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_branch: "main".to_owned(),
            runner: "ubuntu-24.04".to_owned(),
            timeout_minutes: 30,
            own_action: OwnAction::default(),
            environments: vec!["staging".to_owned(), "production".to_owned()],
            deploying: std::collections::BTreeMap::new(),
            environment_values: std::collections::BTreeMap::new(),
            only: Vec::new(),
            exclude: Vec::new(),
            include: Vec::new(),
            force: false,
            resolved: Vec::new(),
            house: house::House::default(),
            uptime_urls: Vec::new(),
            target: Target::default(),
            gitlab: Gitlab::default(),
            debts: Vec::new(),
            measured: crate::debt::measured::Measured::default(),
        }
    }
}

/// How generated workflows refer to the action that this binary is part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAction {
    /// What stands behind `uses:`.
    pub uses: String,
    /// The release, for the comment behind it.
    pub version: Option<String>,
}

impl OwnAction {
    /// Whether it is pinned to a full commit.
    pub fn is_pinned(&self) -> bool {
        self.uses
            .rsplit_once('@')
            .is_some_and(|(_, reference)| is_full_commit(reference))
    }

    /// The text behind `uses:`, with the release as a comment.
    ///
    /// # Errors
    /// Where a part could leave its place and become workflow text of its own.
    pub fn reference(&self) -> Result<String, String> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || "._-/@".contains(c);
        if !self.uses.chars().all(is_name) {
            return Err(format!("{:?} is no `owner/name@commit`", self.uses));
        }
        match &self.version {
            Some(version) if !version.chars().all(|c| is_name(c) || c == '+') => {
                Err(format!("{version:?} is no name of a release"))
            }
            Some(version) => Ok(format!("{} # {version}", self.uses)),
            None => Ok(self.uses.clone()),
        }
    }
}

impl Default for OwnAction {
    /// The commit that a release was built from. A build that is no release
    /// knows no commit that is published, and uses the moving tag.
    fn default() -> Self {
        match (
            option_env!("CI_TOOL_RELEASE_COMMIT"),
            option_env!("CI_TOOL_RELEASE_VERSION"),
        ) {
            (Some(commit), version) if is_full_commit(commit) => Self {
                uses: format!("intowork/ci-action@{commit}"),
                version: version.map(str::to_owned),
            },
            _ => Self {
                uses: "intowork/ci-action@v1".to_owned(),
                version: None,
            },
        }
    }
}

/// Whether this is a full commit id: 40 hexadecimal digits.
pub fn is_full_commit(reference: &str) -> bool {
    reference.len() == 40 && reference.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_one_word_and_one_comment() {
        let own = |uses: &str, version: Option<&str>| {
            OwnAction {
                uses: uses.to_owned(),
                version: version.map(str::to_owned),
            }
            .reference()
        };
        let pin = "intowork/ci-action@0123456789abcdef0123456789abcdef01234567";
        assert_eq!(own(pin, Some("v1.2+a")), Ok(format!("{pin} # v1.2+a")));
        assert_eq!(own(pin, None), Ok(pin.to_owned()));
        assert!(own(pin, Some("v1\n      - run: evil")).is_err());
        assert!(own(&format!("a b\n- run: evil #@{pin}"), None).is_err());
    }
}

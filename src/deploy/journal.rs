//! What a deployment is about to do, and has done, written down before it is done.

use serde::{Deserialize, Serialize};

use super::Plan;
use super::platform::Release;

/// The version of the form.
pub const VERSION: u32 = 1;

/// The story of one deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Journal {
    /// The version of this form.
    pub version: u32,
    /// A word that no other deployment has.
    pub id: String,
    /// The environment.
    pub environment: String,
    /// The commit.
    pub commit: String,
    /// When it began, in seconds since 1970.
    pub started: i64,
    /// Where it is.
    pub phase: Phase,
    /// Why it is taken back, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The services, in the order in which they are released.
    pub services: Vec<Entry>,
}

/// Where a deployment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Under way.
    Releasing,
    /// Being taken back.
    Undoing,
    /// At its end: everything is live.
    Deployed,
    /// At its end: everything is as it was.
    RolledBack,
    /// At its end, and not everything could be taken back.
    Stuck,
}

impl Phase {
    /// Whether nothing is left to be done.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Deployed | Self::RolledBack)
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Releasing => "releasing",
            Self::Undoing => "undoing",
            Self::Deployed => "deployed",
            Self::RolledBack => "rolled-back",
            Self::Stuck => "stuck",
        }
    }
}

/// What became of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// What had the traffic before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Release>,
    /// Whether it was well then.
    pub was_healthy: bool,
    /// How far it is.
    pub step: Step,
    /// The new release, as soon as the platform has named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Why it is not as it was, where it could not be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck: Option<String>,
}

/// How far a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Nothing was done.
    Untouched,
    /// A release was started, or was about to be.
    Starting,
    /// The release has a name and is on its way.
    Started,
    /// It is built and held back.
    Ready,
    /// It was given the traffic, or was about to be.
    Promoting,
    /// It has the traffic and is well.
    Live,
    /// It is being taken back.
    Undoing,
    /// It is as it was before.
    Undone,
}

impl Step {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Untouched => "untouched",
            Self::Starting => "starting",
            Self::Started => "started",
            Self::Ready => "ready",
            Self::Promoting => "promoting",
            Self::Live => "live",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
        }
    }
}

impl Journal {
    /// A deployment that has not begun.
    pub fn new(plan: &Plan, id: String, started: i64) -> Self {
        let entry = |service: &super::Service| Entry {
            name: service.name.clone(),
            before: None,
            was_healthy: false,
            step: Step::Untouched,
            release: None,
            stuck: None,
        };
        Self {
            version: VERSION,
            id,
            environment: plan.environment.clone(),
            commit: plan.commit.clone(),
            started,
            phase: Phase::Releasing,
            reason: None,
            services: plan.services.iter().map(entry).collect(),
        }
    }

    /// Reads what [`Journal::text`] has written.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| error.to_string())?;
        match value["version"].as_u64() {
            Some(version) if version == u64::from(VERSION) => {}
            Some(version) => {
                return Err(format!(
                    "it is of version {version}, and this program knows {VERSION}"
                ));
            }
            None => return Err("it has no version".to_owned()),
        }
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    /// The journal as JSON.
    pub fn text(&self) -> String {
        // Nothing in it has keys that are no texts.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The services that could not be taken back, with the reason.
    pub fn stuck(&self) -> impl Iterator<Item = (&str, &str)> {
        self.services
            .iter()
            .filter_map(|entry| Some((entry.name.as_str(), entry.stuck.as_deref()?)))
    }
}

//! `deploy:` in `.github/ci-tool.yml`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::unique;

/// What `ci-tool deploy` brings where, and when it counts as healthy there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Deploy {
    /// What is deployed by itself, by name.
    #[serde(deserialize_with = "unique")]
    pub services: BTreeMap<String, Service>,
    /// Whether deployments are recorded at GitHub, which refuses a second one to the same
    /// environment on whatever machine. Needs `deployments: write`.
    pub record: bool,
    /// Variables that hold addresses to which a notice goes of how each deployment ended, as
    /// JSON that Slack and others show.
    pub notify: Vec<String>,
    /// Where it is deployed to, by name: `staging`, `production`.
    #[serde(deserialize_with = "unique")]
    pub environments: BTreeMap<String, Environment>,
}

/// What is deployed by itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Service {
    /// What it runs on.
    pub platform: PlatformName,
    /// Services that are released before it, and taken back after it.
    #[serde(default)]
    pub needs: Vec<String>,
    /// For `command`: the line of the shell that starts a release. The release is called
    /// `CI_TOOL_RELEASE`, and is made of the commit `CI_TOOL_COMMIT`.
    #[serde(default)]
    pub release: Option<String>,
    /// For `command`: the line that prints the name of what has the traffic, and perhaps its
    /// commit; nothing where nothing has it.
    #[serde(default)]
    pub live: Option<String>,
    /// For `command`: the line that gives the traffic to the release `CI_TOOL_RELEASE`, or to
    /// nobody where that is empty.
    #[serde(default)]
    pub rollback: Option<String>,
    /// For `command`: the line that prints `pending`, `ready`, `live`, `failed` or `unknown`,
    /// and perhaps more words, for the release `CI_TOOL_RELEASE`. Without it a release is live
    /// or failed as soon as `release` has ended.
    #[serde(default)]
    pub status: Option<String>,
    /// For `command`: the line that stops the release `CI_TOOL_RELEASE` if it is on its way.
    #[serde(default)]
    pub cancel: Option<String>,
    /// For `command`: the line that gives the traffic to the release `CI_TOOL_RELEASE`. With
    /// it `release` builds and gives no traffic.
    #[serde(default)]
    pub promote: Option<String>,
    /// For `command`: the variables that the commands see beside `PATH`, `HOME` and the like.
    #[serde(default)]
    pub variables: Vec<String>,
    /// For `railway`, the service's id; for `vercel`, the project's id or name.
    #[serde(default)]
    pub id: Option<String>,
    /// For `vercel`, the team's id.
    #[serde(default)]
    pub team: Option<String>,
    /// For `railway` and `vercel`: the variable that holds the token. Without it
    /// `RAILWAY_TOKEN` and `VERCEL_TOKEN`.
    #[serde(default)]
    pub token: Option<String>,
    /// For `railway` and `vercel`: what is deployed. Without it `upload` for Railway and
    /// `repository` for Vercel.
    #[serde(default)]
    pub source: Option<SourceName>,
    /// With `source: upload`: the folder that is uploaded; without it the whole commit. With
    /// `source: prebuilt`: the folder in which `vercel build` has run; without it the root.
    #[serde(default)]
    pub folder: Option<String>,
    /// How many seconds a release may take, 1 to 21600. Without it 900.
    #[serde(default)]
    #[schemars(range(min = 1, max = 21600))]
    pub time_limit: Option<u32>,
}

/// What services run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlatformName {
    /// Anything, by commands of the repository.
    Command,
    /// Railway, with a project token for each environment.
    Railway,
    /// Vercel.
    Vercel,
}

/// What a platform gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceName {
    /// The files of the commit, which are uploaded.
    Upload,
    /// The commit of the repository that the service is connected to.
    Repository,
    /// For Vercel: what `vercel build` has made, which is uploaded.
    Prebuilt,
}

/// Where services are deployed to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Environment {
    /// The branch whose commits may be deployed here. Without it any.
    pub branch: Option<String>,
    /// Where people find what is deployed; GitHub's record leads there. Without it the start
    /// page at the first health check of the service that is deployed last.
    pub url: Option<String>,
    /// The variable that holds the address of the database, which has to answer before anything
    /// changes.
    pub database: Option<String>,
    /// The services of this environment, by name. All where there is none.
    #[serde(deserialize_with = "unique")]
    pub services: BTreeMap<String, Here>,
    /// What becomes of a release with a migration that going back does not undo. Without it
    /// `warn`.
    pub migrations: Option<MigrationsName>,
    /// Checks of GitHub, by the names of jobs or of statuses, that have to have passed for the
    /// commit. Needs `checks: read` and `statuses: read`.
    pub checks: Vec<String>,
    /// For how many seconds all services are watched at the end. Without it 60.
    pub soak: Option<u32>,
}

/// What becomes of a release with a migration that going back does not undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MigrationsName {
    /// It is deployed, and the migration is named.
    Warn,
    /// It is not deployed.
    Refuse,
    /// It is deployed.
    Ignore,
}

/// A service in one environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Here {
    /// What is asked of it; all have to be answered well.
    pub health: Vec<Health>,
    /// For `railway`: the environment's name or id there. Without it the name here.
    pub environment: Option<String>,
    /// For `vercel`: the domain that leads to this environment. Without it this is production,
    /// with the project's domains.
    pub alias: Option<String>,
    /// So many times in a row. Without it 3.
    pub times: Option<u32>,
    /// So many seconds apart. Without it 2.
    pub every: Option<u32>,
    /// Within so many seconds. Without it 120.
    pub within: Option<u32>,
}

/// What is asked of one address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Health {
    /// The address.
    pub url: String,
    /// A header that is sent with a secret: what lets us pass where the address is protected.
    #[serde(default)]
    pub secret: Option<SecretHeader>,
    /// Status codes that are well. Without it any of 200 to 299.
    #[serde(default)]
    pub status: Vec<u16>,
    /// What the JSON of the answer holds: a path such as `checks.database` and its value.
    #[serde(default, deserialize_with = "unique")]
    pub json: BTreeMap<String, String>,
    /// Where the JSON tells the commit that runs: it has to be the one that is deployed.
    #[serde(default)]
    pub commit: Option<String>,
    /// How many milliseconds an answer may take.
    #[serde(default)]
    pub latency: Option<u32>,
    /// For how many days the certificate has to hold.
    #[serde(default)]
    pub certificate_days: Option<u32>,
}

/// A header whose value is in a variable.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SecretHeader {
    /// Its name: `x-vercel-protection-bypass`.
    pub header: String,
    /// The variable that holds its value.
    pub variable: String,
}

impl Deploy {
    /// The first thing that is wrong: the keys that lead there, and why.
    pub(super) fn wrong(&self) -> Option<(Vec<String>, String)> {
        let keys = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect();
        let is_name = |name: &str| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        };
        for (name, service) in &self.services {
            if !is_name(name) {
                return Some((
                    keys(&["services", name]),
                    format!("{name:?} is no name of a service"),
                ));
            }
            let lines = [
                ("release", &service.release),
                ("live", &service.live),
                ("rollback", &service.rollback),
            ];
            for (key, line) in lines {
                let is_empty = line.as_ref().is_none_or(|line| line.trim().is_empty());
                if service.platform == PlatformName::Command && is_empty {
                    return Some((
                        keys(&["services", name]),
                        format!("the service `{name}` has no command `{key}`"),
                    ));
                }
            }
            let hosted = service.platform != PlatformName::Command;
            let is_plain = |id: &String| {
                !id.is_empty()
                    && id
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            };
            if hosted && !service.id.as_ref().is_some_and(is_plain) {
                return Some((
                    keys(&["services", name]),
                    format!("the service `{name}` has no `id` by which its platform knows it"),
                ));
            }
            if service.team.as_ref().is_some_and(|team| !is_plain(team)) {
                return Some((
                    keys(&["services", name, "team"]),
                    format!("the team of `{name}` is no id"),
                ));
            }
            if let Some(limit) = service
                .time_limit
                .filter(|limit| !(1..=21600).contains(limit))
            {
                return Some((
                    keys(&["services", name, "time-limit"]),
                    format!("`time-limit` is {limit}"),
                ));
            }
            if let Some(missing) = service
                .needs
                .iter()
                .find(|need| !self.services.contains_key(*need))
            {
                return Some((
                    keys(&["services", name, "needs"]),
                    format!("`{name}` needs `{missing}`, and there is no such service"),
                ));
            }
        }
        for (name, environment) in &self.environments {
            if !is_name(name) {
                return Some((
                    keys(&["environments", name]),
                    format!("{name:?} is no name of an environment"),
                ));
            }
            for (service, here) in &environment.services {
                let path = ["environments", name, "services", service];
                if !self.services.contains_key(service) {
                    return Some((keys(&path), format!("there is no service `{service}`")));
                }
                if let Some(wrong) = here.health.iter().find(|health| !is_address(&health.url)) {
                    let mut path: Vec<String> = keys(&path);
                    path.push("health".to_owned());
                    return Some((path, format!("`{}` is no address", wrong.url)));
                }
                if here.alias.as_ref().is_some_and(|alias| !is_domain(alias)) {
                    let mut path: Vec<String> = keys(&path);
                    path.push("alias".to_owned());
                    return Some((path, "`alias` is a domain, without https://".to_owned()));
                }
                if here.times == Some(0) || here.within == Some(0) {
                    return Some((keys(&path), "`times` and `within` begin at 1".to_owned()));
                }
            }
        }
        None
    }
}

fn is_domain(text: &str) -> bool {
    text.contains('.')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
}

fn is_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or(url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains('@') && !rest.contains(' '))
}

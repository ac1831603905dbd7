//! The process's environment, captured once so that tests can give their own.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Variables that git needs to reach a repository as its user does.
pub const GIT_VARIABLES: [&str; 16] = [
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "SSH_AUTH_SOCK",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSL_CAINFO",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "http_proxy",
    "NO_PROXY",
    "no_proxy",
    "TMPDIR",
];

/// Every environment variable that ci-tool reads, with what it is for.
pub const VARIABLES: [(&str, &str); 31] = [
    (
        "CI_TOOL_CONFIG",
        "path of the configuration file, as `--config`",
    ),
    (
        "CI_TOOL_LOG",
        "log filter such as `debug` or `ci_tool=trace`; beats `-v`",
    ),
    (
        "CI_TOOL_ACTION",
        "`owner/name@commit` that generated workflows use for this tool",
    ),
    (
        "CI_TOOL_CACHE",
        "folder of scanners' databases and programs, as `--cache`",
    ),
    ("SNYK_TOKEN", "token for Snyk; no other scanner sees it"),
    (
        "GITHUB_TOKEN",
        "token for GitHub's API; sent to the API's host only",
    ),
    ("GH_TOKEN", "the same, where there is no `GITHUB_TOKEN`"),
    (
        "GITLAB_TOKEN",
        "token for GitLab's repositories; no other host is told it",
    ),
    (
        "RAILWAY_TOKEN",
        "project token for the environment of Railway that is deployed to",
    ),
    ("VERCEL_TOKEN", "token for Vercel's API"),
    (
        "CI_TOOL_RAILWAY_URL",
        "another address of Railway's API, https or of this machine",
    ),
    (
        "CI_TOOL_VERCEL_URL",
        "another address of Vercel's API, https or of this machine",
    ),
    (
        "GITHUB_ACTION_REPOSITORY",
        "`owner/name` of the action that runs: generated workflows use the same",
    ),
    (
        "GITHUB_ACTION_REF",
        "the commit at which it is used, where that is a full commit id",
    ),
    (
        "GITHUB_ACTOR",
        "who started the job: Dependabot's token may not upload",
    ),
    (
        "GITHUB_EVENT_PATH",
        "file that tells whether a pull request is from a fork, whose token may not upload",
    ),
    (
        "GITHUB_SHA",
        "the commit that a job runs for: what `ci-tool deploy` deploys",
    ),
    (
        "GITHUB_REF",
        "the branch that a job runs for, held against an environment's `branch`",
    ),
    (
        "GITHUB_SERVER_URL",
        "address of the GitHub that a job runs on; its repositories are told `GITHUB_TOKEN`",
    ),
    (
        "GITHUB_REPOSITORY",
        "`owner/name` that a job of GitHub Actions runs for: the source of `ci-tool sync`",
    ),
    (
        "GITHUB_RUN_ID",
        "the run that `ci-tool sync` records on the mirror",
    ),
    (
        "CI_SERVER_HOST",
        "host of the GitLab that a job runs on; its repositories are told `GITLAB_TOKEN`",
    ),
    (
        "CI_API_V4_URL",
        "address of the API of that GitLab; without it `https://HOST/api/v4`",
    ),
    (
        "GITHUB_API_URL",
        "address of GitHub's API; without it `https://api.github.com`",
    ),
    (
        "HTTPS_PROXY",
        "proxy for the API; `NO_PROXY` names the hosts that need none",
    ),
    (
        "NO_COLOR",
        "no colours, when set to anything but the empty text",
    ),
    (
        "CLICOLOR_FORCE",
        "colours even where the output is no terminal",
    ),
    (
        "GITHUB_ACTIONS",
        "`true` in a GitHub Actions job: annotations are printed",
    ),
    (
        "GITHUB_OUTPUT",
        "file that a step's outputs are appended to",
    ),
    (
        "GITHUB_STEP_SUMMARY",
        "file that a step's summary is appended to",
    ),
    (
        "GITHUB_WORKSPACE",
        "the checkout's folder inside the container action",
    ),
];

/// A snapshot of the environment.
#[derive(Debug, Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The process's own. Variables that are not UTF-8 are left out: none that
    /// we read can be.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
    pub fn capture() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
        )
    }

    /// A given one, for tests.
    pub fn from_pairs<const N: usize>(pairs: [(&str, &str); N]) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    /// The same with one variable more.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut all = self.0.clone();
        all.insert(name.to_owned(), value.to_owned());
        Self(all)
    }

    /// This environment with other values where `other` gives one for a variable.
    #[must_use]
    pub fn map_values(&self, other: impl Fn(&str, &str) -> Option<String>) -> Self {
        let mut all = self.0.clone();
        for (name, value) in &mut all {
            if let Some(other) = other(name, value) {
                *value = other;
            }
        }
        Self(all)
    }

    /// A variable's value; an empty one counts as unset, as in workflows.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A variable's value as a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// Whether we run in a GitHub Actions job.
    pub fn in_github_actions(&self) -> bool {
        self.get("GITHUB_ACTIONS") == Some("true")
    }
}

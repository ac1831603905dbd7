//! `scan:` in `.github/ci-tool.yml`, and the words in which a scanner is described.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::unique;

/// What `ci-tool scan` runs, and when its answer counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scan {
    /// Only these scanners; all that fit where the list is empty.
    pub only: Vec<String>,
    /// Not these scanners.
    pub skip: Vec<String>,
    /// Scanners without which there is no answer: one that is not installed, or
    /// that finds nothing that it is for, fails the scan.
    pub required: Vec<String>,
    /// Scanners whose failure and doubts are told and decide nothing.
    pub optional: Vec<String>,
    /// Container images to scan too: names, `.tar` files of the repository, or its
    /// Dockerfiles, which are built for it.
    pub images: Vec<String>,
    /// Lists of components to scan too: CycloneDX or SPDX files of the repository.
    pub sboms: Vec<String>,
    /// How long one scanner may run, in seconds. Without it 900.
    #[schemars(range(min = 1, max = 21600))]
    pub time_limit: Option<u32>,
    /// How many days old a scanner's database may be. Without it 7.
    pub max_database_age: Option<u32>,
    /// How many days old a release must be before `ci-tool scanners update` takes
    /// it. Without it 7.
    pub cooldown_days: Option<u32>,
    /// Scanners of your own, or other words for one that is known, by name.
    #[serde(deserialize_with = "unique")]
    pub scanners: BTreeMap<String, Preset>,
}

/// How a scanner is run that writes a report.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Preset {
    /// What it looks for, in a few words.
    #[serde(default)]
    pub about: String,
    /// The program and its arguments; no shell reads them. `{path}` is the
    /// repository's folder, `{report}` the file to write, `{private}` a folder that
    /// it may fill, `{cache}` one that stays. An argument with `{files}` is repeated for all files that match
    /// `files`; with `{file}`, or `{folder}` for its folder, the program is run for
    /// each of them.
    pub command: Vec<String>,
    /// Whether it runs in the repository's folder. Without it in a private one, so
    /// that no settings of the repository change what it does.
    #[serde(default)]
    pub inside: bool,
    /// Whether it asks a service, so that it does not run with `--offline`.
    #[serde(default)]
    pub online: bool,
    /// Where the report is. Without it `file`.
    #[serde(default)]
    pub report: ReportAt,
    /// The file below `{private}` that the report is in, where the program names it
    /// itself.
    #[serde(default)]
    pub report_file: Option<String>,
    /// What the report is. Without it `sarif`.
    #[serde(default)]
    pub format: ReportFormat,
    /// Exit codes besides 0 with which the report is whole. Any other is a failure.
    #[serde(default)]
    pub codes: Vec<i32>,
    /// Exit codes that say that there was nothing to look at.
    #[serde(default)]
    pub nothing: Vec<i32>,
    /// Files that it is for, as globs. It runs where there is one; without the key
    /// always.
    #[serde(default)]
    pub files: Vec<String>,
    /// Variables of the environment that it needs, its token among them. No other
    /// scanner sees them.
    #[serde(default)]
    pub tokens: Vec<String>,
    /// Variables of the environment that it is given where they are set, such as the
    /// token of a private registry. No other scanner sees them.
    #[serde(default)]
    pub optional_tokens: Vec<String>,
    /// Plain variables.
    #[serde(default, deserialize_with = "unique")]
    pub env: BTreeMap<String, String>,
    /// The arguments that ask for its version. Without it what the report says
    /// counts, and `--version` asks where it says nothing.
    #[serde(default)]
    pub version: Option<Vec<String>>,
    /// How one gets it.
    #[serde(default)]
    pub get: String,
}

impl Preset {
    /// What types cannot say.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        let Some(program) = self.command.first().filter(|program| !program.is_empty()) else {
            return Err("`command` names no program".to_owned());
        };
        if program.contains('{') {
            return Err("the program itself is no placeholder".to_owned());
        }
        if let Some(glob) = self
            .files
            .iter()
            .find(|glob| globset::Glob::new(glob).is_err())
        {
            return Err(format!("`{glob}` is no glob"));
        }
        let asks = |what: &str| self.command.iter().any(|argument| argument.contains(what));
        if (asks("{file}") || asks("{files}") || asks("{folder}")) && self.files.is_empty() {
            return Err("`{file}`, `{files}` and `{folder}` need `files`".to_owned());
        }
        if let Some(name) = &self.report_file
            && (name.contains("..") || name.starts_with('/'))
        {
            return Err("`report-file` is below the private folder".to_owned());
        }
        if self.report == ReportAt::File && !asks("{report}") && !asks("{private}") {
            return Err(
                "the command does not name `{report}`, and `report` is not `stdout`".to_owned(),
            );
        }
        if self.codes.iter().any(|code| self.nothing.contains(code)) {
            return Err("an exit code is in `codes` and in `nothing`".to_owned());
        }
        Ok(())
    }
}

/// Where a scanner leaves its report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReportAt {
    /// In the file `{report}`.
    #[default]
    File,
    /// On its standard output.
    Stdout,
}

/// What a scanner's report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReportFormat {
    /// SARIF 2.1.0.
    #[default]
    Sarif,
    /// Trivy's JSON.
    Trivy,
    /// The JSON of `snyk test`, `snyk container test` and `snyk iac test`.
    Snyk,
    /// Grype's JSON.
    Grype,
    /// OSV-Scanner's JSON.
    Osv,
    /// The JSON of `shellcheck --format json1`.
    Shellcheck,
    /// The JSON of `pip-audit --format json`.
    PipAudit,
    /// The JSON of `npm audit --json`.
    NpmAudit,
    /// A JSON list as `actionlint -format '{{json .}}'` writes it.
    Actionlint,
}

/// Reads a scanner's description.
///
/// # Errors
/// What is wrong with it, in words.
pub fn preset(text: &str) -> Result<Preset, String> {
    serde_yaml::from_str(text).map_err(|error| error.to_string())
}

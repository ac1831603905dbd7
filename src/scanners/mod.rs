//! Scanners: which fit a project, how each is started, and what its answer is worth.
//!
//! A scanner is a description: either a preset, which is data (`presets/`, or a
//! person's own in the configuration), or a file here where more must be decided.
//! [`run`] starts programs; [`formats`] reads what they leave behind. Success is
//! judged by the report and never by the exit code alone: a scanner that crashed
//! has not looked.

pub mod artifact;
pub mod bom;
pub mod formats;
pub mod lock;
pub mod pinned;
pub mod releases;
pub mod run;
pub mod untouched;

mod grype;
mod osv;
mod preset;
mod snyk;
mod trivy;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::config::Scan;
use crate::config::scan::{ReportAt, ReportFormat};
use crate::sys::env::Env;

pub use artifact::Artifact;
pub use preset::PRESETS;

/// What is to be scanned, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Place<'p> {
    /// The repository's folder, absolute and without links.
    pub root: &'p Path,
    /// Its files, relative to it.
    pub files: &'p [String],
    /// The environment.
    pub env: &'p Env,
    /// What the configuration says.
    pub settings: &'p Scan,
    /// What is scanned beside the folder.
    pub artifacts: &'p [Artifact],
    /// A private folder that goes when the scan ends.
    pub private: &'p Path,
    /// A folder that stays: databases.
    pub cache: &'p Path,
    /// The day.
    pub today: chrono::NaiveDate,
    /// Scanners whose database is used as it is: those that the lock names.
    pub frozen: &'p [String],
    /// Whether nothing may be asked of the network.
    pub offline: bool,
    /// Whether the policy asks for licences.
    pub licenses: bool,
}

/// Whether a scanner has something to look at here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// It has.
    Yes,
    /// It has not, and why.
    No(String),
}

/// A scanner.
pub trait Scanner: fmt::Debug + Send + Sync {
    /// Its name, as in `--scanner`.
    fn name(&self) -> &str;
    /// What it looks for, in a few words.
    fn about(&self) -> &str;
    /// Its program.
    fn program(&self) -> &str;
    /// How one gets it.
    fn get(&self) -> &str;
    /// The arguments that ask for its version.
    fn version(&self) -> Vec<String> {
        vec!["--version".to_owned()]
    }
    /// Whether its report lies about its version, so that it is asked.
    fn asks_version(&self) -> bool {
        false
    }
    /// Whether it is run only where it is asked for by name.
    fn is_opt_in(&self) -> bool {
        false
    }
    /// Whether it has something to look at.
    fn fits(&self, place: &Place<'_>) -> Fit;
    /// How its program is started, perhaps several times.
    fn calls(&self, place: &Place<'_>) -> Vec<Call>;
    /// Whether it looks at such a thing beside the folder.
    fn takes(&self, _: &Artifact) -> bool {
        false
    }
    /// How its database is fetched, if it has one.
    fn pull(&self, _: &Place<'_>) -> Option<Call> {
        None
    }
    /// Files that it is known to leave at the repository's root, where nothing holds it.
    /// What was not there before is taken away.
    fn leaves(&self) -> &'static [&'static str] {
        &[]
    }
    /// The file of its database.
    fn database(&self, _: &Place<'_>) -> Option<PathBuf> {
        None
    }
    /// Why an answer may not be all that there is to know, beside what the report
    /// itself says.
    fn doubts(&self, _: &Place<'_>, _: &Call, _: &formats::Read<'_>) -> Vec<String> {
        Vec::new()
    }
}

/// One start of a program.
#[derive(Debug, Clone)]
pub struct Call {
    /// What is scanned, where that is not the repository: an image's name.
    pub target: Option<String>,
    /// The folder that is scanned, relative to the repository.
    pub folder: String,
    /// The arguments.
    pub arguments: Vec<String>,
    /// Plain variables.
    pub variables: Vec<(String, String)>,
    /// Names of variables that are handed on and may be told.
    pub settings: Vec<String>,
    /// Names of variables that are handed on and never told: tokens.
    pub tokens: Vec<String>,
    /// Whether it runs in the repository's folder.
    pub inside: bool,
    /// Folders that it may write to, beside its private one.
    pub writable: Vec<PathBuf>,
    /// The name of its private folder.
    pub private: String,
    /// Where its report is.
    pub report: ReportAt,
    /// The name of the report's file in its private folder.
    pub report_file: String,
    /// What its report is.
    pub format: ReportFormat,
    /// Exit codes besides 0 with which the report is whole.
    pub codes: Vec<i32>,
    /// Exit codes that say that there was nothing to look at.
    pub nothing: Vec<i32>,
}

impl Call {
    /// A call of the whole repository whose report is a file, in a private folder
    /// of this name.
    pub fn new(private: impl Into<String>, format: ReportFormat) -> Self {
        Self {
            target: None,
            folder: String::new(),
            arguments: Vec::new(),
            variables: Vec::new(),
            settings: Vec::new(),
            tokens: Vec::new(),
            inside: false,
            writable: Vec::new(),
            private: private.into(),
            report: ReportAt::File,
            report_file: "report".to_owned(),
            format,
            codes: Vec::new(),
            nothing: Vec::new(),
        }
    }

    /// Its private folder.
    pub fn private(&self, place: &Place<'_>) -> PathBuf {
        place.private.join(&self.private)
    }

    /// The file of its report.
    pub fn report(&self, place: &Place<'_>) -> PathBuf {
        self.private(place).join(&self.report_file)
    }
}

/// All scanners that are known here: those with a file of their own, the presets,
/// and a person's own, which may replace a preset.
pub fn all(settings: &Scan) -> Vec<Box<dyn Scanner>> {
    let mut all: Vec<Box<dyn Scanner>> = vec![
        Box::new(trivy::Trivy),
        Box::new(snyk::Snyk::Packages),
        Box::new(snyk::Snyk::Code),
        Box::new(snyk::Snyk::Infrastructure),
        Box::new(grype::Grype),
        Box::new(osv::Osv),
    ];
    let own = &settings.scanners;
    let presets = PRESETS.iter().filter(|(name, _)| !own.contains_key(*name));
    let presets = presets.map(|(name, text)| (*name, preset::known(text)));
    let own = own.iter().map(|(name, own)| (name.as_str(), own.clone()));
    for (name, preset) in presets.chain(own) {
        let described: Box<dyn Scanner> = Box::new(preset::Described::new(name, preset));
        match all.iter_mut().find(|known| known.name() == name) {
            Some(known) => *known = described,
            None => all.push(described),
        }
    }
    all
}

/// Files that match one of these globs.
fn matching<'p>(files: &'p [String], globs: &[String]) -> Vec<&'p str> {
    let mut set = globset::GlobSetBuilder::new();
    for glob in globs
        .iter()
        .filter_map(|glob| globset::Glob::new(glob).ok())
    {
        set.add(glob);
    }
    let Ok(set) = set.build() else {
        return Vec::new();
    };
    files
        .iter()
        .filter(|file| set.is_match(file))
        .map(String::as_str)
        .collect()
}

/// Lock files and manifests of packages, by which one knows that there are some.
fn manifests<'p>(place: &Place<'p>) -> Vec<&'p str> {
    const NAMES: [&str; 22] = [
        "package-lock.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "bun.lock",
        "poetry.lock",
        "uv.lock",
        "Pipfile.lock",
        "pylock.toml",
        "requirements.txt",
        "Cargo.lock",
        "go.mod",
        "Gemfile.lock",
        "composer.lock",
        "pom.xml",
        "gradle.lockfile",
        "packages.lock.json",
        "mix.lock",
        "pubspec.lock",
        "Package.resolved",
        "Podfile.lock",
        "conan.lock",
        "stack.yaml.lock",
    ];
    let name = |file: &&str| file.rsplit('/').next().unwrap_or_default().to_owned();
    let files = place.files.iter().map(String::as_str);
    files
        .filter(|file| NAMES.contains(&name(file).as_str()))
        .collect()
}

/// The things beside the folder that a scanner takes, each with a number from 1.
fn taken<'p>(
    scanner: &'p dyn Scanner,
    place: &Place<'p>,
) -> impl Iterator<Item = (usize, &'p Artifact)> {
    let numbered = place.artifacts.iter().enumerate();
    numbered
        .filter(|(_, artifact)| scanner.takes(artifact))
        .map(|(at, artifact)| (at + 1, artifact))
}

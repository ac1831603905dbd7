//! `ci-tool snapshot`: what a build really contains, into GitHub's dependency graph.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::upload::Subject;
use crate::actions::event::{self, Event};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::forge::github::{Detector, GitHub, Job, Manifest, ManifestFile, Resolved, Snapshot};
use crate::forge::http::Patience;
use crate::forge::{self, Error};
use crate::scanners::bom::{Bom, Group};
use crate::sys::clock;
use crate::sys::ui::escape_line;

/// Tell GitHub's dependency graph what a build contains.
///
/// Reads lists of components (CycloneDX in JSON, as Trivy, Syft or a build writes them) and
/// submits them for a commit and a branch: Dependabot's alerts then know also what no file of
/// the repository says. The token (GITHUB_TOKEN) needs `contents: write`.
///
/// Exit code 0: GitHub has them. 2: wrong usage. 3: GitHub has not taken them.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The lists
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// What they are about.
    #[command(flatten)]
    pub subject: Subject,

    /// What tells these lists from others of the same repository, the same for every run
    /// [default: the workflow and the job]
    #[arg(long, value_name = "NAME")]
    pub correlator: Option<String>,

    /// The repository's folder
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub repository: PathBuf,

    /// Say what would be submitted, and ask nobody
    #[arg(long)]
    pub dry_run: bool,
}

/// Submits.
///
/// # Errors
/// Where a list cannot be read, or GitHub does not take it.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let mut manifests = BTreeMap::new();
    for file in &args.files {
        let shown = escape_line(&file.display().to_string());
        let text = std::fs::read(file)
            .map_err(|error| Failure::usage(format!("{shown} cannot be read: {error}")))?;
        let bom = Bom::parse(&text).map_err(|why| {
            Failure::usage(format!("{shown}: {}", escape_line(&why)))
                .hint("`trivy fs --format cyclonedx` and `syft -o cyclonedx-json` write one")
        })?;
        if bom.nameless > 0 {
            context.ui.remark(&format!(
                "{shown}: {} components have no package URL and are left out",
                bom.nameless
            ));
        }
        for group in bom.groups {
            let (key, manifest) = manifest(group, file, &args.repository);
            manifests.insert(key, manifest);
        }
    }
    let packages: usize = manifests.values().map(|one| one.resolved.len()).sum();
    if packages == 0 {
        return Err(Failure::usage("there is no package in these lists")
            .hint("submitted, it would take away what an earlier one told")
            .into());
    }
    let looked = args.subject.looked(&args.repository, context)?;
    let what = escape_line(&format!(
        "{packages} packages of {} for {} of {}/{}",
        match manifests.len() {
            1 => "1 manifest".to_owned(),
            many => format!("{many} manifests"),
        },
        looked.reference,
        looked.owner,
        looked.name
    ));
    if args.dry_run {
        context.ui.result(&format!("{what} would be submitted\n"))?;
        return Ok(Exit::Yes);
    }
    let env = &context.env;
    let event = Event::of(env);
    // The merge that a job of a pull request runs on is no commit that anybody pushed.
    let pushed = event
        .pull_request
        .as_ref()
        .map(|pull| pull.head.sha.clone());
    let pushed = pushed.filter(|_| args.subject.commit.is_none() && env.in_github_actions());
    let job = |name: &str| env.get(name).unwrap_or_default().to_owned();
    let usual = match (env.get("GITHUB_WORKFLOW"), env.get("GITHUB_JOB")) {
        (Some(workflow), Some(job)) => format!("{workflow}_{job}"),
        _ => "ci-tool".to_owned(),
    };
    let snapshot = Snapshot {
        version: 0,
        detector: Detector {
            name: "ci-tool",
            version: env!("CARGO_PKG_VERSION"),
            url: "https://github.com/intowork/ci-action",
        },
        job: Job {
            id: match job("GITHUB_RUN_ID") {
                none if none.is_empty() => "0".to_owned(),
                id => id,
            },
            correlator: args.correlator.clone().unwrap_or(usual),
            html_url: event::run_url(env),
        },
        sha: pushed.unwrap_or(looked.commit),
        reference: looked.reference,
        scanned: chrono::DateTime::from_timestamp(clock::now(), 0)
            .unwrap_or_default()
            .to_rfc3339(),
        manifests,
    };
    let told = |error: Error| {
        let hint = match &error {
            _ if event.may_only_read(env) => "the token of a pull request from a fork or from Dependabot may only read; the run on the branch submits them".to_owned(),
            Error::Forbidden { .. } => "give the job `permissions: {contents: write}`".to_owned(),
            Error::NotFound { .. } => "check the repository's name, and whether its dependency graph is switched on (Settings, Code security)".to_owned(),
            error => error.hint(),
        };
        Failure::failed(format!("GitHub has not taken the dependencies: {error}")).hint(hint)
    };
    let github = GitHub::new(env, Patience::default()).map_err(told)?;
    if !github.has_token() {
        return Err(Failure::failed("there is no token for GitHub")
            .hint("give it in GITHUB_TOKEN; it needs `contents: write`")
            .into());
    }
    let repository = (looked.owner.as_str(), looked.name.as_str());
    let said = forge::run(github.submit_snapshot(repository, &snapshot))?.map_err(told)?;
    context
        .ui
        .result(&format!("{what}: {}\n", escape_line(&said)))?;
    Ok(Exit::Yes)
}

/// What asks for a group of packages: a file of the repository where it is one.
fn manifest(group: Group, list: &Path, repository: &Path) -> (String, Manifest) {
    let list = list.to_string_lossy();
    let name = group.name.unwrap_or_else(|| list.to_string());
    let is_there = !Path::new(&name).is_absolute() && repository.join(&name).is_file();
    let resolved = group.packages.into_iter().map(|(purl, package)| {
        let resolved = Resolved {
            package_url: purl.clone(),
            relationship: match package.is_direct {
                true => "direct",
                false => "indirect",
            },
            dependencies: package.needs,
        };
        (purl, resolved)
    });
    let manifest = Manifest {
        file: is_there.then(|| ManifestFile {
            source_location: name.clone(),
        }),
        resolved: resolved.collect(),
        name: name.clone(),
    };
    // Two lists may name the same file.
    (format!("{list}:{name}"), manifest)
}

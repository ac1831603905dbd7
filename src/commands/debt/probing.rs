//! The flags of everything that runs the repository's own code, and how it is run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use crate::context::Context;
use crate::debt::Debt;
use crate::error::Failure;
use crate::probe::{self, Limits, Probe, Settings};
use crate::project::Tree;
use crate::project::model::StepKind;
use crate::sys::fs::write_atomically;
use crate::sys::interrupt;
use crate::workflows::view::Job;

/// What a probe may use and what it runs.
#[derive(Debug, Clone, clap::Args)]
pub struct Flags {
    /// Run only steps of this kind: lint, format, type-check, migrations, test, coverage or build
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind)]
    pub step: Vec<StepKind>,

    /// Stop a step that runs longer than so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..=21_600))]
    pub time_limit: u64,

    /// Stop a step that uses more of the disk than so many GiB
    #[arg(long, value_name = "GIB", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub disk_limit: u64,

    /// Run the steps in containers of podman or docker, in the image of each job's language
    #[arg(long)]
    pub container: bool,

    /// Run them in containers of this image
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,

    /// Keep all that each step says, a file each, in this folder
    #[arg(long, value_name = "FOLDER")]
    pub keep: Option<PathBuf>,

    /// Hand this variable of the environment on to the steps, which get no other of yours
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub pass_env: Vec<String>,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            step: Vec::new(),
            time_limit: 900,
            disk_limit: 10,
            container: false,
            image: None,
            keep: None,
            pass_env: Vec::new(),
        }
    }
}

/// The kind of a step, as configuration and `detect` name it.
fn kind(word: &str) -> Result<StepKind, String> {
    serde_json::from_value(serde_json::Value::from(word)).map_err(|_| {
        "known are lint, format, type-check, migrations, test, coverage and build".to_owned()
    })
}

/// Runs the steps of jobs, and says so first.
///
/// # Errors
/// Where they cannot be run at all.
pub fn run(
    flags: &Flags,
    tree: &Tree,
    jobs: &[&Job],
    debts: &[Debt],
    only_debts: bool,
    context: &Context,
) -> Result<Probe> {
    // What runs is stopped, and what it left is taken away.
    interrupt::watch();
    context.ui.remark(
        "running code of this repository, in a copy of it and without your variables; docs/debt.md says what holds it",
    );
    let settings = Settings {
        limits: Limits {
            time: Duration::from_secs(flags.time_limit),
            disk: flags.disk_limit << 30,
        },
        variables: flags.pass_env.clone(),
        kinds: BTreeSet::from_iter(flags.step.iter().copied()),
        debts: debts.to_vec(),
        only_debts,
        in_containers: flags.container || flags.image.is_some(),
        image: flags.image.clone(),
    };
    let tell = |what: &str| context.ui.remark(&crate::sys::ui::escape_line(what));
    let probe = probe::probe(tree, jobs, &settings, &context.env, &tell)
        .map_err(|error| Failure::failed(format!("the steps cannot be run: {error}")))?;
    if let Some(folder) = &flags.keep {
        keep(&probe, folder)?;
    }
    Ok(probe)
}

/// Writes what each step said: `JOB-NUMBER-KIND.log`.
fn keep(probe: &Probe, folder: &Path) -> Result<()> {
    for job in &probe.jobs {
        for (at, step) in job.steps.iter().enumerate() {
            let kind = serde_json::to_value(step.kind)?;
            let kind = kind.as_str().unwrap_or("step");
            let name = format!("{}-{}-{kind}.log", job.id, at + 1);
            let text = format!("$ {}\n{}", step.command, step.output);
            write_atomically(folder, &name, &text).map_err(|error| {
                Failure::failed(format!("what the steps said cannot be kept: {error}"))
            })?;
        }
    }
    Ok(())
}

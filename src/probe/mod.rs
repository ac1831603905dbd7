//! What really happens: the steps of the workflows that are generated, run once in a
//! clean copy, and what each turned out to be: green, red in a way that can be frozen
//! as debt, or not to be proved on this machine.

pub mod cell;
mod copy;
mod engine;
pub mod reason;
pub mod services;
mod step;
mod toolchain;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde::Serialize;

pub use cell::{Cell, Limits};
use engine::Engine;
pub use reason::Reason;
pub use step::Said;

use crate::debt::{Comparison, Debt};
use crate::project::Tree;
use crate::project::model::StepKind;
use crate::sys::env::Env;
use crate::sys::process::ProcessError;
use crate::workflows::view::{Job, StepView};

/// What is probed, and under what limits.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The limits of each step.
    pub limits: Limits,
    /// Variables that steps get besides those of their job.
    pub variables: Vec<String>,
    /// Only steps of these kinds; all where empty.
    pub kinds: BTreeSet<StepKind>,
    /// What is frozen already.
    pub debts: Vec<Debt>,
    /// Only steps with debt, which are compared.
    pub only_debts: bool,
    /// Whether steps run in containers.
    pub in_containers: bool,
    /// The image of these containers; without it that of each job's language.
    pub image: Option<String>,
}

/// What a step turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Verdict {
    /// It passes.
    Green,
    /// It is red, and what it complains about is frozen.
    Frozen {
        /// The name of the debt.
        debt: String,
        /// How many complaints there are.
        complaints: u64,
    },
    /// It is red, and its tool froze what it complains about by its own means.
    FrozenByTool {
        /// The tool's file.
        file: String,
        /// How many complaints there are.
        complaints: u64,
    },
    /// It has debt from before, and is as it was.
    Unchanged {
        /// The name of the debt.
        debt: String,
        /// How many complaints there are.
        complaints: u64,
    },
    /// It has debt from before, and is not as it was.
    Changed {
        /// The name of the debt.
        debt: String,
        /// What differs.
        #[serde(flatten)]
        comparison: Comparison,
    },
    /// Nobody can say here whether it passes.
    Unproved {
        /// Why.
        why: String,
    },
}

/// A step that was run.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ProbedStep {
    /// Its name.
    pub name: String,
    /// What it proves.
    pub kind: StepKind,
    /// Its command.
    pub command: String,
    /// What it turned out to be.
    pub verdict: Verdict,
    /// How long it ran, in seconds.
    pub seconds: f64,
    /// Why it is red, where its words tell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// All that it said.
    #[serde(skip)]
    pub output: String,
    /// The end of what it said, where it is red.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub said: String,
    /// Whether two runs of it differed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub flaky: bool,
}

/// A job whose steps were run.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ProbedJob {
    /// Its id.
    pub id: String,
    /// Its folder.
    pub directory: String,
    /// How long its set-up and its install took, in seconds.
    pub install_seconds: f64,
    /// Why its steps could not be run; then there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    /// How long its installs alone took, in seconds, and how many bytes they left in the
    /// caches of package managers; nothing where there is none.
    #[serde(skip)]
    pub fetched: Option<(f64, u64)>,
    /// Variables that its steps needed, with values that did for them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub learned: BTreeMap<String, String>,
    /// What differs here from the runner.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<String>,
    /// Its steps.
    pub steps: Vec<ProbedStep>,
}

impl ProbedJob {
    /// One of which nothing is known yet.
    fn of(job: &Job) -> Self {
        Self {
            id: job.id.clone(),
            directory: job.directory.clone(),
            install_seconds: 0.0,
            fetched: None,
            learned: BTreeMap::new(),
            broken: None,
            differs: Vec::new(),
            steps: Vec::new(),
        }
    }
}

/// What a probe found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Probe {
    /// The jobs.
    pub jobs: Vec<ProbedJob>,
    /// What this machine cannot hold the repository's code to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<String>,
    /// The debts that are new.
    #[serde(skip)]
    pub debts: Vec<Debt>,
    /// Files in which tools froze their own debt, by path.
    #[serde(skip)]
    pub files: BTreeMap<String, String>,
    /// By the name of each debt that was compared, what is fixed is taken out.
    #[serde(skip)]
    pub pruned: Vec<Debt>,
}

impl Probe {
    /// Whether every step is green or frozen as it was.
    pub fn is_whole(&self) -> bool {
        self.jobs.iter().all(|job| {
            job.broken.is_none()
                && job.steps.iter().all(|step| {
                    !matches!(
                        step.verdict,
                        Verdict::Unproved { .. } | Verdict::Changed { .. }
                    )
                })
        })
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// There is no copy.
    #[error("the repository cannot be copied: {0}")]
    Copy(#[from] io::Error),
    /// There are no containers.
    #[error("{0}")]
    NoEngine(io::Error),
    /// Nothing can be started.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// Runs the steps of jobs in a clean copy; `tell` hears of each before it runs.
///
/// # Errors
/// Where there is no copy, nothing can be started, or somebody asked us to stop.
pub fn probe(
    tree: &Tree,
    jobs: &[&Job],
    settings: &Settings,
    env: &Env,
    tell: &dyn Fn(&str),
) -> Result<Probe, ProbeError> {
    let engine = match settings.in_containers {
        true => Some(Engine::find(env).map_err(ProbeError::NoEngine)?),
        false => None,
    };
    let mut cell = Cell::new(env, &settings.variables, settings.limits.clone(), engine)?;
    copy::copy(tree, env, &cell.tree())?;
    let mut probe = Probe {
        gaps: cell.gaps.iter().map(|gap| (*gap).to_owned()).collect(),
        ..Probe::default()
    };
    for job in jobs {
        let wanted = |step: &&StepView| {
            (settings.kinds.is_empty() || settings.kinds.contains(&step.kind))
                && (!settings.only_debts || step.debt.is_some())
        };
        let steps: Vec<&StepView> = job.steps.iter().filter(wanted).collect();
        if steps.is_empty() {
            continue;
        }
        if settings.in_containers {
            let image = settings.image.clone();
            let image = image.unwrap_or_else(|| engine::image(job));
            tell(&format!("{}: in the image {image}", job.id));
            if let Err(why) = cell.enter(&image) {
                probe.jobs.push(ProbedJob {
                    broken: Some(why),
                    ..ProbedJob::of(job)
                });
                continue;
            }
        }
        let probed = Running {
            cell: &cell,
            job,
            settings,
            env,
        }
        .run(&steps, &mut probe, tell)?;
        probe.jobs.push(probed);
    }
    Ok(probe)
}

/// A job on its way.
struct Running<'a> {
    cell: &'a Cell,
    job: &'a Job,
    settings: &'a Settings,
    env: &'a Env,
}

impl Running<'_> {
    fn run(
        &self,
        steps: &[&StepView],
        probe: &mut Probe,
        tell: &dyn Fn(&str),
    ) -> Result<ProbedJob, ProbeError> {
        let started = std::time::Instant::now();
        let mut probed = ProbedJob::of(self.job);
        tell(&format!("{}: install", self.job.id));
        // They run until the job is through.
        let mut servers = Vec::new();
        let mut ports = Vec::new();
        for service in &self.job.services {
            let usual = service
                .ports
                .split(':')
                .next()
                .and_then(|port| port.parse().ok());
            let started = services::start(&service.name, &service.env, self.env);
            let here = match started {
                Ok(server) => {
                    let port = server.port;
                    servers.push(server);
                    Some(port)
                }
                Err(why) => {
                    probed
                        .differs
                        .push(format!("there is no {} here: {why}", service.name));
                    None
                }
            };
            ports.extend(usual.map(|usual| (usual, here)));
        }
        let differs = toolchain::set_up(self.cell, self.job)?;
        probed.differs.extend(differs.sentences);
        let mut variables = toolchain::variables(self.cell, self.job);
        variables.extend(services::moved(&self.job.env, &ports));
        let before = self.cell.kept_at_home();
        let fetching = std::time::Instant::now();
        for block in &self.job.installs {
            let ran = self
                .cell
                .run(&block.lines.join("\n"), &block.directory, &variables)?;
            if !ran.passed() {
                let why = reason::install(&ran.output);
                probed.broken = Some(format!("`{}` failed: {why}", block.lines.join("; ")));
                probed.install_seconds = started.elapsed().as_secs_f64();
                return Ok(probed);
            }
        }
        if !self.job.installs.is_empty() {
            let bytes = self.cell.kept_at_home().saturating_sub(before);
            probed.fetched = Some((fetching.elapsed().as_secs_f64(), bytes));
        }
        probed.install_seconds = started.elapsed().as_secs_f64();
        for step in steps {
            tell(&format!("{}: {}", self.job.id, step.name));
            let mut own = variables.clone();
            own.extend(services::moved(&step.env, &ports));
            let step = step::Step {
                cell: self.cell,
                job: self.job,
                step,
                variables: own,
                settings: self.settings,
                other_version: differs.version.as_deref(),
            };
            let (step, learned) = step.probe_and_learn(probe)?;
            variables.extend(learned.clone());
            probed.learned.extend(learned);
            probed.steps.push(step);
        }
        Ok(probed)
    }
}

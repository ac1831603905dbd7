//! `ci-tool generate`.

mod settings;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;

use self::settings::settings;
use super::debt::probing::{self, Flags};
use super::deploy::sketch;
use super::proposal::{self, Outcome, Proposal};
use super::template::source::Source;
use crate::config::{self, Loaded};
use crate::context::Context;
use crate::debt::measured::{self, Measured};
use crate::error::{Exit, Failure};
use crate::probe::Probe;
use crate::project::model::Project;
use crate::report;
use crate::report::plan::Mode;
use crate::sys::fs::{self, WriteError};
use crate::workflows::catalog::Kind;
use crate::workflows::plan::{Current, Plan, PlanError, PlannedFile, Status};
use crate::workflows::view::View;
use crate::workflows::{Catalog, Settings, explain, house, plan};

/// Write the workflows that a repository lacks.
///
/// Fits the templates to what `ci-tool detect` finds: a step is written only
/// where a file of the repository shows that it can work, and what is missing is
/// said. A file that was edited since it was generated is joined with the new
/// version, and what a person wrote stays; `.github/ci-tool.lock` records what was
/// generated. A file that somebody else wrote is left alone.
///
/// Exit code 0: everything is there. 1: `--check` found something missing or out
/// of date, an edit and the new version cannot be joined, or a file of another's
/// stands in the way. 2: wrong usage or
/// configuration. 3: it could not be done.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The repository's folder
    #[arg(default_value = ".")]
    pub path: PathBuf,

    /// Only these templates, separated by commas (backend-ci, frontend-ci, security-scan, deploy, dependabot, database-backup, uptime, sync-repositories, keep-up-to-date, gitlab-ci)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,

    /// What to generate for; `generate.target` of the configuration without it, else github
    #[arg(long, value_name = "TARGET")]
    pub target: Option<TargetName>,

    /// Print the plan and the differences; write nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Exit with 1 if something is missing or out of date; write nothing
    #[arg(long, conflicts_with_all = ["dry_run", "force"])]
    pub check: bool,

    /// Put what would be written into a pull request from this branch, and write nothing here
    #[arg(long, value_name = "BRANCH", num_args = 0..=1, require_equals = true, default_missing_value = BRANCH, conflicts_with_all = ["dry_run", "check", "explain"])]
    pub pr: Option<String>,

    /// Replace files of others and edited files too; a copy is kept
    #[arg(long)]
    pub force: bool,

    /// This file, which could not be joined, now holds what it should of the new version
    #[arg(long, value_name = "FILE", conflicts_with = "force")]
    pub resolved: Vec<String>,

    /// Say why a line of a generated file is there, and write nothing
    #[arg(long, value_name = "FILE:LINE", conflicts_with_all = ["dry_run", "check", "force", "resolved"])]
    pub explain: Option<String>,

    /// Run the steps first, in a clean copy, which executes the repository's code: what is red is frozen as debt, so that the workflows are green and get no worse
    #[arg(long, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "host", conflicts_with_all = ["check", "explain"])]
    pub probe: Option<Where>,

    /// What a probe may use and what it runs
    #[command(flatten)]
    pub probing: Flags,

    /// Templates of your own: a folder, or git+ADDRESS@COMMIT#FOLDER; beats the configuration
    #[arg(long, value_name = "SOURCE")]
    pub templates: Vec<String>,

    /// The form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// The branch of the pull request, where none is named.
pub(super) const BRANCH: &str = "ci-tool/generate";

/// What files are generated for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TargetName {
    /// GitHub.
    Github,
    /// GitLab.
    Gitlab,
    /// Both.
    All,
}

/// Where a probe runs the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Where {
    /// On this machine, in a copy.
    Host,
    /// In containers, as `--container`.
    Container,
}

/// The forms of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs; docs/reference/plan.md describes it.
    Json,
    /// For a job summary or a pull request.
    Markdown,
}

impl Args {
    /// For one template, whatever its target, of which nothing is written.
    pub(super) fn only(template: &str, path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            only: vec![template.to_owned()],
            target: Some(TargetName::All),
            dry_run: true,
            check: false,
            pr: None,
            force: false,
            resolved: Vec::new(),
            explain: None,
            probe: None,
            probing: Flags::default(),
            templates: Vec::new(),
            format: Format::Text,
        }
    }
}

/// The text of one template filled in.
///
/// # Errors
/// As [`run`], and where the template does not apply.
pub(super) fn rendered(args: &Args, template: &str, context: &Context) -> Result<String> {
    let plan = make_plan(args, context)?.plan;
    let file = plan.files.into_iter().next();
    let text = file.as_ref().and_then(|file| file.generated.as_ref());
    match (text, file.as_ref()) {
        (Some(rendered), _) => Ok(rendered.text.clone()),
        (None, Some(file)) => {
            Err(Failure::failed(format!("`{template}` gives nothing here: {}", file.reason)).into())
        }
        (None, None) => Err(Failure::usage(format!("there is no template `{template}`")).into()),
    }
}

/// Plans, and writes unless it is only asked.
///
/// # Errors
/// Where the repository cannot be read, a template is broken, or a file cannot
/// be written.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    if let Some(place) = &args.explain {
        return explain_line(args, place, context);
    }
    let carried = carry_out(args, context)?;
    context.ui.result(&render(&carried, args.format)?)?;
    if let Some(branch) = &args.pr {
        let outcome = propose(args, branch, &carried, context)?;
        context.ui.remark(&outcome.sentence(branch));
        if matches!(outcome, Outcome::Theirs { .. }) {
            return Ok(Exit::No);
        }
    }
    Ok(answer(&carried))
}

/// Puts what the plan would write into a pull request.
///
/// # Errors
/// As [`proposal::propose`].
pub(super) fn propose(
    args: &Args,
    branch: &str,
    carried: &Carried,
    context: &Context,
) -> Result<Outcome> {
    let plan = &carried.plan;
    let files = plan.files.iter().filter(|file| file.status.writes());
    let files = files.filter_map(|file| Some((file.path.clone(), Some(file.content.clone()?))));
    let mut files: Vec<(String, Option<String>)> = files.collect();
    if plan.lock.changes {
        files.push((plan.lock.path.clone(), Some(plan.lock.content.clone())));
    }
    files.extend(
        carried
            .beside()
            .into_iter()
            .map(|(path, text)| (path, Some(text))),
    );
    let proposal = Proposal {
        branch,
        title: "Delivery workflows, up to date",
        text: render(carried, Format::Markdown)?,
        files,
    };
    proposal::propose(&args.path, proposal, context)
}

/// Plans and writes; printing is the caller's.
///
/// # Errors
/// As [`run`].
pub(super) fn carry_out(args: &Args, context: &Context) -> Result<Carried> {
    let mut planning = make_plan(args, context)?;
    let probe = match args.probe {
        Some(place) => Some(probe(args, place, &mut planning, context)?),
        None => None,
    };
    let first_config = first_config(&planning, args, context)?;
    let measured = probe.is_some().then(|| planning.settings.measured.clone());
    let plan = planning.plan;
    for path in &args.resolved {
        if !plan
            .files
            .iter()
            .any(|file| file.path == *path && file.status == Status::Merge)
        {
            return Err(
                Failure::usage(format!("there is no conflict in {path} to resolve"))
                    .hint("name the file as the plan does, from the repository's root")
                    .into(),
            );
        }
    }
    let mode = if args.check {
        Mode::Check
    } else if args.dry_run {
        Mode::DryRun
    } else if args.pr.is_some() {
        Mode::Proposed
    } else {
        Mode::Written
    };
    let carried = Carried {
        plan,
        mode,
        probe,
        measured: measured.filter(|measured| !measured.jobs.is_empty()),
        first_config,
    };
    if mode == Mode::Written {
        // First: a workflow that lets a step fail without its debt lets it fail for ever.
        for (path, text) in carried.beside() {
            fs::write_atomically(&args.path, &path, &text).map_err(|error| cannot_write(&error))?;
        }
        write(&args.path, &carried.plan, context)?;
    }
    Ok(carried)
}

/// What was planned, and what became of it.
pub(super) struct Carried {
    /// The plan.
    pub(super) plan: Plan,
    /// What became of it.
    pub(super) mode: Mode,
    /// What the steps really do, where they were run.
    pub(super) probe: Option<Probe>,
    /// What a probe measured, with what was known before.
    measured: Option<Measured>,
    /// The text of a configuration that says what is deployed where, where there is none.
    first_config: Option<String>,
}

impl Carried {
    /// What is written beside workflows, with its text: the files of new debts, and a first
    /// configuration.
    pub(super) fn beside(&self) -> Vec<(String, String)> {
        let config = self.first_config.iter();
        let mut files: Vec<(String, String)> = config
            .map(|text| (config::USUAL_PLACE.to_owned(), text.clone()))
            .collect();
        if let Some(probe) = &self.probe {
            files.extend(probe.debts.iter().map(|debt| (debt.path(), debt.text())));
            files.extend(probe.files.clone());
        }
        if let Some(measured) = &self.measured {
            files.push((measured::FILE.to_owned(), measured.text()));
        }
        files
    }
}

/// Runs the steps that the plan has, and plans again with what they complain about.
fn probe(args: &Args, place: Where, planning: &mut Planning, context: &Context) -> Result<Probe> {
    let proved: BTreeSet<&str> = planning
        .plan
        .files
        .iter()
        .flat_map(|file| file.components.iter().map(String::as_str))
        .collect();
    let view = View::new(&planning.project, &planning.settings, &BTreeSet::new());
    let jobs = view.backends.iter().chain(&view.frontends);
    let jobs: Vec<_> = jobs
        .filter(|job| proved.contains(job.title.as_str()))
        .collect();
    let (tree, _) = context.tree(&args.path)?;
    let debts = planning.settings.debts.clone();
    let mut flags = args.probing.clone();
    flags.container |= place == Where::Container;
    let probe = probing::run(&flags, &tree, &jobs, &debts, false, context)?;
    planning.settings.debts.extend(probe.debts.iter().cloned());
    if args.probing.step.is_empty() {
        let loaded = context.config(&args.path)?;
        settings::learn(&mut planning.settings, &probe, &loaded);
    }
    planning.plan_again(&args.path)?;
    Ok(probe)
}

/// A workflow that deploys fails until it is said what is deployed where: a first
/// configuration that says what is known of it, where there is no configuration at all.
fn first_config(planning: &Planning, args: &Args, context: &Context) -> Result<Option<String>> {
    let mut files = planning.plan.files.iter();
    if args.check || !files.any(|file| file.template == "deploy" && file.status.writes()) {
        return Ok(None);
    }
    let loaded = context.config(&args.path)?;
    if !loaded.config.deploy.services.is_empty() {
        return Ok(None);
    }
    let needs = "the workflow `deploy` needs to know what is deployed where";
    if loaded.path.is_some() {
        context.ui.warning(&format!("{needs}: `ci-tool config sketch` prints a `deploy:` for .github/ci-tool.yml to begin with"));
        return Ok(None);
    }
    let is = if args.dry_run { "would be" } else { "is" };
    context.ui.warning(&format!(
        "{needs}: write what is in capitals in {}, which {is} new",
        config::USUAL_PLACE
    ));
    Ok(Some(sketch::of(&planning.project, &loaded)))
}

/// Every template: ci-tool's, then those of the configuration, then those that
/// were given.
pub(super) fn catalog(
    root: &Path,
    given: &[String],
    loaded: &Loaded,
    context: &Context,
) -> Result<Catalog> {
    let broken = |error| failure(PlanError::Template(vec![error]));
    let mut catalog = Catalog::built_in().map_err(broken)?;
    let mut sources: Vec<Source> = Vec::new();
    for source in &loaded.config.generate.templates {
        sources.push(Source::configured(root, source)?);
    }
    for text in given {
        sources.push(Source::given(text)?);
    }
    for source in sources {
        let files = source.read(context)?;
        let overridden = catalog.add(&source.name, &files).map_err(broken)?;
        for name in overridden {
            context
                .ui
                .remark(&format!("`{name}` is that of {}", source.name));
        }
    }
    Ok(catalog)
}

/// The project and what is decided about its workflows, without anything that a command
/// line says.
pub(super) fn project_and_settings(root: &Path, context: &Context) -> Result<(Project, Settings)> {
    let mut args = Args::only("", root);
    args.only.clear();
    let (project, loaded) = context.detect(root)?;
    let settings = settings(&args, context, &project, &loaded)?;
    Ok((project, settings))
}

/// A plan with what it was made of.
struct Planning {
    catalog: Catalog,
    project: Project,
    settings: Settings,
    plan: Plan,
}

impl Planning {
    fn plan_again(&mut self, root: &Path) -> Result<()> {
        let current = |path: &str| current(root, path);
        self.plan =
            plan(&self.catalog, &self.project, &self.settings, &current).map_err(failure)?;
        Ok(())
    }
}

fn make_plan(args: &Args, context: &Context) -> Result<Planning> {
    let started = std::time::Instant::now();
    let loaded = if args.path.is_dir() {
        context.config(&args.path)?
    } else {
        Loaded::default()
    };
    let mut catalog = catalog(&args.path, &args.templates, &loaded, context)?;
    // `--only a b` reads b as the folder.
    let is_template = catalog.names().any(|name| args.path.as_os_str() == name);
    if is_template && !args.path.exists() {
        let name = args.path.display();
        return Err(Failure::usage(format!("there is no folder `{name}`"))
            .hint(format!(
                "several templates are separated by commas: --only backend-ci,{name}"
            ))
            .into());
    }
    let (project, loaded) = context.detect(&args.path)?;
    tracing::info!(
        microseconds = started.elapsed().as_micros() as u64,
        "detected"
    );
    let settings = settings(args, context, &project, &loaded)?;
    for template in &mut catalog.templates {
        if template.manifest.kind == Kind::Gitlab {
            template.manifest.file.clone_from(&settings.gitlab.file);
        }
        let is_asked_for = args.only.contains(&template.name);
        if is_asked_for && !settings.target.includes(template.manifest.kind) {
            return Err(Failure::usage(format!(
                "the template `{}` is for another target",
                template.name
            ))
            .hint("add `--target all`, or `--target` with its own: github or gitlab")
            .into());
        }
    }
    let plan = plan(&catalog, &project, &settings, &|path| {
        current(&args.path, path)
    })
    .map_err(failure)?;
    tracing::info!(
        microseconds = started.elapsed().as_micros() as u64,
        "planned"
    );
    Ok(Planning {
        catalog,
        project,
        settings,
        plan,
    })
}

/// Says why one line of a generated file is there.
fn explain_line(args: &Args, place: &str, context: &Context) -> Result<Exit> {
    let parsed = place.rsplit_once(':').and_then(|(file, line)| {
        Some((file, line.parse::<usize>().ok().filter(|line| *line > 0)?))
    });
    let Some((path, line)) = parsed else {
        return Err(Failure::usage(format!("`{place}` is no FILE:LINE"))
            .hint("for example --explain .github/workflows/backend-ci.yml:42")
            .into());
    };
    let Planning {
        catalog,
        project,
        plan,
        ..
    } = make_plan(args, context)?;
    let path = path.strip_prefix("./").unwrap_or(path);
    let Some(file) = plan.files.iter().find(|file| file.path == path) else {
        let known: Vec<&str> = plan.files.iter().map(|file| file.path.as_str()).collect();
        return Err(
            Failure::usage(format!("{path} is no file that is generated here"))
                .hint(format!("these are: {}", known.join(", ")))
                .into(),
        );
    };
    let explanation = explain::line(&catalog, &project, file, line).map_err(Failure::usage)?;
    context.ui.result(&match args.format {
        Format::Json => report::json(&explanation)?,
        Format::Text | Format::Markdown => report::explanation::text(&explanation),
    })?;
    Ok(Exit::Yes)
}

/// The plan in the form that was asked for.
pub(super) fn render(carried: &Carried, format: Format) -> Result<String> {
    let (plan, mode) = (&carried.plan, carried.mode);
    let probe = carried.probe.as_ref();
    Ok(match format {
        Format::Text => {
            probe.map(report::probe::text).unwrap_or_default() + &report::plan::text(plan, mode)
        }
        Format::Markdown => {
            probe.map(report::probe::markdown).unwrap_or_default()
                + &report::plan::markdown(plan, mode)
        }
        Format::Json => report::plan::json(plan, mode, probe)?,
    })
}

/// Whether what should be there is there.
pub(super) fn answer(carried: &Carried) -> Exit {
    let is_no = |file: &PlannedFile| match carried.mode {
        Mode::Check => file.status.is_drift(),
        // What should be there and is not: somebody's file has its name, or
        // somebody's edit its place.
        Mode::Written | Mode::Proposed => {
            matches!(file.status, Status::Foreign | Status::Conflict)
        }
        Mode::DryRun => file.status == Status::Conflict,
    };
    let is_unproved = carried
        .probe
        .as_ref()
        .is_some_and(|probe| !probe.is_whole());
    if is_unproved || carried.plan.files.iter().any(is_no) {
        Exit::No
    } else {
        Exit::Yes
    }
}

fn current(root: &Path, path: &str) -> Current {
    let file = root.join(path);
    match std::fs::symlink_metadata(&file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Current::Missing,
        Err(error) => return Current::Unreadable(error.to_string()),
        Ok(found) if !found.is_file() => {
            return Current::Unreadable("it is not a regular file".to_owned());
        }
        Ok(found) if found.len() > crate::project::tree::MAX_FILE_BYTES => {
            return Current::Unreadable("it is too large to be a workflow".to_owned());
        }
        Ok(_) => {}
    }
    match std::fs::read(&file).map(String::from_utf8) {
        Ok(Ok(text)) => Current::Text(text),
        Ok(Err(_)) => Current::Unreadable("it is not UTF-8".to_owned()),
        Err(error) => Current::Unreadable(error.to_string()),
    }
}

fn failure(error: PlanError) -> anyhow::Error {
    match &error {
        PlanError::Unknown { .. } | PlanError::Lock(_) => Failure::usage(error.to_string()).into(),
        PlanError::Template(errors) if errors.iter().all(|error| error.path == house::SOURCE) => {
            Failure::usage(format!(
                "what `generate.jobs` asks for is not sound, nothing was written\n{error}"
            ))
            .into()
        }
        PlanError::Template(_) => Failure::failed(format!(
            "a template is broken, nothing was written\n{error}"
        ))
        .into(),
    }
}

fn write(root: &Path, plan: &Plan, context: &Context) -> Result<()> {
    for file in plan.files.iter().filter(|file| file.status.writes()) {
        let Some(content) = &file.content else {
            continue;
        };
        if file.status == Status::Overwrite {
            let copy = fs::keep_copy(root, &file.path).map_err(|error| cannot_write(&error))?;
            context
                .ui
                .remark(&format!("the old {} is kept as {copy}", file.path));
        }
        fs::write_atomically(root, &file.path, content).map_err(|error| cannot_write(&error))?;
        tracing::info!(path = file.path, "written");
    }
    // Last, so that a run that is cut short records nothing that is not there.
    if plan.lock.changes {
        fs::write_atomically(root, &plan.lock.path, &plan.lock.content)
            .map_err(|error| cannot_write(&error))?;
    }
    Ok(())
}

pub(super) fn cannot_write(error: &WriteError) -> anyhow::Error {
    let mut message = error.to_string();
    if let Some(source) = std::error::Error::source(error) {
        message.push_str(&format!(": {source}"));
    }
    let failure = Failure::failed(message);
    match error.hint() {
        Some(hint) => failure.hint(hint).into(),
        None => failure.into(),
    }
}

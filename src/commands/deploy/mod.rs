//! `ci-tool deploy`.

mod migrations;
mod notice;
mod place;
pub(super) mod plan;
mod record;
mod required;
mod revision;
pub(super) mod sketch;
mod world;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::ValueEnum;

use self::place::{journal_place, lock, read};
use self::plan::{Prepared, prepare};
use self::record::Record;
use self::revision::commit;
use self::world::Real;
use super::secrets;
use crate::config::deploy::{Deploy, MigrationsName};
use crate::context::Context;
use crate::deploy::Plan;
use crate::deploy::journal::{Journal, Phase, Step};
use crate::deploy::platform::Release;
use crate::deploy::saga::{End, Saga};
use crate::error::{Exit, Failure};
use crate::forge::reach;
use crate::forge::web::Web;
use crate::report::deploy::{Deployment, outcome};
use crate::report::{self};
use crate::sys::ui::escape_line;
use crate::sys::{clock, interrupt};

/// Bring all services to an environment, or leave them as they were.
///
/// Looks first at everything that can be known before anything changes; prepares what can be
/// prepared without traffic; moves the traffic in the order of what needs what, each service
/// behind its health checks; watches all of them for a while. Where anything fails, or
/// somebody asks to stop, everything is taken back in reverse order, and each service is seen
/// on its old release before it counts. A journal makes each step known to the next run.
///
/// Exit code 0: all services are live and healthy (with --rollback: are as before). 1: it
/// failed, and everything is as it was before. 2: wrong usage or configuration. 3: it could
/// not be begun, or not be taken back; the answer names what.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The environment, as `deploy.environments` of the configuration names it
    pub environment: String,

    /// The repository's folder
    #[arg(default_value = ".")]
    pub path: PathBuf,

    /// The commit, or a name for it [default: that of the job, else HEAD]
    #[arg(long, value_name = "REVISION")]
    pub commit: Option<String>,

    /// Look at everything, change nothing, and tell what would be done
    #[arg(long)]
    pub dry_run: bool,

    /// Tell how the last deployment ended and what is live; change nothing
    #[arg(long, conflicts_with = "dry_run")]
    pub status: bool,

    /// Go on with a deployment that was interrupted
    #[arg(long, conflicts_with_all = ["dry_run", "status", "commit"])]
    pub resume: bool,

    /// Take a deployment back: one that was interrupted, if there is one, or the last
    #[arg(long, value_name = "WHICH", conflicts_with_all = ["dry_run", "status", "resume", "commit"])]
    pub rollback: Option<Which>,

    /// With --rollback last: go back to this release instead of the one before; also where
    /// the deployment was made on another machine
    #[arg(long, value_name = "SERVICE=RELEASE", requires = "rollback", value_parser = release)]
    pub to: Vec<(String, String)>,

    /// Put the journal of a deployment aside that could not be taken back and was mended by
    /// hand
    #[arg(long, conflicts_with_all = ["dry_run", "status", "resume", "rollback", "commit"])]
    pub forget: bool,

    /// The file that remembers what was done [default: in .git of the repository]
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,

    /// The form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// Which deployment is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// One that was interrupted; without one nothing is done.
    Unfinished,
    /// The last one, also if it ended well.
    Last,
}

/// The forms of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs; docs/deploy.schema.json describes it.
    Json,
    /// For a job's summary.
    Markdown,
}

fn release(text: &str) -> Result<(String, String), String> {
    let (service, release) = text
        .split_once('=')
        .filter(|(service, release)| !service.is_empty() && !release.is_empty())
        .ok_or("it has the form SERVICE=RELEASE")?;
    Ok((service.to_owned(), release.to_owned()))
}

/// What a deployment came to.
#[derive(Debug)]
pub struct Answer {
    /// The exit code.
    pub exit: Exit,
    /// The deployment.
    pub told: Deployment,
    /// Whether something was changed.
    pub is_changed: bool,
}

/// Deploys, and tells what came of it.
///
/// # Errors
/// Where it cannot be begun.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let Some(answer) = carry_out(args, context)? else {
        return Ok(Exit::Yes);
    };
    context.ui.result(&render(&answer.told, args.format)?)?;
    Ok(answer.exit)
}

/// A deployment in the form that was asked for.
///
/// # Errors
/// Never: nothing in it has keys that are no texts.
pub(super) fn render(told: &Deployment, format: Format) -> Result<String> {
    Ok(match format {
        Format::Text => report::deploy::text(told),
        Format::Json => report::json(told)?,
        Format::Markdown => report::deploy::markdown(told),
    })
}

/// Deploys without printing the answer; nothing where nothing was to be done.
///
/// # Errors
/// As [`run`].
pub fn carry_out(args: &Args, context: &Context) -> Result<Option<Answer>> {
    let config = context.config(&args.path)?.config.deploy;
    // Wrong names are told before anything else.
    plan::environment(&config, &args.environment)?;
    let place = journal_place(args)?;
    let is_looking = args.status || args.dry_run;
    let _lock = (!is_looking).then(|| lock(&place)).transpose()?;
    let saved = read(&place.0.join(&place.1))?;
    if args.forget {
        return forget(&place, saved.as_ref(), context);
    }
    let goes_on = args.resume || args.rollback.is_some() || args.status;
    let commit = match (&saved, goes_on) {
        (Some(saved), true) => saved.commit.clone(),
        (None, true) if !args.status && args.rollback != Some(Which::Last) => {
            context.ui.remark(&format!(
                "no deployment to `{}` is on record here",
                escape_line(&args.environment)
            ));
            return Ok(None);
        }
        _ => commit(args, &config.environments[&args.environment], context)?,
    };
    let prepared = prepare(&config, &args.environment, commit, &args.path, &context.env)?;
    let unset = match goes_on {
        true => Vec::new(),
        false => unset(&prepared, &config, args, context)?,
    };
    let Prepared {
        plan,
        platforms,
        checks,
    } = prepared;
    if is_looking {
        interrupt::watch();
    } else {
        interrupt::watch_to_the_end();
    }
    let world = Real {
        ui: context.ui,
        platforms,
        checks,
        web: Web::new().map_err(|error| Failure::failed(error.to_string()))?,
        started: Instant::now(),
        journal: place,
    };
    let earlier = saved.clone();
    let journal = match (saved, goes_on) {
        (Some(saved), true) => saved,
        // What is live is told all the same.
        (None, true) if args.status => Journal::new(&plan, String::new(), clock::now()),
        (None, true) if !args.to.is_empty() => of_others(&plan, args, &world)?,
        (None, true) => {
            return Err(
                Failure::usage("no deployment is on record here that could be taken back")
                    .hint("`--journal FILE` names the file that remembers it; without one, `--to SERVICE=RELEASE` says where to go back to")
                    .into(),
            );
        }
        (saved, false) => {
            if let Some(saved) = saved.filter(|saved| !saved.phase.is_over() && !args.dry_run) {
                return Err(unfinished(&saved));
            }
            let started = clock::now();
            Journal::new(&plan, name(started, &plan.commit), started)
        }
    };
    same_services(&journal, &plan)?;
    if args.status {
        let is_on_record = earlier.is_some();
        return status(journal, is_on_record, &plan, &world).map(Some);
    }
    let phase = journal.phase;
    let has_work = !(goes_on && phase.is_over() && args.rollback != Some(Which::Last));
    let record = (config.record && has_work && !args.dry_run)
        .then(|| {
            Record::begin(
                &journal,
                plan::url(&config, &args.environment, &plan),
                context,
            )
        })
        .transpose()?;
    let was_good = args.rollback.is_some() && phase == Phase::Deployed;
    let restored = args
        .to
        .is_empty()
        .then(|| commit_before(&journal))
        .flatten();
    let policy = config.environments[&args.environment].migrations;
    let policy = policy.unwrap_or(MigrationsName::Warn);
    let risks =
        |live: &[String]| migrations::pending(args, policy, earlier.as_ref(), live, context);
    let answer = carry_on(
        args,
        journal,
        &plan,
        &world,
        &Before {
            policy,
            risks: &risks,
            checks: &config.environments[&args.environment].checks,
            database: config.environments[&args.environment].database.as_deref(),
        },
        unset,
        context,
    );
    let told = answer.as_ref().ok().and_then(Option::as_ref);
    let told = told.map(|answer| &answer.told);
    if let Some(record) = record {
        let end = record::End {
            told,
            was_good,
            restored: restored.as_deref(),
        };
        record.end(&end, context);
    }
    if let Some(told) = told.filter(|_| has_work && !args.dry_run) {
        notice::send(&config.notify, told, context);
    }
    answer
}

/// The commit that was live before, as far as the platforms tell: some know images alone.
fn commit_before(journal: &Journal) -> Option<String> {
    let is_commit = |origin: &&String| {
        origin.len() == 40 && origin.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let services = journal.services.iter();
    let origins = services.filter_map(|entry| entry.before.as_ref()?.origin.as_ref());
    let mut commits = origins.filter(is_commit);
    let first = commits.next()?;
    commits.all(|one| one == first).then(|| first.clone())
}

/// What a release would do that going back does not undo, by the names of what is live.
type Risks<'r> = &'r dyn Fn(&[String]) -> Result<Vec<String>>;

/// What is looked at before anything changes.
struct Before<'b> {
    policy: MigrationsName,
    risks: Risks<'b>,
    checks: &'b [String],
    /// The variable that holds the address of the database.
    database: Option<&'b str>,
}

/// Deploys, goes on, or takes back.
fn carry_on(
    args: &Args,
    journal: Journal,
    plan: &Plan,
    world: &Real,
    look: &Before<'_>,
    unset: Vec<String>,
    context: &Context,
) -> Result<Option<Answer>> {
    if let Some(which) = args.rollback {
        return rollback(journal, which, args, plan, world);
    }
    let phase = journal.phase;
    let mut saga = Saga::new(world, plan, journal);
    if args.resume {
        return resume(saga, phase);
    }
    if let Some(variable) = look.database {
        reached(variable, context)?;
    }
    let mut remarks: Vec<String> = without_checks(world, plan)
        .chain(unset)
        .chain(saga.preflight().map_err(|wrong| {
            Failure::failed(wrong.join("; "))
                .hint("nothing was changed; docs/deploy.md says what a deployment needs")
        })?)
        .collect();
    let before = saga.journal().services.iter();
    let before = before.filter_map(|entry| entry.before.as_ref()?.origin.clone());
    let risks = (look.risks)(&before.collect::<Vec<_>>())?;
    let mut against = required::unmet(look.checks, &plan.commit, context)?;
    if look.policy == MigrationsName::Refuse {
        against.extend(risks);
    } else {
        remarks.extend(risks);
    }
    if !against.is_empty() {
        let mut told = Deployment::new(saga.journal(), "refused", remarks);
        told.reason = Some(against.join("; "));
        return Ok(Some(Answer {
            exit: Exit::No,
            told,
            is_changed: false,
        }));
    }
    if args.dry_run {
        return Ok(Some(Answer {
            exit: Exit::Yes,
            told: Deployment::new(saga.journal(), "planned", remarks),
            is_changed: false,
        }));
    }
    for remark in &remarks {
        context.ui.warning(&escape_line(remark));
    }
    let (end, journal) = saga.run();
    Ok(Some(ended(end, &journal, remarks)))
}

/// Sees to it that the database answers.
fn reached(variable: &str, context: &Context) -> Result<()> {
    let address = context.env.get(variable).ok_or_else(|| {
        Failure::usage(format!(
            "the variable {variable}, which holds the address of the database, is not set"
        ))
        .hint("a job has a secret only where its `env` gives it")
    })?;
    reach::database(address.trim()).map_err(|why| {
        let message = format!("the database of {variable}: {}", escape_line(&why));
        let hint = "nothing was changed; `database` in `deploy.environments` asks for it, and is for a database that this machine can reach";
        Failure::failed(message).hint(hint).into()
    })
}

/// A deployment that was made elsewhere, as far as the platforms know it: what is live is to
/// give way to the releases of `--to`.
fn of_others(plan: &Plan, args: &Args, world: &Real) -> Result<Journal> {
    use crate::deploy::World as _;
    let started = clock::now();
    let mut journal = Journal::new(plan, name(started, &plan.commit), started);
    for entry in &mut journal.services {
        if !args.to.iter().any(|(service, _)| *service == entry.name) {
            continue;
        }
        let live = world.platform(&entry.name).live();
        let live = live
            .map_err(|trouble| Failure::failed(format!("{}: {}", entry.name, trouble.message)))?;
        entry.release = live.map(|live| live.id);
    }
    Ok(journal)
}

/// Variables that the code needs to start and its platform has not.
fn unset(
    prepared: &Prepared,
    config: &Deploy,
    args: &Args,
    context: &Context,
) -> Result<Vec<String>> {
    let (project, _) = context.detect(&args.path)?;
    let mut told = Vec::new();
    for service in &prepared.plan.services {
        let name = &service.name;
        match secrets::set(prepared, name) {
            Ok(None) => {}
            Ok(Some(set)) => {
                let missing = secrets::missing(&project, config, name, &set);
                told.extend(missing.into_iter().map(|one| {
                    format!(
                        "{name}: {} is not set, and {} does not start without it",
                        one.name, one.place
                    )
                }));
            }
            // The token may be one that deploys and reads nothing.
            Err(why) => tracing::info!("{name}: what is set is not known: {why}"),
        }
    }
    Ok(told)
}

/// Services that nothing is asked of.
fn without_checks<'p>(world: &'p Real, plan: &'p Plan) -> impl Iterator<Item = String> + use<'p> {
    let has_none = |name: &str| world.checks.get(name).is_none_or(Vec::is_empty);
    plan.services
        .iter()
        .map(|service| &service.name)
        .filter(move |name| has_none(name))
        .map(|name| {
            format!("{name}: has no health check, so that whatever is live counts as healthy")
        })
}

fn ended(end: End, journal: &Journal, remarks: Vec<String>) -> Answer {
    Answer {
        exit: match end {
            End::Deployed => Exit::Yes,
            End::Unchanged | End::RolledBack => Exit::No,
            End::Stuck => Exit::Failed,
        },
        told: Deployment::new(journal, outcome(end), remarks),
        is_changed: end != End::Unchanged,
    }
}

/// Tells what is on record and what is live.
fn status(journal: Journal, is_on_record: bool, plan: &Plan, world: &Real) -> Result<Answer> {
    use crate::deploy::World as _;
    let mut remarks = Vec::new();
    for service in &plan.services {
        let live = world.platform(&service.name).live();
        let live = live
            .map_err(|trouble| Failure::failed(format!("{}: {}", service.name, trouble.message)))?;
        let live = live.map_or_else(
            || "nothing".to_owned(),
            |live| format!("release {}", live.id),
        );
        let health = match world.healthy(&service.name, None) {
            Ok(()) => "healthy".to_owned(),
            Err(why) => format!("not healthy: {why}"),
        };
        remarks.push(format!("{}: {live} is live, {health}", service.name));
    }
    let (word, exit) = match (is_on_record, journal.phase) {
        (false, _) => ("unknown", Exit::Yes),
        (true, phase) if phase.is_over() => (phase.as_str(), Exit::Yes),
        (true, phase) => (phase.as_str(), Exit::No),
    };
    Ok(Answer {
        exit,
        told: Deployment::new(&journal, word, remarks),
        is_changed: false,
    })
}

fn resume(saga: Saga<'_>, phase: Phase) -> Result<Option<Answer>> {
    let (end, journal) = match phase {
        Phase::Releasing => saga.run(),
        Phase::Undoing | Phase::Stuck => saga.take_back(false),
        Phase::Deployed => (End::Deployed, saga.journal().clone()),
        Phase::RolledBack => (End::RolledBack, saga.journal().clone()),
    };
    Ok(Some(ended(end, &journal, Vec::new())))
}

fn rollback(
    mut journal: Journal,
    which: Which,
    args: &Args,
    plan: &Plan,
    world: &Real,
) -> Result<Option<Answer>> {
    use crate::deploy::World as _;
    let is_over = journal.phase.is_over();
    if which == Which::Unfinished && is_over {
        world.tell(
            None,
            "no deployment was interrupted, so there is nothing to take back",
        );
        return Ok(None);
    }
    if journal.phase == Phase::RolledBack && args.to.is_empty() {
        world.tell(None, "the last deployment is taken back already");
        return Ok(None);
    }
    for (service, release) in &args.to {
        let entry = journal
            .services
            .iter_mut()
            .find(|entry| entry.name == *service);
        let entry = entry.ok_or_else(|| {
            Failure::usage(format!("`--to` names `{service}`, which was not deployed"))
        })?;
        entry.before = Some(Release {
            id: release.clone(),
            origin: None,
        });
        entry.step = Step::Live;
        // Whoever names a release means one that works.
        entry.was_healthy = true;
    }
    if journal.reason.is_none() {
        journal.reason = Some("it was asked to go back".to_owned());
    }
    let (end, journal) = Saga::new(world, plan, journal).take_back(false);
    let mut answer = ended(end, &journal, Vec::new());
    if end != End::Stuck {
        answer.exit = Exit::Yes;
    }
    Ok(Some(answer))
}

fn forget(
    place: &(PathBuf, String),
    saved: Option<&Journal>,
    context: &Context,
) -> Result<Option<Answer>> {
    let Some(saved) = saved else {
        return Err(Failure::usage("no deployment is on record here").into());
    };
    let file = place.0.join(&place.1);
    let aside = place.0.join(format!("{}.forgotten", saved.id));
    std::fs::rename(&file, &aside).map_err(|error| {
        Failure::failed(format!("cannot put {} aside: {error}", file.display()))
    })?;
    context
        .ui
        .remark(&format!("the journal is in {} now", aside.display()));
    Ok(None)
}

fn unfinished(saved: &Journal) -> anyhow::Error {
    let hint = match saved.phase {
        Phase::Stuck => {
            "mend what it names, then `--rollback unfinished` looks again, or `--forget` puts it aside"
        }
        _ => "`--resume` goes on with it, `--rollback unfinished` takes it back",
    };
    Failure::failed(format!(
        "the deployment of {} to {} has not ended ({})",
        saved.commit,
        saved.environment,
        saved.phase.as_str()
    ))
    .hint(hint)
    .into()
}

/// A journal is gone on with only where the configuration still means the same services.
fn same_services(journal: &Journal, plan: &Plan) -> Result<()> {
    let journal_names = journal.services.iter().map(|entry| entry.name.as_str());
    let names = plan.services.iter().map(|service| service.name.as_str());
    if journal.environment == plan.environment && journal_names.eq(names) {
        return Ok(());
    }
    let told: Vec<&str> = journal
        .services
        .iter()
        .map(|entry| entry.name.as_str())
        .collect();
    Err(Failure::usage(format!(
        "the deployment on record is of {} to {}, which is not what the configuration says now",
        told.join(", "),
        journal.environment
    ))
    .hint("go on with the configuration of its commit, or `--forget` it")
    .into())
}

/// The name of a deployment: when, and of what.
fn name(started: i64, commit: &str) -> String {
    let commit: String = commit.chars().take(10).collect();
    let time = chrono::DateTime::from_timestamp(started, 0).unwrap_or_default();
    format!("{}-{commit}", time.format("%Y%m%d%H%M%S"))
}

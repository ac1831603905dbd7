//! `ci-tool scan`.

mod artifacts;
pub(super) mod choice;
mod progress;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

pub(super) use choice::read_lock;

use self::progress::Progress;
use super::gate::{self, Beside, Coverage, Format, Judging};
use super::own;
use super::sarif::{Place as Repository, put, source_file};
use super::scanners::install;
use crate::config::Loaded;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::findings::Scanner as Reporter;
use crate::report;
use crate::report::scan::{Scanner as Told, State as Said};
use crate::sarif::{self, Reading, Source};
use crate::scanners::formats::{self, About, Read};
use crate::scanners::run::{self, Answer, Event, State};
use crate::scanners::{Place, Scanner, lock, pinned, untouched};
use crate::sys::ui::escape_line;
use crate::sys::{clock, interrupt, sandbox};

/// Run the scanners that fit, and decide whether what they find may pass.
///
/// Runs the scanners that are installed and have something to look at, side by side,
/// each with a home of its own and without the job's tokens; merges what they report
/// and judges it by the policy (`gate:` in `.github/ci-tool.yml`). What ci-tool itself
/// knows of delivery files is always looked at.
///
/// Exit code 0: it may pass. 1: it may not. 2: wrong usage or configuration. 3: a
/// scanner has failed, or has not seen what there is to see; what the others found is
/// told all the same.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The repository's folder
    #[arg(default_value = ".")]
    pub path: PathBuf,

    /// Only these scanners; each must be installed
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub scanner: Vec<String>,

    /// Not these scanners
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub skip: Vec<String>,

    /// A container image to scan too: a name, a .tar file, or a Dockerfile of the
    /// repository, which is built for it
    #[arg(long, value_name = "IMAGE")]
    pub image: Vec<String>,

    /// A list of components to scan too: a CycloneDX or SPDX file
    #[arg(long, value_name = "FILE")]
    pub sbom: Vec<String>,

    /// Ask nothing of the network: databases are used as they are
    #[arg(long)]
    pub offline: bool,

    /// Fetch what `.github/scanners.lock` names first, and Trivy where it is neither locked
    /// nor installed
    #[arg(long, conflicts_with = "offline")]
    pub install: bool,

    /// How long one scanner may run, in seconds [default: 900]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=21600))]
    pub time_limit: Option<u32>,

    /// Where databases and installed scanners stay [default: ~/.cache/ci-tool]
    #[arg(long, value_name = "FOLDER", env = "CI_TOOL_CACHE")]
    pub cache: Option<PathBuf>,

    /// Judge although this scanner has not seen what there is to see
    #[arg(long, value_name = "SCANNER", value_delimiter = ',')]
    pub allow_inconclusive: Vec<String>,

    /// Say which scanners would run, and run none
    #[arg(long)]
    pub dry_run: bool,

    /// How findings are judged.
    #[command(flatten)]
    pub judging: Judging,
}

/// Scans and judges.
///
/// # Errors
/// Where the repository or the policy cannot be read. A scanner's failure is none: it
/// is told, and the exit code is 3.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    carry_out(args, context, &mut |_, _| Ok(()))
}

/// Scans, judges, tells it, and hands the verdict over.
///
/// # Errors
/// As [`run`].
pub(super) fn carry_out(args: &Args, context: &Context, beside: Beside<'_>) -> Result<Exit> {
    let (tree, mut loaded) = context.tree(&args.path)?;
    let root = args.path.canonicalize().map_err(|error| {
        Failure::usage(format!("{} cannot be opened: {error}", args.path.display()))
    })?;
    let settings = &mut loaded.config.scan;
    settings.images.extend(args.image.iter().cloned());
    settings.sboms.extend(args.sbom.iter().cloned());
    settings.skip.extend(args.skip.iter().cloned());
    settings.time_limit = args.time_limit.or(settings.time_limit);
    if !args.scanner.is_empty() {
        settings.only.clone_from(&args.scanner);
        settings.required.extend(args.scanner.iter().cloned());
    }
    let private = tempfile::Builder::new()
        .prefix("ci-tool-scan-")
        .tempdir()
        .map_err(|error| Failure::failed(format!("no private folder can be made: {error}")))?;
    let cache = cache(args.cache.as_deref(), context)?;
    let named = artifacts::named(&loaded.config.scan, &tree, &root)?;
    let mut place = Place {
        root: &root,
        files: tree.files(),
        env: &context.env,
        settings: &loaded.config.scan,
        artifacts: &named,
        frozen: &[],
        private: private.path(),
        cache: &cache,
        today: clock::today(),
        offline: args.offline,
        licenses: loaded
            .config
            .gate
            .rules
            .iter()
            .any(|rule| !rule.license.is_empty()),
    };
    let scanners = crate::scanners::all(place.settings);
    choice::check_names(&scanners, place.settings)?;
    let fetches = |name: &str| (args.install).then(|| pinned::find(name, &lock::platform()))?;
    if args.install && !args.dry_run {
        install::locked(&args.path, &cache, context)?;
    }
    let mut chosen = choice::choose(&scanners, &place, &tree, &mut |name| {
        let one = fetches(name)?;
        // What would be fetched is told as what would run.
        Some(if args.dry_run {
            Ok(cache.join(one.name))
        } else {
            install::one_pinned(one, &cache, context).map_err(|error| error.to_string())
        })
    })?;
    choice::freeze(&mut chosen, &place, &tree)?;
    if args.dry_run {
        context
            .ui
            .result(&report::scan::text(&chosen.planned(), true))?;
        return Ok(Exit::Yes);
    }
    interrupt::watch();
    let (ready, mut told) = artifacts::build(&place, context);
    place.artifacts = &ready;
    place.frozen = &chosen.frozen;
    let running = &chosen.running;
    told.extend(artifacts::left_out(&ready, running));
    // The kernel holds scanners to their own folders; where it cannot, one looks.
    let before = (!sandbox::holds()).then(|| {
        let leaves = running.iter().flat_map(|scanner| scanner.leaves());
        let leaves: Vec<&'static str> = leaves.copied().collect();
        untouched::look(&root, tree.files(), &leaves)
    });
    let progress = Progress::new(context);
    let tell = |event: Event<'_>| progress.tell(&event);
    // Their versions are asked meanwhile, of those whose report does not tell.
    let mut answers = std::thread::scope(|scope| {
        let ask = running.iter().filter(|scanner| scanner.asks_version());
        for scanner in ask {
            scope.spawn(|| run::version(*scanner, &chosen.programs, &place));
        }
        progress.during(|| run::run(running, &chosen.programs, &place, &tell))
    });
    if let Some(before) = before {
        before.tidy(&root);
        let (now, _) = context.tree(&args.path)?;
        told.extend(touched(&before.changed(&root, now.files())));
    }

    let sources = reports(&mut answers);
    let mut all = Reading::default();
    told.extend(chosen.told);
    let mut own = Told {
        name: own::NAME.to_owned(),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        state: Said::Looked,
        findings: 0,
        milliseconds: 0,
        why: Vec::new(),
        counts: false,
    };
    if chosen.audits {
        let started = std::time::Instant::now();
        let (reading, broken) = own::look(&tree, &loaded.config, false);
        own.findings = reading.observations.len();
        own.milliseconds = milliseconds(started.elapsed());
        if !broken.is_empty() {
            own.state = Said::Inconclusive;
            own.counts = true;
            own.why = broken;
        }
        told.push(own);
        all.extend(reading);
    }
    for (at, scanner) in running.iter().enumerate() {
        let of = answers
            .iter()
            .zip(&sources)
            .filter(|(answer, _)| answer.scanner == at);
        let (one, readings) = judge(*scanner, of, &place);
        readings.into_iter().for_each(|reading| all.extend(reading));
        told.push(one);
    }
    for one in &mut told {
        let is_named = |names: &[String]| names.contains(&one.name);
        let is_optional = is_named(&place.settings.optional);
        let is_allowed = match one.state {
            Said::Failed => is_named(&args.judging.allow_failed),
            Said::Inconclusive => is_named(&args.allow_inconclusive),
            _ => false,
        };
        one.counts &= !is_optional && !is_allowed;
        ask_version(one, running, &chosen.programs, &place);
    }
    told.sort_by(|a, b| (a.state, &a.name).cmp(&(b.state, &b.name)));
    answer(args, all, &told, &root, &loaded, context, beside)
}

/// Judges what was found and tells it.
fn answer(
    args: &Args,
    mut all: Reading<'_>,
    told: &[Told],
    root: &std::path::Path,
    loaded: &Loaded,
    context: &Context,
    beside: Beside<'_>,
) -> Result<Exit> {
    // A reader of the report learns that it is not whole.
    for one in told.iter().filter(|one| one.state == Said::Failed) {
        all.scanners.push(std::sync::Arc::new(Reporter {
            name: one.name.clone().into(),
            version: one.version.clone().map(Into::into),
            failure: Some(one.why.join("; ").into()),
            ..Reporter::default()
        }));
    }
    sarif::add_line_hashes(&mut all.observations, |path| source_file(root, path));
    let repository = Repository {
        repository: args.path.clone(),
        root: Vec::new(),
    };
    let judged = gate::judge(
        all.into_report(),
        &args.judging,
        &repository,
        loaded,
        context,
    )?;
    if let Some(fingerprint) = &args.judging.explain {
        return judged.explain(fingerprint, context);
    }
    let complete = !told.iter().any(|one| one.counts);
    if args.judging.format == Format::Json {
        let text = report::json(&report::scan::Scan {
            version: report::scan::VERSION,
            complete,
            scanners: told.to_vec(),
            gate: judged.json(),
        })?;
        match &args.judging.output {
            Some(file) => put(file, text.as_bytes())?,
            None => context.ui.result(&text)?,
        }
    } else {
        let before = report::scan::text(told, context.verbose);
        judged.write(&args.judging, &before, complete, context)?;
    }
    let coverage = Coverage {
        scanners: told,
        is_complete: complete && !interrupt::asked(),
        score: None,
    };
    beside(&judged, &coverage)?;
    judged.reports(&args.judging, &coverage, &args.path, context)?;
    judged.upload(&args.judging, &coverage, &args.path, context)?;
    if interrupt::asked() {
        context
            .ui
            .error("stopped before the end, as was asked; every scanner was stopped");
        return Ok(Exit::Failed);
    }
    if !complete {
        for one in told.iter().filter(|one| one.counts) {
            let what = match one.state {
                Said::Inconclusive => "has not seen what there is to see",
                Said::Absent => "is asked for and not installed",
                Said::Skipped => "is asked for and has nothing to look at",
                _ => "has failed",
            };
            let why = escape_line(&one.why.join("; "));
            context.ui.error(&format!("{} {what}: {why}", one.name));
        }
        let flag = |state: Said| told.iter().any(|one| one.counts && one.state == state);
        if flag(Said::Failed) {
            context
                .ui
                .hint("mend it, or judge without it: --allow-failed NAME");
        }
        if flag(Said::Inconclusive) {
            context
                .ui
                .hint("mend it, or take it as it is: --allow-inconclusive NAME");
        }
        return Ok(Exit::Failed);
    }
    Ok(if judged.verdict.passes {
        Exit::Yes
    } else {
        Exit::No
    })
}

/// That the repository is not what it was before the scanners ran.
fn touched(changed: &[String]) -> Option<Told> {
    let (first, rest) = changed.split_first()?;
    let what = match rest.len() {
        0 => first.clone(),
        more => format!("{first} and {more} other files"),
    };
    Some(Told {
        name: "repository".to_owned(),
        version: None,
        state: Said::Failed,
        findings: 0,
        milliseconds: 0,
        why: vec![format!(
            "{what} changed while scanners ran, so that their answers are not about one state of it"
        )],
        counts: true,
    })
}

/// The reports of answers, taken out of them, so that findings can borrow their text.
fn reports(answers: &mut [Answer]) -> Vec<Option<Source>> {
    let take = |answer: &mut Answer| match std::mem::replace(&mut answer.state, State::Nothing) {
        State::Report(source) => Some(source),
        other => {
            answer.state = other;
            None
        }
    };
    answers.iter_mut().map(take).collect()
}

/// What a scanner's answers are worth together.
fn judge<'a>(
    scanner: &dyn Scanner,
    answers: impl Iterator<Item = (&'a Answer, &'a Option<Source>)>,
    place: &Place<'_>,
) -> (Told, Vec<Reading<'a>>) {
    let mut told = Told {
        name: scanner.name().to_owned(),
        version: None,
        state: Said::Looked,
        findings: 0,
        milliseconds: 0,
        why: Vec::new(),
        counts: false,
    };
    let mut readings = Vec::new();
    let (mut failures, mut doubts, mut absent) = (Vec::new(), Vec::new(), false);
    let root = place.root.display().to_string();
    for (answer, source) in answers {
        told.milliseconds = told.milliseconds.max(milliseconds(answer.elapsed));
        let about = |text: String| match &answer.call.target {
            Some(target) => format!("{target}: {text}"),
            None if answer.call.folder.is_empty() => text,
            None => format!("{}: {text}", answer.call.folder),
        };
        let Some(source) = source else {
            match &answer.state {
                State::Absent => absent = true,
                State::Failed(why) => failures.push(about(why.clone())),
                State::Nothing | State::Report(_) => {
                    doubts.push(about("it found nothing that it can look at".to_owned()));
                }
            }
            continue;
        };
        let known = About {
            root: &root,
            target: answer.call.target.as_deref(),
            folder: &answer.call.folder,
        };
        match formats::read(answer.call.format, source, known) {
            Ok(read) => {
                doubts.extend(
                    doubts_of(scanner, place, answer, &read)
                        .into_iter()
                        .map(about),
                );
                told.findings += read.reading.observations.len();
                told.version = told
                    .version
                    .or(read.version.filter(|_| !scanner.asks_version()));
                readings.push(read.reading);
            }
            Err(why) => failures.push(about(why)),
        }
    }
    (told.state, told.why) = if !failures.is_empty() {
        (Said::Failed, failures)
    } else if absent {
        (Said::Absent, vec![scanner.get().to_owned()])
    } else if !doubts.is_empty() {
        (Said::Inconclusive, doubts)
    } else {
        (Said::Looked, Vec::new())
    };
    told.counts = told.state != Said::Looked;
    (told, readings)
}

fn doubts_of(
    scanner: &dyn Scanner,
    place: &Place<'_>,
    answer: &Answer,
    read: &Read<'_>,
) -> Vec<String> {
    let mut doubts = read.doubts.clone();
    doubts.extend(scanner.doubts(place, &answer.call, read));
    let failed = read
        .reading
        .scanners
        .iter()
        .filter_map(|one| one.failure.as_ref());
    doubts.extend(failed.map(|why| format!("it says itself that it failed: {why}")));
    doubts
}

/// Asks for the version where the report does not say it.
fn ask_version(
    one: &mut Told,
    running: &[&dyn Scanner],
    programs: &run::Programs,
    place: &Place<'_>,
) {
    let looked = matches!(one.state, Said::Looked | Said::Inconclusive);
    if one.version.is_some() || !looked || interrupt::asked() {
        return;
    }
    let mut same = running.iter().filter(|scanner| scanner.name() == one.name);
    one.version = same
        .next()
        .and_then(|scanner| run::version(*scanner, programs, place));
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The folder that stays.
pub(super) fn cache(given: Option<&std::path::Path>, context: &Context) -> Result<PathBuf> {
    let home = || context.env.path("HOME").map(|home| home.join(".cache"));
    let usual = || {
        let caches = context.env.path("XDG_CACHE_HOME").or_else(home);
        caches.map(|caches| caches.join("ci-tool"))
    };
    let folder = given.map(std::path::Path::to_owned).or_else(usual);
    let folder = folder.ok_or_else(|| {
        Failure::usage("there is no place for databases and programs")
            .hint("--cache FOLDER names one; without it HOME says where it is")
    })?;
    std::path::absolute(&folder)
        .map_err(|error| Failure::usage(format!("{}: {error}", folder.display())).into())
}

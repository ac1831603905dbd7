//! `ci-tool gate`.

mod judged;
mod suppressions;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;

use self::judged::Gone;
pub(super) use self::judged::{Beside, Coverage, Judged, MAX_FILES};
use self::suppressions::suppressions;
use super::sarif::{Loaded as Sarif, Place, load, merged};
use super::upload::{Target, When};
use crate::config::{self, Loaded};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::findings::Report;
use crate::policy::{Changed, Changes, Date, FailOn, Gate, Intelligence, Known, Policy};
use crate::report::findings_json;
use crate::report::forms::FORMS;
use crate::sarif::Source;
use crate::sys::clock;
use crate::sys::process::Program;
use crate::sys::ui::escape_line;

/// Decide whether the findings of any scanners may pass.
///
/// Reads SARIF files of any scanner, merges what they share, sets aside what people
/// set aside, and judges by the policy in `.github/ci-tool.yml` (`gate:`). For each
/// finding that fails the gate it names the rule that says so.
///
/// Exit code 0: they may pass. 1: they may not. 2: wrong usage or policy. 3: it could
/// not be decided: a file cannot be read, or a scanner says that it failed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// SARIF files
    #[arg(required = true)]
    pub files: Vec<PathBuf>,

    /// How they are judged.
    #[command(flatten)]
    pub judging: Judging,

    /// Where the repository is.
    #[command(flatten)]
    pub place: Place,
}

/// How findings are judged, and in which form that is told.
#[derive(Debug, Clone, clap::Args)]
pub struct Judging {
    /// What was found before: a SARIF file, or REVISION:PATH of one in git; for a score, the JSON
    /// of an earlier one, below which no category may fall
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<String>,

    /// Fail on this severity or worse
    #[arg(long, value_name = "SEVERITY", value_parser = fail_on)]
    pub fail_on: Option<FailOn>,

    /// Of these only what has a known fix
    #[arg(long)]
    pub only_fixable: bool,

    /// Of these only what the baseline does not have
    #[arg(long, requires = "baseline")]
    pub only_new: bool,

    /// Of these only what is in changed `lines` or `files`
    #[arg(long, value_name = "WHAT", value_parser = changed)]
    pub only_changed: Option<Changed>,

    /// What was changed: a unified diff
    #[arg(long, value_name = "FILE")]
    pub diff: Option<PathBuf>,

    /// What was changed: everything since HEAD and this revision parted
    #[arg(long, value_name = "REVISION", conflicts_with = "diff")]
    pub diff_base: Option<String>,

    /// EPSS scores, as FIRST publishes them (CSV, also as .gz)
    #[arg(long, value_name = "FILE")]
    pub epss: Option<PathBuf>,

    /// Known exploited vulnerabilities, as CISA publishes them (JSON)
    #[arg(long, value_name = "FILE")]
    pub kev: Option<PathBuf>,

    /// How many days old these two may be
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    pub max_age: i64,

    /// Files of suppressions and VEX documents, beside those at the repository's root
    #[arg(long, value_name = "FILE")]
    pub ignore_file: Vec<PathBuf>,

    /// Judge although this scanner failed
    #[arg(long, value_name = "SCANNER")]
    pub allow_failed: Vec<String>,

    /// The day to judge by [default: today]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub date: Option<Date>,

    /// Tell the whole story of one finding, by its fingerprint
    #[arg(long, value_name = "FINGERPRINT")]
    pub explain: Option<String>,

    /// The form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,

    /// The file to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Write the verdict also in this form: json, markdown, html, junit, csv, sarif,
    /// cyclonedx, and for GitLab code-quality, gitlab-sast, gitlab-dependency-scanning,
    /// gitlab-container-scanning, gitlab-secret-detection
    #[arg(long, value_name = "FORM=FILE", value_parser = form)]
    pub report: Vec<(String, PathBuf)>,

    /// For the page: how it went before, as `ci-tool trend` keeps it
    #[arg(long, value_name = "PLACE")]
    pub history: Option<String>,

    /// For the page: what `generate` or `sync` plans, as `--format json` prints it; may be repeated
    #[arg(long, value_name = "FILE")]
    pub plan: Vec<PathBuf>,

    /// Upload the findings to GitHub's code scanning
    #[arg(long, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_missing_value = "required")]
    pub upload: Option<When>,

    /// Where they go.
    #[command(flatten)]
    pub target: Target,
}

/// The forms of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs; docs/gate.schema.json describes it.
    Json,
    /// The findings, with what was set aside, as GitHub takes them.
    Sarif,
}

fn fail_on(word: &str) -> Result<FailOn, String> {
    let known = FailOn::ALL.into_iter().find(|(known, _)| *known == word);
    known
        .map(|(_, severity)| severity)
        .ok_or_else(|| "one of note, low, medium, high, critical, never".to_owned())
}

fn changed(word: &str) -> Result<Changed, String> {
    match word {
        "lines" => Ok(Changed::Lines),
        "files" => Ok(Changed::Files),
        _ => Err("one of lines, files".to_owned()),
    }
}

fn form(text: &str) -> Result<(String, PathBuf), String> {
    let known = || FORMS.iter().map(|form| form.name).chain(["sarif"]);
    let (name, file) = text
        .split_once('=')
        .filter(|(_, file)| !file.is_empty())
        .ok_or("it has the form FORM=FILE")?;
    if !known().any(|known| known == name) {
        let known: Vec<&str> = known().collect();
        return Err(format!("known forms are {}", known.join(", ")));
    }
    Ok((name.to_owned(), PathBuf::from(file)))
}

fn day(text: &str) -> Result<Date, String> {
    Date::parse(text).ok_or_else(|| "a day such as 2027-01-31".to_owned())
}

/// Judges.
///
/// # Errors
/// Where something cannot be read, or a scanner failed: exit code 3.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    carry_out(args, context, &mut |_, _| Ok(()))
}

/// Judges, tells it, and hands the verdict over.
///
/// # Errors
/// As [`run`].
pub(super) fn carry_out(args: &Args, context: &Context, beside: Beside<'_>) -> Result<Exit> {
    let loaded = context.config(&args.place.repository)?;
    let sources = load(&args.files)?;
    let report = merged(&sources, &args.place, context)?;
    refuse_failed(&report, &args.judging.allow_failed)?;
    let judged = judge(report, &args.judging, &args.place, &loaded, context)?;
    if let Some(fingerprint) = &args.judging.explain {
        return judged.explain(fingerprint, context);
    }
    judged.write(&args.judging, "", true, context)?;
    let coverage = Coverage {
        scanners: &[],
        is_complete: true,
        score: None,
    };
    beside(&judged, &coverage)?;
    judged.reports(&args.judging, &coverage, &args.place.repository, context)?;
    judged.upload(&args.judging, &coverage, &args.place.repository, context)?;
    let exit = if judged.verdict.passes {
        Exit::Yes
    } else {
        Exit::No
    };
    // The program ends here: to free a hundred thousand findings one by one takes
    // as long as to merge them.
    std::mem::forget(judged);
    Ok(exit)
}

/// Judges findings by the policy of the configuration and of the command line.
///
/// # Errors
/// Where something that the policy needs cannot be read, or it is wrong itself.
pub(super) fn judge<'a>(
    mut report: Report<'a>,
    args: &Judging,
    place: &Place,
    loaded: &Loaded,
    context: &Context,
) -> Result<Judged<'a>> {
    let mut gate = asked(&loaded.config.gate, args);
    keep_budgets(&mut gate, args, place, loaded, context)?;
    let policy = Policy::new(&gate).map_err(|(number, error)| {
        Failure::usage(format!("rule {} of the policy: {error}", number + 1))
    })?;
    let today = args.date.clone().unwrap_or_else(|| clock::today().into());
    let baseline = baseline(args, place, context)?;
    let mut gone = None;
    if let Some(baseline) = &baseline {
        let known = merged(baseline, place, context)?;
        let absent = report.compare(&known);
        let is_shown = args.report.iter().any(|(form, _)| form == "html");
        let shown = absent.iter().filter(|_| is_shown);
        gone = Some(Gone {
            count: absent.len(),
            shown: shown
                .map(|at| findings_json::Finding::from(&known.findings[*at]).into_owned())
                .collect(),
        });
    } else if policy.needs_baseline() {
        context
            .ui
            .remark("there is no baseline, so every finding is new");
    }
    let changes = changes(args, place, context)?;
    if policy.needs_changes() && changes.is_none() {
        return Err(Failure::usage("the policy asks what was changed")
            .hint("--diff FILE or --diff-base REVISION says it")
            .into());
    }
    let intelligence = intelligence(args, &today)?;
    let suppressions = suppressions(args, place, &gate, loaded, &report)?;
    let verdict = policy.judge(
        &report,
        &suppressions,
        Known {
            changes: changes.as_ref(),
            intelligence: &intelligence,
            today: &today,
        },
    );
    Ok(Judged {
        report,
        verdict,
        suppressions,
        gone,
        show: gate.show.unwrap_or(FailOn::Low),
        repository: place.repository.clone(),
    })
}

/// The policy of the configuration with what the command line says.
fn asked(gate: &Gate, args: &Judging) -> Gate {
    Gate {
        fail_on: args.fail_on.or(gate.fail_on),
        only_fixable: args.only_fixable || gate.only_fixable,
        only_new: args.only_new || gate.only_new,
        only_changed: args.only_changed.or(gate.only_changed),
        ..gate.clone()
    }
}

/// Budgets may only shrink: where an earlier revision is known, the lower one holds.
fn keep_budgets(
    gate: &mut Gate,
    args: &Judging,
    place: &Place,
    loaded: &Loaded,
    context: &Context,
) -> Result<()> {
    let (Some(revision), Some(path)) = (&args.diff_base, &loaded.path) else {
        return Ok(());
    };
    let repository = &place.repository;
    let Ok(path) = path.strip_prefix(repository) else {
        return Ok(());
    };
    if gate.budgets.is_empty() {
        return Ok(());
    }
    let base = git(
        repository,
        &["merge-base", "--end-of-options", revision, "HEAD"],
        context,
    )?;
    let base = String::from_utf8_lossy(&base).trim().to_owned();
    let name = format!("{base}:./{}", path.display());
    // Without the file there were no budgets.
    let Ok(text) = git(repository, &["show", "--end-of-options", &name], context) else {
        return Ok(());
    };
    let before = match config::parse(&name, &String::from_utf8_lossy(&text)) {
        Ok(config) => config.gate.budgets,
        Err(error) => {
            let message = format!("the budgets of {revision} are not known: {error}");
            return Err(Failure::failed(message).into());
        }
    };
    for (severity, limit) in &mut gate.budgets {
        if let Some(before) = before.get(severity).filter(|before| **before < *limit) {
            context.ui.warning(&format!(
                "the budget for {} was raised from {before} to {limit}; a budget may only shrink, so {before} holds",
                severity.as_str()
            ));
            *limit = *before;
        }
    }
    Ok(())
}

/// A scanner that failed has not looked: its silence is no answer.
fn refuse_failed(report: &Report<'_>, allowed: &[String]) -> Result<()> {
    for (scanner, why) in report.failures() {
        if !allowed
            .iter()
            .any(|name| scanner.eq_ignore_ascii_case(name))
        {
            let message = format!("{} failed: {}", escape_line(scanner), escape_line(why));
            let hint = format!("mend it, or judge without it: --allow-failed {scanner}");
            return Err(Failure::failed(message).hint(hint).into());
        }
    }
    Ok(())
}

fn baseline(args: &Judging, place: &Place, context: &Context) -> Result<Option<Vec<Sarif>>> {
    let Some(name) = &args.baseline else {
        return Ok(None);
    };
    if let Some(text) = at_revision(name, &place.repository, context)? {
        return Ok(Some(vec![Sarif::new(name.clone(), Source::new(text))]));
    }
    load(&[PathBuf::from(name)]).map(Some)
}

/// What git has at REVISION:PATH; nothing where `name` is the name of a file.
pub(super) fn at_revision(
    name: &str,
    repository: &Path,
    context: &Context,
) -> Result<Option<Vec<u8>>> {
    if Path::new(name).exists() {
        return Ok(None);
    }
    match name.split_once(':') {
        Some((revision, _)) if !revision.is_empty() => {
            git(repository, &["show", "--end-of-options", name], context).map(Some)
        }
        _ => Ok(None),
    }
}

fn changes(args: &Judging, place: &Place, context: &Context) -> Result<Option<Changes>> {
    let (name, text) = if let Some(file) = &args.diff {
        (file.display().to_string(), read(file)?)
    } else if let Some(revision) = &args.diff_base {
        let range = format!("{revision}...HEAD");
        let arguments = [
            "-c",
            "core.quotePath=true",
            "diff",
            // From the folder that is looked at, as the findings are.
            "--relative",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            "--src-prefix=a/",
            "--dst-prefix=b/",
            "--unified=0",
            "--end-of-options",
            &range,
        ];
        let bytes = git(&place.repository, &arguments, context)?;
        (range, String::from_utf8_lossy(&bytes).into_owned())
    } else {
        return Ok(None);
    };
    Changes::parse(&text)
        .map(Some)
        .map_err(|line| Failure::failed(format!("{name}:{line}: this is no unified diff")).into())
}

/// In the container action the workspace belongs to the runner's user, and git reads
/// nothing of others unless it is told to, for exactly these folders: the workspace, which
/// is the repository also where a part of it is looked at, and the folder itself.
fn owned_by_others(repository: &Path, context: &Context) -> Vec<String> {
    if !context.env.in_github_actions() {
        return Vec::new();
    }
    let workspace = context.env.path("GITHUB_WORKSPACE");
    let folders = workspace.as_deref().into_iter().chain([repository]);
    let real = folders.filter_map(|folder| folder.canonicalize().ok());
    real.flat_map(|folder| {
        let trusted = format!("safe.directory={}", folder.display());
        ["-c".to_owned(), trusted]
    })
    .collect()
}

/// What git says in a folder.
///
/// # Errors
/// Where it says no.
pub(super) fn git(repository: &Path, arguments: &[&str], context: &Context) -> Result<Vec<u8>> {
    git_with(repository, arguments, b"", &["PATH", "HOME"], context)
}

/// The same, with what it reads and the variables that it sees: another repository is not
/// reached without [`GIT_VARIABLES`](crate::sys::env::GIT_VARIABLES).
///
/// # Errors
/// Where it says no.
pub(super) fn git_with(
    repository: &Path,
    arguments: &[&str],
    input: &[u8],
    variables: &[&str],
    context: &Context,
) -> Result<Vec<u8>> {
    let done = Program::new("git")
        .inherit(&context.env, variables)
        .variable("LC_ALL", "C")
        .variable("GIT_NO_LAZY_FETCH", "1")
        .variable("GIT_TERMINAL_PROMPT", "0")
        .folder(repository)
        .arguments(owned_by_others(repository, context))
        .arguments(arguments)
        .input(input)
        .run()
        .map_err(|error| Failure::failed(error.to_string()))?;
    if done.code != Some(0) {
        let said = String::from_utf8_lossy(&done.stderr);
        // Some of its refusals are followed by all its options.
        let said = said.trim().lines().next().unwrap_or_default();
        return Err(Failure::failed(format!("git: {}", escape_line(said))).into());
    }
    Ok(done.stdout)
}

type Adder = fn(&mut Intelligence, &str) -> Result<Date, (usize, String)>;

fn intelligence(args: &Judging, today: &Date) -> Result<Intelligence> {
    let mut known = Intelligence::default();
    let mut add = |file: &PathBuf, adder: Adder| {
        let name = file.display();
        let text = read(file)?;
        let day = adder(&mut known, &text)
            .map_err(|(line, why)| Failure::failed(format!("{name}:{line}: {why}")))?;
        let age = day.days_until(today);
        if age > args.max_age {
            let message = format!("{name} is of {}, which is {age} days ago", day.as_str());
            let hint = "get a newer one, or let it be older: --max-age DAYS";
            return Err(anyhow::Error::from(Failure::failed(message).hint(hint)));
        }
        Ok(())
    };
    if let Some(file) = &args.epss {
        add(file, Intelligence::add_epss)?;
    }
    if let Some(file) = &args.kev {
        add(file, Intelligence::add_exploited)?;
    }
    Ok(known)
}

/// A file's text, unpacked where it is packed.
pub(super) fn read(file: &Path) -> Result<String> {
    let name = file.display();
    let unreadable =
        |error: &dyn std::fmt::Display| Failure::failed(format!("cannot read {name}: {error}"));
    let bytes = std::fs::read(file).map_err(|error| unreadable(&error))?;
    let text = if bytes.starts_with(&[0x1f, 0x8b]) {
        use std::io::Read as _;
        let mut text = String::new();
        // The real ones are a hundredth of this.
        let mut unpacked = flate2::read::GzDecoder::new(&bytes[..]).take(1 << 30);
        unpacked
            .read_to_string(&mut text)
            .map_err(|error| unreadable(&error))?;
        text
    } else {
        String::from_utf8(bytes).map_err(|error| unreadable(&error))?
    };
    Ok(text)
}

//! `ci-tool sarif`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::findings::{Finding, Kind, Report, Severity, State};
use crate::report::{self, findings_json::Findings};
use crate::sarif::{self, Consequence, Detail, Limits, Reading, Settings, Source};
use crate::sys::fs::{self, stream_atomically};
use crate::sys::memory;
use crate::sys::ui::escape_line;

/// Merge, filter, compare, check and convert SARIF files of any scanner.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do with them.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with SARIF files.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Merge the findings of several scanners into what GitHub takes
    ///
    /// Findings that scanners share become one. Paths, severities, rules and
    /// fingerprints are mended; what had to be is told. More than one file is
    /// written when one would be more than GitHub takes: OUT, OUT-2 and so on.
    Merge {
        /// What is read.
        #[command(flatten)]
        input: Input,
        /// What is written.
        #[command(flatten)]
        output: Output,
    },
    /// Keep the findings that all of the conditions hold for
    Filter {
        /// What is read.
        #[command(flatten)]
        input: Input,
        /// What is kept.
        #[command(flatten)]
        conditions: Conditions,
        /// What is written.
        #[command(flatten)]
        output: Output,
    },
    /// Tell what is new and what is gone; exit 1 when something is new
    Diff {
        /// The findings before
        old: PathBuf,
        /// The findings now
        new: PathBuf,
        /// The form of the answer
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
        /// Where the repository is.
        #[command(flatten)]
        place: Place,
    },
    /// Tell what GitHub would say to files; exit 1 when it refuses one or loses something of it
    Validate {
        /// SARIF files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Print the findings as JSON; docs/findings.schema.json describes it
    Convert {
        /// What is read.
        #[command(flatten)]
        input: Input,
        /// The file to write [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// What is read.
#[derive(Debug, clap::Args)]
pub struct Input {
    /// SARIF files
    #[arg(required = true)]
    pub files: Vec<PathBuf>,

    /// Where it is.
    #[command(flatten)]
    pub place: Place,
}

/// Where the repository is.
#[derive(Debug, Clone, clap::Args)]
pub struct Place {
    /// The repository's folder: its sources give the hashes of lines
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub repository: PathBuf,

    /// Absolute paths at which scanners saw the repository, beside those that are known
    #[arg(long, value_name = "PATH")]
    pub root: Vec<String>,
}

/// What is written.
#[derive(Debug, clap::Args)]
pub struct Output {
    /// The file to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// The category under which GitHub keeps these alerts; the same for every commit
    #[arg(long, default_value = "ci-tool")]
    pub category: String,

    /// At most so many files; what there is no room for is left out and told
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    pub max_files: usize,
}

/// Conditions on findings; of one sort any has to hold, of different sorts all.
#[derive(Debug, clap::Args)]
pub struct Conditions {
    /// This severity or worse
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub severity: Option<Severity>,

    /// This kind
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind)]
    pub kind: Vec<Kind>,

    /// A path that matches; `!` before it means: does not match
    #[arg(long, value_name = "GLOB")]
    pub path: Vec<String>,

    /// A rule or vulnerability that matches; `!` before it means: does not match
    #[arg(long, value_name = "GLOB")]
    pub rule: Vec<String>,

    /// Reported by this scanner
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub scanner: Vec<String>,

    /// In this state against a baseline
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = state)]
    pub state: Vec<State>,
}

/// The forms of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs; docs/findings.schema.json describes it.
    Json,
}

fn severity(word: &str) -> Result<Severity, String> {
    let known = Severity::ALL
        .into_iter()
        .find(|severity| severity.as_str() == word);
    known.ok_or_else(|| "one of note, low, medium, high, critical".to_owned())
}

fn kind(word: &str) -> Result<Kind, String> {
    let known = Kind::ALL.into_iter().find(|kind| kind.as_str() == word);
    known.ok_or_else(|| "one of vulnerability, secret, misconfiguration, license, code".to_owned())
}

fn state(word: &str) -> Result<State, String> {
    let all = [State::New, State::Unchanged, State::Updated, State::Absent];
    let known = all.into_iter().find(|state| state.as_str() == word);
    known.ok_or_else(|| "one of new, unchanged, updated, absent".to_owned())
}

/// Does what is asked with SARIF files.
///
/// # Errors
/// Where a file cannot be read or written, or is no SARIF: exit code 3.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    match &args.action {
        Action::Merge { input, output } => {
            let sources = load(&input.files)?;
            let report = merged(&sources, &input.place, context)?;
            write(report, output, context)
        }
        Action::Filter {
            input,
            conditions,
            output,
        } => {
            let sources = load(&input.files)?;
            let filter = Filter::new(conditions)?;
            let mut report = merged(&sources, &input.place, context)?;
            report.findings.retain(|finding| filter.keeps(finding));
            write(report, output, context)
        }
        Action::Diff {
            old,
            new,
            format,
            place,
        } => diff(old, new, *format, place, context),
        Action::Validate { files } => validate(files, context),
        Action::Convert { input, output } => {
            let sources = load(&input.files)?;
            let report = merged(&sources, &input.place, context)?;
            let text = report::json(&Findings::from(&report))?;
            match output {
                Some(file) => put(file, text.as_bytes())?,
                None => context.ui.result(&text)?,
            }
            Ok(Exit::Yes)
        }
    }
}

/// A file and what it is called.
#[derive(Debug)]
pub struct Loaded {
    name: String,
    source: Source,
}

impl Loaded {
    /// A source under a name.
    pub const fn new(name: String, source: Source) -> Self {
        Self { name, source }
    }
}

/// Reads files.
///
/// # Errors
/// Where one cannot be read: exit code 3.
pub fn load(files: &[PathBuf]) -> Result<Vec<Loaded>> {
    // Bytes; what is found takes as much again.
    const MUCH: u64 = 4 << 20;
    let sizes = files.iter().filter_map(|file| file.metadata().ok());
    if sizes.map(|file| file.len()).sum::<u64>() >= MUCH {
        memory::allow_large();
    }
    let read = |file: &PathBuf| {
        let name = file.display().to_string();
        let bytes = fs::read(file)
            .map_err(|error| Failure::failed(format!("cannot read {name}: {error}")))?;
        Ok(Loaded {
            name,
            source: Source::new(bytes),
        })
    };
    files.iter().map(read).collect()
}

/// Reads what was loaded, adds the hashes of lines, and merges; tells what had
/// to be read around.
///
/// # Errors
/// Where a file is no SARIF: exit code 3.
pub fn merged<'a>(sources: &'a [Loaded], place: &Place, context: &Context) -> Result<Report<'a>> {
    let mut roots = place.root.clone();
    roots.extend(context.env.get("GITHUB_WORKSPACE").map(str::to_owned));
    if let Ok(folder) = place.repository.canonicalize() {
        roots.push(folder.display().to_string());
    }
    let options = sarif::Options { roots };
    let mut all = Reading::default();
    for loaded in sources {
        let reading = sarif::read(&loaded.source, &loaded.name, &options)
            .map_err(|error| Failure::failed(error.to_string()))?;
        for (repair, times) in reading.repairs.iter() {
            tracing::info!("{}: {repair}: {times}", loaded.name);
        }
        all.extend(reading);
    }
    sarif::add_line_hashes(&mut all.observations, |path| {
        source_file(&place.repository, path)
    });
    let report = all.into_report();
    for (scanner, why) in report.failures() {
        context.ui.warning(&format!(
            "{} has failed: {}",
            escape_line(scanner),
            escape_line(why)
        ));
    }
    Ok(report)
}

/// A file of the repository; nothing outside of it.
pub(super) fn source_file(repository: &Path, path: &str) -> Option<Vec<u8>> {
    let is_inside =
        |part: std::path::Component<'_>| matches!(part, std::path::Component::Normal(_));
    let path = Path::new(path);
    if !path.components().all(is_inside) {
        return None;
    }
    let file = repository.join(path);
    if !file.is_file() {
        return None;
    }
    let file = file.canonicalize().ok()?;
    let is_file = file.starts_with(repository.canonicalize().ok()?) && file.is_file();
    is_file.then(|| std::fs::read(file).ok()).flatten()
}

fn write(report: Report<'_>, output: &Output, context: &Context) -> Result<Exit> {
    if sarif::has_changing_part(&output.category) {
        let message = format!(
            "the category {} holds a commit or a date",
            escape_line(&output.category)
        );
        let hint = "GitHub would close all alerts and open them again with every upload: name what was scanned";
        return Err(Failure::usage(message).hint(hint).into());
    }
    let files = if output.output.is_some() {
        output.max_files
    } else {
        1
    };
    let settings = Settings {
        category: output.category.clone(),
        files,
        limits: Limits::GITHUB,
    };
    let written = sarif::write(&report, &settings);
    // The program ends soon: to free a hundred thousand findings one by one takes as long as to
    // merge them.
    std::mem::forget(report);
    let left_out = match written.detail {
        Detail::Full => None,
        Detail::Results => Some("code flows and related places"),
        Detail::Places => Some("code flows, related places and snippets"),
        Detail::Bare => Some("code flows, related places, snippets and long help texts"),
    };
    if let Some(left_out) = left_out {
        context
            .ui
            .warning(&format!("there was no room for {left_out}"));
    }
    for (severity, count) in &written.dropped {
        context.ui.warning(&format!(
            "there was no room for {count} findings of severity {severity}"
        ));
    }
    match &output.output {
        None => context
            .ui
            .result(&String::from_utf8_lossy(&written.files[0]))?,
        Some(file) => {
            for (at, bytes) in written.files.iter().enumerate() {
                put(&numbered(file, at), bytes)?;
            }
        }
    }
    // Part of the answer is missing, and nobody asked for less.
    Ok(if written.dropped.is_empty() {
        Exit::Yes
    } else {
        Exit::Failed
    })
}

/// `out.sarif`, `out-2.sarif` and so on.
pub(super) fn numbered(file: &Path, at: usize) -> PathBuf {
    if at == 0 {
        return file.to_owned();
    }
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let end = file
        .extension()
        .map_or_else(String::new, |end| format!(".{}", end.to_string_lossy()));
    file.with_file_name(format!("{stem}-{}{end}", at + 1))
}

pub(super) fn put(file: &Path, bytes: &[u8]) -> Result<()> {
    put_with(file, |out| out.write_all(bytes))
}

/// The same of what is made while it is written.
///
/// # Errors
/// As [`put`].
pub(super) fn put_with(
    file: &Path,
    write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
) -> Result<()> {
    let name = file.file_name().and_then(|name| name.to_str());
    let name =
        name.ok_or_else(|| Failure::usage(format!("{} is no name of a file", file.display())))?;
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    stream_atomically(folder, name, write).map_err(|error| {
        let failure = Failure::failed(error.to_string());
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    Ok(())
}

struct Filter<'c> {
    conditions: &'c Conditions,
    path: (GlobSet, GlobSet),
    rule: (GlobSet, GlobSet),
}

impl<'c> Filter<'c> {
    fn new(conditions: &'c Conditions) -> Result<Self> {
        Ok(Self {
            path: globs(&conditions.path)?,
            rule: globs(&conditions.rule)?,
            conditions,
        })
    }

    fn keeps(&self, finding: &Finding<'_>) -> bool {
        let wanted = self.conditions;
        let matches = |(with, without): &(GlobSet, GlobSet), texts: &[&str]| {
            (with.is_empty() || texts.iter().any(|text| with.is_match(text)))
                && !texts.iter().any(|text| without.is_match(text))
        };
        let mut names: Vec<&str> = finding
            .ids
            .iter()
            .map(crate::findings::Id::as_str)
            .collect();
        names.extend(finding.observations.iter().map(|one| &*one.rule.id));
        let scanners = finding.scanners();
        let is_wanted = |name: &String| {
            scanners
                .iter()
                .any(|scanner| scanner.eq_ignore_ascii_case(name))
        };
        wanted
            .severity
            .is_none_or(|least| finding.severity() >= least)
            && (wanted.kind.is_empty() || wanted.kind.contains(&finding.kind()))
            && (wanted.state.is_empty()
                || finding
                    .state
                    .is_some_and(|state| wanted.state.contains(&state)))
            && (wanted.scanner.is_empty() || wanted.scanner.iter().any(is_wanted))
            && matches(&self.path, &[finding.path().unwrap_or_default()])
            && matches(&self.rule, &names)
    }
}

/// Globs that have to match, and those (after `!`) that must not.
fn globs(texts: &[String]) -> Result<(GlobSet, GlobSet)> {
    let set = |wanted: bool| {
        let mut set = GlobSetBuilder::new();
        for text in texts.iter().filter(|text| text.starts_with('!') != wanted) {
            let text = text.strip_prefix('!').unwrap_or(text);
            set.add(
                Glob::new(text)
                    .map_err(|error| Failure::usage(format!("`{text}` is no pattern: {error}")))?,
            );
        }
        Ok::<_, anyhow::Error>(set.build()?)
    };
    Ok((set(true)?, set(false)?))
}

fn diff(old: &Path, new: &Path, format: Format, place: &Place, context: &Context) -> Result<Exit> {
    let (old, new) = (load(&[old.to_owned()])?, load(&[new.to_owned()])?);
    let before = merged(&old, place, context)?;
    let mut now = merged(&new, place, context)?;
    for at in now.compare(&before) {
        let mut gone = before.findings[at].clone();
        gone.state = Some(State::Absent);
        now.findings.push(gone);
    }
    let count = |state: State| {
        now.findings
            .iter()
            .filter(|finding| finding.state == Some(state))
            .count()
    };
    match format {
        Format::Json => context.ui.result(&report::json(&Findings::from(&now))?)?,
        Format::Text => {
            let mut text = String::new();
            for (state, mark) in [
                (State::New, '+'),
                (State::Updated, '~'),
                (State::Absent, '-'),
            ] {
                for finding in now
                    .findings
                    .iter()
                    .filter(|finding| finding.state == Some(state))
                {
                    text.push_str(&format!("{mark} {}\n", line(finding)));
                }
            }
            let words = [State::New, State::Updated, State::Unchanged, State::Absent];
            let counts: Vec<String> = words
                .iter()
                .map(|state| format!("{} {}", count(*state), state.as_str()))
                .collect();
            context
                .ui
                .result(&format!("{text}{}\n", counts.join(", ")))?;
        }
    }
    Ok(if count(State::New) == 0 {
        Exit::Yes
    } else {
        Exit::No
    })
}

/// A finding on a line.
fn line(finding: &Finding<'_>) -> String {
    let region = finding.location().and_then(|location| location.region);
    let line = region.map_or_else(String::new, |region| format!(":{}", region.start_line));
    let package = finding.package().map_or_else(String::new, |package| {
        let version = package
            .version
            .as_deref()
            .map_or_else(String::new, |version| format!("@{version}"));
        format!(" {}{version}", package.full_name())
    });
    let path = finding.path().unwrap_or("(no file)");
    escape_line(&format!(
        "{:8} {}{package} {path}{line}",
        finding.severity(),
        finding.name()
    ))
}

fn validate(files: &[PathBuf], context: &Context) -> Result<Exit> {
    let mut text = String::new();
    let mut is_clean = true;
    for loaded in &load(files)? {
        let name = escape_line(&loaded.name);
        match sarif::validate(loaded.source.text(), &Limits::GITHUB) {
            Err(error) => {
                is_clean = false;
                text.push_str(&format!(
                    "{name}: refused: no SARIF log: {}\n",
                    escape_line(&error.to_string())
                ));
            }
            Ok(problems) => {
                is_clean &= problems.is_empty();
                if problems
                    .iter()
                    .all(|problem| problem.consequence != Consequence::Refused)
                {
                    text.push_str(&format!("{name}: GitHub takes it\n"));
                }
                for problem in problems {
                    let more = if problem.count > 1 {
                        format!(" and {} more", problem.count - 1)
                    } else {
                        String::new()
                    };
                    let place = escape_line(&problem.place);
                    text.push_str(&format!(
                        "{name}: {}: {}\n    at {place}{more}\n    {}\n",
                        problem.consequence, problem.what, problem.mend
                    ));
                }
            }
        }
    }
    context.ui.result(&text)?;
    Ok(if is_clean { Exit::Yes } else { Exit::No })
}

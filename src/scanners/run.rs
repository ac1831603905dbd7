//! Starting scanners: side by side, each with little and within limits, and what
//! became of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Call, Place, Scanner, lock};
use crate::config::scan::ReportAt;
use crate::sarif::Source;
use crate::sys::interrupt;
use crate::sys::process::{Finished, ProcessError, Program};

/// What every scanner gets of the environment; none of it is a secret of the job.
const VARIABLES: [&str; 16] = [
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "CI",
    "TERM",
];

/// A report may be as long as this, in bytes, and what is said beside it.
const REPORT_LIMIT: u64 = 1024 * 1024 * 1024;
const TALK_LIMIT: u64 = 64 * 1024 * 1024;

/// How much of what it says at last is told, in bytes.
const TAIL: usize = 8000;

/// How often something is tried that may work the next time.
const TRIES: u32 = 3;

/// What is said where trying again helps: limits and hiccups of registries.
const TRANSIENT: [&str; 16] = [
    "toomanyrequests",
    "too many requests",
    "rate limit",
    "connection reset",
    "connection refused",
    "econnrefused",
    "econnreset",
    "etimedout",
    "eai_again",
    "i/o timeout",
    "tls handshake timeout",
    "temporary failure in name resolution",
    "status code 429",
    "502 bad gateway",
    "503 service unavailable",
    "504 gateway",
];

/// What became of a call.
#[derive(Debug)]
pub enum State {
    /// It left a report.
    Report(Source),
    /// It says that there was nothing to look at.
    Nothing,
    /// It is not installed.
    Absent,
    /// It did not look, or not to the end, and why.
    Failed(String),
}

/// A call and what became of it.
#[derive(Debug)]
pub struct Answer {
    /// The scanner, by its number in what was given.
    pub scanner: usize,
    /// The call.
    pub call: Call,
    /// What became of it.
    pub state: State,
    /// How long it took.
    pub elapsed: Duration,
}

/// Something to tell while scanners run.
#[derive(Debug)]
pub enum Event<'e> {
    /// It begins.
    Started(&'e str),
    /// It is tried again, and why.
    Again(&'e str, &'e str),
    /// It ended, after so long, and this is what it said at last, without secrets.
    Ended(&'e str, Duration, &'e [String]),
}

/// Programs that stand for those of the search path, by scanner.
pub type Programs = BTreeMap<String, PathBuf>;

/// Runs scanners side by side, as many at once as there are processors and never
/// less than three. The order of the answers is that of the calls.
pub fn run(
    scanners: &[&dyn Scanner],
    programs: &Programs,
    place: &Place<'_>,
    tell: &(dyn Fn(Event<'_>) + Sync),
) -> Vec<Answer> {
    let mut calls: Vec<(usize, Call)> = Vec::new();
    for (at, scanner) in scanners.iter().enumerate() {
        calls.extend(scanner.calls(place).into_iter().map(|call| (at, call)));
    }
    let next = AtomicUsize::new(0);
    let answers: Mutex<Vec<(usize, Answer)>> = Mutex::new(Vec::with_capacity(calls.len()));
    let workers = thread::available_parallelism().map_or(3, |cores| cores.get().max(3));
    thread::scope(|scope| {
        for _ in 0..workers.min(calls.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some((number, call)) = calls.get(at) else {
                        break;
                    };
                    let scanner = scanners[*number];
                    let started = Instant::now();
                    tell(Event::Started(scanner.name()));
                    let (state, said) = one(scanner, call, programs, place, tell);
                    tell(Event::Ended(scanner.name(), started.elapsed(), &said));
                    let answer = Answer {
                        scanner: *number,
                        call: call.clone(),
                        state,
                        elapsed: started.elapsed(),
                    };
                    let mut answers = answers
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                    answers.push((at, answer));
                }
            });
        }
    });
    let mut answers = answers
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// A program by its name: one that stands for it, or the first of the search path
/// that can be run. Folders of the repository are no part of that path.
///
/// # Errors
/// Where there is one that cannot be run.
pub fn find(
    scanner: &dyn Scanner,
    programs: &Programs,
    place: &Place<'_>,
) -> Result<Option<PathBuf>, String> {
    if let Some(program) = programs.get(scanner.name()) {
        return Ok(Some(program.clone()));
    }
    let name = scanner.program();
    if name.contains('/') {
        let program = place.root.join(name);
        return Ok(program.is_file().then_some(program));
    }
    let mut unusable = None;
    for folder in folders(place) {
        let program = folder.join(name);
        if !program.is_file() {
            continue;
        }
        if is_executable(&program) {
            return Ok(Some(program));
        }
        unusable.get_or_insert(program);
    }
    match unusable {
        Some(program) => Err(format!("{} is there and cannot be run", program.display())),
        None => Ok(None),
    }
}

fn is_executable(program: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = std::fs::metadata(program);
    metadata.is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

/// The folders of the search path that nobody else writes to: no relative one, and
/// none of the repository.
fn folders(place: &Place<'_>) -> Vec<PathBuf> {
    let path = place
        .env
        .get("PATH")
        .unwrap_or("/usr/local/bin:/usr/bin:/bin");
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute() && !folder.starts_with(place.root))
        .collect()
}

/// What a scanner says of its version: the first number with dots. Some take longer to say
/// it than to scan, so it is noted for as long as the program is not touched.
pub fn version(scanner: &dyn Scanner, programs: &Programs, place: &Place<'_>) -> Option<String> {
    let program = find(scanner, programs, place).ok()??;
    let stamp = lock::stamp(&program)?;
    let key = lock::sha256(format!("{} {stamp}", program.display()).as_bytes());
    let (folder, name) = (place.cache.join("versions"), &key[..32]);
    if let Ok(known) = std::fs::read_to_string(folder.join(name)) {
        return Some(known);
    }
    let version = ask_version(scanner, &program, place)?;
    // Without the note it is asked again.
    if std::fs::create_dir_all(&folder).is_ok() {
        let _ = crate::sys::fs::write_atomically(&folder, name, version.as_bytes());
    }
    Some(version)
}

fn ask_version(scanner: &dyn Scanner, program: &Path, place: &Place<'_>) -> Option<String> {
    let private = place.private.join(format!("{}-version", scanner.name()));
    let call = Call::new("", crate::config::scan::ReportFormat::Sarif);
    let finished = program_for(program, &call, &private, place)
        .ok()?
        .arguments(scanner.version())
        .time_limit(Duration::from_secs(30))
        .run()
        .ok()?;
    let said = [finished.stdout, finished.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    said.split(|c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')'))
        .map(|word| word.trim_start_matches('v').trim_end_matches('.'))
        .find(|word| {
            word.starts_with(|c: char| c.is_ascii_digit())
                && word.matches('.').count() >= 1
                && word.len() < 40
        })
        .map(str::to_owned)
}

/// Fetches a database.
///
/// # Errors
/// Why it could not be fetched.
pub fn pull(
    scanner: &dyn Scanner,
    call: &Call,
    programs: &Programs,
    place: &Place<'_>,
    tell: &(dyn Fn(Event<'_>) + Sync),
) -> Result<(), String> {
    let judge = |finished: Result<Finished, ProcessError>| match finished {
        Ok(finished) if finished.code == Some(0) => State::Nothing,
        Ok(finished) => State::Failed(format!("it failed{}", tail(&finished, call, place))),
        Err(error) => State::Failed(without_program(&error)),
    };
    match attempts(scanner, call, programs, place, tell, &judge).0 {
        State::Failed(why) => Err(why),
        State::Absent => Err("it is not installed".to_owned()),
        State::Nothing | State::Report(_) => Ok(()),
    }
}

fn one(
    scanner: &dyn Scanner,
    call: &Call,
    programs: &Programs,
    place: &Place<'_>,
    tell: &(dyn Fn(Event<'_>) + Sync),
) -> (State, Vec<String>) {
    let judge = |finished| judge(call, place, finished);
    attempts(scanner, call, programs, place, tell, &judge)
}

/// Runs a program until it ends well, or for a reason that does not pass. With what
/// became of it goes what it said at last beside its report.
fn attempts(
    scanner: &dyn Scanner,
    call: &Call,
    programs: &Programs,
    place: &Place<'_>,
    tell: &(dyn Fn(Event<'_>) + Sync),
    judge: &dyn Fn(Result<Finished, ProcessError>) -> State,
) -> (State, Vec<String>) {
    let program = match find(scanner, programs, place) {
        Ok(Some(program)) => program,
        Ok(None) => return (State::Absent, Vec::new()),
        Err(why) => return (State::Failed(why), Vec::new()),
    };
    let (mut state, mut talk) = (State::Absent, Vec::new());
    for attempt in 1..=TRIES {
        let private = call.private(place);
        // What an attempt before it left is no report of this one.
        let _ = std::fs::remove_dir_all(&private);
        let finished = match program_for(&program, call, &private, place) {
            Ok(program) => program.arguments(call.arguments.iter()).run(),
            Err(why) => return (State::Failed(why), talk),
        };
        talk = match &finished {
            Ok(finished) if !finished.stderr.is_empty() || call.report == ReportAt::File => {
                said(finished, &secrets(call, place))
            }
            _ => Vec::new(),
        };
        state = judge(finished);
        let State::Failed(why) = &state else {
            break;
        };
        let said = why.to_ascii_lowercase();
        let is_transient = TRANSIENT.iter().any(|words| said.contains(words));
        if !is_transient || attempt == TRIES || place.offline || interrupt::asked() {
            break;
        }
        tell(Event::Again(scanner.name(), why));
        pause(attempt);
    }
    (state, talk)
}

/// Waits 1 to 2, then 4 to 8 seconds, so that many jobs do not ask at once.
fn pause(attempt: u32) {
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| now.subsec_nanos());
    let most = 2000 * 4_u64.pow(attempt - 1);
    let until = Instant::now() + Duration::from_millis(most / 2 + u64::from(nanos) % (most / 2));
    while Instant::now() < until && !interrupt::asked() {
        thread::sleep(Duration::from_millis(50));
    }
}

/// A program with what a scanner gets: a home of its own, few variables, and no
/// token but its own.
fn program_for(
    program: &Path,
    call: &Call,
    private: &Path,
    place: &Place<'_>,
) -> Result<Program, String> {
    let create = |folder: &Path| {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("{} could not be made: {error}", folder.display()))
    };
    let (home, temporary) = (private.join("home"), private.join("tmp"));
    create(&home)?;
    create(&temporary)?;
    for folder in &call.writable {
        create(folder)?;
    }
    let path = std::env::join_paths(folders(place)).map_err(|error| error.to_string())?;
    let text = |path: &Path| path.display().to_string();
    let limit = place.settings.time_limit.unwrap_or(900);
    let mut started = Program::new(&text(program))
        .inherit(place.env, &VARIABLES)
        .variable("PATH", &path.to_string_lossy())
        .variable("HOME", &text(&home))
        .variable("XDG_CACHE_HOME", &text(&home.join(".cache")))
        .variable("XDG_CONFIG_HOME", &text(&home.join(".config")))
        .variable("TMPDIR", &text(&temporary))
        .variable("DO_NOT_TRACK", "1")
        .folder(if call.inside { place.root } else { private })
        .time_limit(Duration::from_secs(limit.into()))
        .output_limit(match call.report {
            ReportAt::Stdout => REPORT_LIMIT,
            ReportAt::File => TALK_LIMIT,
        });
    // Programs of `pip install --user` are below the home that it does not see.
    if let Some(home) = place.env.get("HOME") {
        let user = Path::new(home).join(".local");
        if user.join("lib").is_dir() {
            started = started.variable("PYTHONUSERBASE", &text(&user));
        }
    }
    for (name, value) in &call.variables {
        started = started.variable(name, value);
    }
    let handed_on = call.settings.iter().chain(&call.tokens);
    let handed_on: Vec<&str> = handed_on.map(String::as_str).collect();
    started = started.inherit(place.env, &handed_on);
    let mut writable = call.writable.clone();
    writable.push(private.to_owned());
    // The folder is nobody else's, so its name marks what belongs to it.
    Ok(started.confined(writable, &text(private)))
}

/// Whether there is a report, and if not, why.
fn judge(call: &Call, place: &Place<'_>, finished: Result<Finished, ProcessError>) -> State {
    let finished = match finished {
        Ok(finished) => finished,
        Err(ProcessError::NotInstalled(_)) => return State::Absent,
        Err(error) => return State::Failed(without_program(&error)),
    };
    let tail = tail(&finished, call, place);
    let code = match finished.code {
        Some(code) => code,
        None => return State::Failed(format!("a signal ended it{tail}")),
    };
    if call.nothing.contains(&code) {
        return State::Nothing;
    }
    if code != 0 && !call.codes.contains(&code) {
        return State::Failed(format!("it ended with exit code {code}{tail}"));
    }
    let bytes = match call.report {
        ReportAt::Stdout => finished.stdout,
        ReportAt::File => match report(&call.report(place)) {
            Ok(bytes) => bytes,
            Err(why) => return State::Failed(format!("{why}{tail}")),
        },
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return State::Failed(format!("it wrote no report{tail}"));
    }
    State::Report(Source::new(bytes))
}

/// The message of an error, whose program the reader knows already.
fn without_program(error: &ProcessError) -> String {
    match error {
        ProcessError::TimeLimit { limit, .. } => {
            format!(
                "it did not end within {} seconds and was stopped",
                limit.as_secs()
            )
        }
        ProcessError::OutputLimit { limit, .. } => {
            format!("it wrote more than {limit} bytes and was stopped")
        }
        ProcessError::DiskLimit { .. } => "it filled the disk and was stopped".to_owned(),
        ProcessError::ProcessLimit { count, .. } => {
            format!("it started {count} processes and was stopped")
        }
        ProcessError::Interrupted(_) => "it was stopped before its end, as was asked".to_owned(),
        ProcessError::Broken { source, .. } => format!("it could not be run: {source}"),
        ProcessError::NotInstalled(_) => "it is not installed".to_owned(),
    }
}

/// A report that is a file, and no link to another one.
fn report(file: &Path) -> Result<Vec<u8>, String> {
    let Ok(metadata) = file.symlink_metadata() else {
        return Err("it wrote no report".to_owned());
    };
    if !metadata.is_file() {
        return Err("its report is no regular file".to_owned());
    }
    if metadata.len() > REPORT_LIMIT {
        return Err(format!("its report has more than {REPORT_LIMIT} bytes"));
    }
    std::fs::read(file).map_err(|error| format!("its report cannot be read: {error}"))
}

/// Why it failed, where it says so in JSON instead of a report: Snyk and npm do.
fn reason(stdout: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Refusal {
        #[serde(alias = "message")]
        error: String,
    }
    // What is longer is a report.
    if stdout.len() > 64 * 1024 {
        return None;
    }
    let refusal: Refusal = serde_json::from_slice(stdout).ok()?;
    (!refusal.error.trim().is_empty()).then_some(refusal.error)
}

/// The last lines of what it said, without secrets.
fn tail(finished: &Finished, call: &Call, place: &Place<'_>) -> String {
    tail_of(finished, &secrets(call, place))
}

/// The values that a call is given and nobody may read.
fn secrets<'p>(call: &Call, place: &Place<'p>) -> Vec<&'p str> {
    let values = call.tokens.iter().filter_map(|name| place.env.get(name));
    values.filter(|value| value.len() >= 6).collect()
}

/// The last lines of what a program said, without these secrets: those that speak of
/// an error where there are such.
pub(super) fn tail_of(finished: &Finished, secrets: &[&str]) -> String {
    let lines = said(finished, secrets);
    let is_error = |line: &String| {
        let line = line.to_ascii_lowercase();
        let words = ["error", "fatal", "fail", "panic"];
        words.iter().any(|word| line.contains(word))
    };
    // The cause may stand below the line that says that there is an error.
    let from = lines.iter().rposition(is_error).unwrap_or(lines.len());
    let from = from.min(lines.len().saturating_sub(4));
    let last = lines[from..lines.len().min(from + 4)].join(" / ");
    let shown: String = last.chars().take(600).collect();
    if shown.is_empty() {
        String::new()
    } else {
        format!(": {shown}")
    }
}

/// What it said at last, line by line, without secrets: its standard error, else its
/// output.
fn said(finished: &Finished, secrets: &[&str]) -> Vec<String> {
    let said = if finished.stderr.iter().all(u8::is_ascii_whitespace) {
        &finished.stdout
    } else {
        &finished.stderr
    };
    let start = said.len().saturating_sub(TAIL);
    let mut text = match reason(&finished.stdout) {
        Some(reason) => reason,
        None => String::from_utf8_lossy(&said[start..]).into_owned(),
    };
    for value in secrets {
        text = text.replace(value, "[redacted]");
    }
    crate::sarif::redact(&text, false, None)
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

//! `ci-tool trend`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gate::{self, git};
use super::sarif::put;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::report::trend::{Entry, History, Severities, Worse};
use crate::report::{self, trend};
use crate::sys::env::GIT_VARIABLES;
use crate::sys::{clock, fs};

/// The history's file in a folder and in a branch.
const FILE: &str = "trend.jsonl";

/// How often another's push is waited for.
const TRIES: usize = 5;

/// Tell how findings and the score went over time
///
/// A history holds for each commit how many findings of which severity there were, how many
/// failed the gate, and the score of the audit. `--add` takes the JSON of a verdict (`gate`,
/// `scan`, `audit`, or `--report json=FILE`) or of a score (`audit --score --format json`); a
/// commit that is added again takes the place of what it was.
///
/// Exit code 0: told. 1: `--fail-on-worse` found more that is critical or high, or a lower
/// score. 2: wrong usage. 3: something cannot be read or written.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the history is: a file, a folder in which it is trend.jsonl, or branch:NAME of this repository
    #[arg(long, value_name = "PLACE", default_value = FILE)]
    pub history: String,

    /// Add what this file says: the JSON of a verdict or of a score
    #[arg(long, value_name = "FILE")]
    pub add: Vec<PathBuf>,

    /// The commit that is added; without it the job's, or HEAD
    #[arg(long, value_name = "COMMIT", requires = "add")]
    pub commit: Option<String>,

    /// With branch:NAME: push the branch there; what others have pushed meanwhile stays
    #[arg(long, value_name = "REMOTE", num_args = 0..=1, require_equals = true, default_missing_value = "origin", requires = "add")]
    pub push: Option<String>,

    /// So many entries are shown
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub last: u32,

    /// Write a chart
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,

    /// Exit with 1 if the last entry is worse than the one before
    #[arg(long)]
    pub fail_on_worse: bool,

    /// The repository's folder
    #[arg(default_value = ".")]
    pub path: PathBuf,

    /// The form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// The forms of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs; docs/trend.schema.json describes it.
    Json,
    /// For a job summary or a comment.
    Markdown,
}

/// The history.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The version of this form.
    pub version: u32,
    /// The last entries, the oldest first.
    pub entries: Vec<Entry>,
    /// What got worse at last.
    pub worse: Vec<Worse>,
}

/// Adds and tells.
///
/// # Errors
/// Where something cannot be read or written.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let place = Place::of(&args.history)?;
    if args.push.is_some() && !matches!(place, Place::Branch(_)) {
        return Err(Failure::usage("`--push` needs a history in a branch")
            .hint("--history branch:NAME")
            .into());
    }
    let history = match entry(args, context)? {
        None => place.read(&args.path, context)?,
        Some(entry) => place.add(entry, args, context)?,
    };
    let most = args.last as usize;
    if let Some(file) = &args.svg {
        put(file, trend::svg(&history, most).as_bytes())?;
    }
    let worse = history.worse();
    let is_worse = args.fail_on_worse && !worse.is_empty();
    for one in worse.iter().filter(|_| args.fail_on_worse) {
        context.ui.remark(&format!(
            "{} went from {} to {}",
            one.what, one.before, one.now
        ));
    }
    context.ui.result(&match args.format {
        Format::Text => trend::text(&history, most),
        Format::Markdown => trend::markdown(&history, most),
        Format::Json => report::json(&Answer {
            version: trend::VERSION,
            entries: history.last(most).to_vec(),
            worse,
        })?,
    })?;
    Ok(if is_worse { Exit::No } else { Exit::Yes })
}

/// The history for a page of findings.
///
/// # Errors
/// Where it cannot be read.
pub(super) fn history(named: &str, repository: &Path, context: &Context) -> Result<History> {
    Place::of(named)?.read(repository, context)
}

/// A verdict or a score, as far as it is counted.
#[derive(Deserialize)]
#[serde(untagged)]
enum Told {
    Verdict {
        #[allow(dead_code)]
        passes: bool,
        findings: Vec<Decided>,
    },
    Score {
        #[allow(dead_code)]
        categories: Vec<serde::de::IgnoredAny>,
        total: f64,
    },
}

#[derive(Deserialize)]
struct Decided {
    outcome: String,
    finding: Finding,
}

#[derive(Deserialize)]
struct Finding {
    severity: String,
}

fn entry(args: &Args, context: &Context) -> Result<Option<Entry>> {
    if args.add.is_empty() {
        return Ok(None);
    }
    let mut entry = Entry {
        version: trend::VERSION,
        time: clock::utc().format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        commit: commit(args, context)?,
        findings: None,
        denied: None,
        score: None,
    };
    for file in &args.add {
        let told: Told = serde_json::from_str(&gate::read(file)?).map_err(|error| {
            let why = if error.is_syntax() || error.is_eof() {
                error.to_string()
            } else {
                "it is neither a verdict nor a score".to_owned()
            };
            Failure::failed(format!("{}: {why}", file.display()))
                .hint("`ci-tool gate FILE… --format json` prints a verdict, `ci-tool audit --score --format json` a score")
        })?;
        match told {
            Told::Verdict { findings, .. } => {
                let mut counts = entry.findings.unwrap_or_default();
                let mut denied = entry.denied.unwrap_or(0);
                for one in findings.iter().filter(|one| one.outcome != "suppressed") {
                    Severities::add(&mut counts, &one.finding.severity);
                    denied += u64::from(one.outcome == "denied");
                }
                entry.findings = Some(counts);
                entry.denied = Some(denied);
            }
            Told::Score { total, .. } => entry.score = Some(total),
        }
    }
    Ok(Some(entry))
}

/// The commit that was looked at; none outside of a repository.
fn commit(args: &Args, context: &Context) -> Result<Option<String>> {
    if let Some(commit) = &args.commit {
        let is_commit = commit.len() >= 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        return match is_commit {
            true => Ok(Some(commit.to_ascii_lowercase())),
            false => Err(Failure::usage(format!("`{commit}` is no commit"))
                .hint("at least seven digits of its name")
                .into()),
        };
    }
    if let Some(commit) = context
        .env
        .get("GITHUB_SHA")
        .or_else(|| context.env.get("CI_COMMIT_SHA"))
    {
        return Ok(Some(commit.to_owned()));
    }
    let head = git(&args.path, &["rev-parse", "--verify", "HEAD"], context);
    Ok(head
        .ok()
        .map(|text| String::from_utf8_lossy(&text).trim().to_owned()))
}

/// Where a history is.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    Branch(String),
}

impl Place {
    fn of(named: &str) -> Result<Self> {
        if let Some(branch) = named.strip_prefix("branch:") {
            let is_plain =
                |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '.');
            let is_name = branch.chars().all(is_plain)
                && !branch.starts_with(['-', '/', '.'])
                && !branch.contains("..")
                && !branch.ends_with('/')
                && !branch.is_empty();
            return match is_name {
                true => Ok(Self::Branch(branch.to_owned())),
                false => Err(Failure::usage(format!("`{branch}` is no name of a branch"))
                    .hint("for example branch:ci-tool-trend")
                    .into()),
            };
        }
        let path = PathBuf::from(named);
        Ok(Self::File(if path.is_dir() {
            path.join(FILE)
        } else {
            path
        }))
    }

    fn read(&self, repository: &Path, context: &Context) -> Result<History> {
        match self {
            Self::File(path) => match std::fs::read_to_string(path) {
                Ok(text) => parse(&path.display().to_string(), &text),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    Ok(History::default())
                }
                Err(error) => {
                    Err(Failure::failed(format!("cannot read {}: {error}", path.display())).into())
                }
            },
            Self::Branch(branch) => {
                let mut all = History::default();
                for name in [
                    format!("refs/heads/{branch}"),
                    format!("refs/remotes/origin/{branch}"),
                ] {
                    if tip(repository, &name, context).is_some() {
                        all.join(at(repository, &name, context)?);
                    }
                }
                Ok(all)
            }
        }
    }

    fn add(&self, entry: Entry, args: &Args, context: &Context) -> Result<History> {
        match self {
            Self::File(path) => {
                let mut history = self.read(&args.path, context)?;
                history.add(entry);
                let folder = path
                    .parent()
                    .filter(|folder| !folder.as_os_str().is_empty());
                let folder = folder.unwrap_or_else(|| Path::new("."));
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                fs::write_atomically(folder, &name, history.text())
                    .map_err(|error| Failure::failed(error.to_string()))?;
                Ok(history)
            }
            Self::Branch(branch) => add_to_branch(branch, &entry, args, context),
        }
    }
}

fn parse(name: &str, text: &str) -> Result<History> {
    History::parse(text).map_err(|(line, why)| {
        Failure::failed(format!("{name}:{line}: {why}"))
            .hint("a history has an object of JSON in each line; take the line out, or begin another file")
            .into()
    })
}

/// The commit of a reference; none where there is no such reference.
fn tip(repository: &Path, name: &str, context: &Context) -> Option<String> {
    let said = git(
        repository,
        &["rev-parse", "--verify", "--quiet", name],
        context,
    )
    .ok()?;
    Some(String::from_utf8_lossy(&said).trim().to_owned())
}

fn at(repository: &Path, name: &str, context: &Context) -> Result<History> {
    let object = format!("{name}:{FILE}");
    let text = git(repository, &["show", "--end-of-options", &object], context)?;
    parse(&object, &String::from_utf8_lossy(&text))
}

/// A commit on the branch, without a look at the work tree. What others have pushed
/// meanwhile is joined.
fn add_to_branch(branch: &str, entry: &Entry, args: &Args, context: &Context) -> Result<History> {
    let repository = &args.path;
    let own = format!("refs/heads/{branch}");
    for _ in 0..TRIES {
        let theirs = match &args.push {
            None => None,
            Some(remote) => fetched(remote, branch, repository, context)?,
        };
        let old = tip(repository, &own, context);
        let mut history = match &old {
            Some(old) => at(repository, old, context)?,
            None => History::default(),
        };
        if let Some(theirs) = &theirs {
            history.join(at(repository, theirs, context)?);
        }
        history.add(entry.clone());
        let parents: Vec<&String> = match (&old, &theirs) {
            (Some(old), Some(theirs)) if old != theirs => vec![theirs, old],
            (old, theirs) => theirs.iter().chain(old).take(1).collect(),
        };
        let new = commit_of(&history, &parents, repository, context)?;
        // Nothing at all, where the branch is not to be there yet.
        let before = old.clone().unwrap_or_default();
        git(
            repository,
            &["update-ref", "-m", "ci-tool trend", &own, &new, &before],
            context,
        )?;
        let Some(remote) = &args.push else {
            return Ok(history);
        };
        let there = format!("{own}:{own}");
        match outside(
            repository,
            &["push", "--quiet", "--end-of-options", remote, &there],
            context,
        ) {
            Ok(_) => return Ok(history),
            // Somebody was faster, or it is another failure: the next look tells.
            Err(error) if fetched(remote, branch, repository, context)? == theirs => {
                return Err(error);
            }
            Err(_) => {}
        }
    }
    Err(
        Failure::failed(format!("others push to `{branch}` faster than this"))
            .hint("the entry is on the local branch; push it later")
            .into(),
    )
}

/// What git says of another repository, which it reaches as its user does.
fn outside(repository: &Path, arguments: &[&str], context: &Context) -> Result<Vec<u8>> {
    gate::git_with(repository, arguments, b"", &GIT_VARIABLES, context)
}

/// The remote's branch, brought here.
fn fetched(
    remote: &str,
    branch: &str,
    repository: &Path,
    context: &Context,
) -> Result<Option<String>> {
    let name = format!("refs/heads/{branch}");
    let listed = outside(
        repository,
        &["ls-remote", "--end-of-options", remote, &name],
        context,
    )?;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let Some(commit) = listed.split_whitespace().next().map(str::to_owned) else {
        return Ok(None);
    };
    let fetch = [
        "fetch",
        "--quiet",
        "--no-tags",
        "--end-of-options",
        remote,
        &name,
    ];
    outside(repository, &fetch, context)?;
    Ok(Some(commit))
}

fn commit_of(
    history: &History,
    parents: &[&String],
    repository: &Path,
    context: &Context,
) -> Result<String> {
    let said = |arguments: &[&str], input: &str| -> Result<String> {
        let said = gate::git_with(
            repository,
            arguments,
            input.as_bytes(),
            &["PATH", "HOME"],
            context,
        )?;
        Ok(String::from_utf8_lossy(&said).trim().to_owned())
    };
    let blob = said(&["hash-object", "-w", "--stdin"], &history.text())?;
    let tree = said(&["mktree"], &format!("100644 blob {blob}\t{FILE}\n"))?;
    let mut arguments = vec![
        "-c",
        "user.name=ci-tool",
        "-c",
        "user.email=ci-tool@users.noreply.github.com",
        "-c",
        "commit.gpgSign=false",
        "commit-tree",
        &tree,
    ];
    for parent in parents {
        arguments.extend(["-p", parent.as_str()]);
    }
    said(&arguments, "How findings and the score went\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        assert_eq!(
            Place::of("a.jsonl").expect("a place"),
            Place::File("a.jsonl".into())
        );
        assert_eq!(
            Place::of("branch:ci/trend").expect("a place"),
            Place::Branch("ci/trend".to_owned())
        );
        for wrong in [
            "branch:",
            "branch:-x",
            "branch:a..b",
            "branch:a b",
            "branch:/a",
            "branch:a:b",
        ] {
            assert!(Place::of(wrong).is_err(), "{wrong}");
        }
    }
}

//! `ci-tool upload`: findings into GitHub's code scanning.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use base64::Engine as _;

use super::sarif::{Place, load, merged};
use crate::actions::event::Event;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::forge::github::GitHub;
use crate::forge::http::Patience;
use crate::forge::{self, Error};
use crate::sarif::{self, Limits, Settings};
use crate::sys::ui::escape_line;

/// So many files are uploaded at most.
const MAX_FILES: usize = 10;

/// Put findings into GitHub's code scanning.
///
/// Merges what scanners share, mends what GitHub would refuse, uploads it for a commit and a
/// branch, and waits until GitHub has read it. The token (GITHUB_TOKEN) needs
/// `security-events: write`.
///
/// Exit code 0: GitHub has them. 2: wrong usage. 3: GitHub has not taken them, or has not
/// said so in time; the reason and the mend are told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// SARIF files
    #[arg(required = true)]
    pub files: Vec<PathBuf>,

    /// Where they go.
    #[command(flatten)]
    pub target: Target,

    /// Where the repository is.
    #[command(flatten)]
    pub place: Place,

    /// Do everything but upload
    #[arg(long)]
    pub dry_run: bool,

    /// Exit with 0 where code scanning is switched off or the token may not write
    #[arg(long)]
    pub optional: bool,
}

/// Where findings go.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Target {
    /// The category under which GitHub keeps these alerts; the same for every commit
    #[arg(long, default_value = "ci-tool")]
    pub category: String,

    /// What they are about.
    #[command(flatten)]
    pub subject: Subject,

    /// How many seconds GitHub has to read them; 0 does not wait
    #[arg(long = "upload-wait", value_name = "SECONDS", default_value_t = 180)]
    pub wait: u64,
}

/// The commit of a repository that was looked at.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Subject {
    /// The repository on GitHub [default: that of the job]
    #[arg(long, value_name = "OWNER/NAME")]
    pub slug: Option<String>,

    /// The commit that was looked at [default: that of the job, else HEAD]
    #[arg(long = "upload-commit", value_name = "COMMIT")]
    pub commit: Option<String>,

    /// Its branch, tag or pull request, in full: refs/heads/main [default: that of the job,
    /// else the branch of HEAD]
    #[arg(long = "upload-ref", value_name = "REF")]
    pub reference: Option<String>,
}

/// What was looked at, by name.
pub(super) struct Looked {
    /// The repository's owner.
    pub(super) owner: String,
    /// The repository's name.
    pub(super) name: String,
    /// The commit.
    pub(super) commit: String,
    /// The full ref.
    pub(super) reference: String,
}

impl Subject {
    /// What was looked at: what was said, else what the job is for, else what is checked out.
    ///
    /// # Errors
    /// Where that is not known.
    pub(super) fn looked(&self, repository: &std::path::Path, context: &Context) -> Result<Looked> {
        let env = &context.env;
        let of_job = |name: &str| env.get(name).filter(|_| env.in_github_actions());
        let slug = self.slug.as_deref().or_else(|| of_job("GITHUB_REPOSITORY"));
        let Some((owner, name)) = slug.and_then(|slug| slug.split_once('/')) else {
            return Err(
                Failure::usage("it is not known which repository of GitHub this is about")
                    .hint("`--slug OWNER/NAME` names it")
                    .into(),
            );
        };
        let given = |given: &Option<String>, variable: &str, arguments: &[&str]| {
            let job = || of_job(variable).map(str::to_owned);
            let said = || git(repository, context, arguments);
            given.clone().or_else(job).or_else(said)
        };
        let commit = given(&self.commit, "GITHUB_SHA", &["rev-parse", "HEAD"]);
        let reference = given(&self.reference, "GITHUB_REF", &["symbolic-ref", "HEAD"]);
        let (Some(commit), Some(reference)) = (commit, reference) else {
            return Err(Failure::usage(
                "it is not known which commit of which branch was looked at",
            )
            .hint("`--upload-commit COMMIT` and `--upload-ref refs/heads/BRANCH` say it")
            .into());
        };
        if !reference.starts_with("refs/") {
            return Err(
                Failure::usage(format!("`{}` is no full ref", escape_line(&reference)))
                    .hint("write refs/heads/main, refs/tags/v1 or refs/pull/7/merge")
                    .into(),
            );
        }
        Ok(Looked {
            owner: owner.to_owned(),
            name: name.to_owned(),
            commit,
            reference,
        })
    }
}

impl Target {
    /// Refuses a category that is another one each time.
    ///
    /// # Errors
    /// Where it is.
    pub(super) fn check(&self) -> Result<()> {
        if sarif::has_changing_part(&self.category) {
            return Err(Failure::usage(format!(
                "the category `{}` holds a commit or a date, so that every upload would close all alerts and open them again",
                escape_line(&self.category)
            ))
            .hint("use the same category for every commit")
            .into());
        }
        Ok(())
    }
}

/// Whether findings are uploaded though that may be switched off or not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum When {
    /// They have to be.
    Required,
    /// It is done without where code scanning is switched off or the token may only read.
    Auto,
}

/// Why GitHub has not got them.
#[derive(Debug)]
pub(super) struct Refused {
    /// In words.
    pub(super) message: String,
    /// What to do.
    pub(super) hint: String,
    /// Whether it is a matter of what is switched on or allowed, which a run cannot change.
    pub(super) is_setting: bool,
}

impl Refused {
    /// Tells it as something that one can do without.
    pub(super) fn tell(&self, context: &Context) {
        let text = format!("not uploaded: {}", self.message);
        context.ui.warning(&text);
        context.ui.hint(&self.hint);
    }
}

impl From<Refused> for anyhow::Error {
    fn from(refused: Refused) -> Self {
        Failure::failed(refused.message).hint(refused.hint).into()
    }
}

/// Uploads.
///
/// # Errors
/// Where the files cannot be read, or GitHub does not take them.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let sources = load(&args.files)?;
    let mut report = merged(&sources, &args.place, context)?;
    for (scanner, why) in report.failures() {
        context.ui.warning(&escape_line(&format!(
            "{scanner} says that it failed: what it would have found is not uploaded: {why}"
        )));
    }
    report.findings.retain(|finding| !finding.is_suppressed());
    let settings = Settings {
        category: args.target.category.clone(),
        files: MAX_FILES,
        limits: Limits::GITHUB,
    };
    args.target.check()?;
    let written = sarif::write(&report, &settings);
    if !written.dropped.is_empty() {
        let left: usize = written.dropped.iter().map(|(_, count)| count).sum();
        context.ui.warning(&format!(
            "{left} findings do not fit into what GitHub takes; the least severe are left out"
        ));
    }
    if args.dry_run {
        let bytes: usize = written.files.iter().map(|file| pack(file).len()).sum();
        context.ui.result(&format!(
            "{} findings in {} files of {bytes} bytes would be uploaded as `{}`\n",
            report.findings.len(),
            written.files.len(),
            escape_line(&args.target.category)
        ))?;
        return Ok(Exit::Yes);
    }
    match publish(
        &written.files,
        &args.target,
        &args.place.repository,
        context,
    )? {
        Ok(told) => {
            context.ui.result(&format!("{told}\n"))?;
            Ok(Exit::Yes)
        }
        Err(refused) if args.optional && refused.is_setting => {
            refused.tell(context);
            Ok(Exit::Yes)
        }
        Err(refused) => Err(refused.into()),
    }
}

/// Uploads files as they are and waits until GitHub has read them; what came of it, or why
/// GitHub has not got them.
///
/// # Errors
/// Where it is not known what they are about.
pub(super) fn publish(
    files: &[Vec<u8>],
    target: &Target,
    repository: &std::path::Path,
    context: &Context,
) -> Result<Result<String, Refused>> {
    let env = &context.env;
    let looked = target.subject.looked(repository, context)?;
    let patience = Patience {
        answer: Duration::from_secs(120),
        ..Patience::default()
    };
    let about = About {
        commit: &looked.commit,
        reference: &looked.reference,
        is_fork: Event::of(env).may_only_read(env),
    };
    let github = match GitHub::new(env, patience) {
        Ok(github) if github.has_token() => github,
        Ok(_) => {
            return Ok(Err(Refused {
                message: "there is no token for GitHub".to_owned(),
                hint: "give it in GITHUB_TOKEN; in a workflow the action's input `token` has it"
                    .to_owned(),
                is_setting: true,
            }));
        }
        Err(error) => return Ok(Err(about.refused(&error))),
    };
    let done = forge::run(upload(
        &github,
        (&looked.owner, &looked.name),
        files,
        &about,
        target.wait,
    ))
    .map_err(|error| Failure::failed(error.to_string()))?;
    Ok(done)
}

/// The folder below the repository's root, with a slash at its end; empty at the root, and
/// where there is no repository.
pub(super) fn prefix(folder: &std::path::Path, context: &Context) -> String {
    git(folder, context, &["rev-parse", "--show-prefix"]).unwrap_or_default()
}

/// What git says in a folder, where it says something.
fn git(folder: &std::path::Path, context: &Context, arguments: &[&str]) -> Option<String> {
    let said = super::gate::git(folder, arguments, context).ok()?;
    let text = String::from_utf8_lossy(&said).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

async fn upload(
    github: &GitHub,
    repository: (&str, &str),
    files: &[Vec<u8>],
    about: &About<'_>,
    wait: u64,
) -> Result<String, Refused> {
    let mut receipts = Vec::new();
    for file in files {
        let packed = pack(file);
        let sent = github.upload_sarif(repository, about.commit, about.reference, &packed);
        receipts.push(sent.await.map_err(|error| about.refused(&error))?.id);
    }
    let count = receipts.len();
    let what = format!(
        "{count} {} for {} of {}/{}",
        if count == 1 { "file" } else { "files" },
        about.reference,
        repository.0,
        repository.1
    );
    if wait == 0 {
        return Ok(format!("uploaded {what}; GitHub has yet to read them"));
    }
    let started = Instant::now();
    let limit = Duration::from_secs(wait);
    std::thread::sleep(FIRST_LOOK.min(limit));
    let mut looks = looks(limit);
    for id in receipts {
        loop {
            let processing = github.sarif(repository, &id).await;
            let processing = processing.map_err(|error| about.refused(&error))?;
            let (status, errors) = processing.map_or((None, None), |processing| {
                (processing.processing_status, processing.errors)
            });
            match status.as_deref() {
                Some("complete") => break,
                Some("failed") => {
                    let errors = errors.unwrap_or_default();
                    return Err(about.unreadable(&errors));
                }
                _ => {}
            }
            let Some(next) = looks.next() else {
                return Err(Refused {
                    message: format!("GitHub has taken the findings and not read them within {wait} seconds"),
                    hint: "`--upload-wait SECONDS` waits longer; the repository's page for code scanning tells how it ended".to_owned(),
                    is_setting: false,
                });
            };
            std::thread::sleep(next.saturating_sub(started.elapsed()));
        }
    }
    Ok(format!("uploaded {what}, and GitHub has read them"))
}

/// GitHub reads no file sooner.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// When GitHub is asked again, counted from the uploads: each question costs something of the
/// rate limit, and who has waited long can wait a while longer. The last is at the limit.
fn looks(limit: Duration) -> impl Iterator<Item = Duration> {
    let next = move |at: &Duration| {
        let next = match *at * 3 {
            next if next * 2 > limit => limit,
            next => next,
        };
        (*at < limit).then_some(next)
    };
    std::iter::successors(next(&FIRST_LOOK), next)
}

/// As GitHub takes it: gzip, then base64.
fn pack(file: &[u8]) -> String {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    // A vector takes everything.
    let packed = packer.write_all(file).and_then(|()| packer.finish());
    base64::engine::general_purpose::STANDARD.encode(packed.unwrap_or_default())
}

/// What an upload is about, for the explanation of what went wrong.
struct About<'a> {
    commit: &'a str,
    reference: &'a str,
    is_fork: bool,
}

impl About<'_> {
    /// Why GitHub does not take it. The words are those of its answers.
    fn refused(&self, error: &Error) -> Refused {
        let message = error.to_string();
        let lower = message.to_lowercase();
        let has = |text: &str| lower.contains(text);
        let (hint, is_setting) = if [
            "advanced security must be enabled",
            "code security must be enabled",
            "code scanning is not enabled",
            "code quality is not enabled",
        ]
        .iter()
        .any(|text| has(text))
        {
            ("code scanning is switched off here: an owner switches it on under Settings, Code security (private repositories need GitHub Code Security)".to_owned(), true)
        } else if has("resource not accessible") && self.is_fork {
            ("the token of a pull request from a fork or from Dependabot may only read; the findings are in the log and the summary, and the run on the branch uploads them".to_owned(), true)
        } else if has("resource not accessible") || matches!(error, Error::Forbidden { .. }) {
            ("the job's token may not write them: give the job `permissions: {contents: read, security-events: write}`".to_owned(), true)
        } else if has("commit not found") || has("no commit found") {
            (
                format!(
                    "GitHub does not know commit {}: push it first, or name the one that was pushed with --upload-commit",
                    self.commit
                ),
                false,
            )
        } else if has("ref") && has("not found") {
            (
                format!(
                    "GitHub does not know {}: push it first, or name another with --upload-ref",
                    self.reference
                ),
                false,
            )
        } else if has("(413") || has("was 413") {
            ("there is more than GitHub takes at once: `ci-tool sarif filter` keeps what matters".to_owned(), false)
        } else if matches!(error, Error::NotFound { .. } | Error::Hidden { .. }) {
            ("check the repository's name; a token that may not see it, or a repository without code scanning, gives the same answer".to_owned(), false)
        } else {
            (error.hint(), false)
        };
        Refused {
            message: format!(
                "GitHub has not taken the findings: {}",
                escape_line(&message)
            ),
            hint,
            is_setting,
        }
    }

    /// Why GitHub could not read what it has taken.
    fn unreadable(&self, errors: &[String]) -> Refused {
        let said = errors.join("; ");
        let lower = said.to_lowercase();
        let has = |text: &str| lower.contains(text);
        let hint = if has("default setup") {
            "the default setup of CodeQL is on, and takes no results of CodeQL from elsewhere: switch one of the two off"
        } else if has("category") {
            "two uploads for one commit have the same tool and category: give each its own --category"
        } else if has("too many logical alerts") {
            "GitHub has too many alerts here, which paths or rules that change with each run bring about; only its support can delete them"
        } else {
            "`ci-tool sarif validate` says what GitHub does not take; please report it if that finds nothing"
        };
        Refused {
            message: format!(
                "GitHub could not read the findings: {}",
                escape_line(if said.is_empty() {
                    "no reason given"
                } else {
                    &said
                })
            ),
            hint: hint.to_owned(),
            is_setting: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_looks_reach_the_limit() {
        for (limit, expected) in [
            (180, vec![6, 18, 54, 180]),
            (10, vec![10]),
            (3, vec![3]),
            (2, vec![]),
            (1, vec![]),
        ] {
            let looks = looks(Duration::from_secs(limit));
            let looks: Vec<u64> = looks.map(|at| at.as_secs()).collect();
            assert_eq!(looks, expected, "{limit}");
        }
    }
}

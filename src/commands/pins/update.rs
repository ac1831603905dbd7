//! `ci-tool pins update`.

use std::collections::BTreeMap;
use std::time::SystemTime;

use anyhow::Result;
use futures_util::StreamExt as _;

use super::online::{AT_ONCE, Asker, Group, Place, by_repository};
use super::{File, Scope, ends_the_conversation};
use crate::commands::generate::cannot_write;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::forge::Error;
use crate::forge::github::GitHub;
use crate::forge::http::Patience;
use crate::report;
use crate::report::pins::count;
use crate::sys::fs;
use crate::sys::ui::escape_line;
use crate::workflows::header::{Origin, origin};
use crate::workflows::pins::update::{Current, Tag, comment_to_write, current, newer};
use crate::workflows::pins::{ActionPattern, Edit, Reference, Use, apply};

/// Raise actions to their newest release that is old enough.
///
/// Asks GitHub for the releases of every action, takes the newest version that
/// is no pre-release and has been out for the cool-down, and writes its commit
/// and its tag in place: no other byte of a file changes. What stands on a tag is
/// pinned to a commit. Nothing is lowered; what stands on a branch, or on a
/// commit without a tag, is left and told.
///
/// Exit code 0: done. 2: wrong usage or configuration. 3: an action could not be
/// asked about or a file not written; the others are done.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which files are looked at.
    #[command(flatten)]
    pub scope: Scope,

    /// Days that a release must be old [default: 7, or the configuration's]
    #[arg(long, value_name = "DAYS")]
    pub cooldown: Option<u32>,

    /// Only this action, or `owner/*`
    #[arg(long, value_name = "OWNER/NAME")]
    pub only: Option<String>,

    /// Cross major versions
    #[arg(long)]
    pub major: bool,

    /// Print the differences; write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// What becomes of a use.
enum Outcome {
    /// It is written anew.
    Edit(NewPin),
    /// It stays, and a person should know why.
    Told(String),
}

/// What is written at a use, and what is worth saying about it.
struct NewPin {
    commit: String,
    tag: String,
    remark: Option<String>,
}

/// By file and line of a use in it.
type Outcomes<'a> = BTreeMap<(&'a str, usize, usize), Outcome>;

/// Asks, writes and tells.
///
/// # Errors
/// Where GitHub cannot be asked, or a file cannot be written.
pub(super) fn run(args: &Args, context: &Context) -> Result<Exit> {
    let input = super::read(&args.scope, context)?;
    let (files, rules) = (&input.files, &input.rules);
    let only = args.only.as_deref().map(ActionPattern::new);
    let uses: Vec<Place<'_>> = files
        .iter()
        .flat_map(|file| file.uses.iter().map(|found| (file.path.as_str(), found)))
        .filter(|(_, found)| rules.covers(found))
        .filter(|(_, found)| {
            found.repository().is_some_and(|repository| {
                let slug = repository.slug();
                let may_stay =
                    rules.allows(&slug) && matches!(repository.reference, Reference::Tag(_));
                !may_stay && only.as_ref().is_none_or(|only| only.matches(&slug))
            })
        })
        .collect();
    if uses.is_empty()
        && let Some(only) = &args.only
    {
        return Err(
            Failure::usage(format!("no file that was looked at uses `{only}`"))
                .hint("`ci-tool pins list --all` shows what is used")
                .into(),
        );
    }
    let policy = Policy {
        cooldown_days: args.cooldown.unwrap_or(rules.cooldown_days),
        major: args.major,
        now: SystemTime::now(),
    };
    let (outcomes, failures) = if uses.is_empty() {
        (Outcomes::new(), Vec::new())
    } else {
        let github = GitHub::new(&context.env, Patience::default())
            .map_err(|error| super::explain(&error))?;
        crate::forge::run(decide_all(&github, &uses, &policy))?
    };
    let mut exit = Exit::Yes;
    let mut written = 0;
    for file in files {
        let done = write(file, &outcomes, args, context)?;
        written += usize::from(done.is_changed);
        if done.is_refused {
            exit = Exit::Failed;
        }
    }
    context.ui.remark(&match (written, args.dry_run) {
        (0, _) if exit == Exit::Yes && failures.is_empty() => "nothing to raise".to_owned(),
        (0, _) => "nothing was written".to_owned(),
        (files, true) => format!("{} would change; nothing was written", count(files, "file")),
        (files, false) => format!("{} written", count(files, "file")),
    });
    for error in &failures {
        exit = context.tell(&super::explain(error));
    }
    Ok(input.tell_broken(exit, context))
}

/// Which releases are taken.
struct Policy {
    cooldown_days: u32,
    major: bool,
    now: SystemTime,
}

async fn decide_all<'a>(
    github: &GitHub,
    uses: &[Place<'a>],
    policy: &Policy,
) -> (Outcomes<'a>, Vec<Error>) {
    let groups = by_repository(uses);
    let mut answers = futures_util::stream::iter(&groups)
        .map(|group| of_repository(github, group, policy))
        .buffered(AT_ONCE);
    let mut outcomes = BTreeMap::new();
    let mut failures = Vec::new();
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(found) => outcomes.extend(found),
            Err(failure) => {
                let is_end = ends_the_conversation(&failure);
                failures.push(failure);
                if is_end {
                    break;
                }
            }
        }
    }
    (outcomes, failures)
}

async fn of_repository<'a>(
    github: &GitHub,
    group: &Group<'a>,
    policy: &Policy,
) -> Result<Outcomes<'a>, Error> {
    let key = |place: &Place<'a>| (place.0, place.1.line, place.1.column);
    let uses = &group.uses;
    let mut asker = match Asker::new(github, group).await? {
        Ok(asker) => asker,
        Err(finding) => {
            let told = |place| (key(place), Outcome::Told(finding.message.clone()));
            return Ok(uses.iter().map(told).collect());
        }
    };
    let tags = asker.tags().await?.to_vec();
    let mut ages = Ages {
        github,
        names: asker.names(),
        known: BTreeMap::new(),
        policy,
    };
    let mut outcomes = Outcomes::new();
    for place in uses {
        if let Some(outcome) = decide(place.1, &tags, &mut ages).await? {
            outcomes.insert(key(place), outcome);
        }
    }
    Ok(outcomes)
}

/// What becomes of a use; `None` where it is up to date.
async fn decide(found: &Use, tags: &[Tag], ages: &mut Ages<'_>) -> Result<Option<Outcome>, Error> {
    let tag = match current(found, tags) {
        Current::At(tag) => tag,
        Current::Left(why) => return Ok(Some(Outcome::Told(why))),
    };
    let mut waiting = None;
    for candidate in newer(tags, &tag, ages.policy.major) {
        match ages.of(candidate).await? {
            Age::Enough => {
                return Ok(Some(Outcome::Edit(NewPin {
                    commit: candidate.commit.clone(),
                    tag: candidate.name.clone(),
                    remark: waiting,
                })));
            }
            Age::NotYet(why) => {
                waiting.get_or_insert(why);
            }
            Age::NotForAll => {}
        }
    }
    let is_pinned = matches!(
        found.repository().map(|repository| &repository.reference),
        Some(Reference::Commit(_))
    );
    let comment = comment_to_write(found, tags, &tag);
    if is_pinned && comment.is_none() {
        return Ok(waiting.map(Outcome::Told));
    }
    Ok(Some(Outcome::Edit(NewPin {
        commit: tag.commit.clone(),
        tag: comment.unwrap_or(&tag.name).to_owned(),
        remark: waiting,
    })))
}

/// Whether a release may be taken.
#[derive(Clone)]
enum Age {
    /// It is old enough.
    Enough,
    /// It has to wait; why.
    NotYet(String),
    /// It is a draft or a pre-release.
    NotForAll,
}

/// Asks how old releases are, about none twice.
struct Ages<'a> {
    github: &'a GitHub,
    names: (&'a str, &'a str),
    known: BTreeMap<String, Age>,
    policy: &'a Policy,
}

impl Ages<'_> {
    async fn of(&mut self, tag: &Tag) -> Result<Age, Error> {
        if let Some(known) = self.known.get(&tag.name) {
            return Ok(known.clone());
        }
        let age = self.ask(tag).await?;
        self.known.insert(tag.name.clone(), age.clone());
        Ok(age)
    }

    /// The younger of release and commit counts: a tag can be moved to another
    /// commit long after its release, and a commit can claim any date.
    async fn ask(&self, tag: &Tag) -> Result<Age, Error> {
        let (owner, name) = self.names;
        let release = self.github.release(owner, name, &tag.name).await?;
        if release
            .as_ref()
            .is_some_and(|release| release.prerelease || release.draft)
        {
            return Ok(Age::NotForAll);
        }
        let commit = self.github.commit(owner, name, &tag.commit).await?;
        let committed = commit.and_then(|commit| commit.time());
        let published = release.and_then(|release| release.time());
        let Some(since) = committed.max(published) else {
            return Ok(Age::NotYet(format!("{} has no date: not taken", tag.name)));
        };
        let needed = self.policy.cooldown_days;
        let days = self
            .policy
            .now
            .duration_since(since)
            .map_or(0, |age| age.as_secs() / (24 * 60 * 60));
        Ok(if days >= u64::from(needed) {
            Age::Enough
        } else {
            Age::NotYet(format!(
                "{} is {days} days old and waits until it is {needed}",
                tag.name
            ))
        })
    }
}

/// What became of a file.
struct Done {
    is_changed: bool,
    /// Whether a use in it should have changed and could not.
    is_refused: bool,
}

/// Writes what was decided for a file, and tells the rest.
fn write(file: &File, outcomes: &Outcomes<'_>, args: &Args, context: &Context) -> Result<Done> {
    let root = &args.scope.path;
    let mut edits = Vec::new();
    for (at, found) in file.uses.iter().enumerate() {
        let key = (file.path.as_str(), found.line, found.column);
        let told = match outcomes.get(&key) {
            None => continue,
            Some(Outcome::Told(why)) => Some(why),
            Some(Outcome::Edit(pin)) => {
                edits.push(Edit {
                    at,
                    commit: pin.commit.clone(),
                    tag: pin.tag.clone(),
                });
                pin.remark.as_ref()
            }
        };
        if let Some(why) = told {
            context.ui.remark(&escape_line(&format!(
                "{}:{}: {}: {why}",
                super::shown(root, &file.path),
                found.line,
                found.text
            )));
        }
    }
    let (text, refused) = apply(&file.text, &file.uses, &edits);
    for refused in &refused {
        let text = format!("{}: {refused}", super::shown(root, &file.path));
        context.ui.error(&escape_line(&text));
    }
    let done = Done {
        is_changed: text != file.text,
        is_refused: !refused.is_empty(),
    };
    if !done.is_changed {
        return Ok(done);
    }
    let diff = report::diff::unified(&file.path, Some(&file.text), &text);
    context
        .ui
        .result(&report::diff::coloured(&crate::sys::ui::escape_terminal(
            &diff,
        )))?;
    if !args.dry_run {
        // The byte order mark was taken off for reading.
        let mark = std::fs::read(root.join(&file.path))
            .is_ok_and(|bytes| bytes.starts_with("\u{feff}".as_bytes()));
        let text = if mark {
            format!("\u{feff}{text}")
        } else {
            text
        };
        fs::write_atomically(root, &file.path, &text).map_err(|error| cannot_write(&error))?;
        if matches!(origin(&file.text), Origin::Ours { .. }) {
            context.ui.remark(&format!(
                "{} counts as edited from now on: `ci-tool generate` leaves it as it is",
                file.path
            ));
        }
    }
    Ok(done)
}

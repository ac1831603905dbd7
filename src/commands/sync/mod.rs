//! `ci-tool sync`: keeps a mirror the same as its source.

mod beside;
mod forges;
mod watched;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::ValueEnum;
use secrecy::SecretString;

use self::forges::Server;
use self::watched::Watched;
use super::status;
use crate::config::sync::{ConflictName, DefaultBranchName, Direction, LfsName, Sync};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::mirror::address::Forge;
use crate::mirror::decide::Ways;
use crate::mirror::refs::{Filter, GlobError, Globs};
use crate::mirror::{
    self, Address, Endpoint, Foresight, Git, Lfs, Names, OnConflict, Policy, Problem, Settings,
    Trouble,
};
use crate::project::git;
use crate::report::{
    self,
    sync::{Note, Told},
};
use crate::sys::askpass::Credential;
use crate::sys::env::Env;
use crate::sys::{clock, interrupt};

/// Refs that one sync may delete, where nothing else is said.
const PRUNE_LIMIT: u32 = 10;

/// Their share in percent.
const PRUNE_PERCENT: u32 = 25;

/// Days that saved commits stay.
const BACKUP_DAYS: u32 = 90;

/// How often something that may pass is tried again.
const RETRIES: usize = 6;

/// GitHub shows so many errors of a step.
const MAX_ANNOTATIONS: usize = 10;

/// How long something that may pass is tried again, in seconds.
const RETRY_FOR: u64 = 600;

/// Keep a mirror the same as its source, without losing a commit.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The repository's folder, for its configuration and what git has there
    #[arg(default_value = ".")]
    pub path: PathBuf,

    /// The address of the repository that people work in
    /// [default: `sync.source`, else that of the job, else the remote `origin`]
    #[arg(long, value_name = "ADDRESS")]
    pub source: Option<String>,

    /// The address of the repository that is kept the same [default: `sync.mirror`]
    #[arg(long, value_name = "ADDRESS")]
    pub mirror: Option<String>,

    /// Which way changes go [default: push]
    #[arg(long, value_name = "WAY")]
    pub direction: Option<DirectionName>,

    /// Only these branches and tags: `main`, `release/*`, `tags/v*`
    #[arg(long, value_name = "GLOB")]
    pub include: Vec<String>,

    /// Not these branches and tags
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,

    /// Write nothing and tell what would be written
    #[arg(long)]
    pub dry_run: bool,

    /// Compare both sides, fetch the mirror whole, and write nothing
    #[arg(long, conflicts_with = "dry_run")]
    pub verify: bool,

    /// What the mirror has of these branches and tags counts as brought by us: the source
    /// wins, once, and a backup ref keeps what was there
    #[arg(long, value_name = "GLOB")]
    pub adopt: Vec<String>,

    /// Make the mirror, private and empty, where there is none
    #[arg(long, conflicts_with = "verify")]
    pub create: bool,

    /// How many refs may be deleted on the mirror; 0 deletes none [default: 10]
    #[arg(long, value_name = "COUNT")]
    pub prune_limit: Option<u32>,

    /// How large a part of the mirror's refs that may be, in percent [default: 25]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub prune_percent: Option<u32>,

    /// For how many seconds something that may pass is tried again
    #[arg(long, value_name = "SECONDS", default_value_t = RETRY_FOR)]
    pub retry_for: u64,

    /// The folder that keeps what was fetched for the next run [default: none]
    #[arg(long, value_name = "FOLDER", env = "CI_TOOL_CACHE")]
    pub cache: Option<PathBuf>,

    /// Write what the sync came to into this file, in the text form of Prometheus
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "verify"])]
    pub metrics: Option<PathBuf>,

    /// The form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// Which way changes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DirectionName {
    /// From the source to the mirror.
    Push,
    /// From the mirror to the source.
    Pull,
    /// Both ways.
    Both,
}

/// The forms of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs; docs/sync.md describes it.
    Json,
    /// For a job's summary.
    Markdown,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            path: PathBuf::from("."),
            source: None,
            mirror: None,
            direction: None,
            include: Vec::new(),
            exclude: Vec::new(),
            dry_run: false,
            verify: false,
            adopt: Vec::new(),
            create: false,
            prune_limit: None,
            prune_percent: None,
            retry_for: RETRY_FOR,
            cache: None,
            metrics: None,
            format: Format::Text,
        }
    }
}

/// What a sync came to.
#[derive(Debug)]
pub struct Answer {
    /// The exit code.
    pub exit: Exit,
    /// What is printed.
    pub text: String,
    /// What a job's summary says; empty for `--verify`.
    pub markdown: String,
    /// The same for programs.
    pub json: String,
    /// Whether a ref was written, or would be.
    pub is_changed: bool,
    /// What a person has to look at, a sentence each; no more than a job shows.
    pub open: Vec<String>,
}

/// Syncs, and tells what came of it.
///
/// # Errors
/// Where the two sides are not known, or it cannot be found out or done.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let answer = carry_out(args, context)?;
    context.ui.result(&answer.text)?;
    Ok(answer.exit)
}

/// Syncs without printing.
///
/// # Errors
/// As [`run`].
pub fn carry_out(args: &Args, context: &Context) -> Result<Answer> {
    let started = Instant::now();
    let config = context.config(&args.path)?.config.sync;
    let direction = args.direction.map_or_else(
        || config.direction.unwrap_or_default(),
        |direction| match direction {
            DirectionName::Push => Direction::Push,
            DirectionName::Pull => Direction::Pull,
            DirectionName::Both => Direction::Both,
        },
    );
    let source = source(args, &config, context)?;
    let mirror = mirror(args, &config)?;
    if source.id() == mirror.id() {
        return Err(Failure::usage(format!(
            "source and mirror are the same repository, {source}"
        ))
        .hint("`--mirror ADDRESS` or `sync.mirror` names the other one")
        .into());
    }
    let policy = policy(args, &config, direction)?;
    let source = endpoint(source, config.source_token.as_deref(), &context.env)?;
    let mirror = endpoint(mirror, config.mirror_token.as_deref(), &context.env)?;
    let follows = config.default_branch == Some(DefaultBranchName::Follow);
    // What is copied from is the source of the copying, whatever people call it.
    let ((source, _), (mirror, token)) = match direction {
        Direction::Pull => (mirror, source),
        Direction::Push | Direction::Both => (source, mirror),
    };
    let server = Server::new(&mirror.address, token, &context.env).map_err(beside::unreachable)?;
    let server = server.map(Arc::new);
    if server.is_none() && (args.create || follows) {
        return Err(beside::no_server(&mirror.address, args.create));
    }
    let (source_url, mirror_url) = (source.address.to_string(), mirror.address.to_string());
    let settings = settings(
        args,
        &config,
        policy,
        &source.address,
        &mirror.address,
        context,
    );
    interrupt::watch();
    let kept = args
        .cache
        .as_deref()
        .map(|cache| kept(cache, &source.address));
    let kept = kept.transpose()?;
    let objects = git::whole_objects(&args.path).filter(|_| !args.verify);
    let (kept_folder, _lock) = kept.unzip();
    let git = Git::new(source, mirror, &context.env, settings.now)
        .map_err(failure)?
        .kept(kept_folder.filter(|_| !args.verify))
        .objects(objects)
        .lfs_files(match config.lfs {
            None | Some(LfsName::Transfer) => Lfs::Transfer,
            Some(LfsName::Refuse) => Lfs::Refuse,
            Some(LfsName::Skip) => Lfs::Skip,
        })
        .foresight(
            server
                .clone()
                .map(|server| -> Arc<dyn Foresight> { server }),
        );
    if args.verify {
        return verify(
            &git,
            &settings.policy,
            args.format,
            (&source_url, &mirror_url),
        );
    }
    let mut notes = Vec::new();
    let is_new = match server.as_deref().filter(|_| args.create) {
        Some(server) => beside::make(&git, server, args.dry_run)?,
        None => false,
    };
    if is_new {
        let verb = if args.dry_run { "would be" } else { "was" };
        notes.push(Note::done(format!("{mirror_url} {verb} made, private")));
    }
    let git = git.new_mirror(is_new && args.dry_run);
    let watched = Watched::new(&git, &context.ui);
    let run = || mirror::run(&watched, &settings);
    let mut outcome = status::during(&context.ui, || watched.draw(), run).map_err(failure)?;
    if let Some(server) = server.as_deref() {
        if follows {
            notes.extend(beside::follow(&git, server, &settings, &mut outcome));
        }
        if settings.policy.on_conflict == OnConflict::Branch && !args.dry_run {
            notes.extend(beside::pull_requests(
                server,
                &outcome,
                &settings.policy.names,
            ));
        }
    }
    let told = Told {
        source: &source_url,
        mirror: &mirror_url,
        outcome: &outcome,
        names: &settings.policy.names,
        notes: &notes,
        is_dry_run: args.dry_run,
        traffic: git.traffic(),
        seconds: started.elapsed().as_secs_f64(),
    };
    if let Some(file) = &args.metrics {
        super::sarif::put(file, report::sync::metrics(&told, clock::now()).as_bytes())?;
    }
    answer(&told, args.format)
}

fn answer(told: &Told<'_>, format: Format) -> Result<Answer> {
    let markdown = report::sync::markdown(told);
    let json = report::json(&report::sync::json(told))?;
    let is_open = !told.is_in_sync();
    Ok(Answer {
        exit: if is_open { Exit::No } else { Exit::Yes },
        text: match format {
            Format::Text => report::sync::text(told),
            Format::Json => json.clone(),
            Format::Markdown => markdown.clone(),
        },
        markdown,
        json,
        is_changed: told.counts().written > 0,
        open: report::sync::sentences(told, MAX_ANNOTATIONS),
    })
}

fn verify(git: &Git, policy: &Policy, format: Format, urls: (&str, &str)) -> Result<Answer> {
    let (count, differing) = mirror::verify(git, policy).map_err(failure)?;
    let exit = if differing.is_empty() {
        Exit::Yes
    } else {
        Exit::No
    };
    let compared = report::sync::Compared {
        source: urls.0,
        mirror: urls.1,
        count,
        differing: &differing,
    };
    let json = report::json(&report::sync::compared_json(&compared))?;
    Ok(Answer {
        exit,
        text: match format {
            Format::Json => json.clone(),
            Format::Text | Format::Markdown => report::sync::compared_text(&compared),
        },
        markdown: String::new(),
        json,
        is_changed: false,
        open: Vec::new(),
    })
}

/// The repository that people work in.
fn source(args: &Args, config: &Sync, context: &Context) -> Result<Address> {
    let given = args.source.as_ref().or(config.source.as_ref());
    if let Some(given) = given {
        return address(given, "source");
    }
    let env = &context.env;
    if let (true, Some(server), Some(name)) = (
        env.in_github_actions(),
        env.get("GITHUB_SERVER_URL"),
        env.get("GITHUB_REPOSITORY"),
    ) {
        return address(
            &format!("{}/{name}.git", server.trim_end_matches('/')),
            "source",
        );
    }
    let remotes = git::remotes(&args.path);
    match remotes.iter().find(|(name, _)| name == "origin") {
        Some((_, url)) => address(url, "source"),
        None => Err(Failure::usage("it is not known what to sync from")
            .hint("`--source ADDRESS`, or `sync.source` in .github/ci-tool.yml, names the repository that people work in")
            .into()),
    }
}

fn mirror(args: &Args, config: &Sync) -> Result<Address> {
    let given = args.mirror.as_ref().or(config.mirror.as_ref());
    given.map_or_else(
        || {
            Err(Failure::usage("it is not known what to sync to")
                .hint("`--mirror ADDRESS`, or `sync.mirror` in .github/ci-tool.yml, names the mirror: https://gitlab.com/group/project")
                .into())
        },
        |given| address(given, "mirror"),
    )
}

fn address(text: &str, side: &str) -> Result<Address> {
    Address::new(text).map_err(|error| {
        Failure::usage(format!("the {side}: {error}"))
            .hint("write https://…, ssh://…, git@HOST:PATH or file:///…; a token comes from a variable: docs/sync.md")
            .into()
    })
}

fn policy(args: &Args, config: &Sync, direction: Direction) -> Result<Policy> {
    let wrong = |error: GlobError| {
        Failure::usage(error.to_string())
            .hint("`*`, `**`, `?`, `[ab]` and `{a,b}` have a meaning in a glob")
    };
    let either = |given: &[String], configured: &[String]| match given.is_empty() {
        true => configured.to_vec(),
        false => given.to_vec(),
    };
    let include = either(&args.include, &config.include);
    let exclude = either(&args.exclude, &config.exclude);
    let percent = args.prune_percent.or(config.prune_percent);
    let limit = args.prune_limit.or(config.prune_limit);
    Ok(Policy {
        ways: match direction {
            Direction::Both => Ways::Two,
            Direction::Push | Direction::Pull => Ways::One,
        },
        filter: Filter::new(&include, &exclude).map_err(wrong)?,
        names: names(config, direction)?,
        on_conflict: match config.on_conflict {
            None | Some(ConflictName::Keep) => OnConflict::Keep,
            Some(ConflictName::Branch) => OnConflict::Branch,
            Some(ConflictName::SourceWins) => OnConflict::SourceWins,
        },
        moving_tags: Globs::new(&config.moving_tags).map_err(wrong)?,
        follow_rewrites: config.follow_rewrites.unwrap_or(true),
        prune_limit: limit.unwrap_or(PRUNE_LIMIT) as usize,
        prune_percent: percent.unwrap_or(PRUNE_PERCENT) as usize,
        adopt: Globs::new(&args.adopt).map_err(wrong)?,
        refused: Default::default(),
    })
}

/// What is called otherwise on the side that is copied to.
fn names(config: &Sync, direction: Direction) -> Result<Names> {
    let names = Names::new(&config.names);
    let names = names.and_then(|names| match direction {
        Direction::Pull => names.swapped(),
        Direction::Push | Direction::Both => Ok(names),
    });
    names.map_err(|error| Failure::usage(format!("sync.names: {error}")).into())
}

fn settings(
    args: &Args,
    config: &Sync,
    policy: Policy,
    source: &Address,
    mirror: &Address,
    context: &Context,
) -> Settings {
    let env = &context.env;
    let run = match (env.get("GITHUB_REPOSITORY"), env.get("GITHUB_RUN_ID")) {
        (Some(name), Some(run)) => Some(format!("{name}/actions/runs/{run}")),
        _ => None,
    };
    let (id, slug) = policy.names.record(source);
    Settings {
        source: id,
        slug,
        policy,
        push_options: config.push_options.clone(),
        merge_requests: mirror.forge(servers(env)) == Forge::Gitlab,
        run,
        now: clock::now(),
        backup_days: config.backup_days.unwrap_or(BACKUP_DAYS),
        is_dry_run: args.dry_run,
        retries: RETRIES,
        time_limit: Duration::from_secs(args.retry_for),
        pause: Duration::from_secs(1),
    }
}

/// The hosts of the GitHub and of the GitLab that this job runs on.
pub(super) fn servers(env: &Env) -> (Option<&str>, Option<&str>) {
    let github = env.get("GITHUB_SERVER_URL");
    let github = github.and_then(|url| Some(url.split_once("://")?.1.trim_end_matches('/')));
    (github, env.get("CI_SERVER_HOST"))
}

/// A side, with the token that belongs to it.
fn endpoint(
    address: Address,
    variable: Option<&str>,
    env: &Env,
) -> Result<(Endpoint, Option<SecretString>)> {
    let forge = address.forge(servers(env));
    let user = match forge {
        Forge::Github => "x-access-token",
        Forge::Gitlab | Forge::Other => "oauth2",
    };
    let token = match (variable, forge) {
        (Some(variable), _) => Some(env.get(variable).ok_or_else(|| {
            Failure::usage(format!(
                "the variable {variable}, which holds the token for {address}, is not set"
            ))
            .hint("a job has it only where its `env` gives it the secret")
        })?),
        (None, Forge::Github) => env.get("GITHUB_TOKEN").or_else(|| env.get("GH_TOKEN")),
        (None, Forge::Gitlab) => env.get("GITLAB_TOKEN"),
        (None, Forge::Other) => None,
    };
    let token = token.map(|token| SecretString::from(token.trim().to_owned()));
    let credential = address
        .origin()
        .zip(token.clone())
        .map(|(origin, token)| Credential {
            origin,
            user: user.to_owned(),
            token,
        });
    let endpoint = Endpoint {
        address,
        credential,
    };
    Ok((endpoint, token))
}

/// The folder that keeps what was fetched of a source, held for this run.
fn kept(cache: &Path, source: &Address) -> Result<(PathBuf, std::fs::File)> {
    let folder = cache.join("sync").join(source.slug());
    let broken = |error: std::io::Error| {
        Failure::failed(format!("cannot use {}: {error}", folder.display()))
            .hint("`--cache FOLDER` names another folder")
    };
    std::fs::create_dir_all(&folder).map_err(broken)?;
    // Two runs at once would be in each other's way.
    let lock = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("lock"))
        .map_err(broken)?;
    lock.lock().map_err(broken)?;
    let folder = std::fs::canonicalize(&folder).map_err(broken)?;
    Ok((folder, lock))
}

/// What went wrong, with what to do about it.
fn failure(problem: Problem) -> anyhow::Error {
    let failure = Failure::failed(problem.message);
    let hint = match problem.trouble {
        Trouble::Access => {
            "GitHub's token comes from GITHUB_TOKEN, GitLab's from GITLAB_TOKEN; `sync.source-token` and `sync.mirror-token` name other variables. A token for the mirror may write to its repository"
        }
        Trouble::Missing => {
            "both repositories must be there; a private one that the token may not see is told as missing. `--create` makes a mirror that is not there"
        }
        Trouble::Passing => "it was tried again and did not pass; the next run goes on from here",
        Trouble::Incomplete => {
            "only a whole repository can be mirrored: `git fetch --unshallow` completes a shallow one"
        }
        Trouble::Size | Trouble::FileSize => {
            "the server limits the size of a push or of a file: its limit has to be raised, or the file to go (git filter-repo, Git LFS)"
        }
        Trouble::Lfs => {
            "git-lfs brings these files where it is installed (https://git-lfs.com); `sync.lfs: skip` syncs without them, where something else does"
        }
        Trouble::Moved | Trouble::NotAtomic | Trouble::Other => {
            "docs/sync.md says what a sync needs; -v tells what was done"
        }
    };
    failure.hint(hint).into()
}

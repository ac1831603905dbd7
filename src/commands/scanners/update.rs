//! `ci-tool scanners update`.

use std::path::Path;

use anyhow::Result;

use super::install::DOWNLOAD_LIMIT;
use super::{read_lock, refused};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::forge;
use crate::forge::github::GitHub;
use crate::forge::http::Patience;
use crate::report::diff;
use crate::scanners::lock::{self, Lock, Locked};
use crate::scanners::releases::{RELEASES, Released};
use crate::sys::clock;
use crate::sys::fs::write_atomically;
use crate::sys::ui::escape_terminal;

/// Lock a release that is old enough, and show what that changes.
///
/// The release must be some days old (`scan.cooldown-days`, without it 7): what was
/// replaced by a thief is mostly found out by then. The hash that GitHub keeps of the
/// asset is compared with that of the download, where GitHub has one.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// NAME@VERSION
    #[arg(required = true, value_name = "NAME@VERSION")]
    pub releases: Vec<String>,

    /// For these platforms [default: this one]
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    pub platform: Vec<String>,

    /// Show what would change, and write nothing
    #[arg(long)]
    pub dry_run: bool,

    /// The repository's folder
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub repository: std::path::PathBuf,
}

/// Locks.
///
/// # Errors
/// Where a release is not known, too young, or not what GitHub says that it is.
pub(super) fn run(args: &Args, context: &Context) -> Result<Exit> {
    let (tree, loaded) = context.tree(&args.repository)?;
    let before = read_lock(&tree)?;
    let mut after = before.clone();
    let cooldown = loaded.config.scan.cooldown_days.unwrap_or(7);
    let own = [lock::platform()];
    let platforms = if args.platform.is_empty() {
        own.as_slice()
    } else {
        args.platform.as_slice()
    };
    for asked in &args.releases {
        let (release, version) = known(asked)?;
        for platform in platforms {
            after.put(locked(release, version, platform, cooldown, context)?);
        }
    }
    put(&after, tree.root(), args.dry_run, context)?;
    Ok(Exit::Yes)
}

/// Shows what a lock changes, and writes it.
///
/// # Errors
/// Where it cannot be written.
pub(super) fn put(lock: &Lock, root: &Path, is_dry_run: bool, context: &Context) -> Result<()> {
    let old = std::fs::read_to_string(root.join(lock::PATH)).ok();
    let new = lock.text();
    let shown = diff::unified(lock::PATH, old.as_deref(), &new);
    context.ui.result(&escape_terminal(&shown))?;
    if is_dry_run || old.as_deref() == Some(new.as_str()) {
        return Ok(());
    }
    write_atomically(root, lock::PATH, new.as_bytes())
        .map_err(|error| Failure::failed(error.to_string()).into())
}

/// The scanner and the version of `NAME@VERSION`.
fn known(asked: &str) -> Result<(&'static Released, &str)> {
    let names = || {
        RELEASES
            .iter()
            .map(|one| one.name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let (name, version) = asked
        .split_once('@')
        .ok_or_else(|| Failure::usage(format!("`{asked}` is no NAME@VERSION")))?;
    let version = version.trim_start_matches('v');
    let release = RELEASES
        .iter()
        .find(|one| one.name == name)
        .ok_or_else(|| {
            Failure::usage(format!("it is not known where `{name}` is released")).hint(format!(
                "known are {}; entries for others are written by hand",
                names()
            ))
        })?;
    let is_version = version.starts_with(|c: char| c.is_ascii_digit())
        && version
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+'));
    if !is_version {
        return Err(Failure::usage(format!("`{version}` is no version"))
            .hint("name one: what `latest` means changes, and nobody reviews that")
            .into());
    }
    Ok((release, version))
}

fn locked(
    release: &Released,
    version: &str,
    platform: &str,
    cooldown: u32,
    context: &Context,
) -> Result<Locked> {
    let name = release.name;
    let asset = release.assets.iter().find(|(known, _)| *known == platform);
    let (_, asset) =
        asset.ok_or_else(|| Failure::usage(format!("{name} is not released for {platform}")))?;
    let asset = asset.replace("{version}", version);
    let failed = |error: forge::Error| Failure::failed(error.to_string()).hint(error.hint());
    let github = GitHub::new(&context.env, Patience::default()).map_err(failed)?;
    let (owner, repository) = (release.owner, release.repository);
    let found = forge::run(github.release(owner, repository, &format!("v{version}")))?
        .map_err(failed)?
        .filter(|found| !found.draft)
        .ok_or_else(|| {
            Failure::failed(format!("{owner}/{repository} has no release v{version}"))
        })?;
    let published = found
        .published_at
        .as_deref()
        .and_then(|text| text.get(..10));
    let published =
        published.and_then(|day| chrono::NaiveDate::parse_from_str(day, "%Y-%m-%d").ok());
    let published = published.ok_or_else(|| {
        Failure::failed(format!(
            "{name} {version}: GitHub says no day of its release"
        ))
    })?;
    let today = clock::today();
    let age = (today - published).num_days();
    if age < i64::from(cooldown) {
        let message = format!("{name} {version} is {age} days old, and must be {cooldown}");
        let hint = "wait: a release that a thief made is mostly found out by then; `scan.cooldown-days` is the number";
        return Err(Failure::failed(message).hint(hint).into());
    }
    let one = found
        .assets
        .iter()
        .find(|one| one.name == asset)
        .ok_or_else(|| {
            Failure::failed(format!(
                "the release v{version} of {owner}/{repository} has no {asset}"
            ))
        })?;
    let download =
        forge::run(forge::download(&one.browser_download_url, DOWNLOAD_LIMIT))?.map_err(failed)?;
    let sha256 = lock::sha256(&download);
    if let Some(told) = one
        .digest
        .as_deref()
        .and_then(|digest| digest.strip_prefix("sha256:"))
        && !told.eq_ignore_ascii_case(&sha256)
    {
        return Err(Failure::failed(format!(
            "{asset} has the SHA-256 {sha256}, and GitHub says {told}: it is not locked"
        ))
        .into());
    }
    let program = lock::unpack(&download, release.member).map_err(|error| refused(&error))?;
    Ok(Locked {
        name: name.to_owned(),
        version: version.to_owned(),
        platform: platform.to_owned(),
        url: one.browser_download_url.clone(),
        sha256,
        member: release.member.map(str::to_owned),
        program_sha256: lock::sha256(&program),
        released: published.to_string(),
        since: today.to_string(),
    })
}

//! `ci-tool scanners db pull`.

use anyhow::Result;

use super::{Where, cache, read_lock, refused, update};
use crate::commands::scan::choice;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::scanners::lock::{self, LockedDatabase};
use crate::scanners::{self, Place, run};
use crate::sys::ui::escape_line;
use crate::sys::{clock, interrupt};

/// Fetch the databases of the scanners that are installed.
///
/// A database that the lock names must be that one afterwards; `--lock` names the one
/// that was fetched.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The repository and the cache.
    #[command(flatten)]
    pub place: Where,

    /// Lock what was fetched in `.github/scanners.lock`: a scan uses it until it is
    /// locked anew
    #[arg(long)]
    pub lock: bool,
}

/// Fetches.
///
/// # Errors
/// Where no scanner with a database is installed. One that cannot fetch its database
/// is told, and the exit code is 3.
pub(super) fn run(args: &Args, context: &Context) -> Result<Exit> {
    let (tree, loaded) = context.tree(&args.place.path)?;
    let cache = cache(args.place.cache.as_deref(), context)?;
    let private = tempfile::tempdir()
        .map_err(|error| Failure::failed(format!("no private folder can be made: {error}")))?;
    let place = Place {
        root: tree.root(),
        files: tree.files(),
        env: &context.env,
        settings: &loaded.config.scan,
        artifacts: &[],
        frozen: &[],
        private: private.path(),
        cache: &cache,
        today: clock::today(),
        offline: false,
        licenses: false,
    };
    interrupt::watch();
    let all = scanners::all(place.settings);
    let chosen = choice::choose(&all, &place, &tree, &mut |_| None)?;
    let (mut exit, mut count) = (Exit::Yes, 0);
    let mut after = read_lock(&tree)?;
    for scanner in &chosen.running {
        let Some(call) = scanner.pull(&place) else {
            continue;
        };
        count += 1;
        let name = scanner.name();
        let tell = |event: run::Event<'_>| {
            if let run::Event::Again(name, why) = event {
                context
                    .ui
                    .warning(&format!("{name} is tried again: {}", escape_line(why)));
            }
        };
        // One that is not what was locked, or is broken, is no start for a newer one.
        if let (Some(entry), Some(file)) = (after.database(name), scanner.database(&place))
            && file.is_file()
            && lock::prove(&file, &entry.sha256).is_err()
            && let Some(folder) = file.parent()
        {
            std::fs::remove_dir_all(folder)
                .map_err(|error| Failure::failed(format!("{}: {error}", folder.display())))?;
        }
        match run::pull(*scanner, &call, &chosen.programs, &place, &tell) {
            Ok(()) => {
                context
                    .ui
                    .result(&format!("{name}: its database is there\n"))?;
                let Some(file) = scanner.database(&place).filter(|file| file.is_file()) else {
                    continue;
                };
                if args.lock {
                    after.put_database(LockedDatabase {
                        scanner: name.to_owned(),
                        sha256: lock::sha256_of(&file).map_err(|error| refused(&error))?,
                        since: place.today.to_string(),
                    });
                } else if let Some(entry) = after.database(name) {
                    lock::prove(&file, &entry.sha256).map_err(|error| refused(&error))?;
                }
            }
            Err(why) => {
                context.ui.error(&format!("{name}: {}", escape_line(&why)));
                exit = Exit::Failed;
            }
        }
    }
    if count == 0 {
        let hint = "`ci-tool scanners list` says which are there, and how one gets the others";
        return Err(Failure::failed("no scanner with a database is installed")
            .hint(hint)
            .into());
    }
    if args.lock {
        update::put(&after, tree.root(), false, context)?;
    }
    Ok(exit)
}

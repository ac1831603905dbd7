//! `ci-tool scanners db pull`.

use anyhow::Result;

use super::{Where, cache};
use crate::commands::scan::choice;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::scanners::{self, Place, run};
use crate::sys::ui::escape_line;
use crate::sys::{clock, interrupt};

/// Fetches.
///
/// # Errors
/// Where no scanner with a database is installed. One that cannot fetch its database
/// is told, and the exit code is 3.
pub(super) fn run(args: &Where, context: &Context) -> Result<Exit> {
    let (tree, loaded) = context.tree(&args.path)?;
    let cache = cache(args.cache.as_deref(), context)?;
    let private = tempfile::tempdir()
        .map_err(|error| Failure::failed(format!("no private folder can be made: {error}")))?;
    let place = Place {
        root: tree.root(),
        files: tree.files(),
        env: &context.env,
        settings: &loaded.config.scan,
        private: private.path(),
        cache: &cache,
        today: clock::today(),
        offline: false,
        licenses: false,
    };
    interrupt::watch();
    let all = scanners::all(place.settings);
    let chosen = choice::choose(&all, &place, &tree)?;
    let (mut exit, mut count) = (Exit::Yes, 0);
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
        match run::pull(*scanner, &call, &chosen.programs, &place, &tell) {
            Ok(()) => context
                .ui
                .result(&format!("{name}: its database is there\n"))?,
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
    Ok(exit)
}

//! Which scanners run, and why others do not.

use std::path::PathBuf;

use anyhow::Result;

use super::super::own;
use crate::config::Scan;
use crate::error::Failure;
use crate::project::Tree;
use crate::report::scan::{Scanner as Told, State as Said};
use crate::scanners::lock::{self, Lock};
use crate::scanners::run::{self, Programs};
use crate::scanners::{Fit, Place, Scanner};

/// What was chosen.
pub(in crate::commands) struct Chosen<'s> {
    /// The scanners that run.
    pub(in crate::commands) running: Vec<&'s dyn Scanner>,
    /// Their programs, where the lock names them.
    pub(in crate::commands) programs: Programs,
    /// Those whose database the lock names.
    pub(in crate::commands) frozen: Vec<String>,
    /// The others.
    pub(in crate::commands) told: Vec<Told>,
    /// Whether what we know ourselves is looked at.
    pub(in crate::commands) audits: bool,
}

impl Chosen<'_> {
    /// All of them, as they would be told.
    pub(in crate::commands) fn planned(&self) -> Vec<Told> {
        let mut all: Vec<Told> = self
            .running
            .iter()
            .map(|scanner| {
                let what = format!("would run: {}", scanner.about());
                told(scanner.name(), Said::Skipped, what, false)
            })
            .collect();
        if self.audits {
            let what = "would run: what workflows use".to_owned();
            all.push(told(own::NAME, Said::Skipped, what, false));
        }
        all.extend(self.told.iter().cloned());
        all
    }
}

/// Refuses names that nobody has.
///
/// # Errors
/// Where there is one.
pub(in crate::commands) fn check_names(
    scanners: &[Box<dyn Scanner>],
    settings: &Scan,
) -> Result<()> {
    let known: Vec<&str> = scanners
        .iter()
        .map(|scanner| scanner.name())
        .chain([own::NAME])
        .collect();
    let named = [
        &settings.only,
        &settings.skip,
        &settings.required,
        &settings.optional,
    ];
    for name in named.into_iter().flatten() {
        if !known.contains(&name.as_str()) {
            let failure = Failure::usage(format!("there is no scanner `{name}`"));
            let failure = failure.hint(format!("there are {}", known.join(", ")));
            return Err(failure.into());
        }
    }
    Ok(())
}

/// Brings the program of a scanner that is not here, or says why it could not; `None` for
/// one that is not brought.
pub(in crate::commands) type Fetch<'f> =
    dyn FnMut(&str) -> Option<std::result::Result<PathBuf, String>> + 'f;

/// Chooses by what is asked, what fits and what is installed or can be brought.
///
/// # Errors
/// Where the lock cannot be read.
pub(in crate::commands) fn choose<'s>(
    scanners: &'s [Box<dyn Scanner>],
    place: &Place<'_>,
    tree: &Tree,
    fetch: &mut Fetch<'_>,
) -> Result<Chosen<'s>> {
    let settings = place.settings;
    let lock = read_lock(tree)?;
    let is_in = |names: &[String], name: &str| names.iter().any(|one| one == name);
    let wanted = |name: &str| settings.only.is_empty() || is_in(&settings.only, name);
    let mut chosen = Chosen {
        running: Vec::new(),
        programs: Programs::new(),
        frozen: Vec::new(),
        told: Vec::new(),
        audits: wanted(own::NAME) && !is_in(&settings.skip, own::NAME),
    };
    let platform = lock::platform();
    for scanner in scanners {
        let name = scanner.name();
        if !wanted(name) || (scanner.is_opt_in() && !is_in(&settings.only, name)) {
            continue;
        }
        let is_required = is_in(&settings.required, name);
        let mut tell = |state: Said, why: String, counts: bool| {
            chosen.told.push(told(name, state, why, counts));
        };
        if is_in(&settings.skip, name) {
            tell(
                Said::Skipped,
                "left out, as was asked".to_owned(),
                is_required,
            );
            continue;
        }
        if let Fit::No(why) = scanner.fits(place) {
            tell(Said::Skipped, why, is_required);
            continue;
        }
        if let Some(entry) = lock.find(name, &platform) {
            let program = entry.program(place.cache);
            if !program.is_file() {
                let why = format!("{} is locked: `ci-tool scanners install`", entry.version);
                tell(Said::Absent, why, is_required);
                continue;
            }
            if let Err(error) = lock::prove(&program, &entry.program_sha256) {
                tell(Said::Failed, error.to_string(), true);
                continue;
            }
            chosen.programs.insert(name.to_owned(), program);
        }
        match run::find(&**scanner, &chosen.programs, place) {
            Ok(Some(_)) => chosen.running.push(&**scanner),
            Ok(None) => match fetch(name) {
                None => tell(Said::Absent, scanner.get().to_owned(), is_required),
                Some(Err(why)) => tell(Said::Failed, why, true),
                Some(Ok(program)) => {
                    chosen.programs.insert(name.to_owned(), program);
                    chosen.running.push(&**scanner);
                }
            },
            Err(why) => tell(Said::Failed, why, true),
        }
    }
    Ok(chosen)
}

/// Holds those that run to the databases that the lock names: one whose database is
/// another one does not run.
///
/// # Errors
/// Where the lock cannot be read.
pub(in crate::commands) fn freeze(
    chosen: &mut Chosen<'_>,
    place: &Place<'_>,
    tree: &Tree,
) -> Result<()> {
    let lock = read_lock(tree)?;
    let Chosen {
        running,
        frozen,
        told: others,
        ..
    } = chosen;
    running.retain(|scanner| {
        let name = scanner.name();
        let (Some(entry), Some(file)) = (lock.database(name), scanner.database(place)) else {
            return true;
        };
        let proven = if file.is_file() {
            lock::prove(&file, &entry.sha256).map_err(|error| error.to_string())
        } else {
            Err(format!(
                "its database is locked, and {} is not there",
                file.display()
            ))
        };
        match proven {
            Ok(()) => frozen.push(name.to_owned()),
            Err(why) => others.push(told(name, Said::Failed, why, true)),
        }
        frozen.last().is_some_and(|last| last == name)
    });
    Ok(())
}

/// The lock of the repository; an empty one where there is none.
///
/// # Errors
/// Where it cannot be understood.
pub(in crate::commands) fn read_lock(tree: &Tree) -> Result<Lock> {
    let file = tree.root().join(lock::PATH);
    match std::fs::read_to_string(&file) {
        Ok(text) => Lock::parse(&text).map_err(|error| {
            Failure::usage(error.to_string())
                .hint("`ci-tool scanners update NAME@VERSION` writes an entry")
                .into()
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Lock::default()),
        Err(error) => Err(Failure::failed(format!("{}: {error}", lock::PATH)).into()),
    }
}

fn told(name: &str, state: Said, why: String, counts: bool) -> Told {
    Told {
        name: name.to_owned(),
        version: None,
        state,
        findings: 0,
        milliseconds: 0,
        why: vec![why],
        counts,
    }
}

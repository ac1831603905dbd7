//! `ci-tool report`.

use std::path::PathBuf;

use anyhow::Result;

use super::gate::{self, Judging};
use super::sarif::Place;
use crate::context::Context;
use crate::error::{Exit, Failure};

/// Turn findings of any scanners into a page, or into other forms.
///
/// Reads SARIF files of any scanner, judges them as `ci-tool gate` does, and writes what is
/// asked for. The verdict is in what is written; it does not decide the exit code.
///
/// Exit code 0: all is written. 2: wrong usage or policy. 3: a file cannot be read or
/// written, or a scanner says that it failed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// SARIF files
    #[arg(required = true)]
    pub files: Vec<PathBuf>,

    /// The page to write: as `--report html=FILE`
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// How they are judged.
    #[command(flatten)]
    pub judging: Judging,

    /// Where the repository is.
    #[command(flatten)]
    pub place: Place,
}

/// Writes.
///
/// # Errors
/// Where something cannot be read or written.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let mut judging = args.judging.clone();
    let html = args
        .html
        .iter()
        .map(|file| ("html".to_owned(), file.clone()));
    judging.report.extend(html);
    if judging.report.is_empty() {
        return Err(Failure::usage("nothing is asked for")
            .hint("--html FILE writes a page, --report FORM=FILE other forms")
            .into());
    }
    let judged = gate::Args {
        files: args.files.clone(),
        judging,
        place: args.place.clone(),
    };
    match gate::run(&judged, context)? {
        Exit::No => Ok(Exit::Yes),
        exit => Ok(exit),
    }
}

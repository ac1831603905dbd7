//! `ci-tool audit`.

use std::path::PathBuf;

use anyhow::Result;

use super::gate::{self, Judging};
use super::own;
use super::sarif::{Place, source_file};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::sarif;
use crate::sys::ui::escape_line;

/// Find the defects of delivery files, by proof.
///
/// Reads Dockerfiles, files of platforms, scripts, workflows and migrations, holds what
/// they say against what the repository contains, and judges what it finds by the policy
/// (`gate:` in `.github/ci-tool.yml`). Nothing is executed and nothing is asked of the
/// network. `ci-tool explain RULE` says what a rule looks for and how it is mended.
///
/// Exit code 0: what was found may pass. 1: it may not. 2: wrong usage or configuration.
/// 3: a file could not be read.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The repository's folder
    #[arg(default_value = ".")]
    pub path: PathBuf,

    /// Also what is a matter of opinion
    #[arg(long)]
    pub pedantic: bool,

    /// How findings are judged.
    #[command(flatten)]
    pub judging: Judging,
}

/// Audits and judges.
///
/// # Errors
/// Where the repository or the policy cannot be read.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let (tree, loaded) = context.tree(&args.path)?;
    own::check_names(&loaded.config)?;
    let (mut reading, broken) = own::look(&tree, &loaded.config, args.pedantic);
    sarif::add_line_hashes(&mut reading.observations, |path| {
        source_file(tree.root(), path)
    });
    let place = Place {
        repository: args.path.clone(),
        root: Vec::new(),
    };
    let report = reading.into_report();
    let judged = gate::judge(report, &args.judging, &place, &loaded, context)?;
    if let Some(fingerprint) = &args.judging.explain {
        return judged.explain(fingerprint, context);
    }
    judged.write(&args.judging, "", broken.is_empty(), context)?;
    if !broken.is_empty() {
        return Err(Failure::failed(escape_line(&broken.join("; ")))
            .hint("what is in these files was not looked at; what the others hold is told above")
            .into());
    }
    Ok(if judged.verdict.passes {
        Exit::Yes
    } else {
        Exit::No
    })
}

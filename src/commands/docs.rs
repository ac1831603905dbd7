//! `ci-tool docs`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Serialize;

use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::project::path;
use crate::report;
use crate::runbooks::page::State;
use crate::runbooks::{Known, RUNBOOKS};
use crate::sys::fs;

/// The version of the JSON form; a change that breaks readers raises it.
pub const VERSION: u32 = 1;

/// Write runbooks: deployment, rollback, incident, restore, secret rotation
///
/// They are made of what `ci-tool detect` and the configuration know of this repository:
/// what runs where, how it is taken back, which databases and secrets there are. A section
/// that a person edited, added or took out stays so; the others follow what is known.
///
/// Exit code 0: everything is there. 1: `--check` found something missing or out of date, or
/// what an edited section is made of has changed. 2: wrong usage or configuration. 3: it
/// could not be done.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The repository's folder
    #[arg(default_value = ".")]
    pub path: PathBuf,

    /// Only these, separated by commas (deployment, rollback, incident, restore, secret-rotation)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,

    /// Print the differences; write nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Exit with 1 if something is missing or out of date; write nothing
    #[arg(long, conflicts_with_all = ["dry_run", "force"])]
    pub check: bool,

    /// Make every section anew, also those that a person edited; a copy of the file is kept
    #[arg(long)]
    pub force: bool,

    /// The edited sections of this file hold what they should, though what they are made of has changed
    #[arg(long, value_name = "FILE", conflicts_with = "force")]
    pub resolved: Vec<String>,

    /// The form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// The forms of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs; docs/runbooks.schema.json describes it.
    Json,
}

/// What became of all runbooks.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The version of this form.
    pub version: u32,
    /// Whether files were written.
    pub written: bool,
    /// The runbooks.
    pub files: Vec<File>,
}

/// What becomes of a runbook.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct File {
    /// Its path.
    pub path: String,
    /// Whether it comes, changes or is as it should be.
    pub status: Status,
    /// Its sections that are not as they were made, by their headings.
    pub sections: Vec<Changed>,
    #[serde(skip)]
    before: Option<String>,
    #[serde(skip)]
    after: String,
}

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It is not there yet.
    New,
    /// It is as it should be.
    Current,
    /// What it is made of has changed.
    Updated,
}

/// What becomes of a section.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// Its heading.
    pub title: String,
    /// What becomes of it: `new`, `updated`, `gone`, `yours` or `outdated`.
    pub state: &'static str,
}

/// Makes runbooks, and writes them unless it is only asked.
///
/// # Errors
/// Where the repository cannot be read, or a file cannot be written.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let files = plan(args, context)?;
    let is_written = !args.check && !args.dry_run;
    if is_written {
        for file in files.iter().filter(|file| file.status != Status::Current) {
            write(args, file, context)?;
        }
    }
    let is_drift = args.check && files.iter().any(|file| file.status != Status::Current);
    let is_outdated = files
        .iter()
        .any(|file| file.sections.iter().any(|one| one.state == "outdated"));
    let answer = Answer {
        version: VERSION,
        written: is_written,
        files,
    };
    context.ui.result(&match args.format {
        Format::Json => report::json(&answer)?,
        Format::Text => text(&answer, args),
    })?;
    Ok(if is_drift || is_outdated {
        Exit::No
    } else {
        Exit::Yes
    })
}

fn plan(args: &Args, context: &Context) -> Result<Vec<File>> {
    let (project, loaded) = context.detect(&args.path)?;
    let settings = &loaded.config.docs;
    let names: Vec<&str> = RUNBOOKS.iter().map(|one| one.name).collect();
    for (name, place) in args
        .only
        .iter()
        .map(|name| (name, "--only"))
        .chain(settings.skip.iter().map(|name| (name, "`docs.skip`")))
    {
        if !names.contains(&name.as_str()) {
            return Err(Failure::usage(format!(
                "{place} names `{name}`, and there is no such runbook"
            ))
            .hint(format!("these are: {}", names.join(", ")))
            .into());
        }
    }
    let folder = settings.folder.as_deref().unwrap_or("docs/runbooks");
    if folder.starts_with('/') || folder.split(['/', '\\']).any(|part| part == "..") {
        return Err(Failure::usage(format!(
            "`docs.folder` is {folder:?}, which is outside of the repository"
        ))
        .hint("name a folder from the repository's root: docs/runbooks")
        .into());
    }
    let folder = path::normalise(folder);
    let known = Known {
        project: &project,
        config: &loaded.config,
    };
    let wanted = |name: &str| match args.only.as_slice() {
        [] => !settings.skip.iter().any(|skip| skip == name),
        only => only.iter().any(|one| one == name),
    };
    let mut files = Vec::new();
    for runbook in RUNBOOKS.iter().filter(|one| wanted(one.name)) {
        let path = path::join(&folder, &format!("{}.md", runbook.name));
        let page = runbook.page(&known);
        let before = read(&args.path, &path)?;
        let (after, sections) = match &before {
            None => (page.text(), Vec::new()),
            Some(text) => {
                let is_resolved = args.resolved.contains(&path);
                let joined = page.join(text, is_resolved, args.force);
                (joined.text, joined.sections)
            }
        };
        let status = match &before {
            None => Status::New,
            Some(before) if *before == after => Status::Current,
            Some(_) => Status::Updated,
        };
        let changed = |(title, state): (String, State)| {
            let state = match state {
                State::Current => return None,
                State::New => "new",
                State::Updated => "updated",
                State::Gone => "gone",
                State::Yours => "yours",
                State::Outdated => "outdated",
            };
            Some(Changed { title, state })
        };
        files.push(File {
            path,
            status,
            sections: sections.into_iter().filter_map(changed).collect(),
            before,
            after,
        });
    }
    if let Some(unknown) = args
        .resolved
        .iter()
        .find(|path| !files.iter().any(|file| file.path == **path))
    {
        let all: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        return Err(Failure::usage(format!("{unknown} is no runbook"))
            .hint(format!("these are: {}", all.join(", ")))
            .into());
    }
    Ok(files)
}

fn read(root: &Path, relative: &str) -> Result<Option<String>> {
    match std::fs::read(root.join(relative)) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| {
            Failure::failed(format!("{relative} is no UTF-8"))
                .hint("`docs.folder` of the configuration names another folder")
                .into()
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::failed(format!("cannot read {relative}: {error}")).into()),
    }
}

fn write(args: &Args, file: &File, context: &Context) -> Result<()> {
    let refused = |error: fs::WriteError| {
        let hint = error.hint();
        let failure = Failure::failed(error.to_string());
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    };
    if args.force && file.before.is_some() {
        let copy = fs::keep_copy(&args.path, &file.path).map_err(refused)?;
        context
            .ui
            .remark(&format!("{copy} is what {} was", file.path));
    }
    fs::write_atomically(&args.path, &file.path, &file.after).map_err(refused)?;
    Ok(())
}

fn text(answer: &Answer, args: &Args) -> String {
    let mut out = String::new();
    for file in &answer.files {
        let word = match (file.status, answer.written) {
            (Status::Current, _) => "current",
            (Status::New, true) => "written",
            (Status::New, false) => "missing",
            (Status::Updated, true) => "updated",
            (Status::Updated, false) => "outdated",
        };
        out.push_str(&format!("{word:<9} {}\n", file.path));
        for section in &file.sections {
            let says = match section.state {
                "yours" => "yours: it stays",
                "outdated" => {
                    "yours, and what it was made of has changed: look at it, then `--resolved` with the file, or `--force`"
                }
                other => other,
            };
            out.push_str(&format!("          {}: {says}\n", section.title));
        }
        if args.dry_run && file.status != Status::Current {
            out.push_str(&report::diff::unified(
                &file.path,
                file.before.as_deref(),
                &file.after,
            ));
        }
    }
    out
}

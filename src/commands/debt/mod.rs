//! `ci-tool debt`.

mod history;
pub mod probing;
mod records;
pub mod store;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;

use self::probing::Flags;
use self::records::Records;
use super::generate;
use crate::context::Context;
use crate::debt::{Debt, suppressions};
use crate::error::{Exit, Failure};
use crate::probe::Verdict;
use crate::project::path;
use crate::report::debt::{Check, Debts, FirstFrozen, Known, Listed, VERSION};
use crate::report::{self, debt as told};
use crate::sys::fs;
use crate::workflows::view::View;

/// List what is frozen, and check that it only shrinks
///
/// `generate --probe` freezes what steps complain about, a file of .github/debt for each.
/// Alone this lists them, with their age and who froze them, as git knows it.
///
/// Exit code 0: listed, or every step is as it was frozen. 1: `--check` found a complaint
/// that is not frozen, or one that is mended and still listed. 2: wrong usage, or a file
/// that cannot be understood. 3: a step could not be run or compared.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The repository's folder
    #[arg(default_value = ".")]
    pub path: PathBuf,

    /// Compare what the steps say now; runs them in a clean copy, which executes the repository's code
    #[arg(long)]
    pub check: bool,

    /// The same, and take out of the files what is mended; nothing is ever added
    #[arg(long, conflicts_with = "check")]
    pub prune: bool,

    /// Run nothing, and compare what a job recorded here
    #[arg(long, value_name = "FOLDER")]
    pub records: Option<PathBuf>,

    /// Only the debts of the component in this folder
    #[arg(long, value_name = "FOLDER")]
    pub component: Option<String>,

    /// What steps may use
    #[command(flatten)]
    pub probing: Flags,

    /// The form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// The forms of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs; docs/debt.schema.json describes it.
    Json,
    /// For a job summary.
    Markdown,
}

/// Lists, checks or prunes.
///
/// # Errors
/// Where a file cannot be understood, or a step cannot be run.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let (debts, exit) = carry_out(args, context)?;
    context.ui.result(&render(&debts, args.format)?)?;
    Ok(exit)
}

/// The answer in the form that was asked for.
///
/// # Errors
/// Where it has no JSON.
pub(super) fn render(debts: &Debts, format: Format) -> Result<String> {
    Ok(match format {
        Format::Text => told::text(debts),
        Format::Json => report::json(debts)?,
        Format::Markdown => told::markdown(debts),
    })
}

/// Looks, and prunes; printing is the caller's.
///
/// # Errors
/// As [`run`].
pub(super) fn carry_out(args: &Args, context: &Context) -> Result<(Debts, Exit)> {
    let all = store::load(&args.path)?;
    let is_meant = |debt: &Debt| {
        let wanted = args.component.as_deref().map(path::normalise);
        wanted.is_none_or(|wanted| path::normalise(&debt.component) == wanted)
    };
    let meant: Vec<Debt> = all.iter().filter(|debt| is_meant(debt)).cloned().collect();
    let mut listed: Vec<Listed> = meant.iter().map(|debt| list(debt, args, context)).collect();
    if args.check || args.prune || args.records.is_some() {
        let mut pruned = Vec::new();
        let stale = stale(args, &all, context)?;
        if let Some(folder) = &args.records {
            let records = Records::new(folder, context);
            recorded(&records, &meant, &mut listed, &mut pruned);
        } else {
            probed(args, &all, &meant, &mut listed, &mut pruned, context)?;
        }
        for one in &mut listed {
            if stale.contains(&one.name) {
                one.check = Some(Check::Stale);
            }
        }
        if args.prune {
            prune(args, &pruned, &mut listed, context)?;
        }
    }
    if args.records.is_none() {
        listed.extend(by_tools(args, context)?);
    }
    let exit = exit(&listed);
    let debts = Debts {
        version: VERSION,
        complaints: listed.iter().map(|one| one.complaints).sum(),
        debts: listed,
    };
    Ok((debts, exit))
}

fn exit(listed: &[Listed]) -> Exit {
    let checks = || listed.iter().filter_map(|one| one.check.as_ref());
    if checks().any(|check| check.is_well() == Some(false)) {
        Exit::No
    } else if checks().any(|check| check.is_well().is_none()) {
        Exit::Failed
    } else {
        Exit::Yes
    }
}

fn list(debt: &Debt, args: &Args, context: &Context) -> Listed {
    let authors = history::authors(&args.path, &debt.path(), context);
    let frozen = history::frozen(&args.path, debt, context);
    let text = debt.text();
    // Each complaint is a line of the file, which is looked for as it is written.
    let lines: Vec<&str> = text
        .lines()
        .skip_while(|line| *line != "[known]")
        .skip(1)
        .collect();
    let known = debt.known.iter().zip(lines).map(|((what, count), line)| {
        let author = authors.get(line.trim());
        Known {
            what: what.clone(),
            count: *count,
            since: author.map(|author| author.day.clone()),
            by: author.map(|author| author.name.clone()),
        }
    });
    Listed {
        name: debt.name.clone(),
        file: debt.path(),
        component: debt.component.clone(),
        directory: debt.directory.clone(),
        step: debt.step.clone(),
        command: debt.command.clone(),
        complaints: debt.total(),
        frozen: frozen.map(|(complaints, day)| FirstFrozen { complaints, day }),
        why: debt.why.clone(),
        mend: debt.mend.clone(),
        known: known.collect(),
        flaky: debt.flaky.iter().cloned().collect(),
        check: None,
    }
}

/// What tools froze by their own means; they compare it themselves.
fn by_tools(args: &Args, context: &Context) -> Result<Vec<Listed>> {
    let (tree, _) = context.tree(&args.path)?;
    let mut listed = Vec::new();
    for file in tree.named(suppressions::FILE) {
        let folder = path::parent(file);
        let wanted = args.component.as_deref().map(path::normalise);
        if wanted.is_some_and(|wanted| !path::is_within(folder, &wanted)) {
            continue;
        }
        let text = tree.text(file).unwrap_or_default();
        let Some(held) = suppressions::read(&text) else {
            return Err(Failure::usage(format!("{file} is not what eslint writes"))
                .hint("`eslint --suppress-all` writes it anew")
                .into());
        };
        listed.push(Listed {
            name: file.to_owned(),
            file: file.to_owned(),
            component: folder.to_owned(),
            directory: folder.to_owned(),
            step: String::new(),
            command: "eslint".to_owned(),
            complaints: held.values().sum(),
            frozen: None,
            why: None,
            mend: Some("`eslint --prune-suppressions` takes out what is mended".to_owned()),
            known: held
                .into_iter()
                .map(|(what, count)| Known {
                    what,
                    count,
                    since: None,
                    by: None,
                })
                .collect(),
            flaky: Vec::new(),
            check: None,
        });
    }
    Ok(listed)
}

/// Names of debts whose step is in no workflow any more.
fn stale(args: &Args, debts: &[Debt], context: &Context) -> Result<BTreeSet<String>> {
    let (project, _) = generate::project_and_settings(&args.path, context)?;
    let has_step = |debt: &Debt| {
        project.components.iter().any(|component| {
            component
                .steps
                .iter()
                .any(|step| debt.is_of(&component.root, &step.command.directory, &step.command.run))
        })
    };
    let stale = debts.iter().filter(|debt| !has_step(debt));
    Ok(stale.map(|debt| debt.name.clone()).collect())
}

/// Compares what a job recorded.
fn recorded(
    records: &Records<'_>,
    debts: &[Debt],
    listed: &mut Vec<Listed>,
    pruned: &mut Vec<Debt>,
) {
    for (debt, one) in debts.iter().zip(listed.iter_mut()) {
        one.check = Some(if debt.is_left_out() {
            Check::LeftOut
        } else {
            match records.compare(debt) {
                Err(why) => Check::Unproved { why },
                Ok(comparison) if comparison.is_same() => Check::Unchanged,
                Ok(comparison) => {
                    pruned.push(comparison.pruned(debt));
                    Check::Changed { comparison }
                }
            }
        });
    }
    for name in records.names() {
        if debts.iter().any(|debt| debt.name == name) {
            continue;
        }
        // Somebody deleted the file, and the workflow still lets the step fail.
        if let Err(why) = records.without_debt(&name) {
            listed.push(Listed {
                file: format!("{}/{name}.toml", crate::debt::FOLDER),
                name,
                component: String::new(),
                directory: String::new(),
                step: String::new(),
                command: String::new(),
                complaints: 0,
                frozen: None,
                why: None,
                mend: Some("run `ci-tool generate`, and mend what the step says".to_owned()),
                known: Vec::new(),
                flaky: Vec::new(),
                check: Some(Check::Unproved { why }),
            });
        }
    }
}

/// Runs the steps and compares.
fn probed(
    args: &Args,
    all: &[Debt],
    meant: &[Debt],
    listed: &mut [Listed],
    pruned: &mut Vec<Debt>,
    context: &Context,
) -> Result<()> {
    for one in listed.iter_mut() {
        let debt = meant.iter().find(|debt| debt.name == one.name);
        if debt.is_some_and(Debt::is_left_out) {
            one.check = Some(Check::LeftOut);
        }
    }
    if meant.iter().all(Debt::is_left_out) {
        return Ok(());
    }
    let (project, mut settings) = generate::project_and_settings(&args.path, context)?;
    settings.debts = meant.to_vec();
    let (tree, _) = context.tree(&args.path)?;
    let view = View::new(&project, &settings, &BTreeSet::new());
    let jobs: Vec<_> = view.backends.iter().chain(&view.frontends).collect();
    let probe = probing::run(&args.probing, &tree, &jobs, all, true, context)?;
    for gap in &probe.gaps {
        context.ui.warning(gap);
    }
    for job in &probe.jobs {
        for differs in &job.differs {
            context.ui.warning(&crate::sys::ui::escape_line(&format!(
                "{}: {differs}",
                job.id
            )));
        }
        for step in &job.steps {
            let (name, check) = match &step.verdict {
                Verdict::Unchanged { debt, .. } => (debt, Check::Unchanged),
                Verdict::Changed { debt, comparison } => {
                    let comparison = comparison.clone();
                    (debt, Check::Changed { comparison })
                }
                Verdict::Unproved { why } => {
                    let of = |debt: &&Debt| {
                        debt.component == job.directory && debt.command == step.command
                    };
                    let Some(debt) = meant.iter().find(of) else {
                        continue;
                    };
                    (&debt.name, Check::Unproved { why: why.clone() })
                }
                _ => continue,
            };
            if let Some(one) = listed.iter_mut().find(|one| one.name == *name) {
                one.check = Some(check);
            }
        }
    }
    for one in listed.iter_mut().filter(|one| one.check.is_none()) {
        let broken = probe
            .jobs
            .iter()
            .find(|job| job.directory == one.component)
            .and_then(|job| job.broken.clone());
        // With `--step` the others are not asked for.
        if args.probing.step.is_empty() || broken.is_some() {
            one.check = Some(Check::Unproved {
                why: broken.unwrap_or_else(|| "its step was not run".to_owned()),
            });
        }
    }
    pruned.extend(probe.pruned);
    Ok(())
}

/// Takes what is mended out of the files.
fn prune(args: &Args, pruned: &[Debt], listed: &mut [Listed], context: &Context) -> Result<()> {
    for debt in pruned {
        let Some(one) = listed.iter_mut().find(|one| one.name == debt.name) else {
            continue;
        };
        let Some(Check::Changed { comparison }) = &mut one.check else {
            continue;
        };
        if comparison.fixed.is_empty() {
            continue;
        }
        let count = comparison.fixed.len();
        comparison.fixed.clear();
        let is_over = debt.known.is_empty() && debt.flaky.is_empty();
        if is_over && comparison.grown.is_empty() {
            let file = args.path.join(debt.path());
            std::fs::remove_file(&file).map_err(|error| {
                Failure::failed(format!("{} cannot be deleted: {error}", debt.path()))
            })?;
            context.ui.remark(&format!(
                "{} is deleted: nothing is left of it. Run `ci-tool generate`, so that the step may fail again",
                debt.path()
            ));
        } else {
            fs::write_atomically(&args.path, &debt.path(), debt.text())
                .map_err(|error| generate::cannot_write(&error))?;
            context
                .ui
                .remark(&format!("{}: {count} taken out", debt.path()));
        }
        one.complaints = debt.total();
        if comparison.is_same() {
            one.check = Some(Check::Unchanged);
        }
    }
    Ok(())
}

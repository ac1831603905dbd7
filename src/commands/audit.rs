//! `ci-tool audit`.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::gate::{self, Beside, Coverage, Judging};
use super::own;
use super::proposal::{self, Outcome, Proposal};
use super::sarif::{Place, put, source_file};
use crate::audit::fix::{Mended, Told, Wanted};
use crate::audit::score::{Baseline, Fall, Score};
use crate::config::Config;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::project::Tree;
use crate::sys::fs;
use crate::sys::ui::escape_line;
use crate::{audit, report, sarif};

/// Find the defects of delivery files, by proof.
///
/// Reads Dockerfiles, files of platforms, scripts, workflows and migrations, holds what
/// they say against what the repository contains, and judges what it finds by the policy
/// (`gate:` in `.github/ci-tool.yml`). Nothing is executed and nothing is asked of the
/// network. `ci-tool explain RULE` says what a rule looks for and how it is mended.
///
/// `--fix` mends what can be mended without a change of what works today, looks again, and
/// takes back what did not help; then it judges what is left.
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

    /// Mend what can be mended: of these rules, separated by commas, or of all
    #[arg(long, value_name = "RULE", num_args = 0.., require_equals = true, value_delimiter = ',')]
    pub fix: Option<Vec<String>>,

    /// Mend also where something that runs today behaves in another way afterwards
    #[arg(long)]
    pub fix_unsafe: bool,

    /// With --fix: print the differences; write nothing
    #[arg(long)]
    pub dry_run: bool,

    /// With --fix: put what is mended into a pull request from this branch, and write nothing here
    #[arg(long, value_name = "BRANCH", num_args = 0..=1, require_equals = true, default_missing_value = "ci-tool/audit-fix", conflicts_with = "dry_run")]
    pub pr: Option<String>,

    /// What a fix needs to know, as NAME=VALUE; beats `audit.answers` of the configuration
    #[arg(long, value_name = "NAME=VALUE", value_parser = answer)]
    pub answer: Vec<(String, String)>,

    /// Tell how mature the delivery is, in twelve categories, instead of the findings
    #[arg(long, conflicts_with_all = ["fix", "fix_unsafe"])]
    pub score: bool,

    /// With --score: exit with 1 below this score
    #[arg(long, value_name = "SCORE", requires = "score")]
    pub fail_under: Option<f64>,

    /// With --score: write a badge; as SVG, or as JSON for shields.io where the name ends in .json
    #[arg(long, value_name = "FILE", requires = "score")]
    pub badge: Option<PathBuf>,

    /// With --score: write a scorecard in Markdown, for a job summary or a pull request
    #[arg(long, value_name = "FILE", requires = "score")]
    pub scorecard: Option<PathBuf>,

    /// With --score: write a picture of the categories as SVG
    #[arg(long, value_name = "FILE", requires = "score")]
    pub radar: Option<PathBuf>,

    /// How findings are judged.
    #[command(flatten)]
    pub judging: Judging,
}

fn answer(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, value)| !name.trim().is_empty() && !value.trim().is_empty())
        .ok_or("it has the form NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// Audits and judges.
///
/// # Errors
/// Where the repository or the policy cannot be read.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    carry_out(args, context, &mut |_, _| Ok(()), &mut |_, _| Ok(()))
}

/// What is done with a pull request: its branch, and what came of it.
pub(super) type Proposed<'p> = &'p mut dyn FnMut(&str, &Outcome) -> Result<()>;

/// Audits, tells it, and hands the verdict or the pull request over where there is one.
///
/// # Errors
/// As [`run`].
pub(super) fn carry_out(
    args: &Args,
    context: &Context,
    beside: Beside<'_>,
    proposed: Proposed<'_>,
) -> Result<Exit> {
    let (mut tree, mut loaded) = context.tree(&args.path)?;
    own::check_names(&loaded.config)?;
    let answers = &mut loaded.config.audit.answers;
    answers.extend(args.answer.iter().cloned());
    if args.score {
        return score(args, &tree, &loaded.config, context);
    }
    if args.fix.is_some() || args.fix_unsafe {
        let is_refused = mend(args, &tree, &loaded.config, context, proposed)?;
        if args.dry_run || args.pr.is_some() {
            return Ok(if is_refused { Exit::No } else { Exit::Yes });
        }
        (tree, _) = context.tree(&args.path)?;
    } else if args.pr.is_some() {
        return Err(
            Failure::usage("`--pr` has nothing to propose without `--fix`")
                .hint("`--fix --pr` puts what can be mended into a pull request")
                .into(),
        );
    } else if args.dry_run {
        return Err(
            Failure::usage("`--dry-run` has nothing to show without `--fix`")
                .hint("an audit alone writes nothing")
                .into(),
        );
    }
    let (mut reading, broken) = own::look(&tree, &loaded.config, args.pedantic);
    sarif::add_line_hashes(&mut reading.observations, |path| {
        source_file(tree.root(), path)
    });
    let mends = reading.observations.iter().filter(|one| one.fix.is_some());
    let mends = mends.count();
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
    // A page has room for it.
    let score = (!args.judging.report.is_empty()).then(|| maturity(&tree, &loaded.config));
    let coverage = Coverage {
        scanners: &[],
        is_complete: broken.is_empty(),
        score: score.as_ref(),
    };
    beside(&judged, &coverage)?;
    judged.reports(&args.judging, &coverage, &args.path, context)?;
    judged.upload(&args.judging, &coverage, &args.path, context)?;
    let is_text = args.judging.format == gate::Format::Text;
    if is_text && mends > 0 && args.fix.is_none() && !args.fix_unsafe {
        context.ui.remark(&format!(
            "{mends} of these can be mended: `ci-tool audit --fix --fix-unsafe --dry-run` shows how"
        ));
    }
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

fn maturity(tree: &Tree, config: &Config) -> Score {
    let project = crate::project::detect_in(tree);
    let facts = audit::Facts::new(tree, &project).with_answers(&config.audit.answers);
    // What a rule finds does not go away by not being told.
    let found = audit::run(&facts, true);
    audit::score::score(&facts, &found)
}

/// Tells how mature it is.
fn score(args: &Args, tree: &Tree, config: &Config, context: &Context) -> Result<Exit> {
    let score = maturity(tree, config);
    let told = match args.judging.format {
        gate::Format::Text => report::score::text(&score),
        gate::Format::Json => report::json(&score)?,
        gate::Format::Sarif => {
            return Err(Failure::usage("a score has no form in SARIF")
                .hint("--format json or text")
                .into());
        }
    };
    for (file, text) in [
        (&args.badge, badge(args, &score)),
        (&args.scorecard, report::score::markdown(&score)),
        (&args.radar, report::score::radar_svg(&score)),
    ] {
        if let Some(file) = file {
            put(file, text.as_bytes())?;
        }
    }
    let fallen = fallen(args, &score, context)?;
    context.ui.result(&told)?;
    for fall in &fallen {
        context.ui.remark(&format!(
            "{} has fallen from {} to {} points since the baseline",
            fall.title, fall.before, fall.now
        ));
    }
    let is_enough = args.fail_under.is_none_or(|least| score.total >= least);
    Ok(if is_enough && fallen.is_empty() {
        Exit::Yes
    } else {
        Exit::No
    })
}

/// The categories that are below those of `--baseline`.
fn fallen(args: &Args, score: &audit::score::Score, context: &Context) -> Result<Vec<Fall>> {
    let Some(name) = &args.judging.baseline else {
        return Ok(Vec::new());
    };
    let text = match gate::at_revision(name, &args.path, context)? {
        Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        None => gate::read(Path::new(name))?,
    };
    let earlier = Baseline::read(&text, score).map_err(|error| {
        Failure::usage(format!("{name} is no baseline of a score: {error}"))
            .hint("`ci-tool audit --score --format json > score.json` writes one")
    })?;
    Ok(earlier.fallen(score))
}

fn badge(args: &Args, score: &audit::score::Score) -> String {
    let is_json = args
        .badge
        .as_ref()
        .is_some_and(|file| file.extension().is_some_and(|end| end == "json"));
    match is_json {
        true => report::score::badge_json(score),
        false => report::score::badge_svg(score),
    }
}

/// What can be mended without a change of what works today, in memory.
///
/// # Errors
/// Where the repository cannot be read.
pub(super) fn mended(args: &Args, context: &Context) -> Result<(Tree, Mended)> {
    let (tree, loaded) = context.tree(&args.path)?;
    let config = loaded.config;
    let wanted = Wanted {
        rules: Vec::new(),
        with_unsafe: false,
        pedantic: args.pedantic || config.audit.pedantic,
        skip: config.audit.skip,
        answers: config.audit.answers,
    };
    let mended = audit::fix::mend(&tree, &wanted);
    Ok((tree, mended))
}

/// Mends, proposes it, or shows what would be mended; whether a pull request could not be
/// brought up to date because others have pushed to its branch.
fn mend(
    args: &Args,
    tree: &Tree,
    config: &Config,
    context: &Context,
    proposed: Proposed<'_>,
) -> Result<bool> {
    let rules = args.fix.clone().unwrap_or_default();
    if let Some(unknown) = rules.iter().find(|id| audit::rule(id).is_none()) {
        return Err(Failure::usage(format!("there is no rule `{unknown}`"))
            .hint("`ci-tool explain` lists the rules")
            .into());
    }
    let wanted = Wanted {
        rules,
        with_unsafe: args.fix_unsafe,
        pedantic: args.pedantic || config.audit.pedantic,
        skip: config.audit.skip.clone(),
        answers: config.audit.answers.clone(),
    };
    let mended = audit::fix::mend(tree, &wanted);
    let before = |path: &str| tree.text(path).as_deref().map(str::to_owned);
    if args.dry_run {
        context
            .ui
            .result(&report::mending::diffs(&mended, before))?;
    } else if args.pr.is_none() {
        write(&args.path, tree, &mended)?;
    }
    let patch = |told: &Told, name: &str, value: &str| {
        let mut wanted = Wanted {
            rules: vec![told.rule.id.to_owned()],
            with_unsafe: true,
            pedantic: wanted.pedantic,
            skip: wanted.skip.clone(),
            answers: wanted.answers.clone(),
        };
        wanted.answers.insert(name.to_owned(), value.to_owned());
        let mended = args.dry_run.then(|| audit::fix::mend(tree, &wanted))?;
        Some(report::mending::diffs(&mended, before))
    };
    let is_written = !args.dry_run && args.pr.is_none();
    let told = report::mending::text(&mended, is_written, patch);
    for line in told.lines() {
        context.ui.remark(&escape_line(line));
    }
    let Some(branch) = &args.pr else {
        return Ok(false);
    };
    let text = report::mending::markdown(&mended);
    let files = mended.files.into_iter().map(|(path, text)| {
        // What the tree reads has no byte order mark.
        let old = std::fs::read(args.path.join(&path)).unwrap_or_default();
        let mark = if old.starts_with(MARK) {
            "\u{feff}"
        } else {
            ""
        };
        (path, text.map(|text| format!("{mark}{text}")))
    });
    let proposal = Proposal {
        branch,
        title: "Defects of delivery files, mended",
        text,
        files: files.collect(),
    };
    let outcome = proposal::propose(&args.path, proposal, context)?;
    context.ui.remark(&outcome.sentence(branch));
    proposed(branch, &outcome)?;
    Ok(matches!(outcome, Outcome::Theirs { .. }))
}

/// Writes all files, or none: where one cannot be written, those before it become what
/// they were.
fn write(root: &Path, tree: &Tree, mended: &Mended) -> Result<()> {
    let mut done: Vec<(&str, Option<Vec<u8>>)> = Vec::new();
    for (path, text) in &mended.files {
        let old = std::fs::read(root.join(path)).ok();
        let result = match text {
            Some(text) => {
                // What the tree reads has no byte order mark.
                let mark: &[u8] = match &old {
                    Some(old) if old.starts_with(MARK) => MARK,
                    _ => &[],
                };
                let bytes = [mark, text.as_bytes()].concat();
                // Somebody may have written it since it was read.
                if is_changed(tree, path, old.as_deref()) {
                    Err(Failure::failed(format!("{path} has changed meanwhile")).into())
                } else {
                    fs::write_atomically(root, path, bytes).map_err(anyhow::Error::from)
                }
            }
            None => std::fs::remove_file(root.join(path))
                .map_err(|error| Failure::failed(format!("cannot remove {path}: {error}")).into()),
        };
        if let Err(error) = result {
            for (path, old) in done {
                // The first error is the one to tell.
                let _ = match old {
                    Some(old) => fs::write_atomically(root, path, old).is_ok(),
                    None => std::fs::remove_file(root.join(path)).is_ok(),
                };
            }
            return Err(error);
        }
        done.push((path, old));
    }
    Ok(())
}

const MARK: &[u8] = "\u{feff}".as_bytes();

fn is_changed(tree: &Tree, path: &str, now: Option<&[u8]>) -> bool {
    let now = now.map(|now| now.strip_prefix(MARK).unwrap_or(now));
    tree.text(path).as_deref().map(str::as_bytes) != now
}

//! A verdict, and all that is done with it: told, written in other forms, uploaded.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::Result;

use super::{Format, Judging};
use crate::audit::score::Score;
use crate::commands::sarif::{numbered, put, put_with, source_file};
use crate::commands::trend;
use crate::commands::upload::{self, When};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::findings::{self, Identity, Report, SuppressionStatus};
use crate::policy::{Decision, FailOn, Outcome, Suppression, Verdict};
use crate::report;
use crate::report::excerpt::Excerpts;
use crate::report::findings_json;
use crate::report::forms;
use crate::report::gate::Shape;
use crate::report::picture::Picture;
use crate::sarif::{self, Limits, Settings};
use crate::sys::clock;
use crate::sys::ui::escape_line;

/// How many SARIF files are written at most: OUT, OUT-2 and so on.
pub(in crate::commands) const MAX_FILES: usize = 10;

/// What is done with a verdict beside telling it, as the container action does.
pub(in crate::commands) type Beside<'b> =
    &'b mut dyn FnMut(&Judged<'_>, &Coverage<'_>) -> Result<()>;

/// Who has looked, and whether all have who count.
pub(in crate::commands) struct Coverage<'c> {
    pub(in crate::commands) scanners: &'c [report::scan::Scanner],
    pub(in crate::commands) is_complete: bool,
    pub(in crate::commands) score: Option<&'c Score>,
}

/// Findings of a baseline that are not there any more.
pub(in crate::commands) struct Gone {
    /// How many.
    pub(in crate::commands) count: usize,
    /// Themselves, where a page shows them.
    pub(in crate::commands) shown: Vec<findings_json::Finding<'static>>,
}

/// Findings with what was decided about them.
pub(in crate::commands) struct Judged<'a> {
    pub(in crate::commands) report: Report<'a>,
    pub(in crate::commands) verdict: Verdict,
    pub(in crate::commands) suppressions: Vec<Suppression>,
    /// What the baseline has and is not there any more, where there is a baseline.
    pub(in crate::commands) gone: Option<Gone>,
    pub(super) show: FailOn,
    /// The folder in which the files of findings are.
    pub(super) repository: PathBuf,
}

impl Judged<'_> {
    /// The verdict for people.
    fn text(&self, all: bool, decided: bool, width: Option<usize>) -> String {
        let is_shown = |severity: findings::Severity| {
            let mut known = FailOn::ALL.iter();
            known.any(|(word, known)| *word == severity.as_str() && *known >= self.show)
        };
        report::gate::text(
            &self.report,
            &self.verdict,
            &self.suppressions,
            is_shown,
            &Shape {
                all,
                decided,
                width,
                links: width.is_some(),
                excerpts: &Excerpts::new(&|path| source_file(&self.repository, path)),
            },
        )
    }

    /// The verdict for programs.
    pub(in crate::commands) fn json(&self) -> report::gate::Gate<'_> {
        report::gate::json(&self.report, &self.verdict, &self.suppressions)
    }

    /// Writes the verdict in the form that was asked; `before` goes before a text,
    /// which without `decided` says that there is no verdict.
    pub(in crate::commands) fn write(
        &self,
        args: &Judging,
        before: &str,
        decided: bool,
        context: &Context,
    ) -> Result<()> {
        let texts: Vec<Vec<u8>> = match args.format {
            Format::Text => {
                let width = context.ui.width().filter(|_| args.output.is_none());
                let text = self.text(context.verbose, decided, width);
                vec![format!("{before}{text}").into_bytes()]
            }
            Format::Json => vec![report::json(&self.json())?.into_bytes()],
            Format::Sarif => {
                let files = if args.output.is_some() { MAX_FILES } else { 1 };
                self.sarif(&args.target.category, files)?
            }
        };
        match &args.output {
            Some(file) => {
                for (at, text) in texts.iter().enumerate() {
                    put(&numbered(file, at), text)?;
                }
            }
            None => {
                let text = String::from_utf8_lossy(&texts[0]);
                context.ui.result(&match args.format {
                    Format::Text => report::gate::coloured(&text),
                    Format::Json | Format::Sarif => text.into_owned(),
                })?;
            }
        }
        Ok(())
    }

    /// The findings as at most so many SARIF files.
    pub(in crate::commands) fn sarif(&self, category: &str, files: usize) -> Result<Vec<Vec<u8>>> {
        as_sarif(
            &self.report,
            &self.verdict,
            &self.suppressions,
            category,
            files,
        )
    }

    /// The lines that a page shows, by the identities of their findings.
    fn excerpts(&self, args: &Judging) -> HashMap<String, String> {
        // Nobody reads more, and a page has to stay one that opens at once.
        const MOST: usize = 2_000;
        if !args.report.iter().any(|(form, _)| form == "html") {
            return HashMap::new();
        }
        let read = |path: &str| source_file(&self.repository, path);
        let excerpts = Excerpts::new(&read);
        let findings = self.report.findings.iter().take(MOST);
        findings
            .filter_map(|finding| {
                let excerpt = excerpts.of(finding)?;
                let text = format!("{} | {}", excerpt.line, excerpt.text);
                Some((finding.identity.to_string(), text))
            })
            .collect()
    }

    /// Writes the forms that are asked for beside the answer.
    ///
    /// # Errors
    /// Where one cannot be written.
    pub(in crate::commands) fn reports(
        &self,
        args: &Judging,
        coverage: &Coverage<'_>,
        repository: &Path,
        context: &Context,
    ) -> Result<()> {
        if args.report.is_empty() {
            return Ok(());
        }
        let history = args.history.as_ref();
        let history = history
            .map(|place| trend::history(place, repository, context))
            .transpose()?;
        let pictures = args.plan.iter().map(|file| planned(file));
        let pictures: Vec<Picture> = pictures.collect::<Result<_>>()?;
        let (sarif, forms): (Vec<_>, Vec<_>) = args
            .report
            .iter()
            .partition(|(name, _)| forms::form(name).is_none());
        // Two at once: more would hold more in memory than they save.
        let prepared = OnceLock::new();
        let (next, time) = (AtomicUsize::new(0), clock::utc());
        let write_forms = || -> Result<()> {
            if forms.is_empty() {
                return Ok(());
            }
            let (gate, excerpts) = prepared.get_or_init(|| (self.json(), self.excerpts(args)));
            let input = forms::Input {
                gate,
                gone: self.gone.as_ref().map_or(&[], |gone| &gone.shown),
                told: report::verdict::Told {
                    report: &self.report,
                    verdict: &self.verdict,
                    scanners: coverage.scanners,
                    is_complete: coverage.is_complete,
                    folder: "",
                    files_url: None,
                },
                score: coverage.score,
                history: history.as_ref(),
                pictures: &pictures,
                excerpts,
                time,
            };
            while let Some((name, file)) = forms.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Some(form) = forms::form(name) {
                    put_with(file, |out| form.write(&input, out))?;
                }
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            // SARIF takes longest, and needs nothing of what the forms are made from.
            let other = scope.spawn(|| -> Result<()> {
                for (_, file) in sarif {
                    let texts = self.sarif(&args.target.category, MAX_FILES)?;
                    for (at, text) in texts.iter().enumerate() {
                        put(&numbered(file, at), text)?;
                    }
                }
                write_forms()
            });
            write_forms()?;
            joined(other)
        })?;
        // The process ends soon, and so do a hundred thousand small texts without being
        // given back one by one.
        std::mem::forget(prepared);
        Ok(())
    }

    /// Uploads the findings, where that is asked for.
    ///
    /// # Errors
    /// Where GitHub does not take them and that counts.
    pub(in crate::commands) fn upload(
        &self,
        args: &Judging,
        coverage: &Coverage<'_>,
        repository: &Path,
        context: &Context,
    ) -> Result<()> {
        let Some(when) = args.upload else {
            return Ok(());
        };
        args.target.check()?;
        if !coverage.is_complete {
            // What is not among them counts as mended at GitHub.
            context.ui.warning("not uploaded: not everything was looked at, and GitHub would close the alerts of what was not");
            return Ok(());
        }
        // GitHub does not know what people have set aside in files, and would open it again.
        let mut report = self.report.clone();
        let mut decisions = self.verdict.decisions.iter();
        report.findings.retain(|_| {
            let decision = decisions.next();
            decision.is_none_or(|decision| decision.outcome != Outcome::Suppressed)
        });
        let prefix = upload::prefix(repository, context);
        if !prefix.is_empty() {
            below(&mut report, &prefix);
        }
        let files = written(&report, &args.target.category, MAX_FILES)?;
        let published = match upload::publish(&files, &args.target, repository, context) {
            Ok(published) => published,
            // Not on GitHub, for example.
            Err(error) if when == When::Auto => {
                context.ui.warning(&format!("not uploaded: {error}"));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        match published {
            Ok(told) => context.ui.remark(&escape_line(&told)),
            Err(refused) if when == When::Auto && refused.is_setting => refused.tell(context),
            Err(refused) => return Err(refused.into()),
        }
        Ok(())
    }

    /// Tells the whole story of one finding.
    pub(in crate::commands) fn explain(
        &self,
        fingerprint: &str,
        context: &Context,
    ) -> Result<Exit> {
        explain(
            fingerprint,
            &self.report,
            &self.verdict,
            &self.suppressions,
            context,
        )
    }
}

/// Paths from the repository's root, where a part of it was looked at: GitHub knows no other.
fn below(report: &mut Report<'_>, prefix: &str) {
    let findings = report.findings.iter_mut();
    for one in findings.flat_map(|finding| &mut finding.observations) {
        for location in &mut Arc::make_mut(one).locations {
            if !location.path.is_empty() {
                location.path = format!("{prefix}{}", location.path).into();
            }
        }
    }
}

fn explain(
    fingerprint: &str,
    report: &Report<'_>,
    verdict: &Verdict,
    suppressions: &[Suppression],
    context: &Context,
) -> Result<Exit> {
    let wanted = Identity::parse(fingerprint);
    let found = report
        .findings
        .iter()
        .zip(&verdict.decisions)
        .find(|(finding, _)| Some(finding.identity) == wanted);
    let Some((finding, decision)) = found else {
        return Err(Failure::usage(format!(
            "there is no finding `{fingerprint}` in these files"
        ))
        .hint("a fingerprint is the word of 32 digits behind each finding")
        .into());
    };
    context
        .ui
        .result(&report::gate::explanation(finding, decision, suppressions))?;
    Ok(Exit::Yes)
}

/// The findings as SARIF, with what was set aside marked so.
fn as_sarif(
    report: &Report<'_>,
    verdict: &Verdict,
    suppressions: &[Suppression],
    category: &str,
    files: usize,
) -> Result<Vec<Vec<u8>>> {
    let is_aside = |decision: &Decision| decision.outcome == Outcome::Suppressed;
    if !verdict.decisions.iter().any(is_aside) {
        return written(report, category, files);
    }
    let mut report = report.clone();
    for (finding, decision) in report.findings.iter_mut().zip(&verdict.decisions) {
        let held = decision.suppression().map(|at| &suppressions[at]);
        let (Outcome::Suppressed, Some(held)) = (decision.outcome, held) else {
            continue;
        };
        let suppression = findings::Suppression {
            in_source: held.target.lines.is_some(),
            status: SuppressionStatus::Accepted,
            justification: held.reason.clone().map(Into::into),
            origin: Some(format!("{}:{}", held.file, held.line).into()),
            owner: held.owner.clone().map(Into::into),
            expires: held
                .expires
                .as_ref()
                .map(|day| day.as_str().to_owned().into()),
        };
        for one in &mut finding.observations {
            Arc::make_mut(one).suppressions = [suppression.clone()].into();
        }
    }
    written(&report, category, files)
}

/// A report as at most so many SARIF files that GitHub takes.
fn written(report: &Report<'_>, category: &str, files: usize) -> Result<Vec<Vec<u8>>> {
    let settings = Settings {
        category: category.to_owned(),
        files,
        limits: Limits::GITHUB,
    };
    let written = sarif::write(report, &settings);
    if !written.dropped.is_empty() {
        return Err(Failure::failed(format!(
            "there are more findings than {files} SARIF files may hold"
        ))
        .hint("--output FILE writes up to ten; `ci-tool sarif merge --max-files` more")
        .into());
    }
    Ok(written.files)
}

/// The picture of a plan that another run has printed.
fn planned(file: &Path) -> Result<Picture> {
    let read = |error: std::io::Error| {
        Failure::failed(format!("{} cannot be read: {error}", file.display()))
    };
    let text = std::fs::read_to_string(file).map_err(read)?;
    #[derive(serde::Deserialize)]
    struct Plan {
        picture: Picture,
    }
    let plan: Plan = serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!("{} is no plan: {error}", file.display()))
            .hint("`ci-tool generate --dry-run --format json` and `ci-tool sync --dry-run --format json` print one")
    })?;
    Ok(plan.picture)
}

fn joined(thread: std::thread::ScopedJoinHandle<'_, Result<()>>) -> Result<()> {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

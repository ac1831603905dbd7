//! A run's results as observations.

use std::borrow::Cow;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::document::{
    ArtifactLocation, Fix, Location, Message, ResultProperties, Run, SarifResult, Suppression,
};
use super::flows::Flows;
use super::json::{self, Map, Results};
use super::messages;
use super::own;
use super::paths::{Found, Paths};
use super::repairs::{Repair, Repairs};
use super::rules::{self, ReadRule, Rules};
use super::tools::{self, Tool};
use crate::findings::{
    self, Context, Kind, Observation, Raw, Region, Scanner, Severity, State, SuppressionStatus,
    is_telling, parallel,
};

/// What all results of a run share.
struct Shared<'a> {
    scanner: Arc<Scanner<'a>>,
    tool: Tool,
    rules: Rules<'a>,
    messages: Map<'a, Message<'a>>,
    paths: Paths,
    artifacts: Vec<(Cow<'a, str>, Found)>,
    bases: Vec<(Cow<'a, str>, String)>,
    logical: Vec<Option<Cow<'a, str>>>,
    thread_flow_locations: Option<&'a str>,
    target: Option<Cow<'a, str>>,
    /// The scanners of a run that we wrote.
    own: Option<Vec<Arc<Scanner<'a>>>>,
}

/// Who speaks in a run, and what they observed.
type Said<'a> = (Vec<Arc<Scanner<'a>>>, Vec<Arc<Observation<'a>>>);

/// Reads a run: the scanner and what it observed.
///
/// # Errors
/// Where a result is broken JSON. Its place is told within the result.
pub(super) fn read<'a>(
    mut run: Run<'a>,
    paths: &Paths,
    repairs: &mut Repairs,
) -> Result<Said<'a>, serde_json::Error> {
    let results = std::mem::take(&mut run.results);
    let context = Shared::new(run, &results, paths, repairs);
    let results = match results {
        Results::Are(results) => results,
        Results::Missing => {
            repairs.add(Repair::MissingResults);
            Vec::new()
        }
        Results::Null => Vec::new(),
    };
    let chunks = parallel::chunks(&results, |_, chunk| context.observations(chunk));
    let mut observations = Vec::with_capacity(results.len());
    for chunk in chunks {
        let (some, theirs) = chunk?;
        observations.extend(some);
        repairs.extend(&theirs);
    }
    let scanners = context.own.unwrap_or_else(|| vec![context.scanner]);
    Ok((scanners, observations))
}

impl<'a> Shared<'a> {
    fn new(mut run: Run<'a>, results: &Results<'a>, paths: &Paths, repairs: &mut Repairs) -> Self {
        let mut paths = paths.clone();
        let folders = run
            .invocations
            .0
            .iter()
            .filter_map(|invocation| invocation.folder.uri.get());
        folders.for_each(|folder| paths.add_root(folder));
        let bases = bases(&paths, &run.bases);
        let failure = failure(&run, results);
        let driver = &mut run.tool.driver;
        let name = driver.name.take().unwrap_or_else(|| {
            repairs.add(Repair::ToolName);
            Cow::Borrowed("unnamed")
        });
        let scanner = Scanner {
            version: driver
                .version
                .take()
                .or_else(|| driver.semantic_version.take()),
            uri: driver.uri.take(),
            category: run.automation.id.take(),
            failure,
            name,
        };
        let own = own::scanners(&scanner.name, &mut run.properties.own);
        let tool = Tool::of(&scanner.name);
        let mut context = Self {
            tool,
            messages: std::mem::take(&mut driver.messages),
            rules: Rules::new(tool, &scanner.name, run.tool, repairs),
            paths,
            artifacts: Vec::new(),
            bases,
            logical: run
                .logical_locations
                .0
                .iter()
                .map(|one| one.full_name.cow().or_else(|| one.name.cow()))
                .collect(),
            thread_flow_locations: run.thread_flow_locations.filled(),
            target: run
                .properties
                .image_name
                .take()
                .filter(|_| tool == Tool::Trivy),
            scanner: Arc::new(scanner),
            own,
        };
        // An artifact without a location keeps its number.
        let nowhere = || (Cow::Borrowed(""), Found::AsWritten);
        let artifacts = run.artifacts.0.iter().map(|artifact| &artifact.location);
        context.artifacts = artifacts
            .map(|location| context.path(location).unwrap_or_else(nowhere))
            .collect();
        context
    }

    fn observations(
        &self,
        results: &[&'a str],
    ) -> Result<(Vec<Arc<Observation<'a>>>, Repairs), serde_json::Error> {
        let mut repairs = Repairs::default();
        let mut observations = Vec::with_capacity(results.len());
        for text in results {
            let result = SarifResult::read(text)?;
            self.add_observations(result, &mut observations, &mut repairs);
        }
        repairs.add_many(Repair::WrongType, json::take_misfits());
        Ok((observations, repairs))
    }

    /// One, or as many as the properties hold that we wrote ourselves.
    fn add_observations(
        &self,
        result: SarifResult<'a>,
        to: &mut Vec<Arc<Observation<'a>>>,
        repairs: &mut Repairs,
    ) {
        if matches!(result.kind.get(), Some("pass" | "notApplicable")) {
            repairs.add(Repair::Passed);
            return;
        }
        let properties = result.properties.filled();
        let mut properties =
            properties.and_then(|raw| serde_json::from_str::<ResultProperties<'a>>(raw).ok());
        let by = properties
            .as_mut()
            .map(|properties| std::mem::take(&mut properties.own.by.0));
        let shown = self.observation(result, properties.as_ref(), repairs);
        let (Some(scanners), Some(by)) = (&self.own, by.filter(|by| !by.is_empty())) else {
            to.push(Arc::new(shown));
            return;
        };
        for mut own in by {
            let locations = own.locations.take().map(|locations| {
                let read = |location: &Location<'a>| self.location(location, repairs);
                locations.0.iter().filter_map(read).collect()
            });
            let read = |list: &mut json::List<Suppression<'a>>| {
                list.0.iter_mut().map(suppression).collect()
            };
            to.push(Arc::new(own::observation(
                &shown, &mut own, locations, scanners, read,
            )));
        }
    }

    fn observation(
        &self,
        mut result: SarifResult<'a>,
        properties: Option<&ResultProperties<'a>>,
        repairs: &mut Repairs,
    ) -> Observation<'a> {
        let made_up;
        let known = match self.rules.find(&result) {
            Some(rule) => rule,
            None => {
                made_up = self.rules.make_up(self.rule_id(&result, repairs), repairs);
                &made_up
            }
        };
        let text = messages::expand(&mut result.message, Some(&known.messages), &self.messages);
        let message = text.unwrap_or_else(|| {
            repairs.add(Repair::MissingMessage);
            let rule = &known.rule;
            rule.short
                .as_ref()
                .or(rule.full.as_ref())
                .unwrap_or(&rule.id)
                .clone()
        });
        let (score, severity) = self.severity(&result, known, properties, repairs);
        let mut one = Observation::new(
            Arc::clone(&self.scanner),
            Arc::clone(&known.rule),
            known.kind,
            severity,
            message,
        );
        one.score = score;
        self.add_places(&mut one, &result, repairs);
        if one.kind == Kind::Vulnerability {
            let of_message = tools::ids_of_message(self.tool, &one.message);
            let mut ids = small(known.ids.iter().cloned().chain(of_message));
            ids.sort();
            ids.dedup();
            one.ids = ids.into();
        }
        if matches!(one.kind, Kind::Vulnerability | Kind::License) {
            let path = one.location().map_or("", |location| &location.path);
            let (package, fix) = tools::package_of(
                self.tool,
                &known.package,
                &result,
                properties,
                &one.message,
                path,
            );
            one.package = package.map(Box::new);
            one.fix = (!fix.versions.is_empty()).then(|| Box::new(fix));
        }
        one.suppressions = result.suppressions.0.iter_mut().map(suppression).collect();
        one.state = state(result.state.get());
        let fingerprints = result
            .partial_fingerprints
            .0
            .into_iter()
            .chain(result.fingerprints.0);
        // Others hold commits, dates and names of people.
        let fingerprints = fingerprints.filter(|(name, _)| Context::reads(name));
        let fingerprints = fingerprints.filter_map(|(name, mut value)| {
            Some((name, value.take().filter(|value| is_telling(value))?))
        });
        one.fingerprints = small(fingerprints).into();
        let flows = Flows {
            resolve: &|uri, base, index| {
                Some(
                    self.place(uri.map(Cow::Borrowed), base, index)?
                        .0
                        .into_owned(),
                )
            },
            has_prefixes: self.bases.iter().any(|(_, prefix)| !prefix.is_empty()),
            shared: self.thread_flow_locations,
        };
        let raw = Raw {
            code_flows: result.code_flows.filled().map(|raw| flows.portable(raw)),
            related_locations: result
                .related_locations
                .filled()
                .map(|raw| flows.portable(raw)),
            properties: result.properties.filled().map(Cow::Borrowed),
        };
        if let Some(edits) = result.fixes.filled() {
            let fixes: Vec<Fix<'_>> = serde_json::from_str(edits).unwrap_or_default();
            let descriptions = fixes.iter().filter_map(|fix| fix.description.text.get());
            let versions: Vec<_> = descriptions
                .filter_map(|text| tools::version_of_fix(self.tool, text))
                .collect();
            // Some tools describe a fix and give none.
            let is_edit = !fixes.is_empty() && fixes.iter().all(|fix| !fix.changes.0.is_empty());
            if is_edit || !versions.is_empty() {
                let fix = one.fix.get_or_insert_default();
                fix.versions.extend(versions);
                fix.edits = is_edit.then(|| flows.portable(edits));
            }
        }
        one.raw = (raw != Raw::default()).then(|| Box::new(raw));
        one
    }

    /// The id of a rule that is not described.
    fn rule_id(&self, result: &SarifResult<'a>, repairs: &mut Repairs) -> Cow<'a, str> {
        if let Some(id) = result.rule_id.cow().or_else(|| result.rule.get()?.id.cow()) {
            repairs.add(Repair::UnknownRule);
            return id;
        }
        repairs.add(Repair::MissingRule);
        // Gitleaks 7 says it in the message alone.
        let in_message = result
            .message
            .text
            .get()
            .and_then(|text| text.strip_suffix(" secret detected"));
        match in_message {
            Some(id) if self.tool == Tool::Gitleaks => id.to_owned().into(),
            _ => "unnamed".into(),
        }
    }

    fn severity(
        &self,
        result: &SarifResult<'a>,
        known: &ReadRule<'a>,
        properties: Option<&ResultProperties<'a>>,
        repairs: &mut Repairs,
    ) -> (Option<findings::Score>, Severity) {
        let own = properties.and_then(|properties| properties.security_severity.get());
        let (own_score, own_word) = rules::score(own, repairs);
        if let Some(score) = own_score {
            return (Some(score), score.severity());
        }
        let word = || {
            let properties = properties?;
            let words = [
                &properties.severity,
                &properties.issue_severity,
                &properties.security_risk,
            ];
            words
                .into_iter()
                .find_map(|word| Severity::from_word(word.get()?))
        };
        if let Some(severity) = own_word.or_else(word) {
            return (None, severity);
        }
        if let Some(score) = known.rule.score {
            return (Some(score), score.severity());
        }
        if let Some(severity) = known.rule.severity {
            return (None, severity);
        }
        let level = result.level.get().or_else(|| match result.kind.get() {
            // A result of any other kind has no level.
            Some(kind) if kind != "fail" => Some("none"),
            _ => known.level.as_deref(),
        });
        // Scanners for secrets give no level, and "warning" is what that means; but a
        // credential in the open is no mild thing.
        if level.is_none() && known.kind == Kind::Secret {
            return (None, Severity::High);
        }
        let severity = Severity::from_level(level.unwrap_or("warning")).unwrap_or_else(|| {
            repairs.add(Repair::Level);
            level
                .and_then(Severity::from_word)
                .unwrap_or(Severity::Medium)
        });
        (None, severity)
    }

    fn add_places(
        &self,
        one: &mut Observation<'a>,
        result: &SarifResult<'a>,
        repairs: &mut Repairs,
    ) {
        one.target.clone_from(&self.target);
        let locations = result.locations.0.iter();
        let locations = locations.filter_map(|location| self.location(location, repairs));
        one.locations = small(locations).into();
        if one.locations.is_empty()
            && let Some(target) = result.analysis_target.get()
            && let Some((path, found)) = self.path(target)
        {
            count(found, repairs);
            let place = findings::Location {
                path,
                ..findings::Location::default()
            };
            one.locations = [place].into();
        }
        if one
            .locations
            .iter()
            .all(|location| location.path.is_empty())
        {
            repairs.add(Repair::MissingLocation);
        }
        if self.tool == Tool::Grype && one.target.is_none() {
            // `image:tag@sha256:…:/path/in/it`
            let names = one
                .locations
                .iter()
                .filter_map(|location| location.logical.as_deref());
            let target = names
                .filter_map(|name| Some(name.split_once(":/")?.0))
                .next();
            let target = target.map(|target| target.split('@').next().unwrap_or(target));
            one.target = target.map(|target| Cow::Owned(target.to_owned()));
        }
    }

    fn location(
        &self,
        location: &Location<'a>,
        repairs: &mut Repairs,
    ) -> Option<findings::Location<'a>> {
        let physical = &location.physical;
        let path = self.path(&physical.artifact);
        if let Some((_, found)) = &path {
            count(*found, repairs);
        } else if physical.artifact.index.0.is_some() {
            repairs.add(Repair::UnknownArtifact);
        }
        let region = &physical.region;
        let number = |number: json::Number| number.0.and_then(NonZeroU32::new);
        let logical = location.logical.0.first().and_then(|logical| {
            let by_index = || {
                self.logical
                    .get(usize::try_from(logical.index.0?).ok()?)?
                    .clone()
            };
            logical
                .full_name
                .cow()
                .or_else(by_index)
                .or_else(|| logical.name.cow())
        });
        let own = &location.properties.own;
        let is_made_up = |flag: json::Flag| self.own.is_some() && flag.0 == Some(true);
        let found = findings::Location {
            path: path
                .map(|(path, _)| path)
                .filter(|_| !is_made_up(own.no_path))
                .unwrap_or_default(),
            region: number(region.start_line)
                .filter(|_| !is_made_up(own.no_region))
                .map(|start_line| Region {
                    start_line,
                    start_column: number(region.start_column),
                    // An end before the start is no end.
                    end_line: number(region.end_line).filter(|end| *end >= start_line),
                    end_column: number(region.end_column),
                }),
            snippet: region
                .snippet
                .text
                .cow()
                .or_else(|| physical.context.snippet.text.cow()),
            logical,
        };
        let is_place = !found.path.is_empty() || found.region.is_some() || found.logical.is_some();
        is_place.then_some(found)
    }

    fn path(&self, location: &ArtifactLocation<'a>) -> Option<(Cow<'a, str>, Found)> {
        self.place(location.uri.cow(), location.base.get(), location.index.0)
    }

    /// The path of an artifact: its own URI, or that of the artifact whose
    /// number it gives.
    fn place<'u>(
        &self,
        uri: Option<Cow<'u, str>>,
        base: Option<&str>,
        index: Option<u32>,
    ) -> Option<(Cow<'u, str>, Found)>
    where
        'a: 'u,
    {
        let Some(uri) = uri else {
            let artifact = self.artifacts.get(usize::try_from(index?).ok()?)?;
            return (!artifact.0.is_empty()).then(|| artifact.clone());
        };
        let prefix = base.and_then(|base| {
            let known = self.bases.iter().find(|(name, _)| name == base);
            known.map(|(_, prefix)| prefix.as_str())
        });
        Some(self.paths.resolve(&uri, prefix))
    }
}

/// A list without room for more: most hold one thing, and there are many lists.
fn small<T>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut list = Vec::new();
    for item in items {
        if list.capacity() == 0 {
            list = Vec::with_capacity(1);
        } else if list.len() == list.capacity() {
            list.reserve_exact(list.len());
        }
        list.push(item);
    }
    list
}

fn count(found: Found, repairs: &mut Repairs) {
    match found {
        Found::AsWritten => {}
        Found::Mended => repairs.add(Repair::Path),
        Found::Outside => repairs.add(Repair::PathOutside),
    }
}

/// Bases with their prefixes; a base may lie below another one.
fn bases<'a>(paths: &Paths, bases: &Map<'a, ArtifactLocation<'a>>) -> Vec<(Cow<'a, str>, String)> {
    fn prefix(
        paths: &Paths,
        bases: &Map<'_, ArtifactLocation<'_>>,
        base: &ArtifactLocation<'_>,
        depth: usize,
    ) -> String {
        // A chain may run in a circle.
        let above = base
            .base
            .get()
            .filter(|_| depth < 16)
            .and_then(|name| bases.get(name));
        let above = above.map(|above| prefix(paths, bases, above, depth + 1));
        base.uri.get().map_or_else(
            || above.clone().unwrap_or_default(),
            |uri| paths.base(uri, above.as_deref()),
        )
    }
    bases
        .0
        .iter()
        .map(|(name, base)| (name.clone(), prefix(paths, bases, base, 0)))
        .collect()
}

/// Why a run's results are not all that there is to know.
fn failure<'a>(run: &Run<'a>, results: &Results<'a>) -> Option<Cow<'a, str>> {
    let failed = run
        .invocations
        .0
        .iter()
        .find(|invocation| invocation.successful.0 == Some(false));
    if let Some(failed) = failed {
        let errors = failed
            .notifications
            .0
            .iter()
            .filter(|one| one.level.get() == Some("error"));
        let said = errors.filter_map(|one| one.message.text.cow()).next();
        return Some(
            said.or_else(|| failed.exit_description.cow())
                .unwrap_or_else(|| match failed.exit_code.0 {
                    Some(code) => format!("it ended with exit code {code}").into(),
                    None => "it says that it did not succeed".into(),
                }),
        );
    }
    match results {
        Results::Null => Some("it could not make a list of results (`results` is null)".into()),
        Results::Missing if run.tool.driver.name.get().is_none() => {
            Some("the run has neither a tool nor results".into())
        }
        _ if !run.external.results.0.is_empty() => {
            Some("its results are in another file (`externalPropertyFileReferences`)".into())
        }
        _ => None,
    }
}

/// The state that a word says; none for any other word.
pub(super) fn state(word: Option<&str>) -> Option<State> {
    match word? {
        "new" => Some(State::New),
        // The word before the standard was final.
        "unchanged" | "existing" => Some(State::Unchanged),
        "updated" => Some(State::Updated),
        "absent" => Some(State::Absent),
        _ => None,
    }
}

fn suppression<'a>(read: &mut Suppression<'a>) -> findings::Suppression<'a> {
    findings::Suppression {
        in_source: matches!(read.kind.get(), Some("inSource" | "suppressedInSource")),
        status: match read.status.get().or_else(|| read.state.get()) {
            Some("underReview") => SuppressionStatus::UnderReview,
            Some("rejected") => SuppressionStatus::Rejected,
            _ => SuppressionStatus::Accepted,
        },
        justification: read.justification.take(),
        origin: read.properties.origin.take(),
        owner: read.properties.owner.take(),
        expires: read.properties.expires.take(),
    }
}

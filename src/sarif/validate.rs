//! What GitHub would say to a file.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use flate2::Compression;

use super::document::{ArtifactLocation, Component, Descriptor, Flow, Log, Run, SarifResult};
use super::json::Results;
use super::layout;
use super::limits::Limits;
use super::paths;
use super::split::Split;
use crate::findings::Score;

/// What comes of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Consequence {
    /// GitHub refuses the whole file.
    Refused,
    /// GitHub takes the file and leaves something out or shows it wrong.
    Lost,
}

impl fmt::Display for Consequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "refused",
            Self::Lost => "lost",
        })
    }
}

/// A problem, and every place that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What comes of it.
    pub consequence: Consequence,
    /// What is wrong.
    pub what: String,
    /// How it is mended.
    pub mend: &'static str,
    /// The first place, as a path of keys.
    pub place: String,
    /// How many places have it.
    pub count: usize,
}

#[derive(Default)]
struct Problems(BTreeMap<(Consequence, String), (String, usize, &'static str)>);

impl Problems {
    fn add(
        &mut self,
        consequence: Consequence,
        place: impl FnOnce() -> String,
        what: impl Into<String>,
        mend: &'static str,
    ) {
        let entry = self.0.entry((consequence, what.into()));
        entry.or_insert_with(|| (place(), 0, mend)).1 += 1;
    }

    fn refused(
        &mut self,
        place: impl FnOnce() -> String,
        what: impl Into<String>,
        mend: &'static str,
    ) {
        self.add(Consequence::Refused, place, what, mend);
    }

    fn lost(
        &mut self,
        place: impl FnOnce() -> String,
        what: impl Into<String>,
        mend: &'static str,
    ) {
        self.add(Consequence::Lost, place, what, mend);
    }

    /// A hard and a soft limit.
    fn limit(
        &mut self,
        place: impl FnOnce() -> String,
        what: &str,
        count: usize,
        hard: usize,
        soft: usize,
    ) {
        const MEND: &str = "`ci-tool sarif merge` writes within the limits";
        if count > hard {
            self.refused(place, format!("more than {hard} {what}"), MEND);
        } else if count > soft {
            self.lost(
                place,
                format!("more than {soft} {what}: the rest is not shown"),
                MEND,
            );
        }
    }
}

const MERGE: &str = "`ci-tool sarif merge` mends it";

/// What GitHub would say to this text; nothing when it takes all of it.
///
/// # Errors
/// Where the text is no SARIF log at all.
pub fn validate(text: &str, limits: &Limits) -> Result<Vec<Problem>, serde_json::Error> {
    if let Some(mut split) = Split::of(text) {
        let outline = std::mem::take(&mut split.outline);
        let log = split.log(&outline);
        if let Ok(problems) = log.and_then(|log| check(&log, text, limits)) {
            return Ok(problems);
        }
    }
    serde_json::from_str(text).and_then(|log| check(&log, text, limits))
}

fn check(log: &Log<'_>, text: &str, limits: &Limits) -> Result<Vec<Problem>, serde_json::Error> {
    let mut problems = Problems::default();
    if log.was_list {
        problems.refused(|| "$".into(), "a list of logs", MERGE);
    }
    if log.version.get() != Some("2.1.0") {
        problems.refused(|| "version".into(), "a version other than 2.1.0", MERGE);
    }
    if let Some(compressed) = too_big(text, limits.gzip_bytes) {
        let what = format!(
            "{compressed} bytes after gzip, more than {}",
            limits.gzip_bytes
        );
        problems.refused(|| "$".into(), what, "`ci-tool sarif merge` splits it");
    }
    problems.limit(
        || "runs".into(),
        "runs",
        log.runs.len(),
        limits.runs,
        limits.runs,
    );
    let mut seen = HashSet::new();
    for (at, run) in log.runs.iter().enumerate() {
        let driver = &run.tool.driver;
        let key = (
            driver.name.get(),
            driver.version.get(),
            driver.semantic_version.get(),
            driver.guid.get(),
            category(run),
        );
        if !seen.insert(key) {
            problems.refused(
                || format!("runs[{at}]"),
                "two runs of one tool with one category",
                MERGE,
            );
        }
        check_run(run, at, limits, &mut problems)?;
    }
    let of = |((consequence, what), (place, count, mend))| Problem {
        consequence,
        what,
        mend,
        place,
        count,
    };
    Ok(problems.0.into_iter().map(of).collect())
}

/// The size after gzip, if it is more than that.
fn too_big(text: &str, limit: usize) -> Option<usize> {
    let text = text.as_bytes();
    if layout::surely_fits(text, limit) {
        return None;
    }
    let size = layout::packed_size(text, Compression::default());
    (size > limit).then_some(size)
}

/// What stands before the last slash.
fn category<'r>(run: &'r Run<'_>) -> Option<&'r str> {
    run.automation
        .id
        .get()?
        .rsplit_once('/')
        .map(|(category, _)| category)
}

fn check_run(
    run: &Run<'_>,
    number: usize,
    limits: &Limits,
    problems: &mut Problems,
) -> Result<(), serde_json::Error> {
    let at = |rest: &str| format!("runs[{number}].{rest}");
    if run.tool.driver.name.get().is_none() {
        problems.refused(
            || at("tool.driver.name"),
            "a run without the name of its tool",
            MERGE,
        );
    }
    if let Some(id) = run.automation.id.get()
        && has_changing_part(id)
    {
        problems.lost(
            || at("automationDetails.id"),
            "a category with a commit or a date: every upload closes all alerts and opens them again",
            MERGE,
        );
    }
    let extensions = run.tool.extensions.0.len();
    problems.limit(
        || at("tool.extensions"),
        "extensions of a tool",
        extensions,
        limits.extensions,
        limits.extensions,
    );
    let components = std::iter::once(&run.tool.driver).chain(&run.tool.extensions.0);
    for component in components {
        check_rules(component, number, limits, problems);
    }
    let results = match &run.results {
        Results::Are(results) => results.as_slice(),
        Results::Missing | Results::Null => {
            problems.refused(|| at("results"), "a run without `results`", MERGE);
            &[]
        }
    };
    problems.limit(
        || at("results"),
        "results in a run",
        results.len(),
        limits.results,
        limits.shown_results,
    );
    for (index, text) in results.iter().enumerate() {
        let result = SarifResult::read(text)?;
        check_result(
            run,
            &result,
            &|rest| format!("runs[{number}].results[{index}].{rest}"),
            limits,
            problems,
        );
    }
    Ok(())
}

fn check_rules(component: &Component<'_>, run: usize, limits: &Limits, problems: &mut Problems) {
    let name = component.name.get().unwrap_or_default();
    let rules = &component.rules.0;
    problems.limit(
        || format!("runs[{run}].tool ({name}).rules"),
        "rules of a tool",
        rules.len(),
        limits.rules,
        limits.rules,
    );
    for (index, rule) in rules.iter().enumerate() {
        check_rule(
            rule,
            &|rest| format!("runs[{run}].tool ({name}).rules[{index}].{rest}"),
            limits,
            problems,
        );
    }
}

fn check_rule(
    rule: &Descriptor<'_>,
    at: &dyn Fn(&str) -> String,
    limits: &Limits,
    problems: &mut Problems,
) {
    let properties = &rule.properties;
    if let Some(score) = properties.security_severity.get() {
        let is_number = score.trim().parse::<f64>().is_ok_and(f64::is_finite);
        if !is_number {
            problems.refused(
                || at("properties.security-severity"),
                "a `security-severity` that is not a number",
                MERGE,
            );
        } else if score.parse::<Score>().is_err() {
            problems.lost(
                || at("properties.security-severity"),
                "a `security-severity` outside of 0.1 to 10",
                MERGE,
            );
        } else if !properties
            .tags
            .0
            .iter()
            .any(|tag| tag.get() == Some("security"))
        {
            problems.lost(
                || at("properties.tags"),
                "a `security-severity` without the tag `security`: it is not shown",
                MERGE,
            );
        }
    }
    problems.limit(
        || at("properties.tags"),
        "tags of a rule",
        properties.tags.0.len(),
        limits.tags,
        limits.shown_tags,
    );
    if rule.help.text.get().is_none() {
        problems.lost(|| at("help.text"), "a rule without `help.text`", MERGE);
    }
    let lengths = [
        ("name", rule.name.get(), limits.name),
        (
            "shortDescription",
            rule.short.text.get(),
            limits.description,
        ),
        ("fullDescription", rule.full.text.get(), limits.description),
    ];
    for (key, text, limit) in lengths {
        if text.is_some_and(|text| text.encode_utf16().count() > limit) {
            problems.lost(
                || at(key),
                format!("a `{key}` of more than {limit} characters"),
                MERGE,
            );
        }
    }
}

fn check_result(
    run: &Run<'_>,
    result: &SarifResult<'_>,
    at: &dyn Fn(&str) -> String,
    limits: &Limits,
    problems: &mut Problems,
) {
    if result.message.text.get().is_none() && result.message.id.get().is_none() {
        problems.refused(|| at("message"), "a result without a message", MERGE);
    }
    if let Some(index) = result.rule_index.0
        && result
            .rule
            .get()
            .is_none_or(|rule| rule.component.index.0.is_none())
        && usize::try_from(index).is_ok_and(|index| index >= run.tool.driver.rules.0.len())
    {
        problems.refused(
            || at("ruleIndex"),
            "a rule's number that does not exist",
            MERGE,
        );
    }
    let locations = &result.locations.0;
    problems.limit(
        || at("locations"),
        "places of a result",
        locations.len(),
        limits.locations,
        limits.shown_locations,
    );
    match locations.first().map(|location| &location.physical) {
        None => problems.refused(|| at("locations"), "a result without a place", MERGE),
        Some(place) => {
            check_uri(
                run,
                &place.artifact,
                &|| at("locations[0].physicalLocation.artifactLocation"),
                problems,
            );
            if place.region.start_line.0.is_none_or(|line| line == 0) {
                problems.lost(
                    || at("locations[0].physicalLocation.region"),
                    "a place without `startLine`",
                    MERGE,
                );
            }
        }
    }
    if !result
        .partial_fingerprints
        .0
        .iter()
        .any(|(name, _)| name == crate::findings::LINE_HASH)
    {
        problems.lost(
            || at("partialFingerprints"),
            "a result without `primaryLocationLineHash`: its alert is lost when lines move",
            MERGE,
        );
    }
    if let Some(raw) = result.code_flows.filled() {
        let flows: Vec<Flow<'_>> = serde_json::from_str(raw).unwrap_or_default();
        let steps = flows
            .iter()
            .flat_map(|flow| &flow.thread_flows.0)
            .map(|flow| flow.locations.0.len())
            .max();
        problems.limit(
            || at("codeFlows"),
            "steps of a code flow",
            steps.unwrap_or(0),
            limits.flow_locations,
            1_000,
        );
    }
}

fn check_uri(
    run: &Run<'_>,
    artifact: &ArtifactLocation<'_>,
    at: &dyn Fn() -> String,
    problems: &mut Problems,
) {
    let by_index = || {
        let index = usize::try_from(artifact.index.0?).ok()?;
        run.artifacts.0.get(index)?.location.uri.get()
    };
    let Some(uri) = artifact.uri.get().or_else(by_index) else {
        problems.refused(at, "a place without a file", MERGE);
        return;
    };
    if uri.contains([' ', '\\', '"', '<', '>', '^', '`', '{', '|', '}']) {
        problems.refused(at, "a file's URI that is none", MERGE);
    } else if uri.contains(':') && !uri.starts_with("file:") {
        problems.refused(at, "a file's URI with another scheme than `file:`", MERGE);
    } else if uri.starts_with(['/', 'f']) && (uri.starts_with('/') || uri.starts_with("file:")) {
        problems.lost(
            at,
            "an absolute path: the alert is not attached to a file",
            MERGE,
        );
    } else if paths::leaves_repository(uri) {
        problems.lost(at, "a path that leaves the repository", MERGE);
    }
}

/// Whether a category holds what is another in every run: a commit or a date.
pub fn has_changing_part(category: &str) -> bool {
    category.split(['/', ':', '@', '_']).any(|part| {
        let is_commit = |part: &str| {
            part.len() >= 12
                && part.bytes().all(|byte| byte.is_ascii_hexdigit())
                && part.bytes().any(|byte| byte.is_ascii_digit())
        };
        let is_date = |part: &str| {
            let bytes = part.as_bytes();
            bytes.len() >= 10
                && bytes[..4].iter().all(u8::is_ascii_digit)
                && bytes[4] == b'-'
                && bytes[5..7].iter().all(u8::is_ascii_digit)
                && bytes[7] == b'-'
        };
        is_date(part) || part.split('-').any(is_commit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_that_change_are_known() {
        for category in [
            "Snyk/Open Source/app/0/2025-01-01T00:00:00.000Z",
            "trivy/app:3f786850e387550fdab836ed7e6dc881de23001b/",
            "scan-3f786850e387550f",
        ] {
            assert!(has_changing_part(category), "{category}");
        }
        for category in [
            "ci-tool/",
            "trivy/backend",
            "/language:javascript",
            "defaced/decade",
            "2024-report",
        ] {
            assert!(!has_changing_part(category), "{category}");
        }
    }
}

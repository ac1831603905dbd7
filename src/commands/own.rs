//! The scanner that is always at hand: the rules of `audit`, and what workflows use and
//! how it is pinned.

use std::borrow::Cow;
use std::sync::Arc;

use anyhow::Result;

use crate::audit::{self, Facts};
use crate::config::Config;
use crate::error::Failure;
use crate::findings::{Kind, Location, Observation, Region, Rule, Scanner, Severity};
use crate::project::{self, Tree};
use crate::sarif::Reading;
use crate::workflows::pins::{self, ActionPattern, check};

/// The name of this scanner.
pub(super) const NAME: &str = "audit";

/// So many findings carry their fix; no person reads more, and each has to find its place
/// in its file.
const MAX_FIXES: usize = 1_000;

/// What is wrong, and the files that could not be read, with the reason.
pub(super) fn look(
    tree: &Tree,
    config: &Config,
    is_pedantic: bool,
) -> (Reading<'static>, Vec<String>) {
    let scanner = Arc::new(Scanner {
        name: Cow::Borrowed("ci-tool audit"),
        version: Some(Cow::Borrowed(env!("CARGO_PKG_VERSION"))),
        uri: Some(Cow::Borrowed(env!("CARGO_PKG_REPOSITORY"))),
        ..Scanner::default()
    });
    let project = project::detect_in(tree);
    let found = audit::run(
        &Facts::new(tree, &project).with_answers(&config.audit.answers),
        is_pedantic || config.audit.pedantic,
    );
    let (mut reading, broken) = pins_of(tree, &scanner, &config.pins.allow);
    let wanted = found
        .into_iter()
        .filter(|(rule, _)| !config.audit.skip.iter().any(|id| id == rule.id));
    let observations = wanted.enumerate().map(|(at, (rule, mut one))| {
        if at >= MAX_FIXES {
            one.fix = None;
        }
        Arc::new(audit::observation(&scanner, rule, one, tree))
    });
    reading.observations.extend(observations);
    reading.scanners = vec![scanner];
    (reading, broken)
}

/// Refuses rules in the configuration that nobody has.
///
/// # Errors
/// Where there is one.
pub(super) fn check_names(config: &Config) -> Result<()> {
    match config
        .audit
        .skip
        .iter()
        .find(|id| audit::rule(id).is_none())
    {
        None => Ok(()),
        Some(id) => Err(Failure::usage(format!(
            "`audit.skip` names `{id}`, and there is no such rule"
        ))
        .hint("`ci-tool explain` lists the rules")
        .into()),
    }
}

/// What workflows use.
fn pins_of(
    tree: &Tree,
    scanner: &Arc<Scanner<'static>>,
    allowed: &[String],
) -> (Reading<'static>, Vec<String>) {
    let allowed: Vec<ActionPattern> = allowed
        .iter()
        .map(|text| ActionPattern::new(text))
        .collect();
    let mut observations = Vec::new();
    let mut broken = Vec::new();
    let is_yaml = |path: &&str| path.ends_with(".yml") || path.ends_with(".yaml");
    let workflows = tree.directly_in(".github/workflows").filter(is_yaml);
    let actions = ["action.yml", "action.yaml"]
        .into_iter()
        .flat_map(|name| tree.named(name))
        .filter(|path| !project::path::is_sample(path));
    let mut paths: Vec<&str> = workflows.chain(actions).collect();
    paths.sort_unstable();
    paths.dedup();
    for path in paths {
        let Some(text) = tree.text(path) else {
            broken.push(format!("{path} could not be read"));
            continue;
        };
        let uses = match pins::find(path, &text) {
            Ok(uses) => uses,
            Err(error) => {
                broken.push(format!("{path}:{}: {}", error.line, error.message));
                continue;
            }
        };
        for found in uses {
            for finding in check::offline(&found, &allowed) {
                observations.push(Arc::new(observation(scanner, path, &found, finding)));
            }
        }
    }
    let reading = Reading {
        observations,
        ..Reading::default()
    };
    (reading, broken)
}

fn observation(
    scanner: &Arc<Scanner<'static>>,
    path: &str,
    found: &pins::Use,
    finding: check::Finding,
) -> Observation<'static> {
    use check::Kind as Pin;
    let (id, severity) = match finding.kind {
        Pin::Malformed => ("malformed-action", Severity::High),
        Pin::RemovedRuntime => ("removed-runtime", Severity::High),
        Pin::Unpinned => ("unpinned-action", Severity::Medium),
        Pin::ShortCommit => ("short-commit", Severity::Medium),
        Pin::Contradiction | Pin::WrongComment | Pin::MovedTag | Pin::Impostor => {
            ("contradicting-pin", Severity::Medium)
        }
        Pin::UnpinnedImage => ("unpinned-image", Severity::Low),
        _ => ("action-hint", Severity::Note),
    };
    let rule = Arc::new(Rule {
        id: Cow::Borrowed(id),
        help: Some(Cow::Owned(finding.help)),
        ..Rule::default()
    });
    let message = format!("{}: {}", found.text, finding.message);
    let mut observation = Observation::new(
        Arc::clone(scanner),
        rule,
        Kind::Misconfiguration,
        severity,
        message,
    );
    observation.locations = [Location {
        path: Cow::Owned(path.to_owned()),
        region: u32::try_from(found.line).ok().and_then(Region::line),
        ..Location::default()
    }]
    .into();
    observation
}

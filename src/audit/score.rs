//! How mature the delivery of a repository is: twelve categories of ten points each, from
//! what its files show and what people have answered. Nothing is assumed: what is not
//! shown and not answered counts nothing, and is told as unknown with what it would add.

mod baseline;
mod criteria;

use serde::Serialize;

use self::criteria::Proof::{Clean, Either, Said, Shown, ShownOrSaid};
use self::criteria::{CATEGORIES, Category, Proof};
use super::evidence::Practice as P;
use super::{Defect, Facts, Rule};

pub use self::baseline::{Baseline, Fall};
pub use self::criteria::{QUESTIONS, formula};

/// A repository's score.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Score {
    /// Version of this form.
    pub schema: u32,
    /// The mean of all categories, from 0 to 10.
    pub total: f64,
    /// What it would be if every open question were answered with yes.
    pub at_most: f64,
    /// The level of maturity, from 1 to 4.
    pub level: u8,
    /// What the next level needs.
    pub next_level: Vec<&'static str>,
    /// The categories.
    pub categories: Vec<CategoryScore>,
}

/// One category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CategoryScore {
    /// Its name.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Its points, from 0 to 10.
    pub points: u8,
    /// What gives points.
    pub found: Vec<Point>,
    /// What would give more.
    pub missing: Vec<Point>,
    /// What only people know, and nobody has said.
    pub unknown: Vec<Point>,
    /// What would raise it most.
    pub next_step: Option<&'static str>,
}

/// One reason for points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// How many.
    pub points: u8,
    /// What for.
    pub what: &'static str,
    /// Where it is shown, as PATH:LINE, or which answer says it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// The question that answers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<&'static str>,
}

enum Answer {
    Yes(Vec<String>),
    No,
    Unknown(&'static str),
}

/// The score of a repository, of which `found` is all that the rules find, opinions too.
pub fn score(facts: &Facts<'_>, found: &[(&'static Rule, Defect)]) -> Score {
    let categories: Vec<CategoryScore> = CATEGORIES
        .iter()
        .map(|category| judge(facts, found, category))
        .collect();
    let mean = |points: &dyn Fn(&CategoryScore) -> u32| {
        let sum: u32 = categories.iter().map(points).sum();
        // Two digits say as much as there is to say, and are the same on every machine.
        (f64::from(sum) * 100.0 / 12.0).round() / 100.0
    };
    let total = mean(&|one| u32::from(one.points));
    let at_most = mean(&|one| {
        let open: u8 = one.unknown.iter().map(|point| point.points).sum();
        u32::from(one.points + open)
    });
    let (level, next_level) = level(facts);
    Score {
        schema: 1,
        total,
        at_most,
        level,
        next_level,
        categories,
    }
}

fn judge(
    facts: &Facts<'_>,
    found: &[(&'static Rule, Defect)],
    category: &Category,
) -> CategoryScore {
    let mut score = CategoryScore {
        name: category.name,
        title: category.title,
        points: 0,
        found: Vec::new(),
        missing: Vec::new(),
        unknown: Vec::new(),
        next_step: None,
    };
    let mut best = 0;
    for criterion in category.criteria {
        let mut point = Point {
            points: criterion.points,
            what: criterion.what,
            evidence: Vec::new(),
            question: None,
        };
        match answer(facts, found, criterion.proof) {
            Answer::Yes(evidence) => {
                point.evidence = evidence;
                score.points += criterion.points;
                score.found.push(point);
                continue;
            }
            Answer::No => score.missing.push(point),
            Answer::Unknown(question) => {
                point.question = Some(question);
                score.unknown.push(point);
            }
        }
        if criterion.points > best {
            best = criterion.points;
            score.next_step = Some(criterion.step);
        }
    }
    score
}

fn answer(facts: &Facts<'_>, found: &[(&'static Rule, Defect)], proof: Proof) -> Answer {
    let shown = |practice: P| -> Vec<String> {
        let places = facts.evidence().of(practice).iter();
        places
            .map(|(path, place)| format!("{path}:{}", place.line))
            .collect()
    };
    let yes_or = |places: Vec<String>, otherwise: Answer| match places.is_empty() {
        true => otherwise,
        false => Answer::Yes(places),
    };
    let said = |question: &'static str| match facts.answer(question) {
        Some("yes" | "true") => Answer::Yes(vec![format!("answer `{question}`")]),
        Some(_) => Answer::No,
        None => Answer::Unknown(question),
    };
    match proof {
        Shown(practice) => yes_or(shown(practice), Answer::No),
        Either(one, other) => yes_or([shown(one), shown(other)].concat(), Answer::No),
        ShownOrSaid(practice, question) => yes_or(shown(practice), said(question)),
        Said(question) => said(question),
        // Nothing is clean where there is nothing.
        Clean(_) if facts.project.components.is_empty() => Answer::No,
        Clean(rules) => match found.iter().any(|(rule, _)| rules.contains(&rule.id)) {
            true => Answer::No,
            false => Answer::Yes(vec![format!("no finding of {}", rules.join(", "))]),
        },
    }
}

/// The level of maturity, and what the next one needs.
fn level(facts: &Facts<'_>) -> (u8, Vec<&'static str>) {
    let shows = |practice| facts.evidence().shows(practice);
    let says = |question| matches!(facts.answer(question), Some("yes" | "true"));
    let repeatable = [
        (
            "a pipeline, a script or a platform's file deploys",
            shows(P::DeployPipeline) || shows(P::DeployScripts) || shows(P::PlatformFiles),
        ),
        (
            "versions are locked, or images are built",
            shows(P::LockFiles) || shows(P::Containers),
        ),
    ];
    let delivery = [
        ("a pipeline runs tests", shows(P::TestsInPipeline)),
        (
            "a release can be taken back",
            shows(P::Rollback) || says("instant-rollback"),
        ),
        (
            "there is an environment before production",
            shows(P::Staging),
        ),
        (
            "health decides, and errors are reported",
            shows(P::HealthGate) && shows(P::ErrorTracking),
        ),
    ];
    let deployment = [
        ("a pipeline deploys", shows(P::DeployPipeline)),
        (
            "a pipeline looks for vulnerabilities",
            shows(P::SecurityScanning),
        ),
        (
            "figures and logs can be searched",
            shows(P::Metrics) && shows(P::StructuredLogs),
        ),
        ("somebody is called", says("alerts")),
    ];
    let lacks = |needs: &[(&'static str, bool)]| -> Vec<&'static str> {
        needs
            .iter()
            .filter(|(_, is)| !is)
            .map(|(what, _)| *what)
            .collect()
    };
    for (level, needs) in [
        (1, &repeatable[..]),
        (2, &delivery[..]),
        (3, &deployment[..]),
    ] {
        let missing = lacks(needs);
        if !missing.is_empty() {
            return (level, missing);
        }
    }
    (4, Vec::new())
}

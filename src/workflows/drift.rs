//! Why a generated file would look different today.

use std::collections::BTreeMap;

use serde::Serialize;

use super::lock::Record;

/// What a file was made from, that is another now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The template is another version.
    Template,
    /// A fact of the project: a component, a version, a command.
    Project,
    /// What the configuration decides.
    Configuration,
    /// The commits that actions are pinned to.
    Pins,
}

/// One cause, with what changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// The cause.
    pub cause: Cause,
    /// What changed, each in a few words.
    pub details: Vec<String>,
}

/// Facts that only the configuration or the command line decides.
const DECIDED: [&str; 6] = [
    "runner",
    "timeout_minutes",
    "deploy_timeout_minutes",
    "environments",
    "house",
    "uptime_urls",
];

/// More details than these are counted.
const SHOWN: usize = 6;

/// What changed between what was recorded and what would be recorded now.
pub fn between(then: &Record, now: &Record) -> Vec<Drift> {
    let mut drift = Vec::new();
    if then.template_digest != now.template_digest || then.version != now.version {
        let detail = if then.version == now.version {
            format!("{}@{} has another text", now.template, now.version)
        } else {
            format!("{}: {} → {}", now.template, then.version, now.version)
        };
        drift.push(Drift {
            cause: Cause::Template,
            details: vec![detail],
        });
    }
    let is_decided = |path: &str| {
        let first = path.split('.').next().unwrap_or_default();
        DECIDED.contains(&first)
    };
    for (cause, decided) in [(Cause::Project, false), (Cause::Configuration, true)] {
        let of = |facts: &BTreeMap<String, String>| {
            facts
                .iter()
                .filter(|(path, _)| is_decided(path) == decided)
                .map(|(path, value)| (path.clone(), value.clone()))
                .collect()
        };
        let details = changes(&of(&then.facts), &of(&now.facts));
        if !details.is_empty() {
            drift.push(Drift { cause, details });
        }
    }
    // An action that only one of them uses follows from another cause.
    let shared = |ours: &BTreeMap<String, String>, other: &BTreeMap<String, String>| {
        ours.iter()
            .filter(|(name, _)| other.contains_key(*name))
            .map(|(name, pin)| (name.clone(), pin.clone()))
            .collect()
    };
    let details = changes(
        &shared(&then.pins, &now.pins),
        &shared(&now.pins, &then.pins),
    );
    if !details.is_empty() {
        drift.push(Drift {
            cause: Cause::Pins,
            details,
        });
    }
    drift
}

/// The drift in a sentence.
pub fn in_words(drift: &[Drift]) -> String {
    drift
        .iter()
        .map(|drift| {
            let what = match drift.cause {
                Cause::Template => "the template is newer",
                Cause::Project => "the project changed",
                Cause::Configuration => "the configuration changed",
                Cause::Pins => "actions are pinned anew",
            };
            format!("{what} ({})", drift.details.join(", "))
        })
        .collect::<Vec<_>>()
        .join("; ")
}

fn changes(then: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let mut details: Vec<String> = Vec::new();
    let mut add = |detail: String| {
        if !details.contains(&detail) {
            details.push(detail);
        }
    };
    for (path, value) in now {
        match then.get(path) {
            Some(before) if before == value => {}
            Some(before) => add(format!("{path}: {} → {}", short(before), short(value))),
            None => add(format!("{} is new", whole(path, then))),
        }
    }
    for path in then.keys().filter(|path| !now.contains_key(*path)) {
        add(format!("{} is gone", whole(path, now)));
    }
    if details.len() > SHOWN {
        let more = details.len() - SHOWN;
        details.truncate(SHOWN);
        details.push(format!("{more} more"));
    }
    details
}

/// The highest part of a path of which the other side knows nothing: a
/// component, where all of it is new.
fn whole<'p>(path: &'p str, other: &BTreeMap<String, String>) -> &'p str {
    path.match_indices('.')
        .map(|(at, _)| &path[..at])
        .find(|part| {
            let below = format!("{part}.");
            !other
                .keys()
                .any(|known| known == part || known.starts_with(&below))
        })
        .unwrap_or(path)
}

fn short(value: &str) -> String {
    const LONGEST: usize = 40;
    if value.chars().count() <= LONGEST {
        value.to_owned()
    } else {
        value.chars().take(LONGEST).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(version: u32, facts: &[(&str, &str)], pins: &[(&str, &str)]) -> Record {
        let owned = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        Record {
            template: "backend-ci".to_owned(),
            version,
            template_digest: version.to_string(),
            facts: owned(facts),
            pins: owned(pins),
            text: String::new(),
        }
    }

    #[test]
    fn each_cause_is_told_apart() {
        let then = record(
            1,
            &[
                ("backends.api.version", "3.11"),
                ("backends.old.id", "old"),
                ("backends.old.version", "1"),
                ("runner", "ubuntu-24.04"),
            ],
            &[("actions/checkout", "a # v6"), ("actions/cache", "b # v5")],
        );
        let now = record(
            2,
            &[
                ("backends.api.version", "3.12"),
                ("backends.web.id", "web"),
                ("backends.web.version", "22"),
                ("runner", "large"),
            ],
            &[("actions/checkout", "c # v7"), ("actions/setup-node", "d")],
        );
        assert_eq!(
            in_words(&between(&then, &now)),
            "the template is newer (backend-ci: 1 → 2); \
             the project changed (backends.api.version: 3.11 → 3.12, backends.web is new, backends.old is gone); \
             the configuration changed (runner: ubuntu-24.04 → large); \
             actions are pinned anew (actions/checkout: a # v6 → c # v7)"
        );
        assert_eq!(between(&then, &then), []);
    }
}

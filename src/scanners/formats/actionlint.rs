//! A JSON list as `actionlint -format '{{json .}}'` writes it.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;

use super::{About, Read, json, path, place, reading, scanner, text};
use crate::findings::{Kind, Observation, Rule, Severity};

#[derive(Deserialize)]
struct Problem<'a> {
    #[serde(borrow, deserialize_with = "text")]
    message: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "text")]
    filepath: Cow<'a, str>,
    line: u32,
    column: u32,
    #[serde(default)]
    end_column: u32,
    #[serde(borrow, deserialize_with = "text")]
    kind: Cow<'a, str>,
}

pub(super) fn read<'a>(source: &'a str, about: About<'_>) -> Result<Read<'a>, String> {
    let problems: Option<Vec<Problem<'a>>> = json(source)?;
    let scanner = scanner("actionlint", None, "https://github.com/rhysd/actionlint");
    let observations = problems.into_iter().flatten().map(|one| {
        let rule = Arc::new(Rule {
            id: one.kind,
            ..Rule::default()
        });
        // It knows one level: such a workflow does not do what it says.
        let mut observation = Observation::new(
            Arc::clone(&scanner),
            rule,
            Kind::Code,
            Severity::Medium,
            one.message,
        );
        observation.locations = [place(
            path(one.filepath, about),
            (one.line, 0),
            (one.column, one.end_column),
        )]
        .into();
        observation
    });
    let observations = observations.collect();
    Ok(Read {
        reading: reading(scanner, observations),
        ..Read::default()
    })
}

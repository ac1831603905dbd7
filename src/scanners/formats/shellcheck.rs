//! The JSON of `shellcheck --format json1`.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;

use super::{About, Read, json, path, place, reading, scanner, text};
use crate::findings::{Kind, Observation, Rule, Severity};

#[derive(Deserialize)]
struct Report<'a> {
    #[serde(borrow)]
    comments: Vec<Comment<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Comment<'a> {
    #[serde(borrow, deserialize_with = "text")]
    file: Cow<'a, str>,
    line: u32,
    end_line: u32,
    column: u32,
    end_column: u32,
    level: String,
    code: u32,
    #[serde(borrow, deserialize_with = "text")]
    message: Cow<'a, str>,
}

pub(super) fn read<'a>(source: &'a str, about: About<'_>) -> Result<Read<'a>, String> {
    let report: Report<'a> = json(source)?;
    let scanner = scanner("ShellCheck", None, "https://www.shellcheck.net");
    let observations = report.comments.into_iter().map(|one| {
        let rule = Arc::new(Rule {
            id: Cow::Owned(format!("SC{}", one.code)),
            help_uri: Some(Cow::Owned(format!(
                "https://www.shellcheck.net/wiki/SC{}",
                one.code
            ))),
            ..Rule::default()
        });
        let severity = match one.level.as_str() {
            "error" => Severity::High,
            "warning" => Severity::Medium,
            "info" => Severity::Low,
            _ => Severity::Note,
        };
        let mut observation = Observation::new(
            Arc::clone(&scanner),
            rule,
            Kind::Code,
            severity,
            one.message,
        );
        observation.locations = [place(
            path(one.file, about),
            (one.line, one.end_line),
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

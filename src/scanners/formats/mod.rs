//! Readers of scanners' own reports, where these hold what their SARIF loses. Each
//! is strict: what has another shape is another version, and a finding in it would
//! be lost, so it is an error and never "nothing found".

mod actionlint;
mod grype;
mod npm_audit;
mod osv;
mod pip_audit;
mod shellcheck;
mod snyk;
mod trivy;

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::config::scan::ReportFormat;
use crate::findings::{Id, Location, Observation, Region, Scanner};
use crate::sarif::{self, Reading};

/// What a report is about, beside what it says itself.
#[derive(Debug, Clone, Copy)]
pub struct About<'p> {
    /// The repository's folder, as an absolute path.
    pub root: &'p str,
    /// What was scanned where that is no folder: an image.
    pub target: Option<&'p str>,
    /// The folder that paths of the report are relative to, below the root.
    pub folder: &'p str,
}

/// What a report says.
#[derive(Debug, Default)]
pub struct Read<'a> {
    /// The findings.
    pub reading: Reading<'a>,
    /// The scanner's version, where the report says it.
    pub version: Option<String>,
    /// What the report says that it is about.
    pub target: Option<String>,
    /// The files or images that were looked at, where the report says it.
    pub seen: Vec<String>,
    /// Why the report may not be all that there is to know.
    pub doubts: Vec<String>,
}

/// Reads a report.
///
/// # Errors
/// Where it is no such report, or not all of it, in words.
pub fn read<'a>(
    format: ReportFormat,
    source: &'a sarif::Source,
    about: About<'_>,
) -> Result<Read<'a>, String> {
    if source.text().trim().is_empty() {
        return Err("it wrote an empty report".to_owned());
    }
    let text = source.text();
    match format {
        ReportFormat::Sarif => {
            let options = sarif::Options {
                roots: vec![about.root.to_owned()],
            };
            let mut reading = sarif::read(source, "its report", &options)
                .map_err(|error| error.message.clone())?;
            below(&mut reading, about.folder);
            if reading.scanners.is_empty() {
                return Err("its report has no run".to_owned());
            }
            Ok(Read {
                version: reading
                    .scanners
                    .iter()
                    .find_map(|scanner| Some(scanner.version.as_ref()?.to_string())),
                reading,
                ..Read::default()
            })
        }
        ReportFormat::Trivy => trivy::read(text, about),
        ReportFormat::Snyk => snyk::read(text, about),
        ReportFormat::Grype => grype::read(text, about),
        ReportFormat::Osv => osv::read(text, about),
        ReportFormat::Shellcheck => shellcheck::read(text, about),
        ReportFormat::PipAudit => pip_audit::read(text, about),
        ReportFormat::NpmAudit => npm_audit::read(text, about),
        ReportFormat::Actionlint => actionlint::read(text, about),
    }
}

/// Puts places below the folder that a program was run for: cargo-audit says `Cargo.lock`
/// of whichever it read.
fn below(reading: &mut Reading<'_>, folder: &str) {
    if folder.is_empty() {
        return;
    }
    let prefix = format!("{folder}/");
    for observation in &mut reading.observations {
        let observation = Arc::make_mut(observation);
        for place in &mut observation.locations {
            if !place.path.is_empty() && !place.path.starts_with(&prefix) {
                place.path = Cow::Owned(format!("{prefix}{}", place.path));
            }
        }
    }
}

/// Reads JSON of a known shape.
fn json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("its report cannot be read: {error}"))
}

/// `null` counts as missing, as Go writes empty lists.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Text that is borrowed where it has no escapes.
fn text<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'a, str>, D::Error> {
    struct Visitor;
    impl<'de> serde::de::Visitor<'de> for Visitor {
        type Value = Cow<'de, str>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a text")
        }
        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(text))
        }
        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Cow::Owned(text.to_owned()))
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(""))
        }
        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(""))
        }
        fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
            Ok(Cow::Owned(number.to_string()))
        }
    }
    deserializer.deserialize_any(Visitor)
}

/// A text, if it says something.
fn some(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    (!text.trim().is_empty()).then_some(text)
}

/// The names of a vulnerability, the best first.
fn ids<'a>(names: impl IntoIterator<Item = Cow<'a, str>>) -> Box<[Id<'a>]> {
    let mut ids: Vec<Id<'a>> = names.into_iter().map(Id::new).collect();
    ids.sort();
    ids.dedup();
    ids.into()
}

/// The numbers of `CWE-79` and the like, sorted.
fn cwes(names: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<u32> {
    let number = |name: &str| name.strip_prefix("CWE-")?.parse().ok();
    let mut cwes: Vec<u32> = names
        .into_iter()
        .filter_map(|name| number(name.as_ref()))
        .collect();
    cwes.sort_unstable();
    cwes.dedup();
    cwes
}

/// A path as a scanner writes it, relative to the repository.
fn path<'a>(path: Cow<'a, str>, about: About<'_>) -> Cow<'a, str> {
    let below = path
        .strip_prefix(about.root)
        .and_then(|rest| rest.strip_prefix('/'));
    if let Some(below) = below {
        return Cow::Owned(below.to_owned());
    }
    let path = match path.strip_prefix("./") {
        Some(rest) => Cow::Owned(rest.to_owned()),
        None => path,
    };
    if path.starts_with('/') || about.folder.is_empty() || about.folder == "." {
        path
    } else {
        Cow::Owned(format!("{}/{path}", about.folder))
    }
}

/// A place of a file, the whole file for line 0.
fn place(path: Cow<'_, str>, lines: (u32, u32), columns: (u32, u32)) -> Location<'_> {
    let number = std::num::NonZeroU32::new;
    let region = Region::line(lines.0).map(|region| Region {
        start_column: number(columns.0),
        end_line: number(lines.1).filter(|end| *end >= region.start_line),
        end_column: number(columns.1),
        ..region
    });
    Location {
        path,
        region,
        ..Location::default()
    }
}

/// The scanner of a report.
fn scanner<'a>(
    name: impl Into<Cow<'a, str>>,
    version: Option<Cow<'a, str>>,
    uri: &'static str,
) -> Arc<Scanner<'a>> {
    Arc::new(Scanner {
        name: name.into(),
        version,
        uri: Some(Cow::Borrowed(uri)),
        ..Scanner::default()
    })
}

fn reading<'a>(scanner: Arc<Scanner<'a>>, observations: Vec<Observation<'a>>) -> Reading<'a> {
    Reading {
        scanners: vec![scanner],
        observations: observations.into_iter().map(Arc::new).collect(),
        ..Reading::default()
    }
}

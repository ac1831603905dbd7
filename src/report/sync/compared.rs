//! What `ci-tool sync --verify` finds: both sides compared, without any record.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::{MAX_LINES, SCHEMA, rest};
use crate::mirror;
use crate::mirror::refs::Oid;
use crate::sys::ui::escape_line;

/// Both sides compared, without any record.
#[derive(Debug)]
pub struct Compared<'a> {
    /// The source's address.
    pub source: &'a str,
    /// The mirror's address.
    pub mirror: &'a str,
    /// How many refs there are.
    pub count: usize,
    /// Those that differ.
    pub differing: &'a [mirror::Differing],
}

/// What `ci-tool sync --verify --format json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ComparedJson<'a> {
    schema: u32,
    source: &'a str,
    mirror: &'a str,
    /// How many refs there are.
    refs: usize,
    in_sync: bool,
    differing: Vec<Differing<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Differing<'a> {
    name: &'a str,
    source: Option<&'a Oid>,
    mirror: Option<&'a Oid>,
}

/// The comparison for programs.
pub fn compared_json<'a>(compared: &'a Compared<'_>) -> ComparedJson<'a> {
    let differing = compared.differing.iter();
    ComparedJson {
        schema: SCHEMA,
        source: compared.source,
        mirror: compared.mirror,
        refs: compared.count,
        in_sync: compared.differing.is_empty(),
        differing: differing
            .map(|(name, source, mirror)| Differing {
                name,
                source: source.as_ref(),
                mirror: mirror.as_ref(),
            })
            .collect(),
    }
}

/// The comparison for people.
pub fn compared_text(compared: &Compared<'_>) -> String {
    let mut out = format!(
        "source  {}\nmirror  {}\n\n",
        escape_line(compared.source),
        escape_line(compared.mirror)
    );
    let short = |oid: &Option<Oid>| oid.as_ref().map_or("nothing", Oid::short).to_owned();
    for (name, source, mirror) in compared.differing.iter().take(MAX_LINES) {
        let (source, mirror) = (short(source), short(mirror));
        let _ = writeln!(
            out,
            "  {}: {source} at the source, {mirror} on the mirror",
            escape_line(name)
        );
    }
    rest(&mut out, compared.differing.len());
    let _ = match compared.differing.len() {
        0 => writeln!(
            out,
            "{} refs are the same on both sides, and the mirror has all that they reach",
            compared.count
        ),
        differing => writeln!(out, "{differing} of {} refs differ", compared.count),
    };
    out
}

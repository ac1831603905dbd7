//! A fix as SARIF's `fixes`.

use serde_json::{Value, json};

use super::{Change, Fix};
use crate::project::Tree;

/// The JSON text of SARIF's `fixes`; `None` for what SARIF cannot say: a file that goes,
/// or a choice that is open.
pub fn sarif(tree: &Tree, fix: &Fix) -> Option<String> {
    if fix.changes.is_empty() {
        return None;
    }
    let mut files: Vec<(&str, Vec<Value>)> = Vec::new();
    for change in &fix.changes {
        let (path, replacement) = match change {
            Change::Edit { path, span, text } => {
                let before = tree.text(path)?;
                let (start_line, start_column) = place(before.get(..span.start)?);
                let (end_line, end_column) = place(before.get(..span.end)?);
                let region = json!({
                    "startLine": start_line,
                    "startColumn": start_column,
                    "endLine": end_line,
                    "endColumn": end_column,
                });
                (
                    path,
                    json!({"deletedRegion": region, "insertedContent": {"text": text}}),
                )
            }
            Change::Create { path, text } => {
                let region =
                    json!({"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1});
                (
                    path,
                    json!({"deletedRegion": region, "insertedContent": {"text": text}}),
                )
            }
            Change::Remove { .. } => return None,
        };
        match files.iter_mut().find(|(known, _)| known == path) {
            Some((_, all)) => all.push(replacement),
            None => files.push((path, vec![replacement])),
        }
    }
    let changes: Vec<Value> = files
        .into_iter()
        .map(|(path, replacements)| {
            json!({"artifactLocation": {"uri": uri(path)}, "replacements": replacements})
        })
        .collect();
    let fixes = json!([{"description": {"text": fix.title}, "artifactChanges": changes}]);
    Some(fixes.to_string())
}

/// Line and column behind a text, as SARIF counts them: in UTF-16 units, from 1.
fn place(before: &str) -> (usize, usize) {
    let bytes = before.as_bytes();
    let start = memchr::memrchr(b'\n', bytes).map_or(0, |newline| newline + 1);
    let lines = memchr::memchr_iter(b'\n', bytes).count();
    let line = &before[start..];
    let units = match line.is_ascii() {
        true => line.len(),
        false => line.encode_utf16().count(),
    };
    (lines + 1, units + 1)
}

/// A path of the repository as a relative URI.
pub fn uri(path: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
        .remove(b'/')
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'~');
    percent_encoding::utf8_percent_encode(path, KEPT).to_string()
}

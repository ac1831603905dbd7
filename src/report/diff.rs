//! Unified diffs, in colour where the terminal shows it.

use anstyle::{AnsiColor, Style};
use similar::TextDiff;

const REMOVED: Style = AnsiColor::Red.on_default();
const ADDED: Style = AnsiColor::Green.on_default();
const PLACE: Style = AnsiColor::Cyan.on_default();

/// A unified diff of a file that is to be written; empty where nothing changes.
pub fn unified(path: &str, before: Option<&str>, after: &str) -> String {
    let old = before.unwrap_or("");
    let from = if before.is_some() {
        format!("a/{path}")
    } else {
        "/dev/null".to_owned()
    };
    TextDiff::from_lines(old, after)
        .unified_diff()
        .context_radius(3)
        .header(&from, &format!("b/{path}"))
        .to_string()
}

/// A unified diff of a file that is to be removed.
pub fn removed(path: &str, before: &str) -> String {
    TextDiff::from_lines(before, "")
        .unified_diff()
        .context_radius(3)
        .header(&format!("a/{path}"), "/dev/null")
        .to_string()
}

/// The diff with styles for a terminal.
pub fn coloured(diff: &str) -> String {
    let mut text = String::with_capacity(diff.len() * 2);
    for line in diff.split_inclusive('\n') {
        let (line, newline) = match line.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (line, ""),
        };
        let style = if line.starts_with("@@") {
            PLACE
        } else if line.starts_with('+') {
            ADDED
        } else if line.starts_with('-') {
            REMOVED
        } else {
            Style::new()
        };
        text.push_str(&format!("{style}{line}{style:#}{newline}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_comes_from_dev_null() {
        let diff = unified("x.yml", None, "a\n");
        assert_eq!(diff, "--- /dev/null\n+++ b/x.yml\n@@ -0,0 +1 @@\n+a\n");
        assert_eq!(unified("x.yml", Some("a\n"), "a\n"), "");
    }
}

//! Why a line of a generated file is there, for people.

use std::fmt::Write as _;

use anstyle::Style;

use crate::sys::ui::escape_line;
use crate::workflows::explain::{Author, Explanation};

/// The explanation for a terminal. It quotes the repository, so everything is
/// made harmless first.
pub fn text(explanation: &Explanation) -> String {
    let bold = Style::new().bold();
    let dim = Style::new().dimmed();
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{bold}{}:{}{bold:#}  {}",
        escape_line(&explanation.file),
        explanation.line,
        escape_line(explanation.text.trim())
    );
    match explanation.by {
        Author::Template => {}
        Author::Mark => {
            out.push_str("  the mark by which ci-tool knows the file again\n");
        }
        Author::Person => {
            out.push_str(
                "  not what the template makes today: a person wrote it, or an earlier template\n",
            );
        }
    }
    let lines = explanation
        .template
        .iter()
        .map(|line| ("template", line))
        .chain(explanation.conditions.iter().map(|line| ("inside", line)));
    for (what, line) in lines {
        let _ = writeln!(
            out,
            "  {what:<9} {dim}{}:{}{dim:#}  {}",
            escape_line(&line.path),
            line.line,
            escape_line(line.text.trim())
        );
    }
    for fact in &explanation.facts {
        let evidence = if fact.evidence.is_empty() {
            "no file says so: a default, or the configuration".to_owned()
        } else {
            fact.evidence
                .iter()
                .map(|evidence| format!("{}:{}", evidence.path, evidence.line))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let _ = writeln!(
            out,
            "  {:<9} {} = {}  {dim}{}{dim:#}",
            "fact",
            escape_line(&fact.name),
            escape_line(&fact.value),
            escape_line(&evidence)
        );
    }
    out
}

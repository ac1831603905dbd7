//! The rules of the audit for people: the same text in a terminal and in `docs/rules/`.

use std::fmt::Write as _;

use crate::audit::{Confidence, Rule};

/// A line for each rule.
pub fn list(rules: &[Rule]) -> String {
    let width = rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    rules.iter().fold(String::new(), |mut out, rule| {
        let severity = rule.severity.as_str();
        let _ = writeln!(out, "{:width$}  {severity:<8} {}", rule.id, rule.title);
        out
    })
}

/// All that is to be said of a rule, as Markdown.
pub fn page(rule: &Rule) -> String {
    let pedantic = match rule.confidence {
        Confidence::High => "",
        Confidence::Low => ", only with `--pedantic`",
    };
    let mut out = format!(
        "# {}\n\n{}.\n\n{} · {}{pedantic}\n\n**What is looked for.** {}\n\n**Why it matters.** {}\n\n**How it is mended.** {}\n",
        rule.id,
        rule.title,
        rule.severity.as_str(),
        rule.category.as_str(),
        rule.what,
        rule.why,
        rule.mend,
    );
    if !rule.references.is_empty() {
        out.push('\n');
    }
    for reference in rule.references {
        let _ = writeln!(out, "- <{reference}>");
    }
    let _ = writeln!(
        out,
        "\n`# ci-tool: ignore[{}] reason` on the line, or on the one before, sets a finding aside.",
        rule.id
    );
    out
}

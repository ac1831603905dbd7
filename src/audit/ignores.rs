//! Comments that set a finding aside: `# ci-tool: ignore[rule-id] reason`, on its line or
//! on the one before. JSON without comments has the configuration instead.

use super::{Defect, Facts};

const MARK: &str = "ci-tool: ignore[";

/// Whether a comment sets the defect aside.
pub(super) fn covers(facts: &Facts<'_>, rule: &str, defect: &Defect) -> bool {
    let Some(text) = facts.tree.text(&defect.path) else {
        return false;
    };
    let from = defect.line.saturating_sub(2);
    let own = if defect.line < 2 { 1 } else { 2 };
    text.lines()
        .skip(from)
        .take(own)
        .any(|line| names(line, rule))
}

fn names(line: &str, rule: &str) -> bool {
    let Some((before, after)) = line.split_once(MARK) else {
        return false;
    };
    let is_comment = before.contains('#') || before.contains("//") || before.contains("<!--");
    let rules = after.split(']').next().unwrap_or_default();
    is_comment && rules.split(',').any(|one| one.trim() == rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_names_its_rules() {
        assert!(names("x # ci-tool: ignore[a-b] why", "a-b"));
        assert!(names("// ci-tool: ignore[c, a-b]", "a-b"));
        assert!(!names("# ci-tool: ignore[a]", "a-b"));
        assert!(!names("echo 'ci-tool: ignore[a-b]'", "a-b"));
    }
}

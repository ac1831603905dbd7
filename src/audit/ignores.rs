//! Comments that set a finding aside: `# ci-tool: ignore[rule-id] reason`, on its line or
//! on the one before. JSON without comments has the configuration instead.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Defect, Facts};

const MARK: &str = "ci-tool: ignore[";

/// The comments of all files that were asked about.
#[derive(Default)]
pub(super) struct Ignores {
    /// The lines that have such a comment, by the file.
    files: HashMap<String, Vec<(usize, String)>>,
}

impl Ignores {
    /// Whether a comment sets the defect aside.
    pub(super) fn cover(&mut self, facts: &Facts<'_>, rule: &str, defect: &Defect) -> bool {
        if !self.files.contains_key(&defect.path) {
            let marked = facts
                .tree
                .text(&defect.path)
                .map_or(Vec::new(), |text| marked(&text));
            self.files.insert(defect.path.clone(), marked);
        }
        self.files[&defect.path].iter().any(|(line, text)| {
            (*line == defect.line || line + 1 == defect.line) && names(text, rule)
        })
    }
}

fn marked(text: &Arc<str>) -> Vec<(usize, String)> {
    if !text.contains(MARK) {
        return Vec::new();
    }
    let lines = (1..).zip(text.lines());
    lines
        .filter(|(_, line)| line.contains(MARK))
        .map(|(at, line)| (at, line.to_owned()))
        .collect()
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

//! Comments in sources: `ci-tool: ignore[RULE] reason`, on the finding's line or
//! on the one above it.

/// A comment that sets findings of one rule aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The rule's or vulnerability's name.
    pub id: String,
    /// Why; never empty.
    pub reason: String,
    /// The line that it stands on, counted from 1. It means this line and the next.
    pub line: usize,
}

/// The comments of a source. One without a rule or a reason is none.
pub fn comments(source: &str) -> Vec<Comment> {
    let comment = |(at, line): (usize, &str)| {
        let (_, behind) = line.split_once("ci-tool: ignore[")?;
        let (id, reason) = behind.split_once(']')?;
        let reason = reason
            .trim()
            .trim_end_matches("*/")
            .trim_end_matches("-->")
            .trim();
        let id = id.trim();
        (!id.is_empty() && !reason.is_empty()).then(|| Comment {
            id: id.to_owned(),
            reason: reason.to_owned(),
            line: at + 1,
        })
    };
    source.lines().enumerate().filter_map(comment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_names_a_rule_and_a_reason() {
        let source = "a\nb # ci-tool: ignore[B105] a test's password\n<!-- ci-tool: ignore[X] y -->\n# ci-tool: ignore[] z\n# ci-tool: ignore[Z]\n";
        let found: Vec<(String, String, usize)> = comments(source)
            .into_iter()
            .map(|one| (one.id, one.reason, one.line))
            .collect();
        let expected = [("B105", "a test's password", 2), ("X", "y", 3)];
        assert_eq!(
            found,
            expected.map(|(id, why, line)| (id.to_owned(), why.to_owned(), line))
        );
    }
}

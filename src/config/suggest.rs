//! The nearest known word to a misspelt one.

/// The word of `known` that `typed` was probably meant to be.
pub(super) fn nearest<'k>(typed: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .map(|word| (distance(typed, word), *word))
        .min()
        .filter(|(distance, word)| *distance <= word.chars().count().max(3) / 2)
        .map(|(_, word)| word)
}

/// Edits between two words: insertions, deletions, changes and swaps of
/// neighbours (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    for (at, row) in rows.iter_mut().enumerate() {
        row[0] = at;
    }
    rows[0] = (0..=right.len()).collect();
    for i in 1..=left.len() {
        for j in 1..=right.len() {
            let change = usize::from(left[i - 1] != right[j - 1]);
            let mut best = (rows[i - 1][j] + 1)
                .min(rows[i][j - 1] + 1)
                .min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_word_that_was_meant() {
        let known = ["only", "exclude", "default-branch", "runner"];
        assert_eq!(nearest("defualt-branch", &known), Some("default-branch"));
        assert_eq!(nearest("runer", &known), Some("runner"));
        assert_eq!(nearest("zzzzzzzz", &known), None);
        assert_eq!(distance("ab", "ba"), 1);
    }
}

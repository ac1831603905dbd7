//! The file in which eslint, since 9.24, freezes by its own means.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Its name.
pub const FILE: &str = "eslint-suppressions.json";

#[derive(Deserialize)]
struct Count {
    count: u64,
}

/// What it holds, as a file and a rule, and how often; `None` where it is no such file.
pub fn read(text: &str) -> Option<BTreeMap<String, u64>> {
    let files: BTreeMap<String, BTreeMap<String, Count>> = serde_json::from_str(text).ok()?;
    let each = files.into_iter().flat_map(|(file, rules)| {
        let rules = rules.into_iter();
        rules.map(move |(rule, of)| (format!("{file} {rule}"), of.count))
    });
    Some(each.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_eslint_writes_is_read() {
        let text =
            "{\"a.js\": {\"no-var\": {\"count\": 2}, \"semi\": {\"count\": 1}}, \"b.js\": {}}";
        let read = read(text).expect("read");
        let expected = [("a.js no-var".to_owned(), 2), ("a.js semi".to_owned(), 1)];
        assert_eq!(read, expected.into());
        assert_eq!(super::read("[]"), None);
    }
}

//! Paths inside a repository: relative to its root, `/`-separated on every
//! platform, with "." for the root folder itself.

/// Joins a folder and a relative path.
///
/// ```
/// use ci_tool::project::path::join;
/// assert_eq!(join(".", "a.txt"), "a.txt");
/// assert_eq!(join("web", "../a.txt"), "a.txt");
/// ```
pub fn join(folder: &str, path: &str) -> String {
    normalise(&format!("{folder}/{path}"))
}

/// Resolves `.` and `..` and doubled slashes. What would leave the repository
/// keeps its leading `..`, so that it matches no file in it.
pub fn normalise(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    }
}

/// The folder that holds `path`; the root's parent is the root.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or(".", |(folder, _)| folder)
}

/// The last name of `path`.
pub fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Whether `path` lies in `folder` or is it.
pub fn is_within(path: &str, folder: &str) -> bool {
    folder == "."
        || path == folder
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// `path` as seen from `folder`, going up with `..` where needed.
///
/// ```
/// use ci_tool::project::path::relative;
/// assert_eq!(relative("web/app", "package.json"), "../../package.json");
/// assert_eq!(relative("web", "web/package.json"), "package.json");
/// assert_eq!(relative("web", "web"), ".");
/// ```
pub fn relative(folder: &str, path: &str) -> String {
    let folder: Vec<&str> = folder
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let path: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let shared = folder
        .iter()
        .zip(&path)
        .take_while(|(left, right)| left == right)
        .count();
    let mut parts = vec![".."; folder.len() - shared];
    parts.extend(&path[shared..]);
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    }
}

/// `folder` and every folder above it, nearest first, ending with the root.
pub fn ancestors(folder: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(folder), |current| {
        (*current != ".").then(|| parent(current))
    })
}

/// Names of folders whose contents show or feed something instead of being part
/// of the product.
const SAMPLES: [&str; 17] = [
    "__fixtures__",
    "example",
    "examples",
    "fixture",
    "fixtures",
    "node_modules",
    "sample",
    "samples",
    "test-data",
    "test-fixtures",
    "test_data",
    "test_fixtures",
    "testdata",
    "testfixtures",
    "third-party",
    "third_party",
    "vendor",
];

/// Whether a folder on the path (the last name included) says that it holds
/// examples, fixtures, test data or the code of others: no component lives there.
///
/// ```
/// use ci_tool::project::path::is_sample;
/// assert!(is_sample("tests/fixtures/app/package.json"));
/// assert!(!is_sample("examples.go"));
/// ```
pub fn is_sample(path: &str) -> bool {
    path.split('/').any(|part| {
        SAMPLES
            .iter()
            .any(|sample| part.eq_ignore_ascii_case(sample))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalises() {
        assert_eq!(normalise("./a//b/../c/"), "a/c");
        assert_eq!(normalise("./"), ".");
        assert_eq!(normalise("../a"), "../a");
        assert_eq!(normalise("a/../../b"), "../b");
    }

    #[test]
    fn knows_what_lies_within() {
        assert!(is_within("a/b", "a"));
        assert!(is_within("a", "a"));
        assert!(is_within("a", "."));
        assert!(!is_within("ab", "a"));
    }

    #[test]
    fn climbs_to_the_root() {
        assert_eq!(ancestors("a/b").collect::<Vec<_>>(), ["a/b", "a", "."]);
        assert_eq!(ancestors(".").collect::<Vec<_>>(), ["."]);
    }
}

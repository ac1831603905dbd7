//! Revisions of Alembic: their graph, and what `upgrade()` calls, without running anything.

use std::collections::BTreeMap;

use super::Facts;
use crate::project::path;

/// A revision.
pub(super) struct Revision {
    /// The file.
    pub(super) path: String,
    /// The line of `down_revision`.
    pub(super) line: usize,
    /// Its name.
    pub(super) id: String,
    /// What it follows.
    pub(super) parents: Vec<String>,
    /// Whether it begins a branch on purpose.
    pub(super) is_labelled: bool,
    /// The whole file.
    pub(super) text: std::sync::Arc<str>,
}

/// All revisions, by folder.
pub(super) fn folders(facts: &Facts<'_>) -> BTreeMap<String, Vec<Revision>> {
    let mut folders: BTreeMap<String, Vec<Revision>> = BTreeMap::new();
    let files = facts.tree.files().iter();
    for file in files.filter(|file| file.ends_with(".py")) {
        let folder = path::parent(file);
        let is_versions = |folder: &str| matches!(path::name(folder), "versions" | "revisions");
        let is_one = is_versions(folder) || is_versions(path::parent(folder));
        if !is_one || path::is_sample(file) {
            continue;
        }
        let text = facts.tree.text(file);
        if let Some(revision) = text.and_then(|text| read(file, text)) {
            folders.entry(folder.to_owned()).or_default().push(revision);
        }
    }
    folders
}

/// Where the arguments of a call begin, each time that it stands there: `op.f(` is no part
/// of `batch_op.f(`.
pub(super) fn calls<'t>(text: &'t str, call: &'t str) -> impl Iterator<Item = usize> + 't {
    let all = text.match_indices(call);
    all.filter(|(at, _)| {
        let before = text[..*at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))
    })
    .map(|(at, call)| at + call.len())
}

/// How the function begins that goes forward.
pub(super) const UPGRADE: &str = "def upgrade";

/// The text of `upgrade()`.
pub(super) fn upgrade(text: &str) -> &str {
    let start = text.find(UPGRADE).unwrap_or(text.len());
    let rest = &text[start..];
    &rest[..rest.find("def downgrade").unwrap_or(rest.len())]
}

/// The argument of a call by its number, where it is a plain text.
pub(super) fn argument(arguments: &str, number: usize) -> Option<&str> {
    let mut rest = arguments.trim_start();
    for _ in 0..number {
        let first = plain(rest).map(|text| text.len() + 2);
        let length = match first {
            Some(length) => length,
            // `op.f('name')`, as Alembic writes itself.
            None => rest
                .strip_prefix("op.f(")
                .and_then(|_| rest.find(')'))
                .map(|at| at + 1)?,
        };
        rest = rest
            .get(length..)?
            .trim_start()
            .strip_prefix(',')?
            .trim_start();
    }
    plain(rest)
}

fn plain(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = &text[1..];
    let value = &inner[..inner.find(quote)?];
    let is_name = value
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_name || !value.contains(['\n', '{'])).then_some(value)
}

fn read(file: &str, text: std::sync::Arc<str>) -> Option<Revision> {
    let value = |name: &str| {
        text.lines().enumerate().find_map(|(at, line)| {
            let rest = line.strip_prefix(name)?;
            let rest = rest.trim_start();
            let rest = match rest.strip_prefix(':') {
                Some(annotated) => annotated.split_once('=')?.1,
                None => rest.strip_prefix('=')?,
            };
            Some((at + 1, rest.trim().to_owned()))
        })
    };
    let (_, id) = value("revision")?;
    let (line, parents) = value("down_revision")?;
    let is_labelled = value("branch_labels").is_some_and(|(_, text)| !text.starts_with("None"));
    let parents = match parents.starts_with(['(', '[']) {
        // A merge of many heads goes over lines.
        true => {
            let mut list = parents;
            for next in text.lines().skip(line) {
                if list.contains([')', ']']) {
                    break;
                }
                list.push_str(next.split('#').next().unwrap_or_default());
            }
            texts(&list)
        }
        false => plain(&parents).map(str::to_owned).into_iter().collect(),
    };
    Some(Revision {
        path: file.to_owned(),
        line,
        id: plain(&id)?.to_owned(),
        parents,
        is_labelled,
        text,
    })
}

/// All quoted texts.
fn texts(list: &str) -> Vec<String> {
    let quoted = list.split(['"', '\'']).skip(1).step_by(2);
    quoted.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_revision_follows() {
        let follows = |text: &str| {
            let text = format!("revision: str = 'm'\n{text}\nbranch_labels = None\n");
            read("versions/m.py", std::sync::Arc::from(text)).map(|one| one.parents)
        };
        let two = Some(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(follows("down_revision = ('a', 'b')"), two);
        assert_eq!(
            follows("down_revision = (\n    'a',  # 'x'\n    'b',\n)"),
            two
        );
        assert_eq!(
            follows("down_revision: Union[str, None] = [\n'a', 'b']"),
            two
        );
        assert_eq!(follows("down_revision = 'a'"), Some(vec!["a".to_owned()]));
        assert_eq!(follows("down_revision = None"), Some(Vec::new()));
    }
}

//! Migrations that create a table which is there.

use std::collections::BTreeMap;

use crate::audit::alembic::{self, Revision, UPGRADE, argument, calls, upgrade};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "table-created-twice",
    title: "A migration creates a table that is there",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Coherence,
    what: "In a chain of Alembic revisions without branches, two create the same table without a condition, and none between them drops or renames it.",
    why: "`alembic upgrade head` ends with `already exists` on every new database: in CI, for a new colleague, after a loss.",
    mend: "Take the second creation out, or change the table instead of creating it.",
    references: &["https://alembic.sqlalchemy.org/en/latest/ops.html"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let folders = alembic::folders(facts);
    folders.values().filter_map(|all| twice(all)).collect()
}

/// The first table that is created twice.
fn twice(revisions: &[Revision]) -> Option<Defect> {
    let mut made: BTreeMap<&str, (&Revision, usize)> = BTreeMap::new();
    for revision in chain(revisions)? {
        let text = upgrade(&revision.text);
        let is_plain = is_plain(text);
        let offset = revision.text.find(UPGRADE).unwrap_or_default();
        let line = |at: usize| revision.text[..offset + at].matches('\n').count() + 1;
        for (at, change) in changes(text) {
            match change {
                // Where something is asked first, a table may be there or not.
                Change::Creates(table) if is_plain => {
                    if let Some((first, place)) = made.get(table) {
                        let message = format!(
                            "the revision {} creates the table `{table}`, which {} has created",
                            revision.id, first.id
                        );
                        let defect = Defect::new(&revision.path, line(at), message).about(table);
                        return Some(defect.with(&first.path, *place));
                    }
                    made.insert(table, (revision, line(at)));
                }
                Change::Creates(_) => {}
                Change::Takes(table) => {
                    made.remove(table);
                }
                Change::Unknown => made.clear(),
            }
        }
    }
    None
}

enum Change<'t> {
    Creates(&'t str),
    Takes(&'t str),
    /// Any table may be gone after it.
    Unknown,
}

/// What becomes of tables, in the order of the text.
fn changes(text: &str) -> Vec<(usize, Change<'_>)> {
    let mut found: Vec<(usize, Change<'_>)> = Vec::new();
    for at in calls(text, "op.create_table(") {
        if let Some(table) = argument(&text[at..], 0) {
            found.push((at, Change::Creates(table)));
        }
    }
    for call in ["op.drop_table(", "op.rename_table("] {
        for at in calls(text, call) {
            let table = argument(&text[at..], 0);
            found.push((at, table.map_or(Change::Unknown, Change::Takes)));
        }
    }
    // A statement of SQL may drop, rename or move what it likes.
    for call in ["execute(", "exec_driver_sql("] {
        let all = text.match_indices(call).map(|(at, _)| at);
        let all = all.filter(|at| takes_tables(&text[at + call.len()..]));
        found.extend(all.map(|at| (at, Change::Unknown)));
    }
    let all = text.match_indices("drop_all(");
    found.extend(all.map(|(at, _)| (at, Change::Unknown)));
    found.sort_by_key(|(at, _)| *at);
    found
}

/// Whether a statement may take a table away: it says so, or it is not written here.
fn takes_tables(arguments: &str) -> bool {
    let start = arguments.trim_start();
    let start = start.strip_prefix("sa.").unwrap_or(start);
    let start = start.strip_prefix("text(").unwrap_or(start).trim_start();
    let Some(quote) = ["\"\"\"", "'''", "\"", "'"]
        .into_iter()
        .find(|quote| start.starts_with(quote))
    else {
        return true;
    };
    let inner = &start[quote.len()..];
    let Some(end) = inner.find(quote) else {
        return true;
    };
    // Texts that stand behind each other are one.
    let after = inner[end + quote.len()..].trim_start();
    let upper = inner[..end].to_ascii_uppercase();
    !after.starts_with([')', ','])
        || ["DROP", "RENAME", "SCHEMA"]
            .iter()
            .any(|word| upper.contains(word))
}

/// Whether all that it calls is run, and in one schema.
fn is_plain(text: &str) -> bool {
    let odd = [
        "inspect(",
        "has_table",
        "if_not_exists",
        "context.",
        "create_all",
        "lambda",
    ];
    let keywords = [
        "if ", "elif ", "else:", "try:", "for ", "while ", "with ", "return",
    ];
    let branches = |line: &str| {
        keywords
            .iter()
            .any(|word| line.trim_start().starts_with(word))
    };
    let has_schema = text.replace("schema=None", "").contains("schema=");
    !has_schema && !odd.iter().any(|word| text.contains(word)) && !text.lines().any(branches)
}

/// The revisions in the order in which they run; `None` where that is not one line.
fn chain(revisions: &[Revision]) -> Option<Vec<&Revision>> {
    let mut by_parent: BTreeMap<&str, &Revision> = BTreeMap::new();
    let mut root = None;
    for one in revisions {
        let before = match one.parents.as_slice() {
            [] => root.replace(one),
            [parent] => by_parent.insert(parent, one),
            _ => return None,
        };
        if before.is_some() || one.is_labelled {
            return None;
        }
    }
    let mut at = root?;
    let mut all = vec![at];
    while let Some(next) = by_parent.remove(at.id.as_str()) {
        all.push(next);
        at = next;
    }
    (all.len() == revisions.len()).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    fn of(all: &[(&str, &str, &str)]) -> Vec<String> {
        let files: Vec<(String, String)> = all
            .iter()
            .map(|(id, parent, upgrade)| {
                let text = format!(
                    "revision = '{id}'\ndown_revision = {parent}\n\ndef upgrade():\n    {upgrade}\n\ndef downgrade():\n    op.drop_table('users')\n"
                );
                (format!("api/alembic/versions/{id}.py"), text)
            })
            .collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (&**a, &**b)).collect();
        found(&RULE, &files)
    }

    const FIRST: (&str, &str, &str) = ("z", "None", "op.create_table('users', sa.Column('id'))");

    #[test]
    fn a_second_creation() {
        assert_eq!(
            of(&[
                FIRST,
                (
                    "b",
                    "'z'",
                    "# why, if one asks\n    op.add_column('users', x)\n    op.execute(sa.text(\"UPDATE users SET x = 1\"))",
                ),
                ("a", "'b'", "op.create_table(\n        'users',\n    )"),
            ]),
            ["api/alembic/versions/a.py:5 users"]
        );
    }

    #[test]
    fn one_that_may_be_needed() {
        for second in [
            "op.create_table('jobs')",
            "op.drop_table('users')\n    op.create_table('users')",
            "op.rename_table('users', 'old')\n    op.create_table('users')",
            "op.execute('DROP TABLE users')\n    op.create_table('users')",
            "op.execute(\"ALTER TABLE users \" \"RENAME TO old\")\n    op.create_table('users')",
            "op.execute(STATEMENT)\n    op.create_table('users')",
            "op.execute(f\"{WHAT} users\")\n    op.create_table('users')",
            "with op.batch_alter_table('x') as b:\n        op.create_table('users')",
            "for one in ALL:\n        op.create_table('users')",
            "if not inspect(op.get_bind()).has_table('users'):\n        op.create_table('users')",
            "op.create_table('users', schema='other')",
            "op.create_table('users', if_not_exists=True)",
            "pass",
        ] {
            let all = [FIRST, ("a", "'z'", second)];
            assert!(of(&all).is_empty(), "{second}");
        }
        // On branches one of the two may never run.
        let second = "op.create_table('users')";
        assert!(of(&[FIRST, ("a", "'z'", second), ("b", "'z'", "pass")]).is_empty());
        assert!(of(&[FIRST, ("a", "'gone'", second)]).is_empty());
        assert!(of(&[("a", "None", second), ("b", "None", second)]).is_empty());
    }
}

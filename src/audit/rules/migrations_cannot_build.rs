//! Chains of Alembic migrations that cannot build an empty database.

use std::collections::BTreeSet;

use crate::audit::alembic::{self, Revision, UPGRADE, argument, calls, upgrade};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "migrations-cannot-build",
    title: "The migrations cannot build an empty database",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Coherence,
    what: "The graph of Alembic revisions, without running them: a parent that is not there, more than one head, a table that is changed and that no revision creates.",
    why: "`alembic upgrade head` fails on every new database: in CI, for a new colleague, after a loss.",
    mend: "Add what is missing as a revision of its own; `alembic merge heads` joins heads.",
    references: &["https://alembic.sqlalchemy.org/en/latest/branches.html"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let folders = alembic::folders(facts);
    let known: BTreeSet<String> = folders
        .values()
        .flatten()
        .map(|one| one.id.clone())
        .collect();
    let mut defects = Vec::new();
    for revisions in folders.values() {
        parents(revisions, &known, &mut defects);
        heads(revisions, &mut defects);
        if !is_bootstrapped(facts) {
            defects.extend(tables(revisions));
        }
    }
    defects
}

fn parents(revisions: &[Revision], known: &BTreeSet<String>, defects: &mut Vec<Defect>) {
    for revision in revisions {
        for parent in revision
            .parents
            .iter()
            .filter(|parent| !known.contains(*parent))
        {
            let message = format!(
                "the revision {} follows `{parent}`, and there is no such revision",
                revision.id
            );
            defects.push(Defect::new(&revision.path, revision.line, message).about(parent));
        }
    }
}

fn heads(revisions: &[Revision], defects: &mut Vec<Defect>) {
    // With labels several heads are meant.
    if revisions.iter().any(|one| one.is_labelled) {
        return;
    }
    let followed: BTreeSet<&String> = revisions.iter().flat_map(|one| &one.parents).collect();
    let heads: Vec<&Revision> = revisions
        .iter()
        .filter(|one| !followed.contains(&one.id))
        .collect();
    if let [first, rest @ ..] = heads.as_slice()
        && !rest.is_empty()
    {
        let names: Vec<&str> = heads.iter().map(|one| one.id.as_str()).collect();
        let message = format!(
            "there are {} heads ({}), and `upgrade head` takes one",
            heads.len(),
            names.join(", ")
        );
        let mut defect = Defect::new(&first.path, first.line, message).about("heads");
        for one in rest {
            defect = defect.with(&one.path, one.line);
        }
        defects.push(defect);
    }
}

/// Operations that need a table, by the number of the argument that names it.
const NEEDS: [(&str, usize); 8] = [
    ("op.add_column(", 0),
    ("op.drop_column(", 0),
    ("op.alter_column(", 0),
    ("op.create_index(", 1),
    ("op.create_foreign_key(", 1),
    ("op.create_unique_constraint(", 1),
    ("op.batch_alter_table(", 0),
    ("op.drop_table(", 0),
];

/// Whether the application makes its tables itself and then says that all revisions were
/// run: then an empty database is none of theirs.
fn is_bootstrapped(facts: &Facts<'_>) -> bool {
    let files = facts.tree.files().iter();
    let mut sources = files.filter(|file| file.ends_with(".py") && !path::is_sample(file));
    sources.any(|file| {
        let text = facts.tree.text(file);
        text.is_some_and(|text| text.contains("create_all(") && text.contains("stamp("))
    })
}

fn tables(revisions: &[Revision]) -> Option<Defect> {
    // What makes tables in a way that is not seen here may make any.
    if revisions.iter().any(|one| is_hidden(upgrade(&one.text))) {
        return None;
    }
    let mut made: BTreeSet<String> = BTreeSet::new();
    for revision in revisions {
        // A helper of the revision may make them.
        for text in without_downgrade(&revision.text) {
            for at in calls(text, "op.create_table(") {
                made.extend(argument(&text[at..], 0).map(str::to_owned));
            }
            for at in calls(text, "op.rename_table(") {
                made.extend(argument(&text[at..], 1).map(str::to_owned));
            }
            made.extend(created_by_sql(text));
        }
    }
    if made.is_empty() {
        return None;
    }
    // The first of them in the order of the files; the others are told with it.
    let mut first: Option<(&Revision, usize)> = None;
    let mut missing: Vec<String> = Vec::new();
    for revision in revisions {
        let text = upgrade(&revision.text);
        // One that asks what is there first needs nothing.
        if [
            "inspect(",
            "has_table",
            "get_table_names",
            "IF EXISTS",
            "if_exists",
        ]
        .iter()
        .any(|word| text.contains(word))
        {
            continue;
        }
        let offset = revision.text.find(UPGRADE).unwrap_or_default();
        for (call, number) in NEEDS {
            for at in calls(text, call) {
                let Some(table) = argument(&text[at..], number) else {
                    continue;
                };
                if made.contains(table) || missing.iter().any(|one| one == table) {
                    continue;
                }
                missing.push(table.to_owned());
                let line = revision.text[..offset + at].matches('\n').count() + 1;
                first.get_or_insert((revision, line));
            }
        }
    }
    let (revision, line) = first?;
    let more = match missing.len() {
        1 => String::new(),
        many => format!(", nor {} other tables that revisions change", many - 1),
    };
    let message = format!(
        "the revision {} changes the table `{}`, which no revision creates{more}",
        revision.id, missing[0]
    );
    Some(Defect::new(&revision.path, line, message).about(&missing[0]))
}

/// Whether tables may be made in a way that is not seen here.
fn is_hidden(text: &str) -> bool {
    let words = ["create_all", "read_text(", "open(", "AddModel"];
    let has_schema = text.replace("schema=None", "").contains("schema=");
    // Of a statement that is put together one sees whether it can make a table.
    let upper = || text.to_ascii_uppercase();
    let is_made = (text.contains("execute(f") || text.contains("execute(text(f"))
        && (upper().contains("CREATE TABLE") || text.contains("f\"{") || text.contains("f'{"));
    has_schema || is_made || words.iter().any(|word| text.contains(word))
}

/// The text before and after `downgrade()`.
fn without_downgrade(text: &str) -> [&str; 2] {
    let Some(start) = text.find("def downgrade") else {
        return [text, ""];
    };
    let rest = &text[start + 1..];
    let end = rest.find("\ndef ").map_or(text.len(), |at| start + 1 + at);
    [&text[..start], &text[end..]]
}

/// The tables that statements create.
fn created_by_sql(text: &str) -> Vec<String> {
    let upper = text.to_ascii_uppercase();
    let mut made = Vec::new();
    for word in ["CREATE TABLE", "RENAME TO"] {
        for (at, _) in upper.match_indices(word) {
            let rest = text[at + word.len()..].trim_start();
            let rest = match rest.get(..13) {
                Some(start) if start.eq_ignore_ascii_case("if not exists") => {
                    rest[13..].trim_start()
                }
                _ => rest,
            };
            let name: String = rest
                .trim_start_matches(['"', '`'])
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
                .collect();
            made.extend(name.rsplit('.').next().map(str::to_owned));
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    fn revision(id: &str, parent: &str, upgrade: &str) -> String {
        format!(
            "\"\"\"x\"\"\"\nfrom alembic import op\n\nrevision: str = '{id}'\ndown_revision = {parent}\n\ndef upgrade() -> None:\n    {upgrade}\n\ndef downgrade():\n    op.drop_table('z')\n"
        )
    }

    fn of(revisions: &[(&str, &str, &str)]) -> Vec<String> {
        let files: Vec<(String, String)> = revisions
            .iter()
            .map(|(id, parent, text)| {
                (
                    format!("api/alembic/versions/{id}.py"),
                    revision(id, parent, text),
                )
            })
            .collect();
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (&**path, &**text))
            .collect();
        found(&RULE, &files)
    }

    #[test]
    fn a_table_that_nobody_creates() {
        assert_eq!(
            of(&[
                ("a", "None", "op.create_table('jobs', sa.Column('id'))"),
                (
                    "b",
                    "'a'",
                    "op.add_column('jobs', sa.Column('x'))\n    op.create_index(op.f('ix'), 'applications', ['x'])"
                ),
                ("c", "'b'", "op.add_column('applications', sa.Column('x'))"),
            ]),
            ["api/alembic/versions/b.py:9 applications"]
        );
    }

    #[test]
    fn heads_and_parents() {
        assert_eq!(
            of(&[
                ("a", "None", "pass"),
                ("b", "'a'", "pass"),
                ("c", "'a'", "pass")
            ]),
            ["api/alembic/versions/b.py:5 heads"]
        );
        assert_eq!(
            of(&[("a", "'gone'", "pass")]),
            ["api/alembic/versions/a.py:5 gone"]
        );
    }

    #[test]
    fn chains_that_build() {
        for chain in [
            &[
                ("a", "None", "op.create_table(\n        'jobs',\n    )"),
                ("b", "'a'", "op.alter_column('jobs', 'x')"),
                ("c", "'a'", "pass"),
                (
                    "d",
                    "('b', 'c')",
                    "op.rename_table('jobs', 'works')\n    op.drop_column('works', 'x')",
                ),
            ][..],
            &[(
                "a",
                "None",
                "op.execute('CREATE TABLE IF NOT EXISTS public.jobs (id int)')\n    op.add_column('jobs', x)\n    op.create_table('y')",
            )],
            &[
                (
                    "a",
                    "None",
                    "with op.batch_alter_table('jobs', schema=None) as batch_op:\n        batch_op.drop_column('x')",
                ),
                (
                    "b",
                    "'a'",
                    "_make()\n\ndef _make():\n    op.create_table('jobs')",
                ),
            ],
            // What is not seen is not judged.
            &[
                ("a", "None", "Base.metadata.create_all(op.get_bind())"),
                (
                    "b",
                    "'a'",
                    "op.create_table('y')\n    op.add_column('x', y)",
                ),
            ],
            &[(
                "a",
                "None",
                "op.create_table('y')\n    if inspect(op.get_bind()).has_table('x'):\n        op.add_column('x', y)",
            )],
        ] {
            assert!(of(chain).is_empty(), "{chain:?}: {:?}", of(chain));
        }
    }

    #[test]
    fn tables_that_the_application_makes_itself() {
        let (one, other) = (
            revision("a", "None", "op.create_table('y')"),
            revision("b", "'a'", "op.add_column('x', z)"),
        );
        let mut files = vec![
            ("migrations/versions/a.py", one.as_str()),
            ("migrations/versions/b.py", other.as_str()),
        ];
        assert_eq!(found(&RULE, &files), ["migrations/versions/b.py:8 x"]);
        files.push(("app/setup.py", "db.create_all()\nstamp('head')\n"));
        assert!(found(&RULE, &files).is_empty());
    }
}

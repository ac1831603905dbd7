//! Migrations after which the earlier release cannot run.

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "destructive-migration",
    title: "A migration takes away what the earlier release reads",
    severity: Severity::Low,
    // It may be the second half of a change in two steps.
    confidence: Confidence::Low,
    category: Category::Coherence,
    what: "The newest migration of alembic, or of a Django application, drops or renames a table or a column.",
    why: "While both releases run, and after a rollback, the earlier one asks for what is gone: the release cannot be taken back without the data.",
    mend: "In two releases: first stop reading it, then drop it.",
    references: &["https://alembic.sqlalchemy.org/en/latest/ops.html"],
    check,
};

const ALEMBIC: [&str; 3] = ["op.drop_column(", "op.drop_table(", "op.rename_table("];
const DJANGO: [&str; 4] = [
    "migrations.RemoveField(",
    "migrations.DeleteModel(",
    "migrations.RenameField(",
    "migrations.RenameModel(",
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for ini in facts.tree.named("alembic.ini") {
        let folder = path::parent(ini);
        let files: Vec<(&str, std::sync::Arc<str>)> = facts
            .tree
            .under(folder)
            .filter(|file| file.contains("/versions/") && file.ends_with(".py"))
            .filter_map(|file| Some((file, facts.tree.text(file)?)))
            .collect();
        // The newest is the one that no other one follows.
        let value = |text: &str, key: &str| {
            let line = text.lines().find(|line| {
                line.strip_prefix(key)
                    .is_some_and(|rest| rest.trim_start().starts_with([':', '=']))
            })?;
            line.split_once('=')?
                .1
                .split(['"', '\''])
                .nth(1)
                .map(str::to_owned)
        };
        let parents: Vec<String> = files
            .iter()
            .filter_map(|(_, text)| value(text, "down_revision"))
            .collect();
        let newest = files
            .iter()
            .find(|(_, text)| value(text, "revision").is_some_and(|own| !parents.contains(&own)));
        if let Some((file, text)) = newest.filter(|_| files.len() > 1) {
            let upgrade = text
                .lines()
                .enumerate()
                .skip_while(|(_, line)| !line.starts_with("def upgrade"));
            let upgrade = upgrade.take_while(|(_, line)| !line.starts_with("def downgrade"));
            defects.extend(first(file, upgrade, &ALEMBIC));
        }
    }
    let folders: std::collections::BTreeSet<&str> = facts
        .tree
        .files()
        .iter()
        .map(|file| path::parent(file))
        .filter(|folder| path::name(folder) == "migrations")
        .collect();
    for folder in folders {
        let newest = facts
            .tree
            .directly_in(folder)
            .filter(|file| path::name(file).starts_with(|c: char| c.is_ascii_digit()))
            .max();
        if let Some(file) = newest
            && let Some(text) = facts.tree.text(file)
        {
            defects.extend(first(file, text.lines().enumerate(), &DJANGO));
        }
    }
    defects
}

fn first<'t>(
    file: &str,
    mut lines: impl Iterator<Item = (usize, &'t str)>,
    words: &[&str],
) -> Option<Defect> {
    let is = |line: &str| {
        words
            .iter()
            .find(|word| line.trim_start().starts_with(**word))
            .copied()
    };
    let (at, word) = lines.find_map(|(at, line)| Some((at, is(line)?)))?;
    let word = word.trim_end_matches('(');
    let message = format!("`{word}`: the earlier release cannot run after it");
    Some(Defect::new(file, at + 1, message).about(word))
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn the_newest_that_drops() {
        let one = "revision = 'a'\ndown_revision = None\ndef upgrade():\n    op.drop_table('x')\n";
        let two = "revision = 'b'\ndown_revision = 'a'\ndef upgrade():\n    op.drop_column('x', 'y')\ndef downgrade():\n    op.drop_table('z')\n";
        let files = |two: &'static str| {
            [
                ("alembic.ini", ""),
                ("alembic/versions/a.py", one),
                ("alembic/versions/b.py", two),
            ]
        };
        assert_eq!(
            found(&RULE, &files(two)),
            ["alembic/versions/b.py:4 op.drop_column"]
        );
        let adds = "revision = 'b'\ndown_revision = 'a'\ndef upgrade():\n    op.add_column('x')\ndef downgrade():\n    op.drop_column('x', 'y')\n";
        assert!(found(&RULE, &files(adds)).is_empty());
        let django = [
            (
                "jobs/migrations/0001_a.py",
                "        migrations.RemoveField(\n",
            ),
            (
                "jobs/migrations/0002_b.py",
                "        migrations.AddField(\n",
            ),
        ];
        assert!(found(&RULE, &django).is_empty());
        assert_eq!(found(&RULE, &django[..1]).len(), 1);
    }
}

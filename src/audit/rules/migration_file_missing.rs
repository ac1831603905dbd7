//! Migrations of Prisma and Drizzle without their statements.

use std::collections::BTreeMap;

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::Node;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "migration-file-missing",
    title: "A migration has no statements",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Coherence,
    what: "A folder below Prisma's migrations that has files and no migration.sql, and an entry of Drizzle's journal whose file is not there.",
    why: "Prisma ends with P3015 and Drizzle with `No file … found`: no database can be migrated, in CI or in production.",
    mend: "Commit the file, or take the folder or the entry out.",
    references: &[
        "https://www.prisma.io/docs/orm/reference/error-reference",
        "https://orm.drizzle.team/docs/migrations",
    ],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for lock in facts.tree.named("migration_lock.toml") {
        if !path::is_sample(lock) {
            prisma(facts, path::parent(lock), &mut defects);
        }
    }
    for journal in facts.tree.named("_journal.json") {
        if path::name(path::parent(journal)) == "meta" && !path::is_sample(journal) {
            drizzle(facts, journal, &mut defects);
        }
    }
    defects
}

/// Prisma takes every folder beside its lock for a migration.
fn prisma(facts: &Facts<'_>, root: &str, defects: &mut Vec<Defect>) {
    // Migrations that something else than Prisma runs may look like its own.
    let mut beside = facts.tree.directly_in(path::parent(root));
    let is_prismas = beside.any(|file| file.ends_with(".prisma"));
    if path::name(root) != "migrations" || !is_prismas {
        return;
    }
    let mut folders: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for file in facts.tree.under(root) {
        let rest = path::relative(root, file);
        if let Some((folder, _)) = rest.split_once('/') {
            folders.entry(folder.to_owned()).or_default().push(file);
        }
    }
    let is_code = |file: &&str| {
        let ends = [".ts", ".js", ".mjs", ".cjs", ".py", "migration_lock.toml"];
        ends.iter().any(|end| file.ends_with(end))
    };
    for (folder, files) in folders {
        let wanted = path::join(root, &format!("{folder}/migration.sql"));
        // A file that git ignores is in the repository all the same, once it was added.
        if files.iter().any(is_code) || facts.tree.root().join(&wanted).exists() {
            continue;
        }
        let message =
            format!("Prisma takes `{folder}` for a migration, and it has no migration.sql");
        defects.push(Defect::new(files[0], 1, message).about(folder));
    }
}

fn drizzle(facts: &Facts<'_>, journal: &str, defects: &mut Vec<Defect>) {
    let Some(document) = facts.tree.json(journal) else {
        return;
    };
    let root = path::parent(path::parent(journal));
    let entries = document.get("entries").map_or(&[][..], Node::items);
    let tag = |entry: &Node| entry.get("tag").and_then(Node::str).map(str::to_owned);
    let files: Vec<(String, &Node)> = entries
        .iter()
        .filter_map(|entry| Some((tag(entry)?, entry.get("tag")?)))
        .collect();
    let has = |tag: &str| {
        facts
            .tree
            .root()
            .join(root)
            .join(format!("{tag}.sql"))
            .exists()
    };
    // Where none is there, they are kept somewhere else, or git does not have them at all.
    if !files.iter().any(|(tag, _)| has(tag)) {
        return;
    }
    for (tag, node) in files.iter().filter(|(tag, _)| !has(tag)) {
        let message = format!("the journal names `{tag}`, and {root} has no {tag}.sql");
        defects.push(Defect::new(journal, *node, message).about(tag));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn folders_of_prisma() {
        let lock = (
            "prisma/migrations/migration_lock.toml",
            "provider = \"x\"\n",
        );
        let schema = ("prisma/schema.prisma", "");
        let first = ("prisma/migrations/1_init/migration.sql", "");
        let second = ("prisma/migrations/2_users/README.md", "");
        assert_eq!(
            found(&RULE, &[schema, lock, first, second]),
            ["prisma/migrations/2_users/README.md:1 2_users"]
        );
        for near in [
            &[schema, lock, first][..],
            &[schema, first, second],
            &[lock, second],
            &[
                schema,
                lock,
                second,
                ("prisma/migrations/2_users/data.ts", ""),
            ],
            &[
                ("db/schema.prisma", ""),
                ("db/migration/migration_lock.toml", ""),
                ("db/migration/2_users/README.md", ""),
            ],
            &[
                schema,
                lock,
                second,
                ("prisma/migrations/2_users/migration.sql", ""),
            ],
            &[
                schema,
                lock,
                ("prisma/migrations/2_users/migration.sql", ""),
                (".gitignore", "*.sql\n"),
            ],
        ] {
            assert!(found(&RULE, near).is_empty(), "{near:?}");
        }
    }

    #[test]
    fn the_journal_of_drizzle() {
        let journal = "{\"entries\": [\n{\"tag\": \"0000_a\"},\n{\"tag\": \"0001_b\"}\n]}\n";
        let journal = ("db/drizzle/meta/_journal.json", journal);
        let (a, b) = (("db/drizzle/0000_a.sql", ""), ("db/drizzle/0001_b.sql", ""));
        assert_eq!(
            found(&RULE, &[journal, a]),
            ["db/drizzle/meta/_journal.json:3 0001_b"]
        );
        assert!(found(&RULE, &[journal, a, b]).is_empty());
        assert!(found(&RULE, &[journal]).is_empty());
        assert!(found(&RULE, &[("db/drizzle/_journal.json", journal.1), a]).is_empty());
    }
}

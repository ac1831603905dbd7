//! Migrations of Django that cannot be put in an order.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "django-migration-conflict",
    title: "Migrations of a Django application have two ends, or lack a parent",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Coherence,
    what: "The `dependencies` of all migrations of an application: two of them that no other one follows, or one that follows a migration which is not there.",
    why: "`manage.py migrate` ends with an error before it changes anything: no release with these files can migrate.",
    mend: "`manage.py makemigrations --merge`, or bring the missing file back.",
    references: &["https://docs.djangoproject.com/en/stable/topics/migrations/"],
    check,
};

/// One migration.
struct Migration<'f> {
    file: &'f str,
    name: &'f str,
    /// Line, application and name of each that it follows.
    follows: Vec<(usize, String, String)>,
    /// Whether it takes the place of others.
    is_squashed: bool,
}

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut folders: BTreeMap<&str, Vec<Migration<'_>>> = BTreeMap::new();
    let files = facts.tree.files().iter();
    for file in files.filter(|file| file.ends_with(".py") && !path::is_sample(file)) {
        let folder = path::parent(file);
        let is_migration = path::name(folder) == "migrations"
            && path::name(file).starts_with(|c: char| c.is_ascii_digit());
        if is_migration && let Some(text) = facts.tree.text(file) {
            let Some(one) = read(file, &text) else {
                continue;
            };
            folders.entry(folder).or_default().push(one);
        }
    }
    let mut defects = Vec::new();
    for (folder, all) in folders {
        if all.iter().any(|one| one.is_squashed) {
            continue;
        }
        let app = path::name(path::parent(folder));
        let names: BTreeSet<&str> = all.iter().map(|one| one.name).collect();
        let mut followed: BTreeSet<&str> = BTreeSet::new();
        for one in &all {
            for (line, to, name) in one.follows.iter().filter(|(_, to, _)| to == app) {
                followed.insert(name);
                let is_number = name.starts_with(|c: char| c.is_ascii_digit());
                if is_number && !names.contains(name.as_str()) {
                    let message = format!("it follows `{name}` of `{to}`, which is not there");
                    defects.push(Defect::new(one.file, *line, message).about(name));
                }
            }
        }
        // Where the name of the folder is not the application's, nothing follows anything.
        let mut ends = all.iter().filter(|one| !followed.contains(one.name));
        if followed.is_empty() {
            continue;
        }
        if let (Some(one), Some(other)) = (ends.next(), ends.next()) {
            let message = format!(
                "no migration follows `{}`, and none `{}`",
                one.name, other.name
            );
            let defect = Defect::new(other.file, 1, message).about(app);
            defects.push(defect.with(one.file, 1));
        }
    }
    defects
}

fn read<'f>(file: &'f str, text: &str) -> Option<Migration<'f>> {
    if !text.contains("migrations.Migration") {
        return None;
    }
    let mut follows = Vec::new();
    let mut is_open = false;
    for (at, line) in (1..).zip(text.lines()) {
        let code = line.split('#').next().unwrap_or_default();
        is_open |= code.trim_start().starts_with("dependencies") && code.contains('[');
        if is_open {
            let mut texts = code.split(['"', '\'']).skip(1).step_by(2);
            while let (Some(app), Some(name)) = (texts.next(), texts.next()) {
                follows.push((at, app.to_owned(), name.to_owned()));
            }
            if code.contains(']') {
                break;
            }
        }
    }
    Some(Migration {
        file,
        name: path::name(file).strip_suffix(".py")?,
        follows,
        is_squashed: text.contains("replaces =") || text.contains("run_before"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    fn migration(after: &str) -> String {
        format!(
            "from django.db import migrations\n\nclass Migration(migrations.Migration):\n    dependencies = [\n        {after}\n    ]\n    operations = []\n"
        )
    }

    #[test]
    fn two_ends_a_missing_parent_and_a_chain() {
        let first = migration("(\"auth\", \"0001_initial\"),");
        let next = migration("(\"jobs\", \"0001_initial\"),");
        let merge = migration("(\"jobs\", \"0002_a\"), (\"jobs\", \"0002_b\"),");
        let lost = migration("('jobs', '0007_gone'),");
        let chain = [
            ("jobs/migrations/0001_initial.py", first.as_str()),
            ("jobs/migrations/0002_a.py", next.as_str()),
        ];
        assert!(found(&RULE, &chain).is_empty());
        let mut two = chain.to_vec();
        two.push(("jobs/migrations/0002_b.py", &next));
        assert_eq!(found(&RULE, &two), ["jobs/migrations/0002_b.py:1 jobs"]);
        two.push(("jobs/migrations/0003_merge.py", &merge));
        assert!(found(&RULE, &two).is_empty());
        let gone = [("jobs/migrations/0008_x.py", lost.as_str())];
        assert_eq!(
            found(&RULE, &gone),
            ["jobs/migrations/0008_x.py:5 0007_gone"]
        );
        // The application has another name than its folder.
        let other = [
            ("src/people/migrations/0001_initial.py", first.as_str()),
            ("src/people/migrations/0002_a.py", next.as_str()),
        ];
        assert!(found(&RULE, &other).is_empty());
    }
}

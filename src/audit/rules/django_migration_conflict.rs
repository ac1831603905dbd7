//! Migrations of Django that `migrate` refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "django-migration-conflict",
    title: "Migrations of a Django application have two ends, or lack a parent",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Coherence,
    what: "The graph of an app's migrations, without running them: more than one that no other follows, or one that follows a migration of its own app that is not there.",
    why: "`manage.py migrate` ends with an error before it does anything: in CI, in a deployment, for a new colleague.",
    mend: "`python manage.py makemigrations --merge` joins two ends; a migration that is missing has to be committed.",
    references: &["https://docs.djangoproject.com/en/stable/topics/migrations/"],
    check,
};

struct Migration<'t> {
    path: &'t str,
    /// The line of `dependencies`.
    line: usize,
    /// App and name of what it follows.
    parents: Vec<(String, String)>,
    text: Arc<str>,
}

/// Apps that Django brings itself: an app of this name may mean those.
const DJANGOS: [&str; 8] = [
    "admin",
    "auth",
    "contenttypes",
    "flatpages",
    "messages",
    "redirects",
    "sessions",
    "sites",
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in facts
        .tree
        .files()
        .iter()
        .filter(|file| file.ends_with(".py"))
    {
        let folder = path::parent(file);
        let name = path::name(file);
        let is_one = path::name(folder) == "migrations" && !name.starts_with(['_', '~']);
        if is_one && !path::is_sample(file) && !is_test(folder) {
            folders.entry(folder).or_default().push(file);
        }
    }
    // What git ignores is not seen here, and may be there all the same.
    let mut ignores = facts.tree.named(".gitignore");
    let hides = |file: &str| {
        let text = facts.tree.text(file).unwrap_or_default();
        text.contains("migrations")
    };
    if folders.is_empty() || ignores.any(hides) {
        return Vec::new();
    }
    let mut labels: BTreeMap<&str, usize> = BTreeMap::new();
    for folder in folders.keys() {
        *labels.entry(app(folder)).or_default() += 1;
    }
    let mut defects = Vec::new();
    for (folder, files) in folders {
        let all: Option<Vec<Migration<'_>>> = files.iter().map(|file| read(facts, file)).collect();
        // One that is not understood may follow any; two folders of one name belong to apps
        // of other names.
        let Some(all) = all.filter(|_| labels[app(folder)] == 1) else {
            continue;
        };
        defects.extend(ends(folder, &all));
        missing(facts, folder, &all, &mut defects);
    }
    defects
}

fn is_test(folder: &str) -> bool {
    folder
        .split('/')
        .any(|part| part.to_ascii_lowercase().contains("test"))
}

fn read<'t>(facts: &Facts<'_>, file: &'t str) -> Option<Migration<'t>> {
    let text = facts.tree.text(file)?;
    let odd = [
        "replaces",
        "run_before",
        "dependencies +=",
        "dependencies.append",
        "dependencies.extend",
    ];
    if !text.contains("(migrations.Migration)") || odd.iter().any(|word| text.contains(word)) {
        return None;
    }
    let begins = |line: &str| {
        let rest = line.trim_start().strip_prefix("dependencies");
        rest.is_some_and(|rest| rest.trim_start().starts_with(['=', ':']))
    };
    let Some(at) = text.lines().position(begins) else {
        return Some(Migration {
            path: file,
            line: 1,
            parents: Vec::new(),
            text,
        });
    };
    let start = text.find("dependencies")?;
    // The first time that the word stands there must be the list itself.
    if text[..start].matches('\n').count() != at {
        return None;
    }
    let (_, list) = text[start..].split_once('=')?;
    let list = list.trim_start().strip_prefix(['[', '('])?;
    let parents = pairs(list)?;
    Some(Migration {
        path: file,
        line: at + 1,
        parents,
        text,
    })
}

/// The pairs of a list until its end; `None` where it has anything else than pairs and what
/// is known to point to other apps.
fn pairs(list: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut rest = list;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        if rest.starts_with('#') {
            rest = rest.split_once('\n')?.1;
        } else if let Some(after) = rest.strip_prefix([']', ')']) {
            // What is added to the list is not seen.
            let after = after.lines().next().unwrap_or_default().trim();
            return (after.is_empty() || after.starts_with('#')).then_some(found);
        } else if let Some(inner) = rest.strip_prefix('(') {
            let (pair, after) = inner.split_once(')')?;
            let mut texts = pair.split(['"', '\'']);
            let (_, app, _, name, last) = (
                texts.next()?,
                texts.next()?,
                texts.next()?,
                texts.next()?,
                texts.next()?,
            );
            if !last.trim_matches([',', ' ', '\n']).is_empty() || texts.next().is_some() {
                return None;
            }
            found.push((app.to_owned(), name.to_owned()));
            rest = after;
        } else {
            let inner = rest.strip_prefix("migrations.swappable_dependency(")?;
            rest = inner.split_once(')')?.1;
        }
    }
}

/// The ends of an app, where there are several.
fn ends(folder: &str, all: &[Migration<'_>]) -> Option<Defect> {
    let followed: BTreeSet<&str> = all
        .iter()
        .flat_map(|one| one.parents.iter().map(|(_, name)| name.as_str()))
        .collect();
    let mut ends = all.iter().filter(|one| !followed.contains(stem(one.path)));
    let (first, second) = (ends.next()?, ends.next()?);
    let ends: Vec<&Migration<'_>> = [first, second].into_iter().chain(ends).collect();
    let names: Vec<&str> = ends.iter().map(|one| stem(one.path)).collect();
    let message = format!(
        "no other migration follows {}: the app {} has {} ends",
        names.join(", nor "),
        app(folder),
        ends.len()
    );
    let mut defect = Defect::new(ends[0].path, ends[0].line, message).about(app(folder));
    for other in &ends[1..] {
        defect = defect.with(other.path, other.line);
    }
    Some(defect)
}

/// What follows a migration of the same app that is not there.
fn missing(facts: &Facts<'_>, folder: &str, all: &[Migration<'_>], defects: &mut Vec<Defect>) {
    let app = app(folder);
    let configuration = path::join(path::parent(folder), "apps.py");
    let is_renamed = facts
        .tree
        .text(&configuration)
        .is_some_and(|text| text.contains("label"));
    if DJANGOS.contains(&app) || is_renamed {
        return;
    }
    let names: BTreeSet<&str> = all.iter().map(|one| stem(one.path)).collect();
    for one in all {
        for (_, name) in one.parents.iter().filter(|(of, _)| of == app) {
            let is_special = matches!(name.as_str(), "__first__" | "__latest__");
            let file = path::join(folder, &format!("{name}.py"));
            if names.contains(name.as_str()) || is_special || facts.tree.root().join(file).exists()
            {
                continue;
            }
            let message = format!("it follows {name} of {app}, and there is no such migration");
            let line = one
                .text
                .lines()
                .position(|line| line.contains(name.as_str()));
            let line = line.map_or(one.line, |at| at + 1);
            defects.push(Defect::new(one.path, line, message).about(name));
        }
    }
}

fn app(folder: &str) -> &str {
    path::name(path::parent(folder))
}

fn stem(file: &str) -> &str {
    path::name(file).trim_end_matches(".py")
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    fn migration(dependencies: &str) -> String {
        format!(
            "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n\n    dependencies = [\n{dependencies}    ]\n\n    operations = []\n"
        )
    }

    fn of(all: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<(String, String)> = all
            .iter()
            .map(|(name, dependencies)| {
                let path = match name.contains('/') {
                    true => (*name).to_owned(),
                    false => format!("shop/orders/migrations/{name}.py"),
                };
                (path, migration(dependencies))
            })
            .collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (&**a, &**b)).collect();
        found(&RULE, &files)
    }

    const FIRST: &str = "        (\"orders\", \"0001_initial\"),\n";

    #[test]
    fn two_ends_and_a_parent_that_is_not_there() {
        assert_eq!(
            of(&[("0001_initial", ""), ("0002_a", FIRST), ("0002_b", FIRST)]),
            ["shop/orders/migrations/0002_a.py:6 orders"]
        );
        assert_eq!(
            of(&[("0002_a", FIRST)]),
            ["shop/orders/migrations/0002_a.py:7 0001_initial"]
        );
    }

    #[test]
    fn graphs_that_are_sound_or_not_understood() {
        let merge = "        ('orders', '0002_a'),\n        (\n            'orders',\n            '0002_b',\n        ),\n";
        let user = "        # why\n        migrations.swappable_dependency(settings.AUTH_USER_MODEL),\n        ('users', '0004_x'),\n";
        for all in [
            &[("0001_initial", user), ("0002_a", FIRST)][..],
            &[
                ("0001_initial", ""),
                ("0002_a", FIRST),
                ("0002_b", FIRST),
                ("0003_merge", merge),
            ],
            // What is put together elsewhere.
            &[
                ("0001_initial", ""),
                ("0002_a", FIRST),
                ("0002_b", "        *OTHERS,\n"),
            ],
            &[
                ("0001_initial", ""),
                ("0002_a", FIRST),
                ("0002_b", "    ] + OTHERS + [\n"),
            ],
            &[
                ("tests/a/migrations/0001_a.py", ""),
                ("tests/a/migrations/0002_b.py", ""),
            ],
            &[(
                "shop/auth/migrations/0001_a.py",
                "        ('auth', '0012_x'),\n",
            )],
        ] {
            assert!(of(all).is_empty(), "{all:?}: {:?}", of(all));
        }
    }

    #[test]
    fn an_app_with_another_name_than_its_folder() {
        let all = [
            (
                "people/migrations/0001_initial.py",
                "        (\"auth\", \"0001_initial\"),\n",
            ),
            ("people/migrations/0002_a.py", FIRST),
        ];
        assert!(of(&all).is_empty());
    }

    #[test]
    fn two_folders_of_one_name() {
        let other = "other/orders/migrations/0001_initial.py";
        let all = [
            ("0001_initial", ""),
            ("0002_a", FIRST),
            ("0002_b", FIRST),
            (other, ""),
        ];
        assert!(of(&all).is_empty());
    }

    #[test]
    fn squashed_ignored_and_renamed() {
        let (first, second) = (migration(""), migration(FIRST));
        let squashed = second.replace("dependencies", "replaces = []\n    dependencies");
        let a = ("orders/migrations/0001_initial.py", first.as_str());
        let b = ("orders/migrations/0002_a.py", second.as_str());
        let c = ("orders/migrations/0002_b.py", second.as_str());
        assert_eq!(found(&RULE, &[a, b, c]).len(), 1);
        for files in [
            &[a, b, ("orders/migrations/0002_b.py", squashed.as_str())][..],
            &[a, b, c, (".gitignore", "**/migrations/*_local.py\n")],
            &[a, b, ("orders/migrations/helpers.py", "x = 1\n"), c],
            &[b, ("orders/apps.py", "    label = 'sales'\n")],
        ] {
            assert!(found(&RULE, files).is_empty(), "{files:?}");
        }
    }
}

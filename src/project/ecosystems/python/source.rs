//! A component's Python files: which are tests, where the application is, and
//! which modules import which. Files are searched as text, never executed.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::project::Tree;
use crate::project::model::Evidence;
use crate::project::path;

/// So many modules are followed from one entry, no more.
const MAX_MODULES: usize = 400;

/// What was seen of a component's sources.
#[derive(Debug)]
pub(super) struct Sources {
    /// Every `.py` file, sorted.
    pub(super) files: Vec<String>,
    /// Files that a test runner collects.
    pub(super) tests: Vec<String>,
    /// `conftest.py` files.
    pub(super) conftests: Vec<String>,
    /// Django's `manage.py`.
    pub(super) manage: Option<String>,
    /// The module that is served, with where that is said.
    pub(super) application: Option<(String, Evidence)>,
    /// Files by dotted module name.
    modules: HashMap<String, String>,
    /// The shortest dotted name of each file.
    names: HashMap<String, String>,
}

impl Sources {
    pub(super) fn read(tree: &Tree, root: &str, nested: &[&str]) -> Self {
        let files: Vec<String> = tree
            .under(root)
            .filter(|file| file.ends_with(".py"))
            .filter(|file| !nested.iter().any(|other| path::is_within(file, other)))
            .filter(|file| !path::is_sample(&path::relative(root, path::parent(file))))
            .map(str::to_owned)
            .collect();
        let tests: Vec<String> = files
            .iter()
            .filter(|file| {
                let name = path::name(file);
                name.starts_with("test_") || name.ends_with("_test.py") || name == "tests.py"
            })
            .cloned()
            .collect();
        let conftests = files
            .iter()
            .filter(|file| path::name(file) == "conftest.py")
            .cloned()
            .collect();
        let manage = files
            .iter()
            .filter(|file| path::name(file) == "manage.py")
            .min_by_key(|file| file.matches('/').count())
            .cloned();
        let mut modules = HashMap::new();
        let mut names: HashMap<String, String> = HashMap::new();
        for file in &files {
            for base in [root.to_owned(), path::join(root, "src")] {
                if path::is_within(file, &base) {
                    let relative = path::relative(&base, file);
                    let module = relative
                        .trim_end_matches(".py")
                        .trim_end_matches("/__init__")
                        .replace('/', ".");
                    names
                        .entry(file.clone())
                        .and_modify(|known| {
                            if module.len() < known.len() {
                                known.clone_from(&module);
                            }
                        })
                        .or_insert_with(|| module.clone());
                    modules.entry(module).or_insert_with(|| file.clone());
                }
            }
        }
        let mut sources = Self {
            files,
            tests,
            conftests,
            manage,
            application: None,
            modules,
            names,
        };
        sources.application = sources.find_application(tree, root);
        sources
    }

    /// `uvicorn app.main:app` in a Dockerfile, a Procfile or a script; else the
    /// files that frameworks are started from by convention.
    fn find_application(&self, tree: &Tree, root: &str) -> Option<(String, Evidence)> {
        let said = path::ancestors(root)
            .flat_map(|folder| tree.directly_in(folder).collect::<Vec<_>>())
            .filter(|file| {
                let name = path::name(file);
                name.contains("Dockerfile")
                    || name == "Procfile"
                    || name.ends_with(".sh")
                    || name == "Makefile"
            });
        for file in said {
            let Some(text) = tree.text(file) else {
                continue;
            };
            for (at, line) in text.lines().enumerate() {
                if ![
                    "uvicorn",
                    "gunicorn",
                    "hypercorn",
                    "celery",
                    "granian",
                    "fastapi",
                ]
                .iter()
                .any(|word| line.contains(word))
                {
                    continue;
                }
                for word in line
                    .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':')))
                {
                    if let Some((module, _)) = word.split_once(':')
                        && self.modules.contains_key(module)
                    {
                        return Some((module.to_owned(), Evidence::new(file, at + 1)));
                    }
                }
            }
        }
        if let Some(manage) = &self.manage {
            return Some((String::new(), Evidence::new(manage, 1)));
        }
        let by_convention = [
            "main",
            "app.main",
            "app",
            "server",
            "wsgi",
            "asgi",
            "application",
            "run",
            "app.app",
        ]
        .iter()
        .find_map(|module| Some(((*module).to_owned(), self.modules.get(*module)?)));
        let file = by_convention.or_else(|| {
            // `package/main.py`, `package/app.py`, or a package that makes the app.
            self.files
                .iter()
                .filter(|file| !self.tests.contains(file))
                .find(|file| {
                    let name = path::name(file);
                    let is_entry = matches!(
                        name,
                        "main.py" | "app.py" | "wsgi.py" | "asgi.py" | "server.py" | "__init__.py"
                    );
                    is_entry
                        && tree.text(file).is_some_and(|text| {
                            [
                                "FastAPI(",
                                "Flask(",
                                "Starlette(",
                                "Litestar(",
                                "Sanic(",
                                "Celery(",
                                "Quart(",
                                "web.Application(",
                                "falcon.App(",
                            ]
                            .iter()
                            .any(|call| text.contains(call))
                        })
                })
                .map(|file| (self.module_of(file), file))
        });
        file.map(|(module, file)| (module, Evidence::new(file, 1)))
    }

    /// The dotted name of a file.
    fn module_of(&self, file: &str) -> String {
        self.names.get(file).cloned().unwrap_or_default()
    }

    /// The file of a dotted name.
    pub(super) fn file_of(&self, module: &str) -> Option<&String> {
        self.modules.get(module)
    }

    /// The files that are imported, directly or not, when `entries` are.
    pub(super) fn imported(&self, tree: &Tree, entries: &[String]) -> Vec<String> {
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut queue: VecDeque<String> = entries.iter().cloned().collect();
        let mut order = Vec::new();
        while let Some(file) = queue.pop_front() {
            if order.len() >= MAX_MODULES || !seen.insert(file.clone()) {
                continue;
            }
            if let Some(text) = tree.text(&file) {
                let module = self.module_of(&file);
                for name in imports(&text, &module, path::name(&file) == "__init__.py") {
                    // Importing a.b.c imports a and a.b first.
                    let mut prefix = String::new();
                    for part in name.split('.') {
                        if !prefix.is_empty() {
                            prefix.push('.');
                        }
                        prefix.push_str(part);
                        if let Some(found) = self.modules.get(&prefix) {
                            queue.push_back(found.clone());
                        }
                    }
                }
            }
            order.push(file);
        }
        order
    }
}

/// The dotted names that a module imports when it is imported itself.
fn imports(text: &str, module: &str, is_package: bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        let code = line.split('#').next().unwrap_or_default();
        if let Some(base) = open.clone() {
            for name in code.split(',') {
                push_name(&mut found, &base, name);
            }
            if code.contains(')') {
                open = None;
            }
            continue;
        }
        // What stands inside a function is imported later, if ever.
        if code.starts_with(char::is_whitespace) {
            continue;
        }
        if let Some(rest) = code.strip_prefix("import ") {
            for name in rest.split(',') {
                if let Some(name) = name.split_whitespace().next() {
                    found.push(name.to_owned());
                }
            }
        } else if let Some(rest) = code.strip_prefix("from ")
            && let Some((from, names)) = rest.split_once(" import ")
        {
            let base = absolute(from.trim(), module, is_package);
            found.push(base.clone());
            let names = names.trim();
            if names.starts_with('(') && !names.contains(')') {
                open = Some(base.clone());
            }
            for name in names.trim_matches(['(', ')']).split(',') {
                push_name(&mut found, &base, name);
            }
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

fn push_name(found: &mut Vec<String>, base: &str, name: &str) {
    let name = name
        .trim()
        .trim_matches(['(', ')'])
        .split_whitespace()
        .next()
        .unwrap_or_default();
    if !name.is_empty() && name != "*" {
        found.push(if base.is_empty() {
            name.to_owned()
        } else {
            format!("{base}.{name}")
        });
    }
}

/// `..models` seen from `app.api.jobs` is `app.models`.
fn absolute(from: &str, module: &str, is_package: bool) -> String {
    let dots = from.chars().take_while(|c| *c == '.').count();
    if dots == 0 {
        return from.to_owned();
    }
    let mut parts: Vec<&str> = module.split('.').collect();
    let up = if is_package { dots - 1 } else { dots };
    parts.truncate(parts.len().saturating_sub(up));
    let rest = &from[dots..];
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts.retain(|part| !part.is_empty());
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::testing::tree;

    #[test]
    fn imports_are_followed() {
        let (_folder, tree) = tree(&[
            ("api/app/__init__.py", ""),
            (
                "api/app/main.py",
                "from fastapi import FastAPI\nfrom .api import (\n    jobs,\n    users as u,\n)\nimport app.db\n",
            ),
            ("api/app/api/__init__.py", ""),
            (
                "api/app/api/jobs.py",
                "from ..auth import check\n\ndef f():\n    import app.late\n",
            ),
            ("api/app/api/users.py", ""),
            ("api/app/auth.py", ""),
            ("api/app/db.py", ""),
            ("api/app/late.py", ""),
            ("api/Dockerfile", "CMD [\"uvicorn\", \"app.main:app\"]\n"),
        ]);
        let sources = Sources::read(&tree, "api", &[]);
        let (module, evidence) = sources.application.clone().expect("found");
        assert_eq!(
            (module.as_str(), evidence),
            ("app.main", Evidence::new("api/Dockerfile", 1))
        );
        let files = sources.imported(&tree, &["api/app/main.py".to_owned()]);
        for wanted in ["jobs", "users", "auth", "db"] {
            assert!(
                files
                    .iter()
                    .any(|file| file.ends_with(&format!("{wanted}.py"))),
                "{wanted}: {files:?}"
            );
        }
        assert!(
            !files.iter().any(|file| file.ends_with("late.py")),
            "{files:?}"
        );
    }
}

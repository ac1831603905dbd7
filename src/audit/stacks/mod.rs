//! What an application is given that lacks a route for health, a client that reports errors,
//! or logs with fields: by its framework, a file each. Every change is one that a person
//! reviews: they come with `--fix-unsafe` alone.

mod django;
mod express;
mod fastapi;
mod manifests;
mod nextjs;
mod python;

use super::Facts;
use super::fix::{Change, Fix};
use crate::project::model::{Component, Role};

pub(super) use python::is_valid as is_valid_python;

/// A framework that is known.
struct Stack {
    /// Its name in the model.
    framework: &'static str,
    /// A route that answers where the application runs.
    health: Make,
    /// A client that reports errors.
    errors: Make,
    /// Logs with fields and an id for each request.
    logs: Make,
}

/// Makes changes for a component; `None` where its shape is not one that is known.
type Make = fn(&Facts<'_>, &Component) -> Option<Added>;

const STACKS: [Stack; 4] = [django::STACK, express::STACK, fastapi::STACK, nextjs::STACK];

/// Changes, and what a person runs afterwards.
#[derive(Debug, Default)]
struct Added {
    changes: Vec<Change>,
    then: Vec<String>,
}

impl Added {
    fn new(changes: impl IntoIterator<Item = Change>) -> Self {
        Self {
            changes: changes.into_iter().collect(),
            then: Vec::new(),
        }
    }

    fn and(mut self, other: Self) -> Self {
        self.changes.extend(other.changes);
        self.then.extend(other.then);
        self
    }
}

/// What an application may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// A route that says whether it is well.
    Health,
    /// Somebody who is told of errors.
    Errors,
    /// Logs with fields.
    Logs,
}

/// What gives it to every application of the repository whose framework is known.
pub(super) fn fix(facts: &Facts<'_>, wish: Wish) -> Option<Fix> {
    let components = facts.project.components.iter();
    let mut all = Added::default();
    for component in components.filter(|one| one.role != Role::Library) {
        let Some(framework) = &component.framework else {
            continue;
        };
        let stack = STACKS
            .iter()
            .find(|stack| stack.framework == framework.value);
        let made = stack.and_then(|stack| match wish {
            Wish::Health => (stack.health)(facts, component),
            Wish::Errors => (stack.errors)(facts, component),
            Wish::Logs => (stack.logs)(facts, component),
        });
        if let Some(made) = made {
            all = all.and(made);
        }
    }
    if all.changes.is_empty() {
        return None;
    }
    let title = match wish {
        Wish::Health => "add a route that says whether it is well",
        Wish::Errors => "report errors to Sentry, where SENTRY_DSN is set",
        Wish::Logs => "write logs as JSON, with an id for each request",
    };
    let mut fix = Fix::behaviour(title, all.changes);
    fix.then = all.then;
    Some(fix)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::is_valid_python;
    use crate::audit::fix::{Wanted, mend};
    use crate::project::testing::tree;

    /// What such files are made of, and what breaks them.
    const LINES: [&str; 14] = [
        "import os",
        "from fastapi import FastAPI",
        "from app.auth import (\n    verify,\n)",
        "",
        "app = FastAPI()",
        "app = FastAPI(\n    title=\"a)\",\n)",
        "@app.get(\"/jobs\")\ndef jobs():\n    return []",
        "def health():\n    pass",
        "X = \"\"\"\nfrom fastapi import FastAPI\napp = FastAPI()\n\"\"\"",
        "if os.environ.get(\"A\"):\n    import late",
        "app.mount(\"/\", static)",
        "# app = FastAPI()",
        "é = 'ü'",
        "def (:",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever stands there: nothing that was Python is none afterwards, every line of it
        /// is still there, and a second run changes nothing.
        #[test]
        fn whatever_the_application_looks_like(
            picks in prop::collection::vec(0..LINES.len(), 0..10),
            is_dos in any::<bool>(),
        ) {
            let lines: Vec<&str> = picks.iter().map(|at| LINES[*at]).collect();
            let mut text = lines.join("\n") + "\n";
            if is_dos {
                text = text.replace('\n', "\r\n");
            }
            let (_folder, tree) = tree(&[
                ("requirements.txt", "fastapi==0.115.6\n"),
                ("app/__init__.py", ""),
                ("app/main.py", &text),
            ]);
            let wanted = Wanted {
                rules: ["no-health-endpoint", "no-error-tracking", "no-structured-logs"]
                    .map(str::to_owned)
                    .to_vec(),
                with_unsafe: true,
                ..Wanted::default()
            };
            let mended = mend(&tree, &wanted);
            if let Some(Some(after)) = mended.files.get("app/main.py") {
                prop_assert!(!is_valid_python(&text) || is_valid_python(after), "{after}");
                let mut rest = after.lines();
                for line in text.lines() {
                    prop_assert!(rest.any(|one| one == line), "{line:?} is not in\n{after}");
                }
                prop_assert!(!is_dos || !after.replace("\r\n", "").contains('\n'));
            }
            let again = mend(&tree.with(&mended.files), &wanted);
            prop_assert!(again.mended.is_empty());
        }
    }
}

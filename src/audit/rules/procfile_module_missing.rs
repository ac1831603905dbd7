//! Start commands of a Procfile that name a module which is not there.

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "procfile-module-missing",
    title: "A Procfile starts a Python module that is not there",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Platforms,
    what: "`gunicorn`, `uvicorn`, `hypercorn` or `daphne` in a Procfile, with a module for which no folder of the repository has a file.",
    why: "The process ends at once, and the deployment never becomes healthy.",
    mend: "Name the module that holds the application.",
    references: &["https://devcenter.heroku.com/articles/procfile"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for file in facts
        .tree
        .named("Procfile")
        .filter(|file| !path::is_sample(file))
    {
        let text = facts.tree.text(file).unwrap_or_default();
        for (at, line) in (1..).zip(text.lines()) {
            let Some(module) = module(line) else { continue };
            let stem = module.replace('.', "/");
            let ends = [format!("{stem}.py"), format!("{stem}/__init__.py")];
            // From whichever folder it is started.
            let is_there = facts.tree.files().iter().any(|one| {
                ends.iter().any(|end| {
                    one.strip_suffix(end.as_str())
                        .is_some_and(|before| before.is_empty() || before.ends_with('/'))
                })
            });
            if !is_there {
                let message = format!("no folder has a module `{module}`");
                defects.push(Defect::new(file, at, message).about(module));
            }
        }
    }
    defects
}

/// The module of an application that a line starts: `a.b` of `a.b:app`.
fn module(line: &str) -> Option<&str> {
    let (_, command) = line.split_once(':')?;
    let words: Vec<&str> = command.split_whitespace().collect();
    let servers = ["gunicorn", "uvicorn", "hypercorn", "daphne"];
    let at = words.iter().position(|word| servers.contains(word))?;
    let target = words[at + 1..].iter().find(|word| {
        let (module, object) = word.split_once(':').unwrap_or((word, ""));
        let is_name = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
        };
        let begins = module.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        !word.starts_with('-') && begins && is_name(module) && !object.is_empty()
    })?;
    let (module, object) = target.split_once(':')?;
    // `--bind 0.0.0.0:8000` and `--log-config file:x` are no modules.
    let is_object = object.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (is_object && !object.contains('/')).then_some(module)
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn there_and_not_there() {
        let of = |line: &str| {
            let files = [
                ("Procfile", line),
                ("src/app/main.py", ""),
                ("site/wsgi/__init__.py", ""),
            ];
            found(&RULE, &files)
        };
        assert_eq!(
            of("web: gunicorn app.server:app\n"),
            ["Procfile:1 app.server"]
        );
        for near in [
            "web: uvicorn app.main:app --host 0.0.0.0 --port $PORT\n",
            "web: gunicorn --bind 0.0.0.0:8000 site.wsgi:application\n",
            "web: gunicorn -c gunicorn.py $MODULE:app\n",
            "web: npm start\n",
        ] {
            assert!(of(near).is_empty(), "{near}");
        }
    }
}

//! Environment variables without which the application, its tests or its
//! migrations do not import.

use super::manifest::Manifests;
use super::source::Sources;
use crate::project::Tree;
use crate::project::model::{Component, Evidence, Need};
use crate::project::path;

/// Words one of which a file must hold to be looked at.
const WORDS: [&str; 5] = ["environ", "getenv", "BaseSettings", "config(", "env("];

pub(super) fn add(
    tree: &Tree,
    manifests: &Manifests,
    sources: &Sources,
    component: &mut Component,
) {
    let mut application: Vec<String> = Vec::new();
    if let Some((module, _)) = &sources.application {
        application.extend(sources.file_of(module).cloned());
    }
    let django = sources
        .manage
        .as_deref()
        .and_then(|manage| django_settings(tree, sources, manage));
    application.extend(django.clone());
    let alembic: Vec<String> = sources
        .files
        .iter()
        .filter(|file| path::name(file) == "env.py")
        .filter(|file| tree.text(file).is_some_and(|text| text.contains("alembic")))
        .cloned()
        .collect();
    let mut tests: Vec<String> = sources.conftests.clone();
    tests.extend(sources.tests.iter().cloned());
    let mut migrations = alembic;
    if component
        .steps
        .iter()
        .any(|step| step.command.run.contains("manage.py"))
    {
        tests.extend(django.clone());
        migrations.extend(django);
    }
    for (need, entries) in [
        (Need::App, application),
        (Need::Tests, tests),
        (Need::Migrations, migrations),
    ] {
        let given = if need == Need::Tests {
            given_by_tests(tree, sources, manifests)
        } else {
            Vec::new()
        };
        for file in sources.imported(tree, &entries) {
            let Some(text) = tree.text(&file) else {
                continue;
            };
            if !WORDS.iter().any(|word| text.contains(word)) {
                continue;
            }
            for (name, line) in required(&text) {
                if !given.contains(&name) {
                    component.add_environment(&name, need, Evidence::new(&file, line));
                }
            }
        }
    }
    component
        .environment
        .sort_by(|left, right| left.name.cmp(&right.name));
}

/// `os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site.settings")`
fn django_settings(tree: &Tree, sources: &Sources, manage: &str) -> Option<String> {
    let text = tree.text(manage)?;
    let line = text
        .lines()
        .find(|line| line.contains("DJANGO_SETTINGS_MODULE"))?;
    let module = line.split(['"', '\'']).nth(3)?;
    let relative = path::join(
        path::parent(manage),
        &format!("{}.py", module.replace('.', "/")),
    );
    sources
        .file_of(module)
        .cloned()
        .or_else(|| tree.contains(&relative).then_some(relative))
}

/// Variables that tests set themselves before anything is imported.
fn given_by_tests(tree: &Tree, sources: &Sources, manifests: &Manifests) -> Vec<String> {
    let mut given = Vec::new();
    for file in &sources.conftests {
        let Some(text) = tree.text(file) else {
            continue;
        };
        for line in text.lines() {
            for start in [
                "os.environ.setdefault(",
                "os.environ[",
                "environ[",
                "environ.setdefault(",
            ] {
                if let Some((_, after)) = line.split_once(start)
                    && (start.ends_with('(') || after.contains("] ="))
                {
                    given.extend(literal(after));
                }
            }
        }
    }
    // pytest-env: `env = NAME=value` lines in the configuration.
    if manifests.find("pytest-env").is_some() {
        for name in ["pytest.ini", "pyproject.toml", "setup.cfg"] {
            let Some(text) = tree.text(&path::join(&manifests.root, name)) else {
                continue;
            };
            for line in text.lines() {
                let word: String = line
                    .trim_start_matches([' ', '"', '\'', '\t'])
                    .trim_start_matches("D:")
                    .chars()
                    .take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '_')
                    .collect();
                if word.len() > 2 && line.contains('=') {
                    given.push(word);
                }
            }
        }
    }
    given
}

/// Variables that a module cannot be imported without, with the line.
fn required(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    let mut push = |name: String, line: usize| {
        let is_name = name.len() > 1
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_name && !found.iter().any(|(known, _)| *known == name) {
            found.push((name, line));
        }
    };
    // Indentation of the function whose body is skipped: it runs later, if ever.
    let mut function: Option<usize> = None;
    let mut settings: Option<Settings> = None;
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        if code.is_empty() || code.starts_with('#') {
            continue;
        }
        let indent = line.len() - code.len();
        if function.is_some_and(|outer| indent > outer) {
            continue;
        }
        function = None;
        if settings.as_ref().is_some_and(|_| indent == 0)
            && let Some(done) = settings.take()
            && done.is_instantiated(&lines)
        {
            for (name, line) in done.variables() {
                push(name, line);
            }
        }
        if code.starts_with("def ") || code.starts_with("async def ") {
            function = Some(indent);
            continue;
        }
        if let Some(rest) = code.strip_prefix("class ")
            && let Some((name, bases)) = rest.split_once('(')
            && bases.contains("BaseSettings")
            && indent == 0
        {
            settings = Some(Settings {
                name: name.trim().to_owned(),
                prefix: String::new(),
                fields: Vec::new(),
            });
            continue;
        }
        if let Some(open) = &mut settings
            && indent > 0
        {
            open.read(code, indent, at + 1);
            continue;
        }
        // `if`, `try` and `with` bodies at module level run on import, but a
        // condition may guard them: only unguarded lines are certain.
        if indent > 0 {
            continue;
        }
        if let Some(name) = subscript(code) {
            push(name, at + 1);
        }
        for call in [
            "config(",
            "env(",
            "env.str(",
            "env.bool(",
            "env.int(",
            "env.list(",
            "env.db(",
            "env.url(",
        ] {
            if let Some((before, after)) = code.split_once(call)
                && before.trim_end().ends_with(['=', '(', ','])
                && !statement(&lines, at).contains("default")
                && let Some(name) = literal(after)
                && !behind_literal(after).starts_with(',')
                && name
                    .chars()
                    .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
            {
                push(name, at + 1);
            }
        }
        if let Some((variable, name)) = optional(code)
            && raises_without(&lines[at + 1..], &variable)
        {
            push(name, at + 1);
        }
    }
    if let Some(done) = settings.take()
        && done.is_instantiated(&lines)
    {
        for (name, line) in done.variables() {
            push(name, line);
        }
    }
    found
}

/// A pydantic settings class that is being read.
struct Settings {
    name: String,
    prefix: String,
    fields: Vec<(String, usize)>,
}

impl Settings {
    fn read(&mut self, code: &str, indent: usize, line: usize) {
        if let Some((_, after)) = code.split_once("env_prefix") {
            self.prefix = literal(after).unwrap_or_default().to_ascii_uppercase();
            return;
        }
        let Some((name, annotation)) = code.split_once(':') else {
            return;
        };
        let is_field = indent <= 4
            && !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !name.starts_with('_')
            && name != "model_config";
        let annotation = annotation.split('#').next().unwrap_or_default().trim();
        let has_default = annotation.contains('=')
            && !annotation.contains("Field(...")
            && !(annotation.contains("Field(")
                && !annotation.contains("default")
                && annotation.contains("Field(..."));
        if is_field && !annotation.is_empty() && !has_default && !annotation.contains("ClassVar") {
            self.fields.push((name.to_ascii_uppercase(), line));
        }
    }

    /// The variables of the fields; the prefix may stand below them.
    fn variables(&self) -> Vec<(String, usize)> {
        self.fields
            .iter()
            .map(|(name, line)| (format!("{}{name}", self.prefix), *line))
            .collect()
    }

    /// `settings = Settings()` at module level.
    fn is_instantiated(&self, lines: &[&str]) -> bool {
        let call = format!("{}(", self.name);
        lines.iter().any(|line| {
            !line.starts_with(char::is_whitespace)
                && line.contains(&call)
                && line.contains('=')
                && !line.starts_with("class ")
        })
    }
}

/// `os.environ["NAME"]` that is read, not assigned.
fn subscript(code: &str) -> Option<String> {
    let (_, after) = code.split_once("environ[")?;
    let name = literal(after)?;
    let rest = after.split_once(']')?.1.trim_start();
    (!rest.starts_with('=') || rest.starts_with("==")).then_some(name)
}

/// `X = os.getenv("NAME")` without a default: the variable and the name.
fn optional(code: &str) -> Option<(String, String)> {
    let (left, right) = code.split_once('=')?;
    let variable = left.split(':').next()?.trim();
    let after = ["getenv(", "environ.get("]
        .iter()
        .find_map(|call| Some(right.split_once(call)?.1))?;
    let name = literal(after)?;
    let rest = &after[after.find(&name)? + name.len() + 1..];
    (rest.trim_start().starts_with(')')
        && variable
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
    .then(|| (variable.to_owned(), name))
}

/// `if not X:` followed by `raise`, within the next lines.
fn raises_without(lines: &[&str], variable: &str) -> bool {
    let mut lines = lines.iter().take(8).filter(|line| !line.trim().is_empty());
    lines.any(|line| {
        line.starts_with(&format!("if not {variable}"))
            || line.starts_with(&format!("if {variable} is None"))
            || line.starts_with(&format!("assert {variable}"))
    }) && lines.next().is_none_or(|line| {
        line.trim_start().starts_with("raise") || line.trim_start().starts_with("sys.exit")
    })
}

/// A statement with its continuation lines.
fn statement(lines: &[&str], at: usize) -> String {
    let mut text = String::new();
    let mut open = 0_i32;
    for line in lines.iter().skip(at).take(12) {
        text.push_str(line);
        open += line.matches(['(', '[', '{']).count() as i32;
        open -= line.matches([')', ']', '}']).count() as i32;
        if open <= 0 {
            break;
        }
    }
    text
}

/// What follows the first quoted text.
fn behind_literal(text: &str) -> &str {
    let Some(start) = text.find(['"', '\'']) else {
        return "";
    };
    let quote = &text[start..=start];
    text[start + 1..]
        .split_once(quote)
        .map_or("", |(_, rest)| rest.trim_start())
}

/// The first quoted text.
fn literal(text: &str) -> Option<String> {
    let start = text.find(['"', '\''])?;
    let quote = text[start..].chars().next()?;
    let after = &text[start + 1..];
    Some(after[..after.find(quote)?].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        required(text).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn only_what_stops_the_import_is_required() {
        assert_eq!(names("KEY = os.environ[\"KEY\"]\n"), ["KEY"]);
        assert_eq!(names("os.environ['KEY'] = 'x'\n"), Vec::<String>::new());
        assert_eq!(
            names("def f():\n    return os.environ['KEY']\n"),
            Vec::<String>::new()
        );
        assert_eq!(
            names(
                "SECRET = os.getenv(\"SECRET\")\n\nif not SECRET:\n    raise ValueError(\"x\")\n"
            ),
            ["SECRET"]
        );
        assert_eq!(
            names("S = os.getenv(\"S\", \"d\")\nif not S:\n    raise X\n"),
            Vec::<String>::new()
        );
        assert_eq!(
            names("S = os.getenv(\"S\")\nprint(S)\n"),
            Vec::<String>::new()
        );
        assert_eq!(
            names("KEY = config(\"KEY\")\nB = config(\"B\", default=1)\n"),
            ["KEY"]
        );
        assert_eq!(
            names(
                "A = env(\"AA\")\nC = env(\"CC\", default=None)\nB = env(\"BB\", 1)\nD = env.str(\n    \"DD\",\n    default=1)\n"
            ),
            ["AA"]
        );
    }

    #[test]
    fn settings_without_defaults_are_required_where_they_are_made_on_import() {
        let class = "class Settings(BaseSettings):\n    database_url: str\n    debug: bool = False\n    key: str = Field(...)\n    model_config = X(env_file='.env')\n\n    def f(self):\n        x: int\n\n";
        assert_eq!(
            names(&format!("{class}settings = Settings()\n")),
            ["DATABASE_URL", "KEY"]
        );
        assert_eq!(
            names(&format!("{class}def get():\n    return Settings()\n")),
            Vec::<String>::new()
        );
    }
}

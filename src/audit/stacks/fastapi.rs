//! FastAPI.

use super::python::{Call, Python, block_after};
use super::{Added, Stack, manifests};
use crate::audit::Facts;
use crate::audit::fix::{Change, Text};
use crate::project::model::Component;
use crate::project::path;

pub(super) const STACK: Stack = Stack {
    framework: "fastapi",
    health,
    errors,
    logs,
};

/// Packages that stand where those of others stand.
const THIRD: [&str; 4] = ["fastapi", "starlette", "sqlalchemy", "pydantic"];

const LOGS: &str = include_str!("files/logs_asgi.py");

/// The file with the application at its left edge.
struct App {
    path: String,
    text: Text,
    python: Python,
    /// The statement that makes it.
    made: Call,
}

fn app(facts: &Facts<'_>, component: &Component) -> Option<App> {
    let mut files: Vec<&str> = facts
        .tree
        .under(&component.root)
        .filter(|file| file.ends_with(".py") && !path::is_sample(file) && !file.contains("test"))
        .collect();
    // The nearest to the top is the application, and not a part of it.
    files.sort_by_key(|file| (file.matches('/').count(), path::name(file) != "main.py"));
    files.into_iter().take(2_000).find_map(|file| {
        let raw = facts
            .tree
            .text(file)
            .filter(|text| text.contains("FastAPI("))?;
        let python = Python::parse(&raw)?;
        let made = python.call("FastAPI");
        let made = made.or_else(|| python.call("fastapi.FastAPI"))?;
        Some(App {
            path: file.to_owned(),
            text: Text::of(facts.tree, file)?,
            python,
            made,
        })
    })
}

fn health(facts: &Facts<'_>, component: &Component) -> Option<Added> {
    let app = app(facts, component)?;
    // Before all others: a mount of `/` takes what comes after it.
    let function = match app.python.knows("health") {
        true => "is_alive",
        false => "health",
    };
    let route = format!(
        "@{}.get(\"/health\")\ndef {function}() -> dict[str, str]:\n    return {{\"status\": \"ok\"}}",
        app.made.name
    );
    Some(Added::new([block_after(&app.text, app.made.last, &route)?]))
}

fn errors(facts: &Facts<'_>, component: &Component) -> Option<Added> {
    let app = app(facts, component)?;
    let import = app.python.import(&app.text, "sentry_sdk", None, &THIRD)?;
    let start = app.made.start;
    let begin = app.text.replace(
        start..start,
        "# Reads SENTRY_DSN, and does nothing where it is not set.\nsentry_sdk.init()\n\n",
    );
    let package = manifests::python(facts, component, "sentry-sdk>=2.75,<3")?;
    Some(Added::new([import, begin]).and(package))
}

fn logs(facts: &Facts<'_>, component: &Component) -> Option<Added> {
    let app = app(facts, component)?;
    let folder = path::parent(&app.path);
    let file = path::join(folder, "logs.py");
    let knows = |name: &str| app.python.knows(name);
    if facts.tree.contains(&file) || ["logs", "RequestId"].iter().any(|name| knows(name)) {
        return None;
    }
    // `uvicorn app.main:app` runs in the component's folder, and finds modules from there.
    let package = path::relative(&component.root, folder);
    let module = match package.as_str() {
        "." | "" => "logs".to_owned(),
        package => format!(
            "{}.logs",
            package.trim_start_matches("src/").replace('/', ".")
        ),
    };
    let root = module.split('.').next().unwrap_or_default();
    let name = &app.made.name;
    let begin = format!("configure_logs()\n{name}.add_middleware(RequestId)");
    Some(Added::new([
        Change::Create {
            path: file,
            text: LOGS.to_owned(),
        },
        app.python.import(
            &app.text,
            &module,
            Some("RequestId, configure_logs"),
            &[root],
        )?,
        app.text.after_line(app.made.last, &begin)?,
    ]))
}

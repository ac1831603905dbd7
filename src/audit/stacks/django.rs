//! Django.

use super::python::{Python, block_after};
use super::{Added, Stack, manifests};
use crate::audit::Facts;
use crate::audit::fix::{Change, Text};
use crate::project::model::Component;
use crate::project::path;

pub(super) const STACK: Stack = Stack {
    framework: "django",
    health,
    errors,
    logs,
};

const LOGS: &str = include_str!("files/logs_django.py");

/// The project's settings.
fn settings(facts: &Facts<'_>, component: &Component) -> Option<(String, Text, Python)> {
    let names = ["settings.py", "base.py", "common.py"];
    let mut files: Vec<&str> = facts
        .tree
        .under(&component.root)
        .filter(|file| names.contains(&path::name(file)) && !path::is_sample(file))
        .collect();
    files.sort_by_key(|file| file.matches('/').count());
    files.into_iter().find_map(|file| {
        let raw = facts
            .tree
            .text(file)
            .filter(|text| text.contains("ROOT_URLCONF"))?;
        let python = Python::parse(&raw)?;
        Some((file.to_owned(), Text::of(facts.tree, file)?, python))
    })
}

fn health(facts: &Facts<'_>, component: &Component) -> Option<Added> {
    let (_, _, settings) = settings(facts, component)?;
    let module = settings.string("ROOT_URLCONF")?;
    let file = path::join(&component.root, &format!("{}.py", module.replace('.', "/")));
    let text = Text::of(facts.tree, &file)?;
    let python = Python::parse(&facts.tree.text(&file)?)?;
    let first = python.first_item("urlpatterns")?;
    let view = "def health(request):\n    return JsonResponse({\"status\": \"ok\"})";
    if !python.knows("path") || python.knows("health") {
        return None;
    }
    let mut changes = Vec::new();
    if !python.knows("JsonResponse") {
        changes.push(python.import(&text, "django.http", Some("JsonResponse"), &["django"])?);
    }
    changes.push(block_after(&text, python.last_import()?, view)?);
    let item = python.item(first, "path(\"health/\", health)");
    changes.push(text.replace(first..first, item));
    Some(Added::new(changes))
}

fn errors(facts: &Facts<'_>, component: &Component) -> Option<Added> {
    let (_, text, python) = settings(facts, component)?;
    let third = ["django", "dj_database_url", "environ", "decouple"];
    let import = python.import(&text, "sentry_sdk", None, &third)?;
    let last = text.str().lines().count();
    let begin = text.after_line(
        last,
        "\n# Reads SENTRY_DSN, and does nothing where it is not set.\nsentry_sdk.init()",
    )?;
    let package = manifests::python(facts, component, "sentry-sdk>=2.75,<3")?;
    Some(Added::new([import, begin]).and(package))
}

fn logs(facts: &Facts<'_>, component: &Component) -> Option<Added> {
    let (_, text, python) = settings(facts, component)?;
    // The package that the urls are in is one that Python finds.
    let module = python.string("ROOT_URLCONF")?;
    let (package, _) = module.rsplit_once('.')?;
    let folder = path::join(&component.root, &package.replace('.', "/"));
    let file = path::join(&folder, "logs.py");
    if python.assigns("LOGGING") || facts.tree.contains(&file) {
        return None;
    }
    let mut end = format!(
        "\nLOGGING = {{\n    \"version\": 1,\n    \"disable_existing_loggers\": False,\n    \"formatters\": {{\"json\": {{\"()\": \"{package}.logs.JsonFormatter\"}}}},\n    \"handlers\": {{\"console\": {{\"class\": \"logging.StreamHandler\", \"formatter\": \"json\"}}}},\n    \"root\": {{\"handlers\": [\"console\"], \"level\": \"INFO\"}},\n}}"
    );
    let own = format!("\"{package}.logs.request_ids\"");
    let mut changes = vec![Change::Create {
        path: file,
        text: LOGS.to_owned(),
    }];
    match python.first_item("MIDDLEWARE") {
        Some(first) => changes.push(text.replace(first..first, python.item(first, &own))),
        None if python.assigns("MIDDLEWARE") => return None,
        None => end = format!("\nMIDDLEWARE = [{own}]\n{end}"),
    }
    let last = text.str().lines().count();
    changes.push(text.after_line(last, &end)?);
    Some(Added::new(changes))
}

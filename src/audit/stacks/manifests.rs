//! Dependencies that come with a change.

use super::Added;
use crate::audit::Facts;
use crate::audit::fix::Text;
use crate::project::model::Component;
use crate::project::path;

/// A package of Python; `None` where the manifest is one whose order or hashes a tool keeps.
pub(super) fn python(facts: &Facts<'_>, component: &Component, requirement: &str) -> Option<Added> {
    let file = &component.manifest.path;
    let text = Text::of(facts.tree, file)?;
    if file.ends_with(".txt") {
        if text.str().contains("--hash=") || text.str().trim().is_empty() {
            return None;
        }
        let last = text.str().lines().count();
        return Some(Added::new([text.after_line(last, requirement)?]));
    }
    let document = facts.tree.toml(file)?;
    let last = document.at(&["project", "dependencies"])?.items().last()?;
    let end = last.span.end;
    let at_edge = text.str()[..last.span.start]
        .rfind('\n')
        .map_or(0, |at| at + 1);
    let before = &text.str()[at_edge..last.span.start];
    let added = match before.trim().is_empty() {
        true => format!(",\n{before}\"{requirement}\""),
        false => format!(", \"{requirement}\""),
    };
    let mut all = Added::new([text.replace(end..end, added)]);
    if let Some(lock) = &component.lock_file {
        let tool = match path::name(&lock.path) {
            "uv.lock" => "uv lock",
            "poetry.lock" => "poetry lock",
            "pdm.lock" => "pdm lock",
            _ => return None,
        };
        all.then.push(inside(path::parent(&lock.path), tool));
    }
    Some(all)
}

/// A package of Node.
pub(super) fn node(
    facts: &Facts<'_>,
    component: &Component,
    name: &str,
    range: &str,
) -> Option<Added> {
    let file = &component.manifest.path;
    let document = facts.tree.json(file)?;
    let last = document.get("dependencies")?.entries().last()?;
    let text = Text::of(facts.tree, file)?;
    let change = text.with_entry(last, name, &format!("\"{range}\""))?;
    let mut all = Added::new([change]);
    let manager = component.package_manager.as_ref();
    let manager = manager.map_or("npm", |fact| fact.value.as_str());
    let folder = component
        .lock_file
        .as_ref()
        .map_or(component.root.as_str(), |lock| path::parent(&lock.path));
    all.then.push(inside(folder, &format!("{manager} install")));
    Some(all)
}

fn inside(folder: &str, command: &str) -> String {
    match folder {
        "." => command.to_owned(),
        folder => format!("{command} # in {folder}"),
    }
}

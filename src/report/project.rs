//! What `detect` found, for people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::project::model::{Component, Evidence, Fact, Need, Project};
use crate::sys::ui::escape_line;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const WARN: Style = AnsiColor::Yellow.on_default();

/// Width of the column of labels.
const LABEL: usize = 12;

/// The project for a terminal. Names and values come from the repository, so
/// they are made harmless first.
pub fn text(project: &Project) -> String {
    let mut out = String::new();
    if project.components.is_empty() {
        out.push_str("Nothing to build or test was found.\n");
    }
    for component in &project.components {
        describe(component, &mut out);
    }
    section(
        &mut out,
        "Containers",
        project.containers.iter().map(|container| {
            let what = match &container.component {
                Some(component) => format!("builds {component} from {}", container.context),
                None => format!("built from {}", container.context),
            };
            (
                container.path.clone(),
                format!("{what}, on {}", container.base_images.join(", ")),
            )
        }),
    );
    section(
        &mut out,
        "Compose",
        project.compose.iter().map(|compose| {
            let services: Vec<String> = compose
                .services
                .iter()
                .map(|service| match &service.image {
                    Some(image) => format!("{} ({image})", service.name),
                    None => service.name.clone(),
                })
                .collect();
            (compose.path.clone(), services.join(", "))
        }),
    );
    section(
        &mut out,
        "Platforms",
        project.platforms.iter().map(|platform| {
            let what = match &platform.component {
                Some(component) => format!("{} runs {component}", platform.platform),
                None => platform.platform.clone(),
            };
            (format!("{}:{}", platform.path, platform.line), what)
        }),
    );
    section(
        &mut out,
        "Mirrors",
        project.mirrors.iter().map(|mirror| {
            (
                format!("{}:{}", mirror.path, mirror.line),
                mirror.detail.clone(),
            )
        }),
    );
    section(
        &mut out,
        "Workflows",
        project.workflows.iter().map(|workflow| {
            let does: Vec<String> = workflow
                .does
                .iter()
                .map(|doing| match &doing.component {
                    Some(component) => {
                        format!("{} {component} (line {})", word(&doing.task), doing.line)
                    }
                    None => format!("{} (line {})", word(&doing.task), doing.line),
                })
                .collect();
            let what = if does.is_empty() {
                "nothing that is known".to_owned()
            } else {
                does.join(", ")
            };
            (workflow.path.clone(), what)
        }),
    );
    out
}

fn describe(component: &Component, out: &mut String) {
    let framework = component
        .framework
        .as_ref()
        .map_or_else(String::new, |framework| {
            format!(", {}", escape_line(&framework.value))
        });
    let _ = writeln!(
        out,
        "{BOLD}{}{BOLD:#}  {} in {}{framework}  {DIM}{}{DIM:#}",
        escape_line(&component.name),
        word(&component.role),
        escape_line(&component.root),
        escape_line(&place(&component.manifest)),
    );
    let language = word(&component.language);
    match &component.version {
        Some(version) => fact(out, &language, version, |value| value.clone()),
        None => line(out, &language, "version unknown", ""),
    }
    if let Some(versions) = &component.supported_versions {
        fact(out, "supports", versions, |values| values.join(", "));
    }
    if let Some(manager) = &component.package_manager {
        fact(out, "packages", manager, |value| value.clone());
    }
    if let Some(lock) = &component.lock_file {
        line(out, "lock file", &lock.path, "");
    }
    if let Some(workspace) = &component.workspace {
        let runner = workspace
            .runner
            .as_ref()
            .map_or_else(String::new, |runner| format!(" with {runner}"));
        line(
            out,
            "workspace",
            &format!("{} in {}{runner}", workspace.tool, workspace.root),
            "",
        );
    }
    for (at, command) in component.install.iter().enumerate() {
        let label = if at == 0 { "install" } else { "" };
        line(out, label, &command.run, &place(&command.evidence));
    }
    for step in &component.steps {
        line(
            out,
            &word(&step.kind),
            &step.command.run,
            &place(&step.command.evidence),
        );
    }
    for service in &component.services {
        let needed: Vec<String> = service.needed_by.iter().map(need).collect();
        line(
            out,
            "needs",
            &format!("{} for {}", service.image, needed.join(", ")),
            &places(&service.evidence),
        );
    }
    for variable in &component.environment {
        let needed: Vec<String> = variable.needed_by.iter().map(need).collect();
        line(
            out,
            "needs",
            &format!("${} for {}", variable.name, needed.join(", ")),
            &places(&variable.evidence),
        );
    }
    for gap in &component.gaps {
        let _ = writeln!(
            out,
            "  {WARN}{:LABEL$}{WARN:#}  {}",
            "missing",
            escape_line(&gap.message)
        );
        let _ = writeln!(
            out,
            "  {:LABEL$}  {DIM}{}{DIM:#}",
            "",
            escape_line(&gap.mend)
        );
    }
    out.push('\n');
}

fn fact<T: Clone + PartialEq>(
    out: &mut String,
    label: &str,
    fact: &Fact<T>,
    show: impl Fn(&T) -> String,
) {
    let evidence = if fact.evidence.is_empty() {
        "our default".to_owned()
    } else {
        places(&fact.evidence)
    };
    line(out, label, &show(&fact.value), &evidence);
    for contradiction in &fact.contradictions {
        let _ = writeln!(
            out,
            "  {:LABEL$}  {WARN}but {} says {}{WARN:#}",
            "",
            escape_line(&place(&contradiction.evidence)),
            escape_line(&show(&contradiction.value)),
        );
    }
}

fn line(out: &mut String, label: &str, text: &str, evidence: &str) {
    let _ = write!(out, "  {label:LABEL$}  {}", escape_line(text));
    if !evidence.is_empty() {
        let _ = write!(out, "  {DIM}{}{DIM:#}", escape_line(evidence));
    }
    out.push('\n');
}

fn section(out: &mut String, title: &str, rows: impl Iterator<Item = (String, String)>) {
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "{BOLD}{title}{BOLD:#}");
    for (place, what) in rows {
        let _ = writeln!(
            out,
            "  {}  {DIM}{}{DIM:#}",
            escape_line(&what),
            escape_line(&place)
        );
    }
    out.push('\n');
}

fn place(evidence: &Evidence) -> String {
    format!("{}:{}", evidence.path, evidence.line)
}

fn places(evidence: &[Evidence]) -> String {
    evidence.iter().map(place).collect::<Vec<_>>().join(", ")
}

fn need(need: &Need) -> String {
    word(need)
}

/// A word of the model as its JSON form has it, so that both say the same.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

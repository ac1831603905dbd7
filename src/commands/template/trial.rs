//! Tries templates: on made-up projects of every language, and on the cases that
//! stand beside them.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use super::own_catalog;
use crate::commands::generate::cannot_write;
use crate::context::Context;
use crate::error::{Exit, Failure, SourceError};
use crate::project;
use crate::project::Project;
use crate::report::diff;
use crate::sys::fs;
use crate::sys::ui::escape_terminal;
use crate::workflows::catalog::{Catalog, Template};
use crate::workflows::plan::{Current, PlanError};
use crate::workflows::{OwnAction, Settings, Target, examples, header, plan};

/// Says what is wrong with the templates of a folder.
///
/// # Errors
/// Where the folder cannot be read, or a manifest is wrong.
pub fn lint(dir: &Path, context: &Context) -> Result<Exit> {
    let catalog = own_catalog(dir, context)?;
    let own: Vec<&Template> = own(&catalog).collect();
    let mut problems: Vec<SourceError> = Vec::new();
    let mut unused: BTreeSet<&str> = own.iter().map(|template| template.name.as_str()).collect();
    for (_, project) in examples::projects() {
        for template in &own {
            match rendered(&catalog, template, &project) {
                Ok(Some(_)) => {
                    unused.remove(template.name.as_str());
                }
                Ok(None) => {}
                Err(PlanError::Template(errors)) => {
                    unused.remove(template.name.as_str());
                    for error in errors {
                        // The same place fails for many projects.
                        let is_known = problems.iter().any(|known| {
                            (&known.path, known.line, &known.message)
                                == (&error.path, error.line, &error.message)
                        });
                        if !is_known {
                            problems.push(error);
                        }
                    }
                }
                Err(error) => return Err(Failure::failed(error.to_string()).into()),
            }
        }
    }
    for name in &unused {
        context.ui.warning(&format!(
            "`{name}` applied to none of the projects that it was tried on: nothing is known of its text"
        ));
    }
    problems.sort_by(|one, other| (&one.path, one.line).cmp(&(&other.path, other.line)));
    let mut out = String::new();
    for problem in &problems {
        out.push_str(&escape_terminal(&format!("{problem}\n")));
    }
    out.push_str(&format!(
        "{} templates, {} problems\n",
        own.len(),
        problems.len()
    ));
    context.ui.result(&out)?;
    Ok(if problems.is_empty() {
        Exit::Yes
    } else {
        Exit::No
    })
}

/// Compares what the templates of a folder give with what their cases expect.
///
/// # Errors
/// Where a case cannot be read, or a template is broken.
pub fn test(dir: &Path, update: bool, context: &Context) -> Result<Exit> {
    let catalog = own_catalog(dir, context)?;
    let (mut count, mut failed, mut out) = (0, 0, String::new());
    for template in own(&catalog) {
        for case in cases(dir, &template.name)? {
            count += 1;
            let place = format!("{}/cases/{case}", template.name);
            let repository = dir.join(&place).join("repository");
            let project = project::detect(&repository)
                .map_err(|error| Failure::usage(format!("{place}: {error}")))?;
            let given = rendered(&catalog, template, &project)
                .map_err(|error| {
                    Failure::failed(format!("{place}: a template is broken\n{error}"))
                })?
                .unwrap_or_default();
            let file = format!("{place}/expected.yml");
            let expected = std::fs::read_to_string(dir.join(&file)).ok();
            if expected.as_deref() == Some(given.as_str()) {
                continue;
            }
            if update {
                fs::write_atomically(dir, &file, &given).map_err(|error| cannot_write(&error))?;
                out.push_str(&format!("{file} is written\n"));
            } else {
                failed += 1;
                let difference = diff::unified(&file, expected.as_deref(), &given);
                out.push_str(&escape_terminal(&difference));
            }
        }
    }
    if count == 0 {
        return Err(Failure::usage(format!("there is no case in {}", dir.display()))
            .hint("a case is a folder TEMPLATE/cases/CASE with the repository in `repository`; --update writes expected.yml")
            .into());
    }
    out.push_str(&format!("{count} cases, {failed} differ\n"));
    context.ui.result(&out)?;
    Ok(if failed == 0 { Exit::Yes } else { Exit::No })
}

fn own(catalog: &Catalog) -> impl Iterator<Item = &Template> {
    catalog
        .templates
        .iter()
        .filter(|template| template.source.is_some())
}

fn cases(dir: &Path, template: &str) -> Result<Vec<String>> {
    let folder = dir.join(template).join("cases");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(&folder)
        .map_err(|error| Failure::failed(format!("cannot read {}: {error}", folder.display())))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| folder.join(name).join("repository").is_dir())
        .collect();
    names.sort();
    Ok(names)
}

/// What a template gives for a project, without its mark; `None` where it does
/// not apply.
fn rendered(
    catalog: &Catalog,
    template: &Template,
    project: &Project,
) -> Result<Option<String>, PlanError> {
    let settings = Settings {
        only: vec![template.name.clone()],
        target: Target::All,
        uptime_urls: vec!["https://example.com/health".to_owned()],
        own_action: OwnAction {
            uses: format!("intowork/ci-action@{}", "0".repeat(40)),
            version: Some("v1.0.0".to_owned()),
        },
        ..Settings::default()
    };
    let plan = plan(catalog, project, &settings, &|_| Current::Missing)?;
    Ok(plan
        .files
        .into_iter()
        .next()
        .filter(|file| file.status.writes())
        .and_then(|file| file.content)
        .map(|text| header::without_mark(&text)))
}

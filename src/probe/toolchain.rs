//! What a job's set-up steps would bring: an environment of Python's own, and the
//! package manager, for a probe alone.

use std::collections::BTreeMap;

use super::cell::{Cell, Ran};
use crate::project::model::Language;
use crate::sys::process::ProcessError;
use crate::workflows::view::Job;

/// Sets up what a job's steps run with, as far as this machine has it. The result is
/// what differs from the runner, in sentences.
///
/// # Errors
/// Where nothing can be started.
pub(super) fn set_up(cell: &Cell, job: &Job) -> Result<Vec<String>, ProcessError> {
    let mut differs = Vec::new();
    match job.language {
        Language::Python => python(cell, job, &mut differs)?,
        Language::Node => node(cell, job, &mut differs)?,
        Language::Go
        | Language::Rust
        | Language::Java
        | Language::Ruby
        | Language::Php
        | Language::Dotnet => {}
    }
    Ok(differs)
}

/// The variables that lead a job's steps to its own tools.
pub(super) fn variables(cell: &Cell, job: &Job) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let path = cell.variable("PATH").unwrap_or_default();
    let bin = cell.bin();
    match job.language {
        Language::Python => {
            let venv = bin.join(&job.id);
            let own = venv.join("bin");
            variables.insert(
                "VIRTUAL_ENV".to_owned(),
                venv.to_string_lossy().into_owned(),
            );
            variables.insert("PATH".to_owned(), format!("{}:{path}", own.display()));
            // uv and poetry make one of their own.
            if job.package_manager.as_deref() != Some("pip") {
                variables.remove("VIRTUAL_ENV");
            }
        }
        Language::Node => {
            let own = bin.join(&job.id).join("node_modules/.bin");
            variables.insert("PATH".to_owned(), format!("{}:{path}", own.display()));
        }
        _ => {}
    }
    variables
}

fn run(cell: &Cell, lines: &str) -> Result<Ran, ProcessError> {
    cell.run(lines, ".", &BTreeMap::new())
}

/// Whether a command works here, and what it says.
fn says(cell: &Cell, command: &str) -> Result<Option<String>, ProcessError> {
    let ran = run(cell, command)?;
    Ok(ran.passed().then(|| ran.output.trim().to_owned()))
}

fn python(cell: &Cell, job: &Job, differs: &mut Vec<String>) -> Result<(), ProcessError> {
    let wanted = job.version.clone().or_else(|| {
        let matrix = job.matrix.as_ref()?;
        matrix.values.last().cloned()
    });
    let short = wanted.as_deref().map(|wanted| {
        let parts: Vec<&str> = wanted.split('.').take(2).collect();
        parts.join(".")
    });
    let exact = short.as_ref().map(|short| format!("python{short}"));
    let mut program = "python3".to_owned();
    if let Some(exact) = exact {
        if says(cell, &format!("{exact} --version"))?.is_some() {
            program = exact;
        } else if let Some(here) = says(cell, "python3 --version")? {
            let wanted = wanted.as_deref().unwrap_or_default();
            if !here.contains(&format!(" {}.", short.as_deref().unwrap_or_default())) {
                differs.push(format!("{here} is here, the workflow takes {wanted}"));
            }
        }
    }
    let venv = cell.bin().join(&job.id);
    let venv = venv.display();
    let mut lines = format!("{program} -m venv '{venv}'\n");
    // `pipx install` in the workflow.
    if let Some(manager) = &job.package_manager
        && ["uv", "poetry", "pdm", "pipenv", "hatch"].contains(&manager.as_str())
    {
        let version = job.package_manager_version.as_ref();
        let version = version.map_or_else(String::new, |version| format!("=={}", clean(version)));
        let has = says(cell, &format!("{manager} --version"))?.is_some();
        if !has || !version.is_empty() {
            lines.push_str(&format!(
                "'{venv}/bin/pip' install --quiet '{manager}{version}'\n"
            ));
        }
    }
    let ran = run(cell, &lines)?;
    if !ran.passed() {
        let last = ran.output.lines().last().unwrap_or("no word").to_owned();
        differs.push(format!("Python could not be set up: {last}"));
    }
    Ok(())
}

fn node(cell: &Cell, job: &Job, differs: &mut Vec<String>) -> Result<(), ProcessError> {
    if let (Some(wanted), Some(here)) = (&job.version, says(cell, "node --version")?) {
        let major = |version: &str| -> String {
            let digits = version.trim_start_matches(['v', '^', '~', '>', '=', ' ']);
            digits.chars().take_while(char::is_ascii_digit).collect()
        };
        if !major(wanted).is_empty() && major(wanted) != major(&here) {
            differs.push(format!(
                "Node.js {here} is here, the workflow takes {wanted}"
            ));
        }
    }
    let (manager, package) = match job.package_manager.as_deref() {
        Some("pnpm") => ("pnpm", "pnpm"),
        Some("yarn") => ("yarn", "yarn"),
        Some("yarn-berry") => ("yarn", "@yarnpkg/cli-dist"),
        Some("bun") => ("bun", "bun"),
        _ => return Ok(()),
    };
    let version = job.package_manager_version.as_deref().map(clean);
    if version.is_none() && says(cell, &format!("{manager} --version"))?.is_some() {
        return Ok(());
    }
    let version =
        version.unwrap_or_else(|| if manager == "pnpm" { "10" } else { "latest" }.to_owned());
    let prefix = cell.bin().join(&job.id);
    let ran = run(
        cell,
        &format!(
            "mkdir -p '{0}'\nnpm install --no-save --no-audit --no-fund --prefix '{0}' '{package}@{version}'\n",
            prefix.display()
        ),
    )?;
    if !ran.passed() {
        let last = ran.output.lines().last().unwrap_or("no word").to_owned();
        differs.push(format!("{manager} could not be set up: {last}"));
    }
    Ok(())
}

/// A version without the hash behind it, and without what a shell would read.
fn clean(version: &str) -> String {
    let version = version.split('+').next().unwrap_or_default();
    let is_of_a_version = |c: &char| c.is_ascii_alphanumeric() || ".-^~*".contains(*c);
    version.chars().filter(is_of_a_version).collect()
}

//! What a job's set-up steps would bring: an environment of Python's own, and the
//! package manager, for a probe alone.

use std::collections::BTreeMap;

use super::cell::{Cell, Ran};
use crate::project::model::Language;
use crate::sys::process::ProcessError;
use crate::workflows::view::Job;

/// What differs from the runner.
#[derive(Debug, Default)]
pub(super) struct Differs {
    /// In sentences.
    pub(super) sentences: Vec<String>,
    /// The version of the language that is here, where it is another than the runner's.
    pub(super) version: Option<String>,
}

/// Sets up what a job's steps run with, as far as this machine has it or gets it.
///
/// # Errors
/// Where nothing can be started.
pub(super) fn set_up(cell: &Cell, job: &Job) -> Result<Differs, ProcessError> {
    let mut differs = Differs::default();
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
        Language::Java => {
            // Java takes the home folder from the list of users, and not from `HOME`.
            let home = cell.variable("HOME").unwrap_or_default();
            for (name, value) in [
                ("MAVEN_USER_HOME", format!("{home}/.m2")),
                ("MAVEN_OPTS", format!("-Duser.home={home}")),
                ("GRADLE_USER_HOME", format!("{home}/.gradle")),
            ] {
                variables.insert(name.to_owned(), value);
            }
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

fn python(cell: &Cell, job: &Job, differs: &mut Differs) -> Result<(), ProcessError> {
    let wanted = job.version.clone().or_else(|| {
        let matrix = job.matrix.as_ref()?;
        matrix.values.last().cloned()
    });
    let short = wanted.as_deref().map(|wanted| {
        let parts: Vec<&str> = wanted.split('.').take(2).collect();
        clean(&parts.join("."))
    });
    let venv = cell.bin().join(&job.id).display().to_string();
    let mut made = format!("python3 -m venv '{venv}'\n");
    if let Some(short) = &short {
        let is_usual = says(cell, "python3 --version")?.is_some_and(|here| is_of(&here, short));
        if is_usual {
            // That one.
        } else if says(cell, &format!("python{short} --version"))?.is_some() {
            made = format!("python{short} -m venv '{venv}'\n");
        } else if run(cell, &fetched(&venv, short))?.passed() {
            made = String::new();
        } else {
            let here = says(cell, "python3 --version")?.unwrap_or_else(|| "no Python".to_owned());
            let version = format!("{here} is here, the workflow takes {short}");
            differs.sentences.push(version.clone());
            differs.version = Some(version);
        }
    }
    let mut lines = made;
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
        let last = ran.output.lines().last().unwrap_or("no word");
        let sentence = format!("Python could not be set up: {last}");
        differs.sentences.push(sentence);
    }
    Ok(())
}

/// Gets a version of Python that is not here, by uv.
fn fetched(venv: &str, version: &str) -> String {
    format!(
        "python3 -m venv '{venv}-uv'\n\
         '{venv}-uv/bin/pip' install --quiet uv\n\
         UV_HTTP_TIMEOUT=20 '{venv}-uv/bin/uv' venv --quiet --seed --python {version} '{venv}'\n"
    )
}

/// Whether what a program says of its version (`Python 3.11.7`) is this one.
fn is_of(said: &str, version: &str) -> bool {
    let here = said.rsplit(' ').next().unwrap_or_default();
    here == version || here.starts_with(&format!("{version}."))
}

fn node(cell: &Cell, job: &Job, differs: &mut Differs) -> Result<(), ProcessError> {
    let major = |version: &str| -> String {
        let digits = version.trim_start_matches(['v', '^', '~', '>', '=', ' ']);
        digits.chars().take_while(char::is_ascii_digit).collect()
    };
    let wanted = job.version.clone().or_else(|| {
        let matrix = job.matrix.as_ref()?;
        matrix.values.last().cloned()
    });
    let wanted = wanted.map(|wanted| major(&wanted)).unwrap_or_default();
    let here = says(cell, "node --version")?.unwrap_or_else(|| "not".to_owned());
    let has_version = wanted.is_empty() || wanted == major(&here);
    let mut packages = Vec::new();
    if !has_version {
        // Node.js as a package of npm: the programs of nodejs.org.
        packages.push(format!("node@{wanted}"));
    }
    let manager = match job.package_manager.as_deref() {
        Some("pnpm") => Some(("pnpm", "pnpm", "10")),
        Some("yarn") => Some(("yarn", "yarn", "1")),
        Some("yarn-berry") => Some(("yarn", "@yarnpkg/cli-dist", "latest")),
        Some("bun") => Some(("bun", "bun", "latest")),
        _ => None,
    };
    if let Some((program, package, usual)) = manager {
        let version = job.package_manager_version.as_deref().map(clean);
        if version.is_some() || says(cell, &format!("{program} --version"))?.is_none() {
            let version = version.unwrap_or_else(|| usual.to_owned());
            packages.push(format!("{package}@{version}"));
        }
    }
    if packages.is_empty() {
        return Ok(());
    }
    let prefix = cell.bin().join(&job.id);
    let ran = run(
        cell,
        &format!(
            "mkdir -p '{0}'\nnpm install --no-save --no-audit --no-fund --prefix '{0}' {1}\n",
            prefix.display(),
            packages.join(" ")
        ),
    )?;
    if !ran.passed() {
        let last = ran.output.lines().last().unwrap_or("no word");
        let sentence = format!("{} could not be set up: {last}", packages.join(", "));
        differs.sentences.push(sentence);
    }
    let program = prefix.join("node_modules/.bin/node");
    let got = says(cell, &format!("'{}' --version", program.display()))?;
    if !has_version && got.is_none_or(|got| major(&got) != wanted) {
        let version = format!("Node.js {here} is here, the workflow takes {wanted}");
        differs.sentences.push(version.clone());
        differs.version = Some(version);
    }
    Ok(())
}

/// A version without the hash behind it, and without what a shell would read.
fn clean(version: &str) -> String {
    let version = version.split('+').next().unwrap_or_default();
    let is_of_a_version = |c: &char| c.is_ascii_alphanumeric() || ".-^~*".contains(*c);
    version.chars().filter(is_of_a_version).collect()
}

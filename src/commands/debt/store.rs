//! The files of debts in a repository.

use std::path::Path;

use anyhow::Result;

use crate::debt::measured::{self, Measured};
use crate::debt::{Debt, FOLDER};
use crate::error::Failure;

/// Reads them all, by name.
///
/// # Errors
/// Where one cannot be read or understood.
pub fn load(root: &Path) -> Result<Vec<Debt>> {
    let Ok(entries) = std::fs::read_dir(root.join(FOLDER)) else {
        return Ok(Vec::new());
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|file| Some(file.strip_suffix(".toml")?.to_owned()))
        .collect();
    names.sort();
    let mut debts = Vec::new();
    for name in names {
        let path = format!("{FOLDER}/{name}.toml");
        let text = std::fs::read_to_string(root.join(&path))
            .map_err(|error| Failure::failed(format!("{path} cannot be read: {error}")))?;
        let debt = Debt::parse(&name, &text).map_err(|error| {
            Failure::usage(error.to_string()).hint("docs/debt.md tells the form")
        })?;
        debts.push(debt);
    }
    Ok(debts)
}

/// Reads what a probe has measured; nothing where there is no file.
///
/// # Errors
/// Where it cannot be read or understood.
pub fn measured(root: &Path) -> Result<Measured> {
    let text = match std::fs::read_to_string(root.join(measured::FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Measured::default());
        }
        Err(error) => {
            let why = format!("{} cannot be read: {error}", measured::FILE);
            return Err(Failure::failed(why).into());
        }
    };
    let measured = Measured::parse(&text);
    Ok(measured
        .map_err(|error| Failure::usage(error.to_string()).hint("docs/debt.md tells the form"))?)
}

//! `setup.py` and `setup.cfg`: read for words, never executed.

use super::manifest::{DEV_GROUPS, Manifests};
use super::requirements::Dependency;
use crate::project::Tree;
use crate::project::model::Evidence;
use crate::project::path;

impl Manifests {
    /// `setup.py` and `setup.cfg` are read for words, not executed.
    pub(super) fn read_setup(&mut self, tree: &Tree, file: &str, extras: &mut Vec<String>) {
        let folder = path::parent(file).to_owned();
        for name in ["setup.cfg", "setup.py"] {
            let path = path::join(&folder, name);
            let Some(text) = tree.text(&path) else {
                continue;
            };
            let mut section = "";
            for (at, line) in text.lines().enumerate() {
                let evidence = Evidence::new(&path, at + 1);
                if name == "setup.cfg" {
                    if line.starts_with('[') {
                        section = "";
                        if line.starts_with("[options.extras_require]") {
                            section = "extras";
                        }
                    } else if line.starts_with("install_requires") {
                        section = "install";
                    } else if section == "extras"
                        && !line.starts_with(char::is_whitespace)
                        && line.contains('=')
                    {
                        let extra = line.split('=').next().unwrap_or_default().trim();
                        if DEV_GROUPS.contains(&extra) {
                            extras.push(extra.to_owned());
                        }
                    } else if let Some(dependency) = Dependency::parse(line, evidence)
                        && line.starts_with(char::is_whitespace)
                    {
                        match section {
                            "install" => self.runtime.push(dependency),
                            "extras" => self.development.push(dependency),
                            _ => {}
                        }
                    }
                    continue;
                }
                if line.contains("install_requires") {
                    section = "install";
                } else if line.contains("extras_require") || line.contains("tests_require") {
                    section = "extras";
                }
                for quoted in quoted(line) {
                    let key = line.trim_start().trim_start_matches(['"', '\'']);
                    let is_key = key.starts_with(&quoted)
                        && key[quoted.len()..]
                            .trim_start_matches(['"', '\''])
                            .trim_start()
                            .starts_with(':');
                    if section == "extras" && is_key {
                        if DEV_GROUPS.contains(&quoted.as_str()) {
                            extras.push(quoted.clone());
                        }
                    } else if let Some(dependency) = Dependency::parse(&quoted, evidence.clone()) {
                        match section {
                            "install" => self.runtime.push(dependency),
                            "extras" => self.development.push(dependency),
                            _ => {}
                        }
                    }
                }
                if line.contains(']') && section == "install" {
                    section = "";
                }
            }
        }
    }
}

/// The value of `key = value` or of the keyword argument `key="value"`.
pub(super) fn setting(line: &str, key: &str) -> Option<String> {
    let at = line.find(key)?;
    let is_word =
        line[..at].ends_with(|c: char| c == '(' || c == ',' || c.is_whitespace()) || at == 0;
    let value = line[at + key.len()..].trim_start().strip_prefix('=')?;
    let value = match quoted(value).into_iter().next() {
        Some(value) => value,
        None => value.trim().to_owned(),
    };
    (is_word && !value.is_empty() && !value.contains(['(', '[', '{'])).then_some(value)
}

/// The texts between quotes in a line of Python.
fn quoted(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find(['"', '\'']) {
        let quote = &rest[start..=start];
        let after = &rest[start + 1..];
        let Some(end) = after.find(quote) else { break };
        found.push(after[..end].to_owned());
        rest = &after[end + 1..];
    }
    found
}

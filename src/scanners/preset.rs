//! Scanners that are described by data.

use super::{Call, Fit, Place, Scanner, matching};
use crate::config::scan::{self, Preset};

/// The presets. Adding one is a file and a line.
pub const PRESETS: [(&str, &str); 11] = [
    ("actionlint", include_str!("presets/actionlint.yml")),
    ("bandit", include_str!("presets/bandit.yml")),
    ("cargo-audit", include_str!("presets/cargo-audit.yml")),
    ("checkov", include_str!("presets/checkov.yml")),
    ("gitleaks", include_str!("presets/gitleaks.yml")),
    ("hadolint", include_str!("presets/hadolint.yml")),
    ("npm-audit", include_str!("presets/npm-audit.yml")),
    ("pip-audit", include_str!("presets/pip-audit.yml")),
    ("semgrep", include_str!("presets/semgrep.yml")),
    ("shellcheck", include_str!("presets/shellcheck.yml")),
    ("zizmor", include_str!("presets/zizmor.yml")),
];

/// One of the presets.
///
/// # Panics
/// Never: a test reads them all.
pub(super) fn known(text: &str) -> Preset {
    scan::preset(text).unwrap_or_else(|error| unreachable!("a preset is read in a test: {error}"))
}

/// A scanner with its description.
#[derive(Debug)]
pub(super) struct Described {
    name: String,
    preset: Preset,
}

impl Described {
    pub(super) fn new(name: &str, preset: Preset) -> Self {
        Self {
            name: name.to_owned(),
            preset,
        }
    }

    fn files<'p>(&self, place: &Place<'p>) -> Vec<&'p str> {
        matching(place.files, &self.preset.files)
    }

    fn call(&self, number: usize, file: Option<&str>, files: &[&str], place: &Place<'_>) -> Call {
        let preset = &self.preset;
        let mut call = Call::new(format!("{}-{number}", self.name), preset.format);
        call.inside = preset.inside;
        call.report = preset.report;
        if let Some(name) = &preset.report_file {
            call.report_file.clone_from(name);
        }
        call.codes.clone_from(&preset.codes);
        call.nothing.clone_from(&preset.nothing);
        let tokens = preset.tokens.iter().chain(&preset.optional_tokens);
        call.tokens = tokens.cloned().collect();
        let folder = file.map_or("", |file| {
            file.rsplit_once('/').map_or("", |(folder, _)| folder)
        });
        folder.clone_into(&mut call.folder);
        // A name that begins with a dash is no option behind a folder.
        let shown = |file: &str| {
            if preset.inside {
                format!("./{file}")
            } else {
                place.root.join(file).display().to_string()
            }
        };
        let path = |path: &std::path::Path| path.display().to_string();
        let (report, private) = (call.report(place), call.private(place));
        let folder = place.root.join(&call.folder);
        let cache = place.cache.join(&self.name);
        if preset
            .command
            .iter()
            .chain(preset.env.values())
            .any(|text| text.contains("{cache}"))
        {
            call.writable.push(cache.clone());
        }
        let fill = |text: &str| {
            let text = text
                .replace("{path}", &path(place.root))
                .replace("{report}", &path(&report))
                .replace("{private}", &path(&private))
                .replace("{cache}", &path(&cache))
                .replace("{folder}", &path(&folder));
            match file {
                Some(file) => text.replace("{file}", &shown(file)),
                None => text,
            }
        };
        for argument in &preset.command[1..] {
            if argument.contains("{files}") {
                let all = files
                    .iter()
                    .map(|file| argument.replace("{files}", &shown(file)));
                call.arguments.extend(all);
            } else {
                call.arguments.push(fill(argument));
            }
        }
        call.variables = preset
            .env
            .iter()
            .map(|(name, value)| (name.clone(), fill(value)))
            .collect();
        call
    }
}

impl Scanner for Described {
    fn name(&self) -> &str {
        &self.name
    }

    fn about(&self) -> &str {
        &self.preset.about
    }

    fn program(&self) -> &str {
        &self.preset.command[0]
    }

    fn get(&self) -> &str {
        &self.preset.get
    }

    fn version(&self) -> Vec<String> {
        let asked = self.preset.version.clone();
        asked.unwrap_or_else(|| vec!["--version".to_owned()])
    }

    fn asks_version(&self) -> bool {
        self.preset.version.is_some()
    }

    fn fits(&self, place: &Place<'_>) -> Fit {
        if !self.preset.files.is_empty() && self.files(place).is_empty() {
            return Fit::No(format!("there is no {}", self.preset.files.join(", ")));
        }
        if self.preset.online && place.offline {
            return Fit::No("it asks a service, and --offline forbids that".to_owned());
        }
        let missing = self
            .preset
            .tokens
            .iter()
            .find(|name| place.env.get(name).is_none());
        match missing {
            Some(name) => Fit::No(format!("{name} is not set")),
            None => Fit::Yes,
        }
    }

    fn calls(&self, place: &Place<'_>) -> Vec<Call> {
        let files = self.files(place);
        let of_each = |text: &String| text.contains("{file}") || text.contains("{folder}");
        if self.preset.command.iter().any(of_each) {
            let each = files.iter().enumerate();
            each.map(|(number, file)| self.call(number, Some(file), &files, place))
                .collect()
        } else {
            vec![self.call(0, None, &files, place)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_read_and_right() {
        for (name, text) in PRESETS {
            let preset = scan::preset(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(preset.check(), Ok(()), "{name}");
            assert!(!preset.about.is_empty() && !preset.get.is_empty(), "{name}");
        }
    }
}

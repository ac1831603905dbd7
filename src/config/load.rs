//! Finds, reads and checks the configuration file.

use std::path::{Path, PathBuf};

use super::model::Config;
use super::suggest::nearest;
use crate::error::SourceError;

/// Where the file is looked for, relative to the repository root.
const PLACES: [&str; 2] = [".github/ci-tool.yml", ".github/ci-tool.yaml"];

/// A configuration has no reason to be larger.
const MAX_BYTES: u64 = 1024 * 1024;

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read the configuration {path}: {why}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It says something that it cannot say.
    #[error("{0}")]
    Invalid(Box<SourceError>),
}

/// A configuration and where it came from.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The file; `None` where there is none.
    pub path: Option<PathBuf>,
    /// What it says, defaults where it says nothing.
    pub config: Config,
}

/// Reads the configuration of the repository at `root`, or the file `given`.
///
/// # Errors
/// Where a given file is missing, or the file cannot be read or understood.
pub fn load(root: &Path, given: Option<&Path>) -> Result<Loaded, ConfigError> {
    let path = match given {
        Some(given) => Some(given.to_owned()),
        None => PLACES
            .iter()
            .map(|place| root.join(place))
            .find(|path| path.exists()),
    };
    let Some(path) = path else {
        return Ok(Loaded::default());
    };
    let unreadable = |why: String| ConfigError::Unreadable {
        path: path.clone(),
        why,
    };
    let metadata = std::fs::metadata(&path).map_err(|error| unreadable(error.to_string()))?;
    if !metadata.is_file() {
        return Err(unreadable("it is not a regular file".to_owned()));
    }
    if metadata.len() > MAX_BYTES {
        return Err(unreadable(format!(
            "it is {} MiB large, the limit is 1 MiB",
            metadata.len() / (1024 * 1024)
        )));
    }
    let bytes = std::fs::read(&path).map_err(|error| unreadable(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        unreadable(format!(
            "it is not UTF-8 at byte {}",
            error.utf8_error().valid_up_to() + 1
        ))
    })?;
    let shown = path
        .strip_prefix(root)
        .unwrap_or(&path)
        .display()
        .to_string();
    let config = parse(&shown, &text).map_err(|error| ConfigError::Invalid(Box::new(error)))?;
    Ok(Loaded {
        path: Some(path),
        config,
    })
}

/// Reads a configuration's text; `path` is how errors call it.
///
/// # Errors
/// At the first thing that is not understood, with its place and the mend.
pub fn parse(path: &str, text: &str) -> Result<Config, SourceError> {
    // A file of comments alone decides nothing.
    let is_empty = text
        .lines()
        .all(|line| matches!(line.trim(), "" | "---") || line.trim_start().starts_with('#'));
    if is_empty {
        return Ok(Config::default());
    }
    let config: Config = serde_yaml::from_str(text).map_err(|error| explain(path, text, &error))?;
    check(path, text, &config)?;
    Ok(config)
}

/// What types cannot say.
fn check(path: &str, text: &str, config: &Config) -> Result<(), SourceError> {
    let at = |key: &str, message: String, help: &str| {
        let (line, column) = place_of(text, key);
        Err(SourceError::new(path, text, line, column, message)
            .width(key.chars().count())
            .help(help))
    };
    if let Some(minutes) = config.generate.timeout_minutes
        && !(1..=360).contains(&minutes)
    {
        return at(
            "timeout-minutes",
            format!("`timeout-minutes` is {minutes}"),
            "GitHub allows 1 to 360",
        );
    }
    for correction in config.detect.components.values() {
        for (name, value) in &correction.env {
            if value.contains("${{") {
                return at(
                    name,
                    format!("the value of `{name}` contains a GitHub expression"),
                    "values here are plain text that everybody can read; a secret belongs to a workflow of your own",
                );
            }
        }
    }
    if let Some(action) = &config.generate.action {
        let commit = action.rsplit_once('@').map_or("", |(_, commit)| commit);
        if commit.len() != 40 || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return at(
                "action",
                format!("`{action}` is not pinned to a commit"),
                "write owner/name@ followed by the full commit id of 40 digits",
            );
        }
    }
    Ok(())
}

/// The place of a key by its text: good enough to point at a value that serde
/// accepted.
fn place_of(text: &str, key: &str) -> (usize, usize) {
    text.lines()
        .enumerate()
        .find(|(_, line)| {
            line.trim_start()
                .strip_prefix(key)
                .is_some_and(|rest| rest.trim_start().starts_with(':'))
        })
        .map_or((1, 1), |(at, line)| {
            (at + 1, line.len() - line.trim_start().len() + 1)
        })
}

/// Says what serde found in our words: at which place, and what was meant.
fn explain(path: &str, text: &str, error: &serde_yaml::Error) -> SourceError {
    let full = error.to_string();
    let (line, column) = error
        .location()
        .map_or((1, 1), |place| (place.line(), place.column()));
    // The place is drawn, so it need not stand in the sentence.
    let message = full.split(" at line ").next().unwrap_or(&full).to_owned();
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let unknown = message.contains("unknown field") || message.contains("unknown variant");
    if !unknown || quoted.is_empty() {
        return SourceError::new(path, text, line, column, message);
    }
    let (typed, known) = (quoted[0], &quoted[1..]);
    let (line, column) = find_word(text, typed, line).unwrap_or((line, column));
    let what = if message.contains("unknown field") {
        "unknown key"
    } else {
        "unknown value"
    };
    let mut list = known
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ");
    if let Some(meant) = nearest(typed, known) {
        list = format!("did you mean `{meant}`? known here: {list}");
    } else {
        list = format!("known here: {list}");
    }
    SourceError::new(path, text, line, column, format!("{what} `{typed}`"))
        .width(typed.chars().count())
        .help(list)
}

/// The word's place at the reported line or, since serde may report the start of
/// the mapping around it, after it.
fn find_word(text: &str, word: &str, from: usize) -> Option<(usize, usize)> {
    text.lines()
        .enumerate()
        .skip(from.saturating_sub(1))
        .find_map(|(at, line)| {
            let byte = line.find(word)?;
            Some((at + 1, line[..byte].chars().count() + 1))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> SourceError {
        parse(".github/ci-tool.yml", text).expect_err("it is wrong")
    }

    #[test]
    fn unknown_keys_name_the_nearest_known_one_and_the_place() {
        let error = error("# why\ngenerate:\n  defualt-branch: main\n");
        assert_eq!((error.line, error.column), (3, 3));
        let text = error.to_string();
        assert!(text.contains("did you mean `default-branch`?"), "{text}");
        assert!(text.contains(".github/ci-tool.yml:3:3"), "{text}");
        assert!(text.contains("  defualt-branch: main"), "{text}");
    }

    #[test]
    fn every_kind_of_mistake_has_a_place() {
        for (text, line, word) in [
            ("genrate: {}\n", 1, "did you mean `generate`"),
            ("generate:\n  timeout-minutes: soon\n", 2, "invalid type"),
            ("generate:\n  timeout-minutes: 0\n", 2, "1 to 360"),
            (
                "generate:\n  action: intowork/ci-action@v1\n",
                2,
                "full commit",
            ),
            ("generate:\n  only: [a\n", 2, ""),
            (
                "detect:\n  components:\n    api:\n      role: backned\n",
                4,
                "did you mean `backend`",
            ),
            (
                "detect:\n  components:\n    api:\n      rolle: backend\n",
                4,
                "did you mean `role`",
            ),
            ("generate:\n  runner: a\n  runner: b\n", 1, "duplicate"),
            ("- a\n", 1, "invalid type"),
            (
                "detect:\n  components:\n    api:\n      env:\n        KEY: ${{ secrets.KEY }}\n",
                5,
                "GitHub expression",
            ),
        ] {
            let error = error(text);
            let shown = error.to_string();
            assert!(shown.contains(word), "{text}: {shown}");
            assert!(
                error.line >= line && error.line <= line + 2,
                "{text}: {shown}"
            );
        }
    }

    #[test]
    fn a_file_of_comments_decides_nothing() {
        assert_eq!(
            parse("x", "# nothing\n---\n").expect("valid"),
            Config::default()
        );
        assert_eq!(parse("x", "").expect("valid"), Config::default());
    }

    #[test]
    fn files_that_cannot_be_read_say_why() {
        let root = tempfile::tempdir().expect("temporary folder");
        let path = root.path().join("c.yml");
        let message = |path: &Path| {
            load(root.path(), Some(path))
                .expect_err("unreadable")
                .to_string()
        };
        assert!(message(&path).contains("c.yml"));
        std::fs::write(&path, b"a: \xff").expect("written");
        assert!(message(&path).contains("not UTF-8 at byte 4"));
        std::fs::File::create(&path)
            .and_then(|file| file.set_len(1 << 30))
            .expect("created");
        assert!(message(&path).contains("1024 MiB"));
        assert!(message(root.path()).contains("not a regular file"));
    }
}

//! Finds, reads and checks the configuration file.

use std::path::{Path, PathBuf};

use super::model::{Config, JobRules, TemplateSource};
use super::suggest::nearest;
use crate::error::SourceError;

/// Where the file is looked for, relative to the repository root.
const PLACES: [&str; 2] = [USUAL_PLACE, ".github/ci-tool.yaml"];

/// Where the configuration is, below the repository's root.
pub const USUAL_PLACE: &str = ".github/ci-tool.yml";

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
    /// Its text.
    pub text: String,
}

impl Loaded {
    /// The line of a key, 1 where it is not found.
    pub fn line_of(&self, keys: &[&str]) -> usize {
        place_of(&self.text, keys).0
    }
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
            // A link that leads nowhere is a mistake to tell, not a missing file.
            .find(|path| path.symlink_metadata().is_ok()),
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
        text,
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
    let at = |keys: &[&str], message: String, help: &str| {
        let (line, column, width) = place_of(text, keys);
        Err(SourceError::new(path, text, line, column, message)
            .width(width)
            .help(help))
    };
    if let Some(minutes) = config.generate.timeout_minutes
        && !(1..=360).contains(&minutes)
    {
        return at(
            &["generate", "timeout-minutes"],
            format!("`timeout-minutes` is {minutes}"),
            "GitHub allows 1 to 360",
        );
    }
    for (root, correction) in &config.detect.components {
        for (name, value) in &correction.env {
            if value.contains("${{") {
                return at(
                    &["detect", "components", root, "env", name],
                    format!("the value of `{name}` contains a GitHub expression"),
                    "values here are plain text that everybody can read; a secret belongs to a workflow of your own",
                );
            }
        }
    }
    for (key, patterns) in [
        ("allow", &config.pins.allow),
        ("ignore", &config.pins.ignore),
    ] {
        if let Some(wrong) = patterns.iter().find(|pattern| !is_action_pattern(pattern)) {
            return at(
                &["pins", key],
                format!("`{wrong}` names no action"),
                "write `owner/name`, or `owner/*` for all of an owner",
            );
        }
    }
    let plain = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-+/".contains(c))
    };
    if let Some(action) = &config.generate.action {
        let (name, commit) = action.rsplit_once('@').unwrap_or((action, ""));
        let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_commit || !plain(name) || !name.contains('/') {
            return at(
                &["generate", "action"],
                format!("`{action}` is not pinned to a commit"),
                "write owner/name@ followed by the full commit id of 40 digits",
            );
        }
    }
    if let Some(version) = &config.generate.action_version
        && !plain(version)
    {
        return at(
            &["generate", "action-version"],
            format!("{version:?} is no name of a release"),
            "write a tag such as v1.2.3",
        );
    }
    if let Some(file) = &config.generate.gitlab.file {
        let is_inside = file
            .split('/')
            .all(|part| !part.is_empty() && !["..", ".", ".git", ".github"].contains(&part));
        if !is_inside || !plain(file) || !(file.ends_with(".yml") || file.ends_with(".yaml")) {
            return at(
                &["generate", "gitlab", "file"],
                format!("{file:?} is no place for a pipeline"),
                "write a path from the repository's root such as .gitlab/ci-tool.yml",
            );
        }
    }
    if let Some(image) = &config.generate.gitlab.image {
        let (name, digest) = image.rsplit_once("@sha256:").unwrap_or((image, ""));
        let is_digest = digest.len() == 64
            && digest
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        let is_name = name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name
                .chars()
                .all(|c| plain(c.encode_utf8(&mut [0; 4])) || c == ':');
        if !is_digest || !is_name {
            return at(
                &["generate", "gitlab", "image"],
                format!("{image:?} is not pinned to a digest"),
                "write name:tag@sha256: followed by the digest of 64 digits",
            );
        }
    }
    if let Some(tag) = config
        .generate
        .gitlab
        .tags
        .iter()
        .find(|tag| tag.is_empty() || tag.contains(|c: char| c.is_control() || c == ','))
    {
        return at(
            &["generate", "gitlab", "tags"],
            format!("{tag:?} is no tag of a runner"),
            "write one tag an item: [linux, docker]",
        );
    }
    for (pattern, rules) in &config.generate.jobs {
        let keys = ["generate", "jobs", pattern];
        if globset::Glob::new(pattern).is_err() {
            return at(
                &keys,
                format!("{pattern:?} is no glob"),
                "write `*`, a job, or TEMPLATE/JOB",
            );
        }
        if *rules == JobRules::default() {
            return at(
                &keys,
                format!("`{pattern}` asks for nothing"),
                "known are runner, timeout-minutes, env, permissions, cache and steps",
            );
        }
        if rules
            .timeout_minutes
            .is_some_and(|minutes| !(1..=360).contains(&minutes))
        {
            let keys = ["generate", "jobs", pattern, "timeout-minutes"];
            return at(
                &keys,
                "`timeout-minutes` is out of range".to_owned(),
                "GitHub allows 1 to 360",
            );
        }
        if let Some(wrong) = rules
            .permissions
            .values()
            .find(|value| !["read", "write", "none"].contains(&value.as_str()))
        {
            let keys = ["generate", "jobs", pattern, "permissions"];
            return at(
                &keys,
                format!("`{wrong}` is no access"),
                "write read, write or none",
            );
        }
    }
    for source in &config.generate.templates {
        let TemplateSource::Git(source) = source else {
            continue;
        };
        let is_commit =
            source.commit.len() == 40 && source.commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_commit {
            return at(
                &["generate", "templates"],
                format!("{:?} is no full commit id", source.commit),
                "a branch or a tag may change: `git ls-remote ADDRESS` shows the commit of 40 digits that it names now",
            );
        }
    }
    if let Err((number, error)) = crate::policy::Policy::new(&config.gate) {
        return at(
            &["gate", "rules"],
            format!("rule {}: `{}`: {error}", number + 1, error.key),
            "docs/gate.md of ci-tool lists what a rule can ask",
        );
    }
    for (number, entry) in config.gate.suppressions.entries.iter().enumerate() {
        if let Err((key, why)) = crate::policy::Suppression::own(entry, path, 1) {
            return at(
                &["gate", "suppressions", "entries"],
                format!("entry {}: `{key}`: {why}", number + 1),
                "docs/suppressions.md of ci-tool says what an entry is",
            );
        }
    }
    for (name, preset) in &config.scan.scanners {
        if let Err(why) = preset.check() {
            return at(
                &["scan", "scanners", name],
                why,
                "docs/scan.md of ci-tool says how a scanner is described",
            );
        }
    }
    if let Some((keys, why)) = config.deploy.wrong() {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        return at(
            &[&["deploy"], &keys[..]].concat(),
            why,
            "docs/deploy.md of ci-tool says what can stand here",
        );
    }
    if let Some((key, why)) = config.sync.wrong() {
        return at(
            &["sync", key],
            why,
            "docs/sync.md of ci-tool says what can stand here; a token belongs to a secret variable",
        );
    }
    let is_address = |url: &str| {
        let host = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"));
        host.is_some_and(|host| host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['))
            && url.bytes().all(|byte| byte.is_ascii_graphic())
            && !url.contains(['`', '"', '\'', '\\', '$', '{', '}'])
    };
    if let Some(url) = config
        .generate
        .uptime
        .urls
        .iter()
        .find(|url| !is_address(url))
    {
        return at(
            &["generate", "uptime", "urls"],
            format!("{url:?} is no address"),
            "write one such as https://api.example.com/health",
        );
    }
    Ok(())
}

/// `owner/name` or `owner/*`.
fn is_action_pattern(pattern: &str) -> bool {
    let is_name = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    pattern
        .split_once('/')
        .is_some_and(|(owner, name)| is_name(owner) && (name == "*" || is_name(name)))
}

/// A key at the start of a line: line and column from 1, and the key.
fn keys(text: &str) -> impl Iterator<Item = (usize, usize, &str)> {
    text.lines().enumerate().filter_map(|(at, line)| {
        let start = line.trim_start();
        let (key, _) = start.split_once(':')?;
        let key = key.trim_end().trim_matches(['"', '\'']);
        (!start.starts_with('#')).then_some((at + 1, line.len() - start.len() + 1, key))
    })
}

/// The place and width of a key, named by its path. Good enough to point at a
/// value that serde accepted: in flow style it is the nearest key around it.
fn place_of(text: &str, path: &[&str]) -> (usize, usize, usize) {
    let (mut place, mut rest, mut inside) = ((1, 0, 1), path, None);
    for (line, column, key) in keys(text) {
        if rest.is_empty() || column <= place.1 {
            break;
        }
        // Keys deeper than the first one belong to its neighbours' values.
        if column == *inside.get_or_insert(column) && key == rest[0] {
            (place, rest, inside) = ((line, column, key.chars().count()), &rest[1..], None);
        }
    }
    (place.0, place.1.max(1), place.2)
}

/// Where a key stands for the second time in the mapping that starts at `from`.
fn second_place(text: &str, key: &str, from: usize) -> Option<(usize, usize)> {
    let mut first = None;
    for (line, column, found) in keys(text).filter(|(line, ..)| *line >= from) {
        match first {
            None if found == key => first = Some(column),
            Some(indent) if column < indent => return None,
            Some(indent) if found == key && column == indent => return Some((line, column)),
            _ => {}
        }
    }
    None
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
    if message.contains("duplicate field")
        && let [key] = quoted[..]
    {
        // serde reports where the mapping starts.
        let (line, column) = second_place(text, key, line).unwrap_or((line, column));
        return SourceError::new(path, text, line, column, format!("`{key}` is here twice"))
            .width(key.chars().count());
    }
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
            ("generate:\n  only: [a\n", 3, "did not find expected"),
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
            (
                "generate:\n  runner: a\n  only: []\n  runner: b\n",
                4,
                "here twice",
            ),
            (
                "detect:\n  components:\n    api:\n      name: a\n    web: {}\n    api:\n      name: b\n",
                6,
                "`api` is here twice",
            ),
            (
                "detect:\n  components:\n    api:\n      env:\n        A: x\n        A: y\n",
                6,
                "`A` is here twice",
            ),
            (
                "detect:\n  components:\n    api:\n      env:\n        timeout-minutes: x\ngenerate:\n  timeout-minutes: 0\n",
                7,
                "1 to 360",
            ),
            (
                "detect:\n  components:\n    generate:\n      env:\n        timeout-minutes: x\ngenerate:\n  timeout-minutes: 0\n",
                7,
                "1 to 360",
            ),
            ("generate: {timeout-minutes: 0}\n", 1, "1 to 360"),
            (
                "generate:\n  action-version: \"v1\\n      - run: x\"\n",
                2,
                "no name of a release",
            ),
            (
                "generate:\n  action: \"a/b\\n- run: x #@0123456789abcdef0123456789abcdef01234567\"\n",
                2,
                "full commit",
            ),
            (
                "pins:\n  allow: [actions/*]\n  ignore: [x]\n",
                3,
                "names no action",
            ),
            ("pins:\n  allow: [\"*/checkout\"]\n", 2, "names no action"),
            (
                "pins:\n  cooldown-day: 3\n",
                2,
                "did you mean `cooldown-days`",
            ),
            (
                "generate:\n  gitlab:\n    image: ci-tool:latest\n",
                3,
                "not pinned to a digest",
            ),
            (
                "generate:\n  gitlab:\n    file: ../x.yml\n",
                3,
                "no place for a pipeline",
            ),
            (
                "generate:\n  gitlab:\n    file: .github/workflows/x.yml\n",
                3,
                "no place for a pipeline",
            ),
            (
                "generate:\n  gitlab:\n    tags: [\"a,b\"]\n",
                3,
                "no tag of a runner",
            ),
            (
                "generate:\n  jobs:\n    \"*\":\n      timeout-minutes: 0\n",
                4,
                "out of range",
            ),
            ("generate:\n  jobs:\n    api: {}\n", 3, "asks for nothing"),
            (
                "generate:\n  jobs:\n    api:\n      steps:\n        first:\n          - name: x\n",
                6,
                "either `run` or `uses`",
            ),
            (
                "generate:\n  jobs:\n    api:\n      permissions:\n        contents: all\n",
                4,
                "no access",
            ),
            (
                "generate:\n  templates:\n    - git: https://example.com/x\n      commit: main\n",
                2,
                "no full commit",
            ),
            (
                "generate:\n  uptime:\n    urls: [\"https://${{ github.token }}\"]\n",
                3,
                "no address",
            ),
            ("generate:\n  target: gitlabb\n", 2, "did you mean `gitlab`"),
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
            assert!(error.line == line, "{text}: {shown}");
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
        #[cfg(unix)]
        {
            std::fs::create_dir(root.path().join(".github")).expect("created");
            std::os::unix::fs::symlink("nowhere", root.path().join(PLACES[0])).expect("linked");
            load(root.path(), None).expect_err("a link that leads nowhere");
        }
    }
}

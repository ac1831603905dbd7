//! What is wrong with a pin, as far as the file and our own table tell.

use schemars::JsonSchema;
use serde::Serialize;

use super::{ActionPattern, Reference, Repository, TagVersion, Target, Use};
use crate::workflows::actions::{ACTIONS, Action};

/// Runtimes that GitHub's runners do not have any more.
const REMOVED_RUNTIMES: [&str; 2] = ["node12", "node16"];

/// Something about a pin that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// Whether it makes the check fail.
    pub fails: bool,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// The kinds of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `uses:` says nothing that GitHub takes.
    Malformed,
    /// A tag or a branch: whoever can move it decides what runs.
    Unpinned,
    /// A container image without its digest.
    UnpinnedImage,
    /// The start of a commit id, which GitHub does not take for a commit.
    ShortCommit,
    /// No comment says which release the commit is.
    NoComment,
    /// Commit and comment contradict the table of known releases.
    Contradiction,
    /// The action needs a runtime that runners do not have any more.
    RemovedRuntime,
    /// The table of known actions has a newer release.
    Outdated,
    /// The tag of the comment points to another commit today.
    MovedTag,
    /// The commit is another tag, or the tag does not exist.
    WrongComment,
    /// The commit is in none of the repository's branches and tags.
    Impostor,
    /// The repository knows no such commit.
    NoSuchCommit,
    /// There is no such repository.
    NoSuchRepository,
    /// The repository has another name today.
    Renamed,
    /// The repository is archived.
    Archived,
    /// The id is that of an annotated tag and not of its commit.
    TagObject,
}

impl Finding {
    /// A finding; its kind decides whether it makes the check fail.
    pub fn new(kind: Kind, message: impl Into<String>, help: impl Into<String>) -> Self {
        let is_hint = matches!(kind, Kind::Outdated | Kind::Archived | Kind::TagObject);
        Self {
            kind,
            fails: !is_hint,
            message: message.into(),
            help: help.into(),
        }
    }
}

/// The entry of our table for an action, where it has one.
pub fn known(repository: &Repository) -> Option<&'static Action> {
    let slug = repository.slug().to_ascii_lowercase();
    ACTIONS
        .iter()
        .find(|(name, _)| name.to_ascii_lowercase() == slug)
        .map(|(_, action)| action)
}

/// What is wrong with a use, without asking anybody. `allowed` may stay on tags.
///
/// This cannot see whether a commit belongs to the repository at all.
pub fn offline(found: &Use, allowed: &[ActionPattern]) -> Vec<Finding> {
    match &found.target {
        Target::Local => Vec::new(),
        Target::Image { has_digest: true } => Vec::new(),
        Target::Image { has_digest: false } => vec![Finding::new(
            Kind::UnpinnedImage,
            "the image is not named by its digest",
            "append `@sha256:` and the digest that `docker buildx imagetools inspect IMAGE` prints",
        )],
        Target::Malformed(why) => vec![Finding::new(
            Kind::Malformed,
            *why,
            "write `owner/name@` and a full commit id",
        )],
        Target::Repository(repository) => {
            let is_allowed = allowed
                .iter()
                .any(|pattern| pattern.matches(&repository.slug()));
            of_repository(repository, found.claim(), is_allowed)
        }
    }
}

fn of_repository(repository: &Repository, claim: Option<&str>, is_allowed: bool) -> Vec<Finding> {
    let known = known(repository);
    let mut findings = Vec::new();
    match &repository.reference {
        Reference::Tag(_) if is_allowed => {}
        Reference::Tag(tag) => findings.push(Finding::new(
            Kind::Unpinned,
            format!("`{tag}` is a tag, and tags can be moved"),
            match known {
                Some(action) => format!(
                    "`ci-tool pins update` pins it; {} is {}",
                    action.version, action.commit
                ),
                None => "`ci-tool pins update` pins it to the commit of a release".to_owned(),
            },
        )),
        Reference::Name(name) => findings.push(Finding::new(
            Kind::Unpinned,
            format!("`{name}` is a branch or a tag without a version, and both can be moved"),
            "name a release, then `ci-tool pins update` pins it to its commit",
        )),
        Reference::ShortCommit(id) => findings.push(Finding::new(
            Kind::ShortCommit,
            format!("`{id}` is no full commit id: GitHub refuses it, or finds a tag of that name"),
            "write all 40 digits of the commit id",
        )),
        Reference::Commit(_) if claim.is_none() => findings.push(Finding::new(
            Kind::NoComment,
            "no comment says which release this commit is",
            "`ci-tool pins update` writes the tag behind it",
        )),
        Reference::Commit(_) => {}
    }
    if let Some(action) = known {
        findings.extend(against_table(repository, claim, action));
    }
    findings
}

fn against_table(repository: &Repository, claim: Option<&str>, action: &Action) -> Option<Finding> {
    let commit = match &repository.reference {
        Reference::Commit(commit) => Some(commit.as_str()),
        _ => None,
    };
    let named = match &repository.reference {
        Reference::Tag(tag) => Some(tag.as_str()),
        _ => claim,
    };
    let table = TagVersion::parse(&action.version)?;
    let named_version = TagVersion::parse(named.unwrap_or_default());
    let has_tables_commit = commit == Some(action.commit.as_str());
    let slug = repository.slug();
    match (&named_version, commit) {
        (Some(claimed), Some(_)) if has_tables_commit && !claimed.covers(&table) => {
            return Some(Finding::new(
                Kind::Contradiction,
                format!(
                    "the comment says `{}`, and this commit of {slug} is {}",
                    named.unwrap_or_default(),
                    action.version
                ),
                format!("write `# {}`", action.version),
            ));
        }
        (Some(claimed), Some(_))
            if !has_tables_commit && claimed.version == table.version && claimed.parts == 3 =>
        {
            return Some(Finding::new(
                Kind::Contradiction,
                format!(
                    "the comment says `{}`, and {} of {slug} is {}",
                    named.unwrap_or_default(),
                    action.version,
                    action.commit
                ),
                "do not run it before you know whose commit this is: `ci-tool pins check --online`",
            ));
        }
        _ => {}
    }
    if REMOVED_RUNTIMES.contains(&action.runtime.as_str()) {
        return Some(Finding::new(
            Kind::RemovedRuntime,
            format!(
                "{slug} runs on {}, which GitHub's runners do not have any more",
                action.runtime
            ),
            "use another action: the newest release that is known does not run",
        ));
    }
    let is_older = named_version.is_some_and(|named| {
        named.prefix == table.prefix && named.version < table.version && !named.covers(&table)
    });
    is_older.then(|| {
        Finding::new(
            Kind::Outdated,
            format!("{} is known", action.version),
            "`ci-tool pins update` raises it; `--major` crosses major versions",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;

    fn kinds(uses: &str) -> Vec<Kind> {
        let text = format!("jobs:\n  a:\n    steps:\n      - uses: {uses}\n");
        let found = find("x.yml", &text).expect("valid");
        let allowed = [ActionPattern::new("mine/*")];
        offline(&found[0], &allowed)
            .into_iter()
            .map(|finding| finding.kind)
            .collect()
    }

    #[test]
    fn pins_are_judged_by_the_file_and_the_table() {
        let (name, action) = ACTIONS
            .iter()
            .find(|(name, _)| *name == "actions/checkout")
            .expect("the table has it");
        let other = "0123456789abcdef0123456789abcdef01234567";
        let (commit, version) = (&action.commit, &action.version);
        let major = version.split('.').next().expect("a number");
        for (uses, expected) in [
            (format!("{name}@{commit} # {version}"), vec![]),
            (format!("{name}@{commit} # {major}"), vec![]),
            (
                format!("{name}@{commit} # v1.2.3"),
                vec![Kind::Contradiction],
            ),
            (
                format!("{name}@{other} # {version}"),
                vec![Kind::Contradiction],
            ),
            (format!("{name}@{other} # v1.2.3"), vec![Kind::Outdated]),
            (format!("{name}@{other} # v99.0.0"), vec![]),
            (format!("{name}@{commit}"), vec![Kind::NoComment]),
            (format!("{name}@v1"), vec![Kind::Unpinned, Kind::Outdated]),
            (format!("Actions/Checkout@{major}"), vec![Kind::Unpinned]),
            ("some/action@main".to_owned(), vec![Kind::Unpinned]),
            ("mine/action@v1".to_owned(), vec![]),
            ("mine/action@main".to_owned(), vec![Kind::Unpinned]),
            ("some/action@0a1b2c3".to_owned(), vec![Kind::ShortCommit]),
            ("./here".to_owned(), vec![]),
            ("docker://alpine:3".to_owned(), vec![Kind::UnpinnedImage]),
            (
                format!("docker://alpine@sha256:{other}{}", &other[..24]),
                vec![],
            ),
            ("some/action".to_owned(), vec![Kind::Malformed]),
        ] {
            assert_eq!(kinds(&uses), expected, "{uses}");
        }
    }

    #[test]
    fn removed_runtimes_and_contradictions_are_told_with_their_mend() {
        let text = "jobs:\n  a:\n    steps:\n      - uses: old/action@v1 # v1\n";
        let found = find("x.yml", text).expect("valid");
        let action = Action {
            version: "v1.0.0".to_owned(),
            commit: String::new(),
            runtime: "node16".to_owned(),
            inputs: Vec::new(),
            required: Vec::new(),
        };
        let repository = found[0].repository().expect("a repository");
        let finding = against_table(repository, Some("v1"), &action).expect("it cannot run");
        assert_eq!(finding.kind, Kind::RemovedRuntime);
        assert!(finding.fails && finding.message.contains("node16"));
    }
}

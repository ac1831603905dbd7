//! The actions that workflows use: found in the text, judged, and brought up to
//! date in place.
//!
//! Everything here is pure: what GitHub knows is handed in by the command.

pub mod check;
mod comment;
mod edit;
pub mod online;
pub mod update;
mod version;

use std::fmt;
use std::ops::Range;

use crate::error::SourceError;
use crate::project::document::{self, Node, Syntax};

pub use comment::{Claim, Comment};
pub use edit::{Edit, NotEditable, apply};
pub use version::TagVersion;

/// One `uses:` of a workflow or of a composite action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What stands behind `uses:`.
    pub text: String,
    /// What it refers to.
    pub target: Target,
    /// The comment behind it.
    pub comment: Option<Comment>,
    /// Where an edit has to happen.
    spot: Option<Spot>,
}

/// Where the parts of a use stand in the file, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Spot {
    /// The reference behind `@`; empty at the value's end where there is none.
    reference: Range<usize>,
    /// Where a comment ends, or can be added. `None` where the line belongs to
    /// another use.
    line_end: Option<usize>,
}

/// What a `uses:` refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A file of the same repository: it comes with the checkout.
    Local,
    /// A container image.
    Image {
        /// Whether it is named by its digest.
        has_digest: bool,
    },
    /// An action or a reusable workflow of a repository.
    Repository(Repository),
    /// Nothing that GitHub takes.
    Malformed(&'static str),
}

/// An action or a reusable workflow of a repository, at a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// The account that owns it.
    pub owner: String,
    /// The repository's name.
    pub name: String,
    /// The folder or file in it.
    pub path: Option<String>,
    /// What stands behind `@`.
    pub reference: Reference,
}

/// What stands behind `@`, as far as its form tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A full commit id.
    Commit(String),
    /// Perhaps the start of a commit id.
    ShortCommit(String),
    /// A name that looks like a version.
    Tag(String),
    /// Any other name: mostly a branch.
    Name(String),
}

impl Repository {
    /// `owner/name`.
    pub fn slug(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

impl Reference {
    fn read(text: &str) -> Self {
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let owned = text.to_owned();
        if super::is_full_commit(text) {
            // GitHub writes them in small letters, and takes both.
            Self::Commit(text.to_ascii_lowercase())
        } else if is_hex
            && (7..40).contains(&text.len())
            && text.contains(|c: char| c.is_ascii_alphabetic())
            && text.contains(|c: char| c.is_ascii_digit())
        {
            Self::ShortCommit(owned)
        } else if TagVersion::parse(text).is_some() {
            Self::Tag(owned)
        } else {
            Self::Name(owned)
        }
    }

    /// The reference as it is written.
    pub fn text(&self) -> &str {
        match self {
            Self::Commit(text) | Self::ShortCommit(text) | Self::Tag(text) | Self::Name(text) => {
                text
            }
        }
    }

    /// The kind in one word, for JSON and tables.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Commit(_) => "commit",
            Self::ShortCommit(_) => "short-commit",
            Self::Tag(_) => "tag",
            Self::Name(_) => "name",
        }
    }
}

impl Target {
    fn read(text: &str) -> Self {
        if text.contains("${{") {
            return Self::Malformed("GitHub takes no expression in `uses`");
        }
        // `$/` is the repository that the file itself came from, at its commit.
        if ["./", "../", "$/"]
            .iter()
            .any(|start| text.starts_with(start))
            || text == "."
        {
            return Self::Local;
        }
        if let Some(image) = text.strip_prefix("docker://") {
            let has_digest = image.split_once("@sha256:").is_some_and(|(_, digest)| {
                digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
            });
            return Self::Image { has_digest };
        }
        let Some((action, reference)) = text.split_once('@') else {
            return Self::Malformed("the reference behind `@` is missing");
        };
        let mut parts = action.splitn(3, '/');
        let (Some(owner), Some(name)) = (parts.next(), parts.next()) else {
            return Self::Malformed("it is no `owner/name@reference`");
        };
        let is_name = |text: &str| {
            text.chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
                && !matches!(text, "" | "." | "..")
        };
        let is_reference = !reference.is_empty()
            && reference
                .chars()
                .all(|c| !c.is_whitespace() && !c.is_control() && !"~^:?*[\\".contains(c))
            && !reference.contains("..");
        if !is_name(owner) || !is_name(name) || !is_reference {
            return Self::Malformed("it is no `owner/name@reference`");
        }
        Self::Repository(Repository {
            owner: owner.to_owned(),
            name: name.to_owned(),
            path: parts.next().map(str::to_owned),
            reference: Reference::read(reference),
        })
    }
}

impl Use {
    /// The action or workflow of a repository that it refers to.
    pub const fn repository(&self) -> Option<&Repository> {
        match &self.target {
            Target::Repository(repository) => Some(repository),
            _ => None,
        }
    }

    /// The tag that the comment claims.
    pub fn claim(&self) -> Option<&str> {
        Some(self.comment.as_ref()?.claim.as_ref()?.tag.as_str())
    }
}

/// A pattern of the configuration: `owner/name`, or `owner/*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionPattern(String);

impl ActionPattern {
    /// A pattern that the configuration's check let through.
    pub fn new(text: &str) -> Self {
        Self(text.to_ascii_lowercase())
    }

    /// Whether it covers a repository; GitHub's names know no upper case.
    pub fn matches(&self, slug: &str) -> bool {
        let slug = slug.to_ascii_lowercase();
        match self.0.strip_suffix('*') {
            Some(owner) => slug.starts_with(owner),
            None => slug == self.0,
        }
    }
}

impl fmt::Display for ActionPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Every `uses:` of a workflow or of an action, in the order of the text.
/// `path` is how errors call the file.
///
/// # Errors
/// Where the text is no YAML.
pub fn find(path: &str, text: &str) -> Result<Vec<Use>, SourceError> {
    let root = document::parse(text, Syntax::Yaml).map_err(|error| {
        SourceError::new(path, text, error.line, error.column, &error.message)
            .help("it is not valid YAML; `actionlint` tells more")
    })?;
    let mut nodes: Vec<&Node> = Vec::new();
    for job in root.get("jobs").map(Node::entries).unwrap_or_default() {
        nodes.extend(job.node.get("uses"));
        nodes.extend(steps(&job.node));
    }
    nodes.extend(root.get("runs").into_iter().flat_map(steps));
    // What stands behind an anchor is one place, however often it is used.
    nodes.sort_by_key(|node| node.span.start);
    nodes.dedup_by_key(|node| node.span.clone());
    let mut uses: Vec<Use> = nodes
        .into_iter()
        .filter_map(|node| Some(read(text, node, node.str()?.trim())))
        .collect();
    // A comment belongs to the last use of its line.
    for at in 1..uses.len() {
        if uses[at - 1].line == uses[at].line {
            let earlier = &mut uses[at - 1];
            earlier.comment = None;
            if let Some(spot) = &mut earlier.spot {
                spot.line_end = None;
            }
        }
    }
    Ok(uses)
}

fn steps(holder: &Node) -> impl Iterator<Item = &Node> {
    holder
        .get("steps")
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .filter_map(|step| step.get("uses"))
}

fn read(text: &str, node: &Node, value: &str) -> Use {
    let target = Target::read(value);
    let written = &text[node.span.clone()];
    let Some(at) = place(written, value) else {
        return Use {
            line: node.line,
            column: 1,
            text: value.to_owned(),
            target,
            comment: None,
            spot: None,
        };
    };
    let start = node.span.start + at;
    let end = start + value.len();
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[end..]
        .find('\n')
        .map_or(text.len(), |newline| end + newline);
    let is_quoted = text[..start].ends_with(['"', '\'']);
    let rest = &text[end..line_end];
    let rest = &rest[usize::from(is_quoted && rest.starts_with(['"', '\'']))..];
    let comment = comment_start(rest).map(|at| {
        let at = line_end - rest.len() + at;
        Comment::read(&text[at..line_end], at)
    });
    let reference = value.find('@').map_or(end, |at| start + at + 1);
    // A value over several lines has no place for a comment of its own.
    let is_block = written.trim_start().starts_with(['|', '>']);
    Use {
        line: text[..start].matches('\n').count() + 1,
        column: text[line_start..start].chars().count() + 1,
        text: value.to_owned(),
        target,
        comment: if is_block { None } else { comment },
        spot: Some(Spot {
            reference: reference..end,
            line_end: (!is_block).then(|| text[..line_end].trim_end().len()),
        }),
    }
}

/// Where a value stands in what is written for it: behind an anchor and a tag.
/// Escapes and folded texts are written in another way than they read.
fn place(written: &str, value: &str) -> Option<usize> {
    let mut rest = written.trim_start();
    while rest.starts_with(['&', '!']) {
        let end = rest.find(char::is_whitespace)?;
        rest = rest[end..].trim_start();
    }
    Some(written.len() - rest.len() + rest.find(value)?)
}

/// Where on the rest of a line a comment starts: at a `#` behind a blank that is
/// in no quotes.
fn comment_start(rest: &str) -> Option<usize> {
    let mut quote = None;
    let mut previous = ' ';
    let mut token_start = false;
    for (at, c) in rest.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '#' && (previous.is_whitespace() || at == 0) => return Some(at),
            None if matches!(c, '"' | '\'') && token_start => quote = Some(c),
            None => {}
        }
        if !c.is_whitespace() {
            token_start = quote.is_none() && matches!(c, ',' | '[' | '{' | ':');
        }
        previous = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "3d3c42e5aac5ba805825da76410c181273ba90b1";

    fn found(text: &str) -> Vec<Use> {
        find("x.yml", text).expect("valid")
    }

    #[test]
    fn every_place_of_a_use_is_found() {
        let text = format!(
            "on: push\njobs:\n  call:\n    uses: o/r/.github/workflows/x.yml@main # main\n  a:\n    steps:\n      \
             - run: 'uses: no/no@v1'\n      - uses: actions/checkout@{SHA} # v7.0.1\n      - {{uses: 'a/b@v1', with: {{x: \
             \"a # b\"}}}} # tag=v1\n      - uses: ./local\n      - uses: docker://alpine:3\n      - uses: a/b\n      \
             - uses: a/b/c@0a1b2c3\n"
        );
        let uses = found(&text);
        let kinds: Vec<String> = uses
            .iter()
            .map(|found| match &found.target {
                Target::Repository(repository) => repository.reference.kind().to_owned(),
                Target::Image { has_digest } => format!("image {has_digest}"),
                Target::Local => "local".to_owned(),
                Target::Malformed(_) => "malformed".to_owned(),
            })
            .collect();
        assert_eq!(
            kinds,
            [
                "name",
                "commit",
                "tag",
                "local",
                "image false",
                "malformed",
                "short-commit"
            ]
        );
        assert_eq!((uses[0].line, uses[0].column), (4, 11));
        assert_eq!(uses[0].claim(), Some("main"));
        assert_eq!(uses[1].claim(), Some("v7.0.1"));
        assert_eq!((uses[2].line, uses[2].column), (9, 17));
        assert_eq!(uses[2].claim(), Some("v1"));
        let last = uses[6].repository().expect("a repository");
        assert_eq!(
            (last.slug().as_str(), last.path.as_deref()),
            ("a/b", Some("c"))
        );
    }

    #[test]
    fn composite_actions_and_anchors_are_read() {
        let uses = found("runs:\n  using: composite\n  steps:\n    - uses: a/b@v1\n");
        assert_eq!(uses.len(), 1);
        let text = "jobs:\n  a:\n    env: {X: &co a/b@v1}\n    steps: &s\n      - uses: *co\n      - uses: c/d@v2 # v2\n  b:\n    steps: *s\n";
        let uses = found(text);
        assert_eq!(uses.len(), 2, "{uses:?}");
        assert_eq!((uses[0].line, uses[0].text.as_str()), (3, "a/b@v1"));
        assert_eq!(uses[1].claim(), Some("v2"));
    }

    #[test]
    fn a_comment_belongs_to_the_last_use_of_its_line() {
        let uses = found("jobs: {a: {steps: [{uses: a/b@v1}, {uses: c/d@v2}]}} # v2\n");
        assert_eq!(uses[0].comment, None);
        assert_eq!(uses[1].claim(), Some("v2"));
    }

    #[test]
    fn what_is_no_reference_is_said() {
        for (text, is_malformed) in [
            ("a/b@${{ matrix.v }}", true),
            ("a@v1", true),
            ("a/../c@v1", true),
            ("a/b@", true),
            ("a/b@v1..v2", true),
            ("a/b@feature/x", false),
            ("docker://x@sha256:12", false),
            ("$/actions/x", false),
        ] {
            let target = Target::read(text);
            assert_eq!(
                matches!(target, Target::Malformed(_)),
                is_malformed,
                "{text}"
            );
        }
        let error = find("x.yml", "jobs: [\n").expect_err("no YAML").to_string();
        assert!(error.contains("x.yml:"), "{error}");
    }

    #[test]
    fn patterns_cover_owners_and_names() {
        assert!(ActionPattern::new("Actions/*").matches("actions/checkout"));
        assert!(!ActionPattern::new("actions/*").matches("actions-rs/toolchain"));
        assert!(ActionPattern::new("a/b").matches("A/b"));
        assert!(!ActionPattern::new("a/b").matches("a/bc"));
    }
}

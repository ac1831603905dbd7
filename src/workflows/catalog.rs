//! The templates that are built in. Adding one is a folder in
//! `workflows-templates/` and a line in [`TEMPLATES`].

use std::collections::{BTreeMap, BTreeSet};

use crate::error::SourceError;
use crate::project::document::{self, Node, Syntax};
use crate::project::model::Task;

/// The built-in templates: name, `template.toml`, `template.yml`.
type Embedded = (&'static str, &'static str, &'static str);

macro_rules! template {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!(
                "../../workflows-templates/",
                $name,
                "/template.toml"
            )),
            include_str!(concat!(
                "../../workflows-templates/",
                $name,
                "/template.yml"
            )),
        )
    };
}

/// Every built-in template, in the order in which a plan lists them.
const TEMPLATES: [Embedded; 10] = [
    template!("backend-ci"),
    template!("frontend-ci"),
    template!("security-scan"),
    template!("deploy"),
    template!("dependabot"),
    template!("database-backup"),
    template!("uptime"),
    template!("sync-repositories"),
    template!("keep-up-to-date"),
    template!("gitlab-ci"),
];

/// Built-in texts that templates include, by the name they are included under.
const PARTIALS: [(&str, &str); 3] = [
    (
        "partials/component-jobs.yml",
        include_str!("../../workflows-templates/partials/component-jobs.yml"),
    ),
    (
        "partials/gitlab-setup.yml",
        include_str!("../../workflows-templates/partials/gitlab-setup.yml"),
    ),
    (
        "partials/setup.yml",
        include_str!("../../workflows-templates/partials/setup.yml"),
    ),
];

/// A template: what it is, and the text that is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// By which people call it: the folder's name.
    pub name: String,
    /// What `template.toml` says.
    pub manifest: Manifest,
    /// How errors call `template.toml`.
    pub manifest_path: String,
    /// The text of `template.toml`.
    pub manifest_text: String,
    /// How errors call `template.yml`.
    pub body_path: String,
    /// The text of `template.yml`.
    pub body: String,
    /// Where it comes from; `None` for one that comes with the binary.
    pub source: Option<String>,
}

impl Template {
    /// A template of these two texts; `folder` is how errors call their place.
    ///
    /// # Errors
    /// Where the manifest is wrong.
    pub fn new(name: &str, folder: &str, manifest: &str, body: &str) -> Result<Self, SourceError> {
        let manifest_path = format!("{folder}/template.toml");
        Ok(Self {
            name: name.to_owned(),
            manifest: Manifest::parse(&manifest_path, manifest)?,
            manifest_path,
            manifest_text: manifest.to_owned(),
            body_path: format!("{folder}/template.yml"),
            body: body.to_owned(),
            source: None,
        })
    }
}

/// The templates that a plan is made from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalog {
    /// In the order in which a plan lists them.
    pub templates: Vec<Template>,
    /// Texts that templates include, by the name they are included under.
    pub partials: Vec<(String, String)>,
    /// The names of those that do not come with the binary.
    own_partials: BTreeSet<String>,
}

impl Catalog {
    /// The templates that come with the binary.
    ///
    /// # Errors
    /// Never in a build that passed its tests.
    pub fn built_in() -> Result<Self, SourceError> {
        Ok(Self {
            templates: TEMPLATES
                .iter()
                .map(|(name, manifest, body)| Template::new(name, name, manifest, body))
                .collect::<Result<_, _>>()?,
            partials: PARTIALS
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect(),
            own_partials: BTreeSet::new(),
        })
    }

    /// The template's text and those that it includes, also through others.
    pub fn parts<'c>(&'c self, template: &'c Template) -> Vec<&'c str> {
        let mut parts = vec![template.body.as_str()];
        let mut at = 0;
        while let Some(text) = parts.get(at).copied() {
            for (name, partial) in &self.partials {
                if text.contains(&format!("include \"{name}\""))
                    && !parts.contains(&partial.as_str())
                {
                    parts.push(partial);
                }
            }
            at += 1;
        }
        parts
    }

    /// Adds the templates and parts of a folder, by their paths in it; `source` is
    /// how people call the folder. One of a known name takes the other's place.
    /// Answers with the names of those that did.
    ///
    /// # Errors
    /// Where a manifest is wrong or a file is missing, and where there is no template.
    pub fn add(
        &mut self,
        source: &str,
        files: &BTreeMap<String, String>,
    ) -> Result<Vec<String>, SourceError> {
        let path = |file: &str| format!("{source}/{file}");
        let missing = |file: &str, what: &str, help: &str| {
            SourceError::new(path(file), "", 1, 1, what).help(help)
        };
        let mut overridden = Vec::new();
        let mut is_empty = true;
        for (file, text) in files {
            if file.starts_with("partials/") {
                let part = (file.clone(), text.clone());
                self.own_partials.insert(file.clone());
                match self.partials.iter_mut().find(|(name, _)| name == file) {
                    Some(known) => *known = part,
                    None => self.partials.push(part),
                }
                continue;
            }
            let Some(name) = file.strip_suffix("/template.toml") else {
                continue;
            };
            is_empty = false;
            let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || !name.chars().all(is_name) {
                return Err(missing(
                    file,
                    "the folder's name is no name of a template",
                    "use small letters, digits and `-`",
                ));
            }
            let body_file = format!("{name}/template.yml");
            let body = files.get(&body_file).ok_or_else(|| {
                missing(
                    &body_file,
                    "the template's text is missing",
                    "it stands beside template.toml",
                )
            })?;
            let mut template = Template::new(name, &path(name), text, body)?;
            template.source = Some(source.to_owned());
            match self.templates.iter_mut().find(|known| known.name == name) {
                Some(known) => {
                    overridden.push(name.to_owned());
                    *known = template;
                }
                None => self.templates.push(template),
            }
        }
        if is_empty {
            return Err(missing(
                "",
                "there is no template in this folder",
                "a template is a folder with template.toml and template.yml; `ci-tool template new` makes one",
            ));
        }
        Ok(overridden)
    }

    /// Whether a text, by the name that errors call it, comes with the binary.
    pub fn is_built_in(&self, path: &str) -> bool {
        let is_template = self
            .templates
            .iter()
            .any(|template| template.source.is_none() && template.body_path == path);
        let is_part = self.partials.iter().any(|(name, _)| name == path);
        is_template || (is_part && !self.own_partials.contains(path))
    }

    /// The text of a template or of a part, by the name that errors call it.
    pub fn text(&self, path: &str) -> Option<&str> {
        let templates = self
            .templates
            .iter()
            .map(|template| (&template.body_path, &template.body));
        let partials = self.partials.iter().map(|(name, text)| (name, text));
        templates
            .chain(partials)
            .find(|(name, _)| *name == path)
            .map(|(_, text)| text.as_str())
    }

    /// The names of all templates, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.templates.iter().map(|template| template.name.as_str())
    }
}

/// What a template makes: it decides the file's folder and how it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A workflow of GitHub Actions.
    Workflow,
    /// The configuration of Dependabot.
    Dependabot,
    /// A pipeline of GitLab.
    Gitlab,
}

impl Kind {
    /// Each kind with the word by which `template.toml` calls it.
    const WORDS: [(&'static str, Self); 3] = [
        ("workflow", Self::Workflow),
        ("dependabot", Self::Dependabot),
        ("gitlab", Self::Gitlab),
    ];

    /// The folder of its file with the slash behind it; empty for the root.
    const fn folder(self) -> &'static str {
        match self {
            Self::Workflow => ".github/workflows/",
            Self::Dependabot => ".github/",
            Self::Gitlab => "",
        }
    }
}

/// The places that files are generated for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// GitHub.
    #[default]
    Github,
    /// GitLab.
    Gitlab,
    /// Both.
    All,
}

impl Target {
    /// Whether files of this kind are for it.
    pub const fn includes(self, kind: Kind) -> bool {
        match (self, kind) {
            (Self::All, _) | (Self::Gitlab, Kind::Gitlab) => true,
            (Self::Github, kind) => !matches!(kind, Kind::Gitlab),
            (Self::Gitlab, _) => false,
        }
    }
}

/// What `template.toml` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The workflow's `name:`.
    pub title: String,
    /// Raised whenever the output changes.
    pub version: u32,
    /// What it makes.
    pub kind: Kind,
    /// The file's name in the folder of its kind.
    pub file: String,
    /// Whether it is generated without being asked for by name.
    pub default: bool,
    /// What it does, in a sentence.
    pub summary: String,
    /// An expression over the facts: does it apply?
    pub when: String,
    /// What is said where it does not.
    pub otherwise: String,
    /// A workflow that does one of these already makes it superfluous.
    pub covered_by: Vec<Task>,
    /// The list of jobs that it makes, `backends` or `frontends`, if it makes one.
    pub proves: Option<String>,
}

impl Manifest {
    /// Reads a `template.toml`; `path` is how errors call it.
    ///
    /// # Errors
    /// Where it is no TOML, or a key is missing or of another type.
    pub fn parse(path: &str, text: &str) -> Result<Self, SourceError> {
        let node = document::parse(text, Syntax::Toml).map_err(|error| {
            SourceError::new(path, text, error.line, error.column, error.message)
        })?;
        let missing = |key: &str| {
            SourceError::new(
                path,
                text,
                1,
                1,
                format!("`{key}` is missing or of another type"),
            )
        };
        let string = |key: &str| {
            node.get(key)
                .and_then(Node::str)
                .map(str::to_owned)
                .ok_or_else(|| missing(key))
        };
        let covered_by = node
            .get("covered-by")
            .ok_or_else(|| missing("covered-by"))?
            .items()
            .iter()
            .map(|item| {
                serde_json::from_value(item.str().unwrap_or_default().into()).map_err(|_| {
                    SourceError::new(path, text, item.line, 1, "unknown task in `covered-by`")
                        .help("known are lint, format, type-check, migrations, test, build, security-scan, deploy, sync, update-dependencies and back-up")
                })
            })
            .collect::<Result<_, _>>()?;
        let kind = match node.entry("kind") {
            None => Kind::Workflow,
            Some(entry) => entry
                .node
                .str()
                .and_then(|word| Kind::WORDS.iter().find(|(known, _)| *known == word))
                .map(|(_, kind)| *kind)
                .ok_or_else(|| {
                    SourceError::new(path, text, entry.line, 1, "unknown `kind`")
                        .help("known are workflow, dependabot and gitlab")
                })?,
        };
        Ok(Self {
            title: string("title")?,
            kind,
            default: node.get("default").and_then(Node::scalar) != Some("false"),
            version: node
                .get("version")
                .and_then(Node::scalar)
                .and_then(|version| version.parse().ok())
                .ok_or_else(|| missing("version"))?,
            file: string("file")?,
            summary: string("summary")?,
            when: string("when")?,
            otherwise: string("otherwise")?,
            covered_by,
            proves: node.get("proves").and_then(Node::str).map(str::to_owned),
        })
    }

    /// Where its file lies, from the repository's root.
    pub fn path(&self) -> String {
        format!("{}{}", self.kind.folder(), self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manifest_can_be_read_and_names_another_file() {
        let catalog = Catalog::built_in().unwrap_or_else(|error| panic!("{error}"));
        let mut files: Vec<String> = catalog
            .templates
            .iter()
            .map(|template| {
                assert!(!template.manifest.summary.is_empty());
                template.manifest.path()
            })
            .collect();
        files.sort();
        files.dedup();
        assert_eq!(files.len(), TEMPLATES.len());
    }

    #[test]
    fn no_value_stands_in_a_flow_sequence() {
        // A plain scalar may hold a comma, which would part it there.
        for (name, _, body) in TEMPLATES {
            assert!(!body.contains("[<%="), "{name}");
        }
        for (name, text) in PARTIALS {
            assert!(!text.contains("[<%="), "{name}");
        }
    }

    #[test]
    fn every_folder_of_templates_is_registered() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/workflows-templates");
        let mut folders: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder is there")
            .filter_map(|entry| {
                let entry = entry.expect("listed");
                let name = entry.file_name().into_string().expect("UTF-8");
                (entry.path().is_dir() && name != "partials").then_some(name)
            })
            .collect();
        folders.sort();
        let mut known: Vec<&str> = TEMPLATES.iter().map(|(name, ..)| *name).collect();
        known.sort_unstable();
        assert_eq!(folders, known);
    }

    #[test]
    fn a_broken_manifest_is_an_error_at_its_place() {
        let error = Manifest::parse("x/template.toml", "title = \"X\"\nversion = = 1\n")
            .expect_err("broken");
        assert_eq!(error.line, 2);
        let error = Manifest::parse(
            "x/template.toml",
            "title = \"X\"\ncovered-by = [\"tset\"]\n",
        )
        .expect_err("an unknown task");
        assert!(error.message.contains("unknown task"), "{error}");
    }
}

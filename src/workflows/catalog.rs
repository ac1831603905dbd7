//! The templates that are built in. Adding one is a folder in
//! `workflows-templates/` and a line in [`TEMPLATES`].

use crate::error::SourceError;
use crate::project::document::{self, Node, Syntax};
use crate::project::model::Task;

/// A template as it lies in `workflows-templates/`.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// The folder's name, by which people call the template.
    pub name: &'static str,
    /// `template.toml`.
    pub manifest: &'static str,
    /// `template.yml`.
    pub body: &'static str,
}

macro_rules! template {
    ($name:literal) => {
        Source {
            name: $name,
            manifest: include_str!(concat!(
                "../../workflows-templates/",
                $name,
                "/template.toml"
            )),
            body: include_str!(concat!(
                "../../workflows-templates/",
                $name,
                "/template.yml"
            )),
        }
    };
}

/// Every template, in the order in which a plan lists them.
pub const TEMPLATES: [Source; 4] = [
    template!("backend-ci"),
    template!("frontend-ci"),
    template!("security-scan"),
    template!("deploy"),
];

/// Texts that templates include, by the name they are included under.
pub const PARTIALS: [(&str, &str); 2] = [
    (
        "partials/component-jobs.yml",
        include_str!("../../workflows-templates/partials/component-jobs.yml"),
    ),
    (
        "partials/setup.yml",
        include_str!("../../workflows-templates/partials/setup.yml"),
    ),
];

/// What `template.toml` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The workflow's `name:`.
    pub title: String,
    /// Raised whenever the output changes.
    pub version: u32,
    /// The file's name in `.github/workflows/`.
    pub file: String,
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
                        .help("known are lint, format, type-check, migrations, test, build, security-scan, deploy and sync")
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            title: string("title")?,
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manifest_can_be_read_and_names_another_file() {
        let mut files: Vec<String> = TEMPLATES
            .iter()
            .map(|source| {
                let manifest = Manifest::parse(source.name, source.manifest)
                    .unwrap_or_else(|error| panic!("{error}"));
                assert!(!manifest.summary.is_empty());
                manifest.file
            })
            .collect();
        files.sort();
        files.dedup();
        assert_eq!(files.len(), TEMPLATES.len());
    }

    #[test]
    fn no_value_stands_in_a_flow_sequence() {
        // A plain scalar may hold a comma, which would part it there.
        for source in TEMPLATES {
            assert!(!source.body.contains("[<%="), "{}", source.name);
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
        let mut known: Vec<&str> = TEMPLATES.iter().map(|source| source.name).collect();
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

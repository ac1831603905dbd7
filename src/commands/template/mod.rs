//! `ci-tool template`.

pub mod skeleton;
pub mod source;
pub mod trial;

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;

use self::source::Source;
use super::generate;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::report;
use crate::sys::ui::escape_line;
use crate::workflows::catalog::{Catalog, Kind};
use crate::workflows::view::View;

/// List, start, check, try or render templates.
///
/// A template of your own is a folder with `template.toml` and `template.yml` in
/// it; docs/templates.md of ci-tool says how it is written.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with templates.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List all templates and where they come from
    List {
        /// The repository's folder
        #[arg(default_value = ".")]
        path: PathBuf,
        /// Templates of your own: a folder, or git+ADDRESS@COMMIT#FOLDER
        #[arg(long, value_name = "SOURCE")]
        templates: Vec<String>,
    },
    /// Write a template to start from
    New {
        /// The template's name: small letters, digits and `-`
        name: String,
        /// The folder for templates
        #[arg(long, value_name = "DIR", default_value = "workflows-templates")]
        dir: PathBuf,
    },
    /// Check a folder of templates: what they say, and what they give for every language
    ///
    /// Exit code 1: something is wrong.
    Lint {
        /// The folder
        #[arg(default_value = "workflows-templates")]
        dir: PathBuf,
    },
    /// Compare what templates give for sample repositories with what is expected
    ///
    /// A case is a folder `TEMPLATE/cases/CASE` with the repository in `repository` and
    /// the expected file in `expected.yml`. Exit code 1: something differs.
    Test {
        /// The folder
        #[arg(default_value = "workflows-templates")]
        dir: PathBuf,
        /// Write what is given as what is expected
        #[arg(long)]
        update: bool,
    },
    /// Print one template filled in for a repository
    Render {
        /// The template
        name: String,
        /// The repository's folder
        #[arg(default_value = ".")]
        path: PathBuf,
        /// Templates of your own: a folder, or git+ADDRESS@COMMIT#FOLDER
        #[arg(long, value_name = "SOURCE")]
        templates: Vec<String>,
    },
    /// Print the JSON Schema of what a template sees
    Schema,
}

/// Does it.
///
/// # Errors
/// Where a folder cannot be read or a template is broken.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    match &args.action {
        Action::List { path, templates } => {
            let loaded = context.config(path)?;
            let catalog = generate::catalog(path, templates, &loaded, context)?;
            context.ui.result(&list(&catalog))?;
        }
        Action::New { name, dir } => skeleton::write(name, dir, context)?,
        Action::Lint { dir } => return trial::lint(dir, context),
        Action::Test { dir, update } => return trial::test(dir, *update, context),
        Action::Render {
            name,
            path,
            templates,
        } => {
            let args = generate::Args {
                templates: templates.clone(),
                ..generate::Args::only(name, path)
            };
            context
                .ui
                .result(&generate::rendered(&args, name, context)?)?;
        }
        Action::Schema => {
            context
                .ui
                .result(&report::json(&schemars::schema_for!(View))?)?;
        }
    }
    Ok(Exit::Yes)
}

fn list(catalog: &Catalog) -> String {
    let width = |text: fn(&crate::workflows::catalog::Template) -> usize| {
        catalog.templates.iter().map(text).max().unwrap_or(0)
    };
    let names = width(|template| template.name.len());
    let files = width(|template| template.manifest.path().len());
    let mut out = String::new();
    for template in &catalog.templates {
        let manifest = &template.manifest;
        let asked = match (manifest.default, manifest.kind) {
            (_, Kind::Gitlab) => " (with --target)",
            (false, _) => " (on request)",
            (true, _) => "",
        };
        let source = template.source.as_deref().unwrap_or("ci-tool");
        let line = format!(
            "{:names$}  {:files$}  version {}  {source}{asked}",
            template.name,
            manifest.path(),
            manifest.version,
        );
        out.push_str(&escape_line(&line));
        out.push('\n');
    }
    out
}

/// The templates of one folder, on top of ci-tool's.
fn own_catalog(dir: &std::path::Path, context: &Context) -> Result<Catalog> {
    let source = Source::given(&dir.display().to_string())?;
    let files = source.read(context)?;
    let mut catalog = Catalog::built_in().map_err(|error| Failure::failed(error.to_string()))?;
    catalog
        .add(&source.name, &files)
        .map_err(|error| Failure::usage(format!("a template is broken\n{error}")))?;
    Ok(catalog)
}

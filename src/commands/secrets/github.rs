//! `ci-tool secrets github`: the secrets that workflows use, held against those that are set.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::{Format, Set};
use crate::commands::proposal;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::forge::github::{GitHub, SecretName};
use crate::forge::http::Patience;
use crate::forge::{self, Error};
use crate::project::Tree;
use crate::project::document::{Node, Value};
use crate::report;
use crate::sys::ui::escape_line;

/// The version of the JSON form; a change that breaks readers raises it.
const VERSION: u32 = 1;

/// So many bytes has a value at most.
const LARGEST: usize = 48 * 1024;

/// Every job has this one.
const OWN: &str = "GITHUB_TOKEN";

/// What workflows use and what is set.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Compared {
    /// The version of this form.
    pub version: u32,
    /// `owner/name`.
    pub repository: String,
    /// Whether everything that is used is set.
    pub complete: bool,
    /// Whether the secrets of the organization are known; the token may not be allowed to
    /// know them, and what is missing may be among them.
    pub organization_known: bool,
    /// What is used and not set.
    pub missing: Vec<Missing>,
    /// What is set, for the repository, its organization or an environment.
    pub set: Vec<Place>,
    /// What is set for the repository or an environment and used by no workflow.
    pub unused: Vec<String>,
}

/// A secret that a workflow uses and that is not set.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Missing {
    /// Its name.
    pub name: String,
    /// Where it is used, `path:line`.
    pub place: String,
    /// The environment of the job, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

/// Secrets of one place.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Place {
    /// `repository`, `organization`, or `environment NAME`.
    pub of: String,
    /// The secrets.
    pub secrets: Vec<Set>,
}

/// A secret that a workflow uses.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Use {
    name: String,
    place: String,
    environment: Option<String>,
    /// The environment is only known when the job runs.
    is_any: bool,
}

/// Compares and tells.
///
/// # Errors
/// Where the repository is not known, or GitHub does not say.
pub(super) fn run(path: &Path, format: Format, context: &Context) -> Result<Exit> {
    let (owner, name) = repository(path, context)?;
    let slug = format!("{owner}/{name}");
    let (tree, _) = context.tree(path)?;
    let uses = uses(&tree);
    let environments: BTreeSet<&str> = uses
        .iter()
        .filter_map(|one| one.environment.as_deref())
        .collect();
    let github = GitHub::new(&context.env, Patience::default()).map_err(failed)?;
    let known = forge::run(ask(&github, (&owner, &name), &environments))?.map_err(failed)?;
    let compared = compare(&slug, &uses, known);
    context.ui.result(&match format {
        Format::Text => text(&compared),
        Format::Json => report::json(&compared)?,
    })?;
    Ok(match compared.complete {
        true => Exit::Yes,
        false => Exit::No,
    })
}

/// Sets a secret; `read` brings its value, and is not there where it is not to be set.
///
/// # Errors
/// Where the repository is not known, the value is not there, or GitHub does not take it.
pub(super) fn set(
    path: &Path,
    secret: &str,
    environment: Option<&str>,
    read: Option<impl FnOnce() -> Result<SecretString>>,
    context: &Context,
) -> Result<Exit> {
    let (owner, name) = repository(path, context)?;
    // GitHub says so too, after the value has been typed.
    if secret.to_ascii_uppercase().starts_with("GITHUB_") {
        return Err(Failure::usage(format!(
            "{secret}: GitHub keeps names with GITHUB_ for itself"
        ))
        .into());
    }
    let of = environment.map_or_else(String::new, |of| format!(", environment {of}"));
    let place = escape_line(&format!("{owner}/{name}{of}"));
    let Some(read) = read else {
        context
            .ui
            .result(&format!("{secret} would be set for {place}\n"))?;
        return Ok(Exit::Yes);
    };
    let github = GitHub::new(&context.env, Patience::default()).map_err(failed)?;
    if !github.has_token() {
        return Err(Failure::failed("there is no token for GitHub")
            .hint("give it in GITHUB_TOKEN: a person's, that may write secrets")
            .into());
    }
    let value = read()?;
    if value.expose_secret().len() > LARGEST {
        return Err(Failure::usage(format!("the value has more than {LARGEST} bytes"))
            .hint("GitHub takes no larger one; keep it encrypted in the repository, and the key as the secret")
            .into());
    }
    let done = github.set_secret((&owner, &name), environment, secret, &value);
    forge::run(done)?.map_err(|error| match (&error, environment) {
        (Error::NotFound { .. }, Some(_)) => Failure::failed(error.to_string())
            .hint("an environment has to be there before it has secrets: a job that names it makes it, or the repository's settings")
            .into(),
        _ => failed(error),
    })?;
    context
        .ui
        .result(&format!("{secret} is set for {place}\n"))?;
    Ok(Exit::Yes)
}

/// The owner and the name of the repository.
fn repository(path: &Path, context: &Context) -> Result<(String, String)> {
    let slug = proposal::slug(path, context).ok_or_else(|| {
        Failure::usage("it is not known which repository of GitHub this is").hint(
            "GITHUB_REPOSITORY names it as owner/name; else the remote `origin` has to be there",
        )
    })?;
    let Some((owner, name)) = slug.split_once('/') else {
        return Err(Failure::usage(format!("`{}` is no owner/name", escape_line(&slug))).into());
    };
    Ok((owner.to_owned(), name.to_owned()))
}

fn failed(error: Error) -> anyhow::Error {
    let hint = match &error {
        Error::Forbidden { .. } | Error::NotFound { .. } | Error::Unauthorized { .. } => {
            "secrets are for a person's token with the right to them (fine-grained: `Secrets` and `Environments`, read, or write to set one); that of a job never has it".to_owned()
        }
        error => error.hint(),
    };
    Failure::failed(error.to_string()).hint(hint).into()
}

/// What is set where.
struct Known {
    repository: Vec<SecretName>,
    organization: Option<Vec<SecretName>>,
    environments: BTreeMap<String, Vec<SecretName>>,
}

async fn ask(
    github: &GitHub,
    (owner, name): (&str, &str),
    environments: &BTreeSet<&str>,
) -> Result<Known, Error> {
    let repository = github.secrets(owner, name).await?;
    let organization = match github.organization_secrets(owner, name).await {
        Ok(found) => Some(found),
        Err(Error::Forbidden { .. } | Error::NotFound { .. }) => None,
        Err(error) => return Err(error),
    };
    let mut of_environments = BTreeMap::new();
    for environment in environments {
        let found = match github.environment_secrets(owner, name, environment).await {
            Ok(found) => found,
            // An environment that nobody has made has no secrets: GitHub makes it when a job
            // first names it.
            Err(Error::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        of_environments.insert((*environment).to_owned(), found);
    }
    Ok(Known {
        repository,
        organization,
        environments: of_environments,
    })
}

fn compare(slug: &str, uses: &[Use], known: Known) -> Compared {
    let has = |list: &[SecretName], name: &str| {
        let mut names = list.iter();
        names.any(|one| one.name.eq_ignore_ascii_case(name))
    };
    let is_set = |one: &Use| {
        let organization = known.organization.as_deref().unwrap_or_default();
        has(&known.repository, &one.name)
            || has(organization, &one.name)
            || known.environments.iter().any(|(environment, list)| {
                (one.is_any || one.environment.as_deref() == Some(environment))
                    && has(list, &one.name)
            })
    };
    let missing: BTreeSet<Missing> = uses
        .iter()
        .filter(|one| !is_set(one))
        .map(|one| Missing {
            name: one.name.clone(),
            place: one.place.clone(),
            environment: one.environment.clone(),
        })
        .collect();
    let is_used = |name: &str, environment: Option<&str>| {
        uses.iter().any(|one| {
            let is_here =
                environment.is_none() || one.is_any || one.environment.as_deref() == environment;
            is_here && one.name.eq_ignore_ascii_case(name)
        })
    };
    let mut unused: Vec<String> = Vec::new();
    let own = known.repository.iter().map(|one| (one, None));
    let theirs = known.environments.iter();
    let theirs = theirs.flat_map(|(of, list)| list.iter().map(move |one| (one, Some(&**of))));
    for (secret, environment) in own.chain(theirs) {
        if !is_used(&secret.name, environment) {
            unused.push(match environment {
                Some(environment) => format!("{} (environment {environment})", secret.name),
                None => secret.name.clone(),
            });
        }
    }
    let place = |of: String, secrets: Vec<SecretName>| Place {
        of,
        secrets: secrets.into_iter().map(Set::from).collect(),
    };
    let organization_known = known.organization.is_some();
    let mut set = vec![place("repository".to_owned(), known.repository)];
    set.extend(
        known
            .organization
            .map(|list| place("organization".to_owned(), list)),
    );
    for (environment, list) in known.environments {
        set.push(place(format!("environment {environment}"), list));
    }
    Compared {
        version: VERSION,
        repository: slug.to_owned(),
        complete: missing.is_empty(),
        organization_known,
        missing: missing.into_iter().collect(),
        set,
        unused,
    }
}

impl From<SecretName> for Set {
    fn from(secret: SecretName) -> Self {
        let written = chrono::DateTime::parse_from_rfc3339(&secret.updated_at).ok();
        Self::new(secret.name, written.map(|written| written.timestamp()))
    }
}

/// Every secret that a workflow uses, with the environment of its job.
fn uses(tree: &Tree) -> Vec<Use> {
    let is_yaml = |file: &&str| file.ends_with(".yml") || file.ends_with(".yaml");
    let mut found = Vec::new();
    for file in tree.directly_in(".github/workflows").filter(is_yaml) {
        let Some(document) = tree.yaml(file) else {
            continue;
        };
        // What a workflow is handed by those that call it, they use.
        let handed = document.at(&["on", "workflow_call", "secrets"]);
        let handed: BTreeSet<&str> = handed
            .map_or(&[][..], Node::entries)
            .iter()
            .map(|one| &*one.key)
            .collect();
        let mut add = |node: &Node, environment: Option<&str>, is_any: bool| {
            each_text(node, &mut |text, line| {
                for name in named(text) {
                    if name.eq_ignore_ascii_case(OWN) || handed.contains(&*name) {
                        continue;
                    }
                    found.push(Use {
                        name,
                        place: format!("{file}:{line}"),
                        environment: environment.map(str::to_owned),
                        is_any,
                    });
                }
            });
        };
        for entry in document.entries() {
            if entry.key != "jobs" {
                add(&entry.node, None, false);
                continue;
            }
            for job in entry.node.entries() {
                let environment = job.node.get("environment");
                let environment = environment.and_then(|node| {
                    let named = node.get("name").and_then(Node::str);
                    named.or_else(|| node.str())
                });
                let is_any = environment.is_some_and(|name| name.contains("${{"));
                add(&job.node, environment.filter(|_| !is_any), is_any);
            }
        }
    }
    found
}

/// Calls with every text below a node, and the line where it begins.
fn each_text(node: &Node, tell: &mut impl FnMut(&str, usize)) {
    match &node.value {
        Value::String(text) => tell(text, node.line),
        Value::List(items) => items.iter().for_each(|item| each_text(item, tell)),
        Value::Map(entries) => entries.iter().for_each(|one| each_text(&one.node, tell)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The names behind `secrets.` and in `secrets['…']`, in expressions alone.
fn named(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in text.split("${{").skip(1) {
        let expression = part.split("}}").next().unwrap_or_default();
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        for (at, _) in expression.match_indices("secrets") {
            let before = expression[..at].chars().next_back();
            let after = &expression[at + "secrets".len()..];
            let name = match after.strip_prefix('.') {
                Some(name) => name.split(|c| !is_word(c)).next(),
                None => after
                    .strip_prefix("['")
                    .and_then(|name| name.split('\'').next()),
            };
            let is_own = before.is_none_or(|c| !is_word(c) && c != '.');
            found.extend(
                name.filter(|name| is_own && !name.is_empty())
                    .map(str::to_owned),
            );
        }
    }
    found
}

fn text(compared: &Compared) -> String {
    let mut out = String::new();
    let _ = match compared.missing.len() {
        0 => writeln!(
            out,
            "{}: every secret that workflows use is set",
            compared.repository
        ),
        count => writeln!(out, "{}: {count} missing", compared.repository),
    };
    for one in &compared.missing {
        let environment = one.environment.as_ref();
        let environment = environment.map_or_else(String::new, |of| format!(" (environment {of})"));
        let line = format!("{}  used at {}{environment}", one.name, one.place);
        let _ = writeln!(out, "  MISSING  {}", escape_line(&line));
    }
    for place in &compared.set {
        for set in &place.secrets {
            let age = super::age(set.days);
            let line = format!("{}  of the {}{age}", set.name, place.of);
            let _ = writeln!(out, "  set      {}", escape_line(&line));
        }
    }
    for name in &compared.unused {
        let _ = writeln!(out, "  unused   {}  no workflow uses it", escape_line(name));
    }
    if !compared.organization_known {
        out.push_str("The token may not know the secrets of the organization: what is missing may be there.\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_expressions() {
        for (text, names) in [
            (
                "${{ secrets.A }} and ${{ secrets['B'] || secrets.C-D }}",
                &["A", "B", "C-D"][..],
            ),
            ("secrets.A", &[]),
            (
                "${{ env.secrets.A }} ${{ my_secrets.A }} ${{ secrets }}",
                &[],
            ),
            ("${{ format('{0}', secrets.X) }}", &["X"]),
        ] {
            assert_eq!(named(text), names, "{text}");
        }
    }
}

//! Which package manager, which version of it, which lock file.

use super::package::Package;
use crate::project::Survey;
use crate::project::model::{Evidence, Fact};
use crate::project::path;

/// Lock files by manager, the newer format of two first.
const LOCKS: [(&str, &str); 6] = [
    ("pnpm", "pnpm-lock.yaml"),
    ("bun", "bun.lock"),
    ("bun", "bun.lockb"),
    ("yarn", "yarn.lock"),
    ("npm", "package-lock.json"),
    ("npm", "npm-shrinkwrap.json"),
];

/// A package manager with what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Manager {
    /// `npm`, `pnpm`, `yarn`, `yarn-berry` or `bun`.
    pub(super) id: Fact<String>,
    /// Its version, where the project names one.
    pub(super) version: Option<Fact<String>>,
    /// The lock file.
    pub(super) lock: Option<Evidence>,
}

impl Manager {
    /// Decides for the folder that is installed in: `packageManager` first, then
    /// what CI and Dockerfiles run, then the lock files.
    pub(super) fn decide(survey: &Survey<'_>, install_root: &str, package: &Package) -> Self {
        let tree = survey.tree;
        let mut claims: Vec<(String, Evidence)> = Vec::new();
        let mut version = None;
        let declared = Package::read(tree, install_root)
            .as_ref()
            .and_then(|root| root.text(&["packageManager"]))
            .or_else(|| package.text(&["packageManager"]));
        if let Some((text, evidence)) = declared
            && let Some((name, rest)) = text.split_once('@')
        {
            let number = rest.split('+').next().unwrap_or_default().to_owned();
            let id = if name == "yarn" && !number.starts_with("1.") && number != "1" {
                "yarn-berry"
            } else {
                name
            };
            claims.push((id.to_owned(), evidence.clone()));
            version = Some(Fact::new(number, evidence));
        }
        let locks: Vec<(String, String)> = LOCKS
            .iter()
            .map(|(id, file)| ((*id).to_owned(), path::join(install_root, file)))
            .filter(|(_, file)| tree.contains(file))
            .map(|(id, file)| {
                let is_berry = id == "yarn"
                    && (tree.contains(&path::join(install_root, ".yarnrc.yml"))
                        || tree
                            .text(&file)
                            .is_some_and(|text| text.contains("__metadata:")));
                (
                    if is_berry {
                        "yarn-berry".to_owned()
                    } else {
                        id
                    },
                    file,
                )
            })
            .collect();
        if locks.len() > 1 && claims.is_empty() {
            claims.extend(used_by_dockerfiles(survey, install_root).filter(|(id, _)| {
                locks
                    .iter()
                    .any(|(lock, _)| lock.trim_end_matches("-berry") == id)
            }));
        }
        claims.extend(
            locks
                .iter()
                .map(|(id, file)| (id.clone(), Evidence::new(file, 1))),
        );
        let id = Fact::decide(claims)
            .unwrap_or_else(|| Fact::new("npm".to_owned(), Evidence::new(&package.path, 1)));
        let lock = locks
            .iter()
            .find(|(lock, _)| *lock == id.value)
            .map(|(_, file)| Evidence::new(file, 1));
        Self { id, version, lock }
    }

    /// The command that installs exactly what the lock file says.
    pub(super) fn install(&self) -> &'static str {
        match (self.id.value.as_str(), self.lock.is_some()) {
            ("pnpm", true) => "pnpm install --frozen-lockfile",
            ("pnpm", false) => "pnpm install",
            ("yarn", true) => "yarn install --frozen-lockfile",
            ("yarn-berry", true) => "yarn install --immutable",
            ("yarn" | "yarn-berry", false) => "yarn install",
            ("bun", true) => "bun install --frozen-lockfile",
            ("bun", false) => "bun install",
            (_, true) => "npm ci",
            (_, false) => "npm install",
        }
    }

    /// The command that runs a script.
    pub(super) fn run(&self, script: &str) -> String {
        match self.id.value.as_str() {
            "pnpm" if script == "test" => "pnpm test".to_owned(),
            "pnpm" => format!("pnpm run {script}"),
            "yarn" | "yarn-berry" => format!("yarn run {script}"),
            "bun" => format!("bun run {script}"),
            _ if script == "test" => "npm test".to_owned(),
            _ => format!("npm run {script}"),
        }
    }

    /// The command that runs an installed program.
    pub(super) fn exec(&self, program: &str) -> String {
        match self.id.value.as_str() {
            "pnpm" => format!("pnpm exec {program}"),
            "yarn" | "yarn-berry" => format!("yarn run {program}"),
            "bun" => format!("bunx {program}"),
            _ => format!("npx {program}"),
        }
    }
}

/// Install commands in Dockerfiles of the folder.
fn used_by_dockerfiles<'s>(
    survey: &'s Survey<'_>,
    root: &'s str,
) -> impl Iterator<Item = (String, Evidence)> {
    survey
        .containers
        .iter()
        .filter(move |container| {
            path::is_within(&container.path, root) || container.context == root
        })
        .filter_map(|container| {
            let text = survey.tree.text(&container.path)?;
            text.lines().enumerate().find_map(|(at, line)| {
                let id = [
                    ("npm ci", "npm"),
                    ("npm install", "npm"),
                    ("pnpm", "pnpm"),
                    ("yarn", "yarn"),
                    ("bun install", "bun"),
                ]
                .iter()
                .find(|(word, _)| line.contains(word))?
                .1;
                Some((id.to_owned(), Evidence::new(&container.path, at + 1)))
            })
        })
}

//! Files that name packages: which of them speak of the same project, and of
//! which kind of package.

use std::borrow::Cow;

/// Lock files and the manifest they belong to, with the packages' kind. Scanners
/// report the same package at either of them.
const MANIFESTS: [(&str, &str, &str); 34] = [
    ("package.json", "package.json", "npm"),
    ("package-lock.json", "package.json", "npm"),
    ("npm-shrinkwrap.json", "package.json", "npm"),
    ("yarn.lock", "package.json", "npm"),
    ("pnpm-lock.yaml", "package.json", "npm"),
    ("bun.lock", "package.json", "npm"),
    ("pyproject.toml", "pyproject.toml", "pypi"),
    ("poetry.lock", "pyproject.toml", "pypi"),
    ("uv.lock", "pyproject.toml", "pypi"),
    ("pdm.lock", "pyproject.toml", "pypi"),
    ("pylock.toml", "pyproject.toml", "pypi"),
    ("setup.py", "setup.py", "pypi"),
    ("requirements.txt", "requirements.txt", "pypi"),
    ("Pipfile", "Pipfile", "pypi"),
    ("Pipfile.lock", "Pipfile", "pypi"),
    ("Cargo.toml", "Cargo.toml", "cargo"),
    ("Cargo.lock", "Cargo.toml", "cargo"),
    ("go.mod", "go.mod", "golang"),
    ("go.sum", "go.mod", "golang"),
    ("Gemfile", "Gemfile", "gem"),
    ("Gemfile.lock", "Gemfile", "gem"),
    ("composer.json", "composer.json", "composer"),
    ("composer.lock", "composer.json", "composer"),
    ("pom.xml", "pom.xml", "maven"),
    ("build.gradle", "build.gradle", "maven"),
    ("build.gradle.kts", "build.gradle", "maven"),
    ("gradle.lockfile", "build.gradle", "maven"),
    ("packages.lock.json", "packages.lock.json", "nuget"),
    ("packages.config", "packages.config", "nuget"),
    ("mix.exs", "mix.exs", "hex"),
    ("mix.lock", "mix.exs", "hex"),
    ("pubspec.yaml", "pubspec.yaml", "pub"),
    ("pubspec.lock", "pubspec.yaml", "pub"),
    ("Package.resolved", "Package.swift", "swift"),
];

fn entry(path: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    let name = path.rsplit('/').next()?;
    MANIFESTS.iter().find(|(known, _, _)| *known == name)
}

/// The path by which a manifest and its lock files count as one place.
pub(super) fn project(path: &str) -> Cow<'_, str> {
    match entry(path) {
        Some((name, manifest, _)) if name != manifest => {
            Cow::Owned([&path[..path.len() - name.len()], manifest].concat())
        }
        _ => Cow::Borrowed(path),
    }
}

/// The kind of package, as package URLs name it, that a file speaks of.
pub fn package_kind(path: &str) -> Option<&'static str> {
    entry(path).map(|(_, _, kind)| *kind).or_else(|| {
        let name = path.rsplit('/').next()?;
        let is_requirements = name.ends_with(".txt") && name.contains("requirements");
        let is_project = [".csproj", ".fsproj", ".vbproj"]
            .iter()
            .any(|end| name.ends_with(end));
        let is_jar = [".jar", ".war", ".ear"]
            .iter()
            .any(|end| name.ends_with(end));
        match (is_requirements, is_project, is_jar) {
            (true, ..) => Some("pypi"),
            (_, true, _) => Some("nuget"),
            (.., true) => Some("maven"),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_and_its_manifest_are_one_place() {
        assert_eq!(project("web/package-lock.json"), "web/package.json");
        assert_eq!(project("web/package.json"), "web/package.json");
        assert_eq!(project("pnpm-lock.yaml"), "package.json");
        assert_eq!(project("requirements-dev.txt"), "requirements-dev.txt");
        assert_eq!(package_kind("a/requirements-dev.txt"), Some("pypi"));
        assert_eq!(package_kind("src/main.rs"), None);
    }
}

//! Rust components: a workspace, or a package outside one.

use crate::project::Survey;
use crate::project::defaults;
use crate::project::model::{Component, Evidence, Fact, Language, Need, Role, StepKind};
use crate::project::path;

/// Frameworks by the crate that brings them.
const FRAMEWORKS: [(&str, &str); 6] = [
    ("axum", "axum"),
    ("actix-web", "actix-web"),
    ("rocket", "rocket"),
    ("warp", "warp"),
    ("poem", "poem"),
    ("tonic", "tonic"),
];

pub(super) fn detect(survey: &Survey<'_>) -> Vec<Component> {
    let tree = survey.tree;
    let manifests: Vec<&str> = tree
        .named("Cargo.toml")
        .filter(|file| !path::is_sample(file))
        .collect();
    let is_workspace = |folder: &str| {
        tree.toml(&path::join(folder, "Cargo.toml"))
            .is_some_and(|node| node.get("workspace").is_some())
    };
    manifests
        .iter()
        .filter(|file| {
            // A member is proved with its workspace.
            let folder = path::parent(file);
            is_workspace(folder)
                || !path::ancestors(folder)
                    .skip(1)
                    .any(|above| is_workspace(above) && !is_excluded(survey, above, folder))
        })
        .filter_map(|file| describe(survey, file))
        .collect()
}

/// Whether a workspace leaves a folder out by `exclude`.
fn is_excluded(survey: &Survey<'_>, workspace: &str, folder: &str) -> bool {
    let relative = path::relative(workspace, folder);
    survey
        .tree
        .toml(&path::join(workspace, "Cargo.toml"))
        .and_then(|node| {
            Some(
                node.at(&["workspace", "exclude"])?
                    .items()
                    .iter()
                    .filter_map(|item| item.str())
                    .any(|excluded| path::is_within(&relative, excluded.trim_end_matches('/'))),
            )
        })
        .unwrap_or_default()
}

fn describe(survey: &Survey<'_>, file: &str) -> Option<Component> {
    let tree = survey.tree;
    let node = tree.toml(file)?;
    // Fuzz targets are built by cargo-fuzz, with a compiler of their own.
    let is_fuzz = ["package", "metadata", "cargo-fuzz"];
    if node.at(&is_fuzz).is_some() {
        return None;
    }
    let root = path::parent(file);
    let framework = tree
        .under(root)
        .filter(|other| {
            path::name(other) == "Cargo.toml" && !path::is_sample(&path::relative(root, other))
        })
        .find_map(|manifest| {
            let node = tree.toml(manifest)?;
            FRAMEWORKS.iter().find_map(|(name, id)| {
                let entry = node
                    .entry_at(&["dependencies", name])
                    .or_else(|| node.entry_at(&["workspace", "dependencies", name]))?;
                Some(Fact::new(
                    (*id).to_owned(),
                    Evidence::new(manifest, entry.line),
                ))
            })
        });
    let has_program = tree
        .under(root)
        .any(|file| file.ends_with("src/main.rs") || file.contains("src/bin/"));
    let role = if framework.is_some() && has_program {
        Role::Backend
    } else {
        Role::Library
    };
    let mut component = Component::new(root, Language::Rust, role, Evidence::new(file, 1));
    if root == "." {
        component.name = node
            .at(&["package", "name"])
            .and_then(|name| name.str())
            .unwrap_or(".")
            .to_owned();
    }
    component.framework = framework.filter(|_| has_program);
    let mut claims = Vec::new();
    for name in ["rust-toolchain.toml", "rust-toolchain"] {
        let Some(found) = tree.nearest(root, name) else {
            continue;
        };
        let as_table = tree
            .text(&found)
            .filter(|text| text.contains("[toolchain]"));
        if as_table.is_some() {
            if let Some(entry) = tree
                .toml(&found)
                .as_ref()
                .and_then(|node| node.entry_at(&["toolchain", "channel"]))
                && let Some(version) = entry.node.str()
            {
                claims.push((version.to_owned(), Evidence::new(&found, entry.line)));
            }
        } else if let Some(text) = tree.text(&found) {
            claims.push((text.trim().to_owned(), Evidence::new(&found, 1)));
        }
    }
    claims.extend(survey.image_versions(root, &["rust"]));
    component.version = Fact::decide(claims).or_else(|| Some(Fact::assumed("stable".to_owned())));
    component.package_manager = Some(Fact::new("cargo".to_owned(), Evidence::new(file, 1)));
    let lock = path::join(root, "Cargo.lock");
    component.lock_file = tree.contains(&lock).then(|| Evidence::new(lock, 1));
    let locked = if component.lock_file.is_some() {
        " --locked"
    } else {
        ""
    };
    let scope = if node.get("workspace").is_some() {
        " --workspace"
    } else {
        ""
    };
    let evidence = || Evidence::new(file, 1);
    component.add_step(
        StepKind::Lint,
        "Lint with clippy",
        format!("cargo clippy{scope} --all-targets{locked} -- -D warnings"),
        evidence(),
    );
    component.add_step(
        StepKind::Format,
        "Check the format",
        if scope.is_empty() {
            "cargo fmt --check"
        } else {
            "cargo fmt --all --check"
        },
        evidence(),
    );
    let test = tree
        .under(root)
        .filter(|file| file.ends_with(".rs"))
        .find(|file| {
            path::relative(root, file).starts_with("tests/")
                || file.contains("/tests/")
                || tree.text(file).is_some_and(|text| {
                    text.contains("#[test]")
                        || text.contains("#[cfg(test)]")
                        || text.contains("::test]")
                })
        })
        .map(|file| Evidence::new(file, 1));
    if test.is_some() {
        add_servers(survey, root, &mut component);
    }
    match test {
        Some(evidence) => component.add_step(
            StepKind::Test,
            "Test",
            format!("cargo test{scope}{locked}"),
            evidence,
        ),
        None => component.add_gap("test", "there are no tests", "write a first `#[test]`"),
    }
    component.add_step(
        StepKind::Build,
        "Build",
        format!("cargo build{scope}{locked}"),
        evidence(),
    );
    Some(component)
}

/// Servers that tests reach through sqlx and redis: sqlx checks its queries
/// against a database even to compile, where DATABASE_URL names one.
fn add_servers(survey: &Survey<'_>, root: &str, component: &mut Component) {
    let tree = survey.tree;
    let manifests = tree.under(root).filter(|file| {
        path::name(file) == "Cargo.toml" && !path::is_sample(&path::relative(root, file))
    });
    for manifest in manifests {
        let Some(text) = tree.text(manifest) else {
            continue;
        };
        let at = |word: &str| {
            let at = text
                .lines()
                .position(|line| line.contains(word) && !line.starts_with('#'))?;
            Some(Evidence::new(manifest, at + 1))
        };
        let address = tree
            .first_in(root, &[".env", ".env.sample", ".env.example"])
            .and_then(|file| Some(Evidence::new(&file, tree.line_with(&file, "DATABASE_URL")?)));
        let uses_macros = || {
            tree.under(root)
                .filter(|file| file.ends_with(".rs"))
                .find_map(|file| Some(Evidence::new(file, tree.line_with(file, "sqlx::")?)))
        };
        if let Some(evidence) = at("sqlx")
            && text.contains("postgres")
            && let Some(reason) = address.or_else(uses_macros)
        {
            let image = survey.service_image(root, "postgres").map_or_else(
                || defaults::service_image("postgres").to_owned(),
                |(image, _)| image,
            );
            component.add_service("postgres", &image, Need::Tests, evidence);
            component.add_environment("DATABASE_URL", Need::Tests, reason);
        }
        let redis = text.lines().position(|line| {
            line.starts_with("redis") && line.contains('=') || line.contains("\"redis-")
        });
        if let Some(evidence) = redis.map(|at| Evidence::new(manifest, at + 1)) {
            let image = survey.service_image(root, "redis").map_or_else(
                || defaults::service_image("redis").to_owned(),
                |(image, _)| image,
            );
            component.add_service("redis", &image, Need::Tests, evidence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::detect_in;
    use crate::project::testing::tree;

    #[test]
    fn fuzz_targets_are_no_component() {
        let manifest = "[package]\nname = \"a-fuzz\"\n\n[package.metadata]\ncargo-fuzz = true\n";
        let (_folder, tree) = tree(&[
            ("Cargo.toml", "[package]\nname = \"a\"\n"),
            ("fuzz/Cargo.toml", manifest),
        ]);
        let found = detect_in(&tree).components;
        let roots: Vec<&str> = found.iter().map(|found| found.root.as_str()).collect();
        assert_eq!(roots, ["."]);
    }

    #[test]
    fn a_workspace_is_one_component() {
        let (_folder, tree) = tree(&[
            (
                "Cargo.toml",
                "[workspace]\nmembers = [\"crates/*\"]\nexclude = [\"fuzz\"]\n",
            ),
            ("Cargo.lock", ""),
            (
                "crates/api/Cargo.toml",
                "[package]\nname = \"api\"\n[dependencies]\naxum = \"0.7\"\n",
            ),
            (
                "crates/api/src/main.rs",
                "fn main() {}\n#[test]\nfn a() {}\n",
            ),
            ("fuzz/Cargo.toml", "[package]\nname = \"fuzz\"\n"),
            ("rust-toolchain.toml", "[toolchain]\nchannel = \"1.80\"\n"),
        ]);
        let found = detect_in(&tree).components;
        let roots: Vec<_> = found
            .iter()
            .map(|component| component.root.as_str())
            .collect();
        assert_eq!(roots, [".", "fuzz"]);
        assert_eq!(found[0].role, Role::Backend);
        assert_eq!(
            found[0].steps[2].command.run,
            "cargo test --workspace --locked"
        );
        assert_eq!(
            found[0].version.as_ref().map(|found| found.value.as_str()),
            Some("1.80")
        );
    }
}

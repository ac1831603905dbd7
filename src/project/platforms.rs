//! Files of the platforms that run a project. Adding one is a line in
//! [`PLATFORMS`].

use super::model::{Component, Platform, Role};
use super::path;
use super::tree::Tree;

/// A platform's file.
struct Kind {
    file: &'static str,
    platform: &'static str,
    /// A word without which a file of this name is somebody else's.
    word: &'static str,
    /// What such a platform mostly runs.
    role: Option<Role>,
}

const PLATFORMS: [Kind; 11] = [
    kind("railway.json", "railway", "", None),
    kind("railway.toml", "railway", "", None),
    kind("vercel.json", "vercel", "", Some(Role::Frontend)),
    kind("render.yaml", "render", "services", None),
    kind("fly.toml", "fly", "", None),
    kind("Procfile", "heroku", ":", None),
    kind("netlify.toml", "netlify", "", Some(Role::Frontend)),
    kind("app.yaml", "appengine", "runtime:", None),
    kind("app.yml", "appengine", "runtime:", None),
    kind("nixpacks.toml", "railway", "", None),
    kind("railpack.json", "railway", "", None),
];

const fn kind(
    file: &'static str,
    platform: &'static str,
    word: &'static str,
    role: Option<Role>,
) -> Kind {
    Kind {
        file,
        platform,
        word,
        role,
    }
}

pub(super) fn detect(tree: &Tree, components: &[Component]) -> Vec<Platform> {
    let mut found: Vec<Platform> = PLATFORMS
        .iter()
        .flat_map(|kind| {
            tree.named(kind.file)
                .filter(|file| !path::is_sample(file))
                .filter_map(|file| {
                    let text = tree.text(file)?;
                    let line = if kind.word.is_empty() {
                        1
                    } else {
                        text.lines().position(|line| line.contains(kind.word))? + 1
                    };
                    Some(Platform {
                        platform: kind.platform.to_owned(),
                        path: file.to_owned(),
                        line,
                        component: component_of(file, &text, kind, components),
                    })
                })
                .collect::<Vec<_>>()
        })
        .collect();
    found.sort_by(|left, right| left.path.cmp(&right.path));
    found
}

/// The component in the file's folder; else the only one of the role that the
/// platform is for; else the one whose folder the file names.
fn component_of(file: &str, text: &str, kind: &Kind, components: &[Component]) -> Option<String> {
    let folder = path::parent(file);
    let fits = |component: &&Component| match kind.role {
        Some(role) => component.role == role,
        None => component.role != Role::Library || components.len() == 1,
    };
    let here: Vec<&Component> = components
        .iter()
        .filter(|component| component.root == folder)
        .collect();
    if let [one] = here.as_slice() {
        return Some(one.name.clone());
    }
    let below: Vec<&Component> = components
        .iter()
        .filter(|component| path::is_within(&component.root, folder))
        .filter(fits)
        .collect();
    if let [one] = below.as_slice() {
        return Some(one.name.clone());
    }
    let named: Vec<&&Component> = below
        .iter()
        .filter(|component| {
            component.root != "."
                && text.contains(&format!("{}/", path::relative(folder, &component.root)))
        })
        .collect();
    match named.as_slice() {
        [one] => Some(one.name.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::project::detect_in;
    use crate::project::testing::tree;

    #[test]
    fn platforms_belong_to_the_component_that_they_run() {
        let (_folder, tree) = tree(&[
            (
                "railway.json",
                "{\"deploy\": {\"startCommand\": \"bash backend/start.sh\"}}",
            ),
            ("vercel.json", "{}"),
            ("app.yaml", "kind: Deployment\n"),
            ("backend/requirements.txt", "fastapi\n"),
            (
                "backend/main.py",
                "from fastapi import FastAPI\napp = FastAPI()\n",
            ),
            (
                "frontend/package.json",
                "{\"scripts\": {\"build\": \"next build\"}, \"dependencies\": {\"next\": \"15\"}}",
            ),
        ]);
        let found = detect_in(&tree).platforms;
        let pairs: Vec<_> = found
            .iter()
            .map(|platform| (platform.platform.as_str(), platform.component.as_deref()))
            .collect();
        assert_eq!(
            pairs,
            [("railway", Some("backend")), ("vercel", Some("frontend"))]
        );
    }
}

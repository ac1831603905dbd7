//! What is scanned beside the repository's folder: images, by name, from an archive
//! or built from a Dockerfile, and lists of components (SBOM).

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Place;
use super::run::tail_of;
use crate::sys::process::Program;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// What it is called: as it was asked for.
    pub name: String,
    /// Where it is.
    pub source: Source,
}

/// Where something is that is to be scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An image of a registry, or of the machine's engine, by its name.
    Name,
    /// An image in an archive, as `docker save` writes it.
    Archive(PathBuf),
    /// An image that this Dockerfile builds from this folder, both relative to the
    /// repository.
    Dockerfile {
        /// The Dockerfile.
        file: String,
        /// The folder that it is built from.
        context: String,
    },
    /// A CycloneDX or SPDX file of the repository.
    Sbom(PathBuf),
}

impl Artifact {
    /// What was asked for as an image: a Dockerfile or another file of the
    /// repository, else a name. `context` says which folder a Dockerfile builds.
    pub fn image(name: &str, root: &Path, context: impl Fn(&str) -> Option<String>) -> Self {
        let clean = name.trim_start_matches("./");
        let source = match context(clean) {
            Some(context) => Source::Dockerfile {
                file: clean.to_owned(),
                context,
            },
            None if root.join(name).is_file() => Source::Archive(root.join(name)),
            None => Source::Name,
        };
        let name = match source {
            Source::Name => name,
            _ => clean,
        };
        Self {
            name: name.to_owned(),
            source,
        }
    }

    /// A list of components.
    pub fn sbom(name: &str, root: &Path) -> Self {
        Self {
            name: name.to_owned(),
            source: Source::Sbom(root.join(name)),
        }
    }

    /// Whether it is an image.
    pub const fn is_image(&self) -> bool {
        !matches!(self.source, Source::Sbom(_))
    }

    /// How scanners name an image: `docker-archive:FILE`, or its name.
    pub fn address(&self) -> String {
        match &self.source {
            Source::Archive(file) => format!("docker-archive:{}", file.display()),
            _ => self.name.clone(),
        }
    }
}

/// Programs that build images, in this order.
const ENGINES: [&str; 3] = ["docker", "podman", "buildah"];

/// What an engine is told of where its daemon, store and registries are.
const VARIABLES: [&str; 18] = [
    "HOME",
    "PATH",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_BUILDKIT",
    "BUILDAH_ISOLATION",
    "STORAGE_DRIVER",
    "CONTAINERS_CONF",
    "CONTAINERS_STORAGE_CONF",
    "CONTAINERS_REGISTRIES_CONF",
    "REGISTRY_AUTH_FILE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
];

/// Builds an image and keeps it as an archive in the private folder, so that every
/// scanner sees the same one and none needs the engine. Its lines run as in any
/// build: ask for it only where you would build it.
///
/// # Errors
/// Why there is none.
pub fn build(
    place: &Place<'_>,
    file: &str,
    context: &str,
    number: usize,
) -> Result<PathBuf, String> {
    let path = place.env.get("PATH").unwrap_or_default();
    let mut failure = format!(
        "it is built by one of {}, and none is installed",
        ENGINES.join(", ")
    );
    for engine in ENGINES {
        if !has(path, engine, place.root) {
            continue;
        }
        match build_with(engine, place, file, context, number) {
            // A client without its daemon builds nothing, and another engine may.
            Err(why) if why.contains("connect to the Docker daemon") => failure = why,
            done => return done,
        }
    }
    Err(failure)
}

fn build_with(
    engine: &str,
    place: &Place<'_>,
    file: &str,
    context: &str,
    number: usize,
) -> Result<PathBuf, String> {
    let archive = place.private.join(format!("image-{number}.tar"));
    let output = archive.display().to_string();
    let tag = format!("localhost/ci-tool-scan:{}-{number}", std::process::id());
    let text = |path: &Path| path.display().to_string();
    let (dockerfile, folder) = (
        text(&place.root.join(file)),
        text(&place.root.join(context)),
    );
    let save = match engine {
        "buildah" => vec![
            "push".to_owned(),
            tag.clone(),
            format!("docker-archive:{output}"),
        ],
        _ => vec![
            "save".to_owned(),
            "--output".to_owned(),
            output,
            tag.clone(),
        ],
    };
    let build = ["build", "--tag", &tag, "--file", &dockerfile, &folder].map(str::to_owned);
    let run = |arguments: &[String]| {
        let limit = Duration::from_secs(place.settings.time_limit.unwrap_or(900).into());
        let ran = Program::new(engine)
            .inherit(place.env, &VARIABLES)
            .arguments(arguments)
            .folder(place.root)
            .time_limit(limit)
            .run();
        match ran {
            Ok(finished) if finished.code == Some(0) => Ok(()),
            Ok(finished) => Err(format!(
                "`{engine} {}` failed{}",
                arguments[0],
                tail_of(&finished, &[])
            )),
            Err(error) => Err(error.to_string()),
        }
    };
    run(&build)?;
    let saved = run(&save);
    // It is ours alone; where it stays, it only costs space.
    let _ = run(&["rmi".to_owned(), tag]);
    saved.map(|()| archive)
}

/// Whether a program is in a folder of this search path outside of the repository.
fn has(path: &str, program: &str, root: &Path) -> bool {
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute() && !folder.starts_with(root))
        .any(|folder| folder.join(program).is_file())
}

//! Containers: where the repository's code runs in an image, it can read nothing of this
//! machine but its copy. Podman or Docker starts them, whichever is there.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::project::model::Language;
use crate::sys::env::Env;
use crate::sys::fs::write_atomically;
use crate::sys::process::{ProcessError, Program, is_root, user};
use crate::workflows::view::Job;

/// The programs that start containers, in the order in which they are looked for.
const PROGRAMS: [&str; 2] = ["podman", "docker"];

/// What they need to find their images and their server. No container gets any of it.
const VARIABLES: [&str; 16] = [
    "PATH",
    "HOME",
    "USER",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "DBUS_SESSION_BUS_ADDRESS",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "CONTAINER_HOST",
    "CONTAINERS_CONF",
    "CONTAINERS_REGISTRIES_CONF",
    "CONTAINERS_STORAGE_CONF",
    "REGISTRIES_CONFIG_PATH",
    "STORAGE_DRIVER",
];

/// The file of the variables that a container gets.
const VARIABLES_FILE: &str = "variables";

/// How long an image may take to come.
const PULL_TIME: Duration = Duration::from_secs(1_800);

/// How long anything else may take that is no step.
const SHORT_TIME: Duration = Duration::from_secs(60);

/// The exit code by which the engine says that it could not run a container.
const ENGINE_FAILED: i32 = 125;

/// What starts containers.
#[derive(Debug)]
pub(super) struct Engine {
    program: &'static str,
    env: Env,
    /// What containers read and cannot change.
    folder: tempfile::TempDir,
    /// Which image is used now.
    image: Option<String>,
    started: std::cell::Cell<usize>,
}

impl Engine {
    /// The one that is there.
    ///
    /// # Errors
    /// Where there is none, or no folder can be made.
    pub(super) fn find(env: &Env) -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("ci-tool-engine-")
            .tempdir()?;
        let answers = |program: &&&str| {
            let asked = Program::new(program).inherit(env, &VARIABLES);
            let asked = asked.time_limit(SHORT_TIME).arguments(["version"]).run();
            asked.is_ok_and(|answer| answer.code == Some(0))
        };
        let Some(program) = PROGRAMS.iter().find(answers) else {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "neither podman nor docker answers: install one, or probe without containers",
            ));
        };
        Ok(Self {
            program,
            env: env.clone(),
            folder,
            image: None,
            started: std::cell::Cell::new(0),
        })
    }

    fn program(&self) -> Program {
        Program::new(self.program).inherit(&self.env, &VARIABLES)
    }

    /// Uses an image from now on, which is fetched where it is not here; its search path.
    ///
    /// # Errors
    /// Where it cannot be had, in words.
    pub(super) fn enter(&mut self, image: &str) -> Result<String, String> {
        let run = |program: Program| program.run().map_err(|error| error.to_string());
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        let inspect = ["image", "inspect", "--format={{json .Config.Env}}", image];
        let ask = || run(self.program().time_limit(SHORT_TIME).arguments(inspect));
        let mut asked = ask()?;
        if asked.code != Some(0) {
            let pull = self.program().time_limit(PULL_TIME);
            let pulled = run(pull.arguments(["pull", "--quiet", image]))?;
            if pulled.code != Some(0) {
                let why = said(&pulled.stderr);
                let why = why.lines().last().unwrap_or("it does not say why");
                return Err(format!("the image {image} cannot be had: {why}"));
            }
            asked = ask()?;
        }
        let variables: Vec<String> =
            serde_json::from_slice(&asked.stdout).unwrap_or_else(|_| Vec::new());
        let path = variables.iter().find_map(|one| one.strip_prefix("PATH="));
        let path = path.unwrap_or("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        self.image = Some(image.to_owned());
        Ok(path.to_owned())
    }

    /// Shell lines as a program that runs them in a container, which sees the folder `root`
    /// and these variables; and the container's name.
    ///
    /// # Errors
    /// Where the variables cannot be written down.
    pub(super) fn shell(
        &self,
        lines: &str,
        root: &Path,
        directory: &Path,
        variables: &BTreeMap<String, String>,
        processes: u64,
    ) -> io::Result<(Program, String)> {
        let count = self.started.get() + 1;
        self.started.set(count);
        // A command line is everybody's to read, and a variable can be a token.
        let given = self.folder.path().join(VARIABLES_FILE);
        let mut text = String::new();
        let mut files = Vec::new();
        for (name, value) in variables {
            text.push_str(&format!(
                "export {name}='{}'\n",
                value.replace('\'', "'\\''")
            ));
            if is_certificate(name) {
                files.extend(certificate(value));
            }
        }
        write_atomically(self.folder.path(), VARIABLES_FILE, &text)
            .map_err(|error| io::Error::other(error.to_string()))?;
        files.sort();
        files.dedup();
        let name = format!("ci-tool-probe-{}-{count}", std::process::id());
        let image = self
            .image
            .as_ref()
            .ok_or_else(|| io::Error::other("no image is chosen"))?;
        let mount = |path: &Path, how: &str| format!("--volume={0}:{0}{how}", path.display());
        let mut words = vec![
            "run".to_owned(),
            "--rm".to_owned(),
            format!("--name={name}"),
            "--network=host".to_owned(),
            "--read-only".to_owned(),
            "--tmpfs=/tmp".to_owned(),
            "--tmpfs=/run".to_owned(),
            "--tmpfs=/var/tmp".to_owned(),
            "--cap-drop=all".to_owned(),
            "--security-opt=no-new-privileges".to_owned(),
            format!("--pids-limit={processes}"),
            mount(root, ""),
            mount(self.folder.path(), ":ro"),
            format!("--workdir={}", directory.display()),
            "--entrypoint=bash".to_owned(),
        ];
        words.extend(files.iter().map(|file| mount(file, ":ro")));
        words.push(self.user());
        words.extend([
            image.clone(),
            "--noprofile".to_owned(),
            "--norc".to_owned(),
            "-c".to_owned(),
            ". \"$0\"; exec bash --noprofile --norc -e -c \"$1\" > \"$2\" 2>&1".to_owned(),
            given.display().to_string(),
            lines.to_owned(),
            root.join("said").display().to_string(),
        ]);
        Ok((self.program().arguments(words), name))
    }

    /// Files of a container are to be those of whoever started it.
    fn user(&self) -> String {
        if self.program == "podman" && !is_root() {
            return "--userns=keep-id".to_owned();
        }
        let (user, group) = user();
        format!("--user={user}:{group}")
    }

    /// What the engine itself says of a container that it could not run.
    pub(super) fn failed(code: Option<i32>, said: &[u8]) -> Option<String> {
        let said = String::from_utf8_lossy(said);
        let last = said.trim().lines().last().unwrap_or("it does not say why");
        (code == Some(ENGINE_FAILED)).then(|| format!("no container could be run: {last}"))
    }

    /// Stops a container that has not ended with the program that started it.
    pub(super) fn stop(&self, name: &str) -> Result<(), ProcessError> {
        let stop = ["rm", "--force", "--volumes", name];
        let stopped = self.program().time_limit(SHORT_TIME).arguments(stop);
        stopped.to_its_end().run().map(|_| ())
    }
}

/// Whether a variable names certificates.
pub(super) fn is_certificate(name: &str) -> bool {
    name.contains("CERT") || name.contains("CA_BUNDLE")
}

/// A file or folder of certificates, which a container has not.
fn certificate(value: &str) -> Option<PathBuf> {
    let path = PathBuf::from(value);
    (path.is_absolute() && path.exists()).then_some(path)
}

/// The image of a job: that of its language and version, as its name is known.
pub(super) fn image(job: &Job) -> String {
    let version = job.gitlab.version.as_str();
    let (name, usual) = match job.language {
        Language::Python => ("docker.io/library/python", "3"),
        Language::Node => ("docker.io/library/node", "lts"),
        Language::Go => ("docker.io/library/golang", "1"),
        Language::Rust => ("docker.io/library/rust", "1"),
        Language::Java => ("docker.io/library/eclipse-temurin", "21"),
        Language::Ruby => ("docker.io/library/ruby", "3"),
        Language::Php => ("docker.io/library/php", "8"),
        Language::Dotnet => ("mcr.microsoft.com/dotnet/sdk", "8.0"),
    };
    let version = if version.is_empty() { usual } else { version };
    format!("{name}:{version}")
}

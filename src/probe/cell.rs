//! Where the repository's own code runs: in a copy, with an environment of its own, held
//! to it as far as the machine can.
//!
//! It writes to its copy only (Landlock), sees and stops no process but its own (a
//! process namespace), and gets the variables that it needs and no other. Where the
//! machine has one of these not, that is said.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::engine::{self, Engine};
use crate::sys::env::Env;
use crate::sys::fs::size;
use crate::sys::process::{Finished, ProcessError, Program, Watch, is_root};
use crate::sys::sandbox;

/// What of a step's output is kept, in bytes.
const KEPT: u64 = 64 * 1024 * 1024;

/// So many processes and threads may a step have.
const PROCESSES: u64 = 4000;

/// What root may not do in there. With `perfmon`, newer kernels let a process read the
/// environment of any other, whatever Landlock says.
const WITHOUT: &str = "-perfmon,-bpf,-sys_ptrace,-sys_admin,-sys_module,-sys_rawio,-sys_boot,\
    -sys_time,-syslog,-mac_admin,-mac_override,-dac_read_search";

/// Variables that tell programs how they reach the world. One whose value has a password
/// in it is not handed on.
const HANDED_ON: [&str; 30] = [
    "LANG",
    "LC_ALL",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "PIP_CERT",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_DEFAULT_TIMEOUT",
    "UV_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "NPM_CONFIG_REGISTRY",
    "npm_config_registry",
    "GOPROXY",
    "GOFLAGS",
    "GOROOT",
    "JAVA_HOME",
    "DOTNET_ROOT",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "PLAYWRIGHT_BROWSERS_PATH",
    "PUPPETEER_EXECUTABLE_PATH",
];

/// Folders of tools below the home folder, which a step's own home has not.
const TOOL_HOMES: [(&str, &str); 5] = [
    ("PYENV_ROOT", ".pyenv"),
    ("RUSTUP_HOME", ".rustup"),
    ("NVM_DIR", ".nvm"),
    ("VOLTA_HOME", ".volta"),
    ("SDKMAN_DIR", ".sdkman"),
];

/// The limits of a step.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long it may run.
    pub time: Duration,
    /// How many bytes of the disk it may use.
    pub disk: u64,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// With this exit code.
    Code(i32),
    /// It was stopped, since it did not end.
    TimeLimit,
    /// It was stopped, since it used up the machine; in words.
    Stopped(String),
}

/// A run of a step.
#[derive(Debug, Clone)]
pub struct Ran {
    /// How it ended.
    pub ended: Ended,
    /// What it said on both outputs.
    pub output: String,
    /// How long it took.
    pub took: Duration,
}

impl Ran {
    /// Whether it passed.
    pub fn passed(&self) -> bool {
        self.ended == Ended::Code(0)
    }
}

/// A copy with what runs in it.
#[derive(Debug)]
pub struct Cell {
    folder: tempfile::TempDir,
    base: BTreeMap<String, String>,
    wrapper: Vec<String>,
    engine: Option<Engine>,
    limits: Limits,
    /// What the machine cannot hold a step to.
    pub gaps: Vec<&'static str>,
}

impl Cell {
    /// An empty one; `own` are names of variables to hand on. With an engine what runs in
    /// it runs in containers.
    ///
    /// # Errors
    /// Where no folder can be made.
    pub(super) fn new(
        env: &Env,
        own: &[String],
        limits: Limits,
        engine: Option<Engine>,
    ) -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("ci-tool-probe-")
            .tempdir()?;
        // Links in the way to it would be other names of the same places.
        let root = fs::canonicalize(folder.path())?;
        for name in ["tree", "home", "tmp", "bin", "records"] {
            fs::create_dir(root.join(name))?;
        }
        let mut cell = Self {
            folder,
            base: variables(env, own),
            wrapper: Vec::new(),
            engine,
            limits,
            gaps: Vec::new(),
        };
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        for (name, value) in [
            ("HOME", text(root.join("home"))),
            ("TMPDIR", text(root.join("tmp"))),
            (crate::debt::RECORDS, text(root.join("records"))),
        ] {
            cell.base.insert(name.to_owned(), value);
        }
        let path = env.get("PATH").unwrap_or("/usr/bin:/bin");
        let path = format!("{}:{path}", text(root.join("bin")));
        cell.base.insert("PATH".to_owned(), path);
        if cell.engine.is_none() {
            cell.find_wrapper();
            return Ok(cell);
        }
        // What is at a place of this machine is not there in a container.
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        cell.base.retain(|name, value| {
            let is_place = value.starts_with('/') && !value.starts_with(&*root.to_string_lossy());
            !is_place || engine::is_certificate(name) || own.contains(&name.as_str())
        });
        cell.gaps
            .push("a step reaches servers of this machine: containers share its network");
        Ok(cell)
    }

    /// Lets what follows run in this image, where it runs in containers.
    ///
    /// # Errors
    /// Where the image cannot be had, in words.
    pub(super) fn enter(&mut self, image: &str) -> Result<(), String> {
        let bin = self.bin();
        if let Some(engine) = &mut self.engine {
            let path = engine.enter(image)?;
            let path = format!("{}:{path}", bin.display());
            self.base.insert("PATH".to_owned(), path);
        }
        Ok(())
    }

    /// How processes are kept to themselves here: what works is found by trying.
    fn find_wrapper(&mut self) {
        let mut wrapper = vec!["unshare"];
        if !is_root() {
            wrapper.extend(["--user", "--map-current-user"]);
        }
        wrapper.extend(["--pid", "--fork", "--kill-child"]);
        if sandbox::holds() {
            // It can mount nothing, and need not: it can look into no process of ours.
        } else {
            self.gaps
                .push("the kernel cannot keep a step from writing outside of its copy");
            wrapper.push("--mount-proc");
        }
        if is_root() {
            wrapper.extend(["setpriv", "--bounding-set", WITHOUT, "--inh-caps", WITHOUT]);
        }
        let wrapper: Vec<String> = wrapper.into_iter().map(str::to_owned).collect();
        let works = self
            .program(&wrapper, &["true".to_owned()], &self.tree())
            .run();
        if works.is_ok_and(|works| works.code == Some(0)) {
            self.wrapper = wrapper;
        } else {
            self.gaps.push(
                "a step can see, read and stop processes of yours: `unshare` and `setpriv` do not work here",
            );
        }
    }

    /// The copy of the repository.
    pub fn tree(&self) -> PathBuf {
        self.root().join("tree")
    }

    /// Programs that are there for a step alone.
    pub(super) fn bin(&self) -> PathBuf {
        self.root().join("bin")
    }

    /// What steps write so that it is compared.
    pub(super) fn records(&self) -> PathBuf {
        self.root().join("records")
    }

    fn root(&self) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap_or_else(|_| self.folder.path().to_owned())
    }

    /// The value of a variable that every step gets.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.base.get(name).map(String::as_str)
    }

    /// Runs shell lines in a folder of the copy, as a runner does: `bash -e`.
    ///
    /// # Errors
    /// Where it cannot be started at all, or somebody asked us to stop.
    pub fn run(
        &self,
        lines: &str,
        directory: &str,
        variables: &BTreeMap<String, String>,
    ) -> Result<Ran, ProcessError> {
        let broken = |source: io::Error| ProcessError::Broken {
            program: "bash".to_owned(),
            source,
        };
        let said = self.root().join("said");
        let started = Instant::now();
        if let Some(engine) = &self.engine {
            let ended = self.run_in(engine, lines, directory, variables)?;
            let output = self.tail(&said).map_err(broken)?;
            self.remove(&said);
            return Ok(Ran {
                ended,
                output,
                took: started.elapsed(),
            });
        }
        // The lines are an argument: a file of them would be a place for a step to leave a
        // link, through which the next one's would be written.
        let words: Vec<String> = [
            "bash",
            "-c",
            "exec bash --noprofile --norc -e -c \"$0\" > \"$1\" 2>&1",
            lines,
            &said.to_string_lossy(),
        ]
        .map(str::to_owned)
        .into();
        let mut program = self.program(&self.wrapper, &words, &self.tree().join(directory));
        for (name, value) in variables {
            program = program.variable(name, value);
        }
        let ended = ended(program.run())?;
        let output = self.tail(&said).map_err(broken)?;
        // What filled the disk there is not kept for the next one.
        self.remove(&said);
        Ok(Ran {
            ended,
            output,
            took: started.elapsed(),
        })
    }

    /// How many bytes programs keep in the home folder of steps, caches of packages above all.
    pub(super) fn kept_at_home(&self) -> u64 {
        size(&self.root().join("home"))
    }

    /// The same in a container.
    fn run_in(
        &self,
        engine: &Engine,
        lines: &str,
        directory: &str,
        variables: &BTreeMap<String, String>,
    ) -> Result<Ended, ProcessError> {
        let mut all = self.base.clone();
        all.extend(variables.clone());
        let root = self.root();
        let folder = root.join("tree").join(directory);
        let started = engine.shell(lines, &root, &folder, &all, PROCESSES);
        let (program, name) = started.map_err(|source| ProcessError::Broken {
            program: "a container".to_owned(),
            source,
        })?;
        let ran = program
            .time_limit(self.limits.time)
            .watched(self.watch())
            .run();
        match ran {
            Ok(finished) => match Engine::failed(finished.code, &finished.stderr) {
                Some(why) => Ok(Ended::Stopped(why)),
                None => ended(Ok(finished)),
            },
            Err(error) => {
                // It runs on without the program that started it.
                engine.stop(&name)?;
                ended(Err(error))
            }
        }
    }

    fn watch(&self) -> Watch {
        Watch {
            folder: self.root(),
            disk: self.limits.disk,
            processes: PROCESSES,
        }
    }

    /// The text of a file that a step wrote; `None` where it is none, or a link that leads
    /// out of the copy.
    pub(super) fn read(&self, file: &Path) -> Option<String> {
        let file = self.inside(file)?;
        let metadata = fs::metadata(&file).ok()?;
        (metadata.is_file() && metadata.len() <= KEPT).then_some(())?;
        fs::read_to_string(file).ok()
    }

    /// Takes away a file that a step wrote.
    pub(super) fn remove(&self, file: &Path) {
        let parent = file.parent().and_then(|parent| self.inside(parent));
        if let Some((parent, name)) = parent.zip(file.file_name()) {
            // Mostly there is none.
            let _ = fs::remove_file(parent.join(name));
        }
    }

    /// The place without links, where it is in the copy.
    fn inside(&self, path: &Path) -> Option<PathBuf> {
        let real = fs::canonicalize(path).ok()?;
        real.starts_with(self.root()).then_some(real)
    }

    /// The last part of what a step said.
    fn tail(&self, said: &Path) -> io::Result<String> {
        // It never came to say anything, or put something else there.
        let Some(said) = self.inside(said).filter(|said| said.is_file()) else {
            return Ok(String::new());
        };
        let mut file = fs::File::open(said)?;
        let length = file.metadata()?.len();
        if length > KEPT {
            io::Seek::seek(&mut file, io::SeekFrom::Start(length - KEPT))?;
        }
        let mut bytes = Vec::new();
        file.take(KEPT).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn program(&self, wrapper: &[String], words: &[String], folder: &Path) -> Program {
        let mut all = wrapper.iter().chain(words);
        let name = all.next().map_or("true", String::as_str);
        let mut writable = vec![self.root()];
        if !is_root() {
            // For the names of users in a namespace; the rest of it is not this user's.
            writable.push(PathBuf::from("/proc"));
        }
        let mark = self.root().to_string_lossy().into_owned();
        let mut program = Program::new(name)
            .arguments(all)
            .folder(folder)
            .time_limit(self.limits.time)
            .watched(self.watch())
            .confined(writable, &mark);
        for (name, value) in &self.base {
            program = program.variable(name, value);
        }
        program
    }
}

/// How what was run came to its end.
fn ended(ran: Result<Finished, ProcessError>) -> Result<Ended, ProcessError> {
    Ok(match ran {
        Ok(finished) => Ended::Code(finished.code.unwrap_or(137)),
        Err(ProcessError::TimeLimit { .. }) => Ended::TimeLimit,
        Err(ProcessError::DiskLimit { used, .. }) => {
            Ended::Stopped(format!("it filled the disk with {} MiB", used / 1_048_576))
        }
        Err(ProcessError::ProcessLimit { .. }) => {
            Ended::Stopped("it started processes without end".to_owned())
        }
        Err(error) => return Err(error),
    })
}

/// The variables that every step gets.
fn variables(env: &Env, own: &[String]) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::from([("CI".to_owned(), "true".to_owned())]);
    for name in HANDED_ON {
        if let Some(value) = env.get(name).filter(|value| !has_password(value)) {
            variables.insert(name.to_owned(), value.to_owned());
        }
    }
    for (name, folder) in TOOL_HOMES {
        let given = env.path(name);
        let usual = env.path("HOME").map(|home| home.join(folder));
        if let Some(folder) = given.or(usual).filter(|folder| folder.is_dir()) {
            variables.insert(name.to_owned(), folder.to_string_lossy().into_owned());
        }
    }
    for name in own {
        if let Some(value) = env.get(name) {
            variables.insert(name.clone(), value.to_owned());
        }
    }
    variables
}

/// Whether an address has a name or password in it: `https://user:x@host`.
fn has_password(value: &str) -> bool {
    value.split_whitespace().any(|word| {
        let rest = word.split_once("://").map(|(_, rest)| rest);
        let host = rest.and_then(|rest| rest.split('/').next());
        host.is_some_and(|host| host.contains('@'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(seconds: u64) -> Cell {
        // Other tests use the same disk.
        cell_with(seconds, 16 * 1024 * 1024 * 1024)
    }

    fn cell_with(seconds: u64, disk: u64) -> Cell {
        let env = Env::from_pairs([
            ("PATH", "/usr/bin:/bin"),
            ("GITHUB_TOKEN", "canary-token"),
            (
                "PIP_INDEX_URL",
                "https://me:canary-token@index.example/simple",
            ),
            ("GIVEN", "yes"),
        ]);
        let limits = Limits {
            time: Duration::from_secs(seconds),
            disk,
        };
        Cell::new(&env, &["GIVEN".to_owned()], limits, None).expect("a cell")
    }

    fn ran(cell: &Cell, lines: &str) -> Ran {
        cell.run(lines, ".", &BTreeMap::new()).expect("it starts")
    }

    #[test]
    fn a_step_gets_no_secret_and_its_output_is_kept() {
        let cell = cell(20);
        let ran = ran(
            &cell,
            "env; cat /proc/$PPID/environ /proc/1/environ || true; exit 3",
        );
        assert_eq!(ran.ended, Ended::Code(3));
        assert!(ran.output.contains("GIVEN=yes"), "{}", ran.output);
        assert!(ran.output.contains("CI=true"), "{}", ran.output);
        assert!(!ran.output.contains("canary"), "{}", ran.output);
    }

    #[test]
    fn lines_stop_at_the_first_that_fails() {
        let cell = cell(20);
        let ran = ran(&cell, "echo one; false; echo two");
        assert_eq!(ran.ended, Ended::Code(1));
        assert_eq!(ran.output, "one\n");
    }

    #[test]
    fn what_does_not_end_is_stopped_with_all_that_it_started() {
        let cell = cell(1);
        let lines = "env -i setsid bash -c 'sleep 4321' & nohup sleep 4321 & echo begun; sleep 60";
        let started = Instant::now();
        let ran = ran(&cell, lines);
        assert_eq!(ran.ended, Ended::TimeLimit);
        assert_eq!(ran.output, "begun\n");
        assert!(started.elapsed() < Duration::from_secs(20));
        if cell.wrapper.is_empty() {
            return;
        }
        let left = fs::read_dir("/proc")
            .expect("listed")
            .flatten()
            .any(|entry| {
                let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                words.starts_with(b"sleep\x004321")
            });
        assert!(!left, "a process was left running");
    }

    #[test]
    fn a_step_that_kills_its_parents_ends_alone() {
        let cell = cell(20);
        if cell.wrapper.is_empty() {
            // It would kill everything on this machine, which is said.
            assert!(!cell.gaps.is_empty());
            return;
        }
        let ran = ran(&cell, "kill -9 $PPID; kill -9 -1; sleep 30");
        assert_ne!(ran.ended, Ended::Code(0), "{ran:?}");
        let again = self::ran(&cell, "echo well");
        assert_eq!(again.output, "well\n");
    }

    #[test]
    fn what_fills_the_disk_is_stopped() {
        let cell = cell_with(60, 256 * 1024 * 1024);
        let ran = ran(
            &cell,
            "while :; do head -c 5000000 /dev/zero >> big; sync; done",
        );
        assert!(
            matches!(&ran.ended, Ended::Stopped(why) if why.contains("disk")),
            "{ran:?}"
        );
    }

    #[test]
    fn links_that_a_step_leaves_lead_nowhere() {
        let outside = tempfile::tempdir().expect("a folder");
        let secret = outside.path().join("secret");
        fs::write(&secret, "canary").expect("written");
        let cell = cell(20);
        let lines = format!(
            "cd ..; rm -rf records said; ln -s {0} records; ln -s {0}/secret said; ln -s {0}/secret tree/report",
            outside.path().display()
        );
        let first = ran(&cell, &lines);
        assert_eq!(first.output, "");
        assert_eq!(cell.read(&cell.tree().join("report")), None);
        cell.remove(&cell.records().join("secret"));
        let second = ran(&cell, "echo after; echo harm > ../records/secret || true");
        assert!(second.output.starts_with("after\n"), "{second:?}");
        assert_eq!(fs::read_to_string(&secret).expect("read"), "canary");
    }

    #[test]
    fn a_password_in_an_address_is_seen() {
        assert!(has_password("https://me:x@index.example/simple"));
        assert!(has_password("https://a.example https://me@b.example"));
        assert!(!has_password("https://index.example/@scope"));
        assert!(!has_password("/etc/ssl/ca.pem"));
    }
}

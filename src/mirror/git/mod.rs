//! The transport over the system's git. What libgit2 offers for pushes was measured
//! at sixty times git's time for one commit among 10,000 refs, it cannot push
//! atomically, reports refused refs as success, and takes a repository of a newer
//! form for an empty one; so everything is git's, but for three questions over HTTP that
//! a sync asks each time (`direct`): git takes longer to start for them.

mod direct;
mod lfs;
mod pack;
mod push;
mod remote;
mod wire;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use self::direct::Direct;
pub use self::lfs::Lfs;
use self::pack::Record;
use super::address::Address;
use super::decide::Side;
use super::messages;
use super::refs::{Oid, Refs};
use super::transport::{Foresight, Listing, Problem, Traffic, Trouble};
use crate::sys::askpass::{Askpass, Credential};
use crate::sys::env::{Env, GIT_VARIABLES};
use crate::sys::process::{Finished, ProcessError, Program};

/// The first version that takes configuration and long lists as we give them.
const OLDEST: (u32, u32) = (2, 31);

/// For more refs than this, all of a side are fetched: git compares each with each.
const MANY: usize = 400;

/// How long the lists of refs may be, in bytes.
const LIST_LIMIT: u64 = 1024 * 1024 * 1024;

/// How long a list of refs is waited for.
const LIST_TIME: Duration = Duration::from_secs(180);

/// How long a fetch or push may take.
const TRANSFER_TIME: Duration = Duration::from_secs(3 * 3_600);

/// What git is told on every call: nothing of the user's that changes what is
/// written, and no waiting without end.
const SETTINGS: [&str; 15] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "push.followTags=false",
    "push.gpgSign=false",
    "push.recurseSubmodules=no",
    "push.useForceIfIncludes=false",
    "fetch.recurseSubmodules=no",
    "fetch.prune=false",
    "fetch.writeCommitGraph=false",
    "credential.useHttpPath=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
    "protocol.version=2",
];

/// A side, and who may tell its token.
#[derive(Debug)]
pub struct Endpoint {
    /// Where it is.
    pub address: Address,
    /// How to sign in; without it as git's user does.
    pub credential: Option<Credential>,
}

/// Two repositories, reached by git.
#[derive(Debug)]
pub struct Git {
    source: Endpoint,
    mirror: Endpoint,
    env: Env,
    askpass: Option<Askpass>,
    /// Repositories of our own: nothing of a checkout is touched.
    folder: OnceLock<tempfile::TempDir>,
    /// What was fetched, with its refs.
    fetched: OnceLock<PathBuf>,
    /// Where that is kept; a folder of this run without it.
    kept: Option<PathBuf>,
    /// A folder of objects that is used beside it.
    objects: Option<PathBuf>,
    lfs: Lfs,
    /// Whether what was looked at keeps files in Git LFS; nothing where nothing was.
    keeps_lfs: Mutex<Option<bool>>,
    is_new_mirror: bool,
    foresight: Option<Arc<dyn Foresight>>,
    now: i64,
    /// The sides that are spoken to without git.
    direct: BTreeMap<&'static str, Direct>,
    /// Refs of ours that the mirror had when it was looked at.
    records: Mutex<Refs>,
    /// What git sent and received.
    traffic: Mutex<Traffic>,
    /// The tip of the mirror's default branch when it was looked at.
    mirror_head: Mutex<Option<Oid>>,
    /// A record that no repository holds yet.
    unwritten: Mutex<Option<Record>>,
    /// How many digits the ids of each side have.
    digits: Mutex<BTreeMap<&'static str, usize>>,
}

impl Git {
    /// Prepares to reach both sides.
    ///
    /// # Errors
    /// Where git is missing or too old, or tokens cannot be handed to it.
    pub fn new(source: Endpoint, mirror: Endpoint, env: &Env, now: i64) -> Result<Self, Problem> {
        let credentials: Vec<Credential> = [&source, &mirror]
            .into_iter()
            .filter_map(|side| side.credential.clone())
            .collect();
        let askpass = match credentials.is_empty() {
            true => None,
            false => Some(
                Askpass::start(credentials)
                    .map_err(|error| other(format!("cannot hand tokens to git: {error}")))?,
            ),
        };
        let mut git = Self {
            source,
            mirror,
            env: env.clone(),
            askpass,
            folder: OnceLock::new(),
            fetched: OnceLock::new(),
            kept: None,
            objects: None,
            lfs: Lfs::default(),
            keeps_lfs: Mutex::default(),
            is_new_mirror: false,
            foresight: None,
            now,
            direct: BTreeMap::new(),
            records: Mutex::default(),
            traffic: Mutex::default(),
            mirror_head: Mutex::default(),
            unwritten: Mutex::default(),
            digits: Mutex::default(),
        };
        git.check_version()?;
        git.direct = git.spoken_to();
        Ok(git)
    }

    /// Keeps what was fetched in this folder for the next run.
    #[must_use]
    pub fn kept(mut self, folder: Option<PathBuf>) -> Self {
        self.kept = folder;
        self
    }

    /// Uses the objects of a repository that is whole.
    #[must_use]
    pub fn objects(mut self, folder: Option<PathBuf>) -> Self {
        self.objects = folder;
        self
    }

    /// Says what becomes of files under Git LFS.
    #[must_use]
    pub const fn lfs_files(mut self, lfs: Lfs) -> Self {
        self.lfs = lfs;
        self
    }

    /// Takes the mirror for empty: it is not made yet.
    #[must_use]
    pub const fn new_mirror(mut self, is_new: bool) -> Self {
        self.is_new_mirror = is_new;
        self
    }

    /// Asks this for the rules of the mirror.
    #[must_use]
    pub fn foresight(mut self, foresight: Option<Arc<dyn Foresight>>) -> Self {
        self.foresight = foresight;
        self
    }

    /// How much went over the network so far, as far as git tells: what it fetched is
    /// counted as it lies on the disk, and files of Git LFS are not counted.
    pub fn traffic(&self) -> Traffic {
        let by_git = *locked(&self.traffic);
        let all = self.direct.values().map(Direct::traffic);
        all.fold(by_git, |sum, one| Traffic {
            sent: sum.sent + one.sent,
            received: sum.received + one.received,
        })
    }

    /// Leaves every question to git.
    #[must_use]
    pub fn by_git_alone(mut self) -> Self {
        self.direct.clear();
        self
    }

    /// The sides that can be spoken to without git.
    fn spoken_to(&self) -> BTreeMap<&'static str, Direct> {
        let asked = self.local().arguments(["config", "--list", "--name-only"]);
        // What cannot be read may say anything.
        let Ok(done) = self.run(asked, "git config") else {
            return BTreeMap::new();
        };
        let settings = String::from_utf8_lossy(&done.stdout);
        [Side::Source, Side::Mirror]
            .into_iter()
            .filter_map(|side| {
                let direct = Direct::new(side, self.side(side), &self.env, &settings)?;
                Some((name(side), direct))
            })
            .collect()
    }

    /// A side, where it is spoken to without git.
    fn direct(&self, side: Side) -> Option<&Direct> {
        self.direct.get(name(side)).filter(|direct| direct.is_on())
    }

    const fn side(&self, side: Side) -> &Endpoint {
        match side {
            Side::Source => &self.source,
            Side::Mirror => &self.mirror,
        }
    }

    fn check_version(&self) -> Result<(), Problem> {
        let done = self.run(self.local().arguments(["version"]), "git version")?;
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        let mut numbers = text
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|part| part.parse::<u32>().ok());
        let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        match version >= OLDEST {
            true => Ok(()),
            false => Err(other(format!(
                "{} is too old: {}.{} or newer is needed",
                text.trim(),
                OLDEST.0,
                OLDEST.1
            ))),
        }
    }

    /// git, for what stays on this machine.
    fn local(&self) -> Program {
        let settings = SETTINGS.iter().flat_map(|setting| ["-c", setting]);
        Program::new("git")
            .inherit(&self.env, &GIT_VARIABLES)
            .variable("GIT_TERMINAL_PROMPT", "0")
            .variable("GIT_ALLOW_PROTOCOL", "https:http:ssh:file")
            .variable("GIT_NO_LAZY_FETCH", "1")
            .variable("LC_ALL", "C")
            .output_limit(LIST_LIMIT)
            .time_limit(LIST_TIME)
            .arguments(settings)
    }

    /// git, for a side.
    fn remote(&self, side: Side) -> Program {
        let mut program = self.local();
        if self.env.get("GIT_SSH_COMMAND").is_none() && self.env.get("GIT_SSH").is_none() {
            program = program.variable("GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
        }
        match (&self.askpass, &self.side(side).credential) {
            (Some(askpass), Some(_)) => {
                // No helper of the user's is to keep our token.
                program = program.arguments(["-c", "credential.helper="]);
                for (name, value) in askpass.variables() {
                    program = program.variable(name, &value);
                }
                program
            }
            _ => program.variable("GIT_ASKPASS", "true"),
        }
    }

    /// `git fetch` of a side into a repository of ours, to which the refs are added.
    fn fetching(&self, side: Side, repository: &Path) -> Program {
        self.remote(side)
            .folder(repository)
            .time_limit(TRANSFER_TIME)
            .arguments(["fetch", "--quiet", "--no-tags"])
            .arguments(["--no-write-fetch-head", "--no-auto-gc"])
    }

    fn run(&self, program: Program, what: &str) -> Result<Finished, Problem> {
        let done = start(&program, what)?;
        match done.code {
            Some(0) => Ok(done),
            _ => Err(failed(what, &done)),
        }
    }

    /// The folder of this run.
    fn folder(&self) -> Result<&Path, Problem> {
        if self.folder.get().is_none() {
            let folder = tempfile::Builder::new()
                .prefix("ci-tool-sync-")
                .tempdir()
                .map_err(|error| other(format!("cannot create a folder: {error}")))?;
            // Another thread's is as good.
            let _ = self.folder.set(folder);
        }
        self.folder
            .get()
            .map(tempfile::TempDir::path)
            .ok_or_else(|| other("there is no folder"))
    }

    /// The repository that was fetched into, with the objects that are at hand.
    fn fetched(&self) -> Result<&Path, Problem> {
        if let Some(fetched) = self.fetched.get() {
            return Ok(fetched);
        }
        let digits = locked(&self.digits).values().next().copied().unwrap_or(40);
        let fetched = match (&self.kept, digits) {
            (Some(kept), 64) => kept.join("sha256.git"),
            (Some(kept), _) => kept.join("sha1.git"),
            (None, _) => self.folder()?.join("fetched.git"),
        };
        self.init(&fetched)?;
        self.borrow(&fetched, self.objects.as_deref())?;
        Ok(self.fetched.get_or_init(|| fetched))
    }

    /// A repository to push from: the same objects without any ref, since git compares
    /// what it pushes with each.
    fn pushed(&self) -> Result<PathBuf, Problem> {
        let pushed = self.folder()?.join("pushed.git");
        if self.init(&pushed)? {
            self.borrow(&pushed, Some(&self.fetched()?.join("objects")))?;
        }
        Ok(pushed)
    }

    /// A repository for the record alone: git tells a server of every ref that it knows,
    /// also of those that belong to borrowed objects.
    fn recorded(&self) -> Result<PathBuf, Problem> {
        let recorded = self.folder()?.join("record.git");
        self.init(&recorded)?;
        Ok(recorded)
    }

    /// Makes a repository; `false` where it is there.
    fn init(&self, repository: &Path) -> Result<bool, Problem> {
        if repository.join("HEAD").is_file() {
            return Ok(false);
        }
        let digits = locked(&self.digits).values().next().copied();
        let format = match digits {
            Some(64) => "--object-format=sha256",
            _ => "--object-format=sha1",
        };
        let program = self
            .local()
            .arguments(["init", "--quiet", "--bare", "--template=", format, "--"])
            .arguments([repository.as_os_str()]);
        self.run(program, "git init").map(|_| true)
    }

    /// Lets a repository use the objects of another one, or none.
    fn borrow(&self, repository: &Path, objects: Option<&Path>) -> Result<(), Problem> {
        let relative = "objects/info/alternates";
        let text = objects.map_or_else(String::new, |objects| format!("{}\n", objects.display()));
        if text.is_empty() && !repository.join(relative).exists() {
            return Ok(());
        }
        crate::sys::fs::write_atomically(repository, relative, &text)
            .map_err(|error| other(format!("{error}")))
    }

    /// Both sides must name objects alike.
    fn note_digits(&self, side: Side, listing: &Listing) -> Result<(), Problem> {
        let Some(oid) = listing.refs.values().next() else {
            return Ok(());
        };
        let mut digits = locked(&self.digits);
        digits.insert(name(side), oid.as_str().len());
        let mut lengths = digits.values();
        let first = lengths.next();
        match lengths.all(|length| Some(length) == first) {
            true => Ok(()),
            false => Err(other(
                "one side names objects by SHA-1 and the other by SHA-256: git cannot push between them",
            )),
        }
    }
}

/// Starts git; what keeps it from answering may pass.
fn start(program: &Program, what: &str) -> Result<Finished, Problem> {
    program.run().map_err(|error| {
        let trouble = match &error {
            ProcessError::TimeLimit { .. } => Trouble::Passing,
            _ => Trouble::Other,
        };
        Problem::new(trouble, format!("{what}: {error}"))
    })
}

/// What a lock holds, also where another thread has panicked.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(what: &str, done: &Finished) -> Problem {
    let said = String::from_utf8_lossy(&done.stderr);
    Problem::new(
        messages::trouble(&said),
        format!("{what}: {}", messages::reason(&said)),
    )
}

fn other(message: impl Into<String>) -> Problem {
    Problem::new(Trouble::Other, message)
}

fn yes_or_no(program: &Program, what: &str) -> Result<bool, Problem> {
    let done = start(program, what)?;
    match done.code {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => Err(failed(what, &done)),
    }
}

const fn name(side: Side) -> &'static str {
    match side {
        Side::Source => "source",
        Side::Mirror => "mirror",
    }
}

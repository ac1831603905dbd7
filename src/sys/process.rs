//! Child processes: the only place that starts one. A child gets the arguments
//! as a list and no shell, only the variables that it is given, a time limit and
//! a limit for what it may say; where it is stopped, all that it started is, also
//! what hid from its process group.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::env::Env;
use super::{interrupt, memory, sandbox};

/// How long a finished child's output is waited for: a child of its own may hold it.
const DRAIN: Duration = Duration::from_secs(5);

/// A program to be run, and under what limits.
#[derive(Debug)]
pub struct Program {
    name: String,
    arguments: Vec<OsString>,
    variables: Vec<(String, String)>,
    folder: Option<PathBuf>,
    time_limit: Duration,
    output_limit: u64,
    writable: Option<Vec<PathBuf>>,
    mark: Option<String>,
    input: Option<Vec<u8>>,
    runs_to_its_end: bool,
    watch: Option<Watch>,
}

/// What of the machine a child may use up before it is stopped.
#[derive(Debug, Clone)]
pub struct Watch {
    /// Where it writes.
    pub folder: PathBuf,
    /// It may use so many bytes of that file system.
    pub disk: u64,
    /// It may start so many processes and threads.
    pub processes: u64,
}

/// So many bytes stay free, whatever a child may use.
const ALWAYS_FREE: u64 = 512 * 1024 * 1024;

/// How often a watched child is looked after.
const LOOK: Duration = Duration::from_millis(100);

/// The variable that marks what a child started, wherever it went.
const MARK: &str = "CI_TOOL_CHILD";

/// No file of a child may be longer, in bytes.
const FILE_LIMIT: u64 = 8 * 1024 * 1024 * 1024;

/// What became of a child.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to its standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error output.
    pub stderr: Vec<u8>,
}

/// Why there is no answer of a child.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It is not installed.
    #[error("`{0}` is not installed")]
    NotInstalled(String),
    /// It could not be started or waited for.
    #[error("`{program}` could not be run: {source}")]
    Broken {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// It ran longer than it may.
    #[error("`{program}` did not end within {} seconds and was stopped", .limit.as_secs())]
    TimeLimit {
        /// The program.
        program: String,
        /// The limit.
        limit: Duration,
    },
    /// It said more than it may.
    #[error("`{program}` wrote more than {limit} bytes and was stopped")]
    OutputLimit {
        /// The program.
        program: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// It used up more of the disk than it may.
    #[error("`{program}` filled the disk with {} MiB and was stopped", .used / 1_048_576)]
    DiskLimit {
        /// The program.
        program: String,
        /// What it used, in bytes.
        used: u64,
    },
    /// It started more processes than it may.
    #[error("`{program}` started {count} processes and was stopped")]
    ProcessLimit {
        /// The program.
        program: String,
        /// How many there were.
        count: u64,
    },
    /// Somebody asked us to stop.
    #[error("`{0}` was stopped before its end, as was asked")]
    Interrupted(String),
}

impl Program {
    /// A program of the search path, with limits of a minute and 16 MiB.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            arguments: Vec::new(),
            variables: Vec::new(),
            folder: None,
            time_limit: Duration::from_secs(60),
            output_limit: 16 * 1024 * 1024,
            writable: None,
            mark: None,
            input: None,
            runs_to_its_end: false,
            watch: None,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn arguments<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Hands on these variables of the environment, where they are set.
    #[must_use]
    pub fn inherit(mut self, env: &Env, names: &[&str]) -> Self {
        let found = names.iter().filter_map(|name| {
            let value = env.get(name)?;
            Some(((*name).to_owned(), value.to_owned()))
        });
        self.variables.extend(found);
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs it in a folder.
    #[must_use]
    pub fn folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Sets how long it may run.
    #[must_use]
    pub const fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Sets how many bytes it may say, on each of its outputs.
    #[must_use]
    pub const fn output_limit(mut self, bytes: u64) -> Self {
        self.output_limit = bytes;
        self
    }

    /// Lets it write to these folders only, where the kernel can hold it to that,
    /// and finds at the end all that it started, by this mark.
    #[must_use]
    pub fn confined(mut self, writable: Vec<PathBuf>, mark: &str) -> Self {
        self.writable = Some(writable);
        self.mark = Some(mark.to_owned());
        self
    }

    /// Gives it this on its standard input, which is empty otherwise.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// Lets it run on where somebody asks us to stop: what it does must not be left half
    /// done.
    #[must_use]
    pub const fn to_its_end(mut self) -> Self {
        self.runs_to_its_end = true;
        self
    }

    /// Stops it where it uses up the machine.
    #[must_use]
    pub fn watched(mut self, watch: Watch) -> Self {
        self.watch = Some(watch);
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// Where it cannot be started, runs too long or says too much. An exit code
    /// other than 0 is none.
    pub fn run(&self) -> Result<Finished, ProcessError> {
        let broken = |source: std::io::Error| ProcessError::Broken {
            program: self.name.clone(),
            source,
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that starts children"
        )]
        let mut command = std::process::Command::new(&self.name);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(match self.input {
                Some(_) => Stdio::piped(),
                None => Stdio::null(),
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        if let Some(mark) = &self.mark {
            command.env(MARK, mark);
        }
        let spawned = match &self.writable {
            None => memory::for_child(|| command.spawn()),
            // The limits are those of a thread and of what it starts, for good.
            Some(folders) => thread::scope(|scope| {
                let spawn = || {
                    sandbox::write_only_to(folders);
                    memory::for_child(|| command.spawn())
                };
                let spawned = scope.spawn(spawn).join();
                spawned.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }),
        };
        let mut child = spawned.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => ProcessError::NotInstalled(self.name.clone()),
            _ => broken(error),
        })?;
        limit_files(&child);
        self.feed(child.stdin.take());
        let stdout = self.reader(child.stdout.take());
        let stderr = self.reader(child.stderr.take());
        let started = Instant::now();
        let mut looked = started;
        let before = self.watch.as_ref().map(Use::of);
        let mut pause = Duration::from_millis(1);
        let status = loop {
            if let Some(status) = child.try_wait().map_err(broken)? {
                break status;
            }
            if interrupt::asked() && !self.runs_to_its_end {
                self.stop(&mut child);
                return Err(ProcessError::Interrupted(self.name.clone()));
            }
            if looked.elapsed() > LOOK {
                looked = Instant::now();
                if let Some(error) = self.used_up(before.as_ref()) {
                    self.stop(&mut child);
                    return Err(error);
                }
            }
            if started.elapsed() > self.time_limit {
                self.stop(&mut child);
                return Err(ProcessError::TimeLimit {
                    program: self.name.clone(),
                    limit: self.time_limit,
                });
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(5));
        };
        let ended = Instant::now();
        if self.mark.is_some() {
            // Its answer is whole; what it left behind would hold the pipes open.
            self.stop(&mut child);
        }
        while !(stdout.is_finished() && stderr.is_finished()) && ended.elapsed() < DRAIN {
            thread::sleep(Duration::from_millis(2));
        }
        // Whatever it left behind is not waited for.
        self.stop(&mut child);
        let text = |reader: thread::JoinHandle<Option<Vec<u8>>>| {
            let read = reader.join().ok().flatten();
            read.ok_or_else(|| ProcessError::OutputLimit {
                program: self.name.clone(),
                limit: self.output_limit,
            })
        };
        Ok(Finished {
            code: status.code(),
            stdout: text(stdout)?,
            stderr: text(stderr)?,
        })
    }

    /// Why a watched child must be stopped.
    fn used_up(&self, before: Option<&Use>) -> Option<ProcessError> {
        let (watch, before) = self.watch.as_ref().zip(before)?;
        let now = Use::of(watch);
        let used = before.free.saturating_sub(now.free);
        let count = now.processes.saturating_sub(before.processes);
        let program = self.name.clone();
        if used > watch.disk || now.free < ALWAYS_FREE {
            Some(ProcessError::DiskLimit { program, used })
        } else if count > watch.processes {
            Some(ProcessError::ProcessLimit { program, count })
        } else {
            None
        }
    }

    /// Stops a child and all that it started.
    fn stop(&self, child: &mut Child) {
        let pid = Pid::from_child(child);
        // The first process of a namespace ends after all others of it, and later than
        // its parent, which is the child that we wait for.
        let firsts = self.mark.as_ref().map(|_| children(pid));
        // It may be gone already.
        let _ = kill_process_group(pid, Signal::KILL);
        let _ = child.wait();
        let killed = Instant::now();
        for first in firsts.unwrap_or_default() {
            while runs(first) && killed.elapsed() < DRAIN {
                thread::sleep(Duration::from_millis(1));
            }
        }
        // What is being started while we look is found by looking again.
        for _ in 0..20 {
            let left = self.mark.as_deref().map(marked).unwrap_or_default();
            if left.is_empty() {
                break;
            }
            for pid in left {
                let _ = kill_process(pid, Signal::KILL);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Writes the input while the output is read; a child that does not read it all
    /// is none the worse.
    fn feed(&self, pipe: Option<impl Write + Send + 'static>) {
        if let Some((mut pipe, input)) = pipe.zip(self.input.clone()) {
            thread::spawn(move || pipe.write_all(&input));
        }
    }

    /// Reads up to the limit; `None` where there is more. What nobody reads
    /// stops the child.
    fn reader(
        &self,
        pipe: Option<impl Read + Send + 'static>,
    ) -> thread::JoinHandle<Option<Vec<u8>>> {
        let limit = self.output_limit;
        thread::spawn(move || {
            let mut text = Vec::new();
            let Some(pipe) = pipe else {
                return Some(text);
            };
            let mut pipe = pipe.take(limit + 1);
            let read = pipe.read_to_end(&mut text);
            (read.is_ok() && text.len() as u64 <= limit).then_some(text)
        })
    }
}

/// What is used of the machine, by whomever.
struct Use {
    /// Bytes that are free.
    free: u64,
    /// Processes and threads; 0 where nobody tells.
    processes: u64,
}

impl Use {
    fn of(watch: &Watch) -> Self {
        let disk = rustix::fs::statvfs(&watch.folder);
        let load = std::fs::read_to_string("/proc/loadavg");
        // `0.20 0.18 0.12 1/80 11206`: of 80 one runs.
        let all = load.ok().and_then(|load| {
            let (_, all) = load.split_whitespace().nth(3)?.split_once('/')?;
            all.parse().ok()
        });
        Self {
            free: disk.map_or(u64::MAX, |disk| disk.f_bavail * disk.f_frsize),
            processes: all.unwrap_or(0),
        }
    }
}

/// What fills the disk stops at a limit.
fn limit_files(child: &Child) {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, prlimit};
        let limit = Rlimit {
            current: Some(FILE_LIMIT),
            maximum: Some(FILE_LIMIT),
        };
        // It may have ended already.
        let _ = prlimit(Some(Pid::from_child(child)), Resource::Fsize, limit);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (child, FILE_LIMIT);
}

/// The numbers of this user and of their group.
pub fn user() -> (u32, u32) {
    use rustix::process::{getegid, geteuid};
    (geteuid().as_raw(), getegid().as_raw())
}

/// Whether we may do everything on this machine.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Processes that carry a mark in their environment.
fn marked(mark: &str) -> Vec<Pid> {
    let wanted = format!("{MARK}={mark}");
    pids()
        .filter(|pid| {
            let environment = std::fs::read(format!("/proc/{pid}/environ"));
            environment.is_ok_and(|environment| {
                let mut variables = environment.split(|byte| *byte == 0);
                variables.any(|variable| variable == wanted.as_bytes())
            })
        })
        .filter_map(Pid::from_raw)
        .collect()
}

/// The state, the parent and the group of a process; `None` where there is none, or no
/// `/proc`.
fn state(pid: i32) -> Option<(char, i32, i32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before them may have blanks and parentheses in it.
    let mut words = stat.rsplit_once(')')?.1.split_whitespace();
    let state = words.next()?.chars().next()?;
    Some((
        state,
        words.next()?.parse().ok()?,
        words.next()?.parse().ok()?,
    ))
}

/// The processes that the leader of a group started and that are still of its group.
fn children(leader: Pid) -> Vec<i32> {
    let leader = leader.as_raw_nonzero().get();
    let of_it = |pid: &i32| {
        state(*pid).is_some_and(|(_, parent, group)| parent == leader && group == leader)
    };
    pids().filter(of_it).collect()
}

/// Whether a process has not ended; one that nobody has waited for has.
fn runs(pid: i32) -> bool {
    state(pid).is_some_and(|(state, ..)| !matches!(state, 'Z' | 'X'))
}

/// All processes.
fn pids() -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        Program::new("sh")
            .arguments(["-c", script])
            .variable("PATH", "/usr/bin:/bin")
    }

    #[test]
    fn a_child_gets_what_it_is_given_and_no_more() {
        let env = Env::from_pairs([("A", "one"), ("SECRET", "x")]);
        let run = shell("echo \"$A $B ${SECRET-none}\"; echo no >&2; exit 7")
            .inherit(&env, &["A", "NOT_SET"])
            .variable("B", "two words")
            .run()
            .expect("it runs");
        assert_eq!(run.code, Some(7));
        assert_eq!(run.stdout, b"one two words none\n");
        assert_eq!(run.stderr, b"no\n");
    }

    #[test]
    fn a_confined_child_writes_where_it_may_and_leaves_nothing_running() {
        let folder = tempfile::tempdir().expect("a folder");
        let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
        std::fs::create_dir_all(&inside).expect("created");
        let script = "echo a > $IN/a; echo b > $OUT; setsid sleep 77 & echo done";
        let run = shell(script)
            .variable("IN", inside.to_str().expect("UTF-8"))
            .variable("OUT", outside.to_str().expect("UTF-8"))
            .confined(vec![inside.clone()], "test-of-a-confined-child")
            .run()
            .expect("it runs");
        assert!(run.stdout.starts_with(b"done"), "{run:?}");
        assert!(inside.join("a").exists());
        assert!(marked("test-of-a-confined-child").is_empty());
        // Without Landlock in the kernel it can write there.
        let held = thread::spawn(move || sandbox::write_only_to(&[]));
        assert_ne!(held.join().expect("a thread"), outside.exists(), "{run:?}");
    }

    #[test]
    fn limits_hold_also_for_what_a_child_started() {
        let started = Instant::now();
        let late = shell("sleep 60 & sleep 60")
            .time_limit(Duration::from_millis(200))
            .run();
        assert!(
            matches!(late, Err(ProcessError::TimeLimit { .. })),
            "{late:?}"
        );
        let mut loud = shell("head -c 100000 /dev/zero");
        loud.output_limit = 1000;
        let loud = loud.run();
        assert!(
            matches!(loud, Err(ProcessError::OutputLimit { .. })),
            "{loud:?}"
        );
        let missing = Program::new("no-such-program-at-all").run();
        assert!(
            matches!(missing, Err(ProcessError::NotInstalled(_))),
            "{missing:?}"
        );
        assert!(started.elapsed() < Duration::from_secs(30));
    }
    #[test]
    fn what_uses_up_the_machine_is_stopped() {
        let folder = tempfile::tempdir().expect("a folder");
        let watch = Watch {
            folder: folder.path().to_owned(),
            disk: 64 * 1024 * 1024,
            processes: 300,
        };
        let file = folder.path().join("big").display().to_string();
        let fills = shell("while :; do head -c 10000000 /dev/zero >> \"$F\"; sync; done")
            .variable("F", &file)
            .watched(watch.clone())
            .run();
        assert!(
            matches!(fills, Err(ProcessError::DiskLimit { .. })),
            "{fills:?}"
        );
        let forks = shell("i=0; while [ $i -lt 600 ]; do sleep 30 & i=$((i+1)); done; wait")
            .watched(watch)
            .run();
        assert!(
            matches!(forks, Err(ProcessError::ProcessLimit { .. })),
            "{forks:?}"
        );
    }
}

//! Child processes: the only place that starts one. A child gets the arguments
//! as a list and no shell, only the variables that it is given, a time limit and
//! a limit for what it may say; where it is stopped, all that it started is.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::env::Env;

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
}

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
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        let mut child = command.spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => ProcessError::NotInstalled(self.name.clone()),
            _ => broken(error),
        })?;
        let stdout = self.reader(child.stdout.take());
        let stderr = self.reader(child.stderr.take());
        let started = Instant::now();
        let mut pause = Duration::from_millis(1);
        let status = loop {
            if let Some(status) = child.try_wait().map_err(broken)? {
                break status;
            }
            if started.elapsed() > self.time_limit {
                stop(&mut child);
                return Err(ProcessError::TimeLimit {
                    program: self.name.clone(),
                    limit: self.time_limit,
                });
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        };
        let ended = Instant::now();
        while !(stdout.is_finished() && stderr.is_finished()) && ended.elapsed() < DRAIN {
            thread::sleep(Duration::from_millis(2));
        }
        // Whatever it left behind is not waited for.
        stop(&mut child);
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

/// Stops a child and all that it started.
fn stop(child: &mut Child) {
    let pid = Pid::from_child(child);
    // It may be gone already.
    let _ = kill_process_group(pid, Signal::KILL);
    let _ = child.wait();
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
}

//! The files of a commit, for platforms that they are uploaded to.

use std::path::PathBuf;
use std::time::Duration;

use crate::sys::process::Program;

/// No more of a commit is uploaded, in bytes.
const LIMIT: u64 = 512 * 1024 * 1024;

/// A repository that is deployed from.
#[derive(Debug)]
pub struct Repository {
    /// Its folder.
    pub root: PathBuf,
    /// `PATH` and `HOME`, for git.
    pub variables: Vec<(String, String)>,
}

impl Repository {
    /// Looks whether a folder is there at all, as far as what is checked out tells.
    ///
    /// # Errors
    /// Where it is not.
    pub fn look(&self, folder: &str) -> Result<(), String> {
        match self.root.join(folder).is_dir() {
            true => Ok(()),
            false => Err(format!(
                "there is no folder {folder} that could be uploaded"
            )),
        }
    }

    /// The commit's files below a folder, `.` for all, in a form of `git archive`.
    ///
    /// # Errors
    /// Where git does not make it.
    pub fn archive(&self, commit: &str, folder: &str, form: &str) -> Result<Vec<u8>, String> {
        let tree = match folder {
            "." => commit.to_owned(),
            folder => format!("{commit}:{folder}"),
        };
        let git = Program::new("git")
            .arguments([
                "-c".to_owned(),
                format!("safe.directory={}", self.root.display()),
            ])
            .arguments(["archive", &format!("--format={form}"), &tree])
            .folder(&self.root)
            .time_limit(Duration::from_secs(120))
            .output_limit(LIMIT);
        let git = self
            .variables
            .iter()
            .fold(git, |git, (name, value)| git.variable(name, value));
        let run = git.run().map_err(|error| error.to_string())?;
        if run.code != Some(0) {
            let said = String::from_utf8_lossy(&run.stderr);
            return Err(format!("git archive: {}", said.trim()));
        }
        Ok(run.stdout)
    }
}

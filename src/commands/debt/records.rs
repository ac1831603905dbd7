//! What a job kept of its steps, so that it can be compared when they are through.

use std::path::Path;

use crate::context::Context;
use crate::debt::readers::{self, Record};
use crate::debt::{self, Comparison, Debt, Seen};

/// The records of a job.
pub(super) struct Records<'a> {
    /// The folder.
    pub(super) folder: &'a Path,
    /// The run that they have to be of.
    pub(super) run: &'a str,
}

impl<'a> Records<'a> {
    /// Those in a folder.
    pub(super) fn new(folder: &'a Path, context: &'a Context) -> Self {
        Self {
            folder,
            run: context.env.get("GITHUB_RUN_ID").unwrap_or_default(),
        }
    }

    /// Names of what was recorded.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder).into_iter().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|file| Some(file.strip_suffix(".status")?.to_owned()))
            .collect();
        names.sort();
        names
    }

    /// What a step did, against its debt.
    ///
    /// # Errors
    /// Where it was not recorded, or what was cannot be read.
    pub(super) fn compare(&self, debt: &Debt) -> Result<Comparison, String> {
        let reader = readers::named(&debt.reader).unwrap_or_else(readers::whole);
        let seen = reader.read(&self.record(&debt.name, reader.report)?)?;
        Ok(Comparison::of(debt, &seen))
    }

    /// A step that was recorded and has no debt: nothing may fail there.
    ///
    /// # Errors
    /// As [`Records::compare`], and where it failed.
    pub(super) fn without_debt(&self, name: &str) -> Result<Seen, String> {
        let record = self.record(name, None)?;
        if record.status == 0 {
            Ok(Seen::default())
        } else {
            Err(format!(
                "the step failed with {}, and there is no {} any more that lets it",
                record.status,
                path_of(name)
            ))
        }
    }

    fn record(&self, name: &str, report: Option<&str>) -> Result<Record, String> {
        let read = |ending: &str| {
            let file = self.folder.join(debt::record(name, ending));
            std::fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        let status = read("status").map_err(|_| {
            "its step was not recorded: it did not run, or the workflow is older than its debt"
                .to_owned()
        })?;
        let mut lines = status.lines();
        let code = lines.next().and_then(|line| line.trim().parse().ok());
        let (run, directory) = (lines.next().unwrap_or_default(), lines.next());
        if run != self.run {
            return Err("what is recorded is of another run".to_owned());
        }
        let unreadable = || "what is recorded cannot be read".to_owned();
        Ok(Record {
            status: code.ok_or_else(unreadable)?,
            output: read("txt").map_err(|_| unreadable())?,
            report: report.and_then(|ending| read(ending).ok()),
            directory: directory.ok_or_else(unreadable)?.to_owned(),
        })
    }
}

fn path_of(name: &str) -> String {
    format!("{}/{name}.toml", debt::FOLDER)
}

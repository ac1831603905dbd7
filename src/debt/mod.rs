//! Debt: what a step of a pipeline complained about when it was frozen, and may go
//! on complaining about. A file for each step, in the repository, a line for each
//! complaint: lines may go, none may come. Pure: no files, no clock, no programs.

pub mod compare;
pub mod file;
pub mod measured;
pub mod readers;
pub mod suppressions;
pub mod tool;

use std::collections::{BTreeMap, BTreeSet};

pub use compare::{Change, Comparison};
pub use readers::{Record, Seen};

use crate::project::path;

/// The folder of the files, below the repository's root.
pub const FOLDER: &str = ".github/debt";

/// The variable that names the folder in which a job keeps what its steps said.
pub const RECORDS: &str = "CI_TOOL_RECORDS";

/// The same folder, as a path below the repository's root. Git never looks at it,
/// nor does any tool that a step may run.
pub const RECORDS_FOLDER: &str = ".git/ci-tool-records";

/// The debt of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debt {
    /// The file's name without its ending; it names the debt.
    pub name: String,
    /// The folder of the component.
    pub component: String,
    /// The folder that the step runs in.
    pub directory: String,
    /// The step's name in the workflow.
    pub step: String,
    /// The step's command as it is without debt. Another command is another step, and
    /// then the file has no meaning any more.
    pub command: String,
    /// The command whose output can be compared.
    pub recorded: String,
    /// Who reads that output.
    pub reader: String,
    /// Why the step was red, where that is known.
    pub why: Option<String>,
    /// What to do about it, where that is known.
    pub mend: Option<String>,
    /// What is complained about, and how often.
    pub known: BTreeMap<String, u64>,
    /// What was there in one run and not in the next: it may be there and need not.
    pub flaky: BTreeSet<String>,
}

/// A step that is in no workflow, since it never ends: the reader of such a debt.
pub const LEFT_OUT: &str = "left-out";

impl Debt {
    /// Where its file is.
    pub fn path(&self) -> String {
        format!("{FOLDER}/{}.toml", self.name)
    }

    /// How many complaints are frozen.
    pub fn total(&self) -> u64 {
        self.known.values().sum::<u64>() + self.flaky.len() as u64
    }

    /// Whether the step is in no workflow.
    pub fn is_left_out(&self) -> bool {
        self.reader == LEFT_OUT
    }

    /// Whether this is the debt of a step.
    pub fn is_of(&self, component: &str, directory: &str, command: &str) -> bool {
        path::normalise(&self.component) == path::normalise(component)
            && path::normalise(&self.directory) == path::normalise(directory)
            && self.command == command
    }
}

/// The name of a file that keeps what a step said, in the folder [`RECORDS`].
pub fn record(name: &str, ending: &str) -> String {
    format!("{name}.{ending}")
}

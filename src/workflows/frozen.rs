//! Steps with debt: what they say is recorded, they fail nothing, and the last step of
//! the job compares.

use schemars::JsonSchema;
use serde::Serialize;

use super::Settings;
use super::render::shell_word;
use crate::debt::{self, Debt, RECORDS, RECORDS_FOLDER};
use crate::project::model::{Component, Step};

/// The debt of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Frozen {
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// Shell lines that run the step and record what it says.
    pub lines: Vec<String>,
}

impl Frozen {
    /// How a step with this debt is run.
    pub(super) fn of(debt: &Debt) -> Self {
        let file = |ending: &str| format!("\"${RECORDS}/{}\"", debt::record(&debt.name, ending));
        Self {
            name: debt.name.clone(),
            file: debt.path(),
            lines: vec![
                format!("export {RECORDS}=\"$GITHUB_WORKSPACE/{RECORDS_FOLDER}\""),
                format!("mkdir -p \"${RECORDS}\""),
                format!("rm -f \"${RECORDS}\"/{}.*", shell_word(&debt.name)),
                "set +e".to_owned(),
                // Whatever the shell is: its `pipefail` is not asked for. Behind `||` it would
                // go on after a command that failed.
                format!("{{ (set -e; {}) 2>&1", debt.recorded),
                format!(
                    "  printf '%s\\n' \"$?\" \"$GITHUB_RUN_ID\" \"$PWD\" > {}",
                    file("status")
                ),
                format!("}} | tee {}", file("txt")),
            ],
        }
    }
}

/// The debt of a step of a component.
pub(super) fn debt<'s>(
    component: &Component,
    step: &Step,
    settings: &'s Settings,
) -> Option<&'s Debt> {
    let (directory, command) = (&step.command.directory, &step.command.run);
    let mut debts = settings.debts.iter();
    debts.find(|debt| debt.is_of(&component.root, directory, command))
}

/// The files of a component's debts: what changes them is proved as its code is.
pub(super) fn files(component: &Component, settings: &Settings) -> Vec<String> {
    let steps = component.steps.iter();
    let debts = steps.filter_map(|step| debt(component, step, settings));
    debts.map(Debt::path).collect()
}

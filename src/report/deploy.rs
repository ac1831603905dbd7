//! A deployment for people and machines.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::picture::{self, Group, Picture, Tone};
use super::plan::cell;
use crate::deploy::journal::Journal;
use crate::deploy::saga::End;
use crate::sys::ui::escape_line;

/// The version of the JSON form; a change that breaks readers raises it.
pub const VERSION: u32 = 1;

/// A deployment.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// The version of this form.
    pub version: u32,
    /// The environment.
    pub environment: String,
    /// The commit.
    pub commit: String,
    /// `planned`, `refused`, `deployed`, `unchanged`, `rolled-back`, `stuck`, or, of one that was
    /// interrupted, `releasing` or `undoing`; `unknown` where none is on record.
    pub outcome: String,
    /// Why it was taken back, where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The services, in the order in which they are released.
    pub services: Vec<Service>,
    /// What one should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// A service.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Its name.
    pub name: String,
    /// How far it is: `untouched`, `starting`, `started`, `ready`, `promoting`, `live`,
    /// `undoing` or `undone`.
    pub step: String,
    /// The release that was live before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The new release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Why it could not be taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stuck: Option<String>,
}

/// The word for how it ended.
pub const fn outcome(end: End) -> &'static str {
    match end {
        End::Deployed => "deployed",
        End::Unchanged => "unchanged",
        End::RolledBack => "rolled-back",
        End::Stuck => "stuck",
    }
}

impl Deployment {
    /// What a journal says.
    pub fn new(journal: &Journal, outcome: &str, remarks: Vec<String>) -> Self {
        let services = journal.services.iter().map(|entry| Service {
            name: entry.name.clone(),
            step: entry.step.as_str().to_owned(),
            before: entry.before.as_ref().map(|release| release.id.clone()),
            release: entry.release.clone(),
            stuck: entry.stuck.clone(),
        });
        Self {
            version: VERSION,
            environment: journal.environment.clone(),
            commit: journal.commit.clone(),
            outcome: outcome.to_owned(),
            reason: journal.reason.clone(),
            services: services.collect(),
            remarks,
        }
    }

    /// The one sentence that says it.
    pub fn sentence(&self) -> String {
        let commit: String = self.commit.chars().take(12).collect();
        let environment = &self.environment;
        let why = self
            .reason
            .as_deref()
            .map_or_else(String::new, |reason| format!(": {reason}"));
        match self.outcome.as_str() {
            "refused" => format!("{environment}: {commit} is not deployed{why}"),
            "unknown" => format!("{environment}: no deployment is on record here"),
            "planned" => format!("{environment}: {commit} would be deployed"),
            "deployed" => format!("{environment}: {commit} is live and healthy"),
            "unchanged" => format!("{environment}: nothing has changed{why}"),
            "rolled-back" => format!("{environment}: {commit} was taken back{why}"),
            "stuck" => {
                let stuck = self.services.iter().filter(|one| one.stuck.is_some());
                let names: Vec<&str> = stuck.map(|one| one.name.as_str()).collect();
                format!(
                    "{environment}: could not be taken back as a whole, look at {}{why}",
                    names.join(", ")
                )
            }
            other => {
                format!("{environment}: the deployment of {commit} was interrupted while {other}")
            }
        }
    }
}

/// For a terminal.
pub fn text(told: &Deployment) -> String {
    let mut out = format!("{}\n\n", escape_line(&told.sentence()));
    let width = told.services.iter().map(|one| one.name.len()).max();
    let width = width.unwrap_or(0);
    for one in &told.services {
        let releases = match (&one.before, &one.release) {
            (Some(before), Some(release)) => format!("release {release}, before {before}"),
            (Some(before), None) => format!("release {before}"),
            (None, Some(release)) => format!("release {release}, before none"),
            (None, None) => "no release".to_owned(),
        };
        let step = if told.outcome == "planned" {
            "is"
        } else {
            &one.step
        };
        let line = format!("  {:width$}  {step:<9}  {releases}", one.name);
        let _ = writeln!(out, "{}", escape_line(&line));
        if let Some(why) = &one.stuck {
            let _ = writeln!(out, "  {:width$}  {}", "", escape_line(why));
        }
    }
    for remark in &told.remarks {
        let _ = writeln!(out, "\n{}", escape_line(remark));
    }
    out
}

/// The services in the order in which they are released.
fn picture(told: &Deployment) -> Picture {
    let tone = |one: &Service| match (one.stuck.is_some(), one.step.as_str()) {
        (true, _) => Tone::Trouble,
        (false, "live") => Tone::Change,
        (false, _) => Tone::Plain,
    };
    let services = told.services.iter().enumerate();
    let boxes = services.map(|(at, one)| picture::Box {
        name: one.name.clone(),
        remark: Some(one.step.clone()),
        tone: tone(one),
        after: at.checked_sub(1).into_iter().collect(),
    });
    Picture {
        title: "The services, in the order of their release".to_owned(),
        groups: vec![Group {
            name: told.environment.clone(),
            boxes: boxes.collect(),
        }],
    }
}

/// For a job's summary: a table, and a picture of the order.
pub fn markdown(told: &Deployment) -> String {
    let mut out = format!("## {}\n\n", cell(&escape_line(&told.sentence())));
    out.push_str("| service | | new release | before | |\n|---|---|---|---|---|\n");
    let code = |text: &Option<String>| {
        let text = text.as_deref().unwrap_or_default();
        match text {
            "" => String::new(),
            text => format!("`{}`", cell(&escape_line(text)).replace('`', "'")),
        }
    };
    for one in &told.services {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            cell(&one.name),
            one.step,
            code(&one.release),
            code(&one.before),
            cell(&escape_line(one.stuck.as_deref().unwrap_or_default()))
        );
    }
    out.push_str(&picture(told).markdown());
    for remark in &told.remarks {
        let _ = writeln!(out, "\n{}", cell(&escape_line(remark)));
    }
    out
}

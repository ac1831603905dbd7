//! The pipeline that a plan of `generate` leads to: each workflow with its jobs, in the order in
//! which they wait for each other.

use super::{Box, Group, Picture, Tone};
use crate::workflows::order;
use crate::workflows::plan::{Plan, PlannedFile, Status};

/// The pipeline. Files that hold no jobs are not in it.
pub fn picture(plan: &Plan) -> Picture {
    let files = plan.files.iter();
    Picture {
        title: "The workflows, and which job waits for which".to_owned(),
        groups: files.filter_map(group).collect(),
    }
}

fn group(file: &PlannedFile) -> Option<Group> {
    let tone = match file.status {
        Status::Create | Status::Update | Status::Merge | Status::Overwrite => Tone::Change,
        Status::Conflict | Status::Foreign => Tone::Trouble,
        Status::Unchanged | Status::Edited => Tone::Plain,
        _ => return None,
    };
    let jobs = order::jobs(file.content.as_ref()?);
    let boxes = jobs.into_iter().map(|job| Box {
        name: job.name,
        remark: job.remark,
        tone: if job.is_event { Tone::Plain } else { tone },
        after: job.after,
    });
    let boxes: Vec<Box> = boxes.collect();
    let status = serde_json::to_value(file.status).ok()?;
    let name = format!("{} ({})", file.path, status.as_str()?);
    (!boxes.is_empty()).then_some(Group { name, boxes })
}

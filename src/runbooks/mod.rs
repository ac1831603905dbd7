//! Runbooks: what a person does when something is deployed, taken back, broken, lost or
//! leaked, in Markdown, made of what is known of this repository and of nothing else.
//!
//! A runbook is a file here and a line in [`RUNBOOKS`]; [`page`] keeps what people write.

mod deployment;
mod hosts;
mod incident;
mod known;
pub mod page;
mod restore;
mod rollback;
mod secret_rotation;

pub use known::Known;
pub use page::{Page, Section};

/// A runbook.
#[derive(Debug)]
pub struct Runbook {
    /// Its name, which is that of its file without `.md`.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What it is for, in a sentence.
    pub purpose: &'static str,
    /// Its sections.
    sections: fn(&Known<'_>) -> Vec<Section>,
}

impl Runbook {
    /// The runbook of a repository.
    pub fn page(&self, known: &Known<'_>) -> Page {
        Page {
            title: self.title,
            purpose: self.purpose,
            sections: (self.sections)(known),
        }
    }
}

/// All runbooks.
pub const RUNBOOKS: &[Runbook] = &[
    deployment::RUNBOOK,
    rollback::RUNBOOK,
    incident::RUNBOOK,
    restore::RUNBOOK,
    secret_rotation::RUNBOOK,
];

//! SARIF: a reader that takes what real tools write.

mod document;
mod flows;
mod json;
mod messages;
mod paths;
mod read;
mod repairs;
mod rules;
mod run;
mod tools;

pub use read::{Options, Reading, Source, read};
pub use repairs::{Repair, Repairs};

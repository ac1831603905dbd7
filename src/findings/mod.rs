//! What a finding is, when two of them are the same, and how those of several
//! scanners merge. Pure: no files, no clock, no network.
//!
//! A scanner makes an [`Observation`]; observations of the same problem form a
//! [`Finding`]; findings and the scanners that made them form a [`Report`].
//! Texts are borrowed from the document that they were read from.

mod aliases;
mod baseline;
mod context;
mod finding;
mod groups;
mod identity;
mod ids;
mod manifest;
mod merge;
pub mod near;
mod observation;
mod order;
mod package;
pub mod parallel;
mod severity;

pub use context::{Context, LINE_HASH, is_telling};
pub use finding::{File, Finding, Identity, Report, State};
pub use ids::{Id, IdKind};
pub use manifest::package_kind;
pub use observation::{
    Exploitation, Fix, Kind, Location, Observation, Probability, Raw, Region, Rule, Scanner,
    Suppression, SuppressionStatus,
};
pub use package::{Package, Scope};
pub use severity::{Score, Severity};

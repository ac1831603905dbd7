//! What people and machines read.

pub mod diff;
pub mod plan;

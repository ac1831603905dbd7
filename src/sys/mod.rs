//! The machine around us: the only place that reads the environment, writes
//! files and prints.

pub mod env;
pub mod fs;
pub mod ui;

//! The machine around us: the only place that reads the environment, writes
//! files, starts children and prints.

pub mod askpass;
pub mod clock;
pub mod env;
pub mod fs;
pub mod interrupt;
pub mod memory;
pub mod owner;
pub mod process;
pub mod sandbox;
pub mod terminal;
pub mod ui;

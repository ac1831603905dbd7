//! The GitHub Actions runner around us: inputs, outputs, and text that its log
//! and its files take for nothing but text.

pub mod escape;
pub mod event;
pub mod inputs;
pub mod outputs;
pub mod workspace;

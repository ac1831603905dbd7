//! `ci-tool` finds out what a repository contains and brings it the delivery
//! pipeline that fits.
//!
//! The rooms of this crate and who may import whom are described in
//! `ARCHITECTURE.md`; `tests/it/architecture.rs` holds that table against the code.

// Tests set the stage by means that the code itself may not use.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod actions;
pub mod audit;
pub mod cli;
pub mod commands;
pub mod config;
pub mod context;
pub mod debt;
pub mod deploy;
pub mod error;
pub mod findings;
pub mod forge;
pub mod mirror;
pub mod policy;
pub mod probe;
pub mod project;
pub mod report;
pub mod runbooks;
pub mod sarif;
pub mod scanners;
pub mod sys;
pub mod workflows;

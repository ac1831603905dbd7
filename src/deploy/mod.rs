//! Deployments: all services of an environment are live and healthy on the new release, or
//! all are as they were before.
//!
//! [`saga`] is the story: prepare what can be prepared without traffic, move traffic in the
//! order of dependencies, each step behind a health gate, watch for a while; where anything
//! fails, take everything back in reverse order. It knows platforms by one trait, writes
//! what it is about to do into a [`journal`] first, and can go on from there on any day.

pub mod certificate;
pub mod health;
pub mod journal;
#[cfg(test)]
mod model;
pub mod order;
pub mod platform;
pub mod saga;
mod undo;

use std::time::Duration;

use health::Patience;

/// What is brought where.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The environment's name.
    pub environment: String,
    /// The commit, in full.
    pub commit: String,
    /// The services, each after those that it needs.
    pub services: Vec<Service>,
    /// How long all of them are watched at the end.
    pub soak: Duration,
    /// So many wrong answers in a row end it meanwhile.
    pub soak_failures: u32,
    /// How long something that may pass is tried again before it counts as failed.
    pub retry_for: Duration,
    /// The same while things are taken back, which matters more.
    pub undo_for: Duration,
}

/// What is deployed by itself.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// How long a release may take until it is live, or ready where it is held back.
    pub time_limit: Duration,
    /// Between two questions about it.
    pub poll: Duration,
    /// When it counts as healthy.
    pub health: Patience,
}

/// Everything around a deployment that is not decided here.
pub trait World {
    /// What a service runs on.
    fn platform(&self, service: &str) -> &dyn platform::Platform;

    /// Asks a service once whether it is well; `commit` is what should run, where that is
    /// to be checked.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    fn healthy(&self, service: &str, commit: Option<&str>) -> Result<(), String>;

    /// Time since some moment that stays the same.
    fn now(&self) -> Duration;

    /// Waits.
    fn sleep(&self, time: Duration);

    /// Keeps the journal, so that it survives the end of the program.
    ///
    /// # Errors
    /// Why it cannot be kept.
    fn save(&self, journal: &journal::Journal) -> Result<(), String>;

    /// Whether somebody asked to stop.
    fn stop_asked(&self) -> bool;

    /// Tells what happens.
    fn tell(&self, service: Option<&str>, what: &str);
}

//! Two repositories kept the same, without ever losing a commit. What the source,
//! the mirror and the last agreement of both say of a ref decides what is done
//! with it (`decide`), all decisions together are a plan (`plan`), and the engine
//! (`engine`) carries it out over a [`Transport`]: real git (`git`), or memory in
//! the tests of its laws.

pub mod address;
pub mod decide;
mod engine;
mod git;
pub mod map;
mod messages;
#[cfg(test)]
mod model;
pub mod plan;
pub mod refs;
pub mod state;
pub mod transport;
#[cfg(test)]
mod world;

pub use address::Address;
pub use decide::{Conflict, Decision, Side};
pub use engine::{Difference, Differing, Outcome, Settings, Tried, Written, run, verify};
pub use git::{Endpoint, Git, Lfs};
pub use map::Names;
pub use plan::{OnConflict, Plan, Planned, Policy};
pub use refs::{Filter, Oid, Refs};
pub use transport::{Foresight, Problem, Transport, Trouble, Write};

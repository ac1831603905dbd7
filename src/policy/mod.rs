//! What may pass. A [`Policy`] decides about each finding of a report; a
//! [`Suppression`] sets one aside, with a reason and an end; the [`Verdict`]
//! names for every finding that decided the rule that did. Pure: no files, no
//! clock, no network.

mod changes;
mod condition;
pub mod ignores;
mod intelligence;
mod model;
mod suppression;
mod verdict;

pub use changes::Changes;
pub use condition::{Condition, ConditionError};
pub use intelligence::Intelligence;
pub use model::{Action, Changed, FailOn, Gate, OwnSuppression, Rule, Suppressions};
pub use suppression::{Date, Suppression, Target};
pub use verdict::{Budget, Decision, Known, Meant, Outcome, Policy, Standing, Verdict};

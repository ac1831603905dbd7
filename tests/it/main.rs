//! One binary for all integration tests.

// Tests set the stage by means that the code itself may not use, and share
// helpers between files of one binary.
#![allow(clippy::disallowed_methods, unreachable_pub, missing_docs)]

mod architecture;
mod templates;

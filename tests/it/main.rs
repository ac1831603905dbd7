//! One binary for all integration tests.

// Tests set the stage by means that the code itself may not use, and share
// helpers between files of one binary.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs
)]

mod absences;
mod act;
mod action;
mod architecture;
mod audit;
mod audit_coherence;
mod audit_pipelines;
mod bad_input;
mod changes;
mod check_run;
mod cli;
mod comment;
mod common;
mod container;
mod debt;
mod deploy;
mod deploy_checks;
mod deploy_platforms;
mod deploy_sample;
mod docs;
mod edits;
mod findings_laws;
mod fixes;
mod forge;
mod gate;
mod gitlab;
mod kept_alive;
mod measured;
mod merging;
mod odd_files;
mod own_templates;
mod peers;
mod pictures;
mod pins;
mod probe_container;
mod properties;
mod proposal;
mod pull_request;
mod reports;
mod runbooks;
mod samples;
mod sarif_samples;
mod sarif_traps;
mod scan;
mod scan_peers;
mod scan_running;
mod scanners;
mod score;
mod secrets_github;
mod snapshot;
mod stacks;
mod suggestions;
mod sync;
mod sync_direct;
mod sync_faults;
mod sync_forges;
mod sync_model;
mod sync_names;
mod sync_nginx;
mod templates;
mod tokens;
mod trend;
mod upload;
mod verify;

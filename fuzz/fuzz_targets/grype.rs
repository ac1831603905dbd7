//! Grype's JSON.
#![no_main]

mod report;

use ci_tool::config::scan::ReportFormat;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| report::read(ReportFormat::Grype, bytes));

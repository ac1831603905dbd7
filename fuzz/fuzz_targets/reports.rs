//! The reports of the presets; the first byte says whose.
#![no_main]

mod report;

use ci_tool::config::scan::ReportFormat;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let format = match first % 4 {
        0 => ReportFormat::Shellcheck,
        1 => ReportFormat::PipAudit,
        2 => ReportFormat::NpmAudit,
        _ => ReportFormat::Actionlint,
    };
    report::read(format, rest);
});

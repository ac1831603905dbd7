//! VEX documents.
#![no_main]

use ci_tool::policy::ignores;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = ignores::read("vex.json", text);
    }
});

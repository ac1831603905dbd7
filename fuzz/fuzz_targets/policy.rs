//! Policies, as they stand in the configuration; diffs and figures of exploitation.
#![no_main]

use ci_tool::policy::{Changes, Intelligence, Policy};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(config) = ci_tool::config::parse("ci-tool.yml", text) {
        assert!(Policy::new(&config.gate).is_ok(), "the configuration lets no other pass");
    }
    let _ = Changes::parse(text);
    let _ = Intelligence::default().add_epss(text);
    let _ = Intelligence::default().add_exploited(text);
});

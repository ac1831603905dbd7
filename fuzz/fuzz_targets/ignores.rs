//! Files of suppressions, each by its name: the first byte chooses which.
#![no_main]

use ci_tool::policy::ignores;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let names: Vec<&str> = ignores::names().collect();
    let name = names[usize::from(*first) % names.len()];
    if let Ok(text) = std::str::from_utf8(rest) {
        let _ = ignores::read(name, text);
        let _ = ignores::comments(text);
    }
});

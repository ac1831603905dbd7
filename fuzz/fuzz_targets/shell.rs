//! Shell scripts.
#![no_main]

use ci_tool::audit::shell::{Shell, Start};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let shell = Shell::parse(text, Start::default());
    for (at, command) in shell.commands.iter().enumerate() {
        assert!(text.get(command.span.clone()).is_some());
        assert!(command.reads.is_none_or(|from| from < at));
        assert!(command.inside.is_none_or(|outer| outer < at));
        let _ = (command.program(), command.text());
        for word in &command.words {
            assert!(text.get(word.span.clone()).is_some());
        }
    }
});

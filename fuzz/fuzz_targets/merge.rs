//! Three texts, parted by zero bytes, are joined or refused, and joined again the same.
#![no_main]

use ci_tool::workflows::merge::{Outcome, Versions, merge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut parts = text.split('\0');
    let (Some(base), Some(theirs), Some(ours)) = (parts.next(), parts.next(), parts.next()) else {
        return;
    };
    if let Outcome::Merged { text, .. } = merge(Versions { base, theirs, ours }) {
        let again = merge(Versions { base: ours, theirs: &text, ours });
        assert!(matches!(again, Outcome::Merged { text: same, .. } if same == text));
    }
});

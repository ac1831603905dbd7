//! JSON, YAML, TOML and Dockerfiles, each with the places of its values.
#![no_main]

use ci_tool::project::dockerfile;
use ci_tool::project::document::{self, Node, Syntax};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(rest) else {
        return;
    };
    let syntax = match first % 4 {
        0 => Syntax::Json,
        1 => Syntax::Yaml,
        2 => Syntax::Toml,
        _ => {
            let all = dockerfile::instructions(text);
            let _ = dockerfile::sources(&all);
            let count = text.lines().count();
            assert!(all.iter().all(|one| one.line <= one.last && one.last <= count));
            return;
        }
    };
    if let Ok(node) = document::parse(text, syntax) {
        look(&node, text);
    }
});

/// Every place is in the text.
fn look(node: &Node, text: &str) {
    assert!(text.get(node.span.clone()).is_some());
    assert!(node.line >= 1 && node.column >= 1);
    for entry in node.entries() {
        assert!(text.get(entry.span.clone()).is_some());
        look(&entry.node, text);
    }
    for item in node.items() {
        look(item, text);
    }
}

//! Parsing with the grammars of tree-sitter, within a time.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tree_sitter::{Language, ParseOptions, ParseState, Parser, Tree};

/// How long the parser may take. Texts that nobody wrote cost it time by the square of
/// their length; for one that somebody wrote, milliseconds are enough.
const MAX_TIME: Duration = Duration::from_secs(2);

/// The tree of a text; `None` where it takes too long.
pub(super) fn parse(language: &Language, text: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(language).ok()?;
    let began = Instant::now();
    let mut go_on = |_: &ParseState| match began.elapsed() > MAX_TIME {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    };
    let options = ParseOptions::new().progress_callback(&mut go_on);
    let bytes = text.as_bytes();
    let mut read = |at: usize, _| bytes.get(at..).unwrap_or_default();
    parser.parse_with_options(&mut read, None, Some(options))
}

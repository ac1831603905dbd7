//! What can go wrong, said once: exit codes, failures with advice, and errors
//! that point into a source text.

use std::fmt;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// How a command ended. The number is the process's exit code, and the
/// difference between `No` and `Failed` is a promise: `No` is an answer,
/// `Failed` means that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, and the answer is yes.
    Yes = 0,
    /// Done, and the answer is no (drift under `--check`, a refused overwrite).
    No = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// The question could not be answered or the work could not be done.
    Failed = 3,
}

/// An error that knows its exit code and what the user can do about it.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
    hints: Vec<String>,
}

impl Failure {
    /// Wrong usage or configuration: exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.into(),
            hints: Vec::new(),
        }
    }

    /// The work could not be done: exit code 3.
    pub fn failed(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Failed,
            message: message.into(),
            hints: Vec::new(),
        }
    }

    /// Adds a sentence that says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The exit code that this failure asks for.
    pub const fn exit(&self) -> Exit {
        self.exit
    }

    /// The advice, in the order in which it was added.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// A problem at one place of a text: which file, where in it, and what to do.
///
/// Its `Display` draws the source line with a mark below the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    /// The file as the user knows it, mostly relative to the repository root.
    pub path: String,
    /// First affected line, counted from 1.
    pub line: usize,
    /// First affected column in characters, counted from 1.
    pub column: usize,
    /// How many characters the mark covers; at least one is drawn.
    pub width: usize,
    /// What is wrong.
    pub message: String,
    /// How it is mended, where that is known.
    pub help: Option<String>,
    /// The affected line's text, without its line break.
    pub source_line: String,
}

impl SourceError {
    /// Points at `line` and `column` (both from 1) of `source`.
    pub fn new(
        path: impl Into<String>,
        source: &str,
        line: usize,
        column: usize,
        message: impl Into<String>,
    ) -> Self {
        let source_line = source.lines().nth(line.saturating_sub(1)).unwrap_or("");
        Self {
            path: path.into(),
            line: line.max(1),
            column: column.max(1),
            width: 1,
            message: message.into(),
            help: None,
            source_line: source_line.trim_end_matches('\r').to_owned(),
        }
    }

    /// Sets how many characters the mark covers.
    #[must_use]
    pub const fn width(mut self, width: usize) -> Self {
        self.width = width;
        self
    }

    /// Adds the mend.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self
            .source_line
            .char_indices()
            .nth(self.column - 1)
            .map_or(self.source_line.len(), |(at, _)| at);
        let end = self.source_line[start..]
            .char_indices()
            .nth(self.width.max(1))
            .map_or(self.source_line.len(), |(at, _)| start + at);
        let mut group = Level::ERROR.primary_title(&self.message).element(
            Snippet::source(&self.source_line)
                .line_start(self.line)
                .path(&self.path)
                .annotation(AnnotationKind::Primary.span(start..end)),
        );
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        // The renderer starts with "error: ", which whoever prints this adds itself.
        let drawn = Renderer::plain().render(&[group]);
        f.write_str(drawn.strip_prefix("error: ").unwrap_or(&drawn))
    }
}

impl std::error::Error for SourceError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_error_shows_file_line_column_and_help() {
        let error = SourceError::new(
            ".github/ci-tool.yml",
            "a: 1\ntempaltes: x\n",
            2,
            1,
            "unknown key",
        )
        .width(9)
        .help("did you mean `templates`?");
        let text = error.to_string();
        assert!(text.starts_with("unknown key"), "{text}");
        assert!(text.contains(".github/ci-tool.yml:2:1"), "{text}");
        assert!(text.contains("tempaltes: x"), "{text}");
        assert!(text.contains("^^^^^^^^^"), "{text}");
        assert!(text.contains("did you mean `templates`?"), "{text}");
    }

    #[test]
    fn a_place_past_the_end_of_the_text_is_still_drawn() {
        let text = SourceError::new("x.yml", "é", 9, 40, "cut short").to_string();
        assert!(text.contains("x.yml:9:"), "{text}");
    }
}

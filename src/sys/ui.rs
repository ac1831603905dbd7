//! The only place that prints. Results go to standard output, everything else
//! to standard error.

use std::io::{self, IsTerminal as _, Write as _};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use super::env::Env;

/// Prints, with or without colours.
#[derive(Debug, Clone, Copy)]
pub struct Ui {
    stdout: ColorChoice,
    stderr: ColorChoice,
    quiet: bool,
}

/// When to print colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Ui {
    /// Decides on colours for both streams.
    pub fn new(color: Color, quiet: bool, env: &Env) -> Self {
        let choose = |is_terminal: bool| match color {
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
            Color::Auto if env.get("NO_COLOR").is_some() => ColorChoice::Never,
            Color::Auto if env.get("CLICOLOR_FORCE").is_some_and(|value| value != "0") => {
                ColorChoice::Always
            }
            Color::Auto if is_terminal && env.get("TERM") != Some("dumb") => ColorChoice::Always,
            Color::Auto => ColorChoice::Never,
        };
        Self {
            stdout: choose(io::stdout().is_terminal()),
            stderr: choose(io::stderr().is_terminal()),
            quiet,
        }
    }

    /// Prints a result to standard output. A reader that went away (`| head`)
    /// ends the output, not the program.
    ///
    /// # Errors
    /// Where standard output cannot be written for another reason.
    pub fn result(&self, text: &str) -> io::Result<()> {
        let mut stream = AutoStream::new(io::stdout().lock(), self.stdout);
        match stream
            .write_all(text.as_bytes())
            .and_then(|()| stream.flush())
        {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// How many characters a line of standard output holds, where that is a terminal.
    pub fn width(&self) -> Option<usize> {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        (size.ws_col >= 40).then_some(usize::from(size.ws_col))
    }

    /// Prints a remark to standard error, unless `--quiet`.
    pub fn remark(&self, text: &str) {
        if !self.quiet {
            self.stderr(Style::new(), "", text);
        }
    }

    /// Prints a warning to standard error, unless `--quiet`.
    pub fn warning(&self, text: &str) {
        if !self.quiet {
            self.stderr(AnsiColor::Yellow.on_default().bold(), "warning: ", text);
        }
    }

    /// Prints an error to standard error.
    pub fn error(&self, text: &str) {
        self.stderr(AnsiColor::Red.on_default().bold(), "error: ", text);
    }

    /// Prints what to do about an error.
    pub fn hint(&self, text: &str) {
        self.stderr(AnsiColor::Cyan.on_default().bold(), "hint: ", text);
    }

    /// Asks a person for something on the same line.
    pub fn prompt(&self, text: &str) {
        let mut stream = AutoStream::new(io::stderr().lock(), self.stderr);
        // Nothing is left to tell of it if even standard error is gone.
        let _ = write!(stream, "{text}").and_then(|()| stream.flush());
    }

    /// Whether standard error is a terminal on which a line can be written anew.
    pub fn redraws(&self) -> bool {
        !self.quiet && self.stderr != ColorChoice::Never && io::stderr().is_terminal()
    }

    /// Writes a line anew that says what is under way; an empty text takes it away.
    pub fn status(&self, text: &str) {
        if self.redraws() {
            let mut stream = io::stderr().lock();
            let _ = write!(stream, "\r\x1b[2K{text}").and_then(|()| stream.flush());
        }
    }

    fn stderr(&self, style: Style, label: &str, text: &str) {
        let mut stream = AutoStream::new(io::stderr().lock(), self.stderr);
        // Nothing is left to tell of it if even standard error is gone.
        let _ = writeln!(stream, "{style}{label}{style:#}{text}");
    }
}

/// Text from outside made harmless for a terminal: control characters and
/// marks that reorder text become visible escapes. Line breaks stay, a carriage
/// return alone does not: it would let a text write over itself.
pub fn escape_terminal(text: &str) -> String {
    escaped(text, false)
}

/// As [`escape_terminal`], for a text that has to stay on its line: a name with a
/// line break in it could otherwise begin a line of its own.
pub fn escape_line(text: &str) -> String {
    escaped(text, true)
}

fn escaped(text: &str, one_line: bool) -> String {
    // Most texts are plain, and long lists of them are written.
    if is_plain(text) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find(is_strange) {
        out.push_str(&rest[..at]);
        let found = &rest[at..];
        let mut chars = found.chars();
        let c = chars.next().unwrap_or_default();
        rest = chars.as_str();
        match c {
            '\r' if rest.starts_with('\n') && one_line => {
                rest = &rest[1..];
                out.push_str("\\n");
            }
            '\r' if rest.starts_with('\n') => out.push('\r'),
            '\n' | '\u{2028}' | '\u{2029}' if one_line => out.push_str("\\n"),
            '\n' | '\t' | '\u{2028}' | '\u{2029}' => out.push(c),
            c => out.extend(c.escape_unicode()),
        }
    }
    out.push_str(rest);
    out
}

/// Whether a text is of printable ASCII alone, sixteen bytes at a time.
pub fn is_plain(text: &str) -> bool {
    let is_printable = |byte: u8| byte.wrapping_sub(b' ') <= b'~' - b' ';
    let each = |chunk: &[u8]| {
        chunk
            .iter()
            .fold(true, |all, byte| all & is_printable(*byte))
    };
    let (chunks, rest) = text.as_bytes().as_chunks::<16>();
    chunks.iter().all(|chunk| each(chunk)) && each(rest)
}

/// Whether a character may be more than something to read.
const fn is_strange(c: char) -> bool {
    match c {
        ' '..='~' => false,
        c if (c as u32) < 0xa0 => true,
        '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{2028}' | '\u{2029}' => true,
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_visible() {
        for length in [0, 1, 15, 16, 17, 40] {
            let text: String = ('!'..='~').cycle().take(length).collect();
            assert!(is_plain(&text) && escape_line(&text) == text);
            for strange in ['\n', '\u{7f}', '\u{1f}', 'é'] {
                for at in 0..=length {
                    let text = format!("{}{strange}{}", &text[..at], &text[at..]);
                    assert!(!is_plain(&text), "{text:?}");
                }
            }
        }
        assert_eq!(
            escape_terminal("a\u{1b}[31mb\u{202e}c\n"),
            "a\\u{1b}[31mb\\u{202e}c\n"
        );
        assert_eq!(escape_terminal("é日本"), "é日本");
        assert_eq!(escape_terminal("a\r\nb\rc"), "a\r\nb\\u{d}c");
        assert_eq!(escape_line("a\n::error::b\r\n"), "a\\n::error::b\\n");
        assert_eq!(escape_line("\tü\u{2028}\r\u{85}"), "\tü\\n\\u{d}\\u{85}");
    }
}

//! What people type, unseen.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Puts the terminal back, whatever happens meanwhile.
struct Unseen(Termios);

impl Drop for Unseen {
    fn drop(&mut self) {
        // Nothing helps if it cannot be put back.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// A line that a person types without seeing it, after being asked; nothing where no person
/// can.
///
/// # Errors
/// Where the terminal does not do as it is told.
pub fn hidden(ask: impl FnOnce()) -> io::Result<Option<String>> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Ok(None);
    }
    let before = tcgetattr(&stdin)?;
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    quiet.local_modes.insert(LocalModes::ECHONL);
    tcsetattr(&stdin, OptionalActions::Flush, &quiet)?;
    let _unseen = Unseen(before);
    ask();
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    Ok(Some(line))
}

/// All of standard input.
///
/// # Errors
/// Where it cannot be read, or is no text.
pub fn all_input() -> io::Result<String> {
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text)?;
    Ok(text)
}

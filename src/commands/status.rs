//! The line on a terminal that says what is under way while something takes long.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crate::sys::ui::Ui;

/// How often the line is written anew.
const EVERY: Duration = Duration::from_millis(250);

/// A line that is longer may wrap, and is then not taken away whole.
const WIDTH: usize = 78;

/// Does work while `draw` writes the line anew, on terminals on which that can be done.
pub(super) fn during<T>(ui: &Ui, draw: impl Fn() + Sync, work: impl FnOnce() -> T) -> T {
    if !ui.redraws() {
        return work();
    }
    let draw = &draw;
    let done = std::thread::scope(|scope| {
        let (stop, stopped) = channel::<()>();
        scope.spawn(move || {
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                draw();
            }
        });
        let done = work();
        drop(stop);
        done
    });
    ui.status("");
    done
}

/// Writes the line.
pub(super) fn show(ui: &Ui, text: &str) {
    ui.status(&text.chars().take(WIDTH).collect::<String>());
}

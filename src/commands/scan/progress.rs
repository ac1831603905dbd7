//! What people see while scanners run: one line that is written anew on a terminal, a
//! group for each scanner in a job of GitHub Actions, plain remarks elsewhere.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::commands::status;
use crate::context::Context;
use crate::scanners::run::Event;
use crate::sys::ui::escape_line;

/// Who runs since when.
pub(super) struct Progress<'c> {
    context: &'c Context,
    running: Mutex<Vec<(String, Instant)>>,
}

impl<'c> Progress<'c> {
    pub(super) fn new(context: &'c Context) -> Self {
        Self {
            context,
            running: Mutex::default(),
        }
    }

    /// Does work while the line is kept up to date.
    pub(super) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        status::during(&self.context.ui, || self.draw(), work)
    }

    /// Tells what happens.
    pub(super) fn tell(&self, event: &Event<'_>) {
        let ui = &self.context.ui;
        // Held to the end, so that the lines of two scanners do not mix.
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        ui.status("");
        match *event {
            Event::Started(name) => {
                running.push((name.to_owned(), Instant::now()));
                if !ui.redraws() && !self.context.env.in_github_actions() {
                    ui.remark(&format!("{name} runs"));
                }
            }
            Event::Again(name, why) => {
                ui.warning(&format!("{name} is tried again: {}", escape_line(why)));
            }
            Event::Ended(name, after, said) => {
                if let Some(at) = running.iter().position(|(one, _)| one == name) {
                    running.remove(at);
                }
                let ended = format!("{name} ended after {:.1} s", after.as_secs_f64());
                if self.context.env.in_github_actions() && !said.is_empty() {
                    ui.remark(&group(&ended, said));
                } else {
                    ui.remark(&ended);
                }
            }
        }
    }

    fn draw(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<String> = running
            .iter()
            .map(|(name, since)| format!("{name} {} s", since.elapsed().as_secs()))
            .collect();
        if !all.is_empty() {
            status::show(&self.context.ui, &format!("running: {}", all.join(", ")));
        }
    }
}

/// A group that the job's log shows folded. Nothing in it is a command to the runner:
/// one begins a line, or is in `##[`.
fn group(title: &str, said: &[String]) -> String {
    let mut out = format!("::group::{}\n", escape_line(title));
    for line in said {
        out.push_str("| ");
        out.push_str(&escape_line(line).replace("##[", "## ["));
        out.push('\n');
    }
    out + "::endgroup::"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_scanner_says_is_no_command_to_the_runner() {
        let said = ["::error::a".to_owned(), "b ##[error]c".to_owned()];
        assert_eq!(
            group("x", &said),
            "::group::x\n| ::error::a\n| b ## [error]c\n::endgroup::"
        );
    }
}

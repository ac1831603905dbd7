//! Parses, runs, and turns the outcome into an exit code; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(ci_tool::cli::run(std::env::args_os()) as u8)
}

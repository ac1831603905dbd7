//! Parses, runs, and turns the outcome into an exit code; nothing else.

use std::process::ExitCode;

/// Reports are read by several threads in many small pieces, which the system's
/// allocators are slow at, that of musl above all.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(ci_tool::cli::run(std::env::args_os()) as u8)
}

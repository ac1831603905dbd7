//! The size of the pages that memory comes in.
//!
//! The allocator asks the system for large pages (2 MB on most processors). Where reports of
//! scanners are read, a hundred thousand faults for small ones take longer than to read them;
//! any other command would only hold memory that it does not use.

use std::sync::{Mutex, PoisonError};

#[cfg(target_os = "linux")]
use rustix::thread::{disable_transparent_huge_pages, transparent_huge_pages_are_disabled};

/// Others decide by themselves.
#[cfg(not(target_os = "linux"))]
const fn transparent_huge_pages_are_disabled() -> std::io::Result<bool> {
    Ok(true)
}

#[cfg(not(target_os = "linux"))]
const fn disable_transparent_huge_pages(_: bool) -> std::io::Result<()> {
    Ok(())
}

/// Whether pages are kept small by us. What whoever started us wants stays as it is.
static KEPT_SMALL: Mutex<bool> = Mutex::new(false);

/// Keeps pages small, until [`allow_large`].
pub fn keep_small() {
    let mut kept = KEPT_SMALL.lock().unwrap_or_else(PoisonError::into_inner);
    // Where the system knows nothing of it there is nothing to keep small.
    if matches!(transparent_huge_pages_are_disabled(), Ok(false)) {
        *kept = disable_transparent_huge_pages(true).is_ok();
    }
}

/// Lets pages be large, for commands that are about to read much.
pub fn allow_large() {
    let mut kept = KEPT_SMALL.lock().unwrap_or_else(PoisonError::into_inner);
    if std::mem::take(&mut *kept) {
        // At worst it takes longer.
        let _ = disable_transparent_huge_pages(false);
    }
}

/// Starts a child, which inherits how this process has it, as if we had changed nothing.
pub fn for_child<R>(start: impl FnOnce() -> R) -> R {
    let kept = KEPT_SMALL.lock().unwrap_or_else(PoisonError::into_inner);
    if !*kept {
        drop(kept);
        return start();
    }
    let _ = disable_transparent_huge_pages(false);
    let started = start();
    let _ = disable_transparent_huge_pages(true);
    started
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::sys::process::Program;

    #[test]
    fn a_child_has_what_we_had() {
        let is_allowed = |status: &str| status.contains("THP_enabled:\t1");
        let own = || {
            let status = std::fs::read_to_string("/proc/self/status");
            is_allowed(&status.expect("read"))
        };
        // It is of the whole process, and other tests start children at the same time.
        let becomes = |wanted: bool| {
            let pause = || std::thread::sleep(std::time::Duration::from_millis(5));
            let mut tries = 0..400;
            tries.any(|_| own() == wanted || (pause(), false).1)
        };
        let before = own();
        keep_small();
        assert!(becomes(false));
        let finished = Program::new("cat")
            .arguments(["/proc/self/status"])
            .variable("PATH", "/usr/bin:/bin")
            .run();
        let said = finished.expect("started").stdout;
        assert_eq!(is_allowed(&String::from_utf8_lossy(&said)), before);
        assert!(becomes(false));
        allow_large();
        assert!(becomes(before));
    }
}

//! A wish to stop: Ctrl-C, or a runner that cancels the job.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT, SIGTERM};

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on these signals do not end the program: whoever waits for children
/// asks [`asked`], stops them and says so.
pub fn watch() {
    let asked = ASKED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM] {
        // A second one ends the program at once, as without us.
        let _ = signal_hook::flag::register_conditional_shutdown(signal, 3, Arc::clone(asked));
        let _ = signal_hook::flag::register(signal, Arc::clone(asked));
    }
}

/// As [`watch`], and a second signal does not end the program either: a runner that cancels
/// a job sends one, and another some seconds later, and what has to be taken back takes all
/// the time that there is.
pub fn watch_to_the_end() {
    let asked = ASKED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM] {
        let _ = signal_hook::flag::register(signal, Arc::clone(asked));
    }
}

/// Whether somebody asked us to stop.
pub fn asked() -> bool {
    ASKED
        .get()
        .is_some_and(|asked| asked.load(Ordering::Relaxed))
}

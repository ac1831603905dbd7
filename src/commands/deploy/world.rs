//! The world around a deployment: real platforms, real addresses, real time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::deploy::World;
use crate::deploy::health::Check;
use crate::deploy::journal::Journal;
use crate::deploy::platform::Platform;
use crate::forge::web::Web;
use crate::sys::fs::write_atomically;
use crate::sys::ui::{Ui, escape_line};
use crate::sys::{clock, interrupt};

/// Everything that is real.
pub(super) struct Real {
    pub(super) ui: Ui,
    pub(super) platforms: BTreeMap<String, Box<dyn Platform>>,
    pub(super) checks: BTreeMap<String, Vec<Check>>,
    pub(super) web: Web,
    pub(super) started: Instant,
    /// The folder and the name of the journal.
    pub(super) journal: (PathBuf, String),
}

impl World for Real {
    fn platform(&self, service: &str) -> &dyn Platform {
        &*self.platforms[service]
    }

    fn healthy(&self, service: &str, commit: Option<&str>) -> Result<(), String> {
        for check in self.checks.get(service).into_iter().flatten() {
            let answer = self
                .web
                .send(&check.request())
                .map_err(|error| error.to_string())?;
            let wrong = check.judge(&answer, commit, clock::now());
            if !wrong.is_empty() {
                return Err(format!("{}: {}", check.url, wrong.join("; ")));
            }
        }
        Ok(())
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }

    fn save(&self, journal: &Journal) -> Result<(), String> {
        let (folder, name) = &self.journal;
        write_atomically(folder, name, journal.text()).map_err(|error| error.to_string())
    }

    fn stop_asked(&self) -> bool {
        interrupt::asked()
    }

    fn tell(&self, service: Option<&str>, what: &str) {
        let at = self.started.elapsed().as_secs_f64();
        let line = match service {
            Some(service) => format!("{at:7.1} s  {service}: {what}"),
            None => format!("{at:7.1} s  {what}"),
        };
        self.ui.remark(&escape_line(&line));
    }
}

//! What a probe measured of jobs: how long they take, what they need. A file in the
//! repository that people can read and change; `generate` goes by it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::file::{Unreadable, line_at, quoted};

/// Where the file is.
pub const FILE: &str = ".github/ci-tool.measured.toml";

/// Version of the form; raised when an older ci-tool could not read it.
const VERSION: u32 = 1;

/// Limits of time that a job can get, in minutes: few, so that they stay what they are
/// when a job takes a little longer.
const LIMITS: [u32; 11] = [10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360];

/// A runner may be slower than the machine that measured, by this factor.
const SLOWER: u64 = 3;

/// Minutes of a job that are not in its steps: a runner that starts, images, caches.
const AROUND: u64 = 5;

/// Seconds that a cache takes whatever is in it: to ask for, to unpack, to look whether it
/// has to be kept.
const CACHE_SECONDS: f64 = 5.0;

/// Bytes of a cache that come in a second.
const CACHE_SPEED: f64 = 30.0e6;

/// What was measured, by job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measured {
    /// By the job's id.
    pub jobs: BTreeMap<String, MeasuredJob>,
}

/// What was measured of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MeasuredJob {
    /// The folder of its component.
    pub component: String,
    /// How long its installs and its steps took, in seconds.
    pub seconds: u64,
    /// Its limit of time, in minutes.
    pub timeout_minutes: u32,
    /// `false` where a cache would take longer than what it saves.
    #[serde(default = "yes")]
    pub cache: bool,
    /// Variables that its steps need, with values that do for them.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

const fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    version: u32,
    #[serde(default)]
    jobs: BTreeMap<String, MeasuredJob>,
}

/// The limit for a job that took so many seconds: three times that and a little, so that
/// only a job that hangs meets it.
pub fn limit(seconds: u64) -> u32 {
    let minutes = (seconds * SLOWER).div_ceil(60) + AROUND;
    let mut limits = LIMITS.iter().copied();
    let fitting = limits.find(|limit| u64::from(*limit) >= minutes);
    fitting.unwrap_or(LIMITS[LIMITS.len() - 1])
}

/// Whether a cache of so many bytes is worth it where an install without one takes so many
/// seconds.
pub fn cache_pays(install_seconds: f64, bytes: u64) -> bool {
    // A count of bytes is far below what a float holds exactly.
    #[allow(clippy::cast_precision_loss)]
    let seconds = CACHE_SECONDS + bytes as f64 / CACHE_SPEED;
    install_seconds > seconds
}

impl Measured {
    /// Reads the file's text.
    ///
    /// # Errors
    /// Where it is no such file, or of a newer form.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let form: Form =
            toml_edit::de::from_str(text).map_err(|error| Unreadable::toml(FILE, text, &error))?;
        let unreadable = |line: usize, why: String| Unreadable {
            path: FILE.to_owned(),
            line,
            why,
        };
        if form.version != VERSION {
            let why = format!(
                "version {} of the form is not known here, {VERSION} is",
                form.version
            );
            return Err(unreadable(1, why));
        }
        for (id, job) in &form.jobs {
            if !(1..=360).contains(&job.timeout_minutes) {
                let head = format!("[jobs.{}]", quoted_key(id));
                let head = text.find(&head).unwrap_or_default();
                let key = text[head..].find("timeout-minutes").unwrap_or_default();
                let why = format!("timeout-minutes of {id} is from 1 to 360");
                return Err(unreadable(line_at(text, head + key), why));
            }
        }
        Ok(Self { jobs: form.jobs })
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let mut text = format!(
            "# What `ci-tool generate --probe` measured. `ci-tool generate` goes by it, and what\n\
             # .github/ci-tool.yml says under `generate.jobs` and `detect.components` goes before it.\n\
             version = {VERSION}\n"
        );
        for (id, job) in &self.jobs {
            text.push_str(&format!("\n[jobs.{}]\n", quoted_key(id)));
            text.push_str(&format!("component = {}\n", quoted(&job.component)));
            text.push_str(&format!("seconds = {}\n", job.seconds));
            text.push_str(&format!("timeout-minutes = {}\n", job.timeout_minutes));
            if !job.cache {
                text.push_str("# One would take longer than what it saves.\ncache = false\n");
            }
            for (name, value) in &job.env {
                text.push_str(&format!("env.{} = {}\n", quoted_key(name), quoted(value)));
            }
        }
        text
    }

    /// Takes what was measured now. A job whose time has not changed much keeps what is
    /// written of it, so that two measurements make no difference to look at.
    pub fn update(&mut self, id: &str, new: MeasuredJob) {
        match self.jobs.get_mut(id) {
            Some(old)
                if old.component == new.component
                    && old.env == new.env
                    && new.seconds <= old.seconds.saturating_mul(2).max(30)
                    && old.seconds <= new.seconds.saturating_mul(2).max(30) => {}
            _ => {
                self.jobs.insert(id.to_owned(), new);
            }
        }
    }
}

/// A key that needs no quotes, or one with them.
fn quoted_key(key: &str) -> String {
    let is_plain = !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if is_plain {
        key.to_owned()
    } else {
        quoted(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(seconds: u64) -> MeasuredJob {
        MeasuredJob {
            component: "backend".to_owned(),
            seconds,
            timeout_minutes: limit(seconds),
            cache: false,
            env: BTreeMap::from([("SECRET_KEY".to_owned(), "a \"b\"".to_owned())]),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut measured = Measured::default();
        measured.update("backend", job(100));
        measured.update(
            "a.b",
            MeasuredJob {
                cache: true,
                ..job(7)
            },
        );
        assert_eq!(Measured::parse(&measured.text()), Ok(measured.clone()));
        // A little longer changes nothing, much longer does.
        measured.update("backend", job(190));
        assert_eq!(measured.jobs["backend"].seconds, 100);
        measured.update("backend", job(250));
        assert_eq!(measured.jobs["backend"].seconds, 250);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line) in [
            ("version = 2\n", 1),
            ("version = 1\n[jobs.a]\ncomponent = 1\n", 3),
            (
                "version = 1\n\n[jobs.a]\ncomponent = \"a\"\nseconds = 1\ntimeout-minutes = 0\n",
                6,
            ),
            (
                "version = 1\n[jobs.\"a b\"]\ncomponent = \"a\"\nseconds = 1\ntimeout-minutes = 900\n",
                5,
            ),
            ("version = 1\n[jobs.a]\nspeed = 1\n", 3),
        ] {
            let error = Measured::parse(text).expect_err("refused");
            assert_eq!(error.line, line, "{text}: {error}");
        }
    }

    #[test]
    fn limits_leave_room_and_caches_have_to_pay() {
        assert_eq!(
            [0, 60, 200, 600, 10_000_000].map(limit),
            [10, 10, 15, 45, 360]
        );
        assert!(cache_pays(40.0, 200_000_000));
        assert!(!cache_pays(4.0, 1_000));
        assert!(!cache_pays(20.0, 900_000_000));
    }
}

//! When scheduled workflows run.

use crate::project::model::Project;

/// Times of schedules. GitHub delays those at full hours, where everybody else's
/// are. The same project gets the same time again.
pub(super) struct Times {
    hash: u32,
}

impl Times {
    /// Those of a project.
    pub(super) fn of(project: &Project) -> Self {
        let mut hash: u32 = 2_166_136_261;
        for component in &project.components {
            for byte in component.root.bytes().chain(component.name.bytes()) {
                hash = (hash ^ u32::from(byte)).wrapping_mul(16_777_619);
            }
        }
        Self { hash }
    }

    const fn minute(&self) -> u32 {
        1 + self.hash % 58
    }

    const fn hour(&self) -> u32 {
        2 + (self.hash >> 8) % 4
    }

    /// Once a week, on Monday before work.
    pub(super) fn weekly(&self) -> String {
        format!("{} {} * * 1", self.minute(), self.hour())
    }

    /// Once a night.
    pub(super) fn daily(&self) -> String {
        format!("{} {} * * *", self.minute(), self.hour())
    }

    /// Once an hour.
    pub(super) fn hourly(&self) -> String {
        format!("{} * * * *", self.minute())
    }

    /// Every quarter of an hour.
    pub(super) fn quarter_hourly(&self) -> String {
        format!("{}/15 * * * *", 1 + self.hash % 13)
    }
}

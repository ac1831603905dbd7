//! Where a child may write. Linux alone can hold it to that (Landlock); elsewhere,
//! and on kernels without it, nothing is held.

use std::path::PathBuf;

/// Lets this thread, and the children that it starts, write to these folders and
/// devices only. The result is whether the kernel holds it.
#[cfg(target_os = "linux")]
pub(super) fn write_only_to(folders: &[PathBuf]) -> bool {
    use landlock::RulesetStatus;
    restrict(folders).is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}

/// An error is ours: what the kernel lacks is none.
#[cfg(target_os = "linux")]
fn restrict(folders: &[PathBuf]) -> Result<landlock::RestrictionStatus, landlock::RulesetError> {
    use landlock::{
        ABI, AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
        RulesetCreatedAttr as _, path_beneath_rules,
    };
    // What came after it concerns devices, not files.
    let abi = ABI::V4;
    let devices = ["/dev", "/proc/self"].map(PathBuf::from);
    // A rule may allow nothing but what is handled: reading is not.
    let write = AccessFs::from_write(abi);
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(write)?
        .create()?
        .add_rules(path_beneath_rules(folders.iter().chain(&devices), write))?
        .restrict_self()
}

/// Nothing can be held here.
#[cfg(not(target_os = "linux"))]
pub(super) fn write_only_to(_: &[PathBuf]) -> bool {
    false
}

/// Whether the kernel holds children to their folders.
pub fn holds() -> bool {
    // The limit is that of a thread, which ends with it.
    let asked = std::thread::spawn(|| write_only_to(&[]));
    asked.join().unwrap_or(false)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_takes_the_rules() {
        let asked = std::thread::spawn(|| restrict(&[std::env::temp_dir()]).map(|_| ()));
        let taken = asked.join().expect("a thread");
        assert!(taken.is_ok(), "{taken:?}");
    }
}

//! Where a child may write. Linux alone can hold it to that (Landlock); elsewhere,
//! and on kernels without it, nothing is held.

use std::path::PathBuf;

/// Lets this thread, and the children that it starts, write to these folders and
/// devices only. The result is whether the kernel holds it.
#[cfg(target_os = "linux")]
pub(super) fn write_only_to(folders: &[PathBuf]) -> bool {
    use landlock::{
        ABI, Access as _, AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
        RulesetCreatedAttr as _, RulesetStatus, path_beneath_rules,
    };
    // What came after it concerns devices, not files.
    let abi = ABI::V4;
    let devices = ["/dev", "/proc/self"].map(PathBuf::from);
    let restrict = || {
        Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_write(abi))?
            .create()?
            .add_rules(path_beneath_rules(
                folders.iter().chain(&devices),
                AccessFs::from_all(abi),
            ))?
            .restrict_self()
    };
    restrict().is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
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

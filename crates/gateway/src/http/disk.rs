//! Free space on the disk of the data folder.

use std::path::Path;
use std::time::Duration;

use nix::sys::statvfs::statvfs;

use crate::node::{Problem, ProblemCode};

/// Interval between looks at it.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Part of the space below which it is warned that puts money at risk: what is written in a moment of need no longer fits.
const AT_RISK: u64 = 10;

const MIB: u64 = 1 << 20;

/// Free space for this user, in MiB; `None`: the system does not say.
pub(super) fn free_mib(dir: &Path) -> Option<u64> {
    // The folder is made at the first start.
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found = statvfs(dir).or_else(|_| statvfs(parent)).ok()?;
    Some(found.blocks_available().saturating_mul(found.fragment_size()) / MIB)
}

/// What is wrong with so little space.
pub(super) fn problem(free_mib: u64, warn_free_mib: u64, dir: &Path) -> Option<Problem> {
    if free_mib >= warn_free_mib {
        return None;
    }
    let message = "the disk of the gateway's data is nearly full; once it is full nothing can be saved, and payments stop: free space on it";
    let money_at_risk = free_mib < warn_free_mib / AT_RISK;
    let detail = format!("{free_mib} MiB are free at {}, warn_free_mib is {warn_free_mib}", dir.display());
    let problem = Problem::risk(ProblemCode::DiskLow, message).detail(Some(detail));
    Some(Problem { money_at_risk, ..problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_space_is_a_warning_and_hardly_any_a_risk() {
        let dir = Path::new("/data");
        assert_eq!(problem(1_024, 1_024, dir), None);
        assert_eq!(problem(0, 0, dir), None, "switched off");
        let risk = |free| problem(free, 1_024, dir).map(|problem| problem.money_at_risk);
        assert_eq!([risk(1_023), risk(102), risk(101)], [Some(false), Some(false), Some(true)]);
    }
}

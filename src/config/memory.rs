//! The container's memory limit in, the byte budget's default out.

use std::fs;
use std::path::Path;

/// Where a container sees its own control group.
pub(super) const CGROUP_ROOT: &str = "/sys/fs/cgroup";

/// Reading with less stalls on every round trip to the broker.
const BUDGET_BYTES_MIN: u64 = 512 << 10;

/// The limit in bytes that the control group beneath `root` sets (v2, else v1); `None` where there is none.
pub(super) fn limit_bytes(root: &Path) -> Option<u64> {
    // v2 says `max` and v1 a number near 2^63 for "no limit"; the latter is harmless, a quarter of it is still huge.
    let read = |file: &str| fs::read_to_string(root.join(file)).ok();
    read("memory.max").or_else(|| read("memory/memory.limit_in_bytes"))?.trim().parse().ok()
}

/// The default budget, lowered to a quarter of the memory limit where that is less.
pub(super) fn budget_bytes(default_bytes: usize, limit_bytes: Option<u64>) -> usize {
    let Some(limit_bytes) = limit_bytes else { return default_bytes };
    let quarter = usize::try_from((limit_bytes / 4).max(BUDGET_BYTES_MIN)).unwrap_or(usize::MAX);
    quarter.min(default_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_limit(file: &str, content: &str, expected: Option<u64>) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        assert_eq!(limit_bytes(root.path()), expected, "{file} {content}");
    }

    #[test]
    fn the_limit_is_read_from_either_version() {
        check_limit("memory.max", "67108864\n", Some(64 << 20));
        check_limit("memory.max", "max\n", None);
        check_limit("memory/memory.limit_in_bytes", "8388608\n", Some(8 << 20));
        check_limit("unrelated", "1\n", None);
    }

    #[test]
    fn the_budget_is_a_quarter_of_a_small_limit() {
        let default_bytes = 4 << 20;
        assert_eq!(budget_bytes(default_bytes, None), default_bytes);
        assert_eq!(budget_bytes(default_bytes, Some(u64::MAX)), default_bytes);
        assert_eq!(budget_bytes(default_bytes, Some(64 << 20)), default_bytes);
        assert_eq!(budget_bytes(default_bytes, Some(8 << 20)), 2 << 20);
        assert_eq!(budget_bytes(default_bytes, Some(1 << 20)), 512 << 10);
    }
}

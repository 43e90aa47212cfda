//! The control group of this process, version 2 or 1 (cgroups(7), and the kernel's cgroup-v2 document).

use std::fs;
use std::path::{Path, PathBuf};

/// Version 1 represents "no limit" by a number near 2^63, more than any machine has.
const NO_LIMIT_BYTES: u64 = 1 << 60;

/// A container's limits and their usage; figures that the machine does not provide are absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cgroup {
    /// Memory limit.
    pub memory_limit_bytes: Option<u64>,
    /// Memory that counts against the limit.
    pub memory_usage_bytes: Option<u64>,
    /// Memory usage without inactive file pages; Kubernetes evicts pods by this figure.
    pub memory_working_set_bytes: Option<u64>,
    /// Processes killed by the OOM killer.
    pub oom_kills: Option<u64>,
    /// CPU quota periods that have elapsed.
    pub cpu_periods: Option<u64>,
    /// Periods in which the group was throttled.
    pub cpu_throttled_periods: Option<u64>,
    /// Time for which the group was throttled.
    pub cpu_throttled_seconds: Option<f64>,
}

impl Cgroup {
    /// Reads the group of the process `self` in `proc`, below the mount at `root`.
    pub(super) fn read(proc: &Path, root: &Path) -> Self {
        let groups = fs::read_to_string(proc.join("self/cgroup")).unwrap_or_default();
        if root.join("cgroup.controllers").exists() {
            Self::version_2(&groups, root)
        } else {
            Self::version_1(&groups, root)
        }
    }

    fn version_2(groups: &str, root: &Path) -> Self {
        let dir = own_directory(groups, "", root);
        let memory_usage_bytes = number(&dir.join("memory.current"));
        let inactive = keyed(&dir.join("memory.stat"), "inactive_file");
        Self {
            memory_limit_bytes: limit(&dir.join("memory.max")),
            memory_usage_bytes,
            memory_working_set_bytes: working_set(memory_usage_bytes, inactive),
            oom_kills: keyed(&dir.join("memory.events"), "oom_kill"),
            cpu_periods: keyed(&dir.join("cpu.stat"), "nr_periods"),
            cpu_throttled_periods: keyed(&dir.join("cpu.stat"), "nr_throttled"),
            cpu_throttled_seconds: keyed(&dir.join("cpu.stat"), "throttled_usec").map(|us| seconds(us, 1.0e6)),
        }
    }

    fn version_1(groups: &str, root: &Path) -> Self {
        let memory = own_directory(groups, "memory", &root.join("memory"));
        let cpu = own_directory(groups, "cpu", &root.join("cpu"));
        let memory_usage_bytes = number(&memory.join("memory.usage_in_bytes"));
        let inactive = keyed(&memory.join("memory.stat"), "total_inactive_file");
        Self {
            memory_limit_bytes: limit(&memory.join("memory.limit_in_bytes")),
            memory_usage_bytes,
            memory_working_set_bytes: working_set(memory_usage_bytes, inactive),
            oom_kills: keyed(&memory.join("memory.oom_control"), "oom_kill"),
            cpu_periods: keyed(&cpu.join("cpu.stat"), "nr_periods"),
            cpu_throttled_periods: keyed(&cpu.join("cpu.stat"), "nr_throttled"),
            cpu_throttled_seconds: keyed(&cpu.join("cpu.stat"), "throttled_time").map(|ns| seconds(ns, 1.0e9)),
        }
    }
}

/// The directory of this process's group for a controller. In a container the group is the root of the mount, even if
/// `/proc/self/cgroup` has the path outside of the container.
fn own_directory(groups: &str, controller: &str, root: &Path) -> PathBuf {
    let path = groups.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        controllers.split(',').any(|known| known == controller).then_some(path)
    });
    let inside = path.map(|path| root.join(path.trim_start_matches('/'))).filter(|inside| inside.is_dir());
    inside.unwrap_or_else(|| root.to_path_buf())
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// A limit; `None` for `max` and for numbers above [`NO_LIMIT_BYTES`].
fn limit(file: &Path) -> Option<u64> {
    number(file).filter(|bytes| *bytes < NO_LIMIT_BYTES)
}

/// The number of `name` in a file of `name number` lines.
fn keyed(file: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

fn working_set(usage_bytes: Option<u64>, inactive_bytes: Option<u64>) -> Option<u64> {
    Some(usage_bytes?.saturating_sub(inactive_bytes?))
}

#[allow(clippy::cast_precision_loss, reason = "below 2^52 for years")]
fn seconds(count: u64, per_second: f64) -> f64 {
    count as f64 / per_second
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: Cgroup) {
        let dir = tempfile::tempdir().unwrap();
        for (file, content) in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let found = Cgroup::read(&dir.path().join("proc"), &dir.path().join("cgroup"));
        assert_eq!(found, expected, "{files:?}");
    }

    #[test]
    fn version_2_is_read_at_the_root_that_a_container_sees() {
        let files = [
            ("proc/self/cgroup", "0::/kubepods/pod1/abc\n"),
            ("cgroup/cgroup.controllers", "cpu memory\n"),
            ("cgroup/memory.max", "67108864\n"),
            ("cgroup/memory.current", "30000000\n"),
            ("cgroup/memory.stat", "anon 5\ninactive_file 10000000\n"),
            ("cgroup/memory.events", "oom 3\noom_kill 2\noom_group_kill 0\n"),
            ("cgroup/cpu.stat", "usage_usec 9\nnr_periods 7\nnr_throttled 4\nthrottled_usec 2500000\n"),
        ];
        let expected = Cgroup {
            memory_limit_bytes: Some(64 << 20),
            memory_usage_bytes: Some(30_000_000),
            memory_working_set_bytes: Some(20_000_000),
            oom_kills: Some(2),
            cpu_periods: Some(7),
            cpu_throttled_periods: Some(4),
            cpu_throttled_seconds: Some(2.5),
        };
        check(&files, expected);
    }

    #[test]
    fn version_1_is_read_where_the_process_is() {
        let files = [
            ("proc/self/cgroup", "4:memory:/x/y\n2:cpu,cpuacct:/\n0::/\n"),
            ("cgroup/memory/memory.limit_in_bytes", "1\n"),
            ("cgroup/memory/x/y/memory.limit_in_bytes", "33554432\n"),
            ("cgroup/memory/x/y/memory.usage_in_bytes", "20\n"),
            ("cgroup/memory/x/y/memory.stat", "inactive_file 1\ntotal_inactive_file 5\n"),
            ("cgroup/memory/x/y/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"),
            ("cgroup/cpu/cpu.stat", "nr_periods 7\nnr_throttled 4\nthrottled_time 2500000000\n"),
        ];
        let expected = Cgroup {
            memory_limit_bytes: Some(32 << 20),
            memory_usage_bytes: Some(20),
            memory_working_set_bytes: Some(15),
            oom_kills: Some(1),
            cpu_periods: Some(7),
            cpu_throttled_periods: Some(4),
            cpu_throttled_seconds: Some(2.5),
        };
        check(&files, expected);
    }

    #[test]
    fn no_limit_is_none_in_either_version() {
        let unlimited = Cgroup::default();
        check(&[("cgroup/cgroup.controllers", ""), ("cgroup/memory.max", "max\n")], unlimited);
        check(&[("cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")], unlimited);
    }
}

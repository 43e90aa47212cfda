//! Figures of this process: CPU time, memory, descriptors, its control group, the volumes of its logs.
//!
//! Input: the mount points of `/proc` and the control groups. Output: figures, each absent if the machine does not
//! provide it. It changes only the process's limits, its dumpable attribute and its allocator's.

mod cgroup;

use std::fs;
use std::path::{Path, PathBuf};

pub use self::cgroup::Cgroup;

/// Path of a container's own control group.
const CGROUP_ROOT: &str = "/sys/fs/cgroup";

/// Resource usage at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// User and system CPU time.
    pub cpu_seconds: Option<f64>,
    /// Resident memory.
    pub resident_bytes: Option<u64>,
    /// Open file descriptors.
    pub open_fds: Option<u64>,
    /// Start time of the process, since the Unix epoch.
    pub start_time_seconds: Option<f64>,
    /// The container's limits and their usage.
    pub cgroup: Cgroup,
}

/// Raises the limit of open files to the maximum: a file stays open until it is read to its end.
pub fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // If this fails, the limit stays; files that cannot be opened are logged and retried.
    _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// The limit of open files; `None`: no limit.
#[must_use]
pub fn descriptors_max() -> Option<usize> {
    use rustix::process::{Resource, getrlimit};
    getrlimit(Resource::Nofile).current.map(|most| usize::try_from(most).unwrap_or(usize::MAX))
}

/// Disables core dumps, and access to this process's memory by processes of the same user: the memory holds secrets.
pub fn forbid_dumps() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    // These calls do not fail for the own process; if one did, shipping would continue.
    _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Has all threads share one heap. By itself glibc gives each its own, and what one thread allocates and another frees
/// leaves holes in each of them, 1 to 2 MiB in all.
#[cfg(target_env = "gnu")]
#[allow(unsafe_code, reason = "mallopt has no safe wrapper")]
pub fn share_one_heap() {
    // SAFETY: it takes two numbers, and no other thread runs yet. If it fails, all is as before.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}

/// Other allocators are as they are.
#[cfg(not(target_env = "gnu"))]
pub fn share_one_heap() {}

/// The machine's memory, in bytes.
#[must_use]
#[allow(clippy::useless_conversion, reason = "the fields' types differ from machine to machine")]
pub fn memory_bytes() -> u64 {
    let found = rustix::system::sysinfo();
    u64::try_from(found.totalram).unwrap_or_default().saturating_mul(u64::from(found.mem_unit))
}

/// The magic number of tmpfs (statfs(2)).
const TMPFS: i64 = 0x0102_1994;

/// A file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Space available to unprivileged processes.
    pub free_bytes: u64,
    /// Total size.
    pub size_bytes: u64,
    /// Whether it is in memory (tmpfs).
    pub in_memory: bool,
}

impl Volume {
    /// The volume that contains `path`; `None` if it cannot be queried.
    #[must_use]
    pub fn at(path: &Path) -> Option<Self> {
        let found = rustix::fs::statvfs(path).ok()?;
        let kind = rustix::fs::statfs(path).ok()?.f_type;
        Some(Self {
            free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
            size_bytes: found.f_blocks.saturating_mul(found.f_frsize),
            #[allow(clippy::useless_conversion, reason = "the field's type differs from machine to machine")]
            in_memory: i64::try_from(kind).is_ok_and(|kind| kind == TMPFS),
        })
    }
}

/// Reads figures from `/proc` and the control groups.
#[derive(Debug)]
pub struct System {
    proc: PathBuf,
    cgroup: PathBuf,
    ticks_per_second: u64,
    page_bytes: u64,
}

impl Default for System {
    fn default() -> Self {
        Self::new("/proc", CGROUP_ROOT)
    }
}

impl System {
    /// Uses these mount points instead of `/proc` and `/sys/fs/cgroup`.
    #[must_use]
    pub fn new(proc: impl Into<PathBuf>, cgroup: impl Into<PathBuf>) -> Self {
        Self {
            proc: proc.into(),
            cgroup: cgroup.into(),
            ticks_per_second: rustix::param::clock_ticks_per_second(),
            page_bytes: rustix::param::page_size() as u64,
        }
    }

    /// Reads the current usage.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "ticks are far below 2^52")]
    pub fn read(&self) -> Usage {
        let own = self.proc.join("self");
        let stat = fs::read_to_string(own.join("stat")).ok();
        // Field 2, the name, is in parentheses and may contain any character; field 3 follows the last one (proc(5)).
        let fields: Vec<&str> =
            stat.iter().filter_map(|stat| stat.rsplit_once(") ")).flat_map(|(_, rest)| rest.split(' ')).collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let seconds = |ticks: u64| ticks as f64 / self.ticks_per_second as f64;
        let boot = fs::read_to_string(self.proc.join("stat")).ok();
        let boot_seconds =
            boot.and_then(|text| text.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<f64>().ok()));
        Usage {
            cpu_seconds: field(14).zip(field(15)).map(|(user, system)| seconds(user + system)),
            resident_bytes: field(24).map(|pages| pages * self.page_bytes),
            open_fds: fs::read_dir(own.join("fd")).ok().map(|entries| entries.count() as u64),
            start_time_seconds: field(22).zip(boot_seconds).map(|(since_boot, boot)| boot + seconds(since_boot)),
            cgroup: Cgroup::read(&self.proc, &self.cgroup),
        }
    }

    /// Counts the application's processes: all except this one, other logskiffs (probes), and process 1, which is the
    /// pod's pause process in a shared process namespace.
    #[must_use]
    pub fn count_other_processes(&self) -> usize {
        let Ok(entries) = fs::read_dir(&self.proc) else { return 0 };
        let own = std::process::id().to_string();
        let numbers = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let counts = |number: &String| {
            let stat = fs::read_to_string(self.proc.join(number).join("stat")).unwrap_or_default();
            let Some((head, tail)) = stat.rsplit_once(") ") else { return false };
            let name = head.split_once('(').map_or("", |(_, name)| name);
            // A zombie has ended, but its parent has not waited for it.
            !tail.starts_with(['Z', 'X']) && !matches!(name, "logskiff" | "pause")
        };
        numbers
            .filter(|number| number.parse::<u32>().is_ok() && *number != "1" && *number != own)
            .filter(counts)
            .count()
    }

    /// The container's memory limit; `None` if there is none.
    #[must_use]
    pub fn memory_limit_bytes(&self) -> Option<u64> {
        Cgroup::read(&self.proc, &self.cgroup).memory_limit_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_process_is_found() {
        let usage = System::default().read();
        assert!(usage.resident_bytes.is_some_and(|bytes| bytes > 1 << 20), "{usage:?}");
        assert!(usage.open_fds.is_some_and(|fds| fds > 2), "{usage:?}");
        assert!(usage.cpu_seconds.is_some() && usage.start_time_seconds.is_some_and(|at| at > 1.0e9), "{usage:?}");
    }

    #[test]
    fn a_process_name_may_contain_any_character() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("self");
        fs::create_dir_all(own.join("fd")).unwrap();
        let fields: Vec<String> = (4..=52).map(|number: u64| number.to_string()).collect();
        fs::write(own.join("stat"), format!("1 (a) b) (c) S {}", fields.join(" "))).unwrap();
        fs::write(dir.path().join("stat"), "cpu 1 2\nbtime 1000\n").unwrap();
        let system = System { ticks_per_second: 100, page_bytes: 4096, ..System::new(dir.path(), dir.path()) };
        let usage = system.read();
        assert_eq!(usage.cpu_seconds, Some(0.29));
        assert_eq!(usage.resident_bytes, Some(24 * 4096));
        assert_eq!(usage.start_time_seconds, Some(1000.22));
        assert_eq!(usage.open_fds, Some(0));
    }

    #[test]
    fn the_application_s_processes_are_distinguished_from_ours() {
        let dir = tempfile::tempdir().unwrap();
        let add = |number: u32, stat: &str| {
            fs::create_dir(dir.path().join(number.to_string())).unwrap();
            fs::write(dir.path().join(number.to_string()).join("stat"), format!("{number} {stat} 0 0")).unwrap();
        };
        let system = System::new(dir.path(), dir.path());
        add(1, "(pause) S");
        add(std::process::id(), "(logskiff) S");
        add(7, "(logskiff) R");
        add(8, "(app) Z");
        assert_eq!(system.count_other_processes(), 0);
        add(9, "(my) app) S");
        assert_eq!(system.count_other_processes(), 1);
    }

    #[test]
    fn missing_files_give_no_figures() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(System::new(dir.path(), dir.path()).read(), Usage::default());
        assert_eq!(Volume::at(&dir.path().join("missing")), None);
        assert!(Volume::at(dir.path()).is_some_and(|volume| volume.size_bytes >= volume.free_bytes));
    }
}

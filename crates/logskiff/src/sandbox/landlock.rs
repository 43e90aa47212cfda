//! Restricts the process's access to the file system (Landlock, landlock(7)).
//!
//! Input: the paths that it reads, deletes and writes. Output: how far the kernel enforces it. The calling thread is
//! confined, and every thread that it starts later; this cannot be undone. It never prevents a start or the reading of
//! a log: if a log may be anywhere, reading is not restricted, and this is reported.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, LandlockStatus, RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, make_bitflags, path_beneath_rules,
};

use super::stable_parent::{stable_parent, stable_parents_of_file};

/// The restricted rights: all rights to files and directories up to this version. Version 9 adds connecting to Unix
/// sockets, but a syslog receiver creates its socket again at each start, so no rule would stay valid.
const RIGHTS: ABI = ABI::V5;
const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
/// Renaming within a directory and deleting; this does not allow writing.
const DELETE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{RemoveFile | MakeReg});
const WRITE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{WriteFile | Truncate});

/// Paths that libraries read at run time. Missing ones are skipped.
const SYSTEM: [&str; 36] = [
    // Name resolution: glibc's configuration and modules.
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/ld.so.cache",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/local/lib64",
    // Time zones.
    "/etc/localtime",
    "/usr/share/zoneinfo",
    // CA certificates: the paths that librdkafka and openssl-probe search, and the targets of links there.
    "/etc/ssl",
    "/etc/pki",
    "/etc/certs",
    "/etc/openssl",
    "/etc/ca-certificates",
    "/etc/security/certificates",
    "/opt/etc/ssl/certs",
    "/usr/local/etc/openssl",
    "/usr/local/etc/ssl",
    "/usr/local/share/ca-certificates",
    "/usr/local/share/certs",
    "/usr/share/ca-certificates",
    "/usr/share/pki",
    "/var/lib/ca-certificates",
    "/var/ssl",
    // Configuration of the statically linked OpenSSL.
    "/usr/local/ssl",
    // Figures of this process and the pod's other processes. A rule for /proc/self would not stay valid: the kernel
    // creates these directories again at any time.
    "/proc",
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
    // Random numbers on kernels without the system call.
    "/dev/random",
    "/dev/urandom",
    // OpenSSL and glibc write unneeded output here.
    "/dev/null",
];
/// System files that are replaced while the machine runs.
const SYSTEM_REPLACED: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];

/// The paths that the process needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Log directories, which need not exist yet, and whether files in them are deleted.
    pub logs: Vec<(PathBuf, bool)>,
    /// Files and directories that are read repeatedly and may be replaced: certificates, secrets, labels.
    pub files: Vec<PathBuf>,
    /// Directory of the checkpoint.
    pub state: Option<PathBuf>,
    /// A file that is written, if it exists now.
    pub written: Option<PathBuf>,
}

/// How far the restrictions are enforced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// Completely.
    Fully,
    /// Not all of them; the reason.
    Partly(String),
    /// None of them; the reason.
    Not(String),
}

/// The result of [`confine`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confined {
    /// How far the restrictions are enforced.
    pub reached: Reached,
    /// Directories in which logs and configured files can still be read.
    pub readable: Vec<PathBuf>,
}

impl Confined {
    /// Whether reading is not restricted, because a log or configured file may be anywhere.
    #[must_use]
    pub fn reads_everything(&self) -> bool {
        self.readable.iter().any(|place| place.parent().is_none())
    }
}

/// Confines the calling thread and all threads that it starts later.
#[must_use]
pub fn confine(config: &Config) -> Confined {
    let (rules, readable) = rules(config);
    let mut confined = Confined { reached: Reached::Fully, readable };
    confined.reached = match restrict(&rules) {
        Ok(status) => reached(&status.ruleset, &status.landlock, confined.reads_everything()),
        Err(error) => Reached::Not(format!("the kernel refused it: {error}")),
    };
    confined
}

/// The allowed rights by path, and the readable directories that follow from the configuration.
fn rules(config: &Config) -> (Vec<(PathBuf, BitFlags<AccessFs>)>, Vec<PathBuf>) {
    let system = SYSTEM.iter().map(PathBuf::from);
    let renewed = SYSTEM_REPLACED.iter().flat_map(|file| stable_parents_of_file(Path::new(file)));
    let mut rules: Vec<_> = system.chain(renewed).map(|path| (path, READ)).collect();
    let mut readable = Vec::new();
    for (directory, deletes) in &config.logs {
        let place = stable_parent(directory);
        rules.push((place.clone(), if *deletes { READ | DELETE } else { READ }));
        readable.push(place);
    }
    for place in config.files.iter().flat_map(|file| stable_parents_of_file(file)) {
        rules.push((place.clone(), READ));
        readable.push(place);
    }
    rules.extend(config.state.clone().map(|directory| (directory, READ | DELETE | WRITE)));
    rules.extend(config.written.clone().map(|file| (file, WRITE)));
    readable.sort();
    readable.dedup();
    (rules, readable)
}

fn restrict(rules: &[(PathBuf, BitFlags<AccessFs>)]) -> Result<RestrictionStatus, RulesetError> {
    let mut ruleset = Ruleset::default().handle_access(AccessFs::from_all(RIGHTS))?.create()?;
    for (path, access) in rules {
        // The kernel refuses rules for files outside of any file system, such as a pipe at /dev/stderr; they need none.
        _ = (&mut ruleset).add_rules(path_beneath_rules([path], *access));
    }
    ruleset.restrict_self()
}

fn reached(ruleset: &RulesetStatus, landlock: &LandlockStatus, open: bool) -> Reached {
    match (ruleset, landlock) {
        (RulesetStatus::NotEnforced, LandlockStatus::NotEnabled) => {
            Reached::Not("Landlock is disabled in the kernel".into())
        }
        (RulesetStatus::NotEnforced, _) => {
            Reached::Not("the kernel has no Landlock, or a seccomp profile forbids it".into())
        }
        _ if open => Reached::Partly(
            "reading is not restricted: a log or configured file may appear anywhere; put it into a directory of its own"
                .into(),
        ),
        (RulesetStatus::PartiallyEnforced, _) => Reached::Partly("the kernel has an older version of Landlock".into()),
        (RulesetStatus::FullyEnforced, _) => Reached::Fully,
    }
}

#[cfg(test)]
mod tests;

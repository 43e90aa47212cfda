//! Takes from this process what it has no use for in the file system (Landlock, landlock(7)).
//!
//! Enters: what it reads, deletes, keeps and writes. Leaves: how far the kernel went along. The calling thread is confined,
//! and every thread that it starts from then on; there is no way back. It never fails a start, and never stands between a
//! line and its receiver: where what is to be read may come to lie anywhere, reading is left alone, and that is said.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, LandlockStatus, RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, make_bitflags, path_beneath_rules,
};

use super::stable_parent::{lasting, lasting_of_file};

/// The rights that are taken: all that there are for files and directories up to this version. Version 9 adds connecting to
/// Unix sockets, which a syslog receiver makes anew when it starts, so that no rule would fit it for long.
const RIGHTS: ABI = ABI::V5;
const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
/// To rename within a directory and to delete: nothing can be written by it.
const DELETE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{RemoveFile | MakeReg});
const WRITE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{WriteFile | Truncate});

/// What the libraries read while it runs, for whatever it is used for. What does not exist is left out.
const SYSTEM: [&str; 36] = [
    // Looking up names: glibc's configuration, and its modules.
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
    // Certificate authorities, wherever librdkafka and openssl-probe look for them, and what the files there link to.
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
    // Where the OpenSSL that is built in looks for its configuration.
    "/usr/local/ssl",
    // What the machine says of this process, and of the pod's others. A rule for /proc/self would not last: the kernel makes
    // these directories anew as it likes.
    "/proc",
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
    // Where the kernel gives no random numbers by a call.
    "/dev/random",
    "/dev/urandom",
    // OpenSSL's and glibc's way to throw away.
    "/dev/null",
];
/// The same, but replaced while the machine runs.
const SYSTEM_RENEWED: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];

/// What a process needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Directories beneath which logs are read, which may not exist yet, and whether files are deleted there.
    pub logs: Vec<(PathBuf, bool)>,
    /// Files and directories that are read now and then, and replaced now and then: certificates, secrets, labels.
    pub files: Vec<PathBuf>,
    /// The directory that the checkpoint is kept in.
    pub state: Option<PathBuf>,
    /// A file that is written, if it is there by now.
    pub written: Option<PathBuf>,
}

/// How far it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// As asked for.
    Fully,
    /// Not in all, and why.
    Partly(String),
    /// Not at all, and why.
    Not(String),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confined {
    /// How far it went.
    pub reached: Reached,
    /// Beneath which directories logs and files that the configuration names can be read from now on.
    pub readable: Vec<PathBuf>,
}

impl Confined {
    /// Whether reading is left alone, since what is to be read may come to lie anywhere.
    #[must_use]
    pub fn reads_everything(&self) -> bool {
        self.readable.iter().any(|place| place.parent().is_none())
    }
}

/// Confines the calling thread, and all that it starts from now on.
#[must_use]
pub fn confine(config: &Config) -> Confined {
    let (rules, readable) = rules(config);
    let mut confined = Confined { reached: Reached::Fully, readable };
    confined.reached = match restrict(&rules) {
        Ok(status) => reached(&status.ruleset, &status.landlock, confined.reads_everything()),
        Err(error) => Reached::Not(format!("the kernel refuses: {error}")),
    };
    confined
}

/// What is allowed where, and the places of the configuration among them.
fn rules(config: &Config) -> (Vec<(PathBuf, BitFlags<AccessFs>)>, Vec<PathBuf>) {
    let system = SYSTEM.iter().map(PathBuf::from);
    let renewed = SYSTEM_RENEWED.iter().flat_map(|file| lasting_of_file(Path::new(file)));
    let mut rules: Vec<_> = system.chain(renewed).map(|path| (path, READ)).collect();
    let mut readable = Vec::new();
    for (directory, deletes) in &config.logs {
        let place = lasting(directory);
        rules.push((place.clone(), if *deletes { READ | DELETE } else { READ }));
        readable.push(place);
    }
    for place in config.files.iter().flat_map(|file| lasting_of_file(file)) {
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
        // The kernel takes no rule for what has no place in a file system, such as a pipe behind /dev/stderr, and needs none.
        _ = (&mut ruleset).add_rules(path_beneath_rules([path], *access));
    }
    ruleset.restrict_self()
}

fn reached(ruleset: &RulesetStatus, landlock: &LandlockStatus, open: bool) -> Reached {
    match (ruleset, landlock) {
        (RulesetStatus::NotEnforced, LandlockStatus::NotEnabled) => {
            Reached::Not("the kernel's Landlock is switched off".into())
        }
        (RulesetStatus::NotEnforced, _) => {
            Reached::Not("the kernel has no Landlock, or a seccomp profile forbids it".into())
        }
        _ if open => Reached::Partly(
            "reading is not: a log, or a file that the configuration names, may come to lie anywhere; give it a \
             directory of its own"
                .into(),
        ),
        (RulesetStatus::PartiallyEnforced, _) => Reached::Partly("the kernel's Landlock is an older one".into()),
        (RulesetStatus::FullyEnforced, _) => Reached::Fully,
    }
}

#[cfg(test)]
mod tests;

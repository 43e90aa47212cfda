//! Files that are never read as logs, under whatever name or mount.
//!
//! Input: the files that the configuration names, the state directory, and open handles. Output: whether a handle is
//! one of them. Files are compared by device and inode, looked up each time, since Kubernetes replaces them.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::statfs;

use super::{fingerprint, kernel};
use event::Inode;

/// Where a pod's secrets are mounted, such as the token of the service account.
const SECRETS: [&str; 2] = ["/run/secrets", "/var/run/secrets"];
/// At most this many files and directories in them are looked up, this deep. A pod has a handful.
const ENTRIES_MAX: usize = 4096;
const DEPTH_MAX: usize = 8;

/// Why a file is not read.
pub(super) const KERNEL: &str = "on a file system of the kernel's own, such as proc or sysfs: it holds no logs";
const SECRET: &str = "a file that the configuration names, or a file on a volume of secrets: it is never read as a log";
pub(super) const OWN: &str = "logskiff's own output: reading it would ship it again without end";
const STATE: &str = "a file of the state directory, which is never read as a log";

/// The paths that must not be read.
#[derive(Clone, Debug, Default)]
pub struct Protected {
    /// Files that the configuration names: secrets, certificates, tokens, labels.
    pub files: Vec<PathBuf>,
    /// The state directory.
    pub state: Option<PathBuf>,
    /// The prefixes of logskiff's own files in it.
    pub state_names: &'static [&'static str],
}

/// The same, by inode.
#[derive(Debug, Default)]
pub(super) struct Guard {
    protected: Protected,
    /// The files that standard output and standard error go to.
    outputs: Vec<Inode>,
    /// The files in the places where a pod's secrets are mounted.
    trees: Trees,
    /// Volumes that hold only secrets, among them a file that the configuration names.
    devices: HashSet<u64>,
    /// The volume of the state directory, if known.
    state_device: Option<u64>,
    /// Looked up at most once in each check, and only for files on its volume: a volume that hangs must not delay other
    /// logs.
    state: OnceCell<State>,
}

/// The state directory and logskiff's files in it.
#[derive(Debug, Default)]
struct State {
    directory: Option<Inode>,
    files: HashSet<Inode>,
}

#[derive(Debug, Default)]
struct Trees {
    devices: HashSet<u64>,
    directories: HashSet<Inode>,
    files: HashSet<Inode>,
}

impl Guard {
    pub(super) fn new(protected: Protected) -> Self {
        let outputs = [std::io::stdout().as_fd(), std::io::stderr().as_fd()].map(rustix::fs::fstat);
        let outputs = outputs.into_iter().flatten().map(|found| fingerprint::inode_from_stat(&found));
        let mut guard = Self { protected, outputs: outputs.collect(), ..Self::default() };
        guard.refresh();
        guard
    }

    /// Looks the paths up again.
    pub(super) fn refresh(&mut self) {
        // The sandbox forbids listing these: then the earlier result holds.
        let denied = |place: &str| fs::read_dir(place).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
        if !SECRETS.iter().any(|place| denied(place)) {
            self.trees = Trees::default();
        }
        for place in SECRETS {
            self.trees.add(Path::new(place), DEPTH_MAX);
        }
        let named = self.protected.files.iter().filter_map(|file| secret_volume(file.parent()?));
        self.devices = named.chain(self.trees.devices.iter().copied()).collect();
        let known = self.state.take().and_then(|state| state.directory);
        self.state_device = known.map(|directory| directory.device).or(self.state_device);
        if self.state_device.is_none() && self.protected.state.is_some() {
            self.state_device = self.state().directory.map(|directory| directory.device);
        }
    }

    fn state(&self) -> &State {
        self.state.get_or_init(|| {
            let Some(state) = &self.protected.state else { return State::default() };
            let own = |entry: &fs::DirEntry| {
                let name = entry.file_name();
                self.protected.state_names.iter().any(|own| name.as_bytes().starts_with(own.as_bytes()))
            };
            let entries = fs::read_dir(state).into_iter().flatten().flatten().filter(own);
            let found = entries.filter_map(|entry| entry.metadata().ok()).filter(fs::Metadata::is_file);
            let directory = fs::metadata(state).ok().map(|found| fingerprint::inode_from_metadata(&found));
            State { directory, files: found.map(|found| fingerprint::inode_from_metadata(&found)).collect() }
        })
    }

    /// Whether an inode is the state directory or a file in it.
    fn is_of_state(&self, inode: Inode) -> bool {
        self.state_device.is_none_or(|device| device == inode.device) && {
            let state = self.state();
            state.directory == Some(inode) || state.files.contains(&inode)
        }
    }

    /// Why nothing in a directory is read. `root` is the fixed directory above it; `None` for the fixed directory
    /// itself.
    pub(super) fn check_directory(&self, handle: impl AsFd, inode: Inode, root: Option<Inode>) -> Option<&'static str> {
        let is_root = root.is_none();
        let other_device = root.is_none_or(|root| root.device != inode.device);
        if other_device && kernel::is_kernel_file_system(handle) {
            return Some(KERNEL);
        }
        if self.trees.directories.contains(&inode) || (!is_root && other_device && self.devices.contains(&inode.device))
        {
            return Some(SECRET);
        }
        (!is_root && self.is_of_state(inode)).then_some(STATE)
    }

    /// Why a fixed directory at the end of a link is not read: it holds files that the configuration names.
    pub(super) fn check_link_target(&self, inode: Inode) -> Option<&'static str> {
        if self.is_of_state(inode) {
            return Some(STATE);
        }
        let named = |file: &PathBuf| {
            let real = file.canonicalize().ok();
            let holders = [Some(file.as_path()), real.as_deref()].into_iter().flatten().filter_map(Path::parent);
            { holders }
                .filter_map(|holder| fs::metadata(holder).ok())
                .any(|found| fingerprint::inode_from_metadata(&found) == inode)
        };
        (self.devices.contains(&inode.device) || self.protected.files.iter().any(named)).then_some(SECRET)
    }

    /// Why an open file beneath the fixed directory `root` is not read.
    pub(super) fn check_file(&self, handle: &fs::File, root: Inode) -> Option<&'static str> {
        if kernel::is_kernel_file_system(handle) {
            return Some(KERNEL);
        }
        // A file that cannot be identified counts as a secret.
        let Ok(found) = handle.metadata() else { return Some(SECRET) };
        let inode = fingerprint::inode_from_metadata(&found);
        if self.outputs.contains(&inode) {
            return Some(OWN);
        }
        // Looked up now: it may have been replaced since the last check.
        let is_same =
            |file: &PathBuf| fs::metadata(file).is_ok_and(|named| fingerprint::inode_from_metadata(&named) == inode);
        if self.protected.files.iter().any(is_same) {
            return Some(SECRET);
        }
        if self.devices.contains(&inode.device) && inode.device != root.device {
            return Some(SECRET);
        }
        if self.is_of_state(inode) {
            return Some(STATE);
        }
        self.trees.files.contains(&inode).then_some(SECRET)
    }
}

impl Trees {
    fn add(&mut self, place: &Path, depth: usize) {
        let Ok(found) = fs::metadata(place) else { return };
        if !self.directories.insert(fingerprint::inode_from_metadata(&found)) || depth == 0 {
            return;
        }
        self.devices.extend(secret_volume(place));
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            let Ok(found) = entry.metadata() else { continue };
            if self.files.len() + self.directories.len() >= ENTRIES_MAX {
                return;
            }
            if found.is_dir() {
                self.add(&entry.path(), depth - 1);
            } else if found.is_file() {
                self.files.insert(fingerprint::inode_from_metadata(&found));
            }
        }
    }
}

/// The device of a directory's volume, if that is mounted for secrets. The machine's own volumes in memory hold other
/// files too, and do not count.
fn secret_volume(directory: &Path) -> Option<u64> {
    // By path: the sandbox allows metadata of directories that cannot be opened.
    let found_kind = kernel::type_number(statfs(directory).ok()?.f_type);
    let found = fs::metadata(directory).ok()?;
    let of_the_machine = ["/", "/run", "/tmp", "/dev", "/dev/shm", "/var/tmp", "/var", "/home", "/root"];
    let shared = { of_the_machine }.iter().any(|place| fs::metadata(place).is_ok_and(|it| it.dev() == found.dev()));
    // Kubernetes mounts each Secret as a volume in memory of its own.
    (found_kind == kernel::TMPFS && !shared).then(|| found.dev())
}

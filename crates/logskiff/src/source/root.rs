//! Opens a glob's fixed directory, on a path that the application may be able to change.
//!
//! Input: an absolute path. Output: a handle of the directory, opened component by component from `/`. A volume that
//! is mounted for logs is shared with the application: from its mount point on, no component may be a symbolic link. On
//! the machine's own file system a link is followed only if nobody but root and this process's user can have made it:
//! whoever can, could read whatever logskiff can. Open handles are checked, so that nothing can be replaced in between.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, StatxFlags, fstat, readlinkat, statx};
use rustix::io::Errno;

use super::fingerprint::inode_from_stat;
use super::kernel;
use event::Inode;

/// As many links as the kernel follows in one path (`path_resolution(7)`).
const LINKS_MAX: usize = 40;
/// Directories for the machine's own volumes: links in them may lead anywhere.
const SYSTEM: [&str; 3] = ["/", "/usr", "/var"];
/// Directories where a machine or a pod may mount a volume: links in them must stay beneath them.
const MACHINE_OR_POD: [&str; 9] = ["/home", "/media", "/mnt", "/opt", "/root", "/run", "/srv", "/tmp", "/var/tmp"];
/// No log lies here: a link to one of these is an attack, whoever made it.
const NO_LOGS: [&str; 5] = ["/boot", "/dev", "/etc", "/proc", "/sys"];

/// Mode bits: users other than the owner may create names in a directory …
const SHARED: u32 = 0o022;
/// … and may not remove names of others.
const STICKY: u32 = 0o1000;

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// An open fixed directory.
#[derive(Debug)]
pub(super) struct Root {
    /// The directory.
    pub(super) handle: OwnedFd,
    /// Its path without links, when it was opened.
    pub(super) real: PathBuf,
    /// Whether a link led there.
    pub(super) linked: bool,
    /// Its place in the file system.
    pub(super) inode: Inode,
}

/// Why the directory was not opened.
#[derive(Debug)]
pub(super) enum RootError {
    /// It does not exist; the nearest directory above it that does.
    Missing(PathBuf),
    /// A symbolic link that another user may have made is at `at`, a prefix of the path. `above` is the real directory
    /// above it.
    Link { at: PathBuf, above: PathBuf },
    /// The same, and the link leads to a directory without logs.
    Trap { at: PathBuf, above: PathBuf },
    /// It cannot be opened.
    Io { at: PathBuf, error: Errno },
}

/// How far a link is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// It may lead anywhere.
    Anywhere,
    /// It may lead to a place beneath its own directory, on the same volume.
    Beneath,
    /// Not at all.
    Nowhere,
}

/// Who may write to a directory's volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Volume {
    System,
    MachineOrPod,
    Shared,
}

/// The metadata of a handle.
#[derive(Clone, Copy, Debug)]
struct HandleInfo {
    inode: Inode,
    uid: u32,
    mode: u32,
    /// Identifies the mount: its number (Linux 5.8), or the device where the kernel gives none.
    mount: u64,
}

/// A directory on the path.
#[derive(Debug)]
struct Step {
    handle: OwnedFd,
    real: PathBuf,
    found: HandleInfo,
    volume: Volume,
    /// Other users may create names somewhere on the path up to here.
    shared: bool,
    /// Other users may replace it.
    replaceable: bool,
}

/// A name that is still to be opened, and whether it is part of the original path.
type Pending = VecDeque<(OsString, bool)>;

struct PathWalk {
    steps: Vec<Step>,
    pending: Pending,
    /// How much of the original path was followed.
    gone: PathBuf,
    links: usize,
    /// The directory that holds the first link.
    holder: PathBuf,
    /// The step beneath which a link has to stay.
    floor: Option<usize>,
}

/// Opens a fixed directory.
///
/// # Errors
/// [`RootError`].
pub(super) fn open(directory: &Path) -> Result<Root, RootError> {
    let mut walk = PathWalk::new(directory)?;
    while let Some((name, cached)) = walk.pending.pop_front() {
        if cached {
            walk.gone.push(&name);
        }
        walk.descend(&name)?;
    }
    let linked = walk.links > 0;
    if linked && NO_LOGS.iter().any(|place| walk.current().real.starts_with(place)) {
        return Err(RootError::Trap { at: walk.gone, above: walk.holder });
    }
    let Some(last) = walk.steps.pop() else { return Err(RootError::Missing("/".into())) };
    let inode = last.found.inode;
    Ok(Root { handle: last.handle, real: last.real, linked, inode })
}

/// The fixed directory. Where the path depends on a link that another user may have made, the directory that holds the
/// link.
#[must_use]
pub fn trusted_directory(directory: &Path) -> PathBuf {
    match open(directory) {
        Err(RootError::Link { above, .. } | RootError::Trap { above, .. }) => above,
        Ok(_) | Err(RootError::Missing(_) | RootError::Io { .. }) => directory.to_path_buf(),
    }
}

impl PathWalk {
    fn new(directory: &Path) -> Result<Self, RootError> {
        let at = PathBuf::from("/");
        let start = || {
            let handle = rustix::fs::openat(CWD, "/", DIRECTORY, Mode::empty())?;
            let found = stat_handle(&handle)?;
            Ok(Step { handle, real: at.clone(), found, volume: Volume::System, shared: false, replaceable: false })
        };
        let first = start().map_err(|error| RootError::Io { at: at.clone(), error })?;
        let pending = path_names(directory).map(|name| (name, true)).collect();
        Ok(Self { steps: vec![first], pending, gone: at, links: 0, holder: "/".into(), floor: None })
    }

    fn current(&self) -> &Step {
        // There is always the first step: `ascend` never removes it.
        &self.steps[self.steps.len() - 1]
    }

    fn link_error(&self) -> RootError {
        let above = self.floor.map_or_else(|| self.current(), |floor| &self.steps[floor]).real.clone();
        RootError::Link { at: self.gone.clone(), above }
    }

    fn io_error(&self, error: Errno) -> RootError {
        RootError::Io { at: self.gone.clone(), error }
    }

    fn descend(&mut self, name: &OsString) -> Result<(), RootError> {
        if name == ".." {
            return self.ascend();
        }
        let handle = match rustix::fs::openat(&self.current().handle, name, DIRECTORY, Mode::empty()) {
            Ok(handle) => handle,
            Err(Errno::NOTDIR | Errno::LOOP) => return self.follow_link(name),
            Err(Errno::NOENT) => return Err(RootError::Missing(self.current().real.clone())),
            Err(error) => return Err(self.io_error(error)),
        };
        let found = stat_handle(&handle).map_err(|error| self.io_error(error))?;
        let above = self.current();
        let real = above.real.join(name);
        let mounted = found.mount != above.found.mount;
        if mounted && self.floor.is_some() {
            return Err(self.link_error());
        }
        let foreign = !is_own(above.found.uid);
        let open = above.found.mode & SHARED != 0;
        let sticky = above.found.mode & STICKY != 0 && is_own(found.uid);
        let step = Step {
            volume: if mounted { above.volume.beneath(&real) } else { above.volume },
            shared: above.shared || foreign || open,
            replaceable: !mounted && (above.replaceable || foreign || (open && !sticky)),
            handle,
            real,
            found,
        };
        self.steps.push(step);
        Ok(())
    }

    fn ascend(&mut self) -> Result<(), RootError> {
        // The limit of a link holds for every step on its path, not only for the last.
        if self.floor.is_some_and(|floor| self.steps.len() - 1 <= floor) {
            return Err(self.link_error());
        }
        if self.steps.len() > 1 {
            self.steps.pop();
        }
        Ok(())
    }

    /// Follows a name that is not a directory.
    fn follow_link(&mut self, name: &OsString) -> Result<(), RootError> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.current().handle, name, flags, Mode::empty());
        let handle = match opened {
            Ok(handle) => handle,
            Err(Errno::NOENT) => return Err(RootError::Missing(self.current().real.clone())),
            Err(error) => return Err(self.io_error(error)),
        };
        let found = stat_handle(&handle).map_err(|error| self.io_error(error))?;
        if !FileType::from_raw_mode(found.mode).is_symlink() {
            return Err(RootError::Missing(self.current().real.clone()));
        }
        self.links += 1;
        if self.links == 1 {
            self.holder = self.current().real.clone();
        }
        let trust = self.current().trust(&found);
        if trust == Trust::Nowhere || self.links > LINKS_MAX {
            return Err(self.link_error());
        }
        let target = readlinkat(&handle, "", Vec::new()).map_err(|error| self.io_error(error))?;
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        if trust == Trust::Beneath && self.floor.is_none() {
            self.floor = Some(self.steps.len() - 1);
        }
        let target = if target.is_absolute() { self.restart(&target)? } else { target };
        for name in path_names(&target).collect::<Vec<_>>().into_iter().rev() {
            self.pending.push_front((name, false));
        }
        Ok(())
    }

    /// Goes back to where an absolute target may begin. Returns the rest of the target.
    fn restart(&mut self, target: &Path) -> Result<PathBuf, RootError> {
        let floor = self.floor.unwrap_or(0);
        let rest = target.strip_prefix(&self.steps[floor].real).map_err(|_| self.link_error())?.to_path_buf();
        self.steps.truncate(floor + 1);
        Ok(rest)
    }
}

impl Step {
    /// How far a link in this directory is trusted.
    fn trust(&self, link: &HandleInfo) -> Trust {
        let open = self.found.mode & SHARED != 0;
        let sticky = self.found.mode & STICKY != 0;
        let own = is_own(link.uid) && is_own(self.found.uid);
        if self.volume == Volume::Shared
            || self.replaceable
            || !own
            || (open && !sticky)
            || kernel::is_kernel_file_system(&self.handle)
        {
            return Trust::Nowhere;
        }
        if self.volume == Volume::System && !self.shared && !open { Trust::Anywhere } else { Trust::Beneath }
    }
}

impl Volume {
    fn beneath(self, real: &Path) -> Self {
        let is_one_of = |resume_points: &[&str]| resume_points.iter().any(|place| Path::new(place) == real);
        match self {
            Self::Shared => Self::Shared,
            _ if is_one_of(&SYSTEM) => Self::System,
            _ if is_one_of(&MACHINE_OR_POD) => Self::MachineOrPod,
            _ => Self::Shared,
        }
    }
}

fn path_names(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}

/// Whether the owner is root or this process's user.
fn is_own(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

fn stat_handle(handle: &OwnedFd) -> Result<HandleInfo, Errno> {
    let found = fstat(handle)?;
    let numbered = statx(handle, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok();
    let numbered =
        numbered.filter(|mounted| StatxFlags::from_bits_retain(mounted.stx_mask).contains(StatxFlags::MNT_ID));
    let inode = inode_from_stat(&found);
    let mount = numbered.map_or(inode.device, |mounted| mounted.stx_mnt_id);
    Ok(HandleInfo { inode, uid: found.st_uid, mode: found.st_mode, mount })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, lchown, symlink};

    use super::*;

    /// The result for a path beneath a directory in which `prepare` has created files.
    #[track_caller]
    fn check(path: &str, want: &str, prepare: impl Fn(&Path)) {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        fs::create_dir_all(base.join("log/real/deep")).unwrap();
        fs::create_dir_all(base.join("secret")).unwrap();
        prepare(&base);
        let relative = |path: &Path| path.strip_prefix(&base).unwrap_or(path).display().to_string();
        let got = match open(&base.join(path)) {
            Ok(root) => format!("{} {}", relative(&root.real), if root.linked { "linked" } else { "plain" }),
            Err(RootError::Missing(above)) => format!("missing beneath {}", relative(&above)),
            Err(RootError::Link { at, above }) => format!("link {} beneath {}", relative(&at), relative(&above)),
            Err(RootError::Trap { at, .. }) => format!("trap {}", relative(&at)),
            Err(RootError::Io { error, .. }) => error.to_string(),
        };
        assert_eq!(got, want, "{path}");
    }

    /// Goal: in directories that others may write to, such as /tmp, our own links lead only to places beneath them.
    #[test]
    fn own_links_lead_beneath_their_directory() {
        check("log/real", "log/real plain", |_| {});
        check("log/none/deep", "missing beneath log", |_| {});
        check("log/file/deep", "missing beneath log", |base| fs::write(base.join("log/file"), "").unwrap());
        check("log/to", "log/real linked", |base| symlink("real", base.join("log/to")).unwrap());
        check("log/to/deep", "log/real/deep linked", |base| symlink("./real/", base.join("log/to")).unwrap());
        check("log/to", "log/real linked", |base| symlink(base.join("log/real"), base.join("log/to")).unwrap());
        check("log/to", "log/real linked", |base| symlink("real/deep/..", base.join("log/to")).unwrap());
        check("log/to", "missing beneath log", |base| symlink("none", base.join("log/to")).unwrap());
        check("log/a", "log/real linked", |base| {
            symlink("b", base.join("log/a")).unwrap();
            symlink("real", base.join("log/b")).unwrap();
        });
    }

    #[test]
    fn links_out_of_the_root_are_refused() {
        for target in ["../secret", "..", "/etc", "/proc/self", "/", "real/../../secret"] {
            check("log/to", "link log/to beneath log", |base| symlink(target, base.join("log/to")).unwrap());
        }
        check("log/to", "link log/to beneath log", |base| symlink("to", base.join("log/to")).unwrap());
        check("log/a", "link log/a beneath log", |base| {
            symlink("real/b", base.join("log/a")).unwrap();
            symlink("../../secret", base.join("log/real/b")).unwrap();
        });
    }

    /// Goal: a link that another user may have made is not followed, wherever it leads.
    #[test]
    fn links_of_other_users_are_refused() {
        const OTHER: Option<u32> = Some(12_345);
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let mode = |path: PathBuf, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let link = |base: &Path| symlink("real", base.join("log/to")).unwrap();
        let refused = "link log/to beneath log";
        check("log/to", refused, |base| {
            link(base);
            lchown(base.join("log/to"), OTHER, None).unwrap();
        });
        check("log/to", refused, |base| {
            link(base);
            lchown(base.join("log"), OTHER, None).unwrap();
        });
        check("log/to", refused, |base| {
            link(base);
            mode(base.join("log"), 0o777);
        });
        check("log/to", refused, |base| {
            link(base);
            mode(base.join("log"), 0o775);
        });
        check("log/to", "log/real linked", |base| {
            link(base);
            mode(base.join("log"), 0o1777);
        });
        // The directory that holds the link may have been replaced.
        check("log/to", refused, |base| {
            link(base);
            lchown(base, OTHER, None).unwrap();
        });
    }

    #[test]
    fn kernel_links_are_refused() {
        let got = open(Path::new("/proc/self/cwd"));
        assert!(matches!(got, Err(RootError::Link { .. })), "{got:?}");
    }
}

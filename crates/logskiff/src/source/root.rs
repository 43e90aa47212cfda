//! Opens a glob's fixed directory, whose path the application may have a hand in.
//!
//! Enters: an absolute path. Leaves: a handle to the directory, reached component by component from `/`. A volume that is mounted
//! for the purpose is shared with the application, so from its mount point down no component may be a symbolic link. On the
//! machine's own file system a link is followed only where nobody but root and the user of this process can have made it: whoever
//! can, reads what we read. What is decided is decided of open handles, so that nothing can be swapped in between.

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
/// Where the machine itself has its volumes: links in them may lead anywhere.
const SYSTEM: [&str; 3] = ["/", "/usr", "/var"];
/// Where a machine may have one, and a pod as well: links in them stay there.
const MACHINE_OR_POD: [&str; 9] = ["/home", "/media", "/mnt", "/opt", "/root", "/run", "/srv", "/tmp", "/var/tmp"];
/// No log lies there: a link that leads there is a trap, whoever made it.
const NO_LOGS: [&str; 5] = ["/boot", "/dev", "/etc", "/proc", "/sys"];

/// Bits of a mode: others than the owner may give names in a directory …
const SHARED: u32 = 0o022;
/// … and none may take away what is another's.
const STICKY: u32 = 0o1000;

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A fixed directory, open.
#[derive(Debug)]
pub(super) struct Root {
    /// The directory.
    pub(super) handle: OwnedFd,
    /// Its path without any link, as it was on opening.
    pub(super) real: PathBuf,
    /// Whether a link led there.
    pub(super) linked: bool,
    /// Where it stands in the file system.
    pub(super) inode: Inode,
}

/// Why there is none.
#[derive(Debug)]
pub(super) enum RootError {
    /// It does not exist yet; the nearest directory that does.
    Missing(PathBuf),
    /// A symbolic link that may be another's stands at `at`, a beginning of the path; `above` is the real directory beneath which
    /// it stands.
    Link { at: PathBuf, above: PathBuf },
    /// The same, of a link that leads where no logs are.
    Trap { at: PathBuf, above: PathBuf },
    /// It cannot be reached.
    Io { at: PathBuf, error: Errno },
}

/// How far a link is to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// It leads wherever its maker says.
    Anywhere,
    /// It may lead to what lies beneath its own directory, on the same volume.
    Beneath,
    /// Not at all.
    Nowhere,
}

/// Whose volume a directory is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Volume {
    System,
    MachineOrPod,
    Shared,
}

/// What a handle is of.
#[derive(Clone, Copy, Debug)]
struct HandleInfo {
    inode: Inode,
    uid: u32,
    mode: u32,
    /// What tells one mount from another: its number (Linux 5.8), or its device where the kernel gives none.
    mount: u64,
}

/// A directory on the way.
#[derive(Debug)]
struct Step {
    handle: OwnedFd,
    real: PathBuf,
    found: HandleInfo,
    volume: Volume,
    /// Others may give names somewhere on the way here.
    shared: bool,
    /// Others may put something else in its place.
    replaceable: bool,
}

/// A name that is to come, and whether it is one of the path that was asked for.
type Pending = VecDeque<(OsString, bool)>;

struct PathWalk {
    steps: Vec<Step>,
    pending: Pending,
    /// How much of the path that was asked for was gone.
    gone: PathBuf,
    links: usize,
    /// The directory that holds the first of them.
    holder: PathBuf,
    /// The step beneath which a link promised to stay.
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

/// A fixed directory, or where it depends on a link that may be another's, the directory that holds the link.
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
        // There is always the first one: `up` never takes it away.
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
        // What a link promised is kept on every step of the way, not only at its end.
        if self.floor.is_some_and(|floor| self.steps.len() - 1 <= floor) {
            return Err(self.link_error());
        }
        if self.steps.len() > 1 {
            self.steps.pop();
        }
        Ok(())
    }

    /// What is there and is no directory.
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

    /// Goes back to where an absolute target may begin, and says what of it is left.
    fn restart(&mut self, target: &Path) -> Result<PathBuf, RootError> {
        let floor = self.floor.unwrap_or(0);
        let rest = target.strip_prefix(&self.steps[floor].real).map_err(|_| self.link_error())?.to_path_buf();
        self.steps.truncate(floor + 1);
        Ok(rest)
    }
}

impl Step {
    /// How far a link in this directory is to be trusted.
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

/// Whether nobody but root and this process's user stands behind an owner.
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

    /// What became of a path beneath a directory in which `prepare` has made something.
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

    /// Goal: beneath what others may write to, such as /tmp, our own links lead to what lies beneath them, and no further.
    #[test]
    fn links_of_our_own_lead_beneath_themselves() {
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
    fn links_that_lead_out_are_refused() {
        for target in ["../secret", "..", "/etc", "/proc/self", "/", "real/../../secret"] {
            check("log/to", "link log/to beneath log", |base| symlink(target, base.join("log/to")).unwrap());
        }
        check("log/to", "link log/to beneath log", |base| symlink("to", base.join("log/to")).unwrap());
        check("log/a", "link log/a beneath log", |base| {
            symlink("real/b", base.join("log/a")).unwrap();
            symlink("../../secret", base.join("log/real/b")).unwrap();
        });
    }

    /// Goal: what another user may have made is not followed, wherever it leads.
    #[test]
    fn links_that_may_be_another_s_are_refused() {
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
        // The directory that holds the link may itself be another by now.
        check("log/to", refused, |base| {
            link(base);
            lchown(base, OTHER, None).unwrap();
        });
    }

    #[test]
    fn a_link_of_the_kernel_s_own_is_refused() {
        let got = open(Path::new("/proc/self/cwd"));
        assert!(matches!(got, Err(RootError::Link { .. })), "{got:?}");
    }
}

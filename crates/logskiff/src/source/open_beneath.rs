//! Opens files beneath a root directory, and nowhere else.
//!
//! Input: an open root directory and a relative path. Output: a handle of a regular file, or of a pipe where one is
//! asked for. Each directory on the path is a real directory beneath the root. It never follows a symbolic link, never
//! blocks, and never opens a device.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::protected::Guard;
use super::root::Root;

/// Why a file was not opened that exists, and what to do.
pub(super) const UNREADABLE: &str = "permission denied: let logskiff's group read it (fsGroup, and a umask such as 027 in the \
    application), or run logskiff as the application's user (runAsUser)";

/// Why a file was not opened. The texts fit a log line.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    /// A symbolic link is on the path, or the path leads out of the root.
    #[error("a symbolic link, or a path out of the root; use the real directory in the glob")]
    Outside,
    /// A directory, FIFO, socket or device.
    #[error("not a regular file")]
    NotRegular,
    /// A file that must not be read, and why.
    #[error("{0}")]
    Guarded(&'static str),
    /// It does not exist.
    #[error("no such file")]
    Gone,
    /// Its permissions do not let this process read it. The next check tries again.
    #[error("{UNREADABLE}")]
    Unreadable,
    /// The process or the system has no descriptor left.
    #[error("too many open files")]
    NoDescriptor,
    /// Any other error. The next check tries again.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl From<Errno> for OpenError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::LOOP | Errno::XDEV => Self::Outside,
            Errno::NOENT | Errno::NOTDIR => Self::Gone,
            Errno::ACCESS | Errno::PERM => Self::Unreadable,
            Errno::MFILE | Errno::NFILE => Self::NoDescriptor,
            other => Self::Io(other.into()),
        }
    }
}

const READ: OFlags =
    OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::NOFOLLOW);

/// Opens `relative` beneath `root` for reading.
///
/// # Errors
/// [`OpenError`]. A file that was replaced between the check and the open is refused.
pub(super) fn open_beneath(root: &Root, relative: &Path, guard: &Guard) -> Result<File, OpenError> {
    let file = open(&root.handle, relative, FileType::RegularFile)?;
    guard.check_file(&file, root.inode).map_or(Ok(file), |why| Err(OpenError::Guarded(why)))
}

/// Opens the named pipe `relative` beneath `root` for reading, with or without a writer. Reads wait for a writer.
///
/// # Errors
/// [`OpenError`].
pub(super) fn open_pipe_beneath(root: &Root, relative: &Path) -> Result<File, OpenError> {
    let pipe = open(&root.handle, relative, FileType::Fifo)?;
    let flags = rustix::fs::fcntl_getfl(&pipe)?;
    rustix::fs::fcntl_setfl(&pipe, flags - OFlags::NONBLOCK)?;
    Ok(pipe)
}

fn open(root: &OwnedFd, relative: &Path, wanted: FileType) -> Result<File, OpenError> {
    if !relative.components().all(|component| matches!(component, Component::Normal(_))) {
        return Err(OpenError::Outside);
    }
    let seen = rustix::fs::statat(root, relative, AtFlags::SYMLINK_NOFOLLOW)?;
    match FileType::from_raw_mode(seen.st_mode) {
        seen if seen == wanted => {}
        FileType::Symlink => return Err(OpenError::Outside),
        // Opening a device may have an effect: it is refused by its type alone.
        _ => return Err(OpenError::NotRegular),
    }
    let handle = open_by(root, relative, READ)?;
    let opened = rustix::fs::fstat(&handle)?;
    if FileType::from_raw_mode(opened.st_mode) != wanted {
        return Err(OpenError::NotRegular);
    }
    Ok(File::from(handle))
}

/// Opens `relative` beneath `root` without read access: for its metadata, or as a directory to continue from.
///
/// # Errors
/// [`OpenError`].
pub(super) fn open_path_beneath(root: &OwnedFd, relative: &Path) -> Result<OwnedFd, OpenError> {
    open_by(root, relative, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC)
}

fn open_by(root: &OwnedFd, relative: &Path, flags: OFlags) -> Result<OwnedFd, OpenError> {
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(root, relative, flags, Mode::empty(), beneath) {
        // The kernel lacks the call, or a seccomp filter forbids it.
        Err(Errno::NOSYS | Errno::PERM) => open_by_component(root, relative, flags),
        other => Ok(other?),
    }
}

/// The same without `openat2`: opens each directory in turn, which must be a real one.
fn open_by_component(root: &OwnedFd, relative: &Path, flags: OFlags) -> Result<OwnedFd, OpenError> {
    let (Some(above), Some(name)) = (relative.parent(), relative.file_name()) else { return Err(OpenError::Gone) };
    let directory = open_directory(root, above)?;
    Ok(rustix::fs::openat(&directory, name, flags, Mode::empty())?)
}

/// Opens the directory `relative` beneath `root`, to rename or delete files in it.
///
/// # Errors
/// The system's; [`Errno::LOOP`], [`Errno::NOTDIR`] or [`Errno::XDEV`] where a symbolic link is on the path.
pub(super) fn open_directory(root: &OwnedFd, relative: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut directory = rustix::fs::openat(root, ".", flags, Mode::empty())?;
    for component in relative.components() {
        let Component::Normal(name) = component else { return Err(Errno::XDEV) };
        directory = rustix::fs::openat(&directory, name, flags, Mode::empty())?;
    }
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rustix::fs::CWD;

    use super::*;
    use crate::source::root;

    #[track_caller]
    fn check<T: std::fmt::Debug>(got: Result<T, OpenError>, want: &str) {
        let got = got.map_or_else(|error| format!("{error:?}"), |_| "Ok".into());
        assert!(got.starts_with(want), "{got} is not {want}");
    }

    #[test]
    fn only_regular_files_beneath_the_root_are_opened() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("token"), "secret").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::create_dir(root.join("sub")).unwrap();
        std::fs::write(root.join("sub/app.log"), "x").unwrap();
        symlink(outside.path().join("token"), root.join("link.log")).unwrap();
        symlink(outside.path(), root.join("linked")).unwrap();
        rustix::fs::mknodat(CWD, root.join("fifo.log"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let above = Path::new("sub/../..").join(outside.path().file_name().unwrap());
        let opened = root::open(root).unwrap();
        let guard = Guard::default();

        for (path, want) in [
            ("sub/app.log", "Ok"),
            ("link.log", "Outside"),
            ("linked/token", "Outside"),
            ("fifo.log", "NotRegular"),
            ("sub", "NotRegular"),
            ("none.log", "Gone"),
            ("sub/../sub/app.log", "Outside"),
            (above.to_str().unwrap(), "Outside"),
            ("/etc/passwd", "Outside"),
        ] {
            check(open_beneath(&opened, Path::new(path), &guard), want);
        }
        let by_component = |path: &str| open_by_component(&opened.handle, Path::new(path), READ);
        // With and without `openat2`, the open refuses what the check refuses.
        check(by_component("sub/app.log"), "Ok");
        check(by_component("link.log"), "Outside");
        check(by_component("linked/token"), "Gone");
        check(by_component("sub/../../x"), "Outside");
    }
}

//! Walks a fixed directory.
//!
//! Input: the directory and an input's globs. Output: the files of interest beneath it. It opens each directory from
//! the one above, so that one that is replaced by a link leads nowhere. Links are followed only where the configuration
//! asks for it, and only to places beneath the fixed directory. It opens no file.

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, openat, statat};
use rustix::io::Errno;

use super::discovery::{Candidate, Class, GlobRoot, Globs, Interest, Pipe, WalkResult};
use super::fingerprint::inode_from_stat;
use super::open_beneath::open_path_beneath;
use super::protected::Guard;
use super::quiet_files::{SeenFile, WalkFilter};
use super::root::{self, Root, RootError};
use event::{FileTime, Inode};

const LINK: &str = "a symbolic link on the way to it may be an application's; use the real directory in the glob";
const TRAP: &str = "a symbolic link leads to a directory that holds no logs";
const OUTSIDE: &str = "a symbolic link that leads out of the root (the glob's fixed directory)";
const NOWHERE: &str = "a symbolic link to a file that does not exist";
const PIPE: &str = "a pipe: it is read only if a path names it without wildcards";
pub(super) const HIDDEN: &str = "its name begins with a dot, as those of snapshots do; name it in the glob to read it";
const OTHER: &str = "a symbolic link, or not a regular file";

/// One walk.
pub(super) struct Walk<'w> {
    globs: &'w Globs,
    fixed: &'w GlobRoot,
    guard: &'w Guard,
    filter: &'w WalkFilter,
    root: Arc<Root>,
    found: &'w mut WalkResult,
    /// The directories that the walk is in, so that links cannot form a loop.
    within: Vec<Inode>,
}

/// A directory on the walk.
struct Directory {
    handle: OwnedFd,
    /// Its path as a glob names it, and its path beneath the root.
    path: PathBuf,
    place: PathBuf,
    inode: Inode,
    depth: usize,
}

impl<'w> Walk<'w> {
    /// Walks `fixed` and adds the files of interest to `found`.
    pub(super) fn run(
        globs: &'w Globs,
        fixed: &'w GlobRoot,
        guard: &'w Guard,
        filter: &'w WalkFilter,
        found: &'w mut WalkResult,
    ) {
        let root = match root::open(&fixed.directory) {
            Ok(root) => Arc::new(root),
            Err(RootError::Missing(above)) => return found.directories.push(above),
            Err(RootError::Link { at, above }) => {
                found.directories.push(above);
                return found.refuse(at, LINK.to_owned());
            }
            Err(RootError::Trap { at, above }) => {
                found.directories.push(above);
                return found.refuse(at, TRAP.to_owned());
            }
            Err(RootError::Io { at, error }) => return found.refuse(at, std::io::Error::from(error).to_string()),
        };
        let target = if root.linked { guard.check_link_target(root.inode) } else { None };
        if let Some(why) = target.or_else(|| guard.check_directory(&root.handle, root.inode, None)) {
            return found.refuse(fixed.directory.clone(), why.to_owned());
        }
        let handle = match openat(&root.handle, ".", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        {
            Ok(handle) => handle,
            Err(error) => return found.refuse(fixed.directory.clone(), std::io::Error::from(error).to_string()),
        };
        let (path, inode) = (fixed.directory.clone(), root.inode);
        let first = Directory { handle, path, place: PathBuf::new(), inode, depth: 0 };
        Self { globs, fixed, guard, filter, root, found, within: Vec::new() }.walk_directory(first);
    }

    fn walk_directory(&mut self, directory: Directory) {
        // inotify watches the real directory: for a link it would watch the link itself.
        let real: PathBuf = self.root.real.components().chain(directory.place.components()).collect();
        if real != directory.path {
            self.found.linked.push(real.clone());
        }
        self.found.directories.push(real);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let entries = openat(&directory.handle, ".", flags, Mode::empty()).and_then(Dir::new);
        let entries = match entries {
            Ok(entries) => entries,
            Err(Errno::NOENT) => return,
            Err(error) => return self.found.refuse(directory.path, std::io::Error::from(error).to_string()),
        };
        self.within.push(directory.inode);
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.found.refuse(directory.path.clone(), std::io::Error::from(error).to_string());
                    break;
                }
            };
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                self.visit(&directory, name, entry.file_type(), entry.ino());
            }
        }
        self.within.pop();
    }

    fn visit(&mut self, directory: &Directory, name: &OsStr, kind: FileType, inode: u64) {
        let stat = || statat(&directory.handle, name, AtFlags::SYMLINK_NOFOLLOW);
        let kind = match kind {
            // Some file systems do not return the type.
            FileType::Unknown => match stat() {
                Ok(seen) => FileType::from_raw_mode(seen.st_mode),
                Err(_) => return,
            },
            known => known,
        };
        if kind == FileType::RegularFile
            && self.filter.may_be_quiet(inode)
            && stat().is_ok_and(|seen| self.filter.is_quiet(&seen_file(&seen)))
        {
            return;
        }
        if kind == FileType::RegularFile && self.filter.is_full_for(inode, || stat().ok().map(|seen| changed(&seen))) {
            return;
        }
        let (path, place) = (directory.path.join(name), directory.place.join(name));
        match kind {
            FileType::Directory => self.enter_directory(directory, name, path, place),
            FileType::Symlink if self.globs.follows_links() => self.follow_link(directory, path, &place),
            _ => {
                let class = self.globs.classify(self.fixed, &path);
                let moved = || {
                    self.filter
                        .is_begun(inode)
                        .then(|| Interest { class: Class::Excluded, rank: self.fixed.broadest() })
                };
                let Some(class) = class.or_else(moved) else { return };
                // A file that vanished meanwhile is no error: the next walk decides.
                let Ok(seen) = stat() else { return };
                self.add_candidate(class, path, place, &seen);
            }
        }
    }

    fn enter_directory(&mut self, above: &Directory, name: &OsStr, path: PathBuf, place: PathBuf) {
        if above.depth + 1 >= self.fixed.depth_max {
            return;
        }
        if name.as_bytes().starts_with(b".") && !self.fixed.names_hidden {
            // Kubernetes' own are found through links.
            if !name.as_bytes().starts_with(b"..") {
                self.found.refuse(path, HIDDEN.to_owned());
            }
            return;
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&above.handle, name, flags, Mode::empty()) {
            Ok(handle) => self.walk_subdirectory(handle, path, place, above.depth + 1),
            // Gone or replaced since it was listed: the next walk decides.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
            Err(error) => self.found.refuse(path, std::io::Error::from(error).to_string()),
        }
    }

    fn walk_subdirectory(&mut self, handle: OwnedFd, path: PathBuf, place: PathBuf, depth: usize) {
        let Ok(seen) = fstat(&handle) else { return };
        let inode = inode_from_stat(&seen);
        if let Some(why) = self.guard.check_directory(&handle, inode, Some(self.root.inode)) {
            return self.found.refuse(path, why.to_owned());
        }
        if self.within.contains(&inode) {
            return self.found.refuse(path, "a symbolic link to a directory above itself".to_owned());
        }
        self.walk_directory(Directory { handle, path, place, inode, depth });
    }

    /// Follows a link, by its real path beneath the root: opening follows no link.
    fn follow_link(&mut self, directory: &Directory, path: PathBuf, place: &Path) {
        let real = self.root.real.join(place).canonicalize().ok();
        let why = if real.is_some() { OUTSIDE } else { NOWHERE };
        let target = real.and_then(|real| real.strip_prefix(&self.root.real).ok().map(Path::to_path_buf));
        let class = self.globs.classify(self.fixed, &path);
        let Some(target) = target else {
            if class.is_some_and(|interest| interest.class == Class::Match) {
                self.found.refuse(path, why.to_owned());
            }
            return;
        };
        if target.as_os_str().is_empty() {
            return self.found.refuse(path, "a symbolic link to a directory above itself".to_owned());
        }
        let Ok(handle) = open_path_beneath(&self.root.handle, &target) else { return };
        let Ok(seen) = fstat(&handle) else { return };
        if FileType::from_raw_mode(seen.st_mode).is_dir() {
            if directory.depth + 1 < self.fixed.depth_max {
                self.walk_subdirectory(handle, path, target, directory.depth + 1);
            }
        } else if let Some(class) = class {
            self.add_candidate(class, path, target, &seen);
        }
    }

    /// Adds a file that a glob matches, or may have matched.
    fn add_candidate(&mut self, interest: Interest, path: PathBuf, place: PathBuf, seen: &Stat) {
        let kind = FileType::from_raw_mode(seen.st_mode);
        let class = interest.class;
        let (root, inode) = (Arc::clone(&self.root), inode_from_stat(seen));
        if kind.is_file() {
            if !self.filter.takes(class, &seen_file(seen), &path) {
                return;
            }
            self.found.candidates.push(candidate(root, path, place, seen, interest));
        } else if kind.is_fifo() && class == Class::Match && self.globs.names_exactly(&path) {
            self.found.pipes.push(Pipe { root, place, path, inode });
        } else if class == Class::Match {
            self.found.refuse(path, if kind.is_fifo() { PIPE } else { OTHER }.to_owned());
        }
    }
}

/// A found file.
#[allow(clippy::useless_conversion, reason = "the fields' types differ from machine to machine")]
pub(super) fn candidate(
    root: Arc<Root>,
    path: PathBuf,
    place: PathBuf,
    seen: &Stat,
    Interest { class, rank }: Interest,
) -> Candidate {
    Candidate {
        root,
        place,
        names: seen.st_nlink.into(),
        path,
        inode: inode_from_stat(seen),
        size: size(seen),
        changed: changed(seen),
        modified: file_time(seen.st_mtime, seen.st_mtime_nsec),
        class,
        history: false,
        rank,
        origins: OnceCell::new(),
    }
}

fn seen_file(seen: &Stat) -> SeenFile {
    SeenFile { inode: inode_from_stat(seen), size: size(seen), changed: changed(seen) }
}

fn size(seen: &Stat) -> u64 {
    u64::try_from(seen.st_size).unwrap_or_default()
}

fn changed(seen: &Stat) -> FileTime {
    file_time(seen.st_ctime, seen.st_ctime_nsec)
}

/// The type of the nanoseconds differs from machine to machine.
fn file_time(seconds: i64, nanoseconds: impl TryInto<i64>) -> FileTime {
    FileTime { seconds, nanoseconds: nanoseconds.try_into().unwrap_or_default() }
}

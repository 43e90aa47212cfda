//! Deletes rotated files whose bytes are all acknowledged or dropped, where the configuration asks for it.
//!
//! It never deletes the file that the application writes to, a file outside the root, or a file with bytes that were
//! not shipped. A name may get another file at any moment: so a file is first renamed, then checked through its handle,
//! and only then deleted. If it is another file, it gets its name back.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use rustix::fs::{Access, AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::content::Content;
use super::discovery::{Candidate, Class, DELETING_PREFIX, FoundFile, fixed_directory, name_before_deletion};
use super::open_beneath::open_directory;
use super::root::Root;
use super::tracked_file::{Displaced, Incarnation, OpenedFile};
use super::{Config, DeletedBound, Event, FileSource, Phase, fingerprint};
use event::Inode;

/// A file that may be deleted.
#[derive(Debug)]
pub(super) struct Deletable {
    input: usize,
    root: Arc<Root>,
    /// Its path beneath the root.
    place: PathBuf,
    path: PathBuf,
    inode: Inode,
    size: u64,
    gzip: bool,
    /// An earlier run renamed it and ended. It gets its name back.
    back: bool,
}

/// Which files may be deleted, and how much of the disk deleted ones may use.
#[derive(Debug, Default)]
pub(super) struct Deleter {
    /// The files that the last pass over the directories found to be rotated, read and acknowledged.
    pub(super) deletable: Vec<Deletable>,
    /// How much deleted files that are still open may use.
    pub(super) bound: Option<DeletedBound>,
}

/// Why a file was not deleted.
enum Kept {
    /// It is another file now, or has grown: no error.
    Changed,
    Failed(Errno),
}

impl From<Errno> for Kept {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NOENT | Errno::EXIST => Self::Changed,
            other => Self::Failed(other),
        }
    }
}

/// The fixed directories of an input in which no file can be deleted, and why. Directories that do not exist are left
/// out.
#[must_use]
pub fn unwritable_roots(config: &Config) -> Vec<(PathBuf, std::io::Error)> {
    let roots: BTreeSet<PathBuf> = config.paths.iter().filter_map(|path| Some(fixed_directory(path)?.0)).collect();
    let denied = |root: PathBuf| {
        let errno = rustix::fs::access(&root, Access::WRITE_OK | Access::EXEC_OK).err()?;
        (errno != Errno::NOENT).then(|| (root, errno.into()))
    };
    roots.into_iter().filter_map(denied).collect()
}

impl FileSource {
    /// Whether there are files to delete. The checkpoint has to be on disk before.
    #[must_use]
    pub fn has_deletable(&self) -> bool {
        !self.deleter.deletable.is_empty()
    }

    /// Deletes the files that the last check of the directories chose.
    #[must_use]
    pub fn delete_shipped(&mut self, now: Instant) -> Vec<Event> {
        let mut events = Vec::new();
        for file in std::mem::take(&mut self.deleter.deletable) {
            match delete(&file) {
                Ok(Some(handle)) => self.note_deleted(&file, handle, now, &mut events),
                Ok(None) | Err(Kept::Changed) => self.schedule.reconcile_due = true,
                Err(Kept::Failed(errno)) => {
                    events.push(Event::DeleteFailed(file.path, std::io::Error::from(errno).to_string()));
                }
            }
        }
        events
    }

    /// A writer may still write to it: it stays open for a while, like every deleted file.
    fn note_deleted(&mut self, file: &Deletable, handle: File, now: Instant, events: &mut Vec<Event>) {
        events.push(Event::Deleted(file.path.clone(), file.size));
        let Some(entry) = self.index.closed.remove(&file.inode).map(|closed| closed.entry) else { return };
        if file.gzip {
            return;
        }
        let at = entry.watermark();
        let opened = OpenedFile { input: file.input, path: entry.path, handle: Content::Plain(handle) };
        self.begin(opened, at, Incarnation { origin: entry.origin, number: entry.incarnation }, now, events);
        if let Some(file) = self.open_mut(file.inode) {
            // Only rotated files are deleted.
            (file.placement.phase, file.placement.displaced) = (Phase::Deleted, Displaced::Seen);
            file.lineage.read_from_start = true;
        }
    }

    /// Chooses the files that are rotated, acknowledged, and no longer written to.
    pub(super) fn choose_deletable(&mut self, candidates: &[FoundFile]) {
        self.deleter.deletable.clear();
        if !self.discovery.inputs.iter().any(|input| input.config.delete_rotated) {
            return;
        }
        for FoundFile { input, found } in
            candidates.iter().filter(|FoundFile { input, .. }| self.discovery.inputs[*input].config.delete_rotated)
        {
            let settled = self.is_settled(found) && candidates.iter().any(|other| succeeds(&other.found, found));
            let aside = name_before_deletion(&found.path).is_some();
            if (settled && found.names == 1 && !found.linked()) || aside {
                self.deleter.deletable.push(Deletable {
                    input: *input,
                    root: Arc::clone(&found.root),
                    place: found.place.clone(),
                    path: found.path.clone(),
                    inode: found.inode,
                    size: found.size,
                    gzip: matches!(found.class, Class::Gzip { .. }),
                    back: !settled,
                });
            }
        }
    }

    /// Whether the file is closed, was read from its first byte to its last, and has not changed since.
    fn is_settled(&self, found: &Candidate) -> bool {
        self.index.closed.get(&found.inode).is_some_and(|closed| {
            closed.entry.read_from_start
                && closed.entry.offset == found.size
                && closed.entry.offset > 0
                // A live file may have a name like a rotated one. Only a file that had another name before is a rotated
                // one.
                && (found.class != Class::Match || closed.entry.path != found.path)
                && closed.changed == Some(found.changed)
        })
    }
}

/// Whether `other` has replaced the rotated file `found` and is written to.
fn succeeds(other: &Candidate, found: &Candidate) -> bool {
    other.class == Class::Match && other.inode != found.inode && other.size > 0 && found.rotated_from(&other.path)
}

/// Deletes a file. Returns its handle, or `None` when it got its name back.
fn delete(file: &Deletable) -> Result<Option<File>, Kept> {
    let (directory, name) = parent(&file.root, &file.place)?;
    let aside = match name_before_deletion(Path::new(&name)) {
        Some(original) if file.back => {
            rustix::fs::renameat_with(&directory, &name, &directory, &original, RenameFlags::NOREPLACE)?;
            return Ok(None);
        }
        Some(_) => name.clone(),
        None => {
            let mut aside = OsString::from(DELETING_PREFIX);
            aside.push(&name);
            aside
        }
    };
    if aside != name {
        rustix::fs::renameat_with(&directory, &name, &directory, &aside, RenameFlags::NOREPLACE)?;
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
    let deleted = rustix::fs::openat(&directory, &aside, flags, Mode::empty()).map_err(Kept::from).and_then(|handle| {
        let handle = File::from(handle);
        let is_same = |found: &std::fs::Metadata| {
            found.is_file()
                && fingerprint::inode_from_metadata(found) == file.inode
                && found.len() == file.size
                && found.nlink() == 1
        };
        if !handle.metadata().is_ok_and(|found| is_same(&found)) {
            return Err(Kept::Changed);
        }
        rustix::fs::unlinkat(&directory, &aside, AtFlags::empty())?;
        Ok(handle)
    });
    if deleted.is_err() && aside != name {
        // If the name is taken, the file keeps the temporary name, is read like a rotated file, and is renamed later.
        _ = rustix::fs::renameat_with(&directory, &aside, &directory, &name, RenameFlags::NOREPLACE);
    }
    deleted.map(Some)
}

fn parent(root: &Root, place: &Path) -> Result<(OwnedFd, OsString), Kept> {
    let (Some(above), Some(name)) = (place.parent(), place.file_name()) else { return Err(Kept::Changed) };
    Ok((open_directory(&root.handle, above)?, name.to_owned()))
}

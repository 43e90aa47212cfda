//! Finds files, recognizes them after renames and restarts, keeps them open, and reads them.
//!
//! Input: globs, the checkpoint's entries, and the time. Output: bytes with their file and offset, and [`Event`]s for
//! files that were opened, truncated or lost. Each method returns the events that it caused, and keeps none back. It
//! never reads outside a glob's fixed directory, never closes a file that is not read to its end (except where the disk
//! budget requires it), and never interprets the text of a line.

mod appended;
mod changed_names;
mod content;
mod copies;
mod delete_shipped;
mod deleted;
mod discovery;
mod file_table;
mod fingerprint;
mod glob_check;
mod glob_rank;
mod gzip_reader;
mod gzip_rotation;
mod gzip_steps;
mod identity_index;
mod inputs;
mod kernel;
mod lost_files;
mod nul_padding;
mod open_beneath;
mod open_limit;
mod pending_files;
mod pipe_reader;
mod poll;
mod predecessor;
mod protected;
mod quiet_files;
mod reconcile;
mod relinked;
mod replaced;
mod resume_points;
mod rewritten;
mod root;
mod rotated_names;
mod rotations;
mod schedule;
mod source_event;
mod tracked_file;
mod unread;
mod walk;
pub mod watcher;
mod write_times;

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use self::delete_shipped::Deleter;
pub use self::delete_shipped::unwritable_roots;
use self::file_table::FileTable;
use self::gzip_reader::is_deferred;
use self::gzip_steps::Unpacking;
use self::identity_index::{ClosedFile, IdentityIndex};
use self::inputs::Discovery;
use self::lost_files::LostFile;
use self::open_limit::OpenLimit;
use self::pending_files::PendingFiles;
use self::protected::Guard;
use self::quiet_files::QuietState;
use self::rotations::Rotations;
use self::schedule::{CheckpointState, Schedule};
use self::tracked_file::{Incarnation, OpenedFile};
use self::unread::Refusals;
pub use deleted::{Abandoned, DeletedBound, DeletedOpen};
pub use discovery::{GlobError, Globs, fixed_directory};
pub use glob_check::{Finding, Problem, findings};
pub use glob_rank::{Rank, may_overlap};
pub use pipe_reader::STDIN;
pub use protected::Protected;
pub use root::trusted_directory;
pub use source_event::{Event, Expired, Polled, Reread, Rewound};
pub use tracked_file::{Chunk, Phase, PollResult, ReadResult, TrackedFile};
pub use unread::{Unread, UnreadFiles, Verdict};
pub use write_times::WriteTime;

use event::{Boundary, CheckpointEntry, FileId, Fingerprint, Inode, Progress, Span, Watermark};

/// A file that looks like a copy of another waits this long for the other to be truncated.
const COPY_PATIENCE: Duration = Duration::from_secs(10);
/// Above this many directories, only inotify events and the poll interval find new names.
const DIRECTORIES_ASKED_MAX: usize = 64;
/// Above this many open files, idle ones that are read to their ends are closed. They are opened again when they grow.
const OPEN_MAX: usize = 512;

/// How many bytes before a position are read, to know the state of the redactor there. The second value is for files
/// whose lines are so long that the first does not hold enough lines.
pub const LOOKBACK_BYTES: [usize; 2] = [64 * 1024, 512 * 1024];

/// Where a file without a checkpoint entry starts when logskiff starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At its first byte.
    Beginning,
    /// At its end. A file that appears later starts at its first byte.
    End,
}

/// Whether symbolic links are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symlinks {
    /// They are refused.
    Deny,
    /// Links are followed that lead to a file or directory beneath the same fixed directory.
    Within,
}

/// What one input reads.
#[derive(Clone, Debug)]
pub struct Config {
    /// Absolute globs: `**`, `{a,b}`, `[…]`; [`STDIN`] is standard input.
    pub paths: Vec<String>,
    /// Globs of files that are excluded.
    pub exclude: Vec<String>,
    /// Where files start that exist at the first start.
    pub start: Start,
    /// Whether symbolic links are followed.
    pub symlinks: Symlinks,
    /// Rotated files are deleted once every byte in them is acknowledged or dropped.
    pub delete_rotated: bool,
    /// Bytes that a pipe delivers are kept in memory until acknowledged, up to this many. More than the longest line.
    pub kept_bytes_max: usize,
}

/// All files of all inputs.
#[derive(Debug)]
pub struct FileSource {
    discovery: Discovery,
    table: FileTable,
    index: IdentityIndex,
    /// Closed files that have not changed for a while, where there are many.
    quiet: QuietState,
    pending: PendingFiles,
    rotations: Rotations,
    deleter: Deleter,
    refusals: Refusals,
    open_limit: OpenLimit,
    unpacking: Unpacking,
    schedule: Schedule,
}

impl FileSource {
    /// Prepares to read `inputs`. Files of the checkpoint resume at their `entries`, which are `None` where there is no
    /// checkpoint. `scope` is the pod's unique id, which is part of event ids.
    ///
    /// # Errors
    /// A glob that cannot be used.
    pub fn new(
        inputs: &[Config],
        scope: &str,
        entries: Option<Vec<CheckpointEntry>>,
        now: Instant,
    ) -> Result<Self, GlobError> {
        let checkpoint = if entries.is_some() { CheckpointState::Known } else { CheckpointState::None };
        // Files that a rotation made of these while logskiff was not running have to be read.
        let assumed = entries.iter().flatten().map(|entry| entry.path.clone()).collect();
        let lost = entries.into_iter().flatten().map(|entry| LostFile::from_checkpoint(entry, now)).collect();
        Ok(Self {
            discovery: Discovery::new(inputs)?,
            table: FileTable::default(),
            index: IdentityIndex::new(scope, lost),
            quiet: QuietState::default(),
            pending: PendingFiles::default(),
            rotations: Rotations { assumed, ..Rotations::default() },
            deleter: Deleter::default(),
            refusals: Refusals::default(),
            open_limit: OpenLimit::default(),
            unpacking: Unpacking::default(),
            schedule: Schedule::new(checkpoint, now),
        })
    }

    /// The checkpoint was saved at this time. Logs that were created and rotated later are read.
    pub fn set_saved_at(&mut self, saved_at: SystemTime) {
        self.schedule.resume_from(quiet_files::seconds(saved_at));
    }

    /// Never reads any of these files, under whatever name a glob matches them.
    pub fn protect(&mut self, protected: Protected) {
        self.discovery.guard = Guard::new(protected);
    }

    /// The directories in which a file may appear.
    #[must_use]
    pub fn directories(&self) -> &Arc<[PathBuf]> {
        &self.discovery.directories
    }

    /// Whether the directories should be checked before the next regular check.
    #[must_use]
    pub fn needs_reconcile(&self) -> bool {
        self.schedule.reconcile_due
    }

    /// The open files.
    pub fn files(&self) -> impl Iterator<Item = &TrackedFile> {
        self.table.iter()
    }

    /// One open file.
    #[must_use]
    pub fn file(&self, id: FileId) -> Option<&TrackedFile> {
        self.table.get(id)
    }

    /// The inodes of the open files.
    fn open_inodes(&self) -> HashSet<Inode> {
        self.table.inodes()
    }

    /// The open file with this inode.
    fn open_mut(&mut self, inode: Inode) -> Option<&mut TrackedFile> {
        self.table.by_inode_mut(inode)
    }

    /// Reads up to `most` bytes at the file's position into `buffer`.
    ///
    /// # Errors
    /// When nothing can be read now. If the file was truncated or cannot be read, the events say so.
    pub fn read_chunk(
        &mut self,
        id: FileId,
        buffer: &mut Vec<u8>,
        most: usize,
        now: Instant,
    ) -> Result<Chunk, Vec<Event>> {
        let mut events = Vec::new();
        let Some(file) = self.table.get_mut(id) else { return Err(events) };
        match file.read(buffer, most, now) {
            Ok(ReadResult::Read(chunk)) => return Ok(chunk),
            Ok(ReadResult::Truncated) => _ = self.truncated(id, now, &mut events),
            Err(error) if is_deferred(&error) => {}
            Err(error) => {
                let path = file.path.clone();
                self.refuse(path, &error.to_string(), &mut events);
            }
        }
        Err(events)
    }

    /// Moves a file's position past `passed`, which spans now cover. `is_all_read`: no complete line is left unread.
    pub fn advance(&mut self, id: FileId, passed: &[u8], boundary: Boundary, is_all_read: bool) {
        if let Some(file) = self.table.get_mut(id) {
            file.advance(passed, boundary, is_all_read);
        }
    }

    /// Moves a file's position past the zeros that follow it, if other bytes follow them or no writer will fill them.
    /// Returns how many there were: a multiple of `unit_bytes`, the size of a character.
    pub fn skip_zeros(&mut self, id: FileId, now: Instant, unit_bytes: u64) -> u64 {
        let Some(file) = self.table.get_mut(id) else { return 0 };
        let zeros = file.zeros(now, unit_bytes).unwrap_or(0);
        if zeros > 0 {
            file.advance_zeros(zeros);
        }
        zeros
    }

    /// Moves a file's position back to its watermark; `settled_bytes` after it are acknowledged already.
    pub fn rewind(&mut self, id: FileId, to: Watermark, settled_bytes: u64) -> Rewound {
        let mut events = Vec::new();
        let can_read = self.move_back(id, to, settled_bytes, &mut events);
        Rewound { can_read, events }
    }

    /// The same. Returns false when the content is gone and cannot be read again.
    fn move_back(&mut self, id: FileId, to: Watermark, settled_bytes: u64, events: &mut Vec<Event>) -> bool {
        if let Some(file) = self.table.get_mut(id) {
            match file.rewind(to) {
                Ok(true) => return true,
                Ok(false) => {
                    let now = self.schedule.polled_at;
                    if self.truncated(id, now, events).is_none() && self.file(id).is_some() {
                        // There is no time to see what becomes of its end.
                        self.begin_at(id, Some(Watermark::default()), now, events);
                    }
                }
                Err(error) => {
                    let path = file.path.clone();
                    self.refuse(path, &error.to_string(), events);
                    return false;
                }
            }
        }
        // The bytes lie before a rewritten end, so they may still be in the file.
        let mut files = self.table.iter_mut();
        let next = files.find(|file| file.lineage.precedes(id, to.offset));
        let next = next.map(|file| (file.id, file.verify_content().unwrap_or(false)));
        drop(files);
        if let Some((next, holds)) = next {
            self.begin_at(next, holds.then_some(to), self.schedule.polled_at, events);
            if holds {
                return true;
            }
        }
        if let Some(retired) = self.table.retired(id) {
            let lost_bytes = retired.read_to.saturating_sub(to.offset + settled_bytes);
            events.push(Event::Lost(retired.path.clone(), lost_bytes));
            return false;
        }
        let next = self.index.lost.iter_mut().find(|lost| lost.formers.contains(&id) && to.offset < lost.began_at);
        if let Some(next) = next {
            let earlier = next.reread_from.filter(|again| again.offset < to.offset);
            next.reread_from = Some(earlier.unwrap_or(to));
            return true;
        }
        let Some(lost) = self.index.lost.iter_mut().find(|lost| lost.id == Some(id)) else { return false };
        (lost.entry.offset, lost.entry.boundary, lost.settled_bytes) = (to.offset, to.boundary, settled_bytes);
        true
    }

    /// Reads a span again.
    pub fn reread(&mut self, id: FileId, span: Span) -> Reread {
        let Some(file) = self.table.get_mut(id) else { return Reread::Changed };
        let mut events = Vec::new();
        match file.reread(span) {
            Ok(Some(bytes)) => return Reread::Bytes(bytes),
            Ok(None) => return Reread::Changed,
            Err(error) if is_deferred(&error) => {}
            Err(error) => {
                let path = file.path.clone();
                self.refuse(path, &error.to_string(), &mut events);
            }
        }
        Reread::Unreadable(events)
    }

    /// Files that can be closed once they are acknowledged: rotated or deleted, quiet, and read to the end. Where too
    /// many files are open, also those that have been idle longest.
    #[must_use]
    pub fn closable(&self, now: Instant) -> Vec<FileId> {
        let read = self.files().filter(|file| file.is_at_end());
        let mut finished: Vec<FileId> = { read }.filter(|file| file.is_closable(now)).map(|file| file.id).collect();
        finished.extend(self.surplus(finished.len(), now));
        // Bytes before a rewritten end may have to be read again.
        finished.retain(|id| self.file(*id).is_some_and(|file| file.lineage.formers.is_empty()));
        finished
    }

    /// The bytes that were read are gone from the file: it becomes a lost file, and the file starts a new incarnation.
    /// Returns the number of the new incarnation; `None` also while it is not known where that begins.
    fn truncated(&mut self, id: FileId, now: Instant, events: &mut Vec<Event>) -> Option<FileId> {
        self.begin_at(id, None, now, events)
    }

    /// The same, from a position up to which the content is known to be unchanged.
    fn begin_at(&mut self, id: FileId, at: Option<Watermark>, now: Instant, events: &mut Vec<Event>) -> Option<FileId> {
        let begins = match at {
            Some(at) => at,
            None => Watermark { offset: self.table.get_mut(id)?.new_from(now)?, boundary: Boundary::LineStart },
        };
        let mut file = self.table.remove(id)?;
        let fingerprint: Fingerprint = file.fingerprint();
        let read = file.position();
        self.release_copies(id, read.offset);
        // What is not acknowledged is read again from a copy.
        let written = file.save_write_times();
        let mut entry = CheckpointEntry { fingerprint, ..file.checkpoint_entry(read.into()) };
        entry.writes.steps = written;
        let former = entry.clone();
        self.index.lost.push(LostFile::from_open(&file, entry, now));
        self.rotations.note(&file.path, now);
        events.push(Event::Truncated(file.path.clone()));
        self.schedule.reconcile_due = true;
        // The old content may still be copied over this file: the next check of the directories decides.
        if at.is_none() && begins.offset == 0 && file.is_overwritten() {
            self.index.keep_closed(file.inode, ClosedFile { changed: None, input: file.input, entry: former });
            return None;
        }
        let resume_points = file.take_resume_points(begins.offset);
        let number = file.lineage.incarnation + 1;
        let origin = self.index.origin(&file.handle, file.inode, number);
        let TrackedFile { input, path, inode, placement, lineage, handle, seen, .. } = file;
        let opened = OpenedFile { input, path, handle };
        self.begin(opened, begins, Incarnation { origin, number }, now, events);
        let begun = self.open_mut(inode)?;
        begun.placement.phase = placement.phase;
        begun.seen.polled = seen.polled.or(begun.seen.polled);
        begun.lineage.read_from_start |= lineage.read_from_start;
        begun.set_resume_points(resume_points, now);
        if begins.offset > 0 {
            begun.lineage.formers = lineage.formers.into_iter().chain([id]).collect();
        }
        Some(begun.id)
    }

    /// Starts reading a file under a new number.
    fn begin(
        &mut self,
        opened: OpenedFile,
        at: impl Into<Progress>,
        incarnation: Incarnation,
        now: Instant,
        events: &mut Vec<Event>,
    ) {
        let id = self.table.free_id(self.index.lost.iter().filter_map(|lost| lost.id));
        let (at, path): (Progress, _) = (at.into(), opened.path.clone());
        match TrackedFile::new(id, opened, at.watermark, incarnation, now) {
            Ok(file) => {
                self.place(file, now);
                events.push(Event::Opened(id, at));
            }
            Err(error) => self.refuse(path, &error.to_string(), events),
        }
    }

    fn place(&mut self, mut file: TrackedFile, now: Instant) {
        file.note_start(self.schedule.started, now);
        // Another file may have had the inode, and compressed copies of that file may still exist.
        self.index.closed_is_deleted(file.inode);
        self.table.insert(file);
    }
}

fn directory_stamp(path: &Path) -> Option<(i64, i64)> {
    std::fs::metadata(path).ok().map(|metadata| (metadata.mtime(), metadata.mtime_nsec()))
}

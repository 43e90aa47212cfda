//! Files: found, known again, held, and read.
//!
//! Enters: globs, what the checkpoint says, and the clock. Leaves: bytes with their file and offset, and [`Event`]s that
//! say which files began, were truncated, or are gone. It never reads outside a glob's fixed directory, never lets go of
//! a file that is not read to its end, and never looks at what a line says.

mod changed_names;
mod content;
mod copies;
mod delete_shipped;
mod deleted;
mod discovery;
mod fingerprint;
mod glob_rank;
mod gzip_reader;
mod gzip_rotation;
mod gzip_steps;
mod kernel;
mod lost_files;
mod nul_padding;
mod open_beneath;
mod open_limit;
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
mod source_event;
mod tracked_file;
mod unread;
mod walk;
pub mod watcher;
mod write_times;

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::content::Content;
use self::copies::KnownCopy;
use self::delete_shipped::Deletable;
pub use self::delete_shipped::unwritable_roots;
use self::gzip_reader::is_deferred;
use self::gzip_steps::Unpacking;
use self::lost_files::{ClosedFile, LostFile};
use self::open_limit::OpenLimit;
use self::protected::Guard;
use self::quiet_files::QuietState;
use self::reconcile::CheckpointState;
use self::replaced::HeldFile;
use self::unread::Refusal;
pub use deleted::{Abandoned, DeletedBound, DeletedOpen};
pub use discovery::{GlobError, Globs, fixed_directory};
pub use glob_rank::{Rank, may_overlap};
pub use pipe_reader::STDIN;
pub use protected::Protected;
pub use root::trusted_directory;
pub use source_event::Event;
pub use tracked_file::{Phase, PollResult, ReadResult, TrackedFile};
pub use unread::{Unread, UnreadFiles, Verdict};

use event::{Boundary, CheckpointEntry, FileId, Fingerprint, Inode, Progress, Span, Watermark};

/// How long a file that looks like the copy of another waits for the other to be truncated.
const COPY_PATIENCE: Duration = Duration::from_secs(10);
/// Above so many directories, new names are found by the events and the poll alone.
const DIRECTORIES_ASKED_MAX: usize = 64;
/// Above so many open files, those are closed that are read to their ends and idle; they are opened again when they grow.
const OPEN_MAX: usize = 512;

/// How much before a position is read, for what matters to what is masked after it; the second where the lines are so long that
/// the first does not hold as many as matter.
pub const LOOKBACK_BYTES: [usize; 2] = [64 * 1024, 512 * 1024];

/// Where a file without a checkpoint starts when the sidecar starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At its first byte.
    Beginning,
    /// At its end; a file that appears later still starts at its beginning.
    End,
}

/// What becomes of symbolic links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symlinks {
    /// They are refused.
    Deny,
    /// Those are followed that lead to a file or directory beneath the same fixed directory.
    Within,
}

/// What one input tails.
#[derive(Clone, Debug)]
pub struct Config {
    /// Absolute globs: `**`, `{a,b}`, `[…]`; [`STDIN`] is standard input.
    pub paths: Vec<String>,
    /// Globs left out.
    pub exclude: Vec<String>,
    /// Where files that are there at the first start begin.
    pub start: Start,
    /// What becomes of symbolic links.
    pub symlinks: Symlinks,
    /// Rotated files are deleted once everything in them is settled.
    pub delete_rotated: bool,
    /// What cannot be read twice is kept in memory until it is settled, up to so many bytes. Larger than a line may be.
    pub kept_bytes_max: usize,
}

/// A candidate that is not read yet.
#[derive(Clone, Copy, Debug)]
struct WaitingFile {
    since: Instant,
    size: u64,
    /// It came with a rotation.
    rotated: bool,
    /// A glob named it, as it was called.
    named: bool,
}

/// All files of all inputs.
#[derive(Debug)]
pub struct FileSource {
    inputs: Vec<(Globs, Config)>,
    /// Enters event ids: the pod's unique id.
    scope: String,
    /// Indexed by [`FileId`].
    files: Vec<Option<TrackedFile>>,
    /// Numbers that a file without handle still uses, the name it had, and how far it was read.
    retired: Vec<(FileId, PathBuf, u64)>,
    lost_files: Vec<LostFile>,
    closed: HashMap<Inode, ClosedFile>,
    /// Those that are settled and still, where there are many.
    quiet: QuietState,
    /// What holds nothing but what an open file holds.
    copies: HashMap<Inode, KnownCopy>,
    /// The last files that were read to their ends and are gone: their copies may still be compressed.
    deleted_entries: VecDeque<CheckpointEntry>,
    /// What may be deleted, as the last scan found.
    deletable: Vec<Deletable>,
    waiting: HashMap<Inode, WaitingFile>,
    /// Those of them that may go before they are read.
    held: HashMap<Inode, HeldFile>,
    /// Names whose file was lately moved away, truncated or deleted.
    rotations: HashMap<PathBuf, Instant>,
    /// Names of the checkpoint, whose files may have been rotated while nobody looked.
    presumed: Vec<PathBuf>,
    started_at: Instant,
    /// The same by the files' clock: seconds since 1970.
    started_s: i64,
    /// The last bytes of files that were rotated while nobody looked and hold nothing new, by the names that they had.
    rotated_ends: VecDeque<(PathBuf, Vec<u8>)>,
    refused: HashMap<PathBuf, Refusal>,
    /// What the last look found and did not open, and why.
    unread: UnreadFiles,
    /// How many looks at the directories there were.
    rounds: u64,
    guard: Guard,
    open_limit: OpenLimit,
    unpacking: Unpacking,
    deleted_bound: Option<DeletedBound>,
    directories: Arc<[PathBuf]>,
    /// Those of them that a glob names by another path.
    linked: HashSet<PathBuf>,
    /// Where those files lie that a link leads to.
    real: HashMap<Inode, PathBuf>,
    /// When names last changed in each of them; empty when there are too many to be asked at every look.
    directory_stamps: Vec<Option<(i64, i64)>>,
    /// No scan has been made yet.
    is_first_round: bool,
    checkpoint: CheckpointState,
    /// A scan should follow soon.
    reconcile_due: bool,
    /// When the files were last looked at.
    polled_at: Instant,
    /// Files without anything to read are not looked at before, where there are many beside one that has.
    poll_all_at: Instant,
    events: Vec<Event>,
}

impl FileSource {
    /// Prepares to tail `inputs`, going on where `bookmarks` say; `None` when there is no checkpoint.
    ///
    /// # Errors
    /// A glob that cannot be used.
    pub fn new(
        inputs: &[Config],
        scope: &str,
        entries: Option<Vec<CheckpointEntry>>,
        now: Instant,
    ) -> Result<Self, GlobError> {
        let compile = |input: &Config| Ok((Globs::new(&input.paths, &input.exclude, input.symlinks)?, input.clone()));
        let checkpoint = if entries.is_some() { CheckpointState::ClosedFile } else { CheckpointState::None };
        let lost = |entry| LostFile::from_checkpoint(entry, now);
        // What a rotation made of these files while nobody looked is ours to read.
        let presumed = entries.iter().flatten().map(|entry| entry.path.clone()).collect();
        Ok(Self {
            inputs: inputs.iter().map(compile).collect::<Result<_, GlobError>>()?,
            scope: scope.to_owned(),
            files: Vec::new(),
            retired: Vec::new(),
            lost_files: entries.into_iter().flatten().map(lost).collect(),
            closed: HashMap::new(),
            quiet: QuietState::default(),
            copies: HashMap::new(),
            deleted_entries: VecDeque::new(),
            deletable: Vec::new(),
            waiting: HashMap::new(),
            held: HashMap::new(),
            rotations: HashMap::new(),
            presumed,
            started_at: now,
            started_s: quiet_files::clock_s(),
            rotated_ends: VecDeque::new(),
            refused: HashMap::new(),
            unread: UnreadFiles::default(),
            rounds: 0,
            guard: Guard::default(),
            open_limit: OpenLimit::default(),
            unpacking: Unpacking::default(),
            deleted_bound: None,
            directories: Arc::from([]),
            linked: HashSet::new(),
            real: HashMap::new(),
            directory_stamps: Vec::new(),
            is_first_round: true,
            checkpoint,
            reconcile_due: false,
            polled_at: now,
            poll_all_at: now,
            events: Vec::new(),
        })
    }

    /// Never reads any of these, by whatever name a glob reaches them.
    pub fn protect(&mut self, protected: Protected) {
        self.guard = Guard::new(protected);
    }

    /// What happened since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The directories in which a file may appear.
    #[must_use]
    pub fn directories(&self) -> &Arc<[PathBuf]> {
        &self.directories
    }

    /// Whether a scan should be made before its time.
    #[must_use]
    pub fn needs_reconcile(&self) -> bool {
        self.reconcile_due
    }

    /// The open files.
    pub fn files(&self) -> impl Iterator<Item = &TrackedFile> {
        self.files.iter().flatten()
    }

    /// One open file.
    #[must_use]
    pub fn file(&self, id: FileId) -> Option<&TrackedFile> {
        self.files.get(id.0 as usize)?.as_ref()
    }

    /// The inodes of the open files.
    fn open_inodes(&self) -> HashSet<Inode> {
        self.files().map(|file| file.inode).collect()
    }

    /// The open file with this inode.
    fn open_mut(&mut self, inode: Inode) -> Option<&mut TrackedFile> {
        self.files.iter_mut().flatten().find(|file| file.inode == inode)
    }

    /// Reads up to `most` bytes that follow the file's position into `buffer`. Returns their number and whether the file
    /// ends with them; `None` when there is nothing, or the file is not what it was.
    pub fn read_chunk(&mut self, id: FileId, buffer: &mut Vec<u8>, most: usize, now: Instant) -> Option<(usize, bool)> {
        let file = self.files.get_mut(id.0 as usize)?.as_mut()?;
        match file.read(buffer, most, now) {
            Ok(ReadResult::Bytes(bytes, last)) => Some((bytes, last)),
            Ok(ReadResult::Truncated) => {
                self.truncated(id, now);
                None
            }
            Err(error) if is_deferred(&error) => None,
            Err(error) => {
                let path = file.path.clone();
                self.refuse(path, &error.to_string());
                None
            }
        }
    }

    /// Moves a file's position past `passed`, which spans now cover; `whole` says that nothing readable is left behind.
    pub fn advance(&mut self, id: FileId, passed: &[u8], boundary: Boundary, whole: bool) {
        if let Some(Some(file)) = self.files.get_mut(id.0 as usize) {
            file.advance(passed, boundary, whole);
        }
    }

    /// Moves a file's position past the zeros that follow it, if something else follows them or nobody will fill them; how many
    /// there were, in whole characters of so many bytes.
    pub fn skip_zeros(&mut self, id: FileId, now: Instant, unit_bytes: u64) -> u64 {
        let Some(Some(file)) = self.files.get_mut(id.0 as usize) else { return 0 };
        let zeros = file.zeros(now, unit_bytes).unwrap_or(0);
        if zeros > 0 {
            file.advance_zeros(zeros);
        }
        zeros
    }

    /// Takes a file back to its watermark; `settled_bytes` beyond that are settled all the same. Returns false when its content is
    /// gone, so that it cannot be read again.
    pub fn rewind(&mut self, id: FileId, to: Watermark, settled_bytes: u64) -> bool {
        if let Some(Some(file)) = self.files.get_mut(id.0 as usize) {
            match file.rewind(to) {
                Ok(true) => return true,
                Ok(false) => _ = self.truncated(id, self.polled_at),
                Err(error) => {
                    let path = file.path.clone();
                    self.refuse(path, &error.to_string());
                    return false;
                }
            }
        }
        // It stands before an end that was written anew, and so it is still there.
        let mut files = self.files.iter_mut().flatten();
        let next = files.find(|file| file.formers.contains(&id) && to.offset < file.began_at);
        if let Some((next, holds)) = next.map(|file| (file.id, file.verify_content().unwrap_or(false))) {
            self.begin_at(next, holds.then_some(to), self.polled_at);
            if holds {
                return true;
            }
        }
        if let Some((_, path, read)) = self.retired.iter().find(|(retired, ..)| *retired == id) {
            self.events.push(Event::Lost(path.clone(), read.saturating_sub(to.offset + settled_bytes)));
            return false;
        }
        let next = self.lost_files.iter_mut().find(|lost| lost.formers.contains(&id) && to.offset < lost.began_at);
        if let Some(next) = next {
            let earlier = next.reread_from.filter(|again| again.offset < to.offset);
            next.reread_from = Some(earlier.unwrap_or(to));
            return true;
        }
        let Some(lost) = self.lost_files.iter_mut().find(|lost| lost.id == Some(id)) else { return false };
        (lost.entry.offset, lost.entry.boundary, lost.settled_bytes) = (to.offset, to.boundary, settled_bytes);
        true
    }

    /// The bytes of a span that was read before; `None` where the file does not hold them any more.
    ///
    /// # Errors
    /// When the file cannot be read, which is said, too, or the read is put off to another pass.
    pub fn reread(&mut self, id: FileId, span: Span) -> io::Result<Option<Vec<u8>>> {
        let Some(Some(file)) = self.files.get_mut(id.0 as usize) else { return Ok(None) };
        let bytes = file.reread(span);
        if let Err(error) = &bytes
            && !is_deferred(error)
        {
            let path = file.path.clone();
            self.refuse(path, &error.to_string());
        }
        bytes
    }

    /// Files that can be let go once they are settled: those that are out of their place, still, and read to the end; and
    /// where too many are open, those that have been idle for longest.
    #[must_use]
    pub fn closable(&self, now: Instant) -> Vec<FileId> {
        let read = self.files().filter(|file| file.is_at_end());
        let mut finished: Vec<FileId> = { read }.filter(|file| file.is_closable(now)).map(|file| file.id).collect();
        finished.extend(self.surplus(finished.len(), now));
        // What stands before an end that was written anew may have to be read again.
        finished.retain(|id| self.file(*id).is_some_and(|file| file.formers.is_empty()));
        finished
    }

    fn number(&self) -> FileId {
        let retired = self.retired.iter().map(|(id, ..)| *id);
        let taken: HashSet<FileId> = retired.chain(self.lost_files.iter().filter_map(|lost| lost.id)).collect();
        let free = |id: &FileId| !taken.contains(id) && self.file(*id).is_none();
        (0..=u32::MAX).map(FileId).find(free).unwrap_or(FileId(u32::MAX))
    }

    /// The content that was read from a file is gone from it: it becomes a ghost, and the file begins anew.
    /// Returns the number under which it goes on.
    fn truncated(&mut self, id: FileId, now: Instant) -> Option<FileId> {
        self.begin_at(id, None, now)
    }

    /// The same, from a position on, where there is one that is known to hold.
    pub(super) fn begin_at(&mut self, id: FileId, at: Option<Watermark>, now: Instant) -> Option<FileId> {
        let mut file = self.files.get_mut(id.0 as usize).and_then(Option::take)?;
        let fingerprint: Fingerprint = file.fingerprint();
        let read = file.position();
        self.release_copies(id, read.offset);
        let entry = CheckpointEntry { fingerprint, ..file.checkpoint_entry(read.into()) };
        let former = entry.clone();
        self.lost_files.push(LostFile::from_open(&file, entry, now));
        self.rotations.insert(file.path.clone(), now);
        self.events.push(Event::Truncated(file.path.clone()));
        self.reconcile_due = true;
        let begins = at.unwrap_or_else(|| Watermark { offset: file.new_from(), boundary: Boundary::LineStart });
        // What it held is kept: the next look tells whether a copy was made over it, or another log.
        if at.is_none() && begins.offset == 0 && file.is_overwritten() {
            self.keep_closed(file.inode, ClosedFile { changed: None, input: file.input, entry: former });
            return None;
        }
        let TrackedFile { input, path, inode, phase, whole, handle, mut formers, .. } = file;
        formers.push(id);
        let incarnation = file.incarnation + 1;
        let origin = fingerprint::origin(&self.scope, &handle, inode, incarnation);
        self.begin((input, path, handle), begins, origin, incarnation, now);
        let begun = self.open_mut(inode)?;
        begun.phase = phase;
        begun.whole |= whole;
        if begins.offset > 0 {
            begun.formers = formers;
        }
        Some(begun.id)
    }

    fn begin(
        &mut self,
        (input, path, handle): (usize, PathBuf, Content),
        at: impl Into<Progress>,
        origin: String,
        incarnation: u32,
        now: Instant,
    ) {
        let (id, at) = (self.number(), at.into());
        match TrackedFile::new((id, input, path.clone(), handle), at.watermark, origin, incarnation, now) {
            Ok(file) => {
                self.place(file);
                self.events.push(Event::Opened(id, at));
            }
            Err(error) => self.refuse(path, &error.to_string()),
        }
    }

    fn place(&mut self, file: TrackedFile) {
        let place = file.id.0 as usize;
        // The inode may have been another file's, of which a compressed copy may still be there.
        if let Some(former) = self.closed.remove(&file.inode) {
            self.remember_deleted(former.entry);
        }
        if self.files.len() <= place {
            self.files.resize_with(place + 1, || None);
        }
        self.files[place] = Some(file);
    }
}

fn directory_stamp(path: &Path) -> Option<(i64, i64)> {
    std::fs::metadata(path).ok().map(|metadata| (metadata.mtime(), metadata.mtime_nsec()))
}

//! One open file: its position, and its state.
//!
//! Input: polls and reads of the file. Output: bytes that no span covers yet, or the fact that the file was truncated.
//! The last bytes before the position are kept, to tell a rewritten file from a continued one.

mod checkpoint_entry;
mod lifetime;
mod read;
mod rewind;

use std::cell::OnceCell;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::appended::RotatedName;
use super::content::Content;
use super::fingerprint;
use super::nul_padding::NulPadding;
use super::pipe_reader::Extent;
use super::resume_points::ResumePoints;
use super::rewritten::RewriteDetector;
use super::write_times::{Moment, WriteTime, WriteTimes, stamp_ns};
use event::{Boundary, FileId, Fingerprint, Inode, Watermark};

/// A rotated file that is acknowledged and has not changed for this long is closed. If it grows later, it is opened
/// again.
pub(super) const ROTATED_QUIET: Duration = Duration::from_secs(5);
/// The same for a deleted file, which cannot be opened again.
pub(super) const DELETED_QUIET: Duration = Duration::from_secs(10);

/// A deleted file of at most this many bytes stays open for this long while there are descriptors: its writer may be
/// slow.
const DELETED_HELD: Duration = Duration::from_secs(600);
const DELETED_HELD_BYTES: u64 = 1024 * 1024;

/// Where too many files are open, files that have not changed for this long are closed first.
const IDLE_QUIET: Duration = Duration::from_secs(1);

/// Where a file is in its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Under the name that it was found under.
    Live,
    /// Under another name, or out of sight.
    Rotated,
    /// Without a name.
    Deleted,
}

/// Whether a check of the directories found the file under another name, with the bytes that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Displaced {
    /// No.
    No,
    /// Yes.
    Seen,
    /// Yes, and a compressed copy of it, so that its writer is done with it.
    Compressed,
}

/// The result of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollResult {
    /// There is nothing to read.
    Unchanged,
    /// There may be bytes to read.
    Changed,
    /// The file no longer holds the bytes that were read from it.
    Truncated,
    /// The file was rewritten with the same bytes.
    Rewritten,
}

/// An open file.
#[derive(Debug)]
pub struct TrackedFile {
    /// Its number in the ledger.
    pub id: FileId,
    /// The number of its input.
    pub input: usize,
    /// The name under which its records are shipped: the one under which it was first found.
    pub path: PathBuf,
    /// Its place in the file system.
    pub inode: Inode,
    pub(super) lineage: Lineage,
    pub(super) placement: Placement,
    /// Moved out when a truncation starts a new incarnation.
    pub(super) handle: Content,
    /// A second reader of a compressed file, for bytes before the position.
    second_handle: OnceCell<Content>,
    read: ReadPosition,
    pub(super) seen: LastPoll,
    detectors: Detectors,
    settled: Settlement,
}

/// A file that was opened and is not tracked yet.
#[derive(Debug)]
pub(super) struct OpenedFile {
    /// The number of its input.
    pub(super) input: usize,
    /// The name under which its records are shipped.
    pub(super) path: PathBuf,
    pub(super) handle: Content,
}

/// Names one incarnation of a file. A truncation starts the next.
#[derive(Debug)]
pub(super) struct Incarnation {
    /// Names it in event ids.
    pub(super) origin: String,
    /// How often the file was truncated before.
    pub(super) number: u32,
}

/// What a file was before.
#[derive(Debug)]
pub(super) struct Lineage {
    /// Names this incarnation in event ids.
    pub(super) origin: String,
    /// How often it was truncated.
    pub(super) incarnation: u32,
    /// logskiff read everything before the position: it skipped nothing at the start.
    pub(super) read_from_start: bool,
    /// The offset at which this incarnation began.
    pub(super) began_at: u64,
    /// The numbers of earlier incarnations, whose accounts in the ledger cover the bytes before `began_at`.
    pub(super) formers: Vec<FileId>,
}

/// Where a file is in its directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placement {
    pub(super) phase: Phase,
    /// Whether a pass over the directories found it under another name.
    pub(super) displaced: Displaced,
    /// When it last changed its phase.
    pub(super) phase_since: Instant,
    /// When it last grew or changed its phase.
    pub(super) changed_at: Instant,
    pub(super) opened_at: Instant,
}

/// The position of reading.
#[derive(Debug)]
struct ReadPosition {
    /// The next byte that no span covers yet.
    at: Watermark,
    /// After a rewind: how far the file had been read, and the bytes just before that. Acknowledged bytes may lie
    /// beyond `at`.
    rewound_from: Option<(u64, Vec<u8>)>,
    /// The bytes just before `at`.
    before: Vec<u8>,
    /// The file's first bytes.
    head: Vec<u8>,
    /// Where lines began before `at`.
    resume_points: ResumePoints,
}

/// What the last poll saw.
#[derive(Debug)]
pub(super) struct LastPoll {
    /// The file's length in bytes.
    length: u64,
    /// The longest that the file was seen with this content, in bytes.
    pub(super) size: u64,
    /// How much of the disk it uses, in bytes.
    pub(super) disk_bytes: u64,
    /// When a read last got more than the poll before it saw: nanoseconds since the Unix epoch.
    grew_at_ns: i64,
    /// How many bytes a truncation took away before they were read, as far as polls saw them.
    pub(super) lost_bytes: u64,
    /// Modification and change time: a reason to read, never an identity.
    stamp: (i64, i64, i64, i64),
    /// There may be bytes to read.
    more: bool,
    /// It is a pipe that has ended, after `size` bytes.
    ended: bool,
    /// When the last poll was, or when the file was created if that was after the start: no byte that was not there then
    /// is older.
    pub(super) polled: Option<Moment>,
    pub(super) rotated_name: RotatedName,
}

/// What is derived from polls and reads.
#[derive(Debug, Default)]
struct Detectors {
    /// The zeros after the position.
    padding: NulPadding,
    write_times: WriteTimes,
    rewrites: RewriteDetector,
    /// The file's end was cut: when the wait ends for what becomes of it.
    undecided_until: Option<Instant>,
    /// When this incarnation began, if only the file's end was rewritten.
    end_rewritten_at: Option<Instant>,
}

/// How far the file was acknowledged or dropped when that was last reported.
#[derive(Debug)]
struct Settlement {
    /// The offset in bytes.
    offset: u64,
    /// The fingerprint at the watermark of the last checkpoint.
    fingerprint: Fingerprint,
}

impl Placement {
    /// Moves the file to another phase; `now` is when that was seen.
    pub(super) fn set_phase(&mut self, phase: Phase, now: Instant) {
        if phase != self.phase {
            (self.phase, self.phase_since, self.changed_at) = (phase, now, now);
        }
    }

    /// How long the file has not changed.
    fn quiet_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.changed_at)
    }
}

impl Lineage {
    /// Whether an earlier incarnation has the account of the byte at `offset`.
    pub(super) fn precedes(&self, former: FileId, offset: u64) -> bool {
        self.formers.contains(&former) && offset < self.began_at
    }
}

impl LastPoll {
    /// Notes how far a pipe was read into memory.
    fn set_extent(&mut self, extent: Extent) {
        (self.length, self.size, self.ended) = (extent.length, extent.length, extent.ended);
    }
}

impl Settlement {
    /// Whether everything before `position` is acknowledged or dropped.
    fn covers(&self, position: Watermark) -> bool {
        self.offset >= position.offset
    }
}

impl Detectors {
    /// Notes `bytes`, which were read at `offset`. `exceeds_poll`: they go beyond the end that the last poll saw.
    fn note_read(&mut self, offset: u64, bytes: &[u8], exceeds_poll: bool, now: Instant) {
        self.rewrites.note_read(exceeds_poll);
        self.padding.note_bytes(offset, bytes, now);
    }
}

impl ReadPosition {
    /// Moves past `passed`. Keeps the last of these bytes.
    fn advance(&mut self, passed: &[u8], boundary: Boundary) {
        self.at = Watermark { offset: self.at.offset + passed.len() as u64, boundary };
        let read_to = self.at.offset;
        self.rewound_from.take_if(|(offset, _)| *offset <= read_to);
        let keep = passed.len().min(fingerprint::BEFORE_BYTES);
        let surplus = (self.before.len() + keep).saturating_sub(fingerprint::BEFORE_BYTES);
        self.before.drain(..surplus);
        self.before.extend_from_slice(&passed[passed.len() - keep..]);
    }

    /// Goes back to a position; `before` are the bytes just before it.
    fn rewind(&mut self, to: Watermark, before: Vec<u8>) {
        let (from, passed) = (self.at.offset, std::mem::replace(&mut self.before, before));
        self.rewound_from.get_or_insert((from, passed));
        self.at = to;
        self.resume_points.go_back(to.offset);
    }
}

/// The bytes that one read put into a buffer. They follow [`TrackedFile::position`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Their number.
    pub bytes: usize,
    /// The file ends after them.
    pub is_last: bool,
}

/// The result of a read.
#[derive(Debug)]
pub enum ReadResult {
    /// Bytes were read, possibly none.
    Read(Chunk),
    /// The file no longer holds the bytes that were read from it: it was truncated or rewritten.
    Truncated,
}

impl TrackedFile {
    /// Starts reading `handle` at a position.
    ///
    /// # Errors
    /// When the file cannot be read, or ends before the position.
    pub(super) fn new(
        id: FileId,
        OpenedFile { input, path, handle }: OpenedFile,
        at: Watermark,
        Incarnation { origin, number }: Incarnation,
        now: Instant,
    ) -> io::Result<Self> {
        let metadata = handle.metadata()?;
        let length = handle.length()?;
        let before = fingerprint::read_before(&handle, at.offset)?;
        let head = fingerprint::read_at(&handle, 0, fingerprint::HEAD_BYTES)?;
        let fingerprint = fingerprint::from_bytes(&head, &before, at.offset);
        Ok(Self {
            id,
            input,
            path,
            inode: fingerprint::inode_from_metadata(&metadata),
            lineage: Lineage {
                origin,
                incarnation: number,
                read_from_start: at.offset == 0,
                began_at: at.offset,
                formers: Vec::new(),
            },
            placement: Placement {
                phase: Phase::Live,
                displaced: Displaced::No,
                phase_since: now,
                changed_at: now,
                opened_at: now,
            },
            handle,
            second_handle: OnceCell::new(),
            read: ReadPosition { at, rewound_from: None, before, head, resume_points: ResumePoints::default() },
            seen: LastPoll {
                length,
                size: length,
                disk_bytes: disk_bytes(&metadata),
                grew_at_ns: 0,
                lost_bytes: 0,
                stamp: stamp(&metadata),
                more: true,
                ended: false,
                polled: None,
                rotated_name: RotatedName::default(),
            },
            detectors: Detectors::default(),
            settled: Settlement { offset: at.offset, fingerprint },
        })
    }

    /// Where the file is in its directory.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.placement.phase
    }

    /// The longest that the file was seen with this content, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.seen.size
    }

    /// Names this incarnation of the file in event ids.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.lineage.origin
    }

    /// The position of the next byte to read.
    #[must_use]
    pub fn position(&self) -> Watermark {
        self.read.at
    }

    /// Whether everything that the last poll saw is read.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.read.at.offset >= self.seen.length
    }

    /// Notes that inotify reported a write to the file.
    pub(super) fn note_write(&mut self) {
        self.detectors.rewrites.note_write();
    }

    /// What is wrong with a compressed file or a pipe.
    #[must_use]
    pub fn problem(&self) -> Option<&'static str> {
        self.handle.problem()
    }

    /// When the byte at `offset` was written, as far as known, and the offset up to which that time holds.
    #[must_use]
    pub fn write_time(&self, offset: u64) -> Option<(u64, WriteTime)> {
        self.detectors.write_times.time_of(offset)
    }

    /// When it was last written to, by the file system's clock: seconds and nanoseconds.
    pub(super) fn written_at(&self) -> (i64, i64) {
        (self.seen.stamp.0, self.seen.stamp.1)
    }

    /// When the last byte that was seen had been written: nanoseconds since the Unix epoch.
    pub(super) fn written_ns(&self) -> i64 {
        self.seen.grew_at_ns.max(stamp_ns(self.seen.stamp.0, self.seen.stamp.1))
    }

    /// Where its lines began.
    pub(super) fn resume_points(&self) -> &ResumePoints {
        &self.read.resume_points
    }

    /// How many bytes are not read, as far as the last poll saw.
    #[must_use]
    pub fn unread_bytes(&self) -> u64 {
        self.seen.length.saturating_sub(self.read.at.offset)
    }

    /// Whether there may be bytes to read since the last poll.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.seen.more
    }

    /// Whether zeros follow the position, which a writer may still fill.
    #[must_use]
    pub fn has_zeros(&self) -> bool {
        self.detectors.padding.is_open()
    }

    /// Whether its end was cut off, and it is not known yet what becomes of it.
    pub(super) fn is_cut(&self) -> bool {
        self.detectors.undecided_until.is_some()
    }

    /// Treats unread bytes as a change.
    pub fn recheck_unread(&mut self) {
        self.seen.more |= !self.is_at_end();
        if let (Some(until), Some(polled)) = (&mut self.detectors.undecided_until, self.seen.polled) {
            *until = polled.at;
        }
    }

    /// Whether an incomplete last line is read as it is.
    fn is_last_line_due(&self, now: Instant) -> bool {
        self.is_final(now) && !self.is_at_end()
    }

    /// Verifies that the file still holds the bytes that are known of it: its first bytes, and those before the
    /// position and before the position that it was rewound from.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn verify_content(&mut self) -> io::Result<bool> {
        // A `.gz` is written once, and verifying it means to decompress it again. The bytes of a pipe do not change.
        if self.handle.is_gzip() || self.handle.is_stream() {
            return Ok(true);
        }
        let start = self.read.at.offset - self.read.before.len() as u64;
        if fingerprint::read_at(&self.handle, start, self.read.before.len())? != self.read.before {
            return Ok(false);
        }
        if let Some((offset, before)) = &self.read.rewound_from
            && fingerprint::read_at(&self.handle, offset - before.len() as u64, before.len())? != *before
        {
            return Ok(false);
        }
        self.verify_head()
    }

    /// Verifies the first bytes, and keeps more of them while few are known: lines of the same length may differ only
    /// in their timestamps.
    fn verify_head(&mut self) -> io::Result<bool> {
        let head = fingerprint::read_at(&self.handle, 0, fingerprint::HEAD_BYTES)?;
        let known = match usize::try_from(self.read.at.offset) {
            Ok(read @ 1..) => read.min(self.read.head.len()),
            _ => self.read.head.len(),
        };
        // Bytes that were seen and not read must be the same too, except for zeros that were filled since.
        let seen = || head.iter().zip(&self.read.head).all(|(here, had)| here == had || *had == 0);
        let same = head.starts_with(&self.read.head[..known]) && seen();
        if same {
            self.read.head = head;
        }
        Ok(same)
    }
}

/// The file system counts in units of 512 bytes, whatever its block size (stat(2)).
fn disk_bytes(metadata: &std::fs::Metadata) -> u64 {
    metadata.blocks().saturating_mul(512)
}

fn stamp(metadata: &std::fs::Metadata) -> (i64, i64, i64, i64) {
    (metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec())
}

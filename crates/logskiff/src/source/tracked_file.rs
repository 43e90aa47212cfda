//! One open file: where reading stands, and what happened to the file under it.
//!
//! Enters: looks at the file's metadata and reads. Leaves: bytes that no span has covered yet, or the news that the file
//! was truncated. It keeps the last bytes before the offset, so that a rewritten file is told from a continued one.

mod checkpoint_entry;
mod lifetime;
mod rewind;

use std::cell::OnceCell;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::content::Content;
use super::fingerprint;
use super::nul_padding::NulPadding;
use super::pipe_reader::Extent;
use super::resume_points::ResumePoints;
use super::rewritten::RewriteDetector;
use super::write_times::WriteTimes;
use event::{Boundary, FileId, Fingerprint, Inode, Watermark};

/// A rotated file that has not grown for so long, is read to its end and settled, is closed; it is opened again if it
/// grows after all.
pub(super) const ROTATED_QUIET: Duration = Duration::from_secs(5);
/// The same for a deleted file, which can't be found again once it is closed.
pub(super) const DELETED_QUIET: Duration = Duration::from_secs(10);

/// But a deleted file of at most so many bytes is held for so long, while there are descriptors: its writer may be slow.
const DELETED_HELD: Duration = Duration::from_secs(600);
const DELETED_HELD_BYTES: u64 = 1024 * 1024;

/// Where too many files are open, those are closed first that have not grown for so long.
const IDLE_QUIET: Duration = Duration::from_secs(1);

/// Where the file stands in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Under the name that it was found under.
    Live,
    /// Under another name, or out of sight.
    Rotated,
    /// Under none.
    Deleted,
}

/// Whether a look at the directories found a file out of its place, with what was read of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Displaced {
    /// It did not.
    No,
    /// It did.
    Seen,
    /// So it did, and a compressed copy, which says that its writer is done with it.
    Compressed,
}

/// What a look at a file found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollResult {
    /// Nothing to read.
    Unchanged,
    /// There may be bytes to read.
    Changed,
    /// The file no longer holds what was read from it.
    Truncated,
    /// It was written anew with the same bytes.
    Rewritten,
}

/// An open file.
#[derive(Debug)]
pub struct TrackedFile {
    /// Its number in the ledger.
    pub id: FileId,
    /// Which input it belongs to.
    pub input: usize,
    /// The name under which its records go out: the one it was first found under.
    pub path: PathBuf,
    /// Where it stands in the file system.
    pub inode: Inode,
    /// Names this incarnation in event ids.
    pub origin: String,
    /// How often it was truncated.
    pub incarnation: u32,
    /// Where it is in the directory.
    pub phase: Phase,
    /// Whether it was seen out of its place.
    pub(super) displaced: Displaced,
    /// When it last grew or changed its phase.
    pub changed_at: Instant,
    /// Everything before the position was read by us: nothing was skipped at the start.
    pub whole: bool,
    /// How long it is known to have been with this content.
    pub size: u64,
    /// Where this incarnation began.
    pub(super) began_at: u64,
    /// The numbers of those before it that have the account of what stands before that, where the file's end was written anew.
    pub(super) formers: Vec<FileId>,
    /// What it takes of the disk, as the last look saw it.
    pub(super) disk_bytes: u64,
    /// Bytes that a truncation took away before they were read, as far as they were seen.
    pub lost_bytes: u64,
    /// Its length at the last look.
    length: u64,
    /// Moved out when a truncation starts a new incarnation.
    pub(super) handle: Content,
    /// The same once more, to read again what lies before the position of a compressed file.
    second_handle: OnceCell<Content>,
    /// The next byte that no span covers yet.
    at: Watermark,
    /// After a rewind: how far it had been read, and the bytes just before; what is acknowledged may lie beyond `at`.
    rewound_from: Option<(u64, Vec<u8>)>,
    /// The bytes just before `at`.
    before: Vec<u8>,
    /// Where lines began before `at`.
    resume_points: ResumePoints,
    /// The file's first bytes.
    head: Vec<u8>,
    /// Modification and change time at the last look: a reason to read, never an identity.
    stamp: (i64, i64, i64, i64),
    /// The last look or read left something to be read.
    more: bool,
    /// What is zero behind the position.
    padding: NulPadding,
    /// The fingerprint at the last watermark that was asked for.
    checkpoint_fingerprint: Fingerprint,
    write_times: WriteTimes,
    rewrites: RewriteDetector,
    /// How far it was settled when that was last said.
    settled_to: u64,
    /// It came through a pipe, and that has ended with what [`TrackedFile::size`] counts.
    ended: bool,
    polled_at: Option<Instant>,
}

/// What one read gave.
#[derive(Debug)]
pub enum ReadResult {
    /// This many bytes at the start of the buffer follow [`TrackedFile::position`]; whether the file ends with them.
    Bytes(usize, bool),
    /// The file no longer holds what was read from it: it was truncated, or rewritten in place.
    Truncated,
}

impl TrackedFile {
    /// Starts reading `handle` at a position.
    ///
    /// # Errors
    /// When the file cannot be read, or ends before the position.
    pub(super) fn new(
        (id, input, path, handle): (FileId, usize, PathBuf, Content),
        at: Watermark,
        origin: String,
        incarnation: u32,
        now: Instant,
    ) -> io::Result<Self> {
        let metadata = handle.metadata()?;
        let length = handle.length()?;
        let before = fingerprint::read_before(&handle, at.offset)?;
        let head = fingerprint::read_at(&handle, 0, fingerprint::HEAD_BYTES)?;
        let checkpoint_fingerprint = fingerprint::from_bytes(&head, &before, at.offset);
        Ok(Self {
            id,
            input,
            path,
            inode: fingerprint::inode_from_metadata(&metadata),
            origin,
            incarnation,
            phase: Phase::Live,
            displaced: Displaced::No,
            changed_at: now,
            whole: at.offset == 0,
            size: length,
            began_at: at.offset,
            formers: Vec::new(),
            disk_bytes: disk_bytes(&metadata),
            lost_bytes: 0,
            length,
            handle,
            second_handle: OnceCell::new(),
            at,
            rewound_from: None,
            before,
            resume_points: ResumePoints::default(),
            head,
            stamp: stamp(&metadata),
            more: true,
            padding: NulPadding::default(),
            checkpoint_fingerprint,
            write_times: WriteTimes::default(),
            rewrites: RewriteDetector::default(),
            settled_to: at.offset,
            ended: false,
            polled_at: None,
        })
    }

    /// Where the file is in its directory.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The longest that the file was seen with this content, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Names this incarnation of the file in event ids.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The position of the next byte to read.
    #[must_use]
    pub fn position(&self) -> Watermark {
        self.at
    }

    /// Whether everything that the last look saw is read.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.at.offset >= self.length
    }

    /// Looks whether there is something to read.
    ///
    /// # Errors
    /// When the file's metadata cannot be read.
    pub fn poll(&mut self, now: Instant) -> io::Result<PollResult> {
        if let Content::Stream(stream) = &self.handle {
            let extent = stream.extent();
            self.more |= extent.length != self.length;
            self.set_extent(extent);
            self.write_times.record(extent.length, now);
            return Ok(if self.more || self.is_last_line_due(now) {
                PollResult::Changed
            } else {
                PollResult::Unchanged
            });
        }
        let metadata = self.handle.metadata()?;
        let stamp = stamp(&metadata);
        let unpacks = self.handle.is_deferred_read();
        let length = if unpacks { self.length } else { self.handle.length_by(&metadata)? };
        self.disk_bytes = disk_bytes(&metadata);
        if metadata.nlink() == 0 && self.phase != Phase::Deleted {
            self.phase = Phase::Deleted;
            self.changed_at = now;
        }
        if length != self.length || stamp != self.stamp {
            self.changed_at = now;
            self.more = true;
        }
        // A read asks as well, but reading may be held up for long, and a copy must be known for one while it is there.
        if length != self.length || stamp != self.stamp {
            if !self.verify_content()? {
                return Ok(PollResult::Truncated);
            }
            // A write sets both times to one moment; who sets the first alone says another, as a rule.
            let (written, changed) = ((stamp.0, stamp.1), (stamp.2, stamp.3));
            let is_new_time = written != (self.stamp.0, self.stamp.1) && written == changed;
            let is_same = is_new_time && length == self.length && length == self.at.offset;
            self.rewrites.note_poll(is_same && length > 0, now);
            // Cut short, but not into what was read: reading goes on, and what is gone is counted.
            if !self.handle.is_gzip() {
                let written = self.padding.written_bytes(self.size);
                self.lost_bytes += written.saturating_sub(length);
            }
            self.size = length;
        }
        self.length = length;
        self.stamp = stamp;
        if self.rewrites.take_rewrite(now) && self.phase == Phase::Live {
            return Ok(PollResult::Rewritten);
        }
        // The modification time is that of the last write; the first one since the last look was not before that look.
        let age = metadata.modified().ok().and_then(|at| at.elapsed().ok()).unwrap_or_default();
        let written = now.checked_sub(age).unwrap_or(now);
        self.write_times.record(length, self.polled_at.map_or(written, |polled_at| written.max(polled_at)));
        self.polled_at = Some(now);
        if !self.more && self.padding.is_open() && matches!(self.handle, Content::Plain(_)) {
            // A writer that maps the file changes neither its length nor its times.
            if self.padding.refresh(&self.handle, self.at.offset, now)? {
                self.changed_at = now;
                self.more = true;
            }
            self.more |= self.padding.take_retry(now);
        }
        Ok(if !unpacks && (self.more || self.is_last_line_due(now)) {
            PollResult::Changed
        } else {
            PollResult::Unchanged
        })
    }

    /// Takes down how far a pipe has come.
    fn set_extent(&mut self, extent: Extent) {
        (self.length, self.size, self.ended) = (extent.length, extent.length, extent.ended);
    }

    /// Something was written to it, as the kernel says: more than its times changed.
    pub(super) fn note_write(&mut self) {
        self.rewrites.note_write();
    }

    /// What is wrong with it, where it is compressed or a pipe.
    #[must_use]
    pub fn problem(&self) -> Option<&'static str> {
        self.handle.problem()
    }

    /// When the byte at `offset` was written, as far as it is known, and up to where that holds.
    #[must_use]
    pub fn write_time(&self, offset: u64) -> Option<(u64, Instant)> {
        self.write_times.time_of(offset)
    }

    /// When it was last written to, by the file system's clock.
    pub(super) fn written_at(&self) -> (i64, i64) {
        (self.stamp.0, self.stamp.1)
    }

    /// How many bytes are in the file and not read, as far as the last look saw.
    #[must_use]
    pub fn unread_bytes(&self) -> u64 {
        self.length.saturating_sub(self.at.offset)
    }

    /// Whether the last look at it saw more than was read since.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.more
    }

    /// Whether zeros follow the position that may be filled yet.
    #[must_use]
    pub fn has_zeros(&self) -> bool {
        self.padding.is_open()
    }

    /// Takes what was left unread for something to be read.
    pub fn recheck_unread(&mut self) {
        self.more |= !self.is_at_end();
    }

    /// Whether a last line without newline is to be taken as it stands.
    fn is_last_line_due(&self, now: Instant) -> bool {
        self.is_final(now) && !self.is_at_end()
    }

    /// Whether the file still holds what is known of it: its first bytes, those before the position, and those before
    /// the position that it was taken back from.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn verify_content(&mut self) -> io::Result<bool> {
        // Whoever packs a file does it once; to look back means to unpack it again. What came through a pipe came.
        if self.handle.is_gzip() || self.handle.is_stream() {
            return Ok(true);
        }
        let start = self.at.offset - self.before.len() as u64;
        if fingerprint::read_at(&self.handle, start, self.before.len())? != self.before {
            return Ok(false);
        }
        if let Some((offset, before)) = &self.rewound_from
            && fingerprint::read_at(&self.handle, offset - before.len() as u64, before.len())? != *before
        {
            return Ok(false);
        }
        self.verify_head()
    }

    /// Whether the first bytes are the same, and learns more of them while there are few: lines of one length that differ
    /// in their time stamps may well end alike.
    fn verify_head(&mut self) -> io::Result<bool> {
        let head = fingerprint::read_at(&self.handle, 0, fingerprint::HEAD_BYTES)?;
        let known = match usize::try_from(self.at.offset) {
            Ok(read @ 1..) => read.min(self.head.len()),
            _ => self.head.len(),
        };
        // What was seen and not read is the same too, but for zeros that were filled since.
        let seen = || head.iter().zip(&self.head).all(|(here, had)| here == had || *had == 0);
        let same = head.starts_with(&self.head[..known]) && seen();
        if same {
            self.head = head;
        }
        Ok(same)
    }

    /// Reads what follows the position into `buffer`, as much as fits.
    ///
    /// # Errors
    /// When the file cannot be read, or the read is put off to another pass.
    pub fn read(&mut self, buffer: &mut Vec<u8>, most: usize, now: Instant) -> io::Result<ReadResult> {
        if self.handle.is_deferred_read() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let before_bytes = self.before.len();
        buffer.resize(before_bytes + most, 0);
        let start = self.at.offset - before_bytes as u64;
        let (length, extent) = match &self.handle {
            Content::Stream(stream) => {
                let (length, extent) = stream.fill(start, buffer);
                (length, Some(extent))
            }
            handle => (handle.fill(start, buffer)?, None),
        };
        let same = length >= before_bytes && buffer[..before_bytes] == self.before[..];
        if !same || (extent.is_none() && !self.verify_head()?) {
            return Ok(ReadResult::Truncated);
        }
        let read = length - before_bytes;
        buffer.copy_within(before_bytes..length, 0);
        buffer.truncate(read);
        let last = read < most;
        self.rewrites.note_read(self.at.offset + read as u64 > self.length);
        self.padding.note_bytes(self.at.offset, buffer, now);
        self.more = !last;
        if let Some(extent) = extent {
            self.set_extent(extent);
            return Ok(ReadResult::Bytes(read, last));
        }
        self.length =
            if self.handle.is_gzip() { self.handle.length()? } else { self.length.max(self.at.offset + read as u64) };
        self.size = self.length;
        Ok(ReadResult::Bytes(read, last))
    }

    /// Moves past bytes that spans now cover. `passed` are these bytes.
    pub fn advance(&mut self, passed: &[u8], boundary: Boundary, whole: bool) {
        self.at = Watermark { offset: self.at.offset + passed.len() as u64, boundary };
        self.rewound_from.take_if(|(offset, _)| *offset <= self.at.offset);
        let keep = passed.len().min(fingerprint::BEFORE_BYTES);
        let surplus = (self.before.len() + keep).saturating_sub(fingerprint::BEFORE_BYTES);
        self.before.drain(..surplus);
        self.before.extend_from_slice(&passed[passed.len() - keep..]);
        if boundary == Boundary::LineStart && matches!(self.handle, Content::Plain(_)) {
            self.resume_points.note(self.at.offset, &self.before);
        }
        self.more |= !whole;
    }

    /// How many of the bytes that follow the position are zeros before something else, or for good, in whole characters of so many bytes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn zeros(&self, now: Instant, unit_bytes: u64) -> io::Result<u64> {
        if !self.are_zeros_final(now) {
            return Ok(0);
        }
        let zeros = self.handle.zeros(self.at.offset, self.is_filled(now))?;
        Ok(zeros - zeros % unit_bytes)
    }

    /// Moves past so many zeros, which a span now covers.
    pub fn advance_zeros(&mut self, mut zeros: u64) {
        let most = zeros.min(fingerprint::BEFORE_BYTES as u64);
        self.at.offset += zeros - most;
        zeros = most;
        let passed = [0; fingerprint::BEFORE_BYTES];
        self.advance(&passed[..usize::try_from(zeros).unwrap_or(passed.len())], Boundary::LineStart, false);
    }
}

/// Blocks are counted in units of 512 bytes, whatever the file system's own are (stat(2)).
fn disk_bytes(metadata: &std::fs::Metadata) -> u64 {
    metadata.blocks().saturating_mul(512)
}

fn stamp(metadata: &std::fs::Metadata) -> (i64, i64, i64, i64) {
    (metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec())
}

//! The content of a file: its bytes, the bytes that a `.gz` decompresses to, or the bytes that came through a pipe.
//!
//! Input: an open file. Output: bytes at an offset.

use std::cell::RefCell;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

use rustix::fs::SeekFrom;
use rustix::io::Errno;

use super::gzip_reader::{GzipReader, SkipBudget};
use super::kernel;
use super::pipe_reader::Stream;

/// Zeros are searched in blocks of this many bytes, up to this many bytes in one call. Holes do not count towards it.
const ZEROS_BYTES: usize = 256 * 1024;
const ZEROS_READ_MAX: u64 = 256 * 1024 * 1024;
/// The last bytes of a `.gz` are the length of its content, modulo 2^32 (RFC 1952).
const TRAILER_BYTES: usize = 4;

/// An open file.
#[derive(Debug)]
pub(super) enum Content {
    /// A regular file.
    Plain(File),
    /// A `.gz`, decompressed.
    Gzip(Box<RefCell<GzipReader>>),
    /// A pipe: each byte comes once.
    Stream(Stream),
}

impl Content {
    /// The decompressed content of a `.gz`.
    pub(super) fn gzip(file: File, budget: &SkipBudget) -> Self {
        Self::unpacked(GzipReader::new(Arc::new(file), budget.clone()))
    }

    fn unpacked(gzip_reader: GzipReader) -> Self {
        Self::Gzip(Box::new(RefCell::new(gzip_reader)))
    }

    /// A second reader of the same content.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub(super) fn open_again(&self) -> io::Result<Self> {
        if let Self::Gzip(gzip_reader) = self {
            Ok(Self::unpacked(gzip_reader.borrow().open_again()))
        } else {
            self.raw()
        }
    }

    /// The file's metadata.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        match self {
            Self::Plain(file) => file.metadata(),
            Self::Gzip(gzip_reader) => gzip_reader.borrow().file().metadata(),
            Self::Stream(stream) => stream.file().metadata(),
        }
    }

    /// The birth time in seconds and nanoseconds; zero where the file system keeps none.
    pub(super) fn birth(&self) -> (i64, u32) {
        use rustix::fs::{AtFlags, StatxFlags, statx};
        let read_birth = |file: &File| {
            let found = statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::BTIME);
            found.map(|found| (found.stx_btime.tv_sec, found.stx_btime.tv_nsec)).unwrap_or_default()
        };
        match self {
            Self::Plain(file) => read_birth(file),
            Self::Gzip(gzip_reader) => read_birth(gzip_reader.borrow().file()),
            Self::Stream(stream) => read_birth(stream.file()),
        }
    }

    /// Whether the last byte was written before the other file was created: it cannot be a copy of that file's. No where the
    /// file system keeps no birth time.
    pub(super) fn is_older_than(&self, other: &Self) -> bool {
        let (seconds, nanoseconds) = other.birth();
        let written = self.metadata().map(|file| (file.mtime(), file.mtime_nsec()));
        written.is_ok_and(|written| written < (seconds, nanoseconds.into()))
    }

    /// The size in bytes of the file's volume, where that volume is in memory.
    pub(super) fn memory_volume_bytes(&self) -> Option<u64> {
        match self {
            Self::Plain(file) => kernel::memory_volume_bytes(file),
            Self::Gzip(gzip_reader) => kernel::memory_volume_bytes(gzip_reader.borrow().file()),
            Self::Stream(_) => None,
        }
    }

    /// Whether it is a `.gz`.
    pub(super) fn is_gzip(&self) -> bool {
        matches!(self, Self::Gzip(_))
    }

    /// Whether it is a pipe: its bytes come once.
    pub(super) fn is_stream(&self) -> bool {
        matches!(self, Self::Stream(_))
    }

    /// The first offset that can be read: acknowledged bytes of a pipe are discarded.
    pub(super) fn kept_from(&self) -> u64 {
        if let Self::Stream(stream) = self { stream.kept_from() } else { 0 }
    }

    /// The content's length in bytes. For a `.gz` that is not decompressed to its end, the length that its trailer
    /// states.
    ///
    /// # Errors
    /// When the metadata cannot be read.
    pub(super) fn length(&self) -> io::Result<u64> {
        match self {
            Self::Plain(file) => Ok(file.metadata()?.len()),
            Self::Gzip(gzip_reader) => {
                let gzip_reader = gzip_reader.borrow();
                let trailer_bytes = u64::from(trailer(gzip_reader.file())?);
                Ok(gzip_reader.length().unwrap_or_else(|least| least.max(trailer_bytes)))
            }
            Self::Stream(stream) => Ok(stream.extent().length),
        }
    }

    /// The same, from metadata that was read already.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn length_by(&self, metadata: &Metadata) -> io::Result<u64> {
        match self {
            Self::Plain(_) => Ok(metadata.len()),
            Self::Gzip(_) | Self::Stream(_) => self.length(),
        }
    }

    /// What is wrong with a `.gz`, as far as it is decompressed, or with a pipe.
    pub(super) fn problem(&self) -> Option<&'static str> {
        match self {
            Self::Plain(_) => None,
            Self::Gzip(gzip_reader) => gzip_reader.borrow().problem(),
            Self::Stream(stream) => stream.problem(),
        }
    }

    /// Whether a range can be read without decompressing from the start again.
    pub(super) fn has_range(&self, start: u64, end: u64) -> bool {
        if let Self::Gzip(gzip_reader) = self { gzip_reader.borrow().has_range(start, end) } else { true }
    }

    /// Decompresses up to an offset and keeps the longest lookback before it.
    ///
    /// # Errors
    /// When the file cannot be read, or decompression has to continue in another pass.
    pub(super) fn seek_to(&self, offset: u64) -> io::Result<()> {
        if let Self::Gzip(gzip_reader) = self { gzip_reader.borrow_mut().seek_to(offset) } else { Ok(()) }
    }

    /// Whether a read has to continue in another pass.
    pub(super) fn is_deferred_read(&self) -> bool {
        if let Self::Gzip(gzip_reader) = self { gzip_reader.borrow().is_deferred_read() } else { false }
    }

    /// Continues a deferred read. Returns whether it is complete.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn resume_deferred(&self) -> io::Result<bool> {
        if let Self::Gzip(gzip_reader) = self { gzip_reader.borrow_mut().resume_deferred() } else { Ok(true) }
    }

    /// The content's length, modulo 2^32, from the last bytes of a `.gz`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn trailer_length(&self) -> io::Result<u32> {
        match self {
            Self::Plain(file) => trailer(file),
            Self::Gzip(gzip_reader) => trailer(gzip_reader.borrow().file()),
            Self::Stream(_) => Ok(0),
        }
    }

    /// A handle of the file itself, compressed or not.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub(super) fn raw(&self) -> io::Result<Self> {
        match self {
            Self::Plain(file) => file.try_clone().map(Self::Plain),
            Self::Gzip(gzip_reader) => gzip_reader.borrow().file().try_clone().map(Self::Plain),
            Self::Stream(stream) => stream.file().try_clone().map(Self::Plain),
        }
    }

    /// The number of zeros from `offset` to the next other byte. 0 if no other byte follows: a writer may still
    /// fill them. With `filled`, no writer will, and zeros up to the end count. Holes are skipped without being read.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn zeros(&self, offset: u64, filled: bool) -> io::Result<u64> {
        let mut at = offset;
        let mut block = vec![0; ZEROS_BYTES];
        loop {
            if let Self::Plain(file) = self {
                match rustix::fs::seek(file, SeekFrom::Data(at)) {
                    Ok(data) => at = at.max(data),
                    Err(Errno::NXIO) if filled => return Ok(self.length()?.saturating_sub(offset)),
                    Err(Errno::NXIO) => return Ok(0),
                    // The file system does not support holes: all of it is read.
                    Err(_) => {}
                }
            }
            let read = self.fill(at, &mut block)?;
            if let Some(first) = block[..read].iter().position(|byte| *byte != 0) {
                return Ok(at + first as u64 - offset);
            }
            at += read as u64;
            if read < block.len() {
                return Ok(if filled { at - offset } else { 0 });
            }
            // No writer will fill this many zeros that were written as such.
            if at - offset >= ZEROS_READ_MAX {
                return Ok(at - offset);
            }
        }
    }

    /// Reads from `offset` until `buffer` is full or the content ends. Returns the number of bytes.
    ///
    /// # Errors
    /// When the file cannot be read, or decompression has to continue in another pass. Where a `.gz` is damaged, its
    /// content ends there, and [`Content::problem`] says why.
    pub(super) fn fill(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => {
                let read = |at: usize, rest: &mut [u8]| file.read_at(rest, offset + at as u64);
                read_until_full(buffer, read)
            }
            Self::Gzip(gzip_reader) => gzip_reader.borrow_mut().fill(offset, buffer),
            Self::Stream(stream) => Ok(stream.fill(offset, buffer).0),
        }
    }
}

fn trailer(file: &File) -> io::Result<u32> {
    let length = file.metadata()?.len();
    let mut bytes = [0; TRAILER_BYTES];
    if let Some(at) = length.checked_sub(TRAILER_BYTES as u64) {
        file.read_exact_at(&mut bytes, at)?;
    }
    Ok(u32::from_le_bytes(bytes))
}

/// Calls `read` until the buffer is full or no more bytes come.
fn read_until_full(
    buffer: &mut [u8],
    mut read: impl FnMut(usize, &mut [u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match read(length, &mut buffer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

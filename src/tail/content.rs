//! What a file holds: its bytes as they stand, those that a `.gz` unpacks to, or those that came through a pipe.
//!
//! Enters: an open file. Leaves: bytes at an offset. A compressed file can only be read forward: what a read has passed
//! is kept until the next read goes further, and going back begins anew. It never holds more than one read and one head.

use std::cell::RefCell;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use rustix::fs::SeekFrom;
use rustix::io::Errno;

use super::identity::HEAD_BYTES;
use super::kernel;
use super::stream::Stream;

/// Deflate cannot expand more than 1,032-fold; logs reach a tenth of that. Beyond this, and beyond as many bytes, it is a bomb.
const RATIO_MAX: u64 = 300;
const RATIO_FREE_BYTES: u64 = 64 * 1024 * 1024;
/// Zeros are looked over so many at a time, and so many at once; holes do not count for the former.
const ZEROS_BYTES: usize = 256 * 1024;
const ZEROS_READ_MAX: u64 = 256 * 1024 * 1024;
/// Unpacked at a time where it is passed over.
const SKIP_BYTES: usize = 64 * 1024;
/// The last bytes of a `.gz` are its length before compression, modulo 2^32 (RFC 1952).
const TRAILER_BYTES: usize = 4;

/// An open file.
#[derive(Debug)]
pub(super) enum Content {
    /// As it stands.
    Plain(File),
    /// Unpacked.
    Gzip(Box<RefCell<Gunzip>>),
    /// As it comes, and once only.
    Stream(Stream),
}

impl Content {
    /// The unpacked content of a `.gz`.
    pub(super) fn gzip(file: File) -> Self {
        Self::Gzip(Box::new(RefCell::new(Gunzip::new(Arc::new(file)))))
    }

    /// What the file system says of the file itself.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        match self {
            Self::Plain(file) => file.metadata(),
            Self::Gzip(gunzip) => gunzip.borrow().file.metadata(),
            Self::Stream(stream) => stream.file().metadata(),
        }
    }

    /// The birth time, seconds and nanoseconds; zero where the file system keeps none.
    pub(super) fn birth(&self) -> (i64, u32) {
        use rustix::fs::{AtFlags, StatxFlags, statx};
        let of = |file: &File| {
            let found = statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::BTIME);
            found.map(|found| (found.stx_btime.tv_sec, found.stx_btime.tv_nsec)).unwrap_or_default()
        };
        match self {
            Self::Plain(file) => of(file),
            Self::Gzip(gunzip) => of(&gunzip.borrow().file),
            Self::Stream(stream) => of(stream.file()),
        }
    }

    /// The size of the volume that it is on, where that lies in memory.
    pub(super) fn memory_volume_bytes(&self) -> Option<u64> {
        match self {
            Self::Plain(file) => kernel::memory_volume_bytes(file),
            Self::Gzip(gunzip) => kernel::memory_volume_bytes(&gunzip.borrow().file),
            Self::Stream(_) => None,
        }
    }

    /// Whether it is a `.gz`.
    pub(super) fn is_gzip(&self) -> bool {
        matches!(self, Self::Gzip(_))
    }

    /// Whether its bytes come once only.
    pub(super) fn is_stream(&self) -> bool {
        matches!(self, Self::Stream(_))
    }

    /// From where on it can be read: a pipe lets go of what is settled.
    pub(super) fn kept_from(&self) -> u64 {
        if let Self::Stream(stream) = self { stream.kept_from() } else { 0 }
    }

    /// How long the content is; of a `.gz` that is not unpacked to its end, what its trailer says.
    ///
    /// # Errors
    /// When the file cannot be asked.
    pub(super) fn length(&self) -> io::Result<u64> {
        match self {
            Self::Plain(file) => Ok(file.metadata()?.len()),
            Self::Gzip(gunzip) => {
                let gunzip = gunzip.borrow();
                Ok(gunzip.end.unwrap_or((gunzip.position + 1).max(u64::from(trailer(&gunzip.file)?))))
            }
            Self::Stream(stream) => Ok(stream.extent().length),
        }
    }

    /// The same, where the file system was asked already.
    ///
    /// # Errors
    /// When the file cannot be asked.
    pub(super) fn length_by(&self, metadata: &Metadata) -> io::Result<u64> {
        match self {
            Self::Plain(_) => Ok(metadata.len()),
            Self::Gzip(_) | Self::Stream(_) => self.length(),
        }
    }

    /// What is wrong with a `.gz`, as far as it was unpacked, or with a pipe.
    pub(super) fn complaint(&self) -> Option<&'static str> {
        match self {
            Self::Plain(_) => None,
            Self::Gzip(gunzip) => gunzip.borrow().complaint,
            Self::Stream(stream) => stream.complaint(),
        }
    }

    /// The length before compression, modulo 2^32, as the last bytes of a `.gz` say.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn told_length(&self) -> io::Result<u32> {
        match self {
            Self::Plain(file) => trailer(file),
            Self::Gzip(gunzip) => trailer(&gunzip.borrow().file),
            Self::Stream(_) => Ok(0),
        }
    }

    /// The file itself, compressed or not.
    ///
    /// # Errors
    /// When there is no descriptor left.
    pub(super) fn raw(&self) -> io::Result<Self> {
        match self {
            Self::Plain(file) => file.try_clone().map(Self::Plain),
            Self::Gzip(gunzip) => gunzip.borrow().file.try_clone().map(Self::Plain),
            Self::Stream(stream) => stream.file().try_clone().map(Self::Plain),
        }
    }

    /// How many bytes from `offset` on are zeros that something else follows. Where nothing does, 0: a writer may have yet to
    /// fill them; but all of them if they are `filled`, so that none has. Holes are passed over without being read.
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
                    // The file system knows no holes: all of it is read.
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
            // Nobody has yet to fill so many zeros that were written as such.
            if at - offset >= ZEROS_READ_MAX {
                return Ok(at - offset);
            }
        }
    }

    /// Reads from `offset` until `buffer` is full or the content ends; returns how much there was.
    ///
    /// # Errors
    /// When the file cannot be read; what cannot be unpacked is the end, and a [`Content::complaint`].
    pub(super) fn fill(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => {
                let read = |at: usize, rest: &mut [u8]| file.read_at(rest, offset + at as u64);
                whole(buffer, read)
            }
            Self::Gzip(gunzip) => gunzip.borrow_mut().fill(offset, buffer),
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

/// Calls `read` until the buffer is full or nothing comes.
fn whole(buffer: &mut [u8], mut read: impl FnMut(usize, &mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
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

/// A file with a position of its own.
#[derive(Debug)]
struct Cursor {
    file: Arc<File>,
    offset: u64,
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// A `.gz` that is unpacked as it is read.
#[derive(Debug)]
pub(super) struct Gunzip {
    file: Arc<File>,
    decoder: MultiGzDecoder<Cursor>,
    /// So much is unpacked.
    position: u64,
    /// The first bytes, which are asked for again and again.
    head: Vec<u8>,
    /// What lies just before the position, from the start of the last read.
    kept: Vec<u8>,
    /// Where the content ends, once that was reached.
    end: Option<u64>,
    complaint: Option<&'static str>,
}

impl Gunzip {
    fn new(file: Arc<File>) -> Self {
        let decoder = MultiGzDecoder::new(Cursor { file: Arc::clone(&file), offset: 0 });
        Self { file, decoder, position: 0, head: Vec::new(), kept: Vec::new(), end: None, complaint: None }
    }

    fn fill(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len();
        // The head is at hand without going back.
        if offset < self.kept_from()
            && let Some(head) = usize::try_from(offset).ok().and_then(|from| self.head.get(from..from + wanted))
        {
            buffer.copy_from_slice(head);
            return Ok(wanted);
        }
        if offset < self.kept_from() {
            *self = Self { end: self.end, complaint: self.complaint, ..Self::new(Arc::clone(&self.file)) };
        }
        while self.position < offset {
            let gap = usize::try_from(offset - self.position).unwrap_or(usize::MAX).min(SKIP_BYTES);
            self.kept.clear();
            if self.unpack(gap)? == 0 {
                return Ok(0);
            }
        }
        let passed = usize::try_from(offset - self.kept_from()).unwrap_or(self.kept.len());
        self.kept.drain(..passed);
        while self.kept.len() < wanted && self.unpack(wanted - self.kept.len())? > 0 {}
        let length = wanted.min(self.kept.len());
        buffer[..length].copy_from_slice(&self.kept[..length]);
        Ok(length)
    }

    fn kept_from(&self) -> u64 {
        self.position - self.kept.len() as u64
    }

    /// Unpacks up to so many bytes more to the end of what is kept.
    fn unpack(&mut self, most: usize) -> io::Result<usize> {
        if self.end == Some(self.position) {
            return Ok(0);
        }
        let before = self.kept.len();
        self.kept.resize(before + most, 0);
        let unpacked = loop {
            match self.decoder.read(&mut self.kept[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let bytes = *unpacked.as_ref().unwrap_or(&0);
        self.kept.truncate(before + bytes);
        let head = HEAD_BYTES.saturating_sub(self.head.len()).min(bytes);
        self.head.extend_from_slice(&self.kept[before..before + head]);
        self.position += bytes as u64;
        match unpacked {
            Ok(0) => self.end = Some(self.position),
            Ok(_) if self.is_bomb() => self.stop("it expands more than 300-fold; the rest is not read"),
            Ok(_) => {}
            // The decoder's own errors are all of these kinds; the others are the disk's.
            Err(error) => match error.kind() {
                io::ErrorKind::UnexpectedEof => self.stop("it ends in its middle; the rest is not there"),
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                    self.stop("it is damaged; the rest cannot be unpacked");
                }
                _ => return Err(error),
            },
        }
        Ok(bytes)
    }

    fn is_bomb(&self) -> bool {
        self.position > RATIO_FREE_BYTES && self.position > RATIO_MAX * self.decoder.get_ref().offset
    }

    fn stop(&mut self, complaint: &'static str) {
        self.end = Some(self.position);
        self.complaint = Some(complaint);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(parts: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in parts {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(part).unwrap();
            bytes.extend(encoder.finish().unwrap());
        }
        bytes
    }

    fn content(bytes: &[u8]) -> Content {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Content::gzip(file)
    }

    fn read(content: &Content, offset: u64, most: usize) -> Vec<u8> {
        let mut buffer = vec![0; most];
        let length = content.fill(offset, &mut buffer).unwrap();
        buffer.truncate(length);
        buffer
    }

    /// Goal: any reads, forward and back, give what the file unpacks to.
    #[test]
    fn reads_give_what_is_there_wherever_they_go() {
        let text: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let content = content(&packed(&[&text[..70_000], &text[70_000..]]));
        for (offset, most) in
            [(0, 10), (5, 100), (100_000, 1), (99_950, 200_000), (100_000, 200_000), (0, 256), (3, 5), (1_199_990, 50)]
        {
            let end = text.len().min(offset + most);
            assert_eq!(read(&content, offset as u64, most), text[offset..end], "{offset} {most}");
        }
        assert_eq!(content.length().unwrap(), text.len() as u64);
        assert_eq!(read(&content, 1_200_000, 5), b"");
        assert_eq!(content.complaint(), None);
    }

    #[test]
    fn what_cannot_be_unpacked_is_the_end_and_is_said() {
        #[track_caller]
        fn check(bytes: &[u8], most: usize, want: &str) {
            let content = content(bytes);
            assert!(read(&content, 0, 200_000).len() <= most);
            assert!(content.complaint().is_some_and(|said| said.contains(want)), "{:?}", content.complaint());
        }
        let whole = packed(&[&vec![b'x'; 100_000]]);
        check(&whole[..whole.len() - 9], 100_000, "ends in its middle");
        check(b"no gzip at all, but text of some length", 0, "damaged");
        let mut flipped = whole.clone();
        let last = flipped.len() - 6;
        flipped[last] ^= 1;
        check(&flipped, 100_000, "damaged");
    }

    /// Goal: a bomb is left after a bounded number of bytes.
    #[test]
    fn a_bomb_is_not_unpacked_to_its_end() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..200 {
            encoder.write_all(&vec![b'x'; 1 << 20]).unwrap();
        }
        let content = content(&encoder.finish().unwrap());
        assert_eq!(read(&content, 190 << 20, 1), b"");
        assert!(content.length().unwrap() < RATIO_FREE_BYTES + (1 << 20));
        assert!(content.complaint().is_some_and(|said| said.contains("300-fold")));
    }
}

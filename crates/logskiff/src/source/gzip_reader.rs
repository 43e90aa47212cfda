//! Decompresses a `.gz` as it is read.
//!
//! Input: the compressed file. Output: its content at an offset. Decompression only goes forward: the last bytes are
//! kept, and reading further back starts again at the first byte. Each pass decompresses a bounded number of bytes only
//! to skip them, for all files together. A read that needs more is deferred ([`is_deferred`]) and continues in the next
//! pass.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use super::LOOKBACK_BYTES;
use super::fingerprint::{BEFORE_BYTES, HEAD_BYTES};

/// Deflate expands at most 1,032-fold, and logs a tenth of that. Above this ratio and this many bytes it is a bomb.
const RATIO_MAX: u64 = 300;
const RATIO_FREE_BYTES: u64 = 64 * 1024 * 1024;
/// Block size while skipping.
const SKIP_BYTES: usize = 64 * 1024;
/// At most this many bytes are skipped in one pass: about 15 ms of one core.
const SKIPPED_BYTES_PER_PASS: u64 = 4 * 1024 * 1024;
/// This many short reads are cached, so that alternating reads do not decompress from the start each time.
const CACHED_READS_MAX: usize = 64;

/// How many bytes may still be skipped in this pass.
#[derive(Clone, Debug, Default)]
pub(super) struct SkipBudget(Arc<AtomicU64>);

impl SkipBudget {
    /// Starts a new pass.
    pub(super) fn renew(&self) {
        self.0.store(SKIPPED_BYTES_PER_PASS, Ordering::Relaxed);
    }

    /// Takes this many bytes from the budget; false where it is used up.
    fn try_spend(&self, bytes: u64) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }
}

/// Whether a read has to continue in another pass.
pub(super) fn is_deferred(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// A file handle with its own offset.
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

/// A cached read: fewer bytes than wanted where the content ends.
#[derive(Debug)]
struct CachedRead {
    offset: u64,
    wanted: usize,
    bytes: Vec<u8>,
}

/// The decompressed content of one file.
#[derive(Debug)]
pub(super) struct GzipReader {
    file: Arc<File>,
    budget: SkipBudget,
    decoder: MultiGzDecoder<Cursor>,
    /// How many bytes are decompressed.
    position: u64,
    /// The first bytes, which are read again and again.
    head: Vec<u8>,
    /// The bytes just before the position: the last read, and a lookback before it.
    kept: Vec<u8>,
    kept_before_bytes: usize,
    /// Short reads that had to be decompressed for.
    cached: Vec<CachedRead>,
    /// The deferred read: offset and length.
    deferred: Option<(u64, usize)>,
    /// Where the content ends, once that is known.
    end: Option<u64>,
    problem: Option<&'static str>,
}

impl GzipReader {
    /// The content of `file`.
    pub(super) fn new(file: Arc<File>, budget: SkipBudget) -> Self {
        let decoder = MultiGzDecoder::new(Cursor { file: Arc::clone(&file), offset: 0 });
        Self {
            file,
            budget,
            decoder,
            position: 0,
            head: Vec::new(),
            kept: Vec::new(),
            kept_before_bytes: LOOKBACK_BYTES[0],
            cached: Vec::new(),
            deferred: None,
            end: None,
            problem: None,
        }
    }

    /// A second reader of the same file, from its start. It keeps the longest lookback.
    pub(super) fn open_again(&self) -> Self {
        let kept_before_bytes = LOOKBACK_BYTES[1];
        Self { kept_before_bytes, end: self.end, ..Self::new(Arc::clone(&self.file), self.budget.clone()) }
    }

    /// The compressed file.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// The content's length if it is known, else a lower bound as the error.
    pub(super) fn length(&self) -> Result<u64, u64> {
        self.end.ok_or(self.position + 1)
    }

    /// What is wrong with the file, as far as it is decompressed.
    pub(super) fn problem(&self) -> Option<&'static str> {
        self.problem
    }

    /// Whether a read has to continue in another pass.
    pub(super) fn is_deferred_read(&self) -> bool {
        self.deferred.is_some()
    }

    /// Whether all of this range is in memory.
    pub(super) fn has_range(&self, start: u64, end: u64) -> bool {
        self.kept_from() <= start && end <= self.position
    }

    /// Decompresses up to an offset and keeps the longest lookback before it. Replaces a read that was deferred before.
    ///
    /// # Errors
    /// When the file cannot be read, or the rest is deferred.
    pub(super) fn seek_to(&mut self, offset: u64) -> io::Result<()> {
        self.deferred = None;
        let start = offset.saturating_sub(LOOKBACK_BYTES[1] as u64);
        if !self.has_range(start, offset) {
            self.fill(start, &mut vec![0; usize::try_from(offset - start).unwrap_or(LOOKBACK_BYTES[1])])?;
        }
        Ok(())
    }

    /// Continues a deferred read. Returns whether it is complete.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn resume_deferred(&mut self) -> io::Result<bool> {
        let Some((offset, wanted)) = self.deferred else { return Ok(true) };
        match self.fill(offset, &mut vec![0; wanted]) {
            Ok(_) => Ok(true),
            Err(error) if is_deferred(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads from `offset` until `buffer` is full or the content ends. Returns the number of bytes.
    ///
    /// # Errors
    /// When the file cannot be read, or the rest of the way to the offset is deferred.
    pub(super) fn fill(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len();
        // The head is in memory.
        if offset < self.kept_from()
            && let Some(head) = usize::try_from(offset).ok().and_then(|from| self.head.get(from..from + wanted))
        {
            buffer.copy_from_slice(head);
            return Ok(wanted);
        }
        if let Some(cached) = self.cached.iter().find(|cached| (cached.offset, cached.wanted) == (offset, wanted)) {
            buffer[..cached.bytes.len()].copy_from_slice(&cached.bytes);
            return Ok(cached.bytes.len());
        }
        let at_hand = self.kept_from() <= offset && offset <= self.position;
        if !at_hand {
            self.skip_to(offset, wanted)?;
        }
        let mut at = usize::try_from(offset.saturating_sub(self.kept_from())).unwrap_or(usize::MAX);
        if at.saturating_add(wanted) > self.kept.len() {
            let passed = at.min(self.kept.len()).saturating_sub(self.kept_before_bytes);
            self.kept.drain(..passed);
            self.kept.shrink_to(2 * (self.kept_before_bytes + wanted));
            at -= passed;
            while self.kept.len() < at.saturating_add(wanted) && self.unpack(at + wanted - self.kept.len())? > 0 {}
        }
        let there = self.kept.get(at..).unwrap_or_default();
        let there = &there[..wanted.min(there.len())];
        buffer[..there.len()].copy_from_slice(there);
        self.deferred.take_if(|deferred| *deferred == (offset, wanted));
        if !at_hand && wanted <= BEFORE_BYTES {
            self.cached.push(CachedRead { offset, wanted, bytes: there.to_vec() });
        }
        Ok(there.len())
    }

    /// Decompresses up to `offset`, from the start if that lies before the kept bytes, as far as the budget allows.
    fn skip_to(&mut self, offset: u64, wanted: usize) -> io::Result<()> {
        if wanted <= BEFORE_BYTES && self.cached.len() == CACHED_READS_MAX {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        if offset < self.kept_from() {
            let new = Self::new(Arc::clone(&self.file), self.budget.clone());
            (self.decoder, self.position) = (new.decoder, 0);
            self.head.clear();
            self.kept.clear();
        }
        while self.position < offset {
            let padding = usize::try_from(offset - self.position).unwrap_or(usize::MAX).min(SKIP_BYTES);
            if !self.budget.try_spend(padding as u64) {
                self.deferred = Some((offset, wanted));
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.kept.clear();
            if self.unpack(padding)? == 0 {
                break;
            }
        }
        Ok(())
    }

    fn kept_from(&self) -> u64 {
        self.position - self.kept.len() as u64
    }

    /// Decompresses up to `most` more bytes and appends them to the kept ones.
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
            Ok(_) if self.is_bomb() => self.end_with_problem("it expands more than 300-fold: the rest is not read"),
            Ok(_) => {}
            // These kinds are errors of the decoder. The others are errors of the disk.
            Err(error) => match error.kind() {
                io::ErrorKind::UnexpectedEof => self.end_with_problem("the file is incomplete: its end is missing"),
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                    self.end_with_problem("it is damaged: the rest cannot be decompressed");
                }
                _ => return Err(error),
            },
        }
        Ok(bytes)
    }

    fn is_bomb(&self) -> bool {
        self.position > RATIO_FREE_BYTES && self.position > RATIO_MAX * self.decoder.get_ref().offset
    }

    fn end_with_problem(&mut self, problem: &'static str) {
        self.end = Some(self.position);
        self.problem = Some(problem);
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

    fn gzip_reader(bytes: &[u8]) -> GzipReader {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        GzipReader::new(Arc::new(file), SkipBudget::default())
    }

    /// Reads in as many passes as needed. None skips more than its budget.
    fn read(gzip_reader: &mut GzipReader, offset: u64, most: usize) -> Vec<u8> {
        let mut buffer = vec![0; most];
        loop {
            gzip_reader.budget.renew();
            let before = gzip_reader.position;
            let read = gzip_reader.fill(offset, &mut buffer);
            let passed = gzip_reader.position - if gzip_reader.position < before { 0 } else { before };
            assert!(passed <= SKIPPED_BYTES_PER_PASS + (gzip_reader.kept_before_bytes + most) as u64);
            match read {
                Ok(length) => buffer.truncate(length),
                Err(error) if is_deferred(&error) && gzip_reader.is_deferred_read() => continue,
                Err(error) => panic!("{error}"),
            }
            return buffer;
        }
    }

    /// Goal: reads at any offsets, forward and back, return the content.
    #[test]
    fn reads_at_any_offset_return_the_content() {
        let text: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut gzip_reader = gzip_reader(&packed(&[&text[..70_000], &text[70_000..]]));
        for (offset, most) in
            [(0, 10), (5, 100), (100_000, 1), (99_950, 200_000), (100_000, 200_000), (0, 256), (3, 5), (1_199_990, 50)]
        {
            let end = text.len().min(offset + most);
            assert_eq!(read(&mut gzip_reader, offset as u64, most), text[offset..end], "{offset} {most}");
        }
        assert_eq!(gzip_reader.length(), Ok(text.len() as u64));
        assert_eq!(read(&mut gzip_reader, 1_200_000, 5), b"");
        assert_eq!(gzip_reader.problem(), None);
    }

    #[test]
    fn damaged_content_ends_the_file_and_is_reported() {
        #[track_caller]
        fn check(bytes: &[u8], most: usize, want: &str) {
            let mut gzip_reader = gzip_reader(bytes);
            assert!(read(&mut gzip_reader, 0, 200_000).len() <= most);
            assert!(gzip_reader.problem().is_some_and(|problem| problem.contains(want)), "{:?}", gzip_reader.problem());
        }
        let whole = packed(&[&vec![b'x'; 100_000]]);
        check(&whole[..whole.len() - 9], 100_000, "is incomplete");
        check(b"no gzip at all, but text of some length", 0, "damaged");
        let mut flipped = whole.clone();
        let last = flipped.len() - 6;
        flipped[last] ^= 1;
        check(&flipped, 100_000, "damaged");
    }

    /// Goal: decompression of a bomb stops after a bounded number of bytes.
    #[test]
    fn a_bomb_is_not_unpacked_to_its_end() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..200 {
            encoder.write_all(&vec![b'x'; 1 << 20]).unwrap();
        }
        let mut gzip_reader = gzip_reader(&encoder.finish().unwrap());
        assert_eq!(read(&mut gzip_reader, 190 << 20, 1), b"");
        assert!(gzip_reader.length().unwrap() < RATIO_FREE_BYTES + (1 << 20));
        assert!(gzip_reader.problem().is_some_and(|problem| problem.contains("300-fold")));
    }

    /// Goal: reads that alternate between distant offsets all end, with the lookback before each.
    #[test]
    fn reads_that_alternate_between_offsets_all_end() {
        let text: Vec<u8> = (0..5_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut gzip_reader = gzip_reader(&packed(&[&text]));
        let offsets = [19_000_000, 7_000_000, 12_345_678, 7_000_000];
        let mut passes = 0;
        let all_read = loop {
            gzip_reader.budget.renew();
            let mut bytes = [0; 1024];
            let all_read = offsets.iter().all(|at| {
                let is_read = gzip_reader.fill(*at, &mut bytes).is_ok();
                let start = usize::try_from(*at).unwrap();
                assert!(!is_read || bytes == text[start..start + 1024]);
                is_read
            });
            passes += 1;
            if all_read || passes > 100 {
                break all_read;
            }
        };
        assert!(all_read);
        while gzip_reader.seek_to(15_000_000).is_err() {
            gzip_reader.budget.renew();
            while !gzip_reader.resume_deferred().unwrap() {
                gzip_reader.budget.renew();
            }
        }
        assert!(
            !gzip_reader.is_deferred_read() && gzip_reader.has_range(15_000_000 - LOOKBACK_BYTES[1] as u64, 15_000_000)
        );
    }
}

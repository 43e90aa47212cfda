//! Quiet files: fully acknowledged, unmodified and closed. Of each, only its identity and metadata are kept.
//!
//! There may be 100,000 of them, for example one for each request or job, so each takes 48 bytes, here and in the
//! checkpoint.

use std::sync::Arc;

use super::{Fingerprint, Hash, Inode};

/// A time from the file system, since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileTime {
    /// Full seconds.
    pub seconds: i64,
    /// Nanoseconds after them.
    pub nanoseconds: i64,
}

impl FileTime {
    fn total_nanoseconds(self) -> i64 {
        self.seconds.saturating_mul(SECOND).saturating_add(self.nanoseconds)
    }
}

/// One quiet file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// Its fingerprint, whose offset is the file's length.
    pub fingerprint: Fingerprint,
    /// When its metadata last changed.
    pub changed: FileTime,
    /// A hash of its path.
    pub name: u32,
    /// How often it was truncated while it was read.
    pub incarnation: u8,
    /// Whether logskiff has read all of it, and skipped nothing at the start.
    pub whole: bool,
}

/// The hash of a path in [`Quiet::name`]: FNV-1a, the same in every release.
#[must_use]
pub fn name_hash(path: &[u8]) -> u32 {
    path.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// The packed form of a quiet file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Packed {
    inode: u64,
    size: u64,
    changed: i64,
    head: u64,
    before: u64,
    name: u32,
    /// Index of its device.
    device: u16,
    incarnation: u8,
    flags: u8,
}

/// Flag: logskiff has read all of it.
const WHOLE: u8 = 1;
/// At most this many files are stored in one piece: 96 KiB.
const CHUNK_FILES: usize = 2048;

/// Some quiet files, ordered by inode. A change makes a new piece, so that a clone shares all pieces that stay.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Chunk {
    files: Arc<[Packed]>,
    /// Which of them were found since [`QuietFiles::drop_unfound`]; not saved.
    found: Vec<bool>,
    /// The index of the first one among all files.
    start: usize,
}

/// All quiet files, ordered by inode. A clone takes little memory until one of the two changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuietFiles {
    devices: Vec<u64>,
    chunks: Vec<Chunk>,
    /// If there were too many, files last changed at or before this time, in nanoseconds since 1970, were forgotten.
    forgotten_to: i64,
    /// Number of changes.
    edition: u64,
}

impl QuietFiles {
    /// Size of one entry.
    pub const BYTES: usize = 48;
    /// Bytes of a file's start that its fingerprint covers.
    const HEAD_BYTES: u64 = 256;
    /// Bytes of a file's end that its fingerprint covers.
    const BEFORE_BYTES: u64 = 1024;

    /// Number of files.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| last.start + last.files.len())
    }

    /// Whether there are no files.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// A number that increases with every change.
    #[must_use]
    pub fn edition(&self) -> u64 {
        self.edition
    }

    /// Whether a file has this inode number, on any device.
    #[must_use]
    pub fn has_number(&self, number: u64) -> bool {
        let chunk = self.chunk(number, usize::MAX);
        chunk.is_some_and(|chunk| chunk.files.binary_search_by_key(&number, |file| file.inode).is_ok())
    }

    /// The file with this inode, and its index.
    #[must_use]
    pub fn get(&self, inode: Inode) -> Option<(usize, Quiet)> {
        let device = self.devices.iter().position(|device| *device == inode.device)?;
        let chunk = self.chunk(inode.inode, device)?;
        let place = chunk.files.binary_search_by_key(&(inode.inode, device), Packed::key).ok()?;
        Some((chunk.start + place, chunk.files[place].unpacked()))
    }

    /// The only chunk that may hold this inode number on the device with this index.
    fn chunk(&self, number: u64, device: usize) -> Option<&Chunk> {
        let after = self.chunks.partition_point(|chunk| chunk.files[0].key() <= (number, device));
        self.chunks.get(after.checked_sub(1)?)
    }

    fn packed(&self) -> impl Iterator<Item = &Packed> {
        self.chunks.iter().flat_map(|chunk| chunk.files.iter())
    }

    /// All files.
    pub fn iter(&self) -> impl Iterator<Item = Quiet> {
        self.packed().map(Packed::unpacked)
    }

    /// Whether an unknown file may be one that was forgotten because there were too many.
    #[must_use]
    pub fn is_forgotten(&self, changed: FileTime) -> bool {
        self.forgotten_to != 0 && changed.total_nanoseconds() <= self.forgotten_to
    }

    /// Whether a file can be stored here: its fingerprint covers the same lengths.
    #[must_use]
    pub fn can_hold(print: &Fingerprint) -> bool {
        let covers = |covered: u16, most: u64| u64::from(covered) == print.offset.min(most);
        covers(print.head_bytes, Self::HEAD_BYTES) && covers(print.before_bytes, Self::BEFORE_BYTES)
    }

    /// Adds files; entries with the same inodes are replaced.
    pub fn insert(&mut self, files: impl IntoIterator<Item = (Inode, Quiet)>) {
        let mut new: Vec<Packed> = files.into_iter().filter_map(|(inode, file)| self.pack(inode, &file)).collect();
        if new.is_empty() {
            return;
        }
        new.sort_by_key(Packed::key);
        new.dedup_by_key(|file| file.key());
        let mut new = &new[..];
        let mut old = std::mem::take(&mut self.chunks).into_iter().peekable();
        if old.peek().is_none() {
            self.chunks.extend(Chunk::split(&new.iter().map(|file| (*file, true)).collect::<Vec<_>>()));
        }
        while let Some(chunk) = old.next() {
            let end = old.peek().map_or(new.len(), |next| {
                let first = next.files[0].key();
                new.partition_point(|file| file.key() < first)
            });
            let (here, later) = new.split_at(end);
            new = later;
            if here.is_empty() {
                self.chunks.push(chunk);
            } else {
                self.chunks.extend(Chunk::split(&chunk.merged(here)));
            }
        }
        self.changed();
    }

    /// Marks the files with these indices as found.
    pub fn mark_found(&mut self, is_found: impl Fn(usize) -> bool) {
        for Chunk { found, start, .. } in &mut self.chunks {
            found.iter_mut().enumerate().for_each(|(place, found)| *found |= is_found(*start + place));
        }
    }

    /// Removes the files that were neither found nor added since the last call.
    pub fn drop_unfound(&mut self) {
        if self.chunks.iter().any(|chunk| chunk.found.contains(&false)) {
            self.retain(|_, found| found);
            self.changed();
        }
        self.chunks.iter_mut().for_each(|chunk| chunk.found.fill(false));
    }

    /// Forgets about this many files, the least recently changed ones.
    pub fn forget_oldest(&mut self, count: usize) {
        let mut times: Vec<i64> = self.packed().map(|file| file.changed).collect();
        if count == 0 || times.is_empty() {
            return;
        }
        let last = count.min(times.len()) - 1;
        let last = *times.select_nth_unstable(last).1;
        self.retain(|file, _| file.changed > last);
        self.forgotten_to = self.forgotten_to.max(last);
        self.changed();
    }

    /// Keeps only these files; `keep` also gets whether a file was found.
    fn retain(&mut self, keep: impl Fn(&Packed, bool) -> bool) {
        for chunk in &mut self.chunks {
            if chunk.iter().any(|(file, found)| !keep(&file, found)) {
                *chunk = Chunk::new(chunk.iter().filter(|(file, found)| keep(file, *found)));
            }
        }
        self.chunks.retain(|chunk| !chunk.files.is_empty());
    }

    /// Notes a change of the files.
    fn changed(&mut self) {
        let mut start = 0;
        for chunk in &mut self.chunks {
            chunk.start = start;
            start += chunk.files.len();
        }
        self.edition += 1;
    }

    fn pack(&mut self, inode: Inode, file: &Quiet) -> Option<Packed> {
        let device = self.devices.iter().position(|device| *device == inode.device).unwrap_or(self.devices.len());
        let place = u16::try_from(device).ok()?;
        if device == self.devices.len() {
            self.devices.push(inode.device);
        }
        let Quiet { fingerprint: print, changed, name, incarnation, whole } = *file;
        let (head, before, changed) = (print.head.0, print.before.0, changed.total_nanoseconds());
        let (inode, size) = (inode.inode, print.offset);
        let flags = if whole { WHOLE } else { 0 };
        Some(Packed { inode, size, changed, head, before, name, device: place, incarnation, flags })
    }

    /// The saved form: the devices, the time up to which files were forgotten, and [`QuietFiles::BYTES`] bytes per
    /// file.
    pub fn written(&self) -> (&[u64], i64, impl Iterator<Item = [u8; Self::BYTES]>) {
        (&self.devices, self.forgotten_to, self.packed().map(|file| file.to_bytes()))
    }

    /// Reads the saved form; `None` if it is not valid.
    #[must_use]
    pub fn read(devices: Vec<u64>, forgotten_to: i64, files: &[u8]) -> Option<Self> {
        let (files, rest) = files.as_chunks::<{ Self::BYTES }>();
        let key = |bytes| Packed::from_bytes(bytes).key();
        let is_sound = rest.is_empty()
            && files.iter().all(|file| usize::from(Packed::from_bytes(file).device) < devices.len())
            && files.is_sorted_by(|one, next| key(one) < key(next));
        let pieces = files.chunks(CHUNK_FILES);
        let chunks = pieces.map(|piece| Chunk::new(piece.iter().map(|file| (Packed::from_bytes(file), true))));
        is_sound.then(|| {
            let mut read = Self { devices, chunks: chunks.collect(), forgotten_to, edition: 0 };
            read.changed();
            Self { edition: 0, ..read }
        })
    }
}

impl Chunk {
    fn new(files: impl Iterator<Item = (Packed, bool)>) -> Self {
        let (files, found): (Vec<Packed>, Vec<bool>) = files.unzip();
        Self { files: files.into(), found, start: 0 }
    }

    /// Pieces of at most [`CHUNK_FILES`].
    fn split(files: &[(Packed, bool)]) -> Vec<Self> {
        files.chunks(CHUNK_FILES).map(|piece| Self::new(piece.iter().copied())).collect()
    }

    fn iter(&self) -> impl Iterator<Item = (Packed, bool)> {
        self.files.iter().copied().zip(self.found.iter().copied())
    }

    /// Its files with `new` ones, which replace those with the same keys. Both are in order.
    fn merged(&self, new: &[Packed]) -> Vec<(Packed, bool)> {
        let mut all: Vec<_> = new.iter().map(|file| (*file, true)).chain(self.iter()).collect();
        // New entries come first, and the sort is stable.
        all.sort_by_key(|(file, _)| file.key());
        all.dedup_by_key(|(file, _)| file.key());
        all
    }
}

impl Packed {
    fn key(&self) -> (u64, usize) {
        (self.inode, self.device.into())
    }

    #[allow(clippy::cast_possible_truncation, reason = "at most 256 and 1024")]
    fn unpacked(&self) -> Quiet {
        let fingerprint = Fingerprint {
            offset: self.size,
            head_bytes: self.size.min(QuietFiles::HEAD_BYTES) as u16,
            head: Hash(self.head),
            before_bytes: self.size.min(QuietFiles::BEFORE_BYTES) as u16,
            before: Hash(self.before),
        };
        let (seconds, nanoseconds) = (self.changed.div_euclid(SECOND), self.changed.rem_euclid(SECOND));
        let changed = FileTime { seconds, nanoseconds };
        let Self { name, incarnation, flags, .. } = *self;
        Quiet { fingerprint, changed, name, incarnation, whole: flags & WHOLE != 0 }
    }

    fn to_bytes(self) -> [u8; QuietFiles::BYTES] {
        let mut bytes = [0; QuietFiles::BYTES];
        let words = [self.inode, self.size, self.changed.cast_unsigned(), self.head, self.before];
        for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes[40..44].copy_from_slice(&self.name.to_le_bytes());
        bytes[44..46].copy_from_slice(&self.device.to_le_bytes());
        (bytes[46], bytes[47]) = (self.incarnation, self.flags);
        bytes
    }

    fn from_bytes(bytes: &[u8; QuietFiles::BYTES]) -> Self {
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[at * 8 + byte]));
        Self {
            inode: word(0),
            size: word(1),
            changed: word(2).cast_signed(),
            head: word(3),
            before: word(4),
            name: u32::from_le_bytes(std::array::from_fn(|byte| bytes[40 + byte])),
            device: u16::from_le_bytes([bytes[44], bytes[45]]),
            incarnation: bytes[46],
            flags: bytes[47],
        }
    }
}

/// Nanoseconds in a second.
const SECOND: i64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn inode(number: u64) -> Inode {
        Inode { device: 7 + number % 2, inode: number }
    }

    fn quiet(size: u64) -> Quiet {
        let (head_bytes, before_bytes) = (size.min(256).try_into().unwrap(), size.min(1024).try_into().unwrap());
        let fingerprint =
            Fingerprint { offset: size, head_bytes, head: Hash(size * 3), before_bytes, before: Hash(u64::MAX - size) };
        let (name, whole) = (name_hash(b"/var/log/app.log"), size.is_multiple_of(2));
        Quiet {
            fingerprint,
            changed: FileTime { seconds: 1_700_000_000 + size.cast_signed(), nanoseconds: 999 },
            name,
            incarnation: u8::try_from(size % 200).unwrap(),
            whole,
        }
    }

    #[test]
    fn quiet_files_are_stored_in_48_bytes() {
        assert_eq!(size_of::<Packed>(), QuietFiles::BYTES);
        let mut files = QuietFiles::default();
        files.insert((0..1_000).rev().map(|number| (inode(number), quiet(number))));
        let (devices, forgotten_to, bytes) = files.written();
        let (devices, bytes) = (devices.to_vec(), bytes.flatten().collect::<Vec<u8>>());
        assert_eq!((bytes.len(), forgotten_to), (48_000, 0));
        let read = QuietFiles::read(devices.clone(), forgotten_to, &bytes).unwrap();
        for number in 0..1_000 {
            assert_eq!(read.get(inode(number)).map(|(_, file)| file), Some(quiet(number)));
            assert!(QuietFiles::can_hold(&quiet(number).fingerprint));
        }
        let elsewhere = Inode { device: 9, inode: 5 };
        assert!(read.get(elsewhere).is_none() && read.has_number(5) && !read.has_number(1_000));
        assert_eq!(QuietFiles::read(devices.clone(), 0, &bytes[1..]), None, "cut");
        assert_eq!(
            QuietFiles::read(devices.clone(), 0, &[&bytes[48..96], &bytes[..48]].concat()),
            None,
            "not in order"
        );
        assert_eq!(QuietFiles::read(devices[1..].to_vec(), 0, &bytes), None, "of no device");
    }

    #[test]
    fn newer_entries_replace_older_ones() {
        let mut files = QuietFiles::default();
        files.insert([(inode(1), quiet(1)), (inode(3), quiet(3))]);
        let edition = files.edition();
        files.insert([(inode(3), quiet(30)), (inode(2), quiet(2))]);
        let sizes: Vec<u64> = files.iter().map(|file| file.fingerprint.offset).collect();
        assert_eq!((sizes, files.edition() > edition), (vec![1, 2, 30], true));
        files.drop_unfound();
        assert_eq!(files.len(), 3, "they have just come");
        files.mark_found(|place| place != 1);
        files.drop_unfound();
        assert!(files.get(inode(2)).is_none() && files.len() == 2);
    }

    /// Goal: pieces of any size, filled in any order, hold what one list would hold.
    #[test]
    fn many_files_are_stored_in_pieces() {
        let mut files = QuietFiles::default();
        let numbers = |from: u64, step: usize| (from..20_000).step_by(step);
        for (from, step) in [(9_000, 3), (0, 7), (1, 2), (0, 2), (5, 5)] {
            let earlier = files.clone();
            files.insert(numbers(from, step).map(|number| (inode(number), quiet(number + 1))));
            assert!(earlier.len() <= files.len() && files.chunks.iter().all(|chunk| chunk.files.len() <= CHUNK_FILES));
        }
        assert_eq!(files.len(), 20_000);
        let places: Vec<usize> = (0..20_000).map(|number| files.get(inode(number)).unwrap().0).collect();
        assert!(places.iter().copied().eq(0..20_000));
        assert!(files.packed().is_sorted_by_key(Packed::key) && !files.has_number(20_000));
        files.drop_unfound();
        files.mark_found(|place| place % 3 == 0);
        files.drop_unfound();
        assert_eq!(files.len(), 6_667);
        assert!((0..20_000).all(|number| files.has_number(number) == number.is_multiple_of(3)));
    }

    #[test]
    fn if_there_are_too_many_the_oldest_are_forgotten() {
        let mut files = QuietFiles::default();
        files.insert((1..=100).map(|number| (inode(number), quiet(number))));
        assert!(!files.is_forgotten(quiet(1).changed), "not known, and not forgotten");
        files.forget_oldest(10);
        assert_eq!(files.len(), 90);
        assert!(files.is_forgotten(quiet(10).changed) && !files.is_forgotten(quiet(11).changed));
    }
}

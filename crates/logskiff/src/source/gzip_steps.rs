//! Decompresses files up to distant offsets in steps, so that other files are read meanwhile.
//!
//! Input: files that were rewound, and files to be identified by their content. Output: which of them are ready. Each
//! pass has one budget for all files. Of the files to be identified, the state of one is kept.

use std::time::Instant;

use super::content::Content;
use super::discovery::Candidate;
use super::gzip_reader::SkipBudget;
use super::{Event, FileSource, TrackedFile};
use event::Inode;

/// The state of decompression.
#[derive(Debug, Default)]
pub(super) struct Unpacking {
    pub(super) budget: SkipBudget,
    /// A file to be identified by its content, as far as it is decompressed.
    held: Option<(Inode, Content)>,
    /// The same from the previous check of the directories, during a check.
    former: Option<(Inode, Content)>,
    /// The last check could not identify every file yet.
    deferred: bool,
    /// Decompression continues in the next pass, without a wait.
    continues: bool,
}

impl Unpacking {
    /// A check of the directories begins.
    pub(super) fn begin_check(&mut self) {
        self.budget.renew();
        self.former = self.held.take();
        self.deferred = false;
    }

    /// The check is over.
    pub(super) fn end_check(&mut self) {
        self.former = None;
    }

    /// Whether some file is not identified yet.
    pub(super) fn is_deferred_read(&self) -> bool {
        self.deferred
    }

    /// The file, as far as it is decompressed.
    pub(super) fn resume(&mut self, inode: Inode) -> Option<Content> {
        self.former.take_if(|(held, _)| *held == inode).map(|(_, content)| content)
    }
}

impl FileSource {
    /// Continues to decompress files that are to be read or identified, within the budget.
    pub(super) fn unpack(&mut self, events: &mut Vec<Event>) {
        self.unpacking.budget.renew();
        self.unpacking.continues = false;
        let mut broken = Vec::new();
        for file in self.table.iter_mut().filter(|file| file.is_deferred_read()) {
            match file.unpack() {
                Ok(there) => {
                    events.extend(there.then_some(Event::Unpacked(file.id)));
                    self.unpacking.continues |= TrackedFile::is_deferred_read(file);
                }
                Err(error) => broken.push((file.path.clone(), error.to_string())),
            }
        }
        for (path, error) in broken {
            self.refuse(path, &error, events);
        }
        if let Some((_, content)) = &self.unpacking.held {
            let there = content.resume_deferred();
            self.unpacking.continues |= matches!(there, Ok(false));
            self.schedule.reconcile_due |= matches!(there, Ok(true));
        }
    }

    /// Whether decompression continues in the next pass.
    #[must_use]
    pub fn has_more_to_unpack(&self) -> bool {
        self.unpacking.continues
    }

    /// A file can be identified only once more of it is decompressed. Notes when and how it was found.
    pub(super) fn deferred(&mut self, found: &Candidate, content: Content, now: Instant) {
        self.keep_waiting(found, now);
        if self.schedule.is_first_round {
            self.open_limit.note_early(found.inode);
        }
        self.unpacking.deferred = true;
        if self.unpacking.held.is_none() && self.unpacking.former.is_none() {
            self.unpacking.held = Some((found.inode, content));
            self.unpacking.continues = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::path::Path;
    use std::time::Duration;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::source::{Config, LOOKBACK_BYTES, Polled, Reread, Start, Symlinks};
    use event::{Boundary, CheckpointEntry, FileId, Span, Watermark};

    const LINE_BYTES: u64 = 32;
    /// More than the budget of many passes.
    const LINES: u64 = 600_000;
    const READ_TO: u64 = 550_000 * LINE_BYTES;
    const PASSES_MAX: usize = 100;

    fn line(number: u64) -> String {
        format!("{number:08} {:>22x}\n", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn text(start: u64, bytes: usize) -> Vec<u8> {
        let lines = start / LINE_BYTES..;
        let text = lines.flat_map(|number| line(number).into_bytes());
        text.skip(usize::try_from(start % LINE_BYTES).unwrap()).take(bytes).collect()
    }

    fn source(dir: &Path, entries: Option<Vec<CheckpointEntry>>, now: Instant) -> FileSource {
        let glob = |name: &str| dir.join(name).to_str().unwrap().to_owned();
        let config = Config {
            paths: vec![glob("*.gz"), glob("*.log")],
            exclude: Vec::new(),
            start: Start::Beginning,
            symlinks: Symlinks::Deny,
            delete_rotated: false,
            kept_bytes_max: 0,
        };
        FileSource::new(&[config], "pod", entries, now).unwrap()
    }

    fn id(source: &FileSource, name: &str) -> Option<FileId> {
        source.files().find(|file| file.path.ends_with(name)).map(|file| file.id)
    }

    fn read(source: &mut FileSource, file: FileId, bytes: usize, now: Instant) -> Vec<u8> {
        let mut buffer = Vec::new();
        let chunk = source.read_chunk(file, &mut buffer, bytes, now).unwrap();
        buffer.truncate(chunk.bytes);
        source.advance(file, &buffer, Boundary::LineStart, true);
        buffer
    }

    /// Runs passes until `until` holds. Returns their number. No pass may refuse a file or lose bytes.
    fn passes(source: &mut FileSource, now: Instant, mut until: impl FnMut(&mut FileSource, &Polled) -> bool) -> usize {
        for pass in 0..PASSES_MAX {
            let mut polled = source.poll(now);
            if source.needs_reconcile() {
                polled.events.extend(source.reconcile(now));
            }
            assert!(!polled.events.iter().any(|event| matches!(event, Event::Refused(..) | Event::Lost(..))));
            if until(source, &polled) {
                return pass;
            }
            assert!(
                pass == 0 || source.has_more_to_unpack() || source.needs_reconcile(),
                "decompression continues at once"
            );
        }
        panic!("{PASSES_MAX} passes were not enough");
    }

    /// Goal: a restart far inside a compressed file, a rewind, and a record that is sent again do not delay other
    /// files.
    #[test]
    fn other_files_are_read_while_one_is_unpacked() {
        let dir = tempfile::tempdir().unwrap();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        (0..LINES).for_each(|number| encoder.write_all(line(number).as_bytes()).unwrap());
        fs::write(dir.path().join("old.gz"), encoder.finish().unwrap()).unwrap();
        let mut now = Instant::now();
        let mut first = source(dir.path(), None, now);
        _ = first.reconcile(now);
        now += Duration::from_secs(11);
        _ = first.reconcile(now);
        let old = id(&first, "old.gz").unwrap();
        while first.file(old).unwrap().position().offset < READ_TO {
            read(&mut first, old, 1 << 20, now);
        }
        let at = Watermark { offset: READ_TO - (4 << 20), boundary: Boundary::LineStart };
        let entries = first.checkpoint_entries(|_| at.into());

        let mut source = source(dir.path(), Some(entries), now);
        fs::write(dir.path().join("other.log"), "a line\n").unwrap();
        _ = source.reconcile(now);
        let other = id(&source, "other.log").expect("it is found at once");
        assert_eq!(read(&mut source, other, 100, now), b"a line\n");
        // Longer than lost files are searched for.
        now += Duration::from_secs(60);
        assert!(source.expire_lost(now).retired.is_empty());
        assert!(passes(&mut source, now, |source, _| id(source, "old.gz").is_some()) > 2);
        let old = id(&source, "old.gz").unwrap();
        assert_eq!(source.file(old).unwrap().position(), at);
        let before = |source: &FileSource, at: u64| {
            LOOKBACK_BYTES.map(|most| source.file(old).unwrap().lookback(at, most).unwrap())
        };
        assert_eq!(before(&source, at.offset), LOOKBACK_BYTES.map(|most| text(at.offset - most as u64, most)));
        assert_eq!(read(&mut source, old, 1000, now), text(at.offset, 1000));

        let back = Watermark { offset: 12_000_000, boundary: Boundary::LineStart };
        assert!(source.rewind(old, back, 0).can_read);
        let entry = source
            .checkpoint_entries(|_| back.into())
            .into_iter()
            .find(|entry| entry.path.ends_with("old.gz"))
            .unwrap();
        assert!(entry.fingerprint.offset >= at.offset && entry.offset == back.offset);
        let reached = passes(&mut source, now, |source, polled| {
            let reached = polled.events.contains(&Event::Unpacked(old));
            let is_unreadable = |source: &mut FileSource| {
                !polled.ready.contains(&old) && source.read_chunk(old, &mut Vec::new(), 100, now) == Err(Vec::new())
            };
            assert!(reached || is_unreadable(source));
            reached
        });
        assert!(reached > 1);
        assert_eq!(before(&source, back.offset), LOOKBACK_BYTES.map(|most| text(back.offset - most as u64, most)));
        assert_eq!(read(&mut source, old, 1 << 20, now), text(back.offset, 1 << 20));

        for start in [9_000_000, 9_100_000] {
            let span = Span { start, end: start + 100 };
            passes(&mut source, now, |source, _| match source.reread(old, span) {
                Reread::Bytes(bytes) => bytes == text(start, 100),
                Reread::Changed => panic!("the file has not changed"),
                Reread::Unreadable(events) => !events.is_empty(),
            });
            let position = source.file(old).unwrap().position().offset;
            assert_eq!(
                read(&mut source, old, 1000, now),
                text(position, 1000),
                "the first reader continues at its position"
            );
        }
    }
}

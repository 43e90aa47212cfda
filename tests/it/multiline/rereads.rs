//! Records depend on the bytes of a file and on what the checkpoint has of it, and not on how they were written and read.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use event::{Boundary, GroupMark, LineFlags, Span};
use logskiff::pipeline::frame::multiline;
use logskiff::pipeline::frame::{Config, End, Framed, Frames, Grouping, GroupingConfig, Marks, Records};
use proptest::prelude::*;

use super::{RUNTIMES, corpus, events};

const FRAME: Config = Config { line_bytes_max: 4096 };
pub(super) const CHUNK_BYTES: usize = 2048;
const TIMED_OUT: End = End::TimedOut { is_last: true };

/// A record without its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    span: Span,
    flags: LineFlags,
}

/// A file that is read while it grows.
struct Reader<'f> {
    file: &'f [u8],
    grouping: &'f Grouping,
    at: u64,
    boundary: Boundary,
    marks: Marks,
}

impl<'f> Reader<'f> {
    fn new(file: &'f [u8], grouping: &'f Grouping) -> Self {
        Self { file, grouping, at: 0, boundary: Boundary::LineStart, marks: Marks::default() }
    }

    /// Reads the file up to `written`, at most `most` bytes at once. Returns the records.
    fn read(&mut self, written: usize, most: usize, end: End) -> Vec<Found> {
        let mut found = Vec::new();
        loop {
            let start = usize::try_from(self.at).unwrap();
            let before = self.at;
            for most in [most, FRAME.window_bytes()] {
                let stop = written.min(start + most);
                let is_last = stop == written;
                let bytes = &self.file[start..stop];
                let frames = Frames::new(FRAME, bytes, self.at, self.boundary, is_last && end == End::Final);
                let end = if is_last { end } else { End::Open };
                for framed in Records::new(frames, self.grouping, &mut self.marks, end) {
                    assert_eq!(framed.span().start, self.at, "a byte belongs to no piece, or to two");
                    (self.at, self.boundary) = (framed.span().end, framed.boundary());
                    if let Framed::Line(line) = framed
                        && !line.text.trim_ascii().is_empty()
                    {
                        found.push(Found { span: line.span, flags: line.flags });
                    }
                }
                if self.at > before || is_last {
                    break;
                }
            }
            if self.at == before {
                return found;
            }
        }
    }

    /// Goes back to a record's start with what the checkpoint has.
    fn go_back(&mut self, to: u64, saved: &[GroupMark]) {
        (self.at, self.boundary, self.marks) = (to, Boundary::LineStart, Marks::restore(saved));
    }
}

fn grouping(multiline: multiline::Config) -> Grouping {
    let lines_max = 40;
    Grouping::new(&GroupingConfig { multiline, lines_max, timeout: Duration::from_secs(1), levels: Vec::new() })
        .unwrap()
}

/// The logs of all corpora, without the markers.
static LOGS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let folders = RUNTIMES.into_iter().chain(["system", "single"]);
    folders.flat_map(corpus).map(|(_, text)| events(&text).concat()).collect()
});

/// What happens to a file between two reads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// This many bytes are written and read in chunks of this size.
    Write(usize, usize),
    /// Nothing was written for the timeout.
    Pause,
    /// The process is killed and restarted; this share of its records, of 256, was acknowledged before.
    Restart(u8),
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..6000_usize, 1..CHUNK_BYTES).prop_map(|(bytes, most)| Step::Write(bytes, most)),
        1 => Just(Step::Pause),
        1 => any::<u8>().prop_map(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Goal: the size of writes and reads changes no record.
    #[test]
    fn records_do_not_depend_on_chunks(seed in any::<prop::sample::Index>(), sizes in prop::collection::vec((1..3000_usize, 1..CHUNK_BYTES), 1..200)) {
        let log = seed.get(&LOGS).as_bytes();
        let grouping = grouping(multiline::Config::Auto);
        let whole = Reader::new(log, &grouping).read(log.len(), usize::MAX / 2, End::Final);
        let (mut reader, mut found, mut written) = (Reader::new(log, &grouping), Vec::new(), 0);
        for (bytes, most) in sizes {
            written = (written + bytes).min(log.len());
            found.extend(reader.read(written, most, End::Open));
        }
        found.extend(reader.read(log.len(), CHUNK_BYTES, End::Final));
        prop_assert_eq!(found, whole);
    }

    /// Goal: after a restart with the last checkpoint, a record that is sent again has the same bytes and the same mark.
    #[test]
    fn a_record_that_is_sent_again_is_the_same(seed in any::<prop::sample::Index>(), steps in prop::collection::vec(step(), 1..120)) {
        let log = seed.get(&LOGS).as_bytes();
        let grouping = grouping(multiline::Config::Auto);
        let (mut reader, mut written, mut acknowledged) = (Reader::new(log, &grouping), 0, 0);
        let (mut sent, mut order): (HashMap<u64, Found>, Vec<Found>) = (HashMap::new(), Vec::new());
        for step in steps.into_iter().chain([Step::Write(log.len(), CHUNK_BYTES), Step::Pause]) {
            let (most, end) = match step {
                Step::Write(bytes, most) => {
                    written = (written + bytes).min(log.len());
                    (most, End::Open)
                }
                Step::Pause => (CHUNK_BYTES, TIMED_OUT),
                Step::Restart(share) => {
                    // A watermark never goes back.
                    acknowledged += (order.len() - acknowledged) * usize::from(share) / 256;
                    if let Some(first) = order.get(acknowledged) {
                        let to = first.span.start;
                        let saved = reader.marks.save(to);
                        reader.go_back(to, &saved);
                        order.truncate(acknowledged);
                    }
                    (CHUNK_BYTES, End::Open)
                }
            };
            for found in reader.read(written, most, end) {
                order.push(found);
                let known = *sent.entry(found.span.start).or_insert(found);
                prop_assert_eq!(known, found);
            }
        }
        let covered: usize = order.iter().map(|found| usize::try_from(found.span.bytes()).unwrap()).sum();
        let blank = log.split_inclusive(|byte| *byte == b'\n').filter(|line| line.trim_ascii().is_empty());
        prop_assert!(covered <= log.len() && covered + blank.map(<[u8]>::len).sum::<usize>() + FRAME.line_bytes_max >= log.len());
    }
}

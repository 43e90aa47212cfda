//! Records of a container whose streams print between one another.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use event::{Boundary, Framing, LineFlags, RecordMemory, Share, Span, Stream};
use logskiff::pipeline::frame::multiline;
use logskiff::pipeline::frame::{
    Config, ContainerConfig, ContainerLines, End, FileMarks, FileRecords, Framed, Frames, Grouping, GroupingConfig,
    Placed,
};
use proptest::prelude::*;

use super::rereads::{CHUNK_BYTES, Step, step};
use super::{RUNTIMES, corpus, events};

const TIMEOUT: Duration = Duration::from_secs(1);
const CONTAINER: ContainerConfig = ContainerConfig { framing: Framing::Cri, timeout: TIMEOUT };
/// Records fit.
const ROOMY: Config = Config { line_bytes_max: 1024 * 1024 };
/// Some lines and records are cut.
const TIGHT: Config = Config { line_bytes_max: 1024 };

#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    span: Span,
    share: Share,
    flags: LineFlags,
    stream: Option<Stream>,
    /// Empty: a blank line or the rest of one.
    text: String,
}

/// A file that is read while it grows.
struct Reader<'f> {
    file: &'f [u8],
    frame: Config,
    grouping: &'f Grouping,
    at: u64,
    boundary: Boundary,
    marks: FileMarks,
}

impl<'f> Reader<'f> {
    fn new(file: &'f [u8], frame: Config, grouping: &'f Grouping) -> Self {
        Self { file, frame, grouping, at: 0, boundary: Boundary::LineStart, marks: FileMarks::default() }
    }

    /// Reads the file up to `written`, at most `most` bytes at once. Returns the records.
    fn read(&mut self, written: usize, most: usize, end: End) -> Vec<Found> {
        let mut found = Vec::new();
        let mut lines = ContainerLines::default();
        loop {
            let start = usize::try_from(self.at).unwrap();
            let before = self.at;
            for most in [most, ContainerConfig::window_bytes(self.frame)] {
                let stop = written.min(start.saturating_add(most));
                let is_last = stop == written;
                let bytes = &self.file[start..stop];
                let frames = Frames::new(self.frame, bytes, self.at, self.boundary, is_last && end == End::Final);
                let end = if is_last { end } else { End::Open };
                lines.read(frames.clone(), CONTAINER, &self.marks, end);
                for Placed { framed, share } in
                    FileRecords::new(frames, Some(&lines), self.grouping, &mut self.marks, end)
                {
                    assert_eq!(share.span.start, self.at, "a byte belongs to no share, or to two");
                    assert_eq!(framed.span().start, share.span.start);
                    assert!(share.span.bytes() > 0);
                    (self.at, self.boundary) = (share.span.end, share.boundary);
                    let (span, mut kept) = (framed.span(), Found::nothing(share));
                    if let Framed::Line(line) = framed {
                        let text = String::from_utf8_lossy(&line.text[..line.keep]).into_owned();
                        let stream = line.printed.map(|printed| printed.stream);
                        kept = Found { span, share, flags: line.flags, stream, text };
                    }
                    found.push(kept);
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

    /// Another process reads on at a share's start with what the checkpoint has.
    fn go_back(&mut self, share: Share, boundary: Boundary, saved: &RecordMemory) {
        (self.at, self.boundary, self.marks) = (share.span.start, boundary, FileMarks::restore(saved));
    }
}

impl Found {
    fn nothing(share: Share) -> Self {
        Self { span: share.span, share, flags: LineFlags::NONE, stream: None, text: String::new() }
    }

    /// The id of its record within its file.
    fn id(&self) -> (u64, u64) {
        (self.span.start, if self.flags.has(LineFlags::JOINED) { self.span.end } else { 0 })
    }
}

fn grouping(lines_max: usize) -> Grouping {
    let multiline = multiline::Config::Auto;
    Grouping::new(&GroupingConfig { multiline, lines_max, timeout: TIMEOUT, levels: Vec::new() }).unwrap()
}

/// The texts of one stream's records that are not blank.
fn texts(found: &[Found], stream: Stream) -> Vec<&str> {
    let of_stream = found.iter().filter(|found| found.stream == Some(stream) && !found.text.trim().is_empty());
    of_stream.map(|found| found.text.as_str()).collect()
}

/// A line as containerd writes it at a time in milliseconds.
pub(super) fn cri(ms: u64, stream: Stream, tag: &str, text: &str) -> String {
    format!(
        "2026-11-30T10:{:02}:{:02}.{:03}Z {} {tag} {text}\n",
        ms / 60_000 % 60,
        ms / 1000 % 60,
        ms % 1000,
        stream.name()
    )
}

/// The file of a container that printed these lines, in turns of so many lines each.
pub(super) fn interleave(stdout: &str, stderr: &str, turns: &[usize], part_bytes: usize, pauses: &[u64]) -> String {
    let mut streams = [(Stream::Stdout, parts(stdout, part_bytes)), (Stream::Stderr, parts(stderr, part_bytes))];
    let (mut turns, mut pauses) = (turns.iter().cycle(), pauses.iter().cycle());
    let (mut file, mut ms, mut at) = (String::new(), 0, 0);
    while streams.iter().any(|(_, parts)| !parts.is_empty()) {
        let (stream, parts) = &mut streams[at];
        let turn = parts.len().min(*turns.next().unwrap());
        for (tag, text) in parts.drain(..turn) {
            ms += pauses.next().unwrap();
            file.push_str(&cri(ms, *stream, tag, text));
        }
        at = 1 - at;
    }
    file
}

/// The parts of lines, which have this many characters.
fn parts(log: &str, bytes: usize) -> Vec<(&'static str, &str)> {
    let mut parts = Vec::new();
    for mut line in log.lines() {
        while let Some((at, _)) = line.char_indices().nth(bytes) {
            parts.push(("P", &line[..at]));
            line = &line[at..];
        }
        parts.push(("F", line));
    }
    parts
}

/// The logs of all corpora, without the markers.
static LOGS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let folders = RUNTIMES.into_iter().chain(["system", "single"]);
    folders.flat_map(corpus).map(|(_, text)| events(&text).concat()).collect()
});

/// A file of two streams, whose lines may have parts and come late.
fn mixed() -> impl Strategy<Value = String> {
    let log = || any::<prop::sample::Index>().prop_map(|at| at.get(&LOGS).as_str());
    let pause = prop_oneof![20 => 0..40_u64, 1 => 900..2000_u64];
    let turns = prop::collection::vec(1..6_usize, 1..20);
    (log(), log(), turns, 20..200_usize, prop::collection::vec(pause, 1..40))
        .prop_map(|(stdout, stderr, turns, part, pauses)| interleave(stdout, stderr, &turns, part, &pauses))
}

#[track_caller]
fn same(found: &[Found], expected: &[Found]) {
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

#[track_caller]
fn check(file: &str, expected: &[(Stream, &str)]) {
    let grouping = grouping(40);
    let found = Reader::new(file.as_bytes(), ROOMY, &grouping).read(file.len(), usize::MAX, End::Final);
    let found: Vec<(Stream, &str)> = found.iter().map(|found| (found.stream.unwrap(), found.text.as_str())).collect();
    assert_eq!(found, expected, "{file}");
}

use Stream::{Stderr, Stdout};

#[test]
fn a_trace_with_lines_of_the_other_stream_in_it_is_one_record() {
    let trace = "ERROR shop - cannot ship\njava.io.IOException: gone\n\tat a.b(C.java:1)\n\tat a.b(C.java:2)";
    let file: String = trace
        .lines()
        .enumerate()
        .map(|(at, line)| cri(1, Stderr, "F", line) + &cri(1, Stdout, "F", &format!("GET /{at}")))
        .collect();
    check(&file, &[(Stderr, trace), (Stdout, "GET /0"), (Stdout, "GET /1"), (Stdout, "GET /2"), (Stdout, "GET /3")]);
}

#[test]
fn a_line_in_parts_with_lines_of_the_other_stream_between_them_is_one() {
    let file = [
        cri(1, Stderr, "P", "ha"),
        cri(1, Stdout, "P", "o"),
        cri(1, Stdout, "F", "ne"),
        cri(1, Stderr, "F", "lf"),
        cri(1, Stdout, "F", "two"),
    ];
    check(&file.concat(), &[(Stderr, "half"), (Stdout, "one"), (Stdout, "two")]);
}

/// Goal: what one stream printed last holds the other one up for a time and for some bytes only.
#[test]
fn an_open_record_ends_with_a_late_line_of_the_other_stream() {
    let crash = cri(0, Stderr, "F", "Traceback (most recent call last):");
    let grouping = grouping(40);
    let found = |file: String| {
        let found = Reader::new(file.as_bytes(), ROOMY, &grouping).read(file.len(), CHUNK_BYTES, End::Open);
        found.first().map(|first| first.flags)
    };
    let soon = cri(900, Stdout, "F", "one") + &cri(950, Stdout, "F", "two");
    assert_eq!(found(crash.clone() + &soon), None);
    let late = soon + &cri(1100, Stdout, "F", "three");
    let cut = LineFlags::CUT;
    assert_eq!(found(crash.clone() + &late), Some(cut));
    let many = cri(900, Stdout, "F", &"x".repeat(1000)).repeat(70);
    assert_eq!(found(crash + &many), Some(cut));
}

/// Goal: only the stream of a line that is too long is skipped up to its end.
#[test]
fn the_rest_of_a_long_line_is_skipped_in_its_stream() {
    let part = |tag| cri(0, Stderr, tag, &"x".repeat(600));
    let line = |text| cri(0, Stdout, "F", text);
    let file =
        part("P").repeat(9) + &line("one") + &part("P") + &line("two") + &part("F") + &cri(0, Stderr, "F", "after");
    let grouping = grouping(40);
    let all = Reader::new(file.as_bytes(), TIGHT, &grouping).read(file.len(), usize::MAX, End::Final);
    assert_eq!(texts(&all, Stdout), ["one", "two"]);
    assert_eq!(texts(&all, Stderr), [&"x".repeat(1024), "after"]);
    assert_eq!(all[0].flags, LineFlags::TRUNCATED.and(LineFlags::JOINED));
}

#[test]
fn lines_that_the_runtime_did_not_write_are_records_of_their_own() {
    let file = cri(0, Stderr, "F", "ERROR a") + "plain\n\tplain\n" + &cri(0, Stderr, "F", "\tat a.b(C.java:1)");
    let grouping = grouping(40);
    let found = Reader::new(file.as_bytes(), ROOMY, &grouping).read(file.len(), usize::MAX, End::Final);
    let found: Vec<(Option<Stream>, &str)> = found.iter().map(|found| (found.stream, found.text.as_str())).collect();
    assert_eq!(found, [(Some(Stderr), "ERROR a\n\tat a.b(C.java:1)"), (None, "plain"), (None, "\tplain")]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Goal: what one stream prints changes no record of the other one.
    #[test]
    fn streams_are_grouped_as_if_each_was_alone(
        stdout in any::<prop::sample::Index>(),
        stderr in any::<prop::sample::Index>(),
        turns in prop::collection::vec(1..6_usize, 1..20),
        part in 20..200_usize,
    ) {
        let (stdout, stderr) = (stdout.get(&LOGS), stderr.get(&LOGS));
        let grouping = grouping(500);
        let read = |file: String| Reader::new(file.as_bytes(), ROOMY, &grouping).read(file.len(), usize::MAX, End::Final);
        let both = read(interleave(stdout, stderr, &turns, part, &[0]));
        let alone = [read(interleave(stdout, "", &[1], part, &[0])), read(interleave("", stderr, &[1], part, &[0]))];
        for (stream, alone) in Stream::ALL.into_iter().zip(&alone) {
            prop_assert_eq!(texts(&both, stream), texts(alone, stream));
        }
    }

    /// Goal: the size of writes and reads changes no record, also where a limit cuts.
    #[test]
    fn records_do_not_depend_on_chunks(file in mixed(), is_tight: bool, sizes in prop::collection::vec((1..3000_usize, 1..CHUNK_BYTES), 1..200)) {
        let (file, grouping, frame) = (file.as_bytes(), grouping(20), if is_tight { TIGHT } else { ROOMY });
        let whole = Reader::new(file, frame, &grouping).read(file.len(), usize::MAX, End::Final);
        let (mut reader, mut found, mut written) = (Reader::new(file, frame, &grouping), Vec::new(), 0);
        for (bytes, most) in sizes {
            written = (written + bytes).min(file.len());
            found.extend(reader.read(written, most, End::Open));
        }
        found.extend(reader.read(file.len(), CHUNK_BYTES, End::Final));
        same(&found, &whole);
    }

    /// Goal: a re-read from any record's start forms the records that follow again, and no others.
    #[test]
    fn a_reread_forms_the_same_records(file in mixed(), is_tight: bool, most in 1..CHUNK_BYTES) {
        let (file, grouping, frame) = (file.as_bytes(), grouping(20), if is_tight { TIGHT } else { ROOMY });
        let mut reader = Reader::new(file, frame, &grouping);
        let all = reader.read(file.len(), CHUNK_BYTES, End::Final);
        let steps = all.len() / 40 + 1;
        for at in (1..all.len()).step_by(steps) {
            let saved = reader.marks.save(all[at].share.span.start);
            let mut again = Reader::new(file, frame, &grouping);
            again.go_back(all[at].share, all[at - 1].share.boundary, &saved);
            same(&again.read(file.len(), most, End::Final), &all[at..]);
        }
    }

    /// Goal: after restarts, no line is lost or sent twice beyond what was not acknowledged, and one id has one text.
    #[test]
    fn a_record_that_is_sent_again_is_the_same(file in mixed(), is_tight: bool, steps in prop::collection::vec(step(), 1..120)) {
        let (file, grouping, frame) = (file.as_bytes(), grouping(20), if is_tight { TIGHT } else { ROOMY });
        let mut reader = Reader::new(file, frame, &grouping);
        let (mut written, mut acknowledged) = (0, 0);
        let (mut sent, mut order): (BTreeMap<(u64, u64), Found>, Vec<Found>) = (BTreeMap::new(), Vec::new());
        for step in steps.into_iter().chain([Step::Write(file.len(), CHUNK_BYTES), Step::Pause]) {
            let (most, end) = match step {
                Step::Write(bytes, most) => {
                    written = (written + bytes).min(file.len());
                    (most, End::Open)
                }
                Step::Pause => (CHUNK_BYTES, End::TimedOut { is_last: true }),
                Step::Restart(share) => {
                    acknowledged += (order.len() - acknowledged) * usize::from(share) / 256;
                    if let Some(first) = order.get(acknowledged) {
                        let before = acknowledged.checked_sub(1).map_or(Boundary::LineStart, |at| order[at].share.boundary);
                        let saved = reader.marks.save(first.share.span.start);
                        reader.go_back(first.share, before, &saved);
                        order.truncate(acknowledged);
                    }
                    (CHUNK_BYTES, End::Open)
                }
            };
            for found in reader.read(written, most, end) {
                order.push(found.clone());
                let known = sent.entry(found.id()).or_insert_with(|| found.clone());
                prop_assert_eq!((&known.text, known.flags, known.span), (&found.text, found.flags, found.span));
            }
        }
        if !is_tight {
            // Each line of the file is in one record, whatever cut the record.
            let mut lines: BTreeMap<&str, i64> = BTreeMap::new();
            let texts = order.iter().flat_map(|found| found.text.split('\n')).filter(|line| !line.trim().is_empty());
            texts.for_each(|line| *lines.entry(line).or_default() += 1);
            let whole = Reader::new(file, frame, &grouping).read(file.len(), usize::MAX, End::Final);
            let bytes = |found: &[Found]| found.iter().flat_map(|found| found.text.split_whitespace()).map(str::len).sum::<usize>();
            prop_assert_eq!(bytes(&order), bytes(&whole));
        }
    }
}

//! Kills while records of several lines are open, held or cut: every event arrives whole, and what is sent again has the
//! same id and the same bytes.
//!
//! An event is a function of its number, and each of its lines has that number and its own. So a record tells which lines
//! of which event it holds, and a record with lines of two events is no part of any.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::ops::Range;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{ANSWERED_AFTER, DOUBLED_BYTES_MAX, IN_FLIGHT_BYTES, MESSAGES_PER_REQUEST, PATIENCE, SIGKILL};
use crate::support::lines::{Rotation, create, rotate};
use crate::support::scene::{Scene, TOPIC};
use crate::support::{Random, wait_until};

/// How long an unfinished record waits.
const TIMEOUT: Duration = Duration::from_millis(300);
/// How long an application pauses within some events: long enough for a cut.
const PAUSE: Duration = Duration::from_millis(450);
const LINES_MAX: usize = 30;
const EVENTS_PER_S: u64 = 500;
const ROTATE_EVERY: u64 = 150;
/// Enough events for a file's records to have a known head.
const LEARNING: u64 = 20;
/// Events before the first kill.
const EVENTS_BEFORE: u64 = 200;

/// The form of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Lines,
    Cri,
}

/// How an event is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    /// At once.
    Whole,
    /// At once, with more lines than a record has.
    Long,
    /// In two parts, one soon after the other.
    InTwo,
    /// In two parts, with a pause that is longer than the timeout.
    Paused,
}

impl Writing {
    fn of(seq: u64) -> Self {
        match seq % 60 {
            7 | 22 | 37 | 52 => Self::InTwo,
            30 => Self::Long,
            45 => Self::Paused,
            _ => Self::Whole,
        }
    }

    /// Whether more than one record may hold it.
    fn may_be_cut(self) -> bool {
        self != Self::Whole
    }
}

/// The lines of an event. Some are blank; none of these is the last.
fn lines(seq: u64) -> Vec<String> {
    let head = |level: &str, words: &str| {
        format!("2026-11-30 10:15:02,{:03} {level} [main] shop - seq={seq}.0 {words}", seq % 1_000)
    };
    let failed = || head("ERROR", "cannot ship");
    let frames = |from: usize, count: usize| {
        (from..from + count).map(move |line| format!("\tat shop.Stock.take(Stock.java:{line}) ~[seq={seq}.{line}]"))
    };
    let exception = |line: usize| format!("java.io.IOException: größe seq={seq}.{line}");
    let count = usize::try_from(Random::new(seq).between(1, 20)).unwrap();
    if Writing::of(seq) == Writing::Long {
        return [failed(), exception(1)].into_iter().chain(frames(2, 3 * LINES_MAX)).collect();
    }
    let (is_learned, is_whole) = (seq % ROTATE_EVERY >= LEARNING, Writing::of(seq) == Writing::Whole);
    match seq % 5 {
        0 if is_whole => vec![head("INFO", "next")],
        1 if is_whole => vec![
            head("INFO", "body: {"),
            format!("  \"a\": [\"seq={seq}.1\","),
            format!("  \"}} seq={seq}.2\"],"),
            format!("  \"b\": \"seq={seq}.3\" }}"),
        ],
        2 if is_whole && is_learned => {
            vec![
                head("INFO", "query:"),
                format!("select * -- seq={seq}.1"),
                String::new(),
                format!("from stock -- seq={seq}.3"),
            ]
        }
        3 => [failed(), String::new(), exception(2)].into_iter().chain(frames(3, count)).collect(),
        _ => {
            let cause = format!("Caused by: java.lang.IllegalStateException: gone seq={seq}.{}", count + 2);
            let (first, rest) = (frames(2, count), frames(count + 3, 2));
            [failed(), exception(1)].into_iter().chain(first).chain([cause]).chain(rest).collect()
        }
    }
}

/// The lines as they stand in the file.
fn written(seq: u64, form: Form) -> String {
    let mut text = String::new();
    for (number, line) in lines(seq).iter().enumerate() {
        let middle = line.len() / 2;
        // A part that nothing follows in time would be a line of its own.
        let is_split = Writing::of(seq) == Writing::Whole && number % 3 == 1 && line.is_char_boundary(middle);
        let lines = match form {
            Form::Lines => format!("{line}\n"),
            Form::Cri if is_split => {
                let (first, second) = line.split_at(middle);
                let stamp = "2026-11-30T10:15:02.000000001Z stdout";
                format!("{stamp} P {first}\n{stamp} F {second}\n")
            }
            Form::Cri => format!("2026-11-30T10:15:02.000000001Z stdout F {line}\n"),
        };
        text.push_str(&lines);
    }
    text
}

/// An application that writes events until it is stopped; then it returns how many there are.
fn start_writing(path: &Path, form: Form, stopped: &Arc<AtomicBool>) -> JoinHandle<u64> {
    let (path, stopped) = (path.to_owned(), Arc::clone(stopped));
    thread::spawn(move || {
        let rotations = [Rotation::Rename, Rotation::CopyTruncate, Rotation::Replace];
        let (mut file, start, mut paused) = (create(&path), Instant::now(), Duration::ZERO);
        let mut seq = 0;
        while !stopped.load(Ordering::Acquire) {
            if seq > 0 && seq % ROTATE_EVERY == 0 {
                let number = usize::try_from(seq / ROTATE_EVERY).unwrap();
                rotate(&path, &mut file, rotations[number % rotations.len()]);
            }
            let text = written(seq, form);
            let pause = match Writing::of(seq) {
                Writing::Whole | Writing::Long => None,
                Writing::InTwo => Some(Duration::from_millis(5)),
                Writing::Paused => Some(PAUSE),
            };
            let (first, second) = text.as_bytes().split_at(pause.map_or(0, |_| text.len() * 2 / 3));
            if let Some(pause) = pause {
                file.write_all(first).unwrap();
                thread::sleep(pause);
                paused += pause;
            }
            file.write_all(second).unwrap();
            seq += 1;
            let due = Duration::from_millis(seq * 1_000 / EVENTS_PER_S) + paused;
            thread::sleep(due.saturating_sub(start.elapsed()));
        }
        seq
    })
}

/// Records that arrived, by the event and the lines that they hold.
#[derive(Debug, Default)]
struct Arrived {
    records: BTreeMap<(u64, usize), Vec<Part>>,
    duplicate_bytes: u64,
    duplicates: usize,
}

#[derive(Debug, PartialEq, Eq)]
struct Part {
    lines: Range<usize>,
    id: String,
    is_marked: bool,
}

impl Arrived {
    /// Sorts records.
    ///
    /// # Panics
    /// If a record is no part of one event, or another record has its id and other bytes.
    #[track_caller]
    fn new(records: &[Value]) -> Self {
        let mut arrived = Self::default();
        let mut by_id: BTreeMap<&str, &str> = BTreeMap::new();
        for record in records {
            let text = record["message"].as_str().expect("a message");
            let id = record["event.id"].as_str().expect("an id");
            let (seq, lines) = place(text).unwrap_or_else(|| panic!("no part of one event: {record}"));
            if let Some(before) = by_id.insert(id, text) {
                assert_eq!(before, text, "two records of the id {id}");
                arrived.duplicates += 1;
                arrived.duplicate_bytes += text.len() as u64;
                continue;
            }
            let is_marked = record["log.flags"] == json!(["multiline", "truncated"]);
            arrived.records.entry((seq, lines.start)).or_default().push(Part { lines, id: id.to_owned(), is_marked });
        }
        arrived
    }

    /// How many of the first events have no line missing.
    fn complete(&self, events: u64) -> u64 {
        (0..events).filter(|seq| self.parts(*seq).is_some()).count() as u64
    }

    /// Records that hold an event, one after another; of those that begin at one line, the longest.
    fn parts(&self, seq: u64) -> Option<Vec<&Part>> {
        let all = lines(seq);
        let (mut parts, mut at) = (Vec::new(), 0);
        while at < all.len() {
            if all[at].is_empty() {
                at += 1;
                continue;
            }
            let longest = self.records.get(&(seq, at))?.iter().max_by_key(|part| part.lines.end)?;
            at = longest.lines.end;
            parts.push(longest);
        }
        Some(parts)
    }

    /// Checks the records of an event.
    #[track_caller]
    fn check(&self, seq: u64) {
        let found: Vec<&Part> = self.records.range((seq, 0)..(seq + 1, 0)).flat_map(|(_, parts)| parts).collect();
        let parts = self.parts(seq).unwrap_or_else(|| panic!("event {seq} is not whole: {found:?}"));
        if !Writing::of(seq).may_be_cut() {
            assert_eq!((found.len(), parts.len()), (1, 1), "event {seq} in several records: {found:?}");
        }
        if Writing::of(seq) == Writing::Long {
            assert!(parts.len() > 1 && parts.iter().all(|part| part.is_marked), "event {seq}: {parts:?}");
        }
        // What follows a cut says so.
        assert!(found.iter().all(|part| part.lines.start == 0 || part.is_marked), "event {seq}: {found:?}");
    }
}

/// The event and the lines that a text holds; `None` if it is no part of one event.
fn place(text: &str) -> Option<(u64, Range<usize>)> {
    let (_, marker) = text.lines().next()?.split_once("seq=")?;
    let (seq, line) = marker.split_once('.')?;
    let line: String = line.chars().take_while(char::is_ascii_digit).collect();
    let (seq, start): (u64, usize) = (seq.parse().ok()?, line.parse().ok()?);
    let end = start + text.split('\n').count();
    (lines(seq).get(start..end)?.join("\n") == text).then_some((seq, start..end))
}

/// Kills one process after another at `point`, each after the number of passes given by `passes`. Checks that every event
/// arrives whole, and that the kills explain what was sent again.
#[track_caller]
fn check(point: &str, form: Form, passes: &[u32]) {
    let scene = Scene::new();
    let settings = scene
        .settings()
        .with(
            "LOGSKIFF_KAFKA_PROPERTIES",
            &format!("reconnect.backoff.max.ms=200\nbatch.num.messages={MESSAGES_PER_REQUEST}"),
        )
        .with("LOGSKIFF_KAFKA_COMPRESSION", "zstd")
        .with("LOGSKIFF_IN_FLIGHT_BYTES", &format!("{}KiB", IN_FLIGHT_BYTES >> 10))
        .with("LOGSKIFF_BATCH_BYTES", "16KiB")
        .with("LOGSKIFF_LINE_BYTES_MAX", "16KiB")
        .with("LOGSKIFF_REDACT", "none")
        .with("LOGSKIFF_MULTILINE_TIMEOUT", &format!("{}ms", TIMEOUT.as_millis()))
        .with("LOGSKIFF_MULTILINE_LINES_MAX", &LINES_MAX.to_string());
    fs::create_dir_all(scene.path("logs")).unwrap();
    let (start, stopped) = (Instant::now(), Arc::new(AtomicBool::new(false)));
    let writer = start_writing(&scene.log("app.log"), form, &stopped);
    let sidecar = scene.start(&settings);
    wait_until("events before the first death", PATIENCE, || scene.kafka().end_offset(TOPIC) > EVENTS_BEFORE);
    sidecar.kill();
    scene.kafka().delay(ANSWERED_AFTER);
    for passes in passes {
        let points = format!("{point}={passes}*off->return");
        let mut sidecar = scene.start(&settings.clone().with("FAILPOINTS", &points));
        let (status, _) = sidecar.wait(PATIENCE);
        assert_eq!(status.signal(), Some(SIGKILL), "{points}: {status}");
        assert!(sidecar.stderr().contains(&format!("crash point {point}")), "{points}: {}", sidecar.stderr());
    }
    scene.kafka().delay(Duration::ZERO);
    let sidecar = scene.start(&settings);
    stopped.store(true, Ordering::Release);
    let events = writer.join().expect("the writer's thread");
    wait_until("every event", PATIENCE, || {
        scene.kafka().end_offset(TOPIC) >= events && Arrived::new(&scene.records()).complete(events) == events
    });
    sidecar.drain(PATIENCE);
    let messages = scene.messages();
    assert!(messages.first().is_none_or(|first| first.offset == 0), "more than the mock keeps");
    let arrived = Arrived::new(&scene.records());
    (0..events).for_each(|seq| arrived.check(seq));
    let is_cut =
        |seq: &u64| Writing::of(*seq) == Writing::Paused && arrived.parts(*seq).is_some_and(|parts| parts.len() > 1);
    let cut = (0..events).filter(is_cut).count();
    assert!(cut > 0, "{point}: no event was cut by the timeout");
    let deaths = passes.len() as u64 + 1;
    eprintln!(
        "{point}, {form:?}: {deaths} deaths, {events} events in {:.1?}, {cut} cut by the timeout, {} records ({} bytes) again",
        start.elapsed(),
        arrived.duplicates,
        arrived.duplicate_bytes
    );
    let duplicates_max = deaths * DOUBLED_BYTES_MAX;
    assert!(arrived.duplicate_bytes <= duplicates_max, "{point}: {} bytes again", arrived.duplicate_bytes);
}

/// Goal: a kill while the lines of an event are read, or between a cut and its record, leaves every event whole.
#[test]
fn kills_while_events_are_read_leave_them_whole() {
    for form in [Form::Lines, Form::Cri] {
        check("read", form, &[0, 1, 9, 40, 3, 0]);
        check("enqueue", form, &[0, 1, 37, 400, 150, 3]);
    }
}

/// Goal: the same after the acknowledgement of a record, before the checkpoint has its end or its cut.
#[test]
fn kills_after_an_acknowledgement_leave_events_whole() {
    for form in [Form::Lines, Form::Cri] {
        check("report", form, &[0, 1, 37, 400, 150, 3]);
    }
}

/// Goal: the same during a save of cuts and of what was learned of the file.
#[test]
fn kills_during_a_save_leave_events_whole() {
    for (point, form) in [
        ("write", Form::Lines),
        ("before-rename", Form::Cri),
        ("after-rename", Form::Lines),
        ("before-fsync", Form::Cri),
        ("after-fsync", Form::Lines),
    ] {
        let passes: &[u32] = if point.ends_with("fsync") { &[0, 0, 1, 0] } else { &[0, 1, 2, 5, 3] };
        check(point, form, passes);
    }
}

/// Goal: the check notices a merged, a cut and a lost event; otherwise the tests above could not fail.
#[test]
fn the_check_of_events_can_fail() {
    let record = |id: &str, lines: &[String]| json!({"message": lines.join("\n"), "event.id": id});
    let (single, several) = (lines(0), lines(3));
    let check = |records: &[Value], seq: u64| std::panic::catch_unwind(|| Arrived::new(records).check(seq)).is_ok();
    assert!(check(&[record("a", &single), record("a", &single), record("b", &several)], 3));
    assert!(!check(&[record("a", &[single.clone(), several.clone()].concat())], 0), "merged");
    assert!(!check(&[record("a", &several[..4]), record("b", &several[4..])], 3), "cut");
    assert!(!check(&[record("a", &several[..4])], 3), "lost lines");
    assert!(!check(&[record("a", &single), record("b", &single)], 0), "another id");
    assert!(!check(&[record("a", &single), record("a", &several)], 0), "other bytes");
}

//! Kills at named points, between steps that a kill from outside rarely hits: `cargo test --features failpoints`.
//!
//! Each kill ends the process as SIGKILL does, while an application continues to write and to rotate: alternately by
//! renaming, by copying and by replacing its file. A last process, without failpoints, ships the rest.

mod groups;

use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::{Duration, Instant};

use logskiff::delivery::checkpoint;

use crate::support::lines::{Place, Plan, Rotation, Tally, Writer, text};
use crate::support::scene::{Scene, TOPIC};
use crate::support::{http, wait_until};

/// Timeout for an action that normally takes a moment; a debug build on a busy machine needs longer.
const PATIENCE: Duration = Duration::from_secs(60);
const SIGKILL: i32 = 9;
/// The client must always have unfinished requests when processes die: their lines are lost unless they are read again.
/// Up to five requests of this many lines are pending, and are answered after this delay.
const MESSAGES_PER_REQUEST: u32 = 10;
const ANSWERED_AFTER: Duration = Duration::from_millis(10);
/// The smallest limit: bytes in flight should have little effect.
const IN_FLIGHT_BYTES: u64 = 64 << 10;
/// The checkpoint is saved after this many acknowledged bytes (docs/delivery.md).
const SAVE_BYTES: u64 = 128 << 10;
/// The largest number of duplicates that one kill may cause: lines acknowledged since the last save, including reports
/// that are processed at once, and lines in flight.
const DOUBLED_BYTES_MAX: u64 = SAVE_BYTES + 2 * IN_FLIGHT_BYTES;
/// Longer than one iteration of the shipper.
const HANGS_FOR: Duration = Duration::from_secs(45);
/// More than the duration of all kills of a test.
const PLAN: Plan = Plan { lines: 100_000, lines_per_s: 3_000, rotate_every: 700 };

/// The number of lines that this many kills may duplicate, if all lines were as short as the shortest.
fn duplicates_max(deaths: usize) -> u64 {
    let shortest = (0..1_000).map(|seq| text(seq).len() as u64 + 1).min().unwrap();
    deaths as u64 * DOUBLED_BYTES_MAX / shortest
}

/// Kills one process after another at `point`, each after the number of passes given by `passes`. Checks that every
/// line arrives, unchanged and in order, and that the kills explain the duplicates, of which there are at least
/// `duplicates_min`.
#[track_caller]
fn check(point: &str, passes: &[u32], duplicates_min: u64) {
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
        .with("LOGSKIFF_LINE_BYTES_MAX", "16KiB");
    let start = Instant::now();
    let rotation = |number| [Rotation::Rename, Rotation::CopyTruncate, Rotation::Replace][number % 3];
    let writer = Writer::rotating(scene.folder(), PLAN, rotation);
    let duplicates_max = duplicates_max(passes.len() + 1);
    // Before the first kill there are more lines than all kills may duplicate: a process that restarted from the start
    // would be detected.
    let sidecar = scene.start(&settings);
    wait_until("lines before the first death", PATIENCE, || scene.kafka().end_offset(TOPIC) > duplicates_max);
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
    let places = writer.stop();
    let lines = places.len() as u64;
    assert!(lines < PLAN.lines, "{point}: the application ended before the last death");
    // A copy that nobody saw being made is read only after a waiting time.
    wait_until("every line", PATIENCE, || scene.kafka().end_offset(TOPIC) >= lines && tally(&scene, &places).lost == 0);
    sidecar.drain(PATIENCE);
    let tally = tally(&scene, &places);
    let rotations = places.last().map_or(0, |place| place.file);
    let deaths = passes.len() + 1;
    eprintln!(
        "{point}: {deaths} deaths, {rotations} rotations, {lines} lines in {:.1?}, at most {duplicates_max} duplicates: {tally:?}",
        start.elapsed()
    );
    tally.check(lines, duplicates_max);
    assert!(tally.duplicates >= duplicates_min, "{point}: {tally:?}");
}

#[track_caller]
fn tally(scene: &Scene, places: &[Place]) -> Tally {
    let messages = scene.messages();
    assert!(messages.first().is_none_or(|first| first.offset == 0), "more than the mock keeps");
    Tally::from_messages(&messages, places)
}

/// Goal: a kill between reading a line and passing it on loses nothing.
#[test]
fn kills_before_a_line_is_passed_on_lose_nothing() {
    check("read", &[0, 0, 1, 4, 17, 40], 0);
    check("enqueue", &[0, 1, 37, 400, 1_500, 3], 0);
}

/// Goal: a kill after a line was acknowledged, before the checkpoint is saved, ships it again and loses nothing.
#[test]
fn kills_after_an_acknowledgement_lose_nothing() {
    let passes = [0, 1, 37, 400, 1_500, 3];
    check("report", &passes, passes.len() as u64);
}

/// Goal: a kill during a save leaves a valid checkpoint.
#[test]
fn kills_during_a_save_lose_nothing() {
    for point in ["write", "before-rename", "after-rename"] {
        check(point, &[0, 1, 2, 5, 9, 3], 0);
    }
}

/// Goal: the same while the older generation is synced, at the first save and 5 s later.
#[test]
fn kills_during_a_sync_lose_nothing() {
    for point in ["before-fsync", "after-fsync"] {
        check(point, &[0, 0, 1, 0], 0);
    }
}

/// Goal: each of many files is always in one of the two files: a kill while the quiet files are written ships nothing
/// again that was saved.
#[test]
fn kills_while_quiet_files_are_written_duplicate_nothing() {
    const FILES: usize = 800;
    for point in ["quiet-write", "quiet-written"] {
        let scene = Scene::new();
        let (logs, state) = (scene.path("logs"), scene.path("state"));
        let settings = scene
            .settings()
            .with("LOGSKIFF_PATHS", &logs.join("*.log").display().to_string())
            .with("LOGSKIFF_ENCODING", "raw");
        let path = |file: usize| logs.join(format!("{file}.log"));
        (0..FILES).for_each(|file| std::fs::write(path(file), format!("{file}\n")).unwrap());
        for passes in [0, 0] {
            let points = format!("{point}={passes}*off->return");
            let saved = checkpoint::read_only(&state).map(|checkpoint| checkpoint.files).unwrap_or_default();
            let before = received(&scene);
            let mut sidecar = scene.start(&settings.clone().with("FAILPOINTS", &points));
            // Each process has as many new files as are needed to make the others quiet.
            let extra = FILES + before.len();
            (extra..extra + FILES).for_each(|file| std::fs::write(path(file), format!("{file}\n")).unwrap());
            let (status, _) = sidecar.wait(PATIENCE * 2);
            assert_eq!(status.signal(), Some(SIGKILL), "{points}: {status}");
            let after = received(&scene);
            let line = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
            let settled = saved.iter().filter(|mark| mark.offset > 0).map(|mark| line(&mark.path));
            let again = settled.filter(|line| after.get(line) > before.get(line));
            assert_eq!(again.count(), 0, "{points}: saved lines are shipped again");
        }
        let files = std::fs::read_dir(&logs).unwrap().count();
        let sidecar = scene.start(&settings);
        wait_until("every line", PATIENCE, || received(&scene).len() == files);
        sidecar.drain(PATIENCE);
        let duplicates = received(&scene).values().filter(|count| **count > 1).count();
        eprintln!("{point}: {files} files, {duplicates} of them twice");
    }
}

/// How often each line arrived.
fn received(scene: &Scene) -> HashMap<String, usize> {
    let mut lines = HashMap::new();
    for message in scene.messages() {
        *lines.entry(String::from_utf8_lossy(&message.payload).into_owned()).or_default() += 1;
    }
    lines
}

/// Goal: a defect reports its source location, and nothing of the current line, on stderr, stdout and in the
/// termination message. The next process ships the rest.
#[test]
fn a_defect_reports_only_its_location() {
    for point in ["read", "enqueue", "report"] {
        let scene = Scene::new();
        let ending = scene.path("termination-log");
        let settings = scene
            .settings()
            .with("LOGSKIFF_LOG", "trace")
            .with("LOGSKIFF_START_AT", "beginning")
            .with("LOGSKIFF_TERMINATION_LOG", ending.to_str().unwrap());
        scene.write("logs/app.log", "order placed by password=zebra-in-line\n".repeat(50));
        // A panic's message may quote the current line.
        let points = format!("{point}=panic(password=zebra-in-panic)");
        let mut sidecar = scene.start(&settings.clone().with("FAILPOINTS", &points));
        let (status, _) = sidecar.wait(PATIENCE);
        assert!(!status.success(), "{points}: {status}");
        let reported = sidecar.stderr();
        assert!(reported.contains("logskiff: internal error (panic) at "), "{points}: {reported}");
        let ended = std::fs::read_to_string(&ending).unwrap_or_default();
        for (what, text) in [("stderr", reported), ("stdout", sidecar.stdout()), ("the termination message", ended)] {
            assert!(!text.contains("zebra"), "{points}, on {what}: {text}");
        }
        let sidecar = scene.start(&settings);
        wait_until("every line", PATIENCE, || scene.kafka().end_offset(TOPIC) >= 50);
        sidecar.drain(PATIENCE);
        let all = scene.messages();
        assert!(all.iter().all(|message| !String::from_utf8_lossy(&message.payload).contains("zebra")), "{points}");
    }
}

/// Goal: the liveness probe detects a hanging shipper, and its recovery.
#[test]
fn a_hanging_shipper_is_not_alive() {
    let scene = Scene::new();
    let settings = scene
        .settings()
        .with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0")
        .with("FAILPOINTS", &format!("read=1*sleep({})", HANGS_FOR.as_millis()));
    scene.write("logs/app.log", "one\n");
    let sidecar = scene.start(&settings);
    let address = http::address(&sidecar);
    assert_eq!(http::get(&address, "/livez").unwrap().0, 200, "it may take its time");
    wait_until("the shipper to be given up", PATIENCE, || {
        http::get(&address, "/livez")
            .is_some_and(|(status, why)| status == 503 && why.contains("no heartbeat of the shipper"))
    });
    assert_eq!(http::get(&address, "/metrics").unwrap().0, 200, "what it last said is still shown");
    wait_until("life", PATIENCE, || http::get(&address, "/livez").unwrap().0 == 200);
    wait_until("the line", PATIENCE, || scene.kafka().end_offset(TOPIC) == 1);
    sidecar.drain(PATIENCE);
}

/// Goal: a hanging state volume delays no line, also after a truncation, and does not block shutdown.
#[test]
fn a_hanging_state_volume_delays_nothing() {
    let scene = Scene::new();
    let logs = scene.path("logs");
    let settings = scene.settings().with("LOGSKIFF_DRAIN_TIMEOUT", "3s").with("FAILPOINTS", "before-rename=pause");
    let mut sidecar = scene.start(&settings);
    for (name, lines, count) in [
        ("app.log", "one, which is longer\n", 1),
        // Truncations, which must be saved before records of the new incarnation are sent.
        ("app.log", "two\n", 2),
        ("app.log.1", "of another file\n", 3),
        ("app.log", "3\n", 4),
    ] {
        std::fs::write(logs.join(name), lines).unwrap();
        wait_until(lines, PATIENCE, || scene.kafka().end_offset(TOPIC) == count);
    }
    wait_until("a word", PATIENCE, || sidecar.stderr().contains("the state volume does not answer"));
    assert!(!scene.path("state/checkpoint.json").exists(), "it hangs");
    sidecar.terminate();
    let (status, took) = sidecar.wait(PATIENCE);
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(8), "{took:?}");
}

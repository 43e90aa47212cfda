//! Inputs that cannot be read twice: standard input, and pipes that are named without a glob.

use std::fs::{self, File};
use std::io::{BufWriter, PipeWriter, Write, pipe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use rdkafka::types::RDKafkaRespErr;

use super::{MIB, PATIENCE, counted};
use crate::support::scene::{Scene, TOPIC};
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::wait_until;

/// Reads only standard input, and ships each line unchanged.
fn from_stdin(settings: &Settings) -> Settings {
    settings.clone().with("LOGSKIFF_PATHS", "-").with("LOGSKIFF_ENCODING", "raw")
}

fn start(scene: &Scene, settings: &Settings) -> (Sidecar, PipeWriter) {
    let (read, write) = pipe().unwrap();
    (Sidecar::reading(scene.folder(), settings, read), write)
}

fn to_kafka(scene: &Scene) -> Settings {
    from_stdin(&Settings::new(scene.folder(), &scene.kafka().bootstrap(), TOPIC))
}

/// Goal: standard input is shipped to its last byte, and its end ends the process.
#[test]
fn the_end_of_standard_input_ends_the_process() {
    const LINES: usize = 300_000;
    let scene = Scene::new();
    let (mut sidecar, stdin) = start(&scene, &from_stdin(&scene.to_stdout()));
    let mut text: String = (0..LINES).fold(String::new(), |text, line| text + &line.to_string() + " piped\n");
    text += "a last line without newline";
    { stdin }.write_all(text.as_bytes()).unwrap();
    let (status, _) = sidecar.wait(PATIENCE);
    assert!(status.success(), "{status}: {}", sidecar.stderr());
    assert!(sidecar.stdout().lines().eq(text.lines()), "each line once, in its order");
    assert!(sidecar.stderr().contains("standard input has ended"), "{}", sidecar.stderr());
}

/// Goal: empty standard input ends the process immediately, and `LOGSKIFF_EXIT=eof` waits for the end of standard
/// input, not for a pause in it.
#[test]
fn an_exit_at_eof_waits_for_it() {
    let scene = Scene::new();
    let (mut sidecar, stdin) = start(&scene, &from_stdin(&scene.to_stdout()));
    drop(stdin);
    assert!(sidecar.wait(PATIENCE).0.success());
    scene.append_log("app.log", "in a file\n");
    let settings = scene.to_stdout().with("LOGSKIFF_EXIT", "eof");
    let both = format!("-,{}", scene.path("logs/*.log").display());
    let (mut sidecar, mut stdin) = start(&scene, &settings.with("LOGSKIFF_PATHS", &both));
    stdin.write_all(b"one\n").unwrap();
    wait_until("both first lines", PATIENCE, || counted(&sidecar).len() == 2);
    sleep(Duration::from_secs(1));
    assert!(sidecar.is_running());
    stdin.write_all(b"two").unwrap();
    drop(stdin);
    assert!(sidecar.wait(PATIENCE).0.success());
    assert_eq!(counted(&sidecar).len(), 3, "{:?}", counted(&sidecar));
}

/// Goal: NUL bytes, more than may be kept, delay neither the bytes after them nor the end.
#[test]
fn zeros_in_a_pipe_delay_nothing() {
    let scene = Scene::new();
    let (mut sidecar, mut stdin) = start(&scene, &from_stdin(&scene.to_stdout()));
    // Without a wait for the process: it would wait forever if nothing is read any more.
    std::thread::spawn(move || {
        for line in ["first\n", "second\n", ""] {
            stdin.write_all(line.as_bytes()).unwrap();
            for _ in 0..8 {
                stdin.write_all(&vec![0; 1 << 20]).unwrap();
            }
        }
    });
    let (status, _) = sidecar.wait(PATIENCE);
    assert!(status.success(), "{status}: {}", sidecar.stderr());
    assert_eq!(sidecar.stdout(), "first\nsecond\n");
    assert!(sidecar.stderr().contains("\"left_bytes\":0"), "{}", sidecar.stderr());
}

/// Goal: while the broker is away memory is bounded and the writer waits; then everything arrives once.
#[test]
fn while_the_broker_is_away_the_writer_waits() {
    const LINES: u64 = 40_000;
    let scene = Scene::new();
    let mock = scene.kafka();
    mock.down();
    let (mut sidecar, stdin) = start(&scene, &to_kafka(&scene));
    let written = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut stdin = BufWriter::new(stdin);
            for line in 0..LINES {
                writeln!(stdin, "{line} {}", "x".repeat(990)).unwrap();
                written.fetch_add(1, Ordering::Relaxed);
            }
        });
        sleep(Duration::from_secs(6));
        let (held, peak) = (written.load(Ordering::Relaxed), sidecar.memory_peak_bytes());
        eprintln!(
            "without a broker: {} KiB of 40,000 KiB taken from the writer, {} KiB at the peak",
            held,
            peak / 1024
        );
        assert!(held < 5_000, "{held}: the writer did not wait");
        assert!(peak < 40 * MIB, "{peak}");
        mock.up();
        wait_until("every line", PATIENCE, || mock.end_offset(TOPIC) >= LINES);
    });
    let (status, _) = sidecar.wait(PATIENCE);
    assert!(status.success(), "{status}: {}", sidecar.stderr());
    assert_eq!(mock.end_offset(TOPIC), LINES, "once");
}

/// Goal: records that the broker refused are read again, from memory.
#[test]
fn failed_records_are_read_again_from_memory() {
    const REFUSED: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    let scene = Scene::new();
    let mock = scene.kafka();
    let (mut sidecar, mut stdin) = start(&scene, &to_kafka(&scene));
    for round in 0..10 {
        if round % 2 == 1 {
            mock.fate_of_requests(&[REFUSED, REFUSED]);
        }
        for line in 0..500 {
            writeln!(stdin, "{round} {line}").unwrap();
        }
        sleep(Duration::from_millis(100));
    }
    drop(stdin);
    let (status, _) = sidecar.wait(PATIENCE);
    assert!(status.success(), "{status}: {}", sidecar.stderr());
    assert!(sidecar.stderr().contains("sending it again"), "nothing was refused: {}", sidecar.stderr());
    let mut got: Vec<String> =
        mock.received(TOPIC).into_iter().map(|message| String::from_utf8(message.payload).unwrap()).collect();
    got.sort_unstable();
    let mut want: Vec<String> = (0..10).flat_map(|round| (0..500).map(move |line| format!("{round} {line}"))).collect();
    want.sort_unstable();
    assert_eq!(got, want);
}

/// Goal: a drain ships the bytes that have come, although the writer still exists.
#[test]
fn a_drain_ships_received_bytes() {
    let scene = Scene::new();
    let (sidecar, mut stdin) = start(&scene, &from_stdin(&scene.to_stdout()));
    for line in 0..1_000 {
        writeln!(stdin, "{line}").unwrap();
    }
    wait_until("the process to listen", PATIENCE, || sidecar.stdout().lines().next().is_some());
    write!(stdin, "no newline yet").unwrap();
    sleep(Duration::from_millis(300));
    let out = scene.path("sidecar.out");
    assert!(sidecar.drain(PATIENCE) < Duration::from_secs(10));
    assert_eq!(fs::read_to_string(out).unwrap().lines().count(), 1_001);
}

fn make_pipe(path: &std::path::Path) {
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
}

/// Goal: a pipe that is named without a glob is read, from one writer after another, and after it was created again. A
/// pipe that only a glob matches is refused.
#[test]
fn only_a_pipe_named_without_a_glob_is_read() {
    let scene = Scene::new();
    let pipe = scene.log("app.pipe");
    make_pipe(&pipe);
    make_pipe(&scene.log("matched.log"));
    let paths = format!("{},{}", pipe.display(), scene.path("logs/*.log").display());
    let sidecar = scene.start(&scene.to_stdout().with("LOGSKIFF_PATHS", &paths));
    let write = |text: &str| File::options().write(true).open(&pipe).unwrap().write_all(text.as_bytes()).unwrap();
    write("one\ntwo\nno newline");
    wait_until("the first writer's lines", PATIENCE, || counted(&sidecar).len() == 3);
    write("three\n");
    wait_until("the second writer's", PATIENCE, || counted(&sidecar).contains_key("three"));
    fs::remove_file(&pipe).unwrap();
    make_pipe(&pipe);
    write("four\n");
    wait_until("lines of a pipe that was created again", PATIENCE, || counted(&sidecar).contains_key("four"));
    let got = counted(&sidecar);
    assert_eq!(got.len(), 5, "{got:?}");
    assert!(got.contains_key("no newline") && got.values().all(|count| *count == 1), "{got:?}");
    let log = sidecar.stderr();
    let refused: Vec<&str> = log.lines().filter(|line| line.contains("cannot read this file")).collect();
    assert!(
        matches!(refused[..], [only] if only.contains("matched.log") && only.contains("without wildcards")),
        "{log}"
    );
    sidecar.drain(PATIENCE);
}

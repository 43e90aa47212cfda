//! Files that are not logs, and contents that no log has.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, mknodat};
use serde_json::Value;

use super::{MIB, PATIENCE, counted, in_full};
use crate::support::scene::Scene;
use crate::support::wait_until;

/// Memory limit of the process, whatever a file contains.
const MEMORY_MAX_BYTES: u64 = 40 * MIB;

/// Goal: a line of 2 GiB (128 MiB unless the full sizes are requested) is truncated, marked and counted in bounded
/// memory, and other files continue meanwhile.
#[test]
fn a_line_of_two_gibibytes_is_truncated_in_bounded_memory() {
    let scene = Scene::new();
    let mut file = File::create(scene.log("long.log")).unwrap();
    file.write_all(b"before\n").unwrap();
    let sidecar = scene.start(&scene.to_stdout());
    let block = vec![b'x'; 1 << 20];
    let blocks = if in_full() { 2_048 } else { 128 };
    for number in 0..blocks {
        file.write_all(&block).unwrap();
        if number % (blocks / 4) == 0 {
            scene.append_log("other.log", format!("other {number}\n"));
        }
    }
    file.write_all(b"\nafter\n").unwrap();
    wait_until("what follows it", PATIENCE * 2, || {
        let counted = counted(&sidecar);
        counted.contains_key("after") && counted.keys().filter(|text| text.starts_with("other")).count() == 4
    });
    let counted = counted(&sidecar);
    let longest = counted.keys().max_by_key(|text| text.len()).unwrap();
    assert!(longest.len() as u64 >= MIB - 4 && longest.len() as u64 <= MIB, "cut at its limit: {}", longest.len());
    let peak = sidecar.memory_peak_bytes();
    eprintln!("a line of {blocks} MiB: {} KiB of memory at the peak", peak >> 10);
    assert!(peak < MEMORY_MAX_BYTES, "{peak}");
    sidecar.drain(PATIENCE);
}

/// Goal: a hole of 10 GiB is skipped, not read: a writer that does not append leaves one after a truncation.
#[test]
fn a_hole_of_ten_gibibytes_is_skipped() {
    let scene = Scene::new();
    let mut file = File::create(scene.log("hole.log")).unwrap();
    file.seek(SeekFrom::Start(10 << 30)).unwrap();
    file.write_all(b"behind the hole\n").unwrap();
    let start = Instant::now();
    let sidecar = scene.start(&scene.to_stdout());
    wait_until("the line after the hole", PATIENCE, || counted(&sidecar).contains_key("behind the hole"));
    eprintln!("a hole of 10 GiB took {:?}, {} KiB at the peak", start.elapsed(), sidecar.memory_peak_bytes() >> 10);
    assert!(sidecar.memory_peak_bytes() < MEMORY_MAX_BYTES);
    scene.append_log("hole.log", "and more\n");
    wait_until("the next line", PATIENCE, || counted(&sidecar).contains_key("and more"));
    sidecar.drain(PATIENCE);
    let printed = counted(&scene.start(&scene.to_stdout().with("LOGSKIFF_EXIT", "eof")));
    assert_eq!(printed.len(), 2, "nothing but the two lines");
}

/// Goal: zeros at the end, as a file system leaves them after a crash, do not hold a deleted file open.
#[test]
fn zeros_at_the_end_of_a_deleted_file_do_not_hold_it() {
    let scene = Scene::new();
    scene.append_log("app.log", "before\n");
    File::options().write(true).open(scene.log("app.log")).unwrap().set_len(10 << 30).unwrap();
    let sidecar = scene.start(&scene.to_stdout());
    wait_until("the line", PATIENCE, || counted(&sidecar).contains_key("before"));
    fs::remove_file(scene.log("app.log")).unwrap();
    let descriptors = format!("/proc/{}/fd", sidecar.id());
    let held = || {
        let open = fs::read_dir(&descriptors).unwrap().flatten();
        open.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|path| path.ends_with("app.log (deleted)"))
    };
    assert!(held(), "it is held as long as it may grow");
    wait_until("the file to be let go", PATIENCE, || !held());
    sidecar.drain(PATIENCE);
}

/// Goal: names that are not UTF-8 or contain a newline work, are escaped in the output, and are recognized after a
/// restart.
#[test]
fn unusual_names_are_read_and_recognized() {
    let scene = Scene::new();
    let names = [&b"new\nline.log"[..], b"not\xffutf8.log", b"quote\"and\\.log", b"[glob]*.log", b"\x1b[31mred.log"];
    for (number, name) in names.iter().enumerate() {
        fs::write(scene.path("logs").join(OsStr::from_bytes(name)), format!("{number}\n")).unwrap();
    }
    let sidecar = scene.start(&scene.to_stdout());
    wait_until("every line", PATIENCE, || counted(&sidecar).len() == names.len());
    sidecar.drain(PATIENCE);
    for (number, name) in names.iter().enumerate() {
        let mut file = File::options().append(true).open(scene.path("logs").join(OsStr::from_bytes(name))).unwrap();
        writeln!(file, "{number} again").unwrap();
    }
    let sidecar = scene.start(&scene.to_stdout());
    wait_until("the next lines", PATIENCE, || counted(&sidecar).len() == 2 * names.len());
    let out = sidecar.stdout();
    assert_eq!(out.lines().count(), 2 * names.len(), "none twice, one line a record");
    let paths: Vec<String> = out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["log.file.path"].as_str().unwrap().to_owned())
        .collect();
    assert!(paths.iter().any(|path| path.ends_with("new\nline.log")), "{paths:?}");
    assert!(paths.iter().any(|path| path.ends_with("not\u{fffd}utf8.log")), "{paths:?}");
    assert!(!sidecar.stderr().contains('\u{1b}'));
}

/// Goal: anything but a regular file is refused immediately, logged once, and blocks nothing.
#[test]
fn other_types_of_files_are_refused() {
    let scene = Scene::new();
    fs::create_dir(scene.log("directory.log")).unwrap();
    assert!(Command::new("mkfifo").arg(scene.log("fifo.log")).status().unwrap().success());
    symlink("/proc/self/environ", scene.log("proc.log")).unwrap();
    symlink("/dev/zero", scene.log("device.log")).unwrap();
    let device = Command::new("mknod").arg(scene.log("zero.log")).args(["c", "1", "5"]).status();
    scene.append_log("app.log", "a line\n");
    let start = Instant::now();
    let sidecar = scene.start(&scene.to_stdout().with("LOGSKIFF_POLL_INTERVAL", "100ms"));
    wait_until("the line", PATIENCE, || counted(&sidecar).contains_key("a line"));
    std::thread::sleep(Duration::from_secs(2));
    let refused = 3 + usize::from(device.is_ok_and(|status| status.success()));
    assert_eq!(sidecar.stderr().matches("cannot read this file").count(), refused, "{}", sidecar.stderr());
    assert_eq!(counted(&sidecar).len(), 1);
    sidecar.drain(PATIENCE);
    assert!(start.elapsed() < PATIENCE);
}

/// Goal: a glob that matches logskiff's own output causes no loop.
#[test]
fn own_output_is_never_read() {
    let scene = Scene::new();
    scene.append_log("app.log", "a line\n");
    let everything = scene.path("**/*").display().to_string();
    let settings = scene.to_stdout().with("LOGSKIFF_PATHS", &everything).with("LOGSKIFF_POLL_INTERVAL", "100ms");
    let sidecar = scene.start(&settings);
    wait_until("the line", PATIENCE, || counted(&sidecar).contains_key("a line"));
    wait_until("the refusals", PATIENCE, || sidecar.stderr().matches("logskiff's own output").count() == 2);
    assert_eq!(counted(&sidecar).values().sum::<usize>(), 1, "{}", sidecar.stdout());
    sidecar.drain(PATIENCE);
}

/// Goal: 10,000 times and more a log's name is given to a link, a FIFO or a directory, or its directory is swapped for
/// a link, between a check and the open. Nothing outside is ever shipped.
#[test]
fn swaps_between_check_and_open_leak_nothing() {
    const SWAPS_MIN: usize = 10_000;
    /// This many lines show that some of the files were opened in time.
    const SEEN_MIN: usize = 6;
    let scene = Scene::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("app.log"), "CANARY of another's file\n".repeat(50)).unwrap();
    let sub = scene.log("sub");
    fs::create_dir(&sub).unwrap();
    let sidecar = scene.start(&scene.to_stdout().with("LOGSKIFF_POLL_INTERVAL", "100ms"));
    let (log, aside) = (sub.join("app.log"), scene.path("aside"));
    let start = Instant::now();
    let seen_enough = |swap: usize| swap.is_multiple_of(1_000) && counted(&sidecar).len() >= SEEN_MIN;
    let mut swaps = 0;
    // A busy machine needs more.
    for swap in (0..).take_while(|swap| *swap < SWAPS_MIN || (!seen_enough(*swap) && start.elapsed() < PATIENCE)) {
        swaps = swap + 1;
        match swap % 5 {
            0 | 2 => fs::write(&log, format!("line {swap}\n")).unwrap(),
            1 => symlink(outside.path().join("app.log"), &log).unwrap(),
            3 => {
                // The directory itself becomes a link, and a directory again.
                fs::rename(&sub, &aside).unwrap();
                symlink(outside.path(), &sub).unwrap();
            }
            _ => mknodat(CWD, &log, FileType::Fifo, 0o644.into(), 0).unwrap(),
        }
        if swap % 3 == 0 {
            std::thread::sleep(Duration::from_micros(700));
        }
        if swap % 5 == 3 {
            fs::remove_file(&sub).unwrap();
            fs::rename(&aside, &sub).unwrap();
        } else {
            fs::remove_file(&log).unwrap();
        }
    }
    eprintln!("{swaps} swaps in {:?}", start.elapsed());
    fs::write(&log, "the end\n").unwrap();
    wait_until("the last line", PATIENCE, || counted(&sidecar).contains_key("the end"));
    let counted = counted(&sidecar);
    eprintln!("{} lines were seen in time", counted.len());
    assert!(counted.len() >= SEEN_MIN, "some of the files were opened");
    assert!(!sidecar.stdout().contains("CANARY") && !sidecar.stderr().contains("CANARY"));
    sidecar.drain(PATIENCE);
}

//! Thousands of files, and one that is busier than the others.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use super::{PATIENCE, counted, in_full};
use crate::support::scene::Scene;
use crate::support::sidecar::Sidecar;
use crate::support::{spent, wait_until};

fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Goal: 10,000 files in nested directories are read, few of them stay open, and closed ones are read on when they
/// grow, are renamed or are truncated. A restart reads none of them again.
#[test]
fn ten_thousand_files_are_read_with_few_descriptors() {
    const FILES: usize = 10_000;
    let scene = Scene::new();
    let name = |number: usize| format!("d{}/e{}/{number}.log", number % 100, number % 7);
    for number in 0..FILES {
        fs::create_dir_all(scene.log(&name(number)).parent().unwrap()).unwrap();
        scene.append_log(&name(number), format!("{number} first\n"));
    }
    let sidecar = scene.start(&scene.to_stdout());
    wait_until("every first line", PATIENCE * 5, || counted(&sidecar).len() == FILES);
    wait_until("the idle to be closed", PATIENCE, || descriptors(sidecar.id()) < 600);
    let before = spent(sidecar.id());
    sleep(Duration::from_secs(10));
    let ticks = spent(sidecar.id()).0 - before.0;
    eprintln!("10,000 quiet files: {} descriptors, {} ms of CPU in 10 s", descriptors(sidecar.id()), ticks * 10);
    let some = || (0..FILES).step_by(97);
    for number in some() {
        match number % 3 {
            0 => {}
            1 => fs::rename(scene.log(&name(number)), scene.log(&(name(number) + ".1"))).unwrap(),
            _ => File::options().write(true).open(scene.log(&name(number))).unwrap().set_len(0).unwrap(),
        }
        scene.append_log(&name(number), format!("{number} next\n"));
    }
    let more = some().count();
    wait_until("the next lines", PATIENCE, || counted(&sidecar).len() == FILES + more);
    assert!(descriptors(sidecar.id()) < 1_200, "{}", descriptors(sidecar.id()));
    sidecar.drain(PATIENCE);
    let sidecar = scene.start(&scene.to_stdout());
    scene.append_log(&name(4_321), "4321 after\n");
    wait_until("the last line", PATIENCE, || counted(&sidecar).contains_key("4321 after"));
    sleep(Duration::from_secs(2));
    let duplicates: Vec<_> = counted(&sidecar).into_iter().filter(|(_, count)| *count > 1).collect();
    assert!(duplicates.is_empty(), "{duplicates:?}");
}

/// Goal: very many small files that stay use little memory and little of the state volume, are read on when they
/// change, also while logskiff is stopped, and are neither read again nor taken for deleted after a kill.
#[test]
fn very_many_small_files_take_little_memory() {
    let files = if in_full() { 20_000 } else { 8_000 };
    let scene = Scene::new();
    let name = |number: usize| format!("d{}/{number}.log", number % 50);
    (0..50).for_each(|directory| fs::create_dir_all(scene.log(&format!("d{directory}"))).unwrap());
    (0..files).for_each(|number| fs::write(scene.log(&name(number)), format!("{number} first\n")).unwrap());
    let settings = scene.to_stdout().with("LOGSKIFF_ENCODING", "raw");
    let lines = |sidecar: &Sidecar| sidecar.stdout().lines().count();
    let sidecar = scene.start(&settings);
    let mut high = 0;
    let mut sampled = |holds: bool| {
        high = sidecar.own_memory_bytes().max(high);
        holds
    };
    wait_until("every first line", PATIENCE * 8, || sampled(lines(&sidecar) >= files));
    let state = |name: &str| fs::metadata(scene.path("state").join(name)).map_or(0, |found| found.len());
    wait_until("the quiet ones to be written", PATIENCE * 2, || {
        sampled(state("checkpoint.quiet") / 48 + 4_000 >= files as u64)
    });
    wait_until("little to be saved of the others", PATIENCE, || sampled(state("checkpoint.json") < 2_000_000));
    let high = high / 1024;
    eprintln!(
        "{files} files: {high} KiB at most, checkpoints of {} and {} bytes",
        state("checkpoint.json"),
        state("checkpoint.quiet")
    );
    // An open file takes 4 KiB. The faster the disk, the more are open, being read and waiting to be saved at once.
    assert!((1..36 * 1024).contains(&high), "{high} KiB");

    let change = |number: usize, time: &str| {
        let file = scene.log(&name(number));
        match number % 4 {
            0 => fs::rename(&file, file.with_extension("log.1")).unwrap(),
            1 => fs::write(&file, "").unwrap(),
            2 => fs::remove_file(&file).unwrap(),
            _ => {}
        }
        let file = if number.is_multiple_of(4) { name(number) + ".1" } else { name(number) };
        scene.append_log(&file, format!("{number} {time}\n"));
    };
    let some = |from: usize| (from..files).step_by(files / 100);
    some(1).for_each(|number| change(number, "second"));
    scene.append_log("d0/new.log", "a new file\n");
    let second = files + some(1).count() + 1;
    wait_until("later lines", PATIENCE, || lines(&sidecar) >= second);
    let arrived = SystemTime::now();
    let saved = || fs::metadata(scene.path("state/checkpoint.json")).and_then(|found| found.modified()).unwrap();
    wait_until("that to be saved", PATIENCE, || saved() > arrived);
    sidecar.kill();
    some(2).for_each(|number| change(number, "third"));
    let sidecar = scene.start(&settings);
    let third = second + some(2).count();
    wait_until("lines written meanwhile", PATIENCE, || lines(&sidecar) >= third);
    // The search for a missing file ends after ten seconds.
    sleep(Duration::from_secs(12));
    let out = sidecar.stdout();
    let mut counted: HashMap<&str, usize> = HashMap::new();
    out.lines().for_each(|line| *counted.entry(line).or_default() += 1);
    let duplicates: Vec<_> = counted.iter().filter(|(_, count)| **count > 1).take(5).collect();
    assert!(duplicates.is_empty(), "{duplicates:?}");
    assert_eq!(counted.len(), third);
    let reported = sidecar.stderr();
    assert!(!reported.contains("gone"), "{reported}");
    sidecar.kill();
}

/// Goal: a run to the end, and a drain at once after the start, ship also files that the first scans did not examine.
#[test]
fn a_run_to_the_end_ships_more_files_than_one_scan_examines() {
    const FILES: usize = 6_000;
    let scene = Scene::new();
    for number in 0..FILES {
        scene.append_log(&format!("{number}.log"), format!("{number} only\n"));
    }
    let mut sidecar = scene.start(&scene.to_stdout().with("LOGSKIFF_EXIT", "eof"));
    assert!(sidecar.wait(PATIENCE * 3).0.success());
    assert_eq!(counted(&sidecar).len(), FILES);
    fs::remove_dir_all(scene.path("state")).unwrap();
    let sidecar = scene.start(&scene.to_stdout().with("LOGSKIFF_DRAIN_TIMEOUT", "5m"));
    wait_until("the start", PATIENCE, || sidecar.stderr().contains("logskiff starts"));
    sidecar.drain(PATIENCE * 3);
    let out = fs::read_to_string(scene.path("sidecar.out")).unwrap();
    assert_eq!(out.lines().count(), 2 * FILES);
}

/// Goal: while one file is written at full speed, another file's lines do not wait for it.
#[test]
fn a_busy_file_does_not_delay_another() {
    const LINES: usize = 40;
    let scene = Scene::new();
    fs::write(scene.log("quiet.log"), "").unwrap();
    let loud_path = scene.log("loud.txt");
    let settings = scene.to_stdout().with("LOGSKIFF_INPUT_LOUD_PATHS", loud_path.to_str().unwrap());
    fs::create_dir_all(scene.path("state")).unwrap();
    let mut process =
        settings.command().stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let output = BufReader::new(process.stdout.take().unwrap());
    let (done, loud) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut waits = std::thread::scope(|scope| {
        scope.spawn(|| {
            let most = if in_full() { 4 << 30 } else { 512 << 20 };
            let block = "a line of the loud file, as long as lines often are, and of no interest\n".repeat(900);
            let mut file = File::create(&loud_path).unwrap();
            while !done.load(Ordering::Relaxed) && loud.load(Ordering::Relaxed) < most {
                file.write_all(block.as_bytes()).unwrap();
                loud.fetch_add(block.len() as u64, Ordering::Relaxed);
            }
        });
        let arrivals = scope.spawn(|| {
            let mut arrivals = Vec::new();
            for line in output.split(b'\n') {
                if memchr::memmem::find(&line.unwrap(), b"quiet number").is_some() {
                    arrivals.push(Instant::now());
                    if arrivals.len() == LINES {
                        break;
                    }
                }
            }
            done.store(true, Ordering::Relaxed);
            arrivals
        });
        let written: Vec<Instant> = (0..LINES)
            .map(|number| {
                sleep(Duration::from_millis(100));
                scene.append_log("quiet.log", format!("quiet number {number}\n"));
                Instant::now()
            })
            .collect();
        let arrivals = arrivals.join().unwrap();
        let waits = arrivals.iter().zip(written).map(|(arrival, written)| arrival.saturating_duration_since(written));
        waits.collect::<Vec<Duration>>()
    });
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(waits.len(), LINES);
    waits.sort_unstable();
    eprintln!(
        "beside {} MiB of another file: a line leaves after {:?} (median), {:?} (95 %), {:?} (most)",
        loud.load(Ordering::Relaxed) >> 20,
        waits[LINES / 2],
        waits[LINES * 95 / 100],
        waits[LINES - 1]
    );
    // Benchmarks measure speed: this limit is far above it, and far below the delay by a file at full speed.
    assert!(waits[LINES - 1] < Duration::from_secs(2), "{waits:?}");
}

/// Goal: a run to the end, and a drain, read to the end of a file that takes many passes.
#[test]
fn a_large_file_is_read_to_its_end_before_the_end() {
    const LINES: usize = 600_000;
    let scene = Scene::new();
    let block: String =
        (0..LINES).fold(String::new(), |text, line| text + &line.to_string() + " of a file that takes long\n");
    fs::write(scene.log("app.log"), block).unwrap();
    // The drain has to read all of it in its time, also in a build that is not optimized.
    let settings = scene.to_stdout().with("LOGSKIFF_ENCODING", "raw").with("LOGSKIFF_MULTILINE", "off");
    let mut sidecar = scene.start(&settings.clone().with("LOGSKIFF_EXIT", "eof"));
    assert!(sidecar.wait(PATIENCE).0.success());
    assert_eq!(sidecar.stdout().lines().count(), LINES, "{}", sidecar.stderr());
    fs::rename(scene.log("app.log"), scene.log("again.log.txt")).unwrap();
    fs::copy(scene.log("again.log.txt"), scene.log("again.log")).unwrap();
    let settings = settings.with("LOGSKIFF_STATE_DIR", "none");
    let sidecar = scene.start(&settings);
    wait_until("the beginning", PATIENCE, || sidecar.stdout().lines().count() > LINES);
    sidecar.drain(PATIENCE);
    let out = fs::read_to_string(scene.path("sidecar.out")).unwrap();
    assert_eq!(out.lines().count(), 2 * LINES);
}

/// Goal: more files have unread lines than the process may have descriptors, also last lines without newline, and
/// before and after a restart. Nothing is missed or duplicated, and no old file is read.
#[test]
fn more_files_than_descriptors_are_all_read() {
    const FILES: usize = 300;
    let scene = Scene::new();
    let name = |number: usize| format!("{number:03}.log");
    let few = scene.to_stdout().through(&["prlimit", "--nofile=64:64"]).with("LOGSKIFF_POLL_INTERVAL", "1s");
    let append = |text: &str| (0..FILES).for_each(|number| scene.append_log(&name(number), format!("{number} {text}")));
    let arrived = |sidecar: &Sidecar, text: &str| {
        let counted = counted(sidecar);
        (0..FILES).filter(|number| counted.get(&format!("{number} {text}")) == Some(&1)).count()
    };
    let bookmarks = || {
        let written = fs::read(scene.path("state/checkpoint.json")).unwrap_or_default();
        let written = serde_json::from_slice::<serde_json::Value>(&written).unwrap_or_default();
        written["files"].as_array().map_or(0, Vec::len)
    };
    append("old\n");
    let sidecar = scene.start(&few.clone().with("LOGSKIFF_START_AT", "end"));
    wait_until("the first look at all", PATIENCE, || bookmarks() == FILES);
    append("new\n");
    wait_until("every new line", PATIENCE, || arrived(&sidecar, "new") == FILES);
    append("again\nand without newline");
    wait_until("every line", PATIENCE, || arrived(&sidecar, "again") == FILES);
    sidecar.drain(PATIENCE);
    append("\n");
    append("after\n");
    let sidecar = scene.start(&few);
    wait_until("every line after a restart", PATIENCE, || arrived(&sidecar, "after") == FILES);
    let counted = counted(&sidecar);
    assert_eq!(counted.get("and without newline"), Some(&FILES), "shipped at the end");
    assert_eq!(arrived(&sidecar, "old"), 0);
    for text in ["new", "again"] {
        assert_eq!(arrived(&sidecar, text), FILES, "{text}");
    }
    assert!(counted.values().all(|count| *count == 1 || *count == FILES), "no duplicates");
}

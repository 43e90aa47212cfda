//! Events while quiet, the clock while busy, and operation without events.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{PATIENCE, counted};
use crate::support::scene::Scene;
use crate::support::{signal, spent, wait_until};

/// Goal: 15 quiet seconds cost no CPU, and 2,000 writes a second cost wake-ups by time and not by writes.
#[test]
fn quiet_is_free_and_writes_cost_by_time() {
    let scene = Scene::new();
    scene.append_log("app.log", "first\n");
    let sidecar = scene.start(&scene.to_stdout());
    wait_until("the first line", PATIENCE, || counted(&sidecar).len() == 1);
    sleep(Duration::from_secs(4));
    let before = spent(sidecar.id());
    sleep(Duration::from_secs(15));
    let quiet = spent(sidecar.id());
    let (ticks, wakes) = (quiet.0 - before.0, quiet.1 - before.1);
    eprintln!("15 s without a line: {} ms of CPU, {wakes} wake-ups", ticks * 10);
    // A busy machine with cold caches doubles the 10 ms of CPU that a check of the directories takes here.
    assert!(ticks <= 60 && wakes <= 150, "{ticks} ticks, {wakes} wake-ups");

    let start = Instant::now();
    let mut written: u32 = 0;
    while start.elapsed() < Duration::from_secs(5) {
        scene.append_log("app.log", format!("line {written}\n"));
        written += 1;
        sleep((start + Duration::from_micros(500) * written).saturating_duration_since(Instant::now()));
    }
    let took_ms = start.elapsed().as_millis();
    let busy = spent(sidecar.id());
    let wakes = busy.1 - quiet.1;
    eprintln!("{written} writes in {took_ms} ms: {wakes} wake-ups, {} ms of CPU", (busy.0 - quiet.0) * 10);
    assert!(u128::from(wakes) <= 2 * took_ms / 5, "{written} writes in {took_ms} ms woke it {wakes} times");
    wait_until("every line", PATIENCE, || counted(&sidecar).len() == written as usize + 1);
}

/// Goal: while another file is written, a new file is opened as soon as it has its name: it may be deleted soon.
#[test]
fn a_new_file_is_opened_at_once_while_another_is_written() {
    let scene = Scene::new();
    scene.append_log("app.log", "first\n");
    let sidecar = scene.start(&scene.to_stdout().with("LOGSKIFF_LINGER", "10s").with("LOGSKIFF_POLL_INTERVAL", "60s"));
    wait_until("the first line", PATIENCE, || counted(&sidecar).len() == 1);
    scene.append_log("short.log", "gone soon\n");
    let opened = || {
        let handles = std::fs::read_dir(format!("/proc/{}/fd", sidecar.id())).unwrap();
        let paths = handles.filter_map(|handle| std::fs::read_link(handle.ok()?.path()).ok());
        paths.into_iter().any(|path| path.ends_with("short.log"))
    };
    wait_until("it to be opened", Duration::from_secs(8), opened);
    std::fs::remove_file(scene.log("short.log")).unwrap();
    wait_until("its line", PATIENCE, || counted(&sidecar).len() == 2);
}

/// Whether the process has an inotify watch (inotify(7)) for writes, and not only for names.
fn watches_writes(pid: u32) -> bool {
    const IN_MODIFY: u32 = 2;
    let files = std::fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap();
    let texts = files.filter_map(|file| std::fs::read_to_string(file.ok()?.path()).ok());
    let mask = |line: &str| u32::from_str_radix(line.split_once("mask:")?.1.split(' ').next()?, 16).ok();
    texts.into_iter().any(|text| {
        let watches = text.lines().filter(|line| line.starts_with("inotify "));
        watches.filter_map(mask).any(|mask| mask & IN_MODIFY != 0)
    })
}

/// Goal: a job that prints the same text in each run is shipped each time, although the file looks the same; `touch`
/// ships nothing.
#[test]
fn a_job_that_prints_the_same_is_shipped_each_time() {
    let scene = Scene::new();
    let sidecar = scene.start(&scene.to_stdout());
    let lines = || counted(&sidecar).values().sum::<usize>();
    // Rewriting a file with the same bytes is detected only while every write in the directory is an event: while
    // logskiff is quiet.
    let settle = || {
        sleep(Duration::from_secs(1));
        wait_until("every write to be watched", PATIENCE, || watches_writes(sidecar.id()));
    };
    for run in 1..=4 {
        settle();
        std::fs::write(scene.log("app.log"), "starting\ncannot connect\n").unwrap();
        wait_until("the run", PATIENCE, || lines() == 2 * run);
    }
    for touch in ["-c", "-d2020-01-01"] {
        settle();
        assert!(Command::new("touch").arg(touch).arg(scene.log("app.log")).status().unwrap().success());
    }
    std::fs::set_permissions(scene.log("app.log"), std::fs::Permissions::from_mode(0o640)).unwrap();
    sleep(Duration::from_secs(1));
    assert_eq!(lines(), 8);
}

/// Goal: if no inotify instance is available, files are polled, and that is logged once.
#[test]
fn without_inotify_files_are_polled() {
    let scene = Scene::new();
    let settings = scene.to_stdout().with("LOGSKIFF_POLL_INTERVAL", "200ms").with("LOGSKIFF_HTTP_LISTEN", "off");
    // A user namespace has its own limit.
    let mut starved = Command::new("unshare");
    starved.args(["-Ur", "sh", "-c", "echo 0 > /proc/sys/user/max_inotify_instances"]);
    if !starved.status().is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("LOGSKIFF_TEST_REAL").is_none(), "a user namespace is needed (unshare -Ur)");
        eprintln!("skipped: no user namespace can be made here");
        return;
    }
    let script = "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$0\"";
    let sidecar = scene.start(&settings.through(&["unshare", "-Ur", "sh", "-c", script]));
    for number in 0..3 {
        sleep(Duration::from_secs(3));
        scene.append_log("app.log", format!("line {number}\n"));
        wait_until("the line", PATIENCE, || counted(&sidecar).len() == number + 1);
    }
    let printed = sidecar.stderr();
    assert_eq!(printed.matches("files are polled instead").count(), 1, "{printed}");
}

/// Goal: an unreadable directory (`lost+found` of a volume), and a root that is a link, do not prevent watching the
/// others.
#[test]
fn unreadable_directories_are_left_out_and_the_rest_watched() {
    let scene = Scene::new();
    std::fs::create_dir(scene.log("app")).unwrap();
    std::fs::create_dir(scene.log("lost+found")).unwrap();
    std::fs::set_permissions(scene.log("lost+found"), std::fs::Permissions::from_mode(0o000)).unwrap();
    std::os::unix::fs::symlink("logs/app", scene.path("linked")).unwrap();
    let globs = [scene.path("linked/*.log"), scene.path("logs/**/*.log")].map(|glob| glob.display().to_string());
    // Found by events or not at all.
    let mut settings = scene.to_stdout().with("LOGSKIFF_PATHS", &globs.join(",")).with("LOGSKIFF_POLL_INTERVAL", "1h");
    if rustix::process::geteuid().is_root() {
        // Without the capability to read everything.
        settings = settings.through(&["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]);
    }
    let sidecar = scene.start(&settings);
    wait_until("the start", PATIENCE, || sidecar.stderr().contains("Permission denied"));
    for number in 0..3 {
        sleep(Duration::from_secs(3));
        scene.append_log(&format!("app/{number}.log"), "a line\n");
        wait_until("the line", PATIENCE, || counted(&sidecar).get("a line") == Some(&(number + 1)));
    }
    let printed = sidecar.stderr();
    assert!(printed.contains("lost+found") && !printed.contains("inotify"), "{printed}");
}

#[test]
fn polling_can_be_configured() {
    let scene = Scene::new();
    let settings = scene.to_stdout().with("LOGSKIFF_WATCH", "poll").with("LOGSKIFF_POLL_INTERVAL", "200ms");
    let sidecar = scene.start(&settings);
    for number in 0..3 {
        sleep(Duration::from_secs(3));
        scene.append_log(&format!("{number}.log"), "a line\n");
        wait_until("the line", PATIENCE, || counted(&sidecar).get("a line") == Some(&(number + 1)));
    }
    let inotify = std::fs::read_dir(format!("/proc/{}/fd", sidecar.id())).unwrap().filter(|fd| {
        std::fs::read_link(fd.as_ref().unwrap().path()).is_ok_and(|to| to.to_string_lossy().contains("inotify"))
    });
    assert_eq!(inotify.count(), 0, "no inotify instance");
}

/// Goal: more events than the kernel keeps (16,384) while the process is stopped; nothing is missed.
#[test]
fn an_overflow_of_the_event_queue_loses_nothing() {
    const LINES: usize = 10_000;
    let scene = Scene::new();
    scene.append_log("app.log", "first\n");
    let sidecar = scene.start(&scene.to_stdout().with("LOGSKIFF_POLL_INTERVAL", "1h"));
    wait_until("the first line", PATIENCE, || counted(&sidecar).len() == 1);
    // Quiet, so that the events are active.
    sleep(Duration::from_secs(4));
    signal(sidecar.id(), "STOP");
    for number in 0..LINES {
        // Written and closed: two events and more for each, never two alike in a row.
        scene.append_log(&format!("{}.log", number % 50), format!("{number}\n"));
    }
    signal(sidecar.id(), "CONT");
    wait_until("every line", PATIENCE, || sidecar.stdout().lines().count() > LINES);
    assert_eq!(counted(&sidecar).len(), LINES + 1);
    assert!(counted(&sidecar).values().all(|count| *count == 1));
}

/// Goal: an unreadable log that is renamed and becomes readable is read, also if it existed before the start.
#[test]
fn an_unreadable_file_is_read_under_a_later_name() {
    let scene = Scene::new();
    let mode = |name: &str, mode| {
        std::fs::set_permissions(scene.log(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let create = |name: &str, age: Duration| {
        scene.append_log("aside", format!("{name}\n"));
        let file = std::fs::File::options().write(true).open(scene.log("aside")).unwrap();
        file.set_modified(std::time::SystemTime::now() - age).unwrap();
        mode("aside", 0);
        std::fs::rename(scene.log("aside"), scene.log(name)).unwrap();
    };
    for name in ["early.log", "odd.log", "history.log.1"] {
        create(name, Duration::from_secs(3600));
    }
    scene.append_log("history.log", "history.log\n");
    let mut settings = scene.to_stdout().with("LOGSKIFF_POLL_INTERVAL", "1s");
    if rustix::process::geteuid().is_root() {
        settings = settings.through(&["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]);
    }
    let sidecar = scene.start(&settings);
    wait_until("the first line", PATIENCE, || counted(&sidecar).len() == 1);
    create("late.log", Duration::ZERO);
    wait_until("the refusals", PATIENCE, || sidecar.stderr().matches("permission denied").count() == 4);
    for (from, to) in [
        ("early.log", "early.log.1"),
        ("odd.log", "odd.log.unusual"),
        ("late.log", "late.log.1"),
        ("history.log.1", "history.log.2"),
    ] {
        std::fs::rename(scene.log(from), scene.log(to)).unwrap();
    }
    // The rotation no longer explains the new names.
    sleep(Duration::from_secs(12));
    for name in ["early.log.1", "odd.log.unusual", "late.log.1", "history.log.2"] {
        mode(name, 0o644);
    }
    wait_until("every line", PATIENCE, || counted(&sidecar).len() == 5);
    assert!(counted(&sidecar).values().all(|count| *count == 1));
}

//! The process that has confined itself: all its work goes on, and nothing else is in reach. What the kernel denies in detail is
//! tested in `src/confine`.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::http::{address, get};
use crate::support::sidecar::Sidecar;
use crate::support::wait_until;
use crate::{PATIENCE, Scene, counted};

/// What it says of its confinement: the first line of its log that has this message.
fn said(sidecar: &Sidecar, message: &str) -> Option<Value> {
    let log = sidecar.stderr();
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find(|line| line["message"].as_str().is_some_and(|text| text.starts_with(message)))
}

/// Whether it is confined; where the kernel has no Landlock there is nothing to test.
fn is_confined(sidecar: &Sidecar) -> bool {
    wait_until("a word on its confinement", PATIENCE, || {
        said(sidecar, "confined").or_else(|| said(sidecar, "not confined")).is_some()
    });
    let confined = said(sidecar, "confined").is_some();
    assert!(confined || std::env::var_os("LOGSKIFF_TEST_REAL").is_none(), "Landlock is needed");
    if !confined {
        eprintln!("skipped: the kernel has no Landlock");
    }
    confined
}

/// Names a new directory by the link that Kubernetes swaps, as it does for each change of a volume of its own.
fn publish(volume: &Path, data: &str, text: &str) {
    fs::create_dir_all(volume.join(data)).unwrap();
    fs::write(volume.join(data).join("labels"), text).unwrap();
    symlink(data, volume.join("..data_tmp")).unwrap();
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
}

fn teams(sidecar: &Sidecar) -> Vec<(String, String)> {
    let records = sidecar.stdout();
    let records = records.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let text = |record: &Value, name: &str| record[name].as_str().unwrap_or_default().to_owned();
    records.map(|record| (text(&record, "message"), text(&record, "team"))).collect()
}

/// Goal: rotation, deletion, compression, restarts, renewed labels, a directory that is made again, metrics, the end by a file and
/// the last word: each does what it does without confinement, and all threads are confined.
#[test]
fn a_confined_process_does_all_its_work() {
    let scene = Scene::prepare();
    let (podinfo, last_word, done) = (scene.path("podinfo"), scene.path("last-word"), scene.path("done"));
    publish(&podinfo, "..1", "team=\"old\"\n");
    symlink("..data/labels", podinfo.join("labels")).unwrap();
    File::create(&last_word).unwrap();
    let settings = scene
        .settings()
        .with("LOGSKIFF_PRUNE", "acked")
        .with("LOGSKIFF_POLL", "200ms")
        .with("LOGSKIFF_FIELDS", "team={label.team:none}")
        .with("LOGSKIFF_LABELS_FILE", &podinfo.join("labels").display().to_string())
        .with("LOGSKIFF_TERMINATION_LOG", &last_word.display().to_string())
        .with("LOGSKIFF_EXIT", &format!("file:{}", done.display()))
        .with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0");
    scene.append("app.log", "one\n");
    let sidecar = scene.start(&settings);
    if !is_confined(&sidecar) {
        return;
    }
    wait_until("the first line", PATIENCE, || counted(&sidecar).contains_key("one"));
    for task in fs::read_dir(format!("/proc/{}/task", sidecar.id())).unwrap() {
        // Landlock is not shown by the kernel; what it asks for first is, and both are inherited alike.
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    }
    fs::rename(scene.log("app.log"), scene.log("app.log.1")).unwrap();
    scene.append("app.log", "two\n");
    wait_until("the rotated file to go", PATIENCE, || !scene.log("app.log.1").exists());

    publish(&podinfo, "..2", "team=\"new\"\n");
    fs::remove_dir_all(podinfo.join("..1")).unwrap();
    let mut number = 0;
    wait_until("the new label", PATIENCE, || {
        number += 1;
        scene.append("app.log", format!("labelled {number}\n"));
        std::thread::sleep(std::time::Duration::from_millis(100));
        teams(&sidecar).iter().any(|(_, team)| team == "new")
    });
    fs::remove_dir_all(scene.path("logs")).unwrap();
    fs::create_dir_all(scene.log("sub")).unwrap();
    scene.append("sub/app.log", "made again\n");
    wait_until("a line of the new directory", PATIENCE, || counted(&sidecar).contains_key("made again"));
    let metrics = get(&address(&sidecar), "/metrics").unwrap().1;
    for name in ["process_resident_memory_bytes ", "process_open_fds ", "logskiff_volume_free_bytes"] {
        assert!(metrics.contains(name), "{name} is not in {metrics}");
    }
    sidecar.drain(PATIENCE);
    assert!(fs::read_to_string(&last_word).unwrap().starts_with("logskiff ends: read "));

    // While it is down, what it has not read is rotated and compressed.
    scene.append("sub/app.log", "unread\n");
    let text = fs::read(scene.log("sub/app.log")).unwrap();
    let mut packed = flate2::write::GzEncoder::new(
        File::create(scene.log("sub/app.log.1.gz")).unwrap(),
        flate2::Compression::fast(),
    );
    packed.write_all(&text).unwrap();
    packed.finish().unwrap();
    fs::write(scene.log("sub/app.log"), "after\n").unwrap();
    let mut sidecar = scene.start(&settings);
    wait_until("what was compressed", PATIENCE, || {
        let counted = counted(&sidecar);
        counted.contains_key("unread") && counted.contains_key("after")
    });
    assert_eq!(counted(&sidecar)["made again"], 1, "the checkpoint was saved and read");
    File::create(&done).unwrap();
    let (status, _) = sidecar.wait(PATIENCE);
    assert!(status.success());
    let log = sidecar.stderr();
    assert!(!log.contains("ermission denied") && !log.contains("cannot be"), "{log}");
    assert_eq!(log.matches("\"confined\"").count(), 1, "{log}");
}

/// Goal: a fixed directory that is itself swapped for a link leads nowhere. Without confinement it is followed, which is how one
/// sees that it is the kernel that denies.
#[test]
fn a_root_that_is_swapped_for_a_link_leads_nowhere() {
    let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    fs::write(outside.path().join("app.log"), "CANARY of another's file\n").unwrap();
    for landlock in ["auto", "off"] {
        let scene = Scene::prepare();
        fs::create_dir(scene.log("sub")).unwrap();
        scene.append("sub/app.log", "a line\n");
        let settings = scene
            .settings()
            .with("LOGSKIFF_PATHS", &scene.log("sub/*.log").display().to_string())
            .with("LOGSKIFF_LANDLOCK", landlock)
            .with("LOGSKIFF_POLL", "200ms");
        let sidecar = scene.start(&settings);
        if landlock == "auto" && !is_confined(&sidecar) {
            return;
        }
        wait_until("the line", PATIENCE, || counted(&sidecar).contains_key("a line"));
        fs::rename(scene.log("sub"), scene.path("aside")).unwrap();
        symlink(outside.path(), scene.log("sub")).unwrap();
        if landlock == "auto" {
            wait_until("the refusal", PATIENCE, || sidecar.stderr().contains("ermission denied"));
            fs::remove_file(scene.log("sub")).unwrap();
            fs::rename(scene.path("aside"), scene.log("sub")).unwrap();
            scene.append("sub/app.log", "another line\n");
            wait_until("the next line", PATIENCE, || counted(&sidecar).contains_key("another line"));
            assert!(!sidecar.stdout().contains("CANARY"));
        } else {
            assert!(sidecar.stderr().contains("not confined: LOGSKIFF_LANDLOCK is off"), "{}", sidecar.stderr());
            wait_until("what the link leads to", PATIENCE, || sidecar.stdout().contains("CANARY"));
        }
        sidecar.drain(PATIENCE);
    }
}

/// Goal: of a mounted volume the volume is in reach, with all that is made in it later, and nothing above it.
#[test]
fn a_volume_is_in_reach_as_a_whole_and_alone() {
    let scene = Scene::prepare();
    let script = format!("mount -t tmpfs none {} && exec \"$0\"", scene.path("logs").display());
    let may = Command::new("unshare").args(["-m", "sh", "-c", "mount -t tmpfs none /mnt"]).status();
    if !may.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("LOGSKIFF_TEST_REAL").is_none(), "a mount namespace is needed (unshare -m)");
        eprintln!("skipped: no mount namespace can be made here");
        return;
    }
    let settings = scene
        .settings()
        .with("LOGSKIFF_PATHS", &scene.path("logs/by/day/*.log").display().to_string())
        .with("LOGSKIFF_POLL", "200ms")
        .through(&["unshare", "-m", "sh", "-c", &script]);
    let sidecar = scene.start(&settings);
    if !is_confined(&sidecar) {
        return;
    }
    let word = said(&sidecar, "confined").unwrap();
    let logs = scene.path("logs").canonicalize().unwrap().display().to_string();
    assert!(word["readable"].as_str().unwrap().split(", ").any(|place| place == logs), "{word}");
    // The volume as the process sees it.
    let within = Path::new("/proc").join(sidecar.id().to_string()).join("root").join(&logs[1..]);
    for turn in ["first", "second"] {
        fs::create_dir_all(within.join("by/day")).unwrap();
        fs::write(within.join("by/day/app.log"), format!("{turn}\n")).unwrap();
        wait_until("the line", PATIENCE, || counted(&sidecar).contains_key(turn));
        fs::remove_dir_all(within.join("by")).unwrap();
    }
    sidecar.drain(PATIENCE);
}

/// Goal: where the kernel or a seccomp profile has no Landlock for it, it ships all the same and says so.
#[test]
fn where_landlock_is_forbidden_lines_are_shipped_all_the_same() {
    let scene = Scene::prepare();
    scene.append("app.log", "a line\n");
    // The filter is the thread's, and what is started from it inherits it.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            forbid_landlock();
            let sidecar = scene.start(&scene.settings());
            wait_until("the line", PATIENCE, || counted(&sidecar).contains_key("a line"));
            let word = said(&sidecar, "not confined").expect("a word on it");
            assert_eq!(word["level"], "WARN");
            assert!(word["why"].as_str().unwrap().contains("no Landlock"), "{word}");
            sidecar.drain(PATIENCE);
        });
    });
}

/// Lets this thread's calls of Landlock fail with EPERM, as an older profile does.
#[allow(unsafe_code, reason = "no safe wrapper makes a seccomp filter")]
fn forbid_landlock() {
    /// The call's number (`landlock_create_ruleset` is the first of three) on all of Linux's 64-bit machines.
    const FIRST: u32 = 444;
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: u16::try_from(code).unwrap(), jt, jf, k };
    let mut steps = [
        // The number of the call is what a filter's data begins with.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 2, FIRST),
        step(libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K, 1, 0, FIRST + 2),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs()),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: 5, filter: steps.as_mut_ptr() };
    // SAFETY: the kernel copies the program during the call, and both live until it returns.
    let done = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            | libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program, 0, 0)
    };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}

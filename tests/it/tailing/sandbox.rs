//! A confined process: all its work continues, and it can access nothing else. `crates/logskiff/src/sandbox` tests the
//! details of the kernel's denials.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{PATIENCE, counted};
use crate::support::http::{address, get};
use crate::support::scene::Scene;
use crate::support::sidecar::Sidecar;
use crate::support::wait_until;

/// The first line of its log with this message.
fn logged(sidecar: &Sidecar, message: &str) -> Option<Value> {
    let log = sidecar.stderr();
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find(|line| line["message"].as_str().is_some_and(|text| text.starts_with(message)))
}

/// Whether it is confined; on a kernel without Landlock there is nothing to test.
fn is_confined(sidecar: &Sidecar) -> bool {
    wait_until("a word on its confinement", PATIENCE, || {
        logged(sidecar, "confined").or_else(|| logged(sidecar, "not confined")).is_some()
    });
    let confined = logged(sidecar, "confined").is_some();
    assert!(confined || std::env::var_os("LOGSKIFF_TEST_REAL").is_none(), "Landlock is needed");
    if !confined {
        eprintln!("skipped: the kernel has no Landlock");
    }
    confined
}

/// Changes a directory's name by the link that Kubernetes swaps, as in each change of its volumes.
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

/// Goal: rotation, deletion, compression, restarts, renewed labels, a directory that is created again, metrics, the end
/// by a file and the termination message work as without confinement, and all threads are confined.
#[test]
fn a_confined_process_works() {
    let scene = Scene::new();
    let (podinfo, last_word, done) = (scene.path("podinfo"), scene.path("last-word"), scene.path("done"));
    publish(&podinfo, "..1", "team=\"old\"\n");
    symlink("..data/labels", podinfo.join("labels")).unwrap();
    File::create(&last_word).unwrap();
    let settings = scene
        .to_stdout()
        .with("LOGSKIFF_DELETE_ROTATED", "acknowledged")
        .with("LOGSKIFF_POLL_INTERVAL", "200ms")
        .with("LOGSKIFF_FIELDS", "team={label.team:none}")
        .with("LOGSKIFF_LABELS_FILE", &podinfo.join("labels").display().to_string())
        .with("LOGSKIFF_TERMINATION_LOG", &last_word.display().to_string())
        .with("LOGSKIFF_EXIT", &format!("file:{}", done.display()))
        .with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0");
    scene.append_log("app.log", "one\n");
    let sidecar = scene.start(&settings);
    if !is_confined(&sidecar) {
        return;
    }
    wait_until("the first line", PATIENCE, || counted(&sidecar).contains_key("one"));
    for task in fs::read_dir(format!("/proc/{}/task", sidecar.id())).unwrap() {
        // The kernel does not show Landlock; it shows no_new_privs, and both are inherited in the same way.
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    }
    fs::rename(scene.log("app.log"), scene.log("app.log.1")).unwrap();
    scene.append_log("app.log", "two\n");
    wait_until("the rotated file to go", PATIENCE, || !scene.log("app.log.1").exists());

    publish(&podinfo, "..2", "team=\"new\"\n");
    fs::remove_dir_all(podinfo.join("..1")).unwrap();
    let mut number = 0;
    wait_until("the new label", PATIENCE, || {
        number += 1;
        scene.append_log("app.log", format!("labelled {number}\n"));
        std::thread::sleep(std::time::Duration::from_millis(100));
        teams(&sidecar).iter().any(|(_, team)| team == "new")
    });
    fs::remove_dir_all(scene.path("logs")).unwrap();
    fs::create_dir_all(scene.log("sub")).unwrap();
    scene.append_log("sub/app.log", "made again\n");
    wait_until("a line of the new directory", PATIENCE, || counted(&sidecar).contains_key("made again"));
    let metrics = get(&address(&sidecar), "/metrics").unwrap().1;
    for name in ["process_resident_memory_bytes ", "process_open_fds ", "logskiff_volume_free_bytes"] {
        assert!(metrics.contains(name), "{name} is not in {metrics}");
    }
    sidecar.drain(PATIENCE);
    assert!(fs::read_to_string(&last_word).unwrap().starts_with("shutdown complete: read "));

    // While it is stopped, its unread files are rotated and compressed.
    scene.append_log("sub/app.log", "unread\n");
    let text = fs::read(scene.log("sub/app.log")).unwrap();
    let mut packed = flate2::write::GzEncoder::new(
        File::create(scene.log("sub/app.log.1.gz")).unwrap(),
        flate2::Compression::fast(),
    );
    packed.write_all(&text).unwrap();
    packed.finish().unwrap();
    fs::write(scene.log("sub/app.log"), "after\n").unwrap();
    let mut sidecar = scene.start(&settings);
    wait_until("the compressed lines", PATIENCE, || {
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

/// Goal: a fixed directory that is itself swapped for a link gives no access, whether the kernel would deny it or not.
#[test]
fn a_root_swapped_for_a_link_gives_no_access() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("app.log"), "CANARY of another's file\n").unwrap();
    for landlock in ["auto", "off"] {
        let scene = Scene::new();
        fs::create_dir(scene.log("sub")).unwrap();
        scene.append_log("sub/app.log", "a line\n");
        let settings = scene
            .to_stdout()
            .with("LOGSKIFF_PATHS", &scene.log("sub/*.log").display().to_string())
            .with("LOGSKIFF_LANDLOCK", landlock)
            .with("LOGSKIFF_POLL_INTERVAL", "200ms");
        let sidecar = scene.start(&settings);
        wait_until("the line", PATIENCE, || counted(&sidecar).contains_key("a line"));
        fs::rename(scene.log("sub"), scene.path("aside")).unwrap();
        symlink(outside.path(), scene.log("sub")).unwrap();
        wait_until("the refusal", PATIENCE, || refused(&sidecar, "a symbolic link on the way"));
        fs::remove_file(scene.log("sub")).unwrap();
        fs::rename(scene.path("aside"), scene.log("sub")).unwrap();
        scene.append_log("sub/app.log", "another line\n");
        wait_until("the next line", PATIENCE, || counted(&sidecar).contains_key("another line"));
        assert!(!sidecar.stdout().contains("CANARY"));
        sidecar.drain(PATIENCE);
    }
}

/// Whether it has logged that a file or directory is not read, and the reason.
fn refused(sidecar: &Sidecar, why: &str) -> bool {
    let log = sidecar.stderr();
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.any(|line| {
        line["message"] == "cannot read this file" && line["why"].as_str().is_some_and(|text| text.contains(why))
    })
}

/// A shell's commands that create a way out of `$logs`, the part that the glob names, and the logged reason.
type Exit = (&'static str, &'static str, &'static str);

/// Goal: whatever the application creates in its volume, no glob reads anything but logs through it. The kernel's own
/// denial is off, to test kernels without it.
#[test]
fn no_file_outside_of_a_volume_is_read() {
    const LINK: &str = "a symbolic link on the way";
    const SECRET: &str = "a file that the configuration names";
    const STATE: &str = "of the state directory";
    const KERNEL: &str = "a file system of the kernel's own";
    let ways: [Exit; 17] = [
        ("ln -s $secrets $logs/current", "current/*", LINK),
        ("ln -s $state $logs/current", "current/*", LINK),
        ("ln -s /etc $logs/current", "current/*", LINK),
        ("ln -s /proc/self $logs/current", "current/*", LINK),
        ("ln -s / $logs/current", "current/proc/self/*", LINK),
        ("mkdir $logs/real; ln -s real $logs/current; echo CANARY >$logs/real/a", "current/*", LINK),
        ("mkdir $logs/d; ln -s ../../secrets $logs/d/current", "d/current/*", LINK),
        (
            "ln $secrets/password $logs/hard.log 2>/dev/null || touch $logs/hard.log && mount --bind $secrets/password $logs/hard.log",
            "*.log",
            SECRET,
        ),
        ("mkdir $logs/twice && mount --bind $secrets $logs/twice", "twice/*", SECRET),
        ("mkdir $logs/twice && mount --bind $secrets $logs/twice", "**/*", SECRET),
        ("mkdir $logs/state && mount --bind $state $logs/state && sleep 1", "**/*", STATE),
        ("mkdir $logs/proc && mount -t proc none $logs/proc", "proc/self/*", LINK),
        ("mkdir $logs/proc && mount -t proc none $logs/proc", "proc/1/*", KERNEL),
        ("mkdir $logs/proc && mount -t proc none $logs/proc", "**/environ", KERNEL),
        ("touch $logs/env.log && mount --bind /proc/cpuinfo $logs/env.log", "*.log", KERNEL),
        ("mkdir $logs/sys && mount --rbind /sys $logs/sys", "**/*", KERNEL),
        ("mkdir $logs/pts && mount -t devpts none $logs/pts", "**/*", KERNEL),
    ];
    if !may_mount() {
        return;
    }
    for (way, glob, why) in ways {
        check_way_out(way, glob, why);
    }
}

#[track_caller]
fn check_way_out(way: &str, glob: &str, why: &str) {
    let scene = Scene::new();
    let [logs, secrets, state] = ["logs", "secrets", "state"].map(|name| scene.path(name).display().to_string());
    for (directory, name) in [(&secrets, "password"), (&state, "lock"), (&state, "checkpoint.json")] {
        fs::create_dir_all(directory).unwrap();
        fs::write(Path::new(directory).join(name), "hunter2-CANARY\n").unwrap();
    }
    let volume = "mount -t tmpfs none $logs && mkdir $logs/plain && echo 'a line' >$logs/plain/app.log";
    let script = format!("logs={logs} secrets={secrets} state={state}; {volume}; {way}; exec \"$0\"");
    let settings = scene
        .to_stdout()
        .with("LOGSKIFF_PATHS", &format!("{logs}/{glob},{logs}/plain/*.log"))
        .with("LOGSKIFF_KAFKA_SASL", "plain")
        .with("LOGSKIFF_KAFKA_USERNAME", "me")
        .with("LOGSKIFF_KAFKA_PASSWORD_FILE", &format!("{secrets}/password"))
        .with("LOGSKIFF_REDACT", "none")
        .with("LOGSKIFF_LANDLOCK", "off")
        .with("LOGSKIFF_LOG_FORMAT", "json")
        .with("CANARY", "CANARY")
        .through(&["unshare", "-m", "sh", "-c", &script]);
    let sidecar = scene.start(&settings);
    wait_until(&format!("the refusal of {way}, {glob}"), PATIENCE, || refused(&sidecar, why));
    wait_until("the line", PATIENCE, || counted(&sidecar).contains_key("a line"));
    let shipped = sidecar.stdout();
    assert!(!shipped.contains("CANARY") && !shipped.contains("root:"), "{way}, {glob}: {shipped}");
    assert_eq!(shipped.lines().count(), 1, "{way}, {glob}: {shipped}");
    sidecar.drain(PATIENCE);
}

/// Whether this machine allows the test its own mounts.
fn may_mount() -> bool {
    let may = Command::new("unshare").args(["-m", "sh", "-c", "mount -t tmpfs none /mnt"]).status();
    let may = may.is_ok_and(|status| status.success());
    assert!(may || std::env::var_os("LOGSKIFF_TEST_REAL").is_none(), "a mount namespace is needed (unshare -m)");
    if !may {
        eprintln!("skipped: no mount namespace can be made here");
    }
    may
}

/// Goal: files that the configuration names are recognized after their replacement, under any name that a glob matches.
#[test]
fn a_replaced_configuration_file_is_recognized() {
    let scene = Scene::new();
    let podinfo = scene.path("podinfo");
    publish(&podinfo, "..1", "team=\"CANARY\"\n");
    symlink("..data/labels", podinfo.join("labels")).unwrap();
    let settings = scene
        .to_stdout()
        .with("LOGSKIFF_LABELS_FILE", &podinfo.join("labels").display().to_string())
        .with("LOGSKIFF_LANDLOCK", "off")
        .with("LOGSKIFF_POLL_INTERVAL", "200ms");
    fs::hard_link(podinfo.join("..1/labels"), scene.log("first.log")).unwrap();
    scene.append_log("app.log", "a line\n");
    let sidecar = scene.start(&settings);
    wait_until("the line", PATIENCE, || counted(&sidecar).contains_key("a line"));
    wait_until("the refusal", PATIENCE, || refused(&sidecar, "a file that the configuration names"));
    fs::create_dir(podinfo.join("..2")).unwrap();
    fs::remove_file(scene.log("first.log")).unwrap();
    fs::write(podinfo.join("..2/labels"), "team=\"CANARY2\"\n").unwrap();
    publish(&podinfo, "..2", "team=\"CANARY2\"\n");
    fs::hard_link(podinfo.join("..2/labels"), scene.log("second.log")).unwrap();
    scene.append_log("app.log", "another line\n");
    wait_until("the refusal of the new one", PATIENCE, || sidecar.stderr().contains("second.log"));
    wait_until("the next line", PATIENCE, || counted(&sidecar).contains_key("another line"));
    assert_eq!(counted(&sidecar).len(), 2, "the labels go out as labels alone: {}", sidecar.stdout());
    sidecar.drain(PATIENCE);
}

/// Goal: links that only root or the user of the process can have created are followed as before.
#[test]
fn links_of_the_machine_are_followed() {
    let scene = Scene::new();
    fs::create_dir_all(scene.path("releases/5/logs")).unwrap();
    symlink("releases/5/logs", scene.path("relative")).unwrap();
    symlink(scene.path("releases/5"), scene.path("absolute")).unwrap();
    fs::write(scene.path("releases/5/logs/app.log"), "a line\n").unwrap();
    for (root, links) in [("relative", "deny"), ("absolute/logs", "deny"), ("relative", "within")] {
        let _ = fs::remove_dir_all(scene.path("state"));
        _ = fs::remove_file(scene.path("sidecar.out"));
        let glob = scene.path(root).join("*.log").display().to_string();
        let settings = scene.to_stdout().with("LOGSKIFF_PATHS", &glob).with("LOGSKIFF_SYMLINKS", links);
        let sidecar = scene.start(&settings);
        wait_until("the line", PATIENCE, || counted(&sidecar).contains_key("a line"));
        sidecar.drain(PATIENCE);
    }
}

/// Goal: of a mounted volume, everything in it can be read, also if created later, and nothing above it.
#[test]
fn only_the_whole_volume_is_accessible() {
    let scene = Scene::new();
    let script = format!("mount -t tmpfs none {} && exec \"$0\"", scene.path("logs").display());
    if !may_mount() {
        return;
    }
    let settings = scene
        .to_stdout()
        .with("LOGSKIFF_PATHS", &scene.path("logs/by/day/*.log").display().to_string())
        .with("LOGSKIFF_POLL_INTERVAL", "200ms")
        .through(&["unshare", "-m", "sh", "-c", &script]);
    let sidecar = scene.start(&settings);
    if !is_confined(&sidecar) {
        return;
    }
    let word = logged(&sidecar, "confined").unwrap();
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

/// Goal: if the kernel or a seccomp profile does not allow Landlock, it still ships and reports that.
#[test]
fn lines_are_shipped_without_landlock() {
    // The filter is the thread's, and child processes inherit it.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let scene = Scene::new();
            scene.append_log("app.log", "a line\n");
            forbid_landlock();
            let sidecar = scene.start(&scene.to_stdout());
            wait_until("the line", PATIENCE, || counted(&sidecar).contains_key("a line"));
            let word = logged(&sidecar, "not confined").expect("a word on it");
            assert_eq!(word["level"], "WARN");
            assert!(word["why"].as_str().unwrap().contains("no Landlock"), "{word}");
            sidecar.drain(PATIENCE);
        });
    });
}

/// Makes this thread's Landlock calls fail with EPERM, as an older profile does.
#[allow(unsafe_code, reason = "no safe wrapper makes a seccomp filter")]
fn forbid_landlock() {
    /// The call's number (`landlock_create_ruleset` is the first of three) on all of Linux's 64-bit machines.
    const FIRST: u32 = 444;
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: u16::try_from(code).unwrap(), jt, jf, k };
    let mut steps = [
        // A filter's data begins with the call's number.
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
